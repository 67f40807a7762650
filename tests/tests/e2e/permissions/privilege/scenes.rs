//! Lives in which every right is asked for.

use std::collections::BTreeMap;

use backup_chain_core::invoke::{Ask, From, RetentionRequest, SessionRequest, Wanted};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::restore::{Choices, Feature, Key, Stage};
use backup_chain_core::settings::{Part, TableSettings};
use backup_chain_deployed::stack::{ACCOUNT, COPY, RESTORE, SESSION, SOURCE, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::restores::{COPIED, all_but_kinesis, ask, copied, newest, quick, restored};
use backup_chain_tests::{apply, at, deployed, dynamodb, leftovers, points, start_by_hand, table, tables};
use jiff::SignedDuration;
use serde_json::json;

use super::{Roles, SERVICE_ROLES};

const POLICY: &str = "
name: daily
sources: {prefixes: [app-], tags: {team: shop}}
vault: backup-chain
objective: 25 hours
tags: {purpose: audit}
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
retries: {attempts: 2, pause: 5 minutes}
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 4 days}}
";

fn of(points: &[RestorePoint], kind: PointKind) -> RestorePoint {
    points.iter().find(|point| point.kind == kind).unwrap().clone()
}

/// The answers of these calls are lost, one invocation long: three tries.
fn lose_answers(world: &World, caller: &str, operations: &[&str]) {
    for operation in operations {
        world.inject(FaultRule::new("backup", operation, Fault::TimeoutAfter).caller(caller).times(3));
    }
}

/// Backups, copies and retention.
async fn weeks(roles: &mut Roles) {
    let (world, mut stack) = deployed("2026-01-05T06:00:00Z").await;
    let large = TableSettings::from_bytes(include_bytes!("../../../../fixtures/huge.json")).unwrap();
    let large = tables::create(&world, "app-large", &large).await.unwrap();
    let orders = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    // Their recovery points have room for our id alone, and for none.
    for count in [49, 50] {
        let own: Vec<String> = (0..count).map(|number| format!("own-{number}")).collect();
        let own: Vec<(&str, &str)> = own.iter().map(|key| (key.as_str(), "x")).collect();
        table(&world, &format!("app-{count}"), &own).await.unwrap();
    }
    stack.session(SessionRequest::Check { document: POLICY.to_owned() }).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    let other = POLICY.replace("name: daily", "name: other").replace("app-", "x-").replace("shop", "none");
    apply(&stack, &other).await.unwrap();
    let policy = || "other".parse().unwrap();
    stack.session(SessionRequest::Disable { policy: policy(), by: None }).await.unwrap();
    stack.session(SessionRequest::Enable { policy: policy(), by: None }).await.unwrap();
    stack.session(SessionRequest::Delete { policy: policy(), by: None }).await.unwrap();
    lose_answers(&world, SESSION, &["StartBackupJob"]);
    lose_answers(&world, COPY, &["StartCopyJob"]);
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/app-orders");
    stack.session(SessionRequest::backup(vec![orders.to_string()])).await.unwrap();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    // What cannot be bound when it is made is bound by the next run of retention.
    world.inject(FaultRule::new("kms", "Encrypt", Fault::Deny).caller(COPY).times(8));
    // What fails for good goes among what is past, and is told.
    world.with_backup(|backup| (0..3).for_each(|_| backup.fail_next_copy(&arn, "No space is left.")));
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::Deny).caller(SESSION).times(2));
    stack.session(SessionRequest::backup(vec![orders.to_string()])).await.unwrap();
    // Settings that are stored go when their last point goes.
    let tag = aws_sdk_dynamodb::types::Tag::builder().key("later").value("yes").build().unwrap();
    let large_arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{large}");
    dynamodb(&world).tag_resource().resource_arn(&large_arn).tags(tag).send().await.unwrap();
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    world.with_backup(|backup| (0..3).for_each(|_| backup.fail_next_backup(&arn, "No space is left.")));
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    let made = points(&stack, &orders).await;
    for point in [of(&made, PointKind::Backup), of(&made, PointKind::Copy)] {
        let vault = Some(format!("{}/{}", point.vault.region, point.vault.name));
        let hold = RetentionRequest::Hold {
            table: orders.clone(),
            point: point.id.clone(),
            vault: vault.clone(),
            reason: "audit".to_owned(),
            until: None,
            by: None,
        };
        stack.hold(hold).await.unwrap();
        let (table, point) = (orders.clone(), point.id);
        stack.hold(RetentionRequest::LiftHold { table, point, vault, by: None, reason: None }).await.unwrap();
    }
    stack.retention(RetentionRequest::Plan { table: None }).await.unwrap();
    dynamodb(&world).delete_table().table_name(large.as_str()).send().await.ok();
    stack.live_until(at("2026-01-20T12:00:00Z")).await;
    stack.rebuild().await.unwrap();
    roles.take(&world).await;
}

async fn restore(stack: &mut Stack, ask: Ask) {
    let told = stack.restore(ask).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
}

/// Restores where the backup is, and by DynamoDB itself.
async fn restores(roles: &mut Roles) {
    let (world, mut stack, orders, settings) = copied().await;
    let with = [Feature::Alarms, Feature::Stream, Feature::Ttl];
    let choices = Choices {
        without_indexes: ["by-status".to_owned()].into(),
        without_tags: ["team".to_owned()].into(),
        with: with.into(),
        ..Choices::default()
    };
    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };
    restore(&mut stack, Ask { choices, ..ask([again]) }).await;
    leftovers::change_what_surrounds(&world, &orders).await;
    tables::drop_alone(&world, &orders, &settings).await.unwrap();
    lose_answers(&world, RESTORE, &["StartRestoreJob"]);
    restore(&mut stack, ask([newest(&orders)])).await;
    // A point that has lost its tags is restored all the same, if that is asked for.
    tables::drop(&world, &orders, &settings).await.unwrap();
    let point = of(&points(&stack, &orders).await, PointKind::Backup);
    let arn = point.recovery_point().unwrap();
    assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), BTreeMap::new())));
    let wanted = Wanted { from: From::Point(point.id), ..newest(&orders) };
    let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
    restore(&mut stack, Ask { items_only: true, choices, ..ask([wanted]) }).await;
    roles.take(&world).await;
}

/// Restores of copies where they are.
async fn restores_of_copies(roles: &mut Roles) {
    let (world, mut stack, orders, _) = copied().await;
    let vault = Some("eu-west-1/backup-chain-copies".to_owned());
    let wanted = Wanted { vault, ..newest(&orders) };
    stack.restore(ask([wanted.clone()])).await.unwrap_err();
    let choices = || Choices { encryption: Some(Key::AwsOwned), ..all_but_kinesis() };
    restore(&mut stack, Ask { choices: choices(), ..ask([wanted.clone()]) }).await;
    let choices = Choices {
        without_indexes: ["by-status".to_owned()].into(),
        without_tags: ["team".to_owned()].into(),
        ..choices()
    };
    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..wanted };
    restore(&mut stack, Ask { choices, ..ask([again]) }).await;
    roles.take(&world).await;
}

/// Restores of copies that come back to the source Region, the answer to their start lost or not.
async fn restores_of_copies_brought_back(roles: &mut Roles, is_lost: bool) {
    let (world, mut stack, orders, settings) = copied().await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    let chain = points(&stack, &orders).await;
    let (first, copy) = (of(&chain, PointKind::Backup), of(&chain, PointKind::Copy));
    let removal = json!({
        "action": "remove", "table": "orders", "which": {"point": first.id}, "vault": "eu-central-1/backup-chain",
        "override_guards": ["newest"], "reason": "a neighbour",
    });
    stack.retention(serde_json::from_value(removal).unwrap()).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    stack.retention(RetentionRequest::run()).await.unwrap();
    if is_lost {
        lose_answers(&world, RESTORE, &["StartCopyJob"]);
    }
    let vault = Some("eu-west-1/backup-chain-copies".to_owned());
    let home = Some(SOURCE.parse().unwrap());
    let back = Wanted { from: From::Point(copy.id), vault, region: home, ..newest(&orders) };
    restore(&mut stack, ask([back])).await;
    roles.take(&world).await;
}

/// Restores of a table whose settings are in the settings tables.
async fn restores_of_much(roles: &mut Roles) {
    let (world, mut stack) = quick().await;
    let mut settings = TableSettings::from_bytes(include_bytes!("../../../../fixtures/huge.json")).unwrap();
    settings.tags = Part::Known((0..50).map(|number| (format!("own-{number}"), "x".to_owned())).collect());
    let large = tables::create(&world, "app-large", &settings).await.unwrap();
    apply(&stack, &COPIED.replace("tables: [orders]", "tables: [app-large]")).await.unwrap();
    stack.session(SessionRequest::run("copied".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    for vault in [None, Some("eu-west-1/backup-chain-copies".to_owned())] {
        let name = Some("app-again".parse().unwrap());
        let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
        restore(&mut stack, Ask { choices, ..ask([Wanted { vault, name, ..newest(&large) }]) }).await;
    }
    // Its backup is gone, and its settings with it: they come back with the copy.
    apply(&stack, &COPIED.replace("{tables: [orders]}", "{tables: [app-large]}\nenabled: false"))
        .await
        .unwrap();
    tables::drop(&world, &large, &settings).await.unwrap();
    let removal = json!({
        "action": "remove", "table": "app-large", "which": "backups", "override_guards": ["newest"], "reason": "a drill",
    });
    stack.retention(serde_json::from_value(removal).unwrap()).await.unwrap();
    stack.live(SignedDuration::from_mins(10)).await;
    stack.retention(RetentionRequest::run()).await.unwrap();
    let (vault, region) = (Some("eu-west-1/backup-chain-copies".to_owned()), Some(SOURCE.parse().unwrap()));
    let from = From::Point(of(&points(&stack, &large).await, PointKind::Copy).id);
    let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
    let back = Wanted { from, vault, region, ..newest(&large) };
    restore(&mut stack, Ask { choices, ..ask([back]) }).await;
    roles.take(&world).await;
}

/// A recovery point in the vault that is not ours, as a neighbour may put one there.
async fn with_a_stranger(roles: &mut Roles) {
    let (world, mut stack) = quick().await;
    let carts = table(&world, "carts", &[]).await.unwrap();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", SERVICE_ROLES[0]);
    start_by_hand(&world, &role, carts.as_str()).await.unwrap();
    stack.live(SignedDuration::from_mins(10)).await;
    stack.retention(RetentionRequest::run()).await.unwrap();
    stack.rebuild().await.unwrap();
    roles.take(&world).await;
}

/// All of them.
pub async fn lived() -> Roles {
    let mut roles = Roles::default();
    weeks(&mut roles).await;
    restores(&mut roles).await;
    restores_of_copies(&mut roles).await;
    for is_lost in [false, true] {
        restores_of_copies_brought_back(&mut roles, is_lost).await;
    }
    restores_of_much(&mut roles).await;
    with_a_stranger(&mut roles).await;
    roles
}
