//! Making, changing and removing alarms.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Alarms, Answer, arn, check, invalid, members, tags};
use crate::{
    api::{ApiError, Scope},
    wire::{text, timestamp},
};

/// AWS documents 5000 alarms in a Region as the quota that an account begins with.
const MAX_ALARMS: usize = 5000;
/// AWS documents 100 names as the most of one request.
const MAX_NAMES: usize = 100;

const STATES: [&str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

/// An alarm.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) arn: String,
    /// As PutMetricAlarm said, with its defaults.
    pub(super) settings: Map<String, Value>,
    pub(super) tags: BTreeMap<String, String>,
    configured: Timestamp,
    pub(super) state: State,
}

/// The state of an alarm, and since when.
#[derive(Debug)]
pub(super) struct State {
    pub(super) value: String,
    reason: String,
    reason_data: Option<String>,
    /// When it was last set, be it to the same value.
    updated: Timestamp,
    /// When its value last changed.
    transitioned: Timestamp,
}

impl State {
    fn first(value: &str, at: Timestamp) -> Self {
        Self {
            value: value.to_owned(),
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            updated: at,
            transitioned: at,
        }
    }
}

impl Alarm {
    /// As DescribeAlarms tells it.
    pub(super) fn view(&self) -> Value {
        let mut view = self.settings.clone();
        let mut put = |member: &str, value: Value| view.insert(member.to_owned(), value);
        put("AlarmArn", json!(self.arn));
        put("AlarmConfigurationUpdatedTimestamp", timestamp(self.configured));
        put("StateValue", json!(self.state.value));
        put("StateReason", json!(self.state.reason));
        if let Some(data) = &self.state.reason_data {
            put("StateReasonData", json!(data));
        }
        put("StateUpdatedTimestamp", timestamp(self.state.updated));
        put("StateTransitionedTimestamp", timestamp(self.state.transitioned));
        Value::Object(view)
    }
}

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
    let name = check::required(body, "AlarmName")?;
    let value = check::required(body, "StateValue")?;
    let reason = text(body, "StateReason").ok_or_else(|| check::missing("StateReason"))?;
    check::one_of("StateValue", value, &STATES)?;
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
    let names = body["AlarmNames"].as_array().ok_or_else(|| check::missing("AlarmNames"))?;
    if names.len() > MAX_NAMES {
        return Err(invalid(format!("AlarmNames has at most {MAX_NAMES} entries")));
    }
    Ok(names.iter().filter_map(Value::as_str).collect())
}

fn no_alarm(name: &str) -> ApiError {
    ApiError { status: 404, ..ApiError::client("ResourceNotFound", format!("No such alarm: {name}")) }
}

/// The states that an alarm can be in, for a request that names one.
pub(super) fn check_state(value: &str) -> Result<(), ApiError> {
    check::one_of("StateValue", value, &STATES)
}
