//! What AWS Backup asks of the role that it is passed and of the keys that it meets, and what it says when
//! they fall short.
//!
//! The status messages are those that AWS's pages list. Made here or by the jobs themselves: a running job of
//! the same table, an expired window, the limit of running backups, a lock's range, a foreign account, a
//! vault policy, a role that lacks a right or cannot be assumed, an unusable key, an unsupported resource
//! type, more than 50 tags, a missing table or vault, a stop by the user. Any other can be scripted. Not
//! made: too many copy jobs of a resource (within an account they wait), the default key at the destination
//! (allowed for this type), a role that may not list tags (a point's tags are AWS Backup's own), failures
//! to share or unshare (other types and accounts).

use super::backup_job::BackupJob;
use super::copy_job::CopyJob;
use super::vault::Vault;
use crate::api::Neighbours;

/// What AWS says of a key that cannot be used, whichever way.
pub(super) const KEY_DENIED: &str =
    "KMS key is either disabled or pending deletion or access to KMS key is denied.";

/// What a restore does to the new table on its role's behalf, where DynamoDB itself made the backup.
const PLAIN_RESTORE: [&str; 8] = [
    "dynamodb:Scan",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "dynamodb:PutItem",
    "dynamodb:GetItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:DescribeTable",
];

/// The least that AWS names for an advanced restore.
const ADVANCED_RESTORE: [&str; 4] =
    ["dynamodb:RestoreTableFromAwsBackup", "dynamodb:DescribeTable", "dynamodb:Query", "dynamodb:Scan"];

/// A role may begin a backup. An advanced one reads the table's tags, whether there are any or not.
pub(super) fn may_back_up(job: &BackupJob, around: &dyn Neighbours) -> Result<(), String> {
    let actions: &[&str] = if job.advanced {
        &["dynamodb:DescribeTable", "dynamodb:StartAwsBackupJob", "dynamodb:ListTagsOfResource"]
    } else {
        &["dynamodb:DescribeTable", "dynamodb:CreateBackup"]
    };
    actions.iter().try_for_each(|action| around.role_may(&job.role, action, &job.resource))
}

/// A role may tag a recovery point.
pub(super) fn may_tag(role: &str, point: &str, around: &dyn Neighbours) -> Result<(), String> {
    around.role_may(role, "backup:TagResource", point)
}

/// A role may copy out of the one vault and into the other.
pub(super) fn may_copy(job: &CopyJob, around: &dyn Neighbours) -> Result<(), String> {
    around.role_may(&job.role, "backup:CopyFromBackupVault", &job.source)?;
    around.role_may(&job.role, "backup:CopyIntoBackupVault", &job.target_vault_arn)
}

/// A role may make a table of a recovery point.
pub(super) fn may_restore(
    role: &str,
    point: &str,
    advanced: bool,
    table_arn: &str,
    around: &dyn Neighbours,
) -> Result<(), String> {
    let actions: &[&str] = if advanced {
        &ADVANCED_RESTORE
    } else {
        around.role_may(role, "dynamodb:RestoreTableFromBackup", point)?;
        &PLAIN_RESTORE
    };
    actions.iter().try_for_each(|action| around.role_may(role, action, table_arn))
}

/// A vault's key is usable; the key that AWS Backup itself manages always is.
pub(super) fn vault_key_usable(vault: &Vault, around: &dyn Neighbours) -> Result<(), String> {
    if vault.own_key { key_usable(&vault.key_arn, around) } else { Ok(()) }
}

/// A key is usable, or the message that AWS has for one that is not.
pub(super) fn key_usable(key_arn: &str, around: &dyn Neighbours) -> Result<(), String> {
    around.key_usable(key_arn).map_err(|_| KEY_DENIED.to_owned())
}
