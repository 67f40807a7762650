use serde_json::json;

use super::support::{ACCOUNT, AWAY, Fixture, ORDERS, ROLE, TARGET_ARN, USERS, mins};

const LOCKED_OUT: &str = "Access Denied trying to call AWS Backup service";

#[test]
fn a_role_without_the_rights_fails_backups_and_copies() {
    let mut aws = Fixture::new();
    let arn = aws.point_with(ORDERS, json!({"RecoveryPointTags": {"k": "v"}}));
    for action in ["dynamodb:StartAwsBackupJob", "dynamodb:ListTagsOfResource", "backup:TagResource"] {
        aws.tables.denied = vec![action.to_owned()];
        let id = aws.start_with(ORDERS, json!({"RecoveryPointTags": {"k": "v"}}));
        aws.pass(mins(1));
        assert_eq!(aws.state(&id), "FAILED");
        assert!(aws.message(&id).contains(&format!("not authorized to perform: {action}")));
        assert_eq!(aws.job(&id)["MessageCategory"], "AccessDenied");
    }
    for action in ["backup:CopyFromBackupVault", "backup:CopyIntoBackupVault", "backup:TagResource"] {
        aws.tables.denied = vec![action.to_owned()];
        let id = aws.start_copy(&arn);
        aws.pass(mins(10));
        let copy = aws.copy(&id);
        assert_eq!(copy["State"], "FAILED");
        assert!(copy["StatusMessage"].as_str().unwrap().contains(action), "{copy}");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_tried_again_until_it_can_or_the_start_window_ends() {
    let mut aws = Fixture::new();
    aws.ok("PUT", &["backup-vaults", "keyed"], json!({"EncryptionKeyArn": "arn:key"}));
    aws.tables.bad_keys = vec!["arn:key".to_owned()];
    let window = json!({"BackupVaultName": "keyed", "StartWindowMinutes": 60});
    let (mended, expires) = (aws.start_with(ORDERS, window.clone()), aws.start_with(USERS, window));
    aws.pass(mins(15));
    assert_eq!([aws.state(&mended), aws.state(&expires)], ["CREATED", "CREATED"]);
    aws.tables.bad_keys.clear();
    aws.pass(mins(6));
    assert_eq!([aws.state(&mended), aws.state(&expires)], ["RUNNING", "RUNNING"]);
    aws.tables.bad_keys = vec!["arn:key".to_owned()];
    aws.pass(mins(10));
    let late = aws.start_with(ORDERS, json!({"BackupVaultName": "keyed", "StartWindowMinutes": 60}));
    aws.pass(mins(60));
    assert_eq!(aws.state(&late), "EXPIRED");
    assert!(aws.message(&late).contains("KMS key is either disabled or pending deletion"));
}

#[test]
fn the_policy_of_the_destination_keeps_copies_out() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let put = |aws: &mut Fixture, more: serde_json::Value| {
        let mut statement = json!({"Effect": "Deny", "Action": "backup:CopyInto*", "Resource": "*"});
        statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let path = ["backup-vaults", "target", "access-policy"];
        aws.call_in(AWAY, "PUT", &path, &[], json!({"Policy": policy})).unwrap();
        let id = aws.start_copy(&arn);
        aws.pass(mins(10));
        aws.copy(&id)["StatusMessage"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(put(&mut aws, json!({"Principal": {"AWS": ACCOUNT}, "Resource": TARGET_ARN})), LOCKED_OUT);
    assert_eq!(put(&mut aws, json!({"Principal": {"AWS": "999999999999"}})), "");
    let unless = json!({"Principal": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "*/other"}}});
    assert_eq!(put(&mut aws, unless), LOCKED_OUT);
    let unless = json!({"Principal": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": ROLE}}});
    assert_eq!(put(&mut aws, unless), "");
}

#[test]
fn deletion_without_the_service_linked_role_expires_the_point() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.tables.no_role = true;
    assert_eq!(aws.delete_point(&arn).unwrap(), json!({}));
    aws.pass(mins(1));
    assert_eq!(aws.describe_point(&arn).unwrap()["Status"], "EXPIRED");
    aws.tables.no_role = false;
    aws.delete_point(&arn).unwrap();
    aws.pass(mins(1));
    assert!(aws.points().is_empty());
}

#[test]
fn errors_of_awss_systems_leave_a_copy_created_and_it_is_tried_again() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.backup.disturb_copies(ORDERS, aws.now + mins(25));
    let id = aws.start_copy(&arn);
    aws.pass(mins(25));
    assert_eq!(aws.copy(&id)["State"], "CREATED");
    aws.pass(mins(20));
    assert_eq!(aws.copy(&id)["State"], "COMPLETED");
}

#[test]
fn a_backup_may_complete_with_an_issue() {
    let mut aws = Fixture::new();
    let message = "We are unable to copy resource tags to your backup because of the Internal Failure.";
    aws.backup.complete_next_backup_with(ORDERS, message);
    aws.point(ORDERS);
    aws.point(ORDERS);
    let ids = |aws: &mut Fixture, category: &str| {
        let listed = aws.list(&["backup-jobs"], &[("messageCategory", category)]);
        super::support::field(&listed["BackupJobs"], "BackupJobId")
    };
    let with_issue = ids(&mut aws, "MISCELLANEOUS");
    assert_eq!((with_issue.len(), ids(&mut aws, "SUCCESS").len()), (1, 1));
    assert_eq!(aws.job(&with_issue[0])["State"], "COMPLETED");
    assert_eq!(aws.message(&with_issue[0]), message);
}

#[test]
fn an_air_gapped_vault_takes_backups_only_under_its_own_parameter() {
    let mut aws = Fixture::new();
    let range = json!({"MinRetentionDays": 7, "MaxRetentionDays": 30});
    aws.ok("PUT", &["logically-air-gapped-backup-vaults", "gap"], range);
    let mut body = Fixture::job_body(ORDERS);
    body["BackupVaultName"] = json!("gap");
    assert_eq!(aws.code("PUT", &["backup-jobs"], body), "InvalidRequestException");
    let gap = TARGET_ARN.replace("eu-west-1", "eu-central-1").replace("target", "gap");
    let more = json!({"LogicallyAirGappedBackupVaultArn": gap, "Lifecycle": {"DeleteAfterDays": 10}});
    let id = aws.start_with(ORDERS, more);
    aws.pass(mins(10));
    let job = aws.job(&id);
    assert_eq!((&job["State"], &job["BackupVaultName"]), (&json!("COMPLETED"), &json!("gap")));
    assert_eq!(
        (&job["VaultType"], &job["VaultLockState"]),
        (&json!("LOGICALLY_AIR_GAPPED_BACKUP_VAULT"), &json!("LOCKED"))
    );
}
