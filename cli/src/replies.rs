//! What the functions answer, as far as the command reads it.

use backup_chain_core::ids::{SessionId, TableName};
use backup_chain_core::session::Skipped;
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

/// Of the session function, to a document that is checked.
#[derive(Debug, Deserialize)]
pub(crate) struct Checked {
    pub revision: Option<u32>,
    pub changed: bool,
    pub changes: Vec<String>,
    pub anew: Vec<String>,
    pub tables: Vec<Covered>,
    pub skipped: Vec<Skipped>,
    pub warnings: Vec<String>,
}

/// A table that a policy would cover.
#[derive(Debug, Deserialize)]
pub(crate) struct Covered {
    pub name: TableName,
    pub bytes: u64,
}

/// Of the session function, to a policy that is enabled or disabled.
#[derive(Debug, Deserialize)]
pub(crate) struct Switched {
    pub changed: bool,
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Of the session function, to a policy that is deleted.
#[derive(Debug, Deserialize)]
pub(crate) struct Deleted {
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Reads an answer.
pub(crate) fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| {
        Failure::refused(format!(
            "the function answers what this command does not know ({error}): use the command of the deployed version"
        ))
    })
}
