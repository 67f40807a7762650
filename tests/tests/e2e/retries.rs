//! Retries: what fails is tried again for the tables that failed, and told of when it is final.

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::session::Status;
use backup_chain_deployed::stack::{Schedules, Stack};
use backup_chain_local::World;
use backup_chain_tests::{
    Notices, all_points, apply, assert_agreement, at, deployed_with, listen, points, table,
};
use jiff::SignedDuration;

const POLICY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
retries: {attempts: 2, pause: 5 minutes}
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 3 days}}
";

async fn scene(document: &str) -> (World, Stack, [TableName; 2], Notices) {
    let schedules = Schedules { tick: SignedDuration::from_mins(1), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    let tables =
        [table(&world, "app-orders", &[]).await.unwrap(), table(&world, "app-carts", &[]).await.unwrap()];
    apply(&stack, document).await.unwrap();
    let notices = listen(&world).await.unwrap();
    (world, stack, tables, notices)
}

fn fail(world: &World, table: &TableName, kind: PointKind, times: usize) {
    let arn = format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{table}");
    world.with_backup(|backup| {
        for _ in 0..times {
            match kind {
                PointKind::Copy => backup.fail_next_copy(&arn, "No space is left."),
                _ => backup.fail_next_backup(&arn, "No space is left."),
            }
        }
    });
}

fn started(world: &World, operation: &str) -> usize {
    world.calls().iter().filter(|call| call.operation == operation).count()
}

async fn of(stack: &Stack, table: &TableName, kind: PointKind) -> RestorePoint {
    all_points(stack, table).await.into_iter().find(|point| point.kind == kind).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_after_the_pause_and_only_that() {
    let (world, mut stack, [orders, carts], notices) = scene(POLICY).await;
    fail(&world, &orders, PointKind::Backup, 1);
    stack.live_until(at("2026-01-05T08:30:00Z")).await;
    assert_eq!(started(&world, "StartBackupJob"), 3, "one for each table, and the second try");
    let point = of(&stack, &orders, PointKind::Backup).await;
    assert_eq!((point.state(), point.attempt), (State::Available, 2));
    assert_eq!(point.warnings, ["try 1 failed: FAILED: No space is left."]);
    assert_eq!(of(&stack, &carts, PointKind::Backup).await.attempt, 1);
    assert_eq!(points(&stack, &orders).await.len(), 2, "it is copied as any other");
    let session = stack.app().catalog.sessions().await.unwrap().remove(0);
    assert_eq!((session.status, session.available), (Status::Warning, 2));
    let told = notices.told().await.unwrap();
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["Backup Session Ended"], "nothing is told before the last try");
    assert_agreement(&world, &stack, &[orders, carts]).await;
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_owed_and_told_once() {
    let (world, mut stack, [orders, carts], notices) = scene(POLICY).await;
    fail(&world, &orders, PointKind::Backup, 3);
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    assert_eq!(started(&world, "StartBackupJob"), 4, "three tries of one table");
    let point = of(&stack, &orders, PointKind::Backup).await;
    assert_eq!((point.state(), point.attempt), (State::Failed, 3));
    let told = notices.told().await.unwrap();
    assert_eq!(told.len(), 1, "{told:#?}");
    let (kind, detail) = &told[0];
    assert_eq!((kind.as_str(), &detail["status"]), ("Backup Session Ended", &"failed".into()));
    assert_eq!(detail["failed"][0]["reason"], "FAILED: No space is left.");
    stack.live_until(at("2026-01-06T09:00:00Z")).await;
    assert_eq!(points(&stack, &orders).await.len(), 2, "the next session makes it");
    assert_agreement(&world, &stack, &[orders, carts]).await;
}

#[tokio::test(start_paused = true)]
async fn each_try_is_told_where_the_policy_asks_for_it() {
    let each = POLICY.replace("pause: 5 minutes", "pause: 5 minutes, notices: each");
    let (world, mut stack, [orders, _], notices) = scene(&each).await;
    fail(&world, &orders, PointKind::Backup, 2);
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    let told = notices.told().await.unwrap();
    let attempts: Vec<(&str, Option<u64>)> =
        told.iter().map(|(kind, detail)| (kind.as_str(), detail["attempt"].as_u64())).collect();
    assert_eq!(
        attempts,
        [("Backup Retried", Some(1)), ("Backup Retried", Some(2)), ("Backup Session Ended", None)]
    );
}

#[tokio::test(start_paused = true)]
async fn copies_are_tried_again_too() {
    let (world, mut stack, [orders, carts], _) = scene(POLICY).await;
    fail(&world, &orders, PointKind::Copy, 2);
    stack.live_until(at("2026-01-05T11:00:00Z")).await;
    let copy = of(&stack, &orders, PointKind::Copy).await;
    assert_eq!((copy.state(), copy.attempt), (State::Available, 3));
    assert_eq!(started(&world, "StartCopyJob"), 4);
    assert_agreement(&world, &stack, &[orders, carts]).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_keeps_failing_is_told_of() {
    let (world, mut stack, [orders, _], notices) = scene(POLICY).await;
    fail(&world, &orders, PointKind::Copy, 3);
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    assert_eq!(of(&stack, &orders, PointKind::Copy).await.state(), State::Failed);
    let told = notices.told().await.unwrap();
    let (_, detail) = told.iter().find(|(kind, _)| kind == "Copy Failed").unwrap();
    assert_eq!((&detail["table"], &detail["attempts"]), (&"app-orders".into(), &3.into()));
    assert_eq!(detail["vault"], "eu-west-1/backup-chain-copies");
    assert_eq!(detail["reason"], "FAILED: No space is left.");
}

#[tokio::test(start_paused = true)]
async fn what_is_run_by_hand_is_not_tried_again() {
    let (world, mut stack, [orders, _], _) = scene(POLICY).await;
    fail(&world, &orders, PointKind::Backup, 1);
    let policy = "daily".parse().unwrap();
    stack.session(SessionRequest::run(policy)).await.unwrap();
    stack.live_until(at("2026-01-05T06:59:00Z")).await;
    let point = of(&stack, &orders, PointKind::Backup).await;
    assert_eq!((point.state(), point.attempt), (State::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_dropped_between_two_tries_is_not_tried_again() {
    let (world, mut stack, [orders, _], _) = scene(POLICY).await;
    fail(&world, &orders, PointKind::Backup, 1);
    stack.live_until(at("2026-01-05T07:00:30Z")).await;
    while of(&stack, &orders, PointKind::Backup).await.attempt == 1 {
        stack.live(SignedDuration::from_mins(1)).await;
    }
    backup_chain_tests::dynamodb(&world).delete_table().table_name(orders.as_str()).send().await.unwrap();
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    let point = of(&stack, &orders, PointKind::Backup).await;
    assert_eq!(point.state(), State::Failed);
    assert_eq!(point.reason(), Some("the table was dropped before its backup was started"));
}
