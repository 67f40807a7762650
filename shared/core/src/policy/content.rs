//! What a policy says.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Serialize;

#[cfg(feature = "schema")]
use super::forms;
use super::{Retries, Selection, Tiers, counted};
use crate::calendar::{Schedule, Slots, Zone, longest_gap};
use crate::copying::MAX_DEFERRAL;
use crate::ids::{PolicyName, TableName, VaultArn, VaultName};
use crate::span::Span;
use crate::tier::{Flag, Tier};

/// A policy that keeps every rule of the language.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields, transform = forms::required))]
pub struct Policy {
    /// Its name, which is its identity.
    #[cfg_attr(feature = "schema", schemars(with = "String", regex(pattern = "^[A-Za-z0-9._-]{1,127}$")))]
    pub name: PolicyName,
    /// What it is for, up to 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Description"))]
    pub description: Option<String>,
    /// 1 to 1000, **the lowest first** (default 100): a table that several policies select belongs to the
    /// first of them. Between equals the name decides: see [`Policy::rank`].
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub priority: u32,
    /// Whether its slots start sessions (default true). Disabled it can still be run by an operator.
    pub enabled: bool,
    /// The zone of its wall-clock times and of its retention (default UTC).
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub time_zone: Zone,
    /// Which tables.
    pub sources: Selection,
    /// Which tables not: stronger than `sources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Excluded<Selection>"))]
    pub exclude: Option<Selection>,
    /// The vault of the backups, in the home Region and account.
    #[cfg_attr(feature = "schema", schemars(with = "forms::HomeVault"))]
    pub vault: VaultName,
    /// The vaults of the copies, in other Regions of the account, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Copies<CopyTarget>"))]
    pub copies: Vec<CopyTarget>,
    /// When, and for how long. None at all: the policy can only be kept, not run.
    #[serde(skip_serializing_if = "Tiers::is_empty")]
    pub tiers: Tiers,
    /// How many of the newest points of a chain stay even when outdated (default 1, at least 1).
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub keep_last: u32,
    /// For how long those stay once the table is gone (default 90 days).
    pub after_drop: Span,
    /// What becomes of tables whose backup or copy failed.
    pub retries: Retries,
    /// In how many hours AWS Backup must have started a job, 1 to 12 (default 8).
    #[serde(rename = "start_window", serialize_with = "counted::hours")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::StartWindow"))]
    pub start_window_hours: u32,
    /// After how many days in warm storage a point moves to cold storage, 1 to 36410. Asked for a point only where its
    /// retention allows it from whichever day: 90 days longer than it is warm.
    #[serde(
        rename = "cold_after",
        skip_serializing_if = "Option::is_none",
        serialize_with = "counted::days"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "forms::ColdAfter"))]
    pub cold_after_days: Option<u32>,
    /// The greatest age in hours that the newest restore point of a table may have, 1 to 8784; older is a breach.
    #[serde(
        rename = "objective",
        skip_serializing_if = "Option::is_none",
        serialize_with = "counted::some_hours"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "forms::Objective"))]
    pub objective_hours: Option<u32>,
    /// At most 10 tags for the recovery points, beside those that they inherit from their table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "forms::PointTags"))]
    pub tags: BTreeMap<String, String>,
}

/// A vault in another Region to which backups are copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct CopyTarget {
    /// Its ARN: of the policy's account, not of its home Region.
    #[cfg_attr(
        feature = "schema",
        schemars(
            with = "String",
            regex(pattern = "^arn:[^:]*:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:[A-Za-z0-9_-]{2,50}$")
        )
    )]
    pub vault: VaultArn,
}

/// AWS Backup bills a point in cold storage for at least so many days, and wants it kept for as long.
pub const COLD_DAYS: u32 = 90;

impl Policy {
    /// Whether the policy covers a table of its home with these tags. Exclusions win.
    pub fn selects(&self, table: &TableName, tags: &BTreeMap<String, String>) -> bool {
        self.sources.matches(table, tags) && !self.excludes(table, tags)
    }

    /// Whether it is by its exclusions that the policy does not cover a table.
    pub fn excludes(&self, table: &TableName, tags: &BTreeMap<String, String>) -> bool {
        let excluded = || self.exclude.as_ref().is_some_and(|exclude| exclude.matches(table, tags));
        self.sources.matches(table, tags) && excluded()
    }

    /// Whether the answer of [`Policy::selects`] depends on a table's tags, so that they have to be read.
    pub fn needs_tags(&self) -> bool {
        !self.sources.tags.is_empty() || self.exclude.as_ref().is_some_and(|exclude| !exclude.tags.is_empty())
    }

    /// Whether its tables can only be found by listing all tables. Those selected by tag are found by
    /// their tags, those selected by name by their names.
    pub fn lists_all(&self) -> bool {
        self.sources.all || !self.sources.prefixes.is_empty() || !self.sources.patterns.is_empty()
    }

    /// The start window as AWS Backup takes it, in minutes.
    pub fn start_window_minutes(&self) -> i64 {
        i64::from(self.start_window_hours) * 60
    }

    /// What policies are ordered by where several select one table: the least goes first.
    pub fn rank(&self) -> (u32, &PolicyName) {
        (self.priority, &self.name)
    }

    /// The greatest age that the newest backup of a table may have: the policy's objective, or else the longest distance
    /// between two of its slots with the start window. None for a policy without tiers.
    pub fn backup_objective(&self) -> Option<SignedDuration> {
        let slots: Vec<&Slots> = self.tiers.iter().map(|(_, rule)| &rule.slots).collect();
        let by_slots = || Some(SignedDuration::from_mins(longest_gap(&slots)? + self.start_window_minutes()));
        self.objective_hours.map(|hours| SignedDuration::from_hours(i64::from(hours))).or_else(by_slots)
    }

    /// The greatest age that the newest copy of a table may have: the longest distance between two slots that are copied,
    /// with the start window, and with the time for which a copy gives way to backups. None where nothing is copied.
    pub fn copy_objective(&self) -> Option<SignedDuration> {
        let copied = self.tiers.iter().filter_map(|(_, rule)| Some(&rule.copy.as_ref()?.slots));
        let copied: Vec<&Slots> = copied.collect();
        let window = SignedDuration::from_mins(self.start_window_minutes());
        let by_slots = || Some(SignedDuration::from_mins(longest_gap(&copied)?) + window + MAX_DEFERRAL);
        if self.copies.is_empty() { None } else { by_slots() }
    }

    /// The slots of a tier's backups.
    pub fn schedule(&self, tier: Tier) -> Option<Schedule<'_>> {
        Some(self.tiers.get(tier)?.slots.within(&self.time_zone))
    }

    /// The slots whose backups are copied. Each is a slot of [`Policy::schedule`] too.
    pub fn copy_schedule(&self, tier: Tier) -> Option<Schedule<'_>> {
        Some(self.tiers.get(tier)?.copy.as_ref()?.slots.within(&self.time_zone))
    }

    /// After how many days a point with these flags moves to cold storage: only if the span of one of the flags lasts at
    /// least [`COLD_DAYS`] longer, from whichever day. A point that might leave sooner stays warm, where it costs less.
    pub fn cold_days_of(&self, flags: &[Flag]) -> Option<u32> {
        let days = self.cold_after_days?;
        flags.iter().any(|flag| flag.span.least_days() >= days + COLD_DAYS).then_some(days)
    }
}
