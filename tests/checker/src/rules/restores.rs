//! A restored table equals the one that was backed up.

use serde_json::{Value, json};

use crate::book::Book;
use crate::entry::{Entry, Intent, Table};
use crate::rules::{Found, Rule};

pub(crate) struct Restores;

impl Rule for Restores {
    fn see(&mut self, _book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        let Entry::Intent { at, what } = entry else { return };
        let Intent::RestoreEnded { target, status, point, expected, table } = what.as_ref() else { return };
        if status == "failed" {
            return;
        }
        let Some(table) = table else {
            return found.add("restore-differs", *at, format!("{target} ended as {status} and is not there"));
        };
        let Some(expected) = expected else { return };
        if items(table) != items(expected) {
            let (is, was) = (table.items.len(), expected.items.len());
            let what = format!("{target} of {point} has other items: {is}, {was} were backed up");
            found.add("restore-differs", *at, what);
        }
        // A warning names what is not as it was.
        if status == "succeeded" && !table.settings.is_null() && !expected.settings.is_null() {
            let (is, was) = (essence(&table.settings), essence(&expected.settings));
            for (name, was) in was.as_object().into_iter().flatten() {
                if is[name] != *was {
                    let what = format!("{target} of {point}: {name} was {was}, is {}", is[name]);
                    found.add("restore-differs", *at, what);
                }
            }
        }
    }
}

fn items(table: &Table) -> Vec<String> {
    let mut items: Vec<String> = table.items.iter().map(Value::to_string).collect();
    items.sort();
    items
}

/// What of a table's description a restore brings back in any case.
fn essence(description: &Value) -> Value {
    let sorted = |value: &Value, name: &str| {
        let mut values: Vec<Value> = value.as_array().cloned().unwrap_or_default();
        values.sort_by_key(|value| value[name].to_string());
        Value::from(values)
    };
    let indexes = |name: &str| -> Value {
        let indexes = description[name].as_array().into_iter().flatten();
        let indexes = indexes.map(|index| {
            let name = index["IndexName"].clone();
            json!({ "IndexName": name, "KeySchema": index["KeySchema"], "Projection": index["Projection"] })
        });
        sorted(&indexes.collect(), "IndexName")
    };
    json!({
        "KeySchema": description["KeySchema"],
        "AttributeDefinitions": sorted(&description["AttributeDefinitions"], "AttributeName"),
        "BillingMode": description["BillingModeSummary"]["BillingMode"].as_str().unwrap_or("PROVISIONED"),
        "TableClass": description["TableClassSummary"]["TableClass"].as_str().unwrap_or("STANDARD"),
        "GlobalSecondaryIndexes": indexes("GlobalSecondaryIndexes"),
        "LocalSecondaryIndexes": indexes("LocalSecondaryIndexes"),
    })
}
