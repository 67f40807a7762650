//! What AWS Backup tells late. AWS documents none of it for AWS Backup: what DynamoDB says of its own tags and
//! descriptions is taken to hold here too.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::{ACCOUNT, AWAY, Fixture, HOME, ORDERS, ROLE, SOURCE, field, mins};
use crate::api::Scope;
use crate::lags::Lag;

const fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// A fixture whose readers of this kind lag for so many seconds.
fn late(seed: u64, lag: Lag, seconds: i64) -> Fixture {
    let mut fixture = Fixture::seeded(seed);
    fixture.backup.lags.stretch(lag, secs(seconds));
    fixture
}

impl Fixture {
    fn tags(&mut self, arn: &str) -> Value {
        self.list(&["tags", arn], &[])["Tags"].clone()
    }

    fn tag(&mut self, arn: &str, key: &str, value: &str) {
        self.ok("POST", &["tags", arn], json!({"Tags": {key: value}}));
    }

    fn listed_points(&mut self) -> Vec<String> {
        let list = self.list(&["backup-vaults", SOURCE, "recovery-points"], &[]);
        let by_table = self.list(&["resources", ORDERS, "recovery-points"], &[]);
        let states = field(&list["RecoveryPoints"], "Status");
        assert_eq!(states, field(&by_table["RecoveryPoints"], "Status"), "both lists tell the same");
        states
    }

    fn listed_jobs(&mut self, kind: &str, member: &str) -> Vec<String> {
        let state = if kind == "restore-jobs" { "Status" } else { "State" };
        field(&self.list(&[kind], &[])[member], state)
    }
}

#[test]
fn the_tags_of_a_point_are_listed_as_they_were_or_not_at_all_for_a_while() {
    let mut early = BTreeSet::new();
    for seed in 0..12 {
        let mut aws = late(seed, Lag::PointTags, 9);
        let point = aws.point_with(ORDERS, json!({"RecoveryPointTags": {"id": "1"}}));
        aws.pass(mins(1));
        aws.tag(&point, "hold", "yes");
        let before = aws.tags(&point);
        early.insert(before.to_string());
        aws.pass(secs(8));
        assert_eq!(aws.tags(&point), before);
        aws.pass(secs(1));
        assert_eq!(aws.tags(&point), json!({"id": "1", "hold": "yes"}));
        aws.ok("POST", &["untag", &point], json!({"TagKeyList": ["hold"]}));
        assert_ne!(aws.tags(&point), json!({"id": "1"}), "seed {seed}");
        aws.pass(secs(9));
        assert_eq!(aws.tags(&point), json!({"id": "1"}));
    }
    assert_eq!(early, BTreeSet::from([json!({}).to_string(), json!({"id": "1"}).to_string()]));
}

#[test]
fn a_point_may_have_no_tags_when_its_backup_begins_and_when_it_ends() {
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        let mut aws = late(seed, Lag::PointTags, 9);
        let id = aws.start_with(ORDERS, json!({"RecoveryPointTags": {"id": "1"}}));
        aws.pass(secs(3));
        let point = aws.job(&id)["RecoveryPointArn"].as_str().unwrap().to_owned();
        assert_eq!(aws.tags(&point), json!({}));
        aws.pass(secs(9));
        assert_eq!(aws.tags(&point), json!({"id": "1"}));
        aws.pass(mins(4) - secs(10));
        assert_eq!(aws.state(&id), "COMPLETED");
        seen.insert(aws.tags(&point).to_string());
        aws.pass(secs(9));
        assert_eq!(aws.tags(&point), json!({"id": "1"}));
    }
    assert_eq!(seen.len(), 2, "some show them and some do not: {seen:?}");
}

#[test]
fn a_copy_is_there_before_its_tags() {
    let mut aws = Fixture::new();
    let point = aws.point_with(ORDERS, json!({"RecoveryPointTags": {"id": "1"}}));
    aws.backup.lags.stretch(Lag::PointTags, secs(9));
    let id = aws.start_copy(&point);
    aws.pass(mins(6) + secs(2));
    let copy = aws.copy(&id)["DestinationRecoveryPointArn"].as_str().unwrap().to_owned();
    let tags = |aws: &mut Fixture| {
        aws.call_in(AWAY, "GET", &["tags", &copy], &[], json!({})).unwrap()["Tags"].clone()
    };
    assert_eq!(tags(&mut aws), json!({}));
    assert_eq!(aws.copies()[0].tags.len(), 1, "who looks behind the API sees what is");
    aws.pass(secs(9));
    assert_eq!(tags(&mut aws), json!({"id": "1"}));
}

#[test]
fn the_tagging_api_and_iam_see_the_tags_of_a_point_at_their_own_moments() {
    let mut aws = Fixture::new();
    let point = aws.point(ORDERS);
    aws.backup.lags.stretch(Lag::FoundTags, secs(4));
    aws.backup.lags.stretch(Lag::JudgedTags, secs(8));
    aws.tag(&point, "id", "1");
    let seen = |aws: &Fixture, now: Timestamp| {
        let scope =
            Scope { account: ACCOUNT.to_owned(), region: HOME.to_owned(), caller: String::new(), now };
        let judged = aws.backup.tags_by_arn(&point, now).unwrap().len();
        (aws.backup.tagged(&scope).len(), judged)
    };
    let now = aws.now;
    assert_eq!([0, 4, 8].map(|later| seen(&aws, now + secs(later))), [(0, 0), (1, 0), (1, 1)]);
    assert_eq!(aws.tags(&point), json!({"id": "1"}));
}

#[test]
fn points_are_listed_late_with_old_states_and_after_they_are_gone() {
    let mut aws = late(7, Lag::Points, 20);
    let id = aws.start(ORDERS);
    aws.pass(secs(21));
    let point = aws.job(&id)["RecoveryPointArn"].as_str().unwrap().to_owned();
    assert_eq!(aws.describe_point(&point).unwrap()["Status"], "CREATING");
    assert_eq!(aws.listed_points(), [""; 0]);
    aws.pass(secs(1));
    assert_eq!(aws.listed_points(), ["CREATING"]);
    aws.pass(mins(4) - secs(20));
    assert_eq!(aws.describe_point(&point).unwrap()["Status"], "COMPLETED");
    assert_eq!(aws.listed_points(), ["CREATING"]);
    aws.pass(secs(20));
    assert_eq!(aws.listed_points(), ["COMPLETED"]);
    aws.delete_point(&point).unwrap();
    assert_eq!(aws.listed_points(), ["COMPLETED"]);
    aws.pass(secs(45));
    assert_eq!(aws.describe_point(&point).unwrap_err().code, "ResourceNotFoundException");
    assert_eq!(aws.listed_points(), ["DELETING"]);
    aws.pass(secs(15));
    assert_eq!(aws.listed_points(), [""; 0]);
}

#[test]
fn jobs_are_listed_late_with_old_states() {
    let mut aws = late(7, Lag::Jobs, 20);
    let id = aws.start(ORDERS);
    assert_eq!(aws.state(&id), "CREATED");
    assert_eq!(aws.listed_jobs("backup-jobs", "BackupJobs"), [""; 0]);
    aws.pass(secs(20));
    assert_eq!(aws.state(&id), "RUNNING");
    assert_eq!(aws.listed_jobs("backup-jobs", "BackupJobs"), ["CREATED"]);
    aws.pass(mins(4));
    assert_eq!(aws.state(&id), "COMPLETED");
    assert_eq!(aws.listed_jobs("backup-jobs", "BackupJobs"), ["RUNNING"]);
    assert!(aws.list(&["backup-jobs"], &[("state", "COMPLETED")])["BackupJobs"] == json!([]));
    aws.pass(secs(5));
    assert_eq!(aws.listed_jobs("backup-jobs", "BackupJobs"), ["COMPLETED"]);

    let point = aws.job(&id)["RecoveryPointArn"].as_str().unwrap().to_owned();
    let copy = aws.start_copy(&point);
    aws.pass(secs(2));
    assert_eq!(aws.copy(&copy)["State"], "RUNNING");
    assert_eq!(aws.listed_jobs("copy-jobs", "CopyJobs"), [""; 0]);
    aws.pass(mins(6));
    assert_eq!(aws.copy(&copy)["State"], "COMPLETED");
    assert_eq!(aws.listed_jobs("copy-jobs", "CopyJobs"), ["RUNNING"]);
    aws.pass(secs(20));
    assert_eq!(aws.listed_jobs("copy-jobs", "CopyJobs"), ["COMPLETED"]);

    let request =
        json!({"RecoveryPointArn": point, "IamRoleArn": ROLE, "Metadata": {"targetTableName": "again"}});
    let restore = aws.ok("PUT", &["restore-jobs"], request)["RestoreJobId"].as_str().unwrap().to_owned();
    assert_eq!(aws.ok("GET", &["restore-jobs", &restore], json!({}))["Status"], "PENDING");
    assert_eq!(aws.listed_jobs("restore-jobs", "RestoreJobs"), [""; 0]);
    aws.pass(secs(20));
    assert_eq!(aws.listed_jobs("restore-jobs", "RestoreJobs"), ["PENDING"]);
    aws.pass(mins(9));
    assert_eq!(aws.listed_jobs("restore-jobs", "RestoreJobs"), ["COMPLETED"]);
}

#[test]
fn a_second_request_with_the_same_token_finds_the_job_that_no_list_tells_yet() {
    let mut aws = late(7, Lag::Jobs, 60);
    let once = json!({"IdempotencyToken": "once"});
    let first = aws.start_with(ORDERS, once.clone());
    assert_eq!(aws.listed_jobs("backup-jobs", "BackupJobs"), [""; 0]);
    assert_eq!(aws.start_with(ORDERS, once), first);
}
