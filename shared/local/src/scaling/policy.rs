//! A scaling policy, and the alarms that it owns.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::dimension::Dimension;
use crate::{api::Scope, cloudwatch, rng::Rng, wire::text};

/// A policy that keeps a metric near its target.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) arn: String,
    pub(super) created: Timestamp,
    /// `TargetTrackingScalingPolicyConfiguration`.
    pub(super) configuration: Value,
    pub(super) alarms: Alarms,
}

/// The alarms of a policy.
#[derive(Debug)]
pub(super) struct Alarms {
    /// What each tells, and its name.
    pub(super) named: Vec<(AlarmKind, String)>,
    /// Who made them: their action is the policy's ARN with this behind it.
    pub(super) created_by: String,
}

/// What an alarm of a policy tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlarmKind {
    /// More is used than the target.
    High,
    /// Less is used than the target, by a margin.
    Low,
    /// Somebody else has provisioned more.
    ProvisionedHigh,
    /// Somebody else has provisioned less.
    ProvisionedLow,
}

impl AlarmKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::High => "AlarmHigh",
            Self::Low => "AlarmLow",
            Self::ProvisionedHigh => "ProvisionedCapacityHigh",
            Self::ProvisionedLow => "ProvisionedCapacityLow",
        }
    }
}

impl Alarms {
    /// Names for the alarms of a new policy. One on DynamoDB's own utilization has four, any other two.
    pub(super) fn named(rng: &mut Rng, dimension: &Dimension, configuration: &Value) -> Self {
        let kinds: &[AlarmKind] = if predefined(configuration).is_some() {
            &[AlarmKind::High, AlarmKind::Low, AlarmKind::ProvisionedHigh, AlarmKind::ProvisionedLow]
        } else {
            &[AlarmKind::High, AlarmKind::Low]
        };
        let name = |kind: AlarmKind, rng: &mut Rng| {
            format!("TargetTracking-{}-{}-{}", dimension.resource, kind.name(), rng.uuid())
        };
        let named = kinds.iter().map(|kind| (*kind, name(*kind, rng))).collect();
        Self { named, created_by: rng.uuid() }
    }

    /// As the policy tells them.
    pub(super) fn view(&self, scope: &Scope) -> Value {
        self.named
            .iter()
            .map(|(_, name)| json!({ "AlarmName": name, "AlarmARN": cloudwatch::arn(scope, name) }))
            .collect()
    }
}

pub(super) fn predefined(configuration: &Value) -> Option<&str> {
    text(&configuration["PredefinedMetricSpecification"], "PredefinedMetricType")
}
