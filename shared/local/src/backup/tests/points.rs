use serde_json::json;

use super::support::{Fixture, HOME, ORDERS, SOURCE, USERS, days, field, mins, seconds};

const LIST: [&str; 3] = ["backup-vaults", SOURCE, "recovery-points"];

#[test]
fn a_point_is_creating_while_its_job_runs_and_keeps_the_jobs_creation_date() {
    let mut aws = Fixture::new();
    let body = Fixture::job_body(ORDERS);
    let arn = aws.ok("PUT", &["backup-jobs"], body)["RecoveryPointArn"].as_str().unwrap().to_owned();
    assert_eq!(aws.describe_point(&arn).unwrap_err().code, "ResourceNotFoundException");
    aws.pass(mins(1));
    assert_eq!(aws.describe_point(&arn).unwrap()["Status"], "CREATING");
    aws.pass(mins(9));
    let point = aws.describe_point(&arn).unwrap();
    assert_eq!(point["Status"], "COMPLETED");
    assert_eq!(point["CreationDate"], json!(seconds("2026-03-01T00:00:00Z")));
    assert_eq!(point["InitiationDate"], json!(seconds("2026-03-01T00:00:02Z")));
    assert_eq!(point.get("Lifecycle"), None);
}

#[test]
fn deletion_takes_a_while_and_then_the_point_is_not_found() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.delete_point(&arn).unwrap();
    assert_eq!(aws.describe_point(&arn).unwrap()["Status"], "DELETING");
    assert_eq!(aws.delete_point(&arn).unwrap_err().code, "InvalidResourceStateException");
    aws.pass(mins(1));
    let error = aws.describe_point(&arn).unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (400, "ResourceNotFoundException"));
}

#[test]
fn deletion_without_permission_answers_well_and_the_point_expires() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.backup.permit_delete("session", false);
    assert_eq!(aws.delete_point(&arn).unwrap(), json!({}));
    aws.pass(mins(1));
    assert_eq!(aws.describe_point(&arn).unwrap()["Status"], "EXPIRED");
    aws.caller = "retention".to_owned();
    aws.delete_point(&arn).unwrap();
    aws.pass(mins(1));
    assert!(aws.points().is_empty());
}

#[test]
fn locked_vaults_and_legal_holds_refuse_deletion_and_locks_a_change_of_lifecycle() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    assert!(aws.backup.legal_hold(&arn, true, aws.now));
    assert_eq!(aws.delete_point(&arn).unwrap_err().code, "InvalidRequestException");
    assert!(aws.backup.legal_hold(&arn, false, aws.now));
    aws.ok("PUT", &["backup-vaults", SOURCE, "vault-lock"], json!({"MinRetentionDays": 1}));
    assert_eq!(aws.delete_point(&arn).unwrap_err().code, "InvalidRequestException");
    let path = [LIST[0], LIST[1], LIST[2], &arn];
    let lifecycle = json!({"Lifecycle": {"DeleteAfterDays": 5}});
    assert_eq!(aws.code("POST", &path, lifecycle), "InvalidRequestException");
}

#[test]
fn a_lapsed_point_is_deleted_within_8_hours_unless_held() {
    let mut aws = Fixture::new();
    let more = json!({"Lifecycle": {"DeleteAfterDays": 1}});
    let (first, held) = (aws.point_with(ORDERS, more.clone()), aws.point_with(USERS, more));
    let deletes = aws.describe_point(&first).unwrap()["CalculatedLifecycle"]["DeleteAt"].clone();
    assert_eq!(deletes, json!(seconds("2026-03-02T00:00:00Z")));
    aws.backup.legal_hold(&held, true, aws.now);
    aws.pass(days(1) - mins(21));
    assert_eq!(aws.points().len(), 2);
    aws.pass(mins(8 * 60 + 21));
    assert_eq!(aws.points().iter().map(|point| point.arn.clone()).collect::<Vec<_>>(), [held.as_str()]);
    aws.backup.legal_hold(&held, false, aws.now);
    aws.pass(mins(1));
    assert!(aws.points().is_empty());
}

#[test]
fn a_change_of_lifecycle_replaces_both_values_and_cold_storage_is_frozen() {
    let mut aws = Fixture::new();
    let arn = aws.point_with(ORDERS, json!({"Lifecycle": {"MoveToColdStorageAfterDays": 2}}));
    let path = [LIST[0], LIST[1], LIST[2], &arn];
    let change = |value| json!({"Lifecycle": value});
    let answer = aws.ok("POST", &path, change(json!({"DeleteAfterDays": 9})));
    assert_eq!(answer["Lifecycle"], json!({"DeleteAfterDays": 9}));
    aws.pass(days(3));
    assert_eq!(aws.describe_point(&arn).unwrap()["StorageClass"], "WARM");
    let too_early = change(json!({"MoveToColdStorageAfterDays": 3}));
    assert_eq!(aws.code("POST", &path, too_early), "InvalidParameterValueException");
    aws.ok("POST", &path, change(json!({"MoveToColdStorageAfterDays": 5})));
    aws.pass(days(3));
    assert_eq!(aws.describe_point(&arn).unwrap()["StorageClass"], "COLD");
    let never = change(json!({"MoveToColdStorageAfterDays": -1, "DeleteAfterDays": -1}));
    assert_eq!(aws.code("POST", &path, never), "InvalidRequestException");
}

#[test]
fn points_are_listed_by_vault_with_filters_and_by_resource_without_the_vault() {
    let mut aws = Fixture::new();
    let first = aws.point(ORDERS);
    let second = aws.point(USERS);
    let arns = |aws: &mut Fixture, query: &[(&str, &str)]| {
        field(&aws.list(&LIST, query)["RecoveryPoints"], "RecoveryPointArn")
    };
    assert_eq!(arns(&mut aws, &[("resourceArn", ORDERS)]), [first.as_str()]);
    assert_eq!(arns(&mut aws, &[("createdAfter", "2026-03-01T00:05:00Z")]), [second.as_str()]);
    assert_eq!(arns(&mut aws, &[("createdBefore", "2026-03-01T00:05:00Z")]), [first]);
    assert_eq!(arns(&mut aws, &[("resourceType", "EBS")]), Vec::<String>::new());
    aws.backup.options_mut().page = 1;
    let page = aws.list(&LIST, &[("maxResults", "1000")]);
    assert_eq!(page["RecoveryPoints"].as_array().unwrap().len(), 1);
    let next = page["NextToken"].as_str().unwrap().to_owned();
    assert_eq!(arns(&mut aws, &[("nextToken", &next)]).len(), 1);
    let by_resource = aws.list(&["resources", USERS, "recovery-points"], &[]);
    assert_eq!(field(&by_resource["RecoveryPoints"], "RecoveryPointArn"), [second]);
    assert_eq!(by_resource["RecoveryPoints"][0].get("BackupVaultName"), None);
}

#[test]
fn restore_metadata_knows_the_table_and_its_key_and_no_settings() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let path = [LIST[0], LIST[1], LIST[2], &arn, "restore-metadata"];
    let metadata = aws.ok("GET", &path, json!({}))["RestoreMetadata"].clone();
    assert_eq!(
        (&metadata["targetTableName"], &metadata["encryptionType"]),
        (&json!("orders"), &json!("Default"))
    );
}

#[test]
fn switches_rename_usable_points_move_their_creation_and_deny_what_is_missing() {
    let mut aws = Fixture::new();
    aws.backup.options_mut().usable = "AVAILABLE";
    let arn = aws.point(ORDERS);
    assert_eq!(aws.describe_point(&arn).unwrap()["Status"], "AVAILABLE");
    assert!(aws.backup.remove_silently(&arn));
    aws.backup.options_mut().created_at_start = true;
    let late = aws.point(ORDERS);
    let late = aws.describe_point(&late).unwrap();
    assert_eq!(late["CreationDate"], late["InitiationDate"]);
    aws.backup.options_mut().missing_is_denied = true;
    assert_eq!(aws.describe_point(&arn).unwrap_err().code, "AccessDeniedException");
}

#[test]
fn published_rates_throttle_per_region_and_operation() {
    let mut aws = Fixture::new();
    aws.pass(mins(1));
    aws.backup.options_mut().rates = true;
    for _ in 0..5 {
        aws.start(ORDERS);
    }
    let body = Fixture::job_body(ORDERS);
    assert_eq!(aws.code("PUT", &["backup-jobs"], body), "ThrottlingException");
    aws.list(&["backup-jobs"], &[]);
    aws.call_in("eu-west-3", "GET", &["backup-jobs"], &[], json!({})).unwrap();
    aws.pass(jiff::SignedDuration::from_millis(200));
    aws.start(ORDERS);
    aws.pass(mins(1));
    let calls = (0..60).filter(|n| {
        let path = if n % 3 == 0 {
            "copy-jobs"
        } else if n % 3 == 1 {
            "backup-jobs"
        } else {
            "backup-vaults"
        };
        aws.call_in(HOME, "GET", &[path], &[], json!({})).is_ok()
    });
    assert_eq!(calls.count(), 50);
}
