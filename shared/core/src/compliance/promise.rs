//! What was promised, and since when.

use jiff::{SignedDuration, Timestamp};

use crate::due::PolicyState;
use crate::ids::{PolicyName, VaultArn};
use crate::policy::Policy;
use crate::protection;

/// What is promised from a moment on, until the next promise takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// From when on it is the promise.
    pub from: Timestamp,
    /// From when on the time for a first restore point is counted.
    pub begins: Timestamp,
    /// How old the newest restore point may be; none where nothing is promised.
    pub objective: Option<SignedDuration>,
}

/// A policy with what it said before.
#[derive(Debug, Clone)]
pub struct PolicyPast {
    /// Its name.
    pub name: PolicyName,
    /// What its document says, as it is in force.
    pub policy: Policy,
    /// Since when its tiers are in force.
    pub state: PolicyState,
    /// What it said, and when that was applied, in order of time, the present document last. Documents that cannot be read
    /// any more are left out.
    pub revisions: Vec<(Timestamp, Policy)>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// A table in the care of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Care<'a> {
    /// The policy.
    pub policy: &'a PolicyPast,
    /// Since when it has the table: see [`protection::in_care_since`].
    pub since: Timestamp,
    /// When the table was made, as far as that is known.
    pub created_at: Option<Timestamp>,
    /// When the table was first seen to be gone.
    pub gone_since: Option<Timestamp>,
}

/// What a policy promised of the backups of a table.
pub fn backup_promises(care: &Care<'_>, now: Timestamp) -> Vec<Promise> {
    promises(care, now, |policy, _, begins| Promise {
        from: begins,
        begins,
        objective: policy.backup_objective(),
    })
}

/// What a policy promised of the copies of a table in a vault.
pub fn copy_promises(care: &Care<'_>, vault: &VaultArn, now: Timestamp) -> Vec<Promise> {
    promises(care, now, |policy, state, begins| {
        let is_target = policy.copies.iter().any(|target| target.vault == *vault);
        Promise {
            from: begins,
            begins: protection::copies_promised_since(state, vault, begins),
            objective: policy.copy_objective().filter(|_| is_target),
        }
    })
}

fn promises(
    care: &Care<'_>,
    now: Timestamp,
    promise: impl Fn(&Policy, &PolicyState, Timestamp) -> Promise,
) -> Vec<Promise> {
    let PolicyPast { policy, state, revisions, deleted_at, .. } = care.policy;
    let begins = |state: &PolicyState| protection::promised_since(state, care.created_at, care.since, now);
    let mut promises: Vec<Promise> = Vec::new();
    let mut before: Option<(&Policy, PolicyState)> = None;
    for (applied_at, revision) in revisions {
        let state = match before {
            Some((old, state)) => state.changed(old, revision, *applied_at),
            None => PolicyState::starting(revision, *applied_at),
        };
        let begins = begins(&state);
        promises.push(Promise { from: begins.max(*applied_at), ..promise(revision, &state, begins) });
        before = Some((revision, state));
    }
    // What is stored decides about the present: an operator may have switched the policy off and on.
    let in_force = begins(state);
    let applied_at = revisions.last().map(|(applied_at, _)| *applied_at);
    let from = if promises.last().is_some_and(|last| last.begins >= in_force) { applied_at } else { None };
    promises
        .push(Promise { from: in_force.max(from.unwrap_or(in_force)), ..promise(policy, state, in_force) });
    let ends = deleted_at.iter().chain(&care.gone_since).min();
    promises.retain(|promise| ends.is_none_or(|end| promise.from < *end));
    promises.extend(ends.map(|end| Promise { from: *end, begins: *end, objective: None }));
    // Of those that come into force together, the last one does.
    promises.dedup_by(|later, earlier| {
        let same = later.from <= earlier.from;
        if same {
            *earlier = Promise { from: earlier.from, ..*later };
        }
        same
    });
    promises
}
