//! How a restore point and the head of its table change together. Each function takes them as they were read, and leaves
//! them as they are to be written; a change that the states do not allow is refused, and nothing is changed then.
//!
//! The head is that of the point's table; none where the catalog has none any more.

use jiff::{SignedDuration, Timestamp};

use crate::ids::RecoveryPointArn;
use crate::notice::Retried;
use crate::point::{
    BindingLocation, IllegalMove, Made, PointKind, Progress, Request, RestorePoint, State, StoredLeftover,
};
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
    let Progress::Planned = point.progress else { return Err(point.cannot_become(State::Starting)) };
    point.progress = Progress::Starting { request };
    head.release(point);
    head.open = Some(OpenJob::of(point));
    point.requested_at = point.requested_at.or(Some(now));
    point.check_at = Some(until);
    Ok(())
}

/// AWS has taken the request and made a job of it, and perhaps named the recovery point that the job is to make.
///
/// # Errors
/// [`IllegalMove`] unless it is starting.
pub fn running(
    point: &mut RestorePoint,
    job: &str,
    recovery_point: Option<RecoveryPointArn>,
    now: Timestamp,
) -> Result<(), IllegalMove> {
    let Progress::Starting { request } = &point.progress else {
        return Err(point.cannot_become(State::Running));
    };
    let request = request.clone();
    point.progress = Progress::Running { request, job: job.to_owned(), recovery_point, ended: false };
    point.check_at = Some(now + SWEEP_INTERVAL);
    Ok(())
}

/// AWS refused the request: `request` is sent in its place.
///
/// # Errors
/// [`IllegalMove`] unless it is starting.
pub fn asked_otherwise(point: &mut RestorePoint, request: Request) -> Result<(), IllegalMove> {
    let Progress::Starting { request: refused } = &mut point.progress else {
        return Err(point.cannot_become(State::Starting));
    };
    *refused = request;
    Ok(())
}

/// The job is over, and what it made could not be looked at: the point stays running, and its table is free.
///
/// # Errors
/// [`IllegalMove`] unless it is running.
pub fn job_ended(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    arn: &RecoveryPointArn,
    now: Timestamp,
) -> Result<(), IllegalMove> {
    let Progress::Running { recovery_point, ended, .. } = &mut point.progress else {
        return Err(point.cannot_become(State::Running));
    };
    (*recovery_point, *ended) = (Some(arn.clone()), true);
    point.check_at = Some(now + SWEEP_INTERVAL);
    if let Some(head) = head {
        head.release(point);
    }
    Ok(())
}

/// An attempt failed, and another follows at `again_at`: a backup is described again, without tags if it is to be
/// `untagged`. Returns what is reported of it.
///
/// # Errors
/// [`IllegalMove`] unless its job is open, or is yet to be asked for.
pub fn planned_again(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    why: &str,
    again_at: Timestamp,
    untagged: bool,
    now: Timestamp,
) -> Result<Retried, IllegalMove> {
    if !point.state().is_open() {
        return Err(point.cannot_become(State::Planned));
    }
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
    if point.kind != PointKind::Copy {
        point.record_leftovers(now);
        (point.sealed, point.settings, point.suspect) = (None, None, None);
        (point.settings_stored, point.message_stored) = (false, untagged);
    }
    (point.progress, point.requested_at) = (Progress::Planned, None);
    point.check_at = Some(again_at);
    if let Some(head) = head {
        head.release(point);
        if point.kind == PointKind::Backup {
            head.planned = Some(point.id.clone());
        }
    }
    Ok(retried)
}

/// Nothing came of the point, or nothing will: its slots are owed.
///
/// # Errors
/// [`IllegalMove`] unless its job is open, or is yet to be asked for.
pub fn failed(
    point: &mut RestorePoint,
    mut head: Option<&mut TableHead>,
    why: &str,
    now: Timestamp,
) -> Result<(), IllegalMove> {
    if !point.state().is_open() {
        return Err(point.cannot_become(State::Failed));
    }
    let (job, recovery_point) = (point.job().map(str::to_owned), point.recovery_point().cloned());
    if let Some(head) = &mut head {
        head.record_failure(point, why, now);
    }
    end(point, head, Progress::Failed { why: why.to_owned(), job, recovery_point }, now);
    Ok(())
}

/// A newer copy goes in place of this one.
///
/// # Errors
/// [`IllegalMove`] unless it is planned.
pub fn dropped(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    why: &str,
    now: Timestamp,
) -> Result<(), IllegalMove> {
    let Progress::Planned = point.progress else { return Err(point.cannot_become(State::Dropped)) };
    end(point, head, Progress::Dropped { why: why.to_owned() }, now);
    Ok(())
}

fn end(point: &mut RestorePoint, head: Option<&mut TableHead>, progress: Progress, now: Timestamp) {
    point.record_leftovers(now);
    point.progress = progress;
    point.check_at = Some(now);
    if let Some(head) = head {
        head.release(point);
    }
}

/// The point can be restored from. Believed, it meets its slots, and the copies that its slot asks for are returned, to be
/// recorded with it. `arn` is what its job made, `copy_took` how long a copy job ran.
///
/// # Errors
/// [`IllegalMove`] unless it is running.
pub fn available(
    point: &mut RestorePoint,
    head: Option<&mut TableHead>,
    arn: &RecoveryPointArn,
    copy_took: Option<SignedDuration>,
    now: Timestamp,
) -> Result<Vec<RestorePoint>, IllegalMove> {
    let Progress::Running { job, .. } = &point.progress else {
        return Err(point.cannot_become(State::Available));
    };
    let made = Made { recovery_point: arn.clone(), job: Some(job.clone()) };
    point.progress = Progress::Available { made, blocked: None };
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
    let Progress::Available { made, .. } = &point.progress else {
        return Err(point.cannot_become(State::Deleting));
    };
    point.progress = Progress::Deleting { made: made.clone(), why: why.to_owned() };
    point.check_at = Some(now);
    Ok(())
}

/// AWS refuses to delete the point: it is there, and counts again.
///
/// # Errors
/// [`IllegalMove`] unless it is being deleted.
pub fn deletion_blocked(point: &mut RestorePoint, why: &str) -> Result<(), IllegalMove> {
    let Progress::Deleting { made, .. } = &point.progress else {
        return Err(point.cannot_become(State::Available));
    };
    let blocked = Some(format!("deletion is blocked: {why}"));
    point.progress = Progress::Available { made: made.clone(), blocked };
    Ok(())
}

/// The point is gone: by our own deletion, or else for this reason. Returns what the settings table of its Region may
/// still hold of it, to be removed before this is recorded.
///
/// # Errors
/// [`IllegalMove`] unless it is available or being deleted.
pub fn deleted(
    point: &mut RestorePoint,
    otherwise: &str,
    now: Timestamp,
) -> Result<Vec<StoredLeftover>, IllegalMove> {
    let (made, why) = match &point.progress {
        Progress::Available { made, .. } => (made.clone(), otherwise.to_owned()),
        Progress::Deleting { made, why } => (made.clone(), why.clone()),
        _ => return Err(point.cannot_become(State::Deleted)),
    };
    let is_indexed = point.message_stored || point.bound == Some(BindingLocation::Stored);
    let own = StoredLeftover {
        since: now,
        arn: Some(made.recovery_point.clone()).filter(|_| is_indexed),
        digests: point.stored().collect(),
    };
    point.progress = Progress::Deleted { made, why };
    point.check_at = Some(now);
    let mut left = std::mem::take(&mut point.leftovers);
    left.push(own);
    Ok(left)
}
