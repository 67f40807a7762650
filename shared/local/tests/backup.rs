//! AWS Backup through the real SDK clients.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_sdk_backup::types::{BackupJobState, CopyJobState, RecoveryPointStatus};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use backup_chain_local::{Options, World};

const ACCOUNT: &str = "111122223333";
const HOME: &str = "eu-central-1";
const AWAY: &str = "eu-west-1";
const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
const ROLE: &str = "arn:aws:iam::111122223333:role/backup";

fn backup(world: &World, region: &str) -> aws_sdk_backup::Client {
    aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, region, "session"))
}

async fn put(dynamodb: &aws_sdk_dynamodb::Client, key: &str) {
    let item = dynamodb.put_item().table_name("orders").item("pk", AttributeValue::S(key.to_owned()));
    item.send().await.unwrap();
}

/// A world with the table `orders`, one item in it, and a vault in each of two Regions.
async fn world() -> (World, aws_sdk_dynamodb::Client) {
    let world = World::new(Options { start: "2026-03-01T00:00:00Z".parse().unwrap(), seed: 1 });
    world.consistent();
    let dynamodb = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, HOME, "owner"));
    let attribute =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
    dynamodb
        .create_table()
        .table_name("orders")
        .attribute_definitions(attribute.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .unwrap();
    world.put_service_role(ACCOUNT, "backup").unwrap();
    put(&dynamodb, "before").await;
    for (region, vault) in [(HOME, "source"), (AWAY, "target")] {
        backup(&world, region).create_backup_vault().backup_vault_name(vault).send().await.unwrap();
    }
    (world, dynamodb)
}

async fn start(client: &aws_sdk_backup::Client, token: &str) -> (String, String) {
    let job = client
        .start_backup_job()
        .backup_vault_name("source")
        .resource_arn(TABLE)
        .iam_role_arn(ROLE)
        .idempotency_token(token)
        .recovery_point_tags("backup-chain/id", "01JNEXAMPLE+/=")
        .send()
        .await
        .unwrap();
    (job.backup_job_id.unwrap(), job.recovery_point_arn.unwrap())
}

async fn minutes(count: u64) {
    tokio::time::advance(Duration::from_secs(60 * count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_made_listed_tagged_copied_and_deleted() {
    let (world, dynamodb) = world().await;
    let (home, away) = (backup(&world, HOME), backup(&world, AWAY));
    let (job, arn) = start(&home, "one").await;
    assert_eq!(start(&home, "one").await.0, job);
    minutes(1).await;
    let running = home.describe_backup_job().backup_job_id(&job).send().await.unwrap();
    assert_eq!(running.state, Some(BackupJobState::Running));
    put(&dynamodb, "after").await;
    minutes(5).await;
    let done = home.describe_backup_job().backup_job_id(&job).send().await.unwrap();
    assert_eq!((done.state, done.recovery_point_arn.as_ref()), (Some(BackupJobState::Completed), Some(&arn)));
    assert_eq!(done.creation_date.unwrap().to_string(), "2026-03-01T00:00:00Z");

    let tags = home.list_tags().resource_arn(&arn).send().await.unwrap().tags.unwrap();
    assert_eq!(tags["backup-chain/id"], "01JNEXAMPLE+/=");
    home.tag_resource().resource_arn(&arn).tags("more", "1").send().await.unwrap();
    let points =
        home.list_recovery_points_by_backup_vault().backup_vault_name("source").by_resource_arn(TABLE);
    let points = points.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].status, Some(RecoveryPointStatus::Completed));
    let judged = world.with_backup(|backup| backup.points(ACCOUNT, HOME, "source"));
    assert_eq!(judged[0].table.items.len(), 1, "the item that came after the backup began is not in it");

    let copy = home
        .start_copy_job()
        .recovery_point_arn(&arn)
        .source_backup_vault_name("source")
        .destination_backup_vault_arn(format!("arn:aws:backup:{AWAY}:{ACCOUNT}:backup-vault:target"))
        .iam_role_arn(ROLE)
        .send()
        .await
        .unwrap();
    minutes(10).await;
    let found =
        home.list_copy_jobs().by_source_recovery_point_arn(&arn).send().await.unwrap().copy_jobs.unwrap();
    assert_eq!(found[0].copy_job_id, copy.copy_job_id);
    assert_eq!(found[0].state, Some(CopyJobState::Completed));
    let made = found[0].destination_recovery_point_arn.as_ref().unwrap();
    let described = away
        .describe_recovery_point()
        .backup_vault_name("target")
        .recovery_point_arn(made)
        .send()
        .await
        .unwrap();
    assert_eq!(described.creation_date, done.creation_date);
    assert_eq!(away.list_tags().resource_arn(made).send().await.unwrap().tags.unwrap()["more"], "1");

    home.delete_recovery_point().backup_vault_name("source").recovery_point_arn(&arn).send().await.unwrap();
    minutes(1).await;
    let gone =
        home.describe_recovery_point().backup_vault_name("source").recovery_point_arn(&arn).send().await;
    assert!(gone.unwrap_err().into_service_error().is_resource_not_found_exception());
    let events = world.with_backup(|backup| backup.take_events("2026-03-02T00:00:00Z".parse().unwrap()));
    assert!(events.iter().any(|event| event.event["detail"]["state"] == "COMPLETED"));
}

#[tokio::test(start_paused = true)]
async fn the_sdk_retries_what_the_published_rates_throttle() {
    let (world, _) = world().await;
    let home = backup(&world, HOME);
    for n in 0..7 {
        start(&home, &n.to_string()).await;
    }
    let throttled =
        world.calls().into_iter().filter(|call| call.error.as_deref() == Some("ThrottlingException"));
    let operations: Vec<String> = throttled.map(|call| call.operation).collect();
    assert!(!operations.is_empty() && operations.iter().all(|operation| operation == "StartBackupJob"));
}

#[tokio::test(start_paused = true)]
async fn refusals_carry_their_type_and_message() {
    let (world, _) = world().await;
    let home = backup(&world, HOME);
    let refused = home
        .start_backup_job()
        .backup_vault_name("none")
        .resource_arn(TABLE)
        .iam_role_arn(ROLE)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_resource_not_found_exception());
    assert_eq!(
        refused.message(),
        Some("Backup vault arn:aws:backup:eu-central-1:111122223333:backup-vault:none does not exist.")
    );
}

#[tokio::test(start_paused = true)]
async fn every_recorded_call_names_the_arn_that_aws_authorises() {
    let (world, _) = world().await;
    let home = backup(&world, HOME);
    world.clear_calls();
    let (job, arn) = start(&home, "one").await;
    home.describe_backup_job().backup_job_id(&job).send().await.unwrap();
    minutes(10).await;
    home.list_tags().resource_arn(&arn).send().await.unwrap();
    let calls: Vec<(String, String)> =
        world.calls().into_iter().map(|call| (call.operation, call.resource)).collect();
    let vault = format!("arn:aws:backup:{HOME}:{ACCOUNT}:backup-vault:source");
    let expected =
        [("StartBackupJob", vault.as_str()), ("DescribeBackupJob", "*"), ("ListTags", arn.as_str())];
    assert_eq!(calls, expected.map(|(operation, resource)| (operation.to_owned(), resource.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_legal_hold_keeps_a_point_until_it_is_cancelled() {
    let (world, _) = world().await;
    let home = backup(&world, HOME);
    let (_, arn) = start(&home, "one").await;
    minutes(10).await;
    let selection = aws_sdk_backup::types::RecoveryPointSelection::builder().vault_names("source").build();
    let hold = home
        .create_legal_hold()
        .title("audit")
        .description("of 2026")
        .recovery_point_selection(selection)
        .send()
        .await
        .unwrap();
    let id = hold.legal_hold_id.unwrap();
    let delete = || home.delete_recovery_point().backup_vault_name("source").recovery_point_arn(&arn).send();
    assert!(delete().await.unwrap_err().into_service_error().is_invalid_request_exception());
    let covered = home.list_recovery_points_by_legal_hold().legal_hold_id(&id).send().await.unwrap();
    assert_eq!(covered.recovery_points.unwrap()[0].recovery_point_arn.as_ref(), Some(&arn));
    home.cancel_legal_hold().legal_hold_id(&id).cancel_description("closed").send().await.unwrap();
    delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restore_job_is_started_listed_and_described() {
    let (world, _) = world().await;
    let home = backup(&world, HOME);
    let (_, arn) = start(&home, "one").await;
    minutes(10).await;
    let started = home
        .start_restore_job()
        .recovery_point_arn(&arn)
        .iam_role_arn(ROLE)
        .metadata("targetTableName", "orders-again")
        .metadata("encryptionType", "Default")
        .send()
        .await
        .unwrap();
    let id = started.restore_job_id.unwrap();
    let told = home.describe_restore_job().restore_job_id(&id).send().await.unwrap();
    assert_eq!(told.source_resource_arn.as_deref(), Some(TABLE));
    assert_eq!(told.recovery_point_creation_date.unwrap().to_string(), "2026-03-01T00:00:00Z");
    let listed = home.list_restore_jobs().by_resource_type("DynamoDB").send().await.unwrap();
    assert_eq!(listed.restore_jobs.unwrap()[0].restore_job_id.as_ref(), Some(&id));
    let metadata = home.get_restore_job_metadata().restore_job_id(&id).send().await.unwrap();
    assert_eq!(metadata.metadata.unwrap()["targetTableName"], "orders-again");
}
