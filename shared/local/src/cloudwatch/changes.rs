//! Making, changing and removing alarms.

use serde_json::{Map, Value, json};

use super::{
    alarm::{Alarm, Alarms, State, arn, check_state},
    check, members,
    requests::{Answer, invalid, missing, required},
    tags,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

/// AWS documents 5000 alarms in a Region as the quota that an account begins with.
const MAX_ALARMS: usize = 5000;

/// AWS documents 100 names as the most of one request.
const MAX_NAMES: usize = 100;

/// PutMetricAlarm. AWS documents that it overwrites an alarm of the same name, whose state stays and whose tags
/// it does not touch.
pub(super) fn put(alarms: &mut Alarms, scope: &Scope, body: &Value) -> Answer {
    let kind = check::alarm(body)?;
    let given = tags::read(body)?;
    let name = text(body, "AlarmName").unwrap_or_default();
    let mut settings: Map<String, Value> = members::SETTINGS
        .into_iter()
        .filter_map(|member| Some((member.to_owned(), body.get(member)?.clone())))
        .collect();
    settings.entry("ActionsEnabled").or_insert(Value::Bool(true));
    for list in ["OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"] {
        settings.entry(list).or_insert_with(|| json!([]));
    }
    for query in settings.get_mut("Metrics").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(query) = query.as_object_mut() {
            query.entry("ReturnData").or_insert(Value::Bool(true));
        }
    }
    if let Some(alarm) = alarms.get_mut(name) {
        alarm.settings = settings;
        alarm.configured = scope.now;
        return Ok(Value::Null);
    }
    if alarms.len() >= MAX_ALARMS {
        return Err(ApiError::client(
            "LimitExceededFault",
            format!("The maximum limit of {MAX_ALARMS} alarms is reached"),
        ));
    }
    let alarm = Alarm {
        arn: arn(scope, name),
        settings,
        tags: given,
        configured: scope.now,
        state: State::first(kind.first_state(), scope.now),
    };
    alarms.insert(name.to_owned(), alarm);
    Ok(Value::Null)
}

/// DeleteAlarms. AWS documents that alarms of correct names go even when another name is wrong.
pub(super) fn delete(alarms: &mut Alarms, body: &Value) -> Answer {
    let mut missing = Vec::new();
    for name in names(body)? {
        if alarms.remove(name).is_none() {
            missing.push(name);
        }
    }
    if missing.is_empty() {
        return Ok(Value::Null);
    }
    Err(no_alarm(&missing.join(", ")))
}

/// EnableAlarmActions and DisableAlarmActions; both skip names that no alarm has.
pub(super) fn switch(alarms: &mut Alarms, scope: &Scope, body: &Value, on: bool) -> Answer {
    for name in names(body)? {
        if let Some(alarm) = alarms.get_mut(name) {
            alarm.settings.insert("ActionsEnabled".to_owned(), Value::Bool(on));
            alarm.configured = scope.now;
        }
    }
    Ok(Value::Null)
}

pub(super) fn set_state(alarms: &mut Alarms, scope: &Scope, body: &Value) -> Answer {
    let name = required(body, "AlarmName")?;
    let value = required(body, "StateValue")?;
    let reason = text(body, "StateReason").ok_or_else(|| missing("StateReason"))?;
    check_state(value)?;
    if reason.chars().count() > 1023 {
        return Err(invalid("StateReason has at most 1023 characters"));
    }
    let reason_data = text(body, "StateReasonData");
    if reason_data.is_some_and(|data| serde_json::from_str::<Value>(data).is_err() || data.len() > 4000) {
        return Err(ApiError::client(
            "InvalidFormatFault",
            "StateReasonData is JSON of at most 4000 characters",
        ));
    }
    let state = &mut alarms.get_mut(name).ok_or_else(|| no_alarm(name))?.state;
    let transitioned = if state.value == value { state.transitioned } else { scope.now };
    *state = State {
        value: value.to_owned(),
        reason: reason.to_owned(),
        reason_data: reason_data.map(str::to_owned),
        updated: scope.now,
        transitioned,
    };
    Ok(Value::Null)
}

fn names(body: &Value) -> Result<Vec<&str>, ApiError> {
    let names = body["AlarmNames"].as_array().ok_or_else(|| missing("AlarmNames"))?;
    if names.len() > MAX_NAMES {
        return Err(invalid(format!("AlarmNames has at most {MAX_NAMES} entries")));
    }
    Ok(names.iter().filter_map(Value::as_str).collect())
}

fn no_alarm(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::client("ResourceNotFound", format!("No such alarm: {name}")) }
}
