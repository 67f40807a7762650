//! What may be removed.

use backup_chain_checker::Intent;
use serde_json::json;

use crate::history::{Backup, COPIES, History, SOURCE, TABLE_ID, arn, daily, hours, row, slot};

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
        history.rows.retain(|_, row| row["sk"] != copying["sk"]);
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
