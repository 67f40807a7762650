//! Scheduled actions.

use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    Call,
    action::{Action, inside},
    dimension::Dimension,
    requests::{Answer, invalid, not_found, required, texts, units},
};
use crate::{api::ApiError, events::schedule::Schedule, page, wire::text};

const MAX_PAGE: u64 = 50;

impl Call<'_, '_> {
    /// PutScheduledAction: makes an action, or changes what the request names of one. AWS documents that start
    /// and end go when they are not named.
    pub(super) fn put_action(&mut self) -> Answer {
        let (scope, body) = (self.scope, self.body);
        let name = required(body, "ScheduledActionName")?;
        if name.chars().count() > 256
            || name.starts_with(' ')
            || name.ends_with(' ')
            || name.chars().any(|c| c.is_control() || ":/|".contains(c))
        {
            return Err(invalid(
                "ScheduledActionName has 1 to 256 characters, no space at its ends and none of : / |",
            ));
        }
        let schedule = text(body, "Schedule");
        if let Some(schedule) = schedule.filter(|schedule| !is_schedule(schedule)) {
            return Err(invalid(format!("Schedule is not valid: {schedule}")));
        }
        let timezone = text(body, "Timezone");
        if let Some(zone) = timezone.filter(|zone| TimeZone::get(zone).is_err()) {
            return Err(invalid(format!("Timezone is not valid: {zone}")));
        }
        let range = range(&body["ScalableTargetAction"])?;
        let (start, end) = (body["StartTime"].as_f64(), body["EndTime"].as_f64());
        if let (Some(start), Some(end)) = (start, end)
            && end <= start
        {
            return Err(invalid("The end time must be after the start time"));
        }
        let (dimension, _) = self.target()?;
        let id = self.rng.uuid();
        let (_, target) = self.target()?;
        if let Some(action) = target.actions.get_mut(name) {
            if let Some(schedule) = schedule {
                schedule.clone_into(&mut action.schedule);
            }
            if let Some(timezone) = timezone {
                action.timezone = Some(timezone.to_owned());
            }
            action.range = range.unwrap_or_else(|| action.range.clone());
            (action.start, action.end) = (start, end);
            action.wind(scope.now);
            return Ok(json!({}));
        }
        let (Some(schedule), Some(range)) = (schedule, range) else {
            return Err(invalid("Schedule and ScalableTargetAction are required for a new scheduled action"));
        };
        let mut action = Action {
            arn: format!(
                "arn:aws:autoscaling:{}:{}:scheduledAction:{id}:resource/dynamodb/{}:scheduledActionName/{name}",
                scope.region, scope.account, dimension.resource
            ),
            created: scope.now,
            schedule: schedule.to_owned(),
            next: None,
            timezone: timezone.map(str::to_owned),
            start,
            end,
            range,
        };
        action.wind(scope.now);
        target.actions.insert(name.to_owned(), action);
        Ok(json!({}))
    }

    pub(super) fn describe_actions(&mut self) -> Answer {
        let names = texts(self.body, "ScheduledActionNames");
        let resource: Vec<&str> = text(self.body, "ResourceId").into_iter().collect();
        let targets = self.listed(&resource)?;
        let entries = targets.into_iter().flat_map(|((resource, dimension), target)| {
            let names = &names;
            target
                .actions
                .iter()
                .filter(move |(name, _)| names.is_empty() || names.contains(&name.as_str()))
                .map(move |(name, action)| {
                    (page::joined(&[resource, dimension, name]), action.view(name, resource, dimension))
                })
        });
        self.paged("ScheduledActions", entries, MAX_PAGE)
    }

    pub(super) fn delete_action(&mut self) -> Answer {
        let name = required(self.body, "ScheduledActionName")?;
        let dimension = Dimension::read(self.body)?;
        let target = self.place.targets.get_mut(&dimension.key());
        match target.and_then(|target| target.actions.remove(name)) {
            Some(_) => Ok(json!({})),
            None => Err(not_found(format!(
                "No scheduled action found for service namespace: dynamodb, resource ID: {}, scalable dimension: \
                 {}, scheduled action name: {name}",
                dimension.resource, dimension.name
            ))),
        }
    }
}

/// The `ScalableTargetAction` of a request, when it has one: one end of the range at least.
fn range(given: &Value) -> Result<Option<Value>, ApiError> {
    if given.is_null() {
        return Ok(None);
    }
    let mut range = json!({});
    for member in ["MinCapacity", "MaxCapacity"] {
        if let Some(units) = units(given, member)? {
            range[member] = json!(units);
        }
    }
    match (range["MinCapacity"].as_u64(), range["MaxCapacity"].as_u64()) {
        (None, None) => Err(invalid("Either minimum capacity or maximum capacity must be specified")),
        (Some(min), Some(max)) if max < min => {
            Err(invalid("Maximum capacity cannot be less than minimum capacity"))
        }
        _ => Ok(Some(range)),
    }
}

/// `at(yyyy-mm-ddThh:mm:ss)`, `rate(value unit)` or `cron(six fields)`.
fn is_schedule(schedule: &str) -> bool {
    match inside(schedule, "at") {
        Some(at) => at.parse::<DateTime>().is_ok(),
        None => Schedule::read(schedule).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_have_three_forms() {
        for schedule in ["at(2026-03-31T22:00:00)", "rate(5 minutes)", "cron(0 8 ? * MON-FRI *)"] {
            assert!(is_schedule(schedule), "{schedule}");
        }
        for schedule in ["at(tomorrow)", "rate(0 days)", "rate(5 weeks)", "cron(0 8 * * *)", "0 8 * * ? *"] {
            assert!(!is_schedule(schedule), "{schedule}");
        }
    }
}
