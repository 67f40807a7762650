//! What the functions measure.

use std::fmt::Write as _;

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{RetentionRequest, SessionRequest, Wanted};
use backup_chain_core::restore::Stage;
use backup_chain_deployed::stack::{SOURCE, Schedules, Stack, VAULT};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::restores::{ask, back_up, newest, quick, restored};
use backup_chain_tests::{all_points, apply, at, deployed_with, table, vault_tags};
use jiff::SignedDuration;
use serde_json::Value;

const POLICY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
retries: {attempts: 0}
objective: 26 hours
tiers:
  daily: {at: [07:00], keep: 1 day, copy: {keep: 1 day}}
";

async fn scene() -> (World, Stack, [TableName; 2]) {
    let schedules =
        Schedules { tick: SignedDuration::from_mins(10), retention: false, ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T00:00:00Z", schedules).await;
    let tables =
        [table(&world, "app-orders", &[]).await.unwrap(), table(&world, "app-carts", &[]).await.unwrap()];
    apply(&stack, POLICY).await.unwrap();
    (world, stack, tables)
}

fn fails(world: &World, table: &TableName, copy: bool) {
    let arn = format!("arn:aws:dynamodb:{SOURCE}:111122223333:table/{table}");
    world.with_backup(|backup| match copy {
        true => backup.fail_next_copy(&arn, "No space is left."),
        false => backup.fail_next_backup(&arn, "No space is left."),
    });
}

/// The lines that were measured since so many of them, but for the lags of events, in few words: the ids that stand
/// beside the metrics; each metric with its value, its unit where it is no count, and its further dimension.
fn measured(stack: &Stack, since: usize) -> String {
    let mut words = String::new();
    for line in stack.measured().into_iter().skip(since).filter(|line| !line.contains("EventLag")) {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["Deployment"], "backup-chain", "{line}");
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_767_000_000_000, "{line}");
        let mut told = Vec::new();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "BackupChain");
            let dimensions = directive["Dimensions"][0].as_array().unwrap();
            assert_eq!(dimensions[0], "Deployment");
            for metric in directive["Metrics"].as_array().unwrap() {
                let (name, unit) = (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap());
                let value = line[name].as_i64().unwrap().to_string();
                let unit = if unit == "Count" { "" } else { unit };
                let by = dimensions.get(1).map(|_| format!("by policy {}", line["Policy"].as_str().unwrap()));
                told.push([name, &value, unit, &by.unwrap_or_default()].join(" ").trim_end().to_owned());
            }
        }
        let names = ["session", "policy", "table", "point", "vault", "run", "restore"];
        let ids: Vec<String> = names
            .iter()
            .filter_map(|name| Some((name, line[name].as_str()?)))
            .map(|(name, id)| if id.len() == 26 { (*name).to_owned() } else { format!("{name} {id}") })
            .collect();
        writeln!(words, "{}: {}", ids.join(", "), told.join(", ")).unwrap();
    }
    words
}

/// How late events came, in milliseconds, each with the restore or the session that it is of.
fn lags(stack: &Stack, since: usize) -> Vec<i64> {
    let lines = stack.measured().into_iter().skip(since).filter(|line| line.contains("EventLag"));
    let lines = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines
        .map(|line| {
            assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"], "Milliseconds", "{line}");
            assert!(line["point"].is_string() && line["table"].is_string(), "{line}");
            line["EventLag"].as_i64().unwrap()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn sessions_and_copies_are_measured() {
    let (world, mut stack, [orders, carts]) = scene().await;
    stack.live_until(at("2026-01-05T06:59:00Z")).await;
    assert_eq!(measured(&stack, 0), "", "an idle tick measures nothing");
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    insta::assert_snapshot!(measured(&stack, 0), @r"
    session, policy daily, table app-carts, point, vault eu-central-1/backup-chain: JobsStarted 1
    session, policy daily, table app-orders, point, vault eu-central-1/backup-chain: JobsStarted 1
    session, policy daily, table app-orders, point, vault eu-central-1/backup-chain: JobsEnded 1, JobsFailed 0, BackupDuration 242 Seconds, PointsAvailable 1
    session, policy daily, table app-orders, point, vault eu-west-1/backup-chain-copies: JobsStarted 1
    session, policy daily, table app-carts, point, vault eu-central-1/backup-chain: JobsEnded 1, JobsFailed 0, BackupDuration 242 Seconds, PointsAvailable 1
    session, policy daily, table app-carts, point, vault eu-west-1/backup-chain-copies: JobsStarted 1
    session, policy daily: SessionsEnded 1, SessionsFailed 0, SlotsOwed 0
    session, policy daily, table app-carts, point, vault eu-west-1/backup-chain-copies: JobsEnded 1, JobsFailed 0, CopyDuration 362 Seconds
    session, policy daily, table app-orders, point, vault eu-west-1/backup-chain-copies: JobsEnded 1, JobsFailed 0, CopyDuration 362 Seconds
    ");

    let lags = lags(&stack, 0);
    assert!(lags.len() >= 4 && lags.iter().all(|lag| (0..600_000).contains(lag)), "{lags:?}");

    // A table whose backup fails, and one whose copy does.
    let before = stack.measured().len();
    fails(&world, &orders, false);
    fails(&world, &carts, true);
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    insta::assert_snapshot!(measured(&stack, before), @r"
    session, policy daily: NewestPointAge 86399 Seconds by policy daily
    session, policy daily, table app-carts, point, vault eu-central-1/backup-chain: JobsStarted 1
    session, policy daily, table app-orders, point, vault eu-central-1/backup-chain: JobsStarted 1
    session, policy daily, table app-orders, point, vault eu-central-1/backup-chain: JobsEnded 1, JobsFailed 1
    session, policy daily, table app-carts, point, vault eu-central-1/backup-chain: JobsEnded 1, JobsFailed 0, BackupDuration 242 Seconds, PointsAvailable 1
    session, policy daily, table app-carts, point, vault eu-west-1/backup-chain-copies: JobsStarted 1
    session, policy daily: SessionsEnded 1, SessionsFailed 1, SlotsOwed 1
    session, policy daily, table app-carts, point, vault eu-west-1/backup-chain-copies: CopiesFailed 1
    session, policy daily, table app-carts, point, vault eu-west-1/backup-chain-copies: JobsEnded 1, JobsFailed 1
    ");

    // Nothing can be backed up.
    let before = stack.measured().len();
    world.inject(FaultRule::new("backup", "DescribeBackupVault", Fault::Deny));
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    insta::assert_snapshot!(measured(&stack, before), @r"
    session, policy daily: NewestPointAge 172799 Seconds by policy daily
    session, policy daily: SessionsEnded 1, SessionsFailed 1, SlotsOwed 2
    ");
}

#[tokio::test(start_paused = true)]
async fn a_point_that_is_not_believed_is_measured_when_it_is_made_and_by_each_run() {
    let (world, mut stack, [orders, _]) = scene().await;
    // Longer than what was just made may hide.
    let until = at("2026-01-05T08:00:00Z");
    world.inject(FaultRule::new("kms", "Decrypt", Fault::Deny).between(at("2026-01-05T06:00:00Z"), until));
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let suspects = measured(&stack, 0).matches("PointsSuspect 1").count();
    assert_eq!(suspects, 2, "{}", measured(&stack, 0));
    // The reason has passed; then another's tags are put on a point.
    let before = stack.measured().len();
    stack.retention(RetentionRequest::run()).await.unwrap();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let made = all_points(&stack, &orders).await;
    let arns: Vec<_> = made.iter().filter(|point| point.vault == stack.vault()).collect();
    let (old, new) = (arns[0].recovery_point().cloned().unwrap(), arns[1].recovery_point().cloned().unwrap());
    let tags = vault_tags(&world, SOURCE, VAULT)[&old].clone();
    assert!(world.with_backup(|backup| backup.overwrite_tags(new.as_str(), tags)));
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    stack.retention(RetentionRequest::run()).await.unwrap();
    let runs: Vec<String> =
        measured(&stack, before).lines().filter(|line| line.starts_with("run:")).map(str::to_owned).collect();
    insta::assert_snapshot!(runs.join("\n"), @r"
    run: RetentionRuns 1, PointsRemoved 0, PointsBlocked 0, PointsSuspect 0, ObjectivesBreached 0, LapsesAhead 0, RunsBraked 0
    run: RetentionRuns 1, PointsRemoved 11, PointsBlocked 0, PointsSuspect 1, ObjectivesBreached 0, LapsesAhead 0, RunsBraked 0
    ");
}

#[tokio::test(start_paused = true)]
async fn retention_runs_are_measured() {
    let (world, mut stack, [orders, _]) = scene().await;
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    let run = async |stack: &Stack| {
        let before = stack.measured().len();
        stack.retention(RetentionRequest::run()).await.unwrap();
        measured(stack, before)
    };
    stack.reconfigure(|deployment| deployment.brakes.paused = true);
    insta::assert_snapshot!(run(&stack).await, @r"
    policy daily: NewestPointAge 17999 Seconds by policy daily
    run: RetentionRuns 1, PointsRemoved 0, PointsBlocked 0, PointsSuspect 0, ObjectivesBreached 0, LapsesAhead 0, RunsBraked 1
    ");
    stack.reconfigure(|deployment| deployment.brakes.paused = false);
    world.inject(FaultRule::new("backup", "DeleteRecoveryPoint", Fault::Deny).times(1));
    insta::assert_snapshot!(run(&stack).await, @r"
    policy daily: NewestPointAge 18002 Seconds by policy daily
    run: RetentionRuns 1, PointsRemoved 11, PointsBlocked 1, PointsSuspect 0, ObjectivesBreached 0, LapsesAhead 0, RunsBraked 0
    ");
    insta::assert_snapshot!(run(&stack).await, @r"
    policy daily: NewestPointAge 18052 Seconds by policy daily
    run: RetentionRuns 1, PointsRemoved 1, PointsBlocked 0, PointsSuspect 0, ObjectivesBreached 0, LapsesAhead 0, RunsBraked 0
    ");
    // A plan is no run.
    let before = stack.measured().len();
    stack.retention(RetentionRequest::Plan { table: Some(orders) }).await.unwrap();
    assert_eq!(measured(&stack, before), "");
    // No session for two days.
    stack.session(SessionRequest::Disable { policy: "daily".parse().unwrap(), by: None }).await.unwrap();
    stack.live_until(at("2026-01-10T12:00:00Z")).await;
    stack.session(SessionRequest::Enable { policy: "daily".parse().unwrap(), by: None }).await.unwrap();
    stack.live_until(at("2026-01-11T06:00:00Z")).await;
    insta::assert_snapshot!(run(&stack).await, @r"
    policy daily: NewestPointAge 255599 Seconds by policy daily
    run: RetentionRuns 1, PointsRemoved 0, PointsBlocked 0, PointsSuspect 0, ObjectivesBreached 0, LapsesAhead 0, RunsBraked 0
    ");
}

#[tokio::test(start_paused = true)]
async fn restores_are_measured() {
    let (world, mut stack) = quick().await;
    let orders = table(&world, "orders", &[]).await.unwrap();
    back_up(&mut stack, &[&orders]).await;
    let again = |name: &str| Wanted { name: Some(name.parse().unwrap()), ..newest(&orders) };
    let before = stack.measured().len();
    let told = stack.restore(ask([again("orders-again")])).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    assert_eq!(restored(&stack, &told[0].restore.id).await.stage, Stage::Succeeded);
    insta::assert_snapshot!(measured(&stack, before), @"table orders, point, restore: RestoresEnded 1, RestoresFailed 0, RestoreDuration 66 Seconds");
    assert!(lags(&stack, before).iter().any(|lag| *lag > 0));

    let before = stack.measured().len();
    world.inject(FaultRule::new("backup", "StartRestoreJob", Fault::Deny).times(1));
    let told = stack.restore(ask([again("orders-not")])).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    assert_eq!(restored(&stack, &told[0].restore.id).await.stage, Stage::Failed);
    insta::assert_snapshot!(measured(&stack, before), @"table orders, point, restore: RestoresEnded 1, RestoresFailed 1, RestoreDuration 0 Seconds");
}
