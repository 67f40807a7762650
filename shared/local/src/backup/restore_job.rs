//! A restore job.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::book::Keyed;
use super::place::AccountRegion;
use super::wire::answer;
use crate::api::Restore;
use crate::lags::Lag;
use crate::wire::seconds;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestoreState {
    Pending,
    Running,
    Completed,
    Failed,
}

impl RestoreState {
    /// All that the API names; a restore of a table is never ABORTED.
    pub(super) const NAMES: [&str; 5] = ["PENDING", "RUNNING", "COMPLETED", "ABORTED", "FAILED"];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct RestoreJob {
    pub(super) id: String,
    pub(super) point: String,
    pub(super) point_created: Timestamp,
    pub(super) vault_arn: String,
    pub(super) resource: String,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) started: Option<Timestamp>,
    pub(super) expected: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
    pub(super) state: RestoreState,
    pub(super) message: Option<String>,
    pub(super) size: u64,
    /// As it was asked for.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) copy_tags: bool,
    pub(super) table: String,
    /// The key that the new table is asked to have; `None` is DynamoDB's own.
    pub(super) key_arn: Option<String>,
    /// The table that is being made, while it is.
    pub(super) made: Option<Restore>,
}

impl Keyed for RestoreJob {
    const LISTED: Lag = Lag::Jobs;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<&str> {
        vec![&self.resource, &self.point]
    }
}

impl RestoreJob {
    pub(super) fn table_arn(&self, place: &AccountRegion) -> String {
        format!("arn:aws:dynamodb:{}:{}:table/{}", place.region, place.account, self.table)
    }

    /// Hundredths of a percent as AWS writes them, by the time that has passed.
    pub(super) fn percent(&self, now: Timestamp) -> String {
        let share = match (self.state, self.started.zip(self.expected)) {
            (RestoreState::Completed, _) => 1.0,
            (RestoreState::Running, Some((from, to))) if to > from => {
                (now.duration_since(from).as_secs_f64() / to.duration_since(from).as_secs_f64()).min(0.99)
            }
            _ => 0.0,
        };
        format!("{:.2}%", share * 100.0)
    }

    pub(super) fn view(&self, place: &AccountRegion, now: Timestamp) -> Value {
        let done = self.state == RestoreState::Completed;
        let minutes = self.started.zip(self.expected).map(|(from, to)| {
            let seconds = to.duration_since(from).as_secs();
            json!((seconds + 59) / 60)
        });
        answer([
            ("AccountId", Some(json!(place.account))),
            ("RestoreJobId", Some(json!(self.id))),
            ("RecoveryPointArn", Some(json!(self.point))),
            ("RecoveryPointCreationDate", Some(seconds(self.point_created))),
            ("SourceResourceArn", Some(json!(self.resource))),
            ("BackupVaultArn", Some(json!(self.vault_arn))),
            ("CreationDate", Some(seconds(self.created))),
            ("CompletionDate", self.completed.map(seconds)),
            ("Status", Some(json!(self.state.as_str()))),
            ("StatusMessage", self.message.as_ref().map(|message| json!(message))),
            ("PercentDone", Some(json!(self.percent(now)))),
            ("BackupSizeInBytes", Some(json!(self.size))),
            ("IamRoleArn", Some(json!(self.role))),
            ("ExpectedCompletionTimeMinutes", minutes),
            ("CreatedResourceArn", done.then(|| json!(self.table_arn(place)))),
            ("ResourceType", Some(json!("DynamoDB"))),
            ("IsParent", Some(json!(false))),
        ])
    }
}
