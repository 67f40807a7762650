//! Whatever is written in whatever order: who reads weakly sees each item as it once was, never goes back, and in the
//! end sees what is.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Dynamo, requests::Refusal};
use crate::{WorldClock, api::Scope, lags::Lags, rng::Rng};

const KEYS: usize = 4;
const START: &str = "2026-03-01T00:00:00Z";

#[derive(Debug, Clone)]
enum Step {
    Put(usize),
    Update(usize),
    Delete(usize),
    Batch(usize, usize),
    Transact(usize, usize),
    Statement(usize),
    /// In milliseconds.
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..KEYS;
    let step = prop_oneof![
        key().prop_map(Step::Put),
        key().prop_map(Step::Update),
        key().prop_map(Step::Delete),
        (key(), key()).prop_map(|(put, delete)| Step::Batch(put, delete)),
        (key(), key()).prop_map(|(put, update)| Step::Transact(put, update)),
        key().prop_map(Step::Statement),
        (0_i64..1500).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..40)
}

/// The table `rows`, and what became of each of its items, by their keys: the versions that they had.
struct Rows {
    dynamo: Dynamo,
    now: Timestamp,
    version: i64,
    had: BTreeMap<usize, Vec<Option<i64>>>,
    /// The place in that history which a reader has reached.
    reached: BTreeMap<usize, usize>,
}

impl Rows {
    fn new(seed: u64) -> Self {
        let now: Timestamp = START.parse().unwrap();
        let mut lags = Lags::new(seed, 100);
        lags.spread();
        let dynamo = Dynamo::new(WorldClock::new(now), Rng::new(seed, 1), lags);
        let had = (0..KEYS).map(|key| (key, vec![None])).collect();
        let mut rows = Self { dynamo, now, version: 0, had, reached: BTreeMap::new() };
        let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
        let schema = |name: &str| json!([{ "AttributeName": name, "KeyType": "HASH" }]);
        rows.ok(
            "CreateTable",
            &json!({
                "TableName": "rows",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [attribute("pk", "N"), attribute("all", "S")],
                "KeySchema": schema("pk"),
                "GlobalSecondaryIndexes": [
                    { "IndexName": "all", "KeySchema": schema("all"), "Projection": { "ProjectionType": "ALL" } },
                ],
            }),
        );
        rows
    }

    fn ok(&mut self, operation: &str, body: &Value) -> Value {
        let scope = Scope {
            account: "111122223333".to_owned(),
            region: "eu-central-1".to_owned(),
            caller: String::new(),
            now: self.now,
        };
        match self.dynamo.answer(&scope, operation, body) {
            Ok(answer) => answer,
            Err(Refusal::Ours(error)) => panic!("{operation} {body}: {error:?}"),
            Err(Refusal::Engines(error)) => panic!("{operation} {body}: {error:?}"),
        }
    }

    /// The item of the next version, which its key has from now on.
    fn next(&mut self, key: usize) -> Value {
        self.version += 1;
        self.had.get_mut(&key).unwrap().push(Some(self.version));
        let version = self.version.to_string();
        json!({ "pk": { "N": key.to_string() }, "all": { "S": "x" }, "version": { "N": version } })
    }

    fn is_there(&self, key: usize) -> bool {
        self.had[&key].last().unwrap().is_some()
    }

    fn gone(&mut self, key: usize) -> Value {
        if self.is_there(key) {
            self.had.get_mut(&key).unwrap().push(None);
        }
        pk(key)
    }

    fn update(&mut self, key: usize) -> Value {
        let item = self.next(key);
        json!({
            "TableName": "rows",
            "Key": pk(key),
            "UpdateExpression": "SET version = :v, #a = :a",
            "ExpressionAttributeNames": { "#a": "all" },
            "ExpressionAttributeValues": { ":v": item["version"], ":a": item["all"] },
        })
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Put(key) => {
                let item = self.next(key);
                self.ok("PutItem", &json!({ "TableName": "rows", "Item": item }));
            }
            Step::Update(key) => {
                let update = self.update(key);
                self.ok("UpdateItem", &update);
            }
            Step::Delete(key) => {
                let key = self.gone(key);
                self.ok("DeleteItem", &json!({ "TableName": "rows", "Key": key }));
            }
            Step::Batch(put, delete) => {
                let mut requests = vec![json!({ "PutRequest": { "Item": self.next(put) } })];
                if delete != put {
                    requests.push(json!({ "DeleteRequest": { "Key": self.gone(delete) } }));
                }
                self.ok("BatchWriteItem", &json!({ "RequestItems": { "rows": requests } }));
            }
            Step::Transact(put, update) => {
                let mut items = vec![json!({ "Put": { "TableName": "rows", "Item": self.next(put) } })];
                if update != put {
                    items.push(json!({ "Update": self.update(update) }));
                }
                self.ok("TransactWriteItems", &json!({ "TransactItems": items }));
            }
            Step::Statement(key) => {
                let statement = if self.is_there(key) {
                    self.gone(key);
                    format!("DELETE FROM \"rows\" WHERE pk = {key}")
                } else {
                    self.next(key);
                    format!(
                        "INSERT INTO \"rows\" VALUE {{'pk': {key}, 'all': 'x', 'version': {}}}",
                        self.version
                    )
                };
                self.ok("ExecuteStatement", &json!({ "Statement": statement }));
            }
            Step::Wait(millis) => self.now += SignedDuration::from_millis(millis),
        }
    }

    fn scan(&mut self, more: &Value) -> BTreeMap<usize, i64> {
        let mut request = json!({ "TableName": "rows" });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.ok("Scan", &request);
        let items = answer["Items"].as_array().unwrap().iter();
        let number = |item: &Value, name: &str| item[name]["N"].as_str().unwrap().parse::<i64>().unwrap();
        items.map(|item| (number(item, "pk") as usize, number(item, "version"))).collect()
    }

    /// What a weak reader sees is what was, not before what it has seen; who asks for consistency sees what is.
    fn check(&mut self) {
        let told = self.scan(&json!({}));
        assert_eq!(self.scan(&json!({ "IndexName": "all" })), told, "the index tells the same");
        let is = self.scan(&json!({ "ConsistentRead": true }));
        for key in 0..KEYS {
            let get = self.ok("GetItem", &json!({ "TableName": "rows", "Key": pk(key) }));
            assert_eq!(get.get("Item").is_some(), told.contains_key(&key));
            assert_eq!(is.get(&key), self.had[&key].last().unwrap().as_ref());
            let from = self.reached.get(&key).copied().unwrap_or_default();
            let at = (from..self.had[&key].len()).find(|at| self.had[&key][*at].as_ref() == told.get(&key));
            let at = at.unwrap_or_else(|| panic!("{key}: {told:?} after {from} of {:?}", self.had[&key]));
            self.reached.insert(key, at);
        }
    }
}

fn pk(key: usize) -> Value {
    json!({ "pk": { "N": key.to_string() } })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_weak_reader_sees_each_item_as_it_was_and_in_the_end_as_it_is(seed in 0_u64..1000, steps in steps()) {
        let mut rows = Rows::new(seed);
        for step in &steps {
            rows.take(step);
            rows.check();
        }
        rows.now += SignedDuration::from_secs(3);
        prop_assert_eq!(rows.scan(&json!({})), rows.scan(&json!({ "ConsistentRead": true })));
    }
}

#[test]
fn a_table_that_nobody_reads_keeps_few_writes_back() {
    let mut rows = Rows::new(1);
    for _ in 0..3_000 {
        rows.now += SignedDuration::from_millis(10);
        rows.take(&Step::Put(0));
    }
    let kept = rows.dynamo.stores.values().map(|store| store.items.kept_back()).sum::<usize>();
    assert!(kept <= 1_000, "{kept}");
}
