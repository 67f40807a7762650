//! What the function refuses or fails with.

use backup_chain_aws::{AwsError, Error};
use backup_chain_core::ids::{PointId, TableName};
use backup_chain_core::point::State;

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum RetentionError {
    /// The point is not there.
    #[error("table {table} has no restore point {point}{place}: see the list of its points")]
    UnknownPoint {
        /// The table.
        table: TableName,
        /// The point.
        point: PointId,
        /// ` in <vault>`, or nothing.
        place: String,
    },
    /// The id stands for several points.
    #[error("restore point {point} is in {vaults}: name one of them as the vault")]
    Ambiguous {
        /// The point.
        point: PointId,
        /// The vaults.
        vaults: String,
    },
    /// A guard keeps the point.
    #[error("restore point {point} is kept: {why}{way_out}")]
    Guarded {
        /// The point.
        point: PointId,
        /// The guards.
        why: String,
        /// How to override them, where that is possible.
        way_out: String,
    },
    /// Guards are overridden without a reason.
    #[error("to override a guard takes a reason, which stays in the history: say why")]
    NoReason,
    /// A pause is ended without a reason.
    #[error("to end a pause takes a reason, which stays in the history: say why")]
    NoReasonToResume,
    /// What would be removed is no longer what was seen.
    #[error("what would be removed has changed since the plan {seen} was made: look at the new plan {now}")]
    PlanChanged {
        /// The digest that was confirmed.
        seen: String,
        /// The digest of now.
        now: String,
    },
    /// A point that cannot be held.
    #[error("restore point {point} cannot be held: {why}")]
    NotToHold {
        /// The point.
        point: PointId,
        /// Why.
        why: String,
    },
    /// A vault that is named in no form that is known.
    #[error("{0:?} is no vault: write <Region>/<vault>, such as eu-central-1/backup-chain")]
    NoVault(String),
    /// There is no pause to end.
    #[error("retention does not pause for a rebuild of the catalog: there is nothing to resume")]
    NotPaused,
    /// A point that is not held.
    #[error("restore point {0} is not held")]
    NotHeld(PointId),
    /// A hold that would have ended already.
    #[error("a hold until {0} would have ended already: name a moment to come")]
    HoldIsOver(jiff::Timestamp),
    /// The hold is in force, but its tag is not on the recovery point.
    #[error(
        "restore point {point} is held in the catalog, but its tag could not be added, so that a rebuilt catalog \
             would not know: {error}; hold it again"
    )]
    TagMissing {
        /// The point.
        point: PointId,
        /// What went wrong.
        error: Error,
    },
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] Error),
}

/// Why a point that is not available cannot be held.
pub(crate) fn not_to_hold(point: &PointId, state: State) -> RetentionError {
    RetentionError::NotToHold {
        point: point.clone(),
        why: format!("it is {state}; hold one that is available"),
    }
}

impl RetentionError {
    /// What a failed invocation reports to Lambda as the error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.name(),
            other => other.into(),
        }
    }
}

impl From<AwsError> for RetentionError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error.into())
    }
}
