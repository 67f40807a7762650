//! What every part of a function shares: the deployment's names and bounds, the clock, randomness, and where
//! measurements go.

use std::sync::Arc;

use backup_chain_core::history::{Action, Entry};
use backup_chain_core::ids::EntryId;
use backup_chain_core::metrics::{Measured, Metric};
use jiff::Timestamp;

use crate::clock::{Clock, Random};
use crate::deployment::Deployment;
use crate::error::Error;
use crate::meter::Meter;

/// One function of one deployment, without AWS.
#[derive(Debug, Clone)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    deployment: Deployment,
    clock: Clock,
    random: Random,
    meter: Meter,
}

impl Context {
    /// Of these parts.
    pub fn new(deployment: Deployment, clock: Clock, random: Random, meter: Meter) -> Self {
        Self(Arc::new(Inner { deployment, clock, random, meter }))
    }

    /// What the deployment is made of.
    pub fn deployment(&self) -> &Deployment {
        &self.0.deployment
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The time by this process's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The source of randomness.
    pub fn random(&self) -> &Random {
        &self.0.random
    }

    /// An entry of now for the history, to be committed with what it records.
    pub fn entry(&self, action: Action, subject: impl Into<String>, by: Option<String>) -> Entry {
        let at = self.now();
        Entry {
            id: EntryId::new(at, self.random().number()),
            at,
            action,
            subject: subject.into(),
            by,
            reason: None,
            details: Vec::new(),
            rev: 0,
        }
    }

    /// Writes what was measured. Written at once: an invocation that is cut off later has reported so far.
    pub fn measure(&self, measured: &Measured) {
        self.0.meter.take(|| measured.line(&self.deployment().name, self.now()));
    }

    /// An error leaves work to a later invocation: it is logged and measured, for an alarm to see when it continues. A
    /// record that somebody else has changed is no error: the next invocation reads it again.
    pub fn record_deferred(&self, measured: &Measured, what: &'static str, error: &Error) {
        if error.is_conflict() {
            tracing::info!(%error, what, "moved by another invocation");
            return;
        }
        tracing::warn!(%error, what, "left to a later invocation");
        self.measure(&measured.clone().with(Metric::WorkLeft, 1));
    }
}
