//! Application Auto Scaling: what scales the throughput of tables and their indexes.
//!
//! Nothing measures load here: a policy is kept and told, with the alarms that it owns, and does not follow the load.
//! What does act is the range of a scalable target: at its registration, when a scheduled action changes it, and on
//! whatever stands under its name: see [`acting`].

mod acting;
mod action;
mod activities;
mod dimension;
mod policies;
mod policy;
mod requests;
mod schedules;
mod tags;
mod target;
mod targets;
mod tracking;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::{
    dimension::{DYNAMODB, Dimension, Key, namespace},
    requests::{Answer, invalid, not_found},
    target::Target,
};
use crate::{
    api::{ApiError, Scope},
    cloudwatch::CloudWatch,
    dynamodb::Dynamo,
    page,
    rng::Rng,
    wire::{Service, text},
};

/// Application Auto Scaling of all accounts and Regions.
#[derive(Debug)]
pub(crate) struct Scaling {
    places: BTreeMap<(String, String), RegionState>,
    rng: Rng,
}

/// What one account has in one Region.
#[derive(Debug, Default)]
struct RegionState {
    targets: BTreeMap<Key, Target>,
    /// The latest last.
    activities: Vec<Value>,
}

/// What Application Auto Scaling finds around it.
pub(crate) struct Around<'a> {
    pub(crate) cloudwatch: &'a mut CloudWatch,
    pub(crate) dynamo: &'a mut Dynamo,
}

/// One request.
struct Call<'a, 'b> {
    scope: &'a Scope,
    body: &'a Value,
    place: &'a mut RegionState,
    rng: &'a mut Rng,
    around: &'a mut Around<'b>,
}

impl Scaling {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { places: BTreeMap::new(), rng }
    }

    /// Answers one operation.
    ///
    /// # Errors
    /// As Application Auto Scaling refuses.
    pub(crate) fn handle(
        &mut self,
        scope: &Scope,
        operation: &str,
        body: &Value,
        around: &mut Around<'_>,
    ) -> Answer {
        let place = self.places.entry((scope.account.clone(), scope.region.clone())).or_default();
        let mut call = Call { scope, body, place, rng: &mut self.rng, around };
        match operation {
            "RegisterScalableTarget" => call.register(),
            "DescribeScalableTargets" => call.describe_targets(),
            "DeregisterScalableTarget" => call.deregister(),
            "PutScalingPolicy" => call.put_policy(),
            "DescribeScalingPolicies" => call.describe_policies(),
            "DeleteScalingPolicy" => call.delete_policy(),
            "PutScheduledAction" => call.put_action(),
            "DescribeScheduledActions" => call.describe_actions(),
            "DeleteScheduledAction" => call.delete_action(),
            "DescribeScalingActivities" => call.describe_activities(),
            "TagResource" => call.tag(),
            "UntagResource" => call.untag(),
            "ListTagsForResource" => call.list_tags(),
            _ => Err(Service::Scaling.unknown_operation(operation)),
        }
    }
}

impl Call<'_, '_> {
    /// The scalable target that the request names.
    fn target(&mut self) -> Result<(Dimension, &mut Target), ApiError> {
        let dimension = Dimension::read(self.body)?;
        let missing = not_found(format!(
            "No scalable target registered for service namespace: dynamodb, resource ID: {}, scalable dimension: {}",
            dimension.resource, dimension.name
        ));
        let target = self.place.targets.get_mut(&dimension.key()).ok_or(missing)?;
        Ok((dimension, target))
    }

    /// Which of the place's targets a listing is about: those of its namespace, resource and dimension.
    fn listed(&self, resources: &[&str]) -> Result<Vec<(&Key, &Target)>, ApiError> {
        let namespace = namespace(self.body)?;
        let dimension = text(self.body, "ScalableDimension");
        if dimension.is_some() && resources.is_empty() {
            return Err(invalid("Resource ID must be specified when a scalable dimension is"));
        }
        Ok(self
            .place
            .targets
            .iter()
            .filter(|((resource, name), _)| {
                namespace == DYNAMODB
                    && (resources.is_empty() || resources.contains(&resource.as_str()))
                    && dimension.is_none_or(|dimension| name == dimension)
            })
            .collect())
    }

    /// One page of a listing, as the member of that name: `longest` entries at most, which is also the default.
    fn paged(
        &self,
        member: &str,
        entries: impl IntoIterator<Item = (String, Value)>,
        longest: u64,
    ) -> Answer {
        let size = match &self.body["MaxResults"] {
            Value::Null => longest,
            size => size
                .as_u64()
                .filter(|size| (1..=longest).contains(size))
                .ok_or_else(|| invalid(format!("MaxResults must be between 1 and {longest}")))?,
        };
        let refusal = || ApiError::client("InvalidNextTokenException", "The next token supplied was invalid");
        let after = page::after(text(self.body, "NextToken"), refusal)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (found, next) = page::page(entries, after.as_deref(), size);
        let mut answer = json!({ member: found });
        if let Some(next) = next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }
}
