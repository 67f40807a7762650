//! Each line of the functions' log names what it is about.

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{RetentionRequest, Wanted};
use backup_chain_deployed::stack::{SOURCE, Schedules, Stack, VAULT};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::logs::Log;
use backup_chain_tests::restores::{ask, newest, restored};
use backup_chain_tests::{all_points, apply, at, backup, deployed_with, table};
use jiff::SignedDuration;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

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

/// The lines that name a point by its id, or speak of one, without naming it, its table, and who made it.
fn nameless(log: &Log, ids: &[String]) -> Vec<String> {
    let speaks =
        ["restore point", "copy", "failed, and is tried", "not removed", "left to the", "restore ", "step"];
    let is_about = |line: &Value| {
        let (text, message) = (line.to_string(), line["message"].as_str().unwrap_or_default());
        ids.iter().any(|id| text.contains(id)) || speaks.iter().any(|word| message.starts_with(word))
    };
    let names = |line: &Value, field: &str| line[field].is_string();
    let is_named = |line: &Value| {
        let by = ["session", "policy", "restore"].iter().any(|field| names(line, field));
        names(line, "point") && names(line, "table") && by
    };
    let lines = log.lines();
    lines.iter().filter(|line| is_about(line) && !is_named(line)).map(Value::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn each_line_of_the_log_names_what_it_is_about() {
    let (log, listening) = Log::listen(LevelFilter::INFO);
    let (world, mut stack, [orders, carts]) = scene().await;
    // Lost answers, refusals, failures, points that are not believed.
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::TimeoutAfter).times(1));
    world.inject(FaultRule::new("kms", "Decrypt", Fault::Deny).times(1));
    stack.live_until(at("2026-01-06T06:00:00Z")).await;
    fails(&world, &orders, false);
    fails(&world, &carts, true);
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    let first = all_points(&stack, &carts).await.remove(0).recovery_point().unwrap().clone();
    let delete = backup(&world, SOURCE).delete_recovery_point().backup_vault_name(VAULT);
    delete.recovery_point_arn(first.as_str()).send().await.unwrap();
    stack.live(SignedDuration::from_hours(1)).await;
    world.inject(FaultRule::new("backup", "DeleteRecoveryPoint", Fault::Deny).times(1));
    stack.retention(RetentionRequest::run()).await.unwrap();
    world.inject(FaultRule::new("backup", "StartRestoreJob", Fault::Throttle).times(20));
    let wanted = Wanted { name: Some("app-again".parse().unwrap()), ..newest(&orders) };
    let told = stack.restore(ask([wanted])).await.unwrap();
    stack.live(SignedDuration::from_hours(3)).await;
    assert!(!restored(&stack, &told[0].restore.id).await.stage.is_open());
    drop(listening);

    let mut ids = Vec::new();
    for table in [&orders, &carts] {
        ids.extend(all_points(&stack, table).await.into_iter().map(|point| point.id.to_string()));
    }
    assert_eq!(nameless(&log, &ids), [""; 0]);
    let said = |message: &str| log.lines().iter().filter(|line| line["message"] == message).count();
    for message in [
        "session recorded",
        "session ended",
        "restore point available",
        "restore point failed",
        "restore point removed",
        "restore point is gone",
        "not removed",
        "retention ran",
        "left to the next tick",
        "restore ended",
    ] {
        assert!(said(message) > 0, "not heard: {message}");
    }
    for line in log.lines() {
        let message = line["message"].as_str().unwrap();
        if message.starts_with("session") {
            assert!(line["session"].is_string() && line["policy"] == "daily", "{line}");
        }
        if message.starts_with("retention") {
            assert!(line["run"].is_string(), "{line}");
        }
        // One flat object: nothing to look for inside of it.
        assert!(line.as_object().unwrap().values().all(|value| !value.is_object() && !value.is_array()));
    }
}

/// Ids do not hang on the filter.
#[tokio::test(start_paused = true)]
async fn a_filter_that_hides_lines_leaves_the_others_their_ids() {
    let (log, listening) = Log::listen(LevelFilter::WARN);
    let (world, mut stack, [orders, _]) = scene().await;
    fails(&world, &orders, false);
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    drop(listening);
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(["session", "policy", "table", "point"].iter().all(|id| lines[0][id].is_string()), "{lines:?}");
}
