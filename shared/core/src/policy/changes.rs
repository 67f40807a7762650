//! What is different between two policies.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Policy;

/// One line for each field that differs, such as `tiers.daily.keep: 3 days, was 2 days`, in the order of their
/// names. Defaults that are written out are no difference.
pub fn changes(old: &Policy, new: &Policy) -> Vec<String> {
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let change = |name: &String| match (old.get(name), new.get(name)) {
        (Some(was), Some(is)) if was != is => Some(format!("{name}: {is}, was {was}")),
        (None, Some(is)) => Some(format!("{name}: {is}, was not given")),
        (Some(was), None) => Some(format!("{name}: no longer given, was {was}")),
        _ => None,
    };
    names.into_iter().filter_map(change).collect()
}

/// The fields of the canonical form by their paths. Lists are taken as a whole.
fn fields(policy: &Policy) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    // A policy has a form in JSON: it is made of texts, numbers, lists and mappings.
    gather("", &serde_json::to_value(policy).unwrap_or_default(), &mut fields);
    fields
}

fn gather(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather(&path, value, fields);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(said).collect();
            fields.insert(path.to_owned(), items.join(", "));
        }
        other => {
            fields.insert(path.to_owned(), said(other));
        }
    }
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) if map.len() == 2 && map.contains_key("key") => {
            let part = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}={}", part("key"), part("value"))
        }
        Value::Object(map) => map.values().map(said).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
