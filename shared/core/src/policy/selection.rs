//! Which tables a policy covers.

use std::collections::BTreeMap;

use serde::Serialize;

#[cfg(feature = "schema")]
use super::forms;
use super::{Pattern, TagMatch};
use crate::ids::TableName;

/// A set of tables: those that any part of it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = forms::some_tables))]
pub struct Selection {
    /// Every table, now and later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Tables by name, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::OneOrMore<forms::TableText>"))]
    pub tables: Vec<TableName>,
    /// Tables whose name begins so, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::OneOrMore<forms::PrefixText>"))]
    pub prefixes: Vec<String>,
    /// Tables whose name fits one of these, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Patterns"))]
    pub patterns: Vec<Pattern>,
    /// Tables that carry one of these tags, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::SourceTags"))]
    pub tags: Vec<TagMatch>,
}

impl Selection {
    /// Whether `exclude` surely has every table of these, whatever tables there are. Tags and patterns are compared by how
    /// they are written alone: no more is known of them here.
    pub(super) fn is_within(&self, exclude: &Self) -> bool {
        let begins = |text: &str| {
            exclude.prefixes.iter().any(|prefix| text.starts_with(prefix))
                || exclude.patterns.iter().any(|pattern| pattern.fits_beginning(text))
        };
        let is_out = |name: &TableName| {
            exclude.tables.contains(name)
                || begins(name.as_str())
                || exclude.patterns.iter().any(|pattern| pattern.fits(name))
        };
        exclude.all
            || (!self.all
                && self.tables.iter().all(is_out)
                && self.prefixes.iter().all(|prefix| begins(prefix))
                && self.patterns.iter().all(|p| exclude.patterns.contains(p) || begins(p.beginning()))
                && self.tags.iter().all(|tag| exclude.tags.contains(tag)))
    }

    /// Whether a table with this name and these tags is one of them.
    pub fn matches(&self, table: &TableName, tags: &BTreeMap<String, String>) -> bool {
        self.all
            || self.tables.contains(table)
            || self.prefixes.iter().any(|prefix| table.as_str().starts_with(prefix))
            || self.patterns.iter().any(|pattern| pattern.fits(table))
            || self.tags.iter().any(|tag| tags.get(&tag.key) == Some(&tag.value))
    }
}
