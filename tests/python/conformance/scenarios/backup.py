"""AWS Backup."""

import json
from typing import Any

from ..scenario import OTHER_REGION, Like, Scenario, Step
from .tables import item, ready, table

TABLE = "arn:aws:dynamodb:eu-central-1:${account}:table/orders"
ROLE = "arn:aws:iam::${account}:role/backup"
COPIES = "arn:aws:backup:eu-west-1:${account}:backup-vault:copies"
POINT = "arn:aws:backup:eu-central-1:[0-9]{12}:recovery-point:[0-9a-f-]{36}"
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}
        ],
    }
)
ADVANCED = {
    "ResourceTypeOptInPreference": {"DynamoDB": True},
    "ResourceTypeManagementPreference": {"DynamoDB": True},
}


def role(name: str) -> list[Step]:
    """A role that AWS Backup can assume, with the managed policies for backups and restores."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    managed = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"
    return [
        Step("iam.CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": json.dumps(trust)}),
        *[
            Step("iam.AttachRolePolicy", {"RoleName": name, "PolicyArn": f"{managed}{purpose}"})
            for purpose in ("Backup", "Restores")
        ],
    ]


def start(**more: Any) -> dict[str, Any]:
    """The parameters of StartBackupJob."""
    return {"BackupVaultName": "main", "ResourceArn": TABLE, "IamRoleArn": ROLE, **more}


VAULTS = Scenario(
    "backup: vaults",
    [
        Step(
            "backup.CreateBackupVault",
            {"BackupVaultName": "main", "BackupVaultTags": {"team": "shop"}, "CreatorRequestId": "once"},
            {
                "BackupVaultName": "main",
                "BackupVaultArn": "arn:aws:backup:eu-central-1:${account}:backup-vault:main",
            },
        ),
        Step("backup.CreateBackupVault", {"BackupVaultName": "main"}, error="AlreadyExistsException"),
        Step(
            "backup.CreateBackupVault",
            {"BackupVaultName": "no blanks"},
            error="InvalidParameterValueException",
            fact="AWS documents that vault names have 2 to 50 letters, digits, hyphens and underscores.",
        ),
        Step(
            "backup.DescribeBackupVault",
            {"BackupVaultName": "main"},
            {"NumberOfRecoveryPoints": 0, "Locked": False, "VaultType": "BACKUP_VAULT"},
        ),
        Step("backup.ListBackupVaults", {}, {"BackupVaultList[].BackupVaultName": ["main"]}),
        Step("backup.GetBackupVaultAccessPolicy", {"BackupVaultName": "main"}, error="ResourceNotFoundException"),
        Step("backup.PutBackupVaultAccessPolicy", {"BackupVaultName": "main", "Policy": POLICY}),
        Step("backup.GetBackupVaultAccessPolicy", {"BackupVaultName": "main"}, {"BackupVaultName": "main"}),
        Step("backup.DeleteBackupVaultAccessPolicy", {"BackupVaultName": "main"}),
        Step(
            "backup.PutBackupVaultLockConfiguration",
            {"BackupVaultName": "main", "MinRetentionDays": 1, "MaxRetentionDays": 36500},
            fact="AWS documents that a lock without ChangeableForDays is one of governance mode, which can be removed.",
        ),
        Step(
            "backup.DescribeBackupVault",
            {"BackupVaultName": "main"},
            {"Locked": True, "MinRetentionDays": 1, "MaxRetentionDays": 36500, "LockDate": None},
        ),
        Step(
            "backup.PutBackupVaultLockConfiguration",
            {"BackupVaultName": "main", "MinRetentionDays": 10, "MaxRetentionDays": 5},
            error="InvalidParameterValueException",
        ),
        Step("backup.DeleteBackupVaultLockConfiguration", {"BackupVaultName": "main"}),
        Step(
            "backup.CreateLogicallyAirGappedBackupVault",
            {"BackupVaultName": "airgap", "MinRetentionDays": 7, "MaxRetentionDays": 100},
            {"BackupVaultName": "airgap"},
        ),
        Step(
            "backup.CreateLogicallyAirGappedBackupVault",
            {"BackupVaultName": "airgap-short", "MinRetentionDays": 6, "MaxRetentionDays": 100},
            error="InvalidParameterValueException",
            fact="AWS documents that a logically air-gapped vault keeps points for at least 7 days.",
        ),
        Step("backup.DeleteBackupVault", {"BackupVaultName": "main"}),
        Step("backup.DescribeBackupVault", {"BackupVaultName": "main"}, error="ResourceNotFoundException"),
    ],
)

JOBS = Scenario(
    "backup: from a table to a point, its copy, and its end",
    [
        *role("backup"),
        Step("dynamodb.CreateTable", table("orders", Tags=[{"Key": "team", "Value": "shop"}])),
        ready("orders"),
        Step("dynamodb.PutItem", {"TableName": "orders", "Item": item("a", 1)}),
        Step("backup.UpdateRegionSettings", ADVANCED),
        Step(
            "backup.DescribeRegionSettings",
            {},
            {
                "ResourceTypeOptInPreference.DynamoDB": True,
                "ResourceTypeManagementPreference.DynamoDB": True,
            },
            fact="AWS documents that advanced DynamoDB backups need both preferences.",
        ),
        Step("backup.CreateBackupVault", {"BackupVaultName": "main"}),
        Step("backup.CreateBackupVault", {"BackupVaultName": "copies"}, region=OTHER_REGION),
        Step(
            "backup.StartBackupJob",
            start(
                IdempotencyToken="token-1", RecoveryPointTags={"chain": "1"}, Lifecycle={"DeleteAfterDays": 35}
            ),
            {"BackupJobId": Like("[0-9A-Fa-f-]{36}"), "RecoveryPointArn": Like(POINT)},
            keep="job",
            fact="AWS documents that StartBackupJob answers RecoveryPointArn for advanced DynamoDB.",
        ),
        Step(
            "backup.StartBackupJob",
            start(
                IdempotencyToken="token-1", RecoveryPointTags={"chain": "1"}, Lifecycle={"DeleteAfterDays": 35}
            ),
            {"BackupJobId": "${job.BackupJobId}"},
            fact="AWS documents that a request repeated with the same token succeeds and does nothing "
            "(API reference of StartBackupJob, IdempotencyToken).",
        ),
        Step("backup.StartBackupJob", start(BackupVaultName="missing"), error="ResourceNotFoundException"),
        Step(
            "backup.StartBackupJob",
            start(Lifecycle={"MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 100}),
            error="InvalidParameterValueException",
            fact="AWS documents that points stay in cold storage for at least 90 days.",
        ),
        Step("backup.StartBackupJob", {"BackupVaultName": "main"}, error="MissingParameterValueException"),
        Step(
            "backup.DescribeBackupJob",
            {"BackupJobId": "${job.BackupJobId}"},
            {"State": "COMPLETED", "PercentDone": Like("100(\\.0)?"), "ResourceType": "DynamoDB"},
            wait=True,
        ),
        Step("backup.DescribeBackupJob", {"BackupJobId": "missing"}, error="ResourceNotFoundException"),
        Step("backup.ListBackupJobs", {"ByState": "COMPLETED"}, {"BackupJobs[].BackupJobId": ["${job.BackupJobId}"]}),
        Step(
            "backup.StopBackupJob",
            {"BackupJobId": "${job.BackupJobId}"},
            error="InvalidRequestException",
        ),
        Step(
            "backup.DescribeRecoveryPoint",
            {"BackupVaultName": "main", "RecoveryPointArn": "${job.RecoveryPointArn}"},
            {"ResourceArn": TABLE, "Lifecycle.DeleteAfterDays": 35, "StorageClass": "WARM"},
        ),
        Step(
            "backup.ListRecoveryPointsByBackupVault",
            {"BackupVaultName": "main"},
            {"RecoveryPoints[].RecoveryPointArn": ["${job.RecoveryPointArn}"]},
        ),
        Step(
            "backup.ListRecoveryPointsByResource",
            {"ResourceArn": TABLE},
            {"RecoveryPoints[].RecoveryPointArn": ["${job.RecoveryPointArn}"]},
        ),
        Step(
            "backup.GetRecoveryPointRestoreMetadata",
            {"BackupVaultName": "main", "RecoveryPointArn": "${job.RecoveryPointArn}"},
            {"RecoveryPointArn": "${job.RecoveryPointArn}"},
        ),
        Step(
            "backup.ListTags",
            {"ResourceArn": "${job.RecoveryPointArn}"},
            {"Tags.chain": "1", "Tags.team": "shop"},
            fact="AWS documents that points of advanced DynamoDB inherit the tags of their table.",
        ),
        Step("backup.TagResource", {"ResourceArn": "${job.RecoveryPointArn}", "Tags": {"checked": "yes"}}),
        Step("backup.UntagResource", {"ResourceArn": "${job.RecoveryPointArn}", "TagKeyList": ["chain"]}),
        Step(
            "backup.ListTags",
            {"ResourceArn": "${job.RecoveryPointArn}"},
            {"Tags.checked": "yes", "Tags.chain": None},
        ),
        Step(
            "backup.UpdateRecoveryPointLifecycle",
            {
                "BackupVaultName": "main",
                "RecoveryPointArn": "${job.RecoveryPointArn}",
                "Lifecycle": {"DeleteAfterDays": 50},
            },
            {"Lifecycle.DeleteAfterDays": 50},
        ),
        Step(
            "backup.StartCopyJob",
            {
                "RecoveryPointArn": "${job.RecoveryPointArn}",
                "SourceBackupVaultName": "main",
                "DestinationBackupVaultArn": COPIES,
                "IamRoleArn": ROLE,
                "IdempotencyToken": "copy-1",
            },
            {"CopyJobId": Like("[0-9A-Fa-f-]{36}")},
            keep="copy",
        ),
        Step(
            "backup.DescribeCopyJob",
            {"CopyJobId": "${copy.CopyJobId}"},
            {"CopyJob.State": "COMPLETED", "CopyJob.SourceRecoveryPointArn": "${job.RecoveryPointArn}"},
            keep="copied",
            wait=True,
        ),
        Step("backup.DescribeCopyJob", {"CopyJobId": "missing"}, error="ResourceNotFoundException"),
        Step(
            "backup.ListCopyJobs",
            {"BySourceRecoveryPointArn": "${job.RecoveryPointArn}"},
            {"CopyJobs[].CopyJobId": ["${copy.CopyJobId}"]},
        ),
        Step(
            "backup.DescribeRecoveryPoint",
            {"BackupVaultName": "copies", "RecoveryPointArn": "${copied.CopyJob.DestinationRecoveryPointArn}"},
            {"SourceBackupVaultArn": "arn:aws:backup:eu-central-1:${account}:backup-vault:main"},
            region=OTHER_REGION,
        ),
        Step("backup.DeleteBackupVault", {"BackupVaultName": "main"}, error="InvalidRequestException"),
        Step(
            "backup.DeleteRecoveryPoint",
            {"BackupVaultName": "main", "RecoveryPointArn": "${job.RecoveryPointArn}"},
        ),
        Step(
            "backup.DescribeRecoveryPoint",
            {"BackupVaultName": "main", "RecoveryPointArn": "${job.RecoveryPointArn}"},
            error="ResourceNotFoundException",
            wait=True,
        ),
    ],
)

RESTORES = Scenario(
    "backup: restores, legal holds and what is protected",
    [
        *role("backup"),
        Step("dynamodb.CreateTable", table("orders")),
        ready("orders"),
        Step("dynamodb.PutItem", {"TableName": "orders", "Item": item("a", 1)}),
        Step("backup.UpdateRegionSettings", ADVANCED),
        Step("backup.CreateBackupVault", {"BackupVaultName": "main"}),
        Step("backup.StartBackupJob", start(), keep="job"),
        Step(
            "backup.DescribeBackupJob", {"BackupJobId": "${job.BackupJobId}"}, {"State": "COMPLETED"}, wait=True
        ),
        Step("backup.ListProtectedResources", {}, {"Results[].ResourceArn": [TABLE]}),
        Step("backup.DescribeProtectedResource", {"ResourceArn": TABLE}, {"ResourceType": "DynamoDB"}),
        Step("backup.DescribeGlobalSettings", {}),
        Step(
            "backup.UpdateGlobalSettings",
            {"GlobalSettings": {"isCrossAccountBackupEnabled": "true"}},
            error="InvalidRequestException",
            fact="AWS documents that the management account of an organization alone may change them.",
        ),
        Step(
            "backup.StartRestoreJob",
            {"RecoveryPointArn": "${job.RecoveryPointArn}", "IamRoleArn": ROLE, "Metadata": {"color": "red"}},
            error="InvalidParameterValueException",
        ),
        Step(
            "backup.StartRestoreJob",
            {
                "RecoveryPointArn": "${job.RecoveryPointArn}",
                "IamRoleArn": ROLE,
                "Metadata": {"TargetTableName": "again", "encryptionType": "Default"},
            },
            {"RestoreJobId": Like("[0-9A-Fa-f-]{36}")},
            keep="restore",
            fact="AWS documents that the keys of a restore's metadata are case-insensitive.",
        ),
        Step(
            "backup.DescribeRestoreJob",
            {"RestoreJobId": "${restore.RestoreJobId}"},
            {"Status": "COMPLETED", "CreatedResourceArn": "arn:aws:dynamodb:eu-central-1:${account}:table/again"},
            wait=True,
        ),
        Step("backup.GetRestoreJobMetadata", {"RestoreJobId": "${restore.RestoreJobId}"}),
        Step("backup.ListRestoreJobs", {}, {"RestoreJobs[].RestoreJobId": ["${restore.RestoreJobId}"]}),
        Step(
            "backup.ListRestoreJobsByProtectedResource",
            {"ResourceArn": TABLE},
            {"RestoreJobs[].RestoreJobId": ["${restore.RestoreJobId}"]},
        ),
        Step("dynamodb.Scan", {"TableName": "again"}, {"Count": 1}),
        Step(
            "dynamodb.RestoreTableFromBackup",
            {"TargetTableName": "again", "BackupArn": "${job.RecoveryPointArn}"},
            error="TableAlreadyExistsException",
            fact="AWS documents TableAlreadyExistsException for a target that exists.",
        ),
        Step(
            "backup.CreateLegalHold",
            {
                "Title": "audit",
                "Description": "an audit",
                "RecoveryPointSelection": {"VaultNames": ["main"]},
            },
            {"Title": "audit"},
            keep="hold",
        ),
        Step(
            "backup.GetLegalHold", {"LegalHoldId": "${hold.LegalHoldId}"}, {"Status": Like("CREATING|ACTIVE")}
        ),
        Step("backup.ListLegalHolds", {}, {"LegalHolds[].LegalHoldId": ["${hold.LegalHoldId}"]}),
        Step(
            "backup.ListRecoveryPointsByLegalHold",
            {"LegalHoldId": "${hold.LegalHoldId}"},
            {"RecoveryPoints[].RecoveryPointArn": ["${job.RecoveryPointArn}"]},
        ),
        Step(
            "backup.DeleteRecoveryPoint",
            {"BackupVaultName": "main", "RecoveryPointArn": "${job.RecoveryPointArn}"},
            error="InvalidRequestException",
            fact="AWS documents that a point under an active legal hold cannot be deleted.",
        ),
        Step("backup.CancelLegalHold", {"LegalHoldId": "${hold.LegalHoldId}", "CancelDescription": "over"}),
    ],
)

SCENARIOS = [VAULTS, JOBS, RESTORES]
