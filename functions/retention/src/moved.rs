//! Records that move while a run looks at them: another run, a session or a copy was first. That is nothing wrong.

use backup_chain_aws::{App, Error};
use backup_chain_core::point::{RestorePoint, State};

/// So often something is tried while others get ahead each time.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// A move of a point that retention makes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move<'a> {
    /// It is about to be deleted, for this reason.
    Deleting(&'a str),
    /// AWS refuses to delete it, for this reason: it counts again.
    AvailableAgain(&'a str),
    /// It is gone.
    Deleted,
}

/// Makes a move of a point, and says whether it was made: not of a point that somebody else has moved, which is then
/// as they left it. What else was written meanwhile, such as its table's record, only means to write once more.
pub(crate) async fn make(app: &App, point: &mut RestorePoint, to: Move<'_>) -> Result<bool, Error> {
    let mut tries = 1;
    loop {
        let (seen, reason) = (point.rev, point.reason.clone());
        let made = match to {
            Move::Deleting(why) => app.ledger.mark_deleting(point, why).await,
            Move::AvailableAgain(why) => app.ledger.mark_available_again(point, why).await,
            Move::Deleted => app.ledger.mark_deleted(point).await,
        };
        match made {
            Err(error) if error.is_conflict() && tries < MAX_ATTEMPTS => tries += 1,
            made => return made.map(|()| true),
        }
        refresh(app, point).await?;
        if point.rev != seen {
            tracing::debug!(point = %point.id, state = %point.state, "moved by another invocation");
            return Ok(false);
        }
        point.reason = reason;
    }
}

/// Reads a point again. One whose record is past is gone.
pub(crate) async fn refresh(app: &App, point: &mut RestorePoint) -> Result<(), Error> {
    match app.catalog.point(point).await? {
        Some(now) => *point = now,
        None => point.state = State::Deleted,
    }
    Ok(())
}
