//! Every due slot of every table in scope ends in an available restore point, or in a recorded failure.

use crate::book::Book;
use crate::entry::Entry;
use crate::plans::{Due, SETTLED};
use crate::rules::{Found, Rule};

pub(crate) struct Slots;

impl Rule for Slots {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        let Entry::Quiet { at, .. } = entry else { return };
        for due in book.plans.take(*at, *at - SETTLED) {
            if !is_met(book, &due) && !is_told(book, &due) {
                let Due { policy, tier, slot, table, .. } = &due;
                let what = format!(
                    "the {tier} slot {slot} of {policy} has neither a restore point of {table} nor a recorded failure"
                );
                found.add("slot-unmet", *at, what);
            }
        }
    }
}

/// A restore point carries the slot, or did until it was removed.
fn is_met(book: &Book<'_>, due: &Due) -> bool {
    book.jobs.values().filter(|job| job.failed.is_none()).any(|job| {
        let complete = book.points.get(&job.arn).is_some_and(|point| point.complete);
        complete
            && book.document(&job.arn).is_some_and(|document| {
                document.table_id == due.table_id
                    && document.flags.iter().any(|flag| flag.tier == due.tier && flag.slot == due.slot)
            })
    })
}

/// A session, an event or the record of a restore point says that it came to nothing.
fn is_told(book: &Book<'_>, due: &Due) -> bool {
    book.failures.iter().any(|failure| {
        let names = failure.tables.as_ref().is_none_or(|tables| tables.contains(&due.table));
        failure.policy == due.policy
            && (names && failure.slot >= due.slot || failure.missed && failure.slot > due.slot)
    })
}
