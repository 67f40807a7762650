//! What PutMetricAlarm accepts, as AWS documents it.

use serde_json::Value;

use super::{
    members, metrics,
    requests::{invalid, missing, one_of, required},
};
use crate::{api::ApiError, wire::text};

const OPERATORS: [&str; 4] = [
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
];
/// For the band of an anomaly detection model.
const BAND_OPERATORS: [&str; 3] =
    ["LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"];
/// What a PromQL query replaces, besides the members of one metric.
const NOT_WITH_PROMQL: [&str; 6] = [
    "Metrics",
    "Threshold",
    "ComparisonOperator",
    "ThresholdMetricId",
    "EvaluationPeriods",
    "DatapointsToAlarm",
];

/// What an alarm watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlarmMetric {
    OneMetric,
    Math,
    PromQl,
}

impl AlarmMetric {
    pub(super) fn first_state(self) -> &'static str {
        if self == Self::PromQl { "OK" } else { "INSUFFICIENT_DATA" }
    }
}

/// Checks a whole alarm.
///
/// # Errors
/// What is wrong with it.
pub(super) fn alarm(body: &Value) -> Result<AlarmMetric, ApiError> {
    let name = required(body, "AlarmName")?;
    if name.chars().count() > 255 || name.chars().any(|c| c.is_ascii_control()) {
        return Err(invalid("AlarmName has 1 to 255 characters, and no control characters"));
    }
    if text(body, "AlarmDescription").is_some_and(|text| text.chars().count() > 1024) {
        return Err(invalid("AlarmDescription has at most 1024 characters"));
    }
    for member in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        actions(member, &body[member])?;
    }
    if let Some(treatment) = text(body, "TreatMissingData") {
        one_of("TreatMissingData", treatment, &["breaching", "notBreaching", "ignore", "missing"])?;
    }
    if let Some(low) = text(body, "EvaluateLowSampleCountPercentile") {
        one_of("EvaluateLowSampleCountPercentile", low, &["evaluate", "ignore"])?;
    }
    let given = |member: &str| !body[member].is_null();
    let kind = match (given("MetricName"), given("Metrics"), given("EvaluationCriteria")) {
        (true, false, false) => AlarmMetric::OneMetric,
        (false, true, false) => AlarmMetric::Math,
        (false, false, true) => AlarmMetric::PromQl,
        _ => {
            return Err(invalid(
                "Exactly one of MetricName, Metrics and EvaluationCriteria must be specified",
            ));
        }
    };
    let excluded = |excluded: &[&str]| match excluded.iter().find(|member| given(member)) {
        Some(member) => Err(invalid(format!("{member} cannot be specified for this kind of alarm"))),
        None => Ok(()),
    };
    match kind {
        AlarmMetric::OneMetric => metrics::one(body)?,
        AlarmMetric::Math => {
            excluded(&members::OF_ONE_METRIC)?;
            metrics::math(body)?;
        }
        AlarmMetric::PromQl => {
            excluded(&members::OF_ONE_METRIC)?;
            excluded(&NOT_WITH_PROMQL)?;
            required(&body["EvaluationCriteria"]["PromQLCriteria"], "Query")?;
            return metrics::seconds("EvaluationInterval", &body["EvaluationInterval"]).map(|_| kind);
        }
    }
    excluded(&["EvaluationInterval"])?;
    comparison(body)?;
    let periods = positive(body, "EvaluationPeriods")?.ok_or_else(|| missing("EvaluationPeriods"))?;
    if positive(body, "DatapointsToAlarm")?.is_some_and(|datapoints| datapoints > periods) {
        return Err(invalid("DatapointsToAlarm must not be greater than EvaluationPeriods"));
    }
    metrics::window(body, periods)?;
    Ok(kind)
}

fn actions(member: &str, list: &Value) -> Result<(), ApiError> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() > 5 {
        return Err(invalid(format!("{member} has at most 5 entries")));
    }
    match list
        .iter()
        .find(|arn| !arn.as_str().is_some_and(|arn| arn.starts_with("arn:") && arn.len() <= 1024))
    {
        Some(arn) => Err(invalid(format!("Invalid arn syntax: {arn}"))),
        None => Ok(()),
    }
}

/// A threshold is a number, or the band that one of the metrics is.
fn comparison(body: &Value) -> Result<(), ApiError> {
    let operator = required(body, "ComparisonOperator")?;
    let fixed = body["Threshold"].is_number();
    match (fixed, text(body, "ThresholdMetricId")) {
        (true, None) => one_of("ComparisonOperator", operator, &OPERATORS),
        (false, Some(id)) => {
            one_of("ComparisonOperator", operator, &BAND_OPERATORS)?;
            let ids = body["Metrics"].as_array().into_iter().flatten().filter_map(|query| text(query, "Id"));
            if ids.into_iter().any(|known| known == id) {
                Ok(())
            } else {
                Err(invalid(format!("ThresholdMetricId {id} is the Id of none of the Metrics")))
            }
        }
        (true, Some(_)) => Err(invalid("Threshold and ThresholdMetricId cannot both be specified")),
        (false, None) => Err(missing("Threshold")),
    }
}

fn positive(body: &Value, member: &str) -> Result<Option<i64>, ApiError> {
    match &body[member] {
        Value::Null => Ok(None),
        value => value
            .as_i64()
            .filter(|number| *number >= 1)
            .map(Some)
            .ok_or_else(|| invalid(format!("{member} must be at least 1"))),
    }
}
