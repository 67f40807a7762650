//! Domain events: what the functions tell the event bus. `docs/events.md` describes each.
//!
//! An event is sent at least once; its ids tell a repetition.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{PointId, PolicyName, RestoreId, RunId, SessionId, TableArn, TableName};
use crate::point::{PointKind, RestorePoint};
use crate::restore::{Property, Restore, Stage};
use crate::retention::{Braked, Breach, ChainRun, Counts, Run, RunStatus};
use crate::session::{Session, SessionTrigger, Status};

/// The source of every event.
pub const SOURCE: &str = "backup-chain";

/// Something that has happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A backup session has ended, after the last try of each of its tables.
    SessionEnded(SessionEnded),
    /// A backup or a copy failed and is tried again. Sent where a policy asks for notices of each try.
    Retried(Retried),
    /// A copy failed for good. Its slots are owed to the table's next copy.
    CopyFailed(CopyFailed),
    /// A retention run has ended.
    RetentionEnded(RetentionEnded),
    /// No retention run has ended for too long.
    RetentionOverdue(RetentionOverdue),
    /// The restore of a table has ended.
    RestoreEnded(RestoreEnded),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionEnded {
    /// The session.
    pub session: SessionId,
    /// Its policy; none for manual backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The policy's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// What set it off.
    pub trigger: SessionTrigger,
    /// Its slot.
    pub slot: Timestamp,
    /// When it was recorded.
    pub started_at: Timestamp,
    /// How it ended.
    pub status: Status,
    /// How many restore points were planned.
    pub planned: u32,
    /// How many are available.
    pub available: u32,
    /// Tables without a restore point, with the reason; the first hundred.
    pub failed: Vec<FailedTable>,
    /// Tables skipped that should not have been, with the reason; the first hundred.
    pub skipped: Vec<FailedTable>,
    /// How many older slots it did not make up for.
    pub missed: usize,
    /// What is wrong with it as a whole.
    pub problems: Vec<String>,
}

/// A table, and what went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedTable {
    /// The table.
    pub table: String,
    /// Why.
    pub reason: String,
}

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retried {
    /// The session.
    pub session: SessionId,
    /// Its policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The table.
    pub table: TableName,
    /// The restore point.
    pub point: PointId,
    /// What was to be made.
    pub kind: PointKind,
    /// Which try failed, from 1.
    pub attempt: u32,
    /// Why.
    pub reason: String,
    /// When it is tried again.
    pub again_at: Timestamp,
}

/// A copy that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyFailed {
    /// The session that asked for it.
    pub session: SessionId,
    /// Its policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The table.
    pub table: TableName,
    /// The restore point that was to be copied.
    pub point: PointId,
    /// The target vault, as `<Region>/<vault>`.
    pub vault: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why.
    pub reason: String,
}

impl CopyFailed {
    /// What is reported a copy that failed for this reason.
    pub fn of(copy: &RestorePoint, reason: &str) -> Self {
        Self {
            session: copy.session.clone(),
            policy: copy.policy.as_ref().map(|policy| policy.name.clone()),
            table: copy.table.arn.name.clone(),
            point: copy.id.clone(),
            vault: copy.place(),
            attempts: copy.attempt,
            reason: reason.to_owned(),
        }
    }
}

/// How a retention run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionEnded {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// How many points of the chains with something to remove met with which fate.
    pub counts: Counts,
    /// How many of those chains there are.
    pub chains: u32,
    /// Those of them of which something is not kept, with how many points met with which fate; the first hundred.
    pub changed: Vec<ChangedChain>,
    /// Why nothing was removed although something was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub braked: Option<Braked>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub braked_why: Option<String>,
    /// Tables without a fresh restore point; the first hundred.
    pub breaches: Vec<Breach>,
    /// What needs a look; the first hundred.
    pub problems: Vec<String>,
}

/// A chain in which a run did, or should have done, more than keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedChain {
    /// The table.
    pub table: TableName,
    /// The vault, as `<Region>/<vault>`.
    pub vault: String,
    /// How many points met with which fate.
    pub counts: Counts,
}

/// That retention does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionOverdue {
    /// When the last run ended, or since when one is waited for.
    pub last_run: Timestamp,
    /// What to do.
    pub advice: String,
}

/// How a restore ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreEnded {
    /// The restore.
    pub restore: RestoreId,
    /// The table that was backed up.
    pub table: TableName,
    /// The restore point.
    pub point: PointId,
    /// The moment of the restore point: the table is as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Timestamp>,
    /// The vault that it was restored from, as `<Region>/<vault>`.
    pub vault: String,
    /// The table that was made.
    pub target: TableArn,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// How it ended.
    pub status: Stage,
    /// What became of each property of the table.
    pub properties: Vec<Property>,
    /// Why there is no table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl RestoreEnded {
    /// What is reported a restore that has ended.
    pub fn of(restore: &Restore) -> Self {
        Self {
            restore: restore.id.clone(),
            table: restore.table.arn.name.clone(),
            point: restore.point.clone(),
            moment: restore.moment,
            vault: restore.place(),
            target: restore.target.clone(),
            started_at: restore.requested_at,
            status: restore.stage,
            properties: restore.report.clone(),
            problem: restore.problem.clone(),
        }
    }
}

/// AWS takes 256 KB in an event; a hundred lines are well below that.
const MAX_LISTED: usize = 100;

impl Notice {
    /// The event's detail-type, and its detail as JSON.
    ///
    /// # Errors
    /// None that can be brought about: the details are plain data.
    pub fn parts(&self) -> serde_json::Result<(&'static str, String)> {
        Ok(match self {
            Self::SessionEnded(detail) => ("Backup Session Ended", serde_json::to_string(detail)?),
            Self::Retried(detail) => ("Backup Retried", serde_json::to_string(detail)?),
            Self::CopyFailed(detail) => ("Copy Failed", serde_json::to_string(detail)?),
            Self::RetentionEnded(detail) => ("Retention Run Ended", serde_json::to_string(detail)?),
            Self::RetentionOverdue(detail) => ("Retention Overdue", serde_json::to_string(detail)?),
            Self::RestoreEnded(detail) => ("Restore Ended", serde_json::to_string(detail)?),
        })
    }
}

impl SessionEnded {
    /// What is reported a session that has ended. `failed` are its tables without a restore point.
    pub fn of(session: &Session, failed: impl Iterator<Item = FailedTable>) -> Self {
        let skipped = session.skipped.iter().filter(|skipped| skipped.warning);
        Self {
            session: session.id.clone(),
            policy: session.policy.as_ref().map(|policy| policy.name.clone()),
            revision: session.policy.as_ref().map(|policy| policy.revision),
            trigger: session.trigger,
            slot: session.slot,
            started_at: session.started_at,
            status: session.status,
            planned: session.planned,
            available: session.available,
            failed: failed.take(MAX_LISTED).collect(),
            skipped: skipped
                .map(|skipped| FailedTable { table: skipped.table.clone(), reason: skipped.why.clone() })
                .take(MAX_LISTED)
                .collect(),
            missed: session.missed.len(),
            problems: session.problems.clone(),
        }
    }
}

impl RetentionEnded {
    /// What is reported a run that decided so about its chains.
    pub fn of(run: &Run, chains: &[ChainRun]) -> Self {
        let is_changed =
            |chain: &&ChainRun| chain.counts != Counts { kept: chain.counts.kept, ..Counts::default() };
        let changed = chains.iter().filter(is_changed).take(MAX_LISTED).map(|chain| ChangedChain {
            table: chain.table.clone(),
            vault: chain.vault.clone(),
            counts: chain.counts,
        });
        Self {
            run: run.id.clone(),
            started_at: run.started_at,
            status: run.status,
            counts: run.counts,
            chains: run.chains,
            changed: changed.collect(),
            braked: run.braked.clone(),
            braked_why: run.braked.as_ref().map(ToString::to_string),
            breaches: run.breaches.iter().take(MAX_LISTED).cloned().collect(),
            problems: run.problems.iter().take(MAX_LISTED).cloned().collect(),
        }
    }
}
