//! Which tables a policy covers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::ids::TableName;

/// A set of tables: those that any part of it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Selection {
    /// Every table, now and later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Tables by name, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableName>,
    /// Tables whose name begins so, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Tables that carry one of these tags, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagMatch>,
}

/// A tag that selects tables: key and value must be equal, letter case included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TagMatch {
    /// The tag's key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Selection {
    /// Whether a table with this name and these tags is one of them.
    pub fn matches(&self, table: &TableName, tags: &BTreeMap<String, String>) -> bool {
        self.all
            || self.tables.contains(table)
            || self.prefixes.iter().any(|prefix| table.as_str().starts_with(prefix))
            || self.tags.iter().any(|tag| tags.get(&tag.key) == Some(&tag.value))
    }
}

impl fmt::Display for TagMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tag {}={}", self.key, self.value)
    }
}
