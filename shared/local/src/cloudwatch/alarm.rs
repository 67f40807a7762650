//! An alarm, and its state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::requests::one_of;
use crate::{
    api::{ApiError, Scope},
    wire::timestamp,
};

const STATES: [&str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

/// An alarm.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) arn: String,
    /// As PutMetricAlarm said, with its defaults.
    pub(super) settings: Map<String, Value>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) configured: Timestamp,
    pub(super) state: State,
}

/// The state of an alarm, and since when.
#[derive(Debug)]
pub(super) struct State {
    pub(super) value: String,
    pub(super) reason: String,
    pub(super) reason_data: Option<String>,
    /// When it was last set, be it to the same value.
    pub(super) updated: Timestamp,
    /// When its value last changed.
    pub(super) transitioned: Timestamp,
}

impl State {
    pub(super) fn first(value: &str, at: Timestamp) -> Self {
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

/// The states that an alarm can be in, for a request that names one.
pub(super) fn check_state(value: &str) -> Result<(), ApiError> {
    one_of("StateValue", value, &STATES)
}

/// The alarms of one account in one Region, by name.
pub(super) type Alarms = BTreeMap<String, Alarm>;

/// The ARN of an alarm.
pub(crate) fn arn(scope: &Scope, alarm: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{alarm}", scope.region, scope.account)
}
