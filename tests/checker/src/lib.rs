//! A second opinion on what a deployment did.
//!
//! [`check`] judges a recorded history: every call to AWS, what the outside did, and how things stood when all was
//! quiet. It is written from the documents and shares no code with the product, so that a slip of one is not believed
//! by the other.

pub mod entry;
pub mod policy;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

pub use crate::entry::{Call, Deployment, Entry, Fate, Functions, Intent, Point, Records, State, Table};
pub use crate::policy::{CopyRule, Days, Policy, Span, Tier, Unit};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static str,
    /// When it showed.
    pub at: Timestamp,
    /// What is wrong, in one line.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.at, self.rule, self.what)
    }
}

/// Everything in a history that breaks a rule, in the order of its moments: nothing, when all is well.
#[must_use]
pub fn check(_history: &[Entry]) -> Vec<Finding> {
    Vec::new()
}
