//! What Application Auto Scaling returns of a table and its indexes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Json, is_default, redacted};

/// The scalable targets of a table and its indexes.
pub type Scaling = BTreeMap<Dimension, ScalingTarget>;

/// What is scaled: `read`, `write`, `read/<index>` or `write/<index>` in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dimension {
    /// Write capacity; otherwise read capacity.
    pub write: bool,
    /// The global index, or none for the table.
    pub index: Option<String>,
}

impl Dimension {
    /// In words: `read capacity of the table`.
    pub fn title(&self) -> String {
        let units = if self.write { "write" } else { "read" };
        match &self.index {
            None => format!("{units} capacity of the table"),
            Some(index) => format!("{units} capacity of index {index}"),
        }
    }
}

impl From<Dimension> for String {
    fn from(dimension: Dimension) -> String {
        let units = if dimension.write { "write" } else { "read" };
        dimension.index.map_or_else(|| units.to_owned(), |index| format!("{units}/{index}"))
    }
}

/// A text that names no scalable dimension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scalable dimension: read, write, read/<index> or write/<index>")]
pub struct InvalidDimension;

impl TryFrom<String> for Dimension {
    type Error = InvalidDimension;
    fn try_from(text: String) -> Result<Self, InvalidDimension> {
        let (units, index) = match text.split_once('/') {
            Some((units, index)) => (units, Some(index.to_owned())),
            None => (text.as_str(), None),
        };
        match units {
            "read" => Ok(Self { write: false, index }),
            "write" => Ok(Self { write: true, index }),
            _ => Err(InvalidDimension),
        }
    }
}

/// A scalable target with its policies and scheduled actions.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingTarget {
    /// The least capacity.
    pub min: u32,
    /// The greatest capacity.
    pub max: u32,
    /// The role that scales it; none stands for the service-linked role of DynamoDB.
    #[serde(default, skip_serializing_if = "is_default")]
    pub role: Option<String>,
    /// What is suspended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub suspended: BTreeSet<Suspended>,
    /// Scaling policies by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: BTreeMap<String, ScalingPolicy>,
    /// Scheduled actions by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scheduled: BTreeMap<String, ScheduledAction>,
}

/// A suspended kind of scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspended {
    /// In, by policies.
    ScaleIn,
    /// Out, by policies.
    ScaleOut,
    /// By schedule.
    Scheduled,
}

/// A scaling policy.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingPolicy {
    /// Its type; `TargetTrackingScaling`, the only one that DynamoDB takes, unless said.
    #[serde(default = "target_tracking", rename = "type", skip_serializing_if = "is_target_tracking")]
    pub kind: String,
    /// Its configuration, as PutScalingPolicy takes it for that type.
    pub configuration: Json,
}

fn target_tracking() -> String {
    "TargetTrackingScaling".to_owned()
}

fn is_target_tracking(kind: &str) -> bool {
    kind == "TargetTrackingScaling"
}

/// A scheduled action.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledAction {
    /// When, as AWS writes it: `cron(...)`, `rate(...)` or `at(...)`.
    pub schedule: String,
    /// The time zone of the schedule; UTC unless said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub time_zone: Option<String>,
    /// From when on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Option<jiff::Timestamp>,
    /// Until when.
    #[serde(default, skip_serializing_if = "is_default")]
    pub end: Option<jiff::Timestamp>,
    /// The least capacity that it sets.
    #[serde(default, skip_serializing_if = "is_default")]
    pub min: Option<u32>,
    /// The greatest capacity that it sets.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max: Option<u32>,
}

redacted!(Dimension, ScalingTarget, ScalingPolicy, ScheduledAction);
