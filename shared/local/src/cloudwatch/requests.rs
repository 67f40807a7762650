//! What requests of CloudWatch must have, and how it refuses them.

use serde_json::Value;

use crate::{api::ApiError, wire::text};

pub(super) type Answer = Result<Value, ApiError>;

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationException", message)
}

/// A text that must be there, and not be empty.
///
/// # Errors
/// When it is not.
pub(super) fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).filter(|text| !text.is_empty()).ok_or_else(|| missing(member))
}

pub(super) fn missing(member: &str) -> ApiError {
    invalid(format!("{member} must not be null"))
}

/// Whether a member has one of its values.
///
/// # Errors
/// When it has not.
pub(super) fn one_of(member: &str, value: &str, values: &[&str]) -> Result<(), ApiError> {
    if values.contains(&value) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must \
         satisfy enum value set: [{}]",
        values.join(", ")
    )))
}

/// The code that the query protocol, and a header of the others, has for an error's type.
pub(crate) fn query_code(code: &str) -> &str {
    match code {
        "ValidationException" => "ValidationError",
        "LimitExceededFault" => "LimitExceeded",
        "InvalidFormatFault" => "InvalidFormat",
        "InvalidParameterValueException" => "InvalidParameterValue",
        "InternalServiceFault" => "InternalServiceError",
        same => same,
    }
}
