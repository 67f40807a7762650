//! Which points of a chain are kept or removed, and why.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::due::{ChainView, PolicyState, SlotOrigin, due, flags, next_slot};
use backup_chain_core::ids::{PointId, PolicyRef, SessionId, Table, VaultArn};
use backup_chain_core::point::{Hold, PointKind, RestorePoint, State, met_slots};
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::retention::{
    BrakeInputs, Braked, Brakes, Guard, Guards, PointVerdict, Reason, Watch, brake, digest, for_operator,
    plan, released,
};
use backup_chain_core::span::{Span, Unit};
use backup_chain_core::tier::{Flag, Tier};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

mod progress;

fn at(text: &str) -> Timestamp {
    format!("{text}:00Z").parse().unwrap()
}

fn point(created: Timestamp, number: u128, flags: Vec<Flag>) -> RestorePoint {
    let vault: VaultArn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main".parse().unwrap();
    let table = Table {
        arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
        id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
    };
    let (id, session) = (PointId::new(created, number), SessionId::new(created, number));
    RestorePoint {
        flags,
        progress: progress::of(State::Available),
        created_at: Some(created),
        ..RestorePoint::planned(id, PointKind::Backup, table, vault, session, created)
    }
}

/// A hold without end.
fn held() -> Option<Hold> {
    Some(Hold { reason: "audit".to_owned(), author: None, since: None, until: None })
}

fn daily(created: Timestamp, days: u16) -> Flag {
    let span = Span { count: days, unit: Unit::Day };
    Flag { tier: Tier::Daily, slot: created, span, lapses: span.after(created, &TimeZone::UTC) }
}

/// No guard but the newest point.
fn bare() -> Guards {
    Guards { min_age: SignedDuration::ZERO, ..Guards::default() }
}

fn told(verdicts: &[PointVerdict], points: &[RestorePoint]) -> String {
    let line = |verdict: &PointVerdict| {
        let created = points[verdict.index].created_at.unwrap();
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
        let chain = ChainView { since, met: met_slots(&points), ..ChainView::default() };
        let flags = flags(&policy, &state, &chain, SlotOrigin::Slot(session.slot), now).unwrap();
        let mut made = point(now, 1, flags);
        if fails.contains(&now) {
            made.progress = progress::of(State::Failed);
        }
        points.push(made);
        for verdict in plan(&points, now, &bare()) {
            if verdict.remove {
                points[verdict.index].progress = progress::of(State::Deleted);
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

/// The first Monday's point loses one flag at a time, the most frequent tier's first; nothing else takes one.
#[test]
fn the_flags_of_the_first_monday_lapse_one_by_one() {
    let points = worked_example(at("2026-01-05T07:00"), &[]);
    let after = |moment: &str| {
        let evening = at("2026-01-05T19:00");
        let newer = point(evening, 2, vec![daily(evening, 3)]);
        let verdicts = plan(&[points[0].clone(), newer], at(moment), &bare());
        let why: Vec<String> = verdicts[0].reasons.iter().map(ToString::to_string).collect();
        format!("{moment} {}{}\n", if verdicts[0].remove { "goes: " } else { "" }, why.join("; "))
    };
    let moments = [
        "2026-01-08T06:59",
        "2026-01-08T07:00",
        "2026-01-19T06:59",
        "2026-01-19T07:00",
        "2026-07-05T06:59",
        "2026-07-05T07:00",
    ];
    insta::assert_snapshot!(moments.map(after).concat(), @"
    2026-01-08T06:59 daily 2 of 2 until 2026-01-08T07:00:00Z; weekly 1 of 1 until 2026-01-19T07:00:00Z; monthly 1 of 1 until 2026-07-05T07:00:00Z
    2026-01-08T07:00 weekly 1 of 1 until 2026-01-19T07:00:00Z; monthly 1 of 1 until 2026-07-05T07:00:00Z
    2026-01-19T06:59 weekly 1 of 1 until 2026-01-19T07:00:00Z; monthly 1 of 1 until 2026-07-05T07:00:00Z
    2026-01-19T07:00 monthly 1 of 1 until 2026-07-05T07:00:00Z
    2026-07-05T06:59 monthly 1 of 1 until 2026-07-05T07:00:00Z
    2026-07-05T07:00 goes: monthly lapsed 2026-07-05T07:00:00Z
    ");
}

/// The reference's figure of six days: Sunday's point goes when Saturday's is made, so that six stay.
#[test]
fn of_six_days_sunday_goes_when_saturday_is_made() {
    let days: Vec<Timestamp> = (4..11).map(|day| at(&format!("2026-01-{day:02}T07:00"))).collect();
    let points: Vec<RestorePoint> = days.iter().map(|day| point(*day, 1, vec![daily(*day, 6)])).collect();
    let gone = |until: usize| {
        let verdicts = plan(&points[..=until], days[until], &bare());
        verdicts.iter().filter(|verdict| verdict.remove).count()
    };
    assert_eq!(points[0].created_at.unwrap().strftime("%A").to_string(), "Sunday");
    assert_eq!((0..6).map(gone).sum::<usize>(), 0);
    assert_eq!(gone(6), 1, "on Saturday");
    assert!(plan(&points, days[6], &bare())[0].remove);
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
    keeps(RestorePoint { hold: held(), ..outdated() }, &bare(), "held: audit");
    let until = |moment: &str| held().map(|hold| Hold { until: Some(at(moment)), ..hold });
    keeps(
        RestorePoint { hold: until("2026-03-01T12:01"), ..outdated() },
        &bare(),
        "held until 2026-03-01T12:01:00Z: audit",
    );
    let over = RestorePoint { hold: until("2026-03-01T12:00"), ..outdated() };
    assert!(judged(over, &bare()).0, "a hold that has ended holds nothing");
    keeps(RestorePoint { suspect: Some("cut".to_owned()), ..outdated() }, &bare(), "suspect: cut");
    keeps(
        RestorePoint { kind: PointKind::Manual, flags: Vec::new(), ..outdated() },
        &bare(),
        "manual backup",
    );
    keeps(RestorePoint { progress: progress::of(State::Deleting), ..outdated() }, &bare(), "deleting");
    keeps(RestorePoint { flags: Vec::new(), ..outdated() }, &bare(), "no retention recorded");
    keeps(outdated(), &Guards { being_copied: BTreeSet::from([outdated().id]), ..bare() }, "being copied");
    let restored = Guards { being_restored: BTreeSet::from([outdated().id]), ..bare() };
    keeps(outdated(), &restored, "being restored from");
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
    let road = BrakeInputs { now: at("2026-03-01T12:00"), ..BrakeInputs::default() };
    assert_eq!(brake(&brakes, &names[..2], road), Ok(()));
    let held = brake(&brakes, &names, road).unwrap_err();
    let digest = digest(["c", "a", "b"]);
    assert_eq!(held, Braked::TooMany { outdated: 3, most: 2, digest: digest.clone() });
    assert_eq!(brake(&brakes, &names, BrakeInputs { confirmed: Some(&digest), ..road }), Ok(()));
    let other = BrakeInputs { confirmed: Some("another plan's"), ..road };
    for names in [&names[..], &names[..1]] {
        let digest = backup_chain_core::retention::digest(names.iter().copied());
        let confirmed = "another plan's".to_owned();
        assert_eq!(brake(&brakes, names, other), Err(Braked::OtherPlan { confirmed, digest }));
    }
    assert_eq!(brake(&brakes, &[], other), Ok(()));
    let paused = Brakes { paused: true, ..brakes };
    assert_eq!(brake(&paused, &names[..1], road), Err(Braked::Paused));
    assert_eq!(brake(&paused, &[], road), Ok(()));
    let ahead = |minutes| BrakeInputs { ahead: Some(SignedDuration::from_mins(minutes)), ..road };
    assert_eq!(brake(&brakes, &names[..1], ahead(5)), Ok(()));
    assert_eq!(brake(&brakes, &names[..1], ahead(-6)), Err(Braked::ClockSkew { seconds: -360 }));
    let rebuilt = |moment: &str| BrakeInputs { rebuilt_at: Some(at(moment)), ..road };
    assert_eq!(
        brake(&brakes, &names[..1], rebuilt("2026-02-22T12:01")),
        Err(Braked::Rebuilt { until: at("2026-03-01T12:01") })
    );
    assert_eq!(brake(&brakes, &names[..1], rebuilt("2026-02-22T12:00")), Ok(()));
}

#[test]
fn by_hand_a_point_goes_before_its_time_and_past_the_guards_that_are_overridden() {
    let now = at("2026-03-01T12:00");
    let created = at("2026-03-01T07:00");
    let judged = |point: RestorePoint, guards: &Guards, overridden: &[Guard]| {
        let verdict = for_operator(plan(&[point], now, guards).remove(0), overridden);
        let why: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        (verdict.remove, why.join("; "))
    };
    let young = || point(created, 1, vec![daily(created, 3)]);
    let strict = Guards::default();
    let newest = [Guard::Newest];
    assert_eq!(judged(young(), &strict, &[]), (false, "newest available".to_owned()));
    assert_eq!(
        judged(young(), &strict, &newest),
        (true, "by an operator; guard newest overridden".to_owned())
    );
    let manual = RestorePoint { kind: PointKind::Manual, flags: Vec::new(), ..young() };
    assert_eq!(judged(manual, &strict, &[]), (true, "by an operator".to_owned()));
    let both = RestorePoint { hold: held(), ..young() };
    assert_eq!(judged(both.clone(), &strict, &newest), (false, "held: audit".to_owned()));
    assert!(judged(both, &strict, &[Guard::Newest, Guard::Hold]).0);
    // What AWS would refuse, and what is not there yet, no one overrides.
    let every = [Guard::Newest, Guard::VaultLock, Guard::NotFinal];
    let locked = Guards { vault_locked: true, ..Guards::default() };
    assert_eq!(judged(young(), &locked, &every), (false, "vault is locked".to_owned()));
    let running = RestorePoint { progress: progress::of(State::Running), ..young() };
    assert_eq!(judged(running, &strict, &every), (false, "running".to_owned()));
    let refused = "vault-lock".parse::<Guard>().unwrap_err().to_string();
    insta::assert_snapshot!(refused, @r#"no guard that can be overridden is called "vault-lock": write newest, hold, suspect, being-copied or future-dated"#);
}

#[test]
fn retention_that_does_not_run_is_noticed_once_a_day() {
    let mut watch = Watch::from(at("2026-03-01T00:00"));
    assert!(!watch.is_overdue(at("2026-03-02T02:00")));
    assert!(watch.is_overdue(at("2026-03-02T02:01")));
    watch.alarmed_at = Some(at("2026-03-02T02:01"));
    assert!(!watch.is_overdue(at("2026-03-02T03:00")));
    assert!(watch.is_overdue(at("2026-03-03T04:02")));
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
        point.progress = progress::of(state);
        match oddity {
            0 => point.suspect = Some("odd".to_owned()),
            1 => point.hold = held(),
            2 => point.kind = PointKind::Manual,
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

fn removed(points: &[RestorePoint], guards: &Guards, now: Timestamp) -> BTreeSet<PointId> {
    let verdicts = plan(points, now, guards);
    verdicts.iter().filter(|verdict| verdict.remove).map(|verdict| points[verdict.index].id.clone()).collect()
}

/// A chain with guards of it.
fn guarded_chain() -> impl Strategy<Value = (Vec<RestorePoint>, Guards)> {
    let released = prop::option::weighted(0.2, 0_i64..3_000);
    let guards = (1_u32..4, released, 0_i64..800, prop::bool::weighted(0.1), 0..9_usize);
    (any_chain(), guards).prop_map(|(points, (keep_last, released, min_age, vault_locked, copied))| {
        let guards = Guards {
            keep_last,
            released_at: released.map(|hours| at("2026-01-01T00:00") + SignedDuration::from_hours(hours)),
            min_age: SignedDuration::from_hours(min_age),
            vault_locked,
            being_restored: points.iter().skip(copied + 2).step_by(7).map(|point| point.id.clone()).collect(),
            being_copied: points.iter().skip(copied).step_by(5).map(|point| point.id.clone()).collect(),
        };
        (points, guards)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_plan_is_a_partition_with_reasons(points in any_chain(), hours in 0_i64..3_000, keep_last in 1_u32..4) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let guards = Guards { keep_last, ..bare() };
        let verdicts = plan(&points, now, &guards);
        let live: Vec<&RestorePoint> = points.iter().filter(|point| !point.state().is_past()).collect();
        let decided: BTreeSet<&PointId> = verdicts.iter().map(|verdict| &points[verdict.index].id).collect();
        prop_assert_eq!(decided.len(), verdicts.len());
        prop_assert_eq!(decided, live.iter().map(|point| &point.id).collect());
        prop_assert!(verdicts.iter().all(|verdict| !verdict.reasons.is_empty()));

        let removed = removed(&points, &guards, now);
        for point in live {
            if removed.contains(&point.id) {
                prop_assert!(point.flags.iter().all(|flag| !flag.is_live(now)) && !point.flags.is_empty());
                prop_assert!(point.is_counted() && point.hold.is_none() && point.kind != PointKind::Manual);
                prop_assert!(point.created_at.unwrap() <= now);
            }
        }
        let counts = |point: &&RestorePoint| {
            point.is_counted() && point.kind != PointKind::Manual && point.created_at.unwrap() <= now
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
        let said = |points: &[RestorePoint]| -> Vec<_> {
            let verdicts = plan(points, now, &bare()).into_iter();
            verdicts.map(|verdict| (points[verdict.index].id.clone(), verdict.remove, verdict.reasons)).collect()
        };
        prop_assert_eq!(said(&points), said(&shuffled));
    }

    #[test]
    fn applied_twice_is_applied_once(mut points in any_chain(), hours in 0_i64..3_000) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let first = removed(&points, &bare(), now);
        points.retain(|point| !first.contains(&point.id));
        prop_assert!(removed(&points, &bare(), now).is_empty());
    }

    #[test]
    fn longer_retention_never_removes_more(points in any_chain(), hours in 0_i64..3_000, extra in 1_i64..500) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let mut longer = points.clone();
        for flag in longer.iter_mut().flat_map(|point| &mut point.flags) {
            flag.lapses += SignedDuration::from_hours(extra);
        }
        let (less, more) = (removed(&longer, &bare(), now), removed(&points, &bare(), now));
        prop_assert!(less.is_subset(&more));
    }

    #[test]
    fn points_of_the_future_push_nothing_out(points in any_chain(), hours in 0_i64..2_000, ahead in 1_i64..500) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let future = now + SignedDuration::from_hours(ahead);
        let mut with = points.clone();
        with.push(point(future, 5_000, vec![daily(future, 3)]));
        prop_assert_eq!(removed(&with, &bare(), now), removed(&points, &bare(), now));
    }

    #[test]
    fn nothing_guarded_is_removed((points, guards) in guarded_chain(), hours in 0_i64..3_000) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let removed = removed(&points, &guards, now);
        for point in points.iter().filter(|point| removed.contains(&point.id)) {
            let created = point.created_at.unwrap();
            prop_assert!(!guards.vault_locked && !guards.being_copied.contains(&point.id));
        prop_assert!(!guards.being_restored.contains(&point.id));
            prop_assert!(created <= now && now.duration_since(created) >= guards.min_age);
            prop_assert!(point.is_counted() && point.hold.is_none() && point.kind == PointKind::Backup);
            prop_assert!(point.lapses().is_some_and(|lapses| lapses <= now));
        }
    }

    /// Each guard alone only keeps more.
    #[test]
    fn another_guard_never_removes_more(
        (points, guards) in guarded_chain(), hours in 0_i64..3_000, age in 0_i64..2_000, which in 0..5,
    ) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let mut more = guards.clone();
        match which {
            0 => more.keep_last += 1,
            1 => more.min_age += SignedDuration::from_hours(age),
            2 => more.vault_locked = true,
            3 => more.being_copied.extend(points.iter().step_by(2).map(|point| point.id.clone())),
            _ => more.released_at = None,
        }
        let (with, without) = (removed(&points, &more, now), removed(&points, &guards, now));
        prop_assert!(with.is_subset(&without));
    }

    /// What is outdated stays outdated: of the same points, a later run removes no fewer.
    #[test]
    fn time_alone_keeps_nothing(
        (points, guards) in guarded_chain(), hours in 0_i64..3_000, later in 0_i64..3_000,
    ) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let late = now + SignedDuration::from_hours(later);
        prop_assert!(removed(&points, &guards, now).is_subset(&removed(&points, &guards, late)));
    }

    /// Retention sees instants and no calendar: seen from a zone whose clock is ahead, everything is later by
    /// as much, and nothing else is different.
    #[test]
    fn only_the_distance_between_instants_counts(
        (points, guards) in guarded_chain(), hours in 0_i64..3_000, minutes in -900_i64..900,
    ) {
        let now = at("2026-01-01T00:00") + SignedDuration::from_hours(hours);
        let ahead = SignedDuration::from_mins(minutes);
        let mut moved = points.clone();
        for point in &mut moved {
            point.slot += ahead;
            point.created_at = point.created_at.map(|created| created + ahead);
            point.flags.iter_mut().for_each(|flag| flag.lapses += ahead);
        }
        let there = Guards { released_at: guards.released_at.map(|at| at + ahead), ..guards.clone() };
        let (here, there) = (plan(&points, now, &guards), plan(&moved, now + ahead, &there));
        let told = |verdicts: &[PointVerdict]| -> Vec<(usize, Vec<Option<Guard>>)> {
            verdicts.iter().map(|v| (v.index, v.reasons.iter().map(Reason::guard).collect())).collect()
        };
        prop_assert_eq!(told(&here), told(&there));
    }
}

#[test]
fn what_a_smaller_keep_last_lets_go_is_told() {
    // One a day, each kept for a day, until an hour before the last of them is a day old.
    let of = |policy: &str, days: std::ops::RangeInclusive<u32>| -> Vec<RestorePoint> {
        days.map(|day| {
            let created = at(&format!("2026-03-{day:02}T07:00"));
            let by = PolicyRef { name: policy.parse().unwrap(), revision: 1 };
            RestorePoint { policy: Some(by), ..point(created, u128::from(day), vec![daily(created, 1)]) }
        })
        .collect()
    };
    let kept_by: BTreeMap<_, _> =
        [("careful", 5), ("thrifty", 1)].map(|(name, keep)| (name.parse().unwrap(), keep)).into();
    let told = |points: Vec<RestorePoint>, next: u32| {
        let lines = released(points, &kept_by, next, at("2026-03-09T06:00"));
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    // Of 8 the newest has a live flag, 4 more stay by keep_last, and 3 go anyway.
    insta::assert_snapshot!(told(of("careful", 1..=8), 1), @"keep_last is 1, and 5 by policy careful: 4 outdated restore points of orders go once there is a backup by this policy");
    insta::assert_snapshot!(told(of("careful", 1..=8), 4), @"keep_last is 4, and 5 by policy careful: 2 outdated restore points of orders go once there is a backup by this policy");
    assert_eq!(told(of("careful", 1..=8), 5), "");
    assert_eq!(told(of("thrifty", 1..=8), 1), "");
    // A held point stays all the same; where nothing is outdated yet, it is told what will be.
    let mut points = of("careful", 6..=8);
    points[1].hold = held();
    insta::assert_snapshot!(told(points, 1), @"keep_last is 1, and 5 by policy careful: 1 outdated restore point of orders goes once there is a backup by this policy");
    insta::assert_snapshot!(told(of("careful", 8..=8), 1), @"keep_last is 1, and 5 by policy careful: so fewer outdated restore points stay of the tables that it had");
    // The policy of the newest point counts.
    let moved = of("careful", 1..=7).into_iter().chain(of("thrifty", 8..=8)).collect();
    assert_eq!(told(moved, 1), "");
}
