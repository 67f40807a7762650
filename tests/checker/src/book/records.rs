//! What is written to the catalog and the settings tables, and what the bus is told.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::{Book, Decision, Failure};
use crate::entry::Call;
use crate::read::{self, attribute, text};

impl<'a> Book<'a> {
    pub(super) fn events(&mut self, asked: &Value) {
        for event in asked["Entries"].as_array().into_iter().flatten() {
            let detail: Value = serde_json::from_str(text(event, "Detail")).unwrap_or_default();
            let Ok(slot) = text(&detail, "slot").parse() else { continue };
            let named = |list: &str| -> BTreeSet<String> {
                let tables = detail[list].as_array().into_iter().flatten();
                tables.map(|table| text(table, "table").to_owned()).collect()
            };
            let tables: BTreeSet<String> = named("failed").into_iter().chain(named("skipped")).collect();
            let all = detail["problems"].as_array().is_some_and(|problems| !problems.is_empty());
            let failure = Failure {
                policy: text(&detail, "policy").to_owned(),
                slot,
                tables: (!all).then_some(tables),
                missed: detail["missed"].as_u64().is_some_and(|missed| missed > 0),
            };
            self.fails(failure);
        }
    }

    pub(super) fn batch(&mut self, call: &'a Call) {
        for (table, requests) in call.request["RequestItems"].as_object().into_iter().flatten() {
            for request in requests.as_array().into_iter().flatten() {
                let item = &request["PutRequest"]["Item"];
                self.put(call.at, &call.region, table, item);
                self.remove(&call.region, table, &request["DeleteRequest"]["Key"]);
            }
        }
    }

    pub(super) fn write(&mut self, call: &'a Call, put: &'a Value, item: &'a Value) {
        self.put(call.at, &call.region, text(put, "TableName"), item);
    }

    pub(super) fn erase(&mut self, call: &'a Call, delete: &'a Value) {
        self.remove(&call.region, text(delete, "TableName"), &delete["Key"]);
    }

    fn put(&mut self, at: Timestamp, region: &'a str, table: &str, item: &'a Value) {
        let Some(deployment) = self.deployment.filter(|_| !item.is_null()) else { return };
        let key = (attribute(item, "pk"), attribute(item, "sk"));
        if table == deployment.catalog {
            let before = self.rows.insert(key, item);
            self.record(item);
            self.decision(at, item, before);
        } else if table == deployment.settings {
            self.settings.entry(region).or_default().insert(key, item);
            self.sealed(item);
        }
    }

    fn remove(&mut self, region: &'a str, table: &str, key: &'a Value) {
        let Some(deployment) = self.deployment.filter(|_| !key.is_null()) else { return };
        let key = (attribute(key, "pk"), attribute(key, "sk"));
        if table == deployment.catalog {
            self.rows.remove(&key);
        } else if table == deployment.settings
            && let Some(items) = self.settings.get_mut(region)
        {
            items.remove(&key);
        }
    }

    /// What a record tells of failures.
    fn record(&mut self, item: &Value) {
        let name = |item: &Value| attribute(&item["policy"]["M"], "name").to_owned();
        if attribute(item, "pk") == "session" {
            let Some(slot) = read::moment(item, "slot") else { return };
            let is_empty = |list: &str| item[list]["L"].as_array().is_none_or(Vec::is_empty);
            let skipped = item["skipped"]["L"].as_array().into_iter().flatten();
            let skipped = skipped.filter(|skipped| skipped["M"]["warning"]["BOOL"] == true);
            let skipped = skipped.map(|skipped| attribute(&skipped["M"], "table").to_owned()).collect();
            let tables = is_empty("problems").then_some(skipped);
            self.fails(Failure { policy: name(item), slot, tables, missed: !is_empty("missed") });
        } else if ["failed", "dropped"].contains(&attribute(item, "state")) {
            let Some(slot) = read::moment(item, "slot") else { return };
            let table = read::table(attribute(&item["table"]["M"], "arn")).to_owned();
            let tables = Some(BTreeSet::from([table]));
            self.fails(Failure { policy: name(item), slot, tables, missed: false });
        }
    }

    fn fails(&mut self, failure: Failure) {
        if failure.missed || failure.tables.as_ref().is_none_or(|tables| !tables.is_empty()) {
            self.failures.push(failure);
        }
    }

    /// Notes when a deletion is written down, or given up.
    fn decision(&mut self, at: Timestamp, item: &Value, before: Option<&Value>) {
        let arn = attribute(item, "arn");
        match attribute(item, "state") {
            "deleting" if !arn.is_empty() => {
                let (held, skew) = (before.is_some_and(|before| is_held(before, at)), self.skew);
                self.point(arn).decided.get_or_insert(Decision { at, held, skew });
            }
            "available" if self.points.contains_key(arn) => self.point(arn).decided = None,
            _ => {}
        }
    }

    fn sealed(&mut self, item: &Value) {
        if let Some(message) = read::message(item) {
            self.opened(&message);
        }
        if attribute(item, "sk") == "message" {
            let (arn, id) = (attribute(item, "pk").to_owned(), attribute(item, "id").to_owned());
            self.point(&arn).id.get_or_insert(id);
        }
    }
}

/// Whether a record of a point has a hold that is in force.
pub(crate) fn is_held(row: &Value, at: Timestamp) -> bool {
    let hold = &row["hold"]["M"];
    !hold.is_null() && read::moment(hold, "until").is_none_or(|until| at < until)
}
