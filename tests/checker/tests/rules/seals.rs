//! What is sealed, and what the settings tables hold.

use backup_chain_checker::{Entry, Intent};
use serde_json::{Value, json};

use crate::history::{
    Backup, History, SECRET, SOURCE, TABLE, TABLE_ID, arn, daily, hours, policy, row, slot, tags,
};

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

    // It may be put back by a next backup: it is judged when it goes.
    let remove = |history: &mut History, hour| {
        let key = json!({ "pk": { "S": TABLE_ID }, "sk": { "S": "digest" } });
        let asked = json!({ "TableName": "settings", "Key": key });
        let at = slot(3) + hours(hour);
        history.call(at, "retention", ("dynamodb", "DeleteItem"), "settings", [asked, json!({})]);
    };
    let mut early = stored(true);
    remove(&mut early, 13);
    early.assert_breaks("settings-missing");
    let mut late = stored(true);
    late.intent(slot(3) + hours(13), Intent::PolicyDeleted { policy: "gold".to_owned() });
    late.delete(slot(8), "retention", &arn("eu-central-1", "P3"));
    remove(&mut late, 6 * 24);
    late.assert_well();

    let mut left = stored(true);
    left.intent(slot(3) + hours(13), Intent::PolicyDeleted { policy: "gold".to_owned() });
    for (id, vault) in
        [("P1", "eu-central-1"), ("P1", "eu-west-1"), ("P2", "eu-central-1"), ("P3", "eu-central-1")]
    {
        left.delete(slot(8), "retention", &arn(vault, id));
    }
    left.quiet(slot(9));
    left.assert_well();
    // Who named it was lost with the catalog.
    let mut lost = left.clone();
    lost.intent(slot(9) + hours(1), Intent::CatalogLost);
    lost.quiet(slot(11));
    lost.quiet(slot(25));
    lost.assert_well();
    left.quiet(slot(25));
    left.assert_breaks("settings-left");
}
