//! When a copy may start: AWS Backup runs one job per table, and backups go first. A table is free again when its job
//! is final, which AWS tells in time (assumption A6).

use jiff::{SignedDuration, Timestamp};

use crate::ids::PointId;

/// How long a copy is expected to take when none of the table has been measured.
pub const UNMEASURED: SignedDuration = SignedDuration::from_mins(15);

/// How long to wait for what is under way.
const A_WHILE: SignedDuration = SignedDuration::from_mins(1);

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
}

/// Decides for one waiting copy: overtaken ones are dropped, a busy table is waited for, and a copy starts
/// only if no backup of the table falls due before its expected end.
pub fn decide(waiting: &Waiting<'_>, now: Timestamp) -> Decision {
    if waiting.newest > waiting.id {
        return Decision::Drop { newer: waiting.newest.clone() };
    }
    if waiting.busy {
        return Decision::Wait { until: now + A_WHILE, why: "another job of the table is open" };
    }
    let expected = waiting.measured.map_or(UNMEASURED, |measured| measured + measured / 4);
    match waiting.next_slot {
        Some(slot) if slot < now + expected => Decision::Wait {
            until: slot.max(now + A_WHILE),
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
        let waiting = Waiting { id: &newer, newest: &newer, busy: false, measured: None, next_slot: None };
        assert_eq!(decide(&waiting, now), Decision::Start);
        assert_eq!(
            decide(&Waiting { id: &older, ..waiting.clone() }, now),
            Decision::Drop { newer: newer.clone() }
        );
        let busy = decide(&Waiting { busy: true, ..waiting.clone() }, now);
        assert!(matches!(busy, Decision::Wait { until, .. } if until == at("2026-01-05T07:11:00Z")));

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
}
