//! The members of an alarm, and their types.

use serde_json::{Value, json};

/// What PutMetricAlarm sets and DescribeAlarms tells; tags are apart.
pub(super) const SETTINGS: [&str; 26] = [
    "ActionConfiguration",
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationPeriods",
    "EvaluationWindow",
    "ExtendedStatistic",
    "InsufficientDataActions",
    "MetricName",
    "Metrics",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "ThresholdMetricId",
    "TreatMissingData",
    "Unit",
    "WarmUpConfiguration",
];

/// What only an alarm on one metric has.
pub(super) const OF_ONE_METRIC: [&str; 7] =
    ["MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"];

/// A request with its numbers and switches as such: the query protocol sends all as text, and JSON may send a
/// whole number where the model has a fraction. A member's name tells its type.
pub(super) fn typed(body: &Value) -> Value {
    match body {
        Value::Array(list) => list.iter().map(typed).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), of_type(name, value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn of_type(name: &str, value: &Value) -> Value {
    let written = value.as_str();
    let typed_value = match name {
        "Threshold" => value.as_f64().or_else(|| written?.parse().ok()).map(|number| json!(number)),
        "ActionsEnabled" | "ReturnData" | "Enabled" | "OnlyStartEvaluatingAfterWarmUpPeriodEnds" => {
            written.and_then(|text| text.parse::<bool>().ok()).map(Value::from)
        }
        "Period"
        | "EvaluationPeriods"
        | "DatapointsToAlarm"
        | "EvaluationInterval"
        | "MaxRecords"
        | "WarmUpPeriodDurationInMinutes"
        | "PendingPeriod"
        | "RecoveryPeriod" => written.and_then(|text| text.parse::<i64>().ok()).map(Value::from),
        _ => None,
    };
    typed_value.unwrap_or_else(|| typed(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_form_get_their_types() {
        let form = json!({
            "AlarmName": "7", "Threshold": "5", "Period": "60", "ActionsEnabled": "false",
            "Metrics": [{ "Id": "m1", "ReturnData": "true", "MetricStat": { "Period": "300" } }],
        });
        let expected = json!({
            "AlarmName": "7", "Threshold": 5.0, "Period": 60, "ActionsEnabled": false,
            "Metrics": [{ "Id": "m1", "ReturnData": true, "MetricStat": { "Period": 300 } }],
        });
        assert_eq!(typed(&form), expected);
    }
}
