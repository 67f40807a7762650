//! Scalable targets: a capacity, and the range in which it may be.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Call, acting,
    dimension::Dimension,
    requests::{Answer, invalid, texts, units},
    tags,
    target::Target,
    tracking,
};
use crate::{page, rng::hex};

const MAX_PAGE: u64 = 50;
const SUSPENSIONS: [&str; 3] =
    ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"];

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
