//! Each rule on histories written by hand: one in which all is well, and those in which the rule is broken.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod history;

use backup_chain_checker::{Days, Entry, Intent, Span, Table, Unit};
use history::{
    Backup, COPIES, Flag, History, SECRET, SOURCE, TABLE, TABLE_ID, arn, at, daily, hours, policy, row, slot,
    tags,
};
use serde_json::{Value, json};

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

/// Four days, and what is done to the point of the first in the evening of the last.
fn removal(bend: impl FnOnce(&mut History)) -> History {
    let mut history = History::new();
    for day in 1..=4 {
        history.backup(&daily(day));
        history.copy(&daily(day));
    }
    bend(&mut history);
    history.quiet(slot(4) + hours(12));
    history
}

fn evening() -> jiff::Timestamp {
    slot(4) + hours(2)
}

#[test]
fn what_has_lapsed_goes_and_nothing_earlier() {
    let remove = |day: i64, when| {
        removal(|history| history.delete(when, "retention", &arn("eu-central-1", &format!("P{day}"))))
    };
    remove(2, slot(4)).assert_well();
    remove(2, slot(4) - hours(1)).assert_breaks("removed-early");
    remove(3, evening()).assert_breaks("removed-early");
}

#[test]
fn the_newest_of_a_chain_stays_while_table_and_policy_are_there() {
    let newest = |bend: fn(&mut History), hour: i64| {
        let mut history = History::new();
        history.days(2);
        bend(&mut history);
        history.intent(slot(2) + hours(13), Intent::PolicyDisabled { policy: "gold".to_owned() });
        for vault in ["eu-central-1", "eu-west-1"] {
            for id in ["P1", "P2"] {
                history.delete(slot(2) + hours(hour), "retention", &arn(vault, id));
            }
        }
        history.quiet(slot(2) + hours(hour + 1));
        history
    };
    newest(|_| {}, 20 * 24).assert_breaks("removed-newest");
    let drop = |history: &mut History| {
        let (table, id) = ("orders".to_owned(), TABLE_ID.to_owned());
        history.intent(slot(2) + hours(13), Intent::TableDropped { table, id });
    };
    newest(drop, 13 + 3 * 24 - 1).assert_breaks("removed-newest");
    newest(drop, 13 + 3 * 24).assert_well();
    let delete = |history: &mut History| {
        history.intent(slot(2) + hours(13), Intent::PolicyDeleted { policy: "gold".to_owned() });
    };
    newest(delete, 13 + 3 * 24).assert_well();
}

#[test]
fn what_is_held_stays_until_the_hold_ends() {
    let hold = |until: Option<jiff::Timestamp>| {
        removal(|history| {
            let mut held = row(&daily(1), SOURCE, "available");
            held["hold"] = json!({ "M": { "reason": { "S": "audit" } } });
            if let Some(until) = until {
                held["hold"]["M"]["until"] = json!({ "S": until.to_string() });
            }
            history.put(slot(2), "catalog", held);
            history.put(evening(), "catalog", row(&daily(1), SOURCE, "deleting"));
            history.delete(evening(), "retention", &arn("eu-central-1", "P1"));
        })
    };
    hold(None).assert_breaks("removed-held");
    hold(Some(slot(3))).assert_well();

    let tagged = removal(|history| {
        let (arn, mut tags) =
            (arn("eu-central-1", "P1"), history.points[&arn("eu-central-1", "P1")].tags.clone());
        tags.insert("backup-chain/hold".to_owned(), "audit".to_owned());
        let asked = json!({ "Tags": { "backup-chain/hold": "audit" } });
        history.call(slot(3), "retention", ("backup", "TagResource"), &arn, [asked, json!({})]);
        history.delete(evening(), "retention", &arn);
    });
    tagged.assert_breaks("removed-held");
}

#[test]
fn manual_backups_go_only_when_a_hand_asks() {
    let manual = |ask: bool| {
        removal(|history| {
            let backup = Backup {
                id: "M".to_owned(),
                session: "SM".to_owned(),
                slot: slot(1) + hours(1),
                flags: Vec::new(),
                copies: Vec::new(),
                manual: true,
                stored: None,
            };
            history.backup(&backup);
            if ask {
                let (table, overridden) = ("orders".to_owned(), Vec::new());
                let id = Some("M".to_owned());
                history.intent(evening(), Intent::RemovalAsked { table, id, vault: None, overridden });
            }
            history.delete(evening(), "retention", &arn("eu-central-1", "M"));
        })
    };
    manual(true).assert_well();
    manual(false).assert_breaks("removed-manual");
}

#[test]
fn a_hand_removes_what_is_live_and_holds_only_when_told_to() {
    let by_hand = |overridden: &[&str]| {
        removal(|history| {
            let mut held = row(&daily(3), SOURCE, "available");
            held["hold"] = json!({ "M": {} });
            history.put(slot(3), "catalog", held);
            let (table, id) = ("orders".to_owned(), Some("P3".to_owned()));
            let (vault, overridden) =
                (Some(SOURCE.to_owned()), overridden.iter().map(ToString::to_string).collect());
            history.intent(evening(), Intent::RemovalAsked { table, id, vault, overridden });
            history.put(evening(), "catalog", row(&daily(3), SOURCE, "deleting"));
            history.delete(evening(), "retention", &arn("eu-central-1", "P3"));
        })
    };
    by_hand(&["hold"]).assert_well();
    by_hand(&[]).assert_breaks("removed-held");
}

#[test]
fn what_is_not_ours_is_not_touched() {
    removal(|history| {
        let mut foreign = history.points[&arn("eu-central-1", "P1")].clone();
        foreign.arn = arn("eu-central-1", "foreign");
        foreign.tags.clear();
        history.points.insert(foreign.arn.clone(), foreign.clone());
        history.intent(slot(1), Intent::ForeignPoint { arn: foreign.arn.clone() });
        history.quiet(slot(4) + hours(1));
        history.delete(evening(), "retention", &foreign.arn);
    })
    .assert_breaks("removed-foreign");
}

#[test]
fn what_is_being_read_stays() {
    removal(|history| {
        let arn = arn("eu-central-1", "P1");
        let asked = json!({ "RecoveryPointArn": arn });
        history.call(
            evening(),
            "restore",
            ("backup", "StartRestoreJob"),
            &arn,
            [asked, json!({ "RestoreJobId": "R" })],
        );
        history.delete(evening(), "retention", &arn);
    })
    .assert_breaks("removed-in-use");
    removal(|history| {
        let mut copying = row(&daily(1), COPIES, "running");
        copying["sk"]["S"] = json!(format!("{TABLE_ID}#point#eu-west-3/more#P1"));
        history.put(slot(3), "catalog", copying.clone());
        history.delete(evening(), "retention", &arn("eu-central-1", "P1"));
        history.rows.retain(|_, row| *row != copying);
    })
    .assert_breaks("removed-in-use");
}

#[test]
fn brakes_hold() {
    let braked = |brake: Intent| {
        removal(|history| {
            history.intent(slot(4) + hours(1), brake);
            history.delete(evening(), "retention", &arn("eu-central-1", "P1"));
        })
    };
    braked(Intent::Skewed { seconds: -400 }).assert_breaks("removed-braked");
    braked(Intent::Skewed { seconds: 200 }).assert_well();
    braked(Intent::RebuildAsked).assert_breaks("removed-braked");
}

#[test]
fn a_backup_that_wants_a_copy_has_one_or_a_record_of_why_not() {
    let uncopied = |state: Option<&str>| {
        let mut history = History::new();
        history.days(2);
        history.backup(&daily(3));
        if let Some(state) = state {
            let mut past = row(&daily(3), COPIES, state);
            past["sk"]["S"] = json!(format!("{TABLE_ID}#past#point#{COPIES}#P3"));
            history.put(slot(3), "catalog", past);
        }
        history.quiet(slot(3) + hours(12));
        history
    };
    uncopied(None).assert_breaks("copy-missing");
    uncopied(Some("failed")).assert_well();
    uncopied(Some("dropped")).assert_well();
}

#[test]
fn catalog_and_vaults_agree_when_all_is_quiet() {
    let differ = |bend: fn(&mut History)| {
        let mut history = History::new();
        history.days(5);
        bend(&mut history);
        history.quiet(slot(5) + hours(13));
        history
    };
    differ(|history| {
        history.points.remove(&arn("eu-central-1", "P5"));
    })
    .assert_breaks("row-without-point");
    differ(|history| history.rows.retain(|_, row| row["arn"]["S"] != arn("eu-central-1", "P5")))
        .assert_breaks("point-without-row");
    differ(|history| history.put(slot(5), "catalog", row(&daily(5), SOURCE, "running")))
        .assert_breaks("row-open");
    let changed = |change: fn(&mut Value)| {
        let mut history = History::new();
        history.days(5);
        let mut item = row(&daily(5), SOURCE, "available");
        change(&mut item);
        history.put(slot(5), "catalog", item);
        history.quiet(slot(5) + hours(13));
        history.assert_breaks("row-differs");
    };
    changed(|row| row["flags"]["L"] = json!([]));
    changed(|row| row["created_at"]["S"] = json!("2026-01-05T08:00:00Z"));
    changed(|row| row["session"]["S"] = json!("another"));
    changed(|row| row["table"]["M"]["id"]["S"] = json!("another"));
    changed(|row| row["suspect"] = json!({ "S": "does not authenticate" }));
}

#[test]
fn what_was_stolen_is_noticed_within_a_day() {
    let stolen = |later: i64| {
        let mut history = History::new();
        history.days(5);
        let arn = arn("eu-west-1", "P5");
        history.points.remove(&arn);
        history.intent(slot(5) + hours(13), Intent::PointDeleted { arn });
        history.intent(slot(5) + hours(13), Intent::PolicyDisabled { policy: "gold".to_owned() });
        history.quiet(slot(5) + hours(13 + later));
        history
    };
    stolen(2).assert_well();
    stolen(30).assert_breaks("row-without-point");
}

#[test]
fn a_rebuild_brings_back_what_was() {
    let rebuilt = |bend: fn(&mut Value)| {
        let mut history = History::new();
        history.days(5);
        history.intent(slot(5) + hours(13), Intent::CatalogLost);
        history.intent(slot(5) + hours(14), Intent::RebuildAsked);
        for item in history.rows.values_mut() {
            bend(item);
        }
        history.quiet(slot(5) + hours(15));
        history
    };
    rebuilt(|_| {}).assert_well();
    rebuilt(|row| row["policy"]["M"]["name"]["S"] = json!("another")).assert_breaks("rebuild-differs");
    let mut lost = History::new();
    lost.days(5);
    lost.intent(slot(5) + hours(13), Intent::CatalogLost);
    lost.intent(slot(5) + hours(14), Intent::RebuildAsked);
    lost.rows.retain(|_, row| row["id"]["S"] != "P4");
    lost.quiet(slot(5) + hours(15));
    assert!(lost.findings().iter().any(|finding| finding.rule == "rebuild-differs"));
}

#[test]
fn no_setting_is_readable_outside_of_a_seal() {
    let leak = |bend: fn(&mut History)| {
        let mut history = History::new();
        history.days(2);
        bend(&mut history);
        history.assert_breaks("setting-readable");
    };
    leak(|history| {
        let asked = json!({ "RecoveryPointTags": { "note": SECRET } });
        history.call(slot(2), "session", ("backup", "StartBackupJob"), TABLE, [asked, Value::Null]);
    });
    leak(|history| {
        let event = json!({ "Entries": [{ "Detail": format!("{{\"ttl\":\"{SECRET}\"}}") }] });
        history.call(slot(2), "copy", ("events", "PutEvents"), "default", [event, json!({})]);
    });
    leak(|history| {
        let mut row = row(&daily(2), SOURCE, "available");
        row["settings"] = json!({ "S": format!("ttl={SECRET}") });
        history.put(slot(2), "catalog", row);
    });
    leak(|history| {
        let (caller, line) = ("session".to_owned(), format!("captured {SECRET}"));
        history.entries.push(Entry::Log { at: slot(2), caller, line });
    });
}

#[test]
fn what_looks_sealed_is_sealed() {
    let mut history = History::new();
    history.days(2);
    let tags = tags(format!("{{\"settings\":\"{SECRET}\"}}").as_bytes(), "P3");
    let asked = json!({ "RecoveryPointTags": tags, "BackupVaultName": "vault" });
    let told = json!({ "BackupJobId": "J", "RecoveryPointArn": arn("eu-central-1", "P3") });
    history.call(slot(3), "session", ("backup", "StartBackupJob"), TABLE, [asked, told]);
    history.assert_breaks("not-sealed");

    let mut history = History::new();
    history.days(2);
    let text = |text: &str| json!({ "S": text });
    history.put(
        slot(2),
        "settings",
        json!({ "pk": text(TABLE_ID), "sk": text("d"), "sealed": { "B": "aGVsbG8=" } }),
    );
    history.assert_breaks("not-sealed");
}

#[test]
fn a_restored_table_is_as_it_was() {
    let table = |items: Vec<Value>, settings: Value| Table {
        region: "eu-central-1".to_owned(),
        name: "again".to_owned(),
        id: "new".to_owned(),
        items,
        settings,
    };
    let restored = |status: &str, made: Option<Table>| {
        let mut history = History::new();
        history.days(2);
        let was = table(vec![json!({ "pk": { "S": "a" } })], json!({ "KeySchema": [1] }));
        let ended = Intent::RestoreEnded {
            target: "again".to_owned(),
            status: status.to_owned(),
            point: arn("eu-central-1", "P2"),
            expected: Some(was),
            table: made,
        };
        history.intent(slot(2) + hours(13), ended);
        history
    };
    let same = vec![json!({ "pk": { "S": "a" } })];
    restored("succeeded", Some(table(same.clone(), json!({ "KeySchema": [1] })))).assert_well();
    restored("failed", None).assert_well();
    restored("warning", Some(table(same.clone(), json!({ "KeySchema": [2] })))).assert_well();
    restored("succeeded", Some(table(same, json!({ "KeySchema": [2] })))).assert_breaks("restore-differs");
    restored("warning", Some(table(Vec::new(), json!({})))).assert_breaks("restore-differs");
    restored("succeeded", None).assert_breaks("restore-differs");
}

#[test]
fn nothing_goes_from_the_settings_table_while_it_is_named_and_nothing_stays_for_ever() {
    let stored = |keep: bool| {
        let mut history = History::new();
        history.days(2);
        let backup = Backup { stored: Some("digest".to_owned()), copies: Vec::new(), ..daily(3) };
        let mut other = policy();
        other.copies.clear();
        other.tiers[0].copy = None;
        history.intent(slot(2) + hours(14), Intent::PolicyApplied(other));
        let text = |text: &str| json!({ "S": text });
        if keep {
            history.put(slot(3), "settings", json!({ "pk": text(TABLE_ID), "sk": text("digest") }));
        }
        history.backup(&backup);
        history.quiet(slot(3) + hours(12));
        history
    };
    stored(true).assert_well();
    stored(false).assert_breaks("settings-missing");

    let mut left = stored(true);
    left.intent(slot(3) + hours(13), Intent::PolicyDeleted { policy: "gold".to_owned() });
    for (id, vault) in
        [("P1", "eu-central-1"), ("P1", "eu-west-1"), ("P2", "eu-central-1"), ("P3", "eu-central-1")]
    {
        left.delete(slot(8), "retention", &arn(vault, id));
    }
    left.quiet(slot(9));
    left.assert_well();
    left.quiet(slot(25));
    left.assert_breaks("settings-left");
}

#[test]
fn functions_stay_within_their_bounds() {
    let beyond = |caller: &str, operation: (&str, &str), request: Value| {
        let mut history = History::new();
        history.days(2);
        let (table, target) = ("orders".to_owned(), "again".to_owned());
        let region = "eu-central-1".to_owned();
        history.intent(slot(2), Intent::RestoreAsked { table, target, region });
        history.call(slot(2) + hours(13), caller, operation, "orders", [request, json!({})]);
        history
    };
    let named = |table: &str| json!({ "TableName": table });
    beyond("restore", ("dynamodb", "UpdateTable"), named("again")).assert_well();
    beyond("restore", ("dynamodb", "UpdateTable"), named("orders")).assert_breaks("out-of-bounds");
    beyond("session", ("dynamodb", "UpdateTable"), named("again")).assert_breaks("out-of-bounds");
    beyond("restore", ("dynamodb", "PutItem"), named("orders")).assert_breaks("out-of-bounds");
    beyond("restore", ("dynamodb", "DeleteTable"), named("again")).assert_breaks("out-of-bounds");
    beyond("copy", ("backup", "DeleteBackupVault"), Value::Null).assert_breaks("out-of-bounds");
    beyond("retention", ("backup", "StopBackupJob"), Value::Null).assert_breaks("out-of-bounds");
    beyond("application", ("dynamodb", "DeleteTable"), named("orders")).assert_well();
}
