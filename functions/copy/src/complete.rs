//! What became of a job: the restore point is completed, or failed.

use std::collections::BTreeMap;

use backup_chain_aws::backup::{Job, JobState, PointState};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::ledger::SWEEP;
use backup_chain_aws::seal::{OpenError, Seen};
use backup_chain_aws::{AwsError, Edge, Meaning, logs};
use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::metadata::{TAGS, tags};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::point::{Hold, Kind, RestorePoint};
use backup_chain_core::settings::TableSettings;

use jiff::SignedDuration;
use tracing::Instrument as _;

use crate::{Work, copies};

/// Asks AWS Backup about a running job and moves its restore point accordingly.
pub(crate) async fn follow(work: &Work<'_>, mut point: RestorePoint) -> Result<(), AwsError> {
    let edge = work.edge;
    let Some(id) = point.job.clone() else {
        return edge.mark_failed(&mut point, "its job is not recorded").await;
    };
    // Backup and copy jobs alike are those of the source Region.
    let backup = &edge.source().backup;
    let job = match point.kind {
        Kind::Copy => backup.copy_job(&id).await,
        Kind::Backup | Kind::Manual => backup.backup_job(&id).await,
    };
    let job = match job {
        Ok(job) => job,
        Err(error) if error.meaning == Meaning::NotFound => {
            edge.mark_failed(&mut point, &format!("AWS does not know job {id} any more")).await?;
            measure_failed(edge, &point);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match &job.state {
        JobState::Open => look_again(work, &mut point).await,
        JobState::Failed(state) => {
            let why = job.message.as_deref().unwrap_or("AWS gives no reason");
            edge.mark_try_failed(&mut point, &format!("{state}: {why}")).await?;
            measure_failed(edge, &point);
            Ok(())
        }
        JobState::Completed => complete(work, point, job).await,
    }
}

/// The job is not final: the next sweep looks again.
async fn look_again(work: &Work<'_>, point: &mut RestorePoint) -> Result<(), AwsError> {
    let now = work.edge.clock().now();
    if point.check_at.is_some_and(|at| at > now) {
        return Ok(());
    }
    point.check_at = Some(now + SWEEP);
    work.edge.catalog().commit([Write::of(point)]).await
}

/// The job is done: what it made is looked at, and believed only if its metadata is ours and fits.
async fn complete(work: &Work<'_>, mut point: RestorePoint, job: Job) -> Result<(), AwsError> {
    let edge = work.edge;
    let region = edge.region(&point.vault.region);
    let Some(arn) = job.arn.clone().or_else(|| point.arn.clone()) else {
        edge.mark_failed(&mut point, "the job completed without a recovery point").await?;
        measure_failed(edge, &point);
        return Ok(());
    };
    let made = match region.backup.point(&point.vault.name, &arn).await {
        Ok(made) => made,
        Err(error) if error.meaning == Meaning::NotFound => {
            edge.mark_failed(&mut point, "its recovery point was removed before it was recorded").await?;
            measure_failed(edge, &point);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if made.state != PointState::Usable {
        return look_again(work, &mut point).await;
    }
    let found = region.backup.tags(&arn).await?;
    let seen = Seen { tags: &found, created_at: made.created_at, region: &point.vault.region };
    match edge.open(&point, &seen).await {
        Ok((_, settings)) => point.warnings.extend(drift(work, &point, &settings).await),
        Err(OpenError::Aws(error)) if error.is_transient() => return Err(error),
        Err(error) => {
            tracing::error!(%error, "restore point is suspect: it is kept and counts for nothing");
            point.suspect = Some(error.to_string());
        }
    }
    if found.contains_key(tags::HOLD) && point.hold.is_none() {
        point.hold = Some(Hold::by_tag());
    }
    if let Some(message) = job.message {
        point.warnings.push(format!("AWS Backup: {message}"));
    }
    if point.suspect.is_none() {
        point.warnings.extend(add_tags(work, &point, &arn, &found).await?);
    }
    point.arn = Some(arn);
    point.created_at = made.created_at;
    point.bytes = made.bytes;
    let took = job.completed_at.zip(job.created_at).map(|(end, start)| end.duration_since(start));
    let copy_took = took.filter(|_| point.kind == Kind::Copy);
    let copies = edge.mark_available(&mut point, copy_took).await?;
    measure_completed(edge, &point, took);
    tracing::info!(suspect = point.suspect.is_some(), copies = copies.len(), "restore point available");
    for copy in copies {
        let span = logs::of_point(&copy);
        copies::advance(work, copy).instrument(span).await?;
    }
    Ok(())
}

/// Measures a job that made no restore point.
fn measure_failed(edge: &Edge, point: &RestorePoint) {
    edge.measure(&Measured::of_point(point).with(Metric::JobsEnded, 1).with(Metric::JobsFailed, 1));
}

/// Measures a job that did. Whether a point is believed is told only where it is not: what retention counts stays true
/// until its next run.
fn measure_completed(edge: &Edge, point: &RestorePoint, took: Option<SignedDuration>) {
    let mut measured = Measured::of_point(point).with(Metric::JobsEnded, 1).with(Metric::JobsFailed, 0);
    let duration = if point.kind == Kind::Copy { Metric::CopyDuration } else { Metric::BackupDuration };
    if let Some(took) = took {
        measured = measured.took(duration, took);
    }
    if point.kind != Kind::Copy {
        measured = measured.with(Metric::PointsAvailable, 1);
    }
    if point.suspect.is_some() {
        measured = measured.with(Metric::PointsSuspect, 1);
    }
    edge.measure(&measured);
}

/// Adds the policy's own tags to a backup, where there is room: its copies inherit them. What cannot be added is
/// a warning, for the point is as good without.
async fn add_tags(
    work: &Work<'_>,
    point: &RestorePoint,
    arn: &RecoveryPointArn,
    found: &BTreeMap<String, String>,
) -> Result<Option<String>, AwsError> {
    let policy = point.policy.as_ref().and_then(|made| work.policy(&made.name));
    let Some(wanted) = policy.map(|active| &active.policy.tags).filter(|_| point.kind == Kind::Backup) else {
        return Ok(None);
    };
    let mut missing = wanted.clone();
    missing.retain(|key, value| found.get(key) != Some(value));
    if missing.is_empty() {
        return Ok(None);
    }
    let new = missing.keys().filter(|key| !found.contains_key(*key)).count();
    // One place is kept for a hold.
    if found.len() + new >= TAGS {
        return Ok(Some(
            "there is no room for the policy's tags: the table has too many of its own".to_owned(),
        ));
    }
    match work.edge.region(&point.vault.region).backup.tag(arn, &missing).await {
        Ok(()) => Ok(None),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => Ok(Some(format!("the policy's tags could not be added: {error}"))),
    }
}

/// Whether the settings changed while the backup was made: the items are of one moment, the captured settings
/// of another.
async fn drift(work: &Work<'_>, point: &RestorePoint, captured: &TableSettings) -> Option<String> {
    if point.kind == Kind::Copy {
        return None;
    }
    match work.edge.capture(&point.table.arn.region, &point.table.arn.name).await {
        Ok(now) if now.table != point.table => {
            Some("the table was dropped while it was backed up".to_owned())
        }
        Ok(now) => {
            let changed = captured.changes(&now.settings);
            (!changed.is_empty()).then(|| {
                format!("the table's settings changed while it was backed up: {}", changed.join(", "))
            })
        }
        Err(error) => {
            Some(format!("whether its settings changed while it was backed up is not known: {error}"))
        }
    }
}
