//! Changing tables.

use serde_json::{Value, json};

use super::{
    Answer, Store,
    create::{billing_mode, index_for_engine},
    engine, invalid, required,
    settings::Throughput,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

const CHANGES: &[&str] = &[
    "BillingMode",
    "ProvisionedThroughput",
    "GlobalSecondaryIndexUpdates",
    "StreamSpecification",
    "SSESpecification",
    "TableClass",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "WarmThroughput",
];

impl Store {
    pub(super) fn update(&mut self, scope: &Scope, body: &Value) -> Answer {
        let table = required(body, "TableName")?.to_owned();
        // All or nothing: the changes are made to a copy.
        let mut settings = self.settings(&table)?.clone();
        if !CHANGES.iter().any(|change| body.get(change).is_some_and(|value| !value.is_null())) {
            return Err(invalid(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            )
            .into());
        }
        if let Some(mode) = text(body, "BillingMode") {
            let on_demand = billing_mode(mode)?;
            if on_demand != settings.on_demand {
                settings.change_mode(on_demand, scope.now);
            }
        }
        settings.throughput.apply(body, settings.on_demand)?;
        settings.apply(scope, body)?;

        let mut for_engine = Vec::new();
        for update in body["GlobalSecondaryIndexUpdates"].as_array().into_iter().flatten() {
            let Some((action, index)) = update.as_object().and_then(|update| update.iter().next()) else {
                return Err(
                    invalid("a GlobalSecondaryIndexUpdate is one of Create, Update and Delete").into()
                );
            };
            let name = required(index, "IndexName")?.to_owned();
            match action.as_str() {
                "Create" => {
                    let mut throughput = Throughput::default();
                    throughput.apply(index, settings.on_demand)?;
                    settings.indexes.insert(name, throughput);
                    for_engine.push(json!({ "Create": index_for_engine(index) }));
                }
                "Update" => {
                    let throughput = settings.indexes.get_mut(&name).ok_or_else(|| no_index(&name))?;
                    throughput.apply(index, settings.on_demand)?;
                }
                "Delete" => {
                    settings.indexes.remove(&name).ok_or_else(|| no_index(&name))?;
                    for_engine.push(update.clone());
                }
                _ => return Err(invalid(format!("no index update {action}")).into()),
            }
        }
        settings.require_provisioned()?;
        if !for_engine.is_empty() {
            let mut request = json!({ "TableName": table, "GlobalSecondaryIndexUpdates": for_engine });
            if let Some(definitions) = body.get("AttributeDefinitions").filter(|value| !value.is_null()) {
                request["AttributeDefinitions"] = definitions.clone();
            }
            engine::answer(&self.items, "UpdateTable", &request)?;
        }
        self.tables.insert(table.clone(), settings);
        self.described_as(scope, &table, "UPDATING")
    }
}

fn no_index(name: &str) -> ApiError {
    ApiError::client(
        "ResourceNotFoundException",
        format!("Requested resource not found: the table has no global index {name}"),
    )
}
