//! Which calls meet a fault, and where callers die.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Fault, Page, errors::ModelledError};
use crate::rng::Rng;

/// Which calls meet a fault.
#[derive(Debug, Clone)]
pub struct FaultRule {
    service: String,
    operation: String,
    fault: Fault,
    caller: Option<String>,
    resource: Option<String>,
    region: Option<String>,
    containing: Option<String>,
    skip: usize,
    times: usize,
    /// Of a thousand matching calls so many meet the fault.
    per_mille: u32,
    from: Timestamp,
    until: Timestamp,
}

impl ModelledError {
    /// Every call of the operation is refused with the error.
    #[must_use]
    pub fn rule(&self) -> FaultRule {
        let fault = Fault::Error { code: self.code.to_owned(), status: Some(self.status) };
        FaultRule::new(self.service, self.operation, fault)
    }
}

impl FaultRule {
    /// Every call of an operation meets the fault. `service` is the signing name (`dynamodb`, `backup`,
    /// `kms`); `"*"` stands for any service or operation.
    #[must_use]
    pub fn new(service: &str, operation: &str, fault: Fault) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            fault,
            caller: None,
            resource: None,
            region: None,
            containing: None,
            skip: 0,
            times: usize::MAX,
            per_mille: 1000,
            from: Timestamp::MIN,
            until: Timestamp::MAX,
        }
    }

    /// Only calls of this caller.
    #[must_use]
    pub fn caller(mut self, caller: &str) -> Self {
        self.caller = Some(caller.to_owned());
        self
    }

    /// Only calls whose resource contains this text.
    #[must_use]
    pub fn resource(mut self, part: &str) -> Self {
        self.resource = Some(part.to_owned());
        self
    }

    /// Only calls of this Region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// Only calls whose body contains this text; of a batch, only entries that do.
    #[must_use]
    pub fn containing(mut self, part: &str) -> Self {
        self.containing = Some(part.to_owned());
        self
    }

    /// The first `count` matching calls pass.
    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// At most `count` calls meet the fault.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// Of a thousand matching calls so many meet the fault, by the world's seed.
    #[must_use]
    pub fn per_mille(mut self, count: u32) -> Self {
        self.per_mille = count;
        self
    }

    /// Only calls at or after `from` and before `until`.
    #[must_use]
    pub fn between(mut self, from: Timestamp, until: Timestamp) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    fn matches(&self, call: &Site<'_>) -> bool {
        let is = |wanted: &str, given: &str| wanted == "*" || wanted == given;
        is(&self.service, call.service)
            && is(&self.operation, call.operation)
            && self.caller.as_deref().is_none_or(|caller| caller == call.caller)
            && self.resource.as_deref().is_none_or(|part| call.resource.contains(part))
            && self.region.as_deref().is_none_or(|region| region == call.region)
            && (self.from <= call.at && call.at < self.until)
            && self.fault.cuts().is_none_or(|page| call.pages.contains(&page))
    }

    /// Whether a body or an entry has the text that the rule is about.
    fn is_about(&self, body: &Value) -> bool {
        self.containing.as_deref().is_none_or(|part| body.to_string().contains(part))
    }

    /// Whether it strikes now, by its share and its counts.
    fn strikes(&mut self, rng: &mut Rng) -> bool {
        // A rule that always strikes draws nothing: it shifts no other's luck.
        if self.per_mille < 1000 && rng.below(1000) >= self.per_mille {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes
    }
}

/// What a call is, for the rules.
pub(crate) struct Site<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) region: &'a str,
    pub(crate) at: Timestamp,
    pub(crate) body: &'a Value,
    /// The entries of a batch.
    pub(crate) entries: Vec<&'a Value>,
    /// How the list can be cut that the call asks for.
    pub(crate) pages: &'static [Page],
}

/// What a call meets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Nothing,
    Fault(Fault),
    /// These entries of the batch are refused: by their places, with a code each.
    Entries(BTreeMap<usize, String>),
}

/// When a crashing caller dies, seen from the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    Before,
    After,
}

#[derive(Debug)]
struct CrashPoint {
    caller: String,
    calls_left: usize,
    crash: Crash,
}

/// The faults of a world.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    crash_points: Vec<CrashPoint>,
    rng: Rng,
}

impl Faults {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rules: Vec::new(), crash_points: Vec::new(), rng }
    }

    pub(crate) fn inject(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.crash_points.clear();
    }

    pub(crate) fn crash_at(&mut self, caller: &str, nth: usize, crash: Crash) {
        self.crash_points.push(CrashPoint { caller: caller.to_owned(), calls_left: nth, crash });
    }

    pub(crate) fn crash_points_ahead(&self) -> usize {
        self.crash_points.len()
    }

    /// What this call meets: the fault of the first rule that matches and is not spent, else what its entries meet.
    pub(crate) fn meet(&mut self, call: &Site<'_>) -> Met {
        let mut refused = BTreeMap::new();
        for rule in self.rules.iter_mut().filter(|rule| rule.matches(call)) {
            if let Fault::Entries(code) = rule.fault.clone() {
                for (place, entry) in call.entries.iter().enumerate() {
                    if !refused.contains_key(&place) && rule.is_about(entry) && rule.strikes(&mut self.rng) {
                        refused.insert(place, code.clone());
                    }
                }
            } else if rule.is_about(call.body) && rule.strikes(&mut self.rng) {
                return Met::Fault(rule.fault.clone());
            }
        }
        if refused.is_empty() { Met::Nothing } else { Met::Entries(refused) }
    }

    /// Counts a call towards the caller's crash points; a point is used up when it is reached.
    pub(crate) fn crash(&mut self, caller: &str) -> Option<Crash> {
        for point in self.crash_points.iter_mut().filter(|point| point.caller == caller) {
            point.calls_left = point.calls_left.saturating_sub(1);
        }
        let reached = self.crash_points.iter().position(|point| point.calls_left == 0)?;
        Some(self.crash_points.swap_remove(reached).crash)
    }
}
