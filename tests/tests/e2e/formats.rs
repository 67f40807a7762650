//! Versions of what is stored: what a newer Backup Chain has written is kept, counts as present, is never removed, and is
//! told; once that version is back, all goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, From, RetentionRequest, SessionRequest, Wanted};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::retention::{PointFate, Report};
use backup_chain_deployed::stack::{ACCOUNT, SOURCE, Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::restores::{ask, newest};
use backup_chain_tests::{all_points, apply, at, deployed_with, dynamodb, table, vault_tags};
use jiff::SignedDuration;

const POLICY: &str = "
name: gold
sources: {prefixes: [app-]}
vault: backup-chain
tiers:
  daily: {at: [07:00], keep: 3 days}
";

/// Two tables with a backup of each day; the first of `app-orders`.
async fn scene() -> (World, Stack, TableName, RestorePoint) {
    let schedules =
        Schedules { tick: SignedDuration::from_mins(30), retention: false, ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:40:00Z", schedules).await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    table(&world, "app-carts", &[]).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let point = all_points(&stack, &orders).await.remove(0);
    assert_eq!((point.kind, point.state()), (PointKind::Backup, State::Available));
    (world, stack, orders, point)
}

async fn set_version(world: &World, stack: &Stack, point: &RestorePoint, version: u32) {
    let sk = format!("{}#point#{ACCOUNT}/{SOURCE}/{}#{}", point.table.id, point.vault.name, point.id);
    set_record_version(world, stack, &format!("table#{}", point.table.arn.name), &sk, version).await;
}

async fn set_record_version(world: &World, stack: &Stack, pk: &str, sk: &str, version: u32) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let key = HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
    let update = dynamodb(world).update_item().table_name(&stack.app().context.deployment().catalog);
    let update = update.set_key(Some(key)).update_expression("SET v = :v, novelty = :novelty");
    let update = update.expression_attribute_values(":novelty", text("what version 1 does not know"));
    let version = AttributeValue::N(version.to_string());
    update.expression_attribute_values(":v", version).send().await.unwrap();
}

fn is_in_its_vault(world: &World, point: &RestorePoint) -> bool {
    let arn = point.recovery_point().unwrap();
    vault_tags(world, SOURCE, point.vault.name.as_str()).contains_key(arn)
}

fn removed(report: &Report, table: &TableName) -> usize {
    let is_it = |decided: &&backup_chain_core::retention::Decided| {
        decided.table == *table && decided.fate == PointFate::Removed
    };
    report.points.iter().filter(is_it).count()
}

async fn retention(stack: &Stack) -> Report {
    stack.retention(RetentionRequest::run()).await.unwrap()
}

/// A record of version 2 in the middle of a chain whose points lapse, as a deployment leaves it that was rolled back.
#[tokio::test(start_paused = true)]
async fn a_record_of_a_newer_version_is_kept_and_told_until_that_version_is_back() {
    let (world, mut stack, orders, point) = scene().await;
    set_version(&world, &stack, &point, 2).await;
    stack.live_until(at("2026-01-12T12:00:00Z")).await;

    let report = retention(&stack).await;
    assert!(is_in_its_vault(&world, &point));
    assert_eq!(removed(&report, &orders), 0, "of a chain that is not read whole: {report:#?}");
    assert!(removed(&report, &"app-carts".parse().unwrap()) > 0, "the other chain goes on: {report:#?}");
    let why = "it is of version 2, this one reads up to 1";
    assert!(report.problems.iter().any(|problem| problem.contains(why)), "{report:#?}");
    let unreadable: Vec<String> =
        stack.measured().into_iter().filter(|line| line.contains("RecordsUnreadable")).collect();
    assert!(!unreadable.is_empty(), "counted");
    assert!(all_points(&stack, &orders).await.len() >= 7, "the table is backed up all the same");

    set_version(&world, &stack, &point, 1).await;
    let report = retention(&stack).await;
    assert!(removed(&report, &orders) > 0, "{report:#?}");
    assert!(!is_in_its_vault(&world, &point));
}

/// What keeps points beyond their flags is in records of its own: what a policy says of its newest points, and a restore
/// that is running.
#[tokio::test(start_paused = true)]
async fn a_policy_or_a_restore_of_a_newer_version_lets_nothing_go_that_it_may_keep() {
    let (world, mut stack, orders, point) = scene().await;
    apply(&stack, &POLICY.replace("vault:", "keep_last: 3\nvault:")).await.unwrap();
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    let off = SessionRequest::Disable { policy: "gold".parse().unwrap(), by: None };
    stack.session(off).await.unwrap();
    stack.live_until(at("2026-02-07T12:00:00Z")).await;
    set_record_version(&world, &stack, "policy", "gold", 2).await;
    let report = retention(&stack).await;
    assert_eq!(removed(&report, &orders), 0, "{report:#?}");
    assert!(report.problems.iter().any(|problem| problem.contains("policy / gold")), "{report:#?}");
    set_record_version(&world, &stack, "policy", "gold", 1).await;
    let report = retention(&stack).await;
    assert!(!report.problems.iter().any(|problem| problem.contains("cannot be read")), "{report:#?}");
    assert!(is_in_its_vault(&world, &point), "it is one of the newest three");

    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };
    let restore = stack.restore(ask([again])).await.unwrap().remove(0).restore;
    set_record_version(&world, &stack, "restore", restore.id.as_str(), 2).await;
    apply(&stack, &POLICY.replace("vault:", "keep_last: 1\nvault:")).await.unwrap();
    // Until then the index shows it as it was.
    stack.live_until(at("2026-02-07T13:00:00Z")).await;
    let report = retention(&stack).await;
    assert_eq!(removed(&report, &orders), 0, "{report:#?}");
    assert!(report.problems.iter().any(|problem| problem.contains("restore / ")), "{report:#?}");
}

/// The same of metadata: tags of version 2 beside records of version 1.
#[tokio::test(start_paused = true)]
async fn metadata_of_a_newer_version_is_kept_and_told_until_that_version_is_back() {
    let (world, mut stack, orders, point) = scene().await;
    let arn = point.recovery_point().unwrap().clone();
    let old = vault_tags(&world, SOURCE, point.vault.name.as_str()).remove(&arn).unwrap();
    let newer =
        |(key, value): (&String, &String)| (key.replace(tags::PART, "backup-chain/v2/"), value.clone());
    let new: BTreeMap<String, String> = old.iter().map(newer).collect();
    assert_ne!(old, new);
    let overwrite = |tags: BTreeMap<String, String>| {
        assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), tags)));
    };
    overwrite(new);
    stack.live_until(at("2026-01-12T12:00:00Z")).await;

    let report = retention(&stack).await;
    assert!(is_in_its_vault(&world, &point), "{report:#?}");
    let of = all_points(&stack, &orders).await.into_iter().find(|other| other.id == point.id).unwrap();
    assert!(of.suspect.is_some_and(|why| why.contains("another format version")), "it is told");

    overwrite(old);
    // One run believes it again, and the next counts it as lapsed.
    for hour in ["2026-01-12T13:00:00Z", "2026-01-12T14:00:00Z"] {
        stack.live_until(at(hour)).await;
        retention(&stack).await;
    }
    assert!(!is_in_its_vault(&world, &point), "believed again, it has lapsed");
}

/// A lease in a form that this version does not know, whoever holds it, stops no work: what cannot be read of it has ended.
#[tokio::test(start_paused = true)]
async fn leases_of_a_newer_version_stop_no_work() {
    let (world, mut stack, orders, _) = scene().await;
    for work in ["session", "copy"] {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let lease = [
            ("pk", text("lease")),
            ("sk", text(work)),
            ("v", AttributeValue::N("2".to_owned())),
            ("rev", AttributeValue::N("70".to_owned())),
            ("holder", text("what version 1 does not know")),
        ];
        let lease = lease.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let catalog = &stack.app().context.deployment().catalog;
        dynamodb(&world).put_item().table_name(catalog).set_item(Some(lease)).send().await.unwrap();
    }
    let made = all_points(&stack, &orders).await.len();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let points = all_points(&stack, &orders).await;
    assert_eq!(points.len(), made + 1);
    assert!(points.iter().all(|point| point.state() == State::Available), "{points:#?}");
}

/// Whatever kind of record it is: nobody has to meet it by chance.
#[tokio::test(start_paused = true)]
async fn each_record_of_a_newer_version_is_told_by_doctor_and_verify_with_a_way_out() {
    let (world, mut stack, orders, point) = scene().await;
    world.inject(FaultRule::new("events", "PutEvents", Fault::ServerError));
    let hold = RetentionRequest::Hold {
        table: orders.clone(),
        point: point.id.clone(),
        vault: None,
        reason: "audit".to_owned(),
        until: None,
        by: None,
    };
    stack.hold(hold).await.unwrap();
    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };
    stack.restore(ask([again])).await.unwrap();
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    retention(&stack).await;
    stack.rebuild().await.unwrap();
    // The indexes show them all as they are.
    stack.live_until(at("2026-01-09T12:30:00Z")).await;

    let key = |record: &serde_json::Value| {
        let of = |name: &str| record[name].as_str().unwrap().to_owned();
        (of("pk"), of("sk"))
    };
    let mut records: Vec<_> = records_of(&world, &stack).await.iter().map(key).collect();
    records.retain(|(pk, _)| pk != "lease");
    let kinds: BTreeSet<&str> = records.iter().map(|(pk, _)| pk.split('#').next().unwrap()).collect();
    let all = "deployment history outbox policy restore run session table";
    assert_eq!(kinds.into_iter().collect::<Vec<_>>().join(" "), all);
    for (pk, sk) in &records {
        set_record_version(&world, &stack, pk, sk, 2).await;
    }
    for line in ["doctor --all", "catalog verify"] {
        let ran = cli(&world, line).await;
        assert_eq!(ran.code, 3, "{line}: {}", ran.out);
        let words: Vec<&str> = ran.out.split_whitespace().collect();
        let text = words.join(" ");
        for (pk, sk) in &records {
            assert!(
                text.contains(&format!("record {pk} / {sk} of the catalog")),
                "{line}: {pk} / {sk}\n{}",
                ran.out
            );
        }
        assert!(text.contains("run the version that wrote it"), "{line}: {text}");
    }
}

/// A list that leaves a record out says so, and a restore that may take an older point than there is.
#[tokio::test(start_paused = true)]
async fn what_leaves_a_record_of_a_newer_version_out_says_so() {
    let (world, mut stack, orders, point) = scene().await;
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let newer = all_points(&stack, &orders).await.into_iter().find(|other| other.id != point.id).unwrap();
    set_version(&world, &stack, &newer, 2).await;
    let why = format!("#{} of the catalog cannot be read: it is of version 2", newer.id);

    for line in ["points app-orders", "hold list app-orders"] {
        let ran = cli(&world, line).await;
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        assert!(
            ran.err.contains("warning: record table#app-orders") && ran.err.contains(&why),
            "{}",
            ran.err
        );
    }
    let ran = cli(&world, "retention plan app-orders --json").await;
    assert!(ran.out.contains(&why), "{}", ran.out);

    let elsewhere = || Some("orders-again".parse().unwrap());
    let dry = Ask { dry_run: true, ..ask([Wanted { name: elsewhere(), ..newest(&orders) }]) };
    let view = stack.restore(dry).await.unwrap().remove(0);
    assert_eq!(view.restore.point, point.id);
    assert!(
        view.notes.iter().any(|note| note.contains(&why) && note.contains("may be newer")),
        "{:#?}",
        view.notes
    );
    let by_id = Wanted { name: elsewhere(), from: From::Point(newer.id.clone()), ..newest(&orders) };
    let refused = stack.restore(ask([by_id])).await.unwrap_err().to_string();
    assert!(refused.contains(&why), "{refused}");
    for line in [
        format!("point show app-orders {}", newer.id),
        format!("hold add app-orders {} --reason audit", newer.id),
        format!("remove app-orders --point {} --yes", newer.id),
    ] {
        let ran = cli(&world, &line).await;
        assert_eq!(ran.code, 1, "{line}: {}", ran.out);
        assert!(ran.err.contains(&why), "{line}: {}", ran.err);
    }
}

async fn records_of(world: &World, stack: &Stack) -> Vec<serde_json::Value> {
    let catalog = &stack.app().context.deployment().catalog;
    let mut pages =
        dynamodb(world).scan().table_name(catalog).consistent_read(true).into_paginator().items().send();
    let mut records = Vec::new();
    while let Some(item) = pages.next().await {
        records.push(serde_dynamo::from_item(item.unwrap()).unwrap());
    }
    records
}

/// Writes `tests/fixtures/catalog-v1.json`, the records of a small life: once for a version, and never again.
#[tokio::test(start_paused = true)]
#[ignore = "writes a golden file"]
async fn the_records_of_a_small_life() {
    let (world, mut stack, orders, point) = scene().await;
    let copies = POLICY.replace("keep: 3 days}", "keep: 3 days, copy: {keep: 5 days}}").replace(
        "tiers:",
        "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]\ntiers:",
    );
    apply(&stack, &copies).await.unwrap();
    stack
        .hold(RetentionRequest::Hold {
            table: orders.clone(),
            point: point.id.clone(),
            vault: None,
            reason: "audit".to_owned(),
            until: Some(at("2026-02-01T00:00:00Z")),
            by: Some("ops".to_owned()),
        })
        .await
        .unwrap();
    let manual = SessionRequest::backup(vec!["app-carts".to_owned()]);
    stack.session(manual).await.unwrap();
    world.inject(FaultRule::new("events", "PutEvents", Fault::ServerError));
    let refused = Fault::Error { code: "InvalidParameterValueException".to_owned(), status: None };
    world.inject(FaultRule::new("backup", "StartBackupJob", refused).resource("app-carts").times(40));
    stack.live_until(at("2026-01-10T07:11:30Z")).await;
    let mut records = records_of(&world, &stack).await;
    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };
    stack.restore(ask([again])).await.unwrap();
    stack.live_until(at("2026-01-11T07:01:00Z")).await;
    retention(&stack).await;
    stack.rebuild().await.unwrap();

    records.extend(records_of(&world, &stack).await);
    records.sort_by_key(|record| format!("{} {}", record["pk"], record["sk"]));
    records.dedup();
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/catalog-v1.json");
    std::fs::write(golden, serde_json::to_string_pretty(&records).unwrap() + "\n").unwrap();
}
