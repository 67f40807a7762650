//! What one value of a field is compared with.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::glob::{self, Sign};

/// A comparison of a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// Written alike: AWS documents that 300 and 300.0 are not equal.
    Equal(Value),
    EqualIgnoreCase(String),
    Prefix(Affix),
    Suffix(Affix),
    Wildcard(Wildcard),
    /// None of these.
    AnythingBut(Vec<Test>),
    /// All of these.
    Numeric(Vec<(Relation, f64)>),
    Exists(bool),
    Cidr(IpNet),
}

/// A beginning or an end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affix {
    pub(super) text: String,
    pub(super) ignore_case: bool,
}

/// How a number compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Test {
    pub(super) fn matches(&self, leaf: &Value) -> bool {
        let text = leaf.as_str();
        match self {
            Self::Equal(value) => value == leaf,
            Self::EqualIgnoreCase(wanted) => text.is_some_and(|text| same(text, wanted)),
            Self::Prefix(affix) => {
                text.is_some_and(|text| affix.cased(text).starts_with(&affix.cased(&affix.text)))
            }
            Self::Suffix(affix) => {
                text.is_some_and(|text| affix.cased(text).ends_with(&affix.cased(&affix.text)))
            }
            Self::Wildcard(wildcard) => text.is_some_and(|text| wildcard.matches(text)),
            Self::AnythingBut(tests) => !tests.iter().any(|test| test.matches(leaf)),
            Self::Numeric(bounds) => leaf
                .as_f64()
                .is_some_and(|number| bounds.iter().all(|(relation, bound)| relation.holds(number, *bound))),
            Self::Exists(exists) => *exists,
            Self::Cidr(net) => text
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| net.contains(&address)),
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

impl Affix {
    fn cased(&self, text: &str) -> String {
        if self.ignore_case { text.to_lowercase() } else { text.to_owned() }
    }
}

impl Relation {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    #[expect(clippy::float_cmp, reason = "the pattern asks for this very number")]
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::Greater => number > bound,
            Self::AtLeast => number >= bound,
        }
    }
}

/// A text with `*` for anything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wildcard(Vec<Sign>);

impl Wildcard {
    /// Reads a wildcard. AWS documents that a backslash makes a star or a backslash stand for itself,
    /// and that two stars may not follow each other.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut signs = Vec::new();
        let mut rest = text.chars();
        while let Some(char) = rest.next() {
            signs.push(match char {
                '*' if signs.last() == Some(&Sign::Many) => {
                    return Err("Consecutive wildcard characters".to_owned());
                }
                '*' => Sign::Many,
                '\\' => match rest.next() {
                    Some(escaped @ ('*' | '\\')) => Sign::Char(escaped),
                    _ => return Err("Invalid escape character".to_owned()),
                },
                other => Sign::Char(other),
            });
        }
        Ok(Self(signs))
    }

    fn matches(&self, text: &str) -> bool {
        glob::matches(&self.0, text)
    }
}
