//! A scheduled action.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};

use crate::{events::schedule::Schedule, wire::timestamp};

/// An action that changes the range of its target when its time comes.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) schedule: String,
    /// When it is next due; never when it was due once, or its end is over.
    pub(super) next: Option<Timestamp>,
    pub(super) timezone: Option<String>,
    /// Seconds since the epoch.
    pub(super) start: Option<f64>,
    pub(super) end: Option<f64>,
    /// `ScalableTargetAction`.
    pub(super) range: Value,
}

impl Action {
    /// Finds when it is due next after a moment: within its start and end, by the clock of its time zone.
    pub(super) fn wind(&mut self, after: Timestamp) {
        let moment = |seconds: f64| Timestamp::from_duration(SignedDuration::from_secs_f64(seconds)).ok();
        let (start, end) = (self.start.and_then(moment), self.end.and_then(moment));
        let zone =
            self.timezone.as_deref().and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(TimeZone::UTC);
        let after = start.map_or(after, |start| after.max(start));
        let next = match inside(&self.schedule, "at") {
            Some(at) => {
                let at = at.parse::<DateTime>().ok().and_then(|at| at.to_zoned(zone).ok());
                at.map(|at| at.timestamp()).filter(|at| *at > after)
            }
            None => Schedule::read(&self.schedule).and_then(|schedule| schedule.next_in(after, zone)),
        };
        self.next = next.filter(|next| end.is_none_or(|end| *next <= end));
    }

    pub(super) fn view(&self, name: &str, resource: &str, dimension: &str) -> Value {
        let mut view = json!({
            "ScheduledActionName": name,
            "ScheduledActionARN": self.arn,
            "ServiceNamespace": "dynamodb",
            "Schedule": self.schedule,
            "ResourceId": resource,
            "ScalableDimension": dimension,
            "ScalableTargetAction": self.range,
            "CreationTime": timestamp(self.created),
        });
        if let Some(timezone) = &self.timezone {
            view["Timezone"] = json!(timezone);
        }
        for (member, at) in [("StartTime", self.start), ("EndTime", self.end)] {
            if let Some(at) = at {
                view[member] = json!(at);
            }
        }
        view
    }
}

/// What stands between the brackets of a schedule of this kind.
pub(super) fn inside<'a>(schedule: &'a str, kind: &str) -> Option<&'a str> {
    schedule.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')')
}
