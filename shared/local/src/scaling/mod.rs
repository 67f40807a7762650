//! Application Auto Scaling: what scales a table's throughput.

use serde_json::Value;

use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::Service,
};

/// Application Auto Scaling: what scales a table's throughput.
#[derive(Debug)]
pub(crate) struct Scaling {
    _rng: Rng,
}

impl Scaling {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { _rng: rng }
    }

    pub(crate) fn handle(
        &mut self,
        _scope: &Scope,
        operation: &str,
        _body: &Value,
    ) -> Result<Value, ApiError> {
        Err(Service::Scaling.unknown_operation(operation))
    }
}
