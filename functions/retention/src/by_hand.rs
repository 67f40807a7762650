//! Removal by hand: one restore point, or the manual backups of a table. The same guards hold as for a run,
//! but for those that only say that a point is not outdated.

use backup_chain_aws::Edge;
use backup_chain_aws::clock::Deadline;
use backup_chain_core::ids::{PointId, TableName};
use backup_chain_core::point::{Kind, RestorePoint, State};
use backup_chain_core::retention::{self, Guards, Reason, Verdict};

use crate::{Fate, Report, RetentionError, decided, plan, reason_text, remove, vault_name};

/// Removes one restore point of a table.
pub(crate) async fn one(
    edge: &Edge,
    table: &TableName,
    id: &PointId,
    vault: Option<&str>,
    dry_run: bool,
    deadline: Deadline,
) -> Result<Report, RetentionError> {
    let place = |point: &RestorePoint| vault_name(&point.vault);
    let mut found = edge.catalog().points_of_table(table).await?;
    found.retain(|point| point.id == *id && !point.state.is_past());
    found.retain(|point| vault.is_none_or(|vault| vault == place(point)));
    if found.len() > 1 {
        let vaults = found.iter().map(place).collect::<Vec<_>>().join(" and ");
        return Err(RetentionError::Ambiguous { point: id.clone(), vaults });
    }
    let Some(mut point) = found.pop() else {
        let place = vault.map(|vault| format!(" in {vault}")).unwrap_or_default();
        return Err(RetentionError::UnknownPoint { table: table.clone(), point: id.clone(), place });
    };
    let guarding = guarding(edge, &mut point).await?;
    if !guarding.is_empty() {
        return Err(RetentionError::Guarded { point: id.clone(), why: reason_text(&guarding) });
    }
    let mut report =
        Report { dry_run, digest: retention::digest([plan::name(&point).as_str()]), ..Report::default() };
    let fate = if point.state == State::Deleted {
        Fate::Gone
    } else if dry_run {
        Fate::Outdated
    } else {
        remove::remove(edge, point.clone(), "removed by hand", &mut report).await
    };
    report.points.push(decided(&point, fate, Vec::new()));
    remove::confirm(edge, &mut report, deadline).await?;
    Ok(report)
}

/// Removes the manual backups of a table, of every creation of it.
pub(crate) async fn manual(
    edge: &Edge,
    table: &TableName,
    dry_run: bool,
    deadline: Deadline,
) -> Result<Report, RetentionError> {
    let mut points = edge.catalog().points_of_table(table).await?;
    points.retain(|point| point.kind == Kind::Manual && !point.state.is_past());
    let mut report = Report { dry_run, ..Report::default() };
    let names: Vec<String> = points.iter().map(plan::name).collect();
    report.digest = retention::digest(names.iter().map(String::as_str));
    for mut point in points {
        let guarding = guarding(edge, &mut point).await?;
        let fate = if point.state == State::Deleted {
            Fate::Gone
        } else if !guarding.is_empty() {
            Fate::Kept
        } else if dry_run || !deadline.allows_work(edge.clock().now()) {
            Fate::Outdated
        } else {
            remove::remove(edge, point.clone(), "removed by hand", &mut report).await
        };
        report.points.push(decided(&point, fate, guarding));
    }
    remove::confirm(edge, &mut report, deadline).await?;
    Ok(report)
}

/// What keeps a point even from removal by hand: everything that does not merely say that its time has not
/// come.
async fn guarding(edge: &Edge, point: &mut RestorePoint) -> Result<Vec<Reason>, RetentionError> {
    plan::believe(edge, point).await?;
    let chain = match point.kind {
        Kind::Manual => vec![point.clone()],
        Kind::Backup | Kind::Copy => {
            let mut chain = edge.catalog().chain(&point.table, &point.vault).await?;
            for other in &mut chain {
                if other.id == point.id {
                    *other = point.clone();
                }
            }
            chain
        }
    };
    let vault = edge.region(&point.vault.region).backup.vault(&point.vault.name).await?;
    let guards = Guards {
        vault_locked: vault.locked,
        being_copied: plan::being_copied(edge, &point.table, &point.vault).await?,
        ..Guards::default()
    };
    let verdicts = retention::plan(&chain, edge.clock().now(), &guards);
    let verdict: Option<Verdict> = verdicts.into_iter().find(|verdict| verdict.id == point.id);
    let reasons = verdict.map(|verdict| verdict.reasons).unwrap_or_default();
    // By hand a point goes before its time: its age, its flags and its being manual are no hindrance.
    Ok(reasons
        .into_iter()
        .filter(|reason| match reason {
            Reason::Live { .. }
            | Reason::Manual
            | Reason::TooYoung
            | Reason::NoRetention
            | Reason::Outdated { .. } => false,
            Reason::NotFinal { state } => *state != State::Available,
            Reason::Newest { .. }
            | Reason::Held { .. }
            | Reason::Suspect { .. }
            | Reason::BeingCopied
            | Reason::VaultLocked
            | Reason::FutureDated => true,
        })
        .collect())
}
