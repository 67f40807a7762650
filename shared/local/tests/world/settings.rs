//! Settings of tables: what DescribeTable and its neighbours tell after each change.

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{
        ApproximateCreationDateTimePrecision, BillingMode, ContributorInsightsAction,
        ContributorInsightsStatus, CreateGlobalSecondaryIndexAction, DeleteGlobalSecondaryIndexAction,
        DestinationStatus, GlobalSecondaryIndex, GlobalSecondaryIndexUpdate, IndexStatus, KeyType,
        OnDemandThroughput, PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection,
        ProjectionType, ProvisionedThroughput, StreamSpecification, StreamViewType, TableClass,
        TableDescription, TableStatus, Tag, TimeToLiveSpecification, TimeToLiveStatus,
        UpdateGlobalSecondaryIndexAction, UpdateKinesisStreamingConfiguration, WarmThroughput,
    },
};
use backup_chain_local::dynamodb::Durations;
use std::time::Duration;

use super::{ACCOUNT, FRANKFURT, attribute, dynamo, encrypted, key, new_key, new_table, world};

async fn table(client: &Client, name: &str) -> TableDescription {
    client.describe_table().table_name(name).send().await.unwrap().table.unwrap()
}

/// Waits until a change has ended.
async fn settled() {
    tokio::time::advance(Duration::from_secs(5)).await;
}

fn units(read: i64, write: i64) -> ProvisionedThroughput {
    ProvisionedThroughput::builder().read_capacity_units(read).write_capacity_units(write).build().unwrap()
}

fn index(name: &str) -> aws_sdk_dynamodb::types::builders::GlobalSecondaryIndexBuilder {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key("sk", KeyType::Hash))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
}

#[tokio::test(start_paused = true)]
async fn a_created_table_tells_all_its_settings() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let (key, key_arn) = new_key(&world, FRANKFURT).await;
    tokio::time::advance(Duration::from_millis(1500)).await;
    let max = OnDemandThroughput::builder().max_read_request_units(10).max_write_request_units(5).build();
    new_table(&client, "orders")
        .on_demand_throughput(max)
        .global_secondary_indexes(
            index("by-sk")
                .on_demand_throughput(OnDemandThroughput::builder().max_read_request_units(7).build())
                .warm_throughput(
                    WarmThroughput::builder()
                        .read_units_per_second(13_000)
                        .write_units_per_second(4_000)
                        .build(),
                )
                .build()
                .unwrap(),
        )
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .unwrap(),
        )
        .sse_specification(encrypted(Some(&key)))
        .table_class(TableClass::StandardInfrequentAccess)
        .deletion_protection_enabled(true)
        .send()
        .await
        .unwrap();

    let told = table(&client, "orders").await;
    assert_eq!(told.creation_date_time.unwrap().to_millis().unwrap(), world.now().as_millisecond());
    assert_eq!(told.table_id.as_deref().map(str::len), Some(36));
    assert_eq!(told.billing_mode_summary.unwrap().billing_mode, Some(BillingMode::PayPerRequest));
    assert_eq!(told.on_demand_throughput.unwrap().max_write_request_units, Some(5));
    assert_eq!(told.warm_throughput.unwrap().read_units_per_second, Some(12_000));
    assert_eq!(told.table_class_summary.unwrap().table_class, Some(TableClass::StandardInfrequentAccess));
    assert_eq!(told.sse_description.unwrap().kms_master_key_arn.unwrap(), key_arn);
    assert_eq!(
        told.latest_stream_arn.unwrap(),
        "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/stream/2026-03-01T00:00:01.500"
    );
    assert_eq!(told.deletion_protection_enabled, Some(true));
    let by_sk = &told.global_secondary_indexes.unwrap()[0];
    assert_eq!(
        by_sk.index_arn.as_deref(),
        Some("arn:aws:dynamodb:eu-central-1:111122223333:table/orders/index/by-sk")
    );
    assert_eq!(by_sk.on_demand_throughput.as_ref().unwrap().max_read_request_units, Some(7));
    assert_eq!(by_sk.warm_throughput.as_ref().unwrap().read_units_per_second, Some(13_000));
}

#[tokio::test(start_paused = true)]
async fn throughput_and_billing_change_and_never_half() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders")
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(units(5, 6))
        .global_secondary_indexes(index("by-sk").provisioned_throughput(units(1, 2)).build().unwrap())
        .send()
        .await
        .unwrap();
    let told = table(&client, "orders").await;
    assert!(told.billing_mode_summary.is_none(), "told only once a table has been on-demand");
    assert_eq!(told.provisioned_throughput.unwrap().write_capacity_units, Some(6));

    let change = UpdateGlobalSecondaryIndexAction::builder()
        .index_name("by-sk")
        .provisioned_throughput(units(8, 9))
        .build()
        .unwrap();
    client
        .update_table()
        .table_name("orders")
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().update(change).build())
        .send()
        .await
        .unwrap();
    let told = table(&client, "orders").await;
    assert_eq!(told.table_status, Some(TableStatus::Updating));
    let told = told.global_secondary_indexes.unwrap();
    assert_eq!(told[0].index_status, Some(IndexStatus::Updating));
    let busy = client.update_table().table_name("orders").deletion_protection_enabled(true).send().await;
    assert!(busy.unwrap_err().into_service_error().is_resource_in_use_exception());
    super::put(&client, "orders", "items", "go on").await;
    settled().await;
    assert_eq!(table(&client, "orders").await.table_status, Some(TableStatus::Active));
    assert_eq!(told[0].provisioned_throughput.as_ref().unwrap().read_capacity_units, Some(8));

    let bad = client
        .update_table()
        .table_name("orders")
        .deletion_protection_enabled(true)
        .on_demand_throughput(OnDemandThroughput::builder().max_read_request_units(1).build())
        .send()
        .await
        .unwrap_err();
    assert_eq!(bad.code(), Some("ValidationException"));
    assert_eq!(table(&client, "orders").await.deletion_protection_enabled, Some(false));

    client.update_table().table_name("orders").billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    let told = table(&client, "orders").await;
    assert_eq!(told.billing_mode_summary.unwrap().billing_mode, Some(BillingMode::PayPerRequest));
    assert_eq!(told.provisioned_throughput.unwrap().read_capacity_units, Some(0));
    settled().await;

    let cold = WarmThroughput::builder().read_units_per_second(100).build();
    let lower = client.update_table().table_name("orders").warm_throughput(cold).send().await.unwrap_err();
    assert_eq!(lower.code(), Some("ValidationException"), "warm throughput is never lowered");
    let nothing = client.update_table().table_name("orders").send().await.unwrap_err();
    assert_eq!(nothing.code(), Some("ValidationException"));
}

#[tokio::test(start_paused = true)]
async fn going_back_to_provisioned_needs_units_anew() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").send().await.unwrap();
    let back = || client.update_table().table_name("orders").billing_mode(BillingMode::Provisioned);
    assert_eq!(back().send().await.unwrap_err().code(), Some("ValidationException"));
    back().provisioned_throughput(units(3, 4)).send().await.unwrap();
    let told = table(&client, "orders").await;
    assert_eq!(told.provisioned_throughput.unwrap().read_capacity_units, Some(3));
    assert_eq!(told.billing_mode_summary.unwrap().billing_mode, Some(BillingMode::Provisioned));
}

#[tokio::test(start_paused = true)]
async fn indexes_come_and_go() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").send().await.unwrap();
    super::put(&client, "orders", "a", "1").await;
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name("by-kind")
        .key_schema(key("kind", KeyType::Hash))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .on_demand_throughput(OnDemandThroughput::builder().max_write_request_units(3).build())
        .build()
        .unwrap();
    client
        .update_table()
        .table_name("orders")
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .attribute_definitions(attribute("kind"))
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build())
        .send()
        .await
        .unwrap();
    let told = table(&client, "orders").await;
    assert_eq!(told.attribute_definitions.unwrap().len(), 3);
    let made = &told.global_secondary_indexes.unwrap()[0];
    assert_eq!((&made.index_status, made.backfilling), (&Some(IndexStatus::Creating), Some(false)));
    assert_eq!(made.on_demand_throughput.as_ref().unwrap().max_write_request_units, Some(3));

    let delete = || {
        let action = DeleteGlobalSecondaryIndexAction::builder().index_name("by-kind").build().unwrap();
        client
            .update_table()
            .table_name("orders")
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().delete(action).build())
            .send()
    };
    tokio::time::advance(Duration::from_secs(2)).await;
    let told = table(&client, "orders").await;
    assert_eq!(told.table_status, Some(TableStatus::Active), "the index is filled beside the table");
    assert_eq!(told.global_secondary_indexes.unwrap()[0].backfilling, Some(true));
    let read = client.scan().table_name("orders").index_name("by-kind").send().await.unwrap_err();
    assert!(read.message().unwrap().contains("backfilling"), "{read:?}");
    let drop = client.delete_table().table_name("orders").send().await.unwrap_err();
    assert_eq!(drop.code(), Some("ResourceInUseException"));
    tokio::time::advance(Duration::from_secs(2)).await;
    client.scan().table_name("orders").index_name("by-kind").send().await.unwrap();
    delete().await.unwrap();
    let told = table(&client, "orders").await;
    let going = &told.global_secondary_indexes.unwrap()[0];
    assert_eq!(going.index_status, Some(IndexStatus::Deleting));
    settled().await;
    let told = table(&client, "orders").await;
    assert!(told.global_secondary_indexes.is_none());
    assert_eq!(told.attribute_definitions.unwrap().len(), 2);
    assert_eq!(delete().await.unwrap_err().code(), Some("ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn protection_refuses_deletion() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").deletion_protection_enabled(true).send().await.unwrap();
    let refused = client.delete_table().table_name("orders").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    client.update_table().table_name("orders").deletion_protection_enabled(false).send().await.unwrap();
    settled().await;
    client.delete_table().table_name("orders").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn point_in_time_recovery_keeps_its_period() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").send().await.unwrap();
    let switch = |enabled: bool, days: Option<i32>| {
        let spec = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(enabled)
            .set_recovery_period_in_days(days);
        client
            .update_continuous_backups()
            .table_name("orders")
            .point_in_time_recovery_specification(spec.build().unwrap())
            .send()
    };
    let told = || async {
        let told = client.describe_continuous_backups().table_name("orders").send().await.unwrap();
        told.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap()
    };
    assert_eq!(told().await.point_in_time_recovery_status, Some(PointInTimeRecoveryStatus::Disabled));
    for days in [0, 36] {
        assert_eq!(switch(true, Some(days)).await.unwrap_err().code(), Some("ValidationException"));
    }
    switch(true, Some(14)).await.unwrap();
    assert_eq!(told().await.recovery_period_in_days, Some(14));
    switch(false, None).await.unwrap();
    assert_eq!(told().await.point_in_time_recovery_status, Some(PointInTimeRecoveryStatus::Disabled));
    switch(true, None).await.unwrap();
    assert_eq!(told().await.recovery_period_in_days, Some(35));
}

#[tokio::test(start_paused = true)]
async fn time_to_live_changes_once_an_hour() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").send().await.unwrap();
    let switch = |enabled: bool| {
        let spec = TimeToLiveSpecification::builder().attribute_name("expires").enabled(enabled);
        client
            .update_time_to_live()
            .table_name("orders")
            .time_to_live_specification(spec.build().unwrap())
            .send()
    };
    let told = || async {
        let told = client.describe_time_to_live().table_name("orders").send().await.unwrap();
        let told = told.time_to_live_description.unwrap();
        (told.time_to_live_status.unwrap(), told.attribute_name)
    };
    assert_eq!(told().await, (TimeToLiveStatus::Disabled, None));
    switch(true).await.unwrap();
    assert_eq!(told().await, (TimeToLiveStatus::Enabling, Some("expires".to_owned())));
    settled().await;
    assert_eq!(told().await, (TimeToLiveStatus::Enabled, Some("expires".to_owned())));
    assert_eq!(switch(false).await.unwrap_err().code(), Some("ValidationException"));
    tokio::time::advance(Duration::from_secs(3600)).await;
    switch(false).await.unwrap();
    assert_eq!(told().await, (TimeToLiveStatus::Disabling, Some("expires".to_owned())));
    settled().await;
    assert_eq!(told().await, (TimeToLiveStatus::Disabled, None));
}

#[tokio::test(start_paused = true)]
async fn tags_come_in_pages_of_ten() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let tag = |number: usize| Tag::builder().key(format!("key-{number:02}")).value("v").build().unwrap();
    let table = new_table(&client, "orders").tags(tag(0)).send().await.unwrap().table_description.unwrap();
    let arn = table.table_arn.unwrap();
    let more: Vec<_> = (1..25).map(tag).collect();
    client.tag_resource().resource_arn(&arn).set_tags(Some(more)).send().await.unwrap();
    client.untag_resource().resource_arn(&arn).tag_keys("key-03").send().await.unwrap();

    let mut keys = Vec::new();
    let mut sizes = Vec::new();
    let mut token = None;
    loop {
        let page =
            client.list_tags_of_resource().resource_arn(&arn).set_next_token(token).send().await.unwrap();
        let tags = page.tags.unwrap();
        sizes.push(tags.len());
        keys.extend(tags.into_iter().map(|tag| tag.key));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 4]);
    assert!(keys.is_sorted() && !keys.contains(&"key-03".to_owned()));

    let many: Vec<_> = (30..60).map(tag).collect();
    let refused = client.tag_resource().resource_arn(&arn).set_tags(Some(many)).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"), "fifty tags at most");
    let missing = arn.replace("orders", "missing");
    let error = client.list_tags_of_resource().resource_arn(missing).send().await.unwrap_err();
    assert!(error.into_service_error().is_resource_not_found_exception());
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_kept_by_revision() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let arn =
        new_table(&client, "orders").send().await.unwrap().table_description.unwrap().table_arn.unwrap();
    let none = client.get_resource_policy().resource_arn(&arn).send().await.unwrap_err();
    assert!(none.into_service_error().is_policy_not_found_exception());
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let stored = client.put_resource_policy().resource_arn(&arn).policy(policy).send().await.unwrap();
    let told = client.get_resource_policy().resource_arn(&arn).send().await.unwrap();
    assert_eq!((told.policy.as_deref(), &told.revision_id), (Some(policy), &stored.revision_id));
    let again = client.put_resource_policy().resource_arn(&arn).policy(policy).send().await.unwrap();
    assert_eq!(again.revision_id, stored.revision_id, "the same document changes nothing");
    let other = || client.put_resource_policy().resource_arn(&arn).policy("{}").send();
    assert_eq!(other().await.unwrap_err().code(), Some("ResourceInUseException"), "15 seconds of rest");
    tokio::time::advance(Duration::from_secs(15)).await;
    assert_ne!(other().await.unwrap().revision_id, stored.revision_id);
    tokio::time::advance(Duration::from_secs(15)).await;
    let large = format!("{{\"a\":\"{}\"}}", " ".repeat(20 * 1024));
    let refused = client.put_resource_policy().resource_arn(&arn).policy(large).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"), "20 KB at most");
    let stream = format!("{arn}/stream/2026-03-01T00:00:00.000");
    let gone = client.put_resource_policy().resource_arn(stream).policy(policy).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("ResourceNotFoundException"), "only a stream that there is has a policy");
    let late =
        client.put_resource_policy().resource_arn(&arn).policy(policy).expected_revision_id("NO_POLICY");
    assert_eq!(late.send().await.unwrap_err().code(), Some("PolicyNotFoundException"));
    client.delete_resource_policy().resource_arn(&arn).send().await.unwrap();
    assert!(client.get_resource_policy().resource_arn(&arn).send().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn kinesis_and_insights_are_switched_on_and_off() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders")
        .global_secondary_indexes(index("by-sk").build().unwrap())
        .send()
        .await
        .unwrap();
    let stream = "arn:aws:kinesis:eu-central-1:111122223333:stream/changes";
    let told = || async {
        let told = client.describe_kinesis_streaming_destination().table_name("orders").send().await.unwrap();
        let told = told.kinesis_data_stream_destinations.unwrap();
        told.first().map(|told| {
            let precision = told.approximate_creation_date_time_precision.as_ref().unwrap();
            (told.destination_status.clone().unwrap(), precision.as_str().to_owned())
        })
    };
    assert_eq!(told().await, None);
    let enable =
        || client.enable_kinesis_streaming_destination().table_name("orders").stream_arn(stream).send();
    let disable =
        || client.disable_kinesis_streaming_destination().table_name("orders").stream_arn(stream).send();
    enable().await.unwrap();
    assert_eq!(told().await.unwrap().0, DestinationStatus::Enabling);
    assert_eq!(disable().await.unwrap_err().code(), Some("ValidationException"), "not yet ACTIVE");
    settled().await;
    assert_eq!(enable().await.unwrap_err().code(), Some("ValidationException"));
    let finer = UpdateKinesisStreamingConfiguration::builder()
        .approximate_creation_date_time_precision(ApproximateCreationDateTimePrecision::Microsecond);
    client
        .update_kinesis_streaming_destination()
        .table_name("orders")
        .stream_arn(stream)
        .update_kinesis_streaming_configuration(finer.build())
        .send()
        .await
        .unwrap();
    assert_eq!(told().await, Some((DestinationStatus::Updating, "MICROSECOND".to_owned())));
    settled().await;
    disable().await.unwrap();
    assert_eq!(told().await.unwrap().0, DestinationStatus::Disabling);
    settled().await;
    assert_eq!(told().await.unwrap().0, DestinationStatus::Disabled, "it stays listed");

    client
        .update_contributor_insights()
        .table_name("orders")
        .index_name("by-sk")
        .contributor_insights_action(ContributorInsightsAction::Enable)
        .send()
        .await
        .unwrap();
    let status = |index: Option<&str>| {
        let ask = client.describe_contributor_insights().table_name("orders");
        ask.set_index_name(index.map(str::to_owned)).send()
    };
    let of_index = status(Some("by-sk")).await.unwrap();
    assert_eq!(of_index.contributor_insights_status, Some(ContributorInsightsStatus::Enabling));
    assert!(of_index.last_update_date_time.is_some());
    assert_eq!(of_index.contributor_insights_rule_list.unwrap().len(), 2, "the index has no sort key");
    settled().await;
    let of_index = status(Some("by-sk")).await.unwrap().contributor_insights_status;
    assert_eq!(of_index, Some(ContributorInsightsStatus::Enabled));
    let listed = client.list_contributor_insights().send().await.unwrap().contributor_insights_summaries;
    assert_eq!(listed.unwrap()[0].index_name.as_deref(), Some("by-sk"));
    let of_table = status(None).await.unwrap().contributor_insights_status;
    assert_eq!(of_table, Some(ContributorInsightsStatus::Disabled));
    assert_eq!(status(Some("missing")).await.unwrap_err().code(), Some("ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn a_call_changes_one_thing_and_not_too_often() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders")
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(units(9, 9))
        .send()
        .await
        .unwrap();
    let update = || client.update_table().table_name("orders");
    let same = update().provisioned_throughput(units(9, 9)).send().await.unwrap_err();
    assert!(same.message().unwrap().contains("will not change"), "{same:?}");
    for lower in [8, 7, 6, 5] {
        update().provisioned_throughput(units(lower, lower)).send().await.unwrap();
        settled().await;
    }
    let told = table(&client, "orders").await.provisioned_throughput.unwrap();
    assert_eq!(told.number_of_decreases_today, Some(4));
    assert!(told.last_decrease_date_time.is_some() && told.last_increase_date_time.is_none());
    let fifth = update().provisioned_throughput(units(4, 4)).send().await.unwrap_err();
    assert_eq!(fifth.code(), Some("LimitExceededException"));
    for class in [TableClass::StandardInfrequentAccess, TableClass::Standard] {
        update().table_class(class).send().await.unwrap();
        settled().await;
    }
    let third = update().table_class(TableClass::StandardInfrequentAccess).send().await.unwrap_err();
    assert_eq!(third.code(), Some("LimitExceededException"));
    let drop = |name: &str| {
        let action = DeleteGlobalSecondaryIndexAction::builder().index_name(name).build().unwrap();
        GlobalSecondaryIndexUpdate::builder().delete(action).build()
    };
    let two =
        update().global_secondary_index_updates(drop("one")).global_secondary_index_updates(drop("two"));
    assert_eq!(two.send().await.unwrap_err().code(), Some("LimitExceededException"));
    let both = update().provisioned_throughput(units(20, 20)).global_secondary_index_updates(drop("one"));
    assert_eq!(both.send().await.unwrap_err().code(), Some("ValidationException"));
}

#[tokio::test(start_paused = true)]
async fn tables_take_their_time_to_come_and_to_go() {
    let world = world();
    world.with_dynamodb(|dynamodb| dynamodb.durations = Durations::served());
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders")
        .global_secondary_indexes(index("by-sk").build().unwrap())
        .send()
        .await
        .unwrap();
    let told = table(&client, "orders").await;
    assert_eq!(told.table_status, Some(TableStatus::Creating));
    assert_eq!(told.global_secondary_indexes.unwrap()[0].index_status, Some(IndexStatus::Creating));
    let early = client.scan().table_name("orders").send().await.unwrap_err().into_service_error();
    assert!(early.is_resource_not_found_exception());
    let drop = || client.delete_table().table_name("orders").send();
    assert!(drop().await.unwrap_err().into_service_error().is_resource_in_use_exception());
    tokio::time::advance(Duration::from_secs(1)).await;
    let spec =
        PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
    let pitr =
        client.update_continuous_backups().table_name("orders").point_in_time_recovery_specification(spec);
    assert_eq!(pitr.send().await.unwrap_err().code(), Some("ContinuousBackupsUnavailableException"));
    super::put(&client, "orders", "a", "1").await;
    drop().await.unwrap();
    assert_eq!(table(&client, "orders").await.table_status, Some(TableStatus::Deleting));
    drop().await.unwrap();
    assert!(
        new_table(&client, "orders")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_in_use_exception()
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(client.describe_table().table_name("orders").send().await.is_err());
    new_table(&client, "orders").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn replicas_are_refused_and_can_be_planted() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").send().await.unwrap();
    let consistency = client.update_table().table_name("orders").multi_region_consistency("STRONG".into());
    let refused = consistency.send().await.unwrap_err();
    assert!(refused.message().unwrap().contains("not modelled"), "{refused:?}");
    let members = serde_json::json!({
        "Replicas": [{ "RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE" }],
        "MultiRegionConsistency": "EVENTUAL",
    });
    world.with_dynamodb(|dynamodb| dynamodb.plant(ACCOUNT, FRANKFURT, "orders", &members)).unwrap();
    assert_eq!(table(&client, "orders").await.replicas.unwrap()[0].region_name.as_deref(), Some("eu-west-1"));
}
