//! What is known of one creation of a table across its chains: made again, it has another TableId (assumption A33).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::brief::brief;
use crate::ids::{PointId, PolicyName, Region, Table, VaultArn};
use crate::point::{PointKind, RestorePoint, met_slots};
use crate::tier::Tier;

/// The one job of ours that is open for a table: AWS Backup runs one backup or copy job per table at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenJob {
    /// The restore point that it makes.
    pub point: PointId,
    /// What it makes.
    pub kind: PointKind,
    /// Where it makes it.
    pub vault: VaultArn,
    /// The slots that it carries.
    #[serde(default)]
    pub slots: BTreeMap<Tier, Timestamp>,
}

/// The last restore point of a chain that failed for good, where none has become available since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// The restore point.
    pub point: PointId,
    /// When it was given up.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// How much of a reason a head keeps, in bytes: the restore point has it whole.
const MAX_REASON: usize = 300;

/// The head of a table's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHead {
    /// The table, and which creation of it.
    pub table: Table,
    /// The policy that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// Slots at or before this are not owed: the table was new to its policy then.
    pub since: Timestamp,
    /// A backup that is recorded and not yet started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<PointId>,
    /// The job that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenJob>,
    /// Per vault (by ARN) the latest slot of each tier that an available point carries: kept beside the
    /// points so that a session reads one record per table. Always equal to [`crate::point::met_slots`] of the chain.
    #[serde(default)]
    pub met: BTreeMap<String, BTreeMap<Tier, Timestamp>>,
    /// Per vault (by ARN) the moment of the newest believed, available point of the chain: what a policy's
    /// objective is measured by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub newest: BTreeMap<String, Timestamp>,
    /// Per vault (by ARN) what failed last, as long as nothing has become available since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, LastFailure>,
    /// How many seconds the last copy took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_seconds: Option<i64>,
    /// When the table was first seen to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Timestamp>,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl OpenJob {
    /// The job that makes `point`.
    pub fn of(point: &RestorePoint) -> Self {
        Self {
            point: point.id.clone(),
            kind: point.kind,
            vault: point.vault.clone(),
            slots: point.flags.iter().map(|flag| (flag.tier, flag.slot)).collect(),
        }
    }
}

impl TableHead {
    /// A table that is seen for the first time: it owes no slot up to `since`.
    pub fn new(table: Table, since: Timestamp) -> Self {
        Self {
            table,
            policy: None,
            since,
            planned: None,
            open: None,
            met: BTreeMap::new(),
            newest: BTreeMap::new(),
            failures: BTreeMap::new(),
            copy_seconds: None,
            gone_since: None,
            rev: 0,
        }
    }

    /// The latest slot of each tier that the chain in `vault` has met.
    pub fn met_slots_in(&self, vault: &VaultArn) -> BTreeMap<Tier, Timestamp> {
        self.met.get(&vault.to_string()).cloned().unwrap_or_default()
    }

    /// The moment of the newest believed, available backup: of any vault of the source Region.
    pub fn newest_backup(&self, region: &Region) -> Option<Timestamp> {
        let is_backup = |vault: &str| vault.parse::<VaultArn>().is_ok_and(|vault| vault.region == *region);
        self.newest.iter().filter(|(vault, _)| is_backup(vault)).map(|(_, newest)| *newest).max()
    }

    /// Since when the table has no fresher backup: its newest, or its coming into the policy's care. None before that.
    pub fn backed_up_until(&self, policy: &PolicyName, region: &Region) -> Option<Timestamp> {
        let in_care = self.policy.as_ref() == Some(policy);
        self.newest_backup(region).or_else(|| in_care.then_some(self.since))
    }

    /// The slots that an open copy into `vault` carries.
    pub fn carried_to(&self, vault: &VaultArn) -> BTreeMap<Tier, Timestamp> {
        let open = self.open.as_ref().filter(|open| open.kind == PointKind::Copy && open.vault == *vault);
        open.map(|open| open.slots.clone()).unwrap_or_default()
    }

    /// Records that `point` is available and believed.
    pub fn record_available(&mut self, point: &RestorePoint) {
        let vault = point.vault.to_string();
        // Ids are in the order of their sessions.
        if self.failures.get(&vault).is_some_and(|failure| failure.point <= point.id) {
            self.failures.remove(&vault);
        }
        let met = self.met.entry(vault.clone()).or_default();
        for flag in &point.flags {
            let slot = met.entry(flag.tier).or_insert(flag.slot);
            *slot = flag.slot.max(*slot);
        }
        if let Some(made_at) = point.created_at {
            let newest = self.newest.entry(vault).or_insert(made_at);
            *newest = made_at.max(*newest);
        }
    }

    /// Records that nothing came of `point`.
    pub fn record_failure(&mut self, point: &RestorePoint, why: &str, now: Timestamp) {
        if point.kind == PointKind::Manual {
            return;
        }
        let why = brief(why, MAX_REASON).into_owned();
        let failure = LastFailure { point: point.id.clone(), at: now, why };
        self.failures.insert(point.vault.to_string(), failure);
    }

    /// What failed last in a chain, unless something has become available there since.
    pub fn last_failure(&self, vault: &VaultArn) -> Option<&LastFailure> {
        self.failures.get(&vault.to_string())
    }

    /// Whether the standing of `point` changes what is recorded of its chain: it carries the latest slot of a
    /// tier that the chain has met, or a later one, or it is the newest.
    pub fn is_affected_by(&self, point: &RestorePoint) -> bool {
        let met = self.met_slots_in(&point.vault);
        let newest = self.newest.get(&point.vault.to_string());
        point.flags.iter().any(|flag| met.get(&flag.tier).is_none_or(|latest| flag.slot >= *latest))
            || point.created_at.is_some_and(|made_at| newest.is_none_or(|newest| made_at >= *newest))
    }

    /// Records again what the chain in `vault` has.
    pub fn recompute(&mut self, vault: &VaultArn, chain: &[RestorePoint]) {
        self.met.insert(vault.to_string(), met_slots(chain));
        let newest =
            chain.iter().filter(|point| point.is_counted()).filter_map(|point| point.created_at).max();
        match newest {
            Some(newest) => self.newest.insert(vault.to_string(), newest),
            None => self.newest.remove(&vault.to_string()),
        };
    }

    /// Forgets `point` as the one that is recorded or open.
    pub fn release(&mut self, point: &RestorePoint) {
        if point.kind != PointKind::Copy && self.planned.as_ref() == Some(&point.id) {
            self.planned = None;
        }
        if self.open.as_ref().is_some_and(|open| *open == OpenJob::of(point)) {
            self.open = None;
        }
    }
}
