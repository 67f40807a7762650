//! A copy job.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::backup_job::{JobState, category, table_name};
use super::book::Keyed;
use super::lifecycle::Lifecycle;
use super::place::AccountRegion;
use super::point::Point;
use super::slots::Slot;
use super::timers::TimerId;
use super::wire::answer;
use crate::lags::Lag;
use crate::wire::seconds;

#[derive(Debug, Clone)]
pub(super) struct CopyJob {
    pub(super) id: String,
    /// The ARN of the recovery point that is copied.
    pub(super) source: String,
    pub(super) source_vault_arn: String,
    pub(super) target_vault_arn: String,
    pub(super) resource: String,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) completed: Option<Timestamp>,
    pub(super) state: JobState,
    pub(super) message: Option<String>,
    /// The ARN of the copy, once there is one.
    pub(super) made: Option<String>,
    pub(super) size: u64,
    pub(super) target: AccountRegion,
    pub(super) target_vault: String,
    pub(super) lifecycle: Option<Lifecycle>,
    /// The source as it was when the job began to run: what changes later is not copied.
    pub(super) taken: Option<(Point, Timestamp)>,
    pub(super) number: u64,
    pub(super) timer: Option<TimerId>,
}

/// All states of a copy job that the API names; a table's is never PARTIAL.
pub(super) const NAMES: [&str; 5] = ["CREATED", "RUNNING", "COMPLETED", "FAILED", "PARTIAL"];

impl Keyed for CopyJob {
    const LISTED: Lag = Lag::Jobs;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<&str> {
        vec![&self.resource, &self.source]
    }
}

impl CopyJob {
    pub(super) fn slot(&self, place: &AccountRegion, most: usize) -> Slot {
        Slot { table: (place.clone(), self.resource.clone()), load: ("copy", self.target.clone()), most }
    }

    /// What the copy lives by: the source's retention unless another is given, and never without end where
    /// the source lapses.
    pub(super) fn lifecycle_of_copy(&self, source: Lifecycle) -> Lifecycle {
        self.lifecycle.map_or(source, |given| Lifecycle {
            delete_after: given.delete_after.or(source.delete_after),
            ..given
        })
    }

    pub(super) fn view(&self, place: &AccountRegion) -> Value {
        let lifecycle = self.taken.as_ref().map(|(point, _)| self.lifecycle_of_copy(point.lifecycle));
        answer([
            ("AccountId", Some(json!(place.account))),
            ("CopyJobId", Some(json!(self.id))),
            ("SourceBackupVaultArn", Some(json!(self.source_vault_arn))),
            ("SourceRecoveryPointArn", Some(json!(self.source))),
            ("DestinationBackupVaultArn", Some(json!(self.target_vault_arn))),
            ("DestinationRecoveryPointArn", self.made.as_ref().map(|arn| json!(arn))),
            ("DestinationRecoveryPointLifecycle", lifecycle.and_then(Lifecycle::view)),
            ("ResourceArn", Some(json!(self.resource))),
            ("ResourceName", Some(json!(table_name(&self.resource)))),
            ("ResourceType", Some(json!("DynamoDB"))),
            ("CreationDate", Some(seconds(self.created))),
            ("CompletionDate", self.completed.map(seconds)),
            ("State", Some(json!(self.state.as_str()))),
            ("StatusMessage", self.message.as_ref().map(|message| json!(message))),
            (
                "MessageCategory",
                category(self.state.as_str(), self.message.as_deref()).map(|found| json!(found)),
            ),
            ("BackupSizeInBytes", Some(json!(self.size))),
            ("IamRoleArn", Some(json!(self.role))),
            ("IsParent", Some(json!(false))),
        ])
    }
}
