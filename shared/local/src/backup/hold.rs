//! A legal hold, and what it holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::place::AccountRegion;
use super::point::Point;
use super::wire::{answer, invalid_parameter};
use crate::api::ApiError;
use crate::lags::Lagging;
use crate::wire::seconds;

/// How long a hold is CREATING or CANCELING. AWS returns no time (assumption A39).
const SETTLES: SignedDuration = SignedDuration::from_secs(60);

/// A legal hold. What it covers is decided by what a point is, also for points that come later.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) created: Timestamp,
    pub(super) cancelled: Option<Cancelled>,
    pub(super) selection: Selection,
    pub(super) tags: Lagging<BTreeMap<String, String>>,
}

#[derive(Debug, Clone)]
pub(super) struct Cancelled {
    pub(super) at: Timestamp,
    pub(super) description: String,
    pub(super) retain_until: Option<Timestamp>,
}

/// What a hold covers: a criterion that is absent excludes nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) vaults: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) dates: Option<(Timestamp, Timestamp)>,
    /// Single points, as only a test chooses them.
    pub(super) points: BTreeSet<String>,
}

impl Selection {
    pub(super) fn parse(value: Option<&Value>) -> Result<Self, ApiError> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Self::default()) };
        let list = |name: &str| -> Vec<String> {
            let list = value.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let dates = match value.get("DateRange").filter(|range| !range.is_null()) {
            None => None,
            Some(range) => {
                let (from, to) = (parse_date(range, "FromDate")?, parse_date(range, "ToDate")?);
                if from > to {
                    return Err(invalid_parameter("FromDate must not be later than ToDate"));
                }
                Some((from, to))
            }
        };
        let (vaults, resources) = (list("VaultNames"), list("ResourceIdentifiers"));
        Ok(Self { vaults, resources, dates, points: BTreeSet::new() })
    }

    pub(super) fn view(&self) -> Value {
        answer([
            ("VaultNames", (!self.vaults.is_empty()).then(|| json!(self.vaults))),
            ("ResourceIdentifiers", (!self.resources.is_empty()).then(|| json!(self.resources))),
            (
                "DateRange",
                self.dates.map(|(from, to)| json!({"FromDate": seconds(from), "ToDate": seconds(to)})),
            ),
        ])
    }

    pub(super) fn takes(&self, point: &Point) -> bool {
        (self.vaults.is_empty() || self.vaults.contains(&point.vault))
            && (self.resources.is_empty() || self.resources.contains(&point.resource))
            && (self.points.is_empty() || self.points.contains(&point.arn))
            && self.dates.is_none_or(|(from, to)| (from..=to).contains(&point.created))
    }
}

impl Hold {
    /// Whether it keeps this point.
    pub(super) fn covers(&self, point: &Point) -> bool {
        self.cancelled.is_none() && self.selection.takes(point)
    }

    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match &self.cancelled {
            Some(cancelled) if now < cancelled.at + SETTLES => "CANCELING",
            Some(_) => "CANCELED",
            None if now < self.created + SETTLES => "CREATING",
            None => "ACTIVE",
        }
    }

    pub(super) fn recorded(&self, now: Timestamp) -> bool {
        let until = self.cancelled.as_ref().and_then(|cancelled| cancelled.retain_until);
        until.is_none_or(|until| now < until)
    }

    pub(super) fn view(&self, place: &AccountRegion, now: Timestamp) -> Value {
        let cancelled = self.cancelled.as_ref();
        answer([
            ("Title", Some(json!(self.title))),
            ("Status", Some(json!(self.status(now)))),
            ("Description", Some(json!(self.description))),
            ("LegalHoldId", Some(json!(self.id))),
            ("LegalHoldArn", Some(json!(place.hold_arn(&self.id)))),
            ("CreationDate", Some(seconds(self.created))),
            ("CancellationDate", cancelled.map(|cancelled| seconds(cancelled.at))),
        ])
    }

    pub(super) fn whole(&self, place: &AccountRegion, now: Timestamp) -> Value {
        let mut view = self.view(place, now);
        let cancelled = self.cancelled.as_ref();
        let more = answer([
            ("CancelDescription", cancelled.map(|cancelled| json!(cancelled.description))),
            ("RetainRecordUntil", cancelled.and_then(|cancelled| cancelled.retain_until).map(seconds)),
            ("RecoveryPointSelection", Some(self.selection.view())),
        ]);
        if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
            view.extend(more);
        }
        view
    }
}

/// A moment of a request: seconds since the epoch, or as text.
fn parse_date(range: &Value, name: &str) -> Result<Timestamp, ApiError> {
    let refused = || invalid_parameter(format!("{name} is no timestamp"));
    match range.get(name) {
        Some(Value::String(text)) => text.parse().map_err(|_| refused()),
        Some(Value::Number(seconds)) => {
            let millis = seconds.as_f64().map(|seconds| (seconds * 1000.0).round()).ok_or_else(refused)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float out of range saturates and is refused"
            )]
            Timestamp::from_millisecond(millis as i64).map_err(|_| refused())
        }
        _ => Err(ApiError::client("MissingParameterValueException", format!("{name} is required"))),
    }
}
