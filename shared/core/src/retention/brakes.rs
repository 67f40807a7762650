//! Brakes: bounds on a whole run, set by the stack and not by the catalog.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::plan::hex;

/// Bounds on a whole run, set by the stack and not by the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brakes {
    /// Deletion is switched off.
    pub paused: bool,
    /// The greatest number of deletions in one run without a confirmation.
    pub most_deletions: usize,
    /// How far our clock may be from AWS's.
    pub most_skew: SignedDuration,
    /// For how long nothing is removed after the catalog was rebuilt from the vaults.
    pub after_rebuild: SignedDuration,
}

impl Default for Brakes {
    fn default() -> Self {
        Self {
            paused: false,
            most_deletions: 100,
            most_skew: SignedDuration::from_mins(5),
            after_rebuild: SignedDuration::from_hours(7 * 24),
        }
    }
}

/// What is known of the moment at which the brakes are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BrakeInputs<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Our clock minus AWS's, when known.
    pub ahead: Option<SignedDuration>,
    /// When the catalog was rebuilt from the vaults, if it ever was.
    pub rebuilt_at: Option<Timestamp>,
    /// The digest of the plan that somebody confirms.
    pub confirmed: Option<&'a str>,
}

/// Why a run removes nothing although something is outdated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "brake")]
pub enum Braked {
    /// Deletion is switched off.
    Paused,
    /// More than the run may remove unconfirmed.
    TooMany {
        /// How many are outdated.
        outdated: usize,
        /// How many may go unconfirmed.
        most: usize,
        /// What to confirm.
        digest: String,
    },
    /// A plan is confirmed that is not the one of now.
    OtherPlan {
        /// The digest that was confirmed.
        confirmed: String,
        /// The digest of now.
        digest: String,
    },
    /// Our clock and AWS's disagree.
    ClockSkew {
        /// By how many seconds ours is ahead.
        seconds: i64,
    },
    /// The catalog was rebuilt a short while ago.
    Rebuilt {
        /// Until when nothing is removed.
        until: Timestamp,
    },
}

impl fmt::Display for Braked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => {
                write!(f, "deletion is paused by the stack: set PauseDeletion to false to continue")
            }
            Self::TooMany { outdated, most, digest } => write!(
                f,
                "{outdated} restore points are outdated, more than the {most} that one run may remove: \
                 look at the plan, then run retention with confirm {digest}"
            ),
            Self::OtherPlan { confirmed, digest } => write!(
                f,
                "what would be removed has changed since the plan {confirmed} was made: look at the new plan, then run \
                 retention with confirm {digest}"
            ),
            Self::ClockSkew { seconds } => {
                write!(
                    f,
                    "our clock is {seconds} s from that of AWS, more than the bound: nothing is removed"
                )
            }
            Self::Rebuilt { until } => write!(
                f,
                "the catalog was rebuilt from the vaults: nothing is removed until {until}, so that there is time to \
                 look at it"
            ),
        }
    }
}

/// Identifies a plan by what it would remove: the order does not matter.
pub fn digest<'a>(removals: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = removals.into_iter().collect();
    names.sort_unstable();
    let mut text = hex(&Sha256::digest(names.join("\n")));
    text.truncate(16);
    text
}

/// Whether a run of `removals` may continue.
///
/// # Errors
/// The brake that holds it.
pub fn brake(brakes: &Brakes, removals: &[&str], road: BrakeInputs<'_>) -> Result<(), Braked> {
    if removals.is_empty() {
        return Ok(());
    }
    if brakes.paused {
        return Err(Braked::Paused);
    }
    if let Some(ahead) = road.ahead.filter(|ahead| ahead.abs() > brakes.most_skew) {
        return Err(Braked::ClockSkew { seconds: ahead.as_secs() });
    }
    if let Some(until) = road.rebuilt_at.map(|at| at + brakes.after_rebuild).filter(|until| road.now < *until)
    {
        return Err(Braked::Rebuilt { until });
    }
    let digest = digest(removals.iter().copied());
    match road.confirmed {
        // Who confirms has looked at a plan, and means that one, however small this one is.
        Some(confirmed) if confirmed != digest => {
            Err(Braked::OtherPlan { confirmed: confirmed.to_owned(), digest })
        }
        None if removals.len() > brakes.most_deletions => {
            Err(Braked::TooMany { outdated: removals.len(), most: brakes.most_deletions, digest })
        }
        _ => Ok(()),
    }
}
