//! What DynamoDB itself returns of a table.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Json, is_default, redacted};

/// The type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttributeType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

/// A key: attribute names in AWS's order. A global index may have several of each.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySchema {
    /// The partition key.
    pub hash: Vec<String>,
    /// The sort key; may be empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub range: Vec<String>,
}

/// A local secondary index.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalIndex {
    /// Its key, of which the partition key is the table's.
    pub keys: KeySchema,
    /// Which attributes it holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub projection: Projection,
}

/// A global secondary index.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalIndex {
    /// Its key.
    pub keys: KeySchema,
    /// Which attributes it holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub projection: Projection,
    /// Provisioned throughput; none on demand.
    #[serde(default, skip_serializing_if = "is_default")]
    pub throughput: Option<Throughput>,
    /// The bounds set on on-demand throughput.
    #[serde(default, rename = "max", skip_serializing_if = "is_default")]
    pub on_demand_max: MaxThroughput,
    /// Warm throughput, as AWS returns it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub warm: Option<Throughput>,
}

/// Which attributes an index holds.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Projection {
    /// All of them.
    #[default]
    All,
    /// Those of the keys.
    KeysOnly,
    /// Those of the keys and these.
    Include(BTreeSet<String>),
}

/// How a table is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillingMode {
    /// By request: on demand.
    #[default]
    PayPerRequest,
    /// By provisioned throughput. AWS leaves the mode out for a table that was never anything else.
    Provisioned,
}

/// Units per second, to read and to write: `[read, write]` in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Throughput {
    /// Read units per second.
    pub read: u64,
    /// Write units per second.
    pub write: u64,
}

impl From<(u64, u64)> for Throughput {
    fn from((read, write): (u64, u64)) -> Self {
        Self { read, write }
    }
}

impl From<Throughput> for (u64, u64) {
    fn from(units: Throughput) -> Self {
        (units.read, units.write)
    }
}

/// Bounds on on-demand throughput in units per second: `[read, write]` in JSON, null where there is none
/// (where AWS returns -1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Option<u64>, Option<u64>)", into = "(Option<u64>, Option<u64>)")]
pub struct MaxThroughput {
    /// Greatest read units per second.
    pub read: Option<u64>,
    /// Greatest write units per second.
    pub write: Option<u64>,
}

impl From<(Option<u64>, Option<u64>)> for MaxThroughput {
    fn from((read, write): (Option<u64>, Option<u64>)) -> Self {
        Self { read, write }
    }
}

impl From<MaxThroughput> for (Option<u64>, Option<u64>) {
    fn from(max: MaxThroughput) -> Self {
        (max.read, max.write)
    }
}

/// The storage class of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TableClass {
    /// Standard; what every restore gives.
    #[default]
    Standard,
    /// Standard, infrequent access.
    StandardInfrequentAccess,
}

/// Encryption at rest with a key in KMS.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// The type that AWS returns.
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    pub kind: EncryptionType,
    /// The ARN of the key, of AWS or of the customer; only DescribeKey returns which.
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: Option<String>,
}

/// The type of encryption at rest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EncryptionType {
    /// A key in KMS.
    #[default]
    Kms,
    /// A key that AWS owns, told by old tables.
    Aes256,
}

/// What the records of a stream show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamView {
    /// Only the keys.
    KeysOnly,
    /// The item after the change.
    NewImage,
    /// The item before the change.
    OldImage,
    /// Both.
    NewAndOldImages,
}

/// Time to live.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ttl {
    /// The attribute that holds the moment of expiry.
    pub attribute: String,
}

/// Point-in-time recovery.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pitr {
    /// How many days it reaches back, 1 to 35.
    #[serde(default = "Pitr::default_days", skip_serializing_if = "Pitr::is_default_days")]
    pub days: u32,
}

impl Pitr {
    /// What AWS takes when no period is given.
    const DEFAULT_DAYS: u32 = 35;

    fn default_days() -> u32 {
        Self::DEFAULT_DAYS
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn is_default_days(days: &u32) -> bool {
        *days == Self::DEFAULT_DAYS
    }
}

/// Resource policies, each as the JSON document that was put.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourcePolicies {
    /// The table's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub table: Option<Json>,
    /// The stream's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stream: Option<Json>,
}

/// How finely a Kinesis record tells when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Precision {
    /// To the millisecond; AWS's default.
    Millisecond,
    /// To the microsecond.
    Microsecond,
}

/// Contributor Insights where it is on.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insights {
    /// The table's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub table: Option<InsightsMode>,
    /// Those of global indexes by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub indexes: BTreeMap<String, InsightsMode>,
}

/// What Contributor Insights watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InsightsMode {
    /// Keys that are accessed, and keys that are throttled.
    AccessedAndThrottledKeys,
    /// Keys that are throttled.
    ThrottledKeys,
}

/// What makes a table a global table.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replicas {
    /// How the replicas agree.
    #[serde(default, skip_serializing_if = "is_default")]
    pub consistency: Consistency,
    /// Replicas by Region, each as DescribeTable gives it but for Region, states and dates.
    pub regions: BTreeMap<String, Json>,
    /// The Regions of witnesses.
    #[serde(default, skip_serializing_if = "is_default")]
    pub witnesses: BTreeSet<String>,
    /// The global table version, when AWS returns one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: Option<String>,
    /// How settings are replicated (`ENABLED`, `DISABLED`, ...), when AWS returns it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings_mode: Option<String>,
    /// Whether a replica refuses to leave the global table.
    #[serde(default, rename = "protected", skip_serializing_if = "is_default")]
    pub disassociation_protection: bool,
}

/// How the replicas of a global table agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Consistency {
    /// Eventually.
    #[default]
    Eventual,
    /// Strongly.
    Strong,
}

redacted!(
    KeySchema,
    LocalIndex,
    GlobalIndex,
    Projection,
    Throughput,
    MaxThroughput,
    Encryption,
    Ttl,
    Pitr,
    ResourcePolicies,
    Insights,
    Replicas,
);
