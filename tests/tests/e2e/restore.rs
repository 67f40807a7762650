//! A restore gives back the table that was there: items and settings, or it says what it could not bring back.

use std::collections::BTreeMap;

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, Wanted};
use backup_chain_core::restore::{Billing, Choices, Feature, Key, PitrChoice, Stage};
use backup_chain_core::settings::{TableClass, TableSettings};
use backup_chain_deployed::stack::{ACCOUNT, RESTORE, SOURCE};
use backup_chain_local::World;
use backup_chain_tests::restores::{
    ask, back_up, changes, differences, everything, fill, home, items, newest, quick, quick_with, restored,
    share_stream,
};
use backup_chain_tests::settings::surrounded;
use backup_chain_tests::tables;
use jiff::SignedDuration;
use serde_json::{Value, json};

fn settings(patch: &Value) -> TableSettings {
    let mut settings = json!({
        "attributes": {"pk": "S"}, "keys": {"hash": ["pk"]}, "warm": [12000, 4000],
    });
    for (field, value) in patch.as_object().unwrap() {
        settings[field] = value.clone();
    }
    TableSettings::from_bytes(settings.to_string().as_bytes()).unwrap()
}

/// Each property of a table, set on a table of its own.
fn properties() -> Vec<(String, TableSettings)> {
    let everything = serde_json::to_value(surrounded("t-alarms")).unwrap();
    let index = json!({"keys": {"hash": ["status"]}});
    let attributes = json!({"pk": "S", "status": "S", "at": "N"});
    let with_index = |more: Value| {
        let mut patch = json!({"attributes": {"pk": "S", "status": "S"}, "global": {"by-status": index}});
        patch["global"]["by-status"]["warm"] = json!([12000, 4000]);
        for (field, value) in more.as_object().unwrap() {
            patch[field] = value.clone();
        }
        patch
    };
    let provisioned = |more: Value| {
        let mut patch = json!({"billing": "PROVISIONED", "throughput": [10, 5], "warm": [10, 5]});
        for (field, value) in more.as_object().unwrap() {
            patch[field] = value.clone();
        }
        patch
    };
    let tracked = everything["scaling"]["read"].clone();
    let table = |name: &str| {
        let mut policy = everything["policies"]["table"].clone();
        policy["Statement"][0]["Resource"] =
            json!(format!("arn:aws:dynamodb:{SOURCE}:111122223333:table/{name}"));
        policy
    };
    [
        ("plain", json!({})),
        ("range-key", json!({"attributes": {"pk": "S", "at": "N"}, "keys": {"hash": ["pk"], "range": ["at"]}})),
        (
            "local-index",
            json!({
                "attributes": attributes, "keys": {"hash": ["pk"], "range": ["at"]},
                "local": {"by-status": {"keys": {"hash": ["pk"], "range": ["status"]}, "projection": "KEYS_ONLY"}},
            }),
        ),
        ("global-index", with_index(json!({}))),
        ("provisioned", provisioned(json!({}))),
        ("maximum", json!({"max": [100, null]})),
        (
            "index-maximum",
            with_index(json!({"global": {"by-status": {
                "keys": {"hash": ["status"]}, "projection": {"INCLUDE": ["more"]}, "max": [70, 30], "warm": [12000, 4000],
            }}})),
        ),
        (
            "index-warm",
            with_index(json!({"global": {"by-status": {"keys": {"hash": ["status"]}, "warm": [15000, 4000]}}})),
        ),
        ("warm", json!({"warm": [15000, 5000]})),
        ("class", json!({"class": "STANDARD_INFREQUENT_ACCESS"})),
        ("protected", json!({"protected": true})),
        ("stream", json!({"stream": "NEW_AND_OLD_IMAGES"})),
        ("ttl", json!({"ttl": {"attribute": "expires"}})),
        ("pitr", json!({"pitr": {"days": 7}})),
        ("tags", json!({"tags": {"team": "shop", "cost": "7"}})),
        ("policy", json!({"policies": {"table": table("t-policy")}})),
        ("kinesis", json!({"kinesis": everything["kinesis"]})),
        ("insights", with_index(json!({"insights": everything["insights"]}))),
        ("scaling", provisioned(json!({"scaling": {"read": tracked}}))),
        ("alarms", json!({"alarms": everything["alarms"]})),
    ]
    .into_iter()
    .map(|(name, patch)| (format!("t-{name}"), settings(&patch)))
    .collect()
}

#[tokio::test(start_paused = true)]
async fn each_property_is_set_backed_up_dropped_and_restored() {
    let (world, mut stack) = quick().await;
    let mut made = Vec::new();
    let mut all = properties();
    let sse = json!({"sse": {"key": tables::key(&world).await.unwrap()}});
    all.push(("t-key".to_owned(), settings(&sse)));
    for (name, settings) in all {
        let table = tables::create(&world, &name, &settings).await.unwrap();
        fill(&world, &table, &settings).await;
        tables::surround(&world, &table, &settings).await.unwrap();
        let mut captured = stack.app().aws.region(&home()).capture_anew(&table).await.unwrap().settings;
        assert_eq!(captured.changes(&settings), [""; 0], "{name}: before anything");
        if settings.stream.is_some() {
            share_stream(&world, &table).await;
            captured = stack.app().aws.region(&home()).capture_anew(&table).await.unwrap().settings;
            assert_eq!(captured.changes(&settings), ["policies"], "{name}");
        }
        made.push((table, captured));
    }
    let names: Vec<_> = made.iter().map(|(table, _)| table).collect();
    back_up(&mut stack, &names).await;
    let mut held = Vec::new();
    for (table, settings) in &made {
        held.push(items(&world, table).await);
        tables::drop(&world, table, settings).await.unwrap();
    }
    let told = stack.restore(ask(made.iter().map(|(table, _)| newest(table)))).await.unwrap();
    assert_eq!(told.len(), made.len());
    stack.live(SignedDuration::from_mins(30)).await;
    for ((told, (table, settings)), held) in told.iter().zip(&made).zip(held) {
        let restore = restored(&stack, &told.restore.id).await;
        assert_eq!(restore.stage, Stage::Succeeded, "{table}: {restore:#?}");
        assert_eq!(differences(&restore), [""; 0], "{table}");
        assert_eq!(items(&world, table).await, held, "{table}");
        let now = stack.app().aws.region(&home()).capture_anew(table).await.unwrap();
        assert_eq!(changes(&now.settings, settings), [""; 0], "{table}");
        assert_eq!(now.warnings, [""; 0], "{table}");
    }
}

fn calls_of_restore(world: &World) -> usize {
    world.calls().iter().filter(|call| call.caller == RESTORE).count()
}

/// The restore is lived through once undisturbed, then with a crash after each third of its calls, or after each one of
/// them (`BACKUP_CHAIN_CASES=all`).
#[tokio::test(start_paused = true)]
async fn everything_at_once_comes_back_through_a_crash_after_every_call() {
    let (world, mut stack) = quick_with(SignedDuration::from_mins(5)).await;
    let (orders, settings) = everything(&world, &mut stack).await;
    let held = items(&world, &orders).await;
    let mut calls = 0;
    let step = if std::env::var_os("BACKUP_CHAIN_CASES").is_some() { 1 } else { 3 };
    let mut nth = 0;
    let mut unrecorded = 0;
    let mut waited = false;
    loop {
        tables::drop(&world, &orders, &settings).await.unwrap();
        world.clear_calls();
        let before = stack.app().catalog.restores().await.unwrap().len();
        if nth > 0 {
            world.crash_after(RESTORE, nth);
        }
        let mut told = stack.restore(ask([newest(&orders)])).await;
        if stack.app().catalog.restores().await.unwrap().len() == before {
            unrecorded += 1;
            told = stack.restore(ask([newest(&orders)])).await;
        }
        assert_eq!(told.is_err(), nth > 0 && told.is_err(), "undisturbed it is begun: {told:?}");
        stack.live(SignedDuration::from_mins(30)).await;
        let restores = stack.app().catalog.restores().await.unwrap();
        assert_eq!(restores.len(), before + 1, "after call {nth}");
        let restore = restores.last().unwrap();
        assert_eq!(restore.stage, Stage::Succeeded, "after call {nth}: {restore:#?}");
        assert_eq!(differences(restore), [""; 0], "after call {nth}");
        assert_eq!(items(&world, &orders).await, held, "after call {nth}");
        let now = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap();
        assert_eq!(changes(&now.settings, &settings), [""; 0], "after call {nth}");
        assert_eq!(now.warnings, [""; 0], "after call {nth}: the restore's tag is off");
        if nth == 0 {
            calls = calls_of_restore(&world);
            assert!(calls > 100, "{calls} calls are too few for everything");
        }
        let met = |code: &str| {
            let calls = world.calls();
            calls.iter().any(|call| call.caller == RESTORE && call.error.as_deref() == Some(code))
        };
        // In most rounds: in some the job's event comes late enough.
        waited |= met("ContinuousBackupsUnavailableException");
        // How many calls there are differs: some look again for what is not seen yet.
        if world.crash_points_ahead() > 0 {
            assert!(nth > calls * 3 / 4, "after call {nth} of {calls}: the crash point was not reached");
            break;
        }
        nth += step;
    }
    assert!(waited, "what is not ready is waited for");
    println!("restore: {calls} calls, {} crash points, {unrecorded} before it was recorded", nth / step);
}

#[tokio::test(start_paused = true)]
async fn beside_a_live_table_nothing_of_it_is_touched_and_nothing_faces_outward() {
    let (world, mut stack) = quick().await;
    let (orders, settings) = everything(&world, &mut stack).await;
    let before = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    let lived: TableName = "orders-again".parse().unwrap();
    world.clear_calls();
    let told = stack.restore(ask([Wanted { name: Some(lived.clone()), ..newest(&orders) }])).await.unwrap();
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    let told = differences(&restore);
    assert_eq!(told.iter().filter(|line| line.contains("Changed")).count(), told.len(), "{told:#?}");

    let reads = ["Describe", "List", "Get", "Query", "Scan", "Simulate", "BatchGet", "Decrypt"];
    let is_read = |operation: &str| reads.iter().any(|read| operation.starts_with(read));
    let calls = world.calls();
    let writes = calls.iter().filter(|call| call.caller == RESTORE && !is_read(&call.operation));
    let mut kinds = BTreeMap::new();
    for call in writes {
        *kinds.entry(format!("{}:{}", call.service, call.operation)).or_insert(0) += 1;
        let is_own = ["backup-chain-catalog", "default", ""].contains(&call.resource.as_str());
        let is_new = call.resource.contains("orders-again") || call.operation == "StartRestoreJob";
        assert!(is_own || is_new, "{call:?}");
    }
    for outward in
        ["PutMetricAlarm", "EnableKinesisStreamingDestination", "PutScheduledAction", "UpdateTimeToLive"]
    {
        assert!(!kinds.keys().any(|kind| kind.ends_with(outward)), "{kinds:#?}");
    }
    assert!(kinds.contains_key("application-autoscaling:PutScalingPolicy"), "{kinds:#?}");
    let now = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    assert_eq!(now.changes(&before), [""; 0], "the live table is as it was");
    assert_eq!(before.changes(&settings), [""; 0]);
    assert_eq!(items(&world, &lived).await, items(&world, &orders).await);
    let other = stack.app().aws.region(&home()).capture_anew(&lived).await.unwrap().settings;
    let mut differs = other.changes(&settings);
    differs.sort();
    assert_eq!(differs, ["alarms", "kinesis", "policies", "scaling", "stream", "ttl"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_to_be_otherwise_is() {
    let (world, mut stack) = quick().await;
    let (orders, settings) = everything(&world, &mut stack).await;
    let choices = Choices {
        billing: Some(Billing::OnDemand),
        class: Some(TableClass::Standard),
        encryption: Some(Key::AwsOwned),
        deletion_protection: Some(false),
        pitr: Some(PitrChoice::Days(3)),
        without_indexes: ["by-status".to_owned()].into(),
        tags: [("restored".to_owned(), "yes".to_owned())].into(),
        without_tags: ["team".to_owned()].into(),
        with: [Feature::Alarms, Feature::Stream, Feature::Ttl].into(),
        without: [Feature::ContributorInsights].into(),
    };
    let wanted = Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };
    let ask =
        Ask { choices, reason: Some("a drill".to_owned()), by: Some("ann".to_owned()), ..ask([wanted]) };
    let plan = stack.restore(Ask { dry_run: true, ..ask.clone() }).await.unwrap();
    assert!(plan[0].dry_run && stack.app().catalog.restores().await.unwrap().is_empty());
    let told = stack.restore(ask).await.unwrap();
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    let now = stack.app().aws.region(&home()).capture_anew(&restore.target.name).await.unwrap().settings;
    let now = serde_json::to_value(now).unwrap();
    let then = serde_json::to_value(settings).unwrap();
    for (field, value) in [
        ("billing", Value::Null),
        ("class", Value::Null),
        ("sse", Value::Null),
        ("protected", Value::Null),
        ("global", Value::Null),
        ("pitr", json!({"days": 3})),
        ("tags", json!({"restored": "yes"})),
        ("insights", Value::Null),
        ("local", then["local"].clone()),
        ("stream", then["stream"].clone()),
        ("ttl", then["ttl"].clone()),
    ] {
        assert_eq!(now[field], value, "{field}");
    }
    let alarms = now["alarms"].as_object().unwrap();
    assert_eq!(alarms["orders throttled (orders-again)"]["Dimensions"][0]["Value"], "orders-again");
    let history = stack.app().catalog.history().await.unwrap();
    let entry = history.last().unwrap();
    assert_eq!((entry.reason.as_deref(), entry.by.as_deref()), (Some("a drill"), Some("ann")));
}

/// Replicas are no part of a backup: that they were there is known, and told.
#[tokio::test(start_paused = true)]
async fn what_aws_cannot_bring_back_is_told() {
    let (world, mut stack) = quick().await;
    let settings = settings(&json!({"stream": "NEW_AND_OLD_IMAGES", "tags": {"team": "shop"}}));
    let orders = tables::create(&world, "orders", &settings).await.unwrap();
    let replicas = json!({
        "Replicas": [{"RegionName": "us-east-1", "ReplicaStatus": "ACTIVE"}], "MultiRegionConsistency": "STRONG",
        "GlobalTableVersion": "2019.11.21",
    });
    world.with_dynamodb(|dynamo| dynamo.plant(ACCOUNT, SOURCE, "orders", &replicas)).unwrap();
    back_up(&mut stack, &[&orders]).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    let plan = stack.restore(Ask { dry_run: true, ..ask([newest(&orders)]) }).await.unwrap();
    let left: Vec<_> = plan[0].left.iter().map(|left| left.property.as_str()).collect();
    assert_eq!(left, ["replicas"]);
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    let why = "replicas: Impossible: they are not rebuilt: add them with UpdateTable after the restore";
    assert_eq!(differences(&restore), [why]);
}
