//! Removal by an operator: planned, confirmed, and kept in the history. The same guards hold as for a run, but for
//! those that only say that a point is not outdated, and those that are overridden by name.

use std::collections::BTreeMap;

use backup_chain_aws::App;
use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_core::history::Action;
use backup_chain_core::ids::{PointId, Table, TableName, VaultArn};
use backup_chain_core::invoke::{Removal, Which};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::retention::{
    self, Decided, Guard, OperatorRemoval, PointFate, PointVerdict, Reason, Report, name_of,
};

use crate::error::RetentionError;
use crate::work::Work;
use crate::{plan, remove};

/// So many points are named in the history.
const MAX_NAMED: usize = 200;

pub(crate) async fn remove(app: &App, asked: Removal, deadline: Deadline) -> Result<Report, RetentionError> {
    let mut work = Work::begin(app, !asked.dry_run).await?;
    let wanted = wanted(app, &asked).await?;
    let mut planned = judge(&mut work, &wanted, &asked.override_guards).await?;
    planned.sort_by(|(a, _), (b, _)| (a.place(), &a.id).cmp(&(b.place(), &b.id)));
    if let (Which::Point(_), [(point, verdict)]) = (&asked.which, planned.as_slice())
        && !verdict.remove
        && point.state() != State::Deleted
    {
        return Err(guarded(point, &verdict.reasons));
    }
    let overrides = |verdict: &PointVerdict| {
        verdict.reasons.iter().any(|reason| matches!(reason, Reason::Overridden { .. }))
    };
    let is_reasoned = asked.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
    if !is_reasoned && planned.iter().any(|(_, verdict)| verdict.remove && overrides(verdict)) {
        return Err(RetentionError::NoReason);
    }
    let names: Vec<String> =
        planned.iter().filter(|(_, verdict)| verdict.remove).map(|(point, _)| name_of(point)).collect();
    let digest = retention::digest(names.iter().map(String::as_str));
    if let Some(seen) = asked.confirm.as_ref().filter(|seen| **seen != digest) {
        return Err(RetentionError::PlanChanged { seen: seen.clone(), now: digest });
    }
    let removals: Vec<&str> = names.iter().map(String::as_str).collect();
    // What an operator asks for is confirmed by their asking, however much it is.
    let braked = work.braked(&removals, Some(&digest)).await?;
    let mut report = Report { dry_run: asked.dry_run, digest, braked, ..Report::default() };
    let acts = !asked.dry_run && report.braked.is_none();
    if acts && !names.is_empty() {
        note(app, &asked, &planned).await?;
    }
    for (point, verdict) in planned {
        let fate = if point.state() == State::Deleted {
            PointFate::Gone
        } else if !verdict.remove {
            PointFate::Keep
        } else if acts && deadline.allows_work(app.context.now()) {
            let why = format!("removed {}", retention::reason_text(&verdict.reasons));
            remove::remove(app, point.clone(), &why, &mut report).await
        } else {
            PointFate::Remove
        };
        report.points.push(Decided::of(&point, fate, verdict.reasons, work.now));
    }
    remove::wait_for_deletions(app, &mut report, deadline).await?;
    Ok(report)
}

/// Writes into the history what is about to be removed, by whom and why.
async fn note(
    app: &App,
    asked: &Removal,
    planned: &[(RestorePoint, PointVerdict)],
) -> Result<(), RetentionError> {
    let mut entry = app.context.entry(Action::PointsRemoved, asked.table.to_string(), asked.by.clone());
    entry.reason.clone_from(&asked.reason);
    let going: Vec<_> = planned.iter().filter(|(_, verdict)| verdict.remove).collect();
    let line = |(point, verdict): &&(RestorePoint, PointVerdict)| {
        format!("{}: {}", name_of(point), retention::reason_text(&verdict.reasons))
    };
    entry.details = going.iter().take(MAX_NAMED).map(line).collect();
    if going.len() > MAX_NAMED {
        entry.details.push(format!("and {} more", going.len() - MAX_NAMED));
    }
    Ok(app.catalog.commit([Write::of(&mut entry)]).await?)
}

/// The points that are meant and not past.
async fn wanted(app: &App, asked: &Removal) -> Result<Vec<RestorePoint>, RetentionError> {
    let kind = match &asked.which {
        Which::Point(id) => return Ok(vec![find(app, &asked.table, id, asked.vault.as_deref()).await?]),
        Which::Backups => Some(PointKind::Backup),
        Which::Copies => Some(PointKind::Copy),
        Which::Manual => Some(PointKind::Manual),
        Which::All => None,
    };
    let mut points = app.catalog.whole_points_of_table(&asked.table).await?;
    points.retain(|point| {
        !point.state().is_past()
            && kind.is_none_or(|kind| point.kind == kind)
            && asked.vault.as_ref().is_none_or(|vault| point.is_in(vault))
    });
    Ok(points)
}

/// The restore point of a table that is meant.
pub(crate) async fn find(
    app: &App,
    table: &TableName,
    id: &PointId,
    vault: Option<&str>,
) -> Result<RestorePoint, RetentionError> {
    let records = app.catalog.point_records_of_table(table).await?;
    let unread = records.iter().find_map(|record| record.clone().err());
    let mut found: Vec<RestorePoint> = records.into_iter().filter_map(Result::ok).collect();
    found.retain(|point| point.id == *id && !point.state().is_past());
    found.retain(|point| vault.is_none_or(|vault| point.is_in(vault)));
    if found.len() > 1 {
        let vaults = found.iter().map(RestorePoint::place).collect::<Vec<_>>().join(" and ");
        return Err(RetentionError::Ambiguous { point: id.clone(), vaults });
    }
    if let Some(point) = found.pop() {
        return Ok(point);
    }
    // It may be what is meant.
    if let Some(record) = unread {
        return Err(backup_chain_aws::Error::from(record).into());
    }
    let place = vault.map(|vault| format!(" in {vault}")).unwrap_or_default();
    Err(RetentionError::UnknownPoint { table: table.clone(), point: id.clone(), place })
}

/// What becomes of each of the points, judged within its chain and by metadata that is believed.
async fn judge(
    work: &mut Work<'_>,
    wanted: &[RestorePoint],
    overridden: &[Guard],
) -> Result<Vec<(RestorePoint, PointVerdict)>, RetentionError> {
    let mut chains: BTreeMap<(Table, VaultArn, bool), Vec<&RestorePoint>> = BTreeMap::new();
    for point in wanted {
        let chain = (point.table.clone(), point.vault.clone(), point.kind == PointKind::Manual);
        chains.entry(chain).or_default().push(point);
    }
    let mut judged = Vec::with_capacity(wanted.len());
    for ((table, vault, is_manual), asked) in chains {
        let mut chain = match is_manual {
            true => asked.into_iter().cloned().collect(),
            false => work.app.catalog.chain(&table, &vault).await?,
        };
        let is_wanted = |point: &RestorePoint| {
            wanted.iter().any(|wanted| wanted.id == point.id && wanted.vault == point.vault)
        };
        for point in chain.iter_mut().filter(|point| is_wanted(point)) {
            plan::verify_metadata(work, point).await?;
        }
        let guards = work.guards(&table, &vault, &chain).await?;
        let mut verdicts: BTreeMap<usize, PointVerdict> = retention::plan(&chain, work.now, &guards)
            .into_iter()
            .map(|verdict| (verdict.index, retention::for_operator(verdict, overridden)))
            .collect();
        for (index, point) in chain.into_iter().enumerate() {
            if !is_wanted(&point) {
                continue;
            }
            // One that turned out to be gone has no verdict.
            let none = PointVerdict { index, remove: false, reasons: Vec::new() };
            judged.push((point, verdicts.remove(&index).unwrap_or(none)));
        }
    }
    Ok(judged)
}

fn guarded(point: &RestorePoint, reasons: &[Reason]) -> RetentionError {
    let guards: Vec<Guard> = reasons.iter().filter_map(Reason::guard).collect();
    let may_all = guards.iter().all(|guard| guard.for_operator() == OperatorRemoval::Asks);
    let flags: Vec<String> = guards.iter().map(|guard| format!("--override-guard {guard}")).collect();
    let way_out = if may_all && !flags.is_empty() {
        format!("; to remove it all the same, add {} --reason WHY", flags.join(" "))
    } else {
        String::new()
    };
    RetentionError::Guarded { point: point.id.clone(), why: retention::reason_text(reasons), way_out }
}
