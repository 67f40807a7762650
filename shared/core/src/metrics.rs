//! Metrics, in CloudWatch's embedded metric format: a line of the log that CloudWatch makes metrics of.
//!
//! `docs/operations.md` describes each; the alarms and the dashboard of `template.yaml` go by them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::ids::{PolicyName, RunId};
use crate::point::RestorePoint;
use crate::restore::Restore;
use crate::session::Session;

/// The namespace of every metric.
pub const NAMESPACE: &str = "BackupChain";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// A session has ended.
    SessionsEnded,
    /// It left a table without a restore point, or could back up nothing.
    SessionsFailed,
    /// How many slots it leaves to the next points of its tables.
    SlotsOwed,
    /// How old the newest restore point of a table of a policy is: of the table that is worst off.
    NewestPointAge,
    /// AWS Backup has taken a backup or a copy job.
    JobsStarted,
    /// A backup or a copy job is final.
    JobsEnded,
    /// It made no restore point.
    JobsFailed,
    /// How long a backup job took.
    BackupDuration,
    /// How long a copy job took.
    CopyDuration,
    /// How old an event on a job of ours was when it was taken.
    EventLag,
    /// A backup is completed.
    PointsAvailable,
    /// A copy failed after its last try.
    CopiesFailed,
    /// Restore points that are not believed.
    PointsSuspect,
    /// Restore points that a retention run removed.
    PointsRemoved,
    /// Deletions that AWS refused a retention run.
    PointsBlocked,
    /// Tables without a fresh restore point.
    ObjectivesBreached,
    /// Chains of locked vaults of which the newest point lapses soon.
    LapsesAhead,
    /// A brake held a retention run.
    RunsBraked,
    /// A retention run has ended.
    RetentionRuns,
    /// A restore has ended.
    RestoresEnded,
    /// It made no table.
    RestoresFailed,
    /// How long it took, from the request on.
    RestoreDuration,
    /// Work was left to a later invocation because of an error.
    WorkLeft,
    /// A record of the catalog could not be read.
    RecordsUnreadable,
    /// An event was given up: the bus took it from no one for a day.
    NoticesLost,
}

impl Metric {
    /// Its name at CloudWatch.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionsEnded => "SessionsEnded",
            Self::SessionsFailed => "SessionsFailed",
            Self::SlotsOwed => "SlotsOwed",
            Self::NewestPointAge => "NewestPointAge",
            Self::JobsStarted => "JobsStarted",
            Self::JobsEnded => "JobsEnded",
            Self::JobsFailed => "JobsFailed",
            Self::BackupDuration => "BackupDuration",
            Self::CopyDuration => "CopyDuration",
            Self::EventLag => "EventLag",
            Self::PointsAvailable => "PointsAvailable",
            Self::CopiesFailed => "CopiesFailed",
            Self::PointsSuspect => "PointsSuspect",
            Self::PointsRemoved => "PointsRemoved",
            Self::PointsBlocked => "PointsBlocked",
            Self::ObjectivesBreached => "ObjectivesBreached",
            Self::LapsesAhead => "LapsesAhead",
            Self::RunsBraked => "RunsBraked",
            Self::RetentionRuns => "RetentionRuns",
            Self::RestoresEnded => "RestoresEnded",
            Self::RestoresFailed => "RestoresFailed",
            Self::RestoreDuration => "RestoreDuration",
            Self::WorkLeft => "WorkLeft",
            Self::RecordsUnreadable => "RecordsUnreadable",
            Self::NoticesLost => "NoticesLost",
        }
    }

    /// Its unit, by CloudWatch's name.
    pub fn unit(self) -> &'static str {
        match self {
            Self::NewestPointAge | Self::BackupDuration | Self::CopyDuration | Self::RestoreDuration => {
                "Seconds"
            }
            Self::EventLag => "Milliseconds",
            _ => "Count",
        }
    }

    /// Whether it is reported for each policy by itself.
    fn is_by_policy(self) -> bool {
        self == Self::NewestPointAge
    }
}

/// What was measured of one thing. Its ids stand beside the values, to be searched for; they are no dimensions, since
/// each combination of dimensions is a metric that is paid for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    ids: BTreeMap<&'static str, String>,
    values: Vec<(Metric, i64)>,
}

impl Measured {
    /// Of a policy.
    pub fn of_policy(policy: &PolicyName) -> Self {
        Self::default().about("policy", Some(policy))
    }

    /// Of a session.
    pub fn of_session(session: &Session) -> Self {
        let policy = session.policy.as_ref().map(|policy| &policy.name);
        Self::default().about("session", Some(&session.id)).about("policy", policy)
    }

    /// Of a restore point.
    pub fn of_point(point: &RestorePoint) -> Self {
        let policy = point.policy.as_ref().map(|policy| &policy.name);
        Self::default()
            .about("session", Some(&point.session))
            .about("policy", policy)
            .about("table", Some(&point.table.arn.name))
            .about("point", Some(&point.id))
            .about("vault", Some(point.place()))
    }

    /// Of a retention run.
    pub fn of_run(run: &RunId) -> Self {
        Self::default().about("run", Some(run))
    }

    /// Of a restore.
    pub fn of_restore(restore: &Restore) -> Self {
        Self::default()
            .about("restore", Some(&restore.id))
            .about("table", Some(&restore.table.arn.name))
            .about("point", Some(&restore.point))
    }

    fn about(mut self, what: &'static str, id: Option<impl ToString>) -> Self {
        self.ids.extend(id.map(|id| (what, id.to_string())));
        self
    }

    /// With this value.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: impl TryInto<i64>) -> Self {
        self.values.push((metric, value.try_into().unwrap_or(i64::MAX)));
        self
    }

    /// With this time, in the metric's unit; never less than nothing, however clocks differ.
    #[must_use]
    pub fn took(self, metric: Metric, time: SignedDuration) -> Self {
        let time = time.max(SignedDuration::ZERO);
        match metric.unit() {
            "Milliseconds" => self.with(metric, time.as_millis()),
            _ => self.with(metric, time.as_secs()),
        }
    }

    /// The line of the log, without its end.
    pub fn line(&self, deployment: &str, at: Timestamp) -> String {
        let policy = self.ids.get("policy");
        let directive = |by_policy: bool, dimensions: &[&'static str]| {
            let metrics = self.values.iter().map(|(metric, _)| *metric);
            let metrics: Vec<_> = metrics
                .filter(|metric| metric.is_by_policy() == by_policy)
                .map(|metric| Definition { name: metric.name(), unit: metric.unit() })
                .collect();
            (!metrics.is_empty()).then(|| Directive {
                namespace: NAMESPACE,
                dimensions: [dimensions.to_vec()],
                metrics,
            })
        };
        let plain = directive(false, &["Deployment"]);
        let by_policy = policy.and_then(|_| directive(true, &["Deployment", "Policy"]));
        let line = Line {
            policy: by_policy.as_ref().and(policy),
            aws: Aws {
                timestamp: at.as_millisecond(),
                directives: plain.into_iter().chain(by_policy).collect(),
            },
            deployment,
            values: self.values.iter().map(|(metric, value)| (metric.name(), *value)).collect(),
            ids: &self.ids,
        };
        // Texts and numbers under texts: nothing in it can fail.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Aws,
    #[serde(rename = "Deployment")]
    deployment: &'a str,
    #[serde(rename = "Policy", skip_serializing_if = "Option::is_none")]
    policy: Option<&'a String>,
    #[serde(flatten)]
    values: BTreeMap<&'static str, i64>,
    #[serde(flatten)]
    ids: &'a BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Aws {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: Vec<Directive>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [Vec<&'static str>; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-01-05T07:00:00.250Z";

    fn line(measured: &Measured) -> String {
        measured.line("backup-chain", AT.parse().unwrap())
    }

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let run = "01KEG0V200C5M8E7W5RB8PRF0W".parse().unwrap();
        let measured = Measured::of_run(&run).with(Metric::PointsRemoved, 3).with(Metric::RetentionRuns, 1);
        insta::assert_snapshot!(line(&measured), @r#"{"_aws":{"Timestamp":1767596400250,"CloudWatchMetrics":[{"Namespace":"BackupChain","Dimensions":[["Deployment"]],"Metrics":[{"Name":"PointsRemoved","Unit":"Count"},{"Name":"RetentionRuns","Unit":"Count"}]}]},"Deployment":"backup-chain","PointsRemoved":3,"RetentionRuns":1,"run":"01KEG0V200C5M8E7W5RB8PRF0W"}"#);
    }

    #[test]
    fn only_the_age_of_points_has_the_policy_as_a_dimension() {
        let measured = Measured::of_policy(&"gold".parse().unwrap())
            .took(Metric::NewestPointAge, SignedDuration::from_hours(8))
            .with(Metric::SlotsOwed, 2);
        insta::assert_snapshot!(line(&measured), @r#"{"_aws":{"Timestamp":1767596400250,"CloudWatchMetrics":[{"Namespace":"BackupChain","Dimensions":[["Deployment"]],"Metrics":[{"Name":"SlotsOwed","Unit":"Count"}]},{"Namespace":"BackupChain","Dimensions":[["Deployment","Policy"]],"Metrics":[{"Name":"NewestPointAge","Unit":"Seconds"}]}]},"Deployment":"backup-chain","Policy":"gold","NewestPointAge":28800,"SlotsOwed":2,"policy":"gold"}"#);
    }

    #[test]
    fn a_time_is_told_in_its_unit_and_never_below_nothing() {
        let took = |metric, ms| Measured::default().took(metric, SignedDuration::from_millis(ms)).values[0].1;
        assert_eq!(took(Metric::EventLag, 1_750), 1_750);
        assert_eq!(took(Metric::BackupDuration, 1_750), 1);
        assert_eq!(took(Metric::EventLag, -30), 0);
    }
}
