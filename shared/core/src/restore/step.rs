//! One change to the restored table.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::facet::{Facet, reaches};
use super::{Target, by_hand};
use crate::plan::hex;
use crate::settings::{
    BillingMode, Dimension, InsightsMode, Json, MaxThroughput, Pitr, Precision, ScalingPolicy, ScalingTarget,
    ScheduledAction, StreamView, TableClass, TableSettings, Throughput,
};

/// One change to the restored table, or to what surrounds it. Repeated, it changes nothing.
///
/// It holds captured settings, so its `Debug` shows its key alone, and it is never recorded.
#[derive(Clone, PartialEq)]
pub enum Step {
    /// The table refuses to be deleted.
    DeletionProtection,
    /// Point-in-time recovery is on.
    Pitr(Pitr),
    /// The table class.
    Class(TableClass),
    /// Billing mode and provisioned throughput of the table and its global indexes.
    Capacity {
        /// How the table is paid for.
        billing: BillingMode,
        /// Of the table; none on demand.
        table: Option<Throughput>,
        /// Of global indexes by name; empty on demand.
        indexes: BTreeMap<String, Throughput>,
    },
    /// Bounds on on-demand throughput of the table and its global indexes.
    OnDemandMax {
        /// Of the table.
        table: MaxThroughput,
        /// Of global indexes by name; those without bounds are left out.
        indexes: BTreeMap<String, MaxThroughput>,
    },
    /// Warm throughput of the table and its global indexes, where it is above what the table has.
    Warm {
        /// Of the table.
        table: Option<Throughput>,
        /// Of global indexes by name.
        indexes: BTreeMap<String, Throughput>,
    },
    /// The table's own tags.
    Tags(BTreeMap<String, String>),
    /// The table's resource policy, as it is for the new table.
    TablePolicy(Json),
    /// A scalable target, without its policies and scheduled actions.
    ScalingTarget(Dimension, ScalingTarget),
    /// A scaling policy of a target, by its name.
    ScalingPolicy(Dimension, String, ScalingPolicy),
    /// A scheduled action of a target, by its name.
    ScheduledAction(Dimension, String, ScheduledAction),
    /// Contributor Insights of the table (`None`) or one of its global indexes.
    Insights(Option<String>, InsightsMode),
    /// A CloudWatch alarm by its name, as PutMetricAlarm takes it but for the name, as it is for the new table.
    Alarm(String, Json),
    /// The stream.
    Stream(StreamView),
    /// The stream's resource policy, as it was: the new stream's ARN is known only once there is one.
    StreamPolicy(Json),
    /// A Kinesis stream that takes the table's changes, by its ARN.
    Kinesis(String, Precision),
    /// Time to live on this attribute.
    Ttl(String),
}

/// Its key alone.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

impl Step {
    /// What it is recorded under: what kind of step, and for what, without telling a name.
    pub fn key(&self) -> String {
        let dimension = |of: &Dimension| String::from(of.clone());
        let (kind, names) = match self {
            Self::DeletionProtection => ("deletion-protection", vec![]),
            Self::Pitr(_) => ("pitr", vec![]),
            Self::Class(_) => ("class", vec![]),
            Self::Capacity { .. } => ("capacity", vec![]),
            Self::OnDemandMax { .. } => ("on-demand-max", vec![]),
            Self::Warm { .. } => ("warm", vec![]),
            Self::Tags(_) => ("tags", vec![]),
            Self::TablePolicy(_) => ("table-policy", vec![]),
            Self::ScalingTarget(of, _) => ("scaling-target", vec![dimension(of)]),
            Self::ScalingPolicy(of, name, _) => ("scaling-policy", vec![dimension(of), name.clone()]),
            Self::ScheduledAction(of, name, _) => ("scheduled-action", vec![dimension(of), name.clone()]),
            Self::Insights(index, _) => ("insights", index.iter().cloned().collect()),
            Self::Alarm(name, _) => ("alarm", vec![name.clone()]),
            Self::Stream(_) => ("stream", vec![]),
            Self::StreamPolicy(_) => ("stream-policy", vec![]),
            Self::Kinesis(stream, _) => ("kinesis", vec![stream.clone()]),
            Self::Ttl(_) => ("ttl", vec![]),
        };
        if names.is_empty() {
            return kind.to_owned();
        }
        let digest = hex(&Sha256::digest(names.join("\0")));
        format!("{kind}#{}", &digest[..12])
    }

    /// What it does, in words for whoever may see the settings: names, but no values.
    pub fn title(&self) -> String {
        let of =
            |index: Option<&String>| index.map_or("the table".to_owned(), |name| format!("index {name}"));
        let capacity = |dimension: &Dimension| {
            let units = if dimension.write { "write" } else { "read" };
            format!("{units} capacity of {}", of(dimension.index.as_ref()))
        };
        match self {
            Self::Capacity { .. } => "billing mode and throughput".to_owned(),
            Self::StreamPolicy(_) => "resource policy of the stream".to_owned(),
            Self::ScalingTarget(dimension, _) => format!("auto scaling of {}", capacity(dimension)),
            Self::ScalingPolicy(dimension, name, _) => {
                format!("scaling policy {name:?} of {}", capacity(dimension))
            }
            Self::ScheduledAction(dimension, name, _) => {
                format!("scheduled action {name:?} of {}", capacity(dimension))
            }
            Self::Insights(index, _) => format!("Contributor Insights of {}", of(index.as_ref())),
            Self::Alarm(name, _) => format!("alarm {name:?}"),
            Self::Kinesis(stream, _) => format!("Kinesis destination {stream}"),
            Self::Ttl(attribute) => format!("time to live on {attribute}"),
            Self::DeletionProtection
            | Self::Pitr(_)
            | Self::Class(_)
            | Self::OnDemandMax { .. }
            | Self::Warm { .. }
            | Self::Tags(_)
            | Self::TablePolicy(_)
            | Self::Stream(_) => self.property().to_owned(),
        }
    }

    /// Whether a table that DescribeTable tells to be so is already as the step makes it; false for what DescribeTable
    /// does not tell, unless the settings tell it.
    pub fn is_met(&self, now: &TableSettings) -> bool {
        let index = |name: &String| now.global_indexes.get(name);
        match self {
            Self::DeletionProtection => now.deletion_protection,
            Self::Pitr(pitr) => now.pitr.known() == Some(&Some(*pitr)),
            Self::Class(class) => now.class == *class,
            Self::Capacity { billing, table, indexes } => {
                let is_met = |(name, units)| index(name).is_some_and(|now| now.throughput == Some(units));
                now.billing == *billing
                    && now.throughput == *table
                    && indexes.iter().map(|(name, units)| (name, *units)).all(is_met)
            }
            Self::OnDemandMax { table, indexes } => {
                let is_met = |(name, max)| index(name).is_some_and(|now| now.on_demand_max == max);
                now.on_demand_max == *table && indexes.iter().map(|(name, max)| (name, *max)).all(is_met)
            }
            Self::Warm { table, indexes } => {
                let is_met = |(name, units)| index(name).is_some_and(|now| reaches(Some(units), now.warm));
                reaches(*table, now.warm) && indexes.iter().map(|(name, units)| (name, *units)).all(is_met)
            }
            Self::Tags(tags) => {
                let has = |now: &BTreeMap<_, _>| tags.iter().all(|(key, value)| now.get(key) == Some(value));
                now.tags.known().is_some_and(has)
            }
            Self::Stream(view) => now.stream == Some(*view),
            Self::Ttl(attribute) => {
                now.ttl.known().and_then(Option::as_ref).is_some_and(|ttl| ttl.attribute == *attribute)
            }
            Self::TablePolicy(_)
            | Self::ScalingTarget(..)
            | Self::ScalingPolicy(..)
            | Self::ScheduledAction(..)
            | Self::Insights(..)
            | Self::Alarm(..)
            | Self::StreamPolicy(_)
            | Self::Kinesis(..) => false,
        }
    }

    /// The property that it is part of, as [`compare`](super::compare) names it.
    pub fn property(&self) -> &'static str {
        self.facets()[0].name()
    }

    /// The properties that it brings back, its own first.
    pub(super) fn facets(&self) -> &'static [Facet] {
        match self {
            Self::DeletionProtection => &[Facet::DeletionProtection],
            Self::Pitr(_) => &[Facet::Pitr],
            Self::Class(_) => &[Facet::Class],
            Self::Capacity { .. } => &[Facet::Throughput, Facet::Billing],
            Self::OnDemandMax { .. } => &[Facet::OnDemandMax],
            Self::Warm { .. } => &[Facet::Warm],
            Self::Tags(_) => &[Facet::Tags],
            Self::TablePolicy(_) => &[Facet::TablePolicy],
            Self::ScalingTarget(..) | Self::ScalingPolicy(..) | Self::ScheduledAction(..) => {
                &[Facet::Scaling]
            }
            Self::Insights(..) => &[Facet::Insights],
            Self::Alarm(..) => &[Facet::Alarms],
            Self::Stream(_) => &[Facet::Stream],
            Self::StreamPolicy(_) => &[Facet::StreamPolicy],
            Self::Kinesis(..) => &[Facet::Kinesis],
            Self::Ttl(_) => &[Facet::Ttl],
        }
    }

    /// The commands of the AWS CLI that do the same by hand.
    pub fn commands(&self, target: &Target) -> Vec<String> {
        vec![by_hand::command(self, target)]
    }
}
