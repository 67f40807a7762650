//! When a restore point was there.

use jiff::Timestamp;

use crate::point::{PointKind, RestorePoint, State};

/// When a restore point was there, as far as its record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Existence {
    /// Its creation date: what its age is counted from.
    pub created_at: Timestamp,
    /// Since when it was there.
    pub from: Timestamp,
    /// Its end, if it is gone.
    pub gone: Option<Gone>,
}

/// The end of a restore point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// Until when it was surely there.
    pub surely_until: Timestamp,
    /// When it was seen to be gone.
    pub perhaps_until: Timestamp,
}

impl Existence {
    /// That of a restore point of a chain. None where it counts for nothing: it was never made, it is not believed, or it
    /// is a manual backup. `runs` are the moments, in order, at which retention runs began: each compares the records with
    /// what is in the vaults.
    ///
    /// A backup counts from its creation date on, a copy from when its job was asked for: how long a job then ran is not in
    /// its record.
    pub fn of(point: &RestorePoint, runs: &[Timestamp]) -> Option<Self> {
        let created_at = point.created_at?;
        if point.kind == PointKind::Manual || point.suspect.is_some() {
            return None;
        }
        let from = match point.kind {
            PointKind::Copy => point.requested_at.map_or(created_at, |asked| asked.max(created_at)),
            _ => created_at,
        };
        // Of a point that is being deleted or gone, `check_at` is when that was recorded.
        let recorded = point.check_at.unwrap_or(created_at);
        let gone = match point.state() {
            State::Available => None,
            State::Deleting => Some(Gone { surely_until: recorded, perhaps_until: recorded }),
            State::Deleted => {
                let seen = runs.partition_point(|run| *run < recorded).checked_sub(1).map(|last| runs[last]);
                let surely_until = seen.map_or(from, |seen| seen.max(from)).min(recorded);
                Some(Gone { surely_until, perhaps_until: recorded })
            }
            _ => return None,
        };
        Some(Self { created_at, from, gone })
    }

    /// Whether it is known to have been there at a moment.
    pub fn was_surely_there(&self, at: Timestamp) -> bool {
        self.from <= at && self.gone.is_none_or(|gone| at < gone.surely_until)
    }
}
