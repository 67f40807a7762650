//! A policy's text as a tree that knows its lines, before any field is understood.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, Spanned};

use super::problem::Problem;

/// A value and the line that it stands on; 0 when that is unknown.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub line: u64,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// Kept for the error alone: no field takes one.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub line: u64,
    pub name: String,
}

/// The most bytes of a document: room for the names of all tables that a Region has by default.
const MAX_BYTES: usize = 128 << 10;
/// The most values of a document, those that aliases stand for included.
const MAX_VALUES: usize = 20_000;
/// The most aliases of a document.
const MAX_ALIASES: usize = 100;
/// The most levels of lists and mappings within each other: the language itself has six.
const MAX_DEPTH: usize = 16;

/// Reads YAML, of which JSON is a part. What is large beyond any policy is refused before it is read.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    if text.len() > MAX_BYTES {
        let what = format!("the text has {} bytes", text.len());
        let fix = format!("write at most {MAX_BYTES}; prefixes, patterns and tags name many tables at once");
        return Err(Problem::new("", 0, what, fix));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_VALUES,
            max_events: 2 * MAX_VALUES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_VALUES,
            max_replay_stack_depth: MAX_DEPTH,
        },
        // Repeated keys are reported with their path, like every other problem.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let error = error.without_snippet();
        let line = error.location().map_or(0, |location| location.line());
        if is_beyond_bounds(error) {
            let what = "the text holds more, or more deeply nested, than any policy";
            let fix = format!(
                "write at most {MAX_VALUES} values, {MAX_DEPTH} levels of lists and mappings, and {MAX_ALIASES} aliases"
            );
            return Problem::new("", line, what, fix);
        }
        // The message without its place, which is reported apart, and without advice to programmers.
        let message = error.to_string();
        let what = [" at line ", "; use from_str"]
            .iter()
            .fold(message.as_str(), |text, end| text.split_once(end).map_or(text, |(before, _)| before));
        Problem::new("", line, format!("the text is no YAML: {what}"), "correct the line, or quote the value")
    })
}

/// Whether reading ended at a bound.
fn is_beyond_bounds(error: &Error) -> bool {
    match error {
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => true,
        Error::AliasError { error, .. } => is_beyond_bounds(error),
        _ => false,
    }
}

impl Value {
    /// What it is, for errors.
    pub fn kind(&self) -> String {
        match self {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(text) => format!("{text:?}"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value)
            .map(Value::Int)
            .map_err(|_| E::custom(format_args!("{value} is too great a number")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let line = key.referenced.line();
            map.push((Key { line, name: key.value }, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}
