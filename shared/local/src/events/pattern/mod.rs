//! Event patterns: which events a rule wants. Pure: no state, no time.
//!
//! AWS documents that fields are all to match and that of the values of a field one is enough; that of an
//! array in the event one element is enough, and one and the same for all fields below it; and that
//! comparisons look at leaves alone.

mod read;
mod test;

use serde_json::Value;

use self::test::Test;

/// An event pattern.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern(Fields);

/// What an object of the event must have.
#[derive(Debug, Clone, Default, PartialEq)]
struct Fields {
    fields: Vec<(String, Node)>,
    /// The alternatives of `$or`, if there are any.
    either: Vec<Fields>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(Fields),
    Leaf(Vec<Test>),
}

/// An event, and where in it the matching has come.
struct Walk<'a> {
    event: &'a Value,
    path: Vec<&'a str>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(pattern: &str) -> Result<Self, String> {
        let read: Value =
            serde_json::from_str(pattern).map_err(|_| "Filter is not a valid JSON object".to_owned())?;
        let object = read.as_object().ok_or("Filter is not an object")?;
        Fields::read(object).map(Self)
    }

    /// Whether an event matches.
    pub(super) fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event), &mut Walk { event, path: Vec::new() })
    }
}

impl Fields {
    fn matches<'a>(&'a self, value: Option<&'a Value>, walk: &mut Walk<'a>) -> bool {
        if let Some(Value::Array(elements)) =
            value.filter(|value| value.as_array().is_none_or(|list| !list.is_empty()))
        {
            return elements.iter().any(|element| self.matches(Some(element), walk));
        }
        let all = self.fields.iter().all(|(name, node)| {
            walk.path.push(name);
            let matches = node.matches(value.and_then(|value| value.get(name)), walk);
            walk.path.pop();
            matches
        });
        all && (self.either.is_empty() || self.either.iter().any(|fields| fields.matches(value, walk)))
    }
}

impl Node {
    fn matches<'a>(&'a self, value: Option<&'a Value>, walk: &mut Walk<'a>) -> bool {
        match self {
            Self::Fields(fields) => fields.matches(value, walk),
            Self::Leaf(tests) => {
                let leaves = value.map(leaves).unwrap_or_default();
                tests.iter().any(|test| match test {
                    // Absent is what no element of any array on the way has.
                    Test::Exists(false) => !present(walk.event, &walk.path),
                    test => leaves.iter().any(|leaf| test.matches(leaf)),
                })
            }
        }
    }
}

/// The leaves of a value: itself, or the elements of arrays in it. An object is none.
fn leaves(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(leaves).collect(),
        Value::Object(_) => Vec::new(),
        leaf => vec![leaf],
    }
}

/// Whether there is a leaf at a path.
fn present(value: &Value, path: &[&str]) -> bool {
    match (value, path) {
        (Value::Array(elements), _) => elements.iter().any(|element| present(element, path)),
        (value, []) => !value.is_object(),
        (value, [name, rest @ ..]) => value.get(name).is_some_and(|value| present(value, rest)),
    }
}

#[cfg(test)]
mod tests;
