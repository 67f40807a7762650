use std::collections::BTreeMap;

use serde_json::json;

use super::support::{AWAY, Fixture, HOME, ORDERS, SOURCE, USERS, days, field, mins, seconds};
use crate::backup::Durations;

#[test]
fn a_job_is_created_runs_and_completes() {
    let mut aws = Fixture::new();
    let answer = aws.ok("PUT", &["backup-jobs"], Fixture::job_body(ORDERS));
    let id = answer["BackupJobId"].as_str().unwrap();
    assert_eq!(answer["CreationDate"], json!(seconds("2026-03-01T00:00:00Z")));
    assert_eq!(aws.state(id), "CREATED");
    aws.pass(mins(1));
    assert_eq!(aws.state(id), "RUNNING");
    aws.pass(mins(5));
    let job = aws.job(id);
    assert_eq!(job["State"], "COMPLETED");
    assert_eq!(job["RecoveryPointArn"], answer["RecoveryPointArn"]);
    assert_eq!(job["PercentDone"], "100.0");
    assert_eq!(job["StartBy"], json!(seconds("2026-03-01T08:00:00Z")));
}

#[test]
fn one_job_per_table_runs_and_the_next_waits_for_it() {
    let mut aws = Fixture::new();
    let (first, second, other) = (aws.start(ORDERS), aws.start(ORDERS), aws.start(USERS));
    aws.pass(mins(1));
    assert_eq!([aws.state(&first), aws.state(&second), aws.state(&other)], ["RUNNING", "CREATED", "RUNNING"]);
    aws.pass(mins(4));
    assert_eq!([aws.state(&first), aws.state(&second)], ["COMPLETED", "RUNNING"]);
}

#[test]
fn a_job_that_never_gets_its_turn_expires_at_the_end_of_its_start_window() {
    let mut aws = Fixture::new();
    let mut durations = Durations::default();
    durations.tables.insert(ORDERS.to_owned(), mins(120));
    aws.backup.set_durations(durations);
    aws.start(ORDERS);
    let second = aws.start_with(ORDERS, json!({"StartWindowMinutes": 60}));
    aws.pass(mins(59));
    assert_eq!(aws.state(&second), "CREATED");
    aws.pass(mins(1));
    assert_eq!(aws.state(&second), "EXPIRED");
    assert_eq!(
        aws.message(&second),
        "Backup job failed because there was a running job for the same resource."
    );
}

#[test]
fn a_job_that_outlasts_its_completion_window_expires_without_a_point() {
    let mut aws = Fixture::new();
    let mut durations = Durations::default();
    durations.tables.insert(ORDERS.to_owned(), mins(120));
    aws.backup.set_durations(durations);
    let id = aws.start_with(ORDERS, json!({"StartWindowMinutes": 60, "CompleteWindowMinutes": 60}));
    aws.pass(mins(60));
    assert_eq!(
        (aws.state(&id).as_str(), aws.message(&id).as_str()),
        ("EXPIRED", "Backup job expired before completion.")
    );
    assert!(aws.points().is_empty());
}

#[test]
fn only_so_many_backups_run_at_once() {
    let mut aws = Fixture::new();
    aws.backup.options_mut().running_backups = 1;
    let (first, second) = (aws.start(ORDERS), aws.start(USERS));
    aws.pass(mins(1));
    assert_eq!([aws.state(&first), aws.state(&second)], ["RUNNING", "CREATED"]);
    aws.pass(mins(4));
    assert_eq!(aws.state(&second), "RUNNING");
}

#[test]
fn a_point_holds_the_table_as_it_was_when_the_job_began_to_run() {
    let mut aws = Fixture::new();
    aws.start(ORDERS);
    aws.put_table(ORDERS, &[json!({"pk": {"S": "before"}})]);
    aws.pass(mins(1));
    aws.put_table(ORDERS, &[json!({"pk": {"S": "after"}})]);
    aws.pass(mins(9));
    assert_eq!(aws.points()[0].table.items, [json!({"pk": {"S": "before"}})]);
}

#[test]
fn a_table_that_is_gone_before_its_turn_fails_the_job() {
    let mut aws = Fixture::new();
    let id = aws.start(ORDERS);
    aws.tables.tables.clear();
    aws.pass(mins(1));
    assert_eq!((aws.state(&id).as_str(), aws.message(&id).as_str()), ("FAILED", "Table not found."));
}

#[test]
fn a_vault_that_is_gone_before_its_turn_fails_the_job() {
    let mut aws = Fixture::new();
    let id = aws.start(ORDERS);
    aws.ok("DELETE", &["backup-vaults", SOURCE], json!({}));
    aws.pass(mins(1));
    assert_eq!(aws.state(&id), "FAILED");
    assert!(aws.message(&id).ends_with("backup-vault:source does not exist."));
}

#[test]
fn a_repeated_token_answers_the_same_job() {
    let mut aws = Fixture::new();
    let first = aws.start_with(ORDERS, json!({"IdempotencyToken": "one"}));
    aws.pass(mins(60));
    assert_eq!(aws.start_with(ORDERS, json!({"IdempotencyToken": "one"})), first);
    assert_ne!(aws.start_with(ORDERS, json!({"IdempotencyToken": "two"})), first);
}

#[test]
fn wrong_requests_are_refused() {
    let mut aws = Fixture::new();
    let with = |name: &str, value: serde_json::Value| {
        let mut body = Fixture::job_body(ORDERS);
        body[name] = value;
        body
    };
    let gone = ORDERS.replace("orders", "gone");
    let elsewhere = ORDERS.replace(HOME, AWAY);
    for (body, code) in [
        (with("IamRoleArn", json!("")), "MissingParameterValueException"),
        (with("BackupVaultName", json!("none")), "ResourceNotFoundException"),
        (with("ResourceArn", json!(gone)), "ResourceNotFoundException"),
        (with("ResourceArn", json!(elsewhere)), "InvalidParameterValueException"),
        (with("StartWindowMinutes", json!(59)), "InvalidParameterValueException"),
        (with("RecoveryPointTags", json!({"aws:x": "y"})), "InvalidParameterValueException"),
        (with("Lifecycle", json!({"DeleteAfterDays": 0})), "InvalidParameterValueException"),
        (
            with("Lifecycle", json!({"MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 119})),
            "InvalidParameterValueException",
        ),
    ] {
        assert_eq!(aws.code("PUT", &["backup-jobs"], body.clone()), code, "{body}");
    }
}

#[test]
fn a_job_can_be_stopped_only_before_it_runs() {
    let mut aws = Fixture::new();
    let (first, second) = (aws.start(ORDERS), aws.start(ORDERS));
    aws.pass(mins(1));
    aws.ok("POST", &["backup-jobs", &second], json!({}));
    assert_eq!(
        (aws.state(&second).as_str(), aws.message(&second).as_str()),
        ("ABORTED", "Backup job was stopped by user.")
    );
    assert_eq!(aws.code("POST", &["backup-jobs", &first], json!({})), "InvalidRequestException");
    aws.pass(mins(60));
    assert_eq!(aws.points().len(), 1);
}

#[test]
fn without_advanced_features_a_point_is_a_plain_dynamodb_backup() {
    let mut aws = Fixture::new();
    aws.ok("PUT", &["account-settings"], json!({"ResourceTypeManagementPreference": {"DynamoDB": false}}));
    let body = json!({"RecoveryPointTags": {"k": "v"}});
    let mut request = Fixture::job_body(ORDERS);
    request["RecoveryPointTags"] = body["RecoveryPointTags"].clone();
    let answer = aws.ok("PUT", &["backup-jobs"], request);
    assert_eq!(answer.get("RecoveryPointArn"), None);
    aws.pass(mins(10));
    let point = aws.points().remove(0);
    assert!(point.arn.starts_with(&format!("{ORDERS}/backup/01")), "{}", point.arn);
    assert!(point.tags.is_empty());
    assert_eq!(aws.code("GET", &["tags", &point.arn], json!({})), "InvalidParameterValueException");
    let copy = aws.start_copy(&point.arn);
    aws.pass(mins(1));
    let copy = aws.copy(&copy);
    assert_eq!(copy["State"], "FAILED");
    assert!(copy["StatusMessage"].as_str().unwrap().contains("Feature is not supported"));
}

#[test]
fn a_scripted_failure_leaves_no_point_and_frees_the_table() {
    let mut aws = Fixture::new();
    aws.backup.fail_next_backup(ORDERS, "Internal Failure");
    let (first, second) = (aws.start(ORDERS), aws.start(ORDERS));
    aws.pass(mins(20));
    assert_eq!((aws.state(&first).as_str(), aws.message(&first).as_str()), ("FAILED", "Internal Failure"));
    assert_eq!(aws.state(&second), "COMPLETED");
    assert_eq!(aws.points().len(), 1);
}

#[test]
fn jobs_are_listed_by_table_state_vault_and_time_for_30_days() {
    let mut aws = Fixture::new();
    let first = aws.start(ORDERS);
    aws.pass(mins(60));
    let second = aws.start(USERS);
    let ids = |aws: &mut Fixture, query: &[(&str, &str)]| {
        field(&aws.list(&["backup-jobs"], query)["BackupJobs"], "BackupJobId")
    };
    assert_eq!(ids(&mut aws, &[("resourceArn", ORDERS)]), [first.as_str()]);
    assert_eq!(ids(&mut aws, &[("state", "CREATED")]), [second.as_str()]);
    assert_eq!(ids(&mut aws, &[("backupVaultName", "none")]), Vec::<String>::new());
    assert_eq!(ids(&mut aws, &[("createdAfter", "2026-03-01T00:30:00Z")]), [second.as_str()]);
    assert_eq!(ids(&mut aws, &[("createdBefore", "2026-03-01T00:30:00Z")]), [first]);
    aws.pass(days(30) - mins(30));
    assert_eq!(ids(&mut aws, &[]), [second]);
}

#[test]
fn lists_come_in_pages_with_or_without_a_trailing_slash() {
    let mut aws = Fixture::new();
    let mut started: Vec<String> = (0..5).map(|_| aws.start(ORDERS)).collect();
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let mut query = vec![("maxResults", "2")];
        if !token.is_empty() {
            query.push(("nextToken", &token));
        }
        let answer = aws.list(&["backup-jobs", ""], &query);
        found.extend(field(&answer["BackupJobs"], "BackupJobId"));
        match answer["NextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    started.sort();
    assert_eq!(found, started);
    for count in ["0", "1001", "x"] {
        let refused = aws.call_in(HOME, "GET", &["backup-jobs"], &[("maxResults", count)], json!({}));
        assert_eq!(refused.unwrap_err().code, "InvalidParameterValueException");
    }
}

#[test]
fn a_job_that_fails_at_its_turn_leaves_the_turn_to_the_next() {
    let mut aws = Fixture::new();
    let first = aws.start(ORDERS);
    let tags: BTreeMap<String, &str> = (0..10).map(|n| (format!("k{n}"), "v")).collect();
    let (refused, last) = (aws.start_with(ORDERS, json!({"RecoveryPointTags": tags})), aws.start(ORDERS));
    aws.pass(mins(1));
    let table = aws.tables.tables.get_mut(ORDERS).unwrap();
    table.tags = (0..45).map(|n| (format!("t{n}"), "v".to_owned())).collect();
    aws.pass(mins(4));
    assert_eq!(
        [aws.state(&first), aws.state(&refused), aws.state(&last)],
        ["COMPLETED", "FAILED", "RUNNING"]
    );
}

#[test]
fn a_session_over_many_tables_never_exceeds_the_account_and_leaves_nobody_behind() {
    let mut aws = Fixture::new();
    aws.backup.options_mut().running_backups = 50;
    for n in 0..300 {
        let arn = ORDERS.replace("orders", &format!("t{n}"));
        aws.put_table(&arn, &[]);
        aws.start(&arn);
    }
    for _ in 0..30 {
        aws.pass(mins(1));
        let running =
            aws.list(&["backup-jobs"], &[("state", "RUNNING")])["BackupJobs"].as_array().unwrap().len();
        assert!(running <= 50, "{running}");
    }
    assert_eq!(aws.points().iter().filter(|point| point.status == "COMPLETED").count(), 300);
}

#[test]
fn a_job_that_waits_for_the_account_expires_with_the_limits_message() {
    let mut aws = Fixture::new();
    aws.backup.options_mut().running_backups = 1;
    let mut durations = Durations::default();
    durations.tables.insert(ORDERS.to_owned(), mins(120));
    aws.backup.set_durations(durations);
    aws.start(ORDERS);
    let waits = aws.start_with(USERS, json!({"StartWindowMinutes": 60}));
    aws.pass(mins(61));
    assert_eq!(aws.state(&waits), "EXPIRED");
    assert!(aws.message(&waits).starts_with("Subscriber limit exceeded"));
}

/// AWS documents that a backup fails while its table is being created; and that DynamoDB cannot use a table whose key
/// is disabled.
#[test]
fn a_table_that_cannot_be_read_fails_its_backup() {
    let mut aws = Fixture::new();
    let key = "arn:aws:kms:eu-central-1:111122223333:key/mine";
    let denied = "KMS key is either disabled or pending deletion or access to KMS key is denied.";
    for (status, encrypted, bad, message) in [
        ("CREATING", false, false, "Table is being created."),
        ("DELETING", false, false, "Table is being deleted."),
        ("ARCHIVED", true, true, "Table is archived."),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", true, false, denied),
        ("ACTIVE", true, true, denied),
    ] {
        let mut table = aws.tables.tables[ORDERS].clone();
        table.description = json!({"TableArn": ORDERS, "TableStatus": status});
        if encrypted {
            table.description["SSEDescription"] = json!({"KMSMasterKeyArn": key});
        }
        aws.tables.tables.insert(ORDERS.to_owned(), table);
        aws.tables.bad_keys = bad.then(|| key.to_owned()).into_iter().collect();
        let id = aws.start(ORDERS);
        aws.pass(mins(10));
        assert_eq!((aws.state(&id).as_str(), aws.message(&id).as_str()), ("FAILED", message), "{status}");
    }
    assert!(aws.points().is_empty());
}
