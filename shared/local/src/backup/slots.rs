//! Who may run: one backup or copy job per table at a time, and so many per account and Region.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::timers::Due;
use super::{Backup, Place};
use crate::api::Neighbours;

/// Why a job must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Table,
    Account,
}

/// What a job occupies while it runs.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Where the table's jobs run, and the table.
    pub(super) table: (Place, String),
    /// Backups count where they run, copies where they go.
    pub(super) load: (&'static str, Place),
    /// How many of those may run at once.
    pub(super) most: usize,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    tables: BTreeSet<(Place, String)>,
    load: BTreeMap<(&'static str, Place), usize>,
    waiting: BTreeMap<u64, (Due, Slot)>,
    numbered: u64,
}

impl Slots {
    /// Numbers a new job: those who wait are served in this order.
    pub(super) fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// Whether a job could run now, and if not, what it waits for.
    pub(super) fn free(&self, slot: &Slot) -> Result<(), Wait> {
        if self.load.get(&slot.load).is_some_and(|load| *load >= slot.most) {
            return Err(Wait::Account);
        }
        if self.tables.contains(&slot.table) {
            return Err(Wait::Table);
        }
        Ok(())
    }

    pub(super) fn take(&mut self, slot: &Slot) -> bool {
        if self.free(slot).is_err() {
            return false;
        }
        *self.load.entry(slot.load.clone()).or_default() += 1;
        self.tables.insert(slot.table.clone());
        true
    }

    pub(super) fn release(&mut self, slot: &Slot) {
        self.tables.remove(&slot.table);
        if let Some(load) = self.load.get_mut(&slot.load) {
            *load = load.saturating_sub(1);
        }
    }

    pub(super) fn wait(&mut self, number: u64, job: Due, slot: Slot) {
        self.waiting.insert(number, (job, slot));
    }

    /// The longest waiting job behind `number` that could run now.
    fn next_free(&self, number: u64) -> Option<(u64, Due)> {
        let mut behind = self.waiting.range(number + 1..);
        behind.find(|(_, (_, slot))| self.free(slot).is_ok()).map(|(number, (job, _))| (*number, job.clone()))
    }

    pub(super) fn leave(&mut self, number: u64) {
        self.waiting.remove(&number);
    }
}

impl Backup {
    /// A slot came free: whoever waits longest and can run now, runs.
    pub(super) fn run_waiting(&mut self, at: Timestamp, around: &mut dyn Neighbours) {
        let mut served = 0;
        while let Some((number, job)) = self.slots.next_free(served) {
            served = number;
            match job {
                Due::Backup(place, id) => self.try_backup(&place, &id, at, around),
                Due::Copy(place, id) => self.try_copy(&place, &id, at),
                Due::Point(..) => {}
            }
        }
    }
}
