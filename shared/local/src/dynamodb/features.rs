//! What can be switched on for a table beside its own settings, as it is kept.

use jiff::Timestamp;

use super::options::{Durations, later};

/// Contributor Insights of a table or an index, on or once on.
#[derive(Debug, Clone)]
pub(super) struct Insights {
    pub(super) mode: String,
    pub(super) is_on: bool,
    pub(super) switched: Timestamp,
}

impl Insights {
    pub(super) fn status(&self, now: Timestamp, durations: &Durations) -> &'static str {
        match (self.is_on, later(self.switched, durations.switch) <= now) {
            (true, false) => "ENABLING",
            (true, true) => "ENABLED",
            (false, false) => "DISABLING",
            (false, true) => "DISABLED",
        }
    }

    /// The names of its CloudWatch rules: of partition keys and of sort keys, most accessed and most throttled.
    pub(super) fn rules(&self, resource: &str, sorted: bool) -> Vec<String> {
        let all = self.mode == "ACCESSED_AND_THROTTLED_KEYS";
        [("PKC", all), ("PKT", true), ("SKC", all && sorted), ("SKT", sorted)]
            .into_iter()
            .filter(|(_, told)| *told)
            .map(|(kind, _)| {
                let made = self.switched.as_millisecond();
                format!("DynamoDBContributorInsights-{kind}-{resource}-{made}")
            })
            .collect()
    }
}

/// A stream that the table's changes go to, or went to: AWS continues to list it.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub(super) precision: String,
    pub(super) is_on: bool,
    pub(super) switched: Timestamp,
    /// When its precision was last changed.
    pub(super) updated: Option<Timestamp>,
}

impl Destination {
    pub(super) fn status(&self, now: Timestamp, durations: &Durations) -> &'static str {
        let settled = |since| later(since, durations.switch) <= now;
        match (self.is_on, settled(self.switched)) {
            (true, false) => "ENABLING",
            (true, true) if !self.updated.is_none_or(settled) => "UPDATING",
            (true, true) => "ACTIVE",
            (false, false) => "DISABLING",
            (false, true) => "DISABLED",
        }
    }
}

/// A resource-based policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) document: String,
    pub(super) revision: String,
    pub(super) changed: Timestamp,
}

/// Point-in-time recovery.
#[derive(Debug, Clone)]
pub(super) struct Pitr {
    pub(super) days: i64,
    pub(super) since: Timestamp,
}

/// Time to live, on or once on. Items never expire here: whoever needs that deletes them.
#[derive(Debug, Clone)]
pub(super) struct Ttl {
    pub(super) attribute: String,
    pub(super) enabled: bool,
    pub(super) changed: Timestamp,
}
