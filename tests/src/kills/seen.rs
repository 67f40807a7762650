//! What is seen of a served world from outside: through the SDK and the operator's command.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![allow(clippy::missing_panics_doc, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_backup::Client as Backup;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;

use super::Hunted;
use crate::served::Served;

/// Stores a policy.
pub fn apply(hunted: &Hunted, policy: &str) {
    let path = hunted.folder.path().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    let done = hunted.served.run("backup-chain", &["policy", "apply", path.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
}

/// What a command answers as JSON.
#[track_caller]
pub fn asked(served: &Served, args: &[&str]) -> Value {
    let done = served.run("backup-chain", &[args, &["--json"]].concat());
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A text that must be there.
#[track_caller]
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}

/// The members of a list that must be one.
#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// The recovery points of a vault.
pub async fn held(backup: &Backup, vault: &str) -> BTreeSet<String> {
    let pages = backup.list_recovery_points_by_backup_vault().backup_vault_name(vault).into_paginator();
    let listed: Vec<_> = pages.items().send().collect::<Result<_, _>>().await.unwrap();
    listed.into_iter().map(|point| point.recovery_point_arn.unwrap()).collect()
}

/// The names of the tables of a Region.
pub async fn tables(dynamodb: &DynamoDb) -> BTreeSet<String> {
    let names: Vec<String> =
        dynamodb.list_tables().into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
    names.into_iter().collect()
}

/// The items of a table, in an order of their own.
pub async fn items(dynamodb: &DynamoDb, table: &str) -> Vec<String> {
    let scanned = dynamodb.scan().table_name(table).consistent_read(true).send().await.unwrap();
    let sorted =
        |item: &HashMap<String, AttributeValue>| format!("{:?}", item.iter().collect::<BTreeMap<_, _>>());
    let mut items: Vec<String> = scanned.items().iter().map(sorted).collect();
    items.sort();
    items
}

/// Nothing in the catalog waits for anybody: no open session, job, copy, deletion or restore, no untold event, and no
/// lease in force.
pub async fn assert_quiet(dynamodb: &DynamoDb, served: &Served) {
    let now: Timestamp = served.clock(&["show"]).parse().unwrap();
    let scan = dynamodb.scan().table_name("backup-chain-catalog").consistent_read(true).into_paginator();
    let all: Vec<HashMap<String, AttributeValue>> =
        scan.items().send().collect::<Result<_, _>>().await.unwrap();
    let is_left = |item: &&HashMap<String, AttributeValue>| {
        let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
        let is_lease = field("pk") == Some("lease");
        let is_held = is_lease && field("until").unwrap().parse::<Timestamp>().unwrap() > now;
        is_held
            || field("pk") == Some("outbox")
            || field("queue").is_some_and(|queue| !["lapse", "head"].contains(&queue))
    };
    let left: Vec<_> = all.iter().filter(is_left).collect();
    assert!(left.is_empty(), "{left:#?}");
}
