//! Policies: which tables, where to, when and for how long.
//!
//! A policy is a YAML (or JSON) document. [`Policy::parse`] reads it and reports everything that is wrong
//! with it at once; what it returns keeps every rule of the language. Serialised it is the document in its
//! canonical form, defaults written out, which parses to the same policy.

mod bounds;
mod changes;
mod content;
mod counted;
mod document;
#[cfg(feature = "schema")]
mod forms;
mod home;
mod matching;
mod parse;
mod parse_selection;
mod parse_tiers;
mod problem;
mod reader;
mod retries;
mod rules;
#[cfg(feature = "schema")]
mod schema;
mod selection;
mod tiers;
mod yaml;

pub use changes::changes;
pub use content::{COLD_DAYS, CopyTarget, Policy};
pub use home::{Home, KnownHome};
pub use matching::{Pattern, TagMatch};
pub use problem::{PolicyErrors, Problem};
pub use retries::{Notices, Retries};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use selection::Selection;
pub use tiers::{CopyRule, TierRule, Tiers};
