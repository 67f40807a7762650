//! Rules between fields.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::problem::Problem;
use super::reader::Field;
use super::{COLD_DAYS, Home, Tiers};
use crate::calendar::{self, Days, MonthDay, Months, Slots, TimeOfDay, Zone};
use crate::ids::{AccountId, Region, VaultArn};
use crate::span::Span;
use crate::suggest;

/// Tables and the vault of the backups are of the home account and Region; `elsewhere` says what to do
/// about another Region.
pub(super) fn at_home(
    field: &Field,
    what: &str,
    at: ArnScope<'_>,
    home: &Home,
    elsewhere: &str,
) -> Result<(), Problem> {
    same_account(field, what, at, home)?;
    if *at.region != home.region {
        let wrong = format!("the {what} is in {}, and this stack serves {}", at.region, home.region);
        return Err(field.problem(wrong, elsewhere));
    }
    Ok(())
}

/// Copies go to another Region of the same account.
pub(super) fn copy_target(field: &Field, vault: &VaultArn, home: &Home) -> Result<(), Problem> {
    same_account(field, "vault", ArnScope::of(&vault.partition, &vault.region, &vault.account), home)?;
    if vault.region == home.region {
        let what = format!("the vault is in {}, where the backups are", home.region);
        return Err(field.problem(what, "name a vault in another Region"));
    }
    Ok(())
}

/// What an ARN says of where something is.
#[derive(Clone, Copy)]
pub(super) struct ArnScope<'a> {
    partition: &'a str,
    region: &'a Region,
    account: &'a AccountId,
}

impl<'a> ArnScope<'a> {
    pub fn of(partition: &'a str, region: &'a Region, account: &'a AccountId) -> Self {
        Self { partition, region, account }
    }
}

fn same_account(field: &Field, what: &str, at: ArnScope<'_>, home: &Home) -> Result<(), Problem> {
    let wrong = if *at.account != home.account {
        format!("the {what} is of account {}, and this stack serves {}", at.account, home.account)
    } else if at.partition != home.partition {
        format!("the {what} is in partition {}, and this stack in {}", at.partition, home.partition)
    } else {
        return Ok(());
    };
    Err(field.problem(wrong, format!("name a {what} of this account")))
}

/// A chosen day must exist in each chosen month of every year, so that no month goes without its backup.
/// `of` ends the name of the way out: empty, or ` of february`.
pub(super) fn day_exists(field: &Field, day: MonthDay, months: Months, of: &str) -> Result<(), Problem> {
    let MonthDay::Day(number) = day else { return Ok(()) };
    // The shortest February decides.
    let without: Vec<&str> =
        months.iter().filter(|month| day.date(2001, *month).is_none()).map(calendar::month_name).collect();
    if without.is_empty() {
        return Ok(());
    }
    let what = if number == 29 {
        "not every february has a day 29".to_owned()
    } else {
        format!("there is no day {number} in {}", suggest::any_of(&without))
    };
    Err(field.problem(what, format!("write \"last day{of}\", or choose another day or month")))
}

/// The longest distance between two slots, in whole days, when `keep` does not last from each slot to the
/// next: then the table would be without a live point of the tier.
pub(super) fn longer_than(keep: Span, slots: &Slots) -> Option<i64> {
    let (first, last) = (*slots.times.first()?, *slots.times.last()?);
    let days: Vec<Date> = days(&[slots]).into_keys().collect();
    let at = |day: Date, time: TimeOfDay| Zone::UTC.instant(day.to_datetime(time.time()));
    // No span is shorter than a day, so it lasts from each slot of a day to the next.
    let covered = days.windows(2).all(|pair| {
        let (slot, next) = (at(pair[0], last), at(pair[1], first));
        slot.is_some_and(|slot| Some(keep.after(slot, &TimeZone::UTC)) >= next)
    });
    (!covered).then(|| longest_gap(&[slots])).flatten().map(|minutes| rounded_up(minutes, MINUTES_OF_A_DAY))
}

const MINUTES_OF_A_DAY: i64 = 24 * 60;

/// The days that stand for all on which one of these has slots, each with those that have, by their bits.
/// Weekdays, month lengths and leap years repeat within 28 years, weekly patterns within two weeks.
fn days(schedules: &[&Slots]) -> BTreeMap<Date, u8> {
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

/// The slots of a day, in minutes: the first, the last, and the longest distance between two of them.
#[derive(Clone, Copy)]
struct Shape {
    first: i64,
    last: i64,
    widest: i64,
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
            widest: gaps.max().unwrap_or_default(),
        }
    }
}

/// The longest distance between two slots that follow each other, in minutes. Slots are looked at once for each
/// kind of day: those of many years are millions.
fn longest_gap(schedules: &[&Slots]) -> Option<i64> {
    let mut shapes: BTreeMap<u8, Shape> = BTreeMap::new();
    let mut longest = 0;
    let mut before: Option<(Date, Shape)> = None;
    for (day, bits) in days(schedules) {
        let shape = *shapes.entry(bits).or_insert_with(|| {
            let due = schedules.iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0);
            Shape::of(due.map(|(_, slots)| *slots))
        });
        let since = before.map_or(0, |(last_day, last)| {
            let days = day.duration_since(last_day).as_hours() / 24;
            days * MINUTES_OF_A_DAY + shape.first - last.last
        });
        longest = longest.max(shape.widest).max(since);
        before = Some((day, shape));
    }
    (longest > 0).then_some(longest)
}

fn rounded_up(minutes: i64, unit: i64) -> i64 {
    (minutes + unit - 1) / unit
}

/// An objective that the slots themselves do not keep would be breached by design.
pub(super) fn objective(field: &Field, hours: u32, tiers: &Tiers) -> Option<Problem> {
    let schedules: Vec<&Slots> = tiers.iter().map(|(_, rule)| &rule.slots).collect();
    if schedules.is_empty() {
        let fix = "give the policy a tier, or remove objective";
        return Some(field.problem("no tier makes backups that could keep it", fix));
    }
    let most = i64::from(hours) * 60;
    let gap = longest_gap(&schedules)?;
    if gap < most {
        return None;
    }
    let gap = rounded_up(gap, 60);
    Some(field.problem(
        format!(
            "backups are up to {gap} hours apart, so the newest would be older than {hours} hours each time"
        ),
        format!("write more than {gap} hours, so that a backup has time to be made, or add slots"),
    ))
}

/// Cold storage pays, and AWS takes it, only for what stays there for [`COLD_DAYS`].
pub(super) fn cold(field: &Field, days: u32, tiers: &Tiers) -> Option<Problem> {
    let needed = days + COLD_DAYS;
    let longest = tiers
        .iter()
        .flat_map(|(_, rule)| iter::once(rule.keep).chain(rule.copy.as_ref().map(|copy| copy.keep)))
        .max_by_key(|keep| keep.least_days())?;
    (longest.least_days() < needed).then(|| {
        field.problem(
            format!(
                "nothing is kept for long enough: cold storage is for at least {COLD_DAYS} days, so a backup \
                 must be kept for {needed} days, and the longest retention is {longest}"
            ),
            format!("keep a tier for at least {needed} days, or remove cold_after"),
        )
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::{Nth, Weekdays};

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
        fn the_longest_gap_is_that_between_all_slots_of_many_years(all in prop::collection::vec(slots(), 1..4)) {
            let moment = |text: &str| text.parse::<Timestamp>().unwrap();
            let (after, until) = (moment("1999-12-31T23:59:00Z"), moment("2028-12-31T23:59:00Z"));
            let utc = Zone::UTC;
            let found = all.iter().flat_map(|slots| slots.within(&utc).slots(after, until));
            let found: Vec<Timestamp> = found.collect::<BTreeSet<_>>().into_iter().collect();
            let gaps = found.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_mins());
            let schedules: Vec<&Slots> = all.iter().collect();
            prop_assert_eq!(longest_gap(&schedules), gaps.max());
        }
    }
}
