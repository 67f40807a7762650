//! Restores from copy chains: in their Region, copied back, and with the source Region lost.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_core::ids::Region;
use backup_chain_core::invoke::{Ask, From, RetentionRequest, SessionRequest, Wanted};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::restore::{Choices, Key, Stage};
use backup_chain_deployed::stack::{ACCOUNT, SOURCE, TARGET};
use backup_chain_local::{Fault, FaultRule};
use backup_chain_restore::recorded;
use backup_chain_tests::restores::{
    COPIED, all_but_kinesis, ask, changes, copied, detached, differences, home, items, items_in, newest,
    restored,
};
use backup_chain_tests::{apply, assert_agreement, backup, points, tables, vault_tags};
use jiff::SignedDuration;
use serde_json::json;

const COPIES: &str = "eu-west-1/backup-chain-copies";

fn elsewhere() -> Region {
    TARGET.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_restored_in_its_region() {
    let (world, mut stack, orders, settings) = copied().await;
    let held = items(&world, &orders).await;
    let wanted = Wanted { vault: Some(COPIES.to_owned()), ..newest(&orders) };
    // The key of the table is in the source Region alone.
    let refused = stack.restore(ask([wanted.clone()])).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "eu-west-1 does not have the key that the table was encrypted with: say with which one to encrypt the table there"
    );
    let choices = Choices { encryption: Some(Key::AwsOwned), ..all_but_kinesis() };
    let told = stack.restore(Ask { choices, ..ask([wanted]) }).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(restore.target.to_string(), "arn:aws:dynamodb:eu-west-1:111122223333:table/orders");
    assert_eq!(items_in(&world, TARGET, &orders).await, held);
    let told = differences(&restore);
    assert_eq!(told.len(), 2, "key and Kinesis: {told:#?}");
    let there = stack.app().aws.region(&elsewhere()).capture_anew(&orders).await.unwrap().settings;
    let mut differs = there.changes(&settings);
    differs.sort();
    assert_eq!(differs, ["alarms", "kinesis", "policies", "sse"], "ARNs and names of the other Region");
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_backup_is_gone_is_copied_back_and_restored_under_its_own_name() {
    let (world, mut stack, orders, settings) = copied().await;
    let held = items(&world, &orders).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    let chain = points(&stack, &orders).await;
    let of = |kind| chain.iter().find(|point: &&RestorePoint| point.kind == kind).unwrap().clone();
    let (backup, copy) = (of(PointKind::Backup), of(PointKind::Copy));
    let removal = serde_json::from_value(serde_json::json!({
        "action": "remove", "table": "orders", "which": {"point": backup.id}, "vault": "eu-central-1/backup-chain",
        "override_guards": ["newest"], "reason": "a neighbour",
    }));
    stack.retention(removal.unwrap()).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    stack.retention(RetentionRequest::run()).await.unwrap();

    let wanted = Wanted {
        from: From::Point(copy.id.clone()),
        vault: Some(COPIES.to_owned()),
        region: Some(home()),
        ..newest(&orders)
    };
    let told = stack.restore(ask([wanted])).await.unwrap();
    assert_eq!(
        told[0].notes,
        ["its copy is first copied back from eu-west-1/backup-chain-copies to eu-central-1"]
    );
    // While a table is made of it, nobody removes it.
    let removal = serde_json::from_value(serde_json::json!({
        "action": "remove", "table": "orders", "which": {"point": copy.id}, "vault": COPIES,
        "override_guards": ["newest"], "reason": "in a hurry",
    }));
    let kept = stack.retention(removal.unwrap()).await.unwrap_err().to_string();
    assert!(kept.contains("being restored from"), "{kept}");
    // What is on its way back carries an id that no record of that vault has yet.
    for _ in 0..20 {
        stack.live(SignedDuration::from_secs(6)).await;
        let report = stack.retention(RetentionRequest::run()).await.unwrap();
        assert_eq!(report.problems, [""; 0]);
    }
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(differences(&restore), [""; 0]);
    assert_eq!(items(&world, &orders).await, held);
    let now = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    assert_eq!(changes(&now, &settings), [""; 0]);
    // What came back is a restore point of its chain again, and goes the way of all of them.
    let again = points(&stack, &orders).await;
    let back = again.iter().find(|point| point.id == copy.id && point.kind == PointKind::Backup).unwrap();
    assert_eq!((back.created_at, &back.flags), (backup.created_at, &backup.flags));
    assert_agreement(&world, &stack, std::slice::from_ref(&orders)).await;
    let removal = serde_json::from_value(serde_json::json!({
        "action": "remove", "table": "orders", "which": {"point": copy.id}, "vault": "eu-central-1/backup-chain",
        "override_guards": ["newest"], "reason": "a second time",
    }));
    stack.retention(removal.unwrap()).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let report = stack.retention(RetentionRequest::run()).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert_agreement(&world, &stack, std::slice::from_ref(&orders)).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_cold_storage_is_restored_where_it_is_and_nowhere_else() {
    let (world, mut stack, orders, settings) = copied().await;
    let held = items(&world, &orders).await;
    let copy = points(&stack, &orders).await.into_iter().find(|point| point.kind == PointKind::Copy).unwrap();
    let there = backup(&world, TARGET);
    let cold = aws_sdk_backup::types::Lifecycle::builder().move_to_cold_storage_after_days(2).build();
    let update =
        there.update_recovery_point_lifecycle().backup_vault_name("backup-chain-copies").lifecycle(cold);
    update.recovery_point_arn(copy.recovery_point().unwrap().as_str()).send().await.unwrap();
    apply(&stack, &COPIED.replace("name: copied", "name: copied\nenabled: false")).await.unwrap();
    stack.live(SignedDuration::from_hours(74)).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    let from = From::Point(copy.id);
    let wanted = Wanted { from, vault: Some(COPIES.to_owned()), ..newest(&orders) };
    let ask = |region| {
        let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
        Ask { choices, ..ask([Wanted { region, ..wanted.clone() }]) }
    };
    let backup_is_gone = json!({
        "action": "remove", "table": "orders", "which": "backups", "override_guards": ["newest"], "reason": "a drill",
    });
    stack.retention(serde_json::from_value(backup_is_gone).unwrap()).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let why = stack.restore(ask(Some(home()))).await.unwrap_err().to_string();
    assert!(why.contains("it is in cold storage") && why.contains("restore it in eu-west-1"), "{why}");
    let told = stack.restore(ask(None)).await.unwrap();
    stack.live(SignedDuration::from_hours(6)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(items_in(&world, TARGET, &orders).await, held);
}

/// What is newer and not taken is named, with the reason; its items can be had.
#[tokio::test(start_paused = true)]
async fn with_the_source_region_lost_a_newer_copy_that_is_not_believed_is_named() {
    let (world, mut stack, orders, _) = copied().await;
    stack.session(SessionRequest::run("copied".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(90)).await;
    let mut copies = points(&stack, &orders).await;
    copies.retain(|point| point.kind == PointKind::Copy);
    copies.sort_by_key(|point| point.created_at);
    let [older, newest_one] = &copies[..] else { panic!("{copies:#?}") };
    let arn = newest_one.recovery_point().cloned().unwrap();
    let tags = vault_tags(&world, TARGET, "backup-chain-copies")[&arn].clone();
    world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
    let folder = tempfile::tempdir().unwrap();
    let plan = async |items_only, from: From| {
        let detached = detached(&world, &orders, folder.path().join("restore.json")).await.unwrap();
        let wanted = Wanted { from, ..newest(&orders) };
        let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
        detached.begin(&Ask { choices, dry_run: true, items_only, ..ask([wanted]) }).await
    };
    // A tag of its message is cut; then it carries the tags of the copy before.
    let mut cut = tags.clone();
    assert!(cut.remove("backup-chain/v1/0").is_some(), "{tags:#?}");
    let others = vault_tags(&world, TARGET, "backup-chain-copies")[older.recovery_point().unwrap()].clone();
    for (tags, reason) in [(cut, "is not taken"), (others, "is newer and is not taken")] {
        assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), tags)));
        // Tags are seen late.
        tokio::time::sleep(std::time::Duration::from_mins(20)).await;
        let told = plan(false, From::Newest).await.unwrap();
        assert_eq!(told.restore.point, older.id, "{:#?}", told.notes);
        assert!(told.notes.iter().any(|note| note.contains(reason)), "{:#?}", told.notes);
    }
    // Back with its own, and bound to nothing, it is restored without its settings.
    let binding = |key: &str, value: &str| (key.to_owned(), AttributeValue::S(value.to_owned()));
    let key = HashMap::from([binding("pk", arn.as_str()), binding("sk", "binding")]);
    let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, TARGET, "somebody"));
    client.delete_item().table_name("backup-chain-settings").set_key(Some(key)).send().await.unwrap();
    let mut unbound = tags;
    unbound.remove("backup-chain/bound");
    assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), unbound)));
    tokio::time::sleep(std::time::Duration::from_mins(20)).await;
    let asked = From::Point(newest_one.id.clone());
    let refused = plan(false, asked.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("ask for items only"), "{refused}");
    assert!(plan(true, asked).await.unwrap().restore.items_only);
}

#[tokio::test(start_paused = true)]
async fn with_the_source_region_lost_a_copy_is_restored_from_what_the_other_region_has() {
    let (world, stack, orders, settings) = copied().await;
    let held = items(&world, &orders).await;
    world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("restore.json");
    let find = async || detached(&world, &orders, record.clone()).await.unwrap();
    let detached = find().await;
    let choices = Choices { encryption: Some(Key::AwsOwned), ..all_but_kinesis() };
    let told = detached.begin(&Ask { choices, ..ask([newest(&orders)]) }).await.unwrap();
    // Cut off here and there, it goes on from its record.
    let mut restore = told.restore;
    let mut stages = vec![restore.stage];
    for nth in [3, 20, 40, 30] {
        world.crash_after("operator", nth);
        let cut = detached.finish(&mut restore, |restore| stages.push(restore.stage));
        tokio::select! {
            biased;
            done = cut => panic!("it was not cut off at call {nth}: {:?}", done.map(|told| told.restore.stage)),
            () = world.crashed("operator") => {}
        }
        restore = recorded(&record).unwrap();
    }
    let detached = find().await;
    let told = detached.finish(&mut restore, |restore| stages.push(restore.stage)).await.unwrap();
    assert_eq!(told.restore.stage, Stage::Succeeded, "{:#?}", told.restore);
    assert_eq!(differences(&told.restore).len(), 2, "key and Kinesis: {:#?}", differences(&told.restore));
    assert!(stages.contains(&Stage::Running) && told.adoption.is_some());
    assert_eq!(recorded(&record).unwrap(), told.restore);
    assert_eq!(items_in(&world, TARGET, &orders).await, held);
    let there = stack.app().aws.region(&elsewhere()).capture_anew(&orders).await.unwrap();
    assert_eq!(there.warnings, [""; 0]);
    let mut differs = there.settings.changes(&settings);
    differs.sort();
    assert_eq!(differs, ["alarms", "kinesis", "policies", "sse"]);
}
