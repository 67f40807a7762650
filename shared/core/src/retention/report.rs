//! What a retention run decided and did: its answer, and what the catalog keeps of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Braked, Reason};
use crate::hold::Hold;
use crate::ids::{PointId, PolicyName, RunId, TableName};
use crate::point::{PointKind, RestorePoint};
use crate::span::Span;
use crate::tier::Tier;

/// What a run, or a removal by an operator, found and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The run as the catalog keeps it; none where nothing was to be changed, and of removals by an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Nothing was to be changed.
    pub dry_run: bool,
    /// What would be or was removed, for `confirm`.
    pub digest: String,
    /// Why nothing was removed although something was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub braked: Option<Braked>,
    /// Every point that was decided about, chain by chain, oldest first.
    pub points: Vec<Decided>,
    /// How many more were decided about than an answer can hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// Tables whose newest restore point is older than their policy's objective allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
    /// What is in the way and needs a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What became of one restore point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// Its table.
    pub table: TableName,
    /// Its vault, as `<Region>/<vault>`.
    pub vault: String,
    /// What it is to its table.
    pub kind: PointKind,
    /// The point.
    pub point: PointId,
    /// The moment of the point; none as long as its job is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// What was decided, and what came of it.
    pub fate: PointFate,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The reasons in words.
    pub why: Vec<String>,
    /// Its flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<FlagState>,
}

/// A flag, and whether it still pins its point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlagState {
    /// The tier.
    pub tier: Tier,
    /// The slot that the point serves.
    pub slot: Timestamp,
    /// The applied retention.
    pub keep: Span,
    /// When the flag lapses.
    pub lapses: Timestamp,
    /// Whether it has not lapsed yet.
    pub live: bool,
}

/// What was decided about a point, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointFate {
    /// It stays.
    Keep,
    /// It is to go; nothing was done.
    Remove,
    /// It is gone.
    Removed,
    /// Somebody removed its recovery point at AWS Backup.
    Gone,
    /// Its deletion has been asked for.
    Removing,
    /// AWS refuses to delete it; it is tried again.
    Blocked,
}

impl Decided {
    /// What was decided about `point` at `now`.
    pub fn of(point: &RestorePoint, fate: PointFate, reasons: Vec<Reason>, now: Timestamp) -> Self {
        let flag = |flag: &crate::tier::Flag| FlagState {
            tier: flag.tier,
            slot: flag.slot,
            keep: flag.span,
            lapses: flag.lapses,
            live: flag.is_live(now),
        };
        Self {
            table: point.table.arn.name.clone(),
            vault: point.place(),
            kind: point.kind,
            point: point.id.clone(),
            created_at: point.created_at,
            fate,
            why: reasons.iter().map(ToString::to_string).collect(),
            reasons,
            flags: point.flags.iter().map(flag).collect(),
        }
    }
}

/// A point's name in a plan: an id alone stands for a backup and its copies.
pub fn name_of(point: &RestorePoint) -> String {
    format!("{}/{}", point.place(), point.id)
}

/// A chain of a table without a fresh restore point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// The table.
    pub table: TableName,
    /// The policy that it belongs to.
    pub policy: PolicyName,
    /// The vault of a copy chain, as `<Region>/<vault>`; none for the backup chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// The greatest age that the policy allows, by its objective or by its slots.
    #[serde(rename = "objective")]
    pub objective_hours: u32,
    /// The moment of its newest available, believed restore point in the backup chain, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// Since when the objective is breached.
    pub since: Timestamp,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Everything that was outdated is gone or going, and every objective is met.
    Succeeded,
    /// Something should have been removed and was not, an objective is breached, or something needs a look.
    Warning,
}

/// How many points a run met with which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Kept.
    pub kept: u32,
    /// Gone.
    pub removed: u32,
    /// Asked to be deleted.
    pub removing: u32,
    /// Removed by somebody else.
    pub gone: u32,
    /// Refused by AWS.
    pub blocked: u32,
    /// To go, and left: braked, or out of time.
    pub left: u32,
}

impl Counts {
    /// Counts what was decided.
    pub fn of<'a>(points: impl IntoIterator<Item = &'a Decided>) -> Self {
        let mut counts = Self::default();
        for decided in points {
            *match decided.fate {
                PointFate::Keep => &mut counts.kept,
                PointFate::Remove => &mut counts.left,
                PointFate::Removed => &mut counts.removed,
                PointFate::Gone => &mut counts.gone,
                PointFate::Removing => &mut counts.removing,
                PointFate::Blocked => &mut counts.blocked,
            } += 1;
        }
        counts
    }
}

/// A run, as the catalog keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub status: RunStatus,
    /// The digest of its plan.
    pub digest: String,
    /// Why nothing was removed although something was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub braked: Option<Braked>,
    /// How many points of the chains with something to remove met with which fate.
    pub counts: Counts,
    /// How many of those chains there are.
    pub chains: u32,
    /// Tables without a fresh restore point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<Breach>,
    /// What needs a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl Run {
    /// So many breaches and problems are kept by name.
    const MAX_LISTED: usize = 200;

    /// What is kept of a report.
    pub fn of(id: RunId, report: &Report, started_at: Timestamp, ended_at: Timestamp) -> Self {
        let counts = Counts::of(&report.points);
        let mut chains: Vec<_> =
            report.points.iter().map(|decided| (&decided.table, &decided.vault)).collect();
        chains.sort_unstable();
        chains.dedup();
        let is_clean = counts.blocked + counts.left == 0
            && report.braked.is_none()
            && report.problems.is_empty()
            && report.breaches.is_empty();
        Self {
            id,
            started_at,
            ended_at,
            status: if is_clean { RunStatus::Succeeded } else { RunStatus::Warning },
            digest: report.digest.clone(),
            braked: report.braked.clone(),
            counts,
            chains: u32::try_from(chains.len()).unwrap_or(u32::MAX),
            breaches: report.breaches.iter().take(Self::MAX_LISTED).cloned().collect(),
            problems: report.problems.iter().take(Self::MAX_LISTED).cloned().collect(),
            rev: 0,
        }
    }
}

/// What a run decided about the points of one table in one vault, as the catalog keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainRun {
    /// The run.
    pub run: RunId,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The table.
    pub table: TableName,
    /// The vault, as `<Region>/<vault>`.
    pub vault: String,
    /// How many points met with which fate.
    pub counts: Counts,
    /// The points.
    pub points: Vec<Decided>,
    /// Counts the writes of this record.
    pub rev: u64,
}

/// When retention last ran, for noticing that it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// When the last run ended, or when the watch began.
    pub last_run: Timestamp,
    /// When an alarm was last given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarmed_at: Option<Timestamp>,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl Watch {
    /// The greatest time between two runs, in hours, before an alarm is given, and between two alarms.
    pub const MAX_GAP_HOURS: i64 = 26;

    /// A watch that begins at `now`.
    pub fn from(now: Timestamp) -> Self {
        Self { last_run: now, alarmed_at: None, rev: 0 }
    }

    /// Whether no run has ended for too long.
    pub fn has_not_run(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_run) > jiff::SignedDuration::from_hours(Self::MAX_GAP_HOURS)
    }

    /// Whether an alarm is due at `now`.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let most = jiff::SignedDuration::from_hours(Self::MAX_GAP_HOURS);
        let quiet_since = self.alarmed_at.max(Some(self.last_run)).unwrap_or(self.last_run);
        now.duration_since(quiet_since) > most
    }
}

/// What a rebuild found in the vaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildReport {
    /// The vaults that were read, as `<Region>/<vault>`.
    pub vaults: Vec<String>,
    /// How many restore points were added to the catalog.
    pub added: usize,
    /// How many were in it already.
    pub known: usize,
    /// How many recovery points are none of ours.
    pub foreign: usize,
    /// How many were left for lack of time, or are just being made: ask again.
    pub left: usize,
    /// Until when retention removes nothing.
    pub braked_until: Option<Timestamp>,
    /// What was due and gets no backup, because what was in force is not known any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What carries our tags and is not believed, and what could not be read: it is kept, and not in the catalog.
    pub problems: Vec<String>,
}

/// That the pause after a rebuild was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeReport {
    /// Until when retention was to remove nothing.
    pub was_until: Timestamp,
}

/// Where a point's hold stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldView {
    /// The table.
    pub table: TableName,
    /// The point.
    pub point: PointId,
    /// Its vault, as `<Region>/<vault>`.
    pub vault: String,
    /// Its hold; none once it is lifted.
    pub hold: Option<Hold>,
    /// What is worth knowing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl HoldView {
    /// Where the hold of `point` stands.
    pub fn of(point: &RestorePoint) -> Self {
        Self {
            table: point.table.arn.name.clone(),
            point: point.id.clone(),
            vault: point.place(),
            hold: point.hold.clone(),
            note: None,
        }
    }
}
