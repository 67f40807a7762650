//! The history: which operator changed what, and why.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::EntryId;

/// What was done by an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A policy was stored, or a new revision of it.
    PolicyApplied,
    /// A policy was switched on.
    PolicyEnabled,
    /// A policy was switched off.
    PolicyDisabled,
    /// A policy was deleted.
    PolicyDeleted,
    /// A restore point was held.
    HoldAdded,
    /// A hold was lifted.
    HoldRemoved,
    /// Restore points were removed.
    PointsRemoved,
    /// The catalog was rebuilt from the vaults.
    CatalogRebuilt,
    /// The restore of a table was begun.
    RestoreStarted,
    /// Restore points were to be copied again.
    CopiesRequested,
}

/// One entry. Entries are kept for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: Action,
    /// To what: a policy, a restore point, a table.
    pub subject: String,
    /// By whom, as they told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Counts the writes of this record.
    pub rev: u64,
}
