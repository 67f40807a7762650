//! What the functions answer, as far as the command reads it.

use backup_chain_core::ids::{PointId, SessionId, TableName};
use backup_chain_core::retention::Braked;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Failure;

/// Of the session function, to a session that was asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    /// The session that the request made.
    pub recorded: Vec<SessionId>,
}

/// Of the session function, to a policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Applied {
    pub policy: String,
    pub revision: u32,
    pub changed: bool,
    pub warnings: Vec<String>,
}

/// Of the retention function.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub dry_run: bool,
    pub digest: String,
    pub braked: Option<Braked>,
    pub points: Vec<Decided>,
    #[serde(default)]
    pub problems: Vec<String>,
}

/// What became of a point.
#[derive(Debug, Deserialize)]
pub(crate) struct Decided {
    pub table: TableName,
    pub vault: String,
    pub point: PointId,
    pub fate: String,
    pub why: Vec<String>,
}

/// Reads an answer.
pub(crate) fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| {
        Failure::refused(format!(
            "the function answers what this command does not know ({error}): use the command of the deployed version"
        ))
    })
}
