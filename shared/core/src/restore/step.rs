//! One change to the restored table.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::Leftover;
use super::facet::{Facet, is_at_least};
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
    /// What a dropped table has left is removed: it is not to be, or to be otherwise.
    Remove(Leftover),
    /// The table class.
    Class(TableClass),
    /// A vector index by its name, as DescribeTable gives it. A restore brings it back: it is made only where it is
    /// not.
    VectorIndex(String, Json),
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
        let names = match self {
            Self::ScalingTarget(of, _) | Self::Remove(Leftover::ScalingTarget(of)) => vec![dimension(of)],
            Self::ScalingPolicy(of, name, _)
            | Self::ScheduledAction(of, name, _)
            | Self::Remove(Leftover::ScalingPolicy(of, name) | Leftover::ScheduledAction(of, name)) => {
                vec![dimension(of), name.clone()]
            }
            Self::Insights(index, _) => index.iter().cloned().collect(),
            Self::Alarm(name, _)
            | Self::Kinesis(name, _)
            | Self::VectorIndex(name, _)
            | Self::Remove(Leftover::Alarm(name)) => {
                vec![name.clone()]
            }
            _ => vec![],
        };
        let kind = self.kind();
        if names.is_empty() {
            return kind.to_owned();
        }
        let digest = hex(&Sha256::digest(names.join("\0")));
        format!("{kind}#{}", &digest[..12])
    }

    /// What kind of step it is: what its key begins with.
    fn kind(&self) -> &'static str {
        match self {
            Self::DeletionProtection => "deletion-protection",
            Self::Pitr(_) => "pitr",
            Self::Remove(Leftover::ScalingTarget(_)) => "remove-scaling-target",
            Self::Remove(Leftover::ScalingPolicy(..)) => "remove-scaling-policy",
            Self::Remove(Leftover::ScheduledAction(..)) => "remove-scheduled-action",
            Self::Remove(Leftover::Alarm(_)) => "remove-alarm",
            Self::Class(_) => "class",
            Self::VectorIndex(..) => "vector-index",
            Self::Capacity { .. } => "capacity",
            Self::OnDemandMax { .. } => "on-demand-max",
            Self::Warm { .. } => "warm",
            Self::Tags(_) => "tags",
            Self::TablePolicy(_) => "table-policy",
            Self::ScalingTarget(..) => "scaling-target",
            Self::ScalingPolicy(..) => "scaling-policy",
            Self::ScheduledAction(..) => "scheduled-action",
            Self::Insights(..) => "insights",
            Self::Alarm(..) => "alarm",
            Self::Stream(_) => "stream",
            Self::StreamPolicy(_) => "stream-policy",
            Self::Kinesis(..) => "kinesis",
            Self::Ttl(_) => "ttl",
        }
    }

    /// Whether it is time to live, which waits for the verification: it starts deleting.
    pub fn is_ttl(&self) -> bool {
        matches!(self, Self::Ttl(_))
    }

    /// Whether it is a resource policy, which comes last of all: it may shut out whoever continues after it.
    pub fn is_policy(&self) -> bool {
        matches!(self, Self::TablePolicy(_) | Self::StreamPolicy(_))
    }

    /// Whether the right to take it [depends on the restore's tag](needs_restore_tag) on the table.
    pub fn needs_restore_tag(&self) -> bool {
        needs_restore_tag(self.kind())
    }

    /// What it does, in words for whoever may see the settings: names, but no values.
    pub fn title(&self) -> String {
        let of =
            |index: Option<&String>| index.map_or("the table".to_owned(), |name| format!("index {name}"));
        match self {
            Self::Remove(leftover) => format!("without the {} that was left behind", leftover.title()),
            Self::VectorIndex(name, _) => format!("vector index {name}"),
            Self::Capacity { .. } => "billing mode and throughput".to_owned(),
            Self::StreamPolicy(_) => "resource policy of the stream".to_owned(),
            Self::ScalingTarget(dimension, _) => Leftover::ScalingTarget(dimension.clone()).title(),
            Self::ScalingPolicy(dimension, name, _) => {
                Leftover::ScalingPolicy(dimension.clone(), name.clone()).title()
            }
            Self::ScheduledAction(dimension, name, _) => {
                Leftover::ScheduledAction(dimension.clone(), name.clone()).title()
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

    /// Whether a table that DescribeTable returns to be so is already as the step makes it; false for what
    /// DescribeTable does not tell, unless the settings tell it.
    pub fn is_done(&self, now: &TableSettings) -> bool {
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
                let is_met =
                    |(name, units)| index(name).is_some_and(|now| is_at_least(Some(units), now.warm));
                is_at_least(*table, now.warm)
                    && indexes.iter().map(|(name, units)| (name, *units)).all(is_met)
            }
            Self::Tags(tags) => {
                let has = |now: &BTreeMap<_, _>| tags.iter().all(|(key, value)| now.get(key) == Some(value));
                now.tags.known().is_some_and(has)
            }
            Self::VectorIndex(name, index) => now.vector_indexes.get(name) == Some(index),
            Self::Stream(view) => now.stream == Some(*view),
            Self::Ttl(attribute) => {
                now.ttl.known().and_then(Option::as_ref).is_some_and(|ttl| ttl.attribute == *attribute)
            }
            Self::TablePolicy(_)
            | Self::Remove(_)
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
        self.facets().first().map_or("table", |facet| facet.name())
    }

    /// The properties that it brings back, its own first.
    pub(super) fn facets(&self) -> &'static [Facet] {
        facets(self.kind())
    }
}

/// The properties that the steps of a kind bring back, their own first. A record knows its step by the key alone, which
/// begins with the kind.
pub(super) fn facets(key: &str) -> &'static [Facet] {
    match key.split('#').next().unwrap_or(key) {
        "deletion-protection" => &[Facet::DeletionProtection],
        "pitr" => &[Facet::Pitr],
        "class" => &[Facet::Class],
        "vector-index" => &[Facet::VectorIndexes],
        "capacity" => &[Facet::Throughput, Facet::Billing],
        "on-demand-max" => &[Facet::OnDemandMax],
        "warm" => &[Facet::Warm],
        "tags" => &[Facet::Tags],
        "table-policy" => &[Facet::TablePolicy],
        "scaling-target"
        | "scaling-policy"
        | "scheduled-action"
        | "remove-scaling-target"
        | "remove-scaling-policy"
        | "remove-scheduled-action" => &[Facet::Scaling],
        "insights" => &[Facet::Insights],
        "alarm" | "remove-alarm" => &[Facet::Alarms],
        "stream" => &[Facet::Stream],
        "stream-policy" => &[Facet::StreamPolicy],
        "kinesis" => &[Facet::Kinesis],
        "ttl" => &[Facet::Ttl],
        _ => &[],
    }
}

/// Whether the right to take the step of this key depends on the restore's tag on the table: what only surrounds the
/// table has no tags of it, and a stream has tags of its own.
pub fn needs_restore_tag(key: &str) -> bool {
    match key.split('#').next().unwrap_or(key) {
        "scaling-target" | "scaling-policy" | "scheduled-action" | "alarm" | "stream-policy" => false,
        kind => !kind.starts_with("remove-"),
    }
}
