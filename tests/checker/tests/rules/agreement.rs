//! Copies, catalog and vaults, rebuilds.

use backup_chain_checker::Intent;
use serde_json::{Value, json};

use crate::history::{COPIES, History, SOURCE, TABLE_ID, arn, daily, hours, row, slot};

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
fn a_message_is_bound_to_its_point() {
    let mut history = History::new();
    history.days(5);
    let other = history.points[&arn("eu-west-1", "P5")].tags["backup-chain/bound"].clone();
    let point = history.points.get_mut(&arn("eu-central-1", "P5")).unwrap();
    point.tags.insert("backup-chain/bound".to_owned(), other);
    history.quiet(slot(5) + hours(13));
    history.assert_breaks("not-bound");
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
