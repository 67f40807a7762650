//! What the function refuses or fails with.

use backup_chain_aws::{AwsError, Error};
use backup_chain_core::job_events::EventError;

/// Why an invocation failed as a whole.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum CopyError {
    /// The payload is nothing that the function takes.
    #[error(transparent)]
    Event(#[from] EventError),
    /// More or fewer tables than one are named with a restore point.
    #[error("a restore point is of one table: name that table alone")]
    NotOneTable,
    /// No table is named.
    #[error("no table is named: name at least one")]
    NoTables,
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] Error),
}

impl CopyError {
    /// What a failed invocation reports to Lambda as the error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.name(),
            other => other.into(),
        }
    }
}

impl From<AwsError> for CopyError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error.into())
    }
}
