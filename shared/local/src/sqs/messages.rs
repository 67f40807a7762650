//! The operations on messages, one by one and in batches.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Sqs,
    attributes::names,
    errors::{invalid, invalid_value, missing, no_fifo, no_queue},
    md5,
    queue::{Draft, Queue, Stored},
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

/// The most that all messages of a batch may have together, in bytes: as much as one message, AWS says.
const BATCH_BYTES: usize = 1_048_576;

type Answer = Result<Value, ApiError>;

impl Sqs {
    pub(super) fn send_message(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = self.named(scope, body)?;
        self.send_one(&arn, scope, body)
    }

    fn send_one(&mut self, arn: &str, scope: &Scope, entry: &Value) -> Answer {
        let Self { queues, rng, .. } = self;
        let queue = queues.get_mut(arn).ok_or_else(no_queue)?;
        if entry.get("MessageDeduplicationId").is_some() {
            return Err(no_fifo());
        }
        let sender = if scope.caller.is_empty() { &scope.account } else { &scope.caller };
        let draft = Draft {
            body: text(entry, "MessageBody").unwrap_or_default().to_owned(),
            attributes: members(entry, "MessageAttributes"),
            system: members(entry, "MessageSystemAttributes"),
            sender: sender.clone(),
            delay: ranged(entry, "DelaySeconds", 0, 900)?.map(SignedDuration::from_secs),
        };
        check(queue, &draft)?;
        let mut answer = json!({ "MD5OfMessageBody": md5::of_body(&draft.body) });
        for (member, attributes) in
            [("MD5OfMessageAttributes", &draft.attributes), ("MD5OfMessageSystemAttributes", &draft.system)]
        {
            if let Some(digest) = md5::of_attributes(attributes) {
                answer[member] = json!(digest);
            }
        }
        answer["MessageId"] = json!(queue.send(draft, scope.now, rng));
        Ok(answer)
    }

    pub(super) fn receive_message(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = self.named(scope, body)?;
        let most = number(body, "MaxNumberOfMessages").unwrap_or(1);
        let most = usize::try_from(most).ok().filter(|most| (1..=10).contains(most)).ok_or_else(|| {
            invalid_value("MaxNumberOfMessages", &most.to_string(), "Must be between 1 and 10, if provided.")
        })?;
        // A long poll is answered at once: nothing arrives while a request holds the world.
        ranged(body, "WaitTimeSeconds", 0, 20)?;
        let hide_for = ranged(body, "VisibilityTimeout", 0, 43_200)?.map(SignedDuration::from_secs);
        let told: Vec<&str> =
            [names(body, "AttributeNames"), names(body, "MessageSystemAttributeNames")].concat();
        let wanted = names(body, "MessageAttributeNames");
        let messages: Vec<Value> = self
            .take(&arn, most, hide_for, scope.now)
            .iter()
            .map(|message| received(message, &told, &wanted))
            .collect();
        Ok(if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) })
    }

    /// Receives messages, after those that were received too often have moved to the dead-letter queue.
    /// Without one, they stay where they are.
    pub(super) fn take(
        &mut self,
        arn: &str,
        most: usize,
        hide_for: Option<SignedDuration>,
        now: Timestamp,
    ) -> Vec<Stored> {
        let Self { queues, rng, .. } = self;
        let Some(queue) = queues.get_mut(arn) else { return Vec::new() };
        queue.expire(now);
        if let Some(redrive) = queue.redrive().filter(|redrive| redrive.target != arn)
            && queues.contains_key(&redrive.target)
        {
            let dead = queues.get_mut(arn).map(|queue| queue.take_dead(redrive.most, most, now));
            if let Some(target) = queues.get_mut(&redrive.target) {
                dead.into_iter().flatten().for_each(|message| target.take_in(message));
            }
        }
        let Some(queue) = queues.get_mut(arn) else { return Vec::new() };
        let hide_for = hide_for.unwrap_or_else(|| queue.visibility_timeout());
        queue.receive(most, hide_for, now, rng)
    }

    pub(super) fn delete_message(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = self.named(scope, body)?;
        self.delete_one(&arn, body)
    }

    fn delete_one(&mut self, arn: &str, entry: &Value) -> Answer {
        let receipt = text(entry, "ReceiptHandle").ok_or_else(|| missing("ReceiptHandle"))?;
        self.queues.get_mut(arn).ok_or_else(no_queue)?.delete(receipt)?;
        Ok(Value::Null)
    }

    pub(super) fn change_message_visibility(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = self.named(scope, body)?;
        self.change_one(&arn, scope, body)
    }

    fn change_one(&mut self, arn: &str, scope: &Scope, entry: &Value) -> Answer {
        let receipt = text(entry, "ReceiptHandle").ok_or_else(|| missing("ReceiptHandle"))?;
        let timeout =
            ranged(entry, "VisibilityTimeout", 0, 43_200)?.ok_or_else(|| missing("VisibilityTimeout"))?;
        let queue = self.queues.get_mut(arn).ok_or_else(no_queue)?;
        queue.expire(scope.now);
        queue.hide(receipt, SignedDuration::from_secs(timeout), scope.now)?;
        Ok(Value::Null)
    }

    pub(super) fn send_message_batch(&mut self, scope: &Scope, body: &Value) -> Answer {
        let bytes: usize =
            entries(body).iter().map(|entry| text(entry, "MessageBody").map_or(0, str::len)).sum();
        if bytes > BATCH_BYTES {
            return Err(ApiError::client(
                "BatchRequestTooLong",
                format!(
                    "Batch requests cannot be longer than {BATCH_BYTES} bytes. You have sent {bytes} bytes."
                ),
            ));
        }
        self.batch(scope, body, |sqs, arn, entry| sqs.send_one(arn, scope, entry))
    }

    pub(super) fn delete_message_batch(&mut self, scope: &Scope, body: &Value) -> Answer {
        self.batch(scope, body, |sqs, arn, entry| sqs.delete_one(arn, entry))
    }

    pub(super) fn change_message_visibility_batch(&mut self, scope: &Scope, body: &Value) -> Answer {
        self.batch(scope, body, |sqs, arn, entry| sqs.change_one(arn, scope, entry))
    }

    /// Does each entry by itself; one that fails does not hold up the others.
    fn batch(
        &mut self,
        scope: &Scope,
        body: &Value,
        mut one: impl FnMut(&mut Self, &str, &Value) -> Answer,
    ) -> Answer {
        let arn = self.named(scope, body)?;
        let entries = entries(body);
        check_ids(entries)?;
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let id = text(entry, "Id").unwrap_or_default();
            match one(self, &arn, entry) {
                Ok(mut answer) => {
                    answer["Id"] = json!(id);
                    done.push(answer);
                }
                Err(error) => {
                    let code = super::errors::query_code(&error.code).unwrap_or(&error.code);
                    failed.push(json!({
                        "Id": id, "SenderFault": true, "Code": code, "Message": error.message,
                    }));
                }
            }
        }
        Ok(json!({ "Successful": done, "Failed": failed }))
    }
}

/// Checks what a queue demands of a message.
///
/// # Errors
/// `MissingParameter`, `InvalidParameterValue`, `InvalidMessageContents`.
pub(super) fn check(queue: &Queue, draft: &Draft) -> Result<(), ApiError> {
    if draft.body.is_empty() {
        return Err(missing("MessageBody"));
    }
    let strays =
        |char: char| (char < ' ' && !"\t\n\r".contains(char)) || matches!(char, '\u{fffe}' | '\u{ffff}');
    if draft.body.contains(strays) {
        return Err(ApiError::client(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
             #xFFFD | #x10000 to #x10FFFF.",
        ));
    }
    if draft.attributes.len() > 10 {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [10].",
            draft.attributes.len()
        )));
    }
    let mut bytes = draft.body.len();
    for (name, attribute) in &draft.attributes {
        let kind = text(attribute, "DataType").unwrap_or_default();
        let value = match kind.split('.').next() {
            Some("String" | "Number") => text(attribute, "StringValue").map(str::len),
            Some("Binary") => Some(md5::bytes_of(attribute).len()),
            _ => {
                return Err(invalid(format!(
                    "The type of message (user) attribute '{name}' is invalid. You must use only the following \
                     supported type prefixes: Binary, Number, String."
                )));
            }
        };
        let value = value.filter(|length| *length > 0).ok_or_else(|| {
            invalid(format!(
                "The message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
            ))
        })?;
        bytes += name.len() + kind.len() + value;
    }
    let most = queue.number("MaximumMessageSize");
    if i64::try_from(bytes).unwrap_or(i64::MAX) > most {
        return Err(invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
        )));
    }
    Ok(())
}

/// A received message with the attributes that were asked for.
fn received(message: &Stored, told: &[&str], wanted: &[&str]) -> Value {
    let mut answer = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": message.md5(),
        "Body": message.body,
    });
    let mut system = message.told();
    system.retain(|name, _| told.contains(&"All") || told.contains(&name.as_str()));
    if !system.is_empty() {
        answer["Attributes"] = json!(system);
    }
    // AWS takes names, beginnings of names that end in `.*`, and `All` or `.*`.
    let asked = |name: &str| {
        wanted.iter().any(|wanted| {
            *wanted == "All"
                || *wanted == name
                || wanted.strip_suffix(".*").is_some_and(|start| name.starts_with(start))
        })
    };
    let attributes: Map<String, Value> = message
        .attributes
        .iter()
        .filter(|(name, _)| asked(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(digest) = md5::of_attributes(&attributes) {
        answer["MD5OfMessageAttributes"] = json!(digest);
        answer["MessageAttributes"] = attributes.into();
    }
    answer
}

fn entries(body: &Value) -> &[Value] {
    body.get("Entries").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Checks the ids of a batch's entries.
fn check_ids(entries: &[Value]) -> Result<(), ApiError> {
    if entries.is_empty() {
        return Err(ApiError::client(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > 10 {
        return Err(ApiError::client(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are 10. You have sent {}.", entries.len()),
        ));
    }
    let mut seen = BTreeSet::new();
    for entry in entries {
        let id = text(entry, "Id").unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.is_empty() || id.len() > 80 || !id.bytes().all(plain) {
            return Err(ApiError::client(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                 most 80 letters long.",
            ));
        }
        if !seen.insert(id) {
            return Err(ApiError::client("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
        }
    }
    Ok(())
}

fn members(entry: &Value, member: &str) -> Map<String, Value> {
    entry.get(member).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn number(body: &Value, member: &str) -> Option<i64> {
    body.get(member).and_then(Value::as_i64)
}

/// A whole number within bounds, if it is given.
fn ranged(body: &Value, member: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
    match number(body, member) {
        Some(value) if !(least..=most).contains(&value) => Err(invalid_value(
            member,
            &value.to_string(),
            &format!("{member} must be an integer between {least} and {most}"),
        )),
        value => Ok(value),
    }
}
