//! What became of a job: the restore point is completed, or failed.

use std::collections::BTreeMap;

use backup_chain_aws::backup::{Job, JobState, PointState, Tagged};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::ledger::SWEEP;
use backup_chain_aws::seal::{OpenError, Seen};
use backup_chain_aws::{AwsError, Edge, Meaning, logs};
use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::metadata::tags::OURS;
use backup_chain_core::metadata::{TAGS, tags};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::point::{Hold, Kind, Request, RestorePoint};
use backup_chain_core::settings::TableSettings;

use jiff::SignedDuration;
use tracing::Instrument as _;

use crate::{Work, copies};

/// How long a point that is made waits for what its metadata needs of AWS. Then it is available all the same: not
/// believed for now, and looked at again by each retention run.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

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
            let why = format!("{state}: {}", job.message.as_deref().unwrap_or("AWS gives no reason"));
            // A copy has the tags of its source, whatever they are.
            let is_tagged =
                matches!(&point.request, Some(Request::Backup(request)) if !request.tags.is_empty());
            if is_tagged && job.is_given_up_for_tags() {
                edge.mark_untagged(&mut point, &why).await?;
            } else {
                edge.mark_try_failed(&mut point, &why).await?;
            }
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
    let waits = job.completed_at.or(job.created_at).is_some_and(|at| edge.clock().now() < at + PATIENCE);
    let seen = Seen { arn: &arn, tags: &found, created_at: made.created_at, region: &point.vault.region };
    point.arn = Some(arn.clone());
    match edge.open(&point, &seen).await {
        Ok((_, settings)) => point.warnings.extend(drift(work, &point, &settings).await),
        Err(OpenError::Aws(error)) if error.is_transient() && waits => return Err(error),
        Err(error) => {
            tracing::error!(%error, "restore point is suspect: it is kept and counts for nothing");
            point.suspect.get_or_insert(error.to_string());
        }
    }
    match edge.name(&point).await {
        Err(error) if error.is_transient() && waits => return Err(error),
        Err(error) => point.warnings.push(format!(
            "its recovery point is not named in the settings table, so that a rebuilt catalog would not know it: {error}"
        )),
        Ok(()) => {}
    }
    if found.contains_key(tags::HOLD) && point.hold.is_none() {
        point.hold = Some(Hold::by_tag());
    }
    if let Some(message) = job.message {
        point.warnings.push(format!("AWS Backup: {message}"));
    }
    if point.suspect.is_none() {
        point.warnings.extend(add_tags(work, &point, &arn, &found, waits).await?);
    }
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

/// Adds the policy's own tags to a backup, as far as there is room: its copies inherit them. What cannot be added is
/// a warning, for the point is as good without.
async fn add_tags(
    work: &Work<'_>,
    point: &RestorePoint,
    arn: &RecoveryPointArn,
    found: &BTreeMap<String, String>,
    waits: bool,
) -> Result<Option<String>, AwsError> {
    let policy = point.policy.as_ref().and_then(|made| work.policy(&made.name));
    let Some(wanted) = policy.map(|active| &active.policy.tags).filter(|_| point.kind == Kind::Backup) else {
        return Ok(None);
    };
    let mut missing = wanted.clone();
    missing.retain(|key, value| found.get(key) != Some(value));
    // Without our id it is not ours to the function's rights.
    let left_out = if found.contains_key(tags::ID) {
        leave_room(&mut missing, found)
    } else {
        std::mem::take(&mut missing).into_keys().collect()
    };
    let left_out = (!left_out.is_empty()).then(|| {
        format!("there is no room for the policy's tags {}: they are left out", left_out.join(", "))
    });
    if missing.is_empty() {
        return Ok(left_out);
    }
    let refused = match work.edge.region(&point.vault.region).backup.tag(arn, &missing).await {
        Ok(Tagged::Done) => return Ok(left_out),
        Ok(Tagged::Refused(why)) => why,
        Err(error) if error.is_transient() && waits => return Err(error),
        Err(error) => error.to_string(),
    };
    Ok(Some(format!("the policy's tags could not be added: {refused}")))
}

/// Takes from `wanted` what has no room beside the tags that a recovery point has. AWS takes 50 on it, those that are
/// inherited from the table included, and by one of its pages 10 that are added. One place is kept for a hold.
fn leave_room(wanted: &mut BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let count =
        |is_it: &dyn Fn(&str) -> bool| found.keys().filter(|key| is_it(key) && *key != tags::HOLD).count();
    let mut room = (TAGS - 1).saturating_sub(count(&|key| !key.starts_with("aws:")));
    let mut added = (OURS - 1).saturating_sub(count(&|key| key.starts_with(tags::PREFIX)));
    let mut left_out = Vec::new();
    wanted.retain(|key, _| {
        let takes = usize::from(!found.contains_key(key));
        let fits = added > 0 && room >= takes;
        if fits {
            (added, room) = (added - 1, room - takes);
        } else {
            left_out.push(key.clone());
        }
        fits
    });
    left_out
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
