//! What AWS would refuse of a policy, and what works differently from what it says.

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::SessionLimits;
use super::steady::goes_cold;
use crate::calendar::{Gaps, Slots, gaps};
use crate::ids::{TableName, VaultArn};
use crate::lock::Lock;
use crate::metadata::{MAX_TAGS, tags::RESERVED_TAGS};
use crate::policy::{COLD_DAYS, CopyTarget, Policy};
use crate::span::{Span, Unit};
use crate::tier::Tier;

/// What the account says about the vaults and tables of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Facts {
    /// The vault of the backups.
    pub vault: VaultFacts,
    /// The vaults of the copies. One that is not named is taken as an ordinary vault.
    pub copies: BTreeMap<VaultArn, VaultFacts>,
    /// How many tags of its own each table has.
    pub table_tags: BTreeMap<TableName, usize>,
    /// How many tags of the policy are added to each point.
    pub custom_tags: usize,
}

/// What AWS says about a vault. By default it is an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct VaultFacts {
    /// Its lock. An air-gapped vault always has one.
    pub lock: Option<Lock>,
    /// Whether it is logically air-gapped.
    pub air_gapped: bool,
}

/// One line for each thing that AWS would refuse or that works differently, with the way out. None at all:
/// the policy does what it says.
pub fn warnings(policy: &Policy, facts: &Facts) -> Vec<String> {
    let (backups, copies) = (backups(policy), copies(policy));
    let mut lines = Vec::new();
    if facts.vault.air_gapped {
        lines.push(format!(
            "vault {} is air-gapped, and an air-gapped vault is for copies: name an ordinary vault here, and this one \
             under copies",
            policy.vault
        ));
    }
    locked(policy, ("keep", &format!("vault {}", policy.vault)), facts.vault, &backups, &mut lines);
    for target in &policy.copies {
        let vault = facts.copies.get(&target.vault).copied().unwrap_or_default();
        let name = format!("vault {} in {}", target.vault.name, target.vault.region);
        locked(policy, ("copy.keep", &name), vault, &copies, &mut lines);
    }
    cold(policy, &backups, &copies, &mut lines);
    close(policy, &mut lines);
    tags(facts, &mut lines);
    lines
}

fn locked(
    policy: &Policy,
    (field, name): (&str, &str),
    vault: VaultFacts,
    tiers: &[(Tier, Span)],
    lines: &mut Vec<String>,
) {
    let VaultFacts { lock, air_gapped } = vault;
    if lock.is_none() && !air_gapped {
        return;
    }
    let lock = lock.unwrap_or(Lock::AIR_GAPPED);
    let kind = if air_gapped { "air-gapped" } else { "locked" };
    let Lock { min_days: _, max_days } = lock;
    let range = range(lock, kind, name);
    lines.extend(outside((field, name), lock, kind, tiers).into_iter().map(|outside| outside.what));
    lines.push(format!(
        "the {name} is {kind}: AWS alone deletes there, when the retention that a point was made with ends. So \
         keep_last ({}) and holds do not exist there, and the last point of a table that is no longer backed up \
         lapses too",
        policy.keep_last
    ));
    let Some(days) = policy.cold_after_days else { return };
    let needed = days + COLD_DAYS;
    if needed > max_days && tiers.iter().any(|(tier, keep)| goes_cold(policy, *tier, *keep)) {
        lines.push(format!(
            "cold_after is {days} days, so AWS wants a point kept for {needed} days, and {range}: everything stays \
             warm there"
        ));
    }
}

fn range(Lock { min_days, max_days }: Lock, kind: &str, name: &str) -> String {
    format!("the {kind} {name} keeps points for {min_days} to {max_days} days")
}

/// A tier whose points a locked vault keeps for another time than its policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockConflict {
    /// Whether AWS deletes them before their time.
    pub early: bool,
    /// What happens, with the way out.
    pub what: String,
}

/// The tiers of a policy that a vault's lock does not suit: of its backups, or of its copies in a target vault.
pub fn outside_lock(policy: &Policy, target: Option<&CopyTarget>, vault: VaultFacts) -> Vec<LockConflict> {
    let VaultFacts { lock, air_gapped } = vault;
    let Some(lock) = lock.or(air_gapped.then_some(Lock::AIR_GAPPED)) else { return Vec::new() };
    let kind = if air_gapped { "air-gapped" } else { "locked" };
    match target {
        None => outside(("keep", &format!("vault {}", policy.vault)), lock, kind, &backups(policy)),
        Some(CopyTarget { vault }) => {
            let name = format!("vault {} in {}", vault.name, vault.region);
            outside(("copy.keep", &name), lock, kind, &copies(policy))
        }
    }
}

fn outside((field, name): (&str, &str), lock: Lock, kind: &str, tiers: &[(Tier, Span)]) -> Vec<LockConflict> {
    let Lock { min_days, max_days } = lock;
    let range = range(lock, kind, name);
    let mut found = Vec::new();
    for (tier, keep) in tiers {
        let (least, most) = (keep.least_days(), longest(*keep));
        if least < min_days {
            let what = format!(
                "{tier}: {field} is {keep}, and {range}: a point of this tier alone stays for {min_days} days and is \
                 billed for them; keep it for at least {min_days} days, or name another vault"
            );
            found.push(LockConflict { early: false, what });
        }
        if most > max_days {
            let what = format!(
                "{tier}: {field} is {keep}, up to {most} days, and {range}: AWS deletes its points after {max_days} \
                 days; keep it for at most {max_days} days, or name another vault"
            );
            found.push(LockConflict { early: true, what });
        }
    }
    found
}

fn backups(policy: &Policy) -> Vec<(Tier, Span)> {
    policy.tiers.iter().map(|(tier, rule)| (tier, rule.keep)).collect()
}

fn copies(policy: &Policy) -> Vec<(Tier, Span)> {
    let copies = policy.tiers.iter().filter_map(|(tier, rule)| Some((tier, rule.copy.as_ref()?.keep)));
    copies.filter(|_| !policy.copies.is_empty()).collect()
}

fn cold(policy: &Policy, backups: &[(Tier, Span)], copies: &[(Tier, Span)], lines: &mut Vec<String>) {
    let Some(days) = policy.cold_after_days else { return };
    let named = |moved: bool| {
        let those = |(tier, keep): &&(Tier, Span)| goes_cold(policy, *tier, *keep) == moved;
        let backups = backups.iter().filter(those).map(|(tier, keep)| format!("{tier} backups ({keep})"));
        let copies = copies.iter().filter(those).map(|(tier, keep)| format!("{tier} copies ({keep})"));
        backups.chain(copies).collect::<Vec<_>>().join(", ")
    };
    let (moved, warm) = (named(true), named(false));
    if !warm.is_empty() {
        lines.push(format!(
            "cold_after is {days} days, and AWS wants a point kept for {COLD_DAYS} days more, {} altogether. So points \
             of these tiers alone stay warm: {warm}",
            days + COLD_DAYS,
        ));
    }
    if !moved.is_empty() {
        lines.push(format!(
            "cold_after is {days} days: from then on a restore takes up to 4 hours longer, and nothing can be copied \
             from: {moved}"
        ));
    }
}

/// Slots that follow each other sooner than a backup takes.
fn close(policy: &Policy, lines: &mut Vec<String>) {
    let slots: Vec<&Slots> = policy.tiers.iter().map(|(_, rule)| &rule.slots).collect();
    let takes = SessionLimits::default().backup.as_mins();
    if let Some(Gaps { shortest, .. }) = gaps(&slots).filter(|gaps| gaps.shortest < takes) {
        lines.push(format!(
            "slots are as close as {}, and a backup takes about {takes}, begun by AWS Backup up to {} hours \
             after its slot (start_window). One backup of a table runs at a time, so slots would be skipped and owed to the next \
             point: part them by more, or give tiers the same times, so that they share a point",
            if shortest == 1 { "1 minute".to_owned() } else { format!("{shortest} minutes") },
            policy.start_window_hours
        ));
    }
}

fn tags(facts: &Facts, lines: &mut Vec<String>) {
    if facts.custom_tags + TYPICAL_TAGS > RESERVED_TAGS {
        lines.push(format!(
            "the policy has {} tags, and by one of its pages AWS takes {RESERVED_TAGS} that are added to a recovery point: the \
             metadata of a typical table and a hold take {TYPICAL_TAGS}. So some may be left out, with a warning on the point",
            facts.custom_tags
        ));
    }
    let tables = facts.table_tags.iter();
    lines.extend(tables.filter_map(|(table, own)| tag_room(table, *own, facts.custom_tags)));
}

/// How many tags of ours the points of a typical table carry, with a hold.
const TYPICAL_TAGS: usize = 8;

/// What has no room on the points of a table with so many tags of its own: a hold, or some of the policy's tags.
pub fn tag_room(table: &TableName, own: usize, custom: usize) -> Option<String> {
    let all = own + RESERVED_TAGS + custom;
    if own >= MAX_TAGS {
        Some(format!(
            "table {table} has {own} tags, as many as AWS takes on a recovery point. So its points carry none of ours: \
             their metadata is in the settings tables alone, a hold in the catalog alone, and the policy's tags are left \
             out; remove {} of the table's tags, better {}",
            own + 1 - MAX_TAGS,
            own + RESERVED_TAGS - MAX_TAGS
        ))
    } else if custom > 0 && all > MAX_TAGS {
        Some(format!(
            "table {table} has {own} tags: with up to {RESERVED_TAGS} of ours and {custom} of the policy a point would have \
             {all}, and AWS takes {MAX_TAGS}. So some of the policy's tags may be left out; remove {} of the table's or of \
             the policy's",
            all - MAX_TAGS
        ))
    } else {
        None
    }
}

/// The most days that a span lasts, from any day.
fn longest(span: Span) -> u32 {
    if matches!(span.unit, Unit::Day | Unit::Week) {
        return span.least_days();
    }
    // The lengths of months and years repeat after four years, and the first of a month is never cut short.
    let utc = TimeZone::UTC;
    let starts = (0..48).filter_map(|months: i64| date(2001, 1, 1).checked_add(months.months()).ok());
    let from = starts.filter_map(|date| utc.to_timestamp(date.at(0, 0, 0, 0)).ok());
    let days = |from: Timestamp| span.after(from, &utc).duration_since(from).as_hours() / 24;
    from.map(|from| u32::try_from(days(from)).unwrap_or(u32::MAX)).max().unwrap_or_default()
}
