//! What requests of DynamoDB name, and how it answers and refuses them.

use std::borrow::Cow;

use dynoxide::DynoxideError;
use serde_json::Value;

use crate::{
    api::{ApiError, Scope},
    wire::{Protocol, Reply, text},
};

/// Why a request is refused.
pub(super) enum Refusal {
    Ours(ApiError),
    Engines(DynoxideError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Ours(error)
    }
}

impl From<DynoxideError> for Refusal {
    fn from(error: DynoxideError) -> Self {
        Self::Engines(error)
    }
}

pub(super) type Answer = Result<Value, Refusal>;

pub(super) fn replied(operation: &str, answer: Answer) -> Reply {
    match answer {
        Ok(answer) => Reply::answer(Protocol::Json10, operation, &answer),
        Err(Refusal::Ours(error)) => Reply::refusal(Protocol::Json10, &error),
        Err(Refusal::Engines(error)) => {
            let code = error.error_type().rsplit('#').next().unwrap_or_default().to_owned();
            Reply::new(Protocol::Json10, error.status_code(), Some(code), error.to_json())
        }
    }
}

pub(super) fn table_arn(account: &str, region: &str, table: &str) -> String {
    format!("arn:aws:dynamodb:{region}:{account}:table/{table}")
}

/// The table's own name in an ARN, when it is a table of this account and Region.
pub(super) fn table_of_arn<'a>(scope: &Scope, arn: &'a str) -> Option<&'a str> {
    arn.strip_prefix(table_arn(&scope.account, &scope.region, "").as_str())
}

/// A request may name its tables by ARN: the names in their place.
pub(super) fn named_by_name<'a>(scope: &Scope, body: &'a Value) -> Result<Cow<'a, Value>, ApiError> {
    let name_of = |arn: &str| -> Result<String, ApiError> {
        table_of_arn(scope, arn).map(str::to_owned).ok_or_else(|| access_denied(scope, arn))
    };
    let is_arn = |name: &str| name.starts_with("arn:");
    let mut body = Cow::Borrowed(body);
    if let Some(arn) = text(&body, "TableName").filter(|name| is_arn(name)) {
        let name = name_of(arn)?;
        body.to_mut()["TableName"] = Value::from(name);
    }
    if body["RequestItems"].as_object().is_some_and(|tables| tables.keys().any(|name| is_arn(name))) {
        let mut named = serde_json::Map::new();
        for (name, requests) in body["RequestItems"].as_object().into_iter().flatten() {
            named.insert(if is_arn(name) { name_of(name)? } else { name.clone() }, requests.clone());
        }
        body.to_mut()["RequestItems"] = Value::Object(named);
    }
    let by_arn = |item: &Value| parts(item).any(|part| text(part, "TableName").is_some_and(is_arn));
    if body["TransactItems"].as_array().is_some_and(|items| items.iter().any(by_arn)) {
        for item in body.to_mut()["TransactItems"].as_array_mut().into_iter().flatten() {
            for part in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
                if let Some(arn) = text(part, "TableName").filter(|name| is_arn(name)) {
                    let name = name_of(arn)?;
                    part["TableName"] = Value::from(name);
                }
            }
        }
    }
    Ok(body)
}

/// The tables that a request for items names, but in PartiQL.
pub(super) fn tables_in(body: &Value) -> impl Iterator<Item = &str> {
    let of_batch = body["RequestItems"].as_object().into_iter().flat_map(|tables| tables.keys());
    let of_transaction = body["TransactItems"].as_array().into_iter().flatten().flat_map(parts);
    let named = text(body, "TableName").into_iter().chain(of_batch.map(String::as_str));
    named.chain(of_transaction.filter_map(|part| text(part, "TableName")))
}

/// The one action of an item of a transaction.
pub(super) fn parts(item: &Value) -> impl Iterator<Item = &Value> {
    item.as_object().into_iter().flat_map(|item| item.values())
}

pub(super) fn no_table(table: &str) -> ApiError {
    ApiError::client(
        "ResourceNotFoundException",
        format!("Requested resource not found: Table: {table} not found"),
    )
}

pub(super) fn access_denied(scope: &Scope, arn: &str) -> ApiError {
    ApiError::client(
        "AccessDeniedException",
        format!("User: arn:aws:iam::{}:root is not authorized to access {arn}", scope.account),
    )
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationException", message)
}

pub(super) fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).ok_or_else(|| {
        invalid(format!("The parameter '{member}' is required but was not present in the request"))
    })
}

pub(super) fn not_found(arn: &str) -> ApiError {
    ApiError::client(
        "ResourceNotFoundException",
        format!("Requested resource not found: ResourcArn: {arn} not found"),
    )
}

/// What the operations of backups call a table that is not there.
pub(super) fn no_backups_of(table: &str) -> ApiError {
    ApiError::client("TableNotFoundException", format!("Table not found: {table}"))
}
