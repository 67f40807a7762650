//! Reserved concurrency, as far as it stops a function: 0 lets no invocation run.

use serde_json::{Value, json};

use super::{
    Lambda,
    names::{Key, invalid, key},
};
use crate::api::{ApiError, Scope};

impl Lambda {
    pub(super) fn put_concurrency(
        &mut self,
        scope: &Scope,
        name: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        self.find(scope, name)?;
        if body["ReservedConcurrentExecutions"].as_u64() != Some(0) {
            return Err(invalid(
                "the embedded AWS knows a reserved concurrency of 0 only, which stops a function",
            ));
        }
        self.stopped.insert(key(scope, name));
        self.get_concurrency(scope, name)
    }

    pub(super) fn get_concurrency(&self, scope: &Scope, name: &str) -> Result<Value, ApiError> {
        self.find(scope, name)?;
        let is_stopped = self.is_stopped(&key(scope, name));
        Ok(if is_stopped { json!({ "ReservedConcurrentExecutions": 0 }) } else { json!({}) })
    }

    pub(super) fn delete_concurrency(&mut self, scope: &Scope, name: &str) -> Result<(), ApiError> {
        self.find(scope, name)?;
        self.stopped.remove(&key(scope, name));
        Ok(())
    }

    pub(super) fn is_stopped(&self, function: &Key) -> bool {
        self.stopped.contains(function)
    }
}

/// What Lambda says to a caller whose invocation has no room.
pub(super) fn throttled() -> ApiError {
    ApiError { status: 429, ..ApiError::client("TooManyRequestsException", "Rate Exceeded.") }
}
