//! The attributes of queues: what may be set, and how the set ones are reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::errors::{invalid_value, no_fifo};
use crate::{api::ApiError, wire::text};

/// Attributes with a default, and the whole numbers that each may be, as AWS documents them.
const NUMBERS: [(&str, &str, i64, i64); 5] = [
    ("DelaySeconds", "0", 0, 900),
    ("MaximumMessageSize", "1048576", 1_024, 1_048_576),
    ("MessageRetentionPeriod", "345600", 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", "0", 0, 20),
    ("VisibilityTimeout", "30", 0, 43_200),
];

/// The attributes that are counted or given, and cannot be set.
pub(super) const READABLE_ATTRIBUTES: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// The attributes that can be set and have no number.
const TEXTS: [&str; 6] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
];

/// Whether there is an attribute of this name.
pub(super) fn known(name: &str) -> bool {
    READABLE_ATTRIBUTES.contains(&name)
        || TEXTS.contains(&name)
        || NUMBERS.iter().any(|(known, ..)| *known == name)
}

/// The attributes of a new queue that sets none.
pub(super) fn defaults() -> BTreeMap<String, String> {
    NUMBERS
        .iter()
        .map(|(name, default, ..)| (*name, *default))
        .chain([("SqsManagedSseEnabled", "true")])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Reads the attributes that a request sets.
///
/// # Errors
/// `InvalidAttributeName`, `InvalidAttributeValue`, and `UnsupportedOperation` for those of FIFO queues.
pub(super) fn read(body: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut read = BTreeMap::new();
    for (name, value) in body.get("Attributes").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.as_str() {
            "FifoQueue" | "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => {
                return Err(no_fifo());
            }
            name if READABLE_ATTRIBUTES.contains(&name) || !known(name) => {
                return Err(ApiError::client("InvalidAttributeName", format!("Unknown Attribute {name}.")));
            }
            name if !allowed(name, &value) => {
                return Err(ApiError::client(
                    "InvalidAttributeValue",
                    format!("Invalid value for the parameter {name}."),
                ));
            }
            _ => read.insert(name.clone(), value),
        };
    }
    Ok(read)
}

/// Whether an attribute may have this value. An empty policy or key is how one is taken away.
fn allowed(name: &str, value: &str) -> bool {
    let within = |least, most| value.parse::<i64>().is_ok_and(|value| (least..=most).contains(&value));
    match (name, NUMBERS.iter().find(|(known, ..)| *known == name)) {
        (_, Some((_, _, least, most))) => within(*least, *most),
        ("KmsDataKeyReusePeriodSeconds", _) => within(60, 86_400),
        ("SqsManagedSseEnabled", _) => matches!(value, "true" | "false"),
        ("Policy", _) => {
            value.is_empty() || serde_json::from_str::<Value>(value).is_ok_and(|policy| policy.is_object())
        }
        _ => true,
    }
}

/// Sets attributes over others. AWS documents that a queue has one kind of encryption at a time.
pub(super) fn merge(attributes: &mut BTreeMap<String, String>, set: &BTreeMap<String, String>) {
    for (name, value) in set {
        if value.is_empty() {
            attributes.remove(name);
        } else {
            attributes.insert(name.clone(), value.clone());
        }
    }
    let encrypts = |name: &str| set.get(name).is_some_and(|value| !value.is_empty() && value != "false");
    if encrypts("KmsMasterKeyId") {
        attributes.insert("SqsManagedSseEnabled".to_owned(), "false".to_owned());
    } else if encrypts("SqsManagedSseEnabled") {
        attributes.remove("KmsMasterKeyId");
        attributes.remove("KmsDataKeyReusePeriodSeconds");
    }
}

/// Where a queue's messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redrive {
    /// The ARN of the dead-letter queue.
    pub(super) target: String,
    /// How many times a message may be received.
    pub(super) most: u32,
}

impl Redrive {
    /// Reads a redrive policy. `maxReceiveCount` comes as a number or as text.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub(super) fn read(policy: &str) -> Result<Self, ApiError> {
        let refused = |reason: &str| invalid_value("RedrivePolicy", policy, reason);
        let read: Value =
            serde_json::from_str(policy).map_err(|_| refused("Redrive policy is not a valid JSON map."))?;
        let target = text(&read, "deadLetterTargetArn").ok_or_else(|| {
            refused("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
        })?;
        let most = read.get("maxReceiveCount").ok_or_else(|| {
            refused("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
        })?;
        let most =
            most.as_u64().or_else(|| most.as_str()?.parse().ok()).and_then(|most| most.try_into().ok());
        match most {
            Some(most @ 1..=1_000) => Ok(Self { target: target.to_owned(), most }),
            _ => Err(refused("Invalid value for maxReceiveCount. Must be an integer between 1 and 1000.")),
        }
    }
}

/// Whether a queue lets `source` name it as its dead-letter queue.
pub(super) fn admits(redrive_allow_policy: Option<&String>, source: &str) -> bool {
    let Some(policy) = redrive_allow_policy.and_then(|policy| serde_json::from_str::<Value>(policy).ok())
    else {
        return true;
    };
    match text(&policy, "redrivePermission") {
        Some("denyAll") => false,
        Some("byQueue") => policy
            .get("sourceQueueArns")
            .and_then(Value::as_array)
            .is_some_and(|sources| sources.iter().any(|named| named.as_str() == Some(source))),
        _ => true,
    }
}

/// Checks a redrive allow policy.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn check_allow_policy(policy: &str) -> Result<(), ApiError> {
    let refused = |reason: &str| Err(invalid_value("RedriveAllowPolicy", policy, reason));
    let Ok(read) = serde_json::from_str::<Value>(policy) else {
        return refused("Redrive allow policy is not a valid JSON map.");
    };
    let sources = read.get("sourceQueueArns").and_then(Value::as_array);
    match (text(&read, "redrivePermission"), sources) {
        (Some("allowAll" | "denyAll"), None) => Ok(()),
        (Some("byQueue"), Some(sources)) if (1..=10).contains(&sources.len()) => Ok(()),
        (Some("allowAll" | "denyAll" | "byQueue"), _) => refused(
            "sourceQueueArns must be given, with 1 to 10 ARNs, for byQueue and for no other permission.",
        ),
        _ => refused("redrivePermission must be allowAll, denyAll or byQueue."),
    }
}

/// The texts of a list.
pub(super) fn names<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}
