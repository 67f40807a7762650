//! Records as version 1 has written them are read for ever, and written again the same: `tests/fixtures/catalog-v1.json`,
//! the catalog of a small life (`tests/tests/e2e/formats.rs`), never changes.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_core::history::Entry;
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::Restore;
use backup_chain_core::retention::{ChainRun, Run, Watch};
use backup_chain_core::session::Session;
use backup_chain_core::table::TableHead;

use super::policies::{RebuildRecord, Revision, StoredPolicy};
use super::records::{self, Item, Lease, OutboxEvent, Record, Write};

const GOLDEN: &str = include_str!("../../../../tests/fixtures/catalog-v1.json");

/// The kind of a record by its keys, and what is written of it once it was read.
fn again(item: &Item) -> (&'static str, Item) {
    fn read<R: Record>(item: &Item) -> Item {
        let mut record: R = records::read(item.clone()).unwrap_or_else(|why| panic!("{why}: {item:#?}"));
        *record.rev() -= 1;
        Write::of(&mut record).item
    }
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    match (text("pk"), text("sk")) {
        ("policy", _) => ("policy", read::<StoredPolicy>(item)),
        ("session", _) => ("session", read::<Session>(item)),
        ("run", _) => ("run", read::<Run>(item)),
        ("restore", _) => ("restore", read::<Restore>(item)),
        ("history", _) => ("history", read::<Entry>(item)),
        ("outbox", _) => ("outbox", read::<OutboxEvent>(item)),
        ("lease", _) => ("lease", read::<Lease>(item)),
        ("deployment", records::WATCH) => ("watch", read::<Watch>(item)),
        ("deployment", records::REBUILT) => ("rebuilt", read::<RebuildRecord>(item)),
        (pk, _) if pk.starts_with("policy#") => ("revision", read::<Revision>(item)),
        (pk, _) if pk.starts_with("run#") => ("chain of a run", read::<ChainRun>(item)),
        _ if records::is_point(item) => ("point", read::<RestorePoint>(item)),
        (pk, _) if pk.starts_with("table#") => ("head", read::<TableHead>(item)),
        other => panic!("no record of ours: {other:?}"),
    }
}

fn golden() -> Vec<Item> {
    let records: Vec<serde_json::Value> = serde_json::from_str(GOLDEN).unwrap();
    records.into_iter().map(|record| serde_dynamo::to_item(record).unwrap()).collect()
}

#[test]
fn the_golden_records_are_still_read_and_written() {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for item in golden() {
        let (kind, written) = again(&item);
        assert_eq!(written, item, "{kind}");
        *kinds.entry(kind).or_default() += 1;
    }
    let all = "chain of a run, head, history, lease, outbox, point, policy, rebuilt, restore, revision, run, session, watch";
    assert_eq!(kinds.into_keys().collect::<Vec<_>>().join(", "), all);
}

#[test]
fn a_point_in_each_of_its_states_comes_back_as_it_was() {
    let of = |state: &str| {
        let is = |item: &Item| records::is_point(item) && item["state"].as_s().unwrap() == state;
        golden().into_iter().find(is).unwrap_or_else(|| panic!("no point is {state}"))
    };
    let into = |mut item: Item, state: &str, lost: &[&str]| {
        item.insert("state".to_owned(), AttributeValue::S(state.to_owned()));
        item.retain(|field, _| !lost.contains(&field.as_str()));
        item
    };
    let states = [
        into(of("running"), "planned", &["request", "job", "arn"]),
        into(of("running"), "starting", &["job", "arn"]),
        of("running"),
        of("available"),
        of("failed"),
        into(of("failed"), "dropped", &["job", "arn"]),
        into(of("deleted"), "deleting", &[]),
        of("deleted"),
    ];
    for item in states {
        let point: RestorePoint = records::read(item.clone()).unwrap();
        let mut written: Item = serde_dynamo::to_item(point.to_stored()).unwrap();
        assert!(written.iter().all(|(field, value)| item.get(field) == Some(value)), "{}", point.state());
        written.insert("v".to_owned(), AttributeValue::N(records::VERSION.to_string()));
        assert_eq!(point, records::read(written).unwrap());
    }
}

#[test]
fn what_no_record_can_be_is_not_read() {
    let points: Vec<Item> = golden().into_iter().filter(records::is_point).collect();
    let why = |item: Item| records::read::<RestorePoint>(item).unwrap_err();
    let is = |item: &&Item, state: &str| item["state"].as_s().unwrap() == state;
    let of = |state: &str| points.iter().find(|item| is(item, state)).unwrap().clone();
    let without = |state: &str, field: &str| {
        let mut item = of(state);
        item.remove(field).unwrap();
        why(item)
    };
    let with = |field: &str, value: AttributeValue| {
        let mut item = of("available");
        item.insert(field.to_owned(), value);
        why(item)
    };
    let told = [
        without("available", "arn"),
        without("running", "job"),
        without("running", "request"),
        without("available", "v"),
        with("v", AttributeValue::N("2".to_owned())),
        with("v", AttributeValue::S("1".to_owned())),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    it is available, and its recovery point is not recorded
    it is running, and its job is not recorded
    it is running, and its request is not recorded
    it has no version
    it is of version 2, this one reads up to 1: a newer wrote it
    its version is not a number from 1 up
    ");
}
