//! Jobs that wait for their turn.

use jiff::Timestamp;

use super::Backup;
use super::timers::Due;
use crate::api::Neighbours;

impl Backup {
    /// A slot came free: whoever waits longest and can run now, runs.
    pub(super) fn run_waiting(&mut self, at: Timestamp, around: &mut dyn Neighbours) {
        while let Some(job) = self.slots.next_free() {
            match job {
                Due::Backup(place, id) => self.try_backup(&place, &id, at, around),
                Due::Copy(place, id) => self.try_copy(&place, &id, at, around),
                Due::Point(..) | Due::Restore(..) => {}
            }
        }
    }
}
