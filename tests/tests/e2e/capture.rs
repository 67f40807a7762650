//! What is captured of a table: everything that a restore puts back, or the reason why it is not known.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types as dynamodb;
use backup_chain_core::ids::{Region, TableName};
use backup_chain_core::settings::{Part, Unknown};
use backup_chain_deployed::stack::{SOURCE, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::settings::surrounded;
use backup_chain_tests::{deployed, tables};

async fn scene() -> (World, Stack, TableName) {
    let (world, stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = tables::create(&world, "orders", &surrounded("orders")).await.unwrap();
    tables::surround(&world, &orders, &surrounded("orders")).await.unwrap();
    // Somebody else's, which is not to be taken for its own.
    let other = tables::create(&world, "orders-archive", &surrounded("orders")).await.unwrap();
    let mut scaled = surrounded("orders");
    (scaled.policies, scaled.kinesis, scaled.alarms) = (Part::none(), Part::none(), Part::none());
    tables::surround(&world, &other, &scaled).await.unwrap();
    (world, stack, orders)
}

fn home() -> Region {
    SOURCE.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn everything_around_a_table_is_captured() {
    let (world, stack, orders) = scene().await;
    let captured = stack.app().aws.region(&home()).capture(&orders).await.unwrap();
    assert!(captured.warnings.is_empty(), "{:?}", captured.warnings);
    let differs = captured.settings.changes(&surrounded("orders"));
    let now = serde_json::to_value(&captured.settings).unwrap();
    assert!(captured.settings == surrounded("orders"), "{differs:?}\n{now:#}");

    // However many tables, what is around them is read once.
    world.clear_calls();
    for _ in 0..5 {
        stack.app().aws.region(&home()).capture(&orders).await.unwrap();
    }
    let calls = world.calls();
    let count = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
    assert_eq!(
        ["DescribeAlarms", "DescribeScalableTargets", "ListContributorInsights"].map(count),
        [0, 0, 0],
        "it was read a moment ago"
    );
    assert_eq!(count("DescribeTable"), 5);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    world.clear_calls();
    stack.app().aws.region(&home()).capture(&orders).await.unwrap();
    assert_eq!(world.calls().iter().filter(|call| call.operation == "DescribeAlarms").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_unknown_and_never_absent() {
    let parts = [
        ("dynamodb", "GetResourcePolicy", "policies"),
        ("dynamodb", "DescribeKinesisStreamingDestination", "kinesis"),
        ("dynamodb", "ListContributorInsights", "insights"),
        ("application-autoscaling", "DescribeScalableTargets", "scaling"),
        ("application-autoscaling", "DescribeScalingPolicies", "scaling"),
        ("application-autoscaling", "DescribeScheduledActions", "scaling"),
        ("monitoring", "DescribeAlarms", "alarms"),
    ];
    for (service, operation, part) in parts {
        let (world, stack, orders) = scene().await;
        world.inject(FaultRule::new(service, operation, Fault::Deny));
        let captured = stack.app().aws.region(&home()).capture(&orders).await.unwrap();
        let settings = serde_json::to_value(&captured.settings).unwrap();
        assert_eq!(settings[part], serde_json::to_value(Unknown::AccessDenied).unwrap(), "{operation}");
        assert_eq!(captured.warnings.len(), 1, "{operation}: {:?}", captured.warnings);
        let mut expected = serde_json::to_value(surrounded("orders")).unwrap();
        expected[part] = settings[part].clone();
        assert_eq!(settings, expected, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_capture_that_is_throttled_is_tried_again_and_not_recorded_as_unknown() {
    let (world, stack, orders) = scene().await;
    world.inject(FaultRule::new("monitoring", "DescribeAlarms", Fault::Throttle));
    let error = stack.app().aws.region(&home()).capture(&orders).await.unwrap().or_transient().unwrap_err();
    assert!(error.is_transient(), "{error}");
    world.clear_faults();
    tokio::time::sleep(std::time::Duration::from_secs(16)).await;
    let captured = stack.app().aws.region(&home()).capture(&orders).await.unwrap();
    assert!(captured.settings == surrounded("orders"), "what failed is not kept for long");
}

/// The names of the fields that a type of the SDK has, as its debug form tells them.
fn fields(debug: &str) -> BTreeSet<String> {
    let mut depth = 0;
    let mut name = String::new();
    let mut names = BTreeSet::new();
    for letter in debug.chars() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ':' if depth == 1 => {
                names.insert(std::mem::take(&mut name).trim().to_owned());
            }
            ',' if depth == 1 => name.clear(),
            _ => {}
        }
        if depth == 1 && (letter.is_alphanumeric() || letter == '_') {
            name.push(letter);
        } else if letter == '{' {
            name.clear();
        }
    }
    names
}

/// A newer SDK may know more of a table: then this fails until it is captured, or listed here as left out.
#[test]
fn no_field_of_a_table_is_left_out_unawares() {
    let names = |list: &str| -> BTreeSet<String> { list.split_whitespace().map(str::to_owned).collect() };
    let table = format!("{:?}", dynamodb::TableDescription::builder().build());
    let captured = "attribute_definitions key_schema billing_mode_summary provisioned_throughput on_demand_throughput \
        warm_throughput local_secondary_indexes global_secondary_indexes vector_indexes stream_specification \
        sse_description table_class_summary deletion_protection_enabled replicas global_table_witnesses \
        global_table_version global_table_settings_replication_mode multi_region_consistency \
        disassociation_protection_enabled";
    // Sizes, counts, dates, states, and names that follow from others.
    let left_out = "table_name table_status creation_date_time table_size_bytes item_count table_arn table_id \
        latest_stream_label latest_stream_arn restore_summary archival_summary";
    assert_eq!(fields(&table), names(&format!("{captured} {left_out}")));

    let index = format!("{:?}", dynamodb::GlobalSecondaryIndexDescription::builder().build());
    let captured =
        "index_name key_schema projection provisioned_throughput on_demand_throughput warm_throughput";
    let left_out = "index_status backfilling index_size_bytes item_count index_arn";
    assert_eq!(fields(&index), names(&format!("{captured} {left_out}")));

    let index = format!("{:?}", dynamodb::LocalSecondaryIndexDescription::builder().build());
    assert_eq!(
        fields(&index),
        names("index_name key_schema projection index_size_bytes item_count index_arn")
    );

    let replica = format!("{:?}", dynamodb::ReplicaDescription::builder().build());
    let captured = "region_name kms_master_key_id provisioned_throughput_override on_demand_throughput_override \
        replica_table_class_summary warm_throughput global_secondary_indexes global_table_settings_replication_mode";
    let left_out = "replica_arn replica_status replica_status_description replica_status_percent_progress \
        replica_inaccessible_date_time";
    assert_eq!(fields(&replica), names(&format!("{captured} {left_out}")));
}
