//! Which tables a policy covers.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use wildmatch::WildMatch;

#[cfg(feature = "schema")]
use super::schema;
use crate::ids::TableName;

/// A set of tables: those that any part of it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = schema::nothing_required))]
pub struct Selection {
    /// Every table, now and later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Tables by name, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "schema::OneOrMore<String>"))]
    pub tables: Vec<TableName>,
    /// Tables whose name begins so, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "schema::OneOrMore<String>"))]
    pub prefixes: Vec<String>,
    /// Tables whose name fits one of these, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "schema::Patterns"))]
    pub patterns: Vec<Pattern>,
    /// Tables that carry one of these tags, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "schema::Tags"))]
    pub tags: Vec<TagMatch>,
}

/// A table name with wildcards: `*` stands for any characters, none included, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether a table's name fits.
    pub fn fits(&self, table: &TableName) -> bool {
        WildMatch::new(&self.0).matches(table.as_str())
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag that selects tables: key and value must be equal, letter case included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
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
            || self.patterns.iter().any(|pattern| pattern.fits(table))
            || self.tags.iter().any(|tag| tags.get(&tag.key) == Some(&tag.value))
    }
}

impl fmt::Display for TagMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tag {}={}", self.key, self.value)
    }
}
