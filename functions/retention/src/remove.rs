//! Removing: recorded, asked for, and believed only when the point is seen to be gone.

use backup_chain_aws::backup::PointState;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{App, AwsError, Error, Meaning, logs};
use backup_chain_core::point::{RestorePoint, State};
use backup_chain_core::retention::{Decided, PointFate, Reason, Report, name_of};
use jiff::SignedDuration;

use crate::moved::{self, Move};

/// Why a point is still there that is to go.
#[derive(Debug, thiserror::Error)]
enum NotRemoved {
    /// AWS answers 200 to a delete that its role may not do, and the point turns EXPIRED.
    #[error(
        "AWS Backup could not delete it and calls it EXPIRED: its role lacks the right; grant it and run retention again"
    )]
    Expired,
    /// Something else is done with it at AWS Backup, which is to end first.
    #[error("{0}")]
    Busy(AwsError),
    /// AWS refuses, or does not answer.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<AwsError> for NotRemoved {
    fn from(error: AwsError) -> Self {
        Self::Failed(error.into())
    }
}

/// What AWS Backup says of a recovery point with which something else is done: try again later (assumption A24).
const BUSY_ERROR_CODE: &str = "InvalidResourceStateException";

/// Removes one point that the plan lets go. Whatever stands in the way is reported.
pub(crate) async fn remove(app: &App, mut point: RestorePoint, why: &str, report: &mut Report) -> PointFate {
    match try_remove(app, &mut point, why).await {
        Ok(fate) => fate,
        // The next run asks again.
        Err(NotRemoved::Busy(_)) => PointFate::Removing,
        Err(error) => report_blocked(&point, &error, report),
    }
}

fn report_blocked(point: &RestorePoint, error: &NotRemoved, report: &mut Report) -> PointFate {
    logs::of_point(point).in_scope(|| tracing::warn!(%error, "not removed"));
    report.problems.push(format!("{} is not removed yet: {error}", name_of(point)));
    PointFate::Blocked
}

async fn try_remove(app: &App, point: &mut RestorePoint, why: &str) -> Result<PointFate, NotRemoved> {
    // What was planned is what is removed: a record that moved since is left to whoever moved it.
    if !moved::make(app, point, Move::Deleting(why)).await? {
        return Ok(fate_by_state(point));
    }
    ask(app, point).await
}

/// What becomes of a point by where it stands: another invocation has moved it.
fn fate_by_state(point: &RestorePoint) -> PointFate {
    match point.state() {
        State::Deleting => PointFate::Removing,
        state if state.is_past() => PointFate::Gone,
        _ => PointFate::Keep,
    }
}

/// Asks AWS to delete a point that is recorded as being deleted, and looks whether it is gone.
async fn ask(app: &App, point: &mut RestorePoint) -> Result<PointFate, NotRemoved> {
    let Some(arn) = point.recovery_point().cloned() else { return Ok(fate_by_state(point)) };
    let backup = &app.aws.region(&point.vault.region).backup;
    match backup.delete(&point.vault.name, &arn).await {
        Ok(()) => {}
        // Gone already: by an earlier attempt, or by an operator.
        Err(error) if error.meaning == Meaning::NotFound => {}
        Err(error) if error.code == BUSY_ERROR_CODE => return Err(NotRemoved::Busy(error)),
        // An earlier deletion is running, or a lock or a legal hold blocks it (assumption A23). The answer may also be
        // that access is denied: a second look decides.
        Err(error) if !error.is_transient() => {
            let found = backup.point(&point.vault.name, &arn).await;
            if found.is_ok_and(|found| found.state == PointState::Usable) {
                moved::make(app, point, Move::AvailableAgain(&error.to_string())).await?;
                return Err(error.into());
            }
        }
        Err(error) => return Err(error.into()),
    }
    record_if_gone(app, point).await
}

/// Records that a deleted point is gone, if it is: AWS Backup then does not find it (assumption A14).
async fn record_if_gone(app: &App, point: &mut RestorePoint) -> Result<PointFate, NotRemoved> {
    let Some(arn) = point.recovery_point().cloned() else { return Ok(fate_by_state(point)) };
    let backup = &app.aws.region(&point.vault.region).backup;
    match backup.point(&point.vault.name, &arn).await {
        Err(error) if error.meaning == Meaning::NotFound => {
            if !moved::make(app, point, Move::Deleted { otherwise: moved::REMOVED_OUTSIDE }).await? {
                return Ok(fate_by_state(point));
            }
            logs::of_point(point).in_scope(|| tracing::info!("restore point removed"));
            Ok(PointFate::Removed)
        }
        Err(error) => Err(error.into()),
        Ok(found) if found.state == PointState::Expired => Err(NotRemoved::Expired),
        Ok(_) => Ok(PointFate::Removing),
    }
}

/// How long a run waits between two looks at what it has asked AWS to delete, and how often it looks.
const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(15);
const MAX_POLLS: u32 = 8;

/// Waits for the deletions of this run to be done. What takes longer is confirmed by the next run.
pub(crate) async fn wait_for_deletions(
    app: &App,
    report: &mut Report,
    deadline: Deadline,
) -> Result<(), Error> {
    for _ in 0..MAX_POLLS {
        let removing = |decided: &&mut Decided| decided.fate == PointFate::Removing;
        if !report.points.iter_mut().any(|decided| removing(&decided)) {
            return Ok(());
        }
        let now = app.context.now();
        if !deadline.allows_work(now + POLL_INTERVAL) {
            return Ok(());
        }
        app.context.clock().until(now + POLL_INTERVAL).await;
        let mut deleting = app.catalog.deleting_points().await?;
        let mut points = std::mem::take(&mut report.points);
        for decided in points.iter_mut().filter(removing) {
            let is_it =
                |point: &&mut RestorePoint| point.id == decided.point && point.place() == decided.vault;
            let Some(point) = deleting.iter_mut().find(is_it) else { continue };
            decided.fate = match record_if_gone(app, point).await {
                Ok(fate) => fate,
                Err(error) => report_blocked(point, &error, report),
            };
        }
        report.points = points;
    }
    Ok(())
}

/// So long ago a deletion was asked for by a run that is over.
const RUN_OVER_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Continues deletions that earlier runs began.
pub(crate) async fn follow_up(app: &App, report: &mut Report) -> Result<(), Error> {
    for mut point in app.catalog.deleting_points().await? {
        let now = app.context.now();
        // Of a point that is being deleted, `check_at` is when its deletion was last recorded.
        let is_old = point.check_at.is_none_or(|asked| now.duration_since(asked) > RUN_OVER_AFTER);
        let fate = match record_if_gone(app, &mut point).await {
            Ok(PointFate::Removing) | Err(NotRemoved::Expired) => ask(app, &mut point).await,
            other => other,
        };
        let fate = match fate {
            Ok(PointFate::Removing) if is_old => {
                report.problems.push(format!("{} was to be deleted, and is still there", name_of(&point)));
                PointFate::Removing
            }
            Ok(fate) => fate,
            // Another run has just asked for it.
            Err(NotRemoved::Busy(_)) if !is_old => PointFate::Removing,
            Err(error) => report_blocked(&point, &error, report),
        };
        let why = vec![Reason::NotFinal { state: State::Deleting }];
        report.points.push(Decided::of(&point, fate, why, now));
    }
    Ok(())
}
