use serde_json::{Value, json};

use super::support::{ACCOUNT, AWAY, Fixture, HOME, ORDERS, ROLE, SOURCE, USERS, days, field, mins, seconds};

const NEW: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders-new";

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/mine";

fn body(point: &str, metadata: &Value) -> Value {
    json!({"RecoveryPointArn": point, "IamRoleArn": ROLE, "Metadata": metadata})
}

fn start(aws: &mut Fixture, point: &str, metadata: &Value) -> String {
    let answer = aws.ok("PUT", &["restore-jobs"], body(point, metadata));
    answer["RestoreJobId"].as_str().unwrap().to_owned()
}

fn plain() -> Value {
    json!({"targetTableName": "orders-new", "encryptionType": "Default"})
}

fn job(aws: &mut Fixture, id: &str) -> Value {
    aws.ok("GET", &["restore-jobs", id], json!({}))
}

#[test]
fn a_restore_is_pending_runs_and_makes_the_table() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.put_table(ORDERS, &[]);
    let id = start(&mut aws, &arn, &plain());
    assert_eq!(job(&mut aws, &id)["Status"], "PENDING");
    aws.pass(mins(4));
    let running = job(&mut aws, &id);
    assert_eq!(
        (&running["Status"], &running["ExpectedCompletionTimeMinutes"]),
        (&json!("RUNNING"), &json!(8))
    );
    assert_eq!((running["PercentDone"].as_str(), running.get("CreatedResourceArn")), (Some("49.58%"), None));
    assert_eq!(aws.delete_point(&arn).unwrap_err().code, "InvalidResourceStateException");
    aws.pass(mins(5));
    let done = job(&mut aws, &id);
    assert_eq!((&done["Status"], &done["PercentDone"]), (&json!("COMPLETED"), &json!("100.00%")));
    assert_eq!((&done["CreatedResourceArn"], &done["SourceResourceArn"]), (&json!(NEW), &json!(ORDERS)));
    assert_eq!(done["RecoveryPointCreationDate"], json!(seconds("2026-03-01T00:00:00Z")));
    assert_eq!(aws.tables.restored.len(), 1);
    assert_eq!(aws.tables.tables[NEW].items, [json!({"pk": {"S": "1"}})]);
    let told = aws.describe_point(&arn).unwrap();
    assert_eq!(told["LastRestoreTime"], done["CompletionDate"]);
    aws.delete_point(&arn).unwrap();
}

#[test]
fn metadata_is_read_in_any_case_and_wrong_metadata_is_refused() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let id = start(&mut aws, &arn, &json!({"TARGETTABLENAME": "orders-new", "EncryptionType": "KMS"}));
    let metadata = aws.ok("GET", &["restore-jobs", &id, "metadata"], json!({}))["Metadata"].clone();
    assert_eq!(metadata, json!({"targetTableName": "orders-new", "encryptionType": "KMS"}));
    for wrong in [
        json!({}),
        json!({"targetTableName": "x"}),
        json!({"targetTableName": "new", "deletionProtection": "false"}),
        json!({"targetTableName": "new", "TargetTableName": "other"}),
        json!({"targetTableName": "new", "encryptionType": "AES256"}),
        json!({"targetTableName": "new", "encryptionType": "Default", "kmsMasterKeyArn": KEY}),
        json!({"targetTableName": "new", "kmsMasterKeyArn": KEY}),
        json!({"targetTableName": "new", "encryptionType": "KMS", "kmsMasterKeyArn": "alias/mine"}),
    ] {
        let refused = body(&arn, &wrong);
        assert_eq!(aws.code("PUT", &["restore-jobs"], refused), "InvalidParameterValueException", "{wrong}");
    }
    let mut roleless = body(&arn, &plain());
    roleless.as_object_mut().unwrap().remove("IamRoleArn");
    assert_eq!(aws.code("PUT", &["restore-jobs"], roleless), "MissingParameterValueException");
    let missing = arn.replace("recovery-point:", "recovery-point:0");
    assert_eq!(aws.code("PUT", &["restore-jobs"], body(&missing, &plain())), "ResourceNotFoundException");
}

#[test]
fn what_aws_refuses_only_later_fails_the_job_with_its_message() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let mut tagged = body(&arn, &plain());
    tagged["CopySourceTagsToRestoredResource"] = json!(true);
    let tagged = aws.ok("PUT", &["restore-jobs"], tagged)["RestoreJobId"].as_str().unwrap().to_owned();
    let taken = start(&mut aws, &arn, &json!({"targetTableName": "users"}));
    aws.tables.bad_keys = vec![KEY.to_owned()];
    let with = |key: &str| json!({"targetTableName": "new", "encryptionType": "KMS", "kmsMasterKeyArn": key});
    let keyed = start(&mut aws, &arn, &with(KEY));
    let elsewhere = start(&mut aws, &arn, &with(&KEY.replace(HOME, AWAY)));
    aws.pass(mins(1));
    for (id, part) in [
        (tagged, "tags"),
        (taken, "Table already exists"),
        (keyed, "KMS key is either disabled"),
        (elsewhere, "KMS key is either disabled"),
    ] {
        let failed = job(&mut aws, &id);
        assert_eq!(failed["Status"], "FAILED");
        assert!(failed["StatusMessage"].as_str().unwrap().contains(part), "{failed}");
    }
    aws.tables.denied = vec!["dynamodb:RestoreTableFromAwsBackup".to_owned()];
    let denied = start(&mut aws, &arn, &plain());
    aws.pass(mins(1));
    assert!(job(&mut aws, &denied)["StatusMessage"].as_str().unwrap().contains("RestoreTableFromAwsBackup"));
    assert!(aws.tables.restored.is_empty());
}

#[test]
fn a_copy_in_another_region_needs_an_encryption_type() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.start_copy(&arn);
    aws.pass(mins(10));
    let copy = aws.copies().remove(0).arn;
    let request = |metadata: Value| body(&copy, &metadata);
    let refused =
        aws.call_in(AWAY, "PUT", &["restore-jobs"], &[], request(json!({"targetTableName": "new"})));
    assert_eq!(refused.unwrap_err().code, "InvalidParameterValueException");
    aws.call_in(AWAY, "PUT", &["restore-jobs"], &[], request(plain())).unwrap();
    assert_eq!(aws.code("PUT", &["restore-jobs"], request(plain())), "ResourceNotFoundException");
}

#[test]
fn a_cold_point_takes_longer_and_gives_no_snapshot_to_dynamodb() {
    let mut aws = Fixture::new();
    let arn = aws.point_with(ORDERS, json!({"Lifecycle": {"MoveToColdStorageAfterDays": 1}}));
    assert!(aws.backup.snapshot_of(ACCOUNT, HOME, &arn).is_ok());
    assert!(aws.backup.snapshot_of(ACCOUNT, AWAY, &arn).is_err());
    aws.pass(days(1));
    assert!(aws.backup.snapshot_of(ACCOUNT, HOME, &arn).unwrap_err().contains("cold storage"));
    let id = start(&mut aws, &arn, &plain());
    aws.pass(mins(60));
    assert_eq!(job(&mut aws, &id)["Status"], "RUNNING");
    aws.pass(mins(4 * 60));
    assert_eq!(job(&mut aws, &id)["Status"], "COMPLETED");
}

#[test]
fn only_so_many_restores_run_at_once_and_a_token_starts_one() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.backup.options_mut().running_restores = 1;
    let mut first = body(&arn, &plain());
    first["IdempotencyToken"] = json!("one");
    let told = aws.ok("PUT", &["restore-jobs"], first.clone());
    assert_eq!(aws.ok("PUT", &["restore-jobs"], first), told);
    let second = start(&mut aws, &arn, &json!({"targetTableName": "other"}));
    aws.pass(mins(1));
    assert!(
        job(&mut aws, &second)["StatusMessage"].as_str().unwrap().starts_with("Subscriber limit exceeded")
    );
}

#[test]
fn restores_are_listed_by_status_and_by_protected_resource() {
    let mut aws = Fixture::new();
    let (orders, users) = (aws.point(ORDERS), aws.point(USERS));
    let first = start(&mut aws, &orders, &plain());
    aws.pass(mins(10));
    let second = start(&mut aws, &users, &json!({"targetTableName": "users-new"}));
    let ids = |aws: &mut Fixture, path: &[&str], query: &[(&str, &str)]| {
        field(&aws.list(path, query)["RestoreJobs"], "RestoreJobId")
    };
    assert_eq!(ids(&mut aws, &["restore-jobs"], &[("status", "COMPLETED")]), [first.as_str()]);
    assert_eq!(ids(&mut aws, &["restore-jobs"], &[("status", "PENDING")]), [second.as_str()]);
    assert_eq!(ids(&mut aws, &["restore-jobs"], &[("parentJobId", "x")]), Vec::<String>::new());
    assert_eq!(ids(&mut aws, &["resources", USERS, "restore-jobs"], &[]), [second]);
    let unknown = aws.call_in(HOME, "GET", &["restore-jobs"], &[("status", "DONE")], json!({}));
    assert_eq!(unknown.unwrap_err().code, "InvalidParameterValueException");
    let told = aws.ok("GET", &["resources", ORDERS], json!({}));
    assert_eq!(
        (&told["LastRecoveryPointArn"], &told["LatestRestoreExecutionTimeMinutes"]),
        (&json!(orders), &json!(8))
    );
    assert_eq!(field(&aws.list(&["resources"], &[])["Results"], "ResourceName"), ["orders", "users"]);
}

#[test]
fn restore_events_are_as_aws_sends_them() {
    let mut aws = Fixture::new();
    aws.backup.event_faults_mut().delay_to = jiff::SignedDuration::ZERO;
    let arn = aws.point(ORDERS);
    aws.backup.take_events(aws.now);
    let id = start(&mut aws, &arn, &plain());
    aws.pass(mins(10));
    let events = aws.backup.take_events(aws.now).into_iter().map(|event| event.event);
    let events: Vec<Value> =
        events.filter(|event| event["detail-type"] == "Restore Job State Change").collect();
    assert!(events.iter().all(|event| event["resources"] == json!([arn])));
    let details: Vec<Value> = events.iter().map(|event| event["detail"].clone()).collect();
    let created = json!({"restoreJobId": id, "creationDate": "2026-03-01T00:10:00.000Z", "state": "CREATED"});
    let of = |status: &str| {
        json!({"restoreJobId": id, "backupSizeInBytes": "16", "creationDate": "2026-03-01T00:10:00.000Z",
            "iamRoleArn": ROLE, "percentDone": 0, "resourceType": "DynamoDB", "status": status})
    };
    let mut completed = of("COMPLETED");
    completed["backupVaultArn"] = json!(format!("arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:{SOURCE}"));
    completed["recoveryPointArn"] = json!(arn);
    completed["sourceResourceArn"] = json!(ORDERS);
    completed["createdResourceArn"] = json!(NEW);
    completed["completionDate"] = json!("2026-03-01T00:18:02.000Z");
    assert_eq!(details, [created, of("PENDING"), of("RUNNING"), completed]);
}

/// Facts 2.4: `KMS` without a key is the key that AWS manages for DynamoDB; without an encryption type it is the
/// original table's.
#[test]
fn a_restore_takes_the_key_that_it_is_told() {
    let mut aws = Fixture::new();
    let mut table = aws.tables.tables[ORDERS].clone();
    table.description["SSEDescription"] =
        json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": KEY});
    aws.tables.tables.insert(ORDERS.to_owned(), table);
    let arn = aws.point(ORDERS);
    let managed = "arn:aws:kms:eu-central-1:111122223333:key/managed-dynamodb";
    let named = KEY.replace("mine", "other");
    for (metadata, key) in [
        (json!({"targetTableName": "one", "encryptionType": "Default"}), None),
        (json!({"targetTableName": "two", "encryptionType": "KMS"}), Some(managed)),
        (json!({"targetTableName": "three"}), Some(KEY)),
        (
            json!({"targetTableName": "four", "encryptionType": "KMS", "kmsMasterKeyArn": named}),
            Some(named.as_str()),
        ),
    ] {
        start(&mut aws, &arn, &metadata);
        aws.pass(mins(60));
        assert_eq!(aws.tables.restored.pop().unwrap().key_arn.as_deref(), key, "{metadata}");
    }
}
