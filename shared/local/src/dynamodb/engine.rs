//! The engine that keeps the items.

use std::sync::Arc;

use dynoxide::{
    Database, DynoxideError, ImportOptions, Item,
    actions::{delete_item::DeleteItemRequest, get_item::GetItemRequest},
    storage_backend::Clock,
};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::requests::{Answer, Refusal};
use crate::clock::WorldClock;

const ITEM_OPERATIONS: &[&str] = &[
    "BatchExecuteStatement",
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
];

pub(super) fn is_item_operation(operation: &str) -> bool {
    ITEM_OPERATIONS.contains(&operation)
}

/// The world's clock, as the engine reads time.
pub(super) fn clock(clock: &WorldClock) -> Arc<dyn Clock> {
    struct EngineClock(WorldClock);
    impl Clock for EngineClock {
        fn now_unix_secs(&self) -> u64 {
            self.0.now().as_second().try_into().unwrap_or_default()
        }
        fn now_unix_secs_f64(&self) -> f64 {
            self.0.now().as_duration().as_secs_f64()
        }
    }
    Arc::new(EngineClock(clock.clone()))
}

/// Lets the engine answer a request.
pub(super) fn answer(items: &Database, operation: &str, body: &Value) -> Answer {
    match operation {
        "BatchExecuteStatement" => asked(body, |request| items.batch_execute_statement(request)),
        "BatchGetItem" => asked(body, |request| items.batch_get_item(request)),
        "BatchWriteItem" => asked(body, |request| items.batch_write_item(request)),
        "CreateTable" => asked(body, |request| items.create_table(request)),
        "DeleteItem" => asked(body, |request| items.delete_item(request)),
        "DeleteTable" => asked(body, |request| items.delete_table(request)),
        "DescribeTable" => asked(body, |request| items.describe_table(request)),
        "ExecuteStatement" => asked(body, |request| items.execute_statement(request)),
        "ExecuteTransaction" => asked(body, |request| items.execute_transaction(request)),
        "GetItem" => asked(body, |request| items.get_item(request)),
        "ListTables" => asked(body, |request| items.list_tables(request)),
        "PutItem" => asked(body, |request| items.put_item(request)),
        "Query" => asked(body, |request| items.query(request)),
        "Scan" => asked(body, |request| items.scan(request)),
        "TransactGetItems" => asked(body, |request| items.transact_get_items(request)),
        "TransactWriteItems" => asked(body, |request| items.transact_write_items(request)),
        "UpdateItem" => asked(body, |request| items.update_item(request)),
        "UpdateTable" => asked(body, |request| items.update_table(request)),
        _ => Err(crate::wire::Service::DynamoDb.unknown_operation(operation).into()),
    }
}

/// A table as the engine tells it: the value of `Table`.
pub(super) fn described(items: &Database, table: &str) -> Answer {
    let mut answer = answer(items, "DescribeTable", &json!({ "TableName": table }))?;
    Ok(answer["Table"].take())
}

/// One item of a table.
pub(super) fn item(items: &Database, table: &str, key: &Item) -> Result<Option<Item>, DynoxideError> {
    let (table_name, key) = (table.to_owned(), key.clone());
    Ok(items.get_item(GetItemRequest { table_name, key, ..GetItemRequest::default() })?.item)
}

/// Puts items into a table: all of them or none.
pub(super) fn put(items: &Database, table: &str, new: Vec<Item>) -> Result<(), Refusal> {
    if !new.is_empty() {
        items.import_items(table, new, ImportOptions::default())?;
    }
    Ok(())
}

/// Puts items, as DynamoDB JSON, into a table: all of them or none.
pub(super) fn fill(items: &Database, table: &str, new: &[Value]) -> Result<(), Refusal> {
    let new: Result<Vec<Item>, _> = new.iter().map(Item::deserialize).collect();
    put(items, table, new.map_err(|error| unreadable(&error))?)
}

/// Removes an item from a table.
pub(super) fn remove(items: &Database, table: &str, key: Item) -> Result<(), Refusal> {
    let table_name = table.to_owned();
    items.delete_item(DeleteItemRequest { table_name, key, ..DeleteItemRequest::default() })?;
    Ok(())
}

/// All items of a table in the order of their keys, whatever order they were written in.
pub(super) fn all_items(
    items: &Database,
    table: &str,
    description: &Value,
) -> Result<Vec<Value>, DynoxideError> {
    let mut found = Vec::new();
    let mut start = Value::Null;
    loop {
        let mut request = json!({ "TableName": table });
        if !start.is_null() {
            request["ExclusiveStartKey"] = start;
        }
        let mut page = match answer(items, "Scan", &request) {
            Ok(page) => page,
            Err(Refusal::Engines(error)) => return Err(error),
            Err(Refusal::Ours(error)) => return Err(DynoxideError::InternalServerError(error.message)),
        };
        if let Some(Value::Array(more)) = page.get_mut("Items").map(Value::take) {
            found.extend(more);
        }
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            break;
        }
    }
    let keys: Vec<&str> = description["KeySchema"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|key| key["AttributeName"].as_str())
        .collect();
    found.sort_by_cached_key(|item| keys.iter().map(|key| item[key].to_string()).collect::<Vec<_>>());
    Ok(found)
}

fn asked<Q: DeserializeOwned, A: Serialize>(
    body: &Value,
    ask: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    let request = Q::deserialize(body).map_err(|error| unreadable(&error))?;
    let answer = ask(request).map_err(unmarked)?;
    serde_json::to_value(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()).into())
}

/// The engine tells the class of a request that it cannot read by a mark before serde's message.
fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let told = error.to_string();
    let message = told.split(" at line ").next().unwrap_or_default();
    for mark in ["VALIDATION:", "VALIDATION_REQUEST:", "VALIDATION_AS_READ:"] {
        if let Some(message) = message.strip_prefix(mark) {
            return DynoxideError::ValidationException(message.to_owned());
        }
    }
    for mark in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(message) = message.strip_prefix(mark) {
            return DynoxideError::SerializationException(message.to_owned());
        }
    }
    let missing = ["missing field", "unknown variant", "invalid type: null", "AttributeValue"];
    if missing.iter().any(|part| message.contains(part)) {
        DynoxideError::ValidationException(message.to_owned())
    } else {
        DynoxideError::SerializationException(message.to_owned())
    }
}

fn unmarked(error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        other => other,
    }
}
