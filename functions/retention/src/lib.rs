//! The retention function: removes outdated restore points, and what is asked to be removed by hand.
//!
//! A run plans first: only chains with a point whose last flag has lapsed are read, the metadata of every such
//! point is opened and believed or not, and each point is kept or removed with its reasons. Then the brakes are
//! asked, and only then is anything deleted; gone is what AWS Backup no longer knows.

mod by_hand;
mod plan;
mod reconcile;
mod remove;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{AwsError, Edge};
use backup_chain_core::ids::{PointId, TableName, VaultArn};
use backup_chain_core::invoke::RetentionRequest;
use backup_chain_core::retention::{self, Braked, Reason};
use serde::Serialize;
use thiserror::Error;

/// What one run found and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Nothing was to be changed.
    pub dry_run: bool,
    /// What would be or was removed, for `confirm`.
    pub digest: String,
    /// Why nothing was removed although something is outdated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub braked: Option<Braked>,
    /// Every point that was decided about, chain by chain, oldest first.
    pub points: Vec<Decided>,
    /// What is in the way and needs a look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What became of one restore point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// Its table.
    pub table: TableName,
    /// Its vault, as `<Region>/<vault>`.
    pub vault: String,
    /// The point.
    pub point: PointId,
    /// What was decided, and what came of it.
    pub fate: Fate,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The reasons in words.
    pub why: Vec<String>,
}

/// What was decided about a point, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays.
    Kept,
    /// It is outdated; nothing was done.
    Outdated,
    /// It is gone.
    Removed,
    /// Somebody removed its recovery point at AWS Backup.
    Gone,
    /// Its deletion has been asked for.
    Removing,
    /// AWS refuses to delete it; it is tried again.
    Blocked,
}

/// Why a request was refused or failed.
#[derive(Debug, Error)]
pub enum RetentionError {
    /// The point is not there.
    #[error("table {table} has no restore point {point}{place}: see the list of its points")]
    UnknownPoint {
        /// The table.
        table: TableName,
        /// The point.
        point: PointId,
        /// ` in <vault>`, or nothing.
        place: String,
    },
    /// The id stands for several points.
    #[error("restore point {point} is in {vaults}: name one of them as the vault")]
    Ambiguous {
        /// The point.
        point: PointId,
        /// The vaults.
        vaults: String,
    },
    /// A guard keeps the point.
    #[error("restore point {point} is kept: {why}")]
    Guarded {
        /// The point.
        point: PointId,
        /// The guards.
        why: String,
    },
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// Answers one request.
///
/// # Errors
/// [`RetentionError`]: what was wrong with the request, or which call to AWS failed.
pub async fn handle(
    edge: &Edge,
    request: RetentionRequest,
    deadline: Deadline,
) -> Result<Report, RetentionError> {
    match request {
        RetentionRequest::Run { dry_run, confirm } => run(edge, dry_run, confirm.as_deref(), deadline).await,
        RetentionRequest::Remove { table, point, vault, dry_run } => {
            by_hand::one(edge, &table, &point, vault.as_deref(), dry_run, deadline).await
        }
        RetentionRequest::RemoveManual { table, dry_run } => {
            by_hand::manual(edge, &table, dry_run, deadline).await
        }
    }
}

async fn run(
    edge: &Edge,
    dry_run: bool,
    confirm: Option<&str>,
    deadline: Deadline,
) -> Result<Report, RetentionError> {
    let mut report = Report { dry_run, ..Report::default() };
    if !dry_run {
        remove::follow_up(edge, &mut report).await?;
        reconcile::reconcile(edge, &mut report).await?;
    }
    let chains = plan::outdated_chains(edge, &mut report).await?;
    let removals: Vec<String> = chains.iter().flat_map(plan::Chain::removals).map(plan::name).collect();
    let names: Vec<&str> = removals.iter().map(String::as_str).collect();
    report.digest = retention::digest(names.iter().copied());
    let brakes = &edge.deployment().brakes;
    if let Err(braked) = retention::brake(brakes, &names, edge.clock().ahead_of_aws(), confirm) {
        tracing::error!(%braked, "retention is braked");
        report.braked = Some(braked);
    }
    let may_remove = !dry_run && report.braked.is_none();
    for chain in chains {
        for (point, verdict) in chain.points {
            let fate = match (verdict.remove, may_remove && deadline.allows_work(edge.clock().now())) {
                (false, _) => Fate::Kept,
                (true, false) => Fate::Outdated,
                (true, true) => {
                    remove::remove(edge, point.clone(), &reason_text(&verdict.reasons), &mut report).await
                }
            };
            report.points.push(decided(&point, fate, verdict.reasons));
        }
    }
    remove::confirm(edge, &mut report, deadline).await?;
    let count = |fate| report.points.iter().filter(|decided| decided.fate == fate).count();
    tracing::info!(
        kept = count(Fate::Kept),
        removed = count(Fate::Removed) + count(Fate::Removing),
        blocked = count(Fate::Blocked),
        outdated = count(Fate::Outdated),
        "retention ran"
    );
    Ok(report)
}

/// A vault as reports and requests name it.
pub(crate) fn vault_name(vault: &VaultArn) -> String {
    format!("{}/{}", vault.region, vault.name)
}

pub(crate) fn reason_text(reasons: &[Reason]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) fn decided(
    point: &backup_chain_core::point::RestorePoint,
    fate: Fate,
    reasons: Vec<Reason>,
) -> Decided {
    Decided {
        table: point.table.arn.name.clone(),
        vault: vault_name(&point.vault),
        point: point.id.clone(),
        fate,
        why: reasons.iter().map(ToString::to_string).collect(),
        reasons,
    }
}
