//! What the functions are asked by an operator, by a schedule and by the operator's command.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::brief::{MAX_QUOTED_CHARS, brief};
use crate::ids::{PointId, PolicyName, Region, RestoreId, SessionId, TableName, VaultName};
use crate::restore::Choices;
use crate::retention::Guard;

/// A payload that is no request of a function.
#[derive(Debug, Error)]
#[error("the payload is no request of this function: {why}; see the samples in events/")]
pub struct UnreadablePayload {
    /// What is wrong with it.
    pub why: String,
}

/// The most tables of a request: a session's record names them all, and what a restore tells of each are some
/// kilobytes, of which Lambda carries 6 MB.
pub const MAX_TABLES: usize = 1_000;
/// The most entries of any other list or mapping in a request.
const MAX_ENTRIES: usize = 100;
/// The most bytes of a text in a request. A policy's document has a bound of its own.
const MAX_TEXT_BYTES: usize = 4_096;

/// Reads the payload of an invocation. What no request is large enough for is refused before it is read.
///
/// # Errors
/// [`UnreadablePayload`] when it is no request of the function.
pub fn read<T: DeserializeOwned>(payload: Value) -> Result<T, UnreadablePayload> {
    let unreadable = |why: &str| UnreadablePayload { why: brief(why, MAX_TEXT_BYTES).into_owned() };
    within_bounds("payload", &payload).map_err(|why| unreadable(&why))?;
    serde_json::from_value(payload).map_err(|error| unreadable(&error.to_string()))
}

/// Looks at what the field `name` holds, at any depth.
fn within_bounds(name: &str, value: &Value) -> Result<(), String> {
    let most = if name == "tables" { MAX_TABLES } else { MAX_ENTRIES };
    let counted = |count: usize| match count > most {
        true => Err(format!(
            "{count} {} are too many for one request: name at most {most}",
            brief(name, MAX_QUOTED_CHARS)
        )),
        false => Ok(()),
    };
    let short = |what: &str, text: &str| match text.len() > MAX_TEXT_BYTES {
        true => Err(format!("{what} has {} bytes: write at most {MAX_TEXT_BYTES}", text.len())),
        false => Ok(()),
    };
    match value {
        Value::String(_) if name == "document" => Ok(()),
        Value::String(text) => short(&brief(name, MAX_QUOTED_CHARS), text),
        Value::Array(items) => {
            counted(items.len())?;
            items.iter().try_for_each(|item| within_bounds(name, item))
        }
        Value::Object(fields) => {
            counted(fields.len())?;
            fields.iter().try_for_each(|(name, value)| {
                short("the name of a field", name)?;
                within_bounds(name, value)
            })
        }
        _ => Ok(()),
    }
}

/// Requests of the session function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SessionRequest {
    /// Asks every policy whether a slot has come due, and continues open sessions.
    Tick {},
    /// Runs a policy now: an extra point in the chain of each of its tables.
    Run {
        /// The policy.
        policy: PolicyName,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
        /// Why, for the history.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Makes manual backups, outside every chain.
    Backup {
        /// Table names or ARNs.
        tables: Vec<String>,
        /// The vault; the stack's own unless named.
        #[serde(default)]
        vault: Option<VaultName>,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
        /// Why, for the history.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Stops a session: no more of its backups are started. Those that AWS is making become restore points.
    Stop {
        /// The session.
        session: SessionId,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
        /// Why, for the history.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Stores a policy, or a new revision of it.
    Apply {
        /// The policy's document, YAML or JSON.
        document: String,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
    },
    /// Returns what applying a document would change and meet, and changes nothing.
    Check {
        /// The policy's document, YAML or JSON.
        document: String,
    },
    /// Lets a policy that was disabled run again. Nothing is due before its next slot.
    Enable {
        /// The policy.
        policy: PolicyName,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
    },
    /// Stops a policy's slots from starting sessions, whatever document is applied, until it is enabled.
    Disable {
        /// The policy.
        policy: PolicyName,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
    },
    /// Deletes a policy. Its restore points stay and age out by what each says of itself.
    Delete {
        /// The policy.
        policy: PolicyName,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
    },
}

impl SessionRequest {
    /// The run of a policy, by nobody in particular.
    pub fn run(policy: PolicyName) -> Self {
        Self::Run { policy, by: None, reason: None }
    }

    /// Manual backups in the stack's own vault, by nobody in particular.
    pub fn backup(tables: Vec<String>) -> Self {
        Self::Backup { tables, vault: None, by: None, reason: None }
    }
}

/// Requests of the copy function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CopyRequest {
    /// Looks at every job that has been open for too long, and starts the copies whose time has come.
    Tick {},
    /// Copies restore points again of which a copy is missing.
    Copy(CopyAsk),
}

/// Copies that are asked for by an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyAsk {
    /// The tables.
    pub tables: Vec<TableName>,
    /// This restore point, of one table; the newest of each that is to have a copy unless named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<PointId>,
    /// Only into this vault, by name and Region (`<Region>/<vault>`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Only plan.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asks, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Requests of the retention function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RetentionRequest {
    /// Removes what is outdated in every chain.
    Run {
        /// The digest of a plan that is larger than one run may remove.
        #[serde(default)]
        confirm: Option<String>,
        /// Who asks, for the history; the schedule does not say.
        #[serde(default)]
        by: Option<String>,
    },
    /// Ends the pause that follows a rebuild of the catalog: an operator has looked at what was found.
    Resume {
        /// Why.
        reason: String,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
    },
    /// Returns of every restore point whether a run would keep or remove it, and why. Nothing is changed.
    Plan {
        /// Only of this table.
        #[serde(default)]
        table: Option<TableName>,
    },
    /// Removes restore points of a table by an operator.
    Remove(Removal),
    /// Rebuilds the restore points of the catalog from the vaults: adds what is there and not in the catalog. Removes
    /// nothing, and for 7 days nothing else does.
    Rebuild {
        /// Vaults beside those of the stack and of its policies, by name and Region (`<Region>/<vault>`).
        #[serde(default)]
        vaults: Vec<String>,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
    },
    /// Holds a restore point: retention keeps it, whatever its flags say.
    Hold {
        /// The table.
        table: TableName,
        /// The point.
        point: PointId,
        /// Its vault, where a backup and its copies share the id: `<Region>/<vault>`.
        #[serde(default)]
        vault: Option<String>,
        /// Why.
        reason: String,
        /// Until when; without end unless given.
        #[serde(default)]
        until: Option<Timestamp>,
        /// Who asks.
        #[serde(default)]
        by: Option<String>,
    },
    /// Lifts a hold: in the catalog and on the recovery point.
    LiftHold {
        /// The table.
        table: TableName,
        /// The point.
        point: PointId,
        /// Its vault, where a backup and its copies share the id: `<Region>/<vault>`.
        #[serde(default)]
        vault: Option<String>,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
        /// Why, for the history.
        #[serde(default)]
        reason: Option<String>,
    },
}

impl RetentionRequest {
    /// A run as the schedule asks for it.
    pub const fn run() -> Self {
        Self::Run { confirm: None, by: None }
    }
}

/// A removal by an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// The table.
    pub table: TableName,
    /// Which of its points.
    pub which: Which,
    /// Only in this vault, by name and Region (`<Region>/<vault>`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Guards that are not to keep them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub override_guards: Vec<Guard>,
    /// Why, for the history. Needed where a guard is overridden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asks, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Only plan.
    #[serde(default)]
    pub dry_run: bool,
    /// The digest of the plan that was seen: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

impl Removal {
    /// The removal of these points wherever they are, with every guard in force.
    pub fn of(table: TableName, which: Which) -> Self {
        Self {
            table,
            which,
            vault: None,
            override_guards: Vec::new(),
            reason: None,
            by: None,
            dry_run: false,
            confirm: None,
        }
    }
}

/// Which restore points of a table are to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// One.
    Point(PointId),
    /// Those of its backup chains.
    Backups,
    /// Those of its copy chains.
    Copies,
    /// Its manual backups.
    Manual,
    /// All.
    All,
}

/// Requests of the restore function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RestoreRequest {
    /// Goes on with open restores.
    Tick {},
    /// Restores tables.
    Restore(Box<Ask>),
    /// Returns of Regions whether tables could be changed there after a restore.
    Check {
        /// The Regions.
        regions: Vec<Region>,
    },
    /// Stops a restore: nothing more of it is asked of AWS.
    Stop {
        /// The restore.
        restore: RestoreId,
        /// Who asks, for the history.
        #[serde(default)]
        by: Option<String>,
        /// Why, for the history.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Returns of a restore what is being done, with the commands that finish by hand what failed.
    Show {
        /// The restore.
        restore: RestoreId,
    },
}

/// Tables to be restored. Either each of them is begun, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ask {
    /// The tables.
    pub tables: Vec<Wanted>,
    /// What is to be otherwise than it was, in each of them.
    #[serde(default)]
    pub choices: Choices,
    /// Restores items, keys and indexes of a point whose metadata is not believed.
    #[serde(default)]
    pub items_only: bool,
    /// Only plan.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asks, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// One table to be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Wanted {
    /// The table that was backed up.
    pub table: TableName,
    /// Which of its restore points.
    #[serde(default)]
    pub from: From,
    /// Out of this vault, by Region and name (`<Region>/<vault>`) or by ARN; those of the Region unless named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Under this name; its own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<TableName>,
    /// In this Region; that of the vault unless given, and the source Region where no vault is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// Which restore point.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum From {
    /// The newest.
    #[default]
    Newest,
    /// The newest at or before a moment.
    At(Timestamp),
    /// This one.
    Point(PointId),
}
