//! What is kept of the calls to a world.

use std::io::Write;

use super::{State, World};
use crate::{
    record::{Bodies, Call, Fate, Required},
    tap::Tap,
    wire::{Incoming, Reply, Service},
};

/// A call, as far as it is no part of its request.
pub(super) struct Recorded {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) resource: String,
    pub(super) required: Vec<Required>,
    pub(super) fate: Fate,
    pub(super) error: Option<String>,
}

impl World {
    /// All calls so far, in the order in which they arrived.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone().unwrap_or_default()
    }

    /// Writes every exchange from now on as a line of JSON, with its bodies but without its credentials:
    /// `{"service", "region", "request": {"method", "path", "query", "headers", "body"}, "response":
    /// {"status", "headers", "body"}}`. A body that is no text is in `body_base64`; a lost answer is `null`.
    /// A world has one tap: another one changes nothing.
    pub fn tap(&self, writer: impl Write + Send + 'static) {
        self.inner.tap.get_or_init(|| Tap::new(writer));
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        if let Some(calls) = &mut self.state().calls {
            calls.clear();
        }
    }

    /// All calls so far, which are forgotten.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.state().calls.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps the bodies of every call from now on: each call is kept with them until the calls are forgotten.
    pub fn keep_bodies(&self) {
        self.state().keeps_bodies = true;
    }

    /// Forgets every call from now on: a world that is served lives through more of them than memory holds.
    pub fn keep_no_calls(&self) {
        self.state().calls = None;
    }
}

impl State {
    /// Keeps a call, with its bodies where they are asked for.
    pub(super) fn record(&mut self, request: &Incoming, call: Recorded, reply: Option<&Reply>) {
        let Recorded { service, operation, resource, required, fate, error } = call;
        tracing::debug!(
            // Whoever reads the log knows it by this name.
            target: "backup_chain_local::world",
            caller = request.scope.caller,
            account = request.scope.account,
            region = request.scope.region,
            resource,
            error,
            "{}:{operation}",
            service.name()
        );
        let bodies = self.keeps_bodies.then(|| Bodies {
            path: request.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            request: request.body.clone(),
            status: reply.map_or(0, |reply| reply.status),
            response: reply.map(|reply| reply.body.clone()).unwrap_or_default(),
        });
        if let Some(calls) = &mut self.calls {
            calls.push(Call {
                at: request.scope.now,
                caller: request.scope.caller.clone(),
                account: request.scope.account.clone(),
                region: request.scope.region.clone(),
                service: service.name().to_owned(),
                operation,
                resource,
                required,
                error,
                fate,
                bodies,
            });
        }
    }
}
