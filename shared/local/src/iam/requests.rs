//! What requests of IAM say, and how it refuses and answers them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::policy::{Policy, PolicyKind};
use crate::{api::ApiError, page, wire::text};

pub(super) type Answer = Result<Value, ApiError>;

/// A member that must be there.
pub(super) fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).filter(|given| !given.is_empty()).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationError", message)
}

pub(super) fn missing(message: impl Into<String>) -> ApiError {
    ApiError { status: 404, ..ApiError::client("NoSuchEntity", message) }
}

pub(super) fn conflict(code: &str, message: impl Into<String>) -> ApiError {
    ApiError { status: 409, ..ApiError::client(code, message) }
}

/// A policy document of a request.
///
/// # Errors
/// `MalformedPolicyDocument`, and `LimitExceeded` above `most` characters: AWS documents that white space does
/// not count.
pub(super) fn document(text: &str, kind: PolicyKind, most: usize) -> Result<Arc<Policy>, ApiError> {
    let policy =
        Policy::read(text, kind).map_err(|error| ApiError::client("MalformedPolicyDocument", error))?;
    if size(&policy) > most {
        return Err(conflict("LimitExceeded", format!("Maximum policy size of {most} bytes exceeded")));
    }
    Ok(Arc::new(policy))
}

/// The characters of a document that count.
pub(super) fn size(policy: &Policy) -> usize {
    policy.text.chars().filter(|char| !char.is_whitespace()).count()
}

/// One page of a list in the order of its keys: `MaxItems` of them, after the `Marker`.
///
/// # Errors
/// `ValidationError` for a marker or size that is none.
pub(super) fn paged<K: AsRef<str>>(
    body: &Value,
    member: &str,
    list: impl IntoIterator<Item = (K, Value)>,
) -> Answer {
    let most = text(body, "MaxItems").map_or(Ok(100), str::parse);
    let most = most.map_err(|_| invalid("Invalid MaxItems"))?.clamp(1, 1000);
    let after = page::after(text(body, "Marker"), || invalid("Invalid Marker"))?;
    let (shown, next) = page::page(list, after.as_deref(), most);
    let mut answer = json!({ member: shown, "IsTruncated": next.is_some() });
    if let Some(next) = next {
        answer["Marker"] = json!(next);
    }
    Ok(answer)
}

/// The tags of a request.
pub(super) fn tags(body: &Value) -> BTreeMap<String, String> {
    let list = body["Tags"].as_array().into_iter().flatten();
    list.filter_map(|tag| {
        Some((text(tag, "Key")?.to_owned(), text(tag, "Value").unwrap_or_default().to_owned()))
    })
    .collect()
}

/// Tags as answers list them.
pub(super) fn listed(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A document as answers carry it: percent-encoded.
pub(super) fn encoded(policy: &Policy) -> String {
    const UNRESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(&policy.text, UNRESERVED).to_string()
}
