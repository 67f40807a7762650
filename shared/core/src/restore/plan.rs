//! Which steps put a table's settings back, in which order, and what is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::compare::not_known;
use super::expected::chosen;
use super::facet::{Facet, FacetVerdict, is_at_least, why_left_out};
use super::leftover::LeftoverFate;
use super::rewrite::renamed;
use super::{Choices, Leftover, NameBound, Step, Target};
use crate::ids::TableName;
use crate::settings::{
    BillingMode, Consistency, Dimension, EncryptionType, GlobalIndex, MaxThroughput, Replicas, Scaling,
    ScalingTarget, TableClass, TableSettings, Throughput,
};

/// What will be done, and what will not.
#[derive(Clone, Default, PartialEq)]
pub struct Plan {
    /// The steps in their order: [time to live](Step::is_ttl) comes after all that it waits for, and [what may shut
    /// out](Step::is_policy) whoever continues comes last.
    pub steps: Vec<Step>,
    /// What is not put back, and why.
    pub left: Vec<LeftOut>,
}

/// Steps show their keys alone.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("steps", &self.steps).field("left", &self.left).finish()
    }
}

/// A property that is not put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The property, as [`compare`](super::compare) names it.
    pub property: String,
    /// Whether the operator asked for that; otherwise AWS cannot, or it is not known.
    pub asked: bool,
    /// Why.
    pub why: String,
}

/// What AWS gives a new on-demand table without being asked.
const DEFAULT_WARM_THROUGHPUT: Throughput = Throughput { read: 12_000, write: 4_000 };

/// Plans how to put back the settings of `then`, `around` what surrounds the table by its name, of which `leftovers`
/// were there before the table.
pub fn plan(
    then: &TableSettings,
    choices: &Choices,
    target: &Target,
    around: &NameBound,
    leftovers: &BTreeSet<String>,
) -> Plan {
    let was = renamed(then, target);
    let wanted = chosen(was.clone(), choices, target);
    let left = Facet::ALL.into_iter().filter(|facet| facet.is_listed(then)).filter_map(|facet| {
        let (asked, why) = left_out(facet, &was, &wanted, choices, target)?;
        Some(LeftOut { property: facet.name().to_owned(), asked, why })
    });
    let removals = around.removals(&wanted, target.name(), leftovers);
    Plan { left: left.collect(), steps: steps(&wanted, choices, removals) }
}

impl NameBound {
    /// All that is there, by the keys of the steps that would remove it.
    pub fn keys(&self, table: &TableName) -> BTreeSet<String> {
        let fates = self.fates(&TableSettings::default(), table).into_iter();
        fates.map(|(it, _)| Step::Remove(it).key()).collect()
    }

    /// The steps that make room for what is `wanted`: of what was there before the table, by `keys`, they remove what
    /// is otherwise.
    fn removals(&self, wanted: &TableSettings, table: &TableName, keys: &BTreeSet<String>) -> Vec<Step> {
        // A target that goes takes along what is its own.
        let goes = |of: &Dimension| !wanted.scaling.known().is_some_and(|all| all.contains_key(of));
        let is_in_the_way = |it: &Leftover, fate: LeftoverFate| match (it, fate) {
            (_, LeftoverFate::Stays | LeftoverFate::Shared | LeftoverFate::NotKnown) => false,
            // A target is brought to its bounds as it is.
            (Leftover::ScalingTarget(_), fate) => fate == LeftoverFate::Removed,
            (Leftover::ScalingPolicy(of, _) | Leftover::ScheduledAction(of, _), _) => !goes(of),
            (Leftover::Alarm(_), _) => true,
        };
        let fates = self.fates(wanted, table).into_iter();
        let steps = fates.filter(|(it, fate)| is_in_the_way(it, *fate)).map(|(it, _)| Step::Remove(it));
        steps.filter(|step| keys.contains(&step.key())).collect()
    }
}

fn steps(wanted: &TableSettings, choices: &Choices, removals: Vec<Step>) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(wanted.deletion_protection.then_some(Step::DeletionProtection));
    steps.extend(wanted.pitr.known().copied().flatten().map(Step::Pitr));
    // Before anything that they could act on.
    steps.extend(removals);
    steps.extend((wanted.class != TableClass::Standard).then_some(Step::Class(wanted.class)));
    let vector = wanted.vector_indexes.iter();
    steps.extend(vector.map(|(name, index)| Step::VectorIndex(name.clone(), index.clone())));
    steps.extend(capacity(wanted, choices));
    steps.extend(on_demand_max(wanted));
    steps.extend(warm(wanted));
    // Tags that are asked for need no knowledge of those that were.
    let tags = wanted.tags.known().unwrap_or(&choices.tags);
    steps.extend((!tags.is_empty()).then(|| Step::Tags(tags.clone())));
    let policies = wanted.policies.known();
    steps.extend(wanted.scaling.known().into_iter().flat_map(scaling));
    if let Some(insights) = wanted.insights.known() {
        steps.extend(insights.table.map(|mode| Step::Insights(None, mode)));
        let indexes = insights.indexes.iter();
        steps.extend(indexes.map(|(name, mode)| Step::Insights(Some(name.clone()), *mode)));
    }
    let alarms = wanted.alarms.known().into_iter().flatten();
    steps.extend(alarms.map(|(name, alarm)| Step::Alarm(name.clone(), alarm.clone())));
    steps.extend(wanted.stream.map(Step::Stream));
    let kinesis = wanted.kinesis.known().into_iter().flatten();
    steps.extend(kinesis.map(|(stream, precision)| Step::Kinesis(stream.clone(), *precision)));
    steps.extend(wanted.ttl.known().cloned().flatten().map(|ttl| Step::Ttl(ttl.attribute)));
    let stream = policies.filter(|_| wanted.stream.is_some()).and_then(|all| all.stream.clone());
    steps.extend(stream.map(Step::StreamPolicy));
    steps.extend(policies.and_then(|all| all.table.clone()).map(Step::TablePolicy));
    steps
}

/// What `of` tells of each global index, where it tells something.
fn per_index<T>(wanted: &TableSettings, of: impl Fn(&GlobalIndex) -> Option<T>) -> BTreeMap<String, T> {
    let told = |(name, index): (&String, &GlobalIndex)| Some((name.clone(), of(index)?));
    wanted.global_indexes.iter().filter_map(told).collect()
}

fn capacity(wanted: &TableSettings, choices: &Choices) -> Option<Step> {
    let is_provisioned = wanted.billing == BillingMode::Provisioned;
    let step = || Step::Capacity {
        billing: wanted.billing,
        table: wanted.throughput.filter(|_| is_provisioned),
        indexes: per_index(wanted, |index| index.throughput.filter(|_| is_provisioned)),
    };
    (is_provisioned || choices.billing.is_some()).then(step)
}

fn on_demand_max(wanted: &TableSettings) -> Option<Step> {
    let bound = |max: MaxThroughput| Some(max).filter(|max| *max != MaxThroughput::default());
    let indexes = per_index(wanted, |index| bound(index.on_demand_max));
    let is_any = bound(wanted.on_demand_max).is_some() || !indexes.is_empty();
    is_any.then_some(Step::OnDemandMax { table: wanted.on_demand_max, indexes })
}

/// Provisioned throughput warms as far as it goes: no step is needed for that.
fn warm(wanted: &TableSettings) -> Option<Step> {
    let beyond = |warm: Option<Throughput>, units| warm.filter(|_| !is_at_least(warm, units));
    let table = beyond(wanted.warm, wanted.throughput);
    let indexes = per_index(wanted, |index| beyond(index.warm, index.throughput));
    (table.is_some() || !indexes.is_empty()).then_some(Step::Warm { table, indexes })
}

fn scaling(scaling: &Scaling) -> impl Iterator<Item = Step> {
    scaling.iter().flat_map(|(dimension, scaled)| {
        let target = ScalingTarget {
            policies: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            // DynamoDB's service-linked role scales: a role that is named is ignored.
            role: None,
            suspended: scaled.suspended.clone(),
            ..*scaled
        };
        let mut steps = vec![Step::ScalingTarget(dimension.clone(), target)];
        for (name, policy) in &scaled.policies {
            steps.push(Step::ScalingPolicy(dimension.clone(), name.clone(), policy.clone()));
        }
        for (name, action) in &scaled.scheduled {
            steps.push(Step::ScheduledAction(dimension.clone(), name.clone(), action.clone()));
        }
        steps
    })
}

/// Whether a property was asked to be otherwise, and why it does not come back; none when it does.
fn left_out(
    facet: Facet,
    was: &TableSettings,
    wanted: &TableSettings,
    choices: &Choices,
    target: &Target,
) -> Option<(bool, String)> {
    match facet {
        Facet::Replicas => return Some((false, replicas(was.replicas.as_ref()?))),
        Facet::Encryption if choices.encryption.is_none() => {
            let is_old = was.encryption.as_ref().is_some_and(|it| it.kind == EncryptionType::Aes256);
            return is_old
                .then(|| (false, "what old tables call AES256 is now a key that AWS owns".to_owned()));
        }
        _ => {}
    }
    let (made, left_off) = (made(wanted), facet.left_off(choices, target));
    match (facet.verdict(was, &made, target), left_off) {
        (FacetVerdict::Same, _) => None,
        (FacetVerdict::NotKnown(reason), left_off) => {
            let is_asked = left_off.is_none() && facet.verdict(&made, &made, target) == FacetVerdict::Same;
            Some(if is_asked { (true, "as asked".to_owned()) } else { (false, not_known(reason)) })
        }
        (_, Some(feature)) => {
            let (why, it) = why_left_out(feature);
            Some((false, format!("{why}: add --with {feature} to switch {it} on")))
        }
        (_, None) => Some((true, "as asked".to_owned())),
    }
}

/// The wanted table with the warmth that AWS gives by itself.
fn made(wanted: &TableSettings) -> TableSettings {
    let mut table = wanted.clone();
    let warmth = |warm: Option<Throughput>, units: Option<Throughput>| {
        let (warm, units) =
            (warm.unwrap_or(DEFAULT_WARM_THROUGHPUT), units.unwrap_or(DEFAULT_WARM_THROUGHPUT));
        Some(Throughput { read: warm.read.max(units.read), write: warm.write.max(units.write) })
    };
    table.warm = warmth(table.warm, table.throughput);
    for index in table.global_indexes.values_mut() {
        index.warm = warmth(index.warm, index.throughput);
    }
    table
}

fn replicas(was: &Replicas) -> String {
    let count = |number: usize, one: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    };
    let mut text = count(was.regions.len(), "replica");
    if !was.witnesses.is_empty() {
        text = format!("{text} and {}", count(was.witnesses.len(), "witness Region"));
    }
    match was.consistency {
        Consistency::Eventual => {
            format!("{text} are not rebuilt: add replicas with UpdateTable after the restore")
        }
        Consistency::Strong => format!(
            "{text} are not rebuilt, and strong consistency can never be re-created on a table with items: add \
             replicas that agree eventually with UpdateTable after the restore"
        ),
    }
}
