//! When all is quiet, catalog and vaults agree.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::book::Book;
use crate::document::{Document, Flag};
use crate::entry::{Entry, Point, State};
use crate::read::{attribute, moment, place, region};
use crate::rules::{Found, Rule, is_calm};

pub(crate) struct Agreement;

impl Rule for Agreement {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        let Entry::Quiet { at, state } = entry else { return };
        if is_calm(book, *at) {
            judge(book, *at, state, found);
        }
    }
}

fn judge(book: &Book<'_>, at: Timestamp, state: &State, found: &mut Found) {
    let vaults: BTreeMap<&str, &Point> =
        state.points.iter().map(|point| (point.arn.as_str(), point)).collect();
    let mut recorded = BTreeSet::new();
    for (key, row) in living(book) {
        let arn = attribute(row, "arn");
        let state = attribute(row, "state");
        recorded.insert(arn);
        if ["planned", "starting", "running"].contains(&state) {
            found.add("row-open", at, format!("{key} is still {state}"));
        }
        if state != "available" {
            continue;
        }
        let tampered = book.points.get(arn).is_some_and(|point| point.tampered.is_some());
        // One that was made without metadata has nothing to be believed by.
        let untouched = !tampered && book.document(arn).is_some();
        if let Some(why) = row["suspect"]["S"].as_str().filter(|_| untouched) {
            found.add("row-differs", at, format!("{key} is suspect, and nobody touched it: {why}"));
        }
        match vaults.get(arn) {
            None if went(book, arn).is_some_and(|since| at < since + super::CALM) => {}
            None => found.add("row-without-point", at, format!("{key} is available and in no vault")),
            Some(point) if !tampered => {
                if row["suspect"].is_null() && !is_bound(book, row, point) {
                    found.add(
                        "not-bound",
                        at,
                        format!("{arn} of {} is not bound to its message", point.resource),
                    );
                }
                if let Some(differs) = difference(book, row, point) {
                    found.add("row-differs", at, format!("{key}: {differs}"));
                }
            }
            Some(_) => {}
        }
    }
    for (arn, point) in &vaults {
        let known = book.points.get(*arn);
        let ours = book.document(arn).is_some() && !book.foreign.contains(*arn);
        let tampered = known.is_some_and(|known| known.tampered.is_some());
        if ours && !tampered && !recorded.contains(arn) && point.status != "CREATING" {
            let what = format!("{arn} of {} is in {} and in no record", point.resource, point.vault);
            found.add("point-without-row", at, what);
        }
    }
}

/// Whether KMS has sealed that a recovery point's message belongs to it, and that stands with it.
fn is_bound(book: &Book<'_>, row: &Value, point: &Point) -> bool {
    let items = book.settings.get(region(&point.arn));
    let stored = items.and_then(|items| items.get(&(point.arn.as_str(), "binding")));
    let stored = stored.and_then(|item| item["sealed"]["B"].as_str());
    let tagged = point.tags.get("backup-chain/bound").map(String::as_str);
    tagged
        .into_iter()
        .chain(stored)
        .filter_map(|binding| book.bindings.get(binding))
        .any(|(arn, message)| *arn == point.arn && message == attribute(row, "sealed"))
}

/// When a recovery point went without being deleted by us: the next run notices.
fn went(book: &Book<'_>, arn: &str) -> Option<Timestamp> {
    let ended = book.points.get(arn).and_then(|point| point.ends);
    book.stolen.get(arn).copied().or(ended)
}

/// The records of points that are not past.
pub(crate) fn living<'b>(book: &'b Book<'_>) -> impl Iterator<Item = (String, &'b Value)> {
    let rows = book.rows.iter().filter(|((pk, sk), _)| {
        let mut parts = sk.split('#').skip(1);
        pk.starts_with("table#") && parts.next().is_some_and(|kind| kind == "point" || kind == "manual")
    });
    rows.map(|((pk, sk), row)| (format!("{pk} {sk}"), *row))
}

fn difference(book: &Book<'_>, row: &Value, point: &Point) -> Option<String> {
    let told = moment(row, "created_at").map(Timestamp::as_second);
    if told != Some(point.created.as_second()) {
        return Some(format!(
            "it is dated {}, its recovery point {}",
            attribute(row, "created_at"),
            point.created
        ));
    }
    let table = &row["table"]["M"];
    if (attribute(table, "arn"), attribute(table, "id")) != (&point.resource, &point.table_id) {
        return Some(format!("its recovery point is of {} {}", point.resource, point.table_id));
    }
    if place(attribute(row, "vault")) != point.vault {
        return Some(format!("its recovery point is in {}", point.vault));
    }
    let document: &Document = book.document(&point.arn)?;
    if attribute(row, "id") != document.id || attribute(row, "session") != document.session {
        return Some(format!("its recovery point says that it is {} of {}", document.id, document.session));
    }
    let (mut told, mut sealed) = (flags(row), book.flags(&point.vault, document).to_vec());
    told.sort();
    sealed.sort();
    (told != sealed).then(|| format!("its flags are {}, sealed are {}", shown(&told), shown(&sealed)))
}

/// The flags in a record.
pub(crate) fn flags(row: &Value) -> Vec<Flag> {
    let flag = |flag: &Value| {
        let flag = &flag["M"];
        Some(Flag {
            tier: attribute(flag, "tier").to_owned(),
            slot: moment(flag, "slot")?,
            span: attribute(flag, "span").to_owned(),
            lapses: moment(flag, "lapses")?,
        })
    };
    row["flags"]["L"].as_array().into_iter().flatten().filter_map(flag).collect()
}

fn shown(flags: &[Flag]) -> String {
    let flags: Vec<String> = flags
        .iter()
        .map(|Flag { tier, slot, lapses, .. }| format!("{tier} of {slot} until {lapses}"))
        .collect();
    format!("[{}]", flags.join(", "))
}
