//! Random policies and random histories.

use proptest::prelude::*;

use super::adapter::parse;
use super::life::Fate;
use crate::naive::calendar::{On, Slots, Span, Unit, days_in_month};
use crate::naive::chain::{Policy, Rule, State, Tier};

/// Zones, each with the year in which to look at it.
pub const ZONES: [(&str, i64); 14] = [
    ("UTC", 2023),
    ("Europe/Berlin", 2023),
    ("America/New_York", 2023),
    // Where summer time began at midnight.
    ("America/Sao_Paulo", 2014),
    ("Asia/Tehran", 2016),
    ("Africa/Cairo", 2022),
    // Summer time of half an hour.
    ("Australia/Lord_Howe", 2023),
    ("Asia/Kathmandu", 2023),
    // The clocks change for Ramadan.
    ("Africa/Casablanca", 2023),
    // Summer time that is called normal, and winter time that is not.
    ("Europe/Dublin", 2023),
    // Where summer time begins before midnight.
    ("America/Nuuk", 2022),
    ("America/Scoresbysund", 2022),
    // A day that never was, 30 December 2011.
    ("Pacific/Apia", 2010),
    // Half an hour back in 2015 and forth again in 2018, for good both times.
    ("Asia/Pyongyang", 2014),
];

const DAY: i64 = 24 * 60 * 60;

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// The next slot comes, and so much later a tick.
    Tick { late: i64, fate: Fate, copy: Fate },
    /// After so long an operator runs the policy.
    ByHand { after: i64, fate: Fate, copy: Fate },
    /// After so long somebody makes a backup outside the chain.
    Manual { after: i64, fate: Fate },
    /// A backup, or a copy, counted from the newest, turns out otherwise.
    Turn { back: usize, copy: bool, fate: Fate },
    /// After so long the policy has other times, other retention, or is switched on or off.
    Change { after: i64, tier: usize, change: Change },
    /// After so long the table is dropped and created again: other chains, which owe nothing from before.
    Anew { after: i64 },
}

#[derive(Debug, Clone)]
pub enum Change {
    Times(Vec<i64>),
    Keep(usize),
    Enabled(bool),
}

/// A look at retention after a step.
#[derive(Debug, Clone)]
pub struct Look {
    pub later: i64,
    pub keep_last: Option<usize>,
    /// Seconds from the moment of the look at which the newest points are released.
    pub released: Option<i64>,
    pub min_age: i64,
    pub vault_locked: bool,
    pub apply: bool,
}

#[derive(Debug, Clone)]
pub struct History {
    pub policy: Policy,
    pub year: i64,
    /// Seconds after the beginning of the year.
    pub begin: i64,
    /// Whether it begins at the first slot after that, which is then not due.
    pub at_slot: bool,
    /// How many days it lasts at most.
    pub days: i64,
    pub steps: Vec<(Step, Option<Look>)>,
}

pub fn any_history() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec((any_step(), prop::option::weighted(0.7, any_look())), 1..60);
    // Few are long, as each minute is walked through.
    let days = prop_oneof![8 => Just(120), 4 => Just(400), 1 => Just(900)];
    // Not in the first weeks, so that the clock can be read some days back.
    (any_policy(), 20 * DAY..500 * DAY, prop::bool::weighted(0.3), days, steps).prop_map(
        |((policy, year), begin, at_slot, days, steps)| History { policy, year, begin, at_slot, days, steps },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let tick = || {
        (any_delay(), any_fate(), any_fate()).prop_map(|(late, fate, copy)| Step::Tick { late, fate, copy })
    };
    prop_oneof![
        16 => tick(),
        1 => (0..5 * DAY, any_fate(), any_fate())
            .prop_map(|(after, fate, copy)| Step::ByHand { after, fate, copy }),
        1 => (0..5 * DAY, any_fate()).prop_map(|(after, fate)| Step::Manual { after, fate }),
        4 => (0..6usize, any::<bool>(), any_fate()).prop_map(|(back, copy, fate)| Step::Turn { back, copy, fate }),
        1 => (prop_oneof![Just(0), 0..9 * DAY], 0..4usize, any_change())
            .prop_map(|(after, tier, change)| Step::Change { after, tier, change }),
        1 => prop_oneof![Just(0), 0..9 * DAY].prop_map(|after| Step::Anew { after }),
    ]
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any_times().prop_map(Change::Times),
        (0..7usize).prop_map(Change::Keep),
        prop::bool::weighted(0.7).prop_map(Change::Enabled),
    ]
}

/// How late a tick is: mostly not, often by minutes, now and then by weeks.
fn any_delay() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => Just(0),
        6 => 0..180 * 60i64,
        2 => 0..3 * DAY,
        2 => 0..40 * DAY,
        1 => 0..200 * DAY,
    ]
}

fn any_fate() -> impl Strategy<Value = Fate> {
    let state = prop_oneof![
        12 => Just(State::Available),
        3 => Just(State::Failed),
        2 => Just(State::Running),
        1 => Just(State::Deleting),
        1 => Just(State::Deleted),
    ];
    // Now and then AWS's clock is ahead.
    let takes = prop_oneof![10 => 0..12 * 60 * 60i64, 1 => 0..60 * DAY];
    (state, takes, prop::bool::weighted(0.05), prop::bool::weighted(0.05))
        .prop_map(|(state, takes, suspect, held)| Fate { state, takes, suspect, held })
}

fn any_look() -> impl Strategy<Value = Look> {
    let later = prop_oneof![3 => Just(0), 4 => 0..DAY, 2 => 0..40 * DAY, 1 => 0..900 * DAY];
    let min_age = prop_oneof![3 => Just(0), 3 => Just(DAY), 1 => 0..100 * DAY];
    let keep_last = prop::option::weighted(0.2, 1..6usize);
    let released = prop::option::weighted(0.15, -3..4i64);
    (later, keep_last, released, min_age, prop::bool::weighted(0.05), prop::bool::weighted(0.6)).prop_map(
        |(later, keep_last, released, min_age, vault_locked, apply)| Look {
            later,
            keep_last,
            released,
            min_age,
            vault_locked,
            // What is looked at from afar is not carried out now.
            apply: apply && later == 0,
        },
    )
}

/// A policy that the crate takes, and the year in which its zone is looked at.
pub fn any_policy() -> impl Strategy<Value = (Policy, i64)> {
    let tier = |number: usize| prop::option::weighted([0.75, 0.5, 0.5, 0.3][number], any_tier(number));
    let tiers = (tier(0), tier(1), tier(2), tier(3));
    (prop::sample::select(ZONES.to_vec()), 1..4usize, tiers, any_tier(0)).prop_map(
        |((zone, year), keep_last, (daily, weekly, monthly, yearly), otherwise)| {
            let mut tiers: Vec<Tier> = [daily, weekly, monthly, yearly].into_iter().flatten().collect();
            if tiers.is_empty() {
                tiers.push(otherwise);
            }
            let mut policy = Policy { zone: zone.to_owned(), enabled: true, keep_last, tiers };
            lengthen(&mut policy);
            (policy, year)
        },
    )
}

/// Spans, of which each tier has some that are too short for some of its slots, and one that never is.
const KEEPS: [&[(i64, Unit)]; 4] = [
    &[(1, Unit::Day), (2, Unit::Day), (3, Unit::Day), (5, Unit::Day), (1, Unit::Week), (1, Unit::Month)],
    &[(6, Unit::Day), (7, Unit::Day), (1, Unit::Week), (4, Unit::Week), (1, Unit::Month), (6, Unit::Month)],
    &[
        (31, Unit::Day),
        (1, Unit::Month),
        (35, Unit::Day),
        (6, Unit::Month),
        (1, Unit::Year),
        (13, Unit::Month),
    ],
    &[
        (365, Unit::Day),
        (1, Unit::Year),
        (53, Unit::Week),
        (372, Unit::Day),
        (2, Unit::Year),
        (3, Unit::Year),
    ],
];

fn keep(tier: usize, index: usize) -> Span {
    let (count, unit) = KEEPS[tier][index.min(KEEPS[tier].len() - 1)];
    Span { count, unit }
}

/// A policy whose retention would leave a gap is refused: so all of it becomes longer until it is not.
pub fn lengthen(policy: &mut Policy) {
    while let Err(errors) = parse(policy) {
        assert!(errors.0.iter().all(|problem| problem.what.contains("gone before the next")), "{errors}");
        for tier in &mut policy.tiers {
            let number = tier.number;
            let longer = |keep_now: &mut Span| {
                let at = KEEPS[number]
                    .iter()
                    .position(|(count, unit)| (*count, *unit) == (keep_now.count, keep_now.unit));
                *keep_now = keep(number, at.unwrap() + 1);
            };
            longer(&mut tier.backups.keep);
            tier.copies.iter_mut().for_each(|copy| longer(&mut copy.keep));
        }
    }
}

/// Sets the retention of a tier to the one at `index` of its list, or to the next that the crate takes.
pub fn set_keep(tier: &mut Tier, index: usize) {
    tier.backups.keep = keep(tier.number, index);
}

/// Often a time that daylight saving skips or repeats.
fn any_times() -> impl Strategy<Value = Vec<i64>> {
    let hour = prop_oneof![3 => 0..4i64, 2 => 0..24i64];
    let minute = prop_oneof![2 => Just(0), 1 => Just(30), 1 => 0..60i64];
    let time = (hour, minute).prop_map(|(hour, minute)| hour * 60 + minute);
    prop::collection::btree_set(time, 1..4).prop_map(|times| times.into_iter().collect())
}

fn any_month_day() -> impl Strategy<Value = On> {
    prop_oneof![
        (1..5i64, 0..7i64).prop_map(|(nth, day)| On::Nth(nth, day)),
        (0..7i64).prop_map(On::LastWeekday),
        (1..32i64).prop_map(On::Day),
        Just(On::LastDay),
    ]
}

fn any_slots(tier: usize) -> BoxedStrategy<Slots> {
    let some_days = || {
        prop::collection::btree_set(0..7i64, 1..5).prop_map(|days| On::Weekdays(days.into_iter().collect()))
    };
    let months = prop_oneof![
        Just(Vec::new()),
        prop::collection::btree_set(1..13i64, 1..7).prop_map(|months| months.into_iter().collect()),
    ];
    let on = match tier {
        0 => prop_oneof![3 => Just(On::EveryDay), 1 => Just(On::Workdays), 1 => some_days()].boxed(),
        1 => prop_oneof![6 => some_days(), 1 => Just(On::Workdays)].boxed(),
        _ => any_month_day().boxed(),
    };
    (on, months, 1..13i64, any_times())
        .prop_map(move |(on, months, month, times)| {
            let months = match tier {
                0 | 1 => Vec::new(),
                2 => months,
                _ => vec![month],
            };
            having(Slots { on, months, times })
        })
        .boxed()
}

/// A chosen day has to exist in each chosen month of each year: the months without it go.
fn having(mut slots: Slots) -> Slots {
    if let On::Day(day) = &mut slots.on {
        let has = |month: &i64, day: i64| day <= days_in_month(2001, *month);
        if slots.months.is_empty() && *day > 28 {
            slots.months = (1..13).collect();
        }
        if !slots.months.is_empty() && !slots.months.iter().any(|month| has(month, *day)) {
            *day = 28;
        }
        slots.months.retain(|month| has(month, *day));
    }
    slots
}

fn any_tier(number: usize) -> impl Strategy<Value = Tier> {
    let copy = prop::option::weighted(0.5, (0..6usize, any::<[bool; 2]>()));
    (any_slots(number), 0..6usize, copy).prop_map(move |(slots, length, copy)| {
        let copies = copy.map(|(length, [fewer_days, fewer_times])| {
            let mut some = slots.clone();
            if fewer_times {
                some.times.truncate(1);
            }
            match &mut some.on {
                On::Weekdays(days) if fewer_days => days.truncate(1),
                on @ (On::EveryDay | On::Workdays) if fewer_days => *on = On::Weekdays(vec![2, 4]),
                _ if number == 2 && fewer_days => some.months.truncate(1),
                _ => {}
            }
            Rule { slots: some, keep: keep(number, length) }
        });
        Tier { number, backups: Rule { slots, keep: keep(number, length) }, copies }
    })
}
