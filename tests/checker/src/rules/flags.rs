//! Flags are those that the policy promises: of its slots, for its spans, counted in its zone; copies alike.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::book::Book;
use crate::calendar;
use crate::document::{Document, Flag};
use crate::entry::Entry;
use crate::policy::{Policy, Span, Tier};
use crate::read;
use crate::rules::{Found, Rule};

/// A change of a policy is told so long after it was done at most.
const TOLD: SignedDuration = SignedDuration::from_hours(72);

pub(crate) struct Flags;

impl Rule for Flags {
    fn see(&mut self, _book: &mut Book<'_>, _entry: &Entry, _found: &mut Found) {}

    fn end(&mut self, book: &Book<'_>, found: &mut Found) {
        for job in book.jobs.values() {
            let Some(document) = book.document(&job.arn) else { continue };
            let Some(plan) = document.policy.as_ref().and_then(|(name, _)| book.plans.policies.get(name))
            else {
                continue;
            };
            // What is asked for amid disturbances may be done long before it is told.
            let requested = document.requested;
            let told =
                if book.is_disturbed(requested, requested) { TOLD } else { SignedDuration::from_mins(10) };
            let mut versions = plan.versions.iter().rev().filter(|(at, _)| *at <= requested + told);
            let wrong: Option<Vec<String>> = versions.try_fold(Vec::new(), |mut wrong, (_, policy)| {
                wrong.push(mistake(document, policy)?);
                Some(wrong)
            });
            if let Some(first) = wrong.as_ref().and_then(|wrong| wrong.first()) {
                let what = format!("restore point {} of {}: {first}", document.id, document.table);
                found.add("flags-wrong", job.asked, what);
            }
            let steady = plan.versions.iter().rfind(|(at, _)| *at <= document.slot);
            if let Some((_, policy)) = steady.filter(|_| !book.plans.is_stirred(document.slot))
                && let Some(lacking) = lacking_copy(document, policy)
            {
                let what = format!("restore point {} of {}: {lacking}", document.id, document.table);
                found.add("flags-wrong", job.asked, what);
            }
        }
    }
}

/// The first thing in which a document is not as this version of its policy says.
fn mistake(document: &Document, policy: &Policy) -> Option<String> {
    let zone = calendar::zone(policy);
    let tiers: BTreeMap<&str, &Tier> = policy.tiers.iter().map(|tier| (tier.name.as_str(), tier)).collect();
    let of_backup = document.flags.iter().find_map(|flag| {
        let Some(tier) = tiers.get(flag.tier.as_str()) else {
            return Some(format!("{} has no tier", flag.tier));
        };
        strange(flag, document.slot, tier.keep, &zone)
            .or_else(|| (!is_due(flag, document, tier, &zone)).then(|| format!("{} is no slot", flag.slot)))
    });
    of_backup.or_else(|| {
        let flags = document.copies.values().flatten();
        flags.into_iter().find_map(|flag| {
            let copy = tiers.get(flag.tier.as_str()).and_then(|tier| tier.copy.as_ref());
            let Some(copy) = copy else { return Some(format!("{} is not copied", flag.tier)) };
            strange(flag, document.slot, copy.keep, &zone).map(|strange| format!("copy: {strange}"))
        })
    })
}

/// A slot of the calendar, or the moment of a run by hand.
fn is_due(flag: &Flag, document: &Document, tier: &Tier, zone: &TimeZone) -> bool {
    flag.slot == document.slot || calendar::is_slot(tier, zone, flag.slot)
}

fn strange(flag: &Flag, session: Timestamp, keep: Span, zone: &TimeZone) -> Option<String> {
    // A month after a later day may end earlier: the promise of the slot itself is kept as well.
    let lapses = calendar::lapse(session, keep, zone).max(calendar::lapse(flag.slot, keep, zone));
    if flag.span != keep.text() {
        return Some(format!("{} is kept for {}, not for {}", flag.tier, flag.span, keep.text()));
    }
    (flag.lapses != lapses).then(|| format!("{} lapses {}, not {lapses}", flag.tier, flag.lapses))
}

/// A copy that this version of the policy wants of a scheduled slot, and the document does not.
fn lacking_copy(document: &Document, policy: &Policy) -> Option<String> {
    let zone = calendar::zone(policy);
    document.flags.iter().filter(|flag| flag.slot == document.slot).find_map(|flag| {
        let tier = policy.tiers.iter().find(|tier| tier.name == flag.tier)?;
        if !calendar::is_slot(tier, &zone, flag.slot) || !calendar::is_copied(tier, &zone, flag.slot) {
            return None;
        }
        policy.copies.iter().find_map(|vault| {
            let flags = document.copies.get(vault);
            let there = flags.is_some_and(|flags| flags.iter().any(|copied| copied.tier == flag.tier));
            (!there).then(|| format!("no {} copy goes to {}", flag.tier, read::place(vault)))
        })
    })
}
