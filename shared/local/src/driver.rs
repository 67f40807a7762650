//! What the world does by itself: schedules fire, events reach their targets, queues feed functions.
//!
//! None of that happens by a request: whoever wants the world to live drives it. On a held clock a test decides
//! so for how long; a world that is served over TCP is always driven.

use jiff::{SignedDuration, Timestamp};

use crate::{
    World,
    events::{Delivery, DeliveryError},
    lambda::{Invocation, Outcome},
    world::State,
};

/// The shortest wait: a step that finds nothing to do never spins.
const LEAST: SignedDuration = SignedDuration::from_millis(1);

impl World {
    /// Drives the world for ever.
    pub async fn drive(&self) {
        loop {
            let next = self.step();
            self.wait(next).await;
        }
    }

    /// Drives the world until a moment, and lets the functions that run then come to their end.
    pub async fn drive_until(&self, moment: Timestamp) {
        loop {
            let next = self.step();
            if moment <= self.now() {
                break;
            }
            self.wait(Some(next.map_or(moment, |next| next.min(moment)))).await;
        }
        while self.state().lambda.running() > 0 {
            self.woken().notified().await;
        }
    }

    /// Everything that is due happens. Tells when something is due next.
    fn step(&self) -> Option<Timestamp> {
        let now = self.now();
        let mut state = self.state();
        state.act(now);
        let begun = state.lambda.take_begun();
        let next = state.next_act_at();
        state.wakes_at = next;
        drop(state);
        self.spawn(begun);
        next
    }

    async fn wait(&self, until: Option<Timestamp>) {
        let sleep = async {
            match until {
                Some(until) => {
                    let wait = until.duration_since(self.now()).max(LEAST);
                    tokio::time::sleep(wait.unsigned_abs()).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.woken().notified() => {}
            () = sleep => {}
        }
    }

    /// Invocations run by themselves: a caller that goes away does not stop one.
    pub(crate) fn spawn(&self, begun: Vec<Invocation>) {
        for invocation in begun {
            tokio::spawn(invocation.run(self.clone()));
        }
    }

    /// An invocation has ended.
    pub(crate) fn ended(&self, invocation: Invocation, outcome: &Outcome) {
        let now = self.now();
        let mut state = self.state();
        let State { lambda, sqs, .. } = &mut *state;
        lambda.ended(invocation.origin, outcome, sqs, now);
        drop(state);
        self.woken().notify_one();
    }
}

impl State {
    /// Everything happens that is due by now and that no request causes.
    fn act(&mut self, now: Timestamp) {
        self.settle(now);
        for event in self.backup.take_events(now) {
            self.events.emit(&event.account, &event.region, &event.event, now);
        }
        self.events.settle(now);
        for delivery in self.events.take_deliveries(now) {
            let outcome = self.deliver(&delivery, now);
            self.events.delivered(delivery, outcome, now);
        }
        self.lambda.begin_due(now);
        self.lambda.poll(&mut self.sqs, now);
    }

    /// Hands an event to a rule's target, or at last to its dead-letter queue.
    fn deliver(&mut self, delivery: &Delivery, now: Timestamp) -> Result<(), DeliveryError> {
        let Delivery { target_arn, rule_arn, input, attributes, .. } = delivery;
        let done = match target_arn.split(':').nth(2) {
            Some("sqs") => self.sqs.send_with(target_arn, input, attributes, now),
            Some("lambda") => {
                self.lambda.ask_by_arn(target_arn, "events.amazonaws.com", rule_arn, input, now)
            }
            _ => Err(format!("the embedded AWS delivers to queues and functions, not to {target_arn}")),
        };
        // AWS documents that a target which is gone or denies access gets no further attempt.
        done.map_err(|message| DeliveryError {
            retryable: false,
            code: "RESOURCE_NOT_FOUND".to_owned(),
            message,
        })
    }

    /// When something is next due that no request causes.
    pub(crate) fn next_act_at(&self) -> Option<Timestamp> {
        [self.next_at(), self.events.next_at(), self.lambda.next_at(), self.lambda.next_batch_at(&self.sqs)]
            .into_iter()
            .flatten()
            .min()
    }
}
