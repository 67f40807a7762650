//! A recovery point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::backup_job::table_name;
use super::book::Keyed;
use super::lifecycle::Lifecycle;
use super::timers::TimerId;
use super::wire::answer;
use crate::api::TableState;
use crate::lags::{Lag, Lagging};
use crate::wire::seconds;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointState {
    Creating,
    Usable,
    Deleting,
    Expired,
}

impl PointState {
    pub(super) fn as_str(self, usable: &'static str) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Usable => usable,
            Self::Deleting => "DELETING",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A table as it was; shared by a recovery point and its copies.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) table: Arc<TableState>,
    /// The size of the items as JSON.
    pub(super) size: u64,
}

impl Snapshot {
    pub(super) fn of(table: TableState) -> Self {
        let size = table.items.iter().map(|item| item.to_string().len()).sum::<usize>();
        Self { table: Arc::new(table), size: u64::try_from(size).unwrap_or(u64::MAX) }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) arn: String,
    pub(super) vault: String,
    pub(super) vault_arn: String,
    pub(super) vault_kind: &'static str,
    /// The vault's key, or the table's for a backup of DynamoDB's own; `None` where DynamoDB owns that.
    pub(super) key_arn: Option<String>,
    /// Whether that key is the customer's.
    pub(super) own_key: bool,
    pub(super) resource: String,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) initiated: Timestamp,
    pub(super) completed: Option<Timestamp>,
    pub(super) state: PointState,
    pub(super) message: Option<String>,
    pub(super) tags: Lagging<BTreeMap<String, String>>,
    /// The keys of those that it has not inherited; a copy has them too.
    pub(super) added: BTreeSet<String>,
    pub(super) lifecycle: Lifecycle,
    /// AWS deletes at a random moment within 8 hours after a point's time is up.
    pub(super) lapse_delay: SignedDuration,
    pub(super) snapshot: Snapshot,
    pub(super) source_vault: Option<String>,
    pub(super) cold: bool,
    /// How many copies and restores read it.
    pub(super) busy: usize,
    /// When a restore of it last ended well.
    pub(super) restored: Option<Timestamp>,
    pub(super) advanced: bool,
    /// While DELETING: when that ends, and whether the point is gone then or EXPIRED.
    pub(super) ends: Option<(Timestamp, bool)>,
    pub(super) timer: Option<TimerId>,
}

impl Keyed for Point {
    const LISTED: Lag = Lag::Points;

    fn id(&self) -> &str {
        &self.arn
    }

    fn keys(&self) -> Vec<&str> {
        vec![&self.vault, &self.resource]
    }
}

impl Point {
    /// The key that the table itself was encrypted with; `None` is DynamoDB's own.
    pub(super) fn table_key(&self) -> Option<&str> {
        let sse = self.snapshot.table.description.get("SSEDescription")?;
        sse.get("KMSMasterKeyArn").and_then(Value::as_str)
    }

    /// When its state next changes by itself.
    pub(super) fn next_at(&self, held: bool) -> Option<Timestamp> {
        if let Some((at, _)) = self.ends {
            return Some(at);
        }
        if self.state == PointState::Creating {
            return None;
        }
        let cold = self.lifecycle.cold_at(self.created).filter(|_| !self.cold && self.advanced);
        let lapse = self.lapse_at().filter(|_| self.lapses(held));
        [cold, lapse].into_iter().flatten().min()
    }

    /// Whether its move to cold storage is due; AWS returns no hour, here it is at once.
    pub(super) fn cold_due(&self, at: Timestamp) -> bool {
        self.advanced && self.lifecycle.cold_at(self.created).is_some_and(|cold| cold <= at)
    }

    /// What a failed deletion left, and what is under a legal hold, stays.
    pub(super) fn lapses(&self, held: bool) -> bool {
        self.state == PointState::Usable && !held
    }

    pub(super) fn lapse_at(&self) -> Option<Timestamp> {
        self.lifecycle.delete_at(self.created).map(|at| at.saturating_add(self.lapse_delay).unwrap_or(at))
    }

    pub(super) fn view(&self, usable: &'static str) -> Value {
        answer([
            ("RecoveryPointArn", Some(json!(self.arn))),
            ("BackupVaultName", Some(json!(self.vault))),
            ("BackupVaultArn", Some(json!(self.vault_arn))),
            ("SourceBackupVaultArn", self.source_vault.as_ref().map(|arn| json!(arn))),
            ("ResourceArn", Some(json!(self.resource))),
            ("ResourceName", Some(json!(table_name(&self.resource)))),
            ("ResourceType", Some(json!("DynamoDB"))),
            ("IamRoleArn", Some(json!(self.role))),
            ("Status", Some(json!(self.state.as_str(usable)))),
            ("StatusMessage", self.message.as_ref().map(|message| json!(message))),
            ("CreationDate", Some(seconds(self.created))),
            ("InitiationDate", Some(seconds(self.initiated))),
            ("CompletionDate", self.completed.map(seconds)),
            ("BackupSizeInBytes", Some(json!(self.snapshot.size))),
            ("Lifecycle", self.lifecycle.view()),
            ("CalculatedLifecycle", self.lifecycle.calculated(self.created)),
            ("EncryptionKeyArn", self.key_arn.as_ref().map(|arn| json!(arn))),
            ("EncryptionKeyType", self.own_key.then(|| json!("CUSTOMER_MANAGED_KMS_KEY"))),
            ("LastRestoreTime", self.restored.map(seconds)),
            ("IsEncrypted", Some(json!(true))),
            ("IsParent", Some(json!(false))),
            ("StorageClass", Some(json!(self.storage_class()))),
            ("VaultType", Some(json!(self.vault_kind))),
        ])
    }

    pub(super) fn storage_class(&self) -> &'static str {
        if self.cold { "COLD" } else { "WARM" }
    }
}

/// A recovery point as an independent judge sees it: everything, without going through the API.
#[derive(Debug, Clone)]
pub struct PointView {
    /// The ARN of the recovery point.
    pub arn: String,
    /// The ARN of the table.
    pub resource_arn: String,
    /// The creation date; a copy has that of its source.
    pub created: Timestamp,
    /// When the table was read, for a copy when the copying began.
    pub initiated: Timestamp,
    /// `CREATING`, `COMPLETED` (or `AVAILABLE`), `DELETING` or `EXPIRED`.
    pub status: &'static str,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The table as it was when the backup began to run: description, tags and items.
    pub table: Arc<TableState>,
}
