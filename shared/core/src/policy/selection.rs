//! Which tables a policy covers.

use std::collections::BTreeMap;

use serde::Serialize;

#[cfg(feature = "schema")]
use super::forms;
use super::{Pattern, TagMatch};
use crate::ids::TableName;

/// A set of tables: those that any part of it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = forms::nothing_required))]
pub struct Selection {
    /// Every table, now and later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Tables by name, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::OneOrMore<String>"))]
    pub tables: Vec<TableName>,
    /// Tables whose name begins so, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::OneOrMore<String>"))]
    pub prefixes: Vec<String>,
    /// Tables whose name fits one of these, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Patterns"))]
    pub patterns: Vec<Pattern>,
    /// Tables that carry one of these tags, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Tags"))]
    pub tags: Vec<TagMatch>,
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
