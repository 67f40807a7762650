//! States of restore points, outcomes of sessions, tokens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::ids::{PointId, SessionId, Table, TableId, VaultArn};
use backup_chain_core::plan::token;
use backup_chain_core::point::{PointKind, RestorePoint, Retry, State, met_slots};
use backup_chain_core::session::{Session, SessionTrigger, Skipped, Status};
use backup_chain_core::span::{Span, Unit};
use backup_chain_core::table::{OpenJob, TableHead};
use backup_chain_core::tier::{Flag, Tier, TierSlot};
use backup_chain_core::transition;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

mod progress;

const STATES: [State; 8] = [
    State::Planned,
    State::Starting,
    State::Running,
    State::Available,
    State::Failed,
    State::Dropped,
    State::Deleting,
    State::Deleted,
];

fn moment() -> Timestamp {
    "2026-01-05T07:00:00Z".parse().unwrap()
}

fn vault() -> VaultArn {
    "arn:aws:backup:eu-central-1:111122223333:backup-vault:main".parse().unwrap()
}

fn table() -> Table {
    Table {
        arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
        id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
    }
}

fn point(state: State) -> RestorePoint {
    let session = SessionId::new(moment(), 1);
    let span = Span { count: 3, unit: Unit::Day };
    let id = PointId::of(moment(), &session, &table().id);
    RestorePoint {
        flags: vec![Flag { tier: Tier::Daily, slot: moment(), span, lapses: Timestamp::MAX }],
        progress: progress::of(state),
        ..RestorePoint::planned(id, PointKind::Backup, table(), vault(), session, moment())
    }
}

fn session(planned: u32) -> Session {
    let session = Session::planned(SessionId::new(moment(), 1), SessionTrigger::Schedule, moment(), moment());
    Session { status: Status::Running, planned, ..session }
}

#[test]
fn what_is_past_goes_nowhere_and_what_is_open_can_end() {
    for from in STATES {
        let goes = |which: &usize| {
            change(*which, &mut point(from), &mut TableHead::new(table(), moment()), moment())
        };
        assert_eq!(point(from).state(), from);
        assert_eq!(from.is_past(), !(0..CHANGES).any(|which| goes(&which)), "{from}");
        assert!(!(from.is_open() && from.is_past()));
        assert_eq!(from.is_open(), goes(&4), "{from}: only what is open can fail");
    }
}

#[test]
fn only_a_believed_available_point_meets_its_slots() {
    for state in STATES {
        assert_eq!(met_slots(&[point(state)]).len(), usize::from(state == State::Available), "{state}");
    }
    let suspect = RestorePoint { suspect: Some("cut".to_owned()), ..point(State::Available) };
    assert!(met_slots(&[suspect]).is_empty());
}

#[test]
fn a_session_ends_when_all_its_points_are_final() {
    let outcome = |session: &Session, states: &[State]| {
        session.outcome(&states.iter().map(|state| point(*state)).collect::<Vec<_>>())
    };
    use State::{Available, Deleted, Failed, Running};
    assert_eq!(outcome(&session(2), &[Available]), None, "the index trails");
    assert_eq!(outcome(&session(2), &[Available, Running]), None);
    assert_eq!(outcome(&session(2), &[Available, Available]), Some(Status::Succeeded));
    assert_eq!(outcome(&session(2), &[Available, Deleted]), Some(Status::Succeeded));
    assert_eq!(outcome(&session(2), &[Available, Failed]), Some(Status::Failed));
    assert_eq!(outcome(&session(0), &[]), Some(Status::Succeeded));

    let skip = |warning| vec![Skipped { table: "orders".to_owned(), why: "gone".to_owned(), warning }];
    assert_eq!(outcome(&Session { skipped: skip(true), ..session(1) }, &[Available]), Some(Status::Warning));
    assert_eq!(
        outcome(&Session { skipped: skip(false), ..session(1) }, &[Available]),
        Some(Status::Succeeded)
    );
    let missed = vec![TierSlot { tier: Tier::Daily, slot: moment() }];
    assert_eq!(outcome(&Session { missed, ..session(1) }, &[Available]), Some(Status::Warning));
    let doubtful = RestorePoint { warnings: vec!["changed".to_owned()], ..point(Available) };
    assert_eq!(session(1).outcome(&[doubtful]), Some(Status::Warning));
}

#[test]
fn a_session_makes_one_point_of_a_table() {
    let (one, other) = (SessionId::new(moment(), 1), SessionId::new(moment(), 2));
    let table = table().id;
    let another: TableId = "another".parse().unwrap();
    assert_eq!(PointId::of(moment(), &one, &table), PointId::of(moment(), &one, &table));
    assert_ne!(PointId::of(moment(), &one, &table), PointId::of(moment(), &other, &table));
    assert_ne!(PointId::of(moment(), &one, &table), PointId::of(moment(), &one, &another));
}

#[test]
fn each_try_has_its_token() {
    let of = |attempt| token("backup", "gold", moment(), &table().id, &vault(), attempt);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    assert_eq!(of(1).len(), 50);
}

#[test]
fn a_table_is_held_by_one_job_and_let_go_by_that_job_alone() {
    let mut head = TableHead::new(table(), moment());
    let (ours, session) = (point(State::Running), SessionId::new(moment(), 9));
    let other = RestorePoint { id: PointId::of(moment(), &session, &table().id), ..ours.clone() };
    let copy = RestorePoint { kind: PointKind::Copy, ..ours.clone() };
    head.open = Some(OpenJob::of(&ours));
    head.planned = Some(other.id.clone());
    head.release(&copy);
    assert!(head.open.is_some() && head.planned.is_some());
    head.release(&other);
    assert!(head.open.is_some() && head.planned.is_none());
    head.release(&ours);
    assert!(head.open.is_none());
    head.record_available(&ours);
    assert_eq!(head.met_slots_in(&vault()), met_slots(&[point(State::Available)]));
}

#[test]
fn a_head_knows_the_newest_point_of_each_chain() {
    let mut head = TableHead::new(table(), moment());
    let made = |hours| RestorePoint {
        created_at: Some(moment() + SignedDuration::from_hours(hours)),
        ..point(State::Available)
    };
    let (old, young) = (made(1), made(2));
    head.record_available(&young);
    head.record_available(&old);
    assert_eq!(head.newest.get(&vault().to_string()), young.created_at.as_ref());
    assert!(head.is_affected_by(&young));
    head.recompute(&vault(), &[old.clone(), RestorePoint { suspect: Some("cut".to_owned()), ..young }]);
    assert_eq!(head.newest.get(&vault().to_string()), old.created_at.as_ref());
    head.recompute(&vault(), &[]);
    assert!(head.newest.is_empty() && head.met_slots_in(&vault()).is_empty());
}

#[test]
fn a_point_is_tried_as_often_as_its_policy_says() {
    let retry = Some(Retry { attempts: 2, pause_minutes: 5, notices_each: false });
    let tries = |attempt| RestorePoint { attempt, retry, ..point(State::Running) }.next_retry().is_some();
    assert_eq!([tries(1), tries(2), tries(3)], [true, true, false]);
    assert!(point(State::Running).next_retry().is_none());
}

/// How many changes there are.
const CHANGES: usize = 10;

/// One change of a point and its table's head, as the functions make them.
fn change(which: usize, point: &mut RestorePoint, head: &mut TableHead, now: Timestamp) -> bool {
    match which {
        0 => transition::starting(point, head, progress::request(), now, now).is_ok(),
        1 => transition::running(point, "job", None, now).is_ok(),
        2 => transition::job_ended(point, Some(head), &progress::arn(), now).is_ok(),
        3 => transition::planned_again(point, Some(head), "why", now, false, now).is_ok(),
        4 => transition::failed(point, Some(head), "why", now).is_ok(),
        5 => transition::dropped(point, Some(head), "why", now).is_ok(),
        6 => transition::available(point, Some(head), &progress::arn(), None, now).is_ok(),
        7 => transition::deleting(point, "why", now).is_ok(),
        8 => transition::deletion_blocked(point, "why").is_ok(),
        _ => transition::deleted(point, "why", now).is_ok(),
    }
}

proptest! {
    /// Whatever happens in whatever order: what is refused changes nothing, and a table is held by what runs alone.
    #[test]
    fn a_point_and_its_head_change_together_or_not_at_all(
        changes in proptest::collection::vec(0..CHANGES, 1..40),
        kind in prop_oneof![Just(PointKind::Backup), Just(PointKind::Copy), Just(PointKind::Manual)],
    ) {
        let mut point = RestorePoint { kind, ..point(State::Planned) };
        let mut head = TableHead::new(table(), moment());
        for (step, which) in changes.into_iter().enumerate() {
            let now = moment() + SignedDuration::from_mins(i64::try_from(step).unwrap());
            let before = (point.clone(), head.clone());
            if !change(which, &mut point, &mut head, now) {
                prop_assert_eq!((&point, &head), (&before.0, &before.1));
                continue;
            }
            let state = point.state();
            let holds = matches!(state, State::Starting | State::Running) && !point.job_ended();
            let held_by = holds.then(|| OpenJob::of(&point));
            prop_assert_eq!(head.open.as_ref(), held_by.as_ref(), "{:?}", state);
            prop_assert_eq!(
                head.planned.is_some(),
                point.kind == PointKind::Backup && state == State::Planned && point.attempt > before.0.attempt
                    || state == State::Planned && before.1.planned.is_some()
            );
            if point.is_counted() && point.kind != PointKind::Manual {
                prop_assert_eq!(head.met_slots_in(&vault()), met_slots([&point]));
            }
            prop_assert!(state.is_open() || state == State::Available || point.check_at.is_some());
        }
    }
}

/// A vault of another account is another place, however alike they are called.
#[test]
fn a_point_in_a_vault_of_another_account_names_the_account() {
    let own = point(State::Available);
    let vault = VaultArn { account: "999988887777".parse().unwrap(), ..vault() };
    let foreign = RestorePoint { vault, ..own.clone() };
    assert_eq!([own.place(), foreign.place()], ["eu-central-1/main", "999988887777/eu-central-1/main"]);
    for point in [&own, &foreign] {
        assert!(point.is_in(&point.place()) && point.is_in(&point.vault.to_string()));
    }
    assert!(!own.is_in(&foreign.place()) && !foreign.is_in(&own.place()));
    assert!(!own.is_in(&foreign.vault.to_string()) && !foreign.is_in(&own.vault.to_string()));
}
