//! What a check has found.

use std::fmt;

use backup_chain_aws::{AwsError, Error, Meaning};
use backup_chain_core::ids::Region;
use serde::Serialize;

/// What is checked, in the order in which it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    /// The four functions.
    Functions,
    /// Schedules, and the rules of AWS Backup's events.
    Rules,
    /// What brings a queue's events to its function.
    Feeds,
    /// The queues.
    Queues,
    /// The catalog and the settings tables.
    Tables,
    /// Whether the Regions answer, and what they allow AWS Backup to do.
    Regions,
    /// The vaults of the stack and of the policies.
    Vaults,
    /// The metadata key with its replicas, and the keys of the vaults.
    Keys,
    /// What the vaults hold, and the catalog knows or does not.
    Catalog,
    /// What AWS Backup may do.
    Roles,
    /// The stored policies.
    Policies,
    /// The tables that policies cover.
    Scope,
    /// How well the tables are protected.
    Protection,
    /// How the last session of each policy ended.
    Sessions,
    /// Whether the functions have done what was due.
    Ticks,
    /// The last retention run.
    Retention,
    /// Restore points and restores that want a look.
    Points,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Ok,
    /// Repaired just now.
    Mended,
    /// Worth a look.
    Warning,
    /// It could not be looked at.
    Unknown,
    Wrong,
}

/// What `--fix` can do: it only switches on what the templates have on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Opts DynamoDB in, with the advanced features.
    Features(Region),
    /// Enables a rule of EventBridge.
    Rule(String),
    /// Enables an event source mapping.
    Feed(String),
    /// Switches the point-in-time recovery of a table on.
    Recovery(Region, String),
    /// Protects a table from deletion.
    Protection(Region, String),
    /// Rotates a key from now on.
    Rotation(Region, String),
}

/// What was found, and what to do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub check: Check,
    pub state: State,
    /// The Region and the resource.
    pub place: String,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The fix as a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What AWS said, where it let no one look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// Whether `--fix` does it.
    pub fixable: bool,
    #[serde(skip)]
    pub repair: Option<Repair>,
}

impl Finding {
    fn new(check: Check, state: State, place: impl fmt::Display, what: impl Into<String>) -> Self {
        let (place, what) = (place.to_string(), what.into());
        Self { check, state, place, what, fix: None, command: None, said: None, fixable: false, repair: None }
    }

    pub fn ok(check: Check, place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self::new(check, State::Ok, place, what)
    }

    pub fn warning(check: Check, place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self::new(check, State::Warning, place, what)
    }

    pub fn wrong(check: Check, place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self::new(check, State::Wrong, place, what)
    }

    /// A check that could not be made.
    pub fn not_readable(check: Check, place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self::new(check, State::Unknown, place, what)
    }

    /// A check that could not be made, and why.
    pub fn unknown(check: Check, place: impl fmt::Display, error: &AwsError) -> Self {
        let AwsError { operation, message, code, .. } = error;
        let (what, fix) = match error.meaning {
            Meaning::Denied => (
                format!("not looked at: you lack the right {operation}"),
                format!("ask for {operation} on it, or have somebody look who has it"),
            ),
            _ if is_missing(error) => (
                format!("not looked at: {operation} finds nothing there"),
                "mend what else is wrong, and look again".to_owned(),
            ),
            _ => {
                (format!("not looked at: {operation}: {code}: {message}"), "try again in a minute".to_owned())
            }
        };
        Self { said: Some(message.clone()), ..Self::new(check, State::Unknown, place, what).fix(fix) }
    }

    /// A check that could not be made because the catalog could not be read, and why.
    pub fn unread(check: Check, place: impl fmt::Display, error: &Error) -> Self {
        match error {
            Error::Aws(error) => Self::unknown(check, place, error),
            Error::Record(_) | Error::Move(_) => Self::new(check, State::Unknown, place, error.to_string())
                .fix("run the version that wrote it, or rebuild the catalog from the vaults"),
        }
    }

    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    pub fn repair(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self.fixable = true;
        self
    }

    /// Whether an operator has something to look at.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Warning | State::Wrong | State::Unknown)
    }
}

/// Whether an error says that the thing does not exist.
pub(crate) fn is_missing(error: &AwsError) -> bool {
    error.meaning == Meaning::NotFound
}
