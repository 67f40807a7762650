//! One recovery point per table and session, and per slot: a repeated trigger, event or crash makes no second one.

use std::collections::BTreeMap;

use crate::book::{Book, Job};
use crate::document::Document;
use crate::entry::Entry;
use crate::rules::{Found, Rule};

pub(crate) struct Second;

impl Rule for Second {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        let Entry::Quiet { at, state } = entry else { return };
        let mut ids = BTreeMap::new();
        for point in &state.points {
            let known = book.points.get(&point.arn);
            let (true, Some(id)) = (
                known.is_some_and(|known| known.tampered.is_none()) && !book.foreign.contains(&point.arn),
                known.and_then(|known| known.id.as_ref()),
            ) else {
                continue;
            };
            if let Some(other) = ids.insert((&point.vault, id), &point.arn) {
                let what = format!("{other} and {} of {} carry the id {id}", point.arn, point.vault);
                found.add("second-point", *at, what);
            }
        }
    }

    fn end(&mut self, book: &Book<'_>, found: &mut Found) {
        let mut jobs: Vec<(&Job, &Document)> =
            book.jobs.values().filter_map(|job| Some((job, book.document(&job.arn)?.as_ref()))).collect();
        jobs.sort_by_key(|(job, _)| job.asked);

        let mut tries: BTreeMap<_, &Job> = BTreeMap::new();
        let mut slots: BTreeMap<_, (&Job, &str)> = BTreeMap::new();
        for (job, document) in jobs {
            let table = document.table_id.as_str();
            let before = tries.insert((&document.session, table), job);
            if before.is_some_and(|before| before.failed.is_none_or(|failed| job.asked < failed)) {
                let what = format!(
                    "session {} starts another job of {} while the first is not known to have failed",
                    document.session, document.table
                );
                found.add("second-job", job.asked, what);
            }
            let Some((policy, _)) = document.policy.as_ref().filter(|_| is_there(book, job)) else {
                continue;
            };
            let vault = book.points.get(&job.arn).map(|point| point.vault.as_str());
            for flag in &document.flags {
                let slot = (table, vault, policy, &flag.tier, flag.slot);
                let before = slots.insert(slot, (job, &document.session));
                let before = before.filter(|(before, session)| {
                    *session != document.session && is_believed_until(book, before, job)
                });
                if before.is_some() {
                    let what = format!(
                        "the {} slot {} of {policy} has a second restore point of {}",
                        flag.tier, flag.slot, document.table
                    );
                    found.add("second-point", job.asked, what);
                }
            }
        }
    }
}

fn is_there(book: &Book<'_>, job: &Job) -> bool {
    job.failed.is_none() && book.points.get(&job.arn).is_some_and(|point| point.complete)
}

/// Whether the point of an earlier job counted when another was asked for, and nothing was in the way.
fn is_believed_until(book: &Book<'_>, before: &Job, job: &Job) -> bool {
    let point = book.points.get(&before.arn);
    point.is_some_and(|point| {
        point.tampered.is_none()
            && point.gone.is_none_or(|gone| job.asked < gone)
            && !book.is_disturbed(before.asked - jiff::SignedDuration::from_hours(1), job.asked)
    })
}
