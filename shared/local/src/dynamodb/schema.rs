//! Keys and indexes of a table, as the engine is told them and as a CreateTable names them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::wire::text;

/// The engine is reported keys and indexes; every table is on-demand to it.
pub(super) fn for_engine(body: &Value) -> Value {
    let mut request = json!({ "BillingMode": "PAY_PER_REQUEST" });
    for member in
        ["TableName", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
    {
        if let Some(value) = body.get(member).filter(|value| !value.is_null()) {
            request[member] = value.clone();
        }
    }
    for index in request["GlobalSecondaryIndexes"].as_array_mut().into_iter().flatten() {
        *index = index_for_engine(index);
    }
    if request["GlobalSecondaryIndexes"].is_null()
        && let Some(members) = request.as_object_mut()
    {
        members.remove("GlobalSecondaryIndexes");
    }
    request
}

/// An index without its throughput.
pub(super) fn index_for_engine(index: &Value) -> Value {
    let mut index = index.clone();
    if let Some(members) = index.as_object_mut() {
        members.retain(|member, _| ["IndexName", "KeySchema", "Projection"].contains(&member.as_str()));
    }
    index
}

/// The keys, attributes and indexes of a description as a CreateTable names them: attributes that no index needs
/// any more are left out, and so are indexes that were on their way out.
pub(super) fn plain(description: &Value) -> Value {
    let mut used = BTreeSet::new();
    let mut note = |schema: &Value| {
        let names = schema.as_array().into_iter().flatten().filter_map(|key| text(key, "AttributeName"));
        used.extend(names.map(str::to_owned));
    };
    note(&description["KeySchema"]);
    let mut request = json!({ "KeySchema": description["KeySchema"] });
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let mut kept = Vec::new();
        for index in description[kind].as_array().into_iter().flatten().filter(|index| stays(index)) {
            note(&index["KeySchema"]);
            kept.push(json!({
                "IndexName": index["IndexName"],
                "KeySchema": index["KeySchema"],
                "Projection": index["Projection"],
            }));
        }
        if !kept.is_empty() {
            request[kind] = Value::Array(kept);
        }
    }
    let attributes = description["AttributeDefinitions"].as_array().into_iter().flatten();
    request["AttributeDefinitions"] = attributes
        .filter(|attribute| text(attribute, "AttributeName").is_some_and(|name| used.contains(name)))
        .cloned()
        .collect();
    request
}

pub(super) fn stays(index: &Value) -> bool {
    index["IndexStatus"] != "DELETING"
}
