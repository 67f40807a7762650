//! How a restore point and the head of its table change together. Each function takes them as they were read, and leaves
//! them as they are to be written; a change that the states do not allow is refused, and nothing is changed then.
//!
//! The head is that of the point's table; none where the catalog has none any more.

use jiff::{SignedDuration, Timestamp};

use crate::ids::RecoveryPointArn;
use crate::notice::Retried;
use crate::point::{BindingLocation, IllegalMove, PointKind, Request, RestorePoint, State, StoredLeftover};
use crate::table::{OpenJob, TableHead};

/// What the warning of an attempt that failed begins with.
const ATTEMPT_PREFIX: &str = "try ";

/// How long a running job goes unlooked at when no event reports it.
pub const SWEEP_INTERVAL: SignedDuration = SignedDuration::from_mins(15);

/// The point is about to be asked of AWS by `request`, and holds its table until it is final. No one takes it up again
/// before `until`.
///
/// # Errors
/// [`IllegalMove`] unless it is planned.
pub fn starting(
    point: &mut RestorePoint,
    head: &mut TableHead,
    request: Request,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), IllegalMove> {
    point.transition_to(State::Starting)?;
    head.release(point);
    head.open = Some(OpenJob::of(point));
    point.requested_at = point.requested_at.or(Some(now));
    point.request = Some(request);
    point.check_at = Some(until);
    Ok(())
}

/// AWS has taken the request and made a job of it.
///
/// # Errors
/// [`IllegalMove`] unless it is starting.
pub fn running(point: &mut RestorePoint, job: &str, now: Timestamp) -> Result<(), IllegalMove> {
    point.transition_to(State::Running)?;
    point.job = Some(job.to_owned());
    point.check_at = Some(now + SWEEP_INTERVAL);
    Ok(())
}

/// The job is over, and what it made could not be looked at: the point stays running, and its table is free.
pub fn job_ended(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    arn: &RecoveryPointArn,
    now: Timestamp,
) {
    point.job_ended = true;
    point.arn = Some(arn.clone());
    point.check_at = Some(now + SWEEP_INTERVAL);
    if let Some(head) = head {
        head.release(point);
    }
}

/// An attempt failed, and another follows at `again_at`: a backup is described again, without tags if it is to be
/// `untagged`. Returns what is reported of it.
///
/// # Errors
/// [`IllegalMove`] unless it is starting or running.
pub fn planned_again(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    why: &str,
    again_at: Timestamp,
    untagged: bool,
    now: Timestamp,
) -> Result<Retried, IllegalMove> {
    point.transition_to(State::Planned)?;
    let retried = Retried {
        session: point.session.clone(),
        policy: point.policy.as_ref().map(|policy| policy.name.clone()),
        table: point.table.arn.name.clone(),
        point: point.id.clone(),
        kind: point.kind,
        attempt: point.attempt,
        reason: why.to_owned(),
        again_at,
    };
    // The warnings of earlier attempts stay on the record; the next one captures the settings again.
    point.warnings.retain(|line| line.starts_with(ATTEMPT_PREFIX));
    point.warnings.push(format!("{ATTEMPT_PREFIX}{} failed: {why}", point.attempt));
    point.attempt += 1;
    (point.request, point.requested_at, point.job, point.job_ended) = (None, None, None, false);
    if point.kind != PointKind::Copy {
        point.record_leftovers(now);
        (point.sealed, point.settings, point.arn, point.suspect) = (None, None, None, None);
        (point.settings_stored, point.message_stored) = (false, untagged);
    }
    point.check_at = Some(again_at);
    if let Some(head) = head {
        head.release(point);
        if point.kind == PointKind::Backup {
            head.planned = Some(point.id.clone());
        }
    }
    Ok(retried)
}

/// The point ends without a recovery point that counts: [`State::Failed`], and its slots are owed, or
/// [`State::Dropped`], because a newer copy goes in its place.
///
/// # Errors
/// [`IllegalMove`] where it has ended before, or is available.
pub fn ended(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    state: State,
    why: &str,
    now: Timestamp,
) -> Result<(), IllegalMove> {
    point.transition_to(state)?;
    point.reason = Some(why.to_owned());
    point.request = None;
    point.record_leftovers(now);
    point.check_at = Some(now);
    if let Some(head) = head {
        head.release(point);
    }
    Ok(())
}

/// The point can be restored from. Believed, it meets its slots, and the copies that its slot asks for are returned, to be
/// recorded with it. `copy_took` is how long its copy job ran.
///
/// # Errors
/// [`IllegalMove`] unless it is running.
pub fn available(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    copy_took: Option<SignedDuration>,
    now: Timestamp,
) -> Result<Vec<RestorePoint>, IllegalMove> {
    only_from(point, State::Running, State::Available)?;
    point.request = None;
    point.check_at = None;
    if let Some(head) = head {
        head.release(point);
        if point.suspect.is_none() && point.kind != PointKind::Manual {
            head.record_available(point);
        }
        head.copy_seconds = copy_took.map(|took| took.as_secs()).or(head.copy_seconds);
    }
    Ok(if point.suspect.is_none() { point.planned_copies(now) } else { Vec::new() })
}

/// A point that was not believed is. Returns those of its copies that are still wanted and were never recorded: `known`
/// are all points of its table.
pub fn believed(point: &mut RestorePoint, known: &[RestorePoint], now: Timestamp) -> Vec<RestorePoint> {
    point.suspect = None;
    let is_known =
        |copy: &RestorePoint| known.iter().any(|other| (&other.id, &other.vault) == (&copy.id, &copy.vault));
    let is_wanted = |copy: &RestorePoint| copy.flags.iter().any(|flag| flag.is_live(now));
    point.planned_copies(now).into_iter().filter(|copy| is_wanted(copy) && !is_known(copy)).collect()
}

/// The point is about to be deleted: no slot is met by it any more.
///
/// # Errors
/// [`IllegalMove`] unless it is available.
pub fn deleting(point: &mut RestorePoint, why: &str, now: Timestamp) -> Result<(), IllegalMove> {
    point.transition_to(State::Deleting)?;
    point.reason = Some(why.to_owned());
    point.check_at = Some(now);
    Ok(())
}

/// AWS refuses to delete the point: it is there, and counts again.
///
/// # Errors
/// [`IllegalMove`] unless it is being deleted.
pub fn deletion_blocked(point: &mut RestorePoint, why: &str) -> Result<(), IllegalMove> {
    only_from(point, State::Deleting, State::Available)?;
    point.reason = Some(format!("deletion is blocked: {why}"));
    Ok(())
}

/// The point is gone. Returns what the settings table of its Region may still hold of it, to be removed before this is
/// recorded.
///
/// # Errors
/// [`IllegalMove`] unless it is available or being deleted.
pub fn deleted(point: &mut RestorePoint, now: Timestamp) -> Result<Vec<StoredLeftover>, IllegalMove> {
    let is_indexed = point.message_stored || point.bound == Some(BindingLocation::Stored);
    let own = StoredLeftover {
        since: now,
        arn: point.arn.clone().filter(|_| is_indexed),
        digests: point.stored().collect(),
    };
    point.transition_to(State::Deleted)?;
    point.check_at = Some(now);
    let mut left = std::mem::take(&mut point.leftovers);
    left.push(own);
    Ok(left)
}

/// Moves the point on from this state alone: another may lead to the same, for another reason.
fn only_from(point: &mut RestorePoint, from: State, to: State) -> Result<(), IllegalMove> {
    if point.state != from {
        return Err(IllegalMove { point: point.id.clone(), from: point.state, to });
    }
    point.transition_to(to)
}
