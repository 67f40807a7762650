//! The operations on rules and their targets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    BusKey, Events,
    bus::{Bus, Rule, Target},
    delivery::Retries,
    input::Input,
    requests::{Answer, check_name, paged, read_pattern, required, strings, too_many, validation},
    schedule::Schedule,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

/// How many rules a bus has at most, and how many targets a rule, as AWS documents.
const RULES: usize = 300;
const TARGETS: usize = 5;

impl Events {
    /// The bus that `EventBusName` names, by name or by ARN.
    fn bus(&mut self, scope: &Scope, body: &Value) -> Result<&mut Bus, ApiError> {
        let place = BusKey::named(scope, text(body, "EventBusName"));
        self.bus_at(&place, scope.now)
    }

    fn rule(&mut self, scope: &Scope, body: &Value, member: &str) -> Result<&mut Rule, ApiError> {
        let name = required(body, member)?;
        let bus = self.bus(scope, body)?;
        let missing = format!("Rule {name} does not exist on EventBus {}.", bus.name);
        bus.rules.get_mut(name).ok_or_else(|| ApiError::client("ResourceNotFoundException", missing))
    }

    pub(super) fn put_rule(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = required(body, "Name")?;
        check_name("name", name, 64)?;
        let pattern = text(body, "EventPattern").filter(|pattern| !pattern.is_empty());
        let expression = text(body, "ScheduleExpression").filter(|expression| !expression.is_empty());
        if pattern.is_none() && expression.is_none() {
            return Err(validation("Parameter(s) EventPattern or ScheduleExpression must be specified."));
        }
        let pattern = pattern.map(|written| Ok((written.to_owned(), read_pattern(written)?))).transpose()?;
        let schedule = expression
            .map(|written| {
                let read = Schedule::read(written);
                let read = read.ok_or_else(|| validation("Parameter ScheduleExpression is not valid."))?;
                Ok((written.to_owned(), read))
            })
            .transpose()?;
        let state = text(body, "State").unwrap_or("ENABLED");
        if !matches!(state, "ENABLED" | "DISABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") {
            return Err(validation(&format!("Value '{state}' at 'state' failed to satisfy constraint")));
        }
        let bus = self.bus(scope, body)?;
        if schedule.is_some() && bus.name != "default" {
            return Err(validation("ScheduleExpression is supported only on the default event bus."));
        }
        let arn = bus.rule_arn(name);
        let former = bus.rules.remove(name);
        if former.is_none() && bus.rules.len() >= RULES {
            return Err(too_many());
        }
        let is_new = former.is_none();
        // AWS replaces the whole rule, and leaves its targets and its tags as they are.
        let mut rule = Rule {
            arn: arn.clone(),
            state: state.to_owned(),
            description: text(body, "Description").map(str::to_owned),
            role_arn: text(body, "RoleArn").map(str::to_owned),
            pattern,
            schedule,
            next: None,
            targets: former.map(|former| former.targets).unwrap_or_default(),
        };
        rule.wind(scope.now);
        bus.rules.insert(name.to_owned(), rule);
        if is_new {
            self.add_tags(&arn, body);
        }
        Ok(json!({ "RuleArn": arn }))
    }

    pub(super) fn describe_rule(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = required(body, "Name")?;
        let place = BusKey::named(scope, text(body, "EventBusName"));
        let mut described = self.rule(scope, body, "Name")?.described(name, &place.bus);
        described["CreatedBy"] = json!(place.account);
        Ok(described)
    }

    pub(super) fn list_rules(&mut self, scope: &Scope, body: &Value) -> Answer {
        let prefix = text(body, "NamePrefix").unwrap_or_default();
        let bus = self.bus(scope, body)?;
        let rules = bus.rules.iter().filter(|(name, _)| name.starts_with(prefix));
        paged(body, "Rules", rules.map(|(name, rule)| (name, rule.described(name, &bus.name))))
    }

    /// Deletes a rule; AWS answers with success when there is none.
    pub(super) fn delete_rule(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = required(body, "Name")?;
        let bus = self.bus(scope, body)?;
        if bus.rules.get(name).is_some_and(|rule| !rule.targets.is_empty()) {
            return Err(validation("Rule can't be deleted since it has targets."));
        }
        let deleted = bus.rules.remove(name);
        deleted.map(|rule| self.tags.remove(&rule.arn));
        Ok(Value::Null)
    }

    pub(super) fn switch_rule(&mut self, scope: &Scope, body: &Value, on: bool) -> Answer {
        let rule = self.rule(scope, body, "Name")?;
        if rule.enabled() != on {
            rule.state = if on { "ENABLED" } else { "DISABLED" }.to_owned();
            rule.wind(scope.now);
        }
        Ok(Value::Null)
    }

    pub(super) fn put_targets(&mut self, scope: &Scope, body: &Value) -> Answer {
        let asked = body.get("Targets").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if asked.is_empty() || asked.len() > 10 {
            return Err(validation("Value at 'targets' must have between 1 and 10 members."));
        }
        let rule = self.rule(scope, body, "Rule")?;
        let (mut read, mut failed) = (BTreeMap::new(), Vec::new());
        for target in asked {
            let (id, arn) = (required(target, "Id")?, required(target, "Arn")?);
            check_name("targets.id", id, 64)?;
            let retries = Retries::read(target).map_err(|error| validation(&error))?;
            let input = Input::read(target).map_err(|error| validation(&error))?;
            if arn.split(':').count() < 6 || !arn.starts_with("arn:") {
                failed.push(json!({
                    "TargetId": id,
                    "ErrorCode": "ValidationException",
                    "ErrorMessage": format!("Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."),
                }));
                continue;
            }
            let target = Target { arn: arn.to_owned(), input, retries, told: target.clone() };
            read.insert(id.to_owned(), target);
        }
        let added = read.keys().filter(|id| !rule.targets.contains_key(*id)).count();
        if rule.targets.len() + added > TARGETS {
            return Err(too_many());
        }
        rule.targets.append(&mut read);
        Ok(json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed }))
    }

    pub(super) fn list_targets_by_rule(&mut self, scope: &Scope, body: &Value) -> Answer {
        let targets = &self.rule(scope, body, "Rule")?.targets;
        paged(body, "Targets", targets.iter().map(|(id, target)| (id, target.told.clone())))
    }

    pub(super) fn list_rule_names_by_target(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "TargetArn")?;
        let rules = self.bus(scope, body)?.rules.iter();
        let rules = rules.filter(|(_, rule)| rule.targets.values().any(|target| target.arn == arn));
        paged(body, "RuleNames", rules.map(|(name, _)| (name, json!(name))))
    }

    pub(super) fn remove_targets(&mut self, scope: &Scope, body: &Value) -> Answer {
        let ids = strings(body, "Ids");
        let rule = self.rule(scope, body, "Rule")?;
        let mut failed = Vec::new();
        for id in ids {
            if rule.targets.remove(id).is_none() {
                failed.push(json!({
                    "TargetId": id,
                    "ErrorCode": "ResourceNotFoundException",
                    "ErrorMessage": format!("Target {id} does not exist."),
                }));
            }
        }
        Ok(json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed }))
    }
}
