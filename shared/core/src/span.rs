//! Calendar spans: how long something is kept.

use std::fmt;
use std::str::FromStr;

use jiff::{Span as JiffSpan, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar;
use crate::spelling::{self, Misspelt};

/// A calendar span such as `3 days`, `2 weeks`, `6 months` or `7 years`. Written and read as that text.
///
/// Months and years are calendar ones: `1 month` after 31 January is the last day of February.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    /// How many, at least one.
    pub count: u16,
    /// Of what.
    pub unit: Unit,
}

/// The unit of a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Calendar days.
    Day,
    /// Seven calendar days.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// A span that cannot be read, or that leads outside the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no span: write a number from 1 to {MAX_COUNT} and days, weeks, months or years, such as \"3 days\""
)]
pub struct InvalidSpan(String);

impl Misspelt for InvalidSpan {
    fn what(&self) -> String {
        format!("{:?} is no span", self.0)
    }

    fn way_out(&self) -> String {
        "write a whole number and days, weeks, months or years, such as 3 days".to_owned()
    }
}

/// The greatest count: 100 years of days, as AWS Backup's own bound of 36,500.
const MAX_COUNT: u16 = 36_500;

impl Span {
    /// The moment this span after `from`, counted in `zone`'s calendar. A wall-clock time that does not
    /// exist there is the first moment after the gap. Ends at the end of time rather than fail.
    pub fn after(self, from: Timestamp, zone: &TimeZone) -> Timestamp {
        let count = i64::from(self.count);
        let span = match self.unit {
            Unit::Day => JiffSpan::new().try_days(count),
            Unit::Week => JiffSpan::new().try_weeks(count),
            Unit::Month => JiffSpan::new().try_months(count),
            Unit::Year => JiffSpan::new().try_years(count),
        };
        let local = span.and_then(|span| zone.to_datetime(from).checked_add(span));
        local.ok().and_then(|local| calendar::instant(zone, local)).unwrap_or(Timestamp::MAX)
    }

    /// The fewest days that this span can last, for checks that need one number.
    pub fn least_days(self) -> u32 {
        let count = u32::from(self.count);
        match self.unit {
            Unit::Day => count,
            Unit::Week => count * 7,
            Unit::Month => {
                count / 12 * 365
                    + [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334][count as usize % 12]
            }
            Unit::Year => count * 365,
        }
    }
}

impl Unit {
    /// The most of them that a policy may keep for: 100 years, and no more days than AWS Backup takes.
    pub const fn most(self) -> u16 {
        match self {
            Unit::Day => MAX_COUNT,
            Unit::Week => MAX_COUNT / 7,
            Unit::Month => 1_200,
            Unit::Year => 100,
        }
    }

    /// All of them with their names.
    pub(crate) const ALL: [(Unit, &'static str); 4] =
        [(Unit::Day, "day"), (Unit::Week, "week"), (Unit::Month, "month"), (Unit::Year, "year")];
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Unit::ALL.iter().find(|(unit, _)| *unit == self.unit).map_or("", |(_, word)| word);
        write!(f, "{} {word}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;
    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let bad = || InvalidSpan(text.to_owned());
        let &[count, word] = spelling::words(text).as_slice() else { return Err(bad()) };
        let singular = word.strip_suffix('s').unwrap_or(word);
        let unit = Unit::ALL.iter().find(|(_, name)| *name == singular).ok_or_else(bad)?.0;
        let count = spelling::number(count).and_then(|count| u16::try_from(count).ok());
        let count = count.filter(|count| (1..=MAX_COUNT).contains(count)).ok_or_else(bad)?;
        Ok(Self { count, unit })
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidSpan;
    fn try_from(text: String) -> Result<Self, InvalidSpan> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(span: &str, from: &str, zone: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        span.parse::<Span>().unwrap().after(from.parse().unwrap(), &zone).to_string()
    }

    #[test]
    fn spans_follow_the_calendar_of_their_zone() {
        assert_eq!(after("1 month", "2026-01-31T07:00:00Z", "UTC"), "2026-02-28T07:00:00Z");
        assert_eq!(after("1 year", "2024-02-29T07:00:00Z", "UTC"), "2025-02-28T07:00:00Z");
        // Summer time begins on 29 March 2026: the same wall-clock time is an hour earlier.
        assert_eq!(after("3 days", "2026-03-27T06:00:00Z", "Europe/Berlin"), "2026-03-30T05:00:00Z");
        assert_eq!(after("36500 years", "2026-03-27T06:00:00Z", "UTC"), Timestamp::MAX.to_string());
    }

    #[test]
    fn spans_are_written_as_they_are_read() {
        for text in ["1 day", "3 days", "2 weeks", "6 months", "7 years"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "3",
            "days",
            "0 days",
            "-1 days",
            "3 hours",
            "3days",
            "99999 days",
            "+3 days",
            "03 days",
            "3 dayss",
            "3\tdays",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn least_days_never_exceeds_the_calendar() {
        for months in 1..=40 {
            let span = Span { count: months, unit: Unit::Month };
            for start in 0..400 {
                let from = "2023-01-01T00:00:00Z".parse::<Timestamp>().unwrap()
                    + jiff::SignedDuration::from_hours(24 * start);
                let days = span.after(from, &TimeZone::UTC).duration_since(from).as_hours() / 24;
                assert!(i64::from(span.least_days()) <= days, "{span} from {from}");
            }
        }
    }
}
