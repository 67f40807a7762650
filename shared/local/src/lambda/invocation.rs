//! One invocation: what it is asked, and by whom.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{configuration::Configuration, deployed::Code, mapping::Batch, retries::Asked};
use crate::wire::Reply;

/// What asked for an invocation, and is reported its end.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A caller who waits for the answer, and perhaps for the end of the log.
    Caller { answer: oneshot::Sender<Reply>, wants_log: bool },
    /// An event that no one waits for.
    Event(Asked),
    /// Messages of a queue.
    Queue(Batch),
}

/// A function that is about to run. It runs by itself: a caller that goes away does not stop it.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(super) request_id: String,
    pub(super) configuration: Arc<Configuration>,
    pub(super) code: Code,
    pub(super) payload: Bytes,
    pub(crate) origin: Origin,
}
