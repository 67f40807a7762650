//! EventBridge: buses, rules and what they deliver.

use serde_json::Value;

use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::Service,
};

/// EventBridge: buses, rules and what they deliver.
#[derive(Debug)]
pub(crate) struct Events {
    _rng: Rng,
}

impl Events {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { _rng: rng }
    }

    pub(crate) fn handle(
        &mut self,
        _scope: &Scope,
        operation: &str,
        _body: &Value,
    ) -> Result<Value, ApiError> {
        Err(Service::Events.unknown_operation(operation))
    }
}
