//! What a dropped table leaves behind: auto scaling and alarms depend on its name, outlive it, and take hold of the
//! next table of that name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::TableName;
use crate::settings::{Dimension, Json, Part, Scaling, TableSettings, Unknown};

/// What surrounds a table by its name alone, whether or not there is the table.
#[derive(Clone, Default, PartialEq)]
pub struct NameBound {
    /// Auto scaling of the table and its indexes.
    pub scaling: Part<Scaling>,
    /// The alarms that watch the table or its indexes, but for those that auto scaling owns.
    pub alarms: Part<BTreeMap<String, Json>>,
}

impl fmt::Debug for NameBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Around(redacted)")
    }
}

/// Something that is registered under the name of a table.
#[derive(Clone, PartialEq, Eq)]
pub enum Leftover {
    /// A scalable target, with its policies and scheduled actions.
    ScalingTarget(Dimension),
    /// A scaling policy of a target, by its name.
    ScalingPolicy(Dimension, String),
    /// A scheduled action of a target, by its name.
    ScheduledAction(Dimension, String),
    /// An alarm by its name.
    Alarm(String),
}

/// What kind of thing it is.
impl fmt::Debug for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ScalingTarget(_) => "ScalingTarget",
            Self::ScalingPolicy(..) => "ScalingPolicy",
            Self::ScheduledAction(..) => "ScheduledAction",
            Self::Alarm(_) => "Alarm",
        })
    }
}

/// What becomes of a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftoverFate {
    /// It is as the restored table is to have it.
    Stays,
    /// The restored table is to have it otherwise.
    Replaced,
    /// The restored table is to have no such thing.
    Removed,
    /// It watches something else as well.
    Shared,
    /// What there was is not known.
    NotKnown,
}

/// A leftover as it is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverView {
    /// What it is.
    pub title: String,
    /// What becomes of it.
    pub becomes: String,
}

impl NameBound {
    /// What becomes of each, where the table of this name is to be as `wanted`.
    pub fn views(&self, wanted: &TableSettings, table: &TableName) -> Vec<LeftoverView> {
        let told = |(it, fate): (Leftover, LeftoverFate)| {
            let becomes = match fate {
                LeftoverFate::Stays => "it is as it was, and stays",
                LeftoverFate::Replaced => "brought to what it was",
                LeftoverFate::Removed => "removed, before it acts on the new table",
                LeftoverFate::Shared => "it watches more than this table, and stays",
                LeftoverFate::NotKnown => "what there was is not known: it stays, and acts on the new table",
            };
            LeftoverView { title: it.title(), becomes: becomes.to_owned() }
        };
        self.fates(wanted, table).into_iter().map(told).collect()
    }

    /// All that is there, and what becomes of each.
    pub(super) fn fates(&self, wanted: &TableSettings, table: &TableName) -> Vec<(Leftover, LeftoverFate)> {
        let mut fates = Vec::new();
        for (dimension, there) in self.scaling.known().into_iter().flatten() {
            let scaling = wanted.scaling.known();
            let of = scaling.and_then(|all| all.get(dimension));
            let fate = |is_same: bool, is_any: bool| match (scaling, is_same, is_any) {
                (None, ..) => LeftoverFate::NotKnown,
                (_, true, _) => LeftoverFate::Stays,
                (_, _, true) => LeftoverFate::Replaced,
                (_, _, false) => LeftoverFate::Removed,
            };
            let is_same = of.is_some_and(|of| {
                (of.min, of.max, &of.suspended) == (there.min, there.max, &there.suspended)
            });
            fates.push((Leftover::ScalingTarget(dimension.clone()), fate(is_same, of.is_some())));
            for (name, policy) in &there.policies {
                let of = of.and_then(|of| of.policies.get(name));
                let it = Leftover::ScalingPolicy(dimension.clone(), name.clone());
                fates.push((it, fate(of == Some(policy), of.is_some())));
            }
            for (name, action) in &there.scheduled {
                let of = of.and_then(|of| of.scheduled.get(name));
                let it = Leftover::ScheduledAction(dimension.clone(), name.clone());
                fates.push((it, fate(of == Some(action), of.is_some())));
            }
        }
        for (name, there) in self.alarms.known().into_iter().flatten() {
            let of = wanted.alarms.known().map(|all| all.get(name));
            let fate = match of {
                None => LeftoverFate::NotKnown,
                Some(Some(of)) if of == there => LeftoverFate::Stays,
                _ if watches_more(there, table) => LeftoverFate::Shared,
                Some(Some(_)) => LeftoverFate::Replaced,
                Some(None) => LeftoverFate::Removed,
            };
            fates.push((Leftover::Alarm(name.clone()), fate));
        }
        fates
    }

    /// What could not be looked at, and why.
    pub fn unreadable(&self) -> Vec<(&'static str, Unknown)> {
        let parts = [("auto scaling", self.scaling.reason()), ("alarms", self.alarms.reason())];
        parts.into_iter().filter_map(|(what, why)| Some((what, why?))).collect()
    }
}

/// Whether an alarm watches something else than a table and its indexes, too.
pub(super) fn watches_more(alarm: &Json, table: &TableName) -> bool {
    let names = |metric: &Value| {
        let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
        dimensions.into_iter().any(|it| it["Name"] == "TableName" && it["Value"] == table.as_str())
    };
    let alarm = &alarm.0;
    let is_of_one = alarm.get("MetricName").is_some();
    let metrics = alarm["Metrics"].as_array().into_iter().flatten();
    let mut metrics = metrics.filter_map(|query| query.get("MetricStat")?.get("Metric"));
    is_of_one && !names(alarm) || !metrics.all(names)
}

impl Leftover {
    /// What it is, with its name.
    pub fn title(&self) -> String {
        match self {
            Self::ScalingTarget(of) => format!("auto scaling of {}", of.title()),
            Self::ScalingPolicy(of, name) => format!("scaling policy {name:?} of {}", of.title()),
            Self::ScheduledAction(of, name) => format!("scheduled action {name:?} of {}", of.title()),
            Self::Alarm(name) => format!("alarm {name:?}"),
        }
    }
}
