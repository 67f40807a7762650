use serde_json::json;

use super::support::{
    ACCOUNT, AWAY, Fixture, HOME, ORDERS, ROLE, SOURCE, TARGET_ARN, USERS, days, field, mins,
};

#[test]
fn a_copy_keeps_tags_creation_date_items_and_retention_and_has_its_own_arn() {
    let mut aws = Fixture::new();
    let more = json!({"RecoveryPointTags": {"k": "v"}, "Lifecycle": {"DeleteAfterDays": 30}});
    let arn = aws.point_with(ORDERS, more);
    let id = aws.start_copy(&arn);
    aws.pass(mins(10));
    let job = aws.copy(&id);
    assert_eq!(job["State"], "COMPLETED");
    let (source, copy) = (aws.points().remove(0), aws.copies().remove(0));
    assert_eq!(job["DestinationRecoveryPointArn"], json!(copy.arn));
    assert!(copy.arn.starts_with(&format!("arn:aws:backup:{AWAY}:{ACCOUNT}:recovery-point:")));
    assert_ne!(copy.arn.rsplit(':').next(), source.arn.rsplit(':').next());
    assert_eq!(
        (copy.created, copy.tags, &copy.table.items),
        (source.created, source.tags, &source.table.items)
    );
    let path = ["backup-vaults", "target", "recovery-points", &copy.arn];
    let told = aws.call_in(AWAY, "GET", &path, &[], json!({})).unwrap();
    assert_eq!(told["Lifecycle"], json!({"DeleteAfterDays": 30}));
    assert!(told["SourceBackupVaultArn"].as_str().unwrap().ends_with(":backup-vault:source"));
}

#[test]
fn a_copy_waits_for_the_tables_running_job_however_long() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let backup = aws.start(ORDERS);
    aws.pass(mins(1));
    let copy = aws.start_copy(&arn);
    aws.pass(mins(1));
    assert_eq!((aws.state(&backup).as_str(), &aws.copy(&copy)["State"]), ("RUNNING", &json!("CREATED")));
    aws.pass(mins(4));
    assert_eq!((aws.state(&backup).as_str(), &aws.copy(&copy)["State"]), ("COMPLETED", &json!("RUNNING")));
    let late = aws.start(ORDERS);
    aws.pass(mins(1));
    assert_eq!(aws.state(&late), "CREATED");
}

#[test]
fn only_so_many_copies_run_into_one_region() {
    let mut aws = Fixture::new();
    let (orders, users) = (aws.point(ORDERS), aws.point(USERS));
    aws.backup.options_mut().running_copies = 1;
    let (first, second) = (aws.start_copy(&orders), aws.start_copy(&users));
    aws.pass(mins(1));
    assert_eq!([&aws.copy(&first)["State"], &aws.copy(&second)["State"]], ["RUNNING", "CREATED"]);
    aws.pass(mins(6));
    assert_eq!(aws.copy(&second)["State"], "RUNNING");
}

#[test]
fn copies_fail_where_they_cannot_go() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let other = TARGET_ARN.replace(ACCOUNT, "444455556666");
    let missing = TARGET_ARN.replace("target", "none");
    for (vault, message) in
        [(other, "must be a member of the same organization"), (missing, "does not exist")]
    {
        let id = aws.start_copy_with(&arn, json!({"DestinationBackupVaultArn": vault})).unwrap();
        aws.pass(mins(1));
        let job = aws.copy(&id);
        assert_eq!(job["State"], "FAILED");
        assert!(job["StatusMessage"].as_str().unwrap().contains(message), "{job}");
    }
    assert!(aws.copies().is_empty());
}

#[test]
fn a_lock_at_the_target_fails_copies_outside_its_range() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let lock = json!({"MinRetentionDays": 7, "MaxRetentionDays": 100});
    aws.call_in(AWAY, "PUT", &["backup-vaults", "target", "vault-lock"], &[], lock).unwrap();
    let for_ever = aws.start_copy(&arn);
    aws.pass(mins(1));
    assert_eq!(aws.copy(&for_ever)["State"], "FAILED");
    let fits = aws.start_copy_with(&arn, json!({"Lifecycle": {"DeleteAfterDays": 30}})).unwrap();
    aws.pass(mins(10));
    assert_eq!(aws.copy(&fits)["State"], "COMPLETED");
}

#[test]
fn a_copy_asked_to_live_for_ever_takes_the_sources_retention() {
    let mut aws = Fixture::new();
    let arn = aws.point_with(ORDERS, json!({"Lifecycle": {"DeleteAfterDays": 30}}));
    aws.start_copy_with(&arn, json!({"Lifecycle": {"DeleteAfterDays": -1}})).unwrap();
    aws.pass(mins(10));
    assert_eq!(aws.copies().len(), 1);
    aws.pass(days(31));
    assert!(aws.copies().is_empty());
}

#[test]
fn a_point_in_cold_storage_cannot_be_copied() {
    let mut aws = Fixture::new();
    let arn = aws.point_with(ORDERS, json!({"Lifecycle": {"MoveToColdStorageAfterDays": 1}}));
    aws.pass(days(1));
    assert_eq!(aws.describe_point(&arn).unwrap()["StorageClass"], "COLD");
    assert_eq!(aws.start_copy_with(&arn, json!({})).unwrap_err().code, "InvalidRequestException");
}

#[test]
fn tags_changed_after_the_copy_began_do_not_travel() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.start_copy(&arn);
    aws.pass(mins(1));
    aws.ok("POST", &["tags", &arn], json!({"Tags": {"late": "yes"}}));
    aws.pass(mins(10));
    assert!(aws.copies()[0].tags.is_empty());
}

#[test]
fn a_source_deleted_before_the_copy_began_fails_it_and_one_that_is_being_copied_cannot_be_deleted() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    let running = aws.start_copy(&arn);
    aws.pass(mins(1));
    assert_eq!(aws.delete_point(&arn).unwrap_err().code, "InvalidResourceStateException");
    aws.pass(mins(10));
    assert_eq!(aws.copy(&running)["State"], "COMPLETED");
    let waiting = aws.start_copy(&arn);
    aws.delete_point(&arn).unwrap();
    aws.pass(mins(1));
    assert_eq!(aws.copy(&waiting)["State"], "FAILED");
}

#[test]
fn a_repeated_token_answers_the_same_copy_and_a_scripted_failure_makes_none() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.backup.fail_next_copy(ORDERS, "There are too many copy jobs running for resource.");
    let first = aws.start_copy_with(&arn, json!({"IdempotencyToken": "t"})).unwrap();
    assert_eq!(aws.start_copy_with(&arn, json!({"IdempotencyToken": "t"})).unwrap(), first);
    aws.pass(mins(10));
    assert_eq!(aws.copy(&first)["StatusMessage"], "There are too many copy jobs running for resource.");
    assert!(aws.copies().is_empty());
}

#[test]
fn copies_are_listed_by_source_table_target_and_state() {
    let mut aws = Fixture::new();
    let (orders, users) = (aws.point(ORDERS), aws.point(USERS));
    let (first, second) = (aws.start_copy(&orders), aws.start_copy(&users));
    let ids = |aws: &mut Fixture, query: &[(&str, &str)]| {
        field(&aws.list(&["copy-jobs"], query)["CopyJobs"], "CopyJobId")
    };
    assert_eq!(ids(&mut aws, &[("sourceRecoveryPointArn", &orders)]), [first.as_str()]);
    assert_eq!(ids(&mut aws, &[("resourceArn", USERS)]), [second]);
    assert_eq!(ids(&mut aws, &[("destinationVaultArn", TARGET_ARN)]).len(), 2);
    assert_eq!(ids(&mut aws, &[("state", "COMPLETED")]), Vec::<String>::new());
}

#[test]
fn a_copy_may_go_to_another_vault_of_the_same_region() {
    let mut aws = Fixture::new();
    aws.ok("PUT", &["backup-vaults", "second"], json!({}));
    let arn = aws.point(ORDERS);
    let vault = format!("arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:second");
    let body = json!({"RecoveryPointArn": arn, "SourceBackupVaultName": SOURCE,
        "DestinationBackupVaultArn": vault, "IamRoleArn": ROLE});
    aws.ok("PUT", &["copy-jobs"], body);
    aws.pass(mins(10));
    assert_eq!(aws.backup.points(ACCOUNT, HOME, "second").len(), 1);
    assert_eq!(aws.points().len(), 1);
}

/// Facts 11.4: where no lifecycle is given a copy takes its source's retention, and its creation date: one out of a
/// vault under lock, where every point has DeleteAfterDays, expires with its source also where there is no lock.
#[test]
fn a_copy_from_a_vault_under_lock_expires_with_its_source() {
    let mut aws = Fixture::new();
    let lock = json!({"MinRetentionDays": 7, "MaxRetentionDays": 60});
    aws.ok("PUT", &["backup-vaults", SOURCE, "vault-lock"], lock);
    let arn = aws.point_with(ORDERS, json!({"Lifecycle": {"DeleteAfterDays": 30}}));
    aws.pass(days(10));
    let given = [json!({}), json!({"Lifecycle": {}}), json!({"Lifecycle": {"DeleteAfterDays": -1}})];
    for more in given {
        aws.start_copy_with(&arn, more).unwrap();
        aws.pass(mins(10));
    }
    let long = json!({"Lifecycle": {"DeleteAfterDays": 36500}});
    aws.start_copy_with(&arn, long).unwrap();
    aws.pass(mins(10));
    assert_eq!(aws.copies().len(), 4);
    aws.pass(days(19));
    assert_eq!((aws.points().len(), aws.copies().len()), (1, 4));
    aws.pass(days(2));
    assert_eq!((aws.points().len(), aws.copies().len()), (0, 1), "only what was told to live on");
}
