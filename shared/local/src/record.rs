//! What was called: the ground truth for permission checks and for tests.

use jiff::Timestamp;

/// One call that reached the world. Bodies are never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The world's time at arrival.
    pub at: Timestamp,
    /// Who called: the session token of the credentials.
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
    /// The error code answered, or `Timeout` when the answer was lost.
    pub error: Option<String>,
}
