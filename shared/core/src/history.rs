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
    /// A policy was run.
    PolicyRun,
    /// Manual backups were asked for.
    BackupsRequested,
    /// A session was stopped.
    SessionStopped,
    /// A restore was stopped.
    RestoreStopped,
    /// Retention was run, or a plan of it confirmed.
    RetentionRun,
    /// The pause of retention after a rebuild was ended.
    RetentionResumed,
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

impl Entry {
    /// Whether it names `name`, a policy or a table, as its subject or among its details.
    pub fn names(&self, name: &str) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let mut lines = std::iter::once(&self.subject).chain(&self.details);
        lines.any(|line| line.split(|c| !is_part(c)).any(|word| word == name))
    }

    /// Whether it is about a policy: one of its name may be a table, too.
    pub fn is_of_policy(&self) -> bool {
        matches!(
            self.action,
            Action::PolicyApplied
                | Action::PolicyEnabled
                | Action::PolicyDisabled
                | Action::PolicyDeleted
                | Action::PolicyRun
                | Action::SessionStopped
        )
    }
}

/// Why something ended that an operator has stopped, as its record says it.
pub fn stopped(by: Option<&str>, reason: Option<&str>) -> String {
    let who = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("stopped by an operator{who}{why}")
}
