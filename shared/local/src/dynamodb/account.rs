//! What DynamoDB returns of an account in a Region.

use serde_json::{Value, json};

use crate::api::Scope;

/// The quotas that AWS documents as the first of an account: 80,000 units of each kind for all tables together,
/// 40,000 for one.
pub(super) fn limits() -> Value {
    json!({
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    })
}

/// The Region's endpoint, good for a day.
pub(super) fn endpoints(scope: &Scope) -> Value {
    json!({ "Endpoints": [{
        "Address": format!("dynamodb.{}.amazonaws.com", scope.region),
        "CachePeriodInMinutes": 1440,
    }] })
}
