//! The record of a restore, from before anything is asked of AWS until its report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Choices, Property, Start, StepRecord, Target};
use crate::ids::{PointId, RecoveryPointArn, RestoreId, Table, TableArn, TableId, VaultArn};
use crate::plan::{StartCopy, token};
use crate::settings::Digest;

/// Where a restore stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It waits for its turn: AWS makes so many tables at a time, and nothing has been asked of it.
    Waiting,
    /// The copy goes back into a vault of the Region that the table is to be in.
    CopyingBack,
    /// The exact request is recorded and may or may not have reached AWS.
    Starting,
    /// AWS makes the table.
    Running,
    /// The table is there; its settings are put back.
    Applying,
    /// Over: the table is as it was, but for what was asked to be otherwise and what AWS cannot bring back.
    Succeeded,
    /// Over: the table is there, and something is left to be finished by hand.
    Warning,
    /// Over: there is no table.
    Failed,
}

impl Stage {
    /// Whether work is left.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Succeeded | Self::Warning | Self::Failed)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::CopyingBack => "copying back",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Applying => "applying settings",
            Self::Succeeded => "succeeded",
            Self::Warning => "warning",
            Self::Failed => "failed",
        })
    }
}

/// What a restore waits for that ends by itself, or the restore does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What is in the way. It tells nothing of the settings.
    pub why: String,
    /// Since when that has been in the way.
    pub since: Timestamp,
    /// Since when anything has been in the way, without a move in between.
    pub first: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(count: &u32) -> bool {
    *count == 1
}

fn one() -> u32 {
    1
}

/// A copy that goes back into the Region of its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyBack {
    /// The vault of the copy, whose Region runs the job.
    pub from: VaultArn,
    /// The exact request.
    pub request: StartCopy,
    /// The job, once AWS has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// The restore of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Its id; the new table carries it as a tag until all is done.
    pub id: RestoreId,
    /// The restore point.
    pub point: PointId,
    /// The table that was backed up.
    pub table: Table,
    /// The vault that it is restored from.
    pub vault: VaultArn,
    /// The recovery point that it is restored from.
    pub arn: RecoveryPointArn,
    /// SHA-256 of the sealed metadata that was believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Digest>,
    /// The moment of the restore point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Timestamp>,
    /// The table that is made.
    pub target: TableArn,
    /// What is to be otherwise.
    #[serde(default)]
    pub choices: Choices,
    /// Only items, keys and indexes come back: the metadata is not believed, and that was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub items_only: bool,
    /// Where it stands.
    pub stage: Stage,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The copy back, where the recovery point is in another Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_back: Option<CopyBack>,
    /// The exact request. While the copy goes back, its recovery point is still the copy's.
    pub start: Start,
    /// Counts the requests that make the table: one that AWS had no place for is sent again in its turn.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempt: u32,
    /// When its turn came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The restore job, once AWS has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// What was registered under the table's name before there was the table, by the keys of the steps that remove it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leftovers: BTreeSet<String>,
    /// Which creation of the target is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<TableId>,
    /// What became of the tag by which the table is known as this restore's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<StepRecord>,
    /// What became of each step, by its key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, StepRecord>,
    /// What became of each property of the table, once it has been looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report: Vec<Property>,
    /// What it waits for, where it does not continue by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hitch: Option<Obstacle>,
    /// Why there is no table, or what is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it is due to be checked next.
    pub check_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Counts the writes of this record.
    pub rev: u64,
}

/// So many of our restores make tables in a Region at a time, and so many copies go back there. AWS runs 50 restores in
/// an account and Region: others may run some of them.
pub const MAX_CONCURRENT_RESTORES: usize = 40;

impl Restore {
    /// The vault of its restore point, as [`RestorePoint::place`] gives it.
    ///
    /// [`RestorePoint::place`]: crate::point::RestorePoint::place
    pub fn place(&self) -> String {
        self.vault.place_from(&self.table.arn.account)
    }

    /// Where it goes.
    pub fn target(&self) -> Target {
        Target { original: self.table.arn.clone(), table: self.target.clone() }
    }

    /// Whether its copy has to go back first.
    pub fn needs_copy(&self) -> bool {
        self.copy_back.as_ref().is_some_and(|copy| copy.request.target != self.vault)
    }

    /// Whether it takes a place away from others that wait for the same.
    fn occupies_slot_of(&self, other: &Self) -> bool {
        let takes = match self.stage {
            Stage::CopyingBack => other.needs_copy(),
            Stage::Starting | Stage::Running => !other.needs_copy(),
            _ => false,
        };
        takes && self.start.region == other.start.region && self.id != other.id
    }

    /// Whether AWS has a place for it, among all that are open.
    pub fn may_start<'a>(&self, open: impl IntoIterator<Item = &'a Self>) -> bool {
        open.into_iter().filter(|other| other.occupies_slot_of(self)).count() < MAX_CONCURRENT_RESTORES
    }

    /// Its turn has come.
    pub fn start(&mut self, now: Timestamp) {
        self.stage = if self.needs_copy() { Stage::CopyingBack } else { Stage::Starting };
        self.started_at = Some(now);
    }

    /// AWS had no place for it: it waits for another turn, and asks with a token of its own then.
    pub fn requeue(&mut self) {
        self.stage = Stage::Waiting;
        self.started_at = None;
        self.attempt += 1;
        let anew = |kind: &str| {
            token(kind, self.id.as_str(), self.requested_at, &self.table.id, &self.vault, self.attempt)
        };
        let (job, copy) = (anew("restore"), anew("copy-back"));
        match &mut self.copy_back {
            Some(back) if back.request.target != self.vault => (back.job, back.request.token) = (None, copy),
            _ => (self.job, self.start.token) = (None, job),
        }
    }

    /// When the table's tags were last written: until they are seen everywhere, what depends on them is refused.
    pub fn tagged_at(&self) -> Option<Timestamp> {
        let tags = self.steps.get("tags").and_then(|record| record.at);
        tags.max(self.mark.as_ref().and_then(|mark| mark.at))
    }
}
