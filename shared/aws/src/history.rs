//! Entries of the history.

use backup_chain_core::history::{Action, Entry};
use backup_chain_core::ids::EntryId;

use crate::edge::Edge;

impl Edge {
    /// An entry of now, to be committed with what it tells of.
    pub fn entry(&self, action: Action, subject: impl Into<String>, by: Option<String>) -> Entry {
        let at = self.clock().now();
        Entry {
            id: EntryId::new(at, self.random().number()),
            at,
            action,
            subject: subject.into(),
            by,
            reason: None,
            details: Vec::new(),
            rev: 0,
        }
    }
}
