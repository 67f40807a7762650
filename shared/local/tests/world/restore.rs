//! Tables made of recovery points: what comes back, and what does not.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{
        BillingMode, GlobalSecondaryIndex, KeyType, OnDemandThroughput, Projection, ProjectionType,
        ProvisionedThroughput, SseSpecification, StreamSpecification, StreamViewType, TableClass,
        TableDescription, TableStatus, Tag,
    },
};
use backup_chain_local::{Lag, World, dynamodb::RestoreSource};
use jiff::SignedDuration;

use super::{ACCOUNT, FRANKFURT, attribute, dynamo, encrypted, key, new_key, new_table, put, seconds, world};

async fn told(client: &Client, name: &str) -> TableDescription {
    client.describe_table().table_name(name).send().await.unwrap().table.unwrap()
}

fn index(name: &str, hash: &str) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(hash, KeyType::Hash))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .on_demand_throughput(OnDemandThroughput::builder().max_write_request_units(3).build())
        .build()
        .unwrap()
}

/// A table with settings of all kinds and two items; a recovery point of it.
async fn backed_up(world: &World, client: &Client) -> String {
    let (key, _) = new_key(world, FRANKFURT).await;
    let stream =
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    new_table(client, "orders")
        .attribute_definitions(attribute("kind"))
        .global_secondary_indexes(index("by-kind", "kind"))
        .global_secondary_indexes(index("by-sk", "sk"))
        .on_demand_throughput(OnDemandThroughput::builder().max_read_request_units(10).build())
        .stream_specification(stream.build().unwrap())
        .table_class(TableClass::StandardInfrequentAccess)
        .sse_specification(encrypted(Some(&key)))
        .deletion_protection_enabled(true)
        .tags(Tag::builder().key("team").value("a").build().unwrap())
        .send()
        .await
        .unwrap();
    put(client, "orders", "a", "1").await;
    put(client, "orders", "b", "2").await;
    let backup = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    backup.create_backup_vault().backup_vault_name("vault").send().await.unwrap();
    backup
        .update_region_settings()
        .resource_type_opt_in_preference("DynamoDB", true)
        .resource_type_management_preference("DynamoDB", true)
        .send()
        .await
        .unwrap();
    world.put_service_role(ACCOUNT, "backup").unwrap();
    let started = backup
        .start_backup_job()
        .backup_vault_name("vault")
        .resource_arn(format!("arn:aws:dynamodb:{FRANKFURT}:{ACCOUNT}:table/orders"))
        .iam_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/backup"))
        .send()
        .await
        .unwrap();
    tokio::time::advance(Duration::from_secs(1800)).await;
    world.settle();
    started.recovery_point_arn.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_restored_table_has_its_items_and_indexes_and_little_else() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let arn = backed_up(&world, &client).await;
    let source = told(&client, "orders").await;
    let restore = || client.restore_table_from_backup().backup_arn(&arn).target_table_name("again").send();
    let begun = restore().await.unwrap().table_description.unwrap();
    assert_eq!(begun.table_status, Some(TableStatus::Creating));
    assert!(begun.restore_summary.unwrap().restore_in_progress);
    assert_eq!(restore().await.unwrap_err().code(), Some("TableInUseException"));
    assert!(client.scan().table_name("again").send().await.is_err(), "no items while it is CREATING");
    tokio::time::advance(Duration::from_secs(120)).await;

    let made = told(&client, "again").await;
    assert_eq!(made.table_status, Some(TableStatus::Active));
    assert_ne!(made.table_id, source.table_id);
    assert_eq!(
        (made.key_schema, made.attribute_definitions),
        (source.key_schema, source.attribute_definitions)
    );
    assert_eq!(made.billing_mode_summary.unwrap().billing_mode, Some(BillingMode::PayPerRequest));
    assert_eq!(made.on_demand_throughput, source.on_demand_throughput);
    let throughput = |table: Option<Vec<aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription>>| {
        let indexes = table.unwrap().into_iter();
        indexes
            .map(|index| (index.index_name, index.key_schema, index.on_demand_throughput))
            .collect::<Vec<_>>()
    };
    assert_eq!(throughput(made.global_secondary_indexes), throughput(source.global_secondary_indexes));
    assert_eq!(made.sse_description, source.sse_description, "the table's own key, unless another is named");
    let summary = made.restore_summary.unwrap();
    assert!(!summary.restore_in_progress);
    assert_eq!((summary.source_backup_arn, summary.source_table_arn), (Some(arn.clone()), source.table_arn));
    assert_eq!(client.scan().table_name("again").index_name("by-sk").send().await.unwrap().count, 2);

    assert!(made.table_class_summary.is_none(), "always STANDARD");
    assert!(made.stream_specification.is_none() && made.latest_stream_arn.is_none());
    assert_eq!(made.deletion_protection_enabled, Some(false));
    let tags = client.list_tags_of_resource().resource_arn(made.table_arn.unwrap()).send().await.unwrap();
    assert!(tags.tags.unwrap_or_default().is_empty());
    assert_eq!(restore().await.unwrap_err().code(), Some("TableAlreadyExistsException"));
}

#[tokio::test(start_paused = true)]
async fn a_restore_may_leave_out_indexes_and_change_how_it_is_billed_and_encrypted() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let arn = backed_up(&world, &client).await;
    let restore = |name: &str| client.restore_table_from_backup().backup_arn(&arn).target_table_name(name);
    let units =
        || ProvisionedThroughput::builder().read_capacity_units(5).write_capacity_units(4).build().unwrap();
    restore("small")
        .set_global_secondary_index_override(Some(Vec::new()))
        .billing_mode_override(BillingMode::Provisioned)
        .provisioned_throughput_override(units())
        .sse_specification_override(SseSpecification::builder().enabled(false).build())
        .send()
        .await
        .unwrap();
    tokio::time::advance(Duration::from_secs(120)).await;
    let made = told(&client, "small").await;
    assert!(made.global_secondary_indexes.is_none() && made.sse_description.is_none());
    assert_eq!(made.provisioned_throughput.unwrap().read_capacity_units, Some(5));
    let names: Vec<_> =
        made.attribute_definitions.unwrap().into_iter().map(|told| told.attribute_name).collect();
    assert_eq!(names, ["pk", "sk"], "attributes that no index needs are gone");
    assert_eq!(client.scan().table_name("small").send().await.unwrap().count, 2);

    restore("one").global_secondary_index_override(index("by-kind", "kind")).send().await.unwrap();
    assert_eq!(told(&client, "one").await.global_secondary_indexes.unwrap().len(), 1);

    let another =
        restore("bad").global_secondary_index_override(index("by-sk", "pk")).send().await.unwrap_err();
    assert_eq!(another.code(), Some("ValidationException"), "no index that the backup has not");
    let no_units = restore("bad").billing_mode_override(BillingMode::Provisioned).send().await.unwrap_err();
    assert_eq!(no_units.code(), Some("ValidationException"));
    let unfit = restore("bad").provisioned_throughput_override(units()).send().await.unwrap_err();
    assert_eq!(unfit.code(), Some("ValidationException"));
    assert!(client.describe_table().table_name("bad").send().await.is_err(), "nothing is left");
    let gone = client.restore_table_from_backup().target_table_name("bad");
    let gone = gone.backup_arn(format!("{arn}0")).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("BackupNotFoundException"));
}

/// RestoreTableFromBackup: "up to 50 concurrent restores (any type of restore) in a given account".
#[tokio::test(start_paused = true)]
async fn only_so_many_restores_run_at_once() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let arn = backed_up(&world, &client).await;
    world.with_dynamodb(|dynamo| dynamo.running_restores = 2);
    let restore = |name: &str| client.restore_table_from_backup().backup_arn(&arn).target_table_name(name);
    for name in ["one", "two"] {
        restore(name).send().await.unwrap();
    }
    // Not by the SDK's own tries, which would wait for the others to end.
    let refused = restore("three")
        .customize()
        .config_override(
            aws_sdk_dynamodb::Config::builder().retry_config(aws_config::retry::RetryConfig::disabled()),
        )
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("LimitExceededException"));
    tokio::time::advance(Duration::from_secs(120)).await;
    restore("three").send().await.unwrap();
}

/// What `SourceBackupArn` says of a table that AWS Backup restored stands nowhere: three worlds.
#[tokio::test(start_paused = true)]
async fn the_source_of_a_restore_of_aws_backup_is_told_in_one_of_three_ways() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let arn = backed_up(&world, &client).await;
    let backup = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    for (name, source) in [
        ("point", RestoreSource::RecoveryPoint),
        ("backup", RestoreSource::DynamoDbBackup),
        ("none", RestoreSource::Absent),
    ] {
        world.with_dynamodb(|dynamo| dynamo.restore_source = source);
        let job = backup
            .start_restore_job()
            .recovery_point_arn(&arn)
            .iam_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/backup"))
            .metadata("targetTableName", name)
            .metadata("encryptionType", "Default")
            .send()
            .await
            .unwrap()
            .restore_job_id
            .unwrap();
        tokio::time::advance(Duration::from_secs(1800)).await;
        let made = backup.describe_restore_job().restore_job_id(&job).send().await.unwrap();
        let table = told(&client, name).await;
        assert_eq!(made.created_resource_arn, table.table_arn);
        let told = table.restore_summary.unwrap().source_backup_arn;
        match source {
            RestoreSource::RecoveryPoint => assert_eq!(told.as_deref(), Some(arn.as_str())),
            RestoreSource::DynamoDbBackup => {
                let told = told.unwrap();
                let begins = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/backup/";
                assert!(told.starts_with(begins), "{told}");
            }
            RestoreSource::Absent => assert_eq!(told, None),
        }
    }
}

/// AWS documents of DescribeTable that it is eventually consistent; a restored table is as new as a created one.
#[tokio::test(start_paused = true)]
async fn a_restored_table_is_not_found_at_first_and_its_items_are_never_late() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    world.stretch(Lag::Items, SignedDuration::from_mins(10));
    let arn = backed_up(&world, &client).await;
    world.stretch(Lag::NewTables, SignedDuration::from_mins(3));
    let restore = client.restore_table_from_backup().backup_arn(&arn).target_table_name("again");
    restore.send().await.unwrap();
    seconds(179).await;
    let error = client.describe_table().table_name("again").send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert_eq!(client.scan().table_name("again").send().await.unwrap().count, 2);
    assert_eq!(client.scan().table_name("again").index_name("by-sk").send().await.unwrap().count, 2);
    seconds(1).await;
    assert_eq!(told(&client, "again").await.table_status, Some(TableStatus::Active));
    put(&client, "again", "c", "3").await;
    assert_eq!(client.scan().table_name("again").send().await.unwrap().count, 2);
    seconds(600).await;
    assert_eq!(client.scan().table_name("again").send().await.unwrap().count, 3);
}
