//! Steps as commands of the AWS CLI, for whoever finishes a restore by hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::rewrite::with_stream;
use super::{Leftover, Step, Target};
use crate::ids::{TableArn, TableName};
use crate::settings::{BillingMode, Dimension, Json, MaxThroughput, Suspended, Throughput};

/// Stands for the new stream's ARN until the shell puts it in: a character that no document holds.
const STREAM: &str = "\u{e000}";

impl Step {
    /// The commands of the AWS CLI that do the same by hand.
    pub fn commands(&self, target: &Target) -> Vec<String> {
        vec![command(self, target)]
    }
}

/// The command that does what `step` does.
fn command(step: &Step, target: &Target) -> String {
    let region = target.table.region.as_str();
    let call = |service: &str, operation: &str, body: Value| {
        format!("aws {service} {operation} --region {region} --cli-input-json {}", quoted(&text(body)))
    };
    let table = json!({ "TableName": target.name() });
    let arn = target.table.to_string();
    let dynamodb =
        |operation: &str, fields: Value| call("dynamodb", operation, joined([table.clone(), fields]));
    let scaling = |operation: &str, dimension: &Dimension, fields: Value| {
        let body = joined([scaled(dimension, target.name()), fields]);
        call("application-autoscaling", operation, body)
    };
    match step {
        Step::DeletionProtection => dynamodb("update-table", json!({ "DeletionProtectionEnabled": true })),
        Step::Pitr(pitr) => {
            let how = json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": pitr.days });
            dynamodb("update-continuous-backups", json!({ "PointInTimeRecoverySpecification": how }))
        }
        Step::Remove(Leftover::ScalingTarget(dimension)) => {
            scaling("deregister-scalable-target", dimension, json!({}))
        }
        Step::Remove(Leftover::ScalingPolicy(dimension, name)) => {
            scaling("delete-scaling-policy", dimension, json!({ "PolicyName": name }))
        }
        Step::Remove(Leftover::ScheduledAction(dimension, name)) => {
            scaling("delete-scheduled-action", dimension, json!({ "ScheduledActionName": name }))
        }
        Step::Remove(Leftover::Alarm(name)) => {
            call("cloudwatch", "delete-alarms", json!({ "AlarmNames": [name] }))
        }
        Step::Class(class) => dynamodb("update-table", json!({ "TableClass": class })),
        Step::VectorIndex(name, index) => {
            let create = joined([index.0.clone(), json!({ "IndexName": name })]);
            dynamodb("update-table", json!({ "VectorIndexUpdates": [{ "Create": create }] }))
        }
        Step::Capacity { billing: BillingMode::PayPerRequest, .. } => {
            dynamodb("update-table", json!({ "BillingMode": BillingMode::PayPerRequest }))
        }
        Step::Capacity { billing, table, indexes } => {
            let fields = throughput(
                "ProvisionedThroughput",
                table.as_ref(),
                indexes,
                |units: &Throughput| json!({ "ReadCapacityUnits": units.read, "WriteCapacityUnits": units.write }),
            );
            dynamodb("update-table", joined([json!({ "BillingMode": billing }), fields]))
        }
        Step::OnDemandMax { table, indexes } => {
            let bound = |units: Option<u64>| units.map_or(json!(-1), Value::from);
            let some = Some(table).filter(|max| **max != MaxThroughput::default());
            let fields = throughput(
                "OnDemandThroughput",
                some,
                indexes,
                |max: &MaxThroughput| json!({ "MaxReadRequestUnits": bound(max.read), "MaxWriteRequestUnits": bound(max.write) }),
            );
            dynamodb("update-table", fields)
        }
        Step::Warm { table, indexes } => {
            let fields = throughput(
                "WarmThroughput",
                table.as_ref(),
                indexes,
                |units: &Throughput| json!({ "ReadUnitsPerSecond": units.read, "WriteUnitsPerSecond": units.write }),
            );
            dynamodb("update-table", fields)
        }
        Step::Tags(tags) => {
            let tags: Vec<_> =
                tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            call("dynamodb", "tag-resource", json!({ "ResourceArn": arn, "Tags": tags }))
        }
        Step::TablePolicy(policy) => {
            let body = json!({
                "ResourceArn": arn, "Policy": text(policy.0.clone()), "ConfirmRemoveSelfResourceAccess": true,
            });
            call("dynamodb", "put-resource-policy", body)
        }
        Step::ScalingTarget(dimension, scaled) => {
            let is = |what| scaled.suspended.contains(&what);
            let fields = json!({
                "MinCapacity": scaled.min,
                "MaxCapacity": scaled.max,
                "SuspendedState": {
                    "DynamicScalingInSuspended": is(Suspended::ScaleIn),
                    "DynamicScalingOutSuspended": is(Suspended::ScaleOut),
                    "ScheduledScalingSuspended": is(Suspended::Scheduled),
                },
            });
            scaling("register-scalable-target", dimension, fields)
        }
        Step::ScalingPolicy(dimension, name, policy) => {
            let configuration = format!("{}PolicyConfiguration", policy.kind);
            let mut fields = json!({ "PolicyName": name, "PolicyType": policy.kind });
            fields[configuration] = policy.configuration.0.clone();
            scaling("put-scaling-policy", dimension, fields)
        }
        Step::ScheduledAction(dimension, name, action) => {
            let bounds = without_nulls(json!({ "MinCapacity": action.min, "MaxCapacity": action.max }));
            let fields = without_nulls(json!({
                "ScheduledActionName": name,
                "Schedule": action.schedule,
                "Timezone": action.time_zone,
                "StartTime": action.start,
                "EndTime": action.end,
                "ScalableTargetAction": bounds,
            }));
            scaling("put-scheduled-action", dimension, fields)
        }
        Step::Insights(index, mode) => {
            let how = json!({ "ContributorInsightsAction": "ENABLE", "ContributorInsightsMode": mode });
            let index = without_nulls(json!({ "IndexName": index }));
            dynamodb("update-contributor-insights", joined([how, index]))
        }
        Step::Alarm(name, alarm) => {
            let body = joined([alarm.0.clone(), json!({ "AlarmName": name })]);
            call("cloudwatch", "put-metric-alarm", body)
        }
        Step::Stream(view) => {
            let how = json!({ "StreamEnabled": true, "StreamViewType": view });
            dynamodb("update-table", json!({ "StreamSpecification": how }))
        }
        Step::StreamPolicy(policy) => stream_policy(policy, &target.original, &target.table),
        Step::Kinesis(stream, precision) => {
            let how = json!({ "ApproximateCreationDateTimePrecision": precision });
            let fields = json!({ "StreamArn": stream, "EnableKinesisStreamingConfiguration": how });
            dynamodb("enable-kinesis-streaming-destination", fields)
        }
        Step::Ttl(attribute) => {
            let how = json!({ "Enabled": true, "AttributeName": attribute });
            dynamodb("update-time-to-live", json!({ "TimeToLiveSpecification": how }))
        }
    }
}

/// The shell looks up the new stream and puts its ARN where the policy names it.
fn stream_policy(policy: &Json, original: &TableArn, table: &TableArn) -> String {
    let (region, name) = (&table.region, &table.name);
    let policy = with_stream(policy, original, &table.to_string(), STREAM);
    let policy = quoted(&text(policy.0)).replace(STREAM, r#"'"$stream"'"#);
    let look_up = format!(
        "$(aws dynamodb describe-table --region {region} --table-name={name} --query Table.LatestStreamArn --output text)"
    );
    format!(
        r#"stream="{look_up}" && aws dynamodb put-resource-policy --region {region} --resource-arn "$stream" --confirm-remove-self-resource-access --policy {policy}"#
    )
}

/// How auto scaling names a dimension of a table: resource and dimension.
pub(super) fn scalable(dimension: &Dimension, table: &TableName) -> (String, &'static str) {
    match (&dimension.index, dimension.write) {
        (None, false) => (format!("table/{table}"), "dynamodb:table:ReadCapacityUnits"),
        (None, true) => (format!("table/{table}"), "dynamodb:table:WriteCapacityUnits"),
        (Some(index), false) => (format!("table/{table}/index/{index}"), "dynamodb:index:ReadCapacityUnits"),
        (Some(index), true) => (format!("table/{table}/index/{index}"), "dynamodb:index:WriteCapacityUnits"),
    }
}

/// The same as the fields of a request.
pub(super) fn scaled(dimension: &Dimension, table: &TableName) -> Value {
    let (resource, dimension) = scalable(dimension, table);
    json!({ "ServiceNamespace": "dynamodb", "ResourceId": resource, "ScalableDimension": dimension })
}

/// The fields of UpdateTable that set `field` of the table and its global indexes.
fn throughput<T>(
    field: &str,
    table: Option<&T>,
    indexes: &BTreeMap<String, T>,
    value: impl Fn(&T) -> Value,
) -> Value {
    let mut fields = json!({});
    if let Some(units) = table {
        fields[field] = value(units);
    }
    let update = |(name, units)| json!({ "Update": { "IndexName": name, field: value(units) } });
    let updates: Vec<_> = indexes.iter().map(update).collect();
    if !updates.is_empty() {
        fields["GlobalSecondaryIndexUpdates"] = updates.into();
    }
    fields
}

/// The fields of all.
fn joined<const N: usize>(all: [Value; N]) -> Value {
    let fields = |value| if let Value::Object(fields) = value { fields } else { Map::new() };
    Value::Object(all.into_iter().flat_map(fields).collect())
}

/// The fields that hold something.
fn without_nulls(fields: Value) -> Value {
    let Value::Object(fields) = fields else { return fields };
    Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

/// JSON, its keys sorted.
pub(super) fn text(value: Value) -> String {
    serde_json::to_string(&Json(value)).expect("documents hold string keys and finite numbers only")
}

/// One word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@%+-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
