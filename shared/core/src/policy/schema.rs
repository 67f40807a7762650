//! The JSON Schema of the policy language, for editors. What a schema cannot say (that a day exists in a month, that a
//! backup outlasts the distance of slots) only [`super::Policy::parse`] tells.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::forms::one_or_more;
use super::{Policy, Tiers};
use crate::calendar::{Months, Weekdays};
use crate::span::Span;
use crate::tier::Tier;

/// The schema, generated from the types.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Policy>();
    schema.insert("title".to_owned(), json!("A policy of Backup Chain"));
    schema.to_value()
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A calendar span such as 3 days, 2 weeks, 6 months or 7 years.",
            "type": "string",
            "pattern": "^ *[1-9][0-9]{0,4} +(day|week|month|year)s? *$",
        })
    }
}

impl JsonSchema for Tiers {
    fn schema_name() -> Cow<'static, str> {
        "Tiers".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = generator.subschema_for::<Span>().to_value();
        let tiers = Tier::ALL.map(|tier| (tier.to_string(), rule(tier, &span)));
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "minProperties": 0,
            "properties": serde_json::Map::from_iter(tiers),
        })
    }
}

/// Words in any case.
fn words(names: &[&str]) -> Value {
    let any_case = |name: &&str| -> String {
        name.chars()
            .map(|c| if c.is_alphabetic() { format!("[{c}{}]", c.to_ascii_uppercase()) } else { c.into() })
            .collect()
    };
    let names: Vec<String> = names.iter().map(any_case).collect();
    json!({"type": "string", "pattern": format!("^ *({}) *$", names.join("|"))})
}

/// The rule of a tier.
fn rule(tier: Tier, span: &Value) -> Value {
    let mut fields = slots(tier);
    fields.insert("keep".to_owned(), span.clone());
    let mut copied = fields.clone();
    copied.insert("keep".to_owned(), described(span, "How long the copies are kept."));
    let copy = json!({
        "description": "Which of the backups are copied to the vaults under copies, at which of their slots, and for how long.",
        "type": "object",
        "additionalProperties": false,
        "properties": copied,
        "required": ["keep"],
    });
    fields.insert("keep".to_owned(), described(span, "How long the backups are kept."));
    fields.insert("copy".to_owned(), copy);
    let timed = match tier {
        Tier::Daily => json!([{"required": ["at"]}, {"required": ["hours"]}]),
        _ => json!([{"required": ["at", "on"]}]),
    };
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": fields,
        "required": ["keep"],
        "anyOf": timed,
    })
}

fn described(schema: &Value, text: &str) -> Value {
    json!({"description": text, "allOf": [schema]})
}

/// When.
fn slots(tier: Tier) -> serde_json::Map<String, Value> {
    let mut fields = serde_json::Map::new();
    let mut add = |name: &str, text: &str, schema: Value| {
        let mut schema = schema;
        schema["description"] = json!(text);
        fields.insert(name.to_owned(), schema);
    };
    let time = json!({"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"});
    add("at", "Wall-clock times such as 07:00.", one_or_more(&time).to_value());
    let day = words(&Weekdays::EVERY_DAY.names());
    match tier {
        Tier::Daily => {
            let hour = json!({"type": "integer", "minimum": 0, "maximum": 23});
            let mut hours = one_or_more(&hour).to_value();
            if let Some(forms) = hours["anyOf"].as_array_mut() {
                forms.push(words(&["every hour"]));
            }
            add("hours", "Hours of the day, 0 to 23, or every hour: in place of at.", hours);
            let runs = json!({"enum": [1, 2, 3, 4, 5, 6, 10, 12]});
            add("runs_per_hour", "How often in each of the hours, evenly spaced (default 1).", runs);
        }
        Tier::Weekly => {}
        Tier::Monthly => {
            let mut months = one_or_more(&words(&Months::ALL.names())).to_value();
            if let Some(forms) = months["anyOf"].as_array_mut() {
                forms.push(words(&["all"]));
            }
            add("months", "Months such as january (default all).", months);
        }
        Tier::Yearly => {}
    }
    let text = json!({"type": "string"});
    match tier {
        Tier::Daily | Tier::Weekly => {
            let mut days = one_or_more(&day).to_value();
            if let Some(forms) = days["anyOf"].as_array_mut() {
                forms.push(words(&["every day", "workdays"]));
            }
            add("on", "Every day, workdays, or days of the week.", days);
        }
        Tier::Monthly => add("on", "Such as first monday, last friday, day 15 or last day.", text),
        Tier::Yearly => {
            add("on", "Such as first monday of january, 31 december or last day of february.", text);
        }
    }
    fields
}
