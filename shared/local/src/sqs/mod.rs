//! SQS: standard queues, with delays, visibility timeouts, retention and dead-letter queues.
//!
//! AWS promises at least one delivery, in no order. Here each message is delivered once per receive and
//! the oldest first, and a long poll is answered at once.

mod attributes;
mod driver;
mod errors;
mod md5;
mod messages;
mod queue;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use self::{
    attributes::{Redrive, names},
    errors::{invalid, invalid_value, missing, no_fifo, no_queue},
    queue::Queue,
};
use crate::{
    api::{ApiError, Scope},
    page,
    rng::Rng,
    wire::{Service, text},
};

pub(crate) use self::{driver::Message, errors::query_code};

/// How long AWS wants a purged or deleted queue to be left alone.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// SQS of all accounts and Regions.
#[derive(Debug)]
pub(crate) struct Sqs {
    /// By ARN, which sorts them by Region, account and name.
    queues: BTreeMap<String, Queue>,
    /// ARN → when the queue was deleted.
    deleted: BTreeMap<String, Timestamp>,
    rng: Rng,
}

type Answer = Result<Value, ApiError>;

impl Sqs {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { queues: BTreeMap::new(), deleted: BTreeMap::new(), rng }
    }

    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        match operation {
            "CreateQueue" => self.create_queue(scope, body),
            "GetQueueUrl" => self.get_queue_url(scope, body),
            "GetQueueAttributes" => self.get_queue_attributes(scope, body),
            "SetQueueAttributes" => self.set_queue_attributes(scope, body),
            "ListQueues" => self.list_queues(scope, body),
            "ListDeadLetterSourceQueues" => self.list_sources(scope, body),
            "DeleteQueue" => self.delete_queue(scope, body),
            "PurgeQueue" => self.purge_queue(scope, body),
            "SendMessage" => self.send_message(scope, body),
            "SendMessageBatch" => self.send_message_batch(scope, body),
            "ReceiveMessage" => self.receive_message(scope, body),
            "DeleteMessage" => self.delete_message(scope, body),
            "DeleteMessageBatch" => self.delete_message_batch(scope, body),
            "ChangeMessageVisibility" => self.change_message_visibility(scope, body),
            "ChangeMessageVisibilityBatch" => self.change_message_visibility_batch(scope, body),
            "TagQueue" => self.tag_queue(scope, body),
            "UntagQueue" => self.untag_queue(scope, body),
            "ListQueueTags" => self.list_queue_tags(scope, body),
            _ => Err(Service::Sqs.unknown_operation(operation)),
        }
    }

    /// The ARN of the queue that `QueueUrl` names. Its host is not looked at: the Region is the request's.
    fn named(&self, scope: &Scope, body: &Value) -> Result<String, ApiError> {
        let url = text(body, "QueueUrl").ok_or_else(|| missing("QueueUrl"))?;
        let mut parts = url.trim_end_matches('/').rsplit('/');
        let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let account = if account.is_empty() { &scope.account } else { account };
        let arn = arn(&scope.region, account, name);
        if self.queues.contains_key(&arn) { Ok(arn) } else { Err(no_queue()) }
    }

    fn queue(&mut self, scope: &Scope, body: &Value) -> Result<&mut Queue, ApiError> {
        let arn = self.named(scope, body)?;
        let queue = self.queues.get_mut(&arn).ok_or_else(no_queue)?;
        queue.expire(scope.now);
        Ok(queue)
    }

    fn create_queue(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = text(body, "QueueName").ok_or_else(|| missing("QueueName"))?;
        if name.ends_with(".fifo") {
            return Err(no_fifo());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || name.len() > 80 || !name.bytes().all(plain) {
            return Err(invalid(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            ));
        }
        let set = attributes::read(body)?;
        let arn = arn(&scope.region, &scope.account, name);
        if let Some(queue) = self.queues.get(&arn) {
            // AWS compares what the request sets, and nothing else.
            let differs = set.iter().find(|(name, value)| {
                queue.attributes.get(*name).map(String::as_str).unwrap_or_default() != value.as_str()
            });
            return match differs {
                None => Ok(json!({ "QueueUrl": queue.url() })),
                Some((attribute, _)) => Err(ApiError::client(
                    "QueueNameExists",
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        if self.deleted.get(&arn).is_some_and(|deleted| scope.now.duration_since(*deleted) < PAUSE) {
            return Err(ApiError::client(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            ));
        }
        self.check_policies(&arn, &set)?;
        let mut all = attributes::defaults();
        attributes::merge(&mut all, &set);
        let mut queue = Queue::new(arn.clone(), all, scope.now);
        add_tags(&mut queue, body.get("tags"))?;
        let url = queue.url();
        self.queues.insert(arn, queue);
        Ok(json!({ "QueueUrl": url }))
    }

    /// Checks the redrive policies that the queue `arn` is to have. AWS wants a dead-letter queue to be
    /// there, in the same account and Region, and to admit the source.
    fn check_policies(&self, arn: &str, set: &BTreeMap<String, String>) -> Result<(), ApiError> {
        if let Some(policy) = set.get("RedriveAllowPolicy").filter(|policy| !policy.is_empty()) {
            attributes::check_allow_policy(policy)?;
        }
        let Some(policy) = set.get("RedrivePolicy").filter(|policy| !policy.is_empty()) else {
            return Ok(());
        };
        let redrive = Redrive::read(policy)?;
        let refused = |reason: &str| invalid_value("RedrivePolicy", policy, reason);
        let place = |arn: &str| arn.rsplit_once(':').map(|(place, _)| place.to_owned());
        let target = self
            .queues
            .get(&redrive.target)
            .filter(|target| place(&target.arn) == place(arn))
            .ok_or_else(|| refused("Dead letter target does not exist."))?;
        if !attributes::admits(target.attributes.get("RedriveAllowPolicy"), arn) {
            return Err(refused("Dead letter target does not allow redrive from this queue."));
        }
        Ok(())
    }

    fn get_queue_url(&self, scope: &Scope, body: &Value) -> Answer {
        let name = text(body, "QueueName").ok_or_else(|| missing("QueueName"))?;
        let account = text(body, "QueueOwnerAWSAccountId").unwrap_or(&scope.account);
        let queue = self.queues.get(&arn(&scope.region, account, name)).ok_or_else(no_queue)?;
        Ok(json!({ "QueueUrl": queue.url() }))
    }

    fn get_queue_attributes(&mut self, scope: &Scope, body: &Value) -> Answer {
        let queue = self.queue(scope, body)?;
        let asked = names(body, "AttributeNames");
        if let Some(unknown) = asked.iter().find(|name| **name != "All" && !attributes::known(name)) {
            return Err(ApiError::client("InvalidAttributeName", format!("Unknown Attribute {unknown}.")));
        }
        let counts = queue.counts(scope.now);
        let mut told = queue.attributes.clone();
        for (name, value) in attributes::READABLE_ATTRIBUTES.into_iter().zip([
            counts.visible.to_string(),
            counts.delayed.to_string(),
            counts.in_flight.to_string(),
            queue.created.as_second().to_string(),
            queue.modified.as_second().to_string(),
            queue.arn.clone(),
        ]) {
            told.insert(name.to_owned(), value);
        }
        told.retain(|name, _| asked.contains(&"All") || asked.contains(&name.as_str()));
        Ok(if told.is_empty() { json!({}) } else { json!({ "Attributes": told }) })
    }

    fn set_queue_attributes(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = self.named(scope, body)?;
        let set = attributes::read(body)?;
        if set.is_empty() {
            return Err(missing("Attribute.Name"));
        }
        self.check_policies(&arn, &set)?;
        let queue = self.queue(scope, body)?;
        attributes::merge(&mut queue.attributes, &set);
        queue.modified = scope.now;
        Ok(Value::Null)
    }

    fn list_queues(&self, scope: &Scope, body: &Value) -> Answer {
        let prefix = text(body, "QueueNamePrefix").unwrap_or_default();
        let here = self.queues.range(arn(&scope.region, &scope.account, "")..).map(|(_, queue)| queue);
        let here = here.take_while(|queue| queue.arn.starts_with(&arn(&scope.region, &scope.account, "")));
        paged(body, "QueueUrls", here.filter(|queue| queue.name().starts_with(prefix)))
    }

    fn list_sources(&self, scope: &Scope, body: &Value) -> Answer {
        let dead = self.named(scope, body)?;
        let feeds = |queue: &&Queue| queue.redrive().is_some_and(|redrive| redrive.target == dead);
        // AWS spells this member unlike its others, and always answers it.
        let mut answer = paged(body, "queueUrls", self.queues.values().filter(feeds))?;
        if answer.get("queueUrls").is_none() {
            answer["queueUrls"] = json!([]);
        }
        Ok(answer)
    }

    fn delete_queue(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = self.named(scope, body)?;
        self.queues.remove(&arn);
        self.deleted.insert(arn, scope.now);
        Ok(Value::Null)
    }

    fn purge_queue(&mut self, scope: &Scope, body: &Value) -> Answer {
        let queue = self.queue(scope, body)?;
        if queue.purged.is_some_and(|purged| scope.now.duration_since(purged) < PAUSE) {
            return Err(ApiError::client(
                "PurgeQueueInProgress",
                format!("Only one PurgeQueue operation on {} is allowed every 60 seconds.", queue.name()),
            ));
        }
        queue.purged = Some(scope.now);
        queue.purge();
        Ok(Value::Null)
    }

    fn tag_queue(&mut self, scope: &Scope, body: &Value) -> Answer {
        add_tags(self.queue(scope, body)?, body.get("Tags"))?;
        Ok(Value::Null)
    }

    fn untag_queue(&mut self, scope: &Scope, body: &Value) -> Answer {
        let queue = self.queue(scope, body)?;
        for key in names(body, "TagKeys") {
            queue.tags.remove(key);
        }
        Ok(Value::Null)
    }

    fn list_queue_tags(&mut self, scope: &Scope, body: &Value) -> Answer {
        let tags = &self.queue(scope, body)?.tags;
        Ok(if tags.is_empty() { json!({}) } else { json!({ "Tags": tags }) })
    }
}

fn arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:sqs:{region}:{account}:{name}")
}

/// Adds tags to a queue: at most 50, AWS documents.
fn add_tags(queue: &mut Queue, tags: Option<&Value>) -> Result<(), ApiError> {
    let mut all = queue.tags.clone();
    for (key, value) in tags.and_then(Value::as_object).unwrap_or(&Map::new()) {
        all.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    if all.len() > 50 {
        return Err(invalid(format!("Too many tags added for queue {}.", queue.name())));
    }
    queue.tags = all;
    Ok(())
}

/// One page of queue URLs. AWS documents that there is a next page only when `MaxResults` is given, and
/// that else the first 1,000 are all there is.
fn paged<'a>(body: &Value, member: &str, queues: impl Iterator<Item = &'a Queue>) -> Answer {
    let most = body.get("MaxResults").and_then(Value::as_u64);
    if most.is_some_and(|most| !(1..=1_000).contains(&most)) {
        return Err(invalid(
            "Value for parameter MaxResults is invalid. Reason: Must be between 1 and 1000.",
        ));
    }
    let after = page::after(text(body, "NextToken"), || invalid("Invalid or expired next token."))?;
    let limit = usize::try_from(most.unwrap_or(1_000)).unwrap_or(1_000);
    let (urls, next) = page::page(queues.map(|queue| (&queue.arn, queue.url())), after.as_deref(), limit);
    let mut answer = json!({});
    if !urls.is_empty() {
        answer[member] = json!(urls);
    }
    if let Some(next) = next.filter(|_| most.is_some()) {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}
