//! Each available backup whose flags want a copy has one in each target vault, or a record of why not.

use jiff::Timestamp;

use crate::book::Book;
use crate::entry::{Entry, Intent};
use crate::read::{self, attribute};
use crate::rules::{Found, Rule, is_calm};

#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// Records of copies that came to nothing do not survive a loss of the catalog.
    lost: Option<Timestamp>,
}

impl Rule for Copies {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        match entry {
            Entry::Intent { at, what } if **what == Intent::CatalogLost => self.lost = Some(*at),
            Entry::Quiet { at, state } if is_calm(book, *at) => {
                for point in &state.points {
                    self.judge(book, *at, &point.arn, found);
                }
            }
            _ => {}
        }
    }
}

impl Copies {
    fn judge(&self, book: &Book<'_>, at: Timestamp, arn: &str, found: &mut Found) {
        let (Some(point), Some(document)) = (book.points.get(arn), book.document(arn)) else { return };
        let old = point.created.is_none_or(|created| self.lost.is_some_and(|lost| created < lost));
        if !book.is_source(&point.vault) || !point.complete || point.tampered.is_some() || old {
            return;
        }
        for (target, flags) in &document.copies {
            let vault = read::place(target);
            let wanted = flags.iter().any(|flag| at < flag.lapses);
            let made = book.points.values().any(|other| {
                other.vault == vault && other.complete && other.id.as_deref() == Some(&document.id)
            });
            if wanted && !made && !is_recorded(book, &vault, &document.id, &document.table) {
                let what =
                    format!("{arn} of {} has no copy in {vault}, and no record says why", point.resource);
                found.add("copy-missing", at, what);
            }
        }
    }
}

/// A record says that the copy failed, was dropped, or was removed.
fn is_recorded(book: &Book<'_>, vault: &str, id: &str, table: &str) -> bool {
    let pk = format!("table#{}", read::table(table));
    book.rows.range((pk.as_str(), "")..).take_while(|((key, _), _)| *key == pk).any(|(_, row)| {
        attribute(row, "id") == id
            && read::place(attribute(row, "vault")) == vault
            && ["failed", "dropped", "deleting", "deleted", "gone"].contains(&attribute(row, "state"))
    })
}
