//! Restore points: our record of each recovery point, and the states it passes through.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{PointId, PolicyName, RecoveryPointArn, SessionId, Table, VaultArn};
use crate::plan::{StartBackup, StartCopy};
use crate::settings::Digest;
use crate::tier::{Flag, Tier};

/// What a restore point is to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// In the backup chain of its table.
    Backup,
    /// In the copy chain of its table in a target vault.
    Copy,
    /// Made by hand, outside every chain: never outdated, removed only by hand.
    Manual,
}

/// Where a restore point stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Recorded; nothing has been asked of AWS.
    Planned,
    /// The exact request is recorded and may or may not have reached AWS.
    Starting,
    /// AWS has a job for it.
    Running,
    /// It can be restored from.
    Available,
    /// The job came to nothing; the slots are owed.
    Failed,
    /// A copy that a newer one overtook before it was started.
    Dropped,
    /// Deletion has been asked for and not yet been seen to be done.
    Deleting,
    /// Gone from the vault.
    Deleted,
}

impl State {
    /// Whether a job for it may yet be open at AWS.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Starting | Self::Running)
    }

    /// Whether nothing more will come of it: it failed, was dropped, or is gone.
    pub fn is_past(self) -> bool {
        matches!(self, Self::Failed | Self::Dropped | Self::Deleted)
    }

    /// Whether a restore point may go from here to `next`.
    pub fn may_become(self, next: State) -> bool {
        use State::{Available, Deleted, Deleting, Dropped, Failed, Planned, Running, Starting};
        matches!(
            (self, next),
            (Planned, Starting | Failed | Dropped)
                | (Starting, Running | Failed)
                | (Running, Available | Failed)
                | (Available, Deleting | Deleted)
                | (Deleting, Deleted | Available)
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Planned => "planned",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        })
    }
}

/// A policy as it was when it made something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolicyRef {
    /// Its name.
    pub name: PolicyName,
    /// Which revision of it.
    pub revision: u32,
}

/// The flags that a copy in one target vault is to carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyFlags {
    /// The target vault.
    pub vault: VaultArn,
    /// The flags of the copy, with the applied copy retention.
    pub flags: Vec<Flag>,
}

/// A restore point kept by hand, whatever its flags say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why, in the words of whoever set it.
    pub reason: String,
}

/// What was asked of AWS for a restore point, to be sent again byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// A backup job.
    Backup(StartBackup),
    /// A copy job.
    Copy(StartCopy),
}

/// Our record of one recovery point, from before it is asked for until after it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// Its id; a copy carries the id of its backup.
    pub id: PointId,
    /// What it is to its table.
    pub kind: Kind,
    /// The table, and which creation of it.
    pub table: Table,
    /// The vault that it lives in.
    pub vault: VaultArn,
    /// The policy that made it; none for a manual backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyRef>,
    /// The session that made it.
    pub session: SessionId,
    /// The session's slot.
    pub slot: Timestamp,
    /// Flags: none on a manual backup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// On a backup: the copies that its slot asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyFlags>,
    /// Where it stands.
    pub state: State,
    /// Counts the tries at this slot and table; part of the idempotency token.
    pub attempt: u32,
    /// The exact request, from the moment before it is sent until AWS has answered for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// When the request was first recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// The backup or copy job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The recovery point, once AWS has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<RecoveryPointArn>,
    /// On a copy: the recovery point and the vault that it is copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CopySource>,
    /// The moment of the restore point: the creation date that AWS gives it. Copies share their backup's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// SHA-256 of the sealed metadata: what its tags must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Digest>,
    /// SHA-256 of the normal form of the captured settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Digest>,
    /// Whether the settings are in the settings table rather than in the tags.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settings_stored: bool,
    /// Why it failed, was dropped or was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is worth knowing about it, though it is available.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why its metadata is not believed. A suspect point is kept and counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<String>,
    /// Kept by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// When somebody should look at it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
    /// Counts the writes of this record; every write names the one that it saw.
    pub rev: u64,
}

/// Where a copy comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySource {
    /// The recovery point.
    pub arn: RecoveryPointArn,
    /// The vault that holds it.
    pub vault: VaultArn,
}

impl RestorePoint {
    /// The moment from which no flag pins it; `None` for a point without flags.
    pub fn lapses(&self) -> Option<Timestamp> {
        self.flags.iter().map(|flag| flag.lapses).max()
    }

    /// Whether it counts as a backup of its table: available and believed.
    pub fn counts(&self) -> bool {
        self.state == State::Available && self.suspect.is_none()
    }
}

/// The latest slot of each tier that some available, believed point carries.
pub fn met<'a>(chain: impl IntoIterator<Item = &'a RestorePoint>) -> BTreeMap<Tier, Timestamp> {
    let mut met = BTreeMap::new();
    for flag in chain.into_iter().filter(|point| point.counts()).flat_map(|point| &point.flags) {
        let slot = met.entry(flag.tier).or_insert(flag.slot);
        *slot = flag.slot.max(*slot);
    }
    met
}
