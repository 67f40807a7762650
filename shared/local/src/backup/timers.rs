//! What is due when. Every job and every recovery point has at most one timer.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::place::AccountRegion;

/// Whose timer it is; the owner knows by its own state what is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    Backup(AccountRegion, String),
    Copy(AccountRegion, String),
    Point(AccountRegion, String),
    Restore(AccountRegion, String),
}

/// Names a timer until it fires.
pub(super) type TimerId = (Timestamp, u64);

#[derive(Debug, Default)]
pub(super) struct Timers {
    set: u64,
    due: BTreeMap<TimerId, Due>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Timestamp, due: Due) -> TimerId {
        self.set += 1;
        self.due.insert((at, self.set), due);
        (at, self.set)
    }

    pub(super) fn cancel(&mut self, timer: Option<TimerId>) {
        if let Some(timer) = timer {
            self.due.remove(&timer);
        }
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// The first timer due by `now`; equal moments fire in the order in which they were set.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let first = self.due.first_entry()?;
        let at = first.key().0;
        (at <= now).then(|| (at, first.remove()))
    }
}
