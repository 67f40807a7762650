//! What is wrong with a policy, all at once.

use std::fmt;

use thiserror::Error;

use crate::brief::brief;

/// The most bytes of each of its texts: they quote what the document holds.
const MAX_TEXT_CHARS: usize = 1_000;

/// One thing that is wrong with a policy: where, what, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `tiers.weekly.copy.on`.
    pub path: String,
    /// The line of the text; 0 when it is unknown.
    pub line: u64,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl Problem {
    pub(super) fn new(path: &str, line: u64, what: impl Into<String>, fix: impl Into<String>) -> Self {
        let path = if path.is_empty() { "policy" } else { path };
        let cut = |text: &str| brief(text, MAX_TEXT_CHARS).into_owned();
        Self { path: cut(path), line, what: cut(&what.into()), fix: cut(&fix.into()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what, fix } = self;
        if *line > 0 {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{path}: {what}")?;
        if !fix.is_empty() {
            write!(f, "; {fix}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a policy, in the order of its lines; one line of text each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct PolicyErrors(pub Vec<Problem>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}
