//! Which points are removed, and why or why not.

use std::collections::BTreeSet;

use super::chain::{Chain, Point, State, TIERS};

/// What keeps points beyond their flags.
#[derive(Debug, Clone)]
pub struct Guards {
    pub keep_last: usize,
    pub released_at: Option<i64>,
    /// In seconds.
    pub min_age: i64,
    pub vault_locked: bool,
    /// The numbers of points with a copy that is not final.
    pub being_copied: BTreeSet<usize>,
}

/// What becomes of a point, and the names of all reasons.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub number: usize,
    pub remove: bool,
    pub reasons: BTreeSet<String>,
}

/// The verdict on each point that is still there or may yet be, by number.
pub fn plan(chain: &Chain, now: i64, guards: &Guards) -> Vec<Verdict> {
    let there = |point: &&Point| !matches!(point.state, State::Failed | State::Deleted);
    chain.points.iter().filter(there).map(|point| verdict(point, chain, now, guards)).collect()
}

fn moment(point: &Point) -> i64 {
    point.created.unwrap_or(point.slot)
}

/// Whether it is one of the backups that a table is restored from.
fn counts(point: &Point, now: i64) -> bool {
    point.state == State::Available && !point.suspect && !point.manual && moment(point) <= now
}

fn verdict(point: &Point, chain: &Chain, now: i64, guards: &Guards) -> Verdict {
    let mut reasons = BTreeSet::new();
    for flag in &point.flags {
        if now < flag.lapses {
            reasons.insert(format!("live-flag {}", TIERS[flag.tier]));
        }
    }
    let key = |point: &Point| (moment(point), point.number);
    let newer = |other: &&Point| counts(other, now) && key(other) > key(point);
    let is_newest = chain.points.iter().filter(newer).count() < guards.keep_last;
    let is_released = matches!(guards.released_at, Some(at) if now >= at);
    let why = [
        ("newest", counts(point, now) && is_newest && !is_released),
        ("hold", point.held),
        ("manual", point.manual),
        ("suspect", point.suspect),
        ("being-copied", guards.being_copied.contains(&point.number)),
        ("vault-lock", guards.vault_locked),
        ("not-final", point.state != State::Available),
        ("min-age", moment(point) <= now && now - moment(point) < guards.min_age),
        ("future-dated", moment(point) > now),
        ("no-retention", point.flags.is_empty() && !point.manual),
    ];
    reasons.extend(why.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name.to_owned()));
    let remove = reasons.is_empty();
    if remove {
        reasons.insert("outdated".to_owned());
    }
    Verdict { number: point.number, remove, reasons }
}
