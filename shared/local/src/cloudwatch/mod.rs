//! CloudWatch: alarms.

use serde_json::Value;

use crate::{
    api::{ApiError, Scope},
    wire::Service,
};

/// CloudWatch: alarms.
#[derive(Debug, Default)]
pub(crate) struct CloudWatch {}

impl CloudWatch {
    pub(crate) fn handle(
        &mut self,
        _scope: &Scope,
        operation: &str,
        _body: &Value,
    ) -> Result<Value, ApiError> {
        Err(Service::CloudWatch.unknown_operation(operation))
    }
}
