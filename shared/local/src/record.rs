//! What was called: the ground truth for permission checks and for tests.

use std::collections::BTreeMap;

use bytes::Bytes;
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

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The caller heard the answer.
    Heard,
    /// The request was lost on its way: it had no effect.
    Lost,
    /// It took effect, and the answer was lost.
    Unheard,
    /// The caller died before the request arrived: it had no effect.
    DiedBefore,
    /// It took effect, and the caller died before it heard so.
    DiedAfter,
}

/// What a call said and was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bodies {
    /// Path and query, as they were sent.
    pub path: String,
    /// The body of the request.
    pub request: Bytes,
    /// The HTTP status of the answer, whether it was heard or not; 0 when there was none.
    pub status: u16,
    /// The body of the answer, whether it was heard or not.
    pub response: Bytes,
}

/// One call that was sent to the world.
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
    /// What became of it.
    pub fate: Fate,
    /// What it said and was answered, where [`World::keep_bodies`](crate::World::keep_bodies) asks for that.
    pub bodies: Option<Bodies>,
}
