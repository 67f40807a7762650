//! What a restore is to do otherwise than the backup has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::settings::TableClass;

/// What is to be otherwise than it was, as the operator asks. Nothing, unless said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Choices {
    /// How the table is paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
    /// The table class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<TableClass>,
    /// The key that it is encrypted with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Key>,
    /// Whether it refuses to be deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_protection: Option<bool>,
    /// Point-in-time recovery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitr: Option<PitrChoice>,
    /// Indexes that are not restored. DynamoDB's own restore is then used instead of AWS Backup's.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub without_indexes: BTreeSet<String>,
    /// Tags that are added, or take another value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Tags that are left out.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub without_tags: BTreeSet<String>,
    /// Features that are switched on although they are not by themselves.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub with: BTreeSet<Feature>,
    /// Features that are left off although they would be switched on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<Feature>,
}

impl Choices {
    /// Whether a feature that the table had is put back. Under its own name everything is; under another one nothing
    /// that faces outward or that deletes, unless asked.
    pub fn puts_back(&self, feature: Feature, is_original: bool) -> bool {
        let by_itself = is_original || !feature.needs_opt_in();
        !self.without.contains(&feature) && (by_itself || self.with.contains(&feature))
    }
}

/// How the restored table is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Billing {
    /// By request.
    OnDemand,
    /// By provisioned throughput: the same for the table and each global index.
    Provisioned {
        /// Read units per second.
        read: u64,
        /// Write units per second.
        write: u64,
    },
}

/// The key that a restored table is encrypted with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// One that AWS owns.
    AwsOwned,
    /// `aws/dynamodb`, which AWS manages in the account.
    AwsManaged,
    /// A customer's, by its ARN; asked for by its id or alias too.
    Arn(String),
}

/// Point-in-time recovery as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PitrChoice {
    /// Off.
    Off,
    /// On, reaching back so many days.
    Days(u32),
}

/// What can be switched on or left off as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// The table's stream, with its resource policy: Lambda triggers and other consumers may find it.
    Stream,
    /// Kinesis destinations: changes flow into streams that others read.
    Kinesis,
    /// CloudWatch alarms: they page people.
    Alarms,
    /// Scheduled actions of auto scaling.
    ScheduledScaling,
    /// Auto scaling itself: targets and policies.
    AutoScaling,
    /// Resource policies of the table.
    ResourcePolicy,
    /// Contributor Insights.
    ContributorInsights,
    /// Warm throughput above what the restored table has: AWS bills it once, and it can never be lowered.
    WarmThroughput,
    /// Time to live: it starts deleting. Under the table's own name it is switched on once all else is verified; asked
    /// for, in any case.
    Ttl,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Stream,
        Self::Kinesis,
        Self::Alarms,
        Self::ScheduledScaling,
        Self::AutoScaling,
        Self::ResourcePolicy,
        Self::ContributorInsights,
        Self::WarmThroughput,
        Self::Ttl,
    ];

    /// Whether it reaches beyond the table, costs at once or deletes: under another name it stays off unless asked.
    pub fn needs_opt_in(self) -> bool {
        matches!(
            self,
            Self::Stream
                | Self::Kinesis
                | Self::Alarms
                | Self::ScheduledScaling
                | Self::WarmThroughput
                | Self::Ttl
        )
    }

    /// As operators write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Kinesis => "kinesis",
            Self::Alarms => "alarms",
            Self::ScheduledScaling => "scheduled-scaling",
            Self::AutoScaling => "auto-scaling",
            Self::ResourcePolicy => "resource-policy",
            Self::ContributorInsights => "contributor-insights",
            Self::WarmThroughput => "warm-throughput",
            Self::Ttl => "ttl",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no feature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no feature {0:?}: name one of {known}", known = Feature::ALL.map(Feature::as_str).join(", "))]
pub struct UnknownFeature(String);

impl FromStr for Feature {
    type Err = UnknownFeature;
    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        Self::ALL
            .into_iter()
            .find(|feature| feature.as_str() == text)
            .ok_or_else(|| UnknownFeature(text.to_owned()))
    }
}
