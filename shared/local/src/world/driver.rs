//! What the world does by itself: schedules fire, events reach their targets, queues feed functions.
//!
//! None of that happens by a request: whoever wants the world to live drives it. On a paused runtime a test decides
//! so for how long; a world that is served over TCP is always driven, and its clock is moved by [`World::move_clock`].

use jiff::{SignedDuration, Timestamp};

use super::{State, World};
use crate::{
    events::{Delivery, DeliveryError},
    lambda::{Invocation, Outcome},
};

/// The shortest wait: a step that finds nothing to do never spins.
const MIN_STEP: SignedDuration = SignedDuration::from_millis(1);

impl World {
    /// Drives the world for ever.
    pub async fn drive(&self) {
        loop {
            let next = self.step();
            if self.move_on(next) {
                // Whoever asks meanwhile is answered.
                tokio::task::yield_now().await;
            } else {
                self.wait(next).await;
            }
        }
    }

    /// From now on the world's time stands still while no function runs, and only [`World::move_clock`] moves it. A
    /// function takes the time that it takes: its waits, its deadline and its schedule are on the same clock.
    pub fn hold_clock(&self) {
        self.clock().hold();
    }

    /// Whether the world's time stands still while no function runs.
    #[must_use]
    pub fn holds_clock(&self) -> bool {
        self.clock().is_held()
    }

    /// Moves the clock of a driven world to the moment that `to` makes of its time. What is due until then happens in
    /// its order, each at its own moment and to its end, before the clock continues; what is due at the moment itself
    /// happens too. Orders wait for each other; one that is dropped stops the clock where it is.
    ///
    /// # Errors
    /// Those of `to`.
    pub async fn move_clock<E>(&self, to: impl FnOnce(Timestamp) -> Result<Timestamp, E>) -> Result<(), E> {
        let _turn = self.turn().lock().await;
        let _order = Order::give(self, to(self.now())?);
        // The world has its end of the channel for as long as it is there.
        let _ = self.goal().subscribe().wait_for(Option::is_none).await;
        Ok(())
    }

    /// Where the clock is on its way to, if it is.
    #[must_use]
    pub fn moving_to(&self) -> Option<Timestamp> {
        *self.goal().borrow()
    }

    /// Moves the clock to what is due next, but not beyond where it is to go. Returns whether it has moved.
    fn move_on(&self, next: Option<Timestamp>) -> bool {
        let Some(goal) = self.moving_to() else { return false };
        let state = self.state();
        if state.lambda.running() > 0 {
            return false;
        }
        let now = self.now();
        if goal <= now {
            self.goal().send_replace(None);
            return false;
        }
        self.clock().move_to(next.unwrap_or(goal).max(now + MIN_STEP).min(goal));
        true
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

    /// Everything that is due happens. Returns when something is due next.
    fn step(&self) -> Option<Timestamp> {
        let now = self.now();
        let mut state = self.state();
        state.act(now);
        let begun = state.lambda.take_begun();
        let next = state.next_act_at();
        // While time stands still nothing wakes the driver but what is asked of the world.
        state.wakes_at = next.filter(|_| self.clock().goes());
        drop(state);
        self.spawn(begun);
        next
    }

    async fn wait(&self, until: Option<Timestamp>) {
        let sleep = async {
            match until {
                Some(until) if self.clock().goes() => {
                    let wait = until.duration_since(self.now()).max(MIN_STEP);
                    tokio::time::sleep(wait.unsigned_abs()).await;
                }
                _ => std::future::pending().await,
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
        self.clock().begin(begun.len());
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
        self.clock().end();
        self.woken().notify_one();
    }
}

/// An order to move the clock, in force until it is dropped.
struct Order<'a>(&'a World);

impl<'a> Order<'a> {
    fn give(world: &'a World, moment: Timestamp) -> Self {
        world.goal().send_replace(Some(moment));
        world.woken().notify_one();
        Self(world)
    }
}

impl Drop for Order<'_> {
    fn drop(&mut self) {
        self.0.goal().send_replace(None);
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
