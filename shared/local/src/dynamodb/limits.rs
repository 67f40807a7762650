//! How often a table may be changed.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::api::ApiError;

/// The moments of the changes that AWS counts.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    classes: Vec<Timestamp>,
    encryptions: Vec<Timestamp>,
    on_demand: Vec<Timestamp>,
}

impl History {
    /// Counts a change of the table class. AWS documents two at most in 30 days.
    ///
    /// # Errors
    /// `LimitExceededException`.
    pub(super) fn class(&mut self, now: Timestamp) -> Result<(), ApiError> {
        forget(&mut self.classes, now, SignedDuration::from_hours(30 * 24));
        if self.classes.len() >= 2 {
            return Err(limit("Table class can be changed at most 2 times in 30 days"));
        }
        self.classes.push(now);
        Ok(())
    }

    /// Counts a change of the encryption. AWS documents four in 24 hours, and one more whenever there was none in
    /// the last six hours.
    ///
    /// # Errors
    /// `LimitExceededException`.
    pub(super) fn encryption(&mut self, now: Timestamp) -> Result<(), ApiError> {
        forget(&mut self.encryptions, now, SignedDuration::from_hours(24));
        let rested = self
            .encryptions
            .last()
            .is_none_or(|last| now.duration_since(*last) >= SignedDuration::from_hours(6));
        if self.encryptions.len() >= 4 && !rested {
            return Err(limit(
                "Server-side encryption can be changed at most 4 times in 24 hours, and once more after 6 hours \
                 without a change",
            ));
        }
        self.encryptions.push(now);
        Ok(())
    }

    /// Counts a switch to on-demand. AWS documents four in 24 hours; the way back is always free.
    ///
    /// # Errors
    /// `LimitExceededException`.
    pub(super) fn on_demand(&mut self, now: Timestamp) -> Result<(), ApiError> {
        forget(&mut self.on_demand, now, SignedDuration::from_hours(24));
        if self.on_demand.len() >= 4 {
            return Err(limit("Updates to PayPerRequest mode are limited to 4 in 1 day(s)"));
        }
        self.on_demand.push(now);
        Ok(())
    }
}

/// The decreases of provisioned throughput, of a table or of one global index, in one day of UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decreases {
    today: Vec<Timestamp>,
}

impl Decreases {
    /// How many there were in the day of `now`.
    pub(super) fn count(&self, now: Timestamp) -> usize {
        let day = |at: &Timestamp| at.to_zoned(TimeZone::UTC).date();
        self.today.iter().filter(|at| day(at) == day(&now)).count()
    }

    pub(super) fn last(&self) -> Option<Timestamp> {
        self.today.last().copied()
    }

    /// Counts one more. AWS documents four a day, and then one more in each hour that had none before.
    ///
    /// # Errors
    /// `LimitExceededException`.
    pub(super) fn add(&mut self, now: Timestamp) -> Result<(), ApiError> {
        let count = self.count(now);
        if let Some(last) = self.last().filter(|_| count >= 4) {
            let next = super::options::later(last, SignedDuration::from_hours(1));
            if now < next {
                return Err(limit(&format!(
                    "Provisioned throughput decreases are limited within a given UTC day. After the first 4 \
                     decreases, each subsequent decrease in the same UTC day can be performed at most once every \
                     3600 seconds. Number of decreases today: {count}. Last decrease at {last}. Next decrease can \
                     be made at {next}"
                )));
            }
        }
        if count == 0 {
            self.today.clear();
        }
        self.today.push(now);
        Ok(())
    }
}

/// Requests per second that AWS documents for an operation, by account and Region.
pub(super) fn per_second(operation: &str) -> Option<(&'static str, i64)> {
    Some(match operation {
        "DescribeContinuousBackups" => ("DescribeContinuousBackups", 10),
        "ListTagsOfResource" => ("ListTagsOfResource", 10),
        "RestoreTableFromBackup" => ("RestoreTableFromBackup", 10),
        "TagResource" => ("TagResource", 5),
        "UntagResource" => ("UntagResource", 5),
        _ => return None,
    })
}

fn forget(moments: &mut Vec<Timestamp>, now: Timestamp, window: SignedDuration) {
    moments.retain(|at| now.duration_since(*at) < window);
}

pub(super) fn limit(message: &str) -> ApiError {
    ApiError::client("LimitExceededException", format!("Subscriber limit exceeded: {message}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        let midnight: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        midnight + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_class_changes_twice_in_thirty_days() {
        let mut history = History::default();
        history.class(at(0)).unwrap();
        history.class(at(1)).unwrap();
        assert_eq!(history.class(at(719)).unwrap_err().code, "LimitExceededException");
        history.class(at(720)).unwrap();
    }

    #[test]
    fn encryption_changes_four_times_a_day_and_after_six_quiet_hours() {
        let mut history = History::default();
        for hour in 0..4 {
            history.encryption(at(hour)).unwrap();
        }
        assert!(history.encryption(at(8)).is_err());
        history.encryption(at(9)).unwrap();
        assert!(history.encryption(at(14)).is_err());
    }

    #[test]
    fn a_table_goes_on_demand_four_times_a_day() {
        let mut history = History::default();
        for hour in 0..4 {
            history.on_demand(at(hour)).unwrap();
        }
        assert!(history.on_demand(at(23)).is_err());
        history.on_demand(at(24)).unwrap();
    }

    #[test]
    fn throughput_falls_four_times_a_day_then_once_an_hour() {
        let mut decreases = Decreases::default();
        for _ in 0..4 {
            decreases.add(at(1)).unwrap();
        }
        let refused = decreases.add(at(1)).unwrap_err();
        assert!(refused.message.contains("Number of decreases today: 4"), "{refused:?}");
        decreases.add(at(2)).unwrap();
        assert!(decreases.add(at(2)).is_err());
        assert_eq!(decreases.count(at(23)), 5);
        assert_eq!(decreases.count(at(24)), 0, "a day of UTC");
        decreases.add(at(24)).unwrap();
        assert_eq!(decreases.count(at(24)), 1);
    }
}
