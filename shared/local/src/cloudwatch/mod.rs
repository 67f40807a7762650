//! CloudWatch: alarms.
//!
//! There are no metrics to evaluate: an alarm stays in the state in which it began until SetAlarmState.
//! Composite and log alarms are not modelled.

mod alarm;
mod changes;
mod check;
mod describe;
mod members;
mod metrics;
mod requests;
mod tags;

use std::collections::BTreeMap;

use serde_json::Value;

use self::{alarm::Alarms, requests::Answer};
use crate::{api::Scope, wire::Service};

pub(crate) use self::{alarm::arn, requests::query_code};

/// CloudWatch of all accounts and Regions.
#[derive(Debug, Default)]
pub(crate) struct CloudWatch {
    places: BTreeMap<(String, String), Alarms>,
}

impl CloudWatch {
    /// Answers one operation.
    ///
    /// # Errors
    /// As CloudWatch refuses, with the error's type; [`query_code`] is its code of old.
    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        let alarms = self.places.entry((scope.account.clone(), scope.region.clone())).or_default();
        let body = &members::typed(body);
        match operation {
            "PutMetricAlarm" => changes::put(alarms, scope, body),
            "DescribeAlarms" => describe::alarms(alarms, body),
            "DescribeAlarmsForMetric" => describe::of_metric(alarms, body),
            "DeleteAlarms" => changes::delete(alarms, body),
            "EnableAlarmActions" => changes::switch(alarms, scope, body, true),
            "DisableAlarmActions" => changes::switch(alarms, scope, body, false),
            "SetAlarmState" => changes::set_state(alarms, scope, body),
            "ListTagsForResource" => tags::list(alarms, body),
            "TagResource" => tags::tag(alarms, body),
            "UntagResource" => tags::untag(alarms, body),
            _ => Err(Service::CloudWatch.unknown_operation(operation)),
        }
    }

    /// The alarms of an account in a Region that carry tags: ARN and tags.
    pub(crate) fn tagged(&self, scope: &Scope) -> Vec<(String, &BTreeMap<String, String>)> {
        self.places
            .get(&(scope.account.clone(), scope.region.clone()))
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|alarm| !alarm.tags.is_empty())
            .map(|alarm| (alarm.arn.clone(), &alarm.tags))
            .collect()
    }
}
