//! Retention runs that meet others at work: another run, a backup that has just begun, a copy on its way back. Nothing
//! of that is wrong, and none of it is told as if it were.

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{RetentionRequest, SessionRequest};
use backup_chain_core::retention::{Counts, Report};
use backup_chain_deployed::stack::{RETENTION, Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::restores::quick;
use backup_chain_tests::{DAILY, apply, assert_agreement, at, deployed_with, dynamodb, points, table};
use jiff::SignedDuration;

const RUN: RetentionRequest = RetentionRequest::run();

/// A table with three days' outdated backups and copies, and no run so far.
async fn outdated() -> (World, Stack, TableName) {
    let schedules =
        Schedules { tick: SignedDuration::from_mins(30), retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    assert_eq!(points(&stack, &orders).await.len(), 10);
    (world, stack, orders)
}

/// Nothing was in the way of a run, and nothing is left.
fn went_well(report: &Report) {
    assert_eq!(report.problems, [""; 0], "{report:#?}");
    let counts = Counts::of(&report.points);
    assert_eq!((counts.blocked, counts.left), (0, 0), "{report:#?}");
}

/// Lets the retention function's nth call of an operation wait for a moment, so that others get ahead of it.
fn hesitate(world: &World, service: &str, operation: &str, nth: usize) {
    world.inject(FaultRule::new(service, operation, Fault::Throttle).caller(RETENTION).skip(nth).times(1));
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_remove_each_point_once() {
    let (world, stack, orders) = outdated().await;
    let (one, other) = tokio::join!(stack.retention(RUN), stack.retention(RUN));
    let (one, other) = (one.unwrap(), other.unwrap());
    went_well(&one);
    went_well(&other);
    let removed = |report: &Report| Counts::of(&report.points).removed;
    assert!(removed(&one) + removed(&other) >= 6, "{one:#?}\n{other:#?}");
    assert_eq!(points(&stack, &orders).await.len(), 4);
    let asked = world.calls().iter().filter(|call| call.operation == "DeleteRecoveryPoint").count();
    assert_eq!(asked, 6, "each is asked for once");
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_held_up_anywhere_is_overtaken_by_another_in_peace() {
    for (service, operation, nth) in [
        ("backup", "ListRecoveryPointsByBackupVault", 0),
        ("backup", "ListTags", 2),
        ("dynamodb", "TransactWriteItems", 0),
        ("dynamodb", "TransactWriteItems", 3),
        ("backup", "DeleteRecoveryPoint", 1),
        ("backup", "DescribeRecoveryPoint", 4),
    ] {
        let (world, stack, orders) = outdated().await;
        dynamodb(&world).delete_table().table_name(orders.as_str()).send().await.unwrap();
        hesitate(&world, service, operation, nth);
        let overtaking = async {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            stack.retention(RUN).await
        };
        let (one, other) = tokio::join!(stack.retention(RUN), overtaking);
        for report in [one.unwrap(), other.unwrap()] {
            went_well(&report);
        }
        assert_eq!(points(&stack, &orders).await.len(), 4, "{service}:{operation} {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_begins_while_a_run_looks_at_its_vault_is_no_problem() {
    let (world, mut stack) = quick().await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    // Between the look into the catalog and that into the vault: the job is at work, or done already.
    for job in [SignedDuration::from_mins(5), SignedDuration::from_millis(1)] {
        world.with_backup(|backup| {
            let mut durations = backup_chain_local::backup::Durations::default();
            (durations.start, durations.backup) = (SignedDuration::from_millis(1), job);
            backup.set_durations(durations);
        });
        hesitate(&world, "backup", "ListRecoveryPointsByBackupVault", 0);
        let backing_up = async {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            stack.session(SessionRequest::run("daily".parse().unwrap())).await.unwrap();
        };
        let (report, ()) = tokio::join!(stack.retention(RUN), backing_up);
        went_well(&report.unwrap());
        assert_ne!(points(&stack, &orders).await.len(), 0);
        stack.live(SignedDuration::from_mins(30)).await;
    }
    let asked: Vec<_> = world.calls().into_iter().filter(|call| call.operation == "StartBackupJob").collect();
    assert_eq!(asked.len(), 2);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_has_just_begun_is_left_to_the_next_rebuild() {
    let (world, mut stack) = quick().await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.session(SessionRequest::run("daily".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_secs(20)).await;
    // The catalog is lost just then.
    let (catalog, scene) = (dynamodb(&world), world.scene());
    let rows = catalog.scan().table_name("backup-chain-catalog").consistent_read(true).send().await.unwrap();
    for row in rows.items().iter().filter(|row| row["pk"].as_s().unwrap().starts_with("table#")) {
        let key = ["pk", "sk"].map(|name| (name.to_owned(), row[name].clone()));
        let delete = catalog.delete_item().table_name("backup-chain-catalog");
        delete.set_key(Some(key.into())).send().await.unwrap();
    }
    drop(scene);
    let rebuilt = stack.rebuild().await.unwrap();
    assert_eq!((rebuilt.problems, rebuilt.left, rebuilt.added), (Vec::new(), 1, 0));
    stack.live(SignedDuration::from_mins(10)).await;
    // When it was complete, nobody knew any more what it was to be: nothing binds it, and so it says.
    let rebuilt = stack.rebuild().await.unwrap();
    assert_eq!((rebuilt.problems.len(), rebuilt.left, rebuilt.added), (1, 0, 1));
    let [point] = &points(&stack, &orders).await[..] else { panic!("one point") };
    let why = "nothing binds its metadata to this recovery point";
    assert_eq!(point.suspect.as_deref(), Some(why));
    assert!(rebuilt.problems[0].ends_with(why), "{}", rebuilt.problems[0]);
}
