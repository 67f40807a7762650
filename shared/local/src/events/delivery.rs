//! Deliveries to targets: at least once, in no order, again after an error, and at last to a dead-letter
//! queue.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{rng::Rng, wire::text};

/// An event on its way to a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delivery {
    /// The account whose rule it is.
    pub(crate) account: String,
    /// The Region whose rule it is.
    pub(crate) region: String,
    /// The rule that delivers.
    pub(crate) rule_arn: String,
    /// The id of the rule's target.
    pub(crate) target_id: String,
    /// Where to: the target, or in the end its dead-letter queue.
    pub(crate) target_arn: String,
    /// The role with which the target is to be called, if it names one.
    pub(crate) role_arn: Option<String>,
    /// The JSON that the target gets.
    pub(crate) input: String,
    /// What a dead letter says of its failure, as message attributes; of no other delivery anything.
    pub(crate) attributes: BTreeMap<String, String>,
    /// How often it has failed.
    pub(crate) failures: u32,
    /// The event, as the dead-letter queue gets it.
    pub(super) event: String,
    pub(super) since: Timestamp,
    pub(super) retries: Retries,
}

/// Why a target did not take an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryError {
    /// Whether another attempt may help. AWS documents that a target that is gone or denies access gets none.
    pub(crate) retryable: bool,
    /// The error code, such as `NO_PERMISSIONS`, `RESOURCE_NOT_FOUND`, `THROTTLING`, `INTERNAL_ERROR`.
    pub(crate) code: String,
    /// What happened.
    pub(crate) message: String,
}

/// How long a target is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retries {
    pub(super) most: u32,
    pub(super) age: SignedDuration,
    /// The ARN of the dead-letter queue.
    pub(super) dead_letters: Option<String>,
}

impl Retries {
    /// Reads the retry policy and the dead-letter queue of a target. AWS documents the defaults: 185
    /// retries, 24 hours.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn read(target: &Value) -> Result<Self, String> {
        let policy = target.get("RetryPolicy");
        let number = |member: &str, least: u64, most: u64| {
            let value = policy.and_then(|policy| policy.get(member)).map_or(Some(most), Value::as_u64);
            value
                .filter(|value| (least..=most).contains(value))
                .ok_or_else(|| format!("Value at 'RetryPolicy.{member}' must be between {least} and {most}."))
        };
        let most = number("MaximumRetryAttempts", 0, 185)?;
        let age = number("MaximumEventAgeInSeconds", 60, 86_400)?;
        let dead_letters = target.get("DeadLetterConfig").and_then(|config| text(config, "Arn"));
        if dead_letters.is_some_and(|arn| !arn.starts_with("arn:aws:sqs:")) {
            return Err("DeadLetterConfig.Arn must be the ARN of an SQS queue.".to_owned());
        }
        Ok(Self {
            most: u32::try_from(most).unwrap_or(u32::MAX),
            age: SignedDuration::from_secs(i64::try_from(age).unwrap_or(i64::MAX)),
            dead_letters: dead_letters.map(str::to_owned),
        })
    }
}

impl Delivery {
    /// What follows a failure: another attempt or the dead letter, with its time, or nothing.
    pub(super) fn failed(
        mut self,
        error: &DeliveryError,
        now: Timestamp,
        rng: &mut Rng,
    ) -> Option<(Timestamp, Self)> {
        let is_dead_letter = !self.attributes.is_empty();
        if is_dead_letter {
            return None;
        }
        let retries = self.failures;
        self.failures += 1;
        let next = now.saturating_add(pause(retries, rng)).unwrap_or(now);
        let exhausted = if !error.retryable {
            None
        } else if retries >= self.retries.most {
            Some("MaximumRetryAttempts")
        } else if next.duration_since(self.since) > self.retries.age {
            Some("MaximumEventAgeInSeconds")
        } else {
            return Some((next, self));
        };
        let queue = self.retries.dead_letters.clone()?;
        let told = [
            ("RULE_ARN", Some(self.rule_arn.clone())),
            ("TARGET_ARN", Some(self.target_arn.clone())),
            ("ERROR_CODE", Some(error.code.clone())),
            ("ERROR_MESSAGE", Some(error.message.clone())),
            ("RETRY_ATTEMPTS", Some(retries.to_string())),
            ("EXHAUSTED_RETRY_CONDITION", exhausted.map(str::to_owned)),
        ];
        self.attributes = told
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !value.is_empty())?)))
            .collect();
        self.input = self.event.clone();
        self.target_arn = queue;
        self.role_arn = None;
        Some((now, self))
    }
}

/// How long to wait before a retry: twice as long each time, up to ten minutes, and of that between a half
/// and all. AWS returns no more than that it backs off exponentially with jitter, 185 times in 24 hours.
fn pause(retries: u32, rng: &mut Rng) -> SignedDuration {
    let whole = 1_000_u64.saturating_mul(1 << retries.min(16)).min(600_000);
    let jitter = u64::from_le_bytes(rng.array()) % (whole / 2 + 1);
    SignedDuration::from_millis(i64::try_from(whole / 2 + jitter).unwrap_or(i64::MAX))
}
