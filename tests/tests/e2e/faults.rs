//! What goes wrong outside: lost events, throttling, full limits, short time, other people's backups, tables that
//! come and go, deletions that are refused.

use aws_smithy_async::time::TimeSource;
use backup_chain_aws::App;
use backup_chain_aws::clock::Deadline;
use backup_chain_core::invoke::{RetentionRequest, SessionRequest};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::retention::Braked;
use backup_chain_core::retention::PointFate;
use backup_chain_core::session::Status;
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::{ACCOUNT, RETENTION, SOURCE, Schedules, Stack, VAULT};
use backup_chain_local::{Fault, FaultRule, WorldClock};
use backup_chain_retention::Reply;
use backup_chain_tests::{
    DAILY, all_points, apply, assert_agreement, at, backup, deployed, deployed_with, dynamodb, points,
    somebody_elses, table,
};
use jiff::SignedDuration;

fn run(dry_run: bool, confirm: Option<String>) -> RetentionRequest {
    if dry_run { RetentionRequest::Plan { table: None } } else { RetentionRequest::Run { confirm, by: None } }
}

fn count(points: &[RestorePoint], kind: PointKind, state: State) -> usize {
    points.iter().filter(|point| point.kind == kind && point.state() == state).count()
}

#[tokio::test(start_paused = true)]
async fn without_any_event_the_sweeps_finish_the_work() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    world.with_backup(|backup| backup.event_faults_mut().lose_all = true);
    stack.live_until(at("2026-01-05T10:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert_eq!(made.len(), 2);
    assert_agreement(&world, &stack, &[orders]).await;
}

/// Its key was away for two hours: what is believed later gets all that follows.
#[tokio::test(start_paused = true)]
async fn a_point_that_is_believed_later_gets_its_copies() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    let away = FaultRule::new("kms", "Decrypt", Fault::Deny);
    world.inject(away.between(at("2026-01-05T06:00:00Z"), at("2026-01-05T09:00:00Z")));
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert!(made.len() == 1 && made[0].suspect.is_some(), "{made:#?}");
    stack.retention(run(false, None)).await.unwrap();
    stack.live_until(at("2026-01-05T14:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert!(made.iter().all(RestorePoint::is_counted), "{made:#?}");
    assert_eq!(made.iter().map(|point| point.kind).collect::<Vec<_>>(), [PointKind::Backup, PointKind::Copy]);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn doubled_reordered_and_late_events_change_nothing() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    world.with_backup(|backup| {
        let faults = backup.event_faults_mut();
        (faults.double_all, faults.reverse) = (true, true);
        // Some come before the next sweep, some after.
        (faults.delay_from, faults.delay_to) = (SignedDuration::ZERO, SignedDuration::from_mins(40));
    });
    stack.live_until(at("2026-01-05T10:00:00Z")).await;
    assert_eq!(points(&stack, &orders).await.len(), 2);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn throttling_and_server_errors_only_delay() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::Throttle).times(7));
    world.inject(FaultRule::new("kms", "GenerateDataKey", Fault::ServerError).times(5));
    world.inject(FaultRule::new("backup", "DescribeBackupJob", Fault::ServerError).times(8));
    world.inject(FaultRule::new("backup", "StartCopyJob", Fault::Throttle).times(5));
    world.inject(FaultRule::new("dynamodb", "DescribeTimeToLive", Fault::Throttle).times(5));
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert_eq!(
        (count(&made, PointKind::Backup, State::Available), count(&made, PointKind::Copy, State::Available)),
        (1, 1)
    );
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_spreads_over_ticks_when_limits_are_full_or_time_is_short() {
    let schedules = Schedules {
        tick: SignedDuration::from_mins(5),
        timeout: SignedDuration::from_secs(18),
        retention: false,
    };
    let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    let mut tables = Vec::new();
    for number in 0..9 {
        tables.push(table(&world, &format!("app-{number}"), &[]).await.unwrap());
    }
    apply(&stack, &DAILY.replace(", copy: {keep: 2 days}", "").replace("copies", "description: x #"))
        .await
        .unwrap();
    stack.reconfigure(|deployment| deployment.backups_in_flight = 4);
    let mut most = 0;
    let mut now = at("2026-01-05T07:00:00Z");
    while now < at("2026-01-05T09:00:00Z") {
        stack.live_until(now).await;
        let open = stack.app().catalog.open_points().await.unwrap();
        most = most.max(open.iter().filter(|point| point.state() != State::Planned).count());
        now += SignedDuration::from_mins(2);
    }
    assert_eq!(most, 4, "the limit is used and kept");
    let sessions = stack.app().catalog.sessions().await.unwrap();
    assert_eq!((sessions.len(), sessions[0].status, sessions[0].available), (1, Status::Succeeded, 9));
    assert_agreement(&world, &stack, &tables).await;
}

#[tokio::test(start_paused = true)]
async fn two_invocations_at_once_make_one_session_and_one_point() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-05T06:59:59Z")).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let tick = || stack.session(SessionRequest::Tick {});
    let (one, two) = tokio::join!(tick(), tick());
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    stack.live_until(at("2026-01-05T10:00:00Z")).await;
    assert_eq!(stack.app().catalog.sessions().await.unwrap().len(), 1);
    assert_eq!(points(&stack, &orders).await.len(), 2);
    let started = world
        .calls()
        .into_iter()
        .filter(|call| call.operation == "StartBackupJob" || call.operation == "StartCopyJob");
    assert_eq!(started.count(), 2);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn other_peoples_recovery_points_are_never_touched() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    let foreign = somebody_elses(&world, orders.as_str()).await.unwrap().to_string();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-12T12:00:00Z")).await;
    let held = world.with_backup(|backup| backup.points(ACCOUNT, SOURCE, VAULT));
    assert!(held.iter().any(|point| point.arn == foreign));
    assert!(
        world
            .calls()
            .iter()
            .filter(|call| call.caller == RETENTION)
            .all(|call| !call.resource.contains(&foreign))
    );
    assert!(stack.reports().iter().all(|(_, report)| report.problems.is_empty()));
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_table_created_anew_starts_another_chain_and_the_old_one_keeps_its_newest() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, &DAILY.replace("tiers:", "after_drop: 10 days\ntiers:")).await.unwrap();
    stack.live_until(at("2026-01-06T09:00:00Z")).await;
    dynamodb(&world).delete_table().table_name("app-orders").send().await.unwrap();
    table(&world, "app-orders", &[]).await.unwrap();
    stack.live_until(at("2026-01-07T09:00:00Z")).await;
    let all = points(&stack, &orders).await;
    let ids: std::collections::BTreeSet<_> = all.iter().map(|point| &point.table.id).collect();
    assert_eq!(ids.len(), 2, "two creations, two chains");
    let old = all[0].table.clone();

    stack.live_until(at("2026-01-14T12:00:00Z")).await;
    let of_old = async |stack: &Stack| {
        let mut left = points(stack, &orders).await;
        left.retain(|point| point.table == old);
        left
    };
    let left = of_old(&stack).await;
    assert_eq!(left.len(), 2, "the newest backup and its copy: {left:#?}");
    assert!(left.iter().all(|point| point.slot == at("2026-01-06T07:00:00Z")));

    // Seen to be gone when its points first lapsed, and released ten days later.
    stack.live_until(at("2026-01-20T12:00:00Z")).await;
    assert!(of_old(&stack).await.is_empty());
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn brakes_hold_a_run_until_it_is_confirmed() {
    let schedules =
        Schedules { tick: SignedDuration::from_mins(10), retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    let before = points(&stack, &orders).await.len();

    let plan = stack.retention(run(true, None)).await.unwrap();
    let outdated = plan.points.iter().filter(|decided| decided.fate == PointFate::Remove).count();
    assert_eq!((outdated, plan.braked.clone()), (6, None), "three days' backups and copies");
    stack.reconfigure(|deployment| deployment.brakes.paused = true);
    assert_eq!(stack.retention(run(false, None)).await.unwrap().braked, Some(Braked::Paused));
    stack.reconfigure(|deployment| {
        deployment.brakes.paused = false;
        deployment.brakes.most_deletions = 5;
    });
    let held = stack.retention(run(false, None)).await.unwrap();
    assert!(matches!(held.braked, Some(Braked::TooMany { outdated: 6, most: 5, .. })), "{held:?}");
    assert_eq!(held.digest, plan.digest);
    // Another plan's digest removes nothing, however small this one is.
    let (confirmed, digest) = ("0123456789abcdef".to_owned(), plan.digest.clone());
    for most in [5, 100] {
        stack.reconfigure(|deployment| deployment.brakes.most_deletions = most);
        let mistyped = stack.retention(run(false, Some(confirmed.clone()))).await.unwrap();
        let held = Braked::OtherPlan { confirmed: confirmed.clone(), digest: digest.clone() };
        assert_eq!(mistyped.braked, Some(held));
        assert_eq!(points(&stack, &orders).await.len(), before, "nothing is removed");
    }

    let done = stack.retention(run(false, Some(plan.digest))).await.unwrap();
    assert_eq!(
        done.points.iter().filter(|decided| decided.fate == PointFate::Removed).count(),
        6,
        "{done:#?}"
    );
    assert_eq!(points(&stack, &orders).await.len(), before - 6);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_without_the_right_is_reported_and_tried_again() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    world.with_backup(|backup| backup.permit_delete(RETENTION, false));
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    let reports = stack.reports();
    let told: Vec<&String> = reports.iter().flat_map(|(_, report)| &report.problems).collect();
    assert!(told.iter().any(|problem| problem.contains("its role lacks the right")), "{told:#?}");
    let stuck = points(&stack, &orders).await;
    assert!(count(&stuck, PointKind::Backup, State::Deleting) > 0, "{stuck:#?}");

    world.with_backup(|backup| backup.permit_delete(RETENTION, true));
    stack.live_until(at("2026-01-11T12:00:00Z")).await;
    assert_eq!(count(&points(&stack, &orders).await, PointKind::Backup, State::Deleting), 0);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_outside_is_gone_from_the_catalog_and_owed_again() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-06T06:00:00Z")).await;
    let first = points(&stack, &orders).await.remove(0);
    let arn = first.recovery_point().cloned().unwrap();
    let client = backup(&world, SOURCE);
    client
        .delete_recovery_point()
        .backup_vault_name(VAULT)
        .recovery_point_arn(arn.as_str())
        .send()
        .await
        .unwrap();
    stack.live(SignedDuration::from_mins(5)).await;
    let report = stack.retention(run(false, None)).await.unwrap();
    assert!(
        report.points.iter().any(|decided| decided.fate == PointFate::Gone && decided.point == first.id),
        "{report:#?}"
    );
    let head = stack.app().catalog.head(&first.table).await.unwrap().unwrap();
    assert_eq!(head.met_slots_in(&stack.vault()).get(&Tier::Daily), None, "its slot is owed again");
    let now = all_points(&stack, &orders).await.remove(0);
    assert_eq!((now.state(), now.reason()), (State::Deleted, Some("removed outside of Backup Chain")));
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_a_newer_one_overtakes_is_dropped_and_recorded() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, &DAILY.replace("[07:00]", "[07:00, 08:00]")).await.unwrap();
    stack.reconfigure(|deployment| deployment.copies_in_flight = 0);
    stack.live_until(at("2026-01-05T08:30:00Z")).await;
    stack.reconfigure(|deployment| deployment.copies_in_flight = 80);
    stack.live_until(at("2026-01-05T10:00:00Z")).await;
    let all = all_points(&stack, &orders).await;
    let copies: Vec<(State, Option<&str>)> = all
        .iter()
        .filter(|point| point.kind == PointKind::Copy)
        .map(|point| (point.state(), point.reason()))
        .collect();
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0].0, State::Dropped);
    assert!(copies[0].1.is_some_and(|why| why.starts_with("overtaken by the copy of restore point")));
    assert_eq!(copies[1].0, State::Available);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_locked_vault_nothing_is_deleted_by_us() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-06T09:00:00Z")).await;
    let client = backup(&world, SOURCE);
    client
        .put_backup_vault_lock_configuration()
        .backup_vault_name(VAULT)
        .min_retention_days(1)
        .send()
        .await
        .unwrap();
    let made = points(&stack, &orders).await;
    let before = count(&made, PointKind::Backup, State::Available);
    stack.live_until(at("2026-01-12T12:00:00Z")).await;
    let left = points(&stack, &orders).await;
    assert!(count(&left, PointKind::Backup, State::Available) >= before, "{left:#?}");
    let deleted =
        |call: &&backup_chain_local::Call| call.operation == "DeleteRecoveryPoint" && call.region == SOURCE;
    assert_eq!(world.calls().iter().filter(deleted).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_waits_while_a_newer_one_is_made_is_dropped() {
    let schedules =
        Schedules { tick: SignedDuration::from_mins(1), retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:59:30Z", schedules).await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    // The first copy would not end before the second backup is due; the second one starts at once.
    apply(&stack, &DAILY.replace("[07:00]", "[07:00, 07:10]")).await.unwrap();
    stack.live_until(at("2026-01-05T08:00:00Z")).await;
    let all = all_points(&stack, &orders).await;
    let copies: Vec<_> = all
        .iter()
        .filter(|point| point.kind == PointKind::Copy)
        .map(|point| (point.slot, point.state(), point.reason()))
        .collect();
    assert_eq!(
        copies,
        [
            (
                at("2026-01-05T07:00:00Z"),
                State::Dropped,
                Some("overtaken: a newer copy carries all its slots")
            ),
            (at("2026-01-05T07:10:00Z"), State::Available, None),
        ]
    );
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_while_clocks_disagree_or_points_are_young() {
    let schedules =
        Schedules { tick: SignedDuration::from_hours(6), retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    let before = points(&stack, &orders).await.len();

    let config = world.sdk_config(ACCOUNT, SOURCE, RETENTION).into_builder();
    let skewed = App::new(
        config.time_source(Ahead(world.clock())).build(),
        stack.app().context.deployment().clone(),
        stack.app().context.random().clone(),
    );
    let deadline = Deadline::at(skewed.context.clock().now() + SignedDuration::from_mins(5));
    let reply = backup_chain_retention::handle(&skewed, run(false, None), deadline).await.unwrap();
    let Reply::Report(report) = reply else { panic!("{reply:?}") };
    assert!(matches!(report.braked, Some(Braked::ClockSkew { seconds: 359..=361 })), "{report:#?}");
    assert_eq!(points(&stack, &orders).await.len(), before);

    stack.reconfigure(|deployment| deployment.min_age = SignedDuration::from_hours(24 * 30));
    let report = stack.retention(run(false, None)).await.unwrap();
    let young = report.points.iter().filter(|decided| decided.why == ["younger than the least age"]).count();
    assert_eq!((report.braked, young), (None, 6), "three days' backups and copies");
    assert_eq!(points(&stack, &orders).await.len(), before);

    stack.reconfigure(|deployment| deployment.min_age = SignedDuration::from_hours(24));
    stack.retention(run(false, None)).await.unwrap();
    assert_eq!(points(&stack, &orders).await.len(), before - 6);
    assert_agreement(&world, &stack, &[orders]).await;
}

/// A clock six minutes ahead of AWS's.
#[derive(Debug)]
struct Ahead(WorldClock);

impl TimeSource for Ahead {
    fn now(&self) -> std::time::SystemTime {
        TimeSource::now(&self.0) + std::time::Duration::from_secs(360)
    }
}

#[tokio::test(start_paused = true)]
async fn a_point_under_a_legal_hold_is_blocked_and_goes_when_the_hold_is_lifted() {
    let schedules =
        Schedules { tick: SignedDuration::from_hours(6), retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    let held = points(&stack, &orders).await.remove(0);
    let arn = held.recovery_point().cloned().unwrap();
    let hold = |on| assert!(world.with_backup(|backup| backup.legal_hold(arn.as_str(), on, world.now())));
    hold(true);
    let report = stack.retention(run(false, None)).await.unwrap();
    let fates = |fate| report.points.iter().filter(|decided| decided.fate == fate).count();
    assert_eq!(
        (fates(PointFate::Blocked), fates(PointFate::Removed), report.problems.len()),
        (1, 5, 1),
        "{report:#?}"
    );
    assert!(report.problems[0].contains("it is under a legal hold"), "{report:#?}");
    let kept = points(&stack, &orders).await.remove(0);
    assert_eq!((&kept.id, kept.state()), (&held.id, State::Available));

    hold(false);
    let report = stack.retention(run(false, None)).await.unwrap();
    assert!(report.problems.is_empty(), "{report:#?}");
    assert!(points(&stack, &orders).await.iter().all(|point| point.id != held.id));
    assert_agreement(&world, &stack, &[orders]).await;
}
