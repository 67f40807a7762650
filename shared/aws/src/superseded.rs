//! What a change of a policy supersedes: what is due and not run yet, and is served by no one once the change is made.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::due::{self, Superseded};
use backup_chain_core::ids::{SessionId, Table, TableName};
use backup_chain_core::point::PointKind;
use backup_chain_core::policy::Policy;
use backup_chain_core::session::{MAX_SKIPPED, Session, SessionTrigger, Skipped, Status};
use backup_chain_core::tier::{Tier, TierSlot};
use jiff::Timestamp;

use crate::app::App;
use crate::catalog::StoredPolicy;
use crate::error::Error;
use crate::policies::Active;
use crate::scope;

/// The records of what is superseded once a policy is stored as `next`: slots and copies that it promises no more, and
/// tables that leave it, or another policy, while slots are due. To be committed with that change; the next tick ends
/// each as failed, and reports it. Without them, what a late tick would still have run is forgotten in silence.
/// `cause` says what happens, such as "policy daily was deleted".
///
/// A policy that covers no table loses nothing. Which tables leave may not be known; then that is what the record says.
///
/// # Errors
/// [`Error`] of the catalog.
pub async fn superseded_by(app: &App, next: &StoredPolicy, cause: &str) -> Result<Vec<Session>, Error> {
    let before = app.policies.active().await?;
    let mut after = before.clone();
    after.retain(|active| active.policy.name != next.name);
    if next.deleted_at.is_none()
        && let Ok(policy) = app.policies.policy(next)
    {
        after.push(Active { stored: next.clone(), policy });
    }
    let mut planning = app.catalog.open_sessions().await?;
    planning.retain(|session| session.status == Status::Planning);
    // A table moves only with what a policy says: not for a catalog that is rebuilt.
    let of = |policies: &[Active]| {
        policies.iter().find(|active| active.policy.name == next.name).map(|active| active.policy.clone())
    };
    let moves_tables = of(&before) != of(&after);
    let mut passed = Vec::new();
    for active in &before {
        let is_its =
            |session: &&Session| session.policy.as_ref().is_some_and(|of| of.name == active.policy.name);
        let waiting = planning.iter().filter(is_its).flat_map(|session| session.due.clone()).collect();
        let change = Change { app, before: &before, after: &after, moves_tables, cause };
        passed.extend(change.superseded_session(active, waiting).await);
    }
    Ok(passed)
}

struct Change<'a> {
    app: &'a App,
    before: &'a [Active],
    after: &'a [Active],
    /// Whether a policy may select others than before.
    moves_tables: bool,
    cause: &'a str,
}

impl Change<'_> {
    /// What it supersedes of one policy, of which `waiting` are due in sessions that are not planned yet.
    async fn superseded_session(&self, active: &Active, waiting: Vec<TierSlot>) -> Option<Session> {
        let Self { app, cause, .. } = *self;
        let (policy, state, now) = (&active.policy, &active.stored.state, app.context.now());
        let due = due::due(policy, state, now).map(|due| due.due).unwrap_or_default();
        let slot = due.iter().chain(&waiting).map(|due| due.slot).max()?;
        let then = self.after.iter().find(|then| then.policy.name == policy.name);
        let then = then.filter(|then| then.policy.enabled);
        let Superseded { mut slots, copies } =
            due::superseded(policy, state, then.map(|then| &then.stored.state), now);
        let served: Vec<TierSlot> =
            due.into_iter().filter(|due| !slots.contains(due)).chain(waiting).collect();
        let then = then.filter(|_| self.moves_tables && !served.is_empty());
        if slots.is_empty() && copies.is_empty() && then.is_none() {
            return None;
        }
        let covered = scope::of_policy(&app.aws, self.before, policy).await;
        let tables = self.tables(covered.tables, policy).await;
        if tables.is_empty() && covered.unknown.is_empty() {
            return None;
        }
        // What a run by an operator has served is lost to no one.
        slots.retain(|slot| !covered.unknown.is_empty() || tables.values().any(|table| !table.has(slot)));
        let mut problems = Vec::new();
        if !slots.is_empty() {
            let named = list(&slots);
            problems.push(format!("slots were due and not run yet when {cause}, and get no backup: {named}"));
        }
        for (vault, slot) in &copies {
            let place = vault.place();
            problems.push(format!("a copy to {place} was due when {cause}, and is not made: {slot}"));
        }
        let mut skipped = Vec::new();
        if let Some(then) = then {
            let stays = scope::of_policy(&app.aws, self.after, &then.policy).await;
            let named = list(&served);
            if let Some(unlisted) = stays.unknown.first() {
                problems.push(format!("which tables left it when {cause} is not known: {unlisted}"));
            } else {
                let why = format!("it left the policy when {cause}, before what was due was run: {named}");
                let is_lost = |(name, table): &(&TableName, &Served)| {
                    !stays.tables.contains(*name) && served.iter().any(|slot| !table.has(slot))
                };
                let skip = |(name, _): (&TableName, &Served)| Skipped {
                    table: name.to_string(),
                    why: why.clone(),
                    warning: true,
                };
                skipped.extend(tables.iter().filter(is_lost).map(skip));
            }
            if let Some(first) = skipped.first() {
                let others = match skipped.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                problems.push(format!(
                    "tables left it when {cause}, and get no backup for what was due ({named}): {}{others}",
                    first.table
                ));
            }
            skipped.truncate(MAX_SKIPPED);
        }
        if problems.is_empty() {
            return None;
        }
        tracing::warn!(policy = %policy.name, ?problems, "what was due is superseded");
        Some(Session {
            policy: Some(active.stored.reference()),
            since: state.planned_until,
            problems,
            missed: slots,
            skipped,
            status: Status::Running,
            ..Session::planned(
                SessionId::new(now, app.context.random().number()),
                SessionTrigger::Schedule,
                slot,
                now,
            )
        })
    }

    /// Those of these tables that are there, with what their chains have. One that cannot be looked at has nothing.
    async fn tables(&self, names: BTreeSet<TableName>, policy: &Policy) -> BTreeMap<TableName, Served> {
        let found = self.app.aws.source().dynamodb.find_each(names).await;
        let tables: Vec<Table> = found
            .iter()
            .filter_map(|(_, found)| Some(found.as_ref().ok()?.as_ref()?.table.clone()))
            .collect();
        let mut heads = self.app.catalog.heads(&tables).await.unwrap_or_default();
        let vault = self.app.context.deployment().vault_arn(&policy.vault);
        let served =
            found.into_iter().filter(|(_, found)| !matches!(found, Ok(None))).map(|(name, found)| {
                let head = found.ok().flatten().and_then(|found| heads.remove(&found.table)?.ok());
                let mut slots = head.as_ref().map(|head| head.met_slots_in(&vault)).unwrap_or_default();
                let open = head.and_then(|head| head.open).filter(|open| open.kind == PointKind::Backup);
                for (tier, slot) in open.map(|open| open.slots).unwrap_or_default() {
                    let latest = slots.entry(tier).or_insert(slot);
                    *latest = slot.max(*latest);
                }
                (name, Served(slots))
            });
        served.collect()
    }
}

/// The latest slot of each tier that a table's restore point carries, or one that is being made.
struct Served(BTreeMap<Tier, Timestamp>);

impl Served {
    fn has(&self, due: &TierSlot) -> bool {
        self.0.get(&due.tier).is_some_and(|slot| *slot >= due.slot)
    }
}

/// The latest of these slots, and how many more there are.
fn list(slots: &[TierSlot]) -> String {
    const MAX_NAMED: usize = 3;
    let named: Vec<String> = slots.iter().rev().take(MAX_NAMED).map(ToString::to_string).collect();
    let more = slots.len().saturating_sub(MAX_NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", named.join(", "))
}
