//! Backup sessions: what is recorded of one run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{PolicyRef, SessionId};
use crate::point::{PointKind, RestorePoint, State};
use crate::tier::{Flag, TierSlot};

/// What set a session off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionTrigger {
    /// Slots of the policy came due.
    Schedule,
    /// An operator ran the policy.
    ByHand,
    /// Somebody asked for manual backups: outside every chain.
    Manual,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its tables are being resolved and recorded.
    Planning,
    /// Its jobs are being started or are running.
    Running,
    /// Every table has its restore point.
    Succeeded,
    /// Every restore point was made, but something is worth a look.
    Warning,
    /// At least one table has no restore point.
    Failed,
    /// Stopped by an operator.
    Canceled,
}

impl Status {
    /// Whether there is work left.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planning | Self::Running)
    }
}

/// The problem of a session whose policy covers no table. It left no table without a restore point.
pub const NOTHING_COVERED: &str = "the policy covers no table: nothing is backed up; see its sources";

/// So many skipped tables a session remembers by name.
pub const MAX_SKIPPED: usize = 200;

/// A table that a session skipped, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// The table, as the policy or the listing names it.
    pub table: String,
    /// Why.
    pub why: String,
    /// Whether it should have been backed up: named, but not there, or still busy.
    pub warning: bool,
}

/// One run of one policy, or one request for manual backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The policy; none for manual backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyRef>,
    /// What set it off.
    pub trigger: SessionTrigger,
    /// The slot that it runs for; for a run by an operator the moment of the request.
    pub slot: Timestamp,
    /// Up to when the policy had been planned before it: a table that is new to the policy owes no earlier
    /// slot.
    pub since: Timestamp,
    /// When it was recorded.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Where it stands.
    pub status: Status,
    /// For manual backups: the tables asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// For manual backups: the vault asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<crate::ids::VaultName>,
    /// How many restore points were recorded for it.
    pub planned: u32,
    /// How many of them are available, once it has ended.
    #[serde(default)]
    pub available: u32,
    /// Tables that it skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// How many slots it leaves to the next points of tables that it could not give one: counted when it was planned.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub owed: u32,
    /// The slots that it is for: the latest of each tier that had come due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<TierSlot>,
    /// Slots that it did not make up for: a later one of their tier was due as well, or the policy was changed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<TierSlot>,
    /// What is wrong with it as a whole, each with the way out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Why an operator stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Counts the writes of this record.
    pub rev: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Session {
    /// A session that is recorded at `now` and has nothing yet.
    pub fn planned(id: SessionId, trigger: SessionTrigger, slot: Timestamp, now: Timestamp) -> Self {
        Self {
            id,
            policy: None,
            trigger,
            slot,
            since: now,
            started_at: now,
            ended_at: None,
            status: Status::Planning,
            tables: Vec::new(),
            vault: None,
            planned: 0,
            available: 0,
            skipped: Vec::new(),
            owed: 0,
            due: Vec::new(),
            missed: Vec::new(),
            problems: Vec::new(),
            stopped: None,
            rev: 0,
        }
    }

    /// What an operator reads of a session that only records what is wrong.
    pub fn report(&self) -> String {
        let policy =
            self.policy.as_ref().map(|policy| format!("policy {}: ", policy.name)).unwrap_or_default();
        format!("{policy}{}: session {} records it", self.problems.join("; "), self.id)
    }

    /// How many slots it leaves to the next points of its tables, now that these of its points are final.
    pub fn owed_after(&self, points: &[RestorePoint]) -> usize {
        let unserved = points.iter().filter(|point| !point.is_counted());
        self.owed as usize + unserved.map(|point| self.owes(&point.flags)).sum::<usize>()
    }

    /// How many of these slots are owed once it has not served them: one that a run by an operator adds is not.
    pub fn owes(&self, flags: &[Flag]) -> usize {
        flags.iter().filter(|flag| self.trigger != SessionTrigger::ByHand || flag.slot != self.slot).count()
    }

    /// How the session ends once it is planned and all its points are final; `None` before. A session that should have
    /// made points and has recorded none has failed.
    pub fn outcome(&self, points: &[RestorePoint]) -> Option<Status> {
        let is_planned = self.status != Status::Planning && points.len() >= self.planned as usize;
        if !is_planned || points.iter().any(|point| point.state().is_open()) {
            return None;
        }
        let passed_over = self.skipped.iter().any(|table| table.warning);
        let is_wrong = self.problems.iter().any(|problem| problem != NOTHING_COVERED);
        let nothing = points.is_empty() && (passed_over || is_wrong);
        let failed = nothing || points.iter().any(|point| point.state() == State::Failed);
        let doubtful = points.iter().any(|point| point.suspect.is_some() || !point.warnings.is_empty());
        Some(if failed && self.stopped.is_some() {
            Status::Canceled
        } else if failed {
            Status::Failed
        } else if doubtful || passed_over || !self.missed.is_empty() || !self.problems.is_empty() {
            Status::Warning
        } else {
            Status::Succeeded
        })
    }
}

/// What became of the copies of a session's restore points: jobs that go on when the session has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// How many were to be made.
    pub wanted: usize,
    /// How many are available.
    pub available: usize,
    /// How many are still to be made.
    pub open: usize,
    /// How many came to nothing; each is owed to the table's next copy.
    pub failed: usize,
    /// How many a newer one went in place of.
    pub superseded: usize,
}

impl Copies {
    /// Those among the points that a session recorded.
    pub fn among(points: &[RestorePoint]) -> Self {
        let mut copies = Self::default();
        for point in points.iter().filter(|point| point.kind == PointKind::Copy) {
            copies.wanted += 1;
            match point.state() {
                State::Planned | State::Starting | State::Running => copies.open += 1,
                State::Failed => copies.failed += 1,
                State::Dropped => copies.superseded += 1,
                State::Available if point.suspect.is_some() => copies.failed += 1,
                // One that has aged out was made.
                State::Available | State::Deleting | State::Deleted => copies.available += 1,
            }
        }
        copies
    }

    /// How a session stands that ended so, with these copies.
    pub fn judge(&self, status: Status) -> Status {
        if status == Status::Succeeded && self.failed > 0 { Status::Warning } else { status }
    }
}
