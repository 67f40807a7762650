//! Lambda's runtime API, as an environment's process speaks it: it asks for work, and answers it.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::JoinSet,
};

use super::outcome::Failure;

/// One invocation, as a process is given it.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) request_id: String,
    pub(super) arn: String,
    pub(super) deadline: Timestamp,
    pub(super) payload: Bytes,
    pub(super) answer: oneshot::Sender<Result<Bytes, Failure>>,
}

/// Where an environment's process fetches its work and leaves its answers.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    /// There is work, or something has come from the process.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the process has ever asked for work: until then it starts.
    started: bool,
    failed_to_start: Option<Bytes>,
    waiting: Option<Work>,
    open: Option<Work>,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hand_out(&self, work: Work) {
        self.state().waiting = Some(work);
        self.changed.notify_waiters();
    }

    /// Ends when the process first asks for work, or says why it cannot start.
    pub(super) async fn asked_for_work(&self) -> Option<Bytes> {
        loop {
            let changed = self.changed.notified();
            if let Some(came_of_it) = self.start() {
                return came_of_it;
            }
            changed.await;
        }
    }

    fn start(&self) -> Option<Option<Bytes>> {
        let state = self.state();
        (state.started || state.failed_to_start.is_some()).then(|| state.failed_to_start.clone())
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        loop {
            let changed = self.changed.notified();
            if let Some(work) = self.take_work() {
                return work;
            }
            changed.await;
        }
    }

    fn take_work(&self) -> Option<Response<Full<Bytes>>> {
        let mut state = self.state();
        if !state.started {
            state.started = true;
            self.changed.notify_waiters();
        }
        let work = state.waiting.take()?;
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &work.request_id)
            .header("lambda-runtime-deadline-ms", work.deadline.as_millisecond().to_string())
            .header("lambda-runtime-invoked-function-arn", &work.arn)
            .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0")
            .body(Full::new(work.payload.clone()));
        state.open = Some(work);
        Some(response.unwrap_or_else(|_| said(StatusCode::INTERNAL_SERVER_ERROR, "")))
    }

    fn answered(&self, request_id: &str, answer: Result<Bytes, Failure>) -> Response<Full<Bytes>> {
        let mut state = self.state();
        let Some(work) = state.open.take_if(|work| work.request_id == request_id) else {
            return said(
                StatusCode::BAD_REQUEST,
                r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#,
            );
        };
        // The one who asked may have given up at the deadline.
        let _ = work.answer.send(answer);
        said(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
    }

    async fn asked(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path: Vec<&str> = head.uri.path().split('/').filter(|part| !part.is_empty()).collect();
        if let ["2018-06-01", "runtime", "invocation", "next"] = path.as_slice() {
            return self.next().await;
        }
        let Ok(body) = body.collect().await else { return said(StatusCode::BAD_REQUEST, "") };
        let body = body.to_bytes();
        match path.as_slice() {
            ["2018-06-01", "runtime", "invocation", id, "response"] => self.answered(id, Ok(body)),
            ["2018-06-01", "runtime", "invocation", id, "error"] => {
                self.answered(id, Err(Failure::Told(body)))
            }
            ["2018-06-01", "runtime", "init", "error"] => {
                self.state().failed_to_start = Some(body);
                self.changed.notify_waiters();
                said(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
            }
            _ => said(StatusCode::NOT_FOUND, ""),
        }
    }
}

fn said(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

/// Serves one environment's process until the future is dropped.
pub(super) async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let desk = Arc::clone(&desk);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, Infallible>(desk.asked(request).await) }
            });
            // A process that ends closes its connection as it likes.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
