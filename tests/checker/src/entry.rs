//! A history: what was called, what the outside did, and how things stood when all was quiet.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::Policy;

/// One entry of a history. Entries stand in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// A call to AWS.
    Call(Box<Call>),
    /// Something that the outside did.
    Intent {
        /// When.
        at: Timestamp,
        /// What.
        what: Box<Intent>,
    },
    /// A line that a function logged.
    Log {
        /// When.
        at: Timestamp,
        /// The role of the function.
        caller: String,
        /// The line.
        line: String,
    },
    /// How things stand while no fault is in force and nothing is under way.
    Quiet {
        /// When.
        at: Timestamp,
        /// What is there.
        state: Box<State>,
    },
}

impl Entry {
    /// Something that the outside did.
    #[must_use]
    pub fn intent(at: Timestamp, what: Intent) -> Self {
        Self::Intent { at, what: Box::new(what) }
    }
}

/// A call to AWS, with its bodies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// Who called: the role.
    pub caller: String,
    /// The account of the credentials.
    pub account: String,
    /// The Region of the signature.
    pub region: String,
    /// The service's signing name, such as `backup`.
    pub service: String,
    /// The operation, such as `StartBackupJob`.
    pub operation: String,
    /// What it acts on, as the record of calls tells it.
    pub resource: String,
    /// Path and query as they were sent; `/` where the protocol has neither.
    #[serde(default)]
    pub path: String,
    /// The body, null when there was none.
    pub request: Value,
    /// The HTTP status that the service answered with, heard or not; 0 when the request never reached it.
    pub status: u16,
    /// The body that the service answered with, heard or not.
    pub response: Value,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The caller heard the answer, an injected error among them.
    Heard,
    /// It was lost on its way: no effect.
    Lost,
    /// It took effect, and the answer was lost.
    Unheard,
    /// The caller died before it was sent: no effect.
    DiedBefore,
    /// The caller died once it had taken effect.
    DiedAfter,
}

impl Call {
    /// Whether AWS did what was asked.
    #[must_use]
    pub fn took_effect(&self) -> bool {
        (200..300).contains(&self.status) && !matches!(self.fate, Fate::Lost | Fate::DiedBefore)
    }
}

/// What the outside did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "kebab-case")]
pub enum Intent {
    /// The deployment was made. The first entry of a history.
    Deployed(Deployment),
    /// These texts are in the settings of tables, and nowhere else: nobody may read them outside of a seal.
    Markers {
        /// The texts.
        values: Vec<String>,
    },
    /// A table was made, by the application or by a restore that somebody else did.
    TableCreated {
        /// Its name.
        table: String,
        /// Its TableId.
        id: String,
    },
    /// A table was dropped.
    TableDropped {
        /// Its name.
        table: String,
        /// Its TableId.
        id: String,
    },
    /// Something is asked for that changes a policy: from now until it is told as done, who serves a slot is not clear.
    PolicyAsked {
        /// Its name.
        policy: String,
    },
    /// A policy was applied, and the functions took it.
    PolicyApplied(Policy),
    /// A policy was switched off by hand.
    PolicyDisabled {
        /// Its name.
        policy: String,
    },
    /// A policy was switched on again.
    PolicyEnabled {
        /// Its name.
        policy: String,
    },
    /// A policy was deleted.
    PolicyDeleted {
        /// Its name.
        policy: String,
    },
    /// A policy was run by hand.
    SessionAsked {
        /// Its name.
        policy: String,
    },
    /// A manual backup was asked for, and accepted.
    ManualAsked {
        /// The table.
        table: String,
    },
    /// A retention run was asked for by hand.
    RetentionAsked,
    /// A hold was asked for. Recorded before the call.
    HoldAsked {
        /// The restore point.
        id: String,
        /// `Region/vault`.
        vault: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// The end of a hold was asked for. Recorded before the call.
    HoldLifted {
        /// The restore point.
        id: String,
        /// `Region/vault`.
        vault: String,
    },
    /// Restore points are removed by hand. Recorded before the call.
    RemovalAsked {
        /// The table.
        table: String,
        /// The one restore point, or all that the other fields select.
        id: Option<String>,
        /// `Region/vault`, or every vault.
        vault: Option<String>,
        /// The guards that are overridden.
        overridden: Vec<String>,
    },
    /// A restore is asked for. Recorded before the call.
    RestoreAsked {
        /// The table that was backed up.
        table: String,
        /// The name of the table that is to be made.
        target: String,
        /// The Region that it is made in.
        region: String,
    },
    /// A restore has ended, and its table is seen now.
    RestoreEnded {
        /// The name of the table that was made, in the Region of [`Intent::RestoreAsked`].
        target: String,
        /// `succeeded`, `warning` or `failed`.
        status: String,
        /// The ARN of the recovery point that it was made of.
        point: String,
        /// The table as the recovery point has it.
        expected: Option<Table>,
        /// The restored table.
        table: Option<Table>,
    },
    /// The drill of a rebuild: the records of restore points are gone. Quiet entries before and after tell what came
    /// back.
    CatalogLost,
    /// A rebuild was asked for.
    RebuildAsked,
    /// Clocks are apart by so many seconds from now on.
    Skewed {
        /// How far AWS's clock is ahead of ours.
        seconds: i64,
    },
    /// A disturbance begins: from now on protection may be late, and is owed a record all the same.
    FaultBegan {
        /// Which of them.
        fault: u64,
        /// What it is, in words.
        what: String,
    },
    /// It has ended.
    FaultEnded {
        /// Which of them.
        fault: u64,
    },
    /// A recovery point was deleted behind our back, or by AWS.
    PointDeleted {
        /// Its ARN.
        arn: String,
    },
    /// A recovery point's tags were changed behind our back.
    PointTagged {
        /// Its ARN.
        arn: String,
        /// All its tags from now on.
        tags: BTreeMap<String, String>,
    },
    /// A recovery point was made by somebody else.
    ForeignPoint {
        /// Its ARN.
        arn: String,
    },
    /// AWS holds a point (a legal hold), or holds it no more.
    LegalHold {
        /// Its ARN.
        arn: String,
        /// Whether it is held.
        held: bool,
    },
    /// Anything else: for whoever reads the history.
    Note {
        /// What it is, in words.
        text: String,
    },
}

/// What is deployed where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The account.
    pub account: String,
    /// The source Region.
    pub region: String,
    /// The name of the catalog table.
    pub catalog: String,
    /// The name of the settings tables, one in each Region.
    pub settings: String,
    /// The vault of the source Region.
    pub vault: String,
    /// Vaults for copies, as `Region/vault`.
    pub copies: Vec<String>,
    /// The roles of the functions.
    pub functions: Functions,
    /// The roles that AWS Backup makes backups, copies and tables with: ARNs.
    pub job_roles: Vec<String>,
    /// No point younger than so many hours is removed by a run.
    pub min_age_hours: i64,
    /// A run removes no more than so many.
    pub most_deletions: usize,
}

/// The roles of the functions, as [`Call::caller`] names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Functions {
    /// The session function's.
    pub session: String,
    /// The copy function's.
    pub copy: String,
    /// The retention function's.
    pub retention: String,
    /// The restore function's.
    pub restore: String,
}

/// How things stand.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Every recovery point of every vault.
    pub points: Vec<Point>,
    /// The items of the catalog and of the settings tables.
    pub records: Vec<Records>,
    /// The applications' tables, restored ones among them.
    pub tables: Vec<Table>,
}

/// A recovery point as AWS Backup holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its ARN.
    pub arn: String,
    /// `Region/vault`.
    pub vault: String,
    /// The ARN of the table.
    pub resource: String,
    /// The table's TableId, as the snapshot has it.
    pub table_id: String,
    /// The creation date.
    pub created: Timestamp,
    /// `COMPLETED`, `AVAILABLE`, `DELETING`, `EXPIRED`, ...
    pub status: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The items of one of our tables, as DynamoDB JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// Its Region.
    pub region: String,
    /// Its name.
    pub table: String,
    /// Its items.
    pub items: Vec<Value>,
}

/// A table of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its Region.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Its TableId.
    pub id: String,
    /// Its items, as DynamoDB JSON, sorted; left out where they do not matter.
    #[serde(default)]
    pub items: Vec<Value>,
    /// Its settings as DescribeTable tells them (the value of `Table`); left out where they do not matter.
    #[serde(default)]
    pub settings: Value,
}
