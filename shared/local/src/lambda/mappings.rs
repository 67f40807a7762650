//! Event source mappings: queues whose messages a function is given in batches.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Lambda,
    invocation::Origin,
    mapping::{Batch, Mapping},
    names::{Key, invalid, not_found},
    outcome::Outcome,
    routes::name_of,
};
use crate::{
    api::{ApiError, Scope},
    page,
    sqs::{Message, Sqs},
    wire::text,
};

impl Lambda {
    pub(super) fn create_mapping(
        &mut self,
        scope: &Scope,
        function: Key,
        body: &Value,
        sqs: &Sqs,
    ) -> Result<Value, ApiError> {
        let mapping = Mapping::read(function, body, scope.now)?;
        let timeout = self.functions.get(&mapping.function).map(|found| found.configuration.timeout);
        match sqs.visibility_timeout(&mapping.queue) {
            None => {
                return Err(invalid(format!("the queue {} does not exist", mapping.queue)));
            }
            Some(visibility) if timeout.is_some_and(|timeout| visibility < timeout) => {
                return Err(invalid(format!(
                    "Queue visibility timeout: {} seconds is less than Function timeout: {} seconds",
                    visibility.as_secs(),
                    timeout.unwrap_or_default().as_secs()
                )));
            }
            Some(_) => {}
        }
        let twin = |other: &&Mapping| other.function == mapping.function && other.queue == mapping.queue;
        if self.mappings.values().find(twin).is_some() {
            return Err(ApiError {
                status: 409,
                ..ApiError::client("ResourceConflictException", "The event source mapping already exists")
            });
        }
        let id = self.rng.uuid();
        let view = mapping.view(&id);
        self.mappings.insert(id, mapping);
        Ok(view)
    }

    fn mapping(&mut self, scope: &Scope, id: &str) -> Result<&mut Mapping, ApiError> {
        self.mappings
            .get_mut(id)
            .filter(|mapping| mapping.function[..2] == [scope.account.clone(), scope.region.clone()])
            .ok_or_else(|| not_found(format!("The event source mapping {id} does not exist")))
    }

    pub(super) fn get_mapping(&mut self, scope: &Scope, id: &str) -> Result<Value, ApiError> {
        Ok(self.mapping(scope, id)?.view(id))
    }

    pub(super) fn update_mapping(
        &mut self,
        scope: &Scope,
        id: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let mapping = self.mapping(scope, id)?;
        *mapping = mapping.clone().changed(body, scope.now)?;
        Ok(mapping.view(id))
    }

    pub(super) fn delete_mapping(&mut self, scope: &Scope, id: &str) -> Result<Value, ApiError> {
        let mut view = self.mapping(scope, id)?.view(id);
        self.mappings.remove(id);
        view["State"] = json!("Deleting");
        Ok(view)
    }

    /// A page of at most 100, as AWS documents, in the order of their ids.
    pub(super) fn list_mappings<'a>(
        &self,
        scope: &Scope,
        query: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Value, ApiError> {
        let function = query("FunctionName").map(name_of);
        let queue = query("EventSourceArn");
        let most = query("MaxItems").map_or(Ok(100), str::parse).map_err(|_| invalid("Invalid MaxItems"))?;
        let after = page::after(query("Marker"), || invalid("Invalid Marker"))?;
        let listed = self
            .mappings
            .iter()
            .filter(|(_, mapping)| {
                mapping.function[..2] == [scope.account.clone(), scope.region.clone()]
                    && function.is_none_or(|name| mapping.function[2] == name)
                    && queue.is_none_or(|arn| mapping.queue == arn)
            })
            .map(|(id, mapping)| (id, mapping.view(id)));
        let (found, next) = page::page(listed, after.as_deref(), most.clamp(1, 100));
        let mut answer = json!({ "EventSourceMappings": found });
        if let Some(next) = next {
            answer["NextMarker"] = json!(next);
        }
        Ok(answer)
    }

    /// Begins an invocation for every batch that can be taken now.
    pub(crate) fn poll(&mut self, sqs: &mut Sqs, now: Timestamp) {
        let ready: Vec<String> = self
            .mappings
            .iter()
            .filter(|(_, mapping)| !self.is_stopped(&mapping.function))
            .filter(|(_, mapping)| mapping.next_at(sqs).is_some_and(|at| at <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ready {
            while let Some(mapping) =
                self.mappings.get_mut(&id).filter(|mapping| mapping.running < mapping.most)
            {
                let function = mapping.function.clone();
                if self.functions.get(&function).is_none_or(|found| !found.is_there()) {
                    break;
                }
                let messages = sqs.receive(&mapping.queue, mapping.batch, now);
                if messages.is_empty() {
                    break;
                }
                mapping.running += 1;
                let payload = json!({ "Records": records(&messages, &mapping.queue, &function[1]) });
                let messages = messages.into_iter().map(|message| (message.id, message.receipt)).collect();
                let (batch, request_id) = (Batch { mapping: id.clone(), messages }, self.rng.uuid());
                self.begin(request_id, &function, payload.to_string().into(), Origin::Queue(batch));
            }
        }
    }

    /// When a mapping can next take a batch.
    pub(crate) fn next_batch_at(&self, sqs: &Sqs) -> Option<Timestamp> {
        let has_function =
            |mapping: &&Mapping| self.functions.get(&mapping.function).is_some_and(super::Deployed::is_there);
        let may_run = |mapping: &&Mapping| !self.is_stopped(&mapping.function);
        self.mappings
            .values()
            .filter(has_function)
            .filter(may_run)
            .filter_map(|mapping| mapping.next_at(sqs))
            .min()
    }

    /// What was handled is deleted; what was not comes again when its visibility timeout has passed.
    pub(super) fn batch_ended(&mut self, batch: &Batch, outcome: &Outcome, sqs: &mut Sqs) {
        let Some(mapping) = self.mappings.get_mut(&batch.mapping) else { return };
        mapping.running = mapping.running.saturating_sub(1);
        if outcome.answer.is_err() {
            return;
        }
        let failed = if mapping.partial { failures(outcome) } else { Some(BTreeSet::new()) };
        // An answer that names a message that was not in the batch fails the whole batch.
        let Some(failed) = failed
            .filter(|failed| failed.iter().all(|id| batch.messages.iter().any(|(message, _)| message == id)))
        else {
            return;
        };
        for (id, receipt) in &batch.messages {
            if !failed.contains(id) {
                sqs.delete(&mapping.queue, receipt);
            }
        }
    }
}

/// The messages that an answer names as failed; `None` when the answer cannot be understood.
fn failures(outcome: &Outcome) -> Option<BTreeSet<String>> {
    let answer = outcome.document()?;
    let Some(failures) = answer.get("batchItemFailures").filter(|failures| !failures.is_null()) else {
        return Some(BTreeSet::new());
    };
    let named = failures.as_array()?.iter().map(|failure| text(failure, "itemIdentifier"));
    named.map(|id| id.filter(|id| !id.is_empty()).map(str::to_owned)).collect()
}

fn records(messages: &[Message], queue: &str, region: &str) -> Vec<Value> {
    messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.receipt,
                "body": message.body,
                "attributes": message.attributes,
                "messageAttributes": attributes(message),
                "md5OfBody": message.md5,
                "eventSource": "aws:sqs",
                "eventSourceARN": queue,
                "awsRegion": region,
            })
        })
        .collect()
}

/// The sender's own attributes, as event source records name their members.
fn attributes(message: &Message) -> Value {
    let told = message.message_attributes.iter().map(|(name, attribute)| {
        let member = |name: &str| attribute.get(name).cloned().unwrap_or_default();
        let attribute = json!({
            "dataType": member("DataType"),
            "stringValue": member("StringValue"),
            "binaryValue": member("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
        });
        (name.clone(), attribute)
    });
    Value::Object(told.collect())
}
