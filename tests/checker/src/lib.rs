//! A second opinion on what a deployment did.
//!
//! [`check`] judges a recorded history: every call to AWS, what the outside did, and how things stood when all was
//! quiet. It is written from the documents and shares no code with the product, so that a slip of one is not believed
//! by the other.

mod book;
mod calendar;
mod document;
pub mod entry;
mod plans;
pub mod policy;
mod read;
mod rules;
mod seal;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::book::Book;
use crate::rules::Found;

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
pub fn check(history: &[Entry]) -> Vec<Finding> {
    let (mut book, mut rules, mut found) = (Book::default(), rules::all(), Found::default());
    for entry in history {
        book.learn(entry);
        for rule in &mut rules {
            rule.see(&mut book, entry, &mut found);
        }
    }
    for rule in &mut rules {
        rule.end(&book, &mut found);
    }
    let mut findings = found.0;
    findings.sort_by(|a, b| (a.at, a.rule, &a.what).cmp(&(b.at, b.rule, &b.what)));
    findings.dedup();
    findings
}
