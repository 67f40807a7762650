//! What requests of Application Auto Scaling say, and how it refuses them.

use serde_json::Value;

use crate::{api::ApiError, wire::text};

pub(super) type Answer = Result<Value, ApiError>;

/// The texts of a list in a request.
pub(super) fn texts<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationException", message)
}

pub(super) fn not_found(message: String) -> ApiError {
    ApiError::client("ObjectNotFoundException", message)
}

pub(super) fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).filter(|text| !text.is_empty()).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not \
             be null"
        ))
    })
}

/// A capacity of a request: tables and indexes have one unit at least.
pub(super) fn units(body: &Value, member: &str) -> Result<Option<u64>, ApiError> {
    match &body[member] {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .filter(|units| *units >= 1)
            .map(Some)
            .ok_or_else(|| invalid(format!("{member} must be at least 1"))),
    }
}
