//! Who asks, how a command ends, and why one is refused.

use std::io;

use backup_chain_aws::{AwsError, Error as AwsEdgeError};
use clap::Args;
use thiserror::Error;

/// Who asks.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// Who asks, for the history; your user name unless given
    #[arg(long, env = "USER", hide_env_values = true)]
    pub by: Option<String>,
}

/// How a command ended that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// As asked.
    Done,
    /// Done, and something of it needs attention.
    Attention,
    /// Refused or failed; it has told why.
    Failed,
}

/// Why a command was refused or failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// One clear line, mostly: what was wrong, where, and what to do.
    #[error("{0}")]
    Refused(String),
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsEdgeError),
    /// The answer could not be written.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The answer has no form in JSON.
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        Self::Aws(error.into())
    }
}

impl Failure {
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}
