//! What one run knows: read once, however many chains it plans.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use backup_chain_aws::catalog::Write;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{App, Error};
use backup_chain_core::ids::{PointId, PolicyName, Table, VaultArn};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::restore::Restore;
use backup_chain_core::retention::{self, BrakeInputs, Braked, Guards};
use backup_chain_core::table::TableHead;
use jiff::Timestamp;

use crate::moved::MAX_COMMITS;

/// One run, or one plan.
pub(crate) struct Work<'a> {
    pub app: &'a App,
    pub now: Timestamp,
    /// Whether what is found is recorded: not by a plan.
    pub records: bool,
    /// Whether it may still wait for what AWS shows late.
    pub may_wait: AtomicBool,
    /// Every policy, deleted ones too.
    pub policies: Vec<Active>,
    /// Points that are being made, those that this run itself has planned among them.
    open: Mutex<Vec<RestorePoint>>,
    restores: Vec<Restore>,
    locks: BTreeMap<VaultArn, bool>,
    gone: BTreeMap<Table, Option<Timestamp>>,
}

impl<'a> Work<'a> {
    pub async fn begin(app: &'a App, records: bool) -> Result<Self, Error> {
        Ok(Self {
            app,
            now: app.context.now(),
            records,
            may_wait: AtomicBool::new(true),
            policies: app.policies.all().await?,
            open: Mutex::new(app.catalog.open_points().await?),
            restores: app.catalog.open_restores().await?,
            locks: BTreeMap::new(),
            gone: BTreeMap::new(),
        })
    }

    /// The brake that holds these removals, if one does.
    pub async fn braked(&self, removals: &[&str], confirmed: Option<&str>) -> Result<Option<Braked>, Error> {
        let rebuilt_at = self.app.catalog.rebuilt().await?.and_then(|rebuilt| rebuilt.pauses_since());
        let ahead = self.app.context.clock().ahead_of_aws();
        let road = BrakeInputs { now: self.now, ahead, rebuilt_at, confirmed };
        let braked = retention::brake(&self.app.context.deployment().brakes, removals, road).err();
        if let Some(braked) = &braked {
            tracing::error!(%braked, "retention is braked");
        }
        Ok(braked)
    }

    /// Whether AWS alone deletes in a vault.
    pub async fn is_locked(&mut self, vault: &VaultArn) -> Result<bool, Error> {
        if let Some(known) = self.locks.get(vault) {
            return Ok(*known);
        }
        let found = self.app.aws.region(&vault.region).backup.vault(&vault.name).await?;
        Ok(*self.locks.entry(vault.clone()).or_insert(found.lock.is_some()))
    }

    pub fn policy(&self, name: &PolicyName) -> Option<&Active> {
        self.policies.iter().find(|active| active.stored.name == *name)
    }

    /// What keeps the points of a chain beyond their flags. The policy is that of its newest point.
    ///
    /// # Errors
    /// [`Error`] of the catalog, and when a record that may keep points of the chain cannot be read.
    pub async fn guards(
        &mut self,
        table: &Table,
        vault: &VaultArn,
        points: &[RestorePoint],
    ) -> Result<Guards, Error> {
        let vault_locked = self.is_locked(vault).await?;
        let gone_since = self.gone_since(table).await?;
        let made = points.iter().rev().find_map(|point| point.policy.as_ref());
        if let Some(record) = self.app.catalog.unreadable_guard(&table.arn.name, made.map(|made| &made.name))
        {
            return Err(record.into());
        }
        let active = made.and_then(|made| self.policy(&made.name));
        let of_policy = active.map(|active| (&active.policy, active.stored.deleted_at));
        Ok(Guards {
            min_age: self.app.context.deployment().min_age,
            vault_locked,
            being_copied: self.being_copied(table, vault),
            being_restored: self.being_restored(table, vault),
            // Of a policy that the catalog does not know nothing says that it is gone.
            ..Guards::of_policy(of_policy, gone_since)
        })
    }

    /// The points in a vault of which a table is being made, or that are copied back for one.
    fn being_restored(&self, table: &Table, vault: &VaultArn) -> BTreeSet<PointId> {
        let of_chain =
            self.restores.iter().filter(|restore| restore.table == *table && restore.vault == *vault);
        of_chain.map(|restore| restore.point.clone()).collect()
    }

    /// Copies that this run has planned: their sources stay.
    pub fn planned(&self, copies: Vec<RestorePoint>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).extend(copies);
    }

    /// The points of a chain that are the source of a copy that is not final.
    pub fn being_copied(&self, table: &Table, vault: &VaultArn) -> BTreeSet<PointId> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_chain = open.iter().filter(|point| {
            point.kind == PointKind::Copy
                && point.table == *table
                && point.source.as_ref().is_some_and(|source| source.vault == *vault)
        });
        of_chain.map(|point| point.id.clone()).collect()
    }

    /// Since when a table is known to be gone; recorded when it is first seen to be.
    async fn gone_since(&mut self, table: &Table) -> Result<Option<Timestamp>, Error> {
        if let Some(known) = self.gone.get(table) {
            return Ok(*known);
        }
        let since = self.look_for(table).await?;
        self.gone.insert(table.clone(), since);
        Ok(since)
    }

    async fn look_for(&self, table: &Table) -> Result<Option<Timestamp>, Error> {
        let found = self.app.aws.source().dynamodb.find(&table.arn.name).await?;
        if found.is_some_and(|found| found.table == *table) {
            return Ok(None);
        }
        let mut tries = 1;
        loop {
            let head = self.app.catalog.head(table).await?;
            if let Some(TableHead { gone_since: Some(since), .. }) = head {
                return Ok(Some(since));
            }
            if !self.records {
                return Ok(Some(self.now));
            }
            let mut head = head.unwrap_or_else(|| TableHead::new(table.clone(), self.now));
            head.gone_since = Some(self.now);
            match self.app.catalog.commit([Write::of(&mut head)]).await {
                // Another run, or a job of the table that has just ended, was first.
                Err(error) if error.is_conflict() && tries < MAX_COMMITS => tries += 1,
                done => {
                    done?;
                    tracing::info!(table = %table.arn.name, "table is gone: its newest restore points stay for now");
                    return Ok(Some(self.now));
                }
            }
        }
    }
}
