//! Which restore points of a chain are outdated, which are kept all the same, and why.
//!
//! A pure, total function: points, the moment and the guards in; keep or remove with reasons out. In doubt
//! a point is kept.

mod brakes;
mod reason;
mod released;
mod report;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::ids::PointId;
use crate::point::{PointKind, RestorePoint, State};
use crate::policy::Policy;
use crate::span::{Span, Unit};
use crate::tier::Tier;

pub use brakes::{BrakeInputs, Braked, Brakes, brake, digest};
pub use reason::{Guard, OperatorRemoval, Reason, UnknownGuard, reason_text};
pub use released::{Released, released};
pub use report::{
    Breach, ChainRun, Counts, Decided, FlagState, HoldView, PointFate, RebuildReport, Report, ResumeReport,
    Run, RunStatus, Watch, name_of,
};

/// What keeps points of one chain beyond their flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// How many of the newest available points stay, whatever their flags say.
    pub keep_last: u32,
    /// Since when the newest points need no longer stay: of a table or a policy that is gone. `None` while
    /// both are there, or while it is not known.
    pub released_at: Option<Timestamp>,
    /// Points younger than this are never removed.
    pub min_age: SignedDuration,
    /// The vault is locked or air-gapped: AWS deletes there, we never do.
    pub vault_locked: bool,
    /// Points of the chain with a copy that is not final.
    pub being_copied: BTreeSet<PointId>,
    /// Points of the chain of which a table is being made.
    pub being_restored: BTreeSet<PointId>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            keep_last: 1,
            released_at: None,
            min_age: SignedDuration::from_hours(24),
            vault_locked: false,
            being_copied: BTreeSet::new(),
            being_restored: BTreeSet::new(),
        }
    }
}

/// How long the newest points stay of a table that is gone and whose policy is not known.
const AFTER_DROP: Span = Span { count: 90, unit: Unit::Day };

impl Guards {
    /// Those that a policy sets, which may have been deleted, over a table that may be gone.
    pub fn of_policy(policy: Option<(&Policy, Option<Timestamp>)>, gone_since: Option<Timestamp>) -> Self {
        let (policy, deleted_at) =
            policy.map_or((None, None), |(policy, deleted_at)| (Some(policy), deleted_at));
        let after_drop = policy.map_or(AFTER_DROP, |policy| policy.after_drop);
        let zone = policy.map_or(TimeZone::UTC, |policy| policy.time_zone.time_zone().clone());
        let since = gone_since.into_iter().chain(deleted_at).min();
        Self {
            keep_last: policy.map_or(Self::default().keep_last, |policy| policy.keep_last),
            released_at: since.map(|since| after_drop.after(since, &zone)),
            ..Self::default()
        }
    }
}

/// What becomes of one point, and why. Every reason that applies is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointVerdict {
    /// Which of the points that were given.
    pub index: usize,
    /// Whether it is to be removed.
    pub remove: bool,
    /// Why it is kept, or why it may go.
    pub reasons: Vec<Reason>,
}

/// The moment of a point: when AWS made it, or as long as that is not known when it was due.
fn created_or_due_at(point: &RestorePoint) -> Timestamp {
    point.created_at.unwrap_or(point.slot)
}

/// Decides for every point of one chain that is not past. The order of the points does not matter; the
/// verdicts come oldest first.
pub fn plan(points: &[RestorePoint], now: Timestamp, guards: &Guards) -> Vec<PointVerdict> {
    let mut order: Vec<(Timestamp, usize)> = Vec::with_capacity(points.len());
    let mut pinned = [0_u32; Tier::ALL.len()];
    for (index, point) in points.iter().enumerate().filter(|(_, point)| !point.state().is_past()) {
        order.push((created_or_due_at(point), index));
        for flag in point.flags.iter().filter(|flag| flag.is_live(now)) {
            pinned[flag.tier as usize] += 1;
        }
    }
    order.sort_unstable_by(|(a, left), (b, right)| {
        a.cmp(b).then_with(|| points[*left].id.cmp(&points[*right].id))
    });

    let keep_last = guards.keep_last.max(1);
    let newest_stay = guards.released_at.is_none_or(|at| now < at);
    let mut nth = [0_u32; Tier::ALL.len()];
    let mut newest = 0;
    let mut verdicts: Vec<PointVerdict> = Vec::with_capacity(order.len());
    for (made_at, index) in order.into_iter().rev() {
        let point = &points[index];
        let mut reasons = Vec::new();
        if point.kind == PointKind::Manual {
            reasons.push(Reason::Manual);
        }
        for flag in point.flags.iter().filter(|flag| flag.is_live(now)) {
            let tier = flag.tier;
            nth[tier as usize] += 1;
            let (nth, of) = (nth[tier as usize], pinned[tier as usize]);
            reasons.push(Reason::Live { tier, nth, of, until: flag.lapses });
        }
        let future = made_at > now;
        if point.kind != PointKind::Manual && point.is_counted() && !future {
            newest += 1;
            if newest <= keep_last && newest_stay {
                reasons.push(Reason::Newest { nth: newest, of: keep_last });
            }
        }
        if future {
            reasons.push(Reason::FutureDated);
        } else if now.duration_since(made_at) < guards.min_age {
            reasons.push(Reason::TooYoung);
        }
        if let Some(hold) = point.hold.as_ref().filter(|hold| hold.is_live(now)) {
            reasons.push(Reason::Held { why: hold.reason.clone(), until: hold.until });
        }
        if let Some(why) = &point.suspect {
            reasons.push(Reason::Suspect { why: why.clone() });
        }
        if !guards.being_copied.is_empty() && guards.being_copied.contains(&point.id) {
            reasons.push(Reason::BeingCopied);
        }
        if guards.being_restored.contains(&point.id) {
            reasons.push(Reason::BeingRestored);
        }
        if guards.vault_locked {
            reasons.push(Reason::VaultLocked);
        }
        if point.state() != State::Available {
            reasons.push(Reason::NotFinal { state: point.state() });
        }
        if point.flags.is_empty() && point.kind != PointKind::Manual {
            reasons.push(Reason::NoRetention);
        }
        let remove = reasons.is_empty();
        if remove && let Some(last) = point.flags.iter().max_by_key(|flag| flag.lapses) {
            reasons.push(Reason::Outdated { tier: last.tier, since: last.lapses });
        }
        verdicts.push(PointVerdict { index, remove, reasons });
    }
    verdicts.reverse();
    verdicts
}

/// The verdict on a point that an operator asks to remove, from the verdict of [`plan`]: its time need not
/// have come, every other guard keeps it unless it may be and is overridden.
pub fn for_operator(verdict: PointVerdict, overridden: &[Guard]) -> PointVerdict {
    let mut kept_by = Vec::new();
    let mut gone_by = vec![Reason::ByHand];
    for reason in verdict.reasons {
        let Some(guard) = reason.guard() else { continue };
        match guard.for_operator() {
            OperatorRemoval::Nothing => {}
            OperatorRemoval::Asks if overridden.contains(&guard) => {
                gone_by.push(Reason::Overridden { guard });
            }
            OperatorRemoval::Asks | OperatorRemoval::Keeps => kept_by.push(reason),
        }
    }
    let remove = kept_by.is_empty();
    PointVerdict { index: verdict.index, remove, reasons: if remove { gone_by } else { kept_by } }
}
