//! Whether a promise was kept on each day of the past.
//!
//! A day is *met* when at each of its moments the newest restore point of the chain was no older than the objective, as
//! [`crate::protection::judge`] asks of the present. What is not known is *unknown*, and never met: whether a restore point
//! that is gone was still there, and what was there before records of points that are gone are kept.

mod cover;
mod existence;
mod promise;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Zone;

pub use existence::Existence;
pub use promise::{Care, PolicyPast, Promise, backup_promises, copy_promises};

use cover::Cover;

/// Whether a promise was kept on a day, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DayStanding {
    /// At some moment the newest restore point was older than the objective, or there was none.
    Missed,
    /// At some moment it is not known whether a restore point was young enough, and at none that it was not.
    Unknown,
    /// At each moment of which something was promised, a restore point was young enough.
    Met,
    /// Nothing was promised: the table was under no policy yet, or no more.
    NotPromised,
}

/// What is known of the past of one chain.
#[derive(Debug, Clone)]
pub struct ChainPast {
    /// When each of its counted restore points was there.
    pub points: Vec<Existence>,
    /// What was promised, in order of time.
    pub promises: Vec<Promise>,
    /// From when on, before the first promise, another policy may have promised something that is not known any more.
    pub perhaps_promised_since: Option<Timestamp>,
    /// Since when all restore points are known: of those that were gone before, there are no records any more.
    pub known_since: Timestamp,
}

/// One day of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day, in the time zone that was asked for.
    pub date: Date,
    /// Whether the promise was kept.
    pub standing: DayStanding,
    /// The newest restore point that is known to have been there at the end of the day, or now: its place in
    /// [`ChainPast::points`].
    pub newest: Option<usize>,
}

/// An instant, the smallest step of time.
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

/// Judges the days from `first` to `last` of a chain, in the time zone of its policy. A day that is not over is judged up
/// to `now`; one that has not begun promises nothing.
pub fn days(chain: &ChainPast, zone: &Zone, first: Date, last: Date, now: Timestamp) -> Vec<Day> {
    let segments = Segment::all(chain, now);
    let midnight = |date: Date| zone.instant(date.at(0, 0, 0, 0));
    let mut order: Vec<usize> = (0..chain.points.len()).collect();
    order.sort_by_key(|index| chain.points[*index].created_at);
    first
        .series(jiff::Span::new().days(1))
        .take_while(|date| *date <= last)
        .filter_map(|date| {
            let from = midnight(date)?;
            let until = midnight(date.tomorrow().ok()?)?.min(now.saturating_add(INSTANT).ok()?);
            let has_begun = from < until;
            let judge = |segment: &Segment| {
                let (from, until) = (from.max(segment.from), until.min(segment.until));
                (from < until).then(|| segment.judge(from, until, chain.known_since))
            };
            let worst = segments.iter().filter(|_| has_begun).filter_map(judge).min();
            let end = until.saturating_sub(INSTANT).ok()?;
            let was_there = |index: &&usize| has_begun && chain.points[**index].was_surely_there(end);
            let newest = order.iter().rev().find(was_there).copied();
            Some(Day { date, standing: worst.unwrap_or(DayStanding::NotPromised), newest })
        })
        .collect()
}

/// Whether the promise of a chain is kept at one moment.
pub fn at(chain: &ChainPast, moment: Timestamp) -> DayStanding {
    let until = moment.saturating_add(INSTANT).unwrap_or(Timestamp::MAX);
    let segments = Segment::all(chain, moment);
    let there = segments.iter().find(|segment| segment.from <= moment && segment.until >= until);
    there.map_or(DayStanding::NotPromised, |segment| segment.judge(moment, until, chain.known_since))
}

/// A stretch of time with one promise, from its first moment until before its last.
struct Segment {
    from: Timestamp,
    until: Timestamp,
    what: Promised,
}

enum Promised {
    Nothing,
    /// Something, perhaps; it is not known what.
    Perhaps,
    /// Moments at which a restore point was surely young enough, and those at which one may have been.
    Objective {
        surely: Cover,
        perhaps: Cover,
    },
}

impl Segment {
    fn all(chain: &ChainPast, now: Timestamp) -> Vec<Self> {
        let end = now.saturating_add(INSTANT).unwrap_or(Timestamp::MAX);
        let mut segments = Vec::new();
        let first = chain.promises.first().map_or(end, |promise| promise.from);
        if let Some(from) = chain.perhaps_promised_since.filter(|from| *from < first) {
            segments.push(Self { from, until: first, what: Promised::Perhaps });
        }
        for (place, promise) in chain.promises.iter().enumerate() {
            let until = chain.promises.get(place + 1).map_or(end, |next| next.from);
            if promise.from < until {
                let what = match promise.objective {
                    Some(objective) => Promised::of(&chain.points, promise.begins, objective),
                    None => Promised::Nothing,
                };
                segments.push(Self { from: promise.from, until, what });
            }
        }
        segments
    }

    fn judge(&self, from: Timestamp, until: Timestamp, known_since: Timestamp) -> DayStanding {
        match &self.what {
            Promised::Nothing => DayStanding::NotPromised,
            Promised::Perhaps => DayStanding::Unknown,
            Promised::Objective { surely, .. } if surely.covers(from, until) => DayStanding::Met,
            Promised::Objective { perhaps, .. } => {
                let from = from.max(known_since);
                if from < until && !perhaps.covers(from, until) {
                    DayStanding::Missed
                } else {
                    DayStanding::Unknown
                }
            }
        }
    }
}

impl Promised {
    /// A restore point is young enough from when it is there until it is older than the objective, or gone. What is new to
    /// the policy has as much time as a restore point that was made when the promise began.
    fn of(points: &[Existence], begins: Timestamp, objective: SignedDuration) -> Self {
        let old_from = |since: Timestamp| {
            since
                .saturating_add(objective)
                .and_then(|last| last.saturating_add(INSTANT))
                .unwrap_or(Timestamp::MAX)
        };
        let grace = (Timestamp::MIN, old_from(begins));
        let spans = |gone: fn(&Existence) -> Option<Timestamp>| {
            let span = move |point: &Existence| {
                let old_from = old_from(point.created_at);
                (point.from, gone(point).map_or(old_from, |gone| gone.min(old_from)))
            };
            Cover::of(points.iter().map(span).chain([grace]))
        };
        Self::Objective {
            surely: spans(|point| point.gone.map(|gone| gone.surely_until)),
            perhaps: spans(|point| point.gone.map(|gone| gone.perhaps_until)),
        }
    }
}
