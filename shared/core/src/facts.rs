//! What is known of an account over a stretch of time: what a report is made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::compliance::{Care, ChainPast, Existence, PolicyPast, Promise, backup_promises, copy_promises};
use crate::ids::{PolicyName, Region, Table, TableName, VaultArn};
use crate::point::{PointKind, RestorePoint};
use crate::policy::Home;
use crate::protection::{self, ProtectionReport};
use crate::restore::Restore;
use crate::retention::{self, Guards, PointVerdict, Run};
use crate::session::Session;
use crate::table::TableHead;

/// What is known of an account and its source Region.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it was looked.
    pub at: Timestamp,
    /// The account and the source Region.
    pub home: Home,
    /// How well each table is protected now.
    pub protection: ProtectionReport,
    /// The policies, deleted ones too.
    pub policies: BTreeMap<PolicyName, PolicyPast>,
    /// Each creation of a table of which something is known, by name.
    pub tables: Vec<TableFacts>,
    /// The sessions that the catalog has, oldest first.
    pub sessions: Vec<Session>,
    /// The retention runs that the catalog has, oldest first.
    pub runs: Vec<Run>,
    /// The restores that the catalog has, oldest first.
    pub restores: Vec<Restore>,
    /// Since when records of what is gone are kept.
    pub known_since: Timestamp,
    /// What could not be read for it, and so is not known.
    pub unread: Vec<String>,
    /// The vaults in which AWS alone deletes.
    pub locked: BTreeSet<VaultArn>,
    /// Restore points younger than this are never removed.
    pub min_age: SignedDuration,
}

/// What is known of one creation of a table.
#[derive(Debug, Clone)]
pub struct TableFacts {
    /// The table.
    pub table: Table,
    /// Whether it is the one that there is now.
    pub is_present: bool,
    /// When it was made, as far as that is known.
    pub created_at: Option<Timestamp>,
    /// When it was seen to be gone, or another creation took its name.
    pub gone_since: Option<Timestamp>,
    /// Its head.
    pub head: Option<TableHead>,
    /// Its restore points, past ones included.
    pub points: Vec<RestorePoint>,
    /// Whether all records of the table could be read.
    pub is_whole: bool,
}

/// One chain of a table.
#[derive(Debug)]
pub struct Chain<'a> {
    /// What its restore points are.
    pub kind: PointKind,
    /// Its vault.
    pub vault: VaultArn,
    /// Its restore points, past ones included, oldest first.
    pub points: Vec<&'a RestorePoint>,
}

impl TableFacts {
    /// Its name.
    pub fn name(&self) -> &TableName {
        &self.table.arn.name
    }

    /// Its chains: backups, then copies, then manual backups.
    pub fn chains(&self) -> Vec<Chain<'_>> {
        let mut chains: BTreeMap<(PointKind, &VaultArn), Vec<&RestorePoint>> = BTreeMap::new();
        for point in &self.points {
            chains.entry((point.kind, &point.vault)).or_default().push(point);
        }
        let mut sorted = Vec::with_capacity(chains.len());
        for ((kind, vault), mut points) in chains {
            points.sort_by_key(|point| (point.created_at.unwrap_or(point.slot), &point.id));
            sorted.push(Chain { kind, vault: vault.clone(), points });
        }
        sorted
    }

    fn past<'a>(
        &'a self,
        facts: &'a Facts,
        wanted: impl Fn(&RestorePoint) -> bool,
    ) -> (Vec<&'a RestorePoint>, ChainPast) {
        let runs: Vec<Timestamp> = facts.runs.iter().map(|run| run.started_at).collect();
        let counted = self.points.iter().filter(|point| wanted(point));
        let (points, existences) =
            counted.filter_map(|point| Some((point, Existence::of(point, &runs)?))).unzip();
        let past = ChainPast {
            points: existences,
            promises: Vec::new(),
            perhaps_promised_since: None,
            // Of what a record that cannot be read holds, nothing is known.
            known_since: if self.is_whole { facts.known_since } else { Timestamp::MAX },
        };
        (points, past)
    }

    /// The past of its backup chain, of whatever vault of the source Region, with the restore points that it is made of.
    pub fn backups_past<'a>(&'a self, facts: &'a Facts) -> (Vec<&'a RestorePoint>, ChainPast) {
        let (points, mut past) = self.past(facts, |point| point.kind == PointKind::Backup);
        past.promises = self.care(facts).map(|care| backup_promises(&care, facts.at)).unwrap_or_default();
        past.perhaps_promised_since = self.perhaps_promised_since(&past.promises);
        (points, past)
    }

    /// The same of its copy chain in a vault.
    pub fn copies_past<'a>(
        &'a self,
        facts: &'a Facts,
        vault: &VaultArn,
    ) -> (Vec<&'a RestorePoint>, ChainPast) {
        let is_in = |point: &RestorePoint| point.kind == PointKind::Copy && point.vault == *vault;
        let (points, mut past) = self.past(facts, is_in);
        past.promises =
            self.care(facts).map(|care| copy_promises(&care, vault, facts.at)).unwrap_or_default();
        past.perhaps_promised_since = self.perhaps_promised_since(&past.promises);
        (points, past)
    }

    /// The policy that has or had it in its care, as far as that is known.
    pub fn policy<'a>(&self, facts: &'a Facts) -> Option<&'a PolicyPast> {
        let covering = self.covering(facts);
        let of_head = || self.head.as_ref().and_then(|head| head.policy.as_ref());
        let name = if self.is_present { covering } else { of_head() };
        name.and_then(|name| facts.policies.get(name))
    }

    /// The policy that covers it now.
    fn covering<'a>(&self, facts: &'a Facts) -> Option<&'a PolicyName> {
        let table = facts.protection.tables.iter().find(|table| table.table == *self.name());
        table.filter(|_| self.is_present).and_then(|table| table.policy.as_ref())
    }

    fn care<'a>(&self, facts: &'a Facts) -> Option<Care<'a>> {
        let policy = self.policy(facts)?;
        Some(Care {
            policy,
            since: protection::in_care_since(self.head.as_ref(), &policy.name, &policy.state),
            created_at: self.created_at,
            gone_since: self.gone_since,
        })
    }

    /// Since when another policy may have had it in its care: its restore points say so, and not what was promised.
    fn perhaps_promised_since(&self, promises: &[Promise]) -> Option<Timestamp> {
        let in_care = self.head.as_ref().filter(|head| head.policy.is_some()).map(|head| head.since);
        let made = self.points.iter().filter(|point| point.policy.is_some()).map(|point| point.slot).min();
        let since = in_care.into_iter().chain(made).min()?;
        let since = self.created_at.map_or(since, |created| created.max(since));
        promises.first().is_none_or(|first| since < first.from).then_some(since)
    }

    /// What retention would do with each restore point of a chain that is not past, and why.
    pub fn verdicts(&self, facts: &Facts, chain: &Chain<'_>) -> Vec<PointVerdict> {
        let points: Vec<RestorePoint> = chain.points.iter().copied().cloned().collect();
        let made_by = points.iter().rev().find_map(|point| point.policy.as_ref());
        let policy = made_by.and_then(|made| facts.policies.get(&made.name));
        let open_copies =
            self.points.iter().filter(|point| point.kind == PointKind::Copy && point.state().is_open());
        let from_here =
            open_copies.filter(|copy| copy.source.as_ref().is_some_and(|source| source.vault == chain.vault));
        let open = facts.restores.iter().filter(|restore| restore.stage.is_open());
        let restored = open.filter(|restore| restore.table == self.table && restore.vault == chain.vault);
        let guards = Guards {
            min_age: facts.min_age,
            vault_locked: facts.locked.contains(&chain.vault),
            being_copied: from_here.map(|copy| copy.id.clone()).collect(),
            being_restored: restored.map(|restore| restore.point.clone()).collect(),
            ..Guards::of_policy(policy.map(|past| (&past.policy, past.deleted_at)), self.gone_since)
        };
        retention::plan(&points, facts.at, &guards)
    }
}

impl Facts {
    /// The source Region.
    pub fn region(&self) -> &Region {
        &self.home.region
    }
}
