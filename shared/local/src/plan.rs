//! A plan of faults in a file: what `serve --faults` reads.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{Fault, FaultRule, World, backup::EventFaults};

/// What goes wrong, as a YAML document says it.
///
/// ```yaml
/// clock_skew: 6m                 # what AWS's clock is ahead
/// events: {lose: all, delay_to: 30s, reverse: true}
/// faults:
///   - {service: backup, operation: StartBackupJob, fault: throttle, per_mille: 200}
///   - {service: dynamodb, fault: reset-after, caller: nightly-job, resource: orders,
/// skip: 3, times: 1}
///   - {service: backup, operation: StartBackupJob, fault: {error: {code: LimitExceededException}}, region: eu-west-1}
///   - {service: events, operation: PutEvents, fault: {entries: ThrottlingException}, containing: orders}
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    clock_skew: SignedDuration,
    events: Events,
    faults: Vec<Planned>,
}

/// What goes wrong with events of AWS Backup.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Events {
    lose: Option<Share>,
    double: Option<Share>,
    delay_from: Option<SignedDuration>,
    delay_to: Option<SignedDuration>,
    reverse: bool,
}

/// All events, or the next ones.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
enum Share {
    Next(u32),
    All(All),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum All {
    All,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    #[serde(default = "any")]
    service: String,
    #[serde(default = "any")]
    operation: String,
    fault: Fault,
    caller: Option<String>,
    resource: Option<String>,
    region: Option<String>,
    containing: Option<String>,
    #[serde(default)]
    skip: usize,
    times: Option<usize>,
    per_mille: Option<u32>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

fn any() -> String {
    "*".to_owned()
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// What is wrong with the document, and where.
    pub fn read(document: &str) -> Result<Self, String> {
        serde_saphyr::from_str(document).map_err(|error| error.to_string())
    }

    /// Brings the plan into force in a world.
    pub fn apply(&self, world: &World) {
        world.skew(self.clock_skew);
        world.with_backup(|backup| self.events.apply(backup.event_faults_mut()));
        for planned in &self.faults {
            world.inject(planned.rule());
        }
    }
}

impl Events {
    fn apply(&self, faults: &mut EventFaults) {
        let parts = |share: Option<Share>| match share {
            None => (false, 0),
            Some(Share::Next(count)) => (false, count),
            Some(Share::All(All::All)) => (true, 0),
        };
        (faults.lose_all, faults.lose_next) = parts(self.lose);
        (faults.double_all, faults.double_next) = parts(self.double);
        faults.delay_from = self.delay_from.unwrap_or(faults.delay_from);
        faults.delay_to = self.delay_to.unwrap_or(faults.delay_to);
        faults.reverse = self.reverse;
    }
}

impl Planned {
    fn rule(&self) -> FaultRule {
        let rule = FaultRule::new(&self.service, &self.operation, self.fault.clone())
            .skip(self.skip)
            .times(self.times.unwrap_or(usize::MAX))
            .per_mille(self.per_mille.unwrap_or(1000))
            .between(self.from.unwrap_or(Timestamp::MIN), self.until.unwrap_or(Timestamp::MAX));
        let rule = self.caller.iter().fold(rule, |rule, caller| rule.caller(caller));
        let rule = self.resource.iter().fold(rule, |rule, part| rule.resource(part));
        let rule = self.region.iter().fold(rule, |rule, region| rule.region(region));
        self.containing.iter().fold(rule, |rule, part| rule.containing(part))
    }
}
