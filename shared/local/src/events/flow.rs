//! Events as they flow: onto buses, through rules, to targets.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    BusKey, Events,
    delivery::{Delivery, DeliveryError},
    input::About,
    validation,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

/// The most that an entry of PutEvents may have, in bytes: AWS says 1 MB.
const ENTRY_BYTES: usize = 1_048_576;

impl Events {
    pub(super) fn put_events(&mut self, scope: &Scope, body: &Value) -> Result<Value, ApiError> {
        let entries = body.get("Entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if entries.is_empty() || entries.len() > 10 {
            return Err(validation(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have \
                 length between 1 and 10",
            ));
        }
        if entries.iter().map(|entry| entry.to_string().len()).sum::<usize>() > ENTRY_BYTES {
            return Err(validation("Total size of the entries in the request is over the limit."));
        }
        let mut failed = 0;
        let answers: Vec<Value> = entries
            .iter()
            .map(|entry| match self.put_event(scope, entry) {
                Ok(id) => json!({ "EventId": id }),
                Err((code, message)) => {
                    failed += 1;
                    json!({ "ErrorCode": code, "ErrorMessage": message })
                }
            })
            .collect();
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    }

    /// Puts an entry onto its bus; returns the event's id. An event for a bus that does not exist is
    /// accepted and matches nothing.
    fn put_event(&mut self, scope: &Scope, entry: &Value) -> Result<String, (&'static str, String)> {
        let member = |name: &str| {
            text(entry, name).filter(|value| !value.is_empty()).ok_or_else(|| {
                (
                    "InvalidArgument",
                    format!("Parameter {name} is not valid. Reason: {name} is a required argument."),
                )
            })
        };
        let (source, kind, detail) = (member("Source")?, member("DetailType")?, member("Detail")?);
        if source.to_lowercase().starts_with("aws.") {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned()));
        }
        let detail: Value = serde_json::from_str(detail)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
        let time = match entry.get("Time") {
            Some(time) => parse_time(time)
                .ok_or_else(|| ("InvalidArgument", "Parameter Time is not valid.".to_owned()))?,
            None => scope.now,
        };
        let place = BusKey::named(scope, text(entry, "EventBusName"));
        let id = self.rng.uuid();
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": kind,
            "source": source,
            "account": scope.account,
            "time": written(time),
            "region": scope.region,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        });
        self.spread(&place, &event, scope.now);
        Ok(id)
    }

    /// Puts the event of an AWS service, with its envelope, onto the default bus.
    pub(crate) fn emit(&mut self, account: &str, region: &str, event: &Value, now: Timestamp) {
        self.spread(&BusKey::default_of(account, region), event, now);
    }

    /// Gives an event to all rules of a bus that want it.
    fn spread(&mut self, place: &BusKey, event: &Value, now: Timestamp) {
        let Some(bus) = self.buses.get(place) else { return };
        let mut made = Vec::new();
        for (name, rule) in &bus.rules {
            let wants = rule.pattern.as_ref().is_some_and(|(_, pattern)| pattern.matches(event));
            if rule.enabled() && wants {
                made.extend(deliveries(place, name, rule, event, now));
            }
        }
        made.into_iter().for_each(|delivery| self.post(now, delivery));
    }

    fn post(&mut self, at: Timestamp, delivery: Delivery) {
        self.posted += 1;
        self.pending.insert((at, self.posted), delivery);
    }

    /// Fires the schedules that are due. One that has been missed, for no one drove the world, fires once.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        let Self { buses, rng, .. } = self;
        let mut made = Vec::new();
        for (place, bus) in buses {
            for (name, rule) in &mut bus.rules {
                if let Some(at) = rule.fire(now) {
                    let event = json!({
                        "version": "0",
                        "id": rng.uuid(),
                        "detail-type": "Scheduled Event",
                        "source": "aws.events",
                        "account": place.account,
                        "time": written(at),
                        "region": place.region,
                        "resources": [rule.arn],
                        "detail": {},
                    });
                    made.extend(deliveries(place, name, rule, &event, at).into_iter().map(|made| (at, made)));
                }
            }
        }
        made.into_iter().for_each(|(at, delivery)| self.post(at, delivery));
    }

    /// Takes the deliveries that are due. Each is to be answered with [`Events::delivered`].
    pub(crate) fn take_deliveries(&mut self, now: Timestamp) -> Vec<Delivery> {
        let mut due = Vec::new();
        while let Some(first) = self.pending.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }

    /// Hears how a delivery went. After an error that may pass it comes again, after a final one it goes to
    /// the target's dead-letter queue, and where there is none it is dropped.
    pub(crate) fn delivered(
        &mut self,
        delivery: Delivery,
        outcome: Result<(), DeliveryError>,
        now: Timestamp,
    ) {
        if let Err(error) = outcome
            && let Some((at, delivery)) = delivery.failed(&error, now, &mut self.rng)
        {
            self.post(at, delivery);
        }
    }

    /// When a schedule or a delivery is next due.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        let rules = self.buses.values().flat_map(|bus| bus.rules.values());
        let delivery = self.pending.keys().next().map(|(at, _)| *at);
        rules.filter_map(|rule| rule.next).chain(delivery).min()
    }
}

/// An event on its way to each target of a rule.
fn deliveries(
    place: &BusKey,
    name: &str,
    rule: &super::bus::Rule,
    event: &Value,
    now: Timestamp,
) -> Vec<Delivery> {
    let about = About { event, rule_arn: &rule.arn, rule_name: name, arrived: now };
    rule.targets
        .iter()
        .map(|(id, target)| Delivery {
            account: place.account.clone(),
            region: place.region.clone(),
            rule_arn: rule.arn.clone(),
            target_id: id.clone(),
            target_arn: target.arn.clone(),
            role_arn: text(&target.told, "RoleArn").map(str::to_owned),
            input: target.input.make(about),
            attributes: std::collections::BTreeMap::new(),
            failures: 0,
            event: event.to_string(),
            since: now,
            retries: target.retries.clone(),
        })
        .collect()
}

/// A moment of the JSON protocol: seconds since the epoch.
#[expect(clippy::cast_possible_truncation, reason = "events tell whole seconds")]
fn parse_time(time: &Value) -> Option<Timestamp> {
    time.as_f64().and_then(|seconds| Timestamp::from_second(seconds as i64).ok())
}

/// A moment as events tell it, in whole seconds.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
