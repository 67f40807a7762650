//! The query protocol: forms in, XML out.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::as_moment;

/// The fields of a form as a document: `Tags.member.1.Key=a` becomes `{"Tags": [{"Key": "a"}]}`. All values are
/// text.
pub(super) fn document(form: &[(String, String)]) -> Value {
    let mut document = Value::Object(Map::new());
    for (name, value) in form.iter().filter(|(name, _)| !["Action", "Version"].contains(&name.as_str())) {
        let parts: Vec<&str> = name.split('.').filter(|part| !["member", "entry"].contains(part)).collect();
        put(&mut document, &parts, value);
    }
    document
}

fn put(place: &mut Value, parts: &[&str], value: &str) {
    let Some((part, rest)) = parts.split_first() else {
        *place = Value::from(value);
        return;
    };
    if let Some(index) = part.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
        if !place.is_array() {
            *place = Value::Array(Vec::new());
        }
        if let Some(list) = place.as_array_mut() {
            // A list that skips a number continues where it stands: a form cannot name an empty entry.
            let index = index.min(list.len());
            if index == list.len() {
                list.push(Value::Null);
            }
            put(&mut list[index], rest, value);
        }
    } else {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        if let Some(members) = place.as_object_mut() {
            put(members.entry(*part).or_insert(Value::Null), rest, value);
        }
    }
}

/// The answer of an operation as XML.
pub(super) fn answer(namespace: &str, operation: &str, answer: &Value, request_id: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{}</{operation}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>",
        inner(answer)
    )
}

/// A refusal as XML.
pub(super) fn refusal(namespace: &str, code: &str, message: &str, request_id: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escaped(code),
        escaped(message),
    )
}

fn inner(value: &Value) -> String {
    if let Some(seconds) = as_moment(value) {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of this era fit")]
        let at = Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or_default();
        return format!("{at:.3}");
    }
    match value {
        Value::Null => String::new(),
        Value::Array(list) => list.iter().map(|entry| format!("<member>{}</member>", inner(entry))).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("<{name}>{}</{name}>", inner(value)))
            .collect(),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
