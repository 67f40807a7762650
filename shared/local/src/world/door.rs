//! The one door: requests of every service come in here, and their answers leave.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{World, serving::Served};
use crate::{
    faults::Lost,
    tap,
    wire::{Incoming, Protocol, Reply},
};

/// What becomes of a request.
enum Outcome {
    Answer(http::Response<Bytes>),
    /// The answer of a function, once it has run.
    Later {
        reply: oneshot::Receiver<Reply>,
        request_id: String,
    },
    /// An answer that takes its time.
    Slow(http::Response<Bytes>, Duration),
    Lost(Lost),
    /// The caller is dead: it never hears again.
    Silence,
}

impl World {
    /// Answers a signed HTTP request of any service: the one door, for the in-process connector and for
    /// TCP. The effect happens when the future is first polled.
    ///
    /// # Errors
    /// [`Lost`] when a fault loses the request or its answer. After a crash point the future never ends.
    pub async fn handle(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Lost> {
        let Some(tap) = self.inner.tap.get() else {
            return self.answer(request).await;
        };
        let asked = tap::asked(&request);
        let answered = self.answer(request).await;
        tap.write(asked, answered.as_ref());
        answered
    }

    async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Lost> {
        match self.exchange(request) {
            Outcome::Answer(response) => Ok(response),
            // The function that would answer is gone with its runtime.
            Outcome::Later { reply, request_id } => match reply.await {
                Ok(reply) => Ok(reply.into_http(&request_id, self.told())),
                Err(_) => Err(Lost::Reset),
            },
            Outcome::Slow(response, late) => {
                tokio::time::sleep(late).await;
                Ok(response)
            }
            Outcome::Lost(how) => Err(how),
            Outcome::Silence => std::future::pending().await,
        }
    }

    fn exchange(&self, request: http::Request<Bytes>) -> Outcome {
        let now = self.now();
        let mut state = self.state();
        state.settle(now);
        let request_id = state.request_ids.uuid();
        let request = match Incoming::read(request, now) {
            Ok(request) => request,
            Err(error) => {
                return Outcome::Answer(
                    Reply::refusal(Protocol::Rest, &error).into_http(&request_id, now + state.skew),
                );
            }
        };
        let (caller, told) = (request.scope.caller.clone(), now + state.skew);
        let outcome = state.serve(&request);
        state.watch_capacities(now);
        let begun = state.lambda.take_begun();
        let next = state.next_act_at();
        let earlier = state.wakes_at.is_none_or(|wakes_at| next.is_some_and(|next| next < wakes_at));
        drop(state);
        self.spawn(begun);
        if earlier {
            self.inner.woken.notify_one();
        }
        match outcome {
            Served::Reply(reply) => Outcome::Answer(reply.into_http(&request_id, told)),
            Served::Slow(reply, late) => Outcome::Slow(reply.into_http(&request_id, told), late),
            Served::Later(reply) => Outcome::Later { reply, request_id },
            Served::Lost(how) => Outcome::Lost(how),
            Served::Crashed => {
                self.inner.crashed.send_modify(|crashed| {
                    crashed.insert(caller);
                });
                Outcome::Silence
            }
        }
    }
}
