//! Changing tables.

use serde_json::{Value, json};

use super::{
    Durations, Store,
    create::{billing_mode, refuse_unmodelled, require_few_projected},
    life::one_index_at_a_time,
    options::later,
    requests::{Answer, Refusal, invalid, required},
    schema::index_for_engine,
    settings::Settings,
    throughput::Throughput,
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
    "VectorIndexUpdates",
];

const UNMODELLED: &[&str] = &[
    "ReplicaUpdates",
    "MultiRegionConsistency",
    "GlobalTableWitnessUpdates",
    "GlobalTableSettingsReplicationMode",
    "DisassociationProtectionEnabled",
];

/// Vector indexes are reported, and no more: one comes or goes in a call.
fn vector_updates(settings: &mut Settings, body: &Value) -> Result<(), ApiError> {
    let Some(updates) = body["VectorIndexUpdates"].as_array() else { return Ok(()) };
    let [update] = updates.as_slice() else { return Err(one_index_at_a_time()) };
    let planted = settings.planted.entry("VectorIndexes".to_owned()).or_insert_with(|| json!([]));
    let Some(indexes) = planted.as_array_mut() else { return Ok(()) };
    let is_named = |index: &Value, name: &Value| index["IndexName"] == *name;
    if let Some(create) = update.get("Create").filter(|create| !create.is_null()) {
        if indexes.iter().any(|index| is_named(index, &create["IndexName"])) {
            return Err(invalid("Attempting to create an index which already exists"));
        }
        indexes.push(create.clone());
    } else {
        indexes.retain(|index| !is_named(index, &update["Delete"]["IndexName"]));
    }
    Ok(())
}

impl Store {
    /// What a change sets is reported at once, under the status UPDATING.
    pub(super) fn update(&mut self, scope: &Scope, body: &Value, durations: &Durations) -> Answer {
        let table = required(body, "TableName")?.to_owned();
        // All or nothing: the changes are made to a copy.
        let mut settings = self.settings(&table)?.clone();
        refuse_unmodelled(body, UNMODELLED)?;
        if !CHANGES.iter().any(|change| is_given(body, change)) {
            return Err(invalid(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            )
            .into());
        }
        settings.life.require_active(&table, scope.now)?;
        require_one_change(body)?;
        let mut changes_mode = false;
        if let Some(mode) = text(body, "BillingMode") {
            let on_demand = billing_mode(mode)?;
            if on_demand != settings.on_demand {
                changes_mode = true;
                if on_demand {
                    settings.history.on_demand(scope.now)?;
                }
                settings.change_mode(on_demand, scope.now);
            }
        }
        if !changes_mode {
            require_other_units(&settings.throughput, body, "table", &table)?;
        }
        settings.throughput.apply(body, settings.on_demand, scope.now)?;
        if is_given(body, "WarmThroughput") {
            settings.throughput.warm_at = Some(later(scope.now, durations.update));
        }
        settings.apply(scope, body, false)?;
        vector_updates(&mut settings, body)?;

        let for_engine = self.index_updates(scope, &table, &mut settings, body, durations)?;
        settings.require_provisioned()?;
        if let Some(update) = for_engine {
            let mut request = json!({ "TableName": table, "GlobalSecondaryIndexUpdates": [update] });
            if let Some(definitions) = body.get("AttributeDefinitions").filter(|value| !value.is_null()) {
                request["AttributeDefinitions"] = definitions.clone();
            }
            self.items.update(&request)?;
        }
        settings.life.updated = Some(later(scope.now, durations.update));
        self.tables.insert(table.clone(), settings);
        self.described_as(scope, &table, "UPDATING")
    }

    /// Takes over the changes of global indexes; what the engine must do is returned.
    fn index_updates(
        &self,
        scope: &Scope,
        table: &str,
        settings: &mut Settings,
        body: &Value,
        durations: &Durations,
    ) -> Result<Option<Value>, Refusal> {
        let mut for_engine = None;
        for (action, index) in index_updates(body)? {
            let name = required(index, "IndexName")?.to_owned();
            match action {
                "Create" => {
                    settings.life.require_indexes_quiet(None, scope.now)?;
                    let there = self.describe(scope, table)?;
                    let of_kind = |kind: &str| there[kind].as_array().into_iter().flatten();
                    let there = of_kind("GlobalSecondaryIndexes").chain(of_kind("LocalSecondaryIndexes"));
                    require_few_projected(there.chain([index]))?;
                    let mut throughput = Throughput::default();
                    throughput.apply(index, settings.on_demand, scope.now)?;
                    if settings.indexes.insert(name.clone(), throughput).is_some() {
                        return Err(invalid(format!(
                            "Attempting to create an index which already exists: {name}"
                        ))
                        .into());
                    }
                    settings.life.index_made(&name, scope.now, durations);
                    for_engine = Some(json!({ "Create": index_for_engine(index) }));
                }
                "Update" => {
                    let throughput = settings.indexes.get_mut(&name).ok_or_else(|| no_index(&name))?;
                    require_other_units(throughput, index, "index", &name)?;
                    throughput.apply(index, settings.on_demand, scope.now)?;
                    if is_given(index, "WarmThroughput") {
                        throughput.warm_at = Some(later(scope.now, durations.update));
                    }
                    settings.life.index_updated(&name, scope.now, durations);
                }
                "Delete" => {
                    if settings.indexes.remove(&name).is_none() {
                        return Err(no_index(&name).into());
                    }
                    settings.life.require_indexes_quiet(Some(&name), scope.now)?;
                    let told = self.describe(scope, table)?["GlobalSecondaryIndexes"]
                        .as_array()
                        .and_then(|indexes| indexes.iter().find(|told| told["IndexName"] == name.as_str()))
                        .cloned()
                        .unwrap_or_default();
                    settings.life.index_removed(&name, told, scope.now, durations);
                    for_engine = Some(json!({ "Delete": { "IndexName": name } }));
                }
                _ => return Err(invalid(format!("no index update {action}")).into()),
            }
        }
        Ok(for_engine)
    }
}

/// The updates of global indexes: what is to be done, and to which.
fn index_updates(body: &Value) -> Result<Vec<(&str, &Value)>, ApiError> {
    let updates = body["GlobalSecondaryIndexUpdates"].as_array().into_iter().flatten();
    updates
        .map(|update| {
            update
                .as_object()
                .and_then(|update| update.iter().find(|(_, index)| !index.is_null()))
                .map(|(action, index)| (action.as_str(), index))
                .ok_or_else(|| invalid("a GlobalSecondaryIndexUpdate is one of Create, Update and Delete"))
        })
        .collect()
}

/// AWS documents that one call makes one index, or removes one, or changes the table's throughput.
fn require_one_change(body: &Value) -> Result<(), ApiError> {
    let indexes = index_updates(body)?.iter().filter(|(action, _)| *action != "Update").count();
    if indexes > 1 {
        return Err(one_index_at_a_time());
    }
    if indexes == 1 && (is_given(body, "ProvisionedThroughput") || is_given(body, "BillingMode")) {
        return Err(invalid(
            "One or more parameter values were invalid: only one of these can be done at once: to change the \
             throughput of the table, to create a global secondary index, to delete one",
        ));
    }
    Ok(())
}

/// AWS refuses to set the capacity units that are set already.
fn require_other_units(
    throughput: &Throughput,
    request: &Value,
    kind: &str,
    name: &str,
) -> Result<(), ApiError> {
    let wanted = &request["ProvisionedThroughput"];
    let (read, write) = (wanted["ReadCapacityUnits"].as_u64(), wanted["WriteCapacityUnits"].as_u64());
    match throughput.provisioned {
        Some((had_read, had_write)) if read == Some(had_read) && write == Some(had_write) => {
            Err(invalid(format!(
                "The provisioned throughput for the {kind} {name} will not change. The requested value equals the \
                 current value. Current ReadCapacityUnits provisioned for the {kind}: {had_read}. Requested \
                 ReadCapacityUnits: {had_read}. Current WriteCapacityUnits provisioned for the {kind}: \
                 {had_write}. Requested WriteCapacityUnits: {had_write}. Refer to the Amazon DynamoDB Developer \
                 Guide for current limits and how to request higher limits."
            )))
        }
        _ => Ok(()),
    }
}

fn is_given(body: &Value, member: &str) -> bool {
    body.get(member).is_some_and(|value| !value.is_null())
}

fn no_index(name: &str) -> ApiError {
    ApiError::client(
        "ResourceNotFoundException",
        format!("Requested resource not found: the table has no global index {name}"),
    )
}
