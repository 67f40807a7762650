//! What DescribeTable returns, as settings: without sizes, counts, dates, states and ARNs that follow from the
//! table's own.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types as aws;
use backup_chain_core::settings::{
    AttributeType, BillingMode, Consistency, Encryption, EncryptionType, GlobalIndex, Json, KeySchema,
    LocalIndex, MaxThroughput, Projection, Replicas, StreamView, TableClass, TableSettings, Throughput,
};
use serde_json::{Map, Value, json};

/// The parts of the settings that DescribeTable returns; the others stay unknown.
pub(crate) fn settings(table: &aws::TableDescription) -> TableSettings {
    let billing = match table.billing_mode_summary().and_then(|summary| summary.billing_mode()) {
        Some(aws::BillingMode::PayPerRequest) => BillingMode::PayPerRequest,
        // AWS leaves the summary out for tables that have always been provisioned.
        _ => BillingMode::Provisioned,
    };
    TableSettings {
        attributes: table.attribute_definitions().iter().map(attribute).collect(),
        keys: keys(table.key_schema()),
        local_indexes: table
            .local_secondary_indexes()
            .iter()
            .map(|index| {
                let settings =
                    LocalIndex { keys: keys(index.key_schema()), projection: projection(index.projection()) };
                (name(index.index_name()), settings)
            })
            .collect(),
        global_indexes: table.global_secondary_indexes().iter().map(global_index).collect(),
        vector_indexes: table.vector_indexes().iter().map(vector_index).collect(),
        billing,
        throughput: throughput(table.provisioned_throughput()),
        on_demand_max: on_demand_max(table.on_demand_throughput()),
        warm: table
            .warm_throughput()
            .and_then(|warm| units(warm.read_units_per_second(), warm.write_units_per_second())),
        class: match table.table_class_summary().and_then(|summary| summary.table_class()) {
            Some(aws::TableClass::StandardInfrequentAccess) => TableClass::StandardInfrequentAccess,
            _ => TableClass::Standard,
        },
        encryption: table
            .sse_description()
            .filter(|sse| sse.status() != Some(&aws::SseStatus::Disabled))
            .map(|sse| {
                let kind = match sse.sse_type() {
                    Some(aws::SseType::Aes256) => EncryptionType::Aes256,
                    _ => EncryptionType::Kms,
                };
                Encryption { kind, key: sse.kms_master_key_arn().map(str::to_owned) }
            }),
        stream: table.stream_specification().filter(|stream| stream.stream_enabled).map(
            |stream| match stream.stream_view_type() {
                Some(aws::StreamViewType::KeysOnly) => StreamView::KeysOnly,
                Some(aws::StreamViewType::NewImage) => StreamView::NewImage,
                Some(aws::StreamViewType::OldImage) => StreamView::OldImage,
                _ => StreamView::NewAndOldImages,
            },
        ),
        deletion_protection: table.deletion_protection_enabled().unwrap_or(false),
        replicas: replicas(table),
        ..TableSettings::default()
    }
}

fn name(name: Option<&str>) -> String {
    name.unwrap_or_default().to_owned()
}

fn attribute(definition: &aws::AttributeDefinition) -> (String, AttributeType) {
    let kind = match definition.attribute_type() {
        aws::ScalarAttributeType::N => AttributeType::N,
        aws::ScalarAttributeType::B => AttributeType::B,
        _ => AttributeType::S,
    };
    (definition.attribute_name().to_owned(), kind)
}

fn keys(schema: &[aws::KeySchemaElement]) -> KeySchema {
    let of = |kind: aws::KeyType| {
        let elements = schema.iter().filter(move |element| *element.key_type() == kind);
        elements.map(|element| element.attribute_name().to_owned()).collect()
    };
    KeySchema { hash: of(aws::KeyType::Hash), range: of(aws::KeyType::Range) }
}

fn projection(projection: Option<&aws::Projection>) -> Projection {
    match projection.and_then(|projection| projection.projection_type()) {
        Some(aws::ProjectionType::KeysOnly) => Projection::KeysOnly,
        Some(aws::ProjectionType::Include) => {
            let attributes = projection.map(|projection| projection.non_key_attributes()).unwrap_or_default();
            Projection::Include(attributes.iter().cloned().collect())
        }
        _ => Projection::All,
    }
}

fn global_index(index: &aws::GlobalSecondaryIndexDescription) -> (String, GlobalIndex) {
    let settings = GlobalIndex {
        keys: keys(index.key_schema()),
        projection: projection(index.projection()),
        throughput: throughput(index.provisioned_throughput()),
        on_demand_max: on_demand_max(index.on_demand_throughput()),
        warm: index
            .warm_throughput()
            .and_then(|warm| units(warm.read_units_per_second(), warm.write_units_per_second())),
    };
    (name(index.index_name()), settings)
}

fn vector_index(index: &aws::VectorIndexDescription) -> (String, Json) {
    let mut fields = Map::new();
    let schema: Vec<Value> = index
        .search_schema()
        .iter()
        .map(|element| json!({"AttributeName": element.attribute_name(), "SearchSchemaElementType": element.search_schema_element_type().as_str()}))
        .collect();
    fields.insert("SearchSchema".to_owned(), schema.into());
    if let Some(found) = index.projection() {
        let kind = found.projection_type().map(aws::ProjectionType::as_str);
        let also: Vec<&String> = found.non_key_attributes().iter().collect();
        fields.insert("Projection".to_owned(), json!({"ProjectionType": kind, "NonKeyAttributes": also}));
    }
    if let Some(attribute) = index.vector_attribute() {
        fields.insert("VectorAttribute".to_owned(), json!({"AttributeName": attribute.attribute_name()}));
    }
    if let Some(dimensions) = index.dimensions() {
        fields.insert("Dimensions".to_owned(), dimensions.into());
    }
    if let Some(distance) = index.distance_function() {
        fields.insert("DistanceFunction".to_owned(), distance.as_str().into());
    }
    (name(index.index_name()), Json(fields.into()))
}

fn throughput(provisioned: Option<&aws::ProvisionedThroughputDescription>) -> Option<Throughput> {
    // On demand AWS returns 0 and 0.
    let provisioned = provisioned?;
    units(provisioned.read_capacity_units(), provisioned.write_capacity_units())
        .filter(|found| found.read > 0)
}

fn units(read: Option<i64>, write: Option<i64>) -> Option<Throughput> {
    Some(Throughput { read: read?.try_into().ok()?, write: write?.try_into().ok()? })
}

fn on_demand_max(max: Option<&aws::OnDemandThroughput>) -> MaxThroughput {
    // -1 stands for no bound.
    let bound = |units: Option<i64>| units.and_then(|units| units.try_into().ok());
    MaxThroughput {
        read: bound(max.and_then(|max| max.max_read_request_units())),
        write: bound(max.and_then(|max| max.max_write_request_units())),
    }
}

fn replicas(table: &aws::TableDescription) -> Option<Replicas> {
    if table.replicas().is_empty() && table.global_table_witnesses().is_empty() {
        return None;
    }
    let regions: BTreeMap<String, Json> =
        table.replicas().iter().map(|found| (name(found.region_name()), Json(replica(found)))).collect();
    Some(Replicas {
        consistency: match table.multi_region_consistency() {
            Some(aws::MultiRegionConsistency::Strong) => Consistency::Strong,
            _ => Consistency::Eventual,
        },
        regions,
        witnesses: table.global_table_witnesses().iter().map(|witness| name(witness.region_name())).collect(),
        version: table.global_table_version().map(str::to_owned),
        settings_mode: table.global_table_settings_replication_mode().map(|mode| mode.as_str().to_owned()),
        disassociation_protection: table.disassociation_protection_enabled().unwrap_or(false),
    })
}

/// A replica as DescribeTable gives it, without what follows from its Region, states and dates.
fn replica(replica: &aws::ReplicaDescription) -> Value {
    let indexes: Vec<Value> = replica.global_secondary_indexes().iter().map(replica_index).collect();
    let warm = replica.warm_throughput();
    let class = replica.replica_table_class_summary().and_then(|summary| summary.table_class());
    let mode = replica.global_table_settings_replication_mode();
    object([
        ("KMSMasterKeyId", replica.kms_master_key_id().map(Value::from)),
        ("ProvisionedThroughputOverride", provisioned(replica.provisioned_throughput_override())),
        ("OnDemandThroughputOverride", on_demand(replica.on_demand_throughput_override())),
        (
            "WarmThroughput",
            warm.map(|warm| warm_units(warm.read_units_per_second(), warm.write_units_per_second())),
        ),
        ("ReplicaTableClassSummary", class.map(|class| json!({"TableClass": class.as_str()}))),
        ("GlobalSecondaryIndexes", (!indexes.is_empty()).then(|| indexes.into())),
        ("GlobalTableSettingsReplicationMode", mode.map(|mode| mode.as_str().into())),
    ])
}

fn replica_index(index: &aws::ReplicaGlobalSecondaryIndexDescription) -> Value {
    let warm = index.warm_throughput();
    object([
        ("IndexName", index.index_name().map(Value::from)),
        ("ProvisionedThroughputOverride", provisioned(index.provisioned_throughput_override())),
        ("OnDemandThroughputOverride", on_demand(index.on_demand_throughput_override())),
        (
            "WarmThroughput",
            warm.map(|warm| warm_units(warm.read_units_per_second(), warm.write_units_per_second())),
        ),
    ])
}

fn provisioned(found: Option<&aws::ProvisionedThroughputOverride>) -> Option<Value> {
    Some(json!({"ReadCapacityUnits": found?.read_capacity_units()?}))
}

fn on_demand(found: Option<&aws::OnDemandThroughputOverride>) -> Option<Value> {
    Some(json!({"MaxReadRequestUnits": found?.max_read_request_units()?}))
}

fn warm_units(read: Option<i64>, write: Option<i64>) -> Value {
    object([("ReadUnitsPerSecond", read.map(Value::from)), ("WriteUnitsPerSecond", write.map(Value::from))])
}

/// An object of what is there.
pub(crate) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_captured_as_they_are_described() {
        let index = aws::ReplicaGlobalSecondaryIndexDescription::builder()
            .index_name("by-status")
            .provisioned_throughput_override(
                aws::ProvisionedThroughputOverride::builder().read_capacity_units(7).build(),
            );
        let warm = aws::TableWarmThroughputDescription::builder()
            .read_units_per_second(12_000)
            .write_units_per_second(4_000)
            .status(aws::TableStatus::Active);
        let replica = aws::ReplicaDescription::builder()
            .region_name("eu-west-1")
            .replica_status(aws::ReplicaStatus::Active)
            .kms_master_key_id("mrk-1")
            .warm_throughput(warm.build())
            .global_secondary_indexes(index.build())
            .replica_table_class_summary(
                aws::TableClassSummary::builder().table_class(aws::TableClass::Standard).build(),
            );
        let table = aws::TableDescription::builder()
            .replicas(replica.build())
            .multi_region_consistency(aws::MultiRegionConsistency::Strong)
            .global_table_version("2019.11.21");
        let found =
            serde_json::to_value(settings(&table.build()).replicas).expect("settings have a form in JSON");
        assert_eq!(
            found,
            json!({
                "consistency": "STRONG",
                "regions": {"eu-west-1": {
                    "KMSMasterKeyId": "mrk-1",
                    "WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000},
                    "ReplicaTableClassSummary": {"TableClass": "STANDARD"},
                    "GlobalSecondaryIndexes": [
                        {"IndexName": "by-status", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 7}},
                    ],
                }},
                "version": "2019.11.21",
            })
        );
    }
}
