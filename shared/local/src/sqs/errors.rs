//! SQS's errors: the JSON protocol's codes, and the older ones that clients are reported beside them.

use crate::api::ApiError;

/// The code that SQS's former query protocol had for an error. AWS documents that services which left
/// that protocol send it in the `x-amzn-query-error` header, and clients read it there first.
pub(crate) fn query_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidAttributeName" => "InvalidAttributeName",
        "InvalidAttributeValue" => "InvalidAttributeValue",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "InvalidMessageContents" => "InvalidMessageContents",
        "InvalidParameterValueException" => "InvalidParameterValue",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "MissingRequiredParameterException" => "MissingParameter",
        "OverLimit" => "OverLimit",
        "PurgeQueueInProgress" => "AWS.SimpleQueueService.PurgeQueueInProgress",
        "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "ReceiptHandleIsInvalid" => "ReceiptHandleIsInvalid",
        "RequestThrottled" => "RequestThrottled",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        _ => return None,
    })
}

pub(super) fn no_queue() -> ApiError {
    ApiError::client("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn missing(parameter: &str) -> ApiError {
    ApiError::client(
        "MissingRequiredParameterException",
        format!("The request must contain the parameter {parameter}."),
    )
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterValueException", message)
}

/// A parameter's value is not what it may be.
pub(super) fn invalid_value(parameter: &str, value: &str, reason: &str) -> ApiError {
    invalid(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

pub(super) fn no_fifo() -> ApiError {
    ApiError::client("UnsupportedOperation", "The embedded AWS has standard queues only, no FIFO queues.")
}
