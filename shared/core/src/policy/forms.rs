//! Forms of the JSON Schema that the types of a policy name in their attributes.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::matching::{MAX_PATTERNS, TagMatch};

/// What has a default need not be given.
pub(super) fn required(schema: &mut Schema) {
    schema.insert("required".to_owned(), json!(["name", "sources", "vault"]));
}

/// Everything has a default.
pub(super) fn nothing_required(schema: &mut Schema) {
    schema.remove("required");
}

/// A list, or its only item.
pub(super) struct OneOrMore<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        one_or_more(&generator.subschema_for::<T>().to_value())
    }
}

/// Patterns: a list of so many at most, or the only one.
pub(super) struct Patterns;

impl JsonSchema for Patterns {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Patterns".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let item = json!({"type": "string"});
        json_schema!({"anyOf": [
            item,
            {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_PATTERNS},
        ]})
    }
}

pub(super) fn one_or_more(item: &Value) -> Schema {
    json_schema!({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]})
}

/// A mapping of keys to values, or a list of `{key, value}`.
pub(super) struct Tags;

impl JsonSchema for Tags {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pair = generator.subschema_for::<TagMatch>().to_value();
        json_schema!({"anyOf": [
            {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
            {"type": "array", "items": pair, "minItems": 1},
        ]})
    }
}

macro_rules! count {
    ($(#[$doc:meta])* $type:ident, $unit:literal) => {
        $(#[$doc])*
        pub(super) struct $type;

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let text = concat!("^[0-9]+ +", $unit, "s?$");
                json_schema!({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": text}]})
            }
        }
    };
}
count!(
    /// Such as `8 hours`, or 8.
    Hours, "hour"
);
count!(
    /// Such as `30 days`, or 30.
    DaysCount, "day"
);
count!(
    /// Such as `5 minutes`, or 5.
    Minutes, "minute"
);
