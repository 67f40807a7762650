//! No recovery point is deleted unless retention allows it, or a hand asked for it.

use jiff::{SignedDuration, Timestamp};

use crate::book::{Book, Decision, Known};
use crate::calendar;
use crate::document::Document;
use crate::entry::{Call, Entry, Intent};
use crate::read::{self, attribute};
use crate::rules::{Found, Rule};

/// A tag that was put so shortly before may not have been seen.
const SEEN: SignedDuration = SignedDuration::from_mins(10);
/// Clocks that are further apart stop a run.
const APART: i64 = 5 * 60;
/// For so long nothing is removed after a rebuild.
const REBUILT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What somebody asked to be removed.
#[derive(Debug)]
struct Asked {
    table: String,
    id: Option<String>,
    vault: Option<String>,
    overridden: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Removal {
    asked: Vec<Asked>,
}

impl Rule for Removal {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        match entry {
            Entry::Intent { what, .. } => {
                if let Intent::RemovalAsked { table, id, vault, overridden } = what.as_ref() {
                    let (table, id, vault) = (table.clone(), id.clone(), vault.clone());
                    self.asked.push(Asked { table, id, vault, overridden: overridden.clone() });
                }
            }
            Entry::Call(call)
                if call.service == "backup"
                    && call.operation == "DeleteRecoveryPoint"
                    && call.took_effect()
                    && book.is_function(&call.caller) =>
            {
                self.judge(book, call, found);
            }
            _ => {}
        }
    }
}

impl Removal {
    fn judge(&self, book: &Book<'_>, call: &Call, found: &mut Found) {
        let arn = read::arn(call);
        let Some(point) = book.points.get(&arn) else { return };
        // Only the first deletion counts: the others find nothing.
        if point.gone.is_some_and(|gone| gone < call.at) {
            return;
        }
        let mut add =
            |rule, why: String| found.add(rule, call.at, format!("{arn} of {}: {why}", point.resource));
        let Some(document) = book.document(&arn).filter(|_| !book.foreign.contains(&arn)) else {
            // One that was made without metadata goes by hand.
            let table = read::table(&point.resource);
            if point.decided.is_none() || !self.asked.iter().any(|asked| asked.table == table) {
                add("removed-foreign", "it is not known to be ours, or not believed to be".to_owned());
            }
            return;
        };
        let undecided = Decision { at: call.at, held: false, skew: book.skew };
        let Decision { at, held, skew } = point.decided.unwrap_or(undecided);
        let hand = self.asked.iter().rfind(|asked| {
            asked.id.as_ref().is_none_or(|id| *id == document.id)
                && asked.vault.as_ref().is_none_or(|vault| *vault == point.vault)
                && asked.table == read::table(&document.table)
        });
        let overridden =
            |guard: &str| hand.is_some_and(|hand| hand.overridden.iter().any(|named| named == guard));
        if (held || point.tagged.is_some_and(|since| since + SEEN < at)) && !overridden("hold") {
            add("removed-held", "it is held".to_owned());
        }
        if point.says_another
            && point.tampered.is_some_and(|since| since + SEEN < at && !is_whole(book, &arn))
            && !overridden("suspect")
        {
            add("removed-suspect", "its tags were changed behind our back".to_owned());
        }
        if let Some(reader) = reader(book, &arn, document).filter(|_| !overridden("being-copied")) {
            add("removed-in-use", format!("{reader} reads it"));
        }
        if !document.manual
            && !overridden("newest")
            && let Some(newest) = is_newest(book, &arn, point, document, at)
        {
            add("removed-newest", newest);
        }
        if hand.is_some() {
            return;
        }
        if document.manual {
            add("removed-manual", "a manual backup, and nobody asked".to_owned());
        }
        let lapses = book.flags(&point.vault, document).iter().map(|flag| flag.lapses).max();
        if let Some(lapses) = lapses.filter(|lapses| at < *lapses) {
            add("removed-early", format!("its last flag lapses {lapses}"));
        }
        if lapses.is_none() && !document.manual {
            add("removed-early", "no flag says for how long it is kept".to_owned());
        }
        let least = book.deployment.map_or(0, |deployment| deployment.min_age_hours);
        if point.created.is_some_and(|created| at < created + SignedDuration::from_hours(least)) {
            add("removed-early", format!("it is younger than {least} hours"));
        }
        if skew.abs() > APART {
            add("removed-braked", format!("clocks are {skew} seconds apart"));
        }
        if let Some(rebuilt) = book.rebuilt.filter(|rebuilt| at < *rebuilt + REBUILT) {
            add("removed-braked", format!("the catalog was rebuilt at {rebuilt}"));
        }
    }
}

/// Whether a point whose tags were changed has its message somewhere all the same.
fn is_whole(book: &Book<'_>, arn: &str) -> bool {
    book.settings.values().any(|items| items.contains_key(&(arn, "message")))
}

/// What reads a point and has not ended.
fn reader(book: &Book<'_>, arn: &str, document: &Document) -> Option<String> {
    let copying = book.rows.iter().find(|((pk, _), row)| {
        *pk == format!("table#{}", read::table(&document.table))
            && attribute(&row["source"]["M"], "arn") == arn
            && ["planned", "starting", "running"].contains(&attribute(row, "state"))
    });
    let copying = copying.map(|((_, sk), _)| format!("the copy {sk}"));
    copying.or_else(|| {
        let restore = book.restores.iter().find(|(_, restore)| restore.source == arn && !restore.ended);
        restore.map(|(job, _)| format!("restore job {job}"))
    })
}

/// Whether too few newer points of its chain are there, though table and policy have a future.
fn is_newest(
    book: &Book<'_>,
    arn: &str,
    point: &Known,
    document: &Document,
    at: Timestamp,
) -> Option<String> {
    let newer = book.chain(&document.table_id, &point.vault).filter(|(other, known, _)| {
        *other != arn
            && known.complete
            && (known.tampered.is_none() || !known.says_another)
            && known.decided.is_none()
            && known.created > point.created
    });
    let newer = newer.count();
    let (name, _) = document.policy.as_ref()?;
    let plan = book.plans.policies.get(name)?;
    let mut versions = plan.versions.iter().rev();
    let latest = versions.next().into_iter();
    let recent = versions.take_while(|(applied, _)| at < *applied + SignedDuration::from_hours(24));
    let versions = || latest.clone().chain(recent.clone());
    let keep = versions().map(|(_, policy)| policy.keep_last).min()?;
    if newer >= usize::try_from(keep).unwrap_or(usize::MAX) {
        return None;
    }
    let dropped = book.plans.tables.get(&document.table_id).and_then(|table| table.dropped);
    let since = dropped.into_iter().chain(plan.deleted).min();
    let until = since.and_then(|since| {
        let zone = calendar::zone(&plan.policy);
        versions().map(|(_, policy)| calendar::lapse(since, policy.after_drop, &zone)).min()
    });
    match until {
        Some(until) if until <= at => None,
        Some(until) => Some(format!("{newer} newer ones, of {keep} that stay until {until}")),
        None => Some(format!("{newer} newer ones, of {keep} that stay")),
    }
}
