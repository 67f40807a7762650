//! What the tests of restores share.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![allow(clippy::missing_panics_doc, reason = "helpers of tests may panic as tests do")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use backup_chain_core::ids::{Region, RestoreId, TableName};
use backup_chain_core::invoke::{Ask, From, SessionRequest, Wanted};
use backup_chain_core::restore::{Choices, Feature, Outcome, Restore};
use backup_chain_core::settings::{AttributeType, TableSettings};
use backup_chain_deployed::stack::{ACCOUNT, COPIES, SOURCE, Schedules, Stack, TARGET};
use backup_chain_local::World;
use backup_chain_local::backup::Durations;
use backup_chain_restore::{Copies, CopyVault, Detached, RestoreError};
use jiff::SignedDuration;
use serde_json::json;

use crate::settings::surrounded;
use crate::{apply, deployed_with, dynamodb, tables};

/// The source Region.
pub fn home() -> Region {
    SOURCE.parse().unwrap()
}

/// The newest restore point of a table, under its own name.
pub fn newest(table: &TableName) -> Wanted {
    Wanted { table: table.clone(), from: From::Newest, vault: None, name: None, region: None }
}

/// These tables, as they were.
pub fn ask(wanted: impl IntoIterator<Item = Wanted>) -> Ask {
    Ask { tables: wanted.into_iter().collect(), ..Ask::default() }
}

/// A deployment in which everything takes a minute.
pub async fn quick() -> (World, Stack) {
    quick_with(Schedules::default().tick).await
}

/// The same with ticks so far apart.
pub async fn quick_with(tick: SignedDuration) -> (World, Stack) {
    let schedules = Schedules { retention: false, tick, ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T00:00:00Z", schedules).await;
    world.with_backup(|backup| {
        let (short, start) = (SignedDuration::from_mins(1), SignedDuration::from_secs(2));
        let durations =
            Durations { start, backup: short, copy: short, restore: short, ..Durations::default() };
        backup.set_durations(durations);
        backup.event_faults_mut().delay_to = SignedDuration::from_secs(10);
    });
    (world, stack)
}

/// The items of a table, however many.
pub async fn items(world: &World, table: &TableName) -> Vec<String> {
    items_in(world, SOURCE, table).await
}

/// The items of a table of a Region.
pub async fn items_in(world: &World, region: &str, table: &TableName) -> Vec<String> {
    let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, region, "application"));
    let scanned = client.scan().table_name(table.as_str()).send().await.unwrap();
    let mut items: Vec<String> =
        scanned.items().iter().map(|item| format!("{:?}", item.iter().collect::<BTreeMap<_, _>>())).collect();
    items.sort();
    items
}

/// Puts a few items into a table with these settings.
pub async fn fill(world: &World, table: &TableName, settings: &TableSettings) {
    use aws_sdk_dynamodb::types::AttributeValue::{N, S};
    let _scene = world.scene();
    for number in 0..5 {
        let mut put = dynamodb(world).put_item().table_name(table.as_str());
        for key in settings.keys.hash.iter().chain(&settings.keys.range) {
            let is_number = settings.attributes.get(key) == Some(&AttributeType::N);
            let value = if is_number { N(number.to_string()) } else { S(format!("{key}-{number}")) };
            put = put.item(key, value);
        }
        put.item("more", S("of it".to_owned())).send().await.unwrap();
    }
}

/// Makes manual backups of tables, and waits for them.
pub async fn back_up(stack: &mut Stack, names: &[&TableName]) {
    let tables = names.iter().map(ToString::to_string).collect();
    stack.session(SessionRequest::backup(tables)).await.unwrap();
    stack.live(SignedDuration::from_mins(10)).await;
}

/// A restore as the catalog has it.
pub async fn restored(stack: &Stack, id: &RestoreId) -> Restore {
    stack.app().catalog.restore(id).await.unwrap().unwrap()
}

/// What is not as it was, by the restore's own report.
pub fn differences(restore: &Restore) -> Vec<String> {
    let is_other = |outcome: Outcome| outcome != Outcome::Restored;
    let told = restore.report.iter().filter(|property| is_other(property.outcome));
    told.map(|property| {
        format!("{}: {:?}: {}", property.name, property.outcome, property.why.clone().unwrap_or_default())
    })
    .collect()
}

/// Lets somebody read the stream of a table: its policy names the stream, whose name is known only now.
pub async fn share_stream(world: &World, table: &TableName) {
    let (client, _scene) = (dynamodb(world), world.scene());
    let described = client.describe_table().table_name(table.as_str()).send().await.unwrap();
    let stream = described.table().unwrap().latest_stream_arn().unwrap().to_owned();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader"},
        "Action": ["dynamodb:GetRecords", "dynamodb:GetShardIterator"], "Resource": stream,
    }]});
    client.put_resource_policy().resource_arn(&stream).policy(policy.to_string()).send().await.unwrap();
}

/// The properties in which settings differ, but for the label in a stream's name, which each stream has of its own.
pub fn changes(now: &TableSettings, then: &TableSettings) -> Vec<String> {
    unlabelled(now).changes(&unlabelled(then))
}

fn unlabelled(settings: &TableSettings) -> TableSettings {
    const STREAM: &str = "/stream/";
    let text = String::from_utf8(settings.to_bytes()).unwrap();
    let mut pieces = text.split(STREAM);
    let mut all = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        all.push_str(STREAM);
        all.push_str(piece.trim_start_matches(|letter| letter != '"'));
    }
    TableSettings::from_bytes(all.as_bytes()).unwrap()
}

/// A table with everything at once, and its backup.
pub async fn everything(world: &World, stack: &mut Stack) -> (TableName, TableSettings) {
    let (orders, settings) = make_everything(world, stack).await;
    back_up(stack, &[&orders]).await;
    (orders, settings)
}

/// A table with everything at once.
pub async fn make_everything(world: &World, stack: &Stack) -> (TableName, TableSettings) {
    let mut settings = serde_json::to_value(surrounded("orders")).unwrap();
    settings["attributes"]["at"] = json!("S");
    settings["keys"]["range"] = json!(["at"]);
    settings["global"]["by-status"]["projection"] = json!({"INCLUDE": ["more"]});
    settings["local"] = json!({"by-more": {"keys": {"hash": ["id"], "range": ["status"]}}});
    settings["sse"] = json!({"key": tables::key(world).await.unwrap()});
    let settings = TableSettings::from_bytes(settings.to_string().as_bytes()).unwrap();
    let orders = tables::create(world, "orders", &settings).await.unwrap();
    fill(world, &orders, &settings).await;
    tables::surround(world, &orders, &settings).await.unwrap();
    share_stream(world, &orders).await;
    let settings = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    assert!(settings.policies.known().unwrap().stream.is_some());
    // From now on a new table takes a while until it can be recovered to a point in time.
    world.with_dynamodb(|dynamo| dynamo.durations.continuous_backups = SignedDuration::from_secs(20));
    (orders, settings)
}

/// Restores of the copies of a table, without the source Region: they are recorded in the file `record`.
///
/// # Errors
/// When the copies do not tell what it takes.
pub async fn detached(world: &World, table: &TableName, record: PathBuf) -> Result<Detached, RestoreError> {
    let place = CopyVault {
        region: TARGET.parse().unwrap(),
        vault: COPIES.parse().unwrap(),
        prefix: "backup-chain-".to_owned(),
        role: None,
    };
    let copies = Copies::list(world.sdk_config(ACCOUNT, TARGET, "operator"), place).await?;
    copies.of_table(table, record).await
}

/// A policy of `orders` with a copy in the target Region.
pub const COPIED: &str = "
name: copied
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 2 days, copy: {keep: 30 days}}
";

/// The table with everything, backed up and copied by a policy.
pub async fn copied() -> (World, Stack, TableName, TableSettings) {
    let (world, mut stack) = quick().await;
    let (orders, settings) = everything(&world, &mut stack).await;
    apply(&stack, COPIED).await.unwrap();
    stack.session(SessionRequest::run("copied".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    (world, stack, orders, settings)
}

/// What faces outward too, but for the Kinesis stream, which the other Region does not have.
pub fn all_but_kinesis() -> Choices {
    let with =
        [Feature::Stream, Feature::Alarms, Feature::ScheduledScaling, Feature::WarmThroughput, Feature::Ttl];
    Choices { with: with.into(), ..Choices::default() }
}
