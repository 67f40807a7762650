//! The embedded AWS, asked by the real SDK clients.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod clock;
mod cloudwatch;
mod door;
mod dynamodb;
mod errors;
mod events;
mod faults;
mod histories;
mod iam;
mod keys;
mod kms;
mod lagging_items;
mod lagging_tables;
mod lambda;
mod leftovers;
mod limits;
mod pages;
mod permissions;
mod raw;
mod record;
mod restore;
mod scaling;
mod settings;
mod sqs;
mod tagging;
mod tcp;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use backup_chain_local::{Options, World};

const ACCOUNT: &str = "111122223333";
const FRANKFURT: &str = "eu-central-1";
const IRELAND: &str = "eu-west-1";

fn world() -> World {
    seeded(7)
}

/// A world in which every reader sees every change at once: what is tested here is what changes do. Lags are tested
/// where a test asks for them.
fn seeded(seed: u64) -> World {
    let world = World::new(Options { start: "2026-03-01T00:00:00Z".parse().unwrap(), seed });
    world.consistent();
    world
}

fn dynamo(world: &World, account: &str, region: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&world.sdk_config(account, region, "tester"))
}

fn kms_client(world: &World, region: &str) -> aws_sdk_kms::Client {
    aws_sdk_kms::Client::new(&world.sdk_config(ACCOUNT, region, "tester"))
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// An on-demand table with keys `pk` and `sk`, ready to be sent.
fn new_table(
    client: &aws_sdk_dynamodb::Client,
    name: &str,
) -> aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder {
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
}

/// A new key of the customer's: its id and its ARN.
async fn new_key(world: &World, region: &str) -> (String, String) {
    let made = kms_client(world, region).create_key().send().await.unwrap().key_metadata.unwrap();
    (made.key_id, made.arn.unwrap())
}

/// An encryption with a key, named in any way; without one it is that of AWS for DynamoDB.
fn encrypted(key: Option<&str>) -> aws_sdk_dynamodb::types::SseSpecification {
    aws_sdk_dynamodb::types::SseSpecification::builder()
        .enabled(true)
        .sse_type(aws_sdk_dynamodb::types::SseType::Kms)
        .set_kms_master_key_id(key.map(str::to_owned))
        .build()
}

/// Lets so many seconds pass.
async fn seconds(count: u64) {
    tokio::time::advance(std::time::Duration::from_secs(count)).await;
}

async fn put(client: &aws_sdk_dynamodb::Client, table: &str, pk: &str, sk: &str) {
    client.put_item().table_name(table).item("pk", text(pk)).item("sk", text(sk)).send().await.unwrap();
}
