//! Slots, sessions and flags.

use backup_chain_checker::{Days, Intent, Span, Unit};
use serde_json::{Value, json};

use crate::history::{Backup, Flag, History, SOURCE, TABLE_ID, arn, at, daily, hours, policy, row, slot};

#[test]
fn nothing_is_found_in_a_life_as_it_should_be() {
    let mut history = History::new();
    history.days(9);
    history.assert_well();
}

#[test]
fn a_slot_without_a_point_is_found_unless_a_failure_is_recorded() {
    let mut history = History::new();
    history.day(1);
    history.day(2);
    history.quiet(slot(3) + hours(12));
    history.assert_breaks("slot-unmet");

    let told = |failed: Value| {
        let mut history = History::new();
        history.day(1);
        history.day(2);
        let detail = json!({ "policy": "gold", "slot": slot(3), "failed": failed });
        let event =
            json!({ "Entries": [{ "DetailType": "Backup Session Ended", "Detail": detail.to_string() }] });
        history.call(slot(3), "copy", ("events", "PutEvents"), "default", [event, json!({})]);
        history.quiet(slot(3) + hours(12));
        history
    };
    told(json!([{ "table": "orders", "reason": "FAILED" }])).assert_well();
    told(json!([{ "table": "carts", "reason": "FAILED" }])).assert_breaks("slot-unmet");
}

#[test]
fn a_slot_is_not_met_by_a_job_that_failed() {
    let mut history = History::new();
    history.days(2);
    let failed = daily(3);
    let job = history.start(&failed);
    let told = json!({ "BackupJobId": job, "State": "FAILED" });
    history.call(slot(3), "copy", ("backup", "DescribeBackupJob"), &job, [Value::Null, told]);
    history.points.remove(&arn("eu-central-1", "P3"));
    history.quiet(slot(3) + hours(12));
    history.assert_breaks("slot-unmet");
}

#[test]
fn an_owed_slot_goes_to_the_next_point() {
    let owed = |carried: bool| {
        let mut history = History::new();
        let mut weekly = policy();
        let mut tier = weekly.tiers[0].clone();
        (tier.name, tier.on, tier.copy) = ("weekly".to_owned(), Days::Weekdays(vec![1]), None);
        tier.keep = Span { count: 2, unit: Unit::Weeks };
        weekly.tiers.push(tier);
        history.intent(at("2026-01-04T00:00:00Z"), Intent::PolicyApplied(weekly));
        (1..=4).for_each(|day| history.day(day));
        let detail = json!({ "policy": "gold", "slot": slot(5), "failed": [{ "table": "orders" }] });
        let event = json!({ "Entries": [{ "Detail": detail.to_string() }] });
        history.call(slot(5), "copy", ("events", "PutEvents"), "default", [event, json!({})]);
        let mut backup = daily(6);
        if carried {
            let lapses = slot(20);
            backup.flags.push(Flag { tier: "weekly", span: "2 weeks", slot: slot(5), lapses });
        }
        history.backup(&backup);
        history.copy(&backup);
        history.quiet(slot(6) + hours(12));
        history
    };
    owed(true).assert_well();
    owed(false).assert_breaks("slot-not-owed");
}

#[test]
fn nothing_is_due_for_a_policy_that_is_off_a_table_that_is_gone_or_one_that_another_policy_owns() {
    let mut history = History::new();
    history.days(2);
    history.intent(slot(2) + hours(13), Intent::PolicyDisabled { policy: "gold".to_owned() });
    history.quiet(slot(5) + hours(12));
    history.assert_well();
    history.intent(slot(5) + hours(13), Intent::PolicyEnabled { policy: "gold".to_owned() });
    history.quiet(slot(6) + hours(12));
    history.assert_breaks("slot-unmet");

    let mut history = History::new();
    history.days(2);
    let (table, id) = ("orders".to_owned(), TABLE_ID.to_owned());
    history.intent(slot(2) + hours(13), Intent::TableDropped { table, id });
    history.quiet(slot(5) + hours(12));
    history.assert_well();

    let mut history = History::new();
    history.days(2);
    let mut first = policy();
    (first.name, first.priority, first.tiers) = ("first".to_owned(), 1, Vec::new());
    history.intent(slot(2) + hours(13), Intent::PolicyApplied(first));
    history.quiet(slot(5) + hours(12));
    history.assert_well();
}

#[test]
fn a_second_job_of_a_session_needs_the_failure_of_the_first() {
    let mut history = History::new();
    history.days(1);
    let backup = daily(2);
    history.start(&backup);
    history.backup(&backup);
    history.copy(&backup);
    history.quiet(slot(2) + hours(12));
    history.assert_breaks("second-job");

    let mut history = History::new();
    history.days(1);
    let job = history.start(&backup);
    let told = json!({ "BackupJobs": [{ "BackupJobId": job, "State": "FAILED" }] });
    history.call(slot(2), "session", ("backup", "ListBackupJobs"), "", [Value::Null, told]);
    history.backup(&backup);
    history.copy(&backup);
    history.quiet(slot(2) + hours(12));
    history.assert_well();
}

/// A backup without metadata, onto which somebody puts another's tags.
#[test]
fn tags_that_are_put_on_a_point_later_do_not_say_which_job_made_it() {
    let mut history = History::new();
    history.days(2);
    let bare = arn("eu-central-1", "bare");
    let asked = json!({ "BackupVaultName": "main", "ResourceArn": "arn" });
    let told = json!({ "BackupJobId": "bare", "RecoveryPointArn": bare });
    history.call(slot(1), "session", ("backup", "StartBackupJob"), "", [asked, told]);
    let mut twin = history.points[&arn("eu-central-1", "P2")].clone();
    twin.arn.clone_from(&bare);
    history.intent(slot(2) + hours(12), Intent::PointTagged { arn: bare.clone(), tags: twin.tags.clone() });
    history.points.insert(bare, twin);
    history.quiet(slot(2) + hours(13));
    assert!(
        history.findings().iter().all(|finding| finding.rule != "second-job"),
        "{:#?}",
        history.findings()
    );
}

#[test]
fn a_slot_that_has_its_point_gets_no_second_one() {
    let mut history = History::new();
    history.days(2);
    let second = Backup { id: "P2b".to_owned(), session: "S2b".to_owned(), ..daily(2) };
    history.backup(&second);
    history.copy(&second);
    history.quiet(slot(2) + hours(13));
    history.assert_breaks("second-point");
}

#[test]
fn an_id_stands_once_in_a_vault() {
    let mut history = History::new();
    history.days(2);
    let mut twin = history.points[&arn("eu-central-1", "P2")].clone();
    twin.arn = arn("eu-central-1", "twin");
    history.points.insert(twin.arn.clone(), twin);
    history.bind(&arn("eu-central-1", "twin"), "P2");
    history.put(slot(2), "catalog", {
        let mut item = row(&daily(2), SOURCE, "available");
        item["arn"]["S"] = json!(arn("eu-central-1", "twin"));
        item["sk"]["S"] = json!(format!("{TABLE_ID}#point#{SOURCE}#twin"));
        item
    });
    history.quiet(slot(2) + hours(13));
    history.assert_breaks("second-point");
}

#[test]
fn flags_are_those_of_the_policy() {
    let broken = |bend: fn(&mut Backup)| {
        let mut history = History::new();
        history.days(1);
        let mut backup = daily(2);
        bend(&mut backup);
        history.backup(&backup);
        if !backup.copies.is_empty() {
            history.copy(&backup);
        }
        history.quiet(slot(2) + hours(12));
        history.assert_breaks("flags-wrong");
    };
    broken(|backup| backup.flags[0].lapses = slot(3));
    broken(|backup| backup.flags[0].span = "1 day");
    broken(|backup| backup.copies[0].lapses = slot(9));
    broken(|backup| backup.copies.clear());
    broken(|backup| {
        let wrong = Flag { tier: "weekly", ..backup.flags[0].clone() };
        backup.flags.push(wrong);
    });
}

#[test]
fn what_a_changed_policy_makes_has_the_flags_of_the_change() {
    let mut history = History::new();
    history.days(2);
    let mut changed = policy();
    changed.tiers[0].keep.count = 5;
    history.intent(slot(2) + hours(14), Intent::PolicyApplied(changed));
    let mut backup = daily(3);
    (backup.flags[0].span, backup.flags[0].lapses) = ("5 days", slot(8));
    history.backup(&backup);
    history.copy(&backup);
    history.quiet(slot(3) + hours(12));
    history.assert_well();
}
