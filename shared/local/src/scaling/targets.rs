//! Scalable targets: a capacity, and the range in which it may be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Action, Answer, Call, Policy, acting, invalid, tags, target::Dimension, texts, tracking};
use crate::{
    api::{ApiError, Scope},
    page,
    rng::hex,
    wire::timestamp,
};

const MAX_PAGE: u64 = 50;
const SUSPENSIONS: [&str; 3] =
    ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"];

/// A scalable target, with what goes when it is deregistered.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) min: u64,
    pub(super) max: u64,
    created: Timestamp,
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
    fn view(&self, scope: &Scope, resource: &str, dimension: &str) -> Value {
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

impl Call<'_, '_> {
    /// RegisterScalableTarget: makes a target, or changes what the request names of one. AWS documents that the
    /// current capacity is brought into the range.
    pub(super) fn register(&mut self) -> Answer {
        let (scope, body) = (self.scope, self.body);
        let dimension = Dimension::read(body)?;
        dimension.throughput(self.around.dynamo, scope)?;
        let (min, max) = (units(body, "MinCapacity")?, units(body, "MaxCapacity")?);
        let given_tags = tags::read(&body["Tags"])?;
        let known = self.place.targets.get(&dimension.key());
        let (Some(min), Some(max)) =
            (min.or_else(|| known.map(|target| target.min)), max.or_else(|| known.map(|target| target.max)))
        else {
            return Err(invalid(
                "Both minimum capacity and maximum capacity must be specified for a new scalable target",
            ));
        };
        if max < min {
            return Err(invalid("Maximum capacity cannot be less than minimum capacity"));
        }
        if known.is_some() && !given_tags.is_empty() {
            return Err(invalid("Tags can be specified for a new scalable target only"));
        }
        let rng = &mut *self.rng;
        let target = self.place.targets.entry(dimension.key()).or_insert_with(|| Target {
            // 36 characters: what AWS's own look like.
            arn: format!(
                "arn:aws:application-autoscaling:{}:{}:scalable-target/{}",
                scope.region,
                scope.account,
                hex(&rng.array::<18>())
            ),
            min,
            max,
            created: scope.now,
            outside: None,
            suspended: SUSPENSIONS.into_iter().map(|suspension| (suspension, false)).collect(),
            tags: given_tags,
            policies: BTreeMap::new(),
            actions: BTreeMap::new(),
        });
        (target.min, target.max) = (min, max);
        for (suspension, on) in &mut target.suspended {
            *on = body["SuspendedState"][*suspension].as_bool().unwrap_or(*on);
        }
        let arn = target.arn.clone();
        acting::bring_into_range(self.place, self.rng, self.around, scope, &dimension, "capacity");
        Ok(json!({ "ScalableTargetARN": arn }))
    }

    pub(super) fn describe_targets(&mut self) -> Answer {
        let scope = self.scope;
        let targets = self.listed(&texts(self.body, "ResourceIds"))?;
        let entries = targets.into_iter().map(|((resource, dimension), target)| {
            (page::joined(&[resource, dimension]), target.view(scope, resource, dimension))
        });
        self.paged("ScalableTargets", entries, MAX_PAGE)
    }

    /// DeregisterScalableTarget: AWS documents that its policies and scheduled actions go with it.
    pub(super) fn deregister(&mut self) -> Answer {
        let (dimension, _) = self.target()?;
        if let Some(target) = self.place.targets.remove(&dimension.key()) {
            for policy in target.policies.values() {
                tracking::delete(self.around, self.scope, policy);
            }
        }
        Ok(json!({}))
    }
}

/// A capacity of a request: tables and indexes have one unit at least.
pub(super) fn units(body: &Value, member: &str) -> Result<Option<u64>, ApiError> {
    match &body[member] {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .filter(|units| *units >= 1)
            .map(Some)
            .ok_or_else(|| invalid(format!("{member} must be at least 1"))),
    }
}
