//! What was meant to be: policies and tables over time, and the slots that come due.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::calendar;
use crate::entry::Intent;
use crate::policy::Policy;

/// A policy over time.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// As last applied.
    pub(crate) policy: Policy,
    /// Everything that was ever applied, with its moment.
    pub(crate) versions: Vec<(Timestamp, Policy)>,
    disabled: bool,
    /// When it was deleted.
    pub(crate) deleted: Option<Timestamp>,
    /// Since when each tier is in force.
    since: BTreeMap<String, Timestamp>,
}

impl Plan {
    fn is_on(&self) -> bool {
        self.policy.enabled && !self.disabled && self.deleted.is_none()
    }

    /// Whether the next slot of a tier came before a session.
    pub(crate) fn is_conflict(&self, due: &Due, session: Timestamp) -> bool {
        let tier = self.policy.tiers.iter().find(|tier| tier.name == due.tier);
        tier.is_none_or(|tier| {
            !calendar::slots(tier, &calendar::zone(&self.policy), due.slot, session).is_empty()
        })
    }

    fn selects(&self, table: &str) -> bool {
        let Policy { tables, prefixes, .. } = &self.policy;
        tables.iter().any(|name| name == table) || prefixes.iter().any(|prefix| table.starts_with(prefix))
    }
}

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    created: Timestamp,
    /// When it was dropped.
    pub(crate) dropped: Option<Timestamp>,
}

/// A slot that came due for a table.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) policy: String,
    pub(crate) tier: String,
    pub(crate) slot: Timestamp,
    pub(crate) table: String,
    pub(crate) table_id: String,
}

/// Policies and tables.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    pub(crate) policies: BTreeMap<String, Plan>,
    /// By TableId.
    pub(crate) tables: BTreeMap<String, Table>,
    /// Slots that came due, oldest first, until they are taken.
    due: VecDeque<Due>,
    /// When policies changed, from being asked to being told: who was to back up what is not clear then.
    stirred: Vec<(Timestamp, Timestamp)>,
    /// The policies that are asked to change, and since when.
    asked: BTreeMap<String, Timestamp>,
    rolled: Option<Timestamp>,
}

/// A table that was made shortly before a slot may be seen too late for it.
const SEEN: SignedDuration = SignedDuration::from_mins(30);

impl Plans {
    pub(crate) fn learn(&mut self, at: Timestamp, what: &Intent) {
        match what {
            Intent::TableCreated { table, id } => {
                self.roll(at);
                self.tables.insert(id.clone(), Table { name: table.clone(), created: at, dropped: None });
            }
            Intent::TableDropped { id, .. } => {
                self.roll(at);
                if let Some(table) = self.tables.get_mut(id) {
                    table.dropped.get_or_insert(at);
                }
            }
            Intent::PolicyAsked { policy } => {
                self.asked.entry(policy.clone()).or_insert(at);
            }
            Intent::PolicyApplied(policy) => {
                self.told(at, &policy.name);
                self.applied(at, policy);
            }
            Intent::PolicyDisabled { policy } => {
                self.told(at, policy);
                self.with(policy, |plan| plan.disabled = true);
            }
            Intent::PolicyEnabled { policy } => {
                self.told(at, policy);
                self.with(policy, |plan| {
                    plan.disabled = false;
                    plan.since.values_mut().for_each(|since| *since = at);
                });
            }
            Intent::PolicyDeleted { policy } => {
                let asked = self.told(at, policy);
                self.with(policy, |plan| plan.deleted = Some(asked));
            }
            Intent::CatalogLost => self.stir(at),
            Intent::RebuildAsked => {
                self.stir(at);
                for plan in self.policies.values_mut() {
                    plan.since.values_mut().for_each(|since| *since = at);
                }
            }
            Intent::Deployed(_) => self.rolled = Some(at),
            _ => {}
        }
    }

    /// Notes which slots have come due until now.
    pub(crate) fn roll(&mut self, now: Timestamp) {
        let from = self.rolled.replace(now).unwrap_or(now);
        for (id, table) in &self.tables {
            if table.dropped.is_some() {
                continue;
            }
            let owner = self.policies.values().filter(|plan| plan.is_on() && plan.selects(&table.name));
            let Some(plan) = owner.min_by_key(|plan| (plan.policy.priority, &plan.policy.name)) else {
                continue;
            };
            let zone = calendar::zone(&plan.policy);
            for tier in &plan.policy.tiers {
                let since = plan.since.get(&tier.name).copied().unwrap_or(now).max(table.created + SEEN);
                for slot in calendar::slots(tier, &zone, from.max(since), now) {
                    self.due.push_back(Due {
                        policy: plan.policy.name.clone(),
                        tier: tier.name.clone(),
                        slot,
                        table: table.name.clone(),
                        table_id: id.clone(),
                    });
                }
            }
        }
    }

    /// Takes the slots that came due up to `until`, without those of which it is not clear who was to serve them.
    pub(crate) fn take(&mut self, now: Timestamp, until: Timestamp) -> Vec<Due> {
        self.roll(now);
        let (past, ahead): (Vec<Due>, Vec<Due>) = self.due.drain(..).partition(|due| due.slot <= until);
        self.due = ahead.into();
        let clear = |due: &Due| {
            let dropped = self.tables.get(&due.table_id).and_then(|table| table.dropped);
            !self.is_stirred(due.slot) && dropped.is_none_or(|at| due.slot + SETTLED < at)
        };
        past.into_iter().filter(|due| clear(due)).collect()
    }

    /// Whether policies changed around a slot.
    pub(crate) fn is_stirred(&self, slot: Timestamp) -> bool {
        let around = |from: Timestamp, until: Timestamp| slot - SEEN <= until && from <= slot + SETTLED;
        self.stirred.iter().any(|(from, until)| around(*from, *until))
            || self.asked.values().any(|from| *from <= slot + SETTLED)
    }

    /// Whether policies changed at any moment from `from` to `until`.
    pub(crate) fn changed(&self, from: Timestamp, until: Timestamp) -> bool {
        self.stirred.iter().any(|(asked, told)| *asked <= until && from <= *told)
            || self.asked.values().any(|asked| *asked <= until)
    }

    fn stir(&mut self, at: Timestamp) {
        self.roll(at);
        self.stirred.push((at, at));
    }

    /// A change is told; gives the moment at which it was asked for.
    fn told(&mut self, at: Timestamp, policy: &str) -> Timestamp {
        self.roll(at);
        let asked = self.asked.remove(policy).unwrap_or(at);
        self.stirred.push((asked, at));
        asked
    }

    fn with(&mut self, policy: &str, change: impl FnOnce(&mut Plan)) {
        if let Some(plan) = self.policies.get_mut(policy) {
            change(plan);
        }
    }

    fn applied(&mut self, at: Timestamp, policy: &Policy) {
        let version = (at, policy.clone());
        let Some(plan) = self.policies.get_mut(&policy.name) else {
            let since = policy.tiers.iter().map(|tier| (tier.name.clone(), at)).collect();
            let plan = Plan {
                policy: policy.clone(),
                versions: vec![version],
                disabled: false,

                deleted: None,
                since,
            };
            self.policies.insert(policy.name.clone(), plan);
            return;
        };
        let before = std::mem::replace(&mut plan.policy, policy.clone());
        plan.versions.push(version);
        let anew = plan.deleted.take().is_some()
            || before.time_zone != policy.time_zone
            || (policy.enabled && !before.enabled);
        let lost = std::mem::take(&mut plan.since);
        for tier in &policy.tiers {
            let old = before.tiers.iter().find(|old| old.name == tier.name);
            let same = old.is_some_and(|old| (&old.on, &old.at) == (&tier.on, &tier.at)) && !anew;
            let since = lost.get(&tier.name).filter(|_| same).copied().unwrap_or(at);
            plan.since.insert(tier.name.clone(), since);
        }
    }
}

/// How long after its slot a backup is made, with its tries, when nothing is wrong.
pub(crate) const SETTLED: SignedDuration = SignedDuration::from_hours(3);
