//! How long a recovery point lives, and when it turns cold.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::wire::{answer, invalid_parameter};
use crate::api::ApiError;
use crate::wire::seconds;

pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Days from the creation date; `None` is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lifecycle {
    pub(super) cold_after: Option<i64>,
    pub(super) delete_after: Option<i64>,
}

impl Lifecycle {
    /// The `Lifecycle` of a request; −1 means never, as an absent value does.
    pub(super) fn parse(value: Option<&Value>) -> Result<Self, ApiError> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Self::default()) };
        if value.get("DeleteAfterEvent").is_some_and(|event| !event.is_null()) {
            return Err(invalid_parameter("DeleteAfterEvent is not valid as an input"));
        }
        let days = |name: &str| match value.get(name).and_then(Value::as_i64) {
            None | Some(-1) => Ok(None),
            Some(days) if (1..=36_500).contains(&days) => Ok(Some(days)),
            Some(days) => Err(invalid_parameter(format!("{name} must be 1 to 36500, is {days}"))),
        };
        let found =
            Self { cold_after: days("MoveToColdStorageAfterDays")?, delete_after: days("DeleteAfterDays")? };
        if found.cold_after.zip(found.delete_after).is_some_and(|(cold, delete)| delete < cold + 90) {
            return Err(invalid_parameter(
                "DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays",
            ));
        }
        Ok(found)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub(super) fn cold_at(self, created: Timestamp) -> Option<Timestamp> {
        self.cold_after.map(|days| later(created, days))
    }

    pub(super) fn delete_at(self, created: Timestamp) -> Option<Timestamp> {
        self.delete_after.map(|days| later(created, days))
    }

    pub(super) fn view(self) -> Option<Value> {
        let days = |days: i64| json!(days);
        (!self.is_empty()).then(|| {
            answer([
                ("MoveToColdStorageAfterDays", self.cold_after.map(days)),
                ("DeleteAfterDays", self.delete_after.map(days)),
            ])
        })
    }

    pub(super) fn calculated(self, created: Timestamp) -> Option<Value> {
        (!self.is_empty()).then(|| {
            answer([
                ("MoveToColdStorageAt", self.cold_at(created).map(seconds)),
                ("DeleteAt", self.delete_at(created).map(seconds)),
            ])
        })
    }
}

fn later(created: Timestamp, days: i64) -> Timestamp {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    created.saturating_add(DAY.saturating_mul(days)).unwrap_or(Timestamp::MAX)
}
