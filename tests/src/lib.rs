//! What the end-to-end tests share: a world with a deployment in it, tables, and policies.

pub mod alarms;
pub mod command;
pub mod kills;
pub mod leftovers;
pub mod life;
pub mod logs;
pub mod restores;
pub mod served;
pub mod settings;
pub mod tables;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, Tag,
};
use backup_chain_core::ids::{RecoveryPointArn, TableName};
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::point::RestorePoint;
use backup_chain_core::replies::SessionReply;
use backup_chain_deployed::judge;
use backup_chain_deployed::stack::{ACCOUNT, Failure, SOURCE, Schedules, Stack, VAULT};
use backup_chain_local::{Options, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// A policy with one point a day of every `app-` table, kept for two days as a backup and as a copy.
pub const DAILY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 2 days, copy: {keep: 2 days}}
";

/// Where the built programs are: beside the folder of the test that asks.
///
/// # Panics
/// When they are not built.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let folder =
        test.parent().and_then(Path::parent).expect("a test stands in a folder of a folder").to_owned();
    let session = folder.join("backup-chain-session");
    assert!(session.is_file(), "{} is not there: cargo build --workspace --all-targets", session.display());
    folder
}

/// A world that begins at `start`, with a deployment in it whose tick is every ten minutes: seldom enough for
/// weeks to pass in seconds.
pub async fn deployed(start: &str) -> (World, Stack) {
    deployed_with(start, Schedules { tick: SignedDuration::from_mins(10), ..Schedules::default() }).await
}

/// The same with other schedules.
pub async fn deployed_with(start: &str, schedules: Schedules) -> (World, Stack) {
    let world = World::new(Options { start: start.parse().expect("a timestamp"), seed: 7 });
    let stack = Stack::deploy(&world, schedules).await.expect("the embedded AWS takes the deployment");
    (world, stack)
}

/// DynamoDB of the source Region, as an application of the account uses it.
pub fn dynamodb(world: &World) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "application"))
}

/// AWS Backup of a Region, as an operator of the account uses it.
pub fn backup(world: &World, region: &str) -> aws_sdk_backup::Client {
    aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, region, "operator"))
}

/// Makes a table with tags and a few items that has been there for a while, and tells its name.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn table(world: &World, name: &str, tags: &[(&str, &str)]) -> Result<TableName, Failure> {
    let (client, _scene) = (dynamodb(world), world.scene());
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build()?)
        .attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name("pk")
                .attribute_type(ScalarAttributeType::S)
                .build()?,
        );
    for (key, value) in tags {
        create = create.tags(Tag::builder().key(*key).value(*value).build()?);
    }
    create.send().await?;
    for number in 0..3 {
        client
            .put_item()
            .table_name(name)
            .item("pk", AttributeValue::S(format!("{name}-{number}")))
            .item("number", AttributeValue::N(number.to_string()))
            .send()
            .await?;
    }
    Ok(name.parse()?)
}

/// Starts a backup of a table into the stack's own vault, by an operator and with this role, and tells its recovery
/// point.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn start_by_hand(world: &World, role: &str, table: &str) -> Result<RecoveryPointArn, Failure> {
    let request = backup(world, SOURCE).start_backup_job().backup_vault_name(VAULT).iam_role_arn(role);
    let resource = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{table}");
    let started = request.resource_arn(resource).send().await?;
    Ok(started.recovery_point_arn().ok_or("AWS names the recovery point at once")?.parse()?)
}

/// The same with a role that is none of ours.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn somebody_elses(world: &World, table: &str) -> Result<RecoveryPointArn, Failure> {
    world.put_service_role(ACCOUNT, "somebody")?;
    start_by_hand(world, &format!("arn:aws:iam::{ACCOUNT}:role/somebody"), table).await
}

/// Applies a policy.
///
/// # Errors
/// When it is refused.
pub async fn apply(stack: &Stack, document: &str) -> Result<SessionReply, Failure> {
    stack.session(SessionRequest::Apply { document: document.to_owned(), by: None }).await
}

/// A moment.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

/// The points of a table that are not past, oldest first.
pub async fn points(stack: &Stack, table: &TableName) -> Vec<RestorePoint> {
    let mut points = all_points(stack, table).await;
    points.retain(|point| !point.state().is_past());
    points
}

/// All points of a table, past ones included, oldest first.
pub async fn all_points(stack: &Stack, table: &TableName) -> Vec<RestorePoint> {
    let mut points = stack.app().catalog.points_of_table(table).await.expect("the catalog can be read");
    points.sort_by(|a, b| (&a.id, a.kind).cmp(&(&b.id, b.kind)));
    points
}

/// Every item of the catalog is lost.
///
/// # Panics
/// When the embedded AWS refuses that.
pub async fn lose_the_catalog(world: &World, stack: &Stack) {
    let (client, _scene) = (dynamodb(world), world.scene());
    let name = &stack.app().context.deployment().catalog;
    let mut pages = client.scan().table_name(name).consistent_read(true).into_paginator().items().send();
    let mut keys = Vec::new();
    while let Some(item) = pages.next().await {
        let item: HashMap<String, AttributeValue> = item.expect("the catalog can be emptied");
        keys.push((item["pk"].clone(), item["sk"].clone()));
    }
    for (pk, sk) in keys {
        client
            .delete_item()
            .table_name(name)
            .key("pk", pk)
            .key("sk", sk)
            .send()
            .await
            .expect("the catalog can be emptied");
    }
}

/// Fails with what is wrong unless catalog and vaults agree.
pub async fn assert_agreement(world: &World, stack: &Stack, tables: &[TableName]) {
    let wrong = judge::disagreements(world, stack.app(), tables).await.expect("the catalog can be read");
    assert!(wrong.is_empty(), "catalog and vaults disagree:\n{}", wrong.join("\n"));
}

/// Listens to what the functions tell the event bus of the source Region, from now on.
///
/// # Errors
/// When the embedded AWS refuses the rule or the queue.
pub async fn listen(world: &World) -> Result<Notices, Failure> {
    let (config, _scene) = (world.sdk_config(ACCOUNT, SOURCE, "operator"), world.scene());
    let (events, queues) = (aws_sdk_eventbridge::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let made = queues.create_queue().queue_name("notices").send().await?;
    let url = made.queue_url().ok_or("SQS made a queue without a URL")?.to_owned();
    let pattern = serde_json::json!({ "source": ["backup-chain"] }).to_string();
    events.put_rule().name("notices").event_pattern(pattern).send().await?;
    let arn = format!("arn:aws:sqs:{SOURCE}:{ACCOUNT}:notices");
    let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(arn).build()?;
    events.put_targets().rule("notices").targets(target).send().await?;
    Ok(Notices { queues, url })
}

/// Time passes until a moment while no tick fires.
pub async fn without_ticks(world: &World, stack: &mut Stack, moment: &str) {
    const TICK: &str = "backup-chain-tick";
    let events = aws_sdk_eventbridge::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    events.disable_rule().name(TICK).send().await.expect("the rule is there");
    stack.live_until(at(moment)).await;
    events.enable_rule().name(TICK).send().await.expect("the rule is there");
}

/// What the functions have told.
#[derive(Debug)]
pub struct Notices {
    queues: aws_sdk_sqs::Client,
    url: String,
}

impl Notices {
    /// What was reported since it was last asked: detail-type and detail, in the order of their moments.
    ///
    /// # Errors
    /// When the embedded AWS refuses.
    pub async fn told(&self) -> Result<Vec<(String, Value)>, Failure> {
        let mut told = Vec::new();
        loop {
            let got =
                self.queues.receive_message().queue_url(&self.url).max_number_of_messages(10).send().await?;
            if got.messages().is_empty() {
                told.sort_by_key(|event: &Value| event["time"].to_string());
                let parts = |mut event: Value| {
                    (event["detail-type"].as_str().unwrap_or_default().to_owned(), event["detail"].take())
                };
                return Ok(told.into_iter().map(parts).collect());
            }
            for message in got.messages() {
                told.push(serde_json::from_str(message.body().unwrap_or_default())?);
                let handle = message.receipt_handle().unwrap_or_default();
                self.queues.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
            }
        }
    }
}

/// The tags of every recovery point in a vault, by ARN.
pub fn vault_tags(
    world: &World,
    region: &str,
    vault: &str,
) -> BTreeMap<RecoveryPointArn, BTreeMap<String, String>> {
    let points = world.with_backup(|backup| backup.points(ACCOUNT, region, vault));
    points.into_iter().filter_map(|point| Some((point.arn.parse().ok()?, point.tags))).collect()
}

/// Code, templates and pages in a folder; nothing that was built, nor what was fetched.
///
/// # Panics
/// When the folder cannot be read.
pub fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() || name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            found.extend(texts(&path));
        } else if ["rs", "yaml", "toml", "py", "md"].iter().any(|end| name.ends_with(&format!(".{end}"))) {
            found.push(path);
        }
    }
    found
}
