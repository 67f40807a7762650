//! Whether an alarm of the template fires: what CloudWatch makes of the lines that the functions measure.
//!
//! As the CloudWatch guide has it: data is gathered by period, and an alarm goes to ALARM when so many of its last
//! periods breach its threshold. A period without data counts as the alarm says.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, VecDeque};

use backup_chain_deployed::stack;
use jiff::Timestamp;
use serde_json::Value;

/// The alarms of the source Region's template that fire at any time between two moments.
pub fn fired(measured: &[String], from: Timestamp, to: Timestamp) -> Vec<String> {
    let alarms = stack::alarms().unwrap();
    alarms.into_iter().filter(|(_, alarm)| fires(alarm, measured, from, to)).map(|(name, _)| name).collect()
}

fn number(alarm: &Value, property: &str) -> Option<f64> {
    alarm[property].as_f64().or_else(|| alarm[property].as_str()?.parse().ok())
}

fn fires(alarm: &Value, measured: &[String], from: Timestamp, to: Timestamp) -> bool {
    let metric = alarm["MetricName"].as_str().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "a period is a few minutes or hours")]
    let period = number(alarm, "Period").unwrap() as i64;
    let mut values: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for line in measured {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = line["_aws"]["Timestamp"].as_i64().unwrap() / 1000;
        if let Some(value) = line[metric].as_f64() {
            values.entry(at.div_euclid(period)).or_default().push(value);
        }
    }
    let datum = |bucket: i64| {
        let data = values.get(&bucket)?;
        Some(match alarm["Statistic"].as_str().unwrap() {
            "Sum" => data.iter().sum(),
            "Maximum" => data.iter().copied().fold(f64::MIN, f64::max),
            other => panic!("no alarm of ours has {other}"),
        })
    };
    let threshold = number(alarm, "Threshold").unwrap();
    let breaches = |value: f64| match alarm["ComparisonOperator"].as_str().unwrap() {
        "GreaterThanThreshold" => value > threshold,
        "GreaterThanOrEqualToThreshold" => value >= threshold,
        "LessThanThreshold" => value < threshold,
        other => panic!("no alarm of ours compares by {other}"),
    };
    let missing = match alarm["TreatMissingData"].as_str().unwrap() {
        "breaching" => Some(true),
        "notBreaching" => Some(false),
        "ignore" => None,
        other => panic!("no alarm of ours treats missing data as {other}"),
    };
    let evaluated = number(alarm, "EvaluationPeriods").unwrap();
    let needed = number(alarm, "DatapointsToAlarm").unwrap_or(evaluated);
    let mut window: VecDeque<bool> = VecDeque::new();
    for bucket in from.as_second().div_euclid(period)..=to.as_second().div_euclid(period) {
        let Some(breach) = datum(bucket).map(breaches).or(missing) else { continue };
        window.push_back(breach);
        if window.len() as f64 > evaluated {
            window.pop_front();
        }
        if window.iter().filter(|breach| **breach).count() as f64 >= needed {
            return true;
        }
    }
    false
}
