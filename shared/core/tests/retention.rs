//! Which points of a chain are kept or removed, and why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use backup_chain_core::due::{ChainView, PolicyState, Trigger, due, flags, next_slot};
use backup_chain_core::ids::{PointId, SessionId, Table, VaultArn};
use backup_chain_core::point::{Hold, Kind, RestorePoint, State, met};
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::retention::{Braked, Brakes, Guards, Reason, Verdict, brake, digest, plan};
use backup_chain_core::span::{Span, Unit};
use backup_chain_core::tier::{Flag, Tier};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    format!("{text}:00Z").parse().unwrap()
}

fn point(created: Timestamp, number: u128, flags: Vec<Flag>) -> RestorePoint {
    let vault: VaultArn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main".parse().unwrap();
    RestorePoint {
        id: PointId::new(created, number),
        kind: Kind::Backup,
        table: Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
        },
        vault,
        policy: None,
        session: SessionId::new(created, number),
        slot: created,
        flags,
        copies: Vec::new(),
        state: State::Available,
        attempt: 1,
        request: None,
        requested_at: None,
        job: None,
        arn: None,
        source: None,
        created_at: Some(created),
        bytes: None,
        sealed: None,
        settings: None,
        settings_stored: false,
        reason: None,
        warnings: Vec::new(),
        suspect: None,
        hold: None,
        check_at: None,
        rev: 1,
    }
}

fn daily(created: Timestamp, days: u16) -> Flag {
    let span = Span { count: days, unit: Unit::Day };
    Flag { tier: Tier::Daily, slot: created, span, lapses: span.after(created, &TimeZone::UTC) }
}

/// No guard but the newest point.
fn bare() -> Guards {
    Guards { min_age: SignedDuration::ZERO, ..Guards::default() }
}

fn told(verdicts: &[Verdict], points: &[RestorePoint]) -> String {
    let line = |verdict: &Verdict| {
        let created =
            points.iter().find(|point| point.id == verdict.id).and_then(|point| point.created_at).unwrap();
        let why: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        let word = if verdict.remove { "remove" } else { "keep  " };
        format!("{} {word} {}\n", created.strftime("%a %d %H:%M"), why.join("; "))
    };
    verdicts.iter().map(line).collect()
}

/// The reference product's worked example, one point a day: what retention says at a given moment.
fn worked_example(until: Timestamp, fails: &[Timestamp]) -> Vec<RestorePoint> {
    let text = "
name: test
vault: main
sources: {all: true}
tiers:
  daily: {at: [07:00], keep: 3 days}
  weekly: {on: monday, at: 07:00, keep: 14 days}
  monthly: {on: first monday, at: 07:00, keep: 6 months}
";
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    let policy = Policy::parse(text, &home).unwrap();
    let mut now = at("2026-01-04T20:00");
    let mut state = PolicyState::starting(&policy, now);
    let since = now;
    let mut points: Vec<RestorePoint> = Vec::new();
    while let Some((slot, _)) = next_slot(&policy, now).filter(|(slot, _)| *slot <= until) {
        now = slot;
        let session = due(&policy, &state, now).unwrap();
        state.planned_until = now;
        let chain = ChainView { since, met: met(&points), ..ChainView::default() };
        let flags = flags(&policy, &state, &chain, Trigger::Slot(session.slot), now).unwrap();
        let mut made = point(now, 1, flags);
        if fails.contains(&now) {
            made.state = State::Failed;
        }
        points.push(made);
        for verdict in plan(&points, now, &bare()) {
            if verdict.remove {
                points.iter_mut().find(|point| point.id == verdict.id).unwrap().state = State::Deleted;
            }
        }
    }
    points
}

#[test]
fn the_worked_example_is_kept_for_numbered_reasons() {
    let now = at("2026-01-20T12:00");
    let points = worked_example(now, &[]);
    insta::assert_snapshot!(told(&plan(&points, now, &bare()), &points), @"
    Mon 05 07:00 keep   monthly 1 of 1 until 2026-07-05T07:00:00Z
    Mon 12 07:00 keep   weekly 2 of 2 until 2026-01-26T07:00:00Z
    Sun 18 07:00 keep   daily 3 of 3 until 2026-01-21T07:00:00Z
    Mon 19 07:00 keep   daily 2 of 3 until 2026-01-22T07:00:00Z; weekly 1 of 2 until 2026-02-02T07:00:00Z
    Tue 20 07:00 keep   daily 1 of 3 until 2026-01-23T07:00:00Z; newest available
    ");
    let later = at("2026-02-01T12:00");
    insta::assert_snapshot!(told(&plan(&points, later, &bare()), &points), @"
    Mon 05 07:00 keep   monthly 1 of 1 until 2026-07-05T07:00:00Z
    Mon 12 07:00 remove weekly lapsed 2026-01-26T07:00:00Z
    Sun 18 07:00 remove daily lapsed 2026-01-21T07:00:00Z
    Mon 19 07:00 keep   weekly 1 of 1 until 2026-02-02T07:00:00Z
    Tue 20 07:00 keep   newest available
    ");
}

#[test]
fn a_week_that_failed_is_kept_by_the_next_point() {
    let now = at("2026-01-20T12:00");
    let points = worked_example(now, &[at("2026-01-12T07:00")]);
    insta::assert_snapshot!(told(&plan(&points, now, &bare()), &points), @"
    Mon 05 07:00 keep   monthly 1 of 1 until 2026-07-05T07:00:00Z
    Tue 13 07:00 keep   weekly 2 of 2 until 2026-01-27T07:00:00Z
    Sun 18 07:00 keep   daily 3 of 3 until 2026-01-21T07:00:00Z
    Mon 19 07:00 keep   daily 2 of 3 until 2026-01-22T07:00:00Z; weekly 1 of 2 until 2026-02-02T07:00:00Z
    Tue 20 07:00 keep   daily 1 of 3 until 2026-01-23T07:00:00Z; newest available
    ");
}

#[test]
fn every_guard_keeps_an_outdated_point_and_says_so() {
    let now = at("2026-03-01T12:00");
    let old = at("2026-01-05T07:00");
    let newest = point(at("2026-02-28T07:00"), 1, vec![daily(at("2026-02-28T07:00"), 3)]);
    let outdated = || point(old, 1, vec![daily(old, 3)]);
    let judged = |point: RestorePoint, guards: &Guards| {
        let verdicts = plan(&[point, newest.clone()], now, guards);
        let why: Vec<String> = verdicts[0].reasons.iter().map(ToString::to_string).collect();
        (verdicts[0].remove, why.join("; "))
    };
    assert_eq!(judged(outdated(), &bare()), (true, "daily lapsed 2026-01-08T07:00:00Z".to_owned()));
    let keeps = |point: RestorePoint, guards: &Guards, why: &str| {
        assert_eq!(judged(point, guards), (false, why.to_owned()));
    };
    let hold = Some(Hold { reason: "audit".to_owned() });
    keeps(RestorePoint { hold, ..outdated() }, &bare(), "held: audit");
    keeps(RestorePoint { suspect: Some("cut".to_owned()), ..outdated() }, &bare(), "suspect: cut");
    keeps(RestorePoint { kind: Kind::Manual, flags: Vec::new(), ..outdated() }, &bare(), "manual backup");
    keeps(RestorePoint { state: State::Deleting, ..outdated() }, &bare(), "deleting");
    keeps(RestorePoint { flags: Vec::new(), ..outdated() }, &bare(), "no retention recorded");
    keeps(outdated(), &Guards { being_copied: BTreeSet::from([outdated().id]), ..bare() }, "being copied");
    keeps(outdated(), &Guards { vault_locked: true, ..bare() }, "vault is locked");
    keeps(outdated(), &Guards { keep_last: 2, ..bare() }, "newest available 2 of 2");
    keeps(
        outdated(),
        &Guards { min_age: SignedDuration::from_hours(24 * 90), ..bare() },
        "younger than the least age",
    );
    let tomorrow = point(at("2026-03-02T07:00"), 1, vec![daily(old, 3)]);
    let verdicts = plan(&[outdated(), tomorrow], now, &bare());
    assert_eq!(
        verdicts[0].reasons,
        [Reason::Newest { nth: 1, of: 1 }],
        "a point of tomorrow pushes nothing out"
    );
    assert!(verdicts[1].reasons.contains(&Reason::FutureDated));
}

#[test]
fn a_suspect_point_does_not_count_as_newest() {
    let now = at("2026-03-01T12:00");
    let (old, young) = (at("2026-01-05T07:00"), at("2026-01-06T07:00"));
    let suspect = RestorePoint { suspect: Some("cut".to_owned()), ..point(young, 1, vec![daily(young, 3)]) };
    let verdicts = plan(&[point(old, 1, vec![daily(old, 3)]), suspect], now, &bare());
    assert_eq!(verdicts[0].reasons, [Reason::Newest { nth: 1, of: 1 }]);
}

#[test]
fn the_newest_of_a_table_that_is_gone_is_released_in_time() {
    let old = at("2026-01-05T07:00");
    let points = [point(old, 1, vec![daily(old, 3)])];
    let guards = Guards { released_at: Some(at("2026-04-05T00:00")), ..bare() };
    assert!(!plan(&points, at("2026-04-04T23:59"), &guards)[0].remove);
    assert!(plan(&points, at("2026-04-05T00:00"), &guards)[0].remove);
}

#[test]
fn brakes_hold_a_run_as_a_whole() {
    let brakes = Brakes { most_deletions: 2, ..Brakes::default() };
    let names = ["a", "b", "c"];
    assert_eq!(brake(&brakes, &names[..2], None, None), Ok(()));
    let held = brake(&brakes, &names, None, None).unwrap_err();
    let digest = digest(["c", "a", "b"]);
    assert_eq!(held, Braked::TooMany { outdated: 3, most: 2, digest: digest.clone() });
    assert_eq!(brake(&brakes, &names, None, Some(&digest)), Ok(()));
    assert!(brake(&brakes, &names, None, Some("another plan's")).is_err());
    assert_eq!(brake(&Brakes { paused: true, ..brakes }, &names[..1], None, None), Err(Braked::Paused));
    assert_eq!(brake(&Brakes { paused: true, ..brakes }, &[], None, None), Ok(()));
    let ahead = |minutes| Some(SignedDuration::from_mins(minutes));
    assert_eq!(brake(&brakes, &names[..1], ahead(5), None), Ok(()));
    assert_eq!(brake(&brakes, &names[..1], ahead(-6), None), Err(Braked::ClockSkew { seconds: -360 }));
}

prop_compose! {
    fn any_point()(
        hour in 0_i64..2_000,
        number in 0_u128..1_000,
        spans in prop::collection::vec((0_usize..4, 1_u16..60), 0..3),
        state in prop::sample::select(vec![
            State::Planned, State::Running, State::Available, State::Available, State::Available, State::Available,
            State::Failed, State::Deleting, State::Deleted,
        ]),
        oddity in 0_u8..12,
    ) -> RestorePoint {
        let created = at("2026-01-01T00:00") + SignedDuration::from_hours(hour);
        let flags = spans.into_iter().map(|(tier, days)| Flag { tier: Tier::ALL[tier], ..daily(created, days) });
        let mut point = point(created, number, flags.collect());
        point.state = state;
        match oddity {
            0 => point.suspect = Some("odd".to_owned()),
            1 => point.hold = Some(Hold { reason: "audit".to_owned() }),
            2 => point.kind = Kind::Manual,
            _ => {}
        }
        point
    }
}

fn any_chain() -> impl Strategy<Value = Vec<RestorePoint>> {
    prop::collection::vec(any_point(), 0..40).prop_map(|mut points| {
        points.sort_by(|a, b| a.id.cmp(&b.id));
        points.dedup_by(|a, b| a.id == b.id);
        points
    })
}

fn removed(verdicts: &[Verdict]) -> BTreeSet<PointId> {
    verdicts.iter().filter(|verdict| verdict.remove).map(|verdict| verdict.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_plan_is_a_partition_with_reasons(points in any_chain(), hours in 0_i64..3_000, keep_last in 1_u32..4) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let guards = Guards { keep_last, ..bare() };
        let verdicts = plan(&points, now, &guards);
        let live: Vec<&RestorePoint> = points.iter().filter(|point| !point.state.is_past()).collect();
        let decided: BTreeSet<&PointId> = verdicts.iter().map(|verdict| &verdict.id).collect();
        prop_assert_eq!(decided.len(), verdicts.len());
        prop_assert_eq!(decided, live.iter().map(|point| &point.id).collect());
        prop_assert!(verdicts.iter().all(|verdict| !verdict.reasons.is_empty()));

        let removed = removed(&verdicts);
        for point in live {
            if removed.contains(&point.id) {
                prop_assert!(point.flags.iter().all(|flag| !flag.is_live(now)) && !point.flags.is_empty());
                prop_assert!(point.counts() && point.hold.is_none() && point.kind != Kind::Manual);
                prop_assert!(point.created_at.unwrap() <= now);
            }
        }
        let counts = |point: &&RestorePoint| {
            point.counts() && point.kind != Kind::Manual && point.created_at.unwrap() <= now
        };
        let able = points.iter().filter(counts).count();
        let left = points.iter().filter(counts).filter(|point| !removed.contains(&point.id)).count();
        prop_assert!(left >= able.min(keep_last as usize));
    }

    #[test]
    fn the_order_of_the_points_does_not_matter(
        (points, shuffled) in any_chain().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle())),
        hours in 0_i64..3_000,
    ) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        prop_assert_eq!(plan(&points, now, &bare()), plan(&shuffled, now, &bare()));
    }

    #[test]
    fn applied_twice_is_applied_once(mut points in any_chain(), hours in 0_i64..3_000) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let first = removed(&plan(&points, now, &bare()));
        points.retain(|point| !first.contains(&point.id));
        prop_assert!(removed(&plan(&points, now, &bare())).is_empty());
    }

    #[test]
    fn longer_retention_never_removes_more(points in any_chain(), hours in 0_i64..3_000, extra in 1_i64..500) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let mut longer = points.clone();
        for flag in longer.iter_mut().flat_map(|point| &mut point.flags) {
            flag.lapses += SignedDuration::from_hours(extra);
        }
        let (less, more) = (removed(&plan(&longer, now, &bare())), removed(&plan(&points, now, &bare())));
        prop_assert!(less.is_subset(&more));
    }

    #[test]
    fn points_of_the_future_push_nothing_out(points in any_chain(), hours in 0_i64..2_000, ahead in 1_i64..500) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let future = now + SignedDuration::from_hours(ahead);
        let mut with = points.clone();
        with.push(point(future, 5_000, vec![daily(future, 3)]));
        prop_assert_eq!(removed(&plan(&with, now, &bare())), removed(&plan(&points, now, &bare())));
    }
}
