//! Scaling policies.

use serde_json::{Value, json};

use super::{
    Call,
    dimension::Dimension,
    policy::{Alarms, Policy},
    requests::{Answer, invalid, not_found, required, texts},
    tracking,
};
use crate::{
    api::ApiError,
    page,
    wire::{text, timestamp},
};

const MAX_PAGE: u64 = 10;
const TRACKING: &str = "TargetTrackingScaling";
const TYPES: [&str; 3] = ["PredictiveScaling", "StepScaling", TRACKING];

impl Call<'_, '_> {
    /// PutScalingPolicy: makes a policy, or changes the one of that name.
    pub(super) fn put_policy(&mut self) -> Answer {
        let (scope, body) = (self.scope, self.body);
        let name = required(body, "PolicyName")?;
        if name.chars().count() > 256 || name.chars().any(char::is_control) {
            return Err(invalid("PolicyName has 1 to 256 printable characters"));
        }
        let (dimension, target) = self.target()?;
        let known = target.policies.get(name);
        policy_type(text(body, "PolicyType"), known.is_some())?;
        let configuration = match (known, &body["TargetTrackingScalingPolicyConfiguration"]) {
            (Some(known), Value::Null) => known.configuration.clone(),
            (_, given) => configuration(given, &dimension)?,
        };
        let other = target.policies.iter().find(|(known, policy)| {
            *known != name && tracking::same_metric(&policy.configuration, &configuration)
        });
        if other.is_some() {
            return Err(invalid(
                "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
            ));
        }
        let policy = match target.policies.remove(name) {
            Some(known) if tracking::same_metric(&known.configuration, &configuration) => {
                Policy { configuration, ..known }
            }
            // Its alarms were on another metric.
            Some(known) => {
                tracking::delete(self.around, scope, &known);
                Policy { alarms: Alarms::named(self.rng, &dimension, &configuration), configuration, ..known }
            }
            None => Policy {
                arn: format!(
                    "arn:aws:autoscaling:{}:{}:scalingPolicy:{}:resource/dynamodb/{}:policyName/{name}",
                    scope.region,
                    scope.account,
                    self.rng.uuid(),
                    dimension.resource
                ),
                created: scope.now,
                alarms: Alarms::named(self.rng, &dimension, &configuration),
                configuration,
            },
        };
        tracking::put(self.around, scope, &dimension, &policy);
        let answer = json!({ "PolicyARN": policy.arn, "Alarms": policy.alarms.view(scope) });
        let (_, target) = self.target()?;
        target.policies.insert(name.to_owned(), policy);
        Ok(answer)
    }

    pub(super) fn describe_policies(&mut self) -> Answer {
        let scope = self.scope;
        let names = texts(self.body, "PolicyNames");
        let resource: Vec<&str> = text(self.body, "ResourceId").into_iter().collect();
        let targets = self.listed(&resource)?;
        let entries = targets.into_iter().flat_map(|((resource, dimension), target)| {
            let names = &names;
            target
                .policies
                .iter()
                .filter(move |(name, _)| names.is_empty() || names.contains(&name.as_str()))
                .map(move |(name, policy)| {
                    let view = json!({
                        "PolicyARN": policy.arn,
                        "PolicyName": name,
                        "ServiceNamespace": "dynamodb",
                        "ResourceId": resource,
                        "ScalableDimension": dimension,
                        "PolicyType": TRACKING,
                        "TargetTrackingScalingPolicyConfiguration": policy.configuration,
                        "Alarms": policy.alarms.view(scope),
                        "CreationTime": timestamp(policy.created),
                    });
                    (page::joined(&[resource, dimension, name]), view)
                })
        });
        self.paged("ScalingPolicies", entries, MAX_PAGE)
    }

    pub(super) fn delete_policy(&mut self) -> Answer {
        let name = required(self.body, "PolicyName")?;
        let dimension = Dimension::read(self.body)?;
        let target = self.place.targets.get_mut(&dimension.key());
        let policy = target
            .and_then(|target| target.policies.remove(name))
            .ok_or_else(|| no_policy(&dimension, name))?;
        tracking::delete(self.around, self.scope, &policy);
        Ok(json!({}))
    }
}

fn no_policy(dimension: &Dimension, name: &str) -> ApiError {
    not_found(format!(
        "No scaling policy found for service namespace: dynamodb, resource ID: {}, scalable dimension: {}, policy \
         name: {name}",
        dimension.resource, dimension.name
    ))
}

/// AWS documents that step scaling does not support DynamoDB, and predictive scaling only Amazon ECS.
fn policy_type(given: Option<&str>, known: bool) -> Result<(), ApiError> {
    match given {
        Some(TRACKING) => Ok(()),
        None if known => Ok(()),
        None => Err(invalid("PolicyType is required for a new scaling policy")),
        Some(other) if TYPES.contains(&other) => Err(invalid(format!(
            "The policy type {other} is not supported for the service namespace dynamodb"
        ))),
        Some(other) => Err(invalid(format!(
            "1 validation error detected: Value '{other}' at 'policyType' failed to satisfy constraint: Member \
             must satisfy enum value set: [{}]",
            TYPES.join(", ")
        ))),
    }
}

/// The configuration of a request, checked.
fn configuration(given: &Value, dimension: &Dimension) -> Result<Value, ApiError> {
    let mut configuration = given.clone();
    let Some(members) = configuration.as_object_mut() else {
        return Err(invalid("TargetTrackingScalingPolicyConfiguration is required for this policy type"));
    };
    members.retain(|_, value| !value.is_null());
    let value = members
        .get("TargetValue")
        .and_then(Value::as_f64)
        .ok_or_else(|| invalid("TargetValue must not be null"))?;
    members.insert("TargetValue".to_owned(), json!(value));
    for cooldown in ["ScaleInCooldown", "ScaleOutCooldown"] {
        if members.get(cooldown).is_some_and(|seconds| seconds.as_u64().is_none()) {
            return Err(invalid(format!("{cooldown} must be at least 0")));
        }
    }
    tracking::check(&configuration, value, dimension)?;
    Ok(configuration)
}
