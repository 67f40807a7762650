//! Job events of AWS Backup, as they come from EventBridge: bare, or wrapped by a queue.
//!
//! The samples of AWS differ among themselves: strings where others have numbers, `state` or `status`, an empty
//! object for an ARN that is not there, identifiers in either case. Only what is needed is read, leniently; the
//! rest is asked of AWS Backup itself.

use std::fmt;

use aws_lambda_events::sqs::SqsEvent;
use backup_chain_core::metrics::{Measured, Metric};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::clock::{Clock, Deadline};
use crate::edge::Edge;

/// What an invocation brings.
#[derive(Debug)]
pub enum Incoming {
    /// The schedule asks to look around.
    Tick,
    /// One event; none when it names no job yet.
    Event(Option<JobEvent>),
    /// A batch from a queue.
    Batch(Batch),
}

/// One message of a batch.
#[derive(Debug)]
pub struct Record {
    /// The message's id.
    pub message: String,
    /// Its event; none when it is of a kind that does not concern us.
    pub event: Result<Option<JobEvent>, EventError>,
}

/// What a job makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// A backup.
    Backup,
    /// A copy.
    Copy,
    /// A table.
    Restore,
}

/// That a job has changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEvent {
    /// What the job makes.
    pub kind: JobKind,
    /// The job.
    pub job: String,
    /// The state as the event names it. Not believed.
    pub state: String,
    /// When it was sent.
    pub at: Option<Timestamp>,
}

impl JobEvent {
    /// Measures how late an event comes, for the restore point or the restore that `measured` is of.
    pub fn measure(&self, edge: &Edge, measured: Measured) {
        if let Some(at) = self.at {
            edge.measure(&measured.took(Metric::EventLag, edge.clock().now().duration_since(at)));
        }
    }
}

/// A payload that the function does not take.
#[derive(Debug, Error)]
pub enum EventError {
    /// It has none of the forms.
    #[error(
        "the payload is no event of AWS Backup, no batch of a queue and no tick: send {{\"action\":\"tick\"}}, or see \
         the samples in events/"
    )]
    Unknown,
    /// A batch or an event that cannot be read.
    #[error("the {0} cannot be read: {1}")]
    Malformed(&'static str, serde_json::Error),
    /// An event of another service, or of a kind that nobody should send here.
    #[error(
        "the event is {kind:?} of {source_name:?}, not a job event of aws.backup: check the rule that sends it"
    )]
    Other {
        /// Its detail-type.
        kind: String,
        /// Its source.
        source_name: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    source: String,
    #[serde(default, rename = "detail-type")]
    kind: String,
    #[serde(default)]
    time: Value,
    #[serde(default)]
    detail: Value,
}

/// Reads the payload of an invocation.
///
/// # Errors
/// [`EventError`] when it is nothing that the function takes. Single messages of a batch fail by themselves.
pub fn read(payload: Value) -> Result<Incoming, EventError> {
    if payload.get("Records").is_some() {
        let batch: SqsEvent =
            serde_json::from_value(payload).map_err(|error| EventError::Malformed("batch", error))?;
        let records = batch.records.into_iter().map(|record| {
            let body = record.body.unwrap_or_default();
            let event = serde_json::from_str(&body)
                .map_err(|error| EventError::Malformed("message", error))
                .and_then(job_event);
            // What another service sends to our queue will never be ours.
            let event = match event {
                Err(other @ EventError::Other { .. }) => {
                    tracing::warn!(error = %other, "message ignored");
                    Ok(None)
                }
                event => event,
            };
            Record { message: record.message_id.unwrap_or_default(), event }
        });
        return Ok(Incoming::Batch(Batch::new(records.collect())));
    }
    if payload.get("detail-type").is_some() {
        return Ok(Incoming::Event(job_event(payload)?));
    }
    match payload.get("action").and_then(Value::as_str) {
        Some("tick") => Ok(Incoming::Tick),
        _ => Err(EventError::Unknown),
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
                // Not ours to understand, and no better the next time.
                Ok(None) => {}
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

/// The job event that an envelope holds; none for one that names no job yet, as a copy's CREATED does.
fn job_event(payload: Value) -> Result<Option<JobEvent>, EventError> {
    let Envelope { source, kind, time, detail } =
        serde_json::from_value(payload).map_err(|error| EventError::Malformed("event", error))?;
    let (job_kind, id) = match (source.as_str(), kind.as_str()) {
        ("aws.backup", "Backup Job State Change") => (JobKind::Backup, "backupJobId"),
        ("aws.backup", "Copy Job State Change") => (JobKind::Copy, "copyJobId"),
        ("aws.backup", "Restore Job State Change") => (JobKind::Restore, "restoreJobId"),
        _ => return Err(EventError::Other { kind, source_name: source }),
    };
    let text = |name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
    let state = text("state").or_else(|| text("status")).unwrap_or_default();
    let at = time.as_str().and_then(|time| time.parse().ok());
    Ok(text(id).map(|job| JobEvent { kind: job_kind, job, state, at }))
}
