//! What a smaller `keep_last` lets go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::{Guards, Reason, plan};
use crate::ids::{PolicyName, TableName};
use crate::point::{PointKind, RestorePoint};

/// The outdated restore points that a policy's `keep_last` keeps, and that go when another policy, or its own next
/// revision, with a smaller one has made a backup of their tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Released {
    /// The policy that keeps them.
    pub policy: PolicyName,
    /// Its `keep_last`.
    pub keep_last: u32,
    /// The smaller one.
    pub next: u32,
    /// The tables of which such points go now.
    pub tables: BTreeSet<TableName>,
    /// How many points go.
    pub points: usize,
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, keep_last, next, tables, points } = self;
        write!(f, "keep_last is {next}, and {keep_last} by policy {policy}")?;
        if *points == 0 {
            return f.write_str(": so fewer outdated restore points stay of the tables that it had");
        }
        let mut names: Vec<&str> = tables.iter().take(5).map(TableName::as_str).collect();
        names.extend((tables.len() > names.len()).then_some("and more"));
        let (points, verb) = match points {
            1 => ("1 outdated restore point".to_owned(), "goes"),
            _ => (format!("{points} outdated restore points"), "go"),
        };
        write!(f, ": {points} of {} {verb} once there is a backup by this policy", names.join(", "))
    }
}

/// What goes of these points when a policy with `keep_last` of `next` has made the newest backup of their tables. `kept_by`
/// names the `keep_last` of each policy. None of a policy that keeps as few itself.
///
/// A chain keeps by the policy of its newest point. Locks of vaults are not known here: where AWS deletes, nothing is kept by
/// `keep_last`, and nothing goes by it.
pub fn released(
    points: Vec<RestorePoint>,
    kept_by: &BTreeMap<PolicyName, u32>,
    next: u32,
    now: Timestamp,
) -> Vec<Released> {
    let mut chains: BTreeMap<_, Vec<RestorePoint>> = BTreeMap::new();
    for point in points.into_iter().filter(|point| point.kind != PointKind::Manual) {
        chains.entry((point.table.clone(), point.vault.clone())).or_default().push(point);
    }
    let mut released: BTreeMap<PolicyName, Released> = BTreeMap::new();
    for ((table, _), chain) in chains {
        let made = chain.iter().max_by_key(|point| &point.id).and_then(|newest| newest.policy.as_ref());
        let Some((policy, keep_last)) = made.and_then(|made| kept_by.get_key_value(&made.name)) else {
            continue;
        };
        if *keep_last <= next {
            continue;
        }
        let guards = Guards { keep_last: *keep_last, ..Guards::default() };
        let goes = |reason: &Reason| matches!(reason, Reason::Newest { nth, .. } if *nth >= next);
        let verdicts = plan(&chain, now, &guards);
        let gone =
            verdicts.iter().filter(|verdict| !verdict.remove && verdict.reasons.iter().all(goes)).count();
        let of_policy = released.entry(policy.clone()).or_insert_with(|| Released {
            policy: policy.clone(),
            keep_last: *keep_last,
            next,
            tables: BTreeSet::new(),
            points: 0,
        });
        of_policy.points += gone;
        of_policy.tables.extend((gone > 0).then_some(table.arn.name));
    }
    released.into_values().collect()
}
