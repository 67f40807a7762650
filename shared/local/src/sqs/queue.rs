//! One queue: its messages, and when each of them can be received.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{attributes::Redrive, errors, md5};
use crate::{api::ApiError, rng::Rng};

/// A standard queue. AWS promises at least one delivery and no order; here the oldest comes first.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// The attributes that are set, defaults among them.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) purged: Option<Timestamp>,
    messages: BTreeMap<u64, Stored>,
    arrived: u64,
}

/// A message to be sent.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) body: String,
    pub(super) attributes: Map<String, Value>,
    /// The attributes of the system that can be sent: `AWSTraceHeader`.
    pub(super) system: Map<String, Value>,
    pub(super) sender: String,
    /// `None` is the queue's own delay.
    pub(super) delay: Option<SignedDuration>,
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) system: Map<String, Value>,
    pub(super) sender: String,
    pub(super) sent: Timestamp,
    pub(super) first_received: Option<Timestamp>,
    pub(super) last_received: Option<Timestamp>,
    pub(super) receives: u32,
    pub(super) receipt: String,
    /// The queue from which it came as a dead letter.
    pub(super) died_in: Option<String>,
    visible_at: Timestamp,
}

impl Stored {
    /// Hidden since it was received, and not by a delay.
    fn in_flight(&self, now: Timestamp) -> bool {
        self.last_received.is_some() && now < self.visible_at
    }
}

/// How many messages a queue has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) visible: usize,
    pub(super) delayed: usize,
    pub(super) in_flight: usize,
}

impl Queue {
    pub(super) fn new(arn: String, attributes: BTreeMap<String, String>, now: Timestamp) -> Self {
        Self {
            arn,
            created: now,
            modified: now,
            attributes,
            tags: BTreeMap::new(),
            purged: None,
            messages: BTreeMap::new(),
            arrived: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }

    /// `https://sqs.<region>.amazonaws.com/<account>/<name>`.
    pub(super) fn url(&self) -> String {
        let mut parts = self.arn.split(':').skip(3);
        let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("https://sqs.{region}.amazonaws.com/{account}/{}", self.name())
    }

    /// A whole number among the attributes.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.attributes.get(name).and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    fn seconds(&self, name: &str) -> SignedDuration {
        SignedDuration::from_secs(self.number(name))
    }

    pub(super) fn visibility_timeout(&self) -> SignedDuration {
        self.seconds("VisibilityTimeout")
    }

    /// Where messages go that were received too often, if anywhere.
    pub(super) fn redrive(&self) -> Option<Redrive> {
        self.attributes.get("RedrivePolicy").and_then(|policy| Redrive::read(policy).ok())
    }

    /// Removes what is past its retention.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let retention = self.seconds("MessageRetentionPeriod");
        self.messages.retain(|_, message| now.duration_since(message.sent) < retention);
    }

    /// Accepts a message; returns its id.
    pub(super) fn send(&mut self, draft: Draft, now: Timestamp, rng: &mut Rng) -> String {
        let id = rng.uuid();
        let delay = draft.delay.unwrap_or_else(|| self.seconds("DelaySeconds"));
        self.take_in(Stored {
            id: id.clone(),
            body: draft.body,
            attributes: draft.attributes,
            system: draft.system,
            sender: draft.sender,
            sent: now,
            first_received: None,
            last_received: None,
            receives: 0,
            receipt: String::new(),
            died_in: None,
            visible_at: now.saturating_add(delay).unwrap_or(now),
        });
        id
    }

    /// Takes in a message as it is. AWS documents that a dead letter keeps the time at which it was sent.
    pub(super) fn take_in(&mut self, message: Stored) {
        self.arrived += 1;
        self.messages.insert(self.arrived, message);
    }

    /// Takes out those visible messages that have been received as often as the redrive policy lets them:
    /// AWS moves a message when it would be received once more.
    pub(super) fn take_dead(&mut self, most_receives: u32, most: usize, now: Timestamp) -> Vec<Stored> {
        let visible = self.messages.iter().filter(|(_, message)| message.visible_at <= now).take(most);
        let dead: Vec<u64> =
            visible.filter(|(_, message)| message.receives >= most_receives).map(|(at, _)| *at).collect();
        let arn = self.arn.clone();
        dead.into_iter()
            .filter_map(|at| self.messages.remove(&at))
            .map(|message| Stored {
                died_in: Some(arn.clone()),
                last_received: None,
                visible_at: now,
                ..message
            })
            .collect()
    }

    /// Receives up to `most` messages and hides them.
    pub(super) fn receive(
        &mut self,
        most: usize,
        hide_for: SignedDuration,
        now: Timestamp,
        rng: &mut Rng,
    ) -> Vec<Stored> {
        let arn = &self.arn;
        let visible = self.messages.iter_mut().filter(|(_, message)| message.visible_at <= now);
        visible
            .take(most)
            .map(|(at, message)| {
                message.receives += 1;
                message.first_received.get_or_insert(now);
                message.last_received = Some(now);
                message.visible_at = now.saturating_add(hide_for).unwrap_or(now);
                message.receipt = STANDARD.encode(format!("{at} {} {arn}", rng.uuid()));
                message.clone()
            })
            .collect()
    }

    /// The place of the message that a receipt handle of this queue names.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid`.
    fn place(&self, receipt: &str) -> Result<u64, ApiError> {
        let read = STANDARD.decode(receipt).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let place = read.as_deref().and_then(|read| {
            let (place, rest) = read.split_once(' ')?;
            (rest.split_once(' ')?.1 == self.arn).then(|| place.parse().ok())?
        });
        place.ok_or_else(|| {
            ApiError::client(
                "ReceiptHandleIsInvalid",
                format!("The input receipt handle \"{receipt}\" is not a valid receipt handle."),
            )
        })
    }

    /// Deletes a message. With an older receipt than its last one nothing happens, and for a message
    /// that is gone neither: AWS documents that both are answered with success.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid`.
    pub(super) fn delete(&mut self, receipt: &str) -> Result<(), ApiError> {
        let place = self.place(receipt)?;
        if self.messages.get(&place).is_some_and(|message| message.receipt == receipt) {
            self.messages.remove(&place);
        }
        Ok(())
    }

    /// Hides a message in flight until `timeout` from now: at once visible with none.
    ///
    /// # Errors
    /// `ReceiptHandleIsInvalid`, `MessageNotInflight`, `InvalidParameterValue` beyond 12 hours since it
    /// was received.
    pub(super) fn hide(
        &mut self,
        receipt: &str,
        timeout: SignedDuration,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let place = self.place(receipt)?;
        let reason = "Message does not exist or is not available for visibility timeout change.";
        let message = self
            .messages
            .get_mut(&place)
            .ok_or_else(|| errors::invalid_value("ReceiptHandle", receipt, reason))?;
        if message.receipt != receipt || !message.in_flight(now) {
            return Err(ApiError::client("MessageNotInflight", "The message referred to is not in flight."));
        }
        let visible_at = now.saturating_add(timeout).unwrap_or(now);
        let held = message.last_received.map(|received| visible_at.duration_since(received));
        if held.is_some_and(|held| held > SignedDuration::from_hours(12)) {
            return Err(errors::invalid(format!(
                "Value {} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the \
                 message is beyond the limit [43200 seconds]",
                timeout.as_secs()
            )));
        }
        message.visible_at = visible_at;
        Ok(())
    }

    /// Removes all messages.
    pub(super) fn purge(&mut self) {
        self.messages.clear();
    }

    /// When the next message can be received.
    pub(super) fn visible_at(&self) -> Option<Timestamp> {
        self.messages.values().map(|message| message.visible_at).min()
    }

    #[cfg(test)]
    /// How many messages there are, in flight or not.
    pub(super) fn depth(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn counts(&self, now: Timestamp) -> Counts {
        let mut counts = Counts::default();
        for message in self.messages.values() {
            if message.visible_at <= now {
                counts.visible += 1;
            } else if message.in_flight(now) {
                counts.in_flight += 1;
            } else {
                counts.delayed += 1;
            }
        }
        counts
    }
}

impl Stored {
    /// What the system says of the message, by the names that clients ask for.
    pub(super) fn told(&self) -> BTreeMap<String, String> {
        let millis = |at: Timestamp| at.as_millisecond().to_string();
        let mut told = BTreeMap::from([
            ("ApproximateReceiveCount".to_owned(), self.receives.to_string()),
            ("SenderId".to_owned(), self.sender.clone()),
            ("SentTimestamp".to_owned(), millis(self.sent)),
        ]);
        if let Some(at) = self.first_received {
            told.insert("ApproximateFirstReceiveTimestamp".to_owned(), millis(at));
        }
        if let Some(source) = &self.died_in {
            told.insert("DeadLetterQueueSourceArn".to_owned(), source.clone());
        }
        for (name, value) in &self.system {
            if let Some(value) = value.get("StringValue").and_then(Value::as_str) {
                told.insert(name.clone(), value.to_owned());
            }
        }
        told
    }

    pub(super) fn md5(&self) -> String {
        md5::of_body(&self.body)
    }
}
