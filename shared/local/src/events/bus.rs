//! Buses and their rules, as they are kept and told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{delivery::Retries, input::Input, pattern::Pattern, schedule::Schedule};
use crate::wire::seconds;

/// An event bus.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    /// What the request that created it said beyond that, and is reported again.
    pub(super) told: BTreeMap<String, Value>,
    pub(super) rules: BTreeMap<String, Rule>,
}

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) arn: String,
    pub(super) state: String,
    pub(super) description: Option<String>,
    pub(super) role_arn: Option<String>,
    /// The pattern, and how it was written.
    pub(super) pattern: Option<(String, Pattern)>,
    /// The schedule, and how it was written.
    pub(super) schedule: Option<(String, Schedule)>,
    /// When the schedule fires next.
    pub(super) next: Option<Timestamp>,
    pub(super) targets: BTreeMap<String, Target>,
}

/// A target of a rule.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) input: Input,
    pub(super) retries: Retries,
    /// As the request said it.
    pub(super) told: Value,
}

impl Bus {
    pub(super) fn new(account: &str, region: &str, name: &str, now: Timestamp) -> Self {
        Self {
            arn: format!("arn:aws:events:{region}:{account}:event-bus/{name}"),
            name: name.to_owned(),
            created: now,
            told: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    /// The ARN of a rule of this bus: AWS leaves the default bus out of it.
    pub(super) fn rule_arn(&self, rule: &str) -> String {
        let base = self.arn.split(":event-bus/").next().unwrap_or_default();
        if self.name == "default" {
            format!("{base}:rule/{rule}")
        } else {
            format!("{base}:rule/{}/{rule}", self.name)
        }
    }

    pub(super) fn described(&self) -> Value {
        let mut described = json!({
            "Name": self.name,
            "Arn": self.arn,
            "CreationTime": seconds(self.created),
            "LastModifiedTime": seconds(self.created),
        });
        for (member, value) in &self.told {
            described[member] = value.clone();
        }
        described
    }
}

impl Rule {
    pub(super) fn enabled(&self) -> bool {
        self.state != "DISABLED"
    }

    /// Sets the schedule going from a moment, or stops it.
    pub(super) fn wind(&mut self, now: Timestamp) {
        let schedule = self.schedule.as_ref().filter(|_| self.enabled());
        self.next = schedule.and_then(|(_, schedule)| schedule.next(now));
    }

    /// The latest moment by `now` for which the schedule fires, if there is one.
    pub(super) fn fire(&mut self, now: Timestamp) -> Option<Timestamp> {
        let (_, schedule) = self.schedule.as_ref()?;
        let mut fires = None;
        while let Some(at) = self.next.filter(|at| *at <= now) {
            fires = Some(at);
            self.next = schedule.next(at);
        }
        fires
    }

    pub(super) fn described(&self, name: &str, bus: &str) -> Value {
        let mut described =
            json!({ "Name": name, "Arn": self.arn, "State": self.state, "EventBusName": bus });
        for (member, value) in [
            ("EventPattern", self.pattern.as_ref().map(|(written, _)| written)),
            ("ScheduleExpression", self.schedule.as_ref().map(|(written, _)| written)),
            ("Description", self.description.as_ref()),
            ("RoleArn", self.role_arn.as_ref()),
        ] {
            if let Some(value) = value {
                described[member] = json!(value);
            }
        }
        described
    }
}
