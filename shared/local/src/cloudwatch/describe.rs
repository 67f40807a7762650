//! Telling alarms.

use serde_json::{Value, json};

use super::{
    alarm::{self, Alarms},
    requests::{Answer, invalid, required},
};
use crate::{api::ApiError, page, wire::text};

const PAGE: u64 = 50;
const MAX_PAGE: u64 = 100;
const MAX_NAMES: usize = 100;

/// DescribeAlarms, in the order of the names.
pub(super) fn alarms(alarms: &Alarms, body: &Value) -> Answer {
    let size = match &body["MaxRecords"] {
        Value::Null => PAGE,
        size => size
            .as_u64()
            .filter(|size| (1..=MAX_PAGE).contains(size))
            .ok_or_else(|| invalid(format!("MaxRecords is 1 to {MAX_PAGE}")))?,
    };
    let refusal = || ApiError::client("InvalidNextToken", "The next token is invalid");
    let after = page::after(text(body, "NextToken"), refusal)?;
    let mut none = body["AlarmTypes"].as_array().is_some_and(|types| !types.contains(&json!("MetricAlarm")));
    for family in ["ChildrenOfAlarmName", "ParentsOfAlarmName"] {
        if !body[family].is_null() {
            let alone = body
                .as_object()
                .into_iter()
                .flatten()
                .all(|(member, _)| [family, "MaxRecords", "NextToken"].contains(&member.as_str()));
            if !alone {
                return Err(invalid(format!("{family} cannot be specified with other filters")));
            }
            // There are no composite alarms, so no alarm has a family.
            none = true;
        }
    }
    let names = body["AlarmNames"].as_array();
    if names.is_some_and(|names| names.len() > MAX_NAMES) {
        return Err(invalid(format!("AlarmNames has at most {MAX_NAMES} entries")));
    }
    let prefix = text(body, "AlarmNamePrefix");
    if names.is_some_and(|names| !names.is_empty()) && prefix.is_some() {
        return Err(invalid("AlarmNames and AlarmNamePrefix cannot both be specified"));
    }
    let state = text(body, "StateValue");
    state.map_or(Ok(()), alarm::check_state)?;
    let action = text(body, "ActionPrefix");
    let wanted = |name: &String, alarm: &alarm::Alarm| {
        !none
            && names.is_none_or(|names| names.is_empty() || names.iter().any(|wanted| wanted == name))
            && prefix.is_none_or(|prefix| name.starts_with(prefix))
            && state.is_none_or(|state| alarm.state.value == state)
            && action.is_none_or(|prefix| {
                ["OKActions", "AlarmActions", "InsufficientDataActions"]
                    .into_iter()
                    .flat_map(|list| alarm.settings[list].as_array().into_iter().flatten())
                    .any(|arn| arn.as_str().is_some_and(|arn| arn.starts_with(prefix)))
            })
    };
    let entries = alarms.iter().filter(|(name, alarm)| wanted(name, alarm));
    let (found, next) = page::page(entries, after.as_deref(), usize::try_from(size).unwrap_or(usize::MAX));
    let found: Vec<Value> = found.into_iter().map(alarm::Alarm::view).collect();
    let mut answer = json!({ "CompositeAlarms": [], "MetricAlarms": found });
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

/// DescribeAlarmsForMetric: alarms on that one metric, with its very dimensions.
pub(super) fn of_metric(alarms: &Alarms, body: &Value) -> Answer {
    for member in ["MetricName", "Namespace"] {
        required(body, member)?;
    }
    let found: Vec<Value> = alarms
        .values()
        .filter(|alarm| {
            let same = |member: &str| alarm.settings.get(member) == body.get(member);
            let filter = |member: &str| body[member].is_null() || same(member);
            same("MetricName")
                && same("Namespace")
                && dimensions(&body["Dimensions"]) == dimensions(&alarm.settings["Dimensions"])
                && ["Statistic", "ExtendedStatistic", "Period", "Unit"].into_iter().all(filter)
        })
        .map(alarm::Alarm::view)
        .collect();
    Ok(json!({ "MetricAlarms": found }))
}

fn dimensions(list: &Value) -> Vec<(Option<&str>, Option<&str>)> {
    let mut dimensions: Vec<_> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|dimension| (text(dimension, "Name"), text(dimension, "Value")))
        .collect();
    dimensions.sort_unstable();
    dimensions
}
