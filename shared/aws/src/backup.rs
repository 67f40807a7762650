//! AWS Backup: vaults, jobs and recovery points of one Region.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_backup::types::{
    BackupJobState, CopyJobState, EncryptionKeyType, Lifecycle, RecoveryPointStatus, StorageClass, VaultType,
};
use aws_smithy_types::DateTime;
use backup_chain_core::ids::{RecoveryPointArn, TableArn, VaultArn, VaultName};
use backup_chain_core::lock::Lock;
use backup_chain_core::plan::{JobTraits, StartBackup, StartCopy};
use jiff::Timestamp;

use crate::clock::timestamp;
use crate::error::{AwsError, Meaning, failed};
use crate::limits::Limits;

/// Where a backup or copy job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Not final: waiting or running. States that we do not know count as this.
    Open,
    /// Done.
    Completed,
    /// Over without a result: FAILED, ABORTED, EXPIRED or PARTIAL.
    Failed(String),
}

/// A backup or copy job as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: JobState,
    /// What AWS says about it; also on completed jobs that had issues.
    pub message: Option<String>,
    /// The recovery point that it makes, once AWS has named it.
    pub arn: Option<RecoveryPointArn>,
    /// When the job was made.
    pub created_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// For a copy: the ARN of the target vault.
    pub target: Option<String>,
}

impl Job {
    /// Whether AWS gave it up for the tags of the recovery point. It says so in words alone, such as "The resultant
    /// tag set must not have more than 50 user tags." (AWS Backup's guide).
    pub fn is_given_up_for_tags(&self) -> bool {
        let of_tags = |word: &str| word == "tag" || word == "tags" || word.contains("tagresource");
        let message = self.message.as_deref().unwrap_or_default().to_lowercase();
        matches!(self.state, JobState::Failed(_))
            && message.split(|c: char| !c.is_alphanumeric()).any(of_tags)
    }
}

impl AwsError {
    /// Whether it may be the tags of a request that AWS refuses: any refusal, for a tag policy or a condition on tags
    /// need not say so; and a limit, where its words are of tags.
    pub fn may_be_of_tags(&self) -> bool {
        match self.meaning {
            Meaning::Refused | Meaning::Denied => true,
            _ => self.code == LIMIT && self.message.to_lowercase().contains("tag"),
        }
    }
}

/// "A limit in the request has been exceeded; for example, a maximum number of items allowed in a request" (the model
/// of AWS Backup).
const LIMIT: &str = "LimitExceededException";

/// What TagResource answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    /// The tags are on the recovery point.
    Done,
    /// AWS takes no such tags there, for this reason: their number, or their names.
    Refused(String),
}

/// What StartBackupJob answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The job.
    pub job: String,
    /// The recovery point: named at once only with DynamoDB's advanced features.
    pub arn: Option<RecoveryPointArn>,
}

/// What of a recovery point can be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointState {
    /// COMPLETED or AVAILABLE: it can be restored.
    Usable,
    /// DELETING.
    Deleting,
    /// EXPIRED: AWS could not delete it.
    Expired,
    /// CREATING: its job is running.
    Creating,
    /// Anything else, by its name.
    Other(String),
}

/// A recovery point as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Its ARN.
    pub arn: RecoveryPointArn,
    /// Its state.
    pub state: PointState,
    /// Its creation date. A copy has that of its source.
    pub created_at: Option<Timestamp>,
    /// Its size in bytes.
    pub bytes: Option<i64>,
    /// What it is a backup of.
    pub resource: Option<String>,
    /// The service role that made it.
    pub role: Option<String>,
    /// Whether it is in cold storage, from where nothing is copied; a listing does not tell.
    pub cold: Option<bool>,
    /// Whether AWS deletes it at some moment. A copy of it that is given no lifecycle goes at the same.
    pub ends: bool,
}

/// A vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// Its ARN.
    pub arn: Option<VaultArn>,
    /// Its lock. Air-gapped vaults have one too: AWS deletes there, we never do.
    pub lock: Option<Lock>,
    /// Whether it is logically air-gapped.
    pub air_gapped: bool,
    /// The ARN of the key that encrypts it.
    pub key: Option<String>,
    /// Whether AWS calls that key the customer's own.
    pub own_key: bool,
}

/// What a Region allows for DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionSettings {
    /// DynamoDB is opted in.
    pub opted_in: bool,
    /// AWS Backup manages DynamoDB's backups fully: tags, copies, cold storage, the vault's key.
    pub advanced: bool,
}

/// AWS Backup in one Region.
#[derive(Debug, Clone)]
pub struct Backup {
    pub(crate) client: aws_sdk_backup::Client,
    pub(crate) limits: Arc<Limits>,
}

impl Backup {
    pub(crate) fn new(client: aws_sdk_backup::Client, limits: Arc<Limits>) -> Self {
        Self { client, limits }
    }

    /// Whether DynamoDB's advanced features are on: both maps must say so.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeRegionSettings.
    pub async fn region_settings(&self) -> Result<RegionSettings, AwsError> {
        let answer = self
            .client
            .describe_region_settings()
            .send()
            .await
            .map_err(failed("backup:DescribeRegionSettings", "DynamoDB"))?;
        let on = |map: Option<&std::collections::HashMap<String, bool>>| {
            map.and_then(|map| map.get("DynamoDB")).copied().unwrap_or(false)
        };
        Ok(RegionSettings {
            opted_in: on(answer.resource_type_opt_in_preference()),
            advanced: on(answer.resource_type_management_preference()),
        })
    }

    /// A vault's lock.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeBackupVault; a vault that does not exist may come as Denied.
    pub async fn vault(&self, name: &VaultName) -> Result<Vault, AwsError> {
        self.limits.start.acquire_one().await;
        let answer = self
            .client
            .describe_backup_vault()
            .backup_vault_name(name.as_str())
            .send()
            .await
            .map_err(failed("backup:DescribeBackupVault", name.as_str()))?;
        let air_gapped = answer.vault_type() == Some(&VaultType::LogicallyAirGappedBackupVault);
        let is_locked = answer.locked().unwrap_or(false) || air_gapped;
        let lock = Lock::from_vault(answer.min_retention_days(), answer.max_retention_days());
        let arn = answer.backup_vault_arn().and_then(|arn| arn.parse().ok());
        let own_key = answer.encryption_key_type() == Some(&EncryptionKeyType::CustomerManagedKmsKey);
        let key = answer.encryption_key_arn;
        Ok(Vault { arn, lock: is_locked.then_some(lock), air_gapped, key, own_key })
    }

    /// Starts a backup job, exactly as recorded.
    ///
    /// # Errors
    /// [`AwsError`] of backup:StartBackupJob.
    pub async fn start_backup(&self, request: &StartBackup) -> Result<Started, AwsError> {
        const OPERATION: &str = "backup:StartBackupJob";
        self.limits.start.acquire_one().await;
        let resource = request.table.to_string();
        let answer = self
            .client
            .start_backup_job()
            .backup_vault_name(request.vault.as_str())
            .resource_arn(&resource)
            .iam_role_arn(&request.role)
            .idempotency_token(&request.token)
            .start_window_minutes(request.start_window_minutes)
            .set_lifecycle(lifecycle(request.cold_after_days, request.delete_after_days))
            .set_recovery_point_tags(
                (!request.tags.is_empty()).then(|| request.tags.clone().into_iter().collect()),
            )
            .send()
            .await
            .map_err(failed(OPERATION, &resource))?;
        Ok(Started {
            job: answer
                .backup_job_id()
                .ok_or_else(|| AwsError::incomplete(OPERATION, &resource, "job id"))?
                .to_owned(),
            arn: answer.recovery_point_arn().and_then(|arn| arn.parse().ok()),
        })
    }

    /// A backup job.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeBackupJob.
    pub async fn backup_job(&self, id: &str) -> Result<Job, AwsError> {
        self.limits.describe.acquire_one().await;
        let job = self
            .client
            .describe_backup_job()
            .backup_job_id(id)
            .send()
            .await
            .map_err(failed("backup:DescribeBackupJob", id))?;
        Ok(Job {
            id: id.to_owned(),
            state: backup_state(job.state()),
            message: text(job.status_message()),
            arn: job.recovery_point_arn().and_then(|arn| arn.parse().ok()),
            created_at: timestamp(job.creation_date()),
            completed_at: timestamp(job.completion_date()),
            target: None,
        })
    }

    /// The backup jobs of a table made at or after `since`, with what tells whose each is. AWS lists the last 30 days
    /// only.
    ///
    /// # Errors
    /// [`AwsError`] of backup:ListBackupJobs.
    pub async fn backup_jobs_of(
        &self,
        table: &TableArn,
        since: Timestamp,
    ) -> Result<Vec<(Job, JobTraits)>, AwsError> {
        let mut pages = self
            .client
            .list_backup_jobs()
            .by_resource_arn(table.to_string())
            .by_created_after(DateTime::from_secs(since.as_second()))
            .into_paginator()
            .send();
        let mut jobs = Vec::new();
        loop {
            self.limits.list.acquire_one().await;
            let Some(page) = pages.next().await else { return Ok(jobs) };
            for job in page.map_err(failed("backup:ListBackupJobs", table.to_string()))?.backup_jobs() {
                let created_at = timestamp(job.creation_date());
                let id = job.backup_job_id().unwrap_or_default();
                let marks = JobTraits {
                    job: id.to_owned(),
                    role: job.iam_role_arn().map(str::to_owned),
                    vault: job.backup_vault_name().map(str::to_owned),
                    is_planned: job.created_by().is_some(),
                    start_window: timestamp(job.start_by())
                        .zip(created_at)
                        .map(|(start_by, created_at)| start_by.duration_since(created_at)),
                };
                let job = Job {
                    id: id.to_owned(),
                    state: backup_state(job.state()),
                    message: text(job.status_message()),
                    arn: job.recovery_point_arn().and_then(|arn| arn.parse().ok()),
                    created_at,
                    completed_at: timestamp(job.completion_date()),
                    target: None,
                };
                jobs.push((job, marks));
            }
        }
    }

    /// Starts a copy job, exactly as recorded, and tells its id.
    ///
    /// # Errors
    /// [`AwsError`] of backup:StartCopyJob.
    pub async fn start_copy(&self, request: &StartCopy) -> Result<String, AwsError> {
        const OPERATION: &str = "backup:StartCopyJob";
        self.limits.start.acquire_one().await;
        let answer = self
            .client
            .start_copy_job()
            .recovery_point_arn(request.source.as_str())
            .source_backup_vault_name(request.source_vault.as_str())
            .destination_backup_vault_arn(request.target.to_string())
            .iam_role_arn(&request.role)
            .idempotency_token(&request.token)
            .set_lifecycle(lifecycle(request.cold_after_days, request.delete_after_days))
            .send()
            .await
            .map_err(failed(OPERATION, request.source.as_str()))?;
        let id = answer.copy_job_id();
        id.map(str::to_owned)
            .ok_or_else(|| AwsError::incomplete(OPERATION, request.source.as_str(), "job id"))
    }

    /// A copy job.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeCopyJob.
    pub async fn copy_job(&self, id: &str) -> Result<Job, AwsError> {
        const OPERATION: &str = "backup:DescribeCopyJob";
        self.limits.describe.acquire_one().await;
        let answer =
            self.client.describe_copy_job().copy_job_id(id).send().await.map_err(failed(OPERATION, id))?;
        let job = answer.copy_job().ok_or_else(|| AwsError::incomplete(OPERATION, id, "job"))?;
        Ok(copy_job(job))
    }

    /// The copy jobs of a recovery point.
    ///
    /// # Errors
    /// [`AwsError`] of backup:ListCopyJobs.
    pub async fn copy_jobs_of(&self, source: &RecoveryPointArn) -> Result<Vec<Job>, AwsError> {
        let mut pages = self
            .client
            .list_copy_jobs()
            .by_source_recovery_point_arn(source.as_str())
            .into_paginator()
            .send();
        let mut jobs = Vec::new();
        loop {
            self.limits.list.acquire_one().await;
            let Some(page) = pages.next().await else { return Ok(jobs) };
            jobs.extend(
                page.map_err(failed("backup:ListCopyJobs", source.as_str()))?
                    .copy_jobs()
                    .iter()
                    .map(copy_job),
            );
        }
    }

    /// A recovery point.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeRecoveryPoint.
    pub async fn point(&self, vault: &VaultName, arn: &RecoveryPointArn) -> Result<Point, AwsError> {
        self.limits.describe.acquire_one().await;
        let point = self
            .client
            .describe_recovery_point()
            .backup_vault_name(vault.as_str())
            .recovery_point_arn(arn.as_str())
            .send()
            .await
            .map_err(failed("backup:DescribeRecoveryPoint", arn.as_str()))?;
        Ok(Point {
            arn: arn.clone(),
            state: point_state(point.status()),
            created_at: timestamp(point.creation_date()),
            bytes: point.backup_size_in_bytes(),
            resource: point.resource_arn().map(str::to_owned),
            role: point.iam_role_arn().map(str::to_owned),
            cold: Some(point.storage_class() == Some(&StorageClass::Cold)),
            ends: ends(point.lifecycle()),
        })
    }

    /// Every recovery point of a vault.
    ///
    /// # Errors
    /// [`AwsError`] of backup:ListRecoveryPointsByBackupVault.
    pub async fn points(&self, vault: &VaultName) -> Result<Vec<Point>, AwsError> {
        let mut pages = self
            .client
            .list_recovery_points_by_backup_vault()
            .backup_vault_name(vault.as_str())
            .max_results(1000)
            .into_paginator()
            .send();
        let mut points = Vec::new();
        loop {
            self.limits.list.acquire_one().await;
            let Some(page) = pages.next().await else { return Ok(points) };
            let page = page.map_err(failed("backup:ListRecoveryPointsByBackupVault", vault.as_str()))?;
            for point in page.recovery_points() {
                let Some(arn) = point.recovery_point_arn().and_then(|arn| arn.parse().ok()) else { continue };
                points.push(Point {
                    arn,
                    state: point_state(point.status()),
                    created_at: timestamp(point.creation_date()),
                    bytes: point.backup_size_in_bytes(),
                    resource: point.resource_arn().map(str::to_owned),
                    role: point.iam_role_arn().map(str::to_owned),
                    cold: None,
                    ends: ends(point.lifecycle()),
                });
            }
        }
    }

    /// The tags of a recovery point.
    ///
    /// # Errors
    /// [`AwsError`] of backup:ListTags.
    pub async fn tags(&self, arn: &RecoveryPointArn) -> Result<BTreeMap<String, String>, AwsError> {
        let mut pages = self.client.list_tags().resource_arn(arn.as_str()).into_paginator().send();
        let mut tags = BTreeMap::new();
        loop {
            self.limits.list.acquire_one().await;
            let Some(page) = pages.next().await else { return Ok(tags) };
            let page = page.map_err(failed("backup:ListTags", arn.as_str()))?;
            tags.extend(page.tags().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        }
    }

    /// Adds tags to a recovery point; one that is there already takes the new value.
    ///
    /// # Errors
    /// [`AwsError`] of backup:TagResource, where it is not the tags that are refused.
    pub async fn tag(
        &self,
        arn: &RecoveryPointArn,
        tags: &BTreeMap<String, String>,
    ) -> Result<Tagged, AwsError> {
        self.limits.start.acquire_one().await;
        let tags = Some(tags.clone().into_iter().collect());
        let request = self.client.tag_resource().resource_arn(arn.as_str()).set_tags(tags);
        match request.send().await.map_err(failed("backup:TagResource", arn.as_str())) {
            Ok(_) => Ok(Tagged::Done),
            Err(error) if error.code == LIMIT || error.meaning == Meaning::Refused => {
                Ok(Tagged::Refused(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a tag from a recovery point; one that is not there is no error.
    ///
    /// # Errors
    /// [`AwsError`] of backup:UntagResource.
    pub async fn untag(&self, arn: &RecoveryPointArn, key: &str) -> Result<(), AwsError> {
        self.limits.start.acquire_one().await;
        self.client
            .untag_resource()
            .resource_arn(arn.as_str())
            .tag_key_list(key)
            .send()
            .await
            .map_err(failed("backup:UntagResource", arn.as_str()))?;
        Ok(())
    }

    /// Asks for the deletion of a recovery point. The answer proves nothing: AWS answers 200 even where the
    /// role lacks the right, and the point then turns EXPIRED.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DeleteRecoveryPoint.
    pub async fn delete(&self, vault: &VaultName, arn: &RecoveryPointArn) -> Result<(), AwsError> {
        self.limits.delete.acquire_one().await;
        self.client
            .delete_recovery_point()
            .backup_vault_name(vault.as_str())
            .recovery_point_arn(arn.as_str())
            .send()
            .await
            .map_err(failed("backup:DeleteRecoveryPoint", arn.as_str()))?;
        Ok(())
    }
}

fn lifecycle(cold_after_days: Option<i64>, delete_after_days: Option<i64>) -> Option<Lifecycle> {
    (cold_after_days.is_some() || delete_after_days.is_some()).then(|| {
        Lifecycle::builder()
            .set_move_to_cold_storage_after_days(cold_after_days)
            .set_delete_after_days(delete_after_days)
            .build()
    })
}

/// Whether a lifecycle has an end: AWS writes none as −1, or leaves it out.
fn ends(lifecycle: Option<&Lifecycle>) -> bool {
    lifecycle.and_then(Lifecycle::delete_after_days).is_some_and(|days| days > 0)
}

pub(crate) fn text(message: Option<&str>) -> Option<String> {
    message.map(|text| text.trim_matches('"').to_owned()).filter(|text| !text.is_empty())
}

fn backup_state(state: Option<&BackupJobState>) -> JobState {
    use BackupJobState::{Aborted, Completed, Expired, Failed, Partial};
    match state {
        Some(Completed) => JobState::Completed,
        Some(state @ (Aborted | Expired | Failed | Partial)) => JobState::Failed(state.as_str().to_owned()),
        _ => JobState::Open,
    }
}

fn copy_job(job: &aws_sdk_backup::types::CopyJob) -> Job {
    use CopyJobState::{Completed, Failed, Partial};
    let state = match job.state() {
        Some(Completed) => JobState::Completed,
        Some(state @ (Failed | Partial)) => JobState::Failed(state.as_str().to_owned()),
        // Only the summaries list ABORTED, but a describe call may come to tell it too.
        Some(state) if state.as_str() == "ABORTED" => JobState::Failed("ABORTED".to_owned()),
        _ => JobState::Open,
    };
    Job {
        id: job.copy_job_id().unwrap_or_default().to_owned(),
        state,
        message: text(job.status_message()),
        arn: job.destination_recovery_point_arn().and_then(|arn| arn.parse().ok()),
        created_at: timestamp(job.creation_date()),
        completed_at: timestamp(job.completion_date()),
        target: job.destination_backup_vault_arn().map(str::to_owned),
    }
}

fn point_state(status: Option<&RecoveryPointStatus>) -> PointState {
    use RecoveryPointStatus::{Available, Completed, Creating, Deleting, Expired};
    match status {
        Some(Available | Completed) => PointState::Usable,
        Some(Deleting) => PointState::Deleting,
        Some(Expired) => PointState::Expired,
        Some(Creating) => PointState::Creating,
        other => PointState::Other(other.map_or("no status", RecoveryPointStatus::as_str).to_owned()),
    }
}
