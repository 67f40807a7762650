//! The JSON Schema of the policy language, for editors. What a schema cannot say (that a day exists in a month, that a
//! backup outlasts the distance of slots) only [`super::Policy::parse`] tells.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::bounds::{ALL_MONTHS, EVERY_DAY, EVERY_HOUR, WORKDAYS};
use super::forms::{any_case, number, one_or_more};
use super::{Policy, Tiers};
use crate::calendar::{MonthDay, Months, Weekdays, month_name};
use crate::span::{Span, Unit};
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
        let units = Unit::ALL.map(|(unit, name)| format!("{} +{name}s?", number(&(1..=unit.most().into()))));
        json_schema!({
            "description": "A calendar span such as 3 days, 2 weeks, 6 months or 7 years, of no more than 100 years.",
            "type": "string",
            "pattern": format!("^ *({}) *$", units.join("|")),
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

/// Texts that are one of some forms, each of parts with spaces between them.
fn forms(forms: &[&[&str]]) -> Value {
    let forms: Vec<String> = forms.iter().map(|parts| parts.join(" +")).collect();
    json!({"type": "string", "pattern": format!("^ *({}) *$", forms.join("|"))})
}

/// Words in any case.
fn words(names: &[&str]) -> Value {
    forms(&[&[&any_case(names)]])
}

/// The days of a month: the n-th of a weekday, or the last.
fn nth_days() -> String {
    let nth = any_case(&["first", "second", "third", "fourth", "last"]);
    let weekday = any_case(&Weekdays::EVERY_DAY.names());
    format!("({nth} +{weekday}|{} +{})", any_case(&["last"]), any_case(&["day"]))
}

/// The numbers of days up to the last of a month, in one or two digits.
fn day_numbers(last: u32) -> String {
    format!("0?{}", number(&(1..=last)))
}

fn month_day() -> Value {
    forms(&[&[&nth_days()], &[&any_case(&["day"]), &day_numbers(31)]])
}

/// Every year has the day: of February the first 28.
fn year_day() -> Value {
    let dates = [28, 30, 31].map(|days| {
        let ends_then = |month: &i8| MonthDay::Last.date(2001, *month).is_some_and(|last| last.day() == days);
        let months: Vec<&str> = Months::ALL.iter().filter(ends_then).map(month_name).collect();
        (day_numbers(days.unsigned_abs().into()), any_case(&months))
    });
    let [short, middle, long] = dates.each_ref().map(|(number, month)| [number.as_str(), month.as_str()]);
    let nth = [&*nth_days(), &any_case(&["of"]), &any_case(&Months::ALL.names())];
    forms(&[&nth, &short, &middle, &long])
}

/// The rule of a tier.
fn rule(tier: Tier, span: &Value) -> Value {
    let mut fields = slots(tier);
    fields.insert("keep".to_owned(), span.clone());
    let mut copied = fields.clone();
    copied.insert("keep".to_owned(), described(span, "How long the copies are kept."));
    let object = |text: &str, fields: serde_json::Map<String, Value>| {
        let mut object = json!({
            "description": text,
            "type": "object",
            "additionalProperties": false,
            "properties": fields,
            "required": ["keep"],
        });
        if tier == Tier::Daily {
            object["not"] = json!({"required": ["at", "hours"]});
            object["dependentRequired"] = json!({"runs_per_hour": ["hours"]});
        }
        object
    };
    let copies = "Which of the backups are copied to the vaults under copies, at which of their slots, and for how long.";
    fields.insert("keep".to_owned(), described(span, "How long the backups are kept."));
    fields.insert("copy".to_owned(), object(copies, copied));
    let mut rule =
        object("When backups are made, how long they are kept, and which of them are copied.", fields);
    match tier {
        Tier::Daily => rule["anyOf"] = json!([{"required": ["at"]}, {"required": ["hours"]}]),
        Tier::Weekly | Tier::Monthly | Tier::Yearly => rule["required"] = json!(["keep", "at", "on"]),
    }
    rule
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
                forms.push(words(&[EVERY_HOUR]));
            }
            add("hours", "Hours of the day, 0 to 23, or every hour: in place of at.", hours);
            let runs = json!({"enum": [1, 2, 3, 4, 5, 6, 10, 12]});
            add("runs_per_hour", "How often in each of the hours, evenly spaced (default 1).", runs);
        }
        Tier::Weekly => {}
        Tier::Monthly => {
            let mut months = one_or_more(&words(&Months::ALL.names())).to_value();
            if let Some(forms) = months["anyOf"].as_array_mut() {
                forms.push(words(&[ALL_MONTHS]));
            }
            add("months", "Months such as january (default all).", months);
        }
        Tier::Yearly => {}
    }
    match tier {
        Tier::Daily | Tier::Weekly => {
            let mut days = one_or_more(&day).to_value();
            if let Some(forms) = days["anyOf"].as_array_mut() {
                forms.push(words(&[EVERY_DAY, WORKDAYS]));
            }
            add("on", "Every day, workdays, or days of the week.", days);
        }
        Tier::Monthly => add("on", "Such as first monday, last friday, day 15 or last day.", month_day()),
        Tier::Yearly => {
            add("on", "Such as first monday of january, 31 december or last day of february.", year_day());
        }
    }
    fields
}
