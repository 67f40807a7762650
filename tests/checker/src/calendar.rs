//! When tiers are due and flags lapse: wall-clock times in a time zone, by `docs/policy.md`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span as Calendar, Timestamp};

use crate::policy::{Days, Policy, Span, Tier, Unit};

/// The zone of a policy.
pub(crate) fn zone(policy: &Policy) -> TimeZone {
    TimeZone::get(&policy.time_zone).unwrap_or(TimeZone::UTC)
}

/// The slots of a tier after `from`, up to `until` and with it.
pub(crate) fn slots(tier: &Tier, zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    times(&tier.on, &tier.at, zone, from, until)
}

/// Whether a tier is due at a moment.
pub(crate) fn is_slot(tier: &Tier, zone: &TimeZone, moment: Timestamp) -> bool {
    slots(tier, zone, moment - SignedDuration::from_nanos(1), moment).contains(&moment)
}

/// The moments at which a tier's backups are to be copied; see [`slots`].
pub(crate) fn is_copied(tier: &Tier, zone: &TimeZone, moment: Timestamp) -> bool {
    let Some(copy) = &tier.copy else { return false };
    let at = if copy.at.is_empty() { &tier.at } else { &copy.at };
    times(&tier.on, at, zone, moment - SignedDuration::from_nanos(1), moment).contains(&moment)
}

/// When a flag lapses that is counted from `slot`.
pub(crate) fn lapse(slot: Timestamp, keep: Span, zone: &TimeZone) -> Timestamp {
    let count = keep.count;
    let span = match keep.unit {
        Unit::Days => Calendar::new().days(count),
        Unit::Weeks => Calendar::new().weeks(count),
        Unit::Months => Calendar::new().months(count),
        Unit::Years => Calendar::new().years(count),
    };
    moment(slot.to_zoned(zone.clone()).datetime().saturating_add(span), zone)
}

fn times(on: &Days, at: &[Time], zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let first = from.to_zoned(zone.clone()).date().yesterday().unwrap_or(Date::MIN);
    let last = until.to_zoned(zone.clone()).date();
    let days = first.series(Calendar::new().days(1)).take_while(|day| *day <= last);
    let mut slots: Vec<Timestamp> = days
        .filter(|day| is_on(on, *day))
        .flat_map(|day| at.iter().map(move |time| day.to_datetime(*time)))
        .map(|wall| moment(wall, zone))
        .filter(|slot| from < *slot && *slot <= until)
        .collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}

fn is_on(on: &Days, day: Date) -> bool {
    match on {
        Days::Every => true,
        Days::Weekdays(days) => days.contains(&day.weekday().to_monday_one_offset()),
        Days::MonthDay(number) => day.day() == *number,
        Days::LastDay => day.day() == day.days_in_month(),
        Days::YearDay(month, number) => (day.month(), day.day()) == (*month, *number),
    }
}

/// A wall-clock time that does not exist is the first moment after the gap; one that exists twice is the first.
fn moment(wall: DateTime, zone: &TimeZone) -> Timestamp {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(wall).unwrap_or(Timestamp::MAX)
        }
        AmbiguousOffset::Gap { before, .. } => {
            let beyond = before.to_timestamp(wall).unwrap_or(Timestamp::MAX) + SignedDuration::from_nanos(1);
            zone.preceding(beyond).next().map_or(beyond, |change| change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::CopyRule;

    fn tier(on: Days, at: &[&str]) -> Tier {
        Tier {
            name: "daily".to_owned(),
            on,
            at: at.iter().map(|time| time.parse().expect("a time")).collect(),
            keep: Span { count: 3, unit: Unit::Days },
            copy: Some(CopyRule { at: Vec::new(), keep: Span { count: 3, unit: Unit::Days } }),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("a zone")
    }

    #[test]
    fn a_time_that_does_not_exist_is_the_first_after_the_gap_and_one_that_exists_twice_the_first() {
        let half_past_two = tier(Days::Every, &["02:30"]);
        let spring = slots(&half_past_two, &berlin(), at("2026-03-29T00:00:00Z"), at("2026-03-29T12:00:00Z"));
        assert_eq!(spring, [at("2026-03-29T01:00:00Z")]);
        let autumn = slots(&half_past_two, &berlin(), at("2026-10-24T22:00:00Z"), at("2026-10-25T12:00:00Z"));
        assert_eq!(autumn, [at("2026-10-25T00:30:00Z")]);
    }

    #[test]
    fn flags_lapse_by_the_wall_clock() {
        let keep = Span { count: 3, unit: Unit::Days };
        assert_eq!(lapse(at("2026-03-29T01:00:00Z"), keep, &berlin()), at("2026-04-01T01:00:00Z"));
        assert_eq!(lapse(at("2026-10-25T00:30:00Z"), keep, &berlin()), at("2026-10-28T01:30:00Z"));
        let month = Span { count: 1, unit: Unit::Months };
        assert_eq!(lapse(at("2026-01-31T07:00:00Z"), month, &TimeZone::UTC), at("2026-02-28T07:00:00Z"));
    }

    #[test]
    fn days_are_those_that_the_schedule_names() {
        let count = |on, from, until| {
            slots(&tier(on, &["07:00", "19:00"]), &TimeZone::UTC, at(from), at(until)).len()
        };
        let (from, until) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
        assert_eq!(count(Days::Every, from, until), 62);
        assert_eq!(count(Days::Weekdays(vec![1]), from, until), 8);
        assert_eq!(count(Days::MonthDay(15), from, until), 2);
        assert_eq!(count(Days::LastDay, from, until), 2);
        assert_eq!(count(Days::YearDay(2, 1), from, until), 0);
        assert_eq!(count(Days::Every, "2026-01-01T07:00:00Z", "2026-01-01T19:00:00Z"), 1);
    }
}
