//! Documents that name a table, made to name another.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Target;
use crate::ids::TableArn;
use crate::plan::hex;
use crate::settings::{Json, Part, TableSettings};

/// The most characters that CloudWatch takes as the name of an alarm.
const ALARM_NAME: usize = 255;

/// The same settings with every document made to name the new table. Stream policies stay as they were: the new
/// stream's ARN is known only once there is one.
pub(super) fn renamed(then: &TableSettings, target: &Target) -> TableSettings {
    let mut table = then.clone();
    if target.is_original() {
        return table;
    }
    if let Part::Known(policies) = &mut table.policies {
        policies.table = policies.table.as_ref().map(|policy| document(policy, target));
    }
    if let Part::Known(alarms) = &mut table.alarms {
        let all = alarms.iter().map(|(name, alarm)| (alarm_name(name, target), document(alarm, target)));
        *alarms = all.collect();
    }
    if target.table.region != target.original.region
        && let Some(encryption) = &mut table.encryption
    {
        encryption.key = encryption.key.take().and_then(|key| replica(&key, target));
    }
    // A policy may follow a metric of its own, which names the table as an alarm does.
    if let Part::Known(scaling) = &mut table.scaling {
        for policy in scaling.values_mut().flat_map(|scaled| scaled.policies.values_mut()) {
            policy.configuration = document(&policy.configuration, target);
        }
    }
    table
}

/// The replica of a multi-Region key in the Region of the new table; none of a key that has none, such as the one that
/// AWS manages in each Region.
fn replica(key: &str, target: &Target) -> Option<String> {
    let (arn, id) = key.split_once(":key/")?;
    let near = arn.replace(target.original.region.as_str(), target.table.region.as_str());
    id.starts_with("mrk-").then(|| format!("{near}:key/{id}"))
}

/// The stream's resource policy, made to name the new stream by its ARN.
pub fn stream_policy(policy: &Json, original: &TableArn, stream: &str) -> Json {
    let table = stream.split_once("/stream/").map_or(stream, |(table, _)| table);
    with_stream(policy, original, table, stream)
}

/// The same, where the table's ARN does not follow from what stands for the stream's.
pub(super) fn with_stream(policy: &Json, original: &TableArn, table: &str, stream: &str) -> Json {
    let original = original.to_string();
    Json(texts(&policy.0, &|text| {
        let rest = after(text, &original)?;
        Some(if rest.starts_with("/stream/") { stream.to_owned() } else { format!("{table}{rest}") })
    }))
}

/// A stream's policy with every stream of the two tables as `*`: the label of a new stream is another one.
pub(super) fn any_stream(policy: &Json, target: &Target) -> Json {
    let table = target.table.to_string();
    let stream = format!("{table}/stream/*");
    let policy = with_stream(policy, &target.original, &table, &stream);
    with_stream(&policy, &target.table, &table, &stream)
}

/// A document that names the new table, by ARN or in the dimensions of a metric.
fn document(document: &Json, target: &Target) -> Json {
    let original = target.original.to_string();
    let mut value =
        texts(&document.0, &|text| after(text, &original).map(|rest| format!("{}{rest}", target.table)));
    rename_dimensions(&mut value, target);
    Json(value)
}

/// What follows a table's ARN: nothing, or what belongs to the table. None where the text names another table.
fn after<'a>(text: &'a str, table: &str) -> Option<&'a str> {
    text.strip_prefix(table).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The value with each text that `change` changes.
fn texts(value: &Value, change: &impl Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => change(text).map_or_else(|| value.clone(), Value::String),
        Value::Array(items) => items.iter().map(|item| texts(item, change)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), texts(value, change))).collect())
        }
        other => other.clone(),
    }
}

fn rename_dimensions(value: &mut Value, target: &Target) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename_dimensions(item, target)),
        Value::Object(fields) => {
            let is = |field: &str, text: &str| fields.get(field).and_then(Value::as_str) == Some(text);
            if is("Name", "TableName") && is("Value", target.original.name.as_str()) {
                fields.insert("Value".to_owned(), target.name().as_str().into());
            }
            fields.values_mut().for_each(|value| rename_dimensions(value, target));
        }
        _ => {}
    }
}

/// The name of an alarm on the new table. Names are unique in an account and Region: that of the live table's alarm
/// is never taken.
fn alarm_name(name: &str, target: &Target) -> String {
    let whole = format!("{name} ({})", target.name());
    if whole.chars().count() <= ALARM_NAME {
        return whole;
    }
    // Two long names must not become one.
    let digest = hex(&Sha256::digest(&whole));
    let (cut, digits) = (ALARM_NAME - 13, &digest[..12]);
    whole.chars().take(cut).chain(['~']).chain(digits.chars()).collect()
}
