//! An account that is made up, as its facts would be.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::compliance::PolicyPast;
use backup_chain_core::due::PolicyState;
use backup_chain_core::facts::{Facts, TableFacts};
use backup_chain_core::ids::{PointId, PolicyRef, RunId, SessionId, Table};
use backup_chain_core::point::{Made, PointKind, Progress, RestorePoint};
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::protection::{Covering, Evidence, Presence, ProtectionReport, judge};
use backup_chain_core::retention::{Report, Run};
use backup_chain_core::session::{Session, SessionTrigger, Status};
use backup_chain_core::table::TableHead;
use backup_chain_core::tier::{Flag, Tier};
use jiff::{SignedDuration, Timestamp};

const DAILY: &str = "
name: gold
time_zone: Europe/Berlin
sources: {all: true}
vault: main
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]
tiers:
  daily: {at: [03:00], keep: 25 days, copy: {keep: 25 days}}
";

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// So many days an account was in the care of a policy that backs up and copies daily.
const AGE: i64 = 75;

/// So many tables, each with a hundred restore points: half of them copies, half of each gone. One backup in 40 failed, and
/// sizes and times differ.
pub fn account(tables: usize) -> Facts {
    let mut dice = fastrand::Rng::with_seed(7);
    let now = at("2026-06-30T12:00:00Z");
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    let policy = Policy::parse(DAILY, &home).unwrap();
    let began = now - hours(24 * AGE);
    let state = PolicyState { planned_until: now - hours(1), ..PolicyState::starting(&policy, began) };
    let made_by = PolicyRef { name: policy.name.clone(), revision: 1 };
    let slots: Vec<Timestamp> =
        policy.schedule(Tier::Daily).unwrap().slots(now - hours(24 * 50), now).collect();
    let sessions: Vec<Session> = slots
        .iter()
        .map(|slot| Session {
            policy: Some(made_by.clone()),
            status: Status::Succeeded,
            ended_at: Some(*slot + SignedDuration::from_mins(20 + dice.i64(0..60))),
            planned: u32::try_from(tables).unwrap(),
            available: u32::try_from(tables).unwrap(),
            ..Session::planned(SessionId::new(*slot, dice.u128(..)), SessionTrigger::Schedule, *slot, *slot)
        })
        .collect();
    let runs = slots.iter().map(|slot| {
        let (from, until) = (*slot + hours(2), *slot + hours(3));
        Run::of(RunId::new(from, dice.u128(..)), &Report::default(), from, until)
    });
    let runs: Vec<Run> = runs.collect();

    let mut facts = Facts {
        at: now,
        home,
        protection: ProtectionReport {
            at: now,
            tables: Vec::new(),
            problems: Vec::new(),
            unknown: Vec::new(),
        },
        policies: BTreeMap::new(),
        tables: Vec::new(),
        sessions,
        runs,
        restores: Vec::new(),
        known_since: now - hours(24 * 90),
        unread: Vec::new(),
        locked: BTreeSet::new(),
        min_age: hours(24),
    };
    for number in 0..tables {
        let name = format!("service-{:02}-table-{number:04}", number % 37);
        let mut bytes = dice.i64(1 << 20..1 << 40);
        let table = Table {
            arn: format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{name}").parse().unwrap(),
            id: format!("{:08x}-3a6e-4f0e-9a3c-{:012x}", dice.u32(..), dice.u64(..1 << 48)).parse().unwrap(),
        };
        let mut points = Vec::new();
        for session in &facts.sessions {
            let fails = dice.u8(0..40) == 0;
            bytes += bytes / 1000 * dice.i64(-2..6);
            let created_at = session.slot + SignedDuration::from_secs(dice.i64(60..7200));
            for kind in [PointKind::Backup, PointKind::Copy] {
                let place = match kind {
                    PointKind::Copy => "eu-west-1:111122223333:backup-vault:copies",
                    _ => "eu-central-1:111122223333:backup-vault:main",
                };
                let lapses = session.slot + hours(24 * 25);
                let gone = (lapses < now).then(|| session.slot + hours(24 * 25 + 2));
                let id = PointId::of(session.started_at, &session.id, &table.id);
                let arn =
                    format!("{}/backup/0{}-{:08x}", table.arn, created_at.as_millisecond(), dice.u32(..));
                let made = Made { recovery_point: arn.parse().unwrap(), job: None };
                let progress = match (fails, gone) {
                    (true, _) => Progress::Failed {
                        why: "AWS Backup says no".to_owned(),
                        job: None,
                        recovery_point: None,
                    },
                    (false, Some(_)) => Progress::Deleted { made, why: "outdated".to_owned() },
                    (false, None) => Progress::Available { made, blocked: None },
                };
                let vault = format!("arn:aws:backup:{place}").parse().unwrap();
                points.push(RestorePoint {
                    policy: Some(made_by.clone()),
                    flags: vec![Flag {
                        tier: Tier::Daily,
                        slot: session.slot,
                        span: "25 days".parse().unwrap(),
                        lapses,
                    }],
                    progress,
                    created_at: (!fails).then_some(created_at),
                    requested_at: Some(created_at),
                    bytes: (!fails).then_some(bytes),
                    check_at: gone,
                    ..RestorePoint::planned(id, kind, table.clone(), vault, session.id.clone(), session.slot)
                });
            }
        }
        let mut head =
            TableHead { policy: Some(policy.name.clone()), ..TableHead::new(table.clone(), began) };
        for vault in points.iter().map(|point| point.vault.clone()).collect::<BTreeSet<_>>() {
            let chain: Vec<RestorePoint> =
                points.iter().filter(|point| point.vault == vault).cloned().collect();
            head.recompute(&vault, &chain);
        }
        let evidence = Evidence {
            table: &table.arn.name,
            presence: Presence::There(Some(began)),
            covering: Some(Covering { policy: &policy, state: &state }),
            excluded_by: None,
            head: Some(&head),
            suspects: 0,
            home: &facts.home.region,
        };
        facts.protection.tables.extend(judge(&evidence, now));
        facts.tables.push(TableFacts {
            table,
            is_present: true,
            created_at: Some(began),
            gone_since: None,
            head: Some(head),
            points,
            is_whole: true,
        });
    }
    facts.protection.tables.sort_by(|a, b| (a.standing, &a.table).cmp(&(b.standing, &b.table)));
    let revisions = vec![(began, policy.clone())];
    let past = PolicyPast { name: policy.name.clone(), policy, state, revisions, deleted_at: None };
    facts.policies.insert(past.name.clone(), past);
    facts
}
