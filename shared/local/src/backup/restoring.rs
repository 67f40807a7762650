//! The life of a restore job: its start, its run, its end; and what a restore past AWS Backup finds.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::place::AccountRegion;
use super::point::PointState;
use super::restore_job::{RestoreJob, RestoreState};
use super::{Backup, roles};
use crate::api::{Neighbours, Restore, TableState};
use crate::lags::Lag;

impl Backup {
    pub(super) fn restore_due(
        &mut self,
        place: &AccountRegion,
        id: &str,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) {
        let Some(job) = self.site(place).restores.get(id).cloned() else { return };
        match job.state {
            RestoreState::Pending => match self.run_restore(place, &job, at, around) {
                Ok((restore, takes)) => self.restore_runs(place, job, restore, at, takes),
                Err(message) => self.end_restore(place, job, at, Err(message)),
            },
            RestoreState::Running => {
                if let Some(restore) = &job.made {
                    around.end_restore(restore);
                }
                self.end_restore(place, job, at, Ok(()));
            }
            RestoreState::Completed | RestoreState::Failed => {}
        }
    }

    /// Begins the new table. What the role, the keys, the limits or DynamoDB refuse fails the job.
    fn run_restore(
        &self,
        place: &AccountRegion,
        job: &RestoreJob,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) -> Result<(Restore, SignedDuration), String> {
        // AWS documents that the flag fails restores of types that it does not name, DynamoDB among them.
        if job.copy_tags {
            return Err(
                "Copying source tags to the restored resource is not supported for DynamoDB.".to_owned()
            );
        }
        let Some(site) = self.sites.get(place) else { return Err("Recovery point not found.".to_owned()) };
        let usable = site.points.get(&job.point).filter(|point| point.state == PointState::Usable);
        let point = usable.ok_or_else(|| format!("Recovery point {} does not exist.", job.point))?;
        let most = self.options.running_restores;
        if site.restoring >= most {
            return Err(format!(
                "Subscriber limit exceeded: the maximum concurrent number of restores, which is {most}, is reached."
            ));
        }
        roles::may_restore(&job.role, &job.point, point.advanced, &job.table_arn(place), around)?;
        if let Some(vault) = site.vaults.get(&point.vault).filter(|_| point.advanced) {
            roles::vault_key_usable(vault, around)?;
        }
        if let Some(key) = &job.key_arn {
            // A table has a key of its own Region.
            if AccountRegion::of_arn(key).is_none_or(|of| of.region != place.region) {
                return Err(roles::KEY_DENIED.to_owned());
            }
            roles::key_usable(key, around)?;
        }
        let restore = Restore {
            account: place.account.clone(),
            region: place.region.clone(),
            table: job.table.clone(),
            recovery_point_arn: job.point.clone(),
            from: Arc::clone(&point.snapshot.table),
            key_arn: job.key_arn.clone(),
            at,
        };
        around.begin_restore(&restore)?;
        let durations = &self.options.durations;
        let cold = if point.cold { durations.cold } else { SignedDuration::ZERO };
        Ok((restore, durations.run(&job.resource, durations.restore, job.size).saturating_add(cold)))
    }

    fn restore_runs(
        &mut self,
        place: &AccountRegion,
        mut job: RestoreJob,
        restore: Restore,
        at: Timestamp,
        takes: SignedDuration,
    ) {
        let ends = at.saturating_add(takes).unwrap_or(Timestamp::MAX);
        job.state = RestoreState::Running;
        job.started = Some(at);
        job.expected = Some(ends);
        job.made = Some(restore);
        self.timers.set(ends, super::timers::Due::Restore(place.clone(), job.id.clone()));
        self.outbox.restore(place, &job, at);
        let seen = self.lags.draw(&[Lag::Jobs], at);
        let site = self.site(place);
        site.restoring += 1;
        if let Some(point) = site.points.get_mut(&job.point) {
            point.busy += 1;
        }
        site.restores.insert(job, seen);
    }

    fn end_restore(
        &mut self,
        place: &AccountRegion,
        mut job: RestoreJob,
        at: Timestamp,
        outcome: Result<(), String>,
    ) {
        let ran = job.state == RestoreState::Running;
        job.completed = Some(at);
        job.made = None;
        match outcome {
            Ok(()) => job.state = RestoreState::Completed,
            Err(message) => {
                job.state = RestoreState::Failed;
                job.message = Some(message);
            }
        }
        self.outbox.restore(place, &job, at);
        let seen = self.lags.draw(&[Lag::Jobs], at);
        let site = self.site(place);
        if ran {
            site.restoring = site.restoring.saturating_sub(1);
            if let Some(point) = site.points.get_mut(&job.point) {
                point.busy = point.busy.saturating_sub(1);
                point.restored = Some(at);
            }
        }
        site.restores.insert(job, seen);
    }

    /// The table that a usable recovery point holds, for a restore that DynamoDB itself makes of it.
    ///
    /// # Errors
    /// Why there is none to be had.
    pub fn snapshot_of(
        &self,
        account: &str,
        region: &str,
        recovery_point_arn: &str,
    ) -> Result<Arc<TableState>, String> {
        let point = self
            .point_of(account, region, recovery_point_arn)
            .filter(|point| matches!(point.state, PointState::Usable))
            .ok_or_else(|| format!("Backup not found: {recovery_point_arn}"))?;
        if point.cold {
            return Err(format!("Backup is in cold storage: {recovery_point_arn}"));
        }
        Ok(Arc::clone(&point.snapshot.table))
    }
}
