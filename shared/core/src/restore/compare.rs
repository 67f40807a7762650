//! What became of each property of a restored table.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::expected::chosen;
use super::facet::{Facet, FacetVerdict, why_left_out};
use super::rewrite::renamed;
use super::step::facets;
use super::{Choices, Feature, StepRecord, StepState, Target};
use crate::settings::{TableSettings, Unknown};

/// What became of one property of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it was.
    Restored,
    /// Otherwise, as the request asked.
    Changed,
    /// AWS cannot bring it back, or what it was is not known.
    Impossible,
    /// It could not be brought back now: something is left to be done by an operator.
    Failed,
}

/// One property of the table, and what became of it. Nothing here tells a captured value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The property's name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is not as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Compares the restored table with what it was. `steps` are the records of its steps, by their keys.
pub fn compare(
    then: &TableSettings,
    now: &TableSettings,
    choices: &Choices,
    target: &Target,
    steps: &BTreeMap<String, StepRecord>,
) -> Vec<Property> {
    let was = renamed(then, target);
    let wanted = chosen(was.clone(), choices, target);
    let refusals = |facet: Facet| {
        let failed = of(facet, steps).filter(|(_, record)| record.state == StepState::Failed);
        let reasons: BTreeSet<_> = failed.filter_map(|(_, record)| record.why.clone()).collect();
        (!reasons.is_empty()).then(|| Vec::from_iter(reasons).join("; "))
    };
    let removed = |facet: Facet| {
        let is_removal = |(key, record): &(&String, &StepRecord)| {
            key.starts_with("remove-") && record.state == StepState::Done
        };
        match of(facet, steps).filter(is_removal).count() {
            0 => None,
            1 => Some("what had been left under its name was removed: 1 thing".to_owned()),
            count => Some(format!("what had been left under its name was removed: {count} things")),
        }
    };
    let judge = |facet: Facet| {
        let as_it_was = facet.verdict(&was, now, target);
        if facet == Facet::Replicas {
            let why = "they are not rebuilt: add them with UpdateTable after the restore";
            let gone = (Outcome::Impossible, Some(why.to_owned()));
            return if as_it_was == FacetVerdict::Same { (Outcome::Restored, None) } else { gone };
        }
        match facet.verdict(&wanted, now, target) {
            FacetVerdict::NotKnown(reason) => (Outcome::Impossible, Some(not_known(reason))),
            FacetVerdict::Same if as_it_was == FacetVerdict::Same => {
                (Outcome::Restored, own_names(facet, &wanted, target).or_else(|| removed(facet)))
            }
            FacetVerdict::Same => match (facet.left_off(choices, target), as_it_was) {
                (Some(_), FacetVerdict::NotKnown(reason)) => (Outcome::Impossible, Some(not_known(reason))),
                (Some(feature), _) => (Outcome::Changed, Some(left_off(feature, target))),
                (None, _) => (Outcome::Changed, Some("as asked".to_owned())),
            },
            FacetVerdict::NotSeen(reason) => {
                let unseen = || format!("it could not be looked at: {reason}");
                (Outcome::Failed, Some(refusals(facet).unwrap_or_else(unseen)))
            }
            FacetVerdict::Other => {
                let differs = || "it is not as it was".to_owned();
                (Outcome::Failed, Some(refusals(facet).unwrap_or_else(differs)))
            }
        }
    };
    let listed = Facet::ALL.into_iter().filter(|facet| facet.is_listed(then));
    let property = |facet: Facet| {
        let (outcome, why) = judge(facet);
        Property { name: facet.name().to_owned(), outcome, why }
    };
    listed.map(property).collect()
}

/// The records of the steps that a property depends on.
fn of(facet: Facet, steps: &BTreeMap<String, StepRecord>) -> impl Iterator<Item = (&String, &StepRecord)> {
    steps.iter().filter(move |(key, _)| facets(key).contains(&facet))
}

/// Whether nothing but time to live, and what comes after it, is left to be done: then it may start to delete.
pub fn is_verified(properties: &[Property]) -> bool {
    let later = [Facet::Ttl, Facet::StreamPolicy, Facet::TablePolicy].map(Facet::name);
    let blocks = |it: &Property| it.outcome == Outcome::Failed && !later.contains(&it.name.as_str());
    !properties.iter().any(blocks)
}

/// Whether some of what differs was put and not refused: AWS may not show it yet, and another look may find it as it
/// should be.
pub fn settles(properties: &[Property], steps: &BTreeMap<String, StepRecord>) -> bool {
    let may_pass = |facet: Facet| {
        let is = |state: StepState| of(facet, steps).any(|(_, record)| record.state == state);
        is(StepState::Done) && !is(StepState::Failed)
    };
    let differs =
        |facet: &Facet| properties.iter().any(|it| it.outcome == Outcome::Failed && it.name == facet.name());
    Facet::ALL.into_iter().filter(differs).any(may_pass)
}

pub(super) fn not_known(reason: Unknown) -> String {
    format!("what it was is not known: {reason} when the backup was made")
}

fn left_off(feature: Feature, target: &Target) -> String {
    let is_renamed = target.original.name != target.table.name;
    let other = if is_renamed { "has another name" } else { "is in another Region" };
    let (why, it) = why_left_out(feature);
    format!("left off: {why}, and the table {other}; --with {feature} switches {it} on")
}

fn own_names(facet: Facet, wanted: &TableSettings, target: &Target) -> Option<String> {
    let are_renamed = facet == Facet::Alarms && !target.is_original() && !wanted.alarms.is_none();
    are_renamed.then(|| "under names of their own".to_owned())
}
