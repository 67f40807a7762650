//! States of restore points, outcomes of sessions, tokens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::ids::{PointId, SessionId, Table, TableId, VaultArn};
use backup_chain_core::plan::token;
use backup_chain_core::point::{Kind, RestorePoint, State, met};
use backup_chain_core::session::{Missed, Session, Skipped, Status, Trigger};
use backup_chain_core::span::{Span, Unit};
use backup_chain_core::table::{OpenJob, TableHead};
use backup_chain_core::tier::{Flag, Tier};
use jiff::Timestamp;

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
    RestorePoint {
        id: PointId::of(moment(), &session, &table().id),
        kind: Kind::Backup,
        table: table(),
        vault: vault(),
        policy: None,
        session,
        slot: moment(),
        flags: vec![Flag { tier: Tier::Daily, slot: moment(), span, lapses: Timestamp::MAX }],
        copies: Vec::new(),
        state,
        attempt: 1,
        request: None,
        requested_at: None,
        job: None,
        arn: None,
        source: None,
        created_at: None,
        bytes: None,
        sealed: None,
        settings: None,
        settings_stored: false,
        reason: None,
        warnings: Vec::new(),
        suspect: None,
        hold: None,
        check_at: None,
        rev: 0,
    }
}

fn session(planned: u32) -> Session {
    Session {
        id: SessionId::new(moment(), 1),
        policy: None,
        trigger: Trigger::Schedule,
        slot: moment(),
        since: moment(),
        started_at: moment(),
        ended_at: None,
        status: Status::Running,
        tables: Vec::new(),
        vault: None,
        planned,
        available: 0,
        skipped: Vec::new(),
        missed: Vec::new(),
        problems: Vec::new(),
        rev: 0,
    }
}

#[test]
fn what_is_past_goes_nowhere_and_what_is_open_can_end() {
    for from in STATES {
        assert_eq!(from.is_past(), !STATES.iter().any(|to| from.may_become(*to)), "{from}");
        assert!(!(from.is_open() && from.is_past()));
        if from.is_open() {
            assert!(from.may_become(State::Failed), "{from}");
        }
    }
}

#[test]
fn only_a_believed_available_point_meets_its_slots() {
    for state in STATES {
        assert_eq!(met(&[point(state)]).len(), usize::from(state == State::Available), "{state}");
    }
    let suspect = RestorePoint { suspect: Some("cut".to_owned()), ..point(State::Available) };
    assert!(met(&[suspect]).is_empty());
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
    let missed = vec![Missed { tier: Tier::Daily, slot: moment() }];
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
    let copy = RestorePoint { kind: Kind::Copy, ..ours.clone() };
    head.open = Some(OpenJob::of(&ours));
    head.planned = Some(other.id.clone());
    head.let_go(&copy);
    assert!(head.open.is_some() && head.planned.is_some());
    head.let_go(&other);
    assert!(head.open.is_some() && head.planned.is_none());
    head.let_go(&ours);
    assert!(head.open.is_none());
    head.meet(&ours);
    assert_eq!(head.met_in(&vault()), met(&[point(State::Available)]));
}
