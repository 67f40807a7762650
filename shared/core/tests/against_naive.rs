//! The crate against a second, naive implementation of its rules: random policies in zones that change
//! their clocks, random histories, and after each step the same answers to every question.
//!
//! `BACKUP_CHAIN_CASES` names the number of histories, where a longer run is wanted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod against;
mod naive;
mod progress;

use against::life::Life;
use against::random::{Change, History, Look, Step, ZONES, any_history, lengthen, set_keep};
use against::{adapter, awkward};
use naive::calendar::{Date, Span, Unit, after, day_number};
use naive::chain::{State, Tier};
use naive::clock::{Clock, DAY};
use naive::retention::Guards;
use proptest::prelude::*;

fn cases() -> u32 {
    let named = std::env::var("BACKUP_CHAIN_CASES").ok();
    named.map_or(2_000, |number| number.parse().expect("BACKUP_CHAIN_CASES is a number"))
}

fn seconds(days: i64) -> i64 {
    days * DAY * 60
}

fn first_of(year: i64) -> i64 {
    seconds(day_number(Date { year, month: 1, day: 1 }))
}

fn lead(history: &History) {
    let mut policy = history.policy.clone();
    let from = |begin: i64| {
        // Slots are known for long enough to tell the next one.
        Life::new(history.policy.clone(), history.year, begin, begin + seconds(history.days + 40))
    };
    let mut begin = first_of(history.year) + history.begin;
    let mut life = from(begin);
    if let Some(slot) = life.next(begin).filter(|_| history.at_slot) {
        begin = slot;
        life = from(begin);
    }
    let end = begin + seconds(history.days);
    let mut now = begin;
    for (step, look) in &history.steps {
        match step {
            Step::Tick { late, .. } => match life.next(now) {
                Some(slot) => now = slot + late,
                None => break,
            },
            Step::ByHand { after, .. }
            | Step::Manual { after, .. }
            | Step::Change { after, .. }
            | Step::Anew { after } => {
                now += after;
            }
            Step::Turn { .. } => {}
        }
        if now > end {
            break;
        }
        match step {
            Step::Tick { fate, copy, .. } => _ = life.tick(now, *fate, *copy),
            Step::ByHand { fate, copy, .. } => _ = life.by_hand(now, *fate, *copy),
            Step::Anew { .. } => life.anew(now),
            Step::Manual { fate, .. } => life.manual(now, *fate),
            Step::Turn { back, copy, fate } => {
                let chain = if *copy { &mut life.copies } else { &mut life.backups };
                if let Some(point) = chain.points.iter_mut().rev().nth(*back) {
                    (point.state, point.suspect, point.held) = (fate.state, fate.suspect, fate.held);
                    if matches!(fate.state, State::Available | State::Deleting) {
                        point.created.get_or_insert(point.planned + fate.takes);
                    }
                }
            }
            Step::Change { tier, change, .. } => {
                let index = tier % policy.tiers.len();
                let tier: &mut Tier = &mut policy.tiers[index];
                match change {
                    Change::Enabled(enabled) => policy.enabled = *enabled,
                    Change::Keep(index) => set_keep(tier, *index),
                    Change::Times(times) => {
                        tier.backups.slots.times.clone_from(times);
                        tier.copies.iter_mut().for_each(|copy| copy.slots.times.clone_from(times));
                    }
                }
                lengthen(&mut policy);
                life.change(policy.clone(), now);
            }
        }
        if let Some(look) = look {
            let moment = now + look.later;
            let guards = guards(&life, look, moment);
            life.retention(moment, &guards, look.apply);
        }
    }
}

fn guards(life: &Life, look: &Look, moment: i64) -> Guards {
    let usual = life.guards();
    Guards {
        keep_last: look.keep_last.unwrap_or(usual.keep_last),
        released_at: look.released.map(|later| moment + later),
        min_age: look.min_age,
        vault_locked: look.vault_locked,
        ..usual
    }
}

fn any_span() -> impl Strategy<Value = Span> {
    let unit = prop::sample::select(vec![
        (Unit::Day, 1000_i64),
        (Unit::Week, 140),
        (Unit::Month, 36),
        (Unit::Year, 3),
    ]);
    unit.prop_flat_map(|(unit, most)| (1..=most).prop_map(move |count| Span { count, unit }))
}

#[test]
fn awkward_moments() {
    insta::assert_snapshot!(awkward::table());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_life_led_twice_is_the_same(history in any_history()) {
        lead(&history);
    }

    #[test]
    fn spans_end_at_the_same_moment(
        (zone, year) in prop::sample::select(ZONES.to_vec()), day in 5..1_500i64, second in 0..24 * 60 * 60i64,
        span in any_span(),
    ) {
        let clock = Clock::of(zone, year);
        let from = first_of(year) + seconds(day) + second;
        prop_assert_eq!(adapter::after(zone, from, span), after(&clock, from, span));
    }
}
