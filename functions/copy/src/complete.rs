//! What became of a job: the restore point is completed, or failed.

use std::collections::BTreeMap;

use backup_chain_aws::backup::{JobState, Point, PointState, Tagged};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::seen::Seen;
use backup_chain_aws::{App, AwsError, Error, Meaning, logs};
use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::metadata::tags::RESERVED_TAGS;
use backup_chain_core::metadata::{MAX_TAGS, tags};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::point::{Hold, PointKind, Progress, Request, RestorePoint};
use backup_chain_core::settings::TableSettings;
use backup_chain_core::transition::SWEEP_INTERVAL;
use backup_chain_core::wait;
use jiff::{SignedDuration, Timestamp};
use tracing::Instrument as _;

use crate::copies;
use crate::work::Work;

/// Asks AWS Backup about a running job and moves its restore point accordingly, if it still stands as it was listed.
pub(crate) async fn follow(work: &Work<'_>, listed: &RestorePoint) -> Result<(), Error> {
    let app = work.app;
    let Some(mut point) = app.catalog.reread_if_unchanged(listed).await? else { return Ok(()) };
    let Progress::Running { request, job: id, recovery_point, ended } = point.progress.clone() else {
        return Ok(());
    };
    if let (true, Some(arn)) = (ended, &recovery_point) {
        return complete(work, point, Ended::only_arn(arn.clone())).await;
    }
    // Backup and copy jobs alike are those of the source Region.
    let backup = &app.aws.source().backup;
    let job = match point.kind {
        PointKind::Copy => backup.copy_job(&id).await,
        PointKind::Backup | PointKind::Manual => backup.backup_job(&id).await,
    };
    let job = match job {
        Ok(job) => job,
        // A job that was just made may not be seen yet.
        Err(error) if error.meaning == Meaning::NotFound && !is_new(app, &point) => {
            app.ledger.mark_failed(&mut point, &format!("AWS does not know job {id} any more")).await?;
            measure_failed(app, &point);
            return Ok(());
        }
        Err(error) => return defer_job_check(work, point, error).await,
    };
    match &job.state {
        JobState::Open => recheck(work, &mut point).await,
        JobState::Failed(state) => {
            let why = format!("{state}: {}", job.message.as_deref().unwrap_or("AWS gives no reason"));
            // A copy has the tags of its source, whatever they are.
            let is_tagged = matches!(&request, Request::Backup(request) if !request.tags.is_empty());
            if is_tagged && job.is_given_up_for_tags() {
                app.ledger.mark_untagged(&mut point, &why).await?;
            } else {
                app.ledger.mark_try_failed(&mut point, &why).await?;
            }
            measure_failed(app, &point);
            Ok(())
        }
        JobState::Completed => {
            let Some(arn) = job.arn.clone().or(recovery_point) else {
                app.ledger.mark_failed(&mut point, "the job completed without a recovery point").await?;
                measure_failed(app, &point);
                return Ok(());
            };
            let took = job.completed_at.zip(job.created_at).map(|(end, start)| end.duration_since(start));
            complete(work, point, Ended { arn, at: job.completed_at, took, message: job.message }).await
        }
    }
}

fn is_new(app: &App, point: &RestorePoint) -> bool {
    point.requested_at.is_some_and(|at| app.context.now() < at + wait::CONSISTENCY)
}

/// How long looks at a point have failed: it should have been looked at since `check_at`.
fn overdue(app: &App, point: &RestorePoint) -> SignedDuration {
    point.check_at.map_or(SignedDuration::ZERO, |at| app.context.now().duration_since(at))
}

/// A job that cannot be looked at. A backup that is there says as much as its job would. Without either the point holds
/// its table for some hours, and then fails: no second job is started for what may yet come.
async fn defer_job_check(work: &Work<'_>, mut point: RestorePoint, error: AwsError) -> Result<(), Error> {
    let app = work.app;
    if let (PointKind::Backup | PointKind::Manual, Some(arn)) = (point.kind, point.recovery_point().cloned())
    {
        let found = app.aws.region(&point.vault.region).backup.point(&point.vault.name, &arn).await;
        if found.is_ok_and(|found| found.state == PointState::Usable) {
            return complete(work, point, Ended::only_arn(arn)).await;
        }
    }
    if overdue(app, &point) < wait::JOB {
        return Err(error.into());
    }
    let why = format!("its job could not be looked at for {} hours: {error}", wait::JOB.as_hours());
    app.ledger.mark_failed(&mut point, &why).await?;
    measure_failed(app, &point);
    Ok(())
}

/// It is not final yet: the next sweep looks again, unless a look is planned already.
async fn recheck(work: &Work<'_>, point: &mut RestorePoint) -> Result<(), Error> {
    let now = work.app.context.now();
    if point.check_at.is_some_and(|at| at > now) {
        return Ok(());
    }
    point.check_at = Some(now + SWEEP_INTERVAL);
    work.app.catalog.commit([Write::of(point)]).await
}

/// A job that is done.
struct Ended {
    /// What it made.
    arn: RecoveryPointArn,
    /// When; none where the job could not be looked at.
    at: Option<Timestamp>,
    /// How long it took.
    took: Option<SignedDuration>,
    /// What AWS has to say about it.
    message: Option<String>,
}

impl Ended {
    /// Of which nothing is known but what it made.
    fn only_arn(arn: RecoveryPointArn) -> Self {
        Self { arn, at: None, took: None, message: None }
    }
}

/// The job is done: what it made is looked at, and believed only if its metadata is ours and fits. What cannot be
/// looked at holds its table no longer. It is looked for again, and at last recorded as what it is: there, and not
/// believed.
async fn complete(work: &Work<'_>, mut point: RestorePoint, job: Ended) -> Result<(), Error> {
    let app = work.app;
    let region = app.aws.region(&point.vault.region);
    let arn = job.arn.clone();
    // What was just made may not be seen yet, nor its tags.
    let since = job.at.or(point.check_at).unwrap_or_else(|| app.context.now());
    let may_lag = app.context.now() < since + wait::CONSISTENCY;
    let made = match region.backup.point(&point.vault.name, &arn).await {
        Ok(made) => made,
        Err(error) if error.meaning == Meaning::NotFound && !may_lag => {
            app.ledger
                .mark_failed(&mut point, "its recovery point was removed before it was recorded")
                .await?;
            measure_failed(app, &point);
            return Ok(());
        }
        Err(error) => return defer_or_record_suspect(work, point, job, None, error).await,
    };
    if made.state != PointState::Usable {
        return recheck(work, &mut point).await;
    }
    let found = match region.backup.tags(&arn).await {
        Ok(found) => found,
        Err(error) => return defer_or_record_suspect(work, point, job, Some(made), error).await,
    };
    let seen = Seen::of(&made, &found, &point.vault.region);
    match app.sealer.open(&point, &seen).await {
        Ok((_, settings)) => match drift(work, &point, &settings).await {
            Ok(changed) => point.warnings.extend(changed),
            Err(error) if error.is_transient() && app.context.now() < since + wait::SETTINGS => {
                return defer_or_record_suspect(work, point, job, Some(made), error).await;
            }
            Err(error) => point
                .warnings
                .push(format!("whether its settings changed while it was backed up is not known: {error}")),
        },
        Err(OpenError::Aws(error)) if error.is_transient() => {
            return defer_or_record_suspect(work, point, job, Some(made), error).await;
        }
        Err(error) if may_lag => {
            tracing::info!(%error, "its tags may not be seen yet");
            point.check_at = Some(app.context.now() + RECHECK_AFTER);
            return app.catalog.commit([Write::of(&mut point)]).await;
        }
        Err(error) => {
            tracing::error!(%error, "restore point is suspect: it is kept and counts for nothing");
            point.suspect.get_or_insert(error.to_string());
        }
    }
    // A suspect point is not bound. Only its message is indexed under its ARN, so that it is found.
    let binding = match point.suspect {
        Some(_) => app.sealer.index_message(&point, &arn).await,
        None => app.sealer.bind(&mut point, &arn).await,
    };
    match binding {
        Err(error) if error.is_transient() && may_lag => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "not bound yet: the next run of retention tries again");
        }
        Ok(()) => {}
    }
    if found.contains_key(tags::HOLD) && point.hold.is_none() {
        point.hold = Some(Hold::by_tag());
    }
    if point.suspect.is_none() {
        point.warnings.extend(add_tags(work, &point, &arn, &found, may_lag).await?);
    }
    record(work, point, job, Some(made)).await
}

/// After what time what may not be seen yet is looked for again.
const RECHECK_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// What a job made cannot be looked at: first it is recorded that the job has ended; from then on the error is returned,
/// until its time is over, and the point is recorded as available and suspect.
async fn defer_or_record_suspect(
    work: &Work<'_>,
    mut point: RestorePoint,
    job: Ended,
    made: Option<Point>,
    error: AwsError,
) -> Result<(), Error> {
    let app = work.app;
    let timeout = if point.kind == PointKind::Copy { wait::COPY } else { wait::BACKUP };
    if !point.job_ended() {
        app.ledger.mark_job_ended(&mut point, &job.arn).await?;
        return Err(error.into());
    }
    if overdue(app, &point) < timeout {
        return Err(error.into());
    }
    tracing::error!(%error, "restore point is suspect: it could not be looked at");
    point.suspect = Some(format!("it could not be looked at for {} hours: {error}", timeout.as_hours()));
    record(work, point, job, made).await
}

/// Records a point that is there, and begins its copies.
async fn record(
    work: &Work<'_>,
    mut point: RestorePoint,
    job: Ended,
    made: Option<Point>,
) -> Result<(), Error> {
    let app = work.app;
    if let Some(message) = job.message {
        point.warnings.push(format!("AWS Backup: {message}"));
    }
    if let Some(made) = made {
        (point.created_at, point.bytes) = (made.created_at, made.bytes);
    }
    let copy_took = job.took.filter(|_| point.kind == PointKind::Copy);
    let copies = app.ledger.mark_available(&mut point, &job.arn, copy_took).await?;
    measure_completed(app, &point, job.took);
    tracing::info!(suspect = point.suspect.is_some(), copies = copies.len(), "restore point available");
    for copy in copies {
        let span = logs::of_point(&copy);
        if let Err(error) = Box::pin(copies::advance(work, &copy)).instrument(span.clone()).await {
            span.in_scope(|| app.context.record_deferred(&Measured::of_point(&copy), "a copy", &error));
        }
    }
    Ok(())
}

/// Measures a job that made no recovery point.
fn measure_failed(app: &App, point: &RestorePoint) {
    app.context.measure(&Measured::of_point(point).with(Metric::JobsEnded, 1).with(Metric::JobsFailed, 1));
}

/// Measures a job that made one. How many points are suspect is measured only where this one is: a 0 here would hide the
/// count of the last retention run.
fn measure_completed(app: &App, point: &RestorePoint, took: Option<SignedDuration>) {
    let mut measured = Measured::of_point(point).with(Metric::JobsEnded, 1).with(Metric::JobsFailed, 0);
    let duration = if point.kind == PointKind::Copy { Metric::CopyDuration } else { Metric::BackupDuration };
    if let Some(took) = took {
        measured = measured.took(duration, took);
    }
    if point.kind != PointKind::Copy {
        measured = measured.with(Metric::PointsAvailable, 1);
    }
    if point.suspect.is_some() {
        measured = measured.with(Metric::PointsSuspect, 1);
    }
    app.context.measure(&measured);
}

/// Adds the policy's own tags to a backup, as far as there is room: its copies inherit them. What cannot be added is
/// a warning, for the point is as good without.
async fn add_tags(
    work: &Work<'_>,
    point: &RestorePoint,
    arn: &RecoveryPointArn,
    found: &BTreeMap<String, String>,
    may_lag: bool,
) -> Result<Option<String>, AwsError> {
    let policy = point.policy.as_ref().and_then(|made| work.policy(&made.name));
    let Some(wanted) = policy.map(|active| &active.policy.tags).filter(|_| point.kind == PointKind::Backup)
    else {
        return Ok(None);
    };
    let mut missing = wanted.clone();
    missing.retain(|key, value| found.get(key) != Some(value));
    // Without our id it is not ours to the function's rights.
    let left_out = if found.contains_key(tags::ID) {
        take_out_excess(&mut missing, found)
    } else {
        std::mem::take(&mut missing).into_keys().collect()
    };
    let left_out = (!left_out.is_empty()).then(|| {
        format!("there is no room for the policy's tags {}: they are left out", left_out.join(", "))
    });
    if missing.is_empty() {
        return Ok(left_out);
    }
    let refused = match work.app.aws.region(&point.vault.region).backup.tag(arn, &missing).await {
        Ok(Tagged::Done) => return Ok(left_out),
        Ok(Tagged::Refused(why)) => why,
        Err(error) if error.is_transient() && may_lag => return Err(error),
        Err(error) => error.to_string(),
    };
    Ok(Some(format!("the policy's tags could not be added: {refused}")))
}

/// Takes from `wanted` what has no room beside the tags that a recovery point has, and returns the keys of that. AWS takes
/// 50 tags on a recovery point, those that are inherited from the table included, and documents at most 10 that are
/// added to it. Places are kept for a hold and for the binding.
fn take_out_excess(wanted: &mut BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let kept = [tags::HOLD, tags::BOUND];
    let count = |is_it: &dyn Fn(&str) -> bool| {
        found.keys().filter(|key| is_it(key) && !kept.contains(&key.as_str())).count()
    };
    let mut room = (MAX_TAGS - kept.len()).saturating_sub(count(&|key| !key.starts_with("aws:")));
    let mut may_add =
        (RESERVED_TAGS - kept.len()).saturating_sub(count(&|key| key.starts_with(tags::PREFIX)));
    let mut left_out = Vec::new();
    wanted.retain(|key, _| {
        let needs = usize::from(!found.contains_key(key));
        let fits = may_add > 0 && room >= needs;
        if fits {
            (may_add, room) = (may_add - 1, room - needs);
        } else {
            left_out.push(key.clone());
        }
        fits
    });
    left_out
}

/// Whether the settings changed while the backup was made: the items are of one moment, the captured settings
/// of another.
///
/// # Errors
/// [`AwsError`] when the settings cannot be captured again.
async fn drift(
    work: &Work<'_>,
    point: &RestorePoint,
    captured: &TableSettings,
) -> Result<Option<String>, AwsError> {
    if point.kind == PointKind::Copy {
        return Ok(None);
    }
    let live =
        work.app.aws.region(&point.table.arn.region).capture(&point.table.arn.name).await?.or_transient()?;
    if live.table != point.table {
        return Ok(Some("the table was dropped while it was backed up".to_owned()));
    }
    let changed = captured.changes(&live.settings);
    Ok((!changed.is_empty())
        .then(|| format!("the table's settings changed while it was backed up: {}", changed.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many tags of these names.
    fn tags_of(prefix: &str, count: usize) -> BTreeMap<String, String> {
        (0..count).map(|number| (format!("{prefix}{number}"), "value".to_owned())).collect()
    }

    #[test]
    fn a_policys_tags_take_only_the_room_that_a_hold_and_the_binding_leave() {
        let left_of = |own: usize, ours: usize, custom: usize| {
            let found = tags_of("own-", own).into_iter().chain(tags_of(tags::PREFIX, ours)).collect();
            let mut wanted = tags_of("custom-", custom);
            let left_out = take_out_excess(&mut wanted, &found).len();
            (wanted.len(), left_out)
        };
        assert_eq!(left_of(1, 2, 3), (3, 0));
        assert_eq!(left_of(44, 2, 3), (2, 1), "50 tags, two places kept");
        assert_eq!(left_of(46, 2, 3), (0, 3));
        assert_eq!(left_of(0, 7, 3), (1, 2), "10 tags beside those of the table, two places kept");
        // What AWS adds does not count.
        let found = tags_of("aws:", 50);
        assert!(take_out_excess(&mut tags_of("custom-", 3), &found).is_empty());
        // One that is there already needs no place.
        let found: BTreeMap<String, String> =
            tags_of("own-", 47).into_iter().chain(tags_of("custom-", 1)).collect();
        assert_eq!(take_out_excess(&mut tags_of("custom-", 2), &found), ["custom-1"]);
    }
}
