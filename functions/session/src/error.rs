//! What the function refuses or fails with.

use backup_chain_aws::{AwsError, Error};
use backup_chain_core::due::NoTiers;
use backup_chain_core::ids::{PolicyName, SessionId};
use backup_chain_core::policy::PolicyErrors;

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum SessionError {
    /// The policy breaks rules of the language.
    #[error("{0}")]
    Policy(#[from] PolicyErrors),
    /// There is no such policy.
    #[error("there is no policy {0}: apply it first, or see the list of policies for its name")]
    UnknownPolicy(PolicyName),
    /// A policy that its own document disables cannot be enabled by an operator.
    #[error("policy {0} says enabled: false in its document: apply it with enabled: true")]
    DisabledByDocument(PolicyName),
    /// The policy has no schedule.
    #[error(transparent)]
    NoTiers(#[from] NoTiers),
    /// A manual backup names no table.
    #[error("no table is named: name at least one table to back up")]
    NoTables,
    /// There is no such session.
    #[error("there is no session {0}: see the list of sessions; they are remembered for 90 days")]
    UnknownSession(SessionId),
    /// It cannot be stopped any more.
    #[error("session {0} has ended: there is nothing to stop")]
    Ended(SessionId),
    /// A vault is not there.
    #[error("{0}")]
    Vault(String),
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] Error),
}

impl SessionError {
    /// What a failed invocation reports to Lambda as the error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.name(),
            other => other.into(),
        }
    }
}

impl From<AwsError> for SessionError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error.into())
    }
}
