//! Nothing goes from the settings tables while a living recovery point names it, and nothing stays for ever.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::book::Book;
use crate::entry::{Call, Entry, Intent, State};
use crate::read::{self, attribute, text};
use crate::rules::{Found, Rule, is_calm};

/// What nothing names is swept within this time.
const SWEPT: SignedDuration = SignedDuration::from_hours(10 * 24);

/// An item of a settings table: Region, partition key, sort key.
type Key = (String, String, String);

#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Items that nothing names, with the moment at which that was first seen.
    orphans: BTreeMap<Key, Timestamp>,
    /// What was there when the catalog was lost, until it is seen what of it is named all the same.
    lost: BTreeSet<Key>,
    /// What only records named that were lost with the catalog: it stays, as docs/operations.md says.
    forgotten: BTreeSet<Key>,
}

impl Rule for Settings {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        match entry {
            Entry::Intent { what, .. } if matches!(what.as_ref(), Intent::CatalogLost) => {
                self.lost.extend(keys(book));
            }
            Entry::Call(call) if call.took_effect() && call.operation == "DeleteItem" => {
                removed(book, call, found);
            }
            Entry::Quiet { at, state } if is_calm(book, *at) => self.judge(book, *at, state, found),
            _ => {}
        }
    }
}

impl Settings {
    fn judge(&mut self, book: &Book<'_>, at: Timestamp, state: &State, found: &mut Found) {
        let mut named: BTreeSet<Key> = BTreeSet::new();
        for point in &state.points {
            let region = read::region(&point.arn);
            let tampered = book.points.get(&point.arn).is_some_and(|known| known.tampered.is_some());
            let Some(document) = book.document(&point.arn) else { continue };
            let items = book.settings.get(region);
            let item = |pk: &str, sk: &str| items.and_then(|items| items.get(&(pk, sk)).copied());
            named.insert((region.to_owned(), point.arn.clone(), "binding".to_owned()));
            let mut need = |pk: &str, sk: &str, what: &str| {
                named.insert((region.to_owned(), pk.to_owned(), sk.to_owned()));
                if item(pk, sk).is_none() && !tampered {
                    let what = format!("{what} of {} is not in the settings table of {region}", point.arn);
                    found.add("settings-missing", at, what);
                }
            };
            if !point.tags.contains_key("backup-chain/v1/0") {
                need(&point.arn, "message", "what leads to the message");
                if let Some(leads) = item(&point.arn, "message") {
                    need(&document.table_id, attribute(leads, "message"), "the message");
                }
            }
            if let Some(stored) = &document.stored {
                need(&document.table_id, stored, "the settings");
            }
        }
        self.forgotten.extend(std::mem::take(&mut self.lost));
        self.forgotten.retain(|key| !named.contains(key));
        let mut orphans = BTreeMap::new();
        for key in keys(book).filter(|key| !named.contains(key) && !self.forgotten.contains(key)) {
            let since = self.orphans.get(&key).copied().unwrap_or(at);
            if since + SWEPT < at {
                let (region, pk, sk) = &key;
                let what =
                    format!("{pk} {sk} in the settings table of {region} is named by nothing since {since}");
                found.add("settings-left", at, what);
            }
            orphans.insert(key, since);
        }
        self.orphans = orphans;
    }
}

/// A next backup may put back what was removed too early: it is judged when it goes.
fn removed(book: &Book<'_>, call: &Call, found: &mut Found) {
    let is_settings = book.deployment.is_some_and(|ours| text(&call.request, "TableName") == ours.settings);
    let key = &call.request["Key"];
    let (table, digest) = (attribute(key, "pk"), attribute(key, "sk"));
    let is_there =
        book.settings.get(call.region.as_str()).is_some_and(|items| items.contains_key(&(table, digest)));
    if !is_settings || is_there {
        return;
    }
    for (arn, point) in &book.points {
        let is_living = point.complete && point.gone.is_none() && point.tampered.is_none();
        let is_over = book.stolen.contains_key(arn) || point.ends.is_some_and(|ends| ends <= call.at);
        let Some(document) = &point.document else { continue };
        let names = document.table_id == table && document.stored.as_deref() == Some(digest);
        if is_living && !is_over && names && read::region(arn) == call.region {
            found.add(
                "settings-missing",
                call.at,
                format!("the settings of {arn} are removed, and it is there"),
            );
        }
    }
}

fn keys(book: &Book<'_>) -> impl Iterator<Item = Key> {
    book.settings.iter().flat_map(|(region, items)| {
        items.keys().map(|(pk, sk)| ((*region).to_owned(), (*pk).to_owned(), (*sk).to_owned()))
    })
}
