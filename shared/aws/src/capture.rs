//! What DescribeTable tells, as settings: without sizes, counts, dates, states and ARNs that follow from the
//! table's own.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types as aws;
use backup_chain_core::settings::{
    AttributeType, BillingMode, Consistency, Encryption, EncryptionType, GlobalIndex, Json, KeySchema,
    LocalIndex, MaxThroughput, Projection, Replicas, StreamView, TableClass, TableSettings, Throughput,
};
use serde_json::{Map, Value, json};

/// The parts of the settings that DescribeTable tells; the others stay unknown.
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
    // On demand AWS tells 0 and 0.
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

fn replica(replica: &aws::ReplicaDescription) -> Value {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    set("KMSMasterKeyId", replica.kms_master_key_id().map(Value::from));
    let read = replica.provisioned_throughput_override().and_then(|units| units.read_capacity_units());
    set("ReadCapacityUnits", read.map(Value::from));
    let most = replica.on_demand_throughput_override().and_then(|units| units.max_read_request_units());
    set("MaxReadRequestUnits", most.map(Value::from));
    let class = replica.replica_table_class_summary().and_then(|summary| summary.table_class());
    set("TableClass", class.map(|class| class.as_str().into()));
    fields.into()
}
