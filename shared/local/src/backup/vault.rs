//! A vault, and its lock.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lifecycle::Lifecycle;
use super::place::AccountRegion;
use super::wire::answer;
use crate::lags::Lagging;
use crate::wire::seconds;

#[derive(Debug, Clone)]
pub(super) struct Vault {
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) key_arn: String,
    /// Whether the key was given, rather than the one that AWS Backup manages.
    pub(super) own_key: bool,
    pub(super) air_gapped: bool,
    pub(super) lock: Option<Lock>,
    pub(super) tags: Lagging<BTreeMap<String, String>>,
    pub(super) creator_request: Option<String>,
    pub(super) policy: Option<String>,
}

/// A vault lock: governance when `fixed_at` is `None`, else compliance, irreversible from that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) fixed_at: Option<Timestamp>,
}

impl Lock {
    /// A job whose retention is outside the range fails; one that keeps without end is above any maximum.
    pub(super) fn admits(&self, lifecycle: Lifecycle) -> bool {
        match lifecycle.delete_after {
            Some(days) => self.min.is_none_or(|min| days >= min) && self.max.is_none_or(|max| days <= max),
            None => self.max.is_none(),
        }
    }
}

impl Vault {
    pub(super) fn kind(&self) -> &'static str {
        if self.air_gapped { "LOGICALLY_AIR_GAPPED_BACKUP_VAULT" } else { "BACKUP_VAULT" }
    }

    pub(super) fn view(&self, place: &AccountRegion, points: usize) -> Value {
        let lock = self.lock.as_ref();
        answer([
            ("BackupVaultName", Some(json!(self.name))),
            ("BackupVaultArn", Some(json!(place.vault_arn(&self.name)))),
            ("VaultType", Some(json!(self.kind()))),
            ("VaultState", Some(json!("AVAILABLE"))),
            ("EncryptionKeyArn", Some(json!(self.key_arn))),
            ("EncryptionKeyType", self.own_key.then(|| json!("CUSTOMER_MANAGED_KMS_KEY"))),
            ("CreationDate", Some(seconds(self.created))),
            ("CreatorRequestId", self.creator_request.as_ref().map(|id| json!(id))),
            ("NumberOfRecoveryPoints", Some(json!(points))),
            ("Locked", Some(json!(lock.is_some()))),
            ("MinRetentionDays", lock.and_then(|lock| lock.min).map(|days| json!(days))),
            ("MaxRetentionDays", lock.and_then(|lock| lock.max).map(|days| json!(days))),
            ("LockDate", lock.and_then(|lock| lock.fixed_at).map(seconds)),
        ])
    }
}
