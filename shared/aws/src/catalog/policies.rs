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
    /// Switched off by an operator, whatever its document says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// When it was deleted. Its restore points age out by what each says of itself, and the newest of a chain
    /// by what its last document says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl StoredPolicy {
    /// Whether no one has switched it off or deleted it. What its document says is asked as well.
    pub fn is_on(&self) -> bool {
        !self.disabled && self.deleted_at.is_none()
    }

    /// This revision, for what it makes.
    pub fn reference(&self) -> PolicyRef {
        PolicyRef { name: self.name.clone(), revision: self.revision }
    }
}

/// One document that was applied, kept for good: restore points name the revision that made them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The policy.
    pub name: PolicyName,
    /// Which revision of it.
    pub revision: u32,
    /// The document as it was given.
    pub document: String,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// By whom, as they told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl Revision {
    /// The revision that a stored policy is of now.
    pub fn of(stored: &StoredPolicy, by: Option<String>) -> Self {
        Self {
            name: stored.name.clone(),
            revision: stored.revision,
            document: stored.document.clone(),
            applied_at: stored.applied_at,
            by,
            rev: 0,
        }
    }
}

/// That the catalog was rebuilt from the vaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildRecord {
    /// When.
    pub at: Timestamp,
    /// When the pause that followed was ended: by an operator, or because nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<Timestamp>,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl RebuildRecord {
    /// Since when retention pauses, unless that was ended.
    pub fn pauses_since(&self) -> Option<Timestamp> {
        self.resumed_at.is_none().then_some(self.at)
    }
}
