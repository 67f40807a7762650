//! No captured setting is readable in tags, items, notices or logs, and what looks sealed is.

use serde_json::Value;

use crate::book::Book;
use crate::document;
use crate::entry::{Call, Entry, Intent};
use crate::read::{self, attribute};
use crate::rules::{Found, Rule};

#[derive(Debug, Default)]
pub(crate) struct Seals {
    markers: Vec<String>,
}

impl Rule for Seals {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        match entry {
            Entry::Intent { what, .. } => {
                if let Intent::Markers { values } = what.as_ref() {
                    self.markers.extend_from_slice(values);
                }
            }
            Entry::Call(call) if book.is_function(&call.caller) => self.judge(book, call, found),
            Entry::Log { at, caller, line } => {
                if let Some(marker) = self.in_text(line) {
                    found.add("setting-readable", *at, format!("{marker:?} in the log of {caller}"));
                }
            }
            Entry::Quiet { at, state } => {
                for records in &state.records {
                    for item in &records.items {
                        if let Some(marker) = self.readable(item) {
                            let key = (attribute(item, "pk"), attribute(item, "sk"));
                            let what = format!("{marker:?} in {key:?} of {}", records.table);
                            found.add("setting-readable", *at, what);
                        }
                    }
                }
                for point in &state.points {
                    if let Some(marker) = point.tags.values().find_map(|value| self.in_text(value)) {
                        found.add("setting-readable", *at, format!("{marker:?} in a tag of {}", point.arn));
                    }
                }
            }
            _ => {}
        }
    }
}

impl Seals {
    fn judge(&self, book: &mut Book<'_>, call: &Call, found: &mut Found) {
        let writes = match call.service.as_str() {
            "backup" | "events" | "sqs" | "lambda" => !call.request.is_null(),
            "dynamodb" => is_item_write(&call.operation),
            _ => false,
        };
        if !writes {
            return;
        }
        if let Some(marker) = self.readable(&call.request) {
            let what = format!("{marker:?} in {} of {}", call.operation, call.caller);
            found.add("setting-readable", call.at, what);
        }
        if call.operation == "StartBackupJob" {
            let tags = &call.request["RecoveryPointTags"];
            let message = document::message(|key| tags[key].as_str());
            if message.is_some_and(|message| !book.opened(&message).is_sealed) {
                let what = format!("the tags for {} hold a message that is not sealed", call.resource);
                found.add("not-sealed", call.at, what);
            }
        }
        for item in items(&call.request) {
            let message = read::message(item);
            if message.is_some_and(|message| !book.opened(&message).is_sealed) {
                let key = (attribute(item, "pk"), attribute(item, "sk"));
                found.add("not-sealed", call.at, format!("{key:?} holds a message that is not sealed"));
            }
        }
    }

    fn readable(&self, value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => self.in_text(text),
            Value::Array(values) => values.iter().find_map(|value| self.readable(value)),
            Value::Object(fields) => {
                fields.iter().find_map(|(name, value)| self.in_text(name).or_else(|| self.readable(value)))
            }
            _ => None,
        }
    }

    fn in_text(&self, text: &str) -> Option<&str> {
        self.markers.iter().map(String::as_str).find(|marker| text.contains(marker))
    }
}

/// Whether an operation of DynamoDB writes items.
pub(crate) fn is_item_write(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement"]
        .contains(&operation)
}

/// The items that a request puts.
fn items(request: &Value) -> impl Iterator<Item = &Value> {
    let transacted =
        request["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Put"]["Item"]);
    let batched = request["RequestItems"].as_object().into_iter().flatten();
    let batched = batched.flat_map(|(_, requests)| requests.as_array().into_iter().flatten());
    std::iter::once(&request["Item"]).chain(transacted).chain(batched.map(|put| &put["PutRequest"]["Item"]))
}
