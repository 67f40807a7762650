//! What the example policies promise, worked out by hand: the slots, what keeps each restore point and for how
//! long, and when retention takes it. Shares nothing with the code that it judges but the names of the tiers.

use std::collections::BTreeMap;

use backup_chain_core::tier::Tier;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan, Zoned};

use super::{BY_HAND, END, FAILS, START, at};

/// What becomes of a restore point until the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kept,
    /// By the retention run of this moment.
    Removed(Timestamp),
    ByHand,
    Failed,
}

/// A tier's slot, and until when its flag keeps the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    pub tier: Tier,
    pub slot: Timestamp,
    pub until: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Expected {
    pub pins: Vec<Pin>,
    pub fate: Fate,
}

/// A chain's points by the slot of their session.
pub type Chain = BTreeMap<Timestamp, Expected>;

/// The chains of the story.
pub struct Promise {
    pub gold: Chain,
    pub gold_copies: Chain,
    pub silver: Chain,
    pub bronze: Chain,
}

impl Promise {
    pub fn kept() -> Self {
        let mut gold = gold();
        if let Some(point) = gold.get_mut(&at(BY_HAND)) {
            point.fate = Fate::ByHand;
        }
        let mut silver = silver();
        owe(&mut silver);
        Self { gold, gold_copies: gold_copies(), silver, bronze: bronze() }
    }
}

/// 01:00, 07:00, 13:00 and 19:00 in Berlin for 3 days; Mondays 07:00 for 5 weeks, first Mondays for 13 months,
/// that of January for 7 years.
fn gold() -> Chain {
    chain("Europe/Berlin", |slot| {
        let time = (slot.hour(), slot.minute());
        let daily = [(1, 0), (7, 0), (13, 0), (19, 0)].contains(&time).then(|| (Tier::Daily, 3.days()));
        daily.into_iter().chain(mondays(slot)).collect()
    })
}

/// 19:00 in Berlin for 7 days; the others as the backups.
fn gold_copies() -> Chain {
    chain("Europe/Berlin", |slot| {
        let daily = ((slot.hour(), slot.minute()) == (19, 0)).then(|| (Tier::Daily, 7.days()));
        daily.into_iter().chain(mondays(slot)).collect()
    })
}

fn mondays(slot: &Zoned) -> Vec<(Tier, Span)> {
    let mut tiers = Vec::new();
    if slot.weekday() == Weekday::Monday && (slot.hour(), slot.minute()) == (7, 0) {
        tiers.push((Tier::Weekly, 5.weeks()));
        if slot.day() <= 7 {
            tiers.push((Tier::Monthly, 13.months()));
            if slot.month() == 1 {
                tiers.push((Tier::Yearly, 7.years()));
            }
        }
    }
    tiers
}

/// Monday to Friday 07:00 and 19:00 UTC for 4 days; Mondays 07:00 for 4 weeks.
fn silver() -> Chain {
    chain("UTC", |slot| {
        let workday = !matches!(slot.weekday(), Weekday::Saturday | Weekday::Sunday);
        let time = (slot.hour(), slot.minute());
        let mut tiers = Vec::new();
        if workday && [(7, 0), (19, 0)].contains(&time) {
            tiers.push((Tier::Daily, 4.days()));
        }
        if slot.weekday() == Weekday::Monday && time == (7, 0) {
            tiers.push((Tier::Weekly, 4.weeks()));
        }
        tiers
    })
}

/// 03:30 UTC for 7 days.
fn bronze() -> Chain {
    chain("UTC", |slot| {
        if (slot.hour(), slot.minute()) == (3, 30) { vec![(Tier::Daily, 7.days())] } else { Vec::new() }
    })
}

/// The slot that fails makes no point; the evening's takes its weekly flag, counted from then. (Its daily flag
/// is met by the evening's own.)
fn owe(silver: &mut Chain) {
    let Some(failed) = silver.get_mut(&at(FAILS)) else { return };
    failed.fate = Fate::Failed;
    let owed: Vec<Pin> = failed.pins.iter().copied().filter(|pin| pin.tier == Tier::Weekly).collect();
    let evening = at(FAILS) + SignedDuration::from_hours(12);
    if let Some(next) = silver.get_mut(&evening) {
        next.pins.extend(
            owed.into_iter()
                .map(|pin| Pin { until: evening + SignedDuration::from_hours(4 * 7 * 24), ..pin }),
        );
        next.fate = fate(&next.pins);
    }
}

/// Asks at every half hour of the story which tiers are due.
fn chain(zone: &str, due: impl Fn(&Zoned) -> Vec<(Tier, Span)>) -> Chain {
    let zone = TimeZone::get(zone).expect("the zones of the examples are known");
    let mut chain = Chain::new();
    let mut slot = at(START);
    while slot < at(END) {
        slot += SignedDuration::from_mins(30);
        let local = slot.to_zoned(zone.clone());
        let until =
            |span: Span| local.checked_add(span).expect("the story ends before time does").timestamp();
        let pins: Vec<Pin> =
            due(&local).into_iter().map(|(tier, span)| Pin { tier, slot, until: until(span) }).collect();
        if !pins.is_empty() {
            let fate = fate(&pins);
            chain.insert(slot, Expected { pins, fate });
        }
    }
    chain
}

/// Retention runs once a day, counted from the start: the first run at or after the last lapse takes the point.
fn fate(pins: &[Pin]) -> Fate {
    let lapse = pins.iter().map(|pin| pin.until).max().unwrap_or(Timestamp::MAX);
    let mut run = at(START);
    while run < at(END) {
        if lapse <= run {
            return Fate::Removed(run);
        }
        run += SignedDuration::from_hours(24);
    }
    Fate::Kept
}

/// How many daily retention runs the story holds.
pub fn runs() -> i64 {
    at(END).duration_since(at(START)).as_hours() / 24
}
