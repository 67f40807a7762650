//! What tables are matched with, beside whole names: patterns and tags.

use std::fmt;

use serde::{Serialize, Serializer};
use wildmatch::WildMatch;

use crate::ids::TableName;

/// Whether AWS takes a character in tags: letters, digits, spaces and some signs.
pub(super) fn is_of_tags(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

/// A table name with wildcards: `*` stands for any characters, none included, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The characters before the first wildcard, with which every name begins that fits.
    pub(super) fn beginning(&self) -> &str {
        self.0.split(['*', '?']).next().unwrap_or_default()
    }

    /// Whether every name that begins so fits.
    pub(super) fn fits_beginning(&self, beginning: &str) -> bool {
        self.0.ends_with('*') && WildMatch::new(&self.0).matches(beginning)
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
pub struct TagMatch {
    /// The tag's key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl fmt::Display for TagMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tag {}={}", self.key, self.value)
    }
}
