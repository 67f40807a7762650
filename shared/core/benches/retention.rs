//! How long retention takes to plan a million restore points in ten thousand chains, on one core.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use backup_chain_core::ids::{PointId, SessionId, Table, VaultArn};
use backup_chain_core::point::{PointKind, Progress, RestorePoint};
use backup_chain_core::retention::{Guards, plan};
use backup_chain_core::span::{Span, Unit};
use backup_chain_core::tier::{Flag, Tier};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const CHAINS: u32 = 10_000;
const POINTS: u32 = 100;
const BOUND: Duration = Duration::from_millis(500);

/// A chain of a point a day, the last of which was made at `now`: daily ones of 30 days, weekly of 10 weeks,
/// monthly of a year.
fn chain(number: u32, now: Timestamp) -> Vec<RestorePoint> {
    let vault: VaultArn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main".parse().unwrap();
    let table = Table {
        arn: format!("arn:aws:dynamodb:eu-central-1:111122223333:table/table-{number}").parse().unwrap(),
        id: format!("table-{number}").parse().unwrap(),
    };
    let flag = |tier, slot: Timestamp, count, unit| {
        let span = Span { count, unit };
        Flag { tier, slot, span, lapses: span.after(slot, &TimeZone::UTC) }
    };
    (0..POINTS)
        .rev()
        .map(|day| {
            let made = now - SignedDuration::from_hours(24 * i64::from(day));
            let mut flags = vec![flag(Tier::Daily, made, 30, Unit::Day)];
            if day % 7 == 0 {
                flags.push(flag(Tier::Weekly, made, 10, Unit::Week));
            }
            if day % 28 == 0 {
                flags.push(flag(Tier::Monthly, made, 12, Unit::Month));
            }
            let (id, session) = (PointId::new(made, number.into()), SessionId::new(made, number.into()));
            RestorePoint {
                flags,
                progress: Progress::found(
                    "arn:aws:backup:eu-central-1:111122223333:recovery-point:1".parse().unwrap(),
                ),
                created_at: Some(made),
                ..RestorePoint::planned(id, PointKind::Backup, table.clone(), vault.clone(), session, made)
            }
        })
        .collect()
}

/// The shortest of several runs: what else the machine does only lengthens them.
fn shortest(mut run: impl FnMut()) -> Duration {
    let timed = |run: &mut dyn FnMut()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    (0..5).map(|_| timed(&mut run)).min().unwrap()
}

fn main() {
    let now: Timestamp = "2026-06-01T07:00:00Z".parse().unwrap();
    let chains: Vec<Vec<RestorePoint>> = (0..CHAINS).map(|number| chain(number, now)).collect();
    let guards = Guards::default();
    let mut removals = 0;
    let planned = shortest(|| {
        removals = 0;
        for chain in &chains {
            removals += black_box(plan(black_box(chain), now, &guards)).iter().filter(|v| v.remove).count();
        }
    });
    // What reading the same points costs that any plan must pay.
    let read = shortest(|| {
        let lapsed = |point: &RestorePoint| point.flags.iter().all(|flag| !flag.is_live(now));
        black_box(chains.iter().flatten().filter(|point| lapsed(point)).count());
    });
    let points = CHAINS * POINTS;
    println!(
        "{points} restore points in {CHAINS} chains: planned in {} ms, {removals} to remove",
        planned.as_millis()
    );
    println!(
        "looking at every flag of them alone: {} ms, so planning is {:.1} times that",
        read.as_millis(),
        planned.as_secs_f64() / read.as_secs_f64()
    );
    let held = if planned < BOUND { "held" } else { "NOT HELD" };
    println!("bound of {} ms: {held}", BOUND.as_millis());
}
