//! When a copy may start: AWS Backup runs one job per table, and backups go first. A table is free again when its job
//! is final, which AWS returns in time (assumption A6).

pub mod asked;

use jiff::{SignedDuration, Timestamp};

use crate::ids::PointId;

/// How long a copy is expected to take when none of the table has been measured.
pub const DEFAULT_COPY_TIME: SignedDuration = SignedDuration::from_mins(15);

/// How long to wait for what is under way.
const RECHECK_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// How long a chain without a new copy gives way to backups. Without that bound a table whose copies take longer than
/// its slots are apart, or of which one copy once hung, would never get another.
pub const MAX_DEFERRAL: SignedDuration = SignedDuration::from_hours(12);

/// What to do with a copy that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start it now.
    Start,
    /// Look again at this moment.
    Wait {
        /// When.
        until: Timestamp,
        /// For what.
        why: &'static str,
    },
    /// A newer copy of the same chain waits: this one is dropped and recorded.
    Drop {
        /// The newer one.
        newer: PointId,
    },
}

/// What is known of a waiting copy's table.
#[derive(Debug, Clone)]
pub struct Waiting<'a> {
    /// The copy.
    pub id: &'a PointId,
    /// The newest waiting copy of the same chain, itself included.
    pub newest: &'a PointId,
    /// A job of ours is open for the table, or a backup of it waits to start.
    pub busy: bool,
    /// How long the last copy of the table took.
    pub measured: Option<SignedDuration>,
    /// When the table's next backup falls due, or has fallen due without having been planned.
    pub next_slot: Option<Timestamp>,
    /// Since when its chain waits for a copy.
    pub since: Timestamp,
}

/// Decides for one waiting copy: overtaken ones are dropped, a busy table is waited for, and a copy starts
/// only if no backup of the table falls due before its expected end, or if it has waited long enough for such a moment.
pub fn decide(waiting: &Waiting<'_>, now: Timestamp) -> Decision {
    if waiting.newest > waiting.id {
        return Decision::Drop { newer: waiting.newest.clone() };
    }
    if waiting.busy {
        return Decision::Wait { until: now + RECHECK_AFTER, why: "another job of the table is open" };
    }
    let expected = waiting.measured.map_or(DEFAULT_COPY_TIME, |measured| measured + measured / 4);
    let gives_way_until = waiting.since + MAX_DEFERRAL;
    match waiting.next_slot {
        Some(slot) if slot < now + expected && now < gives_way_until => Decision::Wait {
            until: slot.max(now + RECHECK_AFTER).min(gives_way_until),
            why: "a backup of the table falls due before the copy would end",
        },
        _ => Decision::Start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn backups_go_before_copies_and_newer_copies_before_older() {
        let now = at("2026-01-05T07:10:00Z");
        let older = PointId::new(at("2026-01-04T07:00:00Z"), 1);
        let newer = PointId::new(at("2026-01-05T07:00:00Z"), 1);
        let waiting =
            Waiting { id: &newer, newest: &newer, busy: false, measured: None, next_slot: None, since: now };
        assert_eq!(decide(&waiting, now), Decision::Start);
        assert_eq!(
            decide(&Waiting { id: &older, ..waiting.clone() }, now),
            Decision::Drop { newer: newer.clone() }
        );
        let busy = decide(&Waiting { busy: true, ..waiting.clone() }, now);
        assert!(matches!(busy, Decision::Wait { until, .. } if until == at("2026-01-05T07:11:00Z")));

        // 15 minutes are expected, or what was measured and a quarter: a slot at that very end is no hindrance.
        let at_the_end = |slot: &str, measured: Option<SignedDuration>| {
            decide(&Waiting { next_slot: Some(at(slot)), measured, ..waiting.clone() }, now)
        };
        assert_eq!(at_the_end("2026-01-05T07:25:00Z", None), Decision::Start);
        let hour = Some(SignedDuration::from_hours(1));
        assert_eq!(at_the_end("2026-01-05T08:25:00Z", hour), Decision::Start);
        assert!(matches!(at_the_end("2026-01-05T08:24:59Z", hour), Decision::Wait { .. }));

        let soon = Some(at("2026-01-05T07:24:00Z"));
        let held = decide(&Waiting { next_slot: soon, ..waiting.clone() }, now);
        assert!(matches!(held, Decision::Wait { until, .. } if Some(until) == soon));
        // A backup that is due and not planned yet goes first as well.
        let due = Some(at("2026-01-05T07:10:00Z"));
        let held = decide(&Waiting { next_slot: due, ..waiting.clone() }, now);
        assert!(matches!(held, Decision::Wait { until, .. } if until == at("2026-01-05T07:11:00Z")));
        // A table whose copies are known to be short need not wait.
        let measured = Some(SignedDuration::from_mins(10));
        assert_eq!(decide(&Waiting { next_slot: soon, measured, ..waiting }, now), Decision::Start);
    }

    #[test]
    fn a_chain_gives_way_to_backups_for_half_a_day() {
        let since = at("2026-01-05T07:10:00Z");
        let id = PointId::new(since, 1);
        let measured = Some(SignedDuration::from_hours(20));
        let decided = |now: &str, slot: &str| {
            let next_slot = Some(at(slot));
            decide(&Waiting { id: &id, newest: &id, busy: false, measured, next_slot, since }, at(now))
        };
        let until = |decision| match decision {
            Decision::Wait { until, .. } => until.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(until(decided("2026-01-05T07:10:00Z", "2026-01-05T13:00:00Z")), "2026-01-05T13:00:00Z");
        assert_eq!(until(decided("2026-01-05T13:30:00Z", "2026-01-06T01:00:00Z")), "2026-01-05T19:10:00Z");
        assert_eq!(decided("2026-01-05T19:10:00Z", "2026-01-06T01:00:00Z"), Decision::Start);
    }
}
