//! The properties of a table by which a restore is judged, and when one is as another.

use std::collections::BTreeMap;

use super::leftover::watches_more;
use super::rewrite::any_stream;
use super::{Choices, Feature, Target};
use crate::settings::{
    Dimension, Encryption, EncryptionType, GlobalIndex, Json, KeySchema, Part, Projection, Scaling,
    ScalingTarget, TableSettings, Throughput, Unknown,
};

/// The names of all properties, in the order of reports.
pub const PROPERTIES: [&str; 22] = {
    let mut names = [""; 22];
    let mut at = 0;
    while at < names.len() {
        names[at] = Facet::ALL[at].name();
        at += 1;
    }
    names
};

/// A property of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Facet {
    Keys,
    LocalIndexes,
    GlobalIndexes,
    VectorIndexes,
    Billing,
    Throughput,
    OnDemandMax,
    Warm,
    Class,
    Encryption,
    DeletionProtection,
    Pitr,
    Tags,
    TablePolicy,
    Stream,
    StreamPolicy,
    Kinesis,
    Insights,
    Scaling,
    Alarms,
    Ttl,
    Replicas,
}

/// How a property of a table stands to what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FacetVerdict {
    /// As wanted.
    Same,
    /// Otherwise.
    Other,
    /// What is wanted is not known.
    NotKnown(Unknown),
    /// What there is could not be looked at.
    NotSeen(Unknown),
}

impl Facet {
    pub(super) const ALL: [Self; 22] = [
        Self::Keys,
        Self::LocalIndexes,
        Self::GlobalIndexes,
        Self::VectorIndexes,
        Self::Billing,
        Self::Throughput,
        Self::OnDemandMax,
        Self::Warm,
        Self::Class,
        Self::Encryption,
        Self::DeletionProtection,
        Self::Pitr,
        Self::Tags,
        Self::TablePolicy,
        Self::Stream,
        Self::StreamPolicy,
        Self::Kinesis,
        Self::Insights,
        Self::Scaling,
        Self::Alarms,
        Self::Ttl,
        Self::Replicas,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys and attributes",
            Self::LocalIndexes => "local indexes",
            Self::GlobalIndexes => "global indexes",
            Self::VectorIndexes => "vector indexes",
            Self::Billing => "billing mode",
            Self::Throughput => "throughput",
            Self::OnDemandMax => "maximum throughput",
            Self::Warm => "warm throughput",
            Self::Class => "table class",
            Self::Encryption => "encryption",
            Self::DeletionProtection => "deletion protection",
            Self::Pitr => "point-in-time recovery",
            Self::Tags => "tags",
            Self::TablePolicy => "resource policy",
            Self::Stream => "stream",
            Self::StreamPolicy => "stream policy",
            Self::Kinesis => "Kinesis destinations",
            Self::Insights => "Contributor Insights",
            Self::Scaling => "auto scaling",
            Self::Alarms => "alarms",
            Self::Ttl => "time to live",
            Self::Replicas => "replicas",
        }
    }

    /// Whether a report tells of it for a table that was `then`.
    pub(super) fn is_listed(self, then: &TableSettings) -> bool {
        match self {
            Self::VectorIndexes => !then.vector_indexes.is_empty(),
            Self::Replicas => then.replicas.is_some(),
            _ => true,
        }
    }

    /// The features that it depends on.
    fn features(self) -> &'static [Feature] {
        match self {
            Self::Warm => &[Feature::WarmThroughput],
            Self::TablePolicy => &[Feature::ResourcePolicy],
            Self::Stream => &[Feature::Stream],
            Self::StreamPolicy => &[Feature::Stream, Feature::ResourcePolicy],
            Self::Kinesis => &[Feature::Kinesis],
            Self::Insights => &[Feature::ContributorInsights],
            Self::Scaling => &[Feature::AutoScaling, Feature::ScheduledScaling],
            Self::Alarms => &[Feature::Alarms],
            Self::Ttl => &[Feature::Ttl],
            _ => &[],
        }
    }

    /// The feature that is left off although no one asked for that.
    pub(super) fn left_off(self, choices: &Choices, target: &Target) -> Option<Feature> {
        let features = self.features();
        let by_billing = choices.billing.is_some() && matches!(self, Self::Warm | Self::Scaling);
        if by_billing || features.iter().any(|feature| choices.without.contains(feature)) {
            return None;
        }
        features.iter().copied().find(|feature| !choices.puts_back(*feature, target.is_original()))
    }

    /// Whether it is `now` as `wanted`, both as they are for the new table.
    pub(super) fn verdict(
        self,
        wanted: &TableSettings,
        now: &TableSettings,
        target: &Target,
    ) -> FacetVerdict {
        let is_same = match self {
            Self::Keys => wanted.attributes == now.attributes && wanted.keys == now.keys,
            Self::LocalIndexes => wanted.local_indexes == now.local_indexes,
            Self::GlobalIndexes => shapes(wanted) == shapes(now),
            Self::VectorIndexes => wanted.vector_indexes == now.vector_indexes,
            Self::Billing => wanted.billing == now.billing,
            Self::Throughput => throughput(wanted, now),
            Self::OnDemandMax => {
                wanted.on_demand_max == now.on_demand_max
                    && indexes(wanted, now).all(|(_, wanted, now)| wanted.on_demand_max == now.on_demand_max)
            }
            Self::Warm => {
                is_at_least(wanted.warm, now.warm)
                    && indexes(wanted, now).all(|(_, wanted, now)| is_at_least(wanted.warm, now.warm))
            }
            Self::Class => wanted.class == now.class,
            Self::Encryption => encryption(wanted.encryption.as_ref(), now.encryption.as_ref()),
            Self::DeletionProtection => wanted.deletion_protection == now.deletion_protection,
            Self::Stream => wanted.stream == now.stream,
            Self::Replicas => wanted.replicas == now.replicas,
            Self::Pitr => return part(&wanted.pitr, &now.pitr, PartialEq::eq),
            Self::Tags => return part(&wanted.tags, &now.tags, PartialEq::eq),
            Self::Kinesis => return part(&wanted.kinesis, &now.kinesis, PartialEq::eq),
            Self::Ttl => return part(&wanted.ttl, &now.ttl, PartialEq::eq),
            Self::TablePolicy => {
                return part(&wanted.policies, &now.policies, |wanted, now| wanted.table == now.table);
            }
            Self::StreamPolicy => {
                return part(&stream_policy(wanted, target), &stream_policy(now, target), PartialEq::eq);
            }
            Self::Insights => return part(&wanted.insights, &now.insights, PartialEq::eq),
            Self::Scaling => return part(&wanted.scaling, &now.scaling, scaling),
            Self::Alarms => {
                return part(&wanted.alarms, &now.alarms, |wanted, now| alarms(wanted, now, target));
            }
        };
        if is_same { FacetVerdict::Same } else { FacetVerdict::Other }
    }
}

/// Why a feature is left off under another name, and the word that stands for it.
pub(super) fn why_left_out(feature: Feature) -> (&'static str, &'static str) {
    match feature {
        Feature::WarmThroughput => ("it costs at once", "it"),
        Feature::Ttl => ("it starts deleting", "it"),
        Feature::ScheduledScaling => ("its scheduled actions face outward", "them"),
        Feature::Alarms | Feature::Kinesis => ("they face outward", "them"),
        _ => ("it faces outward", "it"),
    }
}

/// Whether `now` is at least what is wanted.
pub(super) fn is_at_least(wanted: Option<Throughput>, now: Option<Throughput>) -> bool {
    wanted.is_none_or(|wanted| now.is_some_and(|now| now.read >= wanted.read && now.write >= wanted.write))
}

fn part<T: Default>(wanted: &Part<T>, now: &Part<T>, is_same: impl Fn(&T, &T) -> bool) -> FacetVerdict {
    match (wanted, now) {
        (Part::Unknown(reason), _) => FacetVerdict::NotKnown(*reason),
        (Part::Known(wanted), Part::Known(now)) if is_same(wanted, now) => FacetVerdict::Same,
        (Part::Known(_), Part::Known(_)) => FacetVerdict::Other,
        // Nothing is wanted: nothing needs to be looked at.
        (Part::Known(wanted), Part::Unknown(_)) if is_same(wanted, &T::default()) => FacetVerdict::Same,
        (Part::Known(_), Part::Unknown(reason)) => FacetVerdict::NotSeen(*reason),
    }
}

/// Both ways, but for alarms that watch other tables too: they come and go with those.
fn alarms(wanted: &BTreeMap<String, Json>, now: &BTreeMap<String, Json>, target: &Target) -> bool {
    let is_own =
        |(name, alarm): &(&String, &Json)| wanted.contains_key(*name) || !watches_more(alarm, target.name());
    now.iter().filter(is_own).eq(wanted.iter())
}

/// Global indexes but for what is paid for.
fn shapes(table: &TableSettings) -> BTreeMap<&str, (&KeySchema, &Projection)> {
    table.global_indexes.iter().map(|(name, it)| (name.as_str(), (&it.keys, &it.projection))).collect()
}

/// The global indexes that both have.
fn indexes<'a>(
    wanted: &'a TableSettings,
    now: &'a TableSettings,
) -> impl Iterator<Item = (&'a String, &'a GlobalIndex, &'a GlobalIndex)> {
    let both = |(name, wanted)| now.global_indexes.get(name).map(|now| (name, wanted, now));
    wanted.global_indexes.iter().filter_map(both)
}

fn throughput(wanted: &TableSettings, now: &TableSettings) -> bool {
    let fits = |index: Option<&String>, wanted_units: Option<Throughput>, now: Option<Throughput>| {
        let (Some(units), Some(now)) = (wanted_units, now) else { return wanted_units == now };
        let both = [(false, units.read, now.read), (true, units.write, now.write)];
        both.into_iter().all(|(write, units, now)| {
            let dimension = Dimension { write, index: index.cloned() };
            let scaled = wanted.scaling.known().and_then(|scaling| scaling.get(&dimension));
            units == now || scaled.is_some_and(|scaled| may_move_to(scaled, now))
        })
    };
    fits(None, wanted.throughput, now.throughput)
        && indexes(wanted, now).all(|(name, wanted, now)| fits(Some(name), wanted.throughput, now.throughput))
}

/// Whether auto scaling may set the capacity to so many units.
fn may_move_to(scaled: &ScalingTarget, units: u64) -> bool {
    let actions = || scaled.scheduled.values();
    let min = actions().filter_map(|action| action.min).fold(scaled.min, u32::min);
    let max = actions().filter_map(|action| action.max).fold(scaled.max, u32::max);
    (u64::from(min)..=u64::from(max)).contains(&units)
}

/// Both ways: what is registered where nothing was acts on the table as well.
fn scaling(wanted: &Scaling, now: &Scaling) -> bool {
    wanted.len() == now.len()
        && wanted.iter().all(|(dimension, wanted)| now.get(dimension).is_some_and(|now| scaled(wanted, now)))
}

fn scaled(wanted: &ScalingTarget, now: &ScalingTarget) -> bool {
    // Scheduled actions move the bounds.
    let actions = || wanted.scheduled.values();
    (wanted.min == now.min || actions().any(|action| action.min == Some(now.min)))
        && (wanted.max == now.max || actions().any(|action| action.max == Some(now.max)))
        && wanted.suspended == now.suspended
        && wanted.policies == now.policies
        && wanted.scheduled == now.scheduled
}

/// Without a key of its own a table is encrypted with one that AWS owns, which old tables call AES256.
fn encryption(wanted: Option<&Encryption>, now: Option<&Encryption>) -> bool {
    let in_kms = |it: &&Encryption| it.kind == EncryptionType::Kms;
    match (wanted.filter(in_kms), now.filter(in_kms)) {
        (None, None) => true,
        // The key that AWS manages is captured without a name.
        (Some(wanted), Some(now)) => wanted.key == now.key,
        _ => false,
    }
}

/// The stream's policy, with any stream of the table in place of one; known to be none where there is no stream.
fn stream_policy(table: &TableSettings, target: &Target) -> Part<Option<Json>> {
    match &table.policies {
        _ if table.stream.is_none() => Part::none(),
        Part::Known(policies) => {
            Part::Known(policies.stream.as_ref().map(|policy| any_stream(policy, target)))
        }
        Part::Unknown(reason) => Part::Unknown(*reason),
    }
}
