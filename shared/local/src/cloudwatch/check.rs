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

/// The periods that begin with a minute, five of them, an hour, a day or a week.
const WALL_CLOCK_PERIODS: [i64; 5] = [60, 300, 3_600, 86_400, 604_800];

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
            excluded(&["EvaluationWindow"])?;
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
    evaluation_window(body)?;
    tags_sent(&body["ActionConfiguration"]["AlarmTagsPropagation"])?;
    Ok(kind)
}

/// A wall clock window has some periods only, and a zone: of IANA, or an offset in steps of five minutes.
fn evaluation_window(body: &Value) -> Result<(), ApiError> {
    let window = &body["EvaluationWindow"];
    match (window["SlidingWindow"].is_object(), window["WallClockWindow"].is_object()) {
        (true, true) => return Err(invalid("EvaluationWindow takes exactly one of its members")),
        (_, false) => return Ok(()),
        (false, true) => {}
    }
    let periods = metrics::periods(body);
    if let Some(period) = periods.into_iter().find(|period| !WALL_CLOCK_PERIODS.contains(period)) {
        return Err(invalid(format!("Period {period} is not supported with a wall clock window")));
    }
    let Some(zone) = text(&window["WallClockWindow"], "Timezone") else { return Ok(()) };
    let offset = zone.strip_prefix("UTC").unwrap_or(zone);
    let minutes = offset.strip_prefix(['+', '-']).and_then(|clock| clock.split_once(':'));
    let is_offset = minutes.is_some_and(|(hours, minutes)| {
        let small = |text: &str, least: u32| {
            text.len() == 2 && text.parse::<u32>().is_ok_and(|number| number < least)
        };
        small(hours, 24) && small(minutes, 60) && minutes.parse::<u32>().is_ok_and(|number| number % 5 == 0)
    });
    if is_offset || jiff::tz::TimeZone::get(zone).is_ok() {
        return Ok(());
    }
    Err(invalid(format!("Timezone {zone} is neither an IANA time zone nor an offset")))
}

/// Which of its tags an alarm sends along.
fn tags_sent(propagation: &Value) -> Result<(), ApiError> {
    if propagation["IncludedTagKeys"].is_array() && propagation["ExcludedTagKeys"].is_array() {
        return Err(invalid("IncludedTagKeys and ExcludedTagKeys cannot both be specified"));
    }
    Ok(())
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
