//! Managed policies of AWS: those that the roles of backups and of administrators have.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;

use super::{
    account::{ADMINISTRATOR, Managed},
    policy::{Policy, PolicyKind},
};

/// The ARN of the policy for roles that AWS Backup makes backups and copies with.
pub(super) const BACKUP: &str = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";

/// The ARN of the policy for roles that AWS Backup restores with.
pub(super) const RESTORES: &str =
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores";

/// What they say of DynamoDB, as AWS documents them; all that they say of other services is left out.
const DOCUMENTS: [(&str, &str); 3] = [
    (
        ADMINISTRATOR,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        BACKUP,
        r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "DynamoDBPermissions", "Effect": "Allow",
     "Action": ["dynamodb:DescribeTable", "dynamodb:CreateBackup"],
     "Resource": "arn:aws:dynamodb:*:*:table/*"},
    {"Sid": "DynamoDBBackupResourcePermissions", "Effect": "Allow",
     "Action": ["dynamodb:DescribeBackup", "dynamodb:DeleteBackup"],
     "Resource": "arn:aws:dynamodb:*:*:table/*/backup/*"},
    {"Sid": "DynamodbBackupPermissions", "Effect": "Allow",
     "Action": ["dynamodb:StartAwsBackupJob", "dynamodb:ListTagsOfResource"],
     "Resource": "arn:aws:dynamodb:*:*:table/*"},
    {"Sid": "BackupVaultPermissions", "Effect": "Allow",
     "Action": ["backup:DescribeBackupVault", "backup:CopyIntoBackupVault"],
     "Resource": "arn:aws:backup:*:*:backup-vault:*"},
    {"Sid": "BackupVaultCopyPermissions", "Effect": "Allow",
     "Action": "backup:CopyFromBackupVault", "Resource": "*"},
    {"Sid": "RecoveryPointTaggingPermissions", "Effect": "Allow",
     "Action": "backup:TagResource", "Resource": "arn:aws:backup:*:*:recovery-point:*",
     "Condition": {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}},
    {"Sid": "KMSDynamoDBPermissions", "Effect": "Allow",
     "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*",
     "Condition": {"StringLike": {"kms:ViaService": "dynamodb.*.amazonaws.com"}}},
    {"Sid": "KMSPermissions", "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*"},
    {"Sid": "KMSCreateGrantPermissions", "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}},
    {"Sid": "GetResourcesPermissions", "Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"}
  ]
}"#,
    ),
    (
        RESTORES,
        r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "DynamoDBPermissions", "Effect": "Allow",
     "Action": ["dynamodb:Scan", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:GetItem",
                "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:DescribeTable"],
     "Resource": "arn:aws:dynamodb:*:*:table/*"},
    {"Sid": "DynamoDBBackupResourcePermissions", "Effect": "Allow",
     "Action": "dynamodb:RestoreTableFromBackup", "Resource": "arn:aws:dynamodb:*:*:table/*/backup/*"},
    {"Sid": "DynamoDBRestorePermissions", "Effect": "Allow",
     "Action": "dynamodb:RestoreTableFromAwsBackup", "Resource": "arn:aws:dynamodb:*:*:table/*"},
    {"Sid": "KMSDescribePermissions", "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "*"},
    {"Sid": "KMSPermissions", "Effect": "Allow",
     "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo", "kms:ReEncryptFrom",
                "kms:GenerateDataKeyWithoutPlaintext"],
     "Resource": "*", "Condition": {"StringLike": {"kms:ViaService": "dynamodb.*.amazonaws.com"}}},
    {"Sid": "KMSCreateGrantPermissions", "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*",
     "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
  ]
}"#,
    ),
];

/// The policies by ARN.
pub(super) fn of_aws() -> &'static BTreeMap<&'static str, Managed> {
    static POLICIES: LazyLock<BTreeMap<&'static str, Managed>> = LazyLock::new(|| {
        DOCUMENTS
            .into_iter()
            .zip(0..)
            .filter_map(|((arn, text), number)| {
                let (path, name) =
                    arn.strip_prefix("arn:aws:iam::aws:policy/")?.rsplit_once('/').map_or_else(
                        || Some(("/".to_owned(), arn.rsplit('/').next()?)),
                        |(path, name)| Some((format!("/{path}/"), name)),
                    )?;
                let managed = Managed {
                    name: name.to_owned(),
                    path,
                    id: format!("ANPAEMBEDDEDAWS{number:06}"),
                    arn: arn.to_owned(),
                    created: Timestamp::UNIX_EPOCH,
                    description: None,
                    policy: Arc::new(Policy::read(text, PolicyKind::Identity).ok()?),
                };
                Some((arn, managed))
            })
            .collect()
    });
    &POLICIES
}
