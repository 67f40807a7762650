use jiff::SignedDuration;
use serde_json::{Value, json};

use super::support::{ACCOUNT, Fixture, HOME, ORDERS, ROLE, SOURCE, TARGET_ARN, mins};
use crate::backup::BackupEvent;

fn prompt(aws: &mut Fixture) {
    aws.backup.event_faults_mut().delay_to = SignedDuration::ZERO;
}

fn events(aws: &mut Fixture, kind: &str) -> Vec<Value> {
    let all = aws.backup.take_events(aws.now).into_iter();
    all.map(|event| event.event).filter(|event| event["detail-type"] == kind).collect()
}

const BACKUP: &str = "Backup Job State Change";
const COPY: &str = "Copy Job State Change";
const POINT: &str = "Recovery Point State Change";

#[test]
fn backup_job_events_are_as_aws_sends_them() {
    let mut aws = Fixture::new();
    prompt(&mut aws);
    let id = aws.start(ORDERS);
    let arn = aws.job(&id)["RecoveryPointArn"].clone();
    aws.pass(mins(10));
    let mut events = events(&mut aws, BACKUP);
    for event in &mut events {
        assert!(event["id"].take().is_string());
    }
    let vault_arn = format!("arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:{SOURCE}");
    let envelope = |time: &str, resources: Value, detail: Value| {
        json!({"version": "0", "id": null, "detail-type": BACKUP, "source": "aws.backup", "account": ACCOUNT,
            "time": time, "region": HOME, "resources": resources, "detail": detail})
    };
    let created = json!({"backupJobId": id, "state": "CREATED", "creationDate": "2026-03-01T00:00:00.000Z"});
    assert_eq!(events[0], envelope("2026-03-01T00:00:00Z", json!([]), created));
    let running = json!({
        "backupJobId": id, "backupSizeInBytes": "16", "backupVaultArn": vault_arn, "backupVaultName": SOURCE,
        "bytesTransferred": "0", "creationDate": "2026-03-01T00:00:00.000Z", "iamRoleArn": ROLE,
        "resourceArn": ORDERS, "resourceType": "DynamoDB", "state": "RUNNING",
        "startBy": "2026-03-01T08:00:00.000Z", "expectedCompletionDate": "Mar 1, 2026 12:04:02 AM",
        "percentDone": 0,
    });
    assert_eq!(events[1], envelope("2026-03-01T00:00:02Z", json!([]), running));
    let completed = json!({
        "backupJobId": id, "backupSizeInBytes": "16", "backupVaultArn": vault_arn, "backupVaultName": SOURCE,
        "bytesTransferred": "16", "creationDate": "2026-03-01T00:00:00.000Z", "iamRoleArn": ROLE,
        "resourceArn": ORDERS, "resourceType": "DynamoDB", "state": "COMPLETED",
        "completionDate": "2026-03-01T00:04:02.000Z", "startBy": "2026-03-01T08:00:00.000Z",
        "percentDone": 100, "retryCount": 3,
    });
    assert_eq!(events[2], envelope("2026-03-01T00:04:02Z", json!([arn]), completed));
    assert_eq!(events.len(), 3);
}

#[test]
fn a_failed_backup_quotes_its_message_and_names_no_recovery_point() {
    let mut aws = Fixture::new();
    prompt(&mut aws);
    aws.start(ORDERS);
    aws.tables.tables.clear();
    aws.pass(mins(10));
    let event = events(&mut aws, BACKUP).pop().unwrap();
    assert_eq!((&event["detail"]["state"], &event["resources"]), (&json!("FAILED"), &json!([])));
    assert_eq!(event["detail"]["statusMessage"], "\"Table not found.\"");
    assert_eq!(event["detail"].get("backupSizeInBytes"), None);
}

#[test]
fn copy_job_events_have_a_number_for_a_size_and_an_empty_object_for_no_arn() {
    let mut aws = Fixture::new();
    prompt(&mut aws);
    let arn = aws.point(ORDERS);
    let id = aws.start_copy(&arn);
    aws.pass(mins(10));
    let copy = aws.copies().remove(0);
    let events = events(&mut aws, COPY);
    let vault_arn = format!("arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:{SOURCE}");
    let detail = |state: &str, more: Value| {
        let mut detail = json!({
            "copyJobId": id, "backupSizeInBytes": 16, "creationDate": "2026-03-01T00:10:00.000Z",
            "iamRoleArn": ROLE, "resourceArn": ORDERS, "resourceType": "DynamoDB",
            "sourceBackupVaultArn": vault_arn, "state": state, "destinationBackupVaultArn": TARGET_ARN,
            "destinationRecoveryPointArn": {},
        });
        detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        detail
    };
    let created = json!({"creationDate": "2026-03-01T00:10:00.000Z", "state": "CREATED",
        "sourceBackupVaultArn": vault_arn, "destinationBackupVaultArn": TARGET_ARN});
    let completed =
        json!({"destinationRecoveryPointArn": copy.arn, "completionDate": "2026-03-01T00:16:02.000Z"});
    let details: Vec<Value> = events.iter().map(|event| event["detail"].clone()).collect();
    assert_eq!(details, [created, detail("RUNNING", json!({})), detail("COMPLETED", completed)]);
    assert!(events.iter().all(|event| event["resources"] == json!([arn]) && event["region"] == HOME));
}

#[test]
fn recovery_point_events_tell_each_status_in_the_points_own_region() {
    let mut aws = Fixture::new();
    prompt(&mut aws);
    let arn = aws.point_with(ORDERS, json!({"Lifecycle": {"DeleteAfterDays": 100}}));
    aws.delete_point(&arn).unwrap();
    let events = events(&mut aws, POINT);
    let told: Vec<&Value> = events.iter().map(|event| &event["detail"]["status"]).collect();
    assert_eq!(told, ["CREATING", "COMPLETED", "DELETING"]);
    let detail = &events[1]["detail"];
    assert_eq!(detail["lifecycle"], json!({"deleteAfterDays": 100}));
    assert_eq!(detail["calculatedLifeCycle"], json!({"deleteAt": "2026-06-09T00:00:00.000Z"}));
    assert_eq!((&detail["isEncrypted"], &events[1]["resources"]), (&json!("true"), &json!([arn])));
}

#[test]
fn events_come_within_five_minutes() {
    let mut aws = Fixture::new();
    for _ in 0..20 {
        aws.start(ORDERS);
    }
    assert!(aws.backup.take_events(aws.now).is_empty());
    assert!(aws.backup.next_at().is_some_and(|at| at > aws.now));
    aws.pass(mins(2));
    let early = events(&mut aws, BACKUP).len();
    assert!((1..21).contains(&early), "{early}");
    aws.pass(mins(3));
    let created =
        events(&mut aws, BACKUP).iter().filter(|event| event["detail"]["state"] == "CREATED").count();
    assert!(early + created >= 20);
}

#[test]
fn events_can_be_lost_doubled_and_reversed() {
    let mut aws = Fixture::new();
    prompt(&mut aws);
    aws.backup.event_faults_mut().lose_next = 1;
    aws.backup.event_faults_mut().double_next = 1;
    aws.backup.event_faults_mut().reverse = true;
    let (_lost, doubled, last) = (aws.start(ORDERS), aws.start(ORDERS), aws.start(ORDERS));
    let ids: Vec<Value> =
        events(&mut aws, BACKUP).iter().map(|event| event["detail"]["backupJobId"].clone()).collect();
    assert_eq!(ids, [json!(last), json!(doubled), json!(doubled)]);
    aws.backup.event_faults_mut().lose_all = true;
    aws.pass(mins(60));
    assert!(aws.backup.take_events(aws.now).is_empty());
}

#[test]
fn any_event_can_be_injected() {
    let mut aws = Fixture::new();
    let event = BackupEvent {
        account: ACCOUNT.to_owned(),
        region: HOME.to_owned(),
        event: json!({"detail-type": "x"}),
    };
    let at = aws.now + mins(1);
    aws.backup.event_faults_mut().lose_all = true;
    aws.backup.inject_event(at, event.clone());
    assert_eq!(aws.backup.next_at(), Some(at));
    aws.pass(mins(1));
    assert_eq!(aws.backup.take_events(aws.now), [event]);
}

#[test]
fn vaults_and_region_settings_tell_their_changes() {
    let mut aws = Fixture::new();
    prompt(&mut aws);
    aws.ok("PUT", &["backup-vaults", "new"], json!({}));
    aws.ok("PUT", &["backup-vaults", "new", "vault-lock"], json!({"MinRetentionDays": 1}));
    aws.ok("DELETE", &["backup-vaults", "new"], json!({}));
    aws.ok("PUT", &["account-settings"], json!({"ResourceTypeOptInPreference": {"Aurora": true}}));
    let told = aws.backup.take_events(aws.now);
    let details: Vec<&Value> = told.iter().map(|event| &event.event["detail"]).collect();
    assert_eq!(
        details,
        [
            &json!({"backupVaultName": "new", "state": "CREATED"}),
            &json!({"backupVaultName": "new", "state": "MODIFIED", "isLocked": "true"}),
            &json!({"backupVaultName": "new", "state": "DELETED"}),
            &json!({"modifiedAt": "2026-03-01T00:00:00.000Z",
                "ResourceTypeOptInPreference": {"Aurora": true}, "state": "MODIFIED"}),
        ]
    );
    let vault_arn = format!("arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:new");
    assert_eq!(told[0].event["resources"], json!([vault_arn]));
    assert_eq!(told[3].event["detail-type"], "Region Setting State Change");
}
