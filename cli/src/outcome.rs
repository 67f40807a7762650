//! Who asks, how a command ends, and why one is refused.

use std::io;

use backup_chain_aws::{AwsError, Error as AwsEdgeError};
use clap::Args;
use serde::Serialize;
use thiserror::Error;

use crate::problem::ProblemView;

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
    /// A document is refused: each line has a place, what is wrong there, and what to do.
    #[error("{}", lines(.0))]
    Problems(Vec<ProblemView>),
    /// AWS failed.
    #[error("{0}{way_out}", way_out = way_out(.0))]
    Aws(#[from] AwsEdgeError),
    /// The answer could not be written.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The answer has no form in YAML.
    #[error("the answer cannot be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// The answer has no form in JSON.
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<Vec<ProblemView>> for Failure {
    fn from(problems: Vec<ProblemView>) -> Self {
        Self::Problems(problems)
    }
}

fn lines(problems: &[ProblemView]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What to do about a failure of AWS whose words do not say it.
fn way_out(error: &AwsEdgeError) -> &'static str {
    match error {
        AwsEdgeError::Aws(error) if error.is_unreached() => {
            "; check the network, the proxy if there is one, and that the Region is spelled right"
        }
        _ => "",
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        Self::Aws(error.into())
    }
}

/// A refusal or a failure as JSON: `docs/operations.md` has its shape.
#[derive(Debug, Serialize)]
pub(crate) struct FailureView {
    error: FailureText,
}

#[derive(Debug, Serialize)]
struct FailureText {
    /// `refused`, `aws` or `output`.
    kind: &'static str,
    message: String,
    /// Whether the same may succeed when it is asked again.
    retryable: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemView>,
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        let (kind, retryable) = match failure {
            Failure::Refused(_) | Failure::Problems(_) => ("refused", false),
            Failure::Aws(error) => ("aws", error.is_transient()),
            Failure::Output(_) | Failure::Json(_) | Failure::Yaml(_) => ("output", false),
        };
        let problems = match failure {
            Failure::Problems(problems) => problems.clone(),
            _ => Vec::new(),
        };
        Self { error: FailureText { kind, message: failure.to_string(), retryable, problems } }
    }
}

impl Failure {
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}
