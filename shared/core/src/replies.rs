//! What the session function answers, as the command reads it. What the other functions answer stands with what it is
//! about: [`crate::retention`], [`crate::restore`].

use serde::{Deserialize, Serialize};

use crate::ids::{SessionId, TableName};
use crate::session::{Session, Skipped, Status};

/// What the session function answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum SessionReply {
    /// No slot has come due and no session has work left.
    Idle {},
    /// Another invocation is running and will take up what was recorded.
    Busy(Recorded),
    /// Sessions were worked on.
    Worked(Worked),
    /// A policy was stored.
    Applied(Applied),
    /// What applying a policy would change and meet; nothing was changed.
    Checked(Checked),
    /// A policy was enabled or disabled.
    Switched(Switched),
    /// A policy was deleted.
    Deleted(Deleted),
}

/// The sessions that a request has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Their ids.
    pub recorded: Vec<SessionId>,
}

/// What an invocation has done for sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worked {
    /// The sessions that this invocation recorded.
    pub recorded: Vec<SessionId>,
    /// How each of those that it worked on stands now.
    pub sessions: Vec<Summary>,
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Its id.
    pub session: SessionId,
    /// Its policy; none for manual backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How many restore points it recorded.
    pub planned: u32,
    /// How many tables it skipped.
    pub skipped: usize,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl From<&Session> for Summary {
    fn from(session: &Session) -> Self {
        Self {
            session: session.id.clone(),
            policy: session.policy.as_ref().map(|policy| policy.name.to_string()),
            status: session.status,
            planned: session.planned,
            skipped: session.skipped.len(),
            problems: session.problems.clone(),
        }
    }
}

/// A policy that was applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// Its name.
    pub policy: String,
    /// Its revision.
    pub revision: u32,
    /// Whether the document differs from the one that was stored before.
    pub changed: bool,
    /// What will not work as things stand, each with the way out.
    pub warnings: Vec<String>,
}

/// A document that was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The name of its policy.
    pub policy: String,
    /// The revision that is stored now; none when there is none.
    pub revision: Option<u32>,
    /// Whether the document differs from the stored one.
    pub changed: bool,
    /// Which fields differ.
    pub changes: Vec<String>,
    /// Tiers that would come into force again: nothing of them is owed from before.
    #[serde(rename = "anew")]
    pub restarted_tiers: Vec<String>,
    /// The tables that it would cover.
    pub tables: Vec<Covered>,
    /// Tables that it would skip.
    pub skipped: Vec<Skipped>,
    /// What will not work as things stand, each with the way out.
    pub warnings: Vec<String>,
}

/// A table that a policy would cover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// Its name.
    pub name: TableName,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A policy that was enabled or disabled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switched {
    /// Its name.
    pub policy: String,
    /// Whether its slots start sessions.
    pub enabled: bool,
    /// Whether that was otherwise before.
    pub changed: bool,
    /// What is superseded because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A policy that was deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    /// Its name.
    pub policy: String,
    /// What is superseded because of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
