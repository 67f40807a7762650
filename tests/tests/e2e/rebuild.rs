//! The catalog rebuilt from the vaults and the settings tables: the backups describe themselves.

use std::collections::BTreeMap;

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{RetentionRequest, SessionRequest};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{PointKind, Progress, RestorePoint, State};
use backup_chain_core::retention::Braked;
use backup_chain_core::settings::TableSettings;
use backup_chain_deployed::stack::{COPIES, RETENTION, SOURCE, Schedules, Stack, TARGET, VAULT};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::{
    apply, assert_agreement, at, backup, deployed, deployed_with, lose_the_catalog, points, table, tables,
    vault_tags,
};
use jiff::SignedDuration;

const POLICY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 4 days}}
  weekly: {on: monday, at: [07:00], keep: 3 weeks}
";

async fn scene() -> (World, Stack, Vec<TableName>) {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    // The settings of the large one are in the settings tables.
    let large = TableSettings::from_bytes(include_bytes!("../../fixtures/huge.json")).unwrap();
    let large = tables::create(&world, "app-large", &large).await.unwrap();
    // Of the full one the metadata is there, too.
    let own: Vec<(String, String)> = (0..50).map(|tag| (format!("own-{tag:02}"), "x".to_owned())).collect();
    let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let full = table(&world, "app-full", &own).await.unwrap();
    let tables = vec![table(&world, "app-orders", &[]).await.unwrap(), large, full];
    apply(&stack, POLICY).await.unwrap();
    stack.session(SessionRequest::backup(vec!["app-orders".to_owned()])).await.unwrap();
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    (world, stack, tables)
}

/// What a restore point is: all of it but how it came about.
fn essence(point: RestorePoint) -> RestorePoint {
    let plain = RestorePoint::planned(
        point.id.clone(),
        point.kind,
        point.table.clone(),
        point.vault.clone(),
        point.session.clone(),
        point.slot,
    );
    // The job that made it is known to the catalog alone.
    let progress = point.available().cloned().map_or_else(|| point.progress.clone(), Progress::found);
    RestorePoint {
        policy: point.policy,
        flags: point.flags,
        copies: point.copies,
        progress,
        source: point.source,
        created_at: point.created_at,
        bytes: point.bytes,
        sealed: point.sealed,
        settings: point.settings,
        settings_stored: point.settings_stored,
        message_stored: point.message_stored,
        bound: point.bound,
        suspect: point.suspect,
        hold: point.hold,
        ..plain
    }
}

async fn essences(stack: &Stack, tables: &[TableName]) -> Vec<RestorePoint> {
    let mut all = Vec::new();
    for table in tables {
        all.extend(points(stack, table).await.into_iter().map(essence));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn restore_points_and_chains_are_the_same_after_the_catalog_is_lost() {
    let (world, mut stack, tables) = scene().await;
    let before = essences(&stack, &tables).await;
    assert!(before.iter().any(|point| point.settings_stored && point.kind == PointKind::Copy));
    assert!(before.iter().any(|point| point.message_stored && point.kind == PointKind::Copy));
    assert!(before.iter().any(|point| point.kind == PointKind::Manual));
    let heads = async |stack: &Stack| {
        let mut heads = BTreeMap::new();
        for point in &before {
            let head = stack.app().catalog.head(&point.table).await.unwrap().unwrap();
            heads.insert(point.table.clone(), (head.met, head.newest));
        }
        heads
    };
    let heads_before = heads(&stack).await;
    lose_the_catalog(&world, &stack).await;
    assert!(essences(&stack, &tables).await.is_empty());

    apply(&stack, POLICY).await.unwrap();
    let rebuilt = stack.rebuild().await.unwrap();
    assert_eq!(
        (rebuilt.added, rebuilt.known, rebuilt.foreign, rebuilt.left),
        (before.len(), 0, 0, 0),
        "{rebuilt:#?}"
    );
    assert!(rebuilt.problems.is_empty(), "{rebuilt:#?}");
    let mut expected = before.clone();
    // A copy whose backup is gone does not know where it came from.
    for copy in expected.iter_mut().filter(|point| point.kind == PointKind::Copy) {
        let has_backup = before.iter().any(|point| point.kind == PointKind::Backup && point.id == copy.id);
        copy.source = copy.source.take().filter(|_| has_backup);
    }
    assert_eq!(essences(&stack, &tables).await, expected);
    assert_eq!(heads(&stack).await, heads_before);
    assert_agreement(&world, &stack, &tables).await;

    // A second rebuild finds nothing new.
    let again = stack.rebuild().await.unwrap();
    assert_eq!((again.added, again.known), (0, before.len()));

    // Nothing is due before the next slot, and nothing is removed for a week.
    stack.live_until(at("2026-01-09T20:00:00Z")).await;
    assert_eq!(essences(&stack, &tables).await.len(), before.len());
    stack.live_until(at("2026-01-16T06:00:00Z")).await;
    let report = stack.retention(RetentionRequest::run()).await.unwrap();
    assert!(matches!(report.braked, Some(Braked::Rebuilt { .. })), "{report:#?}");
    assert!(essences(&stack, &tables).await.len() > before.len());
    stack.live_until(at("2026-01-18T12:00:00Z")).await;
    let left = points(&stack, &tables[0]).await;
    let backups = left.iter().filter(|point| point.kind == PointKind::Backup);
    // Three daily ones, the one that lapsed since the run, and the Mondays of two weeks.
    assert_eq!(backups.count(), 6, "{left:#?}");
    assert_agreement(&world, &stack, &tables).await;
}

/// Two tables with two days of points, one of them without tags of ours.
async fn small() -> (World, Stack, Vec<TableName>) {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let own: Vec<(String, String)> = (0..50).map(|tag| (format!("own-{tag:02}"), "x".to_owned())).collect();
    let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let tables =
        vec![table(&world, "app-full", &own).await.unwrap(), table(&world, "app-orders", &[]).await.unwrap()];
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    (world, stack, tables)
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_is_cut_off_at_any_call_is_gone_on_with() {
    let (world, stack, tables) = small().await;
    let before = essences(&stack, &tables).await;
    let heads = async |stack: &Stack| {
        let mut heads = Vec::new();
        for point in &before {
            let head = stack.app().catalog.head(&point.table).await.unwrap().unwrap();
            heads.push((head.met, head.newest));
        }
        heads
    };
    let heads_before = heads(&stack).await;
    let mut nth = 0;
    loop {
        nth += 1;
        lose_the_catalog(&world, &stack).await;
        apply(&stack, POLICY).await.unwrap();
        world.crash_after(RETENTION, nth);
        if stack.rebuild().await.is_ok() {
            world.clear_faults();
            break;
        }
        let rebuilt = stack.rebuild().await.unwrap();
        assert!(rebuilt.problems.is_empty() && rebuilt.left == 0, "after call {nth}: {rebuilt:#?}");
        assert_eq!(essences(&stack, &tables).await, before, "after call {nth}");
        assert_eq!(heads(&stack).await, heads_before, "after call {nth}");
    }
    assert!(nth > 40, "{nth} calls are too few for {} points", before.len());
}

/// AWS Backup of one Region is away: what is in the other is added, and the rest when it is back.
#[tokio::test(start_paused = true)]
async fn either_region_alone_is_rebuilt_and_the_other_later() {
    let (world, stack, tables) = small().await;
    let before = essences(&stack, &tables).await;
    for (away, there) in [(SOURCE, PointKind::Copy), (TARGET, PointKind::Backup)] {
        lose_the_catalog(&world, &stack).await;
        apply(&stack, POLICY).await.unwrap();
        world.inject(FaultRule::new("backup", "*", Fault::ServerError).region(away));
        let rebuilt = stack.rebuild().await.unwrap();
        assert!(rebuilt.problems.len() == 1 && rebuilt.problems[0].contains(away), "{rebuilt:#?}");
        let found = essences(&stack, &tables).await;
        assert!(
            found.iter().all(|point| point.kind == there) && found.len() == before.len() / 2,
            "{found:#?}"
        );
        world.clear_faults();
        let rebuilt = stack.rebuild().await.unwrap();
        assert!(rebuilt.problems.is_empty(), "{rebuilt:#?}");
        assert_eq!(essences(&stack, &tables).await, before, "{away}");
    }
}

/// Tags that were put on the recovery points of another table mix nothing: AWS says what each is a backup of.
#[tokio::test(start_paused = true)]
async fn tags_swapped_between_tables_are_told_and_not_added() {
    let (world, stack, tables) = scene().await;
    let (orders, large) = (points(&stack, &tables[0]).await, points(&stack, &tables[1]).await);
    for (region, vault, kind) in [(SOURCE, VAULT, PointKind::Backup), (TARGET, COPIES, PointKind::Copy)] {
        let of = |points: &[RestorePoint]| {
            points.iter().find(|point| point.kind == kind).unwrap().recovery_point().cloned().unwrap()
        };
        let (one, other) = (of(&orders), of(&large));
        let all = vault_tags(&world, region, vault);
        world.with_backup(|backup| {
            assert!(backup.overwrite_tags(one.as_str(), all[&other].clone()));
            assert!(backup.overwrite_tags(other.as_str(), all[&one].clone()));
        });
    }
    let before = essences(&stack, &tables).await.len();
    lose_the_catalog(&world, &stack).await;
    apply(&stack, POLICY).await.unwrap();
    let rebuilt = stack.rebuild().await.unwrap();
    assert_eq!((rebuilt.added, rebuilt.problems.len()), (before - 4, 4), "{rebuilt:#?}");
    for problem in &rebuilt.problems {
        assert!(problem.contains("and AWS says that it is a backup of"), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_believed_is_told_and_not_added() {
    let (world, stack, tables) = scene().await;
    let made = points(&stack, &tables[0]).await;
    let backups: Vec<&RestorePoint> = made.iter().filter(|point| point.kind == PointKind::Backup).collect();
    let [cut, twin, original] = [0, 1, 2].map(|number| backups[number].recovery_point().unwrap());
    // One is cut, one carries the tags of another.
    let all = vault_tags(&world, SOURCE, VAULT);
    let mut damaged = all[cut].clone();
    damaged.remove("backup-chain/v1/0");
    world.with_backup(|backup| {
        assert!(backup.overwrite_tags(cut.as_str(), damaged));
        assert!(backup.overwrite_tags(twin.as_str(), all[original].clone()));
    });
    // One is somebody else's.
    let untagged =
        backup(&world, SOURCE).untag_resource().resource_arn(backups[3].recovery_point().unwrap().as_str());
    let ours: Vec<String> = all[backups[3].recovery_point().unwrap()]
        .keys()
        .filter(|key| key.starts_with(tags::PREFIX))
        .cloned()
        .collect();
    untagged.set_tag_key_list(Some(ours)).send().await.unwrap();
    let before = essences(&stack, &tables).await.len();
    lose_the_catalog(&world, &stack).await;
    apply(&stack, POLICY).await.unwrap();
    let rebuilt = stack.rebuild().await.unwrap();
    // The twin was not created when the other was asked for, so the other one stands alone.
    assert_eq!((rebuilt.added, rebuilt.foreign), (before - 3, 1), "{rebuilt:#?}");
    let told = rebuilt.problems.join("\n");
    assert_eq!(rebuilt.problems.len(), 3, "{told}");
    assert!(told.contains("our role made it, and it carries no metadata"), "{told}");
    assert!(told.contains("tag backup-chain/v1/0 is missing"), "{told}");
    assert!(told.contains("it was not created when its metadata says"), "{told}");
    assert!(points(&stack, &tables[0]).await.iter().all(|point| point.state() == State::Available));
}

/// Many: 10,000 restore points, or `BACKUP_CHAIN_POINTS` of them, half of them copies. The rates that AWS publishes are
/// those of the embedded AWS; no call of the rebuild is refused for them.
#[tokio::test(start_paused = true)]
#[ignore = "even when it is built for speed it takes minutes: see docs/reliability.md"]
async fn ten_thousand_points_are_rebuilt_within_the_rates() {
    const TABLES: usize = 100;
    let wanted: usize =
        std::env::var("BACKUP_CHAIN_POINTS").map_or(10_000, |text| text.parse().expect("a number of points"));
    let schedules =
        Schedules { retention: false, timeout: SignedDuration::from_mins(15), ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T00:00:00Z", schedules).await;
    let mut tables = Vec::new();
    for number in 0..TABLES {
        tables.push(table(&world, &format!("app-{number:03}"), &[]).await.unwrap());
    }
    apply(&stack, HOURLY).await.unwrap();
    let mut made = 0;
    while made < wanted {
        stack.live(SignedDuration::from_hours(6)).await;
        world.clear_calls();
        let points = stack.app().catalog.all_live_points().await.unwrap();
        made = points.iter().filter(|point| point.state() == State::Available).count();
        println!("{}: {made} points", world.now());
    }
    apply(&stack, &format!("{HOURLY}enabled: false\n")).await.unwrap();
    stack.live(SignedDuration::from_hours(3)).await;
    let before = essences(&stack, &tables).await;
    lose_the_catalog(&world, &stack).await;
    apply(&stack, &format!("{HOURLY}enabled: false\n")).await.unwrap();
    world.clear_calls();
    let (began, mut added) = (world.now(), 0);
    for run in 1.. {
        let rebuilt = stack.rebuild().await.unwrap();
        assert!(rebuilt.problems.is_empty(), "{rebuilt:#?}");
        added += rebuilt.added;
        println!(
            "run {run}, after {:#}: {added} added, {} left",
            world.now().duration_since(began),
            rebuilt.left
        );
        assert_ne!(rebuilt.added, 0);
        if rebuilt.left == 0 {
            break;
        }
    }
    let refused: Vec<_> = world.calls().into_iter().filter(|call| call.error.is_some()).collect();
    assert!(refused.is_empty(), "{} refused: {:#?}", refused.len(), refused.first());
    assert_eq!(essences(&stack, &tables).await, before);
    assert_agreement(&world, &stack, &tables).await;
}

const HOURLY: &str = "
name: hourly
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {hours: [0, 3, 6, 9, 12, 15, 18, 21], keep: 90 days, copy: {keep: 90 days}}
";
