//! Whether promises were kept on the days of the past.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::calendar::Zone;
use backup_chain_core::compliance::{
    Care, ChainPast, DayStanding, Existence, PolicyPast, Promise, at as standing_at, backup_promises,
    copy_promises, days,
};
use backup_chain_core::due::PolicyState;
use backup_chain_core::ids::{PointId, SessionId, Table, VaultArn};
use backup_chain_core::point::{Made, PointKind, Progress, RestorePoint};
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::protection::{Covering, Evidence, Presence, judge};
use backup_chain_core::table::TableHead;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const BACKUPS: &str = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main";
const COPIES: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";

const DAILY: &str = "
name: gold
sources: {tables: [orders]}
vault: main
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 3 days}}
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn policy(text: &str) -> Policy {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(text, &home).unwrap()
}

fn table() -> Table {
    Table {
        arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
        id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
    }
}

/// A restore point of this moment; gone since the other, if there is one.
fn point(kind: PointKind, created_at: Timestamp, gone: Option<Timestamp>) -> RestorePoint {
    let vault: VaultArn = if kind == PointKind::Copy { COPIES } else { BACKUPS }.parse().unwrap();
    let session = SessionId::new(created_at, 1);
    let id = PointId::of(created_at, &session, &table().id);
    let arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/backup/01489173575360-b308cd7d";
    let made = Made { recovery_point: arn.parse().unwrap(), job: None };
    let progress = match gone {
        None => Progress::Available { made, blocked: None },
        Some(_) => Progress::Deleted { made, why: "outdated".to_owned() },
    };
    RestorePoint {
        progress,
        created_at: Some(created_at),
        requested_at: Some(created_at),
        check_at: gone,
        ..RestorePoint::planned(id, kind, table(), vault, session, created_at)
    }
}

fn promise(from: &str, objective: i64) -> Promise {
    Promise { from: at(from), begins: at(from), objective: Some(hours(objective)) }
}

fn past(points: &[(&str, Option<&str>)], promises: Vec<Promise>, runs: &[&str]) -> ChainPast {
    let runs: Vec<Timestamp> = runs.iter().map(|run| at(run)).collect();
    let made = |(created, gone): &(&str, Option<&str>)| point(PointKind::Backup, at(created), gone.map(at));
    ChainPast {
        points: points.iter().filter_map(|named| Existence::of(&made(named), &runs)).collect(),
        promises,
        perhaps_promised_since: None,
        known_since: at("2025-10-01T00:00:00Z"),
    }
}

/// The days of a week of January as letters: met, Missed, unknown, and - where nothing was promised.
fn letters(chain: &ChainPast, zone: &str, first: i8, last: i8, now: &str) -> String {
    let zone: Zone = zone.parse().unwrap();
    let days = days(chain, &zone, date(2026, 1, first), date(2026, 1, last), at(now));
    days.iter()
        .map(|day| match day.standing {
            DayStanding::Met => 'm',
            DayStanding::Missed => 'M',
            DayStanding::Unknown => 'u',
            DayStanding::NotPromised => '-',
        })
        .collect()
}

const WEEK: [(&str, Option<&str>); 3] =
    [("2026-01-05T08:00:00Z", None), ("2026-01-06T08:00:00Z", None), ("2026-01-08T08:00:00Z", None)];

#[test]
fn a_day_is_met_when_each_of_its_moments_is() {
    let chain = past(&WEEK, vec![promise("2026-01-04T12:00:00Z", 32)], &[]);
    // The point of the 6th is 32 hours old at 16:00 of the 7th; the next one comes on the 8th.
    assert_eq!(letters(&chain, "UTC", 3, 10, "2026-01-09T16:00:00Z"), "-mmmMMm-");
    assert_eq!(letters(&chain, "UTC", 9, 9, "2026-01-09T16:00:00.000000001Z"), "M");
    let found = days(&chain, &Zone::UTC, date(2026, 1, 5), date(2026, 1, 7), at("2026-01-09T16:00:00Z"));
    assert_eq!(found.iter().map(|day| day.newest).collect::<Vec<_>>(), [Some(0), Some(1), Some(1)]);
}

#[test]
fn a_day_is_one_of_the_time_zone() {
    let chain = past(&WEEK, vec![promise("2026-01-04T12:00:00Z", 32)], &[]);
    // 16:00 UTC of the 7th is the 8th in Auckland, and 08:00 UTC of the 8th is the 8th there.
    assert_eq!(letters(&chain, "Pacific/Auckland", 3, 10, "2026-01-08T23:00:00Z"), "--mmmMm-");
}

#[test]
fn a_point_that_is_gone_counts_as_long_as_it_was_there() {
    let points = [("2026-01-05T08:00:00Z", None), ("2026-01-06T08:00:00Z", Some("2026-01-07T00:00:00Z"))];
    // The record says that it is gone since midnight, and a run saw it there at 23:00.
    let promises = vec![promise("2026-01-04T12:00:00Z", 32)];
    let seen = past(&points, promises.clone(), &["2026-01-06T23:00:00Z"]);
    assert_eq!(letters(&seen, "UTC", 5, 7, "2026-01-07T20:00:00Z"), "muM");
    // The one before was young enough until 16:00.
    let early = past(&points, promises, &["2026-01-06T12:00:00Z"]);
    assert_eq!(letters(&early, "UTC", 5, 7, "2026-01-07T20:00:00Z"), "muM");
    assert_eq!(standing_at(&early, at("2026-01-06T15:00:00Z")), DayStanding::Met);
    assert_eq!(standing_at(&early, at("2026-01-06T18:00:00Z")), DayStanding::Unknown);
    assert_eq!(standing_at(&early, at("2026-01-07T00:00:00Z")), DayStanding::Missed);
}

#[test]
fn what_is_not_recorded_any_more_is_unknown_and_never_met() {
    let mut chain = past(&WEEK, vec![promise("2026-01-01T00:00:00Z", 32)], &[]);
    chain.known_since = at("2026-01-08T00:00:00Z");
    assert_eq!(letters(&chain, "UTC", 1, 8, "2026-01-09T12:00:00Z"), "muuuumuM");
    chain.perhaps_promised_since = Some(at("2025-12-31T00:00:00Z"));
    chain.promises = vec![promise("2026-01-05T00:00:00Z", 32)];
    assert_eq!(letters(&chain, "UTC", 1, 5, "2026-01-09T12:00:00Z"), "uuuum");
}

#[test]
fn what_is_not_believed_or_not_made_or_manual_counts_for_nothing() {
    let good = point(PointKind::Backup, at("2026-01-05T08:00:00Z"), None);
    assert!(Existence::of(&good, &[]).is_some());
    let suspect = RestorePoint { suspect: Some("its tags differ".to_owned()), ..good.clone() };
    let manual = RestorePoint { kind: PointKind::Manual, ..good.clone() };
    let planned = RestorePoint { progress: Progress::Planned, ..good.clone() };
    let failed = Progress::Failed { why: "AWS says no".to_owned(), job: None, recovery_point: None };
    let failed = RestorePoint { progress: failed, ..good };
    for point in [suspect, manual, planned, failed] {
        assert_eq!(Existence::of(&point, &[]), None, "{point:?}");
    }
    // A copy that waited was not there before it was asked for.
    let copy = point(PointKind::Copy, at("2026-01-05T08:00:00Z"), None);
    let copy = RestorePoint { requested_at: Some(at("2026-01-05T15:00:00Z")), ..copy };
    assert_eq!(Existence::of(&copy, &[]).unwrap().from, at("2026-01-05T15:00:00Z"));
}

fn past_of(texts: &[(&str, &str)]) -> PolicyPast {
    let revisions: Vec<(Timestamp, Policy)> =
        texts.iter().map(|(applied, text)| (at(applied), policy(text))).collect();
    let mut state = PolicyState::starting(&revisions[0].1, revisions[0].0);
    for pair in revisions.windows(2) {
        state = state.changed(&pair[0].1, &pair[1].1, pair[1].0);
    }
    let (_, policy) = revisions.last().unwrap().clone();
    PolicyPast { name: policy.name.clone(), policy, state, revisions, deleted_at: None }
}

fn told(promises: &[Promise]) -> String {
    let line = |promise: &Promise| {
        let objective =
            promise.objective.map_or("nothing".to_owned(), |most| format!("{} h", most.as_hours()));
        format!("{}: {objective}, counted from {}", promise.from, promise.begins)
    };
    promises.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_revision_promises_what_it_said() {
    let now = at("2026-01-31T00:00:00Z");
    let without_copies = DAILY
        .replace(", copy: {keep: 3 days}", "")
        .lines()
        .filter(|line| !line.contains("copies"))
        .collect::<Vec<_>>()
        .join("\n");
    let strict = format!("{DAILY}objective: 26 hours\n");
    let twice = DAILY.replace("[07:00]", "[07:00, 19:00]");
    let mut past = past_of(&[
        ("2026-01-01T00:00:00Z", &without_copies),
        ("2026-01-05T00:00:00Z", DAILY),
        ("2026-01-10T00:00:00Z", &strict),
        ("2026-01-20T00:00:00Z", &twice),
    ]);
    let since = at("2026-01-02T00:00:00Z");
    let in_care = |past: &PolicyPast, gone_since: Option<Timestamp>| {
        told(&backup_promises(&Care { policy: past, since, created_at: None, gone_since }, now))
    };
    insta::assert_snapshot!(in_care(&past, None), @"
    2026-01-02T00:00:00Z: 32 h, counted from 2026-01-02T00:00:00Z
    2026-01-05T00:00:00Z: 32 h, counted from 2026-01-02T00:00:00Z
    2026-01-10T00:00:00Z: 26 h, counted from 2026-01-02T00:00:00Z
    2026-01-20T00:00:00Z: 20 h, counted from 2026-01-20T00:00:00Z
    ");
    let care = Care { policy: &past, since, created_at: None, gone_since: None };
    let copies = copy_promises(&care, &COPIES.parse().unwrap(), now);
    insta::assert_snapshot!(told(&copies), @"
    2026-01-02T00:00:00Z: nothing, counted from 2026-01-02T00:00:00Z
    2026-01-05T00:00:00Z: 44 h, counted from 2026-01-05T00:00:00Z
    2026-01-10T00:00:00Z: 44 h, counted from 2026-01-05T00:00:00Z
    2026-01-20T00:00:00Z: 32 h, counted from 2026-01-20T00:00:00Z
    ");
    let other = copy_promises(&care, &BACKUPS.parse().unwrap(), now);
    assert!(other.iter().all(|promise| promise.objective.is_none()), "it is no target");
    // It was switched off and on: what its table was to have is counted from then.
    let began = past.state.clone();
    past.state = PolicyState::starting(&past.policy, at("2026-01-25T00:00:00Z"));
    insta::assert_snapshot!(in_care(&past, None), @"
    2026-01-02T00:00:00Z: 32 h, counted from 2026-01-02T00:00:00Z
    2026-01-05T00:00:00Z: 32 h, counted from 2026-01-02T00:00:00Z
    2026-01-10T00:00:00Z: 26 h, counted from 2026-01-02T00:00:00Z
    2026-01-20T00:00:00Z: 20 h, counted from 2026-01-20T00:00:00Z
    2026-01-25T00:00:00Z: 20 h, counted from 2026-01-25T00:00:00Z
    ");
    past.state = began;
    past.deleted_at = Some(at("2026-01-15T00:00:00Z"));
    insta::assert_snapshot!(in_care(&past, Some(at("2026-01-22T00:00:00Z"))), @"
    2026-01-02T00:00:00Z: 32 h, counted from 2026-01-02T00:00:00Z
    2026-01-05T00:00:00Z: 32 h, counted from 2026-01-02T00:00:00Z
    2026-01-10T00:00:00Z: 26 h, counted from 2026-01-02T00:00:00Z
    2026-01-15T00:00:00Z: nothing, counted from 2026-01-15T00:00:00Z
    ");
    // The catalog was rebuilt: no revision is known.
    past.revisions.clear();
    insta::assert_snapshot!(in_care(&past, None), @"
    2026-01-15T00:00:00Z: nothing, counted from 2026-01-15T00:00:00Z
    ");
}

/// The same, asked of one moment, from the words of the definition.
fn naive(chain: &ChainPast, moment: Timestamp) -> DayStanding {
    let Some(promise) = chain.promises.iter().rev().find(|promise| promise.from <= moment) else {
        let perhaps = chain.perhaps_promised_since.is_some_and(|since| since <= moment);
        return if perhaps { DayStanding::Unknown } else { DayStanding::NotPromised };
    };
    let Some(objective) = promise.objective else { return DayStanding::NotPromised };
    let newest = |perhaps: bool| {
        let there = chain.points.iter().filter(|point| {
            let gone = point.gone.map(|gone| if perhaps { gone.perhaps_until } else { gone.surely_until });
            point.from <= moment && gone.is_none_or(|gone| moment < gone)
        });
        there.map(|point| point.created_at).max().unwrap_or(promise.begins).max(promise.begins)
    };
    if moment <= newest(false) + objective {
        DayStanding::Met
    } else if moment <= newest(true) + objective || moment < chain.known_since {
        DayStanding::Unknown
    } else {
        DayStanding::Missed
    }
}

const ORIGIN: &str = "2026-01-01T00:00:00Z";

/// A moment of the first days of January, to the quarter of an hour, so that moments meet.
fn moment() -> impl Strategy<Value = Timestamp> {
    (0..10 * 96_i64).prop_map(|quarters| at(ORIGIN) + SignedDuration::from_mins(15 * quarters))
}

fn existence() -> impl Strategy<Value = (PointKind, Timestamp, i64, Option<(i64, i64)>)> {
    let kind = prop_oneof![Just(PointKind::Backup), Just(PointKind::Copy)];
    (kind, moment(), 0..60_i64, prop::option::of((0..120_i64, 0..120_i64)))
}

fn chains() -> impl Strategy<Value = ChainPast> {
    let promise = (moment(), prop::option::weighted(0.8, 1..72_i64), 0..30_i64);
    let points = prop::collection::vec(existence(), 0..8);
    (points, prop::collection::vec(promise, 0..4), prop::option::of(moment()), moment()).prop_map(
        |(points, mut promises, perhaps, known_since)| {
            promises.sort_by_key(|(from, ..)| *from);
            promises.dedup_by_key(|(from, ..)| *from);
            let promise = |(from, objective, late): (Timestamp, Option<i64>, i64)| Promise {
                from,
                begins: from + hours(late - 10),
                objective: objective.map(hours),
            };
            let existing =
                |(kind, created_at, asked, gone): (PointKind, Timestamp, i64, Option<(i64, i64)>)| {
                    let gone_at = gone.map(|(after, _)| created_at + hours(after));
                    let runs: Vec<Timestamp> =
                        gone.zip(gone_at).map(|((_, run), gone)| gone - hours(run)).into_iter().collect();
                    let mut point = point(kind, created_at, gone_at);
                    point.requested_at = Some(created_at + SignedDuration::from_mins(15 * asked));
                    Existence::of(&point, &runs).unwrap()
                };
            ChainPast {
                points: points.into_iter().map(existing).collect(),
                promises: promises.into_iter().map(promise).collect(),
                perhaps_promised_since: perhaps,
                known_since,
            }
        },
    )
}

/// Every moment of a day at which something may change, and the one after it.
fn moments(chain: &ChainPast, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let instant = SignedDuration::from_nanos(1);
    let objectives: Vec<_> = chain.promises.iter().filter_map(|promise| promise.objective).collect();
    let mut all = vec![from, chain.known_since];
    all.extend(chain.perhaps_promised_since);
    for promise in &chain.promises {
        all.extend([promise.from, promise.begins]);
        all.extend(objectives.iter().map(|objective| promise.begins + *objective));
    }
    for point in &chain.points {
        all.extend([point.created_at, point.from]);
        all.extend(point.gone.iter().flat_map(|gone| [gone.surely_until, gone.perhaps_until]));
        all.extend(objectives.iter().map(|objective| point.created_at + *objective));
    }
    let mut all: Vec<_> = all.into_iter().flat_map(|moment| [moment, moment + instant]).collect();
    all.retain(|moment| from <= *moment && *moment < until);
    all
}

proptest! {
    #[test]
    fn a_day_is_the_worst_of_its_moments(chain in chains(), now in moment(), zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Auckland"])) {
        let zone: Zone = zone.parse().unwrap();
        let (first, last): (Date, Date) = (date(2025, 12, 30), date(2026, 1, 14));
        let found = days(&chain, &zone, first, last, now);
        prop_assert_eq!(found.len(), 16);
        for day in found {
            let from = zone.instant(day.date.at(0, 0, 0, 0)).unwrap();
            let until = zone.instant(day.date.tomorrow().unwrap().at(0, 0, 0, 0)).unwrap();
            let moments = moments(&chain, from, until.min(now + SignedDuration::from_nanos(1)));
            let worst = moments.into_iter().map(|moment| naive(&chain, moment)).min();
            prop_assert_eq!(day.standing, worst.unwrap_or(DayStanding::NotPromised), "{}", day.date);
        }
    }

    /// The same as `judge` says of the present.
    #[test]
    fn the_present_is_what_the_judgement_of_protection_says(
        points in prop::collection::vec(existence(), 0..8),
        since in moment(),
        created in prop::option::of(moment()),
        applied in prop::collection::vec((moment(), 0..4_usize), 1..4),
        switched in prop::option::of(moment()),
        is_own in any::<bool>(),
        later in 0..400_i64,
    ) {
        let texts = [
            DAILY.to_owned(),
            format!("{DAILY}objective: 26 hours\n"),
            DAILY.replace("[07:00]", "[07:00, 19:00]"),
            DAILY.replace("copy: {keep: 3 days}", "copy: {at: [07:00], keep: 5 days}"),
        ];
        let mut applied = applied;
        applied.sort();
        applied.dedup_by_key(|(at, _)| *at);
        let named: Vec<(String, &str)> = applied.iter().map(|(at, text)| (at.to_string(), texts[*text].as_str())).collect();
        let named: Vec<(&str, &str)> = named.iter().map(|(at, text)| (at.as_str(), *text)).collect();
        let mut past = past_of(&named);
        if let Some(switched) = switched.filter(|switched| *switched > applied.last().unwrap().0) {
            past.state = PolicyState::starting(&past.policy, switched);
        }
        let now = at(ORIGIN) + hours(10 * 24 + later);
        let points: Vec<RestorePoint> = points
            .into_iter()
            .map(|(kind, created_at, _, gone)| point(kind, created_at, gone.map(|(after, _)| (created_at + hours(after)).min(now))))
            .collect();
        let mut head = TableHead::new(table(), since);
        head.policy = is_own.then(|| past.name.clone());
        let (backups, copies): (VaultArn, VaultArn) = (BACKUPS.parse().unwrap(), COPIES.parse().unwrap());
        for vault in [&backups, &copies] {
            let chain: Vec<RestorePoint> = points.iter().filter(|point| point.vault == *vault).cloned().collect();
            head.recompute(vault, &chain);
        }
        let name = "orders".parse().unwrap();
        let home = "eu-central-1".parse().unwrap();
        let evidence = Evidence {
            table: &name,
            presence: Presence::There(created),
            covering: Some(Covering { policy: &past.policy, state: &past.state }),
            excluded_by: None,
            head: Some(&head),
            suspects: 0,
            home: &home,
        };
        let judged = judge(&evidence, now).unwrap();
        let in_care = backup_chain_core::protection::in_care_since(Some(&head), &past.name, &past.state);
        let care = Care { policy: &past, since: in_care, created_at: created, gone_since: None };
        let of = |vault: &VaultArn, promises: Vec<Promise>| ChainPast {
            points: points.iter().filter(|point| point.vault == *vault).filter_map(|point| Existence::of(point, &[])).collect(),
            promises,
            perhaps_promised_since: None,
            known_since: at(ORIGIN),
        };
        let pairs = [
            (of(&backups, backup_promises(&care, now)), judged.backups.unwrap()),
            (of(&copies, copy_promises(&care, &copies, now)), judged.copies[0].clone()),
        ];
        for (chain, judged) in pairs {
            let standing = if judged.late { DayStanding::Missed } else { DayStanding::Met };
            prop_assert_eq!(standing_at(&chain, now), standing, "{:#?} {:#?}", chain, judged);
        }
    }
}
