//! What requests of KMS say.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::{api::ApiError, iam, wire::text};

pub(super) type Answer = Result<Value, ApiError>;

pub(super) fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).ok_or_else(|| {
        ApiError::client(
            "ValidationException",
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member \
                 must not be null"
            ),
        )
    })
}

pub(super) fn binary(body: &Value, member: &str) -> Result<Vec<u8>, ApiError> {
    BASE64_STANDARD
        .decode(required(body, member)?)
        .map_err(|_| ApiError::client("SerializationException", format!("{member} is not base64")))
}

/// The policy that a request gives a key; `None` is the default one.
///
/// # Errors
/// `MalformedPolicyDocumentException`.
pub(super) fn given(body: &Value) -> Result<Option<String>, ApiError> {
    let Some(policy) = text(body, "Policy") else { return Ok(None) };
    iam::check_resource_policy(policy)
        .map_err(|error| ApiError::client("MalformedPolicyDocumentException", error))?;
    Ok(Some(policy.to_owned()))
}

/// The tags that a request gives a key.
pub(super) fn tags_of(body: &Value) -> BTreeMap<String, String> {
    let list = body["Tags"].as_array().into_iter().flatten();
    list.filter_map(|tag| {
        Some((text(tag, "TagKey")?.to_owned(), text(tag, "TagValue").unwrap_or_default().to_owned()))
    })
    .collect()
}
