//! IAM: roles, their policies, and who may do what.

use serde_json::Value;

use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::Service,
};

/// IAM: roles, their policies, and who may do what.
#[derive(Debug)]
pub(crate) struct Iam {
    _rng: Rng,
}

impl Iam {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { _rng: rng }
    }

    pub(crate) fn handle(
        &mut self,
        _scope: &Scope,
        operation: &str,
        _body: &Value,
    ) -> Result<Value, ApiError> {
        Err(Service::Iam.unknown_operation(operation))
    }

    /// Whether a role that a service has been passed may do `action` on `resource`.
    ///
    /// # Errors
    /// What AWS says of a role that may not, or that the service cannot assume.
    pub(crate) fn role_may(
        &self,
        _role_arn: &str,
        _service: &str,
        _action: &str,
        _resource: &str,
    ) -> Result<(), String> {
        Ok(())
    }
}
