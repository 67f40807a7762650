//! The life of a backup job: its turn, its run, its end.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::backup_job::{BackupJob, JobState, table_name};
use super::jobs::OUT_OF_RANGE;
use super::place::AccountRegion;
use super::point::{Point, PointState, Snapshot};
use super::slots::Wait;
use super::timers::Due;
use super::{Backup, roles, tags};
use crate::api::{Neighbours, TableState};
use crate::lags::{Lag, Lagging};

/// AWS documents that a job tries again at least so often to begin within its start window.
pub(super) const RETRY: SignedDuration = SignedDuration::from_mins(10);

const TOO_LATE: &str = "Backup job expired before completion.";

/// Why a job that has its turn cannot run.
enum Trouble {
    /// It fails.
    Lasting(String),
    /// It tries again until its start window ends. No page lists what AWS takes to be passing: here it is a
    /// key that cannot be used.
    Passing(String),
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self::Lasting(message)
    }
}

impl Backup {
    pub(super) fn backup_due(
        &mut self,
        place: &AccountRegion,
        id: &str,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) {
        let Some(job) = self.site(place).backups.get_mut(id) else { return };
        job.timer = None;
        let job = job.clone();
        match job.state {
            JobState::Running => self.finish_backup(place, id, at, around),
            JobState::Created if at >= job.start_by => {
                let slot = job.slot(place, self.options.running_backups);
                let message = match self.slots.free(&slot) {
                    Ok(()) if job.trouble.is_some() => job.trouble.unwrap_or_default(),
                    Err(Wait::Account) => format!(
                        "Subscriber limit exceeded: the maximum concurrent number of backups, which is {}, is reached.",
                        self.options.running_backups
                    ),
                    _ => {
                        "Backup job failed because there was a running job for the same resource.".to_owned()
                    }
                };
                self.end_backup(place, id, at, JobState::Expired, &message);
            }
            JobState::Created if at >= job.complete_by => {
                self.end_backup(place, id, at, JobState::Expired, TOO_LATE);
            }
            JobState::Created => self.try_backup(place, id, at, around),
            _ => {}
        }
    }

    /// Runs a job that may run now: from here on its recovery point exists, with the table as it is.
    pub(super) fn try_backup(
        &mut self,
        place: &AccountRegion,
        id: &str,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) {
        let Some(job) = self.site(place).backups.get(id).cloned() else { return };
        let slot = job.slot(place, self.options.running_backups);
        if !self.slots.take(&slot) {
            let due = Due::Backup(place.clone(), id.to_owned());
            self.slots.wait(job.number, due.clone(), slot);
            let timer = job.timer.unwrap_or_else(|| self.timers.set(job.start_by.min(job.complete_by), due));
            if let Some(job) = self.site(place).backups.get_mut(id) {
                job.timer = Some(timer);
            }
            return;
        }
        self.slots.leave(job.number);
        self.timers.cancel(job.timer);
        match self.run_backup(place, &job, at, around) {
            Ok(()) => {}
            Err(Trouble::Lasting(message)) => {
                self.slots.release(&slot);
                self.end_backup(place, id, at, JobState::Failed, &message);
            }
            Err(Trouble::Passing(message)) => {
                self.slots.release(&slot);
                let next = (at + RETRY).min(job.start_by).min(job.complete_by).max(at);
                let timer = self.timers.set(next, Due::Backup(place.clone(), id.to_owned()));
                if let Some(job) = self.site(place).backups.get_mut(id) {
                    job.trouble = Some(message);
                    job.timer = Some(timer);
                }
            }
        }
    }

    fn run_backup(
        &mut self,
        place: &AccountRegion,
        job: &BackupJob,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) -> Result<(), Trouble> {
        let Ok((vault_arn, vault)) = self.vault(place, &job.vault) else {
            let arn = place.vault_arn(&job.vault);
            let message = format!("Backup job failed because backup vault {arn} does not exist.");
            return Err(Trouble::Lasting(message));
        };
        if vault.lock.is_some_and(|lock| !lock.admits(job.lifecycle)) {
            return Err(Trouble::Lasting(format!("Backup job failed because {OUT_OF_RANGE}")));
        }
        roles::may_back_up(job, around)?;
        if job.advanced {
            roles::vault_key_usable(vault, around).map_err(Trouble::Passing)?;
        }
        let (kind, key_arn, own_key) = (vault.kind(), vault.key_arn.clone(), vault.own_key);
        let state = around
            .table(&place.account, &place.region, table_name(&job.resource))
            .ok_or_else(|| "Table not found.".to_owned())?;
        may_be_read(&state, around)?;
        let mut union = BTreeMap::new();
        if job.advanced {
            // That AWS's own tags are not inherited is assumption A46.
            union.extend(state.tags.clone().into_iter().filter(|(key, _)| !key.starts_with("aws:")));
            union.extend(job.tags.clone());
            if tags::count(&union) > tags::MAX_TAGS {
                let message = "The resultant tag set must not have more than 50 user tags.";
                return Err(Trouble::Lasting(message.to_owned()));
            }
            if !union.is_empty() {
                roles::may_tag(&job.role, &job.point, around)?;
            }
        }
        let snapshot = Snapshot::of(state);
        let durations = &self.options.durations;
        let ends = at + durations.run(&job.resource, durations.backup, snapshot.size);
        let lapse_delay = self.ids.delay(SignedDuration::from_hours(8));
        let created = if self.options.created_at_start { at } else { job.created };
        let size = snapshot.size;
        let point = Point {
            arn: job.point.clone(),
            vault: job.vault.clone(),
            vault_arn,
            vault_kind: kind,
            key_arn: Some(key_arn),
            own_key,
            resource: job.resource.clone(),
            role: job.role.clone(),
            created,
            initiated: at,
            completed: None,
            state: PointState::Creating,
            message: None,
            tags: Lagging::new(union, self.tags_seen(at)),
            added: job.tags.keys().cloned().collect(),
            lifecycle: job.lifecycle,
            lapse_delay,
            snapshot,
            source_vault: None,
            cold: false,
            busy: 0,
            restored: None,
            advanced: job.advanced,
            ends: None,
            timer: None,
        };
        let table_key = point.table_key().map(str::to_owned);
        let point = if job.advanced {
            point
        } else {
            Point { own_key: table_key.is_some(), key_arn: table_key, ..point }
        };
        let timer =
            self.timers.set(ends.min(job.complete_by.max(at)), Due::Backup(place.clone(), job.id.clone()));
        self.outbox.point(place, &point, at, self.options.usable);
        let (point_seen, job_seen) = (self.lags.draw(&[Lag::Points], at), self.lags.draw(&[Lag::Jobs], at));
        let site = self.site(place);
        site.points.insert(point, point_seen);
        let mut running = job.clone();
        running.state = JobState::Running;
        running.initiated = Some(at);
        running.expected = Some(ends);
        running.size = size;
        running.timer = Some(timer);
        site.backups.insert(running.clone(), job_seen);
        self.outbox.backup(place, &running, at);
        Ok(())
    }

    fn finish_backup(&mut self, place: &AccountRegion, id: &str, at: Timestamp, around: &mut dyn Neighbours) {
        let Some(job) = self.site(place).backups.get(id).cloned() else { return };
        self.slots.release(&job.slot(place, self.options.running_backups));
        let scripted = self.fail_backups.get_mut(&job.resource).and_then(VecDeque::pop_front);
        if let Some(message) = scripted {
            self.remove_point(place, &job.point, at);
            self.end_backup(place, id, at, JobState::Failed, &message);
        } else if job.expected.is_some_and(|expected| expected > at) {
            self.remove_point(place, &job.point, at);
            self.end_backup(place, id, at, JobState::Expired, TOO_LATE);
        } else {
            let issue = self.issues.get_mut(&job.resource).and_then(VecDeque::pop_front).unwrap_or_default();
            self.end_backup(place, id, at, JobState::Completed, &issue);
            self.complete_point(place, &job.point, at);
        }
        self.run_waiting(at, around);
    }

    pub(super) fn end_backup(
        &mut self,
        place: &AccountRegion,
        id: &str,
        at: Timestamp,
        state: JobState,
        message: &str,
    ) {
        let seen = self.lags.draw(&[Lag::Jobs], at);
        let ended = self.site(place).backups.change(id, seen, |job| {
            job.state = state;
            job.message = (!message.is_empty()).then(|| message.to_owned());
            job.completed = Some(at);
        });
        let Some(job) = ended else { return };
        let (job, timer) = (job.clone(), job.timer.take());
        self.timers.cancel(timer);
        self.slots.leave(job.number);
        self.outbox.backup(place, &job, at);
    }
}

/// Whether a table can be backed up as it is. AWS documents that a backup fails while its table is being created; that
/// a table which is going fails likewise is assumption A47. One whose key cannot be used cannot be read.
fn may_be_read(table: &TableState, around: &dyn Neighbours) -> Result<(), Trouble> {
    let status = table.description.get("TableStatus").and_then(Value::as_str).unwrap_or("ACTIVE");
    let lasting = |message: &str| Err(Trouble::Lasting(message.to_owned()));
    match status {
        "CREATING" => return lasting("Table is being created."),
        "DELETING" => return lasting("Table is being deleted."),
        "ARCHIVING" | "ARCHIVED" => return lasting("Table is archived."),
        _ => {}
    }
    let key = table.description.get("SSEDescription").and_then(|sse| sse.get("KMSMasterKeyArn"));
    match key.and_then(Value::as_str) {
        Some(_) if status == "INACCESSIBLE_ENCRYPTION_CREDENTIALS" => lasting(roles::KEY_DENIED),
        Some(key) => Ok(roles::key_usable(key, around)?),
        None => Ok(()),
    }
}
