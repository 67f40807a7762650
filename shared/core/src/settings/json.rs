//! Documents that AWS leaves free in form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// A JSON document as AWS gives it: a scaling policy's configuration, an alarm, a resource policy.
///
/// It is written with its keys sorted, however it was built, and `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Json(pub Value);

super::redacted!(Json);

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Sorted(&self.0).serialize(to)
    }
}

struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => to.collect_map(
                fields.iter().map(|(name, value)| (name, Sorted(value))).collect::<BTreeMap<_, _>>(),
            ),
            Value::Array(items) => to.collect_seq(items.iter().map(Sorted)),
            other => other.serialize(to),
        }
    }
}
