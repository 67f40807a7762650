//! What scalable targets do by themselves.
//!
//! AWS documents that a table which is deleted takes neither its scalable targets with it nor their policies,
//! scheduled actions and alarms: they act on the next table of its name.
//!
//! A scheduled action sets its target's range at its time, and the capacity follows into it. That a target with a
//! policy brings a capacity which somebody else set outside its range back into it is assumption A45: its alarms on the
//! provisioned capacity see that in three periods of five minutes, and no page says what they do.

use jiff::{SignedDuration, Timestamp};

use super::{Around, RegionState, Scaling, activities, dimension::Dimension, tracking};
use crate::{api::Scope, rng::Rng};

/// How long the alarms of a policy need to see a capacity that somebody else has set.
const REACTION_TIME: SignedDuration = SignedDuration::from_mins(15);

/// What keeps the range from being followed when a policy acts, and when a schedule does.
const BY_POLICY: &str = "DynamicScalingInSuspended";
const BY_SCHEDULE: &str = "ScheduledScalingSuspended";

impl Scaling {
    /// Lets everything that is due by now happen, in the order of its moments.
    pub(crate) fn settle(&mut self, now: Timestamp, around: &mut Around<'_>) {
        self.look(now, around);
        while let Some(at) = self.next_at().filter(|at| *at <= now) {
            for ((account, region), place) in &mut self.places {
                let scope = Scope {
                    account: account.clone(),
                    region: region.clone(),
                    caller: String::new(),
                    now: at,
                };
                place.act(&mut self.rng, around, &scope);
            }
            self.look(at, around);
        }
    }

    /// When something is next due.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        let targets = self.places.values().flat_map(|place| place.targets.values());
        targets
            .flat_map(|target| {
                let outside = target.outside.and_then(|since| since.checked_add(REACTION_TIME).ok());
                target.actions.values().filter_map(|action| action.next).chain(outside)
            })
            .min()
    }

    /// Sees which capacities are outside the ranges of targets whose policies watch them.
    pub(crate) fn look(&mut self, now: Timestamp, around: &mut Around<'_>) {
        for ((account, region), place) in &mut self.places {
            for ((resource, name), target) in &mut place.targets {
                let watched = !target.policies.is_empty() && target.suspended.get(BY_POLICY) != Some(&true);
                let capacity = watched
                    .then(|| Dimension::of(resource, name))
                    .flatten()
                    .and_then(|dimension| around.dynamo.capacity(account, region, dimension.parts(), now));
                let outside = capacity.is_some_and(|units| !(target.min..=target.max).contains(&units));
                target.outside = outside.then(|| target.outside.unwrap_or(now));
            }
        }
    }
}

impl RegionState {
    /// What is due at the moment of the scope happens.
    fn act(&mut self, rng: &mut Rng, around: &mut Around<'_>, scope: &Scope) {
        let mut moved = Vec::new();
        for ((resource, name), target) in &mut self.targets {
            let Some(dimension) = Dimension::of(resource, name) else { continue };
            if target.outside.is_some_and(|since| scope.now.duration_since(since) >= REACTION_TIME) {
                // Looked at again: it may be refused now, and is tried again as long as it is outside.
                target.outside = None;
                moved.push((dimension.clone(), "capacity".to_owned()));
            }
            let suspended = target.suspended.get(BY_SCHEDULE) == Some(&true);
            for (action_name, action) in &mut target.actions {
                if action.next.is_none_or(|next| next > scope.now) {
                    continue;
                }
                action.wind(scope.now);
                if suspended {
                    continue;
                }
                let end = |member: &str| action.range[member].as_u64();
                let (min, max) = (end("MinCapacity"), end("MaxCapacity"));
                target.min = min.unwrap_or(target.min);
                target.max = max.unwrap_or(target.max).max(target.min);
                moved.push((dimension.clone(), format!("scheduled action name {action_name} was triggered")));
            }
        }
        for (dimension, cause) in moved {
            bring_into_range(self, rng, around, scope, &dimension, &cause);
        }
    }
}

/// A capacity outside the range of its target is set to the nearer end, which is an activity; the alarms of the
/// target's policies follow.
pub(super) fn bring_into_range(
    place: &mut RegionState,
    rng: &mut Rng,
    around: &mut Around<'_>,
    scope: &Scope,
    dimension: &Dimension,
    why: &str,
) {
    let Some(target) = place.targets.get(&dimension.key()) else { return };
    let (min, max) = (target.min, target.max);
    // An on-demand table has no capacity to set, and one that is not there none; one that is not active keeps its own.
    let now = dimension.capacity(around.dynamo, scope);
    if now == 0 || (min..=max).contains(&now) || !dimension.is_active(around.dynamo, scope) {
        return;
    }
    let (wanted, which) = if now < min { (min, "minimum") } else { (max, "maximum") };
    let cause = match why {
        "capacity" => format!("{which} capacity was set to {wanted}"),
        why => why.to_owned(),
    };
    let Ok(throughput) = dimension.throughput(around.dynamo, scope) else { return };
    let request = dimension.update(&throughput, wanted);
    let refused = around.dynamo.handle(scope, "UpdateTable", &request).error;
    let activity = activities::change(rng, scope.now, dimension, wanted, &cause, refused.as_deref());
    place.activities.push(activity);
    if let Some(target) = place.targets.get(&dimension.key()) {
        for policy in target.policies.values() {
            tracking::put(around, scope, dimension, policy);
        }
    }
}
