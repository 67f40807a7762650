//! Metadata that somebody has tampered with: the point becomes suspect with the reason, is kept, counts for
//! nothing, and its neighbours go on.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_aws::App;
use backup_chain_aws::clock::Random;
use backup_chain_aws::seen::Seen;
use backup_chain_core::ids::{RecoveryPointArn, TableName};
use backup_chain_core::metadata::{SettingsLocation, tags};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::session::Status;
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, SESSION, SOURCE, Schedules, Stack, TARGET, VAULT};
use backup_chain_local::World;
use backup_chain_tests::{all_points, apply, at, deployed_with, dynamodb, table, vault_tags};
use insta::assert_snapshot;
use jiff::SignedDuration;

const POLICY: &str = "
name: chains
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 3 days}}
  weekly: {on: monday, at: [07:00], keep: 2 weeks}
";

type Tags = BTreeMap<String, String>;

/// The session of each day is at 12:59, its recovery points exist from 13:00 on and are complete by 13:30.
async fn scene() -> (World, Stack) {
    let schedules = Schedules { tick: SignedDuration::from_hours(6), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-04T06:59:00Z", schedules).await;
    apply(&stack, POLICY).await.unwrap();
    (world, stack)
}

/// The restore point that a table got on a day.
async fn of_day(stack: &Stack, table: &TableName, kind: PointKind, day: &str) -> RestorePoint {
    let all = all_points(stack, table).await;
    let mut found =
        all.into_iter().filter(|point| point.kind == kind && point.slot.to_string().starts_with(day));
    found.next().unwrap_or_else(|| panic!("no point of {table} on {day}"))
}

fn overwrite(world: &World, arn: &RecoveryPointArn, tags: Tags) {
    assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), tags)));
}

/// What an attacker has at hand when the tags of `own` are to be replaced.
struct Loot {
    own: Tags,
    neighbour: Tags,
    older: Tags,
    other_key: Tags,
    sealed_again: Tags,
}

impl Loot {
    async fn gather(
        world: &World,
        stack: &Stack,
        own: &RestorePoint,
        neighbour: &RestorePoint,
        older: &Tags,
    ) -> Self {
        let all = vault_tags(world, SOURCE, VAULT);
        let of = |point: &RestorePoint| all[point.recovery_point().unwrap()].clone();
        let tags = of(own);
        let seen = Seen::of_record(own, own.recovery_point().unwrap(), &tags);
        let seen = Seen { created_at: own.requested_at, ..seen };
        let (mut document, settings) = stack.app().sealer.open(own, &seen).await.unwrap();
        document.settings = SettingsLocation::Inline(Box::new(settings));
        let config = world.sdk_config(ACCOUNT, SOURCE, "attacker");
        let made = aws_sdk_kms::Client::new(&config).create_key().multi_region(true).send().await.unwrap();
        let mut deployment = stack.app().context.deployment().clone();
        let random = Random::new(|bytes| bytes.fill(7));
        // The key's policy lets nobody seal but the session function: the attacker has got hold of its role.
        let role = world.sdk_config(ACCOUNT, SOURCE, SESSION);
        let sealed_again =
            App::new(role, deployment.clone(), random.clone()).sealer.seal(&document, 0).await.unwrap();
        deployment.key = made.key_metadata().unwrap().arn().unwrap().to_owned();
        let other_key = App::new(config, deployment, random).sealer.seal(&document, 0).await.unwrap();
        let (neighbour, older) = (of(neighbour), older.clone());
        Self { own: of(own), neighbour, older, other_key: other_key.tags, sealed_again: sealed_again.tags }
    }

    /// Every damage, by name, and the tags that it leaves.
    fn damages(&self) -> [(&'static str, Tags); 10] {
        let with = |change: &dyn Fn(&mut Tags)| {
            let mut tags = self.own.clone();
            change(&mut tags);
            tags
        };
        let part = format!("{}1", tags::PART);
        let id = |of: &Tags| of[tags::ID].clone();
        [
            ("a part is cut off", with(&|tags| drop(tags.remove(&part)))),
            ("a part is cut short", with(&|tags| tags.get_mut(&part).unwrap().truncate(200))),
            ("a byte is changed", with(&|tags| flip(tags.get_mut(&part).unwrap()))),
            ("all are taken away", with(&|tags| tags.retain(|key, _| !key.starts_with(tags::PREFIX)))),
            ("of another version", {
                let version = |(key, value): (&String, &String)| (key.replace("/v1/", "/v2/"), value.clone());
                self.own.iter().map(version).collect()
            }),
            ("another's", self.neighbour.clone()),
            ("an older one's", self.older.clone()),
            ("an older one's, under its own id", {
                let mut tags = self.older.clone();
                tags.insert(tags::ID.to_owned(), id(&self.own));
                tags
            }),
            ("sealed under another key", self.other_key.clone()),
            ("sealed again under our key", self.sealed_again.clone()),
        ]
    }
}

fn flip(text: &mut String) {
    let other = if text.starts_with('A') { "B" } else { "A" };
    text.replace_range(..1, other);
}

fn days(from: i8, count: i8) -> Vec<String> {
    (from..from + count).map(|day| format!("2026-01-{day:02}")).collect()
}

/// The reasons as AWS's ids do not show in them.
fn story(reasons: &[(&str, String)], points: &[RestorePoint]) -> String {
    let mut text: String = reasons.iter().map(|(damage, why)| format!("{damage}: {why}\n")).collect();
    for point in points {
        text = text.replace(point.id.as_str(), "<id>");
    }
    // What stands at the place of the content type in a message that is cut is random.
    if let Some(place) = text.find("content type 0x").map(|start| start + "content type 0x".len()) {
        text.replace_range(place..place + 2, "??");
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_point_whose_tags_are_not_as_sealed_when_it_completes_is_suspect() {
    let (world, mut stack) = scene().await;
    let [orders, carts] =
        [table(&world, "app-orders", &[]).await.unwrap(), table(&world, "app-carts", &[]).await.unwrap()];
    stack.live_until(at("2026-01-04T18:00:00Z")).await;
    let first = of_day(&stack, &orders, PointKind::Backup, "2026-01-04").await;
    let older = vault_tags(&world, SOURCE, VAULT)[first.recovery_point().unwrap()].clone();

    let mut reasons = Vec::new();
    let mut damaged = Vec::new();
    for (number, day) in days(5, 10).iter().enumerate() {
        stack.live_until(at(&format!("{day}T13:00:30Z"))).await;
        let own = of_day(&stack, &orders, PointKind::Backup, day).await;
        let other = of_day(&stack, &carts, PointKind::Backup, day).await;
        assert_eq!((own.state(), other.state()), (State::Running, State::Running));
        let loot = Loot::gather(&world, &stack, &own, &other, &older).await;
        let (damage, tags) = loot.damages()[number].clone();
        overwrite(&world, own.recovery_point().unwrap(), tags);
        stack.live_until(at(&format!("{day}T20:00:00Z"))).await;

        let own = of_day(&stack, &orders, PointKind::Backup, day).await;
        assert_eq!(own.state(), State::Available, "{damage}");
        reasons.push((damage, own.suspect.clone().unwrap_or_else(|| panic!("{damage}: believed"))));
        let copied = all_points(&stack, &orders)
            .await
            .iter()
            .any(|point| point.kind == PointKind::Copy && point.id == own.id);
        assert!(!copied, "{damage}: a suspect point is copied");
        let other = of_day(&stack, &carts, PointKind::Backup, day).await;
        assert_eq!((other.state(), other.suspect), (State::Available, None), "{damage}");
        let head = stack.app().catalog.head(&own.table).await.unwrap().unwrap();
        assert_eq!(
            head.met_slots_in(&own.vault).get(&Tier::Daily),
            Some(&first.slot),
            "{damage}: the slot is owed"
        );
        stack.live(SignedDuration::from_hours(6)).await;
        let session = stack.app().catalog.session(&own.session).await.unwrap().unwrap();
        assert_eq!((session.status, session.planned, session.available), (Status::Warning, 2, 1), "{damage}");
        damaged.push(own);
    }
    assert_snapshot!(story(&reasons, &[all_points(&stack, &orders).await, all_points(&stack, &carts).await].concat()), @"
    a part is cut off: tag backup-chain/v1/1 is missing: the metadata is cut
    a part is cut short: the encrypted message has content type 0x??, metadata has 0x2
    a byte is changed: the header of the encrypted message does not authenticate: it was changed
    all are taken away: it carries no metadata of ours
    of another version: the metadata is in tags of another format version, this version reads backup-chain/v1/0: update Backup Chain
    another's: its tags carry the id <id> of another restore point
    an older one's: its tags carry the id <id> of another restore point
    an older one's, under its own id: its metadata is that of restore point <id>
    sealed under another key: its metadata is sealed under another key
    sealed again under our key: its metadata is not what was sealed for it
    ");

    // The week that no believed point carries is owed until one does.
    stack.live_until(at("2026-01-15T20:00:00Z")).await;
    let flags =
        |point: &RestorePoint| point.flags.iter().map(|flag| (flag.tier, flag.slot)).collect::<Vec<_>>();
    let good = of_day(&stack, &orders, PointKind::Backup, "2026-01-15").await;
    let week = (Tier::Weekly, at("2026-01-12T07:00:00Z"));
    assert_eq!((flags(&good), &good.suspect), (vec![(Tier::Daily, good.slot), week], &None));
    let neighbour = of_day(&stack, &carts, PointKind::Backup, "2026-01-15").await;
    assert_eq!(flags(&neighbour), [(Tier::Daily, good.slot)]);

    // Long after every flag has lapsed the suspect points are there, and nothing else that is outdated.
    stack.live_until(at("2026-02-03T06:00:00Z")).await;
    let held: BTreeSet<RecoveryPointArn> = vault_tags(&world, SOURCE, VAULT).into_keys().collect();
    for point in &damaged {
        assert!(held.contains(point.recovery_point().unwrap()), "{} was deleted", point.id);
        let now = of_day(&stack, &orders, PointKind::Backup, &point.slot.to_string()[..10]).await;
        assert_eq!((now.state(), now.suspect.is_some()), (State::Available, true));
    }
    let believed = |all: &[RestorePoint]| {
        all.iter().filter(|point| point.kind == PointKind::Backup && point.is_counted()).count()
    };
    let [ours, theirs] = [all_points(&stack, &orders).await, all_points(&stack, &carts).await];
    assert_eq!((believed(&ours), believed(&theirs)), (6, 6));
    assert_eq!(held.len(), 6 + 6 + 10);
}

#[tokio::test(start_paused = true)]
async fn a_point_whose_tags_are_not_as_sealed_when_it_is_outdated_is_suspect() {
    let (world, mut stack) = scene().await;
    let [orders, carts] =
        [table(&world, "app-orders", &[]).await.unwrap(), table(&world, "app-carts", &[]).await.unwrap()];
    let mut damaged = Vec::new();
    let mut older = Tags::new();
    for (number, day) in days(4, 11).iter().enumerate() {
        stack.live_until(at(&format!("{day}T20:00:00Z"))).await;
        let own = of_day(&stack, &orders, PointKind::Backup, day).await;
        let other = of_day(&stack, &carts, PointKind::Backup, day).await;
        assert!(own.is_counted() && other.is_counted(), "{day}");
        if number == 0 {
            older = vault_tags(&world, SOURCE, VAULT)[own.recovery_point().unwrap()].clone();
            continue;
        }
        let loot = Loot::gather(&world, &stack, &own, &other, &older).await;
        let (damage, tags) = loot.damages()[number - 1].clone();
        if damage == "another's" {
            overwrite(&world, other.recovery_point().unwrap(), loot.own);
            damaged.push(("another's, in return", other));
        }
        overwrite(&world, own.recovery_point().unwrap(), tags);
        damaged.push((damage, own));
    }
    stack.live_until(at("2026-02-03T06:00:00Z")).await;

    let held: BTreeSet<RecoveryPointArn> = vault_tags(&world, SOURCE, VAULT).into_keys().collect();
    let mut reasons = Vec::new();
    for (damage, point) in &damaged {
        assert!(held.contains(point.recovery_point().unwrap()), "{damage}: deleted");
        let now =
            of_day(&stack, &point.table.arn.name, PointKind::Backup, &point.slot.to_string()[..10]).await;
        assert_eq!(now.state(), State::Available, "{damage}");
        reasons.push((*damage, now.suspect.unwrap_or_else(|| panic!("{damage}: believed"))));
    }
    assert_snapshot!(story(&reasons, &[all_points(&stack, &orders).await, all_points(&stack, &carts).await].concat()), @"
    a part is cut off: tag backup-chain/v1/1 is missing: the metadata is cut
    a part is cut short: the encrypted message has content type 0x??, metadata has 0x2
    a byte is changed: the header of the encrypted message does not authenticate: it was changed
    all are taken away: it carries no metadata of ours
    of another version: the metadata is in tags of another format version, this version reads backup-chain/v1/0: update Backup Chain
    another's, in return: its tags carry the id <id> of another restore point
    another's: its tags carry the id <id> of another restore point
    an older one's: its tags carry the id <id> of another restore point
    an older one's, under its own id: its metadata is that of restore point <id>
    sealed under another key: its metadata is sealed under another key
    sealed again under our key: its metadata is not what was sealed for it
    ");
    assert_eq!(held.len(), 6 + 6 + 11);
    // Their copies are sealed with their own tags and go when they are outdated.
    assert_eq!(vault_tags(&world, TARGET, COPIES).len(), 4 + 4);
    let reports = stack.reports();
    let mut problems = reports.iter().flat_map(|(_, report)| &report.problems);
    assert!(problems.all(|line| line.contains("is suspect and kept: ")), "{:?}", reports.last());
}

/// With no more sessions every flag lapses, and the newest point is all that a table has.
#[tokio::test(start_paused = true)]
async fn the_newest_believed_point_is_kept_in_place_of_a_suspect_one() {
    let (world, mut stack) = scene().await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    stack.live_until(at("2026-01-06T20:00:00Z")).await;
    apply(&stack, &format!("{POLICY}enabled: false\n")).await.unwrap();
    let newest = of_day(&stack, &orders, PointKind::Backup, "2026-01-06").await;
    let copy = of_day(&stack, &orders, PointKind::Copy, "2026-01-05").await;
    for (vault, point) in [((SOURCE, VAULT), &newest), ((TARGET, COPIES), &copy)] {
        let mut tags = vault_tags(&world, vault.0, vault.1)[point.recovery_point().unwrap()].clone();
        flip(tags.get_mut(&format!("{}0", tags::PART)).unwrap());
        overwrite(&world, point.recovery_point().unwrap(), tags);
    }
    stack.live_until(at("2026-02-10T20:00:00Z")).await;
    let left: Vec<String> = all_points(&stack, &orders)
        .await
        .iter()
        .filter(|point| point.state() == State::Available)
        .map(|point| {
            format!(
                "{:?} of {}: {}\n",
                point.kind,
                point.slot,
                point.suspect.as_deref().unwrap_or("believed")
            )
        })
        .collect();
    assert_snapshot!(left.concat(), @r"
    Backup of 2026-01-05T07:00:00Z: believed
    Copy of 2026-01-05T07:00:00Z: tag backup-chain/v1/0 does not begin with a number of parts from 1 to 7
    Backup of 2026-01-06T07:00:00Z: tag backup-chain/v1/0 does not begin with a number of parts from 1 to 7
    Copy of 2026-01-06T07:00:00Z: believed
    ");
}

/// The settings table holds what does not fit into the tags.
#[tokio::test(start_paused = true)]
async fn stored_settings_that_are_missing_or_replaced_make_a_point_suspect() {
    let (world, mut stack) = scene().await;
    let client = dynamodb(&world);
    let own: Vec<(String, String)> =
        (0..43).map(|number| (format!("tag-{number}"), "value".to_owned())).collect();
    let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let orders = table(&world, "app-orders", &own).await.unwrap();
    let carts = table(&world, "app-carts", &own).await.unwrap();
    let settings = "backup-chain-settings";
    stack.live_until(at("2026-01-04T20:00:00Z")).await;
    let first = of_day(&stack, &orders, PointKind::Backup, "2026-01-04").await;
    assert!(first.settings_stored && first.is_counted(), "{first:#?}");
    let key = |point: &RestorePoint| {
        let digest = AttributeValue::S(point.settings.unwrap().to_string());
        [("pk".to_owned(), AttributeValue::S(point.table.id.to_string())), ("sk".to_owned(), digest)]
    };
    let older =
        client.get_item().table_name(settings).set_key(Some(key(&first).into())).send().await.unwrap();
    let older = older.item.unwrap()["sealed"].clone();
    // From here on the settings are others.
    let tag = aws_sdk_dynamodb::types::Tag::builder().key("tag-0").value("changed").build().unwrap();
    client.tag_resource().resource_arn(first.table.arn.to_string()).tags(tag).send().await.unwrap();

    let mut reasons = Vec::new();
    for (number, day) in days(5, 3).iter().enumerate() {
        stack.live_until(at(&format!("{day}T13:00:30Z"))).await;
        let own = of_day(&stack, &orders, PointKind::Backup, day).await;
        assert_ne!(own.settings, first.settings);
        let put = |sealed| {
            client.put_item().table_name(settings).set_item(Some(key(&own).into())).item("sealed", sealed)
        };
        let damage = ["missing", "those of before", "no message"][number];
        match damage {
            "missing" => drop(
                client
                    .delete_item()
                    .table_name(settings)
                    .set_key(Some(key(&own).into()))
                    .send()
                    .await
                    .unwrap(),
            ),
            "those of before" => drop(put(older.clone()).send().await.unwrap()),
            _ => drop(put(AttributeValue::B(Blob::new(b"nothing"))).send().await.unwrap()),
        }
        stack.live_until(at(&format!("{day}T20:00:00Z"))).await;
        let own = of_day(&stack, &orders, PointKind::Backup, day).await;
        let why = own.suspect.clone().unwrap_or_else(|| panic!("{day}: believed"));
        reasons.push((damage, why.replace(&own.settings.unwrap().to_string(), "<digest>")));
        assert!(of_day(&stack, &carts, PointKind::Backup, day).await.is_counted(), "{day}");
    }
    assert_snapshot!(story(&reasons, &[]), @r"
    missing: its settings <digest> are not in the settings table of eu-central-1
    those of before: the settings stored as <digest> are others
    no message: the encrypted message has version 0x6e, metadata has 0x2
    ");

    // What is stored anew is believed again: one who tampered once has not spoilt what comes later.
    stack.live_until(at("2026-01-08T20:00:00Z")).await;
    let good = of_day(&stack, &orders, PointKind::Backup, "2026-01-08").await;
    assert!(good.settings_stored && good.is_counted(), "{:?}", good.suspect);
    let copy = of_day(&stack, &orders, PointKind::Copy, "2026-01-08").await;
    assert!(copy.is_counted(), "{:?}", copy.suspect);
}

/// A deployment that moves to another key without the old one can open nothing of before: that is kept.
#[tokio::test(start_paused = true)]
async fn metadata_under_a_key_of_before_is_not_believed() {
    let (world, mut stack) = scene().await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    stack.live_until(at("2026-01-05T20:00:00Z")).await;
    let kms = aws_sdk_kms::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let other = kms.create_key().multi_region(true).send().await.unwrap();
    let other = other.key_metadata().unwrap().arn().unwrap().to_owned();
    kms.replicate_key().key_id(&other).replica_region(TARGET).send().await.unwrap();
    stack.reconfigure(|deployment| deployment.key = other);
    stack.live_until(at("2026-01-25T20:00:00Z")).await;
    let all = all_points(&stack, &orders).await;
    let backups =
        all.iter().filter(|point| point.kind == PointKind::Backup && point.state() == State::Available);
    let (old, new): (Vec<_>, Vec<_>) = backups.partition(|point| point.slot < at("2026-01-06T00:00:00Z"));
    let suspect: Vec<_> = old.iter().filter_map(|point| point.suspect.as_deref()).collect();
    assert_eq!(suspect, ["its metadata is sealed under another key"; 2]);
    assert!(new.len() > 3 && new.iter().all(|point| point.is_counted()), "{new:#?}");
}
