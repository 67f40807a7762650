//! How far slots are apart.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use jiff::civil::{Date, date};

use super::days::Days;
use super::schedule::Slots;
use super::time::TimeOfDay;

pub(crate) const MINUTES_OF_A_DAY: i64 = 24 * 60;

/// The days that stand for all on which one of these has slots, each with those that have, by their bits.
/// Weekdays, month lengths and leap years repeat within 28 years, weekly patterns within two weeks.
pub(crate) fn days_of_slots(schedules: &[&Slots]) -> BTreeMap<Date, u8> {
    let is_weekly = schedules.iter().all(|slots| matches!(slots.days, Days::Week(_)));
    let until = if is_weekly { date(2000, 1, 15) } else { date(2028, 12, 31) };
    let mut found = BTreeMap::new();
    for (bit, slots) in schedules.iter().enumerate() {
        let days = slots.days;
        let next = |day: &Date| days.first_from(day.tomorrow().ok()?);
        for day in iter::successors(days.first_from(date(2000, 1, 1)), next).take_while(|day| *day <= until) {
            *found.entry(day).or_default() |= 1 << bit;
        }
    }
    found
}

/// The slots of a day, in minutes: the first, the last, and the distances between two that follow each other.
#[derive(Clone, Copy)]
struct Shape {
    first: i64,
    last: i64,
    gaps: Option<Gaps>,
}

/// The shortest and the longest distance between two slots that follow each other, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gaps {
    pub shortest: i64,
    pub longest: i64,
}

impl Gaps {
    fn and(self, other: Self) -> Self {
        Self { shortest: self.shortest.min(other.shortest), longest: self.longest.max(other.longest) }
    }
}

impl Shape {
    /// That of a day on which these have slots.
    fn of<'a>(schedules: impl Iterator<Item = &'a Slots>) -> Self {
        let minute = |time: &TimeOfDay| i64::from(time.time().hour()) * 60 + i64::from(time.time().minute());
        let minutes: BTreeSet<i64> = schedules.flat_map(|slots| slots.times.iter().map(minute)).collect();
        let gaps = minutes.iter().zip(minutes.iter().skip(1)).map(|(slot, next)| next - slot);
        let (first, last) = (minutes.first(), minutes.last());
        Self {
            first: first.copied().unwrap_or_default(),
            last: last.copied().unwrap_or_default(),
            gaps: gaps.map(|gap| Gaps { shortest: gap, longest: gap }).reduce(Gaps::and),
        }
    }
}

/// How far slots are apart that follow each other. Slots are looked at once for each kind of day: those of many years are
/// millions.
pub(crate) fn gaps(schedules: &[&Slots]) -> Option<Gaps> {
    let mut shapes: BTreeMap<u8, Shape> = BTreeMap::new();
    let mut all: Option<Gaps> = None;
    let mut before: Option<(Date, Shape)> = None;
    for (day, bits) in days_of_slots(schedules) {
        let shape = *shapes.entry(bits).or_insert_with(|| {
            let due = schedules.iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0);
            Shape::of(due.map(|(_, slots)| *slots))
        });
        let since = before.map(|(last_day, last)| {
            let days = day.duration_since(last_day).as_hours() / 24;
            let gap = days * MINUTES_OF_A_DAY + shape.first - last.last;
            Gaps { shortest: gap, longest: gap }
        });
        all = [all, shape.gaps, since].into_iter().flatten().reduce(Gaps::and);
        before = Some((day, shape));
    }
    all
}

/// The longest distance between two slots that follow each other, in minutes.
pub(crate) fn longest_gap(schedules: &[&Slots]) -> Option<i64> {
    gaps(schedules).map(|gaps| gaps.longest)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::{MonthDay, Months, Nth, TimeOfDay, Weekdays, Zone};

    fn slots() -> impl Strategy<Value = Slots> {
        let weekday = || prop::sample::select(Weekdays::EVERY_DAY.iter().collect::<Vec<_>>());
        let week = prop::collection::vec(weekday(), 1..4).prop_map(|chosen| {
            let mut days = Weekdays::default();
            chosen.into_iter().for_each(|day| {
                days.insert(day);
            });
            Days::Week(days)
        });
        let day = prop_oneof![
            (1..=28i8).prop_map(MonthDay::Day),
            Just(MonthDay::Last),
            weekday().prop_map(|day| MonthDay::Weekday(Nth::Fourth, day)),
        ];
        let month = (day, 1..=12i8, any::<bool>()).prop_map(|(day, month, all)| match all {
            true => Days::Month(day, Months::ALL),
            false => Days::Year(day, month),
        });
        let times = prop::collection::btree_set((0..24u32, 0..60u32), 1..5).prop_map(|times| {
            times.into_iter().filter_map(|(hour, minute)| TimeOfDay::of(hour, minute)).collect()
        });
        (prop_oneof![week, month], times).prop_map(|(days, times)| Slots { days, times })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn gaps_are_those_between_all_slots_of_many_years(all in prop::collection::vec(slots(), 1..4)) {
            let moment = |text: &str| text.parse::<Timestamp>().unwrap();
            let (after, until) = (moment("1999-12-31T23:59:00Z"), moment("2028-12-31T23:59:00Z"));
            let utc = Zone::UTC;
            let found = all.iter().flat_map(|slots| slots.within(&utc).slots(after, until));
            let found: Vec<Timestamp> = found.collect::<BTreeSet<_>>().into_iter().collect();
            let between = found.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_mins());
            let between: Vec<i64> = between.collect();
            let schedules: Vec<&Slots> = all.iter().collect();
            let expected = between.iter().min().zip(between.iter().max());
            let expected = expected.map(|(shortest, longest)| Gaps { shortest: *shortest, longest: *longest });
            prop_assert_eq!(gaps(&schedules), expected);
        }
    }
}
