//! Retries of what failed.

use serde::Serialize;

use super::counted;
#[cfg(feature = "schema")]
use super::forms;

/// How often, and after which pause, a scheduled backup or copy is tried again for the tables that it failed
/// for. What fails for good is owed to the table's next point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = forms::nothing_required))]
pub struct Retries {
    /// How many more tries, 0 to 10 (default 3).
    #[cfg_attr(feature = "schema", schemars(range(max = 10)))]
    pub attempts: u32,
    /// The pause before each, in minutes, 1 to 60 (default 1).
    #[serde(rename = "pause", serialize_with = "counted::minutes")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Pause"))]
    pub pause_minutes: u32,
    /// When a failure is reported (default last).
    pub notices: Notices,
}

/// When a failure is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Notices {
    /// With the end of the session, after the last try.
    Last,
    /// Of each try that failed as well.
    Each,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 3, pause_minutes: 1, notices: Notices::Last }
    }
}
