//! What is kept and for how long: holds, guards by hand, tables and policies that are gone, locked vaults, objectives,
//! and what stays of each run.

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, From, Removal, RetentionRequest, SessionRequest, Wanted, Which};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::retention::{Guard, PointFate, RunStatus};
use backup_chain_core::session::Status;
use backup_chain_deployed::stack::{COPIES, SOURCE, Stack, TARGET, VAULT};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::{
    all_points, apply, assert_agreement, at, backup, deployed, dynamodb, listen, points, table, vault_tags,
};
use jiff::{SignedDuration, Timestamp};

const DAILY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
after_drop: 10 days
tiers:
  daily: {at: [07:00], keep: 2 days, copy: {keep: 2 days}}
";

async fn scene(document: &str) -> (World, Stack, TableName) {
    let (world, stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    apply(&stack, document).await.unwrap();
    (world, stack, orders)
}

async fn of(stack: &Stack, table: &TableName, kind: PointKind) -> Vec<RestorePoint> {
    points(stack, table).await.into_iter().filter(|point| point.kind == kind).collect()
}

fn hold(point: &RestorePoint, until: Option<Timestamp>) -> RetentionRequest {
    RetentionRequest::Hold {
        table: point.table.arn.name.clone(),
        point: point.id.clone(),
        vault: Some(format!("{}/{}", point.vault.region, point.vault.name)),
        reason: "audit".to_owned(),
        until,
        by: Some("ann".to_owned()),
    }
}

fn tag_of(world: &World, point: &RestorePoint) -> Option<String> {
    let tags = vault_tags(world, point.vault.region.as_str(), point.vault.name.as_str());
    tags[point.recovery_point().unwrap()].get("backup-chain/hold").cloned()
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_in_catalog_and_tag_and_either_alone_holds() {
    let (world, mut stack, orders) = scene(DAILY).await;
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let made = of(&stack, &orders, PointKind::Backup).await;
    let (by_row, by_tag) = (&made[0], &made[1]);
    for point in [by_row, by_tag] {
        let held = stack.hold(hold(point, None)).await.unwrap();
        assert_eq!(held.hold.unwrap().author.as_deref(), Some("ann"));
        assert_eq!(tag_of(&world, point).as_deref(), Some("audit"));
    }
    // One loses its tag, the other its row.
    let client = backup(&world, SOURCE);
    let untag = client.untag_resource().resource_arn(by_row.recovery_point().unwrap().as_str());
    untag.tag_key_list("backup-chain/hold").send().await.unwrap();
    let mut row = stack.app().catalog.point(by_tag).await.unwrap().unwrap();
    row.hold = None;
    stack.app().catalog.commit([backup_chain_aws::catalog::Write::of(&mut row)]).await.unwrap();

    // The tag is put back, for a catalog that is lost would lose the hold with it, and it is reported.
    stack.live_until(at("2026-01-06T14:00:00Z")).await;
    let verified = cli(&world, "catalog verify").await;
    assert_eq!(verified.code, 3);
    assert!(verified.out.contains("the tag of its hold is gone"), "{}", verified.out);
    let told = stack.retention(RetentionRequest::run()).await.unwrap();
    assert!(told.problems.iter().any(|line| line.contains("the tag of its hold was gone")), "{told:#?}");
    assert_eq!(tag_of(&world, by_row).as_deref(), Some("audit"));
    stack.live_until(at("2026-01-06T16:00:00Z")).await;
    let told = stack.retention(RetentionRequest::run()).await.unwrap();
    assert!(told.problems.iter().all(|line| !line.contains("hold")), "{told:#?}");

    stack.live_until(at("2026-01-15T12:00:00Z")).await;
    let left = of(&stack, &orders, PointKind::Backup).await;
    assert!([by_row, by_tag].iter().all(|held| left.iter().any(|point| point.id == held.id)), "{left:#?}");

    let lift = |point: &RestorePoint| RetentionRequest::LiftHold {
        table: orders.clone(),
        point: point.id.clone(),
        vault: Some(format!("{SOURCE}/{VAULT}")),
        by: None,
        reason: None,
    };
    for point in [by_row, by_tag] {
        assert_eq!(stack.hold(lift(point)).await.unwrap().hold, None);
        assert_eq!(tag_of(&world, point), None);
        let again = stack.hold(lift(point)).await.unwrap_err().to_string();
        assert!(again.ends_with("is not held"), "{again}");
    }
    stack.live_until(at("2026-01-16T12:00:00Z")).await;
    let left = of(&stack, &orders, PointKind::Backup).await;
    assert!(left.iter().all(|point| point.id != by_row.id && point.id != by_tag.id));
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_with_an_end_is_lifted_in_both_places_when_it_is_over() {
    let (world, mut stack, orders) = scene(DAILY).await;
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let held = of(&stack, &orders, PointKind::Backup).await.remove(0);
    stack.hold(hold(&held, Some(at("2026-01-12T00:00:00Z")))).await.unwrap();
    assert_eq!(tag_of(&world, &held).as_deref(), Some("audit until 2026-01-12T00:00:00Z"));
    stack.live_until(at("2026-01-11T12:00:00Z")).await;
    assert!(of(&stack, &orders, PointKind::Backup).await.iter().any(|point| point.id == held.id));
    // A run lifts it first and removes the point then, or in the next run.
    stack.live_until(at("2026-01-13T12:00:00Z")).await;
    assert!(of(&stack, &orders, PointKind::Backup).await.iter().all(|point| point.id != held.id));
    let history = stack.app().catalog.history().await.unwrap();
    assert_eq!(history.last().unwrap().reason.as_deref(), Some("its time is over"));
}

#[tokio::test(start_paused = true)]
async fn by_hand_whole_chains_go_but_for_what_a_guard_keeps() {
    let (world, mut stack, orders) = scene(&DAILY.replace("keep: 2 days", "keep: 9 days")).await;
    stack.session(SessionRequest::backup(vec![orders.to_string()])).await.unwrap();
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    let counts = async || {
        let mut counts = [0; 3];
        for point in points(&stack, &orders).await {
            counts[point.kind as usize] += 1;
        }
        counts
    };
    assert_eq!(counts().await, [3, 3, 1]);
    let removal = |which| Removal::of(orders.clone(), which);
    let remove = async |removal: Removal| stack.retention(RetentionRequest::Remove(removal)).await;
    let held = of(&stack, &orders, PointKind::Copy).await.remove(0);
    stack.hold(hold(&held, None)).await.unwrap();

    let plan = remove(Removal { dry_run: true, ..removal(Which::Copies) }).await.unwrap();
    let fates: Vec<(PointFate, String)> = plan.points.iter().map(|p| (p.fate, p.why.join("; "))).collect();
    assert_eq!(
        fates,
        [
            (PointFate::Keep, "held: audit".to_owned()),
            (PointFate::Remove, "by an operator".to_owned()),
            (PointFate::Keep, "newest available".to_owned())
        ]
    );
    assert_eq!(counts().await, [3, 3, 1], "a plan removes nothing");
    let changed = remove(Removal { confirm: Some("another".to_owned()), ..removal(Which::Copies) }).await;
    assert!(changed.unwrap_err().to_string().contains("has changed since the plan another was made"));
    remove(Removal { confirm: Some(plan.digest), ..removal(Which::Copies) }).await.unwrap();
    assert_eq!(counts().await, [3, 2, 1]);

    let all = Removal { override_guards: vec![Guard::Newest, Guard::Hold], ..removal(Which::All) };
    let unreasoned = remove(all.clone()).await.unwrap_err().to_string();
    assert!(unreasoned.starts_with("to override a guard takes a reason"), "{unreasoned}");
    assert_eq!(counts().await, [3, 2, 1]);
    let by = Some("ann".to_owned());
    remove(Removal { reason: Some("the shop has closed".to_owned()), by, ..all }).await.unwrap();
    assert_eq!(counts().await, [0, 0, 0]);
    let entry = stack.app().catalog.history().await.unwrap().pop().unwrap();
    assert_eq!((entry.by.as_deref(), entry.reason.as_deref()), (Some("ann"), Some("the shop has closed")));
    assert_eq!(entry.details.len(), 6);
    assert!(
        entry.details.iter().any(|line| line.ends_with("by an operator, guard hold overridden")),
        "{entry:#?}"
    );
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn chains_of_a_dropped_table_and_of_a_deleted_policy_age_out_but_for_their_newest_point_for_a_while() {
    let (world, mut stack, orders) = scene(DAILY).await;
    let other = table(&world, "odd-carts", &[]).await.unwrap();
    apply(&stack, &DAILY.replace("name: daily", "name: odd").replace("app-", "odd-")).await.unwrap();
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    dynamodb(&world).delete_table().table_name(orders.as_str()).send().await.unwrap();
    let policy = "odd".parse().unwrap();
    stack.session(SessionRequest::Delete { policy, by: None }).await.unwrap();
    let left = async |stack: &Stack, table: &TableName| points(stack, table).await.len();
    stack.live_until(at("2026-01-15T12:00:00Z")).await;
    assert_eq!((left(&stack, &orders).await, left(&stack, &other).await), (2, 2), "the newest of each chain");
    // Ten days after the first run that found the table gone, and after the policy was deleted.
    stack.live_until(at("2026-01-19T12:00:00Z")).await;
    assert_eq!((left(&stack, &orders).await, left(&stack, &other).await), (0, 0));
    assert_agreement(&world, &stack, &[orders, other]).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_locked_vault_aws_deletes_what_has_lapsed_and_the_end_is_told_ahead() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    for (region, vault) in [(SOURCE, VAULT), (TARGET, COPIES)] {
        let client = backup(&world, region);
        let lock = client.put_backup_vault_lock_configuration().backup_vault_name(vault);
        lock.min_retention_days(3).max_retention_days(30).send().await.unwrap();
    }
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    for point in points(&stack, &orders).await {
        let days = delete_after_days(&world, &point).await;
        assert_eq!(days, Some(3), "two days are asked for, and the lock wants three");
    }
    let refused = stack.hold(hold(&of(&stack, &orders, PointKind::Backup).await[0], None)).await.unwrap_err();
    assert!(refused.to_string().contains("its vault is locked"), "{refused}");
    let tables = vec![orders.to_string()];
    let refused = stack.session(SessionRequest::backup(tables)).await.unwrap_err();
    assert!(refused.to_string().contains("is locked, and a manual backup there"), "{refused}");
    assert!(
        stack.reports().iter().all(|(_, report)| report.problems.is_empty()),
        "its next point comes in time"
    );

    // The policy stops: AWS deletes the last point too, and the runs before say so.
    let policy = "daily".parse().unwrap();
    stack.session(SessionRequest::Disable { policy, by: None }).await.unwrap();
    stack.live_until(at("2026-01-11T12:00:00Z")).await;
    assert!(points(&stack, &orders).await.is_empty());
    let deleted = |call: &&backup_chain_local::Call| call.operation == "DeleteRecoveryPoint";
    assert_eq!(world.calls().iter().filter(deleted).count(), 0);
    let told: Vec<String> = stack.reports().into_iter().flat_map(|(_, report)| report.problems).collect();
    assert!(
        told.iter()
            .any(|line| line.contains("in the locked vault eu-central-1/backup-chain is kept only until")),
        "{told:#?}"
    );
    let measured = stack.measured();
    assert!(
        measured.iter().any(|line| line.contains("\"LapsesAhead\":2")),
        "the chain of the copies as well"
    );
    let gone = all_points(&stack, &orders).await;
    let backup = gone.iter().find(|point| point.kind == PointKind::Backup).unwrap();
    assert_eq!(backup.reason(), Some("removed at AWS Backup after it had lapsed"));
}

/// The DeleteAfterDays of a restore point, as AWS Backup has it.
async fn delete_after_days(world: &World, point: &RestorePoint) -> Option<i64> {
    let client = backup(world, point.vault.region.as_str());
    let describe = client.describe_recovery_point().backup_vault_name(point.vault.name.as_str());
    let found = describe.recovery_point_arn(point.recovery_point().unwrap().as_str()).send().await.unwrap();
    found.lifecycle().and_then(|lifecycle| lifecycle.delete_after_days())
}

async fn lock(world: &World, region: &str, vault: &str) {
    let client = backup(world, region);
    let lock = client.put_backup_vault_lock_configuration().backup_vault_name(vault);
    lock.min_retention_days(1).max_retention_days(400).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_copy_out_of_a_locked_vault_into_one_without_a_lock_outlives_its_source() {
    let document = DAILY.replace("copy: {keep: 2 days}", "copy: {keep: 20 days}");
    for locked in [true, false] {
        let (world, mut stack, orders) = scene(&document).await;
        if locked {
            lock(&world, SOURCE, VAULT).await;
        }
        stack.live_until(at("2026-01-05T12:00:00Z")).await;
        let [made] = <[_; 1]>::try_from(of(&stack, &orders, PointKind::Backup).await).unwrap();
        let [copy] = <[_; 1]>::try_from(of(&stack, &orders, PointKind::Copy).await).unwrap();
        let days = (delete_after_days(&world, &made).await, delete_after_days(&world, &copy).await);
        // No clock but ours ends the copy: AWS's is set as far off as it goes. Where the source has none, nor has it.
        assert_eq!(days, if locked { (Some(2), Some(36_500)) } else { (None, None) });
        let policy = "daily".parse().unwrap();
        stack.session(SessionRequest::Disable { policy, by: None }).await.unwrap();
        stack.live_until(at("2026-01-09T12:00:00Z")).await;
        let left = of(&stack, &orders, PointKind::Copy).await;
        assert_eq!(left.len(), 1, "the copy is promised for 20 days");
        assert_eq!(of(&stack, &orders, PointKind::Backup).await.len(), usize::from(!locked));
        assert_agreement(&world, &stack, &[orders]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_comes_back_out_of_a_locked_vault_outlives_its_source() {
    let (world, mut stack, orders) = scene(DAILY).await;
    lock(&world, TARGET, COPIES).await;
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let policy = "daily".parse().unwrap();
    stack.session(SessionRequest::Disable { policy, by: None }).await.unwrap();
    let removal = Removal {
        override_guards: vec![Guard::Newest],
        reason: Some("a neighbour".to_owned()),
        ..Removal::of(orders.clone(), Which::Backups)
    };
    stack.retention(RetentionRequest::Remove(removal)).await.unwrap();
    dynamodb(&world).delete_table().table_name(orders.as_str()).send().await.unwrap();
    stack.live(SignedDuration::from_hours(1)).await;
    let [copy] = <[_; 1]>::try_from(of(&stack, &orders, PointKind::Copy).await).unwrap();
    assert_eq!(delete_after_days(&world, &copy).await, Some(2));
    let home = Some(SOURCE.parse().unwrap());
    let vault = Some(format!("{TARGET}/{COPIES}"));
    let wanted = Wanted { table: orders.clone(), from: From::Newest, vault, name: None, region: home };
    stack.restore(Ask { tables: vec![wanted], ..Ask::default() }).await.unwrap();
    stack.live(SignedDuration::from_hours(3)).await;
    let [back] = <[_; 1]>::try_from(of(&stack, &orders, PointKind::Backup).await).unwrap();
    assert_eq!(delete_after_days(&world, &back).await, Some(36_500));
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    assert_eq!(of(&stack, &orders, PointKind::Copy).await, [], "AWS has deleted it");
    assert_eq!(of(&stack, &orders, PointKind::Backup).await.len(), 1, "our clock keeps the newest");
}

#[tokio::test(start_paused = true)]
async fn a_table_without_a_fresh_point_is_a_breach_and_each_run_is_remembered_and_told() {
    let (world, mut stack, orders) =
        scene(&DAILY.replace("after_drop", "objective: 25 hours\nafter_drop")).await;
    let notices = listen(&world).await.unwrap();
    let arn = format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{orders}");
    stack.live_until(at("2026-01-07T01:00:00Z")).await;
    assert!(
        stack.reports().iter().all(|(_, report)| report.breaches.is_empty() && report.problems.is_empty())
    );
    world.with_backup(|backup| (0..8).for_each(|_| backup.fail_next_backup(&arn, "No space is left.")));
    stack.live_until(at("2026-01-09T01:00:00Z")).await;
    let (_, report) = stack.reports().pop().unwrap();
    let breach = &report.breaches[0];
    let newest = of(&stack, &orders, PointKind::Backup).await.pop().unwrap().created_at.unwrap();
    assert!(newest >= at("2026-01-06T07:00:00Z") && newest < at("2026-01-06T08:00:00Z"));
    assert_eq!((&breach.table, breach.objective_hours), (&orders, 25));
    assert_eq!((breach.newest, breach.since), (Some(newest), newest + SignedDuration::from_hours(25)));
    let copies = report.breaches.iter().filter_map(|breach| breach.vault.as_deref());
    assert_eq!(copies.collect::<Vec<_>>(), ["eu-west-1/backup-chain-copies"], "{report:#?}");
    assert_eq!(report.breaches.len(), 2, "{report:#?}");

    let runs = stack.app().catalog.runs().await.unwrap();
    let statuses: Vec<RunStatus> = runs.iter().map(|run| run.status).collect();
    use RunStatus::{Succeeded, Warning};
    assert_eq!(statuses, [Succeeded, Succeeded, Warning, Warning]);
    assert_eq!(runs[3].breaches, report.breaches);
    let told = notices.told().await.unwrap();
    let ended: Vec<&str> = told
        .iter()
        .filter(|(kind, _)| kind == "Retention Run Ended")
        .map(|(_, detail)| detail["status"].as_str().unwrap())
        .collect();
    assert_eq!(ended, ["succeeded", "succeeded", "warning", "warning"]);
    let mut changed = told.iter().filter_map(|(_, detail)| detail.get("changed")?.get(0));
    let changed = changed.next().unwrap();
    assert_eq!(
        (&changed["table"], &changed["counts"]["removed"]),
        (&"app-orders".into(), &1.into()),
        "{changed}"
    );
    let failed = told.iter().rfind(|(kind, _)| kind == "Backup Session Ended").unwrap();
    assert_eq!(
        (&failed.1["status"], &failed.1["failed"][0]["table"]),
        (&"failed".into(), &"app-orders".into())
    );
}

#[tokio::test(start_paused = true)]
async fn that_no_retention_runs_is_an_alarm_once_a_day() {
    let schedules = backup_chain_deployed::stack::Schedules {
        tick: SignedDuration::from_mins(10),
        retention: false,
        ..Default::default()
    };
    let (world, mut stack) = backup_chain_tests::deployed_with("2026-01-05T00:00:00Z", schedules).await;
    let notices = listen(&world).await.unwrap();
    stack.live_until(at("2026-01-06T02:00:00Z")).await;
    let overdue = async || {
        let told = notices.told().await.unwrap();
        told.into_iter().filter(|(kind, _)| kind == "Retention Overdue").count()
    };
    assert_eq!(overdue().await, 0);
    stack.live_until(at("2026-01-07T00:00:00Z")).await;
    assert_eq!(overdue().await, 1);
    stack.retention(RetentionRequest::run()).await.unwrap();
    stack.live_until(at("2026-01-08T01:00:00Z")).await;
    assert_eq!(overdue().await, 0);
    stack.live_until(at("2026-01-09T08:00:00Z")).await;
    assert_eq!(overdue().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_suspect_point_is_believed_again_when_what_was_in_the_way_has_passed() {
    let (world, mut stack, orders) = scene(DAILY).await;
    stack.live_until(at("2026-01-05T07:00:30Z")).await;
    world.inject(FaultRule::new("kms", "Decrypt", Fault::Deny));
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let suspect = of(&stack, &orders, PointKind::Backup).await.remove(0);
    assert!(suspect.suspect.as_ref().is_some_and(|why| why.contains("AccessDenied")), "{suspect:#?}");
    stack.live_until(at("2026-01-06T00:30:00Z")).await;
    assert!(of(&stack, &orders, PointKind::Backup).await[0].suspect.is_some());
    let (_, report) = stack.reports().pop().unwrap();
    assert!(report.problems.iter().any(|line| line.contains("is suspect and kept: ")), "{report:#?}");
    world.clear_faults();
    stack.live_until(at("2026-01-07T00:30:00Z")).await;
    let points = of(&stack, &orders, PointKind::Backup).await;
    assert!(points.iter().all(|point| point.suspect.is_none()), "{points:#?}");
    // It counts again, and ages as any other.
    stack.live_until(at("2026-01-10T00:30:00Z")).await;
    assert!(of(&stack, &orders, PointKind::Backup).await.iter().all(|point| point.id != suspect.id));
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn tags_of_the_policy_are_on_backups_and_copies() {
    let (world, mut stack, orders) =
        scene(&format!("{DAILY}tags: {{cost-center: '42', team: backup}}\n")).await;
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    for (region, vault) in [(SOURCE, VAULT), (TARGET, COPIES)] {
        let tags = vault_tags(&world, region, vault);
        let tags = tags.values().next().unwrap();
        assert_eq!((tags["cost-center"].as_str(), tags["team"].as_str()), ("42", "backup"), "{region}");
    }
    let sessions = stack.app().catalog.sessions().await.unwrap();
    assert_eq!(sessions[0].status, Status::Succeeded);
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn tags_that_have_no_room_are_left_out_with_a_warning() {
    let many: Vec<(String, String)> =
        (0..40).map(|number| (format!("own-{number}"), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "app-orders", &many).await.unwrap();
    let tags: Vec<String> = (0..9).map(|number| format!("ours-{number}: x")).collect();
    apply(&stack, &format!("{DAILY}tags: {{{}}}\n", tags.join(", "))).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let made = of(&stack, &orders, PointKind::Backup).await.remove(0);
    // Of ten that are added seven are our metadata with its binding, and one is kept for a hold.
    let left_out = "there is no room for the policy's tags ours-2, ours-3, ours-4, ours-5, ours-6, ours-7, ours-8: they are left out";
    assert_eq!(made.warnings, [left_out]);
    assert_eq!((made.state(), made.suspect), (State::Available, None));
    for tags in vault_tags(&world, SOURCE, VAULT).values() {
        let added = tags.keys().filter(|key| !key.starts_with("own-"));
        assert_eq!(added.clone().count(), 9, "{:?}", added.collect::<Vec<_>>());
        assert!(tags.contains_key("ours-1") && !tags.contains_key("ours-2"));
    }
    // A hold still finds its place.
    stack.hold(hold(&of(&stack, &orders, PointKind::Backup).await[0], None)).await.unwrap();
}
