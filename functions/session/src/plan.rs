//! Planning a session: which tables get a restore point, with which flags, recorded before anything starts.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::dynamodb::Found;
use backup_chain_aws::policies::Active;
use backup_chain_aws::scope::{self, Selected};
use backup_chain_aws::{App, AwsError, Error};
use backup_chain_core::due::{self, ChainView};
use backup_chain_core::ids::{PointId, Table, VaultArn};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::notice::{Notice, SessionEnded};
use backup_chain_core::point::{CopyFlags, PointKind, RestorePoint};
use backup_chain_core::session::{MAX_SKIPPED, NOTHING_COVERED, Session, SessionTrigger, Skipped, Status};
use backup_chain_core::table::TableHead;
use backup_chain_core::tier::{Flag, TierSlot};
use backup_chain_core::wait;
use futures_util::{StreamExt, stream};

use crate::check::{find_vault, region_problem, target_vault};
use crate::named;
use crate::report::measure_end;

/// How many tables are looked at side by side.
const MAX_CONCURRENCY: usize = 8;

/// What could not be looked at.
#[derive(Default)]
struct Unreadable {
    /// What is not known for it, each with the reason.
    lines: Vec<String>,
    /// The first error that may pass by itself.
    first_transient: Option<Error>,
}

impl Unreadable {
    fn note(&mut self, line: String, error: &AwsError) {
        self.lines.push(line);
        self.note_if_transient(error);
    }

    fn note_if_transient(&mut self, error: &AwsError) {
        if error.is_transient() {
            self.first_transient.get_or_insert_with(|| error.clone().into());
        }
    }
}

/// Records a restore point for every table of the session that needs one, and gives those that it recorded. A session
/// that was cut off here, or that waits for what could not be looked at, is planned again: tables that have their point
/// from this session already are left as they are. It does not wait without end: then it continues without, and says so.
///
/// # Errors
/// [`Error`] of the catalog.
pub(crate) async fn plan(
    app: &App,
    policies: &[Active],
    session: &mut Session,
    deadline: Deadline,
) -> Result<Vec<RestorePoint>, Error> {
    let active = match &session.policy {
        None => None,
        Some(wanted) => match policies.iter().find(|active| active.policy.name == wanted.name) {
            Some(active) => Some(active),
            None => {
                let why = "its policy is not stored any more, or cannot be read: apply it again".to_owned();
                end_failed(app, session, vec![why], 1).await?;
                return Ok(Vec::new());
            }
        },
    };
    let vault = vault_of(app, session, active);
    let mut unreadable = Unreadable::default();
    let source_problem = match source_problem(app, &vault).await {
        Ok(problem) => problem,
        Err(error) => {
            let line = format!("whether vault {} takes backups is not known: {error}", vault.name);
            unreadable.note(line, &error);
            None
        }
    };
    // A problem of a target vault is reported only: backups do not need it.
    let mut problems = Vec::new();
    for target in active.map(|active| active.policy.copies.as_slice()).unwrap_or_default() {
        problems.extend(target_vault(app, &target.vault).await.err());
    }

    let Selected { tables, mut skipped, unknown } = match active {
        Some(active) => scope::of_policy(&app.aws, policies, &active.policy).await,
        None => named::named(&app.context.deployment().policy_home(), &session.tables),
    };
    if active.is_some() && tables.is_empty() && unknown.is_empty() {
        problems.push(NOTHING_COVERED.to_owned());
    }
    for unlisted in &unknown {
        unreadable.note(unlisted.to_string(), &unlisted.error);
    }
    let owed_per_table = active.map_or(0, |active| slots_owed_by_unknown_table(active, session));
    // Of tables that could not be listed there is at least one: its slots are counted once.
    let mut owed = if unknown.is_empty() { 0 } else { owed_per_table };
    let mut usable: Vec<Table> = Vec::new();
    for (name, found) in app.aws.source().dynamodb.find_each(tables).await {
        let why = match found {
            Ok(None) => "there is no such table".to_owned(),
            Ok(Some(Found { unfit: Some(why), .. })) => {
                owed += owed_per_table;
                why
            }
            Ok(Some(Found { table, unfit: None, .. })) => {
                usable.push(table);
                continue;
            }
            Err(error) => {
                owed += owed_per_table;
                unreadable.note_if_transient(&error);
                format!("it cannot be looked at: {error}")
            }
        };
        skipped.push(Skipped { table: name.to_string(), why, warning: true });
    }

    let mut known = app.catalog.heads(&usable).await?;
    usable.retain(|table| match known.get(table) {
        Some(Err(unreadable)) => {
            owed += owed_per_table;
            let why = unreadable.to_string();
            skipped.push(Skipped { table: table.arn.name.to_string(), why, warning: true });
            false
        }
        _ => true,
    });
    let mut known: BTreeMap<Table, TableHead> =
        usable.iter().filter_map(|table| Some((table.clone(), known.remove(table)?.ok()?))).collect();
    if let Some(active) = active {
        measure_age(app, active, session, known.values());
    }
    if let Some(problem) = source_problem {
        if let Some(active) = active {
            let heads = usable
                .into_iter()
                .map(|table| known.remove(&table).unwrap_or_else(|| TableHead::new(table, session.since)));
            let heads: Vec<TableHead> = heads.collect();
            owed += heads
                .iter()
                .map(|head| slots_owed_by_table(active, session, head.clone(), &vault))
                .sum::<usize>();
            record_new_heads(app, active, session, heads.into_iter()).await?;
        }
        end_failed(app, session, vec![problem], owed).await?;
        return Ok(Vec::new());
    }
    // Tables that an earlier attempt has given a point are left out: that point may have progressed.
    let already_planned: BTreeSet<Table> =
        app.catalog.points_of_session(&session.id).await?.into_iter().map(|point| point.table).collect();
    let mut planned = already_planned.len();
    let mut writes: Vec<(RestorePoint, TableHead)> = Vec::new();
    for table in usable.into_iter().filter(|table| !already_planned.contains(table)) {
        let head = known.remove(&table);
        match plan_table(active, session, &vault, table, head) {
            TablePlan::Already => planned += 1,
            TablePlan::Skipped(skip, slots) => {
                owed += slots;
                skipped.push(skip);
            }
            TablePlan::Point(point, head) => writes.push((*point, *head)),
        }
    }
    let mut recorded = Vec::new();
    let mut commits =
        stream::iter(writes).map(|(point, head)| record(app, point, head)).buffered(MAX_CONCURRENCY);
    while let Some((point, committed)) = commits.next().await {
        match committed {
            Ok(()) => recorded.push(point),
            // A conflict, or an error that may pass: the session may be planned again. Otherwise the table is skipped.
            Err(error) => {
                owed += session.owes(&point.flags);
                if error.is_conflict() || error.is_transient() {
                    unreadable.first_transient.get_or_insert_with(|| error.clone());
                }
                let (table, why) = (point.table.arn.name.to_string(), error.to_string());
                skipped.push(Skipped { table, why, warning: true });
            }
        }
        if !deadline.allows_work(app.context.now()) {
            return Ok(recorded);
        }
    }
    drop(commits);
    if let Some(error) = unreadable.first_transient.as_ref().filter(|_| may_wait(app, session)) {
        app.context.record_deferred(
            &Measured::of_session(session),
            "tables that cannot be planned yet",
            error,
        );
        return Ok(recorded);
    }
    problems.extend(active.and_then(|active| record_superseded_slots(active, session)));
    skipped.sort();
    skipped.truncate(MAX_SKIPPED);
    session.planned = u32::try_from(planned + recorded.len()).unwrap_or(u32::MAX);
    session.skipped = skipped;
    session.owed = u32::try_from(owed).unwrap_or(u32::MAX);
    session.problems = problems.into_iter().chain(unreadable.lines).collect();
    session.status = Status::Running;
    app.catalog.commit([Write::of(session)]).await?;
    Ok(recorded)
}

/// Adds to the missed slots of the session those that its policy promises no more, for it was changed meanwhile: no point
/// takes their flags. Returns the problem to report.
fn record_superseded_slots(active: &Active, session: &mut Session) -> Option<String> {
    let passed = session.due.iter().filter(|due| !active.stored.state.promises(due)).cloned();
    let passed: Vec<TierSlot> = passed.collect();
    if passed.is_empty() {
        return None;
    }
    let slots: Vec<String> = passed.iter().map(ToString::to_string).collect();
    session.missed.extend(passed);
    Some(format!(
        "the policy was changed before its tables were planned, and promises no more: {}",
        slots.join(", ")
    ))
}

/// Whether a session may still wait for what it needs to be planned.
pub(crate) fn may_wait(app: &App, session: &Session) -> bool {
    app.context.now() < session.started_at + wait::PLANNING
}

/// Gives up planning the rest of a session: what it has recorded continues. How many tables are left is not known, so the
/// slots of one are counted as owed. A session that has recorded nothing has failed.
///
/// # Errors
/// [`Error`] of the catalog.
pub(crate) async fn abandon_planning(
    app: &App,
    policies: &[Active],
    session: &mut Session,
    why: String,
) -> Result<(), Error> {
    let active = session
        .policy
        .as_ref()
        .and_then(|wanted| policies.iter().find(|active| active.policy.name == wanted.name));
    let owed = active.map_or(0, |active| slots_owed_by_unknown_table(active, session));
    let already_planned = app.catalog.points_of_session(&session.id).await?.len();
    if already_planned == 0 {
        return end_failed(app, session, vec![why], owed).await;
    }
    session.planned = u32::try_from(already_planned).unwrap_or(u32::MAX);
    session.owed = u32::try_from(owed).unwrap_or(u32::MAX);
    session.problems.push(why);
    session.status = Status::Running;
    app.catalog.commit([Write::of(session)]).await
}

fn vault_of(app: &App, session: &Session, active: Option<&Active>) -> VaultArn {
    let vault = match active {
        Some(active) => &active.policy.vault,
        None => session.vault.as_ref().unwrap_or(&app.context.deployment().vault),
    };
    app.context.deployment().vault_arn(vault)
}

/// How old the newest backup of the policy's tables has become before this session: that of the table worst off.
fn measure_age<'a>(
    app: &App,
    active: &Active,
    session: &Session,
    heads: impl Iterator<Item = &'a TableHead>,
) {
    let (policy, region) = (&active.policy.name, &app.context.deployment().region);
    if let Some(oldest) = heads.filter_map(|head| head.backed_up_until(policy, region)).min() {
        let age = session.started_at.duration_since(oldest);
        app.context.measure(&Measured::of_session(session).took(Metric::NewestPointAge, age));
    }
}

/// How many slots stay owed to a table of which nothing is known.
fn slots_owed_by_unknown_table(active: &Active, session: &Session) -> usize {
    let (met, carried) = (BTreeMap::new(), BTreeMap::new());
    let chain = ChainView { since: session.since, met, carried };
    backup_flags(active, session, &chain).map_or(0, |flags| session.owes(&flags))
}

/// How many slots a table stays without when the session can back up nothing.
fn slots_owed_by_table(active: &Active, session: &Session, mut head: TableHead, vault: &VaultArn) -> usize {
    assign_policy(&mut head, active, session);
    flags_of(active, session, &head, vault).map_or(0, |(flags, _)| session.owes(&flags))
}

/// Records a point with its table's head, unless this session has done so before.
async fn record(
    app: &App,
    mut point: RestorePoint,
    mut head: TableHead,
) -> (RestorePoint, Result<(), Error>) {
    let done = match app.catalog.commit([Write::of(&mut point), Write::of(&mut head)]).await {
        Err(error) if error.is_conflict() => match app.catalog.point(&point).await {
            Ok(Some(recorded)) => {
                point = recorded;
                Ok(())
            }
            Ok(None) => Err(error),
            Err(error) => Err(error),
        },
        other => other,
    };
    (point, done)
}

/// What a session gives a table.
enum TablePlan {
    /// Its point is recorded already.
    Already,
    /// Nothing, for this reason; so many of its slots are owed for it.
    Skipped(Skipped, usize),
    /// A point, to be recorded with the table's head.
    Point(Box<RestorePoint>, Box<TableHead>),
}

fn plan_table(
    active: Option<&Active>,
    session: &Session,
    vault: &VaultArn,
    table: Table,
    head: Option<TableHead>,
) -> TablePlan {
    let name = table.arn.name.to_string();
    let skip = |why: &str, warning, owed| {
        TablePlan::Skipped(Skipped { table: name.clone(), why: why.to_owned(), warning }, owed)
    };
    let mut head = head.unwrap_or_else(|| TableHead::new(table.clone(), session.since));
    let id = PointId::of(session.started_at, &session.id, &table.id);
    if head.planned.as_ref() == Some(&id) {
        return TablePlan::Already;
    }
    let (mut flags, mut copies) = (Vec::new(), Vec::new());
    if let Some(active) = active {
        assign_policy(&mut head, active, session);
        let backing_up = head.open.as_ref().is_some_and(|open| open.kind == PointKind::Backup);
        if head.planned.is_some() || backing_up {
            let why = "its previous backup is not final; what is due is owed to its next point";
            return skip(why, true, slots_owed_by_table(active, session, head, vault));
        }
        match flags_of(active, session, &head, vault) {
            Ok((some, also)) if !some.is_empty() => (flags, copies) = (some, also),
            Ok(_) => return skip("nothing is due for it: an available point carries every slot", false, 0),
            Err(error) => return skip(&error.to_string(), true, 0),
        }
    }
    let kind = if active.is_some() { PointKind::Backup } else { PointKind::Manual };
    let retried = active.filter(|_| session.trigger == SessionTrigger::Schedule);
    let point = RestorePoint {
        policy: active.map(|active| active.stored.reference()),
        flags,
        copies,
        retry: retried.map(|active| active.policy.retries.into()),
        ..RestorePoint::planned(id, kind, table, vault.clone(), session.id.clone(), session.slot)
    };
    head.gone_since = None;
    if kind == PointKind::Backup {
        head.planned = Some(point.id.clone());
    }
    TablePlan::Point(Box::new(point), Box::new(head))
}

/// Sets the policy of a head. Where it is new, no earlier slot is owed. Returns whether it is new.
fn assign_policy(head: &mut TableHead, active: &Active, session: &Session) -> bool {
    let is_new = head.policy.as_ref() != Some(&active.policy.name);
    if is_new {
        head.since = session.since;
        head.policy = Some(active.policy.name.clone());
    }
    is_new
}

/// Records the tables of a session that can back up nothing: what is due is owed to those, too, that never had a
/// backup.
async fn record_new_heads(
    app: &App,
    active: &Active,
    session: &Session,
    heads: impl Iterator<Item = TableHead>,
) -> Result<(), Error> {
    let new = heads.filter_map(|mut head| assign_policy(&mut head, active, session).then_some(head));
    let mut commits = stream::iter(new)
        .map(async |mut head| app.catalog.commit([Write::of(&mut head)]).await)
        .buffered(MAX_CONCURRENCY);
    while let Some(committed) = commits.next().await {
        committed?;
    }
    Ok(())
}

fn flags_of(
    active: &Active,
    session: &Session,
    head: &TableHead,
    vault: &VaultArn,
) -> Result<(Vec<Flag>, Vec<CopyFlags>), due::NoTiers> {
    let Active { stored, policy } = active;
    let (origin, now) = (slot_origin(session), session.started_at);
    let chain = ChainView { since: head.since, met: head.met_slots_in(vault), carried: BTreeMap::new() };
    let flags = backup_flags(active, session, &chain)?;
    let copies = policy.copies.iter().filter_map(|target| {
        let (met, carried) = (head.met_slots_in(&target.vault), head.carried_to(&target.vault));
        let chain = ChainView { since: head.since, met, carried };
        let flags = due::copy_flags(policy, &stored.state, &target.vault, &chain, origin, now);
        (!flags.is_empty()).then(|| CopyFlags { vault: target.vault.clone(), flags })
    });
    Ok((flags, copies.collect()))
}

/// The flags of a backup. What is due is judged by when the session was recorded, so that planning it again gives the same.
fn backup_flags(active: &Active, session: &Session, chain: &ChainView) -> Result<Vec<Flag>, due::NoTiers> {
    let Active { stored, policy } = active;
    due::flags(policy, &stored.state, chain, slot_origin(session), session.started_at)
}

fn slot_origin(session: &Session) -> due::SlotOrigin {
    match session.trigger {
        SessionTrigger::ByHand => due::SlotOrigin::ByHand(session.slot),
        SessionTrigger::Schedule | SessionTrigger::Manual => due::SlotOrigin::Slot(session.slot),
    }
}

/// What stands in the way of every backup.
async fn source_problem(app: &App, vault: &VaultArn) -> Result<Option<String>, AwsError> {
    let backup = &app.aws.source().backup;
    match find_vault(backup, &vault.name, &vault.region, "create it").await? {
        Ok(_) => region_problem(backup, &vault.region).await,
        Err(problem) => Ok(Some(format!("{problem}, or apply the policy with another"))),
    }
}

/// Ends a session that can back up nothing. Every slot stays owed.
async fn end_failed(app: &App, session: &mut Session, why: Vec<String>, owed: usize) -> Result<(), Error> {
    tracing::error!(?why, "session failed");
    session.problems.extend(why);
    session.status = if session.stopped.is_some() { Status::Canceled } else { Status::Failed };
    session.ended_at = Some(app.context.now());
    app.notices.publish(&Notice::SessionEnded(SessionEnded::of(session, std::iter::empty()))).await?;
    measure_end(app, session, owed);
    app.catalog.commit([Write::of(session)]).await
}
