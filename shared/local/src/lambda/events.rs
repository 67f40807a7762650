//! Asynchronous invocations: Lambda keeps the event, tries again, and hands over what keeps failing.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Lambda,
    invocation::Origin,
    names::{Key, key_of_arn},
    outcome::Outcome,
    permissions,
    retries::{Asked, Retries},
};
use crate::sqs::Sqs;

impl Lambda {
    /// Takes an event for a function; no one waits for the answer.
    pub(super) fn ask(&mut self, function: Key, payload: Bytes, now: Timestamp) {
        let request_id = self.rng.uuid();
        self.attempt(Asked { request_id, function, payload, since: now, tries: 0 }, now);
    }

    /// What a stopped function is asked waits, and is dropped when it grows too old.
    fn attempt(&mut self, asked: Asked, now: Timestamp) {
        if self.is_stopped(&asked.function) {
            let longest = self.functions.get(&asked.function).map(|function| function.retries.longest);
            let again = now + SignedDuration::from_mins(1);
            if longest.is_some_and(|longest| again.duration_since(asked.since) <= longest) {
                self.numbered += 1;
                self.asked.insert((again, self.numbered), asked);
            }
            return;
        }
        let (request_id, function) = (asked.request_id.clone(), asked.function.clone());
        let payload = asked.payload.clone();
        self.begin(request_id, &function, payload, Origin::Event(asked));
    }

    /// Takes an event from another service.
    ///
    /// # Errors
    /// When there is no such function, or the service may not invoke it.
    pub(crate) fn ask_by_arn(
        &mut self,
        arn: &str,
        service: &str,
        source_arn: &str,
        payload: &str,
        now: Timestamp,
    ) -> Result<(), String> {
        let function = self.of_arn(arn).ok_or_else(|| format!("Function not found: {arn}"))?;
        if !permissions::may_invoke(&function.permissions, service, source_arn) {
            return Err(format!("{service} is not authorized to invoke {arn}"));
        }
        let key = key_of_arn(arn).ok_or_else(|| format!("no ARN of a function: {arn}"))?;
        self.ask(key, payload.to_owned().into(), now);
        Ok(())
    }

    /// When the next event is to be tried again.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.asked.keys().next().map(|(at, _)| *at)
    }

    /// Begins what is to be tried again.
    pub(crate) fn begin_due(&mut self, now: Timestamp) {
        while let Some(due) = self.asked.first_entry().filter(|entry| entry.key().0 <= now) {
            let asked = due.remove();
            self.attempt(asked, now);
        }
    }

    /// After an error Lambda waits one minute, then two.
    pub(super) fn event_ended(&mut self, mut asked: Asked, outcome: &Outcome, sqs: &mut Sqs, now: Timestamp) {
        let Err(error) = &outcome.answer else { return };
        let Some(function) = self.functions.get(&asked.function) else { return };
        asked.tries += 1;
        let wait = SignedDuration::from_mins(i64::from(asked.tries));
        let Retries { most, longest, on_failure } = &function.retries;
        if asked.tries <= *most && now.duration_since(asked.since) + wait <= *longest {
            self.numbered += 1;
            self.asked.insert((now + wait, self.numbered), asked);
            return;
        }
        let told: Value = serde_json::from_slice(&asked.payload).unwrap_or_default();
        let error: Value = serde_json::from_slice(error).unwrap_or_default();
        let lost = [
            (function.configuration.dead_letters.as_deref(), told.to_string()),
            (on_failure.as_deref(), json!({
                "version": "1.0",
                "timestamp": format!("{now:.3}"),
                "requestContext": {
                    "requestId": asked.request_id,
                    "functionArn": format!("{}:$LATEST", function.configuration.arn),
                    "condition": "RetriesExhausted",
                    "approximateInvokeCount": asked.tries,
                },
                "requestPayload": told,
                "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
                "responsePayload": error,
            }).to_string()),
        ];
        for (queue, message) in lost {
            let Some(queue) = queue else { continue };
            if let Err(error) = sqs.send(queue, &message, now) {
                tracing::warn!(queue, error, "the event of a function is lost");
            }
        }
    }
}
