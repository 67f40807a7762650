//! The metrics that an alarm watches: one, or what a math expression makes of several.

use std::collections::BTreeSet;

use serde_json::Value;

use super::requests::{invalid, missing, one_of, required};
use crate::{api::ApiError, wire::text};

const STATISTICS: [&str; 5] = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
const MAX_QUERIES: usize = 20;
const MAX_DIMENSIONS: usize = 30;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// An alarm on one metric.
pub(super) fn one(body: &Value) -> Result<(), ApiError> {
    metric(body)?;
    match (text(body, "Statistic"), text(body, "ExtendedStatistic")) {
        (Some(statistic), None) => one_of("Statistic", statistic, &STATISTICS)?,
        (None, Some(statistic)) if is_extended(statistic) => {}
        (None, Some(statistic)) => {
            return Err(invalid(format!("ExtendedStatistic {statistic} is not supported")));
        }
        _ => return Err(invalid("Exactly one of Statistic and ExtendedStatistic must be specified")),
    }
    if body["EvaluateLowSampleCountPercentile"].is_string()
        && !text(body, "ExtendedStatistic").is_some_and(|statistic| statistic.starts_with('p'))
    {
        return Err(invalid("EvaluateLowSampleCountPercentile is for alarms on percentiles only"));
    }
    seconds("Period", &body["Period"]).map(|_| ())
}

/// An alarm on what its metrics make: one of them is what it watches.
pub(super) fn math(body: &Value) -> Result<(), ApiError> {
    let queries = body["Metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
    if queries.is_empty() || queries.len() > MAX_QUERIES {
        return Err(invalid(format!("Metrics has 1 to {MAX_QUERIES} entries")));
    }
    let mut ids = BTreeSet::new();
    for query in queries {
        let id = required(query, "Id")?;
        if !id.starts_with(|c: char| c.is_ascii_lowercase())
            || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err(invalid(format!(
                "Invalid metrics list: the Id {id} must begin with a lowercase letter and have letters, digits \
                 and underscores only"
            )));
        }
        if !ids.insert(id) {
            return Err(invalid(format!("Invalid metrics list: the Id {id} is there twice")));
        }
        let stat = &query["MetricStat"];
        match (stat.is_null(), text(query, "Expression")) {
            (true, Some(_)) => {}
            (false, None) => {
                metric(&stat["Metric"])?;
                seconds("Period", &stat["Period"])?;
                let statistic = required(stat, "Stat")?;
                if !STATISTICS.contains(&statistic) && !is_extended(statistic) {
                    return Err(invalid(format!("Stat {statistic} is not supported")));
                }
            }
            _ => {
                return Err(invalid(format!(
                    "Invalid metrics list: {id} must have one of MetricStat and Expression"
                )));
            }
        }
    }
    // The band of an anomaly detection model is no result of its own.
    let band = text(body, "ThresholdMetricId");
    let watched = queries
        .iter()
        .filter(|query| text(query, "Id") != band && query["ReturnData"].as_bool().unwrap_or(true))
        .count();
    if watched != 1 {
        return Err(invalid("Invalid metrics list: exactly one entry must have ReturnData true"));
    }
    Ok(())
}

/// A metric's names.
fn metric(metric: &Value) -> Result<(), ApiError> {
    let fits = |text: &str| text.chars().count() <= 255;
    if !fits(required(metric, "MetricName")?) {
        return Err(invalid("MetricName has at most 255 characters"));
    }
    let namespace = required(metric, "Namespace")?;
    if !fits(namespace) || namespace.starts_with(':') {
        return Err(invalid("Namespace has at most 255 characters and does not begin with a colon"));
    }
    let dimensions = metric["Dimensions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if dimensions.len() > MAX_DIMENSIONS {
        return Err(invalid(format!("Dimensions has at most {MAX_DIMENSIONS} entries")));
    }
    for dimension in dimensions {
        required(dimension, "Name")?;
        required(dimension, "Value")?;
    }
    Ok(())
}

/// A period: 10, 20, 30 or a multiple of 60 seconds.
///
/// # Errors
/// When it is none, or missing.
pub(super) fn seconds(member: &str, value: &Value) -> Result<i64, ApiError> {
    if value.is_null() {
        return Err(missing(member));
    }
    value
        .as_i64()
        .filter(|seconds| [10, 20, 30].contains(seconds) || (*seconds > 0 && seconds % 60 == 0))
        .ok_or_else(|| invalid(format!("{member} must be 10, 20, 30 or a multiple of 60")))
}

/// The periods of all its metrics, in seconds.
pub(super) fn periods(body: &Value) -> Vec<i64> {
    let of_queries =
        body["Metrics"].as_array().into_iter().flatten().map(|query| &query["MetricStat"]["Period"]);
    of_queries.chain([&body["Period"]]).filter_map(Value::as_i64).collect()
}

/// The whole evaluation takes seven days at most, and one day where a period is shorter than an hour.
pub(super) fn window(body: &Value, evaluations: i64) -> Result<(), ApiError> {
    for period in periods(body) {
        let longest = if period < HOUR { DAY } else { 7 * DAY };
        if period.checked_mul(evaluations).is_none_or(|total| total > longest) {
            return Err(invalid(format!(
                "Period multiplied by EvaluationPeriods must not be more than {longest} seconds"
            )));
        }
    }
    Ok(())
}

/// `p90`, `tm99.5`, `IQM`, `PR(1:5)`, `TM(10%:90%)` and their like.
fn is_extended(statistic: &str) -> bool {
    if statistic == "IQM" {
        return true;
    }
    if let Some((name, range)) = statistic.split_once('(') {
        return ["PR", "TC", "TM", "TS", "WM"].contains(&name)
            && range.strip_suffix(')').is_some_and(|range| range.contains(':'));
    }
    ["p", "tm", "tc", "ts", "wm"].into_iter().any(|name| {
        let percent = statistic.strip_prefix(name).and_then(|number| number.parse::<f64>().ok());
        percent.is_some_and(|percent| (0.0..=100.0).contains(&percent))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statistics_beyond_the_simple_ones_have_their_forms() {
        for statistic in ["p90", "p99.9", "tm95", "IQM", "PR(1:5)", "TM(10%:90%)"] {
            assert!(is_extended(statistic), "{statistic}");
        }
        for statistic in ["Average", "p", "p101", "pNaN", "XX(1:2)", "TM(10%"] {
            assert!(!is_extended(statistic), "{statistic}");
        }
    }

    #[test]
    fn an_evaluation_has_a_greatest_length() {
        assert!(window(&json!({ "Period": 60 }), 1440).is_ok());
        assert!(window(&json!({ "Period": 60 }), 1441).is_err());
        assert!(window(&json!({ "Period": 3600 }), 168).is_ok());
        assert!(window(&json!({ "Period": 3600 }), 169).is_err());
        let math = json!({ "Metrics": [{ "Id": "m", "MetricStat": { "Period": 300 } }] });
        assert!(window(&math, 289).is_err());
    }
}
