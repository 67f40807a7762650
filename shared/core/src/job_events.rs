//! Job events of AWS Backup, as they come from EventBridge: bare, or wrapped by a queue.
//!
//! The samples of AWS differ among themselves: strings where others have numbers, `state` or `status`, an empty
//! object for an ARN that is not there, identifiers in either case. Only what is needed is read, leniently; the
//! rest is asked of AWS Backup itself.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::brief::{MAX_QUOTED_CHARS, brief};
use crate::invoke::{self, UnreadablePayload};

/// What an invocation brings, to a function whose requests are `R`.
#[derive(Debug)]
pub enum Incoming<R> {
    /// A request, the schedule's among them.
    Request(R),
    /// One event; none when it names no job yet.
    Event(Option<JobEvent>),
    /// A batch from a queue.
    Batch(Vec<Record>),
}

/// One message of a batch.
#[derive(Debug)]
pub struct Record {
    /// The message's id.
    pub message: String,
    /// Its event; none when it names no job yet.
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

/// A payload that the function does not take.
#[derive(Debug, Error)]
pub enum EventError {
    /// It has none of the forms, for it is no request for this reason.
    #[error(
        "the payload is no event of AWS Backup, no batch of a queue and no request: {0}; see the samples in events/"
    )]
    Unknown(String),
    /// A batch or an event that cannot be read.
    #[error("the {0} cannot be read: {1}")]
    Malformed(&'static str, String),
    /// An event of another service, or of a kind that no one should send here.
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

/// The most messages of a batch: ten times as many as the queues hand over.
const MAX_MESSAGES: usize = 100;
/// The most bytes of a message: EventBridge carries no larger event.
const MAX_BODY_BYTES: usize = 256 << 10;

impl EventError {
    fn malformed(what: &'static str, error: &serde_json::Error) -> Self {
        Self::Malformed(what, brief(&error.to_string(), MAX_QUOTED_CHARS).into_owned())
    }
}

/// Reads the payload of an invocation.
///
/// # Errors
/// [`EventError`] when it is nothing that the function takes. Single messages of a batch fail by themselves.
pub fn read<R: DeserializeOwned>(payload: Value) -> Result<Incoming<R>, EventError> {
    if let Some(records) = payload.get("Records") {
        let malformed = |why: String| EventError::Malformed("batch", why);
        let records =
            records.as_array().ok_or_else(|| malformed("its Records are no list of messages".to_owned()))?;
        if records.len() > MAX_MESSAGES {
            let count = records.len();
            return Err(malformed(format!("it has {count} messages: send at most {MAX_MESSAGES} at a time")));
        }
        return Ok(Incoming::Batch(records.iter().map(message).collect()));
    }
    if payload.get("detail-type").is_some() {
        return Ok(Incoming::Event(job_event(payload)?));
    }
    let request = invoke::read(payload).map_err(|UnreadablePayload { why }| EventError::Unknown(why))?;
    Ok(Incoming::Request(request))
}

fn message(record: &Value) -> Record {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let body = text("body");
    let event = match body.len() {
        length if length > MAX_BODY_BYTES => {
            let why = format!("it has {length} bytes, and events have at most {MAX_BODY_BYTES}");
            Err(EventError::Malformed("message", why))
        }
        _ => serde_json::from_str(body)
            .map_err(|error| EventError::malformed("message", &error))
            .and_then(job_event),
    };
    Record { message: text("messageId").to_owned(), event }
}

/// The job event that an envelope holds; none for one that names no job yet, as a copy's CREATED does.
fn job_event(payload: Value) -> Result<Option<JobEvent>, EventError> {
    let Envelope { source, kind, time, detail } =
        serde_json::from_value(payload).map_err(|error| EventError::malformed("event", &error))?;
    let (job_kind, id) = match (source.as_str(), kind.as_str()) {
        ("aws.backup", "Backup Job State Change") => (JobKind::Backup, "backupJobId"),
        ("aws.backup", "Copy Job State Change") => (JobKind::Copy, "copyJobId"),
        ("aws.backup", "Restore Job State Change") => (JobKind::Restore, "restoreJobId"),
        _ => {
            let quoted = |text: &str| brief(text, MAX_QUOTED_CHARS).into_owned();
            return Err(EventError::Other { kind: quoted(&kind), source_name: quoted(&source) });
        }
    };
    let text = |name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
    let state = text("state").or_else(|| text("status")).unwrap_or_default();
    let at = time.as_str().and_then(|time| time.parse().ok());
    Ok(text(id).map(|job| JobEvent { kind: job_kind, job, state, at }))
}
