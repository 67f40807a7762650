//! Jobs and recovery points, found by their own name or by what they belong to.

use std::collections::{BTreeMap, BTreeSet};

/// What a [`Book`] holds.
pub(super) trait Keyed {
    /// Its own name.
    fn id(&self) -> &str;

    /// What it belongs to for as long as it is in the book: a table, a vault, a recovery point.
    fn keys(&self) -> Vec<&str>;
}

/// Entries in order of their names; those of one key are found without a look at the others.
#[derive(Debug)]
pub(super) struct Book<T> {
    all: BTreeMap<String, T>,
    under: BTreeMap<String, BTreeSet<String>>,
}

impl<T> Default for Book<T> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), under: BTreeMap::new() }
    }
}

impl<T: Keyed> Book<T> {
    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.all.get(id)
    }

    /// To change an entry; its keys must stay what they are.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.all.get_mut(id)
    }

    pub(super) fn insert(&mut self, entry: T) {
        let id = entry.id().to_owned();
        self.remove(&id);
        for key in entry.keys() {
            self.under.entry(key.to_owned()).or_default().insert(id.clone());
        }
        self.all.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<T> {
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

    /// The entries of a key, or all where none is asked for.
    pub(super) fn chosen<'a>(&'a self, key: Option<&str>) -> Box<dyn Iterator<Item = &'a T> + 'a> {
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
