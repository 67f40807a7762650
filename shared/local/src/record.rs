//! What was called: the ground truth for permission checks and for tests.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The condition keys that a request gives, with their values.
pub type Context = BTreeMap<String, Vec<String>>;

/// A right that a call needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// The IAM action, such as `dynamodb:PutItem`.
    pub action: String,
    /// The ARN that it is needed on, or `*`.
    pub resource: String,
    /// The condition keys that the request itself gives, and those of the resource's tags. Those of the caller and
    /// of the time are looked up when a policy asks, and are not kept.
    pub context: Context,
}

/// One call that reached the world. Bodies are never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The world's time at arrival.
    pub at: Timestamp,
    /// Who called: the role, as the session token of the credentials names it.
    pub caller: String,
    /// The account of the credentials.
    pub account: String,
    /// The Region of the signature.
    pub region: String,
    /// The service's signing name, such as `dynamodb`.
    pub service: String,
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// What it acts on, as far as the request tells: a table name or ARN, a key id, a vault name, a
    /// recovery point ARN. Several are joined by commas; empty when the operation acts on no resource.
    pub resource: String,
    /// The rights that AWS demands for it, whether the caller had them or not.
    pub required: Vec<Required>,
    /// The error code answered, or `Timeout` when the answer was lost.
    pub error: Option<String>,
}
