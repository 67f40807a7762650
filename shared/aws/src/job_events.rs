//! Taking job events: how late they are, and what becomes of the messages that they come in.

use std::fmt;

use backup_chain_core::job_events::{EventError, JobEvent, Record};
use backup_chain_core::metrics::{Measured, Metric};
use serde::Serialize;

use crate::clock::{Clock, Deadline};
use crate::context::Context;

/// Measures how late an event comes, for the restore point or the restore that `measured` is of.
pub fn measure(context: &Context, event: &JobEvent, measured: Measured) {
    if let Some(at) = event.at {
        context.measure(&measured.took(Metric::EventLag, context.now().duration_since(at)));
    }
}

/// A message to be delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The message.
    pub item_identifier: String,
}

/// A batch, taken one event after another.
#[derive(Debug)]
pub struct Batch {
    records: std::vec::IntoIter<Record>,
    taken: String,
    failures: Vec<Failure>,
    ours: usize,
}

impl Batch {
    /// These messages.
    pub fn new(records: Vec<Record>) -> Self {
        Self { records: records.into_iter(), taken: String::new(), failures: Vec::new(), ours: 0 }
    }

    /// The next event; none when the batch is through, or out of time.
    pub fn next(&mut self, clock: &Clock, deadline: Deadline) -> Option<JobEvent> {
        loop {
            let Record { message, event } = self.records.next()?;
            match event {
                Ok(None) => {}
                // What another service sends to our queue will never be ours.
                Err(other @ EventError::Other { .. }) => {
                    tracing::warn!(item = message, error = %other, "message ignored");
                }
                Err(error) => {
                    tracing::error!(item = message, %error, "message cannot be read: it goes to the dead-letter queue");
                    self.failures.push(Failure { item_identifier: message });
                }
                Ok(Some(_)) if !deadline.allows_work(clock.now()) => {
                    self.failures.push(Failure { item_identifier: message });
                }
                Ok(Some(event)) => {
                    self.taken = message;
                    return Some(event);
                }
            }
        }
    }

    /// What came of the event that was taken: whether its job is one of ours.
    pub fn done<E: fmt::Display>(&mut self, done: Result<bool, E>) {
        match done {
            Ok(is_ours) => self.ours += usize::from(is_ours),
            Err(error) => {
                let message = std::mem::take(&mut self.taken);
                tracing::warn!(item = message, %error, "message is delivered again");
                self.failures.push(Failure { item_identifier: message });
            }
        }
    }

    /// The messages to be delivered again, as Lambda's partial batch responses ask, and how many were of jobs of ours.
    pub fn end(self) -> (Vec<Failure>, usize) {
        (self.failures, self.ours)
    }
}
