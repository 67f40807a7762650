//! Copy jobs into a vault of any Region of the same account: CREATED, RUNNING, then COMPLETED or FAILED.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::backup_job::JobState;
use super::copy_job::{CopyJob, NAMES};
use super::filter::JobFilter;
use super::jobs::OUT_OF_RANGE;
use super::lifecycle::Lifecycle;
use super::place::AccountRegion;
use super::point::{Point, PointState};
use super::policy::{self, Asked};
use super::runs::RETRY;
use super::timers::Due;
use super::wire::{Request, answer, invalid_parameter, invalid_request, page};
use super::{Backup, roles};
use crate::api::{ApiError, Neighbours};
use crate::lags::{Lag, Lagging};
use crate::wire::seconds;

impl Backup {
    pub(super) fn start_copy(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let place = &request.place;
        let source = request.needed("RecoveryPointArn")?;
        let source_vault = request.needed("SourceBackupVaultName")?;
        let target_vault_arn = request.needed("DestinationBackupVaultArn")?;
        let role = request.needed("IamRoleArn")?;
        let before = self.repeated(request, "StartCopyJob");
        if let Some(job) = before.and_then(|id| self.sites.get(place)?.copies.get(&id)) {
            return Ok((source.to_owned(), started(job)));
        }
        let target =
            AccountRegion::of_arn(target_vault_arn).zip(target_vault_arn.rsplit_once(":backup-vault:"));
        let Some((target, (_, target_vault))) = target else {
            return Err(invalid_parameter(format!("Invalid ARN: {target_vault_arn}")));
        };
        let lifecycle = match request.body.get("Lifecycle") {
            None | Some(Value::Null) => None,
            given => Some(Lifecycle::parse(given)?),
        };
        let (source_vault_arn, _) = self.vault(place, source_vault)?;
        let found = self.sites.get(place).and_then(|site| site.points.get(source));
        let Some(point) = found.filter(|point| point.vault == source_vault) else {
            return Err(self.missing(format!("Cannot find recovery point {source}")));
        };
        if point.cold {
            return Err(invalid_request(format!(
                "Recovery point {source} is in cold storage: it cannot be copied"
            )));
        }
        if point.state != PointState::Usable {
            let state = point.state.as_str(self.options.usable);
            return Err(invalid_request(format!("Recovery point {source} cannot be copied: it is {state}")));
        }
        let (resource, size) = (point.resource.clone(), point.snapshot.size);

        let now = request.now();
        let id = self.ids.uuid().to_uppercase();
        let timer = self.timers.set(now + self.options.durations.start, Due::Copy(place.clone(), id.clone()));
        let job = CopyJob {
            id: id.clone(),
            source: source.to_owned(),
            source_vault_arn,
            target_vault_arn: target_vault_arn.to_owned(),
            resource,
            role: role.to_owned(),
            created: now,
            completed: None,
            state: JobState::Created,
            message: None,
            made: None,
            size,
            target,
            target_vault: target_vault.to_owned(),
            lifecycle,
            taken: None,
            number: self.slots.number(),
            timer: Some(timer),
        };
        let body = started(&job);
        self.outbox.copy(place, &job, now);
        self.remember(request, "StartCopyJob", &id);
        let seen = self.lags.draw(&[Lag::Jobs], now);
        self.site(place).copies.insert(job, seen);
        Ok((source.to_owned(), body))
    }

    pub(super) fn copy_due(
        &mut self,
        place: &AccountRegion,
        id: &str,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) {
        let Some(job) = self.site(place).copies.get_mut(id) else { return };
        job.timer = None;
        match job.state {
            JobState::Created => self.try_copy(place, id, at, around),
            JobState::Running => {
                let job = job.clone();
                self.slots.release(&job.slot(place, self.options.running_copies));
                self.read_by(place, &job.source, false);
                match self.make_copy(place, &job, at, around) {
                    Ok(arn) => {
                        self.end_copy(place, id, at, Ok(arn.clone()));
                        self.complete_point(&job.target, &arn, at);
                    }
                    Err(message) => self.end_copy(place, id, at, Err(message)),
                }
                self.run_waiting(at, around);
            }
            _ => {}
        }
    }

    /// Runs a copy that may run now. Unlike a backup it waits without end.
    pub(super) fn try_copy(
        &mut self,
        place: &AccountRegion,
        id: &str,
        at: Timestamp,
        around: &mut dyn Neighbours,
    ) {
        let Some(job) = self.site(place).copies.get(id).cloned() else { return };
        if self.disturbed.get(&job.resource).is_some_and(|until| at < *until) {
            self.slots.leave(job.number);
            let timer = self.timers.set(at + RETRY, Due::Copy(place.clone(), id.to_owned()));
            if let Some(job) = self.site(place).copies.get_mut(id) {
                job.timer = Some(timer);
            }
            return;
        }
        let slot = job.slot(place, self.options.running_copies);
        if !self.slots.take(&slot) {
            self.slots.wait(job.number, Due::Copy(place.clone(), id.to_owned()), slot);
            return;
        }
        self.slots.leave(job.number);
        match self.check_copy(place, &job, around) {
            Ok(point) => {
                let durations = &self.options.durations;
                let ends = at + durations.run(&job.resource, durations.copy, job.size);
                let timer = self.timers.set(ends, Due::Copy(place.clone(), id.to_owned()));
                let mut running = job;
                running.state = JobState::Running;
                running.taken = Some((point, at));
                running.timer = Some(timer);
                self.outbox.copy(place, &running, at);
                self.read_by(place, &running.source, true);
                let seen = self.lags.draw(&[Lag::Jobs], at);
                self.site(place).copies.insert(running, seen);
            }
            Err(message) => {
                self.slots.release(&slot);
                self.end_copy(place, id, at, Err(message));
            }
        }
    }

    /// Counts a copy that begins or ends to read its source.
    fn read_by(&mut self, place: &AccountRegion, source: &str, begins: bool) {
        if let Some(point) = self.site(place).points.get_mut(source) {
            point.busy = if begins { point.busy + 1 } else { point.busy.saturating_sub(1) };
        }
    }

    fn check_copy(
        &self,
        place: &AccountRegion,
        job: &CopyJob,
        around: &dyn Neighbours,
    ) -> Result<Point, String> {
        let source = self.sites.get(place).and_then(|site| site.points.get(&job.source));
        let Some(source) = source.filter(|point| point.state == PointState::Usable) else {
            return Err(format!("Recovery point {} does not exist.", job.source));
        };
        if !source.advanced {
            return Err(format!(
                "Copy job from {} to {} cannot be initiated for DynamoDB resources. Feature is not supported for \
                 provided resource type.",
                place.region, job.target.region
            ));
        }
        if job.target.account != place.account {
            return Err("Copy job failed. Both source and destination account must be a member of the same \
                        organization."
                .to_owned());
        }
        roles::may_copy(job, around)?;
        if let Some(vault) = self.sites.get(place).and_then(|site| site.vaults.get(&source.vault)) {
            roles::vault_key_usable(vault, around)?;
        }
        self.check_target(place, job, source.lifecycle, around)?;
        Ok(source.clone())
    }

    fn check_target(
        &self,
        place: &AccountRegion,
        job: &CopyJob,
        source: Lifecycle,
        around: &dyn Neighbours,
    ) -> Result<(), String> {
        let Ok((_, vault)) = self.vault(&job.target, &job.target_vault) else {
            return Err(format!(
                "Copy job failed because the destination Backup vault {} does not exist.",
                job.target_vault_arn
            ));
        };
        if vault.lock.is_some_and(|lock| !lock.admits(job.lifecycle_of_copy(source))) {
            return Err(format!("Copy job failed because {OUT_OF_RANGE}"));
        }
        let asked = Asked { account: &place.account, role: &job.role, vault_arn: &job.target_vault_arn };
        if vault.policy.as_ref().is_some_and(|text| policy::denies_copy(text, &asked)) {
            return Err("Access Denied trying to call AWS Backup service".to_owned());
        }
        roles::vault_key_usable(vault, around)
    }

    fn make_copy(
        &mut self,
        place: &AccountRegion,
        job: &CopyJob,
        at: Timestamp,
        around: &dyn Neighbours,
    ) -> Result<String, String> {
        let scripted =
            self.fail_copies.get_mut(&job.resource).and_then(std::collections::VecDeque::pop_front);
        if let Some(message) = scripted {
            return Err(message);
        }
        let (source, initiated) = job.taken.clone().expect("a running copy has taken its source");
        self.check_target(place, job, source.lifecycle, around)?;
        let id = self.ids.uuid();
        let lapse_delay = self.ids.delay(SignedDuration::from_hours(8));
        let arn = format!("arn:aws:backup:{}:{}:recovery-point:{id}", job.target.region, job.target.account);
        if !source.tags.is_empty() {
            roles::may_tag(&job.role, &arn, around)?;
        }
        let tags = Lagging::new(BTreeMap::clone(&source.tags), self.tags_seen(at));
        let seen = self.lags.draw(&[Lag::Points], at);
        let site = self.site(&job.target);
        let vault = site.vaults.get(&job.target_vault).expect("the vault was checked above");
        let copy = Point {
            arn: arn.clone(),
            vault: vault.name.clone(),
            vault_arn: job.target_vault_arn.clone(),
            vault_kind: vault.kind(),
            key_arn: Some(vault.key_arn.clone()),
            own_key: vault.own_key,
            role: job.role.clone(),
            initiated,
            completed: None,
            state: PointState::Creating,
            lifecycle: job.lifecycle_of_copy(source.lifecycle),
            lapse_delay,
            source_vault: Some(job.source_vault_arn.clone()),
            tags,
            busy: 0,
            restored: None,
            ends: None,
            timer: None,
            ..source
        };
        site.points.insert(copy, seen);
        Ok(arn)
    }

    fn end_copy(&mut self, place: &AccountRegion, id: &str, at: Timestamp, outcome: Result<String, String>) {
        let seen = self.lags.draw(&[Lag::Jobs], at);
        let ended = self.site(place).copies.change(id, seen, |job| {
            job.completed = Some(at);
            match outcome {
                Ok(arn) => {
                    job.state = JobState::Completed;
                    job.made = Some(arn);
                }
                Err(message) => {
                    job.state = JobState::Failed;
                    job.message = Some(message);
                }
            }
        });
        let Some(job) = ended.cloned() else { return };
        self.outbox.copy(place, &job, at);
    }

    pub(super) fn describe_copy(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let id = request.segment(1);
        let job = self.sites.get(&request.place).and_then(|site| site.copies.get(id));
        let job = job.ok_or_else(|| self.missing(format!("Cannot find copy job {id}")))?;
        Ok(("*".to_owned(), json!({"CopyJob": job.view(&request.place)})))
    }

    /// Jobs of the last 30 days.
    pub(super) fn list_copies(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let filter = JobFilter::of(request, "state", &NAMES)?;
        let (target, source) =
            (request.query("destinationVaultArn"), request.query("sourceRecoveryPointArn"));
        let site = self.sites.get(&request.place);
        let key = source.or(filter.resource);
        let jobs = site.into_iter().flat_map(|site| site.copies.listed(key, request.now()));
        let wanted = jobs.filter(|job| {
            filter.admits(*job)
                && target.is_none_or(|target| target == job.target_vault_arn)
                && source.is_none_or(|source| source == job.source)
        });
        let (found, next) = page(request, self.options.page, wanted.map(|job| (job.id.as_str(), job)))?;
        let views: Vec<Value> = found.into_iter().map(|job| job.view(&request.place)).collect();
        let body = answer([("CopyJobs", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }
}

fn started(job: &CopyJob) -> Value {
    answer([
        ("CopyJobId", Some(json!(job.id))),
        ("CreationDate", Some(seconds(job.created))),
        ("IsParent", Some(json!(false))),
    ])
}
