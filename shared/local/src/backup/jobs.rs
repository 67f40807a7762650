//! Backup jobs: CREATED, RUNNING, then COMPLETED, FAILED, EXPIRED or ABORTED.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::backup_job::{BackupJob, JobState, NAMES, table_name};
use super::filter::JobFilter;
use super::lifecycle::Lifecycle;
use super::place::AccountRegion;
use super::timers::Due;
use super::wire::{Request, answer, invalid_parameter, invalid_request, page};
use super::{Backup, tags};
use crate::api::{ApiError, Neighbours};
use crate::lags::Lag;
use crate::wire::seconds;

const DEFAULT_START_WINDOW: i64 = 8 * 60;
const DEFAULT_COMPLETE_WINDOW: i64 = 7 * 24 * 60;

pub(super) const OUT_OF_RANGE: &str =
    "retention specified in the job is not within the range specified for the target Backup Vault.";

impl Backup {
    pub(super) fn start_backup(
        &mut self,
        request: &Request<'_>,
        around: &mut dyn Neighbours,
    ) -> Result<(String, Value), ApiError> {
        let place = &request.place;
        let (vault, resource) = (request.needed("BackupVaultName")?, request.needed("ResourceArn")?);
        let role = request.needed("IamRoleArn")?;
        let advanced = self.advanced(place);
        self.vault(place, vault)?;
        let vault = self.target_vault(request, vault, advanced)?;
        let (vault_arn, found) = self.vault(place, &vault)?;
        let (key_arn, vault_kind) = (found.key_arn.clone(), found.kind());
        let vault_locked = found.lock.is_some();
        let before = self.repeated(request, "StartBackupJob");
        if let Some(job) = before.and_then(|id| self.sites.get(place)?.backups.get(&id)) {
            return Ok((vault_arn, started(job)));
        }
        let window = |name: &str, default: i64| {
            let minutes = request.number(name).unwrap_or(default);
            if !(60..=52_560_000).contains(&minutes) {
                return Err(invalid_parameter(format!("{name} must be at least 60, is {minutes}")));
            }
            Ok(SignedDuration::from_mins(minutes))
        };
        let start_window = window("StartWindowMinutes", DEFAULT_START_WINDOW)?;
        let complete_window = window("CompleteWindowMinutes", DEFAULT_COMPLETE_WINDOW)?;
        let lifecycle = Lifecycle::parse(request.body.get("Lifecycle"))?;
        let tags = tags::parse(request.body.get("RecoveryPointTags"))?;
        tags::require_few_added(tags.len(), self.options.added_tags)?;
        let table = table_name(resource);
        if table.is_empty() || AccountRegion::of_arn(resource).as_ref() != Some(place) {
            return Err(invalid_parameter(format!("Invalid ARN: {resource}")));
        }
        if around.table(&place.account, &place.region, table).is_none() {
            return Err(ApiError::client(
                "ResourceNotFoundException",
                format!("Resource {resource} not found."),
            ));
        }

        let now = request.now();
        let (id, point) = (self.ids.uuid(), self.ids.uuid());
        let timer =
            self.timers.set(now + self.options.durations.start, Due::Backup(place.clone(), id.clone()));
        let job = BackupJob {
            id: id.clone(),
            vault,
            key_arn,
            vault_kind,
            vault_locked,
            resource: resource.to_owned(),
            role: role.to_owned(),
            created: now,
            start_by: now + start_window,
            complete_by: now + complete_window,
            initiated: None,
            completed: None,
            expected: None,
            state: JobState::Created,
            message: None,
            trouble: None,
            point: if advanced {
                format!("arn:aws:backup:{}:{}:recovery-point:{point}", place.region, place.account)
            } else {
                format!("{resource}/backup/0{}-{}", now.as_millisecond(), &point[..8])
            },
            size: 0,
            advanced,
            lifecycle,
            tags,
            number: self.slots.number(),
            timer: Some(timer),
        };
        let body = started(&job);
        self.outbox.backup(place, &job, now);
        self.remember(request, "StartBackupJob", &id);
        let seen = self.lags.draw(&[Lag::Jobs], now);
        self.site(place).backups.insert(job, seen);
        Ok((vault_arn, body))
    }

    /// The vault that a backup goes to. AWS documents that an air-gapped vault is named on its own, beside one
    /// that is not, and that a type that it does not support still goes to the other.
    fn target_vault(&self, request: &Request<'_>, vault: &str, advanced: bool) -> Result<String, ApiError> {
        if self.vault(&request.place, vault)?.1.air_gapped {
            return Err(invalid_request(format!(
                "Backup vault {vault} is logically air-gapped: name it in LogicallyAirGappedBackupVaultArn"
            )));
        }
        let Some(arn) = request.text("LogicallyAirGappedBackupVaultArn") else { return Ok(vault.to_owned()) };
        let name = arn.rsplit_once(":backup-vault:").map(|(_, name)| name);
        let name = name.filter(|_| AccountRegion::of_arn(arn).as_ref() == Some(&request.place));
        let Some(name) = name else { return Err(invalid_parameter(format!("Invalid ARN: {arn}"))) };
        if !self.vault(&request.place, name)?.1.air_gapped {
            return Err(invalid_parameter(format!("Backup vault {name} is not logically air-gapped")));
        }
        Ok(if advanced { name } else { vault }.to_owned())
    }

    /// The job that a request with this idempotency token started before. AWS documents neither how long a
    /// token lives nor what other parameters do: here it lives without end and they do nothing.
    pub(super) fn repeated(&mut self, request: &Request<'_>, operation: &'static str) -> Option<String> {
        let token = request.text("IdempotencyToken")?.to_owned();
        self.site(&request.place).tokens.get(&(operation, token)).cloned()
    }

    pub(super) fn remember(&mut self, request: &Request<'_>, operation: &'static str, id: &str) {
        if let Some(token) = request.text("IdempotencyToken") {
            self.site(&request.place).tokens.insert((operation, token.to_owned()), id.to_owned());
        }
    }

    fn backup_job(&self, request: &Request<'_>) -> Result<&BackupJob, ApiError> {
        let id = request.segment(1);
        self.sites
            .get(&request.place)
            .and_then(|site| site.backups.get(id))
            .ok_or_else(|| self.missing(format!("Cannot find backup job {id}")))
    }

    pub(super) fn describe_backup(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        Ok(("*".to_owned(), self.backup_job(request)?.view(&request.place)))
    }

    /// Works only before the job runs: DynamoDB cannot cancel a backup that is in progress.
    pub(super) fn stop_backup(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (id, state) = (request.segment(1), self.backup_job(request)?.state);
        if state != JobState::Created {
            return Err(invalid_request(format!(
                "Backup job {id} cannot be stopped: it is {}",
                state.as_str()
            )));
        }
        let message = "Backup job was stopped by user.";
        self.end_backup(&request.place, id, request.now(), JobState::Aborted, message);
        Ok(("*".to_owned(), json!({})))
    }

    /// Jobs of the last 30 days.
    pub(super) fn list_backups(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let filter = JobFilter::of(request, "state", &NAMES)?;
        let vault = request.query("backupVaultName");
        let site = self.sites.get(&request.place);
        let jobs = site.into_iter().flat_map(|site| site.backups.listed(filter.resource, request.now()));
        let wanted = jobs.filter(|job| filter.admits(*job) && vault.is_none_or(|vault| vault == job.vault));
        let (found, next) = page(request, self.options.page, wanted.map(|job| (job.id.as_str(), job)))?;
        let views: Vec<Value> = found.into_iter().map(|job| job.view(&request.place)).collect();
        let body =
            answer([("BackupJobs", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }
}

fn started(job: &BackupJob) -> Value {
    answer([
        ("BackupJobId", Some(json!(job.id))),
        ("CreationDate", Some(seconds(job.created))),
        ("RecoveryPointArn", job.advanced.then(|| json!(job.point))),
        ("IsParent", Some(json!(false))),
    ])
}
