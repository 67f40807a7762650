//! The restore function: so far only what it will be asked and what it will answer.
//!
//! A restore gives back a table as it was backed up: its items from the recovery point, its settings from the
//! metadata that the recovery point carries.

use backup_chain_core::ids::{PointId, TableName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One table to be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RestoreRequest {
    /// The table that was backed up.
    pub table: TableName,
    /// Which of its restore points.
    pub from: From,
    /// Under which name: the original one, when the table is gone, unless another is given.
    #[serde(default)]
    pub name: Option<TableName>,
    /// Only plan.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, for the history.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Which restore point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum From {
    /// This one; where it is in several vaults, in the one that is named as `<Region>/<vault>`.
    Point {
        /// The point.
        id: PointId,
        /// The vault.
        #[serde(default)]
        vault: Option<String>,
    },
    /// The newest available one at or before a moment.
    Moment {
        /// The moment.
        at: Timestamp,
    },
}

/// What became of one property of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it was.
    Restored,
    /// Otherwise, as the request asked.
    Changed,
    /// AWS cannot bring it back.
    Impossible,
    /// It could not be brought back now.
    Failed,
}

/// One property of the table, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The property's name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is not as it was, and how to finish by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_an_operator_writes_it() {
        let text =
            r#"{"table": "orders", "from": {"moment": {"at": "2026-01-05T07:00:00Z"}}, "dry-run": true}"#;
        let request: RestoreRequest = serde_json::from_str(text).unwrap();
        assert!(request.dry_run && request.name.is_none());
        assert_eq!(request.from, From::Moment { at: "2026-01-05T07:00:00Z".parse().unwrap() });
        assert!(
            serde_json::from_str::<RestoreRequest>(r#"{"table": "orders", "from": {"newest": {}}}"#).is_err()
        );
    }
}
