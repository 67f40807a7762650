//! A backup job.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::book::Keyed;
use super::lifecycle::Lifecycle;
use super::place::AccountRegion;
use super::slots::Slot;
use super::timers::TimerId;
use super::wire::answer;
use crate::lags::Lag;
use crate::wire::seconds;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobState {
    Created,
    Running,
    Completed,
    Failed,
    Expired,
    Aborted,
}

impl JobState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Aborted => "ABORTED",
        }
    }
}

/// All states of a backup job that the API names. A table's is never PENDING, ABORTING or PARTIAL: it waits
/// as CREATED, cannot be stopped once it runs, and is a whole or nothing.
pub(super) const NAMES: [&str; 9] =
    ["CREATED", "PENDING", "RUNNING", "ABORTING", "ABORTED", "COMPLETED", "FAILED", "EXPIRED", "PARTIAL"];

/// The category of a job's message, once it has ended. AWS names few; what has no name is MISCELLANEOUS, and
/// what is COMPLETED with a message is in another category than SUCCESS.
pub(super) fn category(state: &str, message: Option<&str>) -> Option<&'static str> {
    let denied = ["not authorized", "Access Denied", "Access denied", "cannot be assumed"];
    match (state, message) {
        ("CREATED" | "PENDING" | "RUNNING", _) => None,
        ("COMPLETED", None) => Some("SUCCESS"),
        (_, Some(message)) if denied.iter().any(|part| message.contains(part)) => Some("AccessDenied"),
        _ => Some("MISCELLANEOUS"),
    }
}

#[derive(Debug, Clone)]
pub(super) struct BackupJob {
    pub(super) id: String,
    pub(super) vault: String,
    pub(super) key_arn: String,
    pub(super) vault_kind: &'static str,
    pub(super) vault_locked: bool,
    pub(super) resource: String,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) start_by: Timestamp,
    pub(super) initiated: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
    pub(super) expected: Option<Timestamp>,
    pub(super) state: JobState,
    pub(super) message: Option<String>,
    /// What the last attempt to run met, where it is tried again.
    pub(super) trouble: Option<String>,
    pub(super) point: String,
    pub(super) size: u64,
    pub(super) advanced: bool,
    pub(super) complete_by: Timestamp,
    pub(super) lifecycle: Lifecycle,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) number: u64,
    pub(super) timer: Option<TimerId>,
}

impl Keyed for BackupJob {
    const LISTED: Lag = Lag::Jobs;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<&str> {
        vec![&self.resource]
    }
}

impl BackupJob {
    pub(super) fn slot(&self, place: &AccountRegion, most: usize) -> Slot {
        Slot { table: (place.clone(), self.resource.clone()), load: ("backup", place.clone()), most }
    }

    /// Which ARN the job tells: an advanced one from the start, DynamoDB's once it is made.
    pub(super) fn told_point(&self) -> Option<Value> {
        (self.advanced || self.state == JobState::Completed).then(|| json!(self.point))
    }

    pub(super) fn view(&self, place: &AccountRegion) -> Value {
        let done = self.state == JobState::Completed;
        answer([
            ("AccountId", Some(json!(place.account))),
            ("BackupJobId", Some(json!(self.id))),
            ("BackupVaultName", Some(json!(self.vault))),
            ("BackupVaultArn", Some(json!(place.vault_arn(&self.vault)))),
            ("VaultType", Some(json!(self.vault_kind))),
            ("VaultLockState", Some(json!(if self.vault_locked { "LOCKED" } else { "UNLOCKED" }))),
            ("EncryptionKeyArn", self.advanced.then(|| json!(self.key_arn))),
            ("IsEncrypted", Some(json!(true))),
            ("RecoveryPointArn", self.told_point()),
            ("RecoveryPointLifecycle", self.lifecycle.view()),
            ("ResourceArn", Some(json!(self.resource))),
            ("ResourceName", Some(json!(table_name(&self.resource)))),
            ("ResourceType", Some(json!("DynamoDB"))),
            ("CreationDate", Some(seconds(self.created))),
            ("InitiationDate", self.initiated.map(seconds)),
            ("CompletionDate", self.completed.map(seconds)),
            ("ExpectedCompletionDate", self.expected.map(seconds)),
            ("StartBy", Some(seconds(self.start_by))),
            ("State", Some(json!(self.state.as_str()))),
            ("StatusMessage", self.message.as_ref().map(|message| json!(message))),
            (
                "MessageCategory",
                category(self.state.as_str(), self.message.as_deref()).map(|found| json!(found)),
            ),
            ("PercentDone", Some(json!(if done { "100.0" } else { "0.0" }))),
            ("BackupSizeInBytes", self.initiated.map(|_| json!(self.size))),
            ("BytesTransferred", Some(json!(if done { self.size } else { 0 }))),
            ("IamRoleArn", Some(json!(self.role))),
            ("IsParent", Some(json!(false))),
        ])
    }
}

/// The table that an ARN names; empty when it names none.
pub(super) fn table_name(arn: &str) -> &str {
    arn.split_once(":table/").map_or("", |(_, name)| name)
}
