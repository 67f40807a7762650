//! What is different between two policies.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Policy;
use crate::brief::brief;

/// The most bytes of each of its texts: all lines together have room in a record of the catalog.
const MAX_TEXT_BYTES: usize = 1_000;

/// What a field says.
#[derive(PartialEq)]
enum Said {
    One(String),
    List(Vec<String>),
}

/// One line for each field that differs, such as `tiers.daily.keep: 3 days, was 2 days`, in the order of their
/// names. Defaults that are written out are no difference. Of long lists it is what was added and removed.
pub fn changes(old: &Policy, new: &Policy) -> Vec<String> {
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let change = |name: &String| match (old.get(name), new.get(name)) {
        (Some(was), Some(is)) if was != is => Some(format!("{name}: {}", is.in_place_of(was))),
        (None, Some(is)) => Some(format!("{name}: {}, was not given", cut(&is.text()))),
        (Some(was), None) => Some(format!("{name}: no longer given, was {}", cut(&was.text()))),
        _ => None,
    };
    names.into_iter().filter_map(change).collect()
}

fn cut(text: &str) -> Cow<'_, str> {
    brief(text, MAX_TEXT_BYTES)
}

impl Said {
    fn text(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::List(items) => items.join(", "),
        }
    }

    fn in_place_of(&self, was: &Self) -> String {
        let (is_text, was_text) = (self.text(), was.text());
        match (self, was) {
            (Self::List(is), Self::List(was)) if is_text.len().max(was_text.len()) > MAX_TEXT_BYTES => {
                let without = |all: &[String], others: &[String]| {
                    let others: BTreeSet<&String> = others.iter().collect();
                    all.iter().filter(|item| !others.contains(item)).cloned().collect::<Vec<_>>()
                };
                let parts = [("added", without(is, was)), ("removed", without(was, is))];
                let parts = parts.into_iter().filter(|(_, items)| !items.is_empty());
                let parts =
                    parts.map(|(what, items)| format!("{} {what}: {}", items.len(), cut(&items.join(", "))));
                format!("{} in all, {}", is.len(), parts.collect::<Vec<_>>().join("; "))
            }
            _ => format!("{}, was {}", cut(&is_text), cut(&was_text)),
        }
    }
}

/// The fields of the canonical form by their paths. Lists are taken as a whole.
fn fields(policy: &Policy) -> BTreeMap<String, Said> {
    let mut fields = BTreeMap::new();
    // A policy has a form in JSON: it is made of texts, numbers, lists and mappings.
    gather("", &serde_json::to_value(policy).unwrap_or_default(), &mut fields);
    fields
}

fn gather(path: &str, value: &Value, fields: &mut BTreeMap<String, Said>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather(&path, value, fields);
            }
        }
        Value::Array(items) => {
            fields.insert(path.to_owned(), Said::List(items.iter().map(said).collect()));
        }
        other => {
            fields.insert(path.to_owned(), Said::One(said(other)));
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
