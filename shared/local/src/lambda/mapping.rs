//! A queue that feeds a function, and what the function has of it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::names::{Key, arn, invalid};
use crate::{
    api::ApiError,
    sqs::Sqs,
    wire::{text, timestamp},
};

/// A queue that feeds a function.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub(super) function: Key,
    pub(super) queue: String,
    pub(super) batch: usize,
    /// How many batches may run at once.
    pub(super) most: usize,
    pub(super) running: usize,
    pub(super) enabled: bool,
    /// Whether the function's answer names the messages that failed.
    pub(super) partial: bool,
    pub(super) modified: Timestamp,
}

/// Messages that a function has been given.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(super) mapping: String,
    /// Message ids and receipts.
    pub(super) messages: Vec<(String, String)>,
}

impl Mapping {
    pub(super) fn read(function: Key, body: &Value, now: Timestamp) -> Result<Self, ApiError> {
        let queue = text(body, "EventSourceArn").filter(|arn| arn.contains(":sqs:"));
        let mapping = Self {
            function,
            queue: queue.ok_or_else(|| invalid("the embedded AWS reads SQS queues only"))?.to_owned(),
            batch: 10,
            most: 5,
            running: 0,
            enabled: true,
            partial: false,
            modified: now,
        };
        mapping.changed(body, now)
    }

    pub(super) fn changed(mut self, body: &Value, now: Timestamp) -> Result<Self, ApiError> {
        let within = |value: &Value, what: &str, least: u64, most: u64| match value.as_u64() {
            None => Ok(None),
            Some(number) if (least..=most).contains(&number) => Ok(usize::try_from(number).ok()),
            Some(number) => Err(invalid(format!("{what} is {least} to {most}, not {number}"))),
        };
        // More than ten need a batching window, which is not modelled.
        self.batch = within(&body["BatchSize"], "BatchSize", 1, 10)?.unwrap_or(self.batch);
        let most = &body["ScalingConfig"]["MaximumConcurrency"];
        self.most = within(most, "MaximumConcurrency", 2, 1000)?.unwrap_or(self.most);
        self.enabled = body["Enabled"].as_bool().unwrap_or(self.enabled);
        if let Some(kinds) = body["FunctionResponseTypes"].as_array() {
            self.partial = kinds.iter().any(|kind| kind == "ReportBatchItemFailures");
        }
        self.modified = now;
        Ok(self)
    }

    pub(super) fn view(&self, id: &str) -> Value {
        let kinds: &[&str] = if self.partial { &["ReportBatchItemFailures"] } else { &[] };
        let [account, region, _] = &self.function;
        json!({
            "UUID": id,
            "BatchSize": self.batch,
            "MaximumBatchingWindowInSeconds": 0,
            "EventSourceArn": self.queue,
            "FunctionArn": arn(&self.function),
            "EventSourceMappingArn": format!("arn:aws:lambda:{region}:{account}:event-source-mapping:{id}"),
            "LastModified": timestamp(self.modified),
            "State": if self.enabled { "Enabled" } else { "Disabled" },
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": kinds,
            "ScalingConfig": { "MaximumConcurrency": self.most },
        })
    }

    /// When the next batch can be taken.
    pub(super) fn next_at(&self, sqs: &Sqs) -> Option<Timestamp> {
        sqs.visible_at(&self.queue).filter(|_| self.enabled && self.running < self.most)
    }
}
