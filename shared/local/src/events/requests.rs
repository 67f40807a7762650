//! What requests of EventBridge say, and how it refuses them.

use serde_json::{Value, json};

use super::pattern::Pattern;
use crate::{api::ApiError, page, wire::text};

pub(super) type Answer = Result<Value, ApiError>;

/// One page of a list, sorted by name: up to `Limit`, which is at most and by default 100.
pub(super) fn paged<K: AsRef<str>>(
    body: &Value,
    member: &str,
    items: impl Iterator<Item = (K, Value)>,
) -> Answer {
    let limit = body.get("Limit").map_or(Some(100), Value::as_u64).filter(|limit| (1..=100).contains(limit));
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.ok_or_else(|| validation("Value at 'limit' must be between 1 and 100."))?;
    let after = page::after(text(body, "NextToken"), || validation("Parameter NextToken is not valid."))?;
    let (list, next) = page::page(items, after.as_deref(), limit);
    let mut answer = json!({ member: list });
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

/// The texts of a list.
pub(super) fn strings<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn validation(message: &str) -> ApiError {
    ApiError::client("ValidationException", message)
}

pub(super) fn not_found(message: &str) -> ApiError {
    ApiError::client("ResourceNotFoundException", message)
}

pub(super) fn too_many() -> ApiError {
    ApiError::client("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
}

/// Whether an event matches a pattern, both as they are written.
pub(super) fn test_event_pattern(body: &Value) -> Answer {
    let pattern = read_pattern(required(body, "EventPattern")?)?;
    let event: Value = serde_json::from_str(required(body, "Event")?)
        .map_err(|_| validation("Parameter Event is not valid. Reason: it is not valid JSON."))?;
    let members = ["id", "account", "source", "time", "region", "resources", "detail-type"];
    if let Some(member) = members.iter().find(|member| event.get(**member).is_none()) {
        return Err(validation(&format!("Parameter Event is not valid. Reason: {member} is missing.")));
    }
    Ok(json!({ "Result": pattern.matches(&event) }))
}

pub(super) fn read_pattern(written: &str) -> Result<Pattern, ApiError> {
    let refused = |reason: &str| {
        ApiError::client(
            "InvalidEventPatternException",
            format!("Event pattern is not valid. Reason: {reason}"),
        )
    };
    if written.len() > 4_096 {
        return Err(refused("Event pattern is too long"));
    }
    Pattern::read(written).map_err(|reason| refused(&reason))
}

/// Checks a name against the signs that AWS takes.
pub(super) fn check_name(member: &str, name: &str, most: usize) -> Result<(), ApiError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > most || !name.bytes().all(plain) {
        return Err(validation(&format!(
            "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
        )));
    }
    Ok(())
}

pub(super) fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).ok_or_else(|| {
        validation(&format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not \
             be null"
        ))
    })
}
