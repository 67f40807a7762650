//! AWS Backup. The ARN of a recovery point names no vault, so rights on points cannot be given by vault.

use serde_json::Value;

use super::request::{Request, tags_in, with_tag_keys, with_tags};
use crate::record::Required;

/// The service that AWS Backup is to a role.
const SERVICE: &str = "backup.amazonaws.com";

pub(super) fn required(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("backup:{operation}");
    let on = |resource: &str| Request::need(&action, resource);
    let vault = || request.arn("backup", &format!("backup-vault:{}", request.vault().unwrap_or("*")));
    Some(match operation {
        "CreateBackupVault" | "CreateLogicallyAirGappedBackupVault" => new_vault(request, &on(&vault())),
        "DescribeBackupVault"
        | "DeleteBackupVault"
        | "DeleteBackupVaultLockConfiguration"
        | "PutBackupVaultAccessPolicy"
        | "GetBackupVaultAccessPolicy"
        | "DeleteBackupVaultAccessPolicy"
        | "PutBackupVaultNotifications"
        | "GetBackupVaultNotifications"
        | "DeleteBackupVaultNotifications"
        | "ListRecoveryPointsByBackupVault" => vec![on(&vault())],
        "PutBackupVaultLockConfiguration" => {
            let mut need = on(&vault());
            for member in ["MinRetentionDays", "MaxRetentionDays", "ChangeableForDays"] {
                if let Some(days) = body.get(member).and_then(Value::as_i64) {
                    need.context.insert(format!("backup:{member}"), vec![days.to_string()]);
                }
            }
            vec![need]
        }
        "ListBackupVaults"
        | "DescribeRegionSettings"
        | "UpdateRegionSettings"
        | "DescribeGlobalSettings"
        | "UpdateGlobalSettings"
        | "DescribeBackupJob"
        | "ListBackupJobs"
        | "StopBackupJob"
        | "DescribeCopyJob"
        | "ListCopyJobs"
        | "DescribeRestoreJob"
        | "ListRestoreJobs"
        | "ListRestoreJobsByProtectedResource"
        | "GetRestoreJobMetadata"
        | "PutRestoreValidationResult"
        | "ListRecoveryPointsByResource"
        | "ListProtectedResources"
        | "DescribeProtectedResource"
        | "ListProtectedResourcesByBackupVault"
        | "GetSupportedResourceTypes"
        | "ListLegalHolds" => {
            vec![on("*")]
        }
        "StartBackupJob" => {
            let start = with_tags(on(&vault()), &tags_in(&body["RecoveryPointTags"]));
            std::iter::once(start).chain(request.pass_role("IamRoleArn", SERVICE)).collect()
        }
        "StartCopyJob" | "StartRestoreJob" => {
            let start = on(request.member("RecoveryPointArn").unwrap_or("*"));
            std::iter::once(start).chain(request.pass_role("IamRoleArn", SERVICE)).collect()
        }
        "DescribeRecoveryPoint"
        | "GetRecoveryPointRestoreMetadata"
        | "UpdateRecoveryPointLifecycle"
        | "DeleteRecoveryPoint"
        | "DisassociateRecoveryPoint" => vec![on(request.segment(3))],
        "ListTags" => vec![on(request.segment(1))],
        "TagResource" => vec![with_tags(on(request.segment(1)), &tags_in(&body["Tags"]))],
        "UntagResource" => vec![with_tag_keys(on(request.segment(1)), &body["TagKeyList"])],
        "CreateLegalHold" => {
            let hold = request.arn("backup", "legal-hold:*");
            vec![with_tags(on(&hold), &tags_in(&body["Tags"]))]
        }
        "GetLegalHold" | "CancelLegalHold" | "ListRecoveryPointsByLegalHold" => {
            vec![on(&request.arn("backup", &format!("legal-hold:{}", request.segment(1))))]
        }
        _ => return None,
    })
}

/// AWS documents that a vault with a key takes rights on the key, and to mount its storage.
fn new_vault(request: &Request<'_>, create: &Required) -> Vec<Required> {
    let tags = tags_in(&request.body["BackupVaultTags"]);
    let mut needs = vec![with_tags(create.clone(), &tags)];
    if !tags.is_empty() {
        needs.push(with_tags(Request::need("backup:TagResource", create.resource.as_str()), &tags));
    }
    if let Some(key) = request.member("EncryptionKeyArn") {
        needs.push(Request::need("backup-storage:MountCapsule", "*"));
        for action in ["CreateGrant", "GenerateDataKey", "Decrypt", "RetireGrant", "DescribeKey"] {
            let mut need = Request::need(&format!("kms:{action}"), key);
            need.context.insert(
                "kms:ViaService".to_owned(),
                vec![format!("backup.{}.amazonaws.com", request.scope().region)],
            );
            if action == "CreateGrant" {
                need.context.insert("kms:GrantIsForAWSResource".to_owned(), vec!["true".to_owned()]);
            }
            needs.push(need);
        }
    }
    needs
}
