//! Slots: wall-clock times through daylight-saving changes, month ends and new years.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::calendar::{Days, MonthDay, Months, Nth, Slots, TimeOfDay, Weekdays, Zone};
use backup_chain_core::span::{Span, Unit};
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn slots(days: Days, times: &[&str]) -> Slots {
    Slots { days, times: times.iter().map(|time| time.parse().unwrap()).collect() }
}

fn every_day(times: &[&str]) -> Slots {
    slots(Days::Week(Weekdays::EVERY_DAY), times)
}

/// The slots of some days from `from` (UTC), each in the wall-clock time of the zone.
fn shown(slots: &Slots, zone: &str, from: &str, days: i64) -> String {
    let zone: Zone = zone.parse().unwrap();
    let from = moment(from);
    let lines: Vec<String> = slots
        .within(&zone)
        .slots(from, from + SignedDuration::from_hours(24 * days))
        .map(|slot| slot.to_zoned(zone.time_zone().clone()).strftime("%a %d %b %Y %H:%M %:z").to_string())
        .collect();
    lines.join("\n")
}

#[test]
fn berlin_to_summer_time() {
    let slots = every_day(&["01:30", "02:00", "02:30", "03:00", "03:30"]);
    insta::assert_snapshot!(shown(&slots, "Europe/Berlin", "2026-03-28T12:00:00Z", 2), @"
    Sun 29 Mar 2026 01:30 +01:00
    Sun 29 Mar 2026 03:00 +02:00
    Sun 29 Mar 2026 03:30 +02:00
    Mon 30 Mar 2026 01:30 +02:00
    Mon 30 Mar 2026 02:00 +02:00
    Mon 30 Mar 2026 02:30 +02:00
    Mon 30 Mar 2026 03:00 +02:00
    Mon 30 Mar 2026 03:30 +02:00
    ");
}

#[test]
fn berlin_to_winter_time() {
    let slots = every_day(&["01:59", "02:00", "02:30", "03:00"]);
    insta::assert_snapshot!(shown(&slots, "Europe/Berlin", "2026-10-24T12:00:00Z", 1), @"
    Sun 25 Oct 2026 01:59 +02:00
    Sun 25 Oct 2026 02:00 +02:00
    Sun 25 Oct 2026 02:30 +02:00
    Sun 25 Oct 2026 03:00 +01:00
    ");
}

#[test]
fn new_york_both_ways() {
    let slots = every_day(&["01:30", "02:30"]);
    insta::assert_snapshot!(shown(&slots, "America/New_York", "2026-03-07T12:00:00Z", 2), @"
    Sun 08 Mar 2026 01:30 -05:00
    Sun 08 Mar 2026 03:00 -04:00
    Mon 09 Mar 2026 01:30 -04:00
    Mon 09 Mar 2026 02:30 -04:00
    ");
    insta::assert_snapshot!(shown(&slots, "America/New_York", "2026-10-31T12:00:00Z", 2), @"
    Sun 01 Nov 2026 01:30 -04:00
    Sun 01 Nov 2026 02:30 -05:00
    Mon 02 Nov 2026 01:30 -05:00
    Mon 02 Nov 2026 02:30 -05:00
    ");
}

#[test]
fn lord_howe_changes_by_half_an_hour() {
    let slots = every_day(&["01:45", "02:15", "02:45"]);
    insta::assert_snapshot!(shown(&slots, "Australia/Lord_Howe", "2026-04-03T15:00:00Z", 2), @"
    Sat 04 Apr 2026 02:15 +11:00
    Sat 04 Apr 2026 02:45 +11:00
    Sun 05 Apr 2026 01:45 +11:00
    Sun 05 Apr 2026 02:15 +10:30
    Sun 05 Apr 2026 02:45 +10:30
    ");
    insta::assert_snapshot!(shown(&slots, "Australia/Lord_Howe", "2026-10-02T15:00:00Z", 2), @"
    Sat 03 Oct 2026 01:45 +10:30
    Sat 03 Oct 2026 02:15 +10:30
    Sat 03 Oct 2026 02:45 +10:30
    Sun 04 Oct 2026 01:45 +10:30
    Sun 04 Oct 2026 02:30 +11:00
    Sun 04 Oct 2026 02:45 +11:00
    Mon 05 Oct 2026 01:45 +11:00
    ");
}

#[test]
fn a_day_that_a_zone_skips_has_its_slots_at_the_next_midnight() {
    let slots = every_day(&["00:00", "12:00"]);
    insta::assert_snapshot!(shown(&slots, "Pacific/Apia", "2011-12-29T00:00:00Z", 3), @"
    Thu 29 Dec 2011 00:00 -10:00
    Thu 29 Dec 2011 12:00 -10:00
    Sat 31 Dec 2011 00:00 +14:00
    Sat 31 Dec 2011 12:00 +14:00
    Sun 01 Jan 2012 00:00 +14:00
    Sun 01 Jan 2012 12:00 +14:00
    ");
}

#[test]
fn midnight_that_does_not_exist() {
    insta::assert_snapshot!(shown(&every_day(&["00:00"]), "Africa/Cairo", "2026-04-22T12:00:00Z", 3), @"
    Thu 23 Apr 2026 00:00 +02:00
    Fri 24 Apr 2026 01:00 +03:00
    Sat 25 Apr 2026 00:00 +03:00
    ");
}

#[test]
fn month_ends_and_leap_years() {
    let last = slots(Days::Month(MonthDay::Last, Months::ALL), &["23:59"]);
    insta::assert_snapshot!(shown(&last, "Europe/Berlin", "2027-12-30T00:00:00Z", 130), @"
    Fri 31 Dec 2027 23:59 +01:00
    Mon 31 Jan 2028 23:59 +01:00
    Tue 29 Feb 2028 23:59 +01:00
    Fri 31 Mar 2028 23:59 +02:00
    Sun 30 Apr 2028 23:59 +02:00
    ");
    let february = slots(Days::parse_year("last day of february").unwrap(), &["07:00"]);
    insta::assert_snapshot!(shown(&february, "UTC", "2026-01-01T00:00:00Z", 365 * 4), @"
    Sat 28 Feb 2026 07:00 +00:00
    Sun 28 Feb 2027 07:00 +00:00
    Tue 29 Feb 2028 07:00 +00:00
    Wed 28 Feb 2029 07:00 +00:00
    ");
    let fridays = slots(Days::Month(MonthDay::Weekday(Nth::Last, Weekday::Friday), Months::ALL), &["07:00"]);
    insta::assert_snapshot!(shown(&fridays, "UTC", "2026-01-01T00:00:00Z", 120), @"
    Fri 30 Jan 2026 07:00 +00:00
    Fri 27 Feb 2026 07:00 +00:00
    Fri 27 Mar 2026 07:00 +00:00
    Fri 24 Apr 2026 07:00 +00:00
    ");
    let day = slots(Days::Month(MonthDay::parse("day 31").unwrap(), Months::ALL), &["07:00"]);
    insta::assert_snapshot!(shown(&day, "UTC", "2026-01-01T00:00:00Z", 120), @"
    Sat 31 Jan 2026 07:00 +00:00
    Tue 31 Mar 2026 07:00 +00:00
    ");
}

#[test]
fn weeks_go_on_across_new_year() {
    let mut days = Weekdays::default();
    days.insert(Weekday::Monday);
    days.insert(Weekday::Friday);
    insta::assert_snapshot!(shown(&slots(Days::Week(days), &["07:00"]), "UTC", "2026-12-24T00:00:00Z", 16), @"
    Fri 25 Dec 2026 07:00 +00:00
    Mon 28 Dec 2026 07:00 +00:00
    Fri 01 Jan 2027 07:00 +00:00
    Mon 04 Jan 2027 07:00 +00:00
    Fri 08 Jan 2027 07:00 +00:00
    ");
    let first = slots(Days::parse_year("first monday of january").unwrap(), &["07:00"]);
    insta::assert_snapshot!(shown(&first, "UTC", "2025-01-01T00:00:00Z", 365 * 4), @"
    Mon 06 Jan 2025 07:00 +00:00
    Mon 05 Jan 2026 07:00 +00:00
    Mon 04 Jan 2027 07:00 +00:00
    Mon 03 Jan 2028 07:00 +00:00
    ");
}

#[test]
fn the_calendar_has_ends() {
    let slots = every_day(&["07:00"]);
    let zone = Zone::UTC;
    let schedule = slots.within(&zone);
    assert_eq!(schedule.next(Timestamp::MAX), None);
    assert_eq!(schedule.latest(Timestamp::MIN), None);
    assert_eq!(schedule.slots(Timestamp::MAX, Timestamp::MAX).count(), 0);
}

fn zones() -> impl Strategy<Value = Zone> {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Nuuk",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "America/Scoresbysund",
        "Pacific/Apia",
        "Africa/Cairo",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| name.parse().unwrap())
}

fn any_days() -> impl Strategy<Value = Days> {
    let weekday = prop::sample::select(vec![Weekday::Monday, Weekday::Thursday, Weekday::Sunday]);
    let nth = prop::sample::select(vec![Nth::First, Nth::Second, Nth::Third, Nth::Fourth, Nth::Last]);
    let month_day = prop_oneof![
        (nth, weekday).prop_map(|(nth, day)| MonthDay::Weekday(nth, day)),
        (1..=31i8).prop_map(MonthDay::Day),
        Just(MonthDay::Last),
    ];
    let week = prop::collection::vec(0..7i8, 1..7).prop_map(|days| {
        let mut some = Weekdays::default();
        for day in days {
            some.insert(Weekday::from_monday_zero_offset(day).unwrap());
        }
        Days::Week(some)
    });
    prop_oneof![
        week,
        (month_day.clone(), 1..=12i8).prop_map(|(day, month)| Days::Month(day, Months::only(month))),
        month_day.clone().prop_map(|day| Days::Month(day, Months::ALL)),
        (month_day, 1..=12i8).prop_map(|(day, month)| Days::Year(day, month)),
    ]
}

fn any_slots() -> impl Strategy<Value = Slots> {
    let times = prop::collection::btree_set((0..24u8, 0..4u8), 1..5);
    (any_days(), times).prop_map(|(days, times)| {
        let times: Vec<TimeOfDay> = times
            .iter()
            .map(|(hour, quarter)| format!("{hour}:{:02}", quarter * 15).parse().unwrap())
            .collect();
        Slots { days, times }
    })
}

/// 2000 to 2040, to the second.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    (946_684_800i64..2_208_988_800).prop_map(|second| Timestamp::from_second(second).unwrap())
}

/// Slots by walking the clock: each minute of the zone's wall clock that the rule names and that was not
/// shown before; and for a minute that the clock skips, the first one after the gap.
fn walked(slots: &Slots, zone: &Zone, from: Timestamp, hours: i64) -> Vec<Timestamp> {
    let local = |moment: Timestamp| zone.time_zone().to_datetime(moment);
    let named = |minute: jiff::civil::DateTime| {
        let on = match slots.days {
            Days::Week(days) => days.contains(minute.weekday()),
            Days::Month(day, months) => {
                months.contains(minute.month())
                    && day.date(minute.year(), minute.month()) == Some(minute.date())
            }
            Days::Year(day, month) => {
                minute.month() == month && day.date(minute.year(), minute.month()) == Some(minute.date())
            }
        };
        on && slots.times.iter().any(|time| time.time() == minute.time())
    };
    let minute = SignedDuration::from_mins(1);
    // Two days ahead, so that a time that was shown before is known.
    let start = moment(&from.strftime("%Y-%m-%dT%H:%M:00Z").to_string()) - SignedDuration::from_hours(48);
    let mut shown_until = local(start);
    let mut found = Vec::new();
    for step in 1..(48 + hours) * 60 {
        let at = start + minute * i32::try_from(step).unwrap();
        while shown_until < local(at) {
            shown_until += minute;
            if named(shown_until) && at > from && found.last() != Some(&at) {
                found.push(at);
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn slots_increase_and_agree_with_next_and_latest(
        slots in any_slots(), zone in zones(), from in any_moment(), days in 1..800i64,
    ) {
        let schedule = slots.within(&zone);
        let until = from + SignedDuration::from_hours(24 * days);
        let all: Vec<Timestamp> = schedule.slots(from, until).collect();
        prop_assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(all.iter().all(|slot| *slot > from && *slot <= until));
        let mut at = from;
        for slot in &all {
            prop_assert_eq!(schedule.next(at), Some(*slot));
            prop_assert_eq!(schedule.latest(*slot), Some(*slot));
            let before = schedule.latest(*slot - SignedDuration::from_secs(1));
            prop_assert!(before.is_some_and(|before| before < *slot && (at == from || before == at)));
            at = *slot;
        }
        prop_assert!(schedule.next(at).is_none_or(|next| next > until));
        prop_assert_eq!(schedule.latest(until).filter(|slot| *slot > from), all.last().copied());
    }

    #[test]
    fn cutting_a_range_in_two_loses_nothing(
        slots in any_slots(), zone in zones(), from in any_moment(), first in 0..500i64, second in 0..500i64,
    ) {
        let schedule = slots.within(&zone);
        let middle = from + SignedDuration::from_hours(first);
        let until = middle + SignedDuration::from_hours(second);
        let whole: Vec<Timestamp> = schedule.slots(from, until).collect();
        let parts: Vec<Timestamp> = schedule.slots(from, middle).chain(schedule.slots(middle, until)).collect();
        prop_assert_eq!(whole, parts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn later_moments_have_later_slots(
        slots in any_slots(), zone in zones(), from in any_moment(), minutes in 0..200_000i64,
    ) {
        let schedule = slots.within(&zone);
        let later = from + SignedDuration::from_mins(minutes);
        prop_assert!(schedule.next(from) <= schedule.next(later));
        prop_assert!(schedule.latest(from) <= schedule.latest(later));
        prop_assert!(schedule.latest(from).is_none_or(|slot| slot <= from));
        prop_assert!(schedule.next(from).is_none_or(|slot| slot > from));
    }

    /// Later by the clock and not only by the instant: in the hour that comes twice a later moment is earlier
    /// on the wall, and so is what is kept from there.
    #[test]
    fn what_is_kept_from_later_lapses_later(
        zone in zones(), from in any_moment(), minutes in 0..5_000i64, count in 1..1_000u16,
        unit in prop::sample::select(vec![Unit::Day, Unit::Week, Unit::Month, Unit::Year]),
    ) {
        let (zone, span) = (zone.time_zone(), Span { count, unit });
        let later = from + SignedDuration::from_mins(minutes);
        prop_assert!(span.after(from, zone) > from);
        let longer = Span { count: count + 1, unit };
        prop_assert!(span.after(from, zone) <= longer.after(from, zone));
        if zone.to_datetime(from) <= zone.to_datetime(later) && matches!(unit, Unit::Day | Unit::Week) {
            prop_assert!(span.after(from, zone) <= span.after(later, zone));
        }
        // At one time of day of two days, in months and years as well.
        let (date, time) = (zone.to_datetime(from).date(), zone.to_datetime(from).time());
        let on = |date: jiff::civil::Date| zone.to_zoned(date.to_datetime(time)).unwrap().timestamp();
        let next = on(date.tomorrow().unwrap());
        if zone.to_datetime(next).time() == time {
            prop_assert!(span.after(from, zone) <= span.after(next, zone));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn slots_are_what_a_clock_would_show(slots in any_slots(), zone in zones(), from in any_moment()) {
        // From a minute's end, as the walk sees whole minutes only.
        let from = from - SignedDuration::from_secs(from.as_second() % 60);
        // To the next change of the clock, or a few days of the zone's.
        let change = zone.time_zone().following(from).next().map_or(from, |change| change.timestamp());
        let from = change - SignedDuration::from_hours(30);
        let until = from + SignedDuration::from_mins(72 * 60 - 1);
        let real: Vec<Timestamp> = slots.within(&zone).slots(from, until).collect();
        prop_assert_eq!(real, walked(&slots, &zone, from, 72));
    }
}

/// Wherever some zone's clock changes, in either direction and at whatever hour: the instant of a wall-clock
/// time is the first at which the clock shows it, or has gone past it.
#[test]
fn every_zone_shows_a_time_first_at_its_instant() {
    let quarter = SignedDuration::from_mins(15);
    let (since, until) = (moment("2015-01-01T00:00:00Z"), moment("2040-01-01T00:00:00Z"));
    for name in jiff::tz::TimeZoneDatabase::bundled().available() {
        let Ok(zone) = name.as_str().parse::<Zone>() else { continue };
        let shown = |moment: Timestamp| zone.time_zone().to_datetime(moment);
        let changes = zone.time_zone().following(since).map(|change| change.timestamp());
        for change in changes.take_while(|change| *change < until) {
            for steps in -12..12 {
                let local = shown(change) + quarter * steps;
                let at = zone.instant(local).unwrap();
                let context = format!("{local} in {zone} is {at}");
                assert!(shown(at) >= local, "{context}");
                assert!((1..24).all(|steps| shown(at - quarter * steps) < local), "{context}");
            }
        }
    }
}
