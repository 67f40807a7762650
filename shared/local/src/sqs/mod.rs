//! SQS: standard queues.

use serde_json::Value;

use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::Service,
};

/// SQS: standard queues.
#[derive(Debug)]
pub(crate) struct Sqs {
    _rng: Rng,
}

impl Sqs {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { _rng: rng }
    }

    pub(crate) fn handle(
        &mut self,
        _scope: &Scope,
        operation: &str,
        _body: &Value,
    ) -> Result<Value, ApiError> {
        Err(Service::Sqs.unknown_operation(operation))
    }
}
