//! What is asked of AWS to make the table.

use serde::{Deserialize, Serialize};

use crate::ids::{RecoveryPointArn, Region, TableName};

/// The request that makes the table, to be sent again as it is. The key is looked up in the metadata each time, unless
/// the operator chose it: a captured key has no place in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The Region of the recovery point, and of the table.
    pub region: Region,
    /// The recovery point.
    pub point: RecoveryPointArn,
    /// The name of the new table.
    pub table: TableName,
    /// The service role.
    pub role: String,
    /// The idempotency token.
    pub token: String,
    /// Whether DynamoDB's own restore is used, which can leave out indexes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub native: bool,
}
