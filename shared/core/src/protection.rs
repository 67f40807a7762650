//! How well a table is protected: one judgement, for `status`, `doctor`, retention's report and the metrics.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::due::{self, ChainView, PolicyState, SlotOrigin};
use crate::ids::{PolicyName, Region, TableName, VaultArn};
use crate::policy::Policy;
use crate::table::{LastFailure, TableHead};
use crate::tier::TierSlot;

/// How well a table is protected, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No policy backs it up, or it has no restore point although one was due.
    Unprotected,
    /// Its newest restore point is older than the objective allows.
    Late,
    /// A chain of copies is late, or its last copy failed.
    WithoutCopies,
    /// It has what was promised, and something is wrong: a backup failed or is owed, a restore point is suspect, its policy
    /// is disabled.
    Attention,
    /// It could not be looked at.
    Unknown,
    /// It has no restore point yet, and none was due.
    New,
    /// It has what was promised.
    Protected,
    /// A policy excludes it by its document.
    Excluded,
    /// It was dropped, and restore points of it are kept.
    Gone,
}

impl Standing {
    /// Whether something is not as promised, or not known to be.
    pub fn is_problem(self) -> bool {
        self <= Self::Unknown
    }
}

/// Whether a table is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is, since this moment, as far as that is known.
    There(Option<Timestamp>),
    /// There is no table of the name.
    Missing,
    /// It could not be looked at, for this reason.
    Unknown(String),
}

/// The policy that a table belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Covering<'a> {
    /// What its document says, as it is in force.
    pub policy: &'a Policy,
    /// Since when its tiers are in force.
    pub state: &'a PolicyState,
}

/// What is known of a table.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    /// Its name.
    pub table: &'a TableName,
    /// Whether it is there.
    pub presence: Presence,
    /// The policy that it belongs to; one that is disabled where there is no other.
    pub covering: Option<Covering<'a>>,
    /// The policy whose document excludes it.
    pub excluded_by: Option<&'a PolicyName>,
    /// The head of its present creation, or of the last one where it is not there.
    pub head: Option<&'a TableHead>,
    /// How many of its restore points are suspect.
    pub suspects: usize,
    /// The source Region.
    pub home: &'a Region,
}

/// One chain of a table against what was promised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainStanding {
    /// Its vault, as `<Region>/<vault>`.
    pub vault: String,
    /// The moment of its newest restore point that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// How old that is, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// How old it may be, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective_seconds: Option<i64>,
    /// Slots that came due and that no restore point of the chain carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<TierSlot>,
    /// What failed last, where nothing has become available since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LastFailure>,
    /// From when on it is late, unless something becomes available: its newest is older than it may be then, or it is
    /// empty when it should not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_from: Option<Timestamp>,
    /// Whether it is late.
    pub late: bool,
}

/// How a table stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protection {
    /// The table.
    pub table: TableName,
    /// How well it is protected.
    pub standing: Standing,
    /// The policy that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Its backup chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups: Option<ChainStanding>,
    /// Its copy chains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<ChainStanding>,
    /// How many of its restore points are suspect.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub suspects: usize,
    /// When the next backup is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What is wrong, the worst first, each with what to do where that is not plain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many tables stand how.
pub fn counts(tables: &[Protection]) -> BTreeMap<Standing, usize> {
    let mut counts = BTreeMap::new();
    for table in tables {
        *counts.entry(table.standing).or_default() += 1;
    }
    counts
}

/// Judges a table. None for a name that there is neither a table nor a restore point of, and that no policy names.
pub fn judge(evidence: &Evidence<'_>, now: Timestamp) -> Option<Protection> {
    let Evidence { table, presence, covering, head, suspects, .. } = evidence;
    let mut found = Protection {
        table: (*table).clone(),
        standing: Standing::Protected,
        policy: covering.map(|covering| covering.policy.name.clone()),
        backups: None,
        copies: Vec::new(),
        suspects: *suspects,
        next: None,
        reasons: Vec::new(),
    };
    let has_points = head.is_some_and(|head| !head.newest.is_empty());
    match (presence, covering) {
        (Presence::Missing, _) if has_points => {
            found.standing = Standing::Gone;
            let since = head.and_then(|head| head.gone_since);
            let since = since.map(|since| format!(", first seen {}", utc(since))).unwrap_or_default();
            found
                .reasons
                .push(format!("the table was dropped{since}; its restore points are kept for a while"));
            found.backups = head.and_then(|head| chain_without_promise(head, evidence.home, now));
        }
        (Presence::Missing, Some(covering)) => {
            let what = format!(
                "policy {} names it, and there is no such table: correct the name in the policy, or take it out",
                covering.policy.name
            );
            found.worsen(Standing::Unprotected, what);
        }
        (Presence::Missing, None) => return None,
        (_, None) => {
            found.backups = head.and_then(|head| chain_without_promise(head, evidence.home, now));
            match evidence.excluded_by {
                Some(policy) => {
                    found.standing = Standing::Excluded;
                    found.reasons.push(format!("policy {policy} excludes it"));
                }
                None => found.worsen(
                    Standing::Unprotected,
                    "no policy covers it: add it to the sources of one, or exclude it there".to_owned(),
                ),
            }
        }
        (_, Some(covering)) => covered(&mut found, evidence, *covering, now),
    }
    if *suspects > 0 && found.standing != Standing::Excluded {
        let what =
            format!("{suspects} of its restore points are not believed: see backup-chain points {table}");
        found.worsen(Standing::Attention, what);
    }
    if let Presence::Unknown(why) = presence {
        found.worsen(Standing::Unknown, format!("it could not be looked at: {why}"));
    }
    Some(found)
}

impl Protection {
    fn worsen(&mut self, standing: Standing, why: String) {
        if standing < self.standing {
            self.standing = standing;
            self.reasons.insert(0, why);
        } else {
            self.reasons.push(why);
        }
    }
}

/// What there is of a table of which nothing is promised.
fn chain_without_promise(head: &TableHead, home: &Region, now: Timestamp) -> Option<ChainStanding> {
    let (vault, newest) = head
        .newest
        .iter()
        .filter_map(|(vault, newest)| Some((vault.parse::<VaultArn>().ok()?, *newest)))
        .max_by_key(|(vault, newest)| (vault.region == *home, *newest))?;
    Some(ChainStanding {
        vault: vault.place(),
        newest: Some(newest),
        age_seconds: Some(now.duration_since(newest).as_secs()),
        objective_seconds: None,
        owed: Vec::new(),
        failure: None,
        late_from: None,
        late: false,
    })
}

/// A table that a policy covers.
fn covered(found: &mut Protection, evidence: &Evidence<'_>, covering: Covering<'_>, now: Timestamp) {
    let Covering { policy, state } = covering;
    let created = match evidence.presence {
        Presence::There(created) => created,
        _ => None,
    };
    let in_care = in_care_since(evidence.head, &policy.name, state);
    let begins = promised_since(state, created, in_care, now);

    let backups = backup_chain(evidence, covering, begins, now);
    let window = SignedDuration::from_mins(policy.start_window_minutes());
    let objective = backups.objective_seconds.map(hours).unwrap_or_default();
    match (backups.newest, backups.late) {
        (None, true) => found.worsen(
            Standing::Unprotected,
            format!("it has no restore point, and was to have one within {objective} hours"),
        ),
        (None, false) => found.standing = Standing::New,
        (Some(newest), true) => found.worsen(
            Standing::Late,
            format!(
                "its newest restore point is of {}, and may be {objective} hours old: see backup-chain session list \
                 --policy {}",
                utc(newest),
                policy.name
            ),
        ),
        (Some(_), false) => {}
    }
    if let Some(failure) = &backups.failure {
        let what = format!("the backup of {} failed: {}", utc(failure.point.created_at()), failure.why);
        found.worsen(Standing::Attention, what);
    } else if let Some(owed) = backups.owed.iter().find(|owed| owed.slot + window < now)
        && !backups.late
    {
        let what = format!("the {} backup of {} is owed", owed.tier, utc(owed.slot));
        found.worsen(Standing::Attention, what);
    }
    if !policy.enabled {
        let what = format!("policy {} is disabled: nothing is backed up until it is enabled", policy.name);
        found.worsen(Standing::Attention, what);
    } else if policy.tiers.iter().next().is_none() {
        found
            .worsen(Standing::Attention, format!("policy {} has no tier: nothing is backed up", policy.name));
    } else {
        found.next = due::next_slot(policy, now).map(|(slot, _)| slot);
    }
    for target in &policy.copies {
        let chain = copy_chain(evidence, covering, &target.vault, begins, now);
        if let Some(failure) = &chain.failure {
            let what = format!(
                "the copy of {} into {} failed: {}; once that is mended: backup-chain copy {}",
                utc(failure.point.created_at()),
                chain.vault,
                failure.why,
                found.table
            );
            found.worsen(Standing::WithoutCopies, what);
        } else if chain.late {
            let most = chain.objective_seconds.map(hours).unwrap_or_default();
            let what = match chain.newest {
                Some(newest) => {
                    format!(
                        "its newest copy in {} is of {}, and may be {most} hours old",
                        chain.vault,
                        utc(newest)
                    )
                }
                None => format!("it has no copy in {}, and was to have one within {most} hours", chain.vault),
            };
            found.worsen(Standing::WithoutCopies, what);
        }
        found.copies.push(chain);
    }
    found.backups = Some(backups);
}

/// Since when a policy has a table in its care. One that no session of the policy has taken into care was not its own at
/// the last of them.
pub fn in_care_since(head: Option<&TableHead>, policy: &PolicyName, state: &PolicyState) -> Timestamp {
    let own = head.filter(|head| head.policy.as_ref() == Some(policy));
    own.map_or(state.planned_until, |head| head.since)
}

/// From when on the time for a first restore point is counted. A policy that is new, and a table that is, have as much time
/// as a restore point has.
pub fn promised_since(
    state: &PolicyState,
    created_at: Option<Timestamp>,
    in_care: Timestamp,
    now: Timestamp,
) -> Timestamp {
    let in_force = state.effective_from.values().min().copied().unwrap_or(now);
    created_at.unwrap_or(in_force).max(in_force).max(in_care)
}

/// The same for the copies in a vault, from when on it is counted for the backups.
pub fn copies_promised_since(state: &PolicyState, vault: &VaultArn, begins: Timestamp) -> Timestamp {
    let in_force = state.copies_from.get(vault).and_then(|tiers| tiers.values().min().copied());
    begins.max(in_force.unwrap_or(begins))
}

/// A moment, to the minute.
fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn hours(seconds: i64) -> i64 {
    seconds / 3600
}

fn backup_chain(
    evidence: &Evidence<'_>,
    Covering { policy, state }: Covering<'_>,
    begins: Timestamp,
    now: Timestamp,
) -> ChainStanding {
    let head = evidence.head;
    // Whatever vault of the Region it is in: a policy may have changed its vault.
    let newest = head.and_then(|head| head.newest_backup(evidence.home));
    let is_near = |vault: &str| vault.parse::<VaultArn>().is_ok_and(|vault| vault.region == *evidence.home);
    let failures = head.into_iter().flat_map(|head| &head.failures);
    let failure =
        failures.filter(|(vault, _)| is_near(vault)).map(|(_, failure)| failure).max_by_key(|it| it.at);
    let met = head.map_or_else(BTreeMap::new, |head| met_nearby(head, evidence.home));
    let chain = ChainView { since: begins, met, carried: BTreeMap::new() };
    let flags = due::flags(policy, state, &chain, SlotOrigin::Slot(now), now).unwrap_or_default();
    let owed = flags.into_iter().map(|flag| TierSlot { tier: flag.tier, slot: flag.slot });
    let objective = policy.backup_objective();
    let late_from = objective.map(|objective| newest.unwrap_or(begins).max(begins) + objective);
    ChainStanding {
        vault: format!("{}/{}", evidence.home, policy.vault),
        newest,
        age_seconds: newest.map(|newest| now.duration_since(newest).as_secs()),
        objective_seconds: objective.map(|objective| objective.as_secs()),
        owed: owed.collect(),
        failure: failure.cloned(),
        late_from,
        late: late_from.is_some_and(|from| now > from),
    }
}

/// The latest slot of each tier that a chain of the source Region has met.
fn met_nearby(head: &TableHead, home: &Region) -> BTreeMap<crate::tier::Tier, Timestamp> {
    let mut met = BTreeMap::new();
    for (vault, slots) in &head.met {
        if vault.parse::<VaultArn>().is_ok_and(|vault| vault.region == *home) {
            for (tier, slot) in slots {
                let latest = met.entry(*tier).or_insert(*slot);
                *latest = (*latest).max(*slot);
            }
        }
    }
    met
}

fn copy_chain(
    evidence: &Evidence<'_>,
    Covering { policy, state }: Covering<'_>,
    vault: &VaultArn,
    begins: Timestamp,
    now: Timestamp,
) -> ChainStanding {
    let head = evidence.head;
    let newest = head.and_then(|head| head.newest.get(&vault.to_string()).copied());
    let begins = copies_promised_since(state, vault, begins);
    let met = head.map(|head| head.met_slots_in(vault)).unwrap_or_default();
    let carried = head.map(|head| head.carried_to(vault)).unwrap_or_default();
    let chain = ChainView { since: begins, met, carried };
    let flags = due::copy_flags(policy, state, vault, &chain, SlotOrigin::Slot(now), now);
    let objective = policy.copy_objective();
    let late_from = objective.map(|objective| newest.unwrap_or(begins).max(begins) + objective);
    ChainStanding {
        vault: vault.place(),
        newest,
        age_seconds: newest.map(|newest| now.duration_since(newest).as_secs()),
        objective_seconds: objective.map(|objective| objective.as_secs()),
        owed: flags.into_iter().map(|flag| TierSlot { tier: flag.tier, slot: flag.slot }).collect(),
        failure: head.and_then(|head| head.last_failure(vault)).cloned(),
        late_from,
        late: late_from.is_some_and(|from| now > from),
    }
}

/// How all tables of a deployment stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProtectionReport {
    /// When it was looked.
    pub at: Timestamp,
    /// The tables, the worst first.
    pub tables: Vec<Protection>,
    /// What is wrong beside single tables: policies that back up nothing, records that cannot be read, retention that does
    /// not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The listings that could not be read: there may be more tables than these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

impl ProtectionReport {
    /// Whether something is not as promised, or not known to be.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
            || !self.unknown.is_empty()
            || self.tables.iter().any(|table| table.standing.is_problem())
    }

    /// The whole in a line, such as `57 protected, 2 late, 1 without copies, 4 unprotected`.
    pub fn headline(&self) -> String {
        let counts = counts(&self.tables);
        let number = |standing: Standing| counts.get(&standing).copied().unwrap_or_default();
        let said = [
            (Standing::Protected, "protected"),
            (Standing::Unprotected, "unprotected"),
            (Standing::Late, "late"),
            (Standing::WithoutCopies, "without copies"),
            (Standing::Attention, "to be looked at"),
            (Standing::Unknown, "not known"),
            (Standing::New, "new"),
            (Standing::Excluded, "excluded"),
            (Standing::Gone, "gone"),
        ];
        let said = said
            .into_iter()
            .filter(|(standing, _)| number(*standing) > 0 || *standing == Standing::Protected);
        said.map(|(standing, words)| format!("{} {words}", number(standing))).collect::<Vec<_>>().join(", ")
    }
}
