//! How well a table is protected.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::due::PolicyState;
use backup_chain_core::ids::{PointId, Region, SessionId, Table, TableName};
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::protection::{
    Covering, Evidence, Presence, Protection, ProtectionReport, Standing, judge,
};
use backup_chain_core::table::{LastFailure, TableHead};
use backup_chain_core::tier::Tier;
use jiff::{SignedDuration, Timestamp};

const COPIES: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";
const BACKUPS: &str = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main";

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

fn policy(text: &str) -> Policy {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(text, &home).unwrap()
}

/// A table in the care of `gold` since the first of January.
struct Scene {
    policy: Policy,
    state: PolicyState,
    head: TableHead,
    table: TableName,
    home: Region,
}

impl Scene {
    fn new(text: &str) -> Self {
        let policy = policy(text);
        let begin = at("2026-01-01T00:00:00Z");
        let table = Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
        };
        let head = TableHead { policy: Some(policy.name.clone()), ..TableHead::new(table, begin) };
        Self {
            state: PolicyState::starting(&policy, begin),
            policy,
            head,
            table: "orders".parse().unwrap(),
            home: "eu-central-1".parse().unwrap(),
        }
    }

    /// A restore point of the slot of this moment, made an hour later.
    fn made(mut self, vault: &str, slot: &str) -> Self {
        self.head.met.entry(vault.to_owned()).or_default().insert(Tier::Daily, at(slot));
        self.head.newest.insert(vault.to_owned(), at(slot) + SignedDuration::from_hours(1));
        self
    }

    fn failed(mut self, vault: &str, slot: &str) -> Self {
        let session = SessionId::new(at(slot), 1);
        let failure = LastFailure {
            point: PointId::of(at(slot), &session, &self.head.table.id),
            at: at(slot) + SignedDuration::from_hours(2),
            why: "AWS Backup says: access denied".to_owned(),
        };
        self.head.failures.insert(vault.to_owned(), failure);
        self
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            table: &self.table,
            presence: Presence::There(Some(at("2025-06-01T00:00:00Z"))),
            covering: Some(Covering { policy: &self.policy, state: &self.state }),
            excluded_by: None,
            head: Some(&self.head),
            suspects: 0,
            home: &self.home,
        }
    }

    fn judged(&self, now: &str) -> Protection {
        judge(&self.evidence(), at(now)).unwrap()
    }

    fn standing(&self, now: &str) -> Standing {
        self.judged(now).standing
    }
}

fn whole() -> Scene {
    Scene::new(DAILY).made(BACKUPS, "2026-01-05T07:00:00Z").made(COPIES, "2026-01-05T07:00:00Z")
}

#[test]
fn a_table_with_what_was_promised_is_protected_until_its_objective_has_passed() {
    let scene = whole();
    assert_eq!(scene.standing("2026-01-05T12:00:00Z"), Standing::Protected);
    // 24 hours between slots and 8 hours of start window after 08:00.
    let found = scene.judged("2026-01-06T15:59:00Z");
    assert_eq!(found.backups.as_ref().unwrap().objective_seconds, Some(32 * 3600));
    assert_eq!(found.standing, Standing::Attention, "its slot is owed: {found:#?}");
    let found = scene.judged("2026-01-06T16:01:00Z");
    assert_eq!(found.standing, Standing::Late);
    insta::assert_snapshot!(found.reasons.join("\n"), @"its newest restore point is of 2026-01-05 08:00 UTC, and may be 32 hours old: see backup-chain session list --policy gold");
    // The policy's own word goes before.
    let strict = Scene { policy: policy(&format!("{DAILY}objective: 26 hours\n")), ..whole() };
    assert_eq!(strict.standing("2026-01-06T10:01:00Z"), Standing::Late);
}

#[test]
fn a_failed_copy_is_no_protection_however_fresh_the_backup_is() {
    let scene = whole().made(BACKUPS, "2026-01-06T07:00:00Z").failed(COPIES, "2026-01-06T07:00:00Z");
    let found = scene.judged("2026-01-06T10:00:00Z");
    assert_eq!(found.standing, Standing::WithoutCopies);
    insta::assert_snapshot!(found.reasons.join("\n"), @"the copy of 2026-01-06 07:00 UTC into eu-west-1/copies failed: AWS Backup says: access denied; once that is mended: backup-chain copy orders");
    let late = whole().made(BACKUPS, "2026-01-07T07:00:00Z");
    assert_eq!(late.standing("2026-01-07T03:59:00Z"), Standing::Protected);
    assert_eq!(
        late.standing("2026-01-07T04:01:00Z"),
        Standing::WithoutCopies,
        "24, 8 and 12 hours after 08:00"
    );
    let never = Scene::new(DAILY).made(BACKUPS, "2026-01-05T07:00:00Z");
    let found = never.judged("2026-01-05T12:00:00Z");
    insta::assert_snapshot!(found.reasons.join("\n"), @"it has no copy in eu-west-1/copies, and was to have one within 44 hours");
}

#[test]
fn a_failed_backup_is_told_before_the_objective_has_passed() {
    let found = whole().failed(BACKUPS, "2026-01-06T07:00:00Z").judged("2026-01-06T09:00:00Z");
    assert_eq!(found.standing, Standing::Attention);
    insta::assert_snapshot!(found.reasons.join("\n"), @"the backup of 2026-01-06 07:00 UTC failed: AWS Backup says: access denied");
}

#[test]
fn a_table_without_a_restore_point_is_new_until_one_was_due() {
    let scene = Scene::new(DAILY);
    let found = scene.judged("2026-01-01T06:00:00Z");
    assert_eq!((found.standing, found.next), (Standing::New, Some(at("2026-01-01T07:00:00Z"))));
    assert_eq!(scene.standing("2026-01-03T00:00:00Z"), Standing::Unprotected);
    // A table that was made yesterday has as much time.
    let young = Evidence { presence: Presence::There(Some(at("2026-01-02T20:00:00Z"))), ..scene.evidence() };
    assert_eq!(judge(&young, at("2026-01-03T00:00:00Z")).unwrap().standing, Standing::New);
}

#[test]
fn what_no_enabled_policy_covers_is_not_protected() {
    let scene = whole();
    let now = at("2026-01-05T12:00:00Z");
    let of = |evidence: Evidence<'_>| {
        judge(&evidence, now).map(|found| (found.standing, found.reasons.join("; ")))
    };
    let mut disabled = whole();
    disabled.policy.enabled = false;
    let excluded = scene.policy.name.clone();
    let all = [
        of(Evidence { covering: None, ..scene.evidence() }),
        of(Evidence { covering: None, excluded_by: Some(&excluded), ..scene.evidence() }),
        of(disabled.evidence()),
        of(Evidence { presence: Presence::Missing, ..scene.evidence() }),
        of(Evidence { presence: Presence::Missing, head: None, ..scene.evidence() }),
        of(Evidence { presence: Presence::Missing, head: None, covering: None, ..scene.evidence() }),
        of(Evidence { presence: Presence::Unknown("access denied".to_owned()), ..scene.evidence() }),
        of(Evidence { suspects: 2, ..scene.evidence() }),
    ];
    let line = |found: Option<(Standing, String)>| {
        found.map_or_else(|| "not shown".to_owned(), |(standing, why)| format!("{standing:?}: {why}"))
    };
    insta::assert_snapshot!(all.map(line).join("\n"), @"
    Unprotected: no policy covers it: add it to the sources of one, or exclude it there
    Excluded: policy gold excludes it
    Attention: policy gold is disabled: nothing is backed up until it is enabled
    Gone: the table was dropped; its restore points are kept for a while
    Unprotected: policy gold names it, and there is no such table: correct the name in the policy, or take it out
    not shown
    Unknown: it could not be looked at: access denied
    Attention: 2 of its restore points are not believed: see backup-chain points orders
    ");
}

#[test]
fn the_headline_counts_each_standing() {
    let tables: Vec<Protection> =
        [whole(), whole().failed(COPIES, "2026-01-06T07:00:00Z"), Scene::new(DAILY)]
            .iter()
            .map(|scene| scene.judged("2026-01-05T12:00:00Z"))
            .collect();
    let mut report = ProtectionReport {
        at: at("2026-01-05T12:00:00Z"),
        tables,
        problems: Vec::new(),
        unknown: Vec::new(),
    };
    assert!(report.has_problems());
    insta::assert_snapshot!(report.headline(), @"1 protected, 1 unprotected, 1 without copies");
    report.tables.truncate(1);
    assert!(!report.has_problems());
}

/// Whatever the day: a table is never better protected later, when nothing is made.
#[test]
fn waiting_makes_no_table_safer() {
    let scenes = [whole(), Scene::new(DAILY), whole().failed(BACKUPS, "2026-01-06T07:00:00Z")];
    for scene in scenes {
        let mut before = Standing::Protected;
        for hour in 0..200 {
            let now = at("2026-01-05T12:00:00Z") + SignedDuration::from_hours(hour);
            let standing = judge(&scene.evidence(), now).unwrap().standing;
            assert!(standing <= before, "{now}: {standing:?} after {before:?}");
            before = standing;
        }
    }
}

#[test]
fn suspects_are_counted_where_there_are_any() {
    let now = at("2026-01-05T12:00:00Z");
    let json = |suspects: usize| {
        let scene = whole();
        let found = judge(&Evidence { suspects, ..scene.evidence() }, now).unwrap();
        serde_json::to_value(found).unwrap().get("suspects").cloned()
    };
    assert_eq!((json(0), json(2)), (None, Some(2.into())));
}
