//! What the functions are asked by hand, by a schedule and by the operator's command.

use serde::{Deserialize, Serialize};

use crate::ids::{PointId, PolicyName, TableName, VaultName};

/// Requests of the session function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SessionRequest {
    /// Asks every policy whether a slot has come due, and goes on with open sessions.
    Tick {},
    /// Runs a policy now: an extra point in the chain of each of its tables.
    Run {
        /// The policy.
        policy: PolicyName,
    },
    /// Makes manual backups, outside every chain.
    Backup {
        /// Table names or ARNs.
        tables: Vec<String>,
        /// The vault; the stack's own unless named.
        #[serde(default)]
        vault: Option<VaultName>,
    },
    /// Stores a policy, or a new revision of it.
    Apply {
        /// The policy's document, YAML or JSON.
        document: String,
    },
}

/// Requests of the retention function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RetentionRequest {
    /// Removes what is outdated in every chain.
    Run {
        /// Only plan, and say what would be done.
        #[serde(default)]
        dry_run: bool,
        /// The digest of a plan that is larger than one run may remove.
        #[serde(default)]
        confirm: Option<String>,
    },
    /// Removes one restore point by hand.
    Remove {
        /// The table that it is of.
        table: TableName,
        /// The point.
        point: PointId,
        /// Where the point and its copy are both in question: the vault, by name and Region
        /// (`<Region>/<vault>`).
        #[serde(default)]
        vault: Option<String>,
        /// Only plan.
        #[serde(default)]
        dry_run: bool,
    },
    /// Removes all manual backups of a table.
    RemoveManual {
        /// The table.
        table: TableName,
        /// Only plan.
        #[serde(default)]
        dry_run: bool,
    },
}
