//! Tables whose own tags leave no room for ours, and metadata that finds no place at all: backed up, copied, kept,
//! found again and restored like any other.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Tag};
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, From, RetentionRequest, SessionRequest, Wanted};
use backup_chain_core::point::{BindingLocation, PointKind, RestorePoint, State};
use backup_chain_core::restore::{Choices, Key, Stage};
use backup_chain_core::session::{Session, Status};
use backup_chain_core::settings::{Part, TableSettings};
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::{
    ACCOUNT, COPIES, COPY, RETENTION, SESSION, SOURCE, Schedules, Stack, TARGET, VAULT,
};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::restores::{
    ask, detached, differences, home, items, items_in, newest, quick, restored,
};
use backup_chain_tests::{
    apply, assert_agreement, at, deployed, deployed_with, dynamodb, lose_the_catalog, points, start_by_hand,
    table, tables, vault_tags,
};
use jiff::SignedDuration;

const COPIES_OF: &str = "eu-west-1/backup-chain-copies";

const POLICY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 2 days, copy: {keep: 3 days}}
";

fn own_tags(count: usize) -> Vec<(String, String)> {
    (0..count).map(|number| (format!("own-{number:02}"), "x".to_owned())).collect()
}

/// A small table with so many tags of its own.
async fn tagged(world: &World, name: &str, count: usize) -> TableName {
    let own = own_tags(count);
    let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    table(world, name, &own).await.unwrap()
}

/// Settings that fit into no tags, with so many tags of the table's own.
fn large(count: usize) -> TableSettings {
    let mut settings = TableSettings::from_bytes(include_bytes!("../../fixtures/huge.json")).unwrap();
    settings.tags = Part::Known(own_tags(count).into_iter().collect());
    settings
}

fn only(points: &[RestorePoint], kind: PointKind) -> RestorePoint {
    let mut found = points.iter().filter(|point| point.kind == kind);
    let (Some(point), None) = (found.next(), found.next()) else { panic!("not one {kind:?}: {points:#?}") };
    point.clone()
}

async fn last_session(stack: &Stack) -> Session {
    let sessions = stack.app().catalog.sessions().await.unwrap();
    sessions.into_iter().max_by_key(|session| session.started_at).unwrap()
}

/// How many tags of a recovery point begin as ours do.
fn ours(world: &World, point: &RestorePoint) -> usize {
    let tags = vault_tags(world, point.vault.region.as_str(), point.vault.name.as_str());
    tags[point.recovery_point().unwrap()].keys().filter(|key| key.starts_with("backup-chain/")).count()
}

/// The keys of the settings table of a Region.
async fn stored(world: &World, region: &str) -> BTreeSet<(String, String)> {
    let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, region, "auditor"));
    let mut pages = client.scan().table_name("backup-chain-settings").into_paginator().items().send();
    let mut keys = BTreeSet::new();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        keys.insert((item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone()));
    }
    keys
}

/// What the settings table of a Region must hold for these points, and nothing else.
fn expected<'a>(points: impl IntoIterator<Item = &'a RestorePoint>) -> BTreeSet<(String, String)> {
    let mut keys = BTreeSet::new();
    for point in points {
        let id = point.table.id.to_string();
        if point.settings_stored {
            keys.insert((id.clone(), point.settings.unwrap().to_string()));
        }
        if point.message_stored {
            keys.insert((id, point.sealed.unwrap().to_string()));
            keys.insert((point.recovery_point().unwrap().to_string(), "message".to_owned()));
        }
        if point.bound == Some(BindingLocation::Stored) {
            keys.insert((point.recovery_point().unwrap().to_string(), "binding".to_owned()));
        }
    }
    keys
}

#[tokio::test(start_paused = true)]
async fn tables_full_of_tags_are_backed_up_copied_kept_and_forgotten_like_any_other() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let mut names = Vec::new();
    for count in [43, 46, 47, 48, 49, 50] {
        names.push(tagged(&world, &format!("app-{count}"), count).await);
    }
    names.push(tables::create(&world, "app-large", &large(50)).await.unwrap());
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let session = last_session(&stack).await;
    assert_eq!((session.status, session.available), (Status::Succeeded, 7), "{session:#?}");
    for name in &names {
        let made = points(&stack, name).await;
        for point in [only(&made, PointKind::Backup), only(&made, PointKind::Copy)] {
            assert!(point.is_counted() && point.warnings.is_empty(), "{name}: {point:#?}");
            // The message, the id alone, nothing.
            assert_eq!(point.message_stored, name.as_str() != "app-43", "{name}");
            match name.as_str() {
                "app-43" => assert_eq!(ours(&world, &point), 6),
                "app-50" | "app-large" => assert_eq!(ours(&world, &point), 0),
                _ => assert_eq!(ours(&world, &point), 1, "{name}"),
            }
        }
    }
    // Nothing is asked of AWS that it would not take.
    let large = only(&points(&stack, &names[6]).await, PointKind::Backup);
    assert!(large.settings_stored, "what is large is not kept with each message");
    assert_agreement(&world, &stack, &names).await;

    // They age as all do, and what describes them goes with them.
    stack.live_until(at("2026-01-12T06:00:00Z")).await;
    let mut left = Vec::new();
    for name in &names {
        let of_table = points(&stack, name).await;
        assert_eq!(of_table.len(), 3 + 4, "{name}: {of_table:#?}");
        left.extend(of_table);
    }
    for region in [SOURCE, TARGET] {
        let here = left.iter().filter(|point| point.vault.region.as_str() == region);
        assert_eq!(stored(&world, region).await, expected(here), "{region}");
    }
    assert!(stack.reports().iter().all(|(_, report)| report.problems.is_empty()));
    assert_agreement(&world, &stack, &names).await;
}

#[tokio::test(start_paused = true)]
async fn tables_full_of_tags_are_restored_like_any_other() {
    let (world, mut stack) = quick().await;
    let full = tagged(&world, "app-full", 50).await;
    let large = tables::create(&world, "app-large", &large(49)).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.session(SessionRequest::run("daily".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    for name in [&full, &large] {
        let held = items(&world, name).await;
        let was = stack.app().aws.region(&home()).capture_anew(name).await.unwrap().settings;
        tables::drop(&world, name, &was).await.unwrap();
        let told = stack.restore(ask([newest(name)])).await.unwrap();
        stack.live(SignedDuration::from_mins(30)).await;
        let restore = restored(&stack, &told[0].restore.id).await;
        assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
        assert_eq!(items(&world, name).await, held);
        let now = stack.app().aws.region(&home()).capture_anew(name).await.unwrap().settings;
        if *name == full {
            // DynamoDB takes 50 tags, and the restore needs one while it is under way.
            assert_eq!(differences(&restore), ["tags: Changed: as asked"]);
            assert!(
                told[0].notes.iter().any(|note| note.contains("own-49 is left out")),
                "{:?}",
                told[0].notes
            );
            assert_eq!(now.changes(&was), ["tags"]);
            assert_eq!(now.tags.known().unwrap().len(), 49);
        } else {
            assert_eq!((differences(&restore), now.changes(&was)), (vec![], vec![]));
        }
        // A copy, in its Region.
        let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
        let copy = Wanted { vault: Some(COPIES_OF.to_owned()), ..newest(name) };
        let told = stack.restore(Ask { choices, ..ask([copy]) }).await.unwrap();
        stack.live(SignedDuration::from_mins(30)).await;
        let restore = restored(&stack, &told[0].restore.id).await;
        assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
        assert_eq!(items_in(&world, TARGET, name).await, held);
    }
}

/// A copy whose backup is gone, and with it what described it in the source Region.
#[tokio::test(start_paused = true)]
async fn what_describes_a_copy_is_copied_back_with_it() {
    let (world, mut stack) = quick().await;
    let full = tagged(&world, "app-full", 50).await;
    let large = tables::create(&world, "app-large", &large(30)).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.session(SessionRequest::run("daily".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    apply(&stack, &format!("{POLICY}enabled: false\n")).await.unwrap();
    for name in [&full, &large] {
        let was = stack.app().aws.region(&home()).capture_anew(name).await.unwrap().settings;
        tables::drop(&world, name, &was).await.unwrap();
        let removal = serde_json::json!({
            "action": "remove", "table": name, "which": "backups", "override_guards": ["newest"], "reason": "a drill",
        });
        stack.retention(serde_json::from_value(removal).unwrap()).await.unwrap();
        stack.live(SignedDuration::from_mins(10)).await;
        stack.retention(RetentionRequest::run()).await.unwrap();
        let copy = only(&points(&stack, name).await, PointKind::Copy);
        assert!(stored(&world, SOURCE).await.iter().all(|(pk, _)| *pk != copy.table.id.to_string()));
        let back = Wanted {
            from: From::Point(copy.id.clone()),
            vault: Some(COPIES_OF.to_owned()),
            region: Some(home()),
            ..newest(name)
        };
        let told = stack.restore(ask([back])).await.unwrap();
        stack.live(SignedDuration::from_mins(30)).await;
        let restore = restored(&stack, &told[0].restore.id).await;
        assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
        let left_out: &[&str] = if *name == full { &["tags: Changed: as asked"] } else { &[] };
        assert_eq!(differences(&restore), left_out);
        let back = only(&points(&stack, name).await, PointKind::Backup);
        assert!(back.is_counted() && back.message_stored == copy.message_stored, "{back:#?}");
    }
    assert_agreement(&world, &stack, &[full, large]).await;
}

#[tokio::test(start_paused = true)]
async fn without_the_catalog_they_are_found_by_their_arn() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let names = [tagged(&world, "app-full", 50).await, tagged(&world, "app-other", 49).await];
    // A table's own tags may begin as ours do: its recovery points inherit them.
    let tag = Tag::builder().key("backup-chain/id").value("nobody").build().unwrap();
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/app-other");
    dynamodb(&world).tag_resource().resource_arn(arn).tags(tag).send().await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let before = [points(&stack, &names[0]).await, points(&stack, &names[1]).await].concat();
    assert!(
        before.len() == 8 && before.iter().all(|point| point.message_stored && point.is_counted()),
        "{before:#?}"
    );

    // What leads to a message is another's or gone: it is seen, and put back.
    let client = dynamodb(&world);
    let arns: Vec<String> = before
        .iter()
        .filter(|point| point.kind == PointKind::Backup)
        .map(|point| point.recovery_point().unwrap().to_string())
        .collect();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let item = async |arn: &String| {
        let item = client.get_item().table_name("backup-chain-settings").consistent_read(true);
        item.key("pk", text(arn)).key("sk", text("message")).send().await.unwrap().item
    };
    let mut other = item(&arns[0]).await.unwrap();
    other.insert("pk".to_owned(), text(&arns[1]));
    client.put_item().table_name("backup-chain-settings").set_item(Some(other)).send().await.unwrap();
    let delete = client.delete_item().table_name("backup-chain-settings");
    delete.key("pk", text(&arns[0])).key("sk", text("message")).send().await.unwrap();
    let verified = cli(&world, "catalog verify --open").await;
    assert_eq!(verified.out.matches("what leads to its message in the settings table is gone").count(), 2);
    let told = stack.retention(RetentionRequest::run()).await.unwrap();
    let put_back =
        told.problems.iter().filter(|line| line.ends_with("was gone or another's, and is put back"));
    assert_eq!(put_back.count(), 2, "{:#?}", told.problems);
    assert_eq!(cli(&world, "catalog verify --open").await.code, 0);

    // One has lost its message, of one nothing is known any more, and one is somebody else's by our role.
    let mut backups = before.iter().filter(|point| point.kind == PointKind::Backup);
    let (cut, gone) = (backups.next().unwrap(), backups.next().unwrap());
    let remove = |pk: String, sk: String| {
        let text = AttributeValue::S;
        client
            .delete_item()
            .table_name("backup-chain-settings")
            .key("pk", text(pk))
            .key("sk", text(sk))
            .send()
    };
    remove(cut.table.id.to_string(), cut.sealed.unwrap().to_string()).await.unwrap();
    remove(gone.recovery_point().unwrap().to_string(), "message".to_owned()).await.unwrap();
    by_hand(&world, &stack, &names[0]).await;
    stack.live(SignedDuration::from_mins(20)).await;

    lose_the_catalog(&world, &stack).await;
    apply(&stack, POLICY).await.unwrap();
    let rebuilt = stack.rebuild().await.unwrap();
    assert_eq!((rebuilt.added, rebuilt.foreign), (6, 2), "{rebuilt:#?}");
    let (unmarked, told): (Vec<_>, Vec<_>) =
        rebuilt.problems.iter().partition(|problem| problem.contains("carries no metadata of ours"));
    let (2, [problem]) = (unmarked.len(), told.as_slice()) else { panic!("{rebuilt:#?}") };
    let told = format!("its metadata {} is not in the settings table of eu-central-1", cut.sealed.unwrap());
    assert!(
        problem.contains(cut.recovery_point().unwrap().as_str()) && problem.ends_with(&told),
        "{problem}"
    );
    let after = [points(&stack, &names[0]).await, points(&stack, &names[1]).await].concat();
    let essence = |point: &RestorePoint| {
        let arn = point.recovery_point().cloned();
        let RestorePoint { id, kind, flags, sealed, settings, message_stored, settings_stored, .. } =
            point.clone();
        (id, kind, arn, flags, sealed, settings, message_stored, settings_stored)
    };
    let kept = before
        .iter()
        .filter(|point| ![cut.recovery_point(), gone.recovery_point()].contains(&point.recovery_point()));
    assert_eq!(after.iter().map(essence).collect::<Vec<_>>(), kept.map(essence).collect::<Vec<_>>());
    // What is in the vault and not in the catalog is told by each run.
    let report = stack.retention(RetentionRequest::run()).await.unwrap();
    let told = format!("recovery point {} in", cut.recovery_point().unwrap());
    assert!(report.problems.iter().any(|line| line.starts_with(&told)), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn with_the_source_region_lost_they_are_restored_from_their_copies() {
    let (world, mut stack) = quick().await;
    let full = tagged(&world, "app-full", 50).await;
    apply(&stack, POLICY).await.unwrap();
    stack.session(SessionRequest::run("daily".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let held = items(&world, &full).await;
    assert!(only(&points(&stack, &full).await, PointKind::Copy).message_stored);
    world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
    let folder = tempfile::tempdir().unwrap();
    let detached = detached(&world, &full, folder.path().join("restore.json")).await.unwrap();
    let told = detached.begin(&ask([newest(&full)])).await.unwrap();
    let mut restore = told.restore;
    let told = detached.finish(&mut restore, |_| {}).await.unwrap();
    assert_eq!(told.restore.stage, Stage::Succeeded, "{told:#?}");
    assert_eq!(differences(&told.restore), ["tags: Changed: as asked"]);
    assert_eq!(items_in(&world, TARGET, &full).await, held);
}

/// With tags swapped between the copies of two tables, none is restored with the other's settings.
#[tokio::test(start_paused = true)]
async fn with_the_source_region_lost_swapped_tags_mix_no_two_tables() {
    let (world, mut stack) = quick().await;
    let names = [tagged(&world, "app-open", 1).await, tagged(&world, "app-secret", 1).await];
    apply(&stack, POLICY).await.unwrap();
    stack.session(SessionRequest::run("daily".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let mut copies = Vec::new();
    for name in &names {
        copies.push(only(&points(&stack, name).await, PointKind::Copy).recovery_point().cloned().unwrap());
    }
    let tags = vault_tags(&world, TARGET, COPIES);
    world.with_backup(|backup| {
        assert!(backup.overwrite_tags(copies[0].as_str(), tags[&copies[1]].clone()));
        assert!(backup.overwrite_tags(copies[1].as_str(), tags[&copies[0]].clone()));
    });
    world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
    let folder = tempfile::tempdir().unwrap();
    let detached = detached(&world, &names[0], folder.path().join("restore.json")).await.unwrap();
    world.clear_calls();
    let refused = detached.begin(&ask([newest(&names[0])])).await.unwrap_err().to_string();
    assert!(!world.calls().iter().any(|call| call.operation == "StartRestoreJob"), "{refused}");
}

/// Starts a backup by hand, with the stack's own role into the stack's own vault.
async fn by_hand(world: &World, stack: &Stack, table: &TableName) {
    start_by_hand(world, &stack.app().context.deployment().backup_role, table.as_str()).await.unwrap();
}

/// The answer of StartBackupJob is lost, and the session function dies for hours: its job is known again, another's is
/// never taken for it, and there is no second one.
#[tokio::test(start_paused = true)]
async fn a_job_without_tags_is_known_again_and_no_other_is_taken_for_it() {
    for (fault, by_hand_before, by_hand_after, forgotten) in [
        (Fault::TimeoutAfter, false, false, true),
        (Fault::TimeoutAfter, true, false, true),
        (Fault::TimeoutAfter, false, true, true),
        (Fault::TimeoutBefore, false, false, true),
        (Fault::TimeoutBefore, true, true, true),
        (Fault::TimeoutAfter, true, true, false),
    ] {
        let place = format!("{fault:?} {by_hand_before} {by_hand_after} {forgotten}");
        let schedules =
            Schedules { tick: SignedDuration::from_mins(10), retention: false, ..Schedules::default() };
        let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
        let full = tagged(&world, "app-full", 50).await;
        apply(&stack, &POLICY.replace("keep: 2 days", "keep: 20 days")).await.unwrap();
        if by_hand_before {
            stack.live_until(at("2026-01-05T06:59:00Z")).await;
            by_hand(&world, &stack, &full).await;
        }
        // Every try of the slot's tick is lost; then the function is denied everything for hours.
        world.inject(FaultRule::new("backup", "StartBackupJob", fault).caller(SESSION).times(3));
        stack.live_until(at("2026-01-05T07:01:00Z")).await;
        let starting = points(&stack, &full).await;
        assert_eq!(starting.first().map(|point| point.state()), Some(State::Starting), "{place}");
        if by_hand_after {
            by_hand(&world, &stack, &full).await;
        }
        world.inject(FaultRule::new("backup", "*", Fault::ServerError).caller(SESSION));
        stack.live_until(at("2026-01-05T11:00:00Z")).await;
        world.clear_faults();
        if forgotten {
            world.with_backup(backup_chain_local::backup::Backup::forget_tokens);
        }
        stack.live_until(at("2026-01-05T15:00:00Z")).await;
        let made = points(&stack, &full).await;
        let ours = only(&made, PointKind::Backup);
        assert!(ours.is_counted() && ours.message_stored && made.len() == 2, "{place}: {made:#?}");
        let foreign = usize::from(by_hand_before) + usize::from(by_hand_after);
        assert_eq!(vault_tags(&world, SOURCE, VAULT).len(), 1 + foreign, "{place}");
        assert_eq!(vault_tags(&world, TARGET, COPIES).len(), 1, "{place}");
        assert_agreement(&world, &stack, &[full]).await;
    }
}

/// AWS refuses the tags of a request: by their number, or for a reason that it does not tell.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_with_tags_is_sent_without() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    world.with_backup(|backup| backup.options_mut().added_tags = 3);
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    world.with_backup(|backup| backup.options_mut().added_tags = 10);
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::Deny).caller(SESSION).times(1));
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert_eq!(made.len(), 4, "{made:#?}");
    for point in &made {
        assert!(point.is_counted() && point.message_stored, "{point:#?}");
        assert_eq!(ours(&world, point), 0);
        assert_eq!(point.attempt, 1, "it is none of the tries that the policy allows");
        let told =
            point.warnings.iter().any(|line| line.contains("AWS refused it as tags: backup:StartBackupJob"));
        assert_eq!(told, point.kind == PointKind::Backup, "{point:#?}");
    }
    assert_eq!(last_session(&stack).await.status, Status::Warning);
    // Refused without tags as well it is no matter of tags: the next try has them again.
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::Deny).caller(SESSION).times(2));
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    let last = points(&stack, &orders).await.into_iter().rfind(|point| point.kind == PointKind::Backup);
    let last = last.unwrap();
    assert!(last.is_counted() && !last.message_stored && last.attempt == 2, "{last:#?}");
    assert_agreement(&world, &stack, &[orders]).await;
}

/// The table gets more tags between the request and the job: AWS gives the job up, and tells why in words.
#[tokio::test(start_paused = true)]
async fn a_job_that_is_given_up_for_its_tags_is_tried_again_without() {
    let schedules = Schedules { retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:50:00Z", schedules).await;
    world.with_backup(|backup| backup.options_mut().durations.start = SignedDuration::from_mins(2));
    let names = [tagged(&world, "app-orders", 40).await, tagged(&world, "by-hand", 40).await];
    apply(&stack, &POLICY.replace("tiers:", "retries: {attempts: 0}\ntiers:")).await.unwrap();
    stack.live_until(at("2026-01-05T06:59:30Z")).await;
    let tables = vec!["by-hand".to_owned()];
    stack.session(SessionRequest::backup(tables)).await.unwrap();
    stack.live_until(at("2026-01-05T07:00:40Z")).await;
    for name in &names {
        let running = points(&stack, name).await;
        assert_eq!((running[0].state(), running[0].message_stored), (State::Running, false), "{running:#?}");
        let arn = running[0].table.arn.to_string();
        let more =
            (0..8).map(|number| Tag::builder().key(format!("more-{number}")).value("x").build().unwrap());
        let tag = dynamodb(&world).tag_resource().resource_arn(arn).set_tags(Some(more.collect()));
        tag.send().await.unwrap();
    }
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    for (name, kind) in names.iter().zip([PointKind::Backup, PointKind::Manual]) {
        let point = only(&points(&stack, name).await, kind);
        assert!(point.is_counted() && point.message_stored && point.attempt == 2, "{point:#?}");
        let told = "try 1 failed: FAILED: The resultant tag set must not have more than 50 user tags.";
        assert!(point.warnings.iter().any(|line| line == told), "{point:#?}");
    }
    assert_agreement(&world, &stack, &names).await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_without_room_for_its_tag_is_in_the_catalog_alone_and_says_so() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let full = tagged(&world, "app-full", 50).await;
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let point = only(&points(&stack, &full).await, PointKind::Backup);
    let vault = Some(format!("{SOURCE}/{VAULT}"));
    let hold = RetentionRequest::Hold {
        table: full.clone(),
        point: point.id.clone(),
        vault: vault.clone(),
        reason: "audit".to_owned(),
        until: None,
        by: None,
    };
    let held = stack.hold(hold).await.unwrap();
    let note = held.note.unwrap();
    assert!(
        note.starts_with("the hold is in the catalog alone")
            && note.ends_with("its recovery point carries no tag of ours"),
        "{note}"
    );
    assert_eq!((held.hold.unwrap().reason.as_str(), ours(&world, &point)), ("audit", 0));
    stack.live_until(at("2026-01-12T12:00:00Z")).await;
    assert!(points(&stack, &full).await.iter().any(|kept| kept.id == point.id));
    let lift = RetentionRequest::LiftHold {
        table: full.clone(),
        point: point.id.clone(),
        vault,
        by: None,
        reason: None,
    };
    assert_eq!(stack.hold(lift).await.unwrap().hold, None);
    stack.live_until(at("2026-01-14T12:00:00Z")).await;
    assert!(points(&stack, &full).await.iter().all(|kept| kept.id != point.id));
    assert_agreement(&world, &stack, &[full]).await;
}

/// Nothing can be sealed: the items are backed up all the same, and what they lack is told and owed.
#[tokio::test(start_paused = true)]
async fn metadata_that_cannot_be_sealed_or_stored_prevents_no_backup() {
    for (service, operation, name) in
        [("kms", "GenerateDataKey", "app-small"), ("dynamodb", "PutItem", "app-full")]
    {
        let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
        let orders = tagged(&world, name, if name == "app-full" { 50 } else { 3 }).await;
        let weekly = format!("{POLICY}  weekly: {{on: monday, at: [07:00], keep: 1 week}}\n");
        apply(&stack, &weekly).await.unwrap();
        let rule = FaultRule::new(service, operation, Fault::Deny).caller(SESSION);
        // Of the tables that are written to, only the settings table.
        let rule = if service == "dynamodb" { rule.resource("backup-chain-settings") } else { rule };
        world.inject(rule);
        stack.live_until(at("2026-01-05T18:00:00Z")).await;
        let bare = only(&points(&stack, &orders).await, PointKind::Backup);
        assert_eq!(bare.state(), State::Available, "{operation}: {bare:#?}");
        let why = bare.suspect.clone().unwrap();
        assert!(why.starts_with("it was made without metadata, which could not be sealed: "), "{why}");
        let session = last_session(&stack).await;
        assert_eq!((session.status, session.available), (Status::Warning, 0), "{operation}");
        world.clear_faults();
        stack.live_until(at("2026-01-06T18:00:00Z")).await;
        // Its items come back, and nothing else.
        let mut wanted = newest(&orders);
        (wanted.from, wanted.name) = (From::Point(bare.id.clone()), Some("again".parse().unwrap()));
        let refused = stack.restore(ask([wanted.clone()])).await.unwrap_err().to_string();
        assert!(refused.contains("is not believed"), "{refused}");
        let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
        let told = stack.restore(Ask { items_only: true, choices, ..ask([wanted]) }).await.unwrap();
        stack.live(SignedDuration::from_mins(40)).await;
        assert_eq!(restored(&stack, &told[0].restore.id).await.stage, Stage::Succeeded);
        assert_eq!(items(&world, &"again".parse().unwrap()).await.len(), 3);
        // The next one carries what was owed; the bare one is kept for ever.
        let made = points(&stack, &orders).await;
        let next = made.iter().rfind(|point| point.kind == PointKind::Backup).unwrap();
        let tiers: Vec<Tier> = next.flags.iter().map(|flag| flag.tier).collect();
        assert!(next.is_counted() && tiers == [Tier::Daily, Tier::Weekly], "{next:#?}");
        stack.live_until(at("2026-01-14T12:00:00Z")).await;
        let kept = points(&stack, &orders).await;
        assert!(
            kept.iter().any(|point| point.id == bare.id && point.suspect.as_ref() == Some(&why)),
            "{kept:#?}"
        );
    }
}

/// A point that is made does not hold its table while its metadata cannot be opened.
#[tokio::test(start_paused = true)]
async fn a_point_whose_metadata_cannot_be_looked_at_is_available_within_hours() {
    for (service, operation) in [("kms", "Decrypt"), ("dynamodb", "GetItem"), ("backup", "TagResource")] {
        let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
        let full = tagged(&world, "app-full", 48).await;
        apply(&stack, &format!("{POLICY}tags: {{purpose: audit}}\n").replace("keep: 2 days", "keep: 9 days"))
            .await
            .unwrap();
        for caller in [COPY, RETENTION] {
            let rule = FaultRule::new(service, operation, Fault::ServerError).caller(caller);
            let rule = if operation == "GetItem" { rule.resource("backup-chain-settings") } else { rule };
            world.inject(rule);
        }
        stack.live_until(at("2026-01-05T12:00:00Z")).await;
        let point = only(&points(&stack, &full).await, PointKind::Backup);
        assert_eq!(point.state(), State::Available, "{operation}: {point:#?}");
        assert_eq!(point.suspect.is_some(), operation != "TagResource", "{operation}: {point:#?}");
        world.clear_faults();
        stack.live_until(at("2026-01-07T12:00:00Z")).await;
        let made = points(&stack, &full).await;
        let backups: Vec<_> = made.iter().filter(|point| point.kind == PointKind::Backup).collect();
        assert!(
            backups.len() == 3 && backups.iter().all(|point| point.is_counted()),
            "{operation}: {made:#?}"
        );
    }
}

/// The least of lives that the simulation found (seeds 0 and 3, 60 days): what described a backup that failed stayed.
#[tokio::test(start_paused = true)]
async fn what_failed_tries_have_left_in_the_settings_table_goes_when_nothing_can_come_of_them() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let name = tables::create(&world, "app-large", &large(50)).await.unwrap();
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{name}");
    apply(&stack, &format!("{POLICY}retries: {{attempts: 1, pause: 5 minutes}}\n")).await.unwrap();
    // The backup of the first day fails for good, that of the second at its first try.
    for _ in 0..3 {
        world.with_backup(|backup| backup.fail_next_backup(&arn, "it came to nothing"));
    }
    let backups = async |stack: &Stack| {
        let mut living = points(stack, &name).await;
        living.retain(|point| point.kind == PointKind::Backup && point.is_counted());
        living
    };
    stack.live_until(at("2026-01-13T06:00:00Z")).await;
    let (held, named) = (stored(&world, SOURCE).await, expected(&backups(&stack).await));
    assert!(held.is_superset(&named) && held.len() > named.len(), "{held:#?}");
    stack.live_until(at("2026-01-15T12:00:00Z")).await;
    let living = backups(&stack).await;
    assert!(living.iter().all(|point| point.leftovers.is_empty()), "{living:#?}");
    assert_eq!(stored(&world, SOURCE).await, expected(&living));
    assert_agreement(&world, &stack, &[name]).await;
}
