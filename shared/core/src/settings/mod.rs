//! The captured configuration of a table: what AWS Backup does not bring back, as plain data.
//!
//! [`TableSettings`] models what DynamoDB, Application Auto Scaling and CloudWatch return of one table, without
//! what a restore cannot use: sizes, counts, dates, states and ARNs that follow from the table's own. Documents
//! that AWS leaves free in form are kept as [`Json`].
//!
//! **Unknown is not absent.** Everything that takes a call of its own is a [`Part`]: known, or unknown with the
//! reason. [`TableSettings::default`] knows nothing of them.
//!
//! **Nothing here can be printed by accident.** No type that holds a captured value shows it in `Debug`, and no
//! error quotes one.

mod json;
mod part;
mod scaling;
mod table;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use json::Json;
pub use part::{Part, Unknown};
pub use scaling::{Dimension, Scaling, ScalingPolicy, ScalingTarget, ScheduledAction, Suspended};
pub use table::{
    AttributeType, BillingMode, Consistency, Encryption, EncryptionType, GlobalIndex, Insights, InsightsMode,
    KeySchema, LocalIndex, MaxThroughput, Pitr, Precision, Projection, Replicas, ResourcePolicies,
    StreamView, TableClass, Throughput, Ttl,
};

use crate::metadata::{MetadataError, pack};

/// Hides what a settings type holds: `Debug` gives its name alone.
macro_rules! redacted {
    ($($type:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($type), "(redacted)"))
            }
        }
    )+};
}
use redacted;

/// Whether a value is the one that the normal form leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The complete captured configuration of one table.
///
/// Its JSON is the **normal form**: fields in this order, maps and free documents sorted by key, every default
/// left out. Equal settings have equal bytes, so their digest tells whether anything changed.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSettings {
    /// The attributes that keys are made of, by name.
    pub attributes: BTreeMap<String, AttributeType>,
    /// The primary key.
    pub keys: KeySchema,
    /// Local secondary indexes by name.
    #[serde(default, rename = "local", skip_serializing_if = "is_default")]
    pub local_indexes: BTreeMap<String, LocalIndex>,
    /// Global secondary indexes by name.
    #[serde(default, rename = "global", skip_serializing_if = "is_default")]
    pub global_indexes: BTreeMap<String, GlobalIndex>,
    /// Vector indexes by name, each as DescribeTable gives it but for its name, state, size, counts and ARN.
    #[serde(default, rename = "vector", skip_serializing_if = "is_default")]
    pub vector_indexes: BTreeMap<String, Json>,
    /// How it is paid for; on demand unless said.
    #[serde(default, skip_serializing_if = "is_default")]
    pub billing: BillingMode,
    /// Provisioned throughput; none on demand (where AWS returns 0 and 0).
    #[serde(default, skip_serializing_if = "is_default")]
    pub throughput: Option<Throughput>,
    /// The bounds set on on-demand throughput.
    #[serde(default, rename = "max", skip_serializing_if = "is_default")]
    pub on_demand_max: MaxThroughput,
    /// Warm throughput, as AWS returns it; it can never be lowered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub warm: Option<Throughput>,
    /// The table class.
    #[serde(default, skip_serializing_if = "is_default")]
    pub class: TableClass,
    /// Encryption at rest; none stands for the key that AWS owns.
    #[serde(default, rename = "sse", skip_serializing_if = "is_default")]
    pub encryption: Option<Encryption>,
    /// What the stream shows; none when there is no stream.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stream: Option<StreamView>,
    /// Whether the table refuses to be deleted.
    #[serde(default, rename = "protected", skip_serializing_if = "is_default")]
    pub deletion_protection: bool,
    /// Replicas, witnesses and consistency of a global table; none when it is no global table.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replicas: Option<Replicas>,
    /// Time to live; `Known(None)` when it is off.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub ttl: Part<Option<Ttl>>,
    /// Point-in-time recovery; `Known(None)` when it is off.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub pitr: Part<Option<Pitr>>,
    /// The table's own tags, without those of AWS (`aws:`) and ours (`backup-chain/`).
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub tags: Part<BTreeMap<String, String>>,
    /// Resource policies of the table and of its stream.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub policies: Part<ResourcePolicies>,
    /// Kinesis streams that take the table's changes, by ARN.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub kinesis: Part<BTreeMap<String, Precision>>,
    /// Contributor Insights of the table and its indexes.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub insights: Part<Insights>,
    /// Auto scaling of the table and its indexes.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub scaling: Part<Scaling>,
    /// CloudWatch alarms on the table and its indexes by name, each as PutMetricAlarm takes it but for the
    /// name; without those that auto scaling owns.
    #[serde(default = "Part::none", skip_serializing_if = "Part::is_none")]
    pub alarms: Part<BTreeMap<String, Json>>,
}

impl fmt::Debug for TableSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableSettings(sha256:{})", self.digest())
    }
}

impl TableSettings {
    /// The normal form: compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("settings hold string keys and finite numbers only")
    }

    /// Reads the normal form. Version 1 is closed: a field that it does not name is refused. It does not name its
    /// version; newer ones do, in `v`.
    ///
    /// # Errors
    /// When the bytes are no settings of this version. The error tells where, never what.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MetadataError> {
        #[derive(Deserialize)]
        struct Version {
            v: Option<u64>,
        }
        let malformed = |error| MetadataError::malformed("settings", &error);
        if let Version { v: Some(found) } = serde_json::from_slice(bytes).map_err(malformed)? {
            return Err(MetadataError::Version { found });
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }

    /// The normal form, compressed with the preset dictionary: what is sealed for the settings table.
    pub fn pack(&self) -> Vec<u8> {
        pack::deflate(&self.to_bytes())
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// When the bytes do not decompress, or hold no settings of this version.
    pub fn unpack(bytes: &[u8]) -> Result<Self, MetadataError> {
        Self::from_bytes(&pack::inflate(bytes)?)
    }

    /// SHA-256 of the normal form, by which the settings table holds these settings.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The names of the properties in which these settings and `other` differ, without their values. A part that is
    /// unknown on one side is none of them.
    pub fn changes(&self, other: &Self) -> Vec<String> {
        let fields = |settings: &Self| match serde_json::to_value(settings) {
            Ok(serde_json::Value::Object(fields)) => fields.into_iter().collect::<BTreeMap<_, _>>(),
            _ => BTreeMap::new(),
        };
        let (mine, theirs) = (fields(self), fields(other));
        let mut names: Vec<_> = mine.keys().chain(theirs.keys()).collect();
        names.sort_unstable();
        names.dedup();
        // What is unknown on one side is not known to differ.
        let is_unknown = |value: Option<&serde_json::Value>| {
            value.is_some_and(|value| Unknown::deserialize(value).is_ok())
        };
        names
            .into_iter()
            .filter(|name| !is_unknown(mine.get(*name)) && !is_unknown(theirs.get(*name)))
            .filter(|name| mine.get(*name) != theirs.get(*name))
            .cloned()
            .collect()
    }
}

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text that is no SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest: 64 hexadecimal digits in lower case")]
pub struct InvalidDigest;

impl std::str::FromStr for Digest {
    type Err = InvalidDigest;
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(InvalidDigest),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| InvalidDigest)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;
    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

#[cfg(test)]
pub(crate) mod tests;
