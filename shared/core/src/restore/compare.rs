//! What became of each property of a restored table.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::expected::chosen;
use super::facet::{Facet, Verdict, because};
use super::rewrite::renamed;
use super::{Choices, Feature, Target, plan};
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
    /// It could not be brought back now: something is left to be done by hand.
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

/// Compares the restored table with what it was. `failed` are the steps that came to nothing, by their keys, with the
/// reason.
pub fn compare(
    then: &TableSettings,
    now: &TableSettings,
    choices: &Choices,
    target: &Target,
    failed: &BTreeMap<String, String>,
) -> Vec<Property> {
    let was = renamed(then, target);
    let wanted = chosen(was.clone(), choices, target);
    let steps = plan(then, choices, target).steps;
    let refusals = |facet: Facet| {
        let of_it = steps.iter().filter(|step| step.facets().contains(&facet));
        let reasons: BTreeSet<_> = of_it.filter_map(|step| failed.get(&step.key())).cloned().collect();
        (!reasons.is_empty()).then(|| Vec::from_iter(reasons).join("; "))
    };
    let judge = |facet: Facet| {
        let as_it_was = facet.verdict(&was, now, target);
        if facet == Facet::Replicas {
            let why = "they are not rebuilt: add them with UpdateTable after the restore";
            let gone = (Outcome::Impossible, Some(why.to_owned()));
            return if as_it_was == Verdict::Same { (Outcome::Restored, None) } else { gone };
        }
        match facet.verdict(&wanted, now, target) {
            Verdict::NotKnown(reason) => (Outcome::Impossible, Some(not_known(reason))),
            Verdict::Same if as_it_was == Verdict::Same => {
                (Outcome::Restored, own_names(facet, &wanted, target))
            }
            Verdict::Same => match (facet.left_off(choices, target), as_it_was) {
                (Some(_), Verdict::NotKnown(reason)) => (Outcome::Impossible, Some(not_known(reason))),
                (Some(feature), _) => (Outcome::Changed, Some(left_off(feature, target))),
                (None, _) => (Outcome::Changed, Some("as asked".to_owned())),
            },
            Verdict::NotSeen(reason) => {
                let unseen = || format!("it could not be looked at: {reason}");
                (Outcome::Failed, Some(refusals(facet).unwrap_or_else(unseen)))
            }
            Verdict::Other => {
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

/// Whether nothing but time to live is left to be done: then it may start to delete.
pub fn is_verified(properties: &[Property]) -> bool {
    let blocks = |it: &&Property| it.outcome == Outcome::Failed && it.name != Facet::Ttl.name();
    !properties.iter().any(|property| blocks(&property))
}

pub(super) fn not_known(reason: Unknown) -> String {
    format!("what it was is not known: {reason} when the backup was made")
}

fn left_off(feature: Feature, target: &Target) -> String {
    let is_renamed = target.original.name != target.table.name;
    let other = if is_renamed { "has another name" } else { "is in another Region" };
    let (why, it) = because(feature);
    format!("left off: {why}, and the table {other}; --with {feature} switches {it} on")
}

fn own_names(facet: Facet, wanted: &TableSettings, target: &Target) -> Option<String> {
    let are_renamed = facet == Facet::Alarms && !target.is_original() && !wanted.alarms.is_none();
    are_renamed.then(|| "under names of their own".to_owned())
}
