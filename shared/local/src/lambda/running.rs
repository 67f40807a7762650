//! How an invocation runs, and what becomes of its answer.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Lambda,
    deployed::{Code, Deployed},
    function::Function,
    invocation::{Invocation, Origin},
    log::{self, Usage},
    names::Key,
    outcome::{Ended, Failure, Outcome},
};
use crate::{
    World,
    sqs::Sqs,
    wire::{Protocol, Reply},
};

/// The most bytes of a request that waits for its answer, and of the answer: AWS documents 6 MB, and says it so.
pub(super) const MAX_PAYLOAD_BYTES: usize = 6_291_556;

impl Invocation {
    /// Runs the function to its end, and tells who asked for it.
    pub(crate) async fn run(self, world: World) {
        let began = world.now();
        let deadline = began + self.configuration.timeout;
        let ended = match &self.code {
            Code::Here(function) => match function.upgrade() {
                Some(function) => here(&function, &self.payload, self.configuration.timeout).await,
                None => Err(Failure::Died {
                    kind: "Runtime.ExitError",
                    message: "the function is no longer there".to_owned(),
                })
                .into(),
            },
            Code::Package(package) => package.run(&world, &self, deadline).await,
        };
        let now = world.now();
        let usage = Usage {
            duration: now.duration_since(began).saturating_sub(ended.usage.init.unwrap_or_default()),
            ..ended.usage
        };
        let outcome = self.outcome(ended, usage, now);
        tracing::info!(function = self.configuration.name, "\n{}", outcome.log.trim_end());
        world.ended(self, &outcome);
    }

    fn outcome(&self, ended: Ended, usage: Usage, now: Timestamp) -> Outcome {
        let Self { request_id, configuration, .. } = self;
        let mut log = log::start(request_id);
        log.push_str(&ended.log);
        let mut status = None;
        let answer = ended.answer.and_then(|answer| match answer.len() {
            length if length > MAX_PAYLOAD_BYTES && matches!(self.origin, Origin::Caller { .. }) => Err(Failure::Told(
                json!({
                    "errorType": "Function.ResponseSizeTooLarge",
                    "errorMessage": format!(
                        "Response payload size ({length} bytes) exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
                    ),
                })
                .to_string()
                .into(),
            )),
            _ => Ok(answer),
        });
        let answer = answer.map_err(|failure| match failure {
            Failure::Told(document) => document,
            Failure::TimedOut => {
                log.push_str(&log::timed_out(request_id, now, configuration.timeout));
                status = Some("timeout");
                let message = format!(
                    "{now:.3} {request_id} Task timed out after {:.2} seconds",
                    configuration.timeout.as_secs_f64()
                );
                json!({ "errorType": "Sandbox.Timedout", "errorMessage": message }).to_string().into()
            }
            Failure::Died { kind, message } => {
                let message = format!("RequestId: {request_id} Error: {message}");
                log.push_str(&format!("{message}\n{kind}\n"));
                status = Some("error");
                json!({ "errorType": kind, "errorMessage": message }).to_string().into()
            }
        });
        log.push_str(&log::end(request_id, usage, configuration.memory, status));
        Outcome { answer, log }
    }
}

async fn here(function: &Function, payload: &[u8], timeout: SignedDuration) -> Ended {
    let payload = match serde_json::from_slice(payload) {
        Ok(payload) => payload,
        Err(error) => return Err(Failure::message(&error.to_string())).into(),
    };
    match tokio::time::timeout(timeout.unsigned_abs(), (function.run)(payload)).await {
        Ok(Ok(answer)) => Ok(answer.to_string().into()),
        Ok(Err(message)) => Err(Failure::message(&message)),
        Err(_) => Err(Failure::TimedOut),
    }
    .into()
}

/// An answer of Invoke, with the version that was executed.
pub(super) fn executed(status: u16, body: impl Into<Bytes>) -> Reply {
    Reply::new(Protocol::Rest, status, None, body).with_header("x-amz-executed-version", "$LATEST")
}

impl Lambda {
    /// Begins an invocation of a function that is there.
    pub(super) fn begin(&mut self, request_id: String, function: &Key, payload: Bytes, origin: Origin) {
        if let Some(Deployed { configuration, code, .. }) = self.functions.get(function) {
            let (configuration, code) = (Arc::clone(configuration), code.clone());
            self.begun.push(Invocation { request_id, configuration, code, payload, origin });
        }
    }

    /// An invocation has ended: its caller is answered, its event tried again, its messages deleted.
    pub(crate) fn ended(&mut self, origin: Origin, outcome: &Outcome, sqs: &mut Sqs, now: Timestamp) {
        self.running = self.running.saturating_sub(1);
        match origin {
            Origin::Caller { answer, wants_log } => {
                let mut reply = match &outcome.answer {
                    Ok(body) => executed(200, body.clone()),
                    // A function that fails is answered with 200 and a header that says so.
                    Err(body) => executed(200, body.clone()).with_header("x-amz-function-error", "Unhandled"),
                };
                if wants_log {
                    reply = reply.with_header("x-amz-log-result", log::tail(&outcome.log));
                }
                // The caller may have gone.
                let _ = answer.send(reply);
            }
            Origin::Event(asked) => self.event_ended(asked, outcome, sqs, now),
            Origin::Queue(batch) => self.batch_ended(&batch, outcome, sqs),
        }
    }
}
