//! Records that move while a run looks at them: another run, a session or a copy was first. That is nothing wrong.

use backup_chain_aws::{App, Error};
use backup_chain_core::point::{Progress, RestorePoint};

/// How often a write is tried when another writer is first each time.
pub(crate) const MAX_COMMITS: u32 = 3;

/// Why a point is gone that we have not deleted.
pub(crate) const REMOVED_OUTSIDE: &str = "removed outside of Backup Chain";

/// A move of a point that retention makes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move<'a> {
    /// It is about to be deleted, for this reason.
    Deleting(&'a str),
    /// AWS refuses to delete it, for this reason: it counts again.
    AvailableAgain(&'a str),
    /// It is gone: by our own deletion, or else for this reason.
    Deleted { otherwise: &'a str },
}

/// Makes a move of a point, and says whether it was made: not of a point that somebody else has moved, which is then
/// as they left it. What else was written meanwhile, such as its table's record, only means to write once more.
pub(crate) async fn make(app: &App, point: &mut RestorePoint, to: Move<'_>) -> Result<bool, Error> {
    let mut tries = 1;
    loop {
        let seen = point.rev;
        let made = match to {
            Move::Deleting(why) => app.ledger.mark_deleting(point, why).await,
            Move::AvailableAgain(why) => app.ledger.mark_available_again(point, why).await,
            Move::Deleted { otherwise } => app.ledger.mark_deleted(point, otherwise).await,
        };
        match made {
            Err(error) if error.is_conflict() && tries < MAX_COMMITS => tries += 1,
            made => return made.map(|()| true),
        }
        refresh(app, point).await?;
        if point.rev != seen {
            tracing::debug!(point = %point.id, state = %point.state(), "moved by another invocation");
            return Ok(false);
        }
    }
}

/// Takes a point as gone, without recording it.
pub(crate) fn set_deleted_in_memory(point: &mut RestorePoint) {
    if let Progress::Available { made, .. } | Progress::Deleting { made, .. } = &point.progress {
        point.progress = Progress::Deleted { made: made.clone(), why: String::new() };
    }
}

/// Reads a point again. One that has no record where it stood is gone.
pub(crate) async fn refresh(app: &App, point: &mut RestorePoint) -> Result<(), Error> {
    match app.catalog.point(point).await? {
        Some(now) => *point = now,
        None => set_deleted_in_memory(point),
    }
    Ok(())
}
