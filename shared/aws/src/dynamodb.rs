//! DynamoDB: which tables there are, and what each is like.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    ApproximateCreationDateTimePrecision, DestinationStatus, KinesisDataStreamDestination,
    PointInTimeRecoveryStatus, TableDescription, TableStatus, TimeToLiveStatus,
};
use backup_chain_core::ids::{Table, TableArn, TableName};
use backup_chain_core::metadata::tags::{ID, PREFIX};
use backup_chain_core::settings::{
    Json, Part, Pitr, Precision, ResourcePolicies, TableSettings, Ttl, Unknown,
};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::capture;
use crate::clock::timestamp;
use crate::error::{AwsError, Meaning, failed};
use crate::limits::Limits;

/// How many tables are looked at side by side.
const MAX_CONCURRENCY: usize = 8;

/// A table as one creation of it, and whether it can be backed up now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The table.
    pub table: Table,
    /// Why it cannot be backed up now: it is being created or deleted, or its key is not accessible.
    pub unfit: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Its size in bytes; DynamoDB updates it every six hours or so.
    pub bytes: Option<i64>,
}

/// A table's settings as they are now.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The table.
    pub table: Table,
    /// The settings.
    pub settings: TableSettings,
    /// How many tags the table has of its own: a recovery point inherits them all.
    pub own_tags: usize,
    /// What was left out or could not be read, one line each, without values.
    pub warnings: Vec<String>,
    /// The first error for which a part is unknown and which may pass.
    pub passing: Option<AwsError>,
}

/// DynamoDB in one Region.
#[derive(Debug, Clone)]
pub struct Dynamo {
    pub(crate) client: aws_sdk_dynamodb::Client,
    limits: Arc<Limits>,
}

impl Dynamo {
    pub(crate) fn new(client: aws_sdk_dynamodb::Client, limits: Arc<Limits>) -> Self {
        Self { client, limits }
    }

    /// The names of all tables.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:ListTables.
    pub async fn names(&self) -> Result<Vec<TableName>, AwsError> {
        let mut pages = self.client.list_tables().into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = pages.next().await {
            // DynamoDB names no table otherwise.
            names.extend(name.map_err(failed("dynamodb:ListTables", "tables"))?.parse());
        }
        Ok(names)
    }

    /// The table of this name, if there is one.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DescribeTable.
    pub async fn find(&self, name: &TableName) -> Result<Option<Found>, AwsError> {
        let description = match self.describe(name).await {
            Err(error) if error.meaning == Meaning::NotFound => return Ok(None),
            other => other?,
        };
        let unfit = match description.table_status() {
            Some(TableStatus::Active | TableStatus::Updating) | None => None,
            Some(status) => Some(format!("the table is {}", status.as_str())),
        };
        Ok(Some(Found {
            table: identity(name, &description)?,
            unfit,
            created_at: timestamp(description.creation_date_time()),
            bytes: description.table_size_bytes(),
        }))
    }

    /// The tables of these names, some side by side; `None` for a name that there is no table of. One that cannot be
    /// looked at does not stop the others: its policy may deny us, or AWS may fail.
    pub async fn find_each(
        &self,
        names: impl IntoIterator<Item = TableName>,
    ) -> Vec<(TableName, Result<Option<Found>, AwsError>)> {
        let find = async |name: TableName| {
            let found = self.find(&name).await;
            (name, found)
        };
        stream::iter(names).map(find).buffered(MAX_CONCURRENCY).collect().await
    }

    /// Reads what DynamoDB returns of the settings of a table. What another call than DescribeTable does not tell is
    /// recorded as unknown.
    pub(crate) async fn capture(&self, name: &TableName) -> Result<Captured, AwsError> {
        let description = self.describe(name).await?;
        let table = identity(name, &description)?;
        let mut settings = capture::settings(&description);
        let mut parts = Parts::default();
        settings.ttl = parts.take(self.ttl(name).await, "time to live");
        settings.pitr = parts.take(self.pitr(name).await, "point-in-time recovery");
        let stream = description.latest_stream_arn().filter(|_| settings.stream.is_some());
        let policies = self.policies(&table.arn.to_string(), stream).await;
        settings.policies = parts.take(policies, "resource policies");
        settings.kinesis = parts.take(self.kinesis(name).await, "Kinesis destinations");
        let tags = parts.take(self.tags(&table.arn).await, "tags");
        // The id is always set again.
        let own_tags = tags.known().map_or(0, |tags| tags.keys().filter(|key| *key != ID).count());
        settings.tags = match tags {
            Part::Unknown(why) => Part::Unknown(why),
            Part::Known(mut tags) => {
                let reserved: Vec<String> =
                    tags.keys().filter(|key| key.starts_with(PREFIX)).cloned().collect();
                for key in reserved {
                    parts.warnings.push(format!(
                        "the table's own tag {key} is not captured: names that begin with {PREFIX} are reserved; \
                         remove it from the table"
                    ));
                    tags.remove(&key);
                }
                Part::Known(tags)
            }
        };
        let Parts { warnings, passing } = parts;
        Ok(Captured { table, settings, own_tags, warnings, passing })
    }

    /// The resource policies of a table and its stream.
    async fn policies(&self, table: &str, stream: Option<&str>) -> Result<ResourcePolicies, AwsError> {
        Ok(ResourcePolicies {
            table: self.policy(table).await?,
            stream: match stream {
                Some(stream) => self.policy(stream).await?,
                None => None,
            },
        })
    }

    async fn policy(&self, resource: &str) -> Result<Option<Json>, AwsError> {
        const OPERATION: &str = "dynamodb:GetResourcePolicy";
        self.limits.describe_table_parts.acquire_one().await;
        let answer = self.client.get_resource_policy().resource_arn(resource).send().await;
        let policy = match answer.map_err(failed(OPERATION, resource)) {
            Ok(answer) => answer.policy,
            Err(error) if error.code == "PolicyNotFoundException" => None,
            Err(error) => return Err(error),
        };
        let malformed = |_| AwsError::incomplete(OPERATION, resource, "policy that is JSON");
        policy.map(|text| serde_json::from_str(&text).map(Json).map_err(malformed)).transpose()
    }

    /// The Kinesis streams that take a table's changes.
    pub(crate) async fn kinesis(&self, name: &TableName) -> Result<BTreeMap<String, Precision>, AwsError> {
        use DestinationStatus::{Active, Enabling, Updating};
        self.limits.describe_table_parts.acquire_one().await;
        let answer = self
            .client
            .describe_kinesis_streaming_destination()
            .table_name(name.as_str())
            .send()
            .await
            .map_err(failed("dynamodb:DescribeKinesisStreamingDestination", name.as_str()))?;
        let is_on = |found: &&KinesisDataStreamDestination| {
            matches!(found.destination_status(), Some(Active | Enabling | Updating))
        };
        let stream = |found: &KinesisDataStreamDestination| {
            let precision = match found.approximate_creation_date_time_precision() {
                Some(ApproximateCreationDateTimePrecision::Microsecond) => Precision::Microsecond,
                _ => Precision::Millisecond,
            };
            Some((found.stream_arn()?.to_owned(), precision))
        };
        Ok(answer.kinesis_data_stream_destinations().iter().filter(is_on).filter_map(stream).collect())
    }

    pub(crate) async fn describe(&self, name: &TableName) -> Result<TableDescription, AwsError> {
        const OPERATION: &str = "dynamodb:DescribeTable";
        let answer = self
            .client
            .describe_table()
            .table_name(name.as_str())
            .send()
            .await
            .map_err(failed(OPERATION, name.as_str()))?;
        answer.table.ok_or_else(|| AwsError::incomplete(OPERATION, name.as_str(), "table"))
    }

    pub(crate) async fn ttl(&self, name: &TableName) -> Result<Option<Ttl>, AwsError> {
        self.limits.describe_ttl.acquire_one().await;
        let answer = self
            .client
            .describe_time_to_live()
            .table_name(name.as_str())
            .send()
            .await
            .map_err(failed("dynamodb:DescribeTimeToLive", name.as_str()))?;
        let ttl = answer.time_to_live_description();
        Ok(ttl
            .filter(|ttl| {
                matches!(
                    ttl.time_to_live_status(),
                    Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                )
            })
            .and_then(|ttl| ttl.attribute_name())
            .map(|attribute| Ttl { attribute: attribute.to_owned() }))
    }

    async fn pitr(&self, name: &TableName) -> Result<Option<Pitr>, AwsError> {
        self.limits.describe_backups.acquire_one().await;
        let answer = self
            .client
            .describe_continuous_backups()
            .table_name(name.as_str())
            .send()
            .await
            .map_err(failed("dynamodb:DescribeContinuousBackups", name.as_str()))?;
        // ContinuousBackupsStatus is always ENABLED; only this part tells.
        let pitr =
            answer.continuous_backups_description().and_then(|all| all.point_in_time_recovery_description());
        Ok(pitr
            .filter(|pitr| pitr.point_in_time_recovery_status() == Some(&PointInTimeRecoveryStatus::Enabled))
            .map(|pitr| Pitr {
                days: pitr.recovery_period_in_days().and_then(|days| days.try_into().ok()).unwrap_or(35),
            }))
    }

    pub(crate) async fn tags(&self, arn: &TableArn) -> Result<BTreeMap<String, String>, AwsError> {
        let mut tags = BTreeMap::new();
        let mut next = None;
        loop {
            self.limits.list_table_tags.acquire_one().await;
            let request =
                self.client.list_tags_of_resource().resource_arn(arn.to_string()).set_next_token(next);
            let page =
                request.send().await.map_err(failed("dynamodb:ListTagsOfResource", arn.to_string()))?;
            // AWS's own tags neither count nor can be set again.
            let own = page.tags.unwrap_or_default().into_iter().filter(|tag| !tag.key().starts_with("aws:"));
            tags.extend(own.map(|tag| (tag.key, tag.value)));
            next = page.next_token;
            if next.is_none() {
                return Ok(tags);
            }
        }
    }
}

pub(crate) fn identity(name: &TableName, description: &TableDescription) -> Result<Table, AwsError> {
    let missing = |what| AwsError::incomplete("dynamodb:DescribeTable", name.as_str(), what);
    Ok(Table {
        arn: description.table_arn().and_then(|arn| arn.parse().ok()).ok_or_else(|| missing("table ARN"))?,
        id: description.table_id().and_then(|id| id.parse().ok()).ok_or_else(|| missing("table id"))?,
    })
}

/// What came of reading the parts of a table's settings.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub warnings: Vec<String>,
    /// The first error that may pass.
    pub passing: Option<AwsError>,
}

impl Parts {
    pub fn take<T>(&mut self, read: Result<T, AwsError>, what: &str) -> Part<T> {
        match read {
            Ok(value) => Part::Known(value),
            Err(error) => {
                self.warnings.push(format!("{what} could not be read and is recorded as unknown: {error}"));
                let denied = error.meaning == Meaning::Denied;
                if error.is_transient() {
                    self.passing.get_or_insert(error);
                }
                Part::Unknown(if denied { Unknown::AccessDenied } else { Unknown::Failed })
            }
        }
    }
}

impl Captured {
    /// The capture, unless a part of it is unknown for a reason that may pass.
    ///
    /// # Errors
    /// [`AwsError`] of the first such part.
    pub fn or_transient(mut self) -> Result<Self, AwsError> {
        match self.passing.take() {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }
}
