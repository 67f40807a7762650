//! The alarms that a target-tracking policy owns in CloudWatch.

use serde_json::{Value, json};

use super::{
    Around,
    dimension::Dimension,
    policy::{AlarmKind, Policy, predefined},
    requests::invalid,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

/// Puts the alarms of a policy, as they follow from its configuration and the capacity now.
pub(super) fn put(around: &mut Around<'_>, scope: &Scope, dimension: &Dimension, policy: &Policy) {
    let capacity = dimension.capacity(around.dynamo, scope);
    let action = format!("{}:createdBy/{}", policy.arn, policy.alarms.created_by);
    for (kind, name) in &policy.alarms.named {
        let mut alarm = if predefined(&policy.configuration).is_some() {
            of_utilization(*kind, dimension, &policy.configuration, capacity)
        } else {
            of_custom(*kind, &policy.configuration)
        };
        alarm["AlarmName"] = json!(name);
        alarm["AlarmDescription"] =
            json!(format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action}."));
        alarm["AlarmActions"] = json!([action]);
        if let Err(error) = around.cloudwatch.handle(scope, "PutMetricAlarm", &alarm) {
            tracing::warn!(name, code = error.code, error.message, "no alarm for a scaling policy");
        }
    }
}

/// Deletes the alarms of a policy.
pub(super) fn delete(around: &mut Around<'_>, scope: &Scope, policy: &Policy) {
    let names: Vec<&String> = policy.alarms.named.iter().map(|(_, name)| name).collect();
    // Somebody may have deleted one before.
    let _ = around.cloudwatch.handle(scope, "DeleteAlarms", &json!({ "AlarmNames": names }));
}

/// DynamoDB's consumed units, in sums of a minute: above the target in two of them, or 20 points below it in
/// fifteen, as AWS documents. The provisioned units are watched too, for whoever else changes them.
fn of_utilization(kind: AlarmKind, dimension: &Dimension, configuration: &Value, capacity: u64) -> Value {
    let direction = dimension.direction();
    let target = configuration["TargetValue"].as_f64().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "capacity units are far below 2^53")]
    let capacity = capacity as f64;
    let of_minute = |percent: f64| (capacity * percent * 60.0 / 100.0).max(0.0);
    let (threshold, periods) = match kind {
        AlarmKind::High => (of_minute(target), 2),
        AlarmKind::Low => (of_minute(target - 20.0), 15),
        AlarmKind::ProvisionedHigh | AlarmKind::ProvisionedLow => (capacity, 3),
    };
    let (metric, statistic, period) = match kind {
        AlarmKind::High | AlarmKind::Low => ("Consumed", "Sum", 60),
        AlarmKind::ProvisionedHigh | AlarmKind::ProvisionedLow => ("Provisioned", "Average", 300),
    };
    json!({
        "Namespace": "AWS/DynamoDB",
        "MetricName": format!("{metric}{direction}CapacityUnits"),
        "Dimensions": dimension.metric_dimensions(),
        "Statistic": statistic,
        "Period": period,
        "EvaluationPeriods": periods,
        "Threshold": threshold,
        "ComparisonOperator": operator(kind),
    })
}

/// A metric of the user's own: above the target in three minutes, or 10 percent below it in fifteen.
fn of_custom(kind: AlarmKind, configuration: &Value) -> Value {
    let target = configuration["TargetValue"].as_f64().unwrap_or_default();
    let (threshold, periods) = if kind == AlarmKind::High { (target, 3) } else { (target * 0.9, 15) };
    let custom = &configuration["CustomizedMetricSpecification"];
    let mut alarm = json!({
        "EvaluationPeriods": periods,
        "Threshold": threshold,
        "ComparisonOperator": operator(kind),
    });
    if let Some(queries) = custom["Metrics"].as_array() {
        let mut queries = queries.clone();
        for query in &mut queries {
            if query["MetricStat"].is_object() {
                query["MetricStat"]["Period"] = json!(60);
            }
        }
        alarm["Metrics"] = Value::Array(queries);
        return alarm;
    }
    alarm["Period"] = json!(60);
    for member in ["Namespace", "MetricName", "Dimensions", "Statistic", "Unit"] {
        alarm[member] = custom[member].clone();
    }
    alarm
}

fn operator(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::High | AlarmKind::ProvisionedHigh => "GreaterThanThreshold",
        AlarmKind::Low | AlarmKind::ProvisionedLow => "LessThanThreshold",
    }
}

/// Checks the metric of a configuration.
///
/// # Errors
/// When there is not exactly one, or DynamoDB has it not. AWS documents 20 to 90 percent as the targets of its
/// utilization.
pub(super) fn check(configuration: &Value, target: f64, dimension: &Dimension) -> Result<(), ApiError> {
    let custom = &configuration["CustomizedMetricSpecification"];
    match (predefined(configuration), custom.is_object()) {
        (Some(metric), false) => {
            let wanted = format!("DynamoDB{}CapacityUtilization", dimension.direction());
            if metric != wanted {
                return Err(invalid(format!(
                    "Unsupported metric type {metric} for the scalable dimension {}",
                    dimension.name
                )));
            }
            if !(20.0..=90.0).contains(&target) {
                return Err(invalid("The target value for DynamoDB must be between 20 and 90"));
            }
            Ok(())
        }
        (None, true) => {
            let members = ["MetricName", "Namespace", "Statistic"];
            let given = members.iter().filter(|member| text(custom, member).is_some()).count();
            let math = custom["Metrics"].as_array().is_some_and(|queries| !queries.is_empty());
            if given == if math { 0 } else { members.len() } {
                Ok(())
            } else {
                Err(invalid("A customized metric has MetricName, Namespace and Statistic, or else Metrics"))
            }
        }
        _ => Err(invalid(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified",
        )),
    }
}

/// Whether two configurations keep the same metric.
pub(super) fn same_metric(one: &Value, other: &Value) -> bool {
    ["PredefinedMetricSpecification", "CustomizedMetricSpecification"]
        .into_iter()
        .all(|specification| one[specification] == other[specification])
}
