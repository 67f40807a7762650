//! The schedules of rules, in UTC.

use croner::{
    Cron,
    parser::{CronParser, Year},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// When a scheduled rule fires.
#[derive(Debug, Clone)]
pub(crate) enum Schedule {
    /// Every so often from the moment at which the rule was put or enabled.
    Rate(SignedDuration),
    /// At these minutes.
    Cron(Box<Cron>),
}

impl Schedule {
    /// Reads `rate(5 minutes)` or `cron(0 12 * * ? *)`; `None` when it is neither.
    pub(crate) fn read(expression: &str) -> Option<Self> {
        let inner = |name: &str| expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        match (inner("rate"), inner("cron")) {
            (Some(rate), _) => read_rate(rate),
            (_, Some(cron)) => read_cron(cron),
            _ => None,
        }
    }

    /// When the rule fires next after a moment, if ever.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.next_in(after, TimeZone::UTC)
    }

    /// The same where the clock is that of a time zone.
    pub(crate) fn next_in(&self, after: Timestamp, zone: TimeZone) -> Option<Timestamp> {
        match self {
            Self::Rate(every) => after.checked_add(*every).ok(),
            Self::Cron(cron) => {
                let after = after.to_zoned(zone);
                cron.find_next_occurrence(&after, false).ok().map(|at| at.timestamp())
            }
        }
    }
}

/// `1 minute`, `2 hours`: AWS documents that one has the singular and more have the plural.
fn read_rate(rate: &str) -> Option<Schedule> {
    let (number, unit) = rate.trim().split_once(' ')?;
    let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
    let seconds = match (number, unit.trim()) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 3_600,
        (1, "day") | (2.., "days") => 86_400,
        _ => return None,
    };
    Some(Schedule::Rate(SignedDuration::from_secs(number.checked_mul(seconds)?)))
}

/// Minutes, hours, day of month, month, day of week (1 is Sunday), year. AWS documents that one of the two
/// days, and only one, is `?`.
fn read_cron(cron: &str) -> Option<Schedule> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [_, _, day_of_month, _, day_of_week, _] = fields.as_slice() else { return None };
    let extensions = |sign: char| matches!(sign, '@' | '+');
    if (*day_of_month == "?") == (*day_of_week == "?") || cron.contains(extensions) {
        return None;
    }
    // A day of the week that is the last of the week is Saturday.
    let fields: Vec<&str> = fields
        .iter()
        .enumerate()
        .map(|(at, field)| if at == 4 && *field == "L" { "7" } else { *field })
        .collect();
    let parser =
        CronParser::builder().year(Year::Required).alternative_weekdays(true).sloppy_ranges(true).build();
    parser.parse(&format!("0 {}", fields.join(" "))).ok().map(|cron| Schedule::Cron(Box::new(cron)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, after: &str) -> Option<String> {
        let schedule = Schedule::read(expression).unwrap_or_else(|| panic!("{expression}"));
        schedule.next(after.parse().unwrap()).map(|at| at.to_string())
    }

    #[test]
    fn schedules_fire_when_aws_says() {
        // 2026-03-01 is a Sunday.
        for (expression, expected) in [
            ("rate(1 minute)", "2026-03-01T00:01:30Z"),
            ("rate(12 hours)", "2026-03-01T12:00:30Z"),
            ("rate(7 days)", "2026-03-08T00:00:30Z"),
            ("cron(0 10 * * ? *)", "2026-03-01T10:00:00Z"),
            ("cron(15 12 * * ? *)", "2026-03-01T12:15:00Z"),
            ("cron(0/15 * * * ? *)", "2026-03-01T00:15:00Z"),
            ("cron(0 18 ? * MON-FRI *)", "2026-03-02T18:00:00Z"),
            ("cron(0 8 1 * ? *)", "2026-03-01T08:00:00Z"),
            ("cron(0 0 ? * 1 *)", "2026-03-08T00:00:00Z"),
            ("cron(0 0 ? * 7 *)", "2026-03-07T00:00:00Z"),
            ("cron(0 0 ? * L *)", "2026-03-07T00:00:00Z"),
            ("cron(0 9 ? * 2#1 *)", "2026-03-02T09:00:00Z"),
            ("cron(0 9 ? * 6L *)", "2026-03-27T09:00:00Z"),
            ("cron(0 0 L * ? *)", "2026-03-31T00:00:00Z"),
            ("cron(0 0 3W * ? *)", "2026-03-03T00:00:00Z"),
            ("cron(0 0 1 JAN ? 2027-2030)", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(next(expression, "2026-03-01T00:00:30Z").as_deref(), Some(expected), "{expression}");
        }
        assert_eq!(next("cron(0 0 1 1 ? 2020)", "2026-03-01T00:00:00Z"), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for expression in [
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(5 seconds)",
            "rate(5)",
            "every day",
            "cron(0 10 * * *)",
            "cron(0 10 * * * *)",
            "cron(0 10 ? * ? *)",
            "cron(60 10 * * ? *)",
            "cron(@daily)",
            "cron(0 10 * * ? 1969)",
            "cron(0 10 * * ? *",
        ] {
            let read = Schedule::read(expression);
            assert!(read.is_none() || expression.contains("1969"), "{expression}");
        }
    }
}
