//! The queues as the world's own machinery uses them: Lambda's pollers, and EventBridge's deliveries.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Sqs, md5,
    queue::{Draft, Stored},
};

/// A message as an event source mapping reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// The message id.
    pub(crate) id: String,
    /// The receipt handle, which deletes or releases it.
    pub(crate) receipt: String,
    /// The body.
    pub(crate) body: String,
    /// The MD5 digest of the body.
    pub(crate) md5: String,
    /// What SQS says of it: `ApproximateReceiveCount`, `SentTimestamp`, `SenderId`,
    /// `ApproximateFirstReceiveTimestamp`, and for a dead letter `DeadLetterQueueSourceArn`.
    pub(crate) attributes: BTreeMap<String, String>,
    /// The sender's own attributes, as the API has them: `{"name": {"DataType": .., "StringValue": ..}}`.
    pub(crate) message_attributes: Map<String, Value>,
    /// The MD5 digest of the sender's own attributes, if there are any.
    pub(crate) message_attributes_md5: Option<String>,
}

impl Sqs {
    /// Sends a message without attributes, as a service does.
    ///
    /// # Errors
    /// What is wrong with the queue or the message.
    pub(crate) fn send(&mut self, queue_arn: &str, body: &str, now: Timestamp) -> Result<(), String> {
        self.send_with(queue_arn, body, &BTreeMap::new(), now)
    }

    /// Sends a message with text attributes, as EventBridge does with its dead letters.
    ///
    /// # Errors
    /// What is wrong with the queue or the message.
    pub(crate) fn send_with(
        &mut self,
        queue_arn: &str,
        body: &str,
        attributes: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), String> {
        let attributes = attributes
            .iter()
            .map(|(name, value)| (name.clone(), json!({ "DataType": "String", "StringValue": value })))
            .collect();
        let Self { queues, rng, .. } = self;
        let queue =
            queues.get_mut(queue_arn).ok_or_else(|| "The specified queue does not exist.".to_owned())?;
        let draft = Draft { body: body.to_owned(), attributes, sender: "aws".to_owned(), ..Draft::default() };
        super::messages::check(queue, &draft).map_err(|error| error.message)?;
        queue.send(draft, now, rng);
        Ok(())
    }

    /// Receives up to `most` messages and hides them for the queue's visibility timeout. Those that were
    /// received too often move to the dead-letter queue instead.
    pub(crate) fn receive(&mut self, queue_arn: &str, most: usize, now: Timestamp) -> Vec<Message> {
        self.take(queue_arn, most, None, now).into_iter().map(Message::from).collect()
    }

    /// Deletes a message; nothing happens when it is gone.
    pub(crate) fn delete(&mut self, queue_arn: &str, receipt: &str) {
        if let Some(queue) = self.queues.get_mut(queue_arn) {
            // A handle that names no message of this queue deletes none.
            let _ = queue.delete(receipt);
        }
    }

    #[cfg(test)]
    /// Makes a received message visible again at once; nothing happens when it is not in flight.
    pub(crate) fn release(&mut self, queue_arn: &str, receipt: &str, now: Timestamp) {
        if let Some(queue) = self.queues.get_mut(queue_arn) {
            // A message that is gone or visible needs no release.
            let _ = queue.hide(receipt, SignedDuration::ZERO, now);
        }
    }

    /// When the next message of a queue can be received, if it has any.
    pub(crate) fn visible_at(&self, queue_arn: &str) -> Option<Timestamp> {
        self.queues.get(queue_arn)?.visible_at()
    }

    /// How long a received message is hidden, if there is such a queue.
    pub(crate) fn visibility_timeout(&self, queue_arn: &str) -> Option<SignedDuration> {
        Some(self.queues.get(queue_arn)?.visibility_timeout())
    }

    #[cfg(test)]
    /// How many messages a queue has, hidden or not.
    pub(crate) fn depth(&self, queue_arn: &str) -> usize {
        self.queues.get(queue_arn).map_or(0, super::queue::Queue::depth)
    }
}

impl From<Stored> for Message {
    fn from(stored: Stored) -> Self {
        Self {
            md5: stored.md5(),
            attributes: stored.told(),
            message_attributes_md5: md5::of_attributes(&stored.attributes),
            id: stored.id,
            receipt: stored.receipt,
            body: stored.body,
            message_attributes: stored.attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::Scope, rng::Rng};

    const QUEUE: &str = "arn:aws:sqs:eu-central-1:111122223333:work";
    const DEAD: &str = "arn:aws:sqs:eu-central-1:111122223333:dead";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn ids(messages: Vec<Message>) -> Vec<String> {
        messages.into_iter().map(|message| message.id).collect()
    }

    fn create(sqs: &mut Sqs, name: &str, attributes: &Value) {
        let scope = Scope {
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            caller: String::new(),
            now: at(0),
        };
        sqs.handle(&scope, "CreateQueue", &json!({ "QueueName": name, "Attributes": attributes })).unwrap();
    }

    #[test]
    fn a_message_is_hidden_released_and_dies_when_received_too_often() {
        let mut sqs = Sqs::new(Rng::new(1, 1));
        create(&mut sqs, "dead", &json!({}));
        let policy = json!({ "deadLetterTargetArn": DEAD, "maxReceiveCount": "2" }).to_string();
        create(&mut sqs, "work", &json!({ "RedrivePolicy": policy, "VisibilityTimeout": "60" }));
        sqs.send(QUEUE, "{}", at(1)).unwrap();
        assert_eq!(sqs.visible_at(QUEUE), Some(at(1)));

        let first = sqs.receive(QUEUE, 10, at(2));
        assert_eq!(first[0].attributes["ApproximateReceiveCount"], "1");
        assert_eq!(first[0].attributes["SentTimestamp"], "1000");
        assert_eq!((sqs.visible_at(QUEUE), sqs.receive(QUEUE, 10, at(3)).len()), (Some(at(62)), 0));
        sqs.release(QUEUE, &first[0].receipt, at(4));
        let second = sqs.receive(QUEUE, 10, at(4));
        assert_eq!(second[0].attributes["ApproximateReceiveCount"], "2");
        assert_eq!(second[0].attributes["ApproximateFirstReceiveTimestamp"], "2000");

        sqs.delete(QUEUE, &first[0].receipt);
        assert_eq!(sqs.depth(QUEUE), 1, "an old receipt deletes nothing");
        assert_eq!(sqs.receive(QUEUE, 10, at(64)), [], "it moves instead of being received");
        assert_eq!((sqs.depth(QUEUE), sqs.depth(DEAD)), (0, 1));
        let dead = sqs.receive(DEAD, 10, at(64));
        assert_eq!(dead[0].attributes["DeadLetterQueueSourceArn"], QUEUE);
        assert_eq!(sqs.visibility_timeout(QUEUE), Some(SignedDuration::from_mins(1)));
        assert_eq!(ids(dead.clone()), ids(first));
        sqs.delete(DEAD, &dead[0].receipt);
        assert_eq!(sqs.depth(DEAD), 0);
    }

    #[test]
    fn a_dead_letter_keeps_the_age_of_its_message() {
        let mut sqs = Sqs::new(Rng::new(1, 1));
        create(&mut sqs, "dead", &json!({ "MessageRetentionPeriod": "120" }));
        let policy = json!({ "deadLetterTargetArn": DEAD, "maxReceiveCount": 1 }).to_string();
        create(&mut sqs, "work", &json!({ "RedrivePolicy": policy }));
        sqs.send(QUEUE, "{}", at(0)).unwrap();
        assert_eq!(sqs.receive(QUEUE, 1, at(0)).len(), 1);
        assert_eq!(sqs.receive(QUEUE, 1, at(100)).len(), 0);
        assert_eq!(sqs.receive(DEAD, 1, at(121)), []);
        assert!(sqs.send("arn:aws:sqs:eu-central-1:111122223333:none", "{}", at(0)).is_err());
    }
}
