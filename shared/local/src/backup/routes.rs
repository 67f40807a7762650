//! Which operation a method and a path name.

pub(super) fn operation(method: &str, path: &[String]) -> Option<&'static str> {
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|segment| !segment.is_empty()).collect();
    Some(match (method, path.as_slice()) {
        ("PUT", ["backup-vaults", _]) => "CreateBackupVault",
        ("PUT", ["logically-air-gapped-backup-vaults", _]) => "CreateLogicallyAirGappedBackupVault",
        ("GET", ["backup-vaults", _]) => "DescribeBackupVault",
        ("GET", ["backup-vaults"]) => "ListBackupVaults",
        ("DELETE", ["backup-vaults", _]) => "DeleteBackupVault",
        ("PUT", ["backup-vaults", _, "vault-lock"]) => "PutBackupVaultLockConfiguration",
        ("DELETE", ["backup-vaults", _, "vault-lock"]) => "DeleteBackupVaultLockConfiguration",
        ("PUT", ["backup-vaults", _, "access-policy"]) => "PutBackupVaultAccessPolicy",
        ("GET", ["backup-vaults", _, "access-policy"]) => "GetBackupVaultAccessPolicy",
        ("DELETE", ["backup-vaults", _, "access-policy"]) => "DeleteBackupVaultAccessPolicy",
        ("GET", ["account-settings"]) => "DescribeRegionSettings",
        ("PUT", ["account-settings"]) => "UpdateRegionSettings",
        ("PUT", ["backup-jobs"]) => "StartBackupJob",
        ("GET", ["backup-jobs", _]) => "DescribeBackupJob",
        ("GET", ["backup-jobs"]) => "ListBackupJobs",
        ("POST", ["backup-jobs", _]) => "StopBackupJob",
        ("PUT", ["copy-jobs"]) => "StartCopyJob",
        ("GET", ["copy-jobs", _]) => "DescribeCopyJob",
        ("GET", ["copy-jobs"]) => "ListCopyJobs",
        ("GET", ["backup-vaults", _, "recovery-points", _]) => "DescribeRecoveryPoint",
        ("GET", ["backup-vaults", _, "recovery-points"]) => "ListRecoveryPointsByBackupVault",
        ("GET", ["resources", _, "recovery-points"]) => "ListRecoveryPointsByResource",
        ("GET", ["backup-vaults", _, "recovery-points", _, "restore-metadata"]) => {
            "GetRecoveryPointRestoreMetadata"
        }
        ("POST", ["backup-vaults", _, "recovery-points", _]) => "UpdateRecoveryPointLifecycle",
        ("DELETE", ["backup-vaults", _, "recovery-points", _]) => "DeleteRecoveryPoint",
        ("PUT", ["restore-jobs"]) => "StartRestoreJob",
        ("GET", ["restore-jobs", _]) => "DescribeRestoreJob",
        ("GET", ["restore-jobs"]) => "ListRestoreJobs",
        ("GET", ["restore-jobs", _, "metadata"]) => "GetRestoreJobMetadata",
        ("GET", ["resources", _, "restore-jobs"]) => "ListRestoreJobsByProtectedResource",
        ("GET", ["resources"]) => "ListProtectedResources",
        ("GET", ["resources", _]) => "DescribeProtectedResource",
        ("POST", ["legal-holds"]) => "CreateLegalHold",
        ("GET", ["legal-holds"]) => "ListLegalHolds",
        ("GET", ["legal-holds", _]) => "GetLegalHold",
        ("DELETE", ["legal-holds", _]) => "CancelLegalHold",
        ("GET", ["legal-holds", _, "recovery-points"]) => "ListRecoveryPointsByLegalHold",
        ("GET", ["global-settings"]) => "DescribeGlobalSettings",
        ("PUT", ["global-settings"]) => "UpdateGlobalSettings",
        ("GET", ["tags", _]) => "ListTags",
        ("POST", ["tags", _]) => "TagResource",
        ("POST", ["untag", _]) => "UntagResource",
        _ => return None,
    })
}
