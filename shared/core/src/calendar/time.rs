//! Times of day.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use serde::Serialize;
use thiserror::Error;

use crate::spelling::Misspelt;

/// A wall-clock time to the minute, written `07:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct TimeOfDay(Time);

/// A text that is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no time of day: write hours and minutes from 00:00 to 23:59, such as 07:00")]
pub struct InvalidTime(String);

impl Misspelt for InvalidTime {
    fn what(&self) -> String {
        format!("{:?} is no time of day", self.0)
    }

    fn way_out(&self) -> String {
        "write hours and minutes from 00:00 to 23:59, such as 07:00".to_owned()
    }
}

impl TimeOfDay {
    /// The time of an hour, 0 to 23, and a minute, 0 to 59.
    pub fn of(hour: u32, minute: u32) -> Option<Self> {
        Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok().map(Self)
    }

    /// It as a civil time.
    pub fn time(self) -> Time {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidTime;
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let number = |digits: &str, lengths: std::ops::RangeInclusive<usize>| {
            let well_formed = lengths.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            well_formed.then(|| digits.parse().ok()).flatten()
        };
        text.split_once(':')
            .and_then(|(hours, minutes)| Time::new(number(hours, 1..=2)?, number(minutes, 2..=2)?, 0, 0).ok())
            .map(Self)
            .ok_or_else(|| InvalidTime(text.to_owned()))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> String {
        time.to_string()
    }
}
