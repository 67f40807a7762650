//! Restore jobs: AWS Backup's, and DynamoDB's own restore, which can leave out indexes.

use std::collections::HashMap;

use aws_sdk_backup::types::RestoreJobStatus;
use aws_sdk_dynamodb::types as dynamodb;
use aws_smithy_types::DateTime;
use backup_chain_core::ids::{RecoveryPointArn, TableId};
use backup_chain_core::restore::{Key, Start};
use backup_chain_core::settings::{KeySchema, Projection, TableSettings};
use jiff::{SignedDuration, Timestamp};

use crate::backup::{Backup, JobState, text};
use crate::change::LiveTable;
use crate::clock::timestamp;
use crate::dynamodb::Dynamo;
use crate::error::{AwsError, failed};
use crate::vector;

/// A restore job as AWS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreJob {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: JobState,
    /// What AWS says about it.
    pub message: Option<String>,
    /// How far it is, as AWS writes it: `12.50%`.
    pub percent: Option<String>,
    /// The recovery point.
    pub point: Option<RecoveryPointArn>,
    /// The ARN of what it has made, once it has.
    pub made: Option<String>,
    /// When it was asked for, by AWS's clock.
    pub created_at: Option<Timestamp>,
    /// When it ended, by AWS's clock.
    pub completed_at: Option<Timestamp>,
}

impl RestoreJob {
    /// Whether a table is what the job made: it is the one that AWS names, and was created while the job ran. A table
    /// that somebody made before or afterwards under the same name is another one.
    pub fn created(&self, look: &LiveTable) -> bool {
        // DynamoDB returns creations to the millisecond, and AWS Backup jobs to some part of a second.
        let slack = SignedDuration::from_secs(1);
        let (Some(from), Some(until)) = (self.created_at, self.completed_at) else { return false };
        self.made.as_deref() == Some(look.table.arn.to_string().as_str())
            && look.created_at.is_some_and(|at| from - slack <= at && at <= until + slack)
    }
}

/// Whether AWS Backup says of a job that it failed for lack of room: it runs 50 restores, of 25 TB together, in
/// an account and Region, and says so in words.
pub fn is_capacity_failure(message: &str) -> bool {
    let message = message.to_lowercase();
    ["limit exceeded", "limitexceeded", "too many", "concurrent"].iter().any(|words| message.contains(words))
}

impl Backup {
    /// Starts a restore job, as recorded, and tells its id. The key is always told: what AWS takes by itself differs
    /// from Region to Region. The source's tags are not asked for: AWS documents
    /// that this fails the job of a table.
    ///
    /// # Errors
    /// [`AwsError`] of backup:StartRestoreJob.
    pub async fn start_restore(&self, request: &Start, key: &Key) -> Result<String, AwsError> {
        const OPERATION: &str = "backup:StartRestoreJob";
        let mut metadata = HashMap::from([("targetTableName".to_owned(), request.table.to_string())]);
        let (kind, key) = match key {
            Key::AwsOwned => ("Default", None),
            Key::AwsManaged => ("KMS", None),
            Key::Arn(arn) => ("KMS", Some(arn.clone())),
        };
        metadata.insert("encryptionType".to_owned(), kind.to_owned());
        metadata.extend(key.map(|key| ("kmsMasterKeyArn".to_owned(), key)));
        self.limits.start.acquire_one().await;
        let answer = self
            .client
            .start_restore_job()
            .recovery_point_arn(request.point.as_str())
            .iam_role_arn(&request.role)
            .idempotency_token(&request.token)
            .resource_type("DynamoDB")
            .set_metadata(Some(metadata))
            .send()
            .await
            .map_err(failed(OPERATION, request.point.as_str()))?;
        let id = answer.restore_job_id().map(str::to_owned);
        id.ok_or_else(|| AwsError::incomplete(OPERATION, request.point.as_str(), "job id"))
    }

    /// A restore job.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeRestoreJob.
    pub async fn restore_job(&self, id: &str) -> Result<RestoreJob, AwsError> {
        self.limits.describe.acquire_one().await;
        let job = self.client.describe_restore_job().restore_job_id(id).send().await;
        let job = job.map_err(failed("backup:DescribeRestoreJob", id))?;
        Ok(RestoreJob {
            id: id.to_owned(),
            state: state(job.status()),
            message: text(job.status_message()),
            percent: job.percent_done().map(str::to_owned),
            point: job.recovery_point_arn().and_then(|arn| arn.parse().ok()),
            made: job.created_resource_arn().map(str::to_owned),
            created_at: timestamp(job.creation_date()),
            completed_at: timestamp(job.completion_date()),
        })
    }

    /// The restore job made since a moment from this recovery point into a table of this name, if there is one.
    ///
    /// # Errors
    /// [`AwsError`] of backup:ListRestoreJobs and backup:GetRestoreJobMetadata.
    pub async fn restore_job_of(
        &self,
        request: &Start,
        since: Timestamp,
    ) -> Result<Option<String>, AwsError> {
        let mut pages = self
            .client
            .list_restore_jobs()
            .by_created_after(DateTime::from_secs(since.as_second()))
            .by_resource_type("DynamoDB")
            .into_paginator()
            .send();
        loop {
            self.limits.list.acquire_one().await;
            let Some(page) = pages.next().await else { return Ok(None) };
            let page = page.map_err(failed("backup:ListRestoreJobs", request.point.as_str()))?;
            for job in page.restore_jobs() {
                let (Some(id), Some(point)) = (job.restore_job_id(), job.recovery_point_arn()) else {
                    continue;
                };
                if point == request.point.as_str()
                    && !matches!(state(job.status()), JobState::Failed(_))
                    && self.makes(id, request).await?
                {
                    return Ok(Some(id.to_owned()));
                }
            }
        }
    }

    async fn makes(&self, job: &str, request: &Start) -> Result<bool, AwsError> {
        self.limits.describe.acquire_one().await;
        let answer = self.client.get_restore_job_metadata().restore_job_id(job).send().await;
        let answer = answer.map_err(failed("backup:GetRestoreJobMetadata", job))?;
        // AWS takes the names in any case.
        let mut metadata = answer.metadata().into_iter().flatten();
        Ok(metadata.any(|(name, value)| {
            name.eq_ignore_ascii_case("targetTableName") && value == request.table.as_str()
        }))
    }
}

fn state(status: Option<&RestoreJobStatus>) -> JobState {
    match status {
        Some(RestoreJobStatus::Completed) => JobState::Completed,
        Some(state @ (RestoreJobStatus::Aborted | RestoreJobStatus::Failed)) => {
            JobState::Failed(state.as_str().to_owned())
        }
        _ => JobState::Open,
    }
}

impl Dynamo {
    /// Restores a recovery point without some of its indexes, past AWS Backup. `kept` are the settings of the backup
    /// with the indexes that are to come back, and `leaves_out_vector` tells whether vector indexes are
    /// among those that are not. AWS documents that indexes can be left out and none be added. Returns which
    /// creation of the table it is.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:RestoreTableFromBackup.
    pub async fn restore_natively(
        &self,
        request: &Start,
        key: &Key,
        kept: &TableSettings,
        leaves_out_vector: bool,
    ) -> Result<TableId, AwsError> {
        const OPERATION: &str = "dynamodb:RestoreTableFromBackup";
        let unusable = |error: aws_sdk_dynamodb::error::BuildError| {
            AwsError::not_sent(OPERATION, request.table.to_string(), error)
        };
        let encryption = dynamodb::SseSpecification::builder();
        let encryption = match key {
            Key::AwsOwned => encryption.enabled(false),
            Key::AwsManaged => encryption.enabled(true).sse_type(dynamodb::SseType::Kms),
            Key::Arn(arn) => encryption.enabled(true).sse_type(dynamodb::SseType::Kms).kms_master_key_id(arn),
        };
        let mut global = Vec::new();
        for (name, index) in &kept.global_indexes {
            let kept = dynamodb::GlobalSecondaryIndex::builder().index_name(name);
            let kept = kept.set_key_schema(Some(keys(&index.keys).map_err(unusable)?));
            let throughput = index.throughput.map(|units| {
                let units = (i64::try_from(units.read), i64::try_from(units.write));
                dynamodb::ProvisionedThroughput::builder()
                    .read_capacity_units(units.0.unwrap_or(i64::MAX))
                    .write_capacity_units(units.1.unwrap_or(i64::MAX))
                    .build()
            });
            let kept = kept
                .projection(projection(&index.projection))
                .set_provisioned_throughput(throughput.transpose().map_err(unusable)?);
            global.push(kept.build().map_err(unusable)?);
        }
        let mut local = Vec::new();
        for (name, index) in &kept.local_indexes {
            let kept = dynamodb::LocalSecondaryIndex::builder().index_name(name);
            let kept = kept.set_key_schema(Some(keys(&index.keys).map_err(unusable)?));
            local.push(kept.projection(projection(&index.projection)).build().map_err(unusable)?);
        }
        // Without a word about them all vector indexes come back.
        let vector = kept.vector_indexes.iter().map(|(name, index)| vector::kept(name, index));
        let vector = vector.collect::<Result<Vec<_>, _>>().map_err(unusable)?;
        let answer = self
            .client
            .restore_table_from_backup()
            .set_vector_index_override(leaves_out_vector.then_some(vector))
            .target_table_name(request.table.as_str())
            .backup_arn(request.point.as_str())
            .set_global_secondary_index_override(Some(global))
            .set_local_secondary_index_override(Some(local))
            .sse_specification_override(encryption.build())
            .send()
            .await
            .map_err(failed(OPERATION, request.table.as_str()))?;
        let id = answer.table_description().and_then(|table| table.table_id()?.parse().ok());
        id.ok_or_else(|| AwsError::incomplete(OPERATION, request.table.as_str(), "table id"))
    }
}

fn keys(schema: &KeySchema) -> Result<Vec<dynamodb::KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    let of = |names: &[String], kind: &dynamodb::KeyType| {
        let element = |name: &String| {
            dynamodb::KeySchemaElement::builder().attribute_name(name).key_type(kind.clone()).build()
        };
        names.iter().map(element).collect::<Vec<_>>()
    };
    let hash = of(&schema.hash, &dynamodb::KeyType::Hash);
    hash.into_iter().chain(of(&schema.range, &dynamodb::KeyType::Range)).collect()
}

fn projection(projection: &Projection) -> dynamodb::Projection {
    let built = dynamodb::Projection::builder();
    match projection {
        Projection::All => built.projection_type(dynamodb::ProjectionType::All),
        Projection::KeysOnly => built.projection_type(dynamodb::ProjectionType::KeysOnly),
        Projection::Include(also) => built
            .projection_type(dynamodb::ProjectionType::Include)
            .set_non_key_attributes(Some(also.iter().cloned().collect())),
    }
    .build()
}
