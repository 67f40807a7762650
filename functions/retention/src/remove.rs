//! Removing: recorded, asked for, and believed only when the point is seen to be gone.

use backup_chain_aws::backup::PointState;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{AwsError, Edge, Error, Meaning, logs};
use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::point::{RestorePoint, State};
use backup_chain_core::retention::{Decided, Fate, Reason, Report, name_of, place_of};

use jiff::SignedDuration;

/// Removes one point that the plan lets go. Whatever stands in the way is reported.
pub(crate) async fn remove(edge: &Edge, mut point: RestorePoint, why: &str, report: &mut Report) -> Fate {
    match try_remove(edge, &mut point, why).await {
        Ok(fate) => fate,
        Err(error) => {
            logs::of_point(&point).in_scope(|| tracing::warn!(%error, "not removed"));
            report.problems.push(format!("{} is not removed yet: {error}", name_of(&point)));
            Fate::Blocked
        }
    }
}

/// Why a point is not removed.
#[derive(Debug, thiserror::Error)]
enum NotRemoved {
    /// AWS Backup has tried, and could not.
    #[error(
        "AWS Backup could not delete {0}, which is EXPIRED since: its role lacks the right; grant it and run retention again"
    )]
    Expired(RecoveryPointArn),
    /// Something failed on the way.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<AwsError> for NotRemoved {
    fn from(error: AwsError) -> Self {
        Self::Failed(error.into())
    }
}

async fn try_remove(edge: &Edge, point: &mut RestorePoint, why: &str) -> Result<Fate, NotRemoved> {
    // What was planned is what is removed: a record that moved since is left to the next run.
    edge.mark_deleting(point, why).await?;
    ask(edge, point).await
}

/// Asks AWS to delete a point that is recorded as being deleted, and looks whether it is gone.
async fn ask(edge: &Edge, point: &mut RestorePoint) -> Result<Fate, NotRemoved> {
    let Some(arn) = point.arn.clone() else {
        edge.mark_deleted(point).await?;
        return Ok(Fate::Removed);
    };
    let backup = &edge.region(&point.vault.region).backup;
    match backup.delete(&point.vault.name, &arn).await {
        Ok(()) => {}
        // Gone already: by an earlier try, or by hand.
        Err(error) if error.meaning == Meaning::NotFound => {}
        // An earlier try is under way, or a lock, a legal hold or another action is in the way. Access denied
        // decides nothing.
        Err(error) if !error.is_transient() => {
            let found = backup.point(&point.vault.name, &arn).await;
            if found.is_ok_and(|found| found.state == PointState::Usable) {
                edge.mark_available_again(point, &error.to_string()).await?;
                return Err(error.into());
            }
        }
        Err(error) => return Err(error.into()),
    }
    look(edge, point).await
}

/// Looks whether a deleted point is gone.
async fn look(edge: &Edge, point: &mut RestorePoint) -> Result<Fate, NotRemoved> {
    let Some(arn) = point.arn.clone() else { return Ok(Fate::Removing) };
    let backup = &edge.region(&point.vault.region).backup;
    match backup.point(&point.vault.name, &arn).await {
        Err(error) if error.meaning == Meaning::NotFound => {
            edge.mark_deleted(point).await?;
            logs::of_point(point).in_scope(|| tracing::info!("restore point removed"));
            Ok(Fate::Removed)
        }
        Err(error) => Err(error.into()),
        // AWS answers 200 to a delete that its role may not do, and the point turns EXPIRED.
        Ok(found) if found.state == PointState::Expired => Err(NotRemoved::Expired(arn)),
        Ok(_) => Ok(Fate::Removing),
    }
}

/// How long a run waits between two looks at what it has asked AWS to delete, and how often it looks.
const PAUSE: SignedDuration = SignedDuration::from_secs(15);
const LOOKS: u32 = 8;

/// Waits for the deletions of this run to be done. What takes longer is confirmed by the next run.
pub(crate) async fn confirm(edge: &Edge, report: &mut Report, deadline: Deadline) -> Result<(), Error> {
    for _ in 0..LOOKS {
        let removing = |decided: &&mut Decided| decided.fate == Fate::Removing;
        if !report.points.iter_mut().any(|decided| removing(&decided)) {
            return Ok(());
        }
        let now = edge.clock().now();
        if !deadline.allows_work(now + PAUSE) {
            return Ok(());
        }
        edge.clock().until(now + PAUSE).await;
        let mut open = edge.catalog().deleting_points().await?;
        for decided in report.points.iter_mut().filter(removing) {
            let is_it = |point: &&mut RestorePoint| {
                point.id == decided.point && place_of(&point.vault) == decided.vault
            };
            let Some(point) = open.iter_mut().find(is_it) else { continue };
            match look(edge, point).await {
                Ok(fate) => decided.fate = fate,
                Err(error) => {
                    logs::of_point(point).in_scope(|| tracing::warn!(%error, "not removed"));
                    report.problems.push(format!("{} is not removed yet: {error}", name_of(point)));
                    decided.fate = Fate::Blocked;
                }
            }
        }
    }
    Ok(())
}

/// Goes on with deletions that earlier runs began.
pub(crate) async fn follow_up(edge: &Edge, report: &mut Report) -> Result<(), Error> {
    for mut point in edge.catalog().deleting_points().await? {
        let fate = match look(edge, &mut point).await {
            Ok(Fate::Removing) => ask(edge, &mut point).await,
            Err(NotRemoved::Expired(_)) => ask(edge, &mut point).await,
            other => other,
        };
        let fate = fate.unwrap_or_else(|error| {
            logs::of_point(&point).in_scope(|| tracing::warn!(%error, "not removed"));
            report.problems.push(format!("{} is not removed yet: {error}", name_of(&point)));
            Fate::Blocked
        });
        let why = vec![Reason::NotFinal { state: State::Deleting }];
        report.points.push(Decided::of(&point, fate, why, edge.clock().now()));
    }
    Ok(())
}
