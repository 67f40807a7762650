//! Restores, and what functions may do.

use backup_chain_checker::{Intent, Table};
use serde_json::{Value, json};

use crate::history::{History, arn, hours, slot};

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
