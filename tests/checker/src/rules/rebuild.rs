//! Rebuilt from vaults and settings tables, restore points are the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::book::{Book, is_held};
use crate::entry::{Entry, Intent};
use crate::read::attribute;
use crate::rules::agreement::{flags, living};
use crate::rules::{Found, Rule, is_calm};

/// What a record says of a recovery point, as far as a rebuild brings it back.
type Essence = BTreeMap<&'static str, String>;

#[derive(Debug, Default)]
pub(crate) struct Rebuild {
    /// By ARN, as it last stood.
    before: BTreeMap<String, Essence>,
    lost: Option<BTreeMap<String, Essence>>,
    asked: bool,
}

impl Rule for Rebuild {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        match entry {
            Entry::Intent { what, .. } => match what.as_ref() {
                Intent::CatalogLost => {
                    self.lost.get_or_insert_with(|| std::mem::take(&mut self.before));
                    self.asked = false;
                }
                Intent::RebuildAsked => self.asked = self.lost.is_some(),
                _ => {}
            },
            Entry::Quiet { at, .. } if is_calm(book, *at) => {
                let now = essences(book, *at);
                for (arn, before) in self.lost.take_if(|_| self.asked).into_iter().flatten() {
                    let point = book.points.get(&arn);
                    if point.is_some_and(|point| point.gone.is_none() && point.tampered.is_none()) {
                        compare(&arn, &before, now.get(&arn), *at, found);
                    }
                }
                self.before = now;
            }
            _ => {}
        }
    }
}

fn compare(arn: &str, before: &Essence, after: Option<&Essence>, at: Timestamp, found: &mut Found) {
    let Some(after) = after else {
        return found.add("rebuild-differs", at, format!("{arn} has no record any more"));
    };
    for (name, was) in before.iter().filter(|(name, was)| after.get(*name) != Some(was)) {
        let is = after.get(name).map_or("nothing", String::as_str);
        found.add("rebuild-differs", at, format!("{arn}: {name} was {was}, is {is}"));
    }
}

fn essences(book: &Book<'_>, at: Timestamp) -> BTreeMap<String, Essence> {
    // What is not bound is not believed without the catalog.
    let rows = living(book).filter(|(_, row)| {
        attribute(row, "state") == "available" && row["suspect"].is_null() && !row["bound"].is_null()
    });
    rows.map(|(_, row)| (attribute(row, "arn").to_owned(), essence(book, row, at))).collect()
}

fn essence(book: &Book<'_>, row: &Value, at: Timestamp) -> Essence {
    let mut essence = Essence::new();
    for name in ["id", "kind", "session", "slot", "created_at", "vault", "sealed", "settings", "bound"] {
        essence.insert(name, attribute(row, name).to_owned());
    }
    essence.insert("policy", attribute(&row["policy"]["M"], "name").to_owned());
    essence.insert("table", attribute(&row["table"]["M"], "id").to_owned());
    let mut flags = flags(row);
    flags.sort();
    essence.insert("flags", format!("{flags:?}"));
    let tagged = book.points.get(attribute(row, "arn")).is_some_and(|point| point.tagged.is_some());
    if tagged {
        essence.insert("held", is_held(row, at).to_string());
    }
    essence
}
