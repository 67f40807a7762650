//! Resource Groups Tagging: which tables carry which tags.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    api::{ApiError, Scope},
    dynamodb::Dynamo,
    wire::{Service, text},
};

/// Answers GetResources over the tables of an account in a Region.
pub(crate) fn handle(
    tables: &Dynamo,
    scope: &Scope,
    operation: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    if operation != "GetResources" {
        return Err(Service::Tagging.unknown_operation(operation));
    }
    let per_page = body["ResourcesPerPage"].as_u64().unwrap_or(50);
    if !(1..=100).contains(&per_page) {
        return Err(ApiError::client("InvalidParameterException", "ResourcesPerPage is 1 to 100"));
    }
    let types = texts(&body["ResourceTypeFilters"]);
    let of_type = types.is_empty() || types.iter().any(|kind| ["dynamodb", "dynamodb:table"].contains(kind));
    // The first page comes with no token or an empty one; a token is the last ARN told.
    let after = match text(body, "PaginationToken").filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => Some(
            BASE64_URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| ApiError::client("PaginationTokenExpiredException", "Invalid token"))?,
        ),
    };
    let mut matching = tables
        .tagged(scope)
        .into_iter()
        .filter(|(arn, tags)| {
            of_type
                && after.as_ref().is_none_or(|after| arn > after)
                && body["TagFilters"].as_array().into_iter().flatten().all(|filter| {
                    let value = text(filter, "Key").and_then(|key| tags.get(key));
                    let wanted = texts(&filter["Values"]);
                    value.is_some_and(|value| wanted.is_empty() || wanted.contains(&value.as_str()))
                })
        })
        .peekable();
    let page: Vec<_> = matching.by_ref().take(usize::try_from(per_page).unwrap_or(100)).collect();
    let token = match (matching.peek(), page.last()) {
        (Some(_), Some((last, _))) => BASE64_URL_SAFE_NO_PAD.encode(last),
        _ => String::new(),
    };
    let list: Vec<Value> = page
        .into_iter()
        .map(|(arn, tags)| {
            let tags: Vec<Value> =
                tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            json!({ "ResourceARN": arn, "Tags": tags })
        })
        .collect();
    Ok(json!({ "PaginationToken": token, "ResourceTagMappingList": list }))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
