//! What is due, and which flags a point takes.

use std::cmp::Reverse;

use super::calendar::{Slots, Span, after};
use super::clock::Clock;

/// The tiers by number, the most frequent first.
pub const TIERS: [&str; 4] = ["daily", "weekly", "monthly", "yearly"];

/// A policy, as far as the calendar and retention go.
#[derive(Debug, Clone)]
pub struct Policy {
    pub zone: String,
    pub enabled: bool,
    pub keep_last: usize,
    pub tiers: Vec<Tier>,
}

#[derive(Debug, Clone)]
pub struct Tier {
    /// Its number in [`TIERS`].
    pub number: usize,
    pub backups: Rule,
    pub copies: Option<Rule>,
}

/// When, and for how long.
#[derive(Debug, Clone)]
pub struct Rule {
    pub slots: Slots,
    pub keep: Span,
}

/// A tier's slots as the clock shows them, and since when they are in force.
#[derive(Debug, Clone)]
pub struct InForce {
    pub tier: usize,
    pub slots: Slots,
    pub moments: Vec<i64>,
    pub keep: Span,
    pub from: i64,
}

impl InForce {
    fn between(&self, after: i64, until: i64) -> Vec<i64> {
        let later = |slot: &&i64| **slot > after && **slot > self.from && **slot <= until;
        self.moments.iter().filter(later).copied().collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub tier: usize,
    pub slot: i64,
    pub lapses: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Available,
    Failed,
    Deleting,
    Deleted,
}

/// A restore point, or a copy of one in another vault, which has the same number.
#[derive(Debug, Clone)]
pub struct Point {
    /// Counts the points as they are planned.
    pub number: usize,
    /// When it was planned.
    pub planned: i64,
    /// The slot of its session.
    pub slot: i64,
    /// When AWS made it.
    pub created: Option<i64>,
    pub flags: Vec<Flag>,
    pub state: State,
    pub manual: bool,
    pub suspect: bool,
    pub held: bool,
}

/// The points of one table in one vault.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub since: i64,
    pub points: Vec<Point>,
}

/// All slots that have come due, by (moment, tier).
pub fn due_by_tier(tiers: &[InForce], planned_until: i64, now: i64) -> Vec<(i64, usize)> {
    let of = |tier: &InForce| {
        tier.between(planned_until, now).into_iter().map(|slot| (slot, tier.tier)).collect::<Vec<_>>()
    };
    let mut due: Vec<(i64, usize)> = tiers.iter().flat_map(of).collect();
    due.sort_unstable();
    due
}

/// The latest slot of each tier that has come due, with its tier.
pub fn latest_by_tier(tiers: &[InForce], planned_until: i64, now: i64) -> Vec<(i64, usize)> {
    tiers.iter().filter_map(|tier| Some((tier.between(planned_until, now).pop()?, tier.tier))).collect()
}

/// The slot of the session that is due at `now`, and the slots that it skips, by (moment, tier): of more than a
/// thousand the latest thousand.
pub fn due(tiers: &[InForce], planned_until: i64, now: i64) -> Option<(i64, Vec<(i64, usize)>)> {
    let mut latest = None;
    let mut missed = Vec::new();
    for tier in tiers {
        let mut slots = tier.between(planned_until, now);
        latest = latest.max(slots.pop());
        missed.extend(slots.into_iter().map(|slot| (slot, tier.tier)));
    }
    missed.sort_unstable_by_key(|(moment, tier)| Reverse((*moment, *tier)));
    missed.truncate(1_000);
    missed.reverse();
    latest.map(|slot| (slot, missed))
}

/// The next moment after `now` that is a slot, with its tiers.
pub fn next(tiers: &[InForce], now: i64) -> Option<(i64, Vec<usize>)> {
    let first = tiers.iter().flat_map(|tier| &tier.moments).filter(|slot| **slot > now).min()?;
    let then = tiers.iter().filter(|tier| tier.moments.contains(first)).map(|tier| tier.tier);
    Some((*first, then.collect()))
}

/// A session: its moment, and whether it was asked for by an operator.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub moment: i64,
    pub by_hand: bool,
}

/// The flags of the point that a session makes. `most_frequent` is the tier whose flag a run by an operator takes.
pub fn flags(
    clock: &Clock,
    tiers: &[InForce],
    most_frequent: Option<usize>,
    chain: &Chain,
    session: Session,
    now: i64,
) -> Vec<Flag> {
    let mut flags = Vec::new();
    for tier in tiers {
        let slot = if session.by_hand && most_frequent == Some(tier.tier) {
            Some(session.moment)
        } else {
            let latest = tier.moments.iter().filter(|slot| **slot <= now).max().copied();
            latest.filter(|slot| *slot > tier.from && *slot > chain.since && !chain.has(tier.tier, *slot))
        };
        if let Some(slot) = slot {
            let lapses = after(clock, session.moment, tier.keep).max(after(clock, slot, tier.keep));
            flags.push(Flag { tier: tier.tier, slot, lapses });
        }
    }
    flags
}

impl Chain {
    /// Whether a point that is there, or on its way, serves that slot. One that was made on request of an operator
    /// later serves it as well.
    fn has(&self, tier: usize, slot: i64) -> bool {
        self.points.iter().any(|point| {
            let serves = match point.state {
                State::Running => true,
                State::Available => !point.suspect,
                State::Failed | State::Deleting | State::Deleted => false,
            };
            serves && point.flags.iter().any(|flag| flag.tier == tier && flag.slot >= slot)
        })
    }
}
