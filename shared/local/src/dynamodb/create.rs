//! Making and removing tables.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Answer, Store, engine, invalid, no_table, required,
    settings::{Settings, Throughput},
    tags,
};
use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::text,
};

impl Store {
    pub(super) fn create(&mut self, scope: &Scope, body: &Value, rng: &mut Rng) -> Answer {
        let mode = text(body, "BillingMode").unwrap_or("PROVISIONED");
        let on_demand = billing_mode(mode)?;
        let mut settings = Settings {
            id: String::new(),
            created: scope.now,
            on_demand,
            on_demand_since: on_demand.then_some(scope.now),
            throughput: Throughput::default(),
            indexes: BTreeMap::new(),
            class: None,
            key_arn: None,
            deletion_protection: false,
            stream_view: None,
            stream_made: None,
            tags: tags::read(body)?,
            ttl: None,
            ttl_changed: None,
            pitr: None,
            policies: BTreeMap::new(),
            kinesis: BTreeMap::new(),
            insights: BTreeMap::new(),
        };
        settings.throughput.apply(body, on_demand)?;
        for index in indexes(body) {
            let mut throughput = Throughput::default();
            throughput.apply(index, on_demand)?;
            settings.indexes.insert(text(index, "IndexName").unwrap_or_default().to_owned(), throughput);
        }
        settings.require_provisioned()?;
        let enables_stream = body["StreamSpecification"]["StreamEnabled"].as_bool().unwrap_or_default();
        settings.apply(scope, &if enables_stream { body.clone() } else { without_stream(body) })?;

        engine::answer(&self.items, "CreateTable", &for_engine(body))?;
        settings.id = rng.uuid();
        let table = required(body, "TableName")?;
        self.tables.insert(table.to_owned(), settings);
        self.described_as(scope, table, "CREATING")
    }

    pub(super) fn delete(&mut self, scope: &Scope, body: &Value) -> Answer {
        let table = required(body, "TableName")?;
        if self.tables.get(table).ok_or_else(|| no_table(table))?.deletion_protection {
            return Err(invalid(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                 protection first.",
            )
            .into());
        }
        let answer = self.described_as(scope, table, "DELETING")?;
        engine::answer(&self.items, "DeleteTable", &json!({ "TableName": table }))?;
        self.tables.remove(table);
        Ok(answer)
    }
}

impl Settings {
    /// A provisioned table and all its global indexes need capacity units.
    pub(super) fn require_provisioned(&self) -> Result<(), ApiError> {
        let all = self.indexes.values().chain([&self.throughput]);
        if !self.on_demand && all.into_iter().any(|throughput| throughput.provisioned.is_none()) {
            return Err(invalid(
                "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both \
                 be specified, for the table and each global index, when BillingMode is PROVISIONED",
            ));
        }
        Ok(())
    }
}

/// Whether a billing mode is on-demand.
pub(super) fn billing_mode(mode: &str) -> Result<bool, ApiError> {
    match mode {
        "PROVISIONED" => Ok(false),
        "PAY_PER_REQUEST" => Ok(true),
        _ => Err(invalid(format!(
            "1 validation error detected: Value '{mode}' at 'billingMode' failed to satisfy constraint: Member \
             must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"
        ))),
    }
}

fn indexes(body: &Value) -> impl Iterator<Item = &Value> {
    body["GlobalSecondaryIndexes"].as_array().into_iter().flatten()
}

fn without_stream(body: &Value) -> Value {
    let mut body = body.clone();
    body["StreamSpecification"] = Value::Null;
    body
}

/// The engine is told keys and indexes; every table is on-demand to it.
fn for_engine(body: &Value) -> Value {
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
