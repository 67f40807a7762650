//! Faults and crash points.

use jiff::Timestamp;
use serde::Deserialize;

use crate::rng::Rng;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The service refuses with its own throttling error; nothing happens.
    Throttle,
    /// The service fails with its own internal error; nothing happens.
    ServerError,
    /// The request is lost on the way: the client sees a timeout, nothing happens.
    TimeoutBefore,
    /// The answer is lost on the way: the client sees a timeout, but the effect has happened.
    TimeoutAfter,
    /// The connection breaks before the request arrives; nothing happens.
    ResetBefore,
    /// The connection breaks before the answer leaves, but the effect has happened.
    ResetAfter,
    /// The caller lacks the permission; nothing happens.
    Deny,
}

/// A message that was lost on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The client waits for an answer that never comes.
    #[error("the message was lost: no answer in time")]
    Timeout,
    /// The client sees its connection break.
    #[error("the connection was reset")]
    Reset,
}

impl Fault {
    /// How the message is lost, and whether its effect has happened; `None` when the fault is answered.
    pub(crate) fn loses(self) -> Option<(Lost, bool)> {
        match self {
            Self::TimeoutBefore => Some((Lost::Timeout, false)),
            Self::TimeoutAfter => Some((Lost::Timeout, true)),
            Self::ResetBefore => Some((Lost::Reset, false)),
            Self::ResetAfter => Some((Lost::Reset, true)),
            Self::Throttle | Self::ServerError | Self::Deny => None,
        }
    }
}

/// Which calls meet a fault.
#[derive(Debug, Clone)]
pub struct FaultRule {
    service: String,
    operation: String,
    fault: Fault,
    caller: Option<String>,
    resource: Option<String>,
    region: Option<String>,
    skip: usize,
    times: usize,
    /// Of a thousand matching calls so many meet the fault.
    per_mille: u32,
    from: Timestamp,
    until: Timestamp,
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

    /// The fault that this call meets: of the first rule that matches and is not spent.
    pub(crate) fn meet(&mut self, call: &Site<'_>) -> Option<Fault> {
        for rule in self.rules.iter_mut().filter(|rule| rule.matches(call)) {
            // A rule that always strikes draws nothing: it shifts no other's luck.
            if rule.per_mille < 1000 && self.rng.below(1000) >= rule.per_mille {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 {
                rule.times -= 1;
                return Some(rule.fault);
            }
        }
        None
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
