//! Changes to a restored table: one step at a time, each the same when it is repeated.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::types as aws;
use backup_chain_core::ids::{RecoveryPointArn, Table, TableName};
use backup_chain_core::restore::{Step, Target, stream_policy};
use backup_chain_core::settings::{
    BillingMode, InsightsMode, Json, MaxThroughput, Precision, StreamView, TableClass, TableSettings,
    Throughput,
};

use jiff::Timestamp;

use crate::capture;
use crate::clock::timestamp;
use crate::dynamodb::{Dynamo, identity};
use crate::error::{AwsError, Meaning, failed};
use crate::services::Regional;
use crate::vector;

/// The tag by which a table is known as made by a restore that is under way; its value is the restore's id.
pub const RESTORE_TAG: &str = "backup-chain/restore";

/// A table as DescribeTable returns it.
#[derive(Debug, Clone)]
pub struct LiveTable {
    /// The table, and which creation of it.
    pub table: Table,
    /// Whether it is ACTIVE: until then DynamoDB takes no change.
    pub is_active: bool,
    /// Whether it is still being made.
    pub is_creating: bool,
    /// Its status, when nothing but a hand gets it out of that: its key is not accessible, it is going or archived.
    pub unfit: Option<String>,
    /// The backup that it was made from, as DynamoDB returns it of what it restores itself. Of a table that AWS Backup
    /// restored, no text of AWS says what this is.
    pub made_from: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// The ARN of its stream.
    pub stream: Option<String>,
    /// What DescribeTable returns of its settings; the rest is unknown.
    pub settings: TableSettings,
}

impl LiveTable {
    /// Whether DynamoDB itself made it from this recovery point.
    pub fn is_made_from(&self, point: &RecoveryPointArn) -> bool {
        self.made_from.as_deref() == Some(point.as_str())
    }
}

impl AwsError {
    /// Whether what a table refuses now it may take later: it is busy, was changed a moment ago, or may not be changed
    /// so again before some time has passed.
    pub fn is_retryable_later(&self) -> bool {
        let busy =
            ["ResourceInUseException", "ContinuousBackupsUnavailableException", "ConcurrentUpdateException"];
        // TTL takes one change an hour, and says so only in words.
        let was_changed =
            self.operation == "dynamodb:UpdateTimeToLive" && self.message.contains("multiple times");
        self.is_transient() || busy.contains(&self.code.as_str()) || was_changed
    }

    /// Whether a table of that name is there already, or is coming.
    pub fn is_taken(&self) -> bool {
        ["TableAlreadyExistsException", "TableInUseException"].contains(&self.code.as_str())
    }
}

impl Dynamo {
    /// Looks at a table.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DescribeTable.
    pub async fn live_table(&self, name: &TableName) -> Result<Option<LiveTable>, AwsError> {
        let described = match self.describe(name).await {
            Err(error) if error.meaning == Meaning::NotFound => return Ok(None),
            other => other?,
        };
        let summary = described.restore_summary();
        Ok(Some(LiveTable {
            table: identity(name, &described)?,
            is_active: described.table_status() == Some(&aws::TableStatus::Active),
            is_creating: described.table_status() == Some(&aws::TableStatus::Creating),
            unfit: described
                .table_status()
                .filter(|status| {
                    use aws::TableStatus::{Active, Creating, Updating};
                    !matches!(status, Active | Creating | Updating)
                })
                .map(|status| status.as_str().to_owned()),
            made_from: summary.and_then(|summary| summary.source_backup_arn()).map(str::to_owned),
            created_at: timestamp(described.creation_date_time()),
            stream: described.latest_stream_arn().map(str::to_owned),
            settings: capture::settings(&described),
        }))
    }

    /// Tags a table as made by a restore.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:TagResource.
    pub async fn tag_as_own(&self, table: &Table, restore: &str) -> Result<(), AwsError> {
        self.tag(table, &BTreeMap::from([(RESTORE_TAG.to_owned(), restore.to_owned())])).await
    }

    /// Takes the tag of its restore off a table.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:UntagResource.
    pub async fn release(&self, table: &Table) -> Result<(), AwsError> {
        let arn = table.arn.to_string();
        let request = self.client.untag_resource().resource_arn(&arn).tag_keys(RESTORE_TAG);
        request.send().await.map_err(failed("dynamodb:UntagResource", arn))?;
        Ok(())
    }

    /// Whether a table carries the tag of this restore.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:ListTagsOfResource.
    pub async fn is_claimed(&self, table: &Table, restore: &str) -> Result<bool, AwsError> {
        Ok(self.tags(&table.arn).await?.get(RESTORE_TAG).is_some_and(|id| id == restore))
    }

    async fn tag(&self, table: &Table, tags: &BTreeMap<String, String>) -> Result<(), AwsError> {
        let arn = table.arn.to_string();
        let tag = |(key, value): (&String, &String)| aws::Tag::builder().key(key).value(value).build();
        let tags = tags.iter().map(tag).collect::<Result<Vec<_>, _>>().map_err(unusable(&arn))?;
        let request = self.client.tag_resource().resource_arn(&arn).set_tags(Some(tags));
        request.send().await.map_err(failed("dynamodb:TagResource", arn))?;
        Ok(())
    }

    /// Whether DynamoDB judges rights by tags here, which AWS calls attribute-based access control: asked by a call
    /// whose right the restore function has on this table by a tag alone. No call of DynamoDB's API tells the setting
    /// itself.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DescribeContributorInsights, unless it is denied.
    pub async fn has_tag_conditions(&self, tagged: &str) -> Result<bool, AwsError> {
        let request = self.client.describe_contributor_insights().table_name(tagged).send().await;
        match request.map_err(failed("dynamodb:DescribeContributorInsights", tagged)) {
            Ok(_) => Ok(true),
            Err(error) if error.meaning == Meaning::Denied => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn update(&self, look: &LiveTable) -> UpdateTableFluentBuilder {
        self.client.update_table().table_name(look.table.arn.name.as_str())
    }

    async fn set_policy(&self, resource: &str, policy: &Json) -> Result<(), AwsError> {
        // It may shut out whoever puts it, as it did when it was captured: AWS wants that to be confirmed.
        let request = self.client.put_resource_policy().resource_arn(resource).policy(policy.0.to_string());
        let request = request.confirm_remove_self_resource_access(true);
        request.send().await.map_err(failed("dynamodb:PutResourcePolicy", resource))?;
        Ok(())
    }

    async fn set_pitr(&self, name: &str, days: u32) -> Result<(), AwsError> {
        let wanted = aws::PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .recovery_period_in_days(i32::try_from(days).unwrap_or(i32::MAX));
        let wanted = wanted.build().map_err(unusable(name))?;
        let request = self
            .client
            .update_continuous_backups()
            .table_name(name)
            .point_in_time_recovery_specification(wanted);
        request.send().await.map_err(failed("dynamodb:UpdateContinuousBackups", name))?;
        Ok(())
    }

    async fn set_insights(
        &self,
        name: &str,
        index: Option<&str>,
        mode: InsightsMode,
    ) -> Result<(), AwsError> {
        let mode = match mode {
            InsightsMode::ThrottledKeys => aws::ContributorInsightsMode::ThrottledKeys,
            InsightsMode::AccessedAndThrottledKeys => aws::ContributorInsightsMode::AccessedAndThrottledKeys,
        };
        let request = self
            .client
            .update_contributor_insights()
            .table_name(name)
            .set_index_name(index.map(str::to_owned))
            .contributor_insights_action(aws::ContributorInsightsAction::Enable)
            .contributor_insights_mode(mode);
        request.send().await.map_err(failed("dynamodb:UpdateContributorInsights", name))?;
        Ok(())
    }

    async fn set_kinesis(
        &self,
        name: &TableName,
        stream: &str,
        precision: Precision,
    ) -> Result<(), AwsError> {
        // Enabled twice it is refused.
        if self.kinesis(name).await?.contains_key(stream) {
            return Ok(());
        }
        let precision = match precision {
            Precision::Millisecond => aws::ApproximateCreationDateTimePrecision::Millisecond,
            Precision::Microsecond => aws::ApproximateCreationDateTimePrecision::Microsecond,
        };
        let with = aws::EnableKinesisStreamingConfiguration::builder()
            .approximate_creation_date_time_precision(precision)
            .build();
        let request = self.client.enable_kinesis_streaming_destination().table_name(name.as_str());
        let request = request.stream_arn(stream).enable_kinesis_streaming_configuration(with);
        request.send().await.map_err(failed("dynamodb:EnableKinesisStreamingDestination", name.as_str()))?;
        Ok(())
    }

    async fn set_ttl(&self, name: &TableName, attribute: &str) -> Result<(), AwsError> {
        // Enabled twice it is refused.
        if self.ttl(name).await?.is_some_and(|ttl| ttl.attribute == attribute) {
            return Ok(());
        }
        let wanted = aws::TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute);
        let wanted = wanted.build().map_err(unusable(name.as_str()))?;
        let request = self.client.update_time_to_live().table_name(name.as_str());
        let request = request.time_to_live_specification(wanted);
        match request.send().await.map_err(failed("dynamodb:UpdateTimeToLive", name.as_str())) {
            // It is on, and was not seen to be.
            Err(error) if error.message.contains("already enabled") => Ok(()),
            done => done.map(drop),
        }
    }
}

impl Regional {
    /// Makes one change to a restored table that was just looked at, or to what surrounds it. A change that is there
    /// already is not made again.
    ///
    /// # Errors
    /// [`AwsError`] of the call that makes it; [`AwsError::is_transient`] tells whether to try again later.
    pub async fn change(&self, target: &Target, look: &LiveTable, step: &Step) -> Result<(), AwsError> {
        if step.is_done(&look.settings) {
            return Ok(());
        }
        let (dynamodb, name) = (&self.dynamodb, target.name());
        let update = |request: UpdateTableFluentBuilder| async {
            request.send().await.map_err(failed("dynamodb:UpdateTable", name.as_str())).map(drop)
        };
        match step {
            Step::DeletionProtection => update(dynamodb.update(look).deletion_protection_enabled(true)).await,
            Step::Class(class) => {
                let class = match class {
                    TableClass::Standard => aws::TableClass::Standard,
                    TableClass::StandardInfrequentAccess => aws::TableClass::StandardInfrequentAccess,
                };
                update(dynamodb.update(look).table_class(class)).await
            }
            Step::VectorIndex(index, wanted) => {
                let made = vector::made(index, wanted).map_err(unusable(name.as_str()))?;
                update(dynamodb.update(look).vector_index_updates(made)).await
            }
            Step::Capacity { billing, table, indexes } => {
                update(
                    capacity(dynamodb.update(look), look, *billing, *table, indexes)
                        .map_err(unusable(name.as_str()))?,
                )
                .await
            }
            Step::OnDemandMax { table, indexes } => {
                update(
                    on_demand(dynamodb.update(look), look, *table, indexes)
                        .map_err(unusable(name.as_str()))?,
                )
                .await
            }
            Step::Warm { table, indexes } => {
                update(warm(dynamodb.update(look), look, *table, indexes).map_err(unusable(name.as_str()))?)
                    .await
            }
            Step::Stream(view) => {
                let view = match view {
                    StreamView::KeysOnly => aws::StreamViewType::KeysOnly,
                    StreamView::NewImage => aws::StreamViewType::NewImage,
                    StreamView::OldImage => aws::StreamViewType::OldImage,
                    StreamView::NewAndOldImages => aws::StreamViewType::NewAndOldImages,
                };
                let stream = aws::StreamSpecification::builder().stream_enabled(true).stream_view_type(view);
                let stream = stream.build().map_err(unusable(name.as_str()))?;
                update(dynamodb.update(look).stream_specification(stream)).await
            }
            Step::Pitr(pitr) => dynamodb.set_pitr(name.as_str(), pitr.days).await,
            Step::Tags(tags) => dynamodb.tag(&look.table, tags).await,
            Step::TablePolicy(policy) => dynamodb.set_policy(&look.table.arn.to_string(), policy).await,
            Step::StreamPolicy(policy) => {
                let stream = look.stream.as_deref();
                let stream = stream.ok_or_else(|| {
                    AwsError::not_sent(
                        "dynamodb:PutResourcePolicy",
                        name.to_string(),
                        "the table has no stream",
                    )
                })?;
                dynamodb.set_policy(stream, &stream_policy(policy, &target.original, stream)).await
            }
            Step::Insights(index, mode) => {
                dynamodb.set_insights(name.as_str(), index.as_deref(), *mode).await
            }
            Step::Kinesis(stream, precision) => dynamodb.set_kinesis(name, stream, *precision).await,
            Step::Ttl(attribute) => dynamodb.set_ttl(name, attribute).await,
            Step::Remove(leftover) => self.account.remove(name, leftover).await,
            Step::ScalingTarget(dimension, wanted) => self.account.set_target(name, dimension, wanted).await,
            Step::ScalingPolicy(dimension, policy, wanted) => {
                self.account.set_policy(name, dimension, policy, wanted).await
            }
            Step::ScheduledAction(dimension, action, wanted) => {
                self.account.set_action(name, dimension, action, wanted).await
            }
            Step::Alarm(alarm, wanted) => self.account.set_alarm(alarm, wanted).await,
        }
    }
}

fn unusable(resource: &str) -> impl Fn(BuildError) -> AwsError {
    let resource = resource.to_owned();
    move |error| AwsError::not_sent("dynamodb:UpdateTable", &resource, error)
}

fn units(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// An index's part of an UpdateTable.
fn index_update(
    name: &str,
    change: impl FnOnce(
        aws::builders::UpdateGlobalSecondaryIndexActionBuilder,
    ) -> aws::builders::UpdateGlobalSecondaryIndexActionBuilder,
) -> Result<aws::GlobalSecondaryIndexUpdate, BuildError> {
    let update = change(aws::UpdateGlobalSecondaryIndexAction::builder().index_name(name)).build()?;
    Ok(aws::GlobalSecondaryIndexUpdate::builder().update(update).build())
}

/// DynamoDB refuses units that are no change: only those that differ are asked for.
fn capacity(
    mut request: UpdateTableFluentBuilder,
    look: &LiveTable,
    billing: BillingMode,
    table: Option<Throughput>,
    indexes: &BTreeMap<String, Throughput>,
) -> Result<UpdateTableFluentBuilder, BuildError> {
    let provisioned = |wanted: Throughput| {
        aws::ProvisionedThroughput::builder()
            .read_capacity_units(units(wanted.read))
            .write_capacity_units(units(wanted.write))
            .build()
    };
    if billing != look.settings.billing {
        request = request.billing_mode(match billing {
            BillingMode::PayPerRequest => aws::BillingMode::PayPerRequest,
            BillingMode::Provisioned => aws::BillingMode::Provisioned,
        });
    }
    if let Some(wanted) = table.filter(|wanted| look.settings.throughput != Some(*wanted)) {
        request = request.provisioned_throughput(provisioned(wanted)?);
    }
    for (name, wanted) in indexes {
        let Some(index) = look.settings.global_indexes.get(name) else { continue };
        if index.throughput != Some(*wanted) {
            let wanted = provisioned(*wanted)?;
            request = request.global_secondary_index_updates(index_update(name, |update| {
                update.provisioned_throughput(wanted)
            })?);
        }
    }
    Ok(request)
}

fn on_demand(
    mut request: UpdateTableFluentBuilder,
    look: &LiveTable,
    table: MaxThroughput,
    indexes: &BTreeMap<String, MaxThroughput>,
) -> Result<UpdateTableFluentBuilder, BuildError> {
    // -1 takes a bound away.
    let bounds = |wanted: MaxThroughput| {
        aws::OnDemandThroughput::builder()
            .max_read_request_units(wanted.read.map_or(-1, units))
            .max_write_request_units(wanted.write.map_or(-1, units))
            .build()
    };
    if look.settings.on_demand_max != table {
        request = request.on_demand_throughput(bounds(table));
    }
    for (name, index) in &look.settings.global_indexes {
        let wanted = indexes.get(name).copied().unwrap_or_default();
        if index.on_demand_max != wanted {
            request = request.global_secondary_index_updates(index_update(name, |update| {
                update.on_demand_throughput(bounds(wanted))
            })?);
        }
    }
    Ok(request)
}

/// Warm throughput can never be lowered: what is more already stays.
fn warm(
    mut request: UpdateTableFluentBuilder,
    look: &LiveTable,
    table: Option<Throughput>,
    indexes: &BTreeMap<String, Throughput>,
) -> Result<UpdateTableFluentBuilder, BuildError> {
    let more = |wanted: Throughput, now: Option<Throughput>| {
        let now = now.unwrap_or(Throughput { read: 0, write: 0 });
        let raised = Throughput { read: wanted.read.max(now.read), write: wanted.write.max(now.write) };
        (raised != now).then(|| {
            aws::WarmThroughput::builder()
                .read_units_per_second(units(raised.read))
                .write_units_per_second(units(raised.write))
                .build()
        })
    };
    if let Some(raised) = table.and_then(|wanted| more(wanted, look.settings.warm)) {
        request = request.warm_throughput(raised);
    }
    for (name, wanted) in indexes {
        let Some(index) = look.settings.global_indexes.get(name) else { continue };
        if let Some(raised) = more(*wanted, index.warm) {
            request = request
                .global_secondary_index_updates(index_update(name, |update| update.warm_throughput(raised))?);
        }
    }
    Ok(request)
}
