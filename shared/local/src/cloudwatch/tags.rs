//! Tags of alarms.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    alarm::{Alarm, Alarms},
    requests::{self, Answer},
};
use crate::{api::ApiError, wire::text};

const MAX_TAGS: usize = 50;

/// The `Tags` of a request.
///
/// # Errors
/// When a tag is none that AWS allows.
pub(super) fn read(body: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in body["Tags"].as_array().into_iter().flatten() {
        let key = requests::required(tag, "Key")?;
        let value = text(tag, "Value").ok_or_else(|| requests::missing("Value"))?;
        if key.chars().count() > 128 || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(parameter(format!("Invalid tag key: {key}")));
        }
        if value.chars().count() > 256 {
            return Err(parameter(format!("The value of tag {key} has more than 256 characters")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(parameter(format!("The tag key {key} is there twice")));
        }
    }
    few(&tags)?;
    Ok(tags)
}

pub(super) fn list(alarms: &mut Alarms, body: &Value) -> Answer {
    let tags = &of(alarms, body)?.tags;
    let list: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "Tags": list }))
}

pub(super) fn tag(alarms: &mut Alarms, body: &Value) -> Answer {
    if !body["Tags"].is_array() {
        return Err(requests::missing("Tags"));
    }
    let more = read(body)?;
    let alarm = of(alarms, body)?;
    let mut tags = alarm.tags.clone();
    tags.extend(more);
    few(&tags)?;
    alarm.tags = tags;
    Ok(json!({}))
}

pub(super) fn untag(alarms: &mut Alarms, body: &Value) -> Answer {
    let keys = body["TagKeys"].as_array().ok_or_else(|| requests::missing("TagKeys"))?;
    let alarm = of(alarms, body)?;
    for key in keys.iter().filter_map(Value::as_str) {
        alarm.tags.remove(key);
    }
    Ok(json!({}))
}

/// The alarm that a request names by ARN.
fn of<'a>(alarms: &'a mut Alarms, body: &Value) -> Result<&'a mut Alarm, ApiError> {
    let arn = requests::required(body, "ResourceARN")?;
    let name = arn
        .strip_prefix("arn:aws:cloudwatch:")
        .and_then(|rest| rest.splitn(3, ':').nth(2)?.strip_prefix("alarm:"))
        .ok_or_else(|| parameter(format!("{arn} is not the ARN of an alarm")))?;
    alarms.get_mut(name).filter(|alarm| alarm.arn == arn).ok_or_else(|| ApiError {
        status: 404,
        ..ApiError::client("ResourceNotFoundException", format!("No such alarm: {arn}"))
    })
}

fn few(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.len() > MAX_TAGS {
        return Err(parameter(format!("An alarm carries {MAX_TAGS} tags at most")));
    }
    Ok(())
}

fn parameter(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterValueException", message)
}
