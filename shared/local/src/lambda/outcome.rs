//! How an invocation ends.

use bytes::Bytes;
use serde_json::{Value, json};

use super::log::Usage;

/// How an invocation ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The answer, or the error as Invoke answers it.
    pub(super) answer: Result<Bytes, Bytes>,
    pub(super) log: String,
}

/// How a function's code ended, before Lambda writes its report.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) answer: Result<Bytes, Failure>,
    /// What the function itself has logged.
    pub(super) log: String,
    pub(super) usage: Usage,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The function answers with an error of its own: the document that it sent.
    Told(Bytes),
    /// The deadline has come.
    TimedOut,
    /// The process has ended, or never began.
    Died { kind: &'static str, message: String },
}

impl Failure {
    pub(super) fn message(message: &str) -> Self {
        Self::Told(json!({ "errorType": "Error", "errorMessage": message }).to_string().into())
    }
}

impl From<Result<Bytes, Failure>> for Ended {
    fn from(answer: Result<Bytes, Failure>) -> Self {
        Self { answer, log: String::new(), usage: Usage::default() }
    }
}

impl Outcome {
    /// The answer as a document.
    pub(super) fn document(&self) -> Option<Value> {
        serde_json::from_slice(self.answer.as_ref().ok()?).ok()
    }
}
