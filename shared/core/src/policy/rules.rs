//! Rules between fields.

use std::iter;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::bounds::MAX_OBJECTIVE_HOURS;
use super::problem::Problem;
use super::reader::Field;
use super::{COLD_DAYS, KnownHome, Tiers};
use crate::calendar::{
    self, MINUTES_OF_A_DAY, MonthDay, Months, Slots, TimeOfDay, Zone, days_of_slots, longest_gap,
};
use crate::ids::{AccountId, Region, VaultArn};
use crate::span::Span;
use crate::suggest;

/// Tables and the vault of the backups are of the home account and Region; `elsewhere` says what to do
/// about another Region.
pub(super) fn at_home(
    field: &Field,
    what: &str,
    at: ArnScope<'_>,
    home: &KnownHome,
    elsewhere: &str,
) -> Result<(), Problem> {
    same_account(field, what, at, home)?;
    match &home.region {
        Some(served) if at.region != served => {
            let wrong = format!("the {what} is in {}, and this stack serves {served}", at.region);
            Err(field.problem(wrong, elsewhere))
        }
        _ => Ok(()),
    }
}

/// Copies go to another Region of the same account.
pub(super) fn copy_target(field: &Field, vault: &VaultArn, home: &KnownHome) -> Result<(), Problem> {
    same_account(field, "vault", ArnScope::of(&vault.partition, &vault.region, &vault.account), home)?;
    if Some(&vault.region) == home.region.as_ref() {
        let what = format!("the vault is in {}, where the backups are", vault.region);
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

fn same_account(field: &Field, what: &str, at: ArnScope<'_>, home: &KnownHome) -> Result<(), Problem> {
    let wrong = match (&home.account, &home.partition) {
        (Some(served), _) if at.account != served => {
            format!("the {what} is of account {}, and this stack serves {served}", at.account)
        }
        (_, Some(served)) if at.partition != served => {
            format!("the {what} is in partition {}, and this stack in {served}", at.partition)
        }
        _ => return Ok(()),
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
    let days: Vec<Date> = days_of_slots(&[slots]).into_keys().collect();
    let at = |day: Date, time: TimeOfDay| Zone::UTC.instant(day.to_datetime(time.time()));
    // No span is shorter than a day, so it lasts from each slot of a day to the next.
    let covered = days.windows(2).all(|pair| {
        let (slot, next) = (at(pair[0], last), at(pair[1], first));
        slot.is_some_and(|slot| Some(keep.after(slot, &TimeZone::UTC)) >= next)
    });
    (!covered).then(|| longest_gap(&[slots])).flatten().map(|minutes| rounded_up(minutes, MINUTES_OF_A_DAY))
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
    let what = format!(
        "backups are up to {gap} hours apart, so the newest would be older than {hours} hours each time"
    );
    let fix = match gap < i64::from(MAX_OBJECTIVE_HOURS) {
        true => format!("write more than {gap} hours, so that a backup has time to be made, or add slots"),
        false => "add slots, or remove objective".to_owned(),
    };
    Some(field.problem(what, fix))
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
