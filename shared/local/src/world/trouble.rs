//! What goes wrong in a world because somebody orders it: faults, crash points, clocks that are off.

use jiff::{SignedDuration, Timestamp};

use super::World;
use crate::faults::{Crash, FaultRule};

impl World {
    /// What the answers' `Date` headers say, and with them AWS's clock, is off by so much from now on.
    pub fn skew(&self, by: SignedDuration) {
        self.state().skew = by;
    }

    /// The time as the services tell it.
    pub(super) fn told(&self) -> Timestamp {
        self.now() + self.state().skew
    }

    /// Adds a fault. Rules are asked in the order in which they were added.
    pub fn inject(&self, rule: FaultRule) {
        self.state().faults.inject(rule);
    }

    /// Removes all faults and crash points.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// The `nth` call of `caller` from now on (1 is the next; each attempt of a retrying client counts)
    /// never arrives, and the caller hears nothing any more: [`World::crashed`] tells when to drop it.
    pub fn crash_before(&self, caller: &str, nth: usize) {
        self.crash_at(caller, nth, Crash::Before);
    }

    /// The `nth` call of `caller` from now on (1 is the next; each attempt of a retrying client counts)
    /// takes effect, but its answer never comes: [`World::crashed`] tells when to drop the caller.
    pub fn crash_after(&self, caller: &str, nth: usize) {
        self.crash_at(caller, nth, Crash::After);
    }

    fn crash_at(&self, caller: &str, nth: usize, crash: Crash) {
        self.state().faults.crash_at(caller, nth, crash);
    }

    /// Ends when `caller` has reached a crash point. Each crash is reported once.
    pub async fn crashed(&self, caller: &str) {
        let mut crashed = self.inner.crashed.subscribe();
        // The sender lives as long as this world does, so waiting cannot fail.
        let _ = crashed.wait_for(|crashed| crashed.contains(caller)).await;
        self.inner.crashed.send_modify(|crashed| {
            crashed.remove(caller);
        });
    }

    /// How many crash points have been set and not been reached.
    #[must_use]
    pub fn crash_points_ahead(&self) -> usize {
        self.state().faults.crash_points_ahead()
    }
}
