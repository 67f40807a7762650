//! Forms of the JSON Schema that the types of a policy name in their attributes.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::bounds::{
    CONDITIONS, MAX_COLD_DAYS, MAX_COPIES, MAX_DESCRIPTION, MAX_OBJECTIVE_HOURS, MAX_PATTERNS, MAX_TAG_KEY,
    MAX_TAG_VALUE, MAX_TAGS, PAUSE_MINUTES, START_WINDOW_HOURS,
};
use crate::metadata::tags::PREFIX;

/// What has a default need not be given.
pub(super) fn required(schema: &mut Schema) {
    schema.insert("required".to_owned(), json!(["name", "sources", "vault"]));
}

/// Everything has a default.
pub(super) fn nothing_required(schema: &mut Schema) {
    schema.remove("required");
}

/// Every table, or some of them.
pub(super) fn some_tables(schema: &mut Schema) {
    nothing_required(schema);
    let some = ["tables", "prefixes", "patterns", "tags"].map(|field| json!({"required": [field]}));
    schema.insert(
        "anyOf".to_owned(),
        json!([
            {"properties": {"all": {"const": true}}, "required": ["all"], "maxProperties": 1},
            {"properties": {"all": {"const": false}}, "anyOf": some},
        ]),
    );
}

/// A whole number of digits alone from `range`, as a part of a pattern.
pub(super) fn number(range: &RangeInclusive<u32>) -> String {
    let (least, most) = (range.start().to_string(), range.end().to_string());
    assert!(least == "0" || least == "1", "ranges begin with 0 or 1");
    let lead = |index: usize| if index == 0 && (most.len() > 1 || least == "1") { '1' } else { '0' };
    // Every shorter number, then those that first differ from the greatest in one of its digits, then that itself.
    let mut forms: Vec<String> =
        (1..most.len()).map(|length| format!("[1-9][0-9]{{{}}}", length - 1)).collect();
    for (index, digit) in most.char_indices() {
        let below = char::from(digit as u8 - 1);
        if digit > lead(index) {
            let rest = most.len() - index - 1;
            forms.push(format!("{}[{}-{below}][0-9]{{{rest}}}", &most[..index], lead(index)));
        }
    }
    forms.push(most.clone());
    if least == "0" && most.len() > 1 {
        forms.push("0".to_owned());
    }
    format!("({})", forms.join("|"))
}

/// Words, given in lower case, in any case: a part of a pattern.
pub(super) fn any_case(names: &[&str]) -> String {
    let any_case = |name: &&str| -> String {
        name.chars()
            .map(|c| if c.is_alphabetic() { format!("[{c}{}]", c.to_ascii_uppercase()) } else { c.into() })
            .collect()
    };
    let names: Vec<String> = names.iter().map(any_case).collect();
    format!("({})", names.join("|"))
}

macro_rules! form {
    ($(#[$doc:meta])* $type:ident, $schema:expr) => {
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
                $schema
            }
        }
    };
}

/// A list, or its only item.
pub(super) struct OneOrMore<T, const MAX: usize = { usize::MAX }>(PhantomData<T>);

impl<T: JsonSchema, const MAX: usize> JsonSchema for OneOrMore<T, MAX> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        at_most(&generator.subschema_for::<T>().to_value(), MAX)
    }
}

pub(super) fn one_or_more(item: &Value) -> Schema {
    at_most(item, usize::MAX)
}

fn at_most(item: &Value, most: usize) -> Schema {
    let mut list = json!({"type": "array", "items": item, "minItems": 1, "uniqueItems": true});
    if most < usize::MAX {
        list["maxItems"] = json!(most);
    }
    json_schema!({"anyOf": [item, list]})
}

/// Some tables, and never all of them.
pub(super) struct Excluded<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Excluded<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Excluded{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let selection = generator.subschema_for::<T>().to_value();
        json_schema!({"allOf": [selection, {"properties": {"all": {"const": false}}}]})
    }
}

/// At most so many copies.
pub(super) type Copies<T> = OneOrMore<T, MAX_COPIES>;
/// At most so many patterns.
pub(super) type Patterns = OneOrMore<PatternText, MAX_PATTERNS>;

form!(
    /// What is seen, with line breaks and tabs.
    Description,
    json_schema!({
        "type": "string",
        "maxLength": MAX_DESCRIPTION,
        "pattern": r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$",
    })
);
form!(
    /// A vault of the home Region: its name or its ARN.
    HomeVault,
    json_schema!({
        "type": "string",
        "pattern": r"^(arn:[^:]*:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:)?[A-Za-z0-9_-]{2,50}$",
    })
);
form!(
    /// A table: its name or its ARN.
    TableText,
    json_schema!({
        "type": "string",
        "pattern": r"^(arn:[^:]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}$",
    })
);
form!(
    /// The beginning of a table's name.
    PrefixText,
    json_schema!({"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,255}$"})
);
form!(
    /// A pattern that some name fits and not every name does.
    PatternText,
    json_schema!({
        "type": "string",
        "maxLength": 255,
        "pattern": r"^[A-Za-z0-9_.*?-]*[*?][A-Za-z0-9_.*?-]*$",
        "not": {"anyOf": [
            {"pattern": r"^[^*]{0,2}$"},
            {"pattern": r"^\**\??\**\??\**\??\**$", "allOf": [{"pattern": r"\*"}]},
        ]},
    })
);

/// Letters, digits, spaces and some signs, as AWS takes them in tags.
const OF_TAGS: &str = r"[\p{Alphabetic}\p{N}\p{Z}_.:/=+@-]";

/// A tag's key.
fn tag_key() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_TAG_KEY, "pattern": format!("^{OF_TAGS}+$")})
}

/// A tag's value.
fn tag_value() -> Value {
    json!({"type": "string", "maxLength": MAX_TAG_VALUE, "pattern": format!("^{OF_TAGS}*$")})
}

/// A mapping of keys to values, or a list of `{key, value}`; of no key that fits `unlike`.
fn tags(unlike: &str, most: Option<usize>) -> Schema {
    let unlike = json!({"not": {"pattern": unlike}});
    let pair = json!({
        "description": "A tag: key and value must be equal, letter case included.",
        "type": "object",
        "additionalProperties": false,
        "properties": {"key": {"allOf": [tag_key(), unlike]}, "value": tag_value()},
        "required": ["key", "value"],
    });
    let mut mapping = json!({
        "type": "object",
        "propertyNames": {"allOf": [tag_key(), unlike]},
        "additionalProperties": tag_value(),
        "minProperties": 1,
        // That would be one pair.
        "not": {"propertyNames": {"enum": ["key", "value"]}},
    });
    let mut list = json!({"type": "array", "items": pair, "minItems": 1, "uniqueItems": true});
    if let Some(most) = most {
        mapping["maxProperties"] = json!(most);
        list["maxItems"] = json!(most);
    }
    json_schema!({"anyOf": [mapping, pair, list]})
}

form!(
    /// Tags that tables carry: none with the name of a condition of IAM.
    SourceTags,
    tags(&format!("^{}", any_case(&CONDITIONS)), None)
);
form!(
    /// Tags for recovery points: none of AWS or of ours.
    PointTags,
    tags(&format!("^({}|{PREFIX})", any_case(&["aws:"])), Some(MAX_TAGS))
);

/// Such as `8 hours`, or 8.
fn count(unit: &str, range: &RangeInclusive<u32>) -> Schema {
    let text = format!("^ *{} +{unit}s? *$", number(range));
    json_schema!({"anyOf": [
        {"type": "integer", "minimum": range.start(), "maximum": range.end()},
        {"type": "string", "pattern": text},
    ]})
}

form!(StartWindow, count("hour", &START_WINDOW_HOURS));
form!(Objective, count("hour", &(1..=MAX_OBJECTIVE_HOURS)));
form!(ColdAfter, count("day", &(1..=MAX_COLD_DAYS)));
form!(Pause, count("minute", &PAUSE_MINUTES));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_numbers_takes_those_of_its_range() {
        for most in [1, 7, 9, 10, 12, 23, 60, 100, 1_200, 5_214, 8_784, 36_410, 36_500] {
            let pattern =
                jsonschema::validator_for(&json!({"pattern": format!("^{}$", number(&(1..=most)))}));
            let pattern = pattern.expect("a schema");
            let takes = |text: String| pattern.is_valid(&json!(text));
            for number in (0..most + 2).chain([most * 10, most + 1_000]) {
                assert_eq!(takes(number.to_string()), (1..=most).contains(&number), "{number} of {most}");
            }
            assert!(!takes(format!("0{most}")) && !takes(format!("+{most}")) && !takes(String::new()));
        }
    }
}
