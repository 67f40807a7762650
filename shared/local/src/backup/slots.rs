//! Who may run: one backup or copy job per table at a time, and so many per account and Region.

use std::collections::{BTreeMap, BTreeSet};

use super::place::AccountRegion;
use super::timers::Due;

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
    pub(super) table: (AccountRegion, String),
    /// Backups count where they run, copies where they go.
    pub(super) load: (&'static str, AccountRegion),
    /// How many of those may run at once.
    pub(super) most: usize,
}

/// What jobs queue for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Table((AccountRegion, String)),
    Load((&'static str, AccountRegion)),
}

#[derive(Debug)]
struct Waiting {
    job: Due,
    slot: Slot,
    queue: Queue,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    tables: BTreeSet<(AccountRegion, String)>,
    load: BTreeMap<(&'static str, AccountRegion), usize>,
    waiting: BTreeMap<u64, Waiting>,
    /// Each job waits in the queue of one thing that is not free.
    queues: BTreeMap<Queue, BTreeSet<u64>>,
    /// What came free since the waiting were last served.
    freed: BTreeSet<Queue>,
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
        self.freed.insert(Queue::Table(slot.table.clone()));
        self.freed.insert(Queue::Load(slot.load.clone()));
    }

    pub(super) fn wait(&mut self, number: u64, job: Due, slot: Slot) {
        self.leave(number);
        let queue = match self.free(&slot) {
            Err(Wait::Account) => Queue::Load(slot.load.clone()),
            _ => Queue::Table(slot.table.clone()),
        };
        self.queues.entry(queue.clone()).or_default().insert(number);
        self.waiting.insert(number, Waiting { job, slot, queue });
    }

    /// The longest waiting job that may be able to run, of those whose wait came free.
    pub(super) fn next_free(&mut self) -> Option<Due> {
        let head = |queue: &Queue| -> Option<u64> {
            let number = *self.queues.get(queue)?.first()?;
            let slot = &self.waiting.get(&number)?.slot;
            let free = match queue {
                Queue::Table(table) => !self.tables.contains(table),
                Queue::Load(load) => self.load.get(load).is_none_or(|load| *load < slot.most),
            };
            free.then_some(number)
        };
        let heads: BTreeMap<Queue, u64> =
            self.freed.iter().filter_map(|queue| Some((queue.clone(), head(queue)?))).collect();
        self.freed.retain(|queue| heads.contains_key(queue));
        let first = *heads.values().min()?;
        let job = self.waiting.get(&first)?.job.clone();
        self.leave(first);
        Some(job)
    }

    pub(super) fn leave(&mut self, number: u64) {
        let Some(left) = self.waiting.remove(&number) else { return };
        if let Some(queue) = self.queues.get_mut(&left.queue) {
            queue.remove(&number);
            if queue.is_empty() {
                self.queues.remove(&left.queue);
            }
        }
    }
}
