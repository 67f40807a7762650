//! Every due slot of every table in scope ends in an available restore point, or in a recorded failure.

use crate::book::Book;
use crate::entry::Entry;
use crate::plans::{Due, SETTLED};
use crate::rules::{Found, Rule};

#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// Slots that were not met, and that the table's next point is to take.
    owed: Vec<Due>,
}

impl Rule for Slots {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        let Entry::Quiet { at, .. } = entry else { return };
        for due in book.plans.take(*at, *at - SETTLED) {
            if is_met(book, &due) {
                continue;
            }
            let Due { policy, tier, slot, table, .. } = &due;
            if !is_told(book, &due) {
                let what = format!(
                    "the {tier} slot {slot} of {policy} has neither a restore point of {table} nor a recorded failure"
                );
                found.add("slot-unmet", *at, what);
            }
            self.owed.push(due);
        }
        self.owed.retain(|due| match next(book, due) {
            None => true,
            Some(Next::Overtaken) => false,
            Some(Next::Point { id, carries }) => {
                if !carries {
                    let Due { policy, tier, slot, table, .. } = due;
                    let what = format!("the next point of {table}, {id}, does not take the owed {tier} slot {slot} of {policy}");
                    found.add("slot-not-owed", *at, what);
                }
                false
            }
        });
    }
}

/// What comes after a slot that was not met.
enum Next {
    /// Its policy or its tier's next slot came first, or its table is gone.
    Overtaken,
    /// A restore point.
    Point {
        id: String,
        /// It takes the owed slot.
        carries: bool,
    },
}

fn next(book: &Book<'_>, due: &Due) -> Option<Next> {
    let of_table = book.jobs.values().filter_map(|job| Some((job, book.document(&job.arn)?)));
    let later = of_table.filter(|(_, document)| {
        document.table_id == due.table_id && document.slot > due.slot && !document.manual
    });
    let (job, document) = later.min_by_key(|(job, document)| (document.slot, job.asked))?;
    let overtaken = document.policy.as_ref().is_none_or(|(name, _)| *name != due.policy)
        || book.plans.changed(due.slot, job.asked)
        || book.plans.policies[&due.policy].is_conflict(due, document.slot)
        || job.failed.is_some();
    if overtaken {
        return Some(Next::Overtaken);
    }
    // A run by hand gives its tier the moment at which it was asked for.
    let carries = document.flags.iter().any(|flag| flag.tier == due.tier && flag.slot >= due.slot);
    Some(Next::Point { id: document.id.clone(), carries })
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
