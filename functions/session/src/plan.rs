//! Planning a session: which tables get a restore point, with which flags, recorded before anything starts.

use std::collections::BTreeMap;

use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::dynamodb::Found;
use backup_chain_aws::policies::Active;
use backup_chain_aws::scope::{self, Selected};
use backup_chain_aws::{AwsError, Edge, Meaning};
use backup_chain_core::due::{self, ChainView};
use backup_chain_core::ids::{PointId, Table, VaultArn};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::notice::{Notice, SessionEnded};
use backup_chain_core::point::{CopyFlags, Kind, PolicyRef, RestorePoint};
use backup_chain_core::session::{Session, Skipped, Status, Trigger};
use backup_chain_core::table::TableHead;
use backup_chain_core::tier::Flag;
use futures_util::{StreamExt, stream};

use crate::check::{find_vault, region_problem, target_vault};
use crate::start::measure_end;
use crate::{SessionError, named};

/// How many tables are looked at side by side.
const ABREAST: usize = 8;
/// How many passed-over tables a session remembers by name.
const MOST_SKIPPED: usize = 200;

/// Records a restore point for every table of the session that needs one. A session that was cut off here is
/// planned again: tables that have their point already are passed by.
pub(crate) async fn plan(
    edge: &Edge,
    policies: &[Active],
    session: &mut Session,
    deadline: Deadline,
) -> Result<(), SessionError> {
    let active = match &session.policy {
        None => None,
        Some(wanted) => match policies.iter().find(|active| active.policy.name == wanted.name) {
            Some(active) => Some(active),
            None => return refuse(edge, session, "its policy is not stored any more".to_owned(), 0).await,
        },
    };
    let vault = match active {
        Some(active) => &active.policy.vault,
        None => session.vault.as_ref().unwrap_or(&edge.deployment().vault),
    };
    let vault = edge.deployment().vault_arn(vault);
    let in_the_way = source_problem(edge, &vault).await?;
    let mut problems = Vec::new();
    for target in active.map(|active| active.policy.copies.as_slice()).unwrap_or_default() {
        problems.extend(target_vault(edge, &target.vault).await?.err());
    }

    let Selected { tables, mut skipped } = match active {
        Some(active) => scope::of_policy(edge, policies, &active.policy).await?,
        None => named::named(edge, &session.tables),
    };
    let found = edge.source().dynamodb.find_each(tables).await?;
    let mut there: Vec<Table> = Vec::new();
    for (name, found) in found {
        let why = match found {
            None => "there is no such table".to_owned(),
            Some(Found { unfit: Some(why), .. }) => why,
            Some(Found { table, unfit: None, .. }) => {
                there.push(table);
                continue;
            }
        };
        skipped.push(Skipped { table: name.to_string(), why, warning: true });
    }

    let known = edge.catalog().heads(&there).await?;
    let mut known: BTreeMap<Table, TableHead> =
        known.into_iter().map(|head| (head.table.clone(), head)).collect();
    if let Some(active) = active {
        measure_age(edge, active, session, known.values());
    }
    if let Some(problem) = in_the_way {
        let mut owed = 0;
        if let Some(active) = active {
            let heads = there
                .into_iter()
                .map(|table| known.remove(&table).unwrap_or_else(|| TableHead::new(table, session.since)));
            let heads: Vec<TableHead> = heads.collect();
            owed = heads.iter().map(|head| owed_by(active, session, head.clone(), &vault)).sum();
            take_into_care(edge, active, session, heads.into_iter()).await?;
        }
        return refuse(edge, session, problem, owed).await;
    }
    let mut planned = 0;
    let mut writes: Vec<(RestorePoint, TableHead)> = Vec::new();
    for table in there {
        let head = known.remove(&table);
        match give(active, session, &vault, table, head) {
            Given::Already => planned += 1,
            Given::Skipped(skip) => skipped.push(skip),
            Given::Point(point, head) => {
                planned += 1;
                writes.push((*point, *head));
            }
        }
    }
    let mut commits = stream::iter(writes).map(|(point, head)| record(edge, point, head)).buffered(ABREAST);
    while let Some(committed) = commits.next().await {
        committed?;
        if !deadline.allows_work(edge.clock().now()) {
            return Ok(());
        }
    }
    skipped.sort();
    skipped.truncate(MOST_SKIPPED);
    session.planned = planned;
    session.skipped = skipped;
    session.problems = problems;
    session.status = Status::Running;
    edge.catalog().commit([Write::of(session)]).await?;
    Ok(())
}

/// How old the newest backup of the policy's tables has become before this session: that of the table worst off.
fn measure_age<'a>(
    edge: &Edge,
    active: &Active,
    session: &Session,
    heads: impl Iterator<Item = &'a TableHead>,
) {
    let (policy, region) = (&active.policy.name, &edge.deployment().region);
    if let Some(oldest) = heads.filter_map(|head| head.backed_up_until(policy, region)).min() {
        let age = session.started_at.duration_since(oldest);
        edge.measure(&Measured::of_session(session).took(Metric::NewestPointAge, age));
    }
}

/// How many slots a table stays without when the session can back up nothing.
fn owed_by(active: &Active, session: &Session, mut head: TableHead, vault: &VaultArn) -> usize {
    adopt(&mut head, active, session);
    flags_of(active, session, &head, vault).map_or(0, |(flags, _)| session.owes(&flags))
}

/// Records a point with its table's head, unless this session has done so before.
async fn record(edge: &Edge, mut point: RestorePoint, mut head: TableHead) -> Result<(), AwsError> {
    match edge.catalog().commit([Write::of(&mut point), Write::of(&mut head)]).await {
        Err(error)
            if error.meaning == Meaning::Condition && edge.catalog().point(&point).await?.is_some() =>
        {
            Ok(())
        }
        other => other,
    }
}

/// What a session gives a table.
enum Given {
    /// Its point is recorded already.
    Already,
    /// Nothing, for this reason.
    Skipped(Skipped),
    /// A point, to be recorded with the table's head.
    Point(Box<RestorePoint>, Box<TableHead>),
}

fn give(
    active: Option<&Active>,
    session: &Session,
    vault: &VaultArn,
    table: Table,
    head: Option<TableHead>,
) -> Given {
    let name = table.arn.name.to_string();
    let skip =
        |why: &str, warning| Given::Skipped(Skipped { table: name.clone(), why: why.to_owned(), warning });
    let mut head = head.unwrap_or_else(|| TableHead::new(table.clone(), session.since));
    let id = PointId::of(session.started_at, &session.id, &table.id);
    if head.planned.as_ref() == Some(&id) {
        return Given::Already;
    }
    let (mut flags, mut copies) = (Vec::new(), Vec::new());
    if let Some(active) = active {
        adopt(&mut head, active, session);
        let backing_up = head.open.as_ref().is_some_and(|open| open.kind == Kind::Backup);
        if head.planned.is_some() || backing_up {
            return skip("its previous backup is not final; what is due is owed to its next point", true);
        }
        match flags_of(active, session, &head, vault) {
            Ok((some, also)) if !some.is_empty() => (flags, copies) = (some, also),
            Ok(_) => return skip("nothing is due for it: an available point carries every slot", false),
            Err(error) => return skip(&error.to_string(), true),
        }
    }
    let kind = if active.is_some() { Kind::Backup } else { Kind::Manual };
    let retried = active.filter(|_| session.trigger == Trigger::Schedule);
    let point = RestorePoint {
        policy: active.map(|active| active.stored.reference()),
        flags,
        copies,
        retry: retried.map(|active| active.policy.retries.into()),
        ..RestorePoint::planned(id, kind, table, vault.clone(), session.id.clone(), session.slot)
    };
    head.gone_since = None;
    if kind == Kind::Backup {
        head.planned = Some(point.id.clone());
    }
    Given::Point(Box::new(point), Box::new(head))
}

/// A table that is new to its policy owes no slot from before. Tells whether it is new.
fn adopt(head: &mut TableHead, active: &Active, session: &Session) -> bool {
    let is_new = head.policy.as_ref() != Some(&active.policy.name);
    if is_new {
        head.since = session.since;
        head.policy = Some(active.policy.name.clone());
    }
    is_new
}

/// Records the tables of a session that can back up nothing: what is due is owed to those, too, that never had a
/// backup.
async fn take_into_care(
    edge: &Edge,
    active: &Active,
    session: &Session,
    heads: impl Iterator<Item = TableHead>,
) -> Result<(), AwsError> {
    let new = heads.filter_map(|mut head| adopt(&mut head, active, session).then_some(head));
    let mut commits = stream::iter(new)
        .map(async |mut head| edge.catalog().commit([Write::of(&mut head)]).await)
        .buffered(ABREAST);
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
    let trigger = match session.trigger {
        Trigger::ByHand => due::Trigger::ByHand(session.slot),
        Trigger::Schedule | Trigger::Manual => due::Trigger::Slot(session.slot),
    };
    // What is due is judged by the moment of the session, so that planning it again gives the same.
    let now = session.started_at;
    let chain = ChainView { since: head.since, met: head.met_in(vault), carried: BTreeMap::new() };
    let flags = due::flags(policy, &stored.state, &chain, trigger, now)?;
    let copies = policy.copies.iter().filter_map(|target| {
        let (met, carried) = (head.met_in(&target.vault), head.carried_to(&target.vault));
        let chain = ChainView { since: head.since, met, carried };
        let flags = due::copy_flags(policy, &stored.state, &target.vault, &chain, trigger, now);
        (!flags.is_empty()).then(|| CopyFlags { vault: target.vault.clone(), flags })
    });
    Ok((flags, copies.collect()))
}

/// What stands in the way of every backup.
async fn source_problem(edge: &Edge, vault: &VaultArn) -> Result<Option<String>, SessionError> {
    let backup = &edge.source().backup;
    match find_vault(backup, &vault.name, &vault.region, "create it").await? {
        Ok(_) => region_problem(backup, &vault.region).await,
        Err(problem) => Ok(Some(format!("{problem}, or apply the policy with another"))),
    }
}

/// Ends a session that can back up nothing. Every slot stays owed.
async fn refuse(
    edge: &Edge,
    session: &mut Session,
    problem: String,
    owed: usize,
) -> Result<(), SessionError> {
    tracing::error!(problem, "session failed");
    session.problems.push(problem);
    session.status = Status::Failed;
    session.ended_at = Some(edge.clock().now());
    edge.tell(&Notice::SessionEnded(SessionEnded::of(session, std::iter::empty()))).await?;
    measure_end(edge, session, owed);
    edge.catalog().commit([Write::of(session)]).await?;
    Ok(())
}

/// The policy that made a point, for messages.
pub(crate) fn maker(policy: Option<&PolicyRef>) -> String {
    policy.map_or_else(|| "manual backup".to_owned(), |policy| policy.name.to_string())
}
