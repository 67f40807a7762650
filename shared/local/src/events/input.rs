//! What a target gets of an event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::path::Path;
use crate::wire::text;

/// How a target's input is made.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// The event as it is.
    Whole,
    /// Always the same.
    Constant(String),
    /// A part of the event.
    Part(Path),
    /// A template whose `<names>` stand for parts of the event.
    Template { parts: BTreeMap<String, Path>, template: String },
}

/// What there is to say of an event on its way to a target.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) event: &'a Value,
    pub(super) rule_arn: &'a str,
    pub(super) rule_name: &'a str,
    /// When the event arrived.
    pub(super) arrived: Timestamp,
}

impl Input {
    /// Reads how a target of a request wants its input.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(target: &Value) -> Result<Self, String> {
        let id = text(target, "Id").unwrap_or_default();
        let given = (text(target, "Input"), text(target, "InputPath"), target.get("InputTransformer"));
        let path =
            |path: &str| Path::read(path).ok_or_else(|| format!("Invalid JSON path {path} for target {id}."));
        match given {
            (None, None, None) => Ok(Self::Whole),
            (Some(input), None, None) => match serde_json::from_str::<Value>(input) {
                Ok(_) => Ok(Self::Constant(input.to_owned())),
                Err(_) => Err(format!("JSON syntax error in input for target {id} : '{input}'.")),
            },
            (None, Some(part), None) => path(part).map(Self::Part),
            (None, None, Some(transformer)) => {
                let template = text(transformer, "InputTemplate").unwrap_or_default();
                let mut parts = BTreeMap::new();
                for (name, part) in
                    transformer.get("InputPathsMap").and_then(Value::as_object).into_iter().flatten()
                {
                    parts.insert(name.clone(), path(part.as_str().unwrap_or_default())?);
                }
                if template.is_empty()
                    || parts.len() > 100
                    || parts.keys().any(|name| name.to_uppercase().starts_with("AWS."))
                {
                    return Err(format!("Invalid InputTransformer for target {id}."));
                }
                Ok(Self::Template { parts, template: template.to_owned() })
            }
            _ => Err(format!(
                "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
            )),
        }
    }

    /// The JSON that the target gets.
    pub(super) fn make(&self, about: About<'_>) -> String {
        match self {
            Self::Whole => about.event.to_string(),
            Self::Constant(input) => input.clone(),
            Self::Part(path) => path.find(about.event).unwrap_or(Value::Null).to_string(),
            Self::Template { parts, template } => fill(template, |name| match name {
                "aws.events.rule-arn" => Some(json!(about.rule_arn)),
                "aws.events.rule-name" => Some(json!(about.rule_name)),
                "aws.events.event.ingestion-time" => Some(json!(about.arrived.to_string())),
                "aws.events.event.json" => Some(about.event.clone()),
                "aws.events.event" => {
                    let mut event = about.event.clone();
                    event.as_object_mut().map(|members| members.remove("detail"));
                    Some(event)
                }
                name => parts.get(name).map(|path| path.find(about.event).unwrap_or(json!(""))),
            }),
        }
    }
}

/// Puts values in the places of a template: as they are outside of quotes, as text within them. A name that
/// stands for nothing stays.
fn fill(template: &str, value: impl Fn(&str) -> Option<Value>) -> String {
    let (mut filled, mut quoted, mut rest) = (String::new(), false, template);
    while let Some(char) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|after| after.split_once('>'));
        if let Some((value, after)) = named.and_then(|(name, after)| Some((value(name)?, after))) {
            let written = value.to_string();
            match (&value, quoted) {
                (Value::String(_), true) => filled.push_str(&written[1..written.len() - 1]),
                (_, true) => {
                    let escaped = Value::String(written).to_string();
                    filled.push_str(&escaped[1..escaped.len() - 1]);
                }
                (_, false) => filled.push_str(&written),
            }
            rest = after;
            continue;
        }
        // A sign after a backslash does not end the text.
        let taken = if char == '\\' && quoted {
            rest.chars().take(2).map(char::len_utf8).sum()
        } else {
            char.len_utf8()
        };
        quoted ^= char == '"';
        filled.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(target: &Value) -> String {
        let event = json!({
            "source": "aws.ec2",
            "detail": { "instance-id": "i-1", "state": "say \"hi\"", "list": [{ "n": 1 }, { "n": 2 }], "size": 3 },
        });
        let about =
            About { event: &event, rule_arn: "arn:rule", rule_name: "rule", arrived: Timestamp::UNIX_EPOCH };
        Input::read(target).unwrap().make(about)
    }

    fn templated(template: &str) -> String {
        let parts = json!({
            "id": "$.detail.instance-id", "state": "$.detail.state", "all": "$.detail.list[*].n",
            "first": "$.detail.list[0]", "size": "$.detail.size", "none": "$.detail.none",
        });
        made(&json!({ "InputTransformer": { "InputPathsMap": parts, "InputTemplate": template } }))
    }

    #[test]
    fn a_target_gets_what_it_asks_for() {
        assert!(made(&json!({})).contains("aws.ec2"));
        assert_eq!(made(&json!({ "Input": "{\"a\":1}" })), "{\"a\":1}");
        assert_eq!(made(&json!({ "InputPath": "$.detail.list[1].n" })), "2");
        assert_eq!(made(&json!({ "InputPath": "$.nothing" })), "null");
        assert_eq!(templated(r#""instance <id> is in <size>""#), r#""instance i-1 is in 3""#);
        assert_eq!(
            templated(r#"{"a": <id>, "b": <all>, "c": "<first>"}"#),
            r#"{"a": "i-1", "b": [1,2], "c": "{\"n\":1}"}"#
        );
        assert_eq!(
            templated(r#"{"a": "\"<state>", "b": "<none><x>"}"#),
            r#"{"a": "\"say \"hi\"", "b": "<x>"}"#.replace("say \"hi\"", "say \\\"hi\\\"")
        );
        assert_eq!(
            templated(r#"[<aws.events.rule-name>, <aws.events.event>]"#),
            r#"["rule", {"source":"aws.ec2"}]"#
        );
    }

    #[test]
    fn inputs_that_contradict_themselves_are_refused() {
        for target in [
            json!({ "Input": "{}", "InputPath": "$" }),
            json!({ "Input": "{" }),
            json!({ "InputPath": "detail" }),
            json!({ "InputTransformer": { "InputTemplate": "" } }),
            json!({ "InputTransformer": { "InputTemplate": "x", "InputPathsMap": { "a": "$..b" } } }),
        ] {
            assert!(Input::read(&target).is_err(), "{target}");
        }
    }
}
