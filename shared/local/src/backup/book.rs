//! Jobs and recovery points, found by their own name or by what they belong to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::lags::{Lag, Past, Seen};

/// What a [`Book`] holds.
pub(super) trait Keyed {
    /// Its own name.
    fn id(&self) -> &str;

    /// How late lists tell of it.
    const LISTED: Lag;

    /// What it belongs to for as long as it is in the book: a table, a vault, a recovery point.
    fn keys(&self) -> Vec<&str>;
}

/// Entries in order of their names; those of one key are found without a look at the others.
#[derive(Debug)]
pub(super) struct Book<T> {
    all: BTreeMap<String, T>,
    under: BTreeMap<String, BTreeSet<String>>,
    /// What lists may still tell instead of entries that have come, changed or gone.
    past: BTreeMap<String, Past<Option<T>>>,
    /// How many of those there may be before the settled ones are forgotten.
    tidy_at: usize,
}

const TIDY_FROM: usize = 32;

impl<T> Default for Book<T> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), under: BTreeMap::new(), past: BTreeMap::new(), tidy_at: TIDY_FROM }
    }
}

impl<T: Keyed + Clone> Book<T> {
    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.all.get(id)
    }

    /// To change what lists do not tell of an entry, or tell at once; its keys must stay what they are.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.all.get_mut(id)
    }

    /// Adds an entry, or puts it in the place of an older state of itself.
    pub(super) fn insert(&mut self, entry: T, seen: Seen) {
        let id = entry.id().to_owned();
        let was = self.take(&id);
        self.note(&id, || was, seen);
        for key in entry.keys() {
            self.under.entry(key.to_owned()).or_default().insert(id.clone());
        }
        self.all.insert(id, entry);
    }

    /// Changes an entry; its keys must stay what they are. Returns it as it is then.
    pub(super) fn change(&mut self, id: &str, seen: Seen, change: impl FnOnce(&mut T)) -> Option<&mut T> {
        let mut entry = self.all.remove(id)?;
        self.note(id, || Some(entry.clone()), seen);
        change(&mut entry);
        Some(self.all.entry(id.to_owned()).or_insert(entry))
    }

    pub(super) fn remove(&mut self, id: &str, seen: Seen) -> Option<T> {
        let entry = self.take(id)?;
        self.note(id, || Some(entry.clone()), seen);
        Some(entry)
    }

    /// Notes what an entry was before a change, where somebody sees that late.
    fn note(&mut self, id: &str, was: impl FnOnce() -> Option<T>, seen: Seen) {
        if !seen.is_late() {
            self.past.remove(id);
            return;
        }
        if self.past.len() >= self.tidy_at {
            self.past.retain(|_, past| past.is_open(seen.now()));
            self.tidy_at = TIDY_FROM.max(2 * self.past.len());
        }
        self.past.entry(id.to_owned()).or_default().add(was(), seen);
    }

    fn take(&mut self, id: &str) -> Option<T> {
        let entry = self.all.remove(id)?;
        for key in entry.keys() {
            if let Some(ids) = self.under.get_mut(key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.under.remove(key);
                }
            }
        }
        Some(entry)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.all.values()
    }

    /// The entries of a key, in order of their names.
    pub(super) fn under(&self, key: &str) -> impl Iterator<Item = &T> {
        self.under.get(key).into_iter().flatten().filter_map(|id| self.all.get(id))
    }

    /// The entries of a key, or all where none is asked for, as lists tell them.
    pub(super) fn listed<'a>(
        &'a self,
        key: Option<&str>,
        now: Timestamp,
    ) -> Box<dyn Iterator<Item = &'a T> + 'a> {
        if self.past.is_empty() {
            return self.chosen(key);
        }
        let mut told: BTreeMap<&str, &T> = self.chosen(key).map(|entry| (entry.id(), entry)).collect();
        for (id, past) in &self.past {
            match past.seen(T::LISTED, now) {
                None => {}
                Some(None) => drop(told.remove(id.as_str())),
                Some(Some(was)) if key.is_some_and(|key| !was.keys().contains(&key)) => {}
                Some(Some(was)) => drop(told.insert(id, was)),
            }
        }
        Box::new(told.into_values())
    }

    /// The entries of a key, or all where none is asked for.
    fn chosen<'a>(&'a self, key: Option<&str>) -> Box<dyn Iterator<Item = &'a T> + 'a> {
        match key {
            None => Box::new(self.all.values()),
            Some(key) => {
                let ids = self.under.get(key).into_iter().flatten();
                Box::new(ids.filter_map(|id| self.all.get(id)))
            }
        }
    }

    pub(super) fn count(&self, key: &str) -> usize {
        self.under.get(key).map_or(0, BTreeSet::len)
    }

    /// All keys that have an entry.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.under.keys().map(String::as_str)
    }
}
