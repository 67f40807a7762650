//! Metadata that is cut, swapped, replayed, sealed under another key or otherwise not to be believed: the point
//! becomes suspect, is kept, and counts for nothing; its neighbours go on.

use std::collections::BTreeMap;

use backup_chain_core::ids::TableName;
use backup_chain_core::point::{Kind, RestorePoint, State};
use backup_chain_core::tier::Tier;
use backup_chain_local::World;
use backup_chain_local::stack::{ACCOUNT, SOURCE, Stack, VAULT};
use backup_chain_tests::{apply, at, deployed, points, table, vault_tags};

const DAILY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
tiers:
  daily: {at: [07:00], keep: 2 days}
";

type Tags = BTreeMap<String, String>;

struct Scene {
    world: World,
    stack: Stack,
    table: TableName,
}

impl Scene {
    /// A table with two days of backups.
    async fn new() -> Self {
        let (world, mut stack) = deployed("2026-01-05T06:30:00Z").await;
        let table = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
        apply(&stack, DAILY).await.unwrap();
        stack.live_until(at("2026-01-06T09:00:00Z")).await;
        Self { world, stack, table }
    }

    async fn points(&self) -> Vec<RestorePoint> {
        points(&self.stack, &self.table).await
    }

    fn tags(&self, point: &RestorePoint) -> Tags {
        vault_tags(&self.world, SOURCE, VAULT)[point.arn.as_ref().unwrap()].clone()
    }

    fn overwrite(&self, point: &RestorePoint, tags: Tags) {
        let arn = point.arn.as_ref().unwrap().to_string();
        assert!(self.world.with_backup(|backup| backup.overwrite_tags(&arn, tags)));
    }
}

fn part(number: usize) -> String {
    format!("backup-chain/v1/{number}")
}

/// What somebody with the right to tag can do to the second of two points, and what is said of it.
fn tampered(first: &Tags, second: &Tags) -> Vec<(&'static str, Tags, &'static str)> {
    let with = |change: &dyn Fn(&mut Tags)| {
        let mut tags = second.clone();
        change(&mut tags);
        tags
    };
    let metadata_of = |source: &Tags, id: &Tags| {
        let mut tags = source.clone();
        tags.insert("backup-chain/id".to_owned(), id["backup-chain/id"].clone());
        tags
    };
    vec![
        ("cut", with(&|tags| drop(tags.remove(&part(1)))), "tag backup-chain/v1/1 is missing: the metadata is cut"),
        (
            "changed",
            with(&|tags| {
                let value = tags.get_mut(&part(2)).unwrap();
                let swapped = if value.starts_with('A') { "B" } else { "A" };
                value.replace_range(0..1, swapped);
            }),
            "",
        ),
        ("another point's", first.clone(), "its tags carry the id"),
        ("replayed from an older point", metadata_of(first, second), "its metadata is that of restore point"),
        ("with another id", metadata_of(second, first), "its tags carry the id"),
        ("taken away", BTreeMap::from([("team".to_owned(), "shop".to_owned())]), "it carries no metadata of ours"),
        ("of another version", with(&|tags| {
            let parts: Vec<String> = tags.keys().filter(|key| key.starts_with("backup-chain/v1/")).cloned().collect();
            for key in parts {
                let value = tags.remove(&key).unwrap();
                tags.insert(key.replace("v1", "v2"), value);
            }
        }), "another format version"),
    ]
}

#[tokio::test(start_paused = true)]
async fn metadata_that_was_tampered_with_after_completion_keeps_the_point() {
    let (world, mut stack) = deployed("2026-01-05T06:30:00Z").await;
    let mut tables = Vec::new();
    for number in 0..7 {
        tables.push(table(&world, &format!("app-{number}"), &[("team", "shop")]).await.unwrap());
    }
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-06T09:00:00Z")).await;
    let mut cases = Vec::new();
    for (number, table) in tables.into_iter().enumerate() {
        let [first, second] = points(&stack, &table).await.try_into().expect("two points");
        let scene = Scene { world: world.clone(), stack, table };
        let (what, tags, said) = tampered(&scene.tags(&first), &scene.tags(&second)).swap_remove(number);
        scene.overwrite(&second, tags);
        cases.push((scene.table, first, second, what, said));
        stack = scene.stack;
    }
    // The tampered points lapse on the 8th at 07:00, their neighbours around them.
    stack.live_until(at("2026-01-11T12:00:00Z")).await;
    for (table, first, second, what, said) in cases {
        let left = points(&stack, &table).await;
        let kept = left.iter().find(|point| point.id == second.id).unwrap_or_else(|| panic!("{what}: it is gone"));
        let why = kept.suspect.clone().unwrap_or_else(|| panic!("{what}: it is believed"));
        assert!(why.contains(said), "{what}: {why}");
        assert_eq!(kept.state, State::Available, "{what}");
        assert!(!left.iter().any(|point| point.id == first.id), "{what}: the outdated neighbour stays");
        assert_eq!(left.iter().filter(|point| point.suspect.is_none()).count(), 3, "{what}: {left:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_point_that_is_suspect_from_the_start_meets_no_slot() {
    let mut scene = Scene::new().await;
    let older = scene.points().await.pop().unwrap();
    scene.stack.live_until(at("2026-01-07T07:00:30Z")).await;
    // The job is running; its recovery point is tagged when it is made, and tampered with before it is looked at.
    let told = scene.tags(&older);
    let running = scene.points().await.pop().unwrap();
    assert_eq!(running.state, State::Running, "{running:#?}");
    let arn = running.arn.as_ref().unwrap().to_string();
    let mut id = told.clone();
    id.insert("backup-chain/id".to_owned(), running.id.to_string());
    let mut step = at("2026-01-07T07:00:30Z");
    while !scene.world.with_backup(|backup| backup.overwrite_tags(&arn, id.clone())) {
        step += jiff::SignedDuration::from_secs(5);
        assert!(step < at("2026-01-07T08:00:00Z"), "the recovery point is never made");
        scene.stack.live_until(step).await;
    }
    scene.stack.live_until(at("2026-01-07T09:00:00Z")).await;
    let point = scene.points().await.pop().unwrap();
    assert_eq!(point.state, State::Available);
    assert!(point.suspect.as_deref().is_some_and(|why| why.contains("restore point")), "{point:#?}");

    let head = scene.stack.edge().catalog().head(&point.table).await.unwrap().unwrap();
    assert_eq!(head.met_in(&scene.stack.vault())[&Tier::Daily], at("2026-01-06T07:00:00Z"), "its slot is owed");
    assert!(head.open.is_none());

    // It does not stand as the newest either: the believed one before it stays in its place.
    let dynamodb = backup_chain_tests::dynamodb(&scene.world);
    dynamodb.delete_table().table_name("app-orders").send().await.unwrap();
    scene.stack.live_until(at("2026-01-15T12:00:00Z")).await;
    let left = scene.points().await;
    let kept: Vec<_> = left.iter().filter(|point| point.kind == Kind::Backup).map(|point| &point.id).collect();
    assert_eq!(kept, [&older.id, &point.id]);
}

#[tokio::test(start_paused = true)]
async fn metadata_under_another_key_is_not_believed() {
    let mut scene = Scene::new().await;
    // The deployment moves to another key without the old one: nothing of the old can be opened any more.
    let kms = aws_sdk_kms::Client::new(&scene.world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let other = kms.create_key().multi_region(true).send().await.unwrap();
    let other = other.key_metadata().unwrap().arn().unwrap().to_owned();
    scene.stack.reconfigure(|deployment| deployment.key = other);
    scene.stack.live_until(at("2026-01-12T12:00:00Z")).await;
    let left = scene.points().await;
    let suspect: Vec<_> = left.iter().filter_map(|point| point.suspect.as_deref()).collect();
    assert_eq!(suspect, ["its metadata is sealed under another key"; 2]);
    assert_eq!(left.len(), 2 + 3, "{left:#?}");
}
