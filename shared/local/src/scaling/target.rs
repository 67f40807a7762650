//! A scalable target: a capacity, and the range in which it may be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{action::Action, policy::Policy};
use crate::{api::Scope, wire::timestamp};

/// A scalable target, with what goes when it is deregistered.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) created: Timestamp,
    /// Since when the capacity has been outside the range, while it is.
    pub(super) outside: Option<Timestamp>,
    pub(super) suspended: BTreeMap<&'static str, bool>,
    pub(super) tags: BTreeMap<String, String>,
    /// By name.
    pub(super) policies: BTreeMap<String, Policy>,
    /// By name.
    pub(super) actions: BTreeMap<String, Action>,
}

impl Target {
    /// AWS documents that it takes the service-linked role for DynamoDB, whatever role a request names.
    pub(super) fn view(&self, scope: &Scope, resource: &str, dimension: &str) -> Value {
        json!({
            "ServiceNamespace": "dynamodb",
            "ResourceId": resource,
            "ScalableDimension": dimension,
            "MinCapacity": self.min,
            "MaxCapacity": self.max,
            "RoleARN": format!(
                "arn:aws:iam::{}:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/\
                 AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
                scope.account
            ),
            "CreationTime": timestamp(self.created),
            "SuspendedState": self.suspended,
            "ScalableTargetARN": self.arn,
        })
    }
}
