//! What a dropped table leaves behind.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![allow(clippy::missing_panics_doc, reason = "helpers of tests may panic as tests do")]

use backup_chain_core::ids::TableName;
use backup_chain_core::settings::Dimension;
use backup_chain_local::World;
use serde_json::{Value, json};

use crate::tables;

/// Asks Application Auto Scaling for something of the capacity of a table.
pub async fn scaling(world: &World, operation: &str, table: &TableName, write: bool, fields: Value) {
    let mut body = tables::scaled(table, &Dimension { write, index: None });
    for (field, value) in fields.as_object().unwrap() {
        body[field] = value.clone();
    }
    let operation = format!("AnyScaleFrontendService.{operation}");
    tables::ask(world, "application-autoscaling", &operation, &body).await.unwrap();
}

/// Puts an alarm.
pub async fn alarm(world: &World, body: Value) {
    let mut alarm = json!({
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    for (field, value) in body.as_object().unwrap() {
        alarm[field] = value.clone();
    }
    tables::ask(world, "monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", &alarm).await.unwrap();
}

/// The dimensions of a table.
pub fn watching(table: &str) -> Value {
    json!([{"Name": "TableName", "Value": table}])
}

/// After the backup somebody scales and watches the table otherwise, in every way that there is.
pub async fn change_what_surrounds(world: &World, orders: &TableName) {
    let _scene = world.scene();
    scaling(world, "RegisterScalableTarget", orders, true, json!({"MinCapacity": 1, "MaxCapacity": 40}))
        .await;
    let tracking = |metric: &str, target: f64| json!({"PredefinedMetricSpecification": {"PredefinedMetricType": metric}, "TargetValue": target});
    for (write, name, metric) in [
        (true, "writes", "DynamoDBWriteCapacityUtilization"),
        (false, "reads", "DynamoDBReadCapacityUtilization"),
    ] {
        let policy = json!({
            "PolicyName": name, "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": tracking(metric, 30.0),
        });
        scaling(world, "PutScalingPolicy", orders, write, policy).await;
    }
    scaling(world, "RegisterScalableTarget", orders, false, json!({"MinCapacity": 10, "MaxCapacity": 12}))
        .await;
    for (name, schedule) in [("night", "cron(0 23 * * ? *)"), ("noon", "cron(0 12 * * ? *)")] {
        let action = json!({
            "ScheduledActionName": name, "Schedule": schedule, "ScalableTargetAction": {"MinCapacity": 11},
        });
        scaling(world, "PutScheduledAction", orders, false, action).await;
    }
    let metric = |table: &str| json!({"MetricName": "ThrottledRequests", "Namespace": "AWS/DynamoDB", "Dimensions": watching(table)});
    let own = |name: &str| {
        let mut alarm = metric("orders");
        (alarm["AlarmName"], alarm["Statistic"], alarm["Period"]) = (json!(name), json!("Sum"), json!(60));
        alarm
    };
    alarm(world, own("orders throttled")).await;
    alarm(world, own("orders slow")).await;
    let of = |id: &str, table: &str| json!({"Id": id, "ReturnData": false, "MetricStat": {"Metric": metric(table), "Period": 60, "Stat": "Sum"}});
    let sum = json!({"Id": "sum", "Expression": "a + b", "ReturnData": true});
    alarm(world, json!({"AlarmName": "all", "Metrics": [of("a", "orders"), of("b", "carts"), sum]})).await;
}
