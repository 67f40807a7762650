//! Tables whose key cannot be used: INACCESSIBLE_ENCRYPTION_CREDENTIALS, and ARCHIVED when that lasts.
//!
//! AWS documents that DynamoDB archives a table whose key it has found inaccessible for more than seven days, that it
//! makes a backup then, and that a key that can be used again before brings the table back. That it notices within five
//! minutes, both ways, follows from how long it keeps a table's key; how long archiving takes is assumption A43.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::options::later;
use crate::{
    api::{ApiError, Outage},
    wire::seconds,
};

/// How soon DynamoDB notices what has become of a key.
const NOTICE_DELAY: SignedDuration = SignedDuration::from_mins(5);
const ARCHIVE_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);
const ARCHIVING: SignedDuration = SignedDuration::from_mins(10);

pub(super) const INACCESSIBLE: &str = "INACCESSIBLE_ENCRYPTION_CREDENTIALS";

/// What becomes of a table by its key.
#[derive(Debug, Clone, Default)]
pub(super) struct Lockout {
    /// Since when the table has its key.
    since: Option<Timestamp>,
    /// When the key could not be used.
    outages: Vec<Outage>,
}

/// How a table is locked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Since DynamoDB noticed.
    Inaccessible(Timestamp),
    /// Since its archival began. There is no way back.
    Archived(Timestamp),
}

impl Lockout {
    pub(super) fn keyed(&mut self, now: Timestamp) {
        *self = Self { since: Some(now), outages: Vec::new() };
    }

    /// Learns what has become of the key.
    pub(super) fn learn(&mut self, outages: &[Outage]) {
        if self.outages != outages {
            self.outages = outages.to_vec();
        }
    }

    fn state(&self, now: Timestamp) -> Option<State> {
        for outage in &self.outages {
            let from = self.since.map_or(outage.from, |since| outage.from.max(since));
            if outage.until.is_some_and(|until| until <= later(from, NOTICE_DELAY)) {
                continue;
            }
            let (noticed, back) =
                (later(from, NOTICE_DELAY), outage.until.map(|until| later(until, NOTICE_DELAY)));
            let archived = later(noticed, ARCHIVE_AFTER);
            if archived <= now && back.is_none_or(|back| archived < back) {
                return Some(State::Archived(archived));
            }
            if noticed <= now && back.is_none_or(|back| now < back) {
                return Some(State::Inaccessible(noticed));
            }
        }
        None
    }

    /// The table's status, when its key is the reason for it.
    pub(super) fn status(&self, now: Timestamp) -> Option<&'static str> {
        Some(match self.state(now)? {
            State::Inaccessible(_) => INACCESSIBLE,
            State::Archived(since) if now < later(since, ARCHIVING) => "ARCHIVING",
            State::Archived(_) => "ARCHIVED",
        })
    }

    /// Adds to a description what is reported of it.
    pub(super) fn describe(&self, description: &mut Value, now: Timestamp) {
        match self.state(now) {
            None => {}
            Some(State::Inaccessible(since)) => {
                description["SSEDescription"]["InaccessibleEncryptionDateTime"] = seconds(since);
            }
            Some(State::Archived(since)) => {
                let table = description["TableArn"].as_str().unwrap_or_default();
                let backup = format!("{table}/backup/{:014}-archived", since.as_millisecond());
                description["ArchivalSummary"] = json!({
                    "ArchivalDateTime": seconds(since),
                    "ArchivalReason": INACCESSIBLE,
                    "ArchivalBackupArn": backup,
                });
            }
        }
    }

    /// Refuses the items of a table whose key cannot be used.
    ///
    /// # Errors
    /// `AccessDeniedException`: AWS documents that operations may fail then, and not how. Of an archived table there
    /// are none any more.
    pub(super) fn require_items(&self, now: Timestamp) -> Result<(), ApiError> {
        match self.state(now) {
            None => Ok(()),
            Some(State::Inaccessible(_)) => Err(ApiError::client(
                "AccessDeniedException",
                "KMS key access denied: the key of the table is disabled, pending deletion, or denied",
            )),
            Some(State::Archived(_)) => {
                Err(ApiError::client("ResourceNotFoundException", "Requested resource not found"))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    fn status(outages: &[(i64, Option<i64>)], now: i64) -> Option<&'static str> {
        let mut lockout = Lockout::default();
        lockout.keyed(at(0));
        let outages: Vec<Outage> =
            outages.iter().map(|(from, until)| Outage { from: at(*from), until: until.map(at) }).collect();
        lockout.learn(&outages);
        lockout.status(at(now))
    }

    #[test]
    fn a_key_that_comes_back_in_time_brings_the_table_back() {
        let week = 7 * 24;
        assert_eq!(status(&[], 1), None);
        assert_eq!(status(&[(1, None)], 1), None, "not noticed yet");
        assert_eq!(status(&[(1, None)], 2), Some(INACCESSIBLE));
        assert_eq!(status(&[(1, Some(week))], week), Some(INACCESSIBLE));
        assert_eq!(status(&[(1, Some(week))], week + 1), None);
        assert_eq!(status(&[(1, None)], week + 2), Some("ARCHIVED"));
        assert_eq!(status(&[(1, Some(week + 2))], week + 9), Some("ARCHIVED"), "too late");
        assert_eq!(status(&[(1, Some(2)), (3, None)], 4), Some(INACCESSIBLE));
    }

    #[test]
    fn what_was_before_the_table_had_the_key_does_not_count() {
        let mut lockout = Lockout::default();
        lockout.keyed(at(100));
        lockout.learn(&[Outage { from: at(0), until: Some(at(50)) }]);
        assert_eq!(lockout.status(at(101)), None);
        lockout.learn(&[Outage { from: at(0), until: None }]);
        assert_eq!(lockout.status(at(101)), Some(INACCESSIBLE));
        assert_eq!(lockout.status(at(100 + 7 * 24)), Some(INACCESSIBLE), "counted from when it had it");
    }
}
