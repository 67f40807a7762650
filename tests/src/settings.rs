//! Settings to make tables of.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use backup_chain_core::settings::TableSettings;
use serde_json::json;

/// The settings of a table of this name with everything that can be around one.
///
/// # Panics
/// Never: the settings are of this version.
pub fn surrounded(table: &str) -> TableSettings {
    let topic = "arn:aws:sns:eu-central-1:111122223333:pager";
    let policy = |action: &str, resource: &str| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader"},
            "Action": action, "Resource": resource,
        }]})
    };
    let tracking = json!({
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
        "ScaleInCooldown": 60, "ScaleOutCooldown": 30,
    });
    let throttles = |more: serde_json::Value| {
        let mut alarm = json!({
            "ActionsEnabled": true, "AlarmActions": [topic], "MetricName": "ReadThrottleEvents",
            "Namespace": "AWS/DynamoDB", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3,
            "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
        });
        for (field, value) in more.as_object().unwrap() {
            alarm[field] = value.clone();
        }
        alarm
    };
    let settings = json!({
        "attributes": {"id": "S", "status": "S"},
        "keys": {"hash": ["id"]},
        "global": {"by-status": {"keys": {"hash": ["status"]}, "throughput": [5, 5], "warm": [5, 5]}},
        "billing": "PROVISIONED", "throughput": [10, 5], "warm": [10, 5],
        "stream": "KEYS_ONLY", "class": "STANDARD_INFREQUENT_ACCESS", "protected": true, "ttl": {"attribute": "expires"}, "pitr": {"days": 7},
        "tags": {"team": "shop"},
        "policies": {
            "table": policy("dynamodb:GetItem", &format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{table}")),
        },
        "kinesis": {"arn:aws:kinesis:eu-central-1:111122223333:stream/changes": "MICROSECOND"},
        "insights": {"table": "THROTTLED_KEYS", "indexes": {"by-status": "ACCESSED_AND_THROTTLED_KEYS"}},
        "scaling": {
            "read": {
                "min": 10, "max": 100, "suspended": ["scale_in"],
                "policies": {"reads": {"configuration": tracking}},
                "scheduled": {"night": {"schedule": "cron(0 22 24 12 ? *)", "time_zone": "Europe/Berlin", "min": 10, "max": 20}},
            },
            "write/by-status": {"min": 5, "max": 50},
        },
        "alarms": {
            (format!("{table} throttled")): throttles(json!({"Dimensions": [{"Name": "TableName", "Value": table}]})),
            (format!("{table} index throttled")): throttles(json!({
                "AlarmDescription": "of the index", "TreatMissingData": "notBreaching",
                "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Berlin"}},
                "WarmUpConfiguration": {
                    "WarmUpPeriodDurationInMinutes": 30, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": true,
                },
                "Dimensions": [
                    {"Name": "TableName", "Value": table}, {"Name": "GlobalSecondaryIndexName", "Value": "by-status"},
                ],
            })),
        },
    });
    TableSettings::from_bytes(settings.to_string().as_bytes()).unwrap()
}
