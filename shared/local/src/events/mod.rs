//! EventBridge: buses, rules, schedules, and what they deliver.
//!
//! AWS promises at least one delivery of an event to each target, in no order. Here each delivery is made
//! once unless it fails, and the world's driver makes it.

mod bus;
mod delivery;
mod flow;
mod input;
mod path;
mod pattern;
mod requests;
mod rules;
pub(crate) mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::{
    bus::Bus,
    requests::{
        Answer, check_name, not_found, paged, required, strings, test_event_pattern, too_many, validation,
    },
};
use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::{Service, text},
};

pub(crate) use delivery::{Delivery, DeliveryError};

/// How many buses an account has in a Region at most, as AWS documents.
const BUSES: usize = 100;

/// EventBridge of all accounts and Regions.
#[derive(Debug)]
pub(crate) struct Events {
    /// The default buses among them, once they have been used.
    buses: BTreeMap<BusKey, Bus>,
    /// ARN of a rule or bus → its tags.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// What is to be delivered, by time and in the order in which it was posted.
    pending: BTreeMap<(Timestamp, u64), Delivery>,
    posted: u64,
    rng: Rng,
}

/// Where a bus is, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct BusKey {
    account: String,
    region: String,
    bus: String,
}

impl BusKey {
    /// The bus of a name or an ARN; the default bus when there is none.
    fn named(scope: &Scope, bus: Option<&str>) -> Self {
        let bus = bus.unwrap_or("default");
        let of_arn = bus.strip_prefix("arn:aws:events:").and_then(|rest| {
            let (region, rest) = rest.split_once(':')?;
            let (account, bus) = rest.split_once(":event-bus/")?;
            Some((account, region, bus))
        });
        let (account, region, bus) = of_arn.unwrap_or((&scope.account, &scope.region, bus));
        Self { account: account.to_owned(), region: region.to_owned(), bus: bus.to_owned() }
    }

    fn default_of(account: &str, region: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), bus: "default".to_owned() }
    }
}

impl Events {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { buses: BTreeMap::new(), tags: BTreeMap::new(), pending: BTreeMap::new(), posted: 0, rng }
    }

    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        match operation {
            "PutRule" => self.put_rule(scope, body),
            "DescribeRule" => self.describe_rule(scope, body),
            "ListRules" => self.list_rules(scope, body),
            "DeleteRule" => self.delete_rule(scope, body),
            "EnableRule" => self.switch_rule(scope, body, true),
            "DisableRule" => self.switch_rule(scope, body, false),
            "PutTargets" => self.put_targets(scope, body),
            "ListTargetsByRule" => self.list_targets_by_rule(scope, body),
            "ListRuleNamesByTarget" => self.list_rule_names_by_target(scope, body),
            "RemoveTargets" => self.remove_targets(scope, body),
            "PutEvents" => self.put_events(scope, body),
            "TestEventPattern" => test_event_pattern(body),
            "CreateEventBus" => self.create_event_bus(scope, body),
            "DescribeEventBus" => {
                let place = BusKey::named(scope, text(body, "Name"));
                Ok(self.bus_at(&place, scope.now)?.described())
            }
            "ListEventBuses" => self.list_event_buses(scope, body),
            "DeleteEventBus" => self.delete_event_bus(scope, body),
            "TagResource" => self.tag_resource(body),
            "UntagResource" => self.untag_resource(body),
            "ListTagsForResource" => self.list_tags(body),
            _ => Err(Service::Events.unknown_operation(operation)),
        }
    }

    /// A bus. The default bus is always there.
    fn bus_at(&mut self, place: &BusKey, now: Timestamp) -> Result<&mut Bus, ApiError> {
        if place.bus == "default" {
            let bus = || Bus::new(&place.account, &place.region, "default", now);
            return Ok(self.buses.entry(place.clone()).or_insert_with(bus));
        }
        self.buses
            .get_mut(place)
            .ok_or_else(|| not_found(&format!("Event bus {} does not exist.", place.bus)))
    }

    fn create_event_bus(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = required(body, "Name")?;
        check_name("name", name, 256)?;
        let place = BusKey::named(scope, Some(name));
        if name == "default" || self.buses.contains_key(&place) {
            return Err(ApiError::client(
                "ResourceAlreadyExistsException",
                format!("Event bus {name} already exists."),
            ));
        }
        let here = |at: &&BusKey| at.account == place.account && at.region == place.region;
        if self.buses.keys().filter(here).count() >= BUSES {
            return Err(too_many());
        }
        let mut bus = Bus::new(&scope.account, &scope.region, name, scope.now);
        for member in ["Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"] {
            if let Some(value) = body.get(member) {
                bus.told.insert(member.to_owned(), value.clone());
            }
        }
        let mut answer: Map<String, Value> = bus.told.clone().into_iter().collect();
        answer.insert("EventBusArn".to_owned(), json!(bus.arn));
        self.add_tags(&bus.arn, body);
        self.buses.insert(place, bus);
        Ok(answer.into())
    }

    fn list_event_buses(&mut self, scope: &Scope, body: &Value) -> Answer {
        self.bus_at(&BusKey::named(scope, None), scope.now)?;
        let prefix = text(body, "NamePrefix").unwrap_or_default();
        let here = self.buses.iter().filter(|(place, _)| {
            place.account == scope.account && place.region == scope.region && place.bus.starts_with(prefix)
        });
        paged(body, "EventBuses", here.map(|(place, bus)| (&place.bus, bus.described())))
    }

    /// Deletes a bus; AWS answers with success when there is none.
    fn delete_event_bus(&mut self, scope: &Scope, body: &Value) -> Answer {
        let place = BusKey::named(scope, Some(required(body, "Name")?));
        if place.bus == "default" {
            return Err(validation("Cannot delete event bus default."));
        }
        if self.buses.get(&place).is_some_and(|bus| !bus.rules.is_empty()) {
            return Err(validation("Event bus can't be deleted since it has rules."));
        }
        let deleted = self.buses.remove(&place);
        deleted.map(|bus| self.tags.remove(&bus.arn));
        Ok(Value::Null)
    }

    /// The ARN of a rule or bus that a request on tags names.
    fn tagged<'a>(&self, body: &'a Value) -> Result<&'a str, ApiError> {
        let arn = required(body, "ResourceARN")?;
        let known =
            self.buses.values().any(|bus| bus.arn == arn || bus.rules.values().any(|rule| rule.arn == arn));
        if known { Ok(arn) } else { Err(not_found(&format!("{arn} does not exist."))) }
    }

    fn add_tags(&mut self, arn: &str, body: &Value) {
        for tag in body.get("Tags").and_then(Value::as_array).into_iter().flatten() {
            if let (Some(key), Some(value)) = (text(tag, "Key"), text(tag, "Value")) {
                self.tags.entry(arn.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
            }
        }
    }

    fn tag_resource(&mut self, body: &Value) -> Answer {
        let arn = self.tagged(body)?;
        self.add_tags(arn, body);
        Ok(json!({}))
    }

    fn untag_resource(&mut self, body: &Value) -> Answer {
        let arn = self.tagged(body)?;
        if let Some(tags) = self.tags.get_mut(arn) {
            strings(body, "TagKeys").into_iter().for_each(|key| {
                tags.remove(key);
            });
        }
        Ok(json!({}))
    }

    fn list_tags(&self, body: &Value) -> Answer {
        let tags = self.tags.get(self.tagged(body)?).into_iter().flatten();
        let tags: Vec<Value> = tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": tags }))
    }
}
