//! What changes AWS, as values: planned, recorded, then sent byte for byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{RecoveryPointArn, TableArn, TableId, VaultArn, VaultName};

/// A StartBackupJob request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartBackup {
    /// The vault in the table's Region.
    pub vault: VaultName,
    /// The table.
    pub table: TableArn,
    /// The service role that AWS Backup assumes.
    pub role: String,
    /// The idempotency token.
    pub token: String,
    /// Within how many minutes the job must have started.
    pub start_window_minutes: i64,
    /// Move to cold storage after so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_after_days: Option<i64>,
    /// AWS deletes it after so many days: only in a locked vault, where we cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<i64>,
    /// Tags of the recovery point: the sealed metadata.
    pub tags: BTreeMap<String, String>,
}

/// A StartCopyJob request. It has no tags: a copy inherits those of its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartCopy {
    /// What to copy.
    pub source: RecoveryPointArn,
    /// The vault that holds it.
    pub source_vault: VaultName,
    /// The vault to copy it into.
    pub target: VaultArn,
    /// The service role that AWS Backup assumes.
    pub role: String,
    /// The idempotency token.
    pub token: String,
    /// Move the copy to cold storage after so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_after_days: Option<i64>,
    /// AWS deletes the copy after so many days: in a locked vault, where we cannot, and where its source ends by itself,
    /// as late as AWS takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_days: Option<i64>,
}

/// The idempotency token of one try: the same try gives the same token, another try another. What it is worth is
/// assumption A1.
///
/// 50 hexadecimal characters. AWS documents no greatest length; 50 is what its other tokens allow (assumption A2).
pub fn token(
    kind: &str,
    origin: &str,
    slot: jiff::Timestamp,
    table: &TableId,
    vault: &VaultArn,
    attempt: u32,
) -> String {
    let text = format!("{kind}|{origin}|{slot}|{table}|{vault}|{attempt}");
    let mut token = hex(&Sha256::digest(text));
    token.truncate(50);
    token
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
