//! The main job: sessions, chains, copies and retention, by the code that Lambda runs.

use backup_chain_core::invoke::{Removal, RetentionRequest, SessionRequest, Which};
use backup_chain_core::point::{PointKind, State};
use backup_chain_core::session::Status;
use backup_chain_local::backup::Durations;
use backup_chain_tests::{all_points, apply, assert_agreement, at, deployed, points, table};

const DAILY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 5 days}}
";

#[tokio::test(start_paused = true)]
async fn every_table_gets_a_point_a_day_and_a_copy_and_outdated_ones_go() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    let carts = table(&world, "app-carts", &[]).await.unwrap();
    let other = table(&world, "other", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();

    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    for table in [&orders, &carts] {
        let points = points(&stack, table).await;
        let kinds: Vec<(PointKind, State)> = points.iter().map(|point| (point.kind, point.state())).collect();
        assert_eq!(
            kinds,
            [(PointKind::Backup, State::Available), (PointKind::Copy, State::Available)],
            "{points:#?}"
        );
        assert_eq!(points[0].flags[0].lapses, at("2026-01-08T07:00:00Z"));
        assert_eq!(points[1].flags[0].lapses, at("2026-01-10T07:00:00Z"));
        assert_eq!(points[0].created_at, points[1].created_at);
    }
    assert!(all_points(&stack, &other).await.is_empty());
    let sessions = stack.app().catalog.sessions().await.unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].status, sessions[0].planned, sessions[0].available), (Status::Succeeded, 2, 2));

    stack.live_until(at("2026-01-15T12:00:00Z")).await;
    let tables = [orders.clone(), carts, other];
    assert_agreement(&world, &stack, &tables).await;
    let left = points(&stack, &orders).await;
    let count = |kind| left.iter().filter(|point| point.kind == kind).count();
    // Retention ran at midnight: a flag of 3 days holds three points and the one that lapsed since.
    assert_eq!((count(PointKind::Backup), count(PointKind::Copy)), (4, 6), "{left:#?}");
    assert!(stack.reports().iter().all(|(_, report)| report.problems.is_empty() && report.braked.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_second_tick_makes_no_second_point() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-05T07:00:30Z")).await;
    for _ in 0..3 {
        stack.session(SessionRequest::Tick {}).await.unwrap();
        stack.copy(serde_json::json!({"action": "tick"})).await.unwrap();
    }
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    assert_eq!(points(&stack, &orders).await.len(), 2);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn manual_backups_stay_outside_the_chain_until_removed_by_hand() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let tables = vec!["app-orders".to_owned()];
    stack.session(SessionRequest::backup(tables)).await.unwrap();
    stack.live_until(at("2026-02-05T12:00:00Z")).await;

    let manual = |points: Vec<_>| -> Vec<backup_chain_core::point::RestorePoint> {
        points
            .into_iter()
            .filter(|point: &backup_chain_core::point::RestorePoint| point.kind == PointKind::Manual)
            .collect()
    };
    let kept = manual(points(&stack, &orders).await);
    assert_eq!(kept.len(), 1);
    assert!(kept[0].flags.is_empty() && kept[0].policy.is_none() && kept[0].copies.is_empty());

    let ask =
        |dry_run| RetentionRequest::Remove(Removal { dry_run, ..Removal::of(orders.clone(), Which::Manual) });
    assert_eq!(stack.retention(ask(true)).await.unwrap().points.len(), 1);
    assert_eq!(manual(points(&stack, &orders).await).len(), 1);
    stack.retention(ask(false)).await.unwrap();
    stack.live_until(at("2026-02-07T12:00:00Z")).await;
    assert_eq!(manual(points(&stack, &orders).await).len(), 0);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_failed_is_owed_to_the_next_point() {
    let (world, mut stack) = deployed("2026-01-04T00:00:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    let policy = DAILY.replace(
        "copy: {keep: 5 days}}",
        "copy: {keep: 5 days}}\n  weekly: {on: monday, at: [07:00], keep: 14 days}\nretries: {attempts: 0}",
    );
    apply(&stack, &policy).await.unwrap();
    stack.live_until(at("2026-01-05T06:59:00Z")).await;
    let arn = format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{orders}");
    world.with_backup(|backup| {
        backup.set_durations(Durations::default());
        backup.fail_next_backup(&arn, "We are unable to back up this table.");
    });
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let all = all_points(&stack, &orders).await;
    let of_day = |day: &str| {
        let on_day = all
            .iter()
            .filter(|point| point.kind == PointKind::Backup && point.slot.to_string().starts_with(day));
        on_day
            .map(|point| {
                (point.state(), point.flags.iter().map(|flag| flag.tier.letter()).collect::<String>())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(of_day("2026-01-04"), [(State::Available, "D".to_owned())]);
    assert_eq!(of_day("2026-01-05"), [(State::Failed, "DW".to_owned())]);
    assert_eq!(of_day("2026-01-06"), [(State::Available, "DW".to_owned())]);
    let owed = &all.iter().find(|point| point.slot == at("2026-01-06T07:00:00Z")).unwrap().flags[1];
    assert_eq!((owed.slot, owed.lapses), (at("2026-01-05T07:00:00Z"), at("2026-01-20T07:00:00Z")));
    let sessions = stack.app().catalog.sessions().await.unwrap();
    assert_eq!(sessions[1].status, Status::Failed);
}
