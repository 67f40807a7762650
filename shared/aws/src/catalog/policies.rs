//! Stored policies.

use backup_chain_core::due::PolicyState;
use backup_chain_core::ids::PolicyName;
use backup_chain_core::point::PolicyRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A policy as the catalog holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPolicy {
    /// Its name.
    pub name: PolicyName,
    /// The document as it was given.
    pub document: String,
    /// Counts the documents applied under this name.
    pub revision: u32,
    /// When this revision was applied.
    pub applied_at: Timestamp,
    /// Since when its tiers are in force, and up to when its sessions are planned.
    pub state: PolicyState,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl StoredPolicy {
    /// This revision, for what it makes.
    pub fn reference(&self) -> PolicyRef {
        PolicyRef { name: self.name.clone(), revision: self.revision }
    }
}
