//! Reading event patterns, and refusing those that EventBridge refuses.

use serde_json::{Map, Value};

use super::{
    Fields, Node,
    test::{Affix, Relation, Test, Wildcard},
};

/// The greatest number that a numeric comparison takes, as AWS documents.
const MAX_NUMBER: f64 = 5.0e9;

impl Fields {
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, String> {
        if object.is_empty() {
            return Err("Empty objects are not allowed".to_owned());
        }
        let mut read = Self::default();
        for (name, value) in object {
            match value {
                Value::Array(list) if name == "$or" => read.either = alternatives(list)?,
                Value::Array(list) if list.is_empty() => {
                    return Err("Empty arrays are not allowed".to_owned());
                }
                Value::Array(list) => {
                    let tests = list.iter().map(test).collect::<Result<_, _>>()?;
                    read.fields.push((name.clone(), Node::Leaf(tests)));
                }
                Value::Object(object) => {
                    read.fields.push((name.clone(), Node::Fields(Self::read(object)?)));
                }
                _ => return Err(format!("\"{name}\" must be an object or an array")),
            }
        }
        Ok(read)
    }
}

fn alternatives(list: &[Value]) -> Result<Vec<Fields>, String> {
    if list.len() < 2 {
        return Err("There must have at least 2 Objects in $or relationship.".to_owned());
    }
    list.iter()
        .map(|fields| {
            fields
                .as_object()
                .ok_or_else(|| "Only JSON object is allowed in array of $or relationship.".to_owned())
        })
        .map(|fields| Fields::read(fields?))
        .collect()
}

/// Reads a value of a field: a literal, or an object with one comparison.
fn test(value: &Value) -> Result<Test, String> {
    let Value::Object(object) = value else {
        return match value {
            Value::Array(_) => Err("Match value must be String, number, true, false, or null".to_owned()),
            literal => Ok(Test::Equal(literal.clone())),
        };
    };
    let (name, operand) = only(object)?;
    match name {
        "exists" => operand
            .as_bool()
            .map(Test::Exists)
            .ok_or_else(|| "exists match pattern must be either true or false.".to_owned()),
        "numeric" => numeric(operand),
        "cidr" => {
            let text = operand.as_str().ok_or("cidr match pattern must be a string")?;
            let net = text.parse();
            net.map(Test::Cidr).map_err(|_| format!("Malformed CIDR, one '/' required: {text}"))
        }
        "anything-but" => anything_but(operand),
        _ => texts(name, operand),
    }
}

/// A comparison of texts.
fn texts(name: &str, operand: &Value) -> Result<Test, String> {
    let affix = || match operand {
        Value::String(text) => Ok(Affix { text: text.clone(), ignore_case: false }),
        Value::Object(object) => match only(object)? {
            ("equals-ignore-case", Value::String(text)) => {
                Ok(Affix { text: text.clone(), ignore_case: true })
            }
            (other, _) => Err(format!("Unsupported {name} pattern: {other}")),
        },
        _ => Err(format!("{name} match pattern must be a string")),
    };
    let text = || operand.as_str().ok_or_else(|| format!("{name} match pattern must be a string"));
    match name {
        "prefix" => affix().map(Test::Prefix),
        "suffix" => affix().map(Test::Suffix),
        "equals-ignore-case" => Ok(Test::EqualIgnoreCase(text()?.to_owned())),
        "wildcard" => Wildcard::read(text()?).map(Test::Wildcard),
        other => Err(format!("Unrecognized match type {other}")),
    }
}

/// `anything-but` a text or a number, a list of either, or texts that compare in one way.
fn anything_but(operand: &Value) -> Result<Test, String> {
    let each = |operand: &Value| -> Vec<Value> {
        operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()])
    };
    if let Value::Object(object) = operand {
        let (name, operand) = only(object)?;
        if !matches!(name, "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
            return Err(format!("Unsupported anything-but pattern: {name}"));
        }
        let operands = each(operand);
        if operands.is_empty() || operands.iter().any(|text| text.as_str().is_none_or(str::is_empty)) {
            return Err(format!("Null or empty {name} not allowed in anything-but"));
        }
        let tests: Result<_, _> = operands.iter().map(|operand| texts(name, operand)).collect();
        return tests.map(Test::AnythingBut);
    }
    let operands = each(operand);
    let alike = operands.iter().all(Value::is_string) || operands.iter().all(Value::is_number);
    if operands.is_empty() || !alike {
        return Err("Value of anything-but must be an array or single string/number value.".to_owned());
    }
    Ok(Test::AnythingBut(operands.into_iter().map(Test::Equal).collect()))
}

/// `["=", 1]`, one bound, or a lower and then an upper bound.
fn numeric(operand: &Value) -> Result<Test, String> {
    let list = operand.as_array().ok_or("Value of numeric must be an array.")?;
    let mut bounds = Vec::new();
    for pair in list.chunks(2) {
        let [relation, bound] = pair else { return Err("Too few elements in numeric expression".to_owned()) };
        let relation = relation.as_str().and_then(Relation::named);
        let relation = relation.ok_or("Unrecognized numeric range operator")?;
        let bound = bound.as_f64().ok_or("Value of numeric operator must be numeric")?;
        if bound.abs() > MAX_NUMBER {
            return Err(format!("Value must be between -{MAX_NUMBER} and {MAX_NUMBER}, inclusive"));
        }
        bounds.push((relation, bound));
    }
    match bounds.as_slice() {
        [] => Err("Invalid member in numeric match: empty".to_owned()),
        [_] => Ok(Test::Numeric(bounds)),
        [(Relation::Greater | Relation::AtLeast, low), (Relation::Less | Relation::AtMost, high)] => {
            if low < high {
                Ok(Test::Numeric(bounds))
            } else {
                Err("Bottom must be less than top".to_owned())
            }
        }
        _ => Err("Too many terms in numeric range".to_owned()),
    }
}

/// The one member of a comparison.
fn only(object: &Map<String, Value>) -> Result<(&str, &Value), String> {
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err("Only one key allowed in match expression".to_owned()),
    }
}
