//! How many restore points the chains of one table hold once a policy has run for long.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use crate::calendar::Slots;
use crate::lock::MAX_DAYS;
use crate::policy::Policy;
use crate::span::{Span, Unit};
use crate::tier::{Flag, Tier};

/// What the chains of one table hold, once all that the policy keeps has come together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SteadyState {
    /// The backup chain.
    pub backups: Chain,
    /// Each copy chain: they are alike. `None` when nothing is copied.
    pub copies: Option<Chain>,
}

/// What one chain holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chain {
    /// Restore points: those with a live flag, but not fewer than `keep_last`.
    pub points: Count,
    /// Those of them that are in cold storage.
    pub cold: Count,
    /// Live flags of each tier. Tiers that share a slot share its point, so these can add up to more than
    /// the points.
    pub tiers: BTreeMap<Tier, Count>,
    /// Restore points that are added in a month, on average over the year.
    pub made_per_month: f64,
    /// The most restore points whose last flag lapses on one day.
    pub most_removed_in_a_day: u32,
}

/// A number that changes over the year.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Count {
    /// At the least.
    pub least: u32,
    /// At the most.
    pub most: u32,
    /// On average, which is what storage is billed by.
    pub average: f64,
}

/// What chains hold in the year from `at`, as if every slot of the past had ended in a point and each point
/// had been removed when its last flag lapsed.
///
/// The year is looked at every 13 hours, which in a week finds every hour of the day and every day. Days are
/// counted on the wall clock of the policy's zone, so the hours of a daylight-saving change are not exact.
/// Not counted: manual backups, held points, and what an outdated point waits for the next retention run.
pub fn steady_state(policy: &Policy, at: Timestamp) -> SteadyState {
    let backups = policy.tiers.iter().map(|(tier, rule)| (tier, &rule.slots, rule.keep)).collect::<Vec<_>>();
    let copies = policy
        .tiers
        .iter()
        .filter_map(|(tier, rule)| rule.copy.as_ref().map(|copy| (tier, &copy.slots, copy.keep)))
        .filter(|_| !policy.copies.is_empty())
        .collect::<Vec<_>>();
    SteadyState {
        backups: chain(policy, &backups, at),
        copies: (!copies.is_empty()).then(|| chain(policy, &copies, at)),
    }
}

/// Whether points that only this tier pins move to cold storage.
pub(super) fn goes_cold(policy: &Policy, tier: Tier, span: Span) -> bool {
    let (slot, lapses) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    policy.cold_days_of(&[Flag { tier, slot, span, lapses }]).is_some()
}

/// The most days that a span can last.
pub(super) fn most_days(span: Span) -> u32 {
    match span.unit {
        Unit::Day | Unit::Week => span.least_days(),
        Unit::Month => u32::from(span.count) * 31,
        Unit::Year => u32::from(span.count) * 366,
    }
}

type Rule<'a> = (Tier, &'a Slots, Span);

/// Between two looks at the year.
const STEP: SignedDuration = SignedDuration::from_hours(13);

/// A date on which some tier is due. All moments are wall-clock times written as if in UTC.
struct Day {
    midnight: Timestamp,
    /// The tiers that are due on it, one bit each.
    due: u8,
    /// The midnight of the date on which each tier's flags lapse; long ago for a tier that is not due.
    lapses: [Timestamp; 4],
    /// The midnight of the date on which its points that may do so move to cold storage.
    cold: Timestamp,
}

fn chain(policy: &Policy, rules: &[Rule<'_>], at: Timestamp) -> Chain {
    let first = policy.time_zone.time_zone().to_datetime(at).date();
    let last = first.saturating_add(1.year());
    let year = utc(first)..utc(last);
    let groups = groups(rules);
    let days = days(policy, rules, first, last);
    let may_cool = rules
        .iter()
        .filter(|(tier, _, keep)| goes_cold(policy, *tier, *keep))
        .fold(0, |bits, (tier, ..)| bits | bit(*tier));
    let keep_last = if rules.is_empty() { 0 } else { policy.keep_last };

    let (mut points, mut cold, mut tiers) =
        (PointCount::default(), PointCount::default(), [PointCount::default(); 4]);
    let mut now = year.start;
    while now < year.end {
        let look = snapshot(&groups, &days, may_cool, now);
        points.add(look.points.max(keep_last));
        cold.add(look.cold);
        for (tally, count) in tiers.iter_mut().zip(look.tiers) {
            tally.add(count);
        }
        now = now.saturating_add(STEP).unwrap_or(Timestamp::MAX);
    }

    let of_day = |day: &Day| -> usize {
        groups.iter().filter(|(mask, _)| mask & day.due != 0).map(|(_, times)| times.len()).sum()
    };
    let made: usize = days.iter().filter(|day| year.contains(&day.midnight)).map(of_day).sum();
    let mut removed: BTreeMap<Timestamp, u32> = BTreeMap::new();
    for day in &days {
        for (mask, times) in groups.iter().filter(|(mask, _)| mask & day.due != 0) {
            let lapses = (0..4).filter(|tier| mask & day.due & 1 << tier != 0).map(|tier| day.lapses[tier]);
            if let Some(lapses) = lapses.max().filter(|lapses| year.contains(lapses)) {
                *removed.entry(lapses).or_default() += times.len() as u32;
            }
        }
    }
    Chain {
        points: points.count(),
        cold: cold.count(),
        tiers: rules.iter().map(|(tier, ..)| (*tier, tiers[*tier as usize].count())).collect(),
        made_per_month: made as f64 / 12.0,
        most_removed_in_a_day: removed.into_values().max().unwrap_or_default(),
    }
}

/// The times of day, in order, by the tiers that have them.
fn groups(rules: &[Rule<'_>]) -> Vec<(u8, Vec<Time>)> {
    let mut masks: BTreeMap<Time, u8> = BTreeMap::new();
    for (tier, slots, _) in rules {
        for time in &slots.times {
            *masks.entry(time.time()).or_default() |= bit(*tier);
        }
    }
    let mut groups: BTreeMap<u8, Vec<Time>> = BTreeMap::new();
    for (time, mask) in masks {
        groups.entry(mask).or_default().push(time);
    }
    groups.into_iter().collect()
}

/// Every date up to `last` of which a point may be left on `first`.
fn days(policy: &Policy, rules: &[Rule<'_>], first: Date, last: Date) -> Vec<Day> {
    let cold_after = policy.cold_after_days.unwrap_or(MAX_DAYS);
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for (tier, slots, keep) in rules {
        let back = i64::from(most_days(*keep).min(MAX_DAYS + 25)) + 1;
        let from = slots.days.first_from(first.saturating_sub(back.days()));
        let next = |date: &Date| slots.days.first_from(date.tomorrow().ok()?);
        for date in std::iter::successors(from, next).take_while(|date| *date <= last) {
            let midnight = utc(date);
            let day = days.entry(date).or_insert_with(|| Day {
                midnight,
                due: 0,
                lapses: [Timestamp::MIN; 4],
                cold: utc(date.saturating_add(i64::from(cold_after).days())),
            });
            day.due |= bit(*tier);
            day.lapses[*tier as usize] = keep.after(midnight, &TimeZone::UTC);
        }
    }
    days.into_values().collect()
}

#[derive(Default)]
struct Snapshot {
    points: u32,
    cold: u32,
    tiers: [u32; 4],
}

/// What is there at `now`. A day's points are looked at in two parts, by whether their time of day has
/// come today: within a part all are made, lapse and move on the same date as seen from now.
fn snapshot(groups: &[(u8, Vec<Time>)], days: &[Day], may_cool: u8, now: Timestamp) -> Snapshot {
    let local = TimeZone::UTC.to_datetime(now);
    let today = utc(local.date());
    let parts = |times: &Vec<Time>| {
        let come = times.partition_point(|time| *time <= local.time());
        [come as u32, (times.len() - come) as u32]
    };
    let groups: Vec<(u8, [u32; 2])> = groups.iter().map(|(mask, times)| (*mask, parts(times))).collect();
    let mut look = Snapshot::default();
    for day in days.iter().take_while(|day| day.midnight <= today) {
        for (part, come) in [(0, true), (1, false)] {
            if !come && day.midnight == today {
                continue;
            }
            let lives = |lapses: &Timestamp| if come { *lapses > today } else { *lapses >= today };
            let live =
                (0..4).filter(|tier| lives(&day.lapses[*tier])).fold(0u8, |bits, tier| bits | 1 << tier);
            if live == 0 {
                continue;
            }
            let cold = if come { day.cold <= today } else { day.cold < today };
            for (mask, counts) in &groups {
                let count = counts[part];
                if mask & live == 0 {
                    continue;
                }
                look.points += count;
                if cold && mask & day.due & may_cool != 0 {
                    look.cold += count;
                }
                for (tier, total) in look.tiers.iter_mut().enumerate() {
                    if mask & live & 1 << tier != 0 {
                        *total += count;
                    }
                }
            }
        }
    }
    look
}

#[derive(Clone, Copy, Default)]
struct PointCount {
    looks: u32,
    least: Option<u32>,
    most: u32,
    sum: u64,
}

impl PointCount {
    fn add(&mut self, count: u32) {
        self.looks += 1;
        self.least = Some(self.least.map_or(count, |least| least.min(count)));
        self.most = self.most.max(count);
        self.sum += u64::from(count);
    }

    fn count(self) -> Count {
        let average = self.sum as f64 / f64::from(self.looks.max(1));
        Count { least: self.least.unwrap_or(0), most: self.most, average }
    }
}

fn bit(tier: Tier) -> u8 {
    1 << tier as u8
}

/// Its midnight, as if in UTC.
fn utc(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::MIN)
}
