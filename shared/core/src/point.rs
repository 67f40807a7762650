//! Restore points: our record of each recovery point, and the states it passes through.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::hold::Hold;
pub use crate::ids::PolicyRef;
pub use crate::tier::CopyFlags;

use crate::ids::{PointId, RecoveryPointArn, SessionId, Table, VaultArn};
use crate::metadata::{self, Document};
use crate::plan::{StartBackup, StartCopy};
use crate::policy::{Notices, Retries};
use crate::settings::Digest;
use crate::tier::{Flag, Tier};

/// What a restore point is to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// In the backup chain of its table.
    Backup,
    /// In the copy chain of its table in a target vault.
    Copy,
    /// Made by an operator, outside every chain: never outdated, removed only by an operator.
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
    /// The job failed for good; the slots are owed.
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

/// Where a restore point stands, with what it has there and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Recorded; nothing has been asked of AWS.
    Planned,
    /// The request may or may not have reached AWS.
    Starting {
        /// The exact request, to be sent again byte for byte.
        request: Request,
    },
    /// AWS has a job for it.
    Running {
        /// What was asked for.
        request: Request,
        /// The backup or copy job.
        job: String,
        /// The recovery point, once AWS has named it.
        recovery_point: Option<RecoveryPointArn>,
        /// Whether the job is over, though what it made could not be looked at yet: its table is free.
        ended: bool,
    },
    /// It can be restored from.
    Available {
        /// What was made.
        made: Made,
        /// Why AWS would not delete it, when that was last tried.
        blocked: Option<String>,
    },
    /// The job failed for good; the slots are owed.
    Failed {
        /// Why.
        why: String,
        /// The last job.
        job: Option<String>,
        /// What the job was to make, as far as AWS named it.
        recovery_point: Option<RecoveryPointArn>,
    },
    /// A copy that a newer one overtook before it was started.
    Dropped {
        /// Why.
        why: String,
    },
    /// Deletion has been asked for and not yet been seen to be done.
    Deleting {
        /// What is deleted.
        made: Made,
        /// Why.
        why: String,
    },
    /// Gone from the vault.
    Deleted {
        /// What is gone.
        made: Made,
        /// Why.
        why: String,
    },
}

/// What a job has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The recovery point.
    pub recovery_point: RecoveryPointArn,
    /// The job; none for a point that was found in its vault.
    pub job: Option<String>,
}

impl Progress {
    /// A point that was found in its vault: it can be restored from.
    pub fn found(recovery_point: RecoveryPointArn) -> Self {
        Self::Available { made: Made { recovery_point, job: None }, blocked: None }
    }
}

/// A move that the states of a restore point do not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("restore point {point} is {from} and cannot become {to}")]
pub struct IllegalMove {
    /// The point.
    pub point: PointId,
    /// Where it stands.
    pub from: State,
    /// Where it was to go.
    pub to: State,
}

/// How often a point's job is tried again when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How many more tries after the first.
    pub attempts: u32,
    /// The pause before each.
    #[serde(rename = "pause")]
    pub pause_minutes: u32,
    /// Whether each try that failed is reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub notices_each: bool,
}

impl From<Retries> for Retry {
    fn from(retries: Retries) -> Self {
        Self {
            attempts: retries.attempts,
            pause_minutes: retries.pause_minutes,
            notices_each: retries.notices == Notices::Each,
        }
    }
}

/// Where it stands that the metadata of a recovery point is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BindingLocation {
    /// In its tags.
    Tags,
    /// In the settings table of its Region.
    Stored,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePoint {
    /// Its id; a copy carries the id of its backup.
    pub id: PointId,
    /// What it is to its table.
    pub kind: PointKind,
    /// The table, and which creation of it.
    pub table: Table,
    /// The vault that it lives in.
    pub vault: VaultArn,
    /// The policy that made it; none for a manual backup.
    pub policy: Option<PolicyRef>,
    /// The session that made it.
    pub session: SessionId,
    /// The session's slot.
    pub slot: Timestamp,
    /// Flags: none on a manual backup.
    pub flags: Vec<Flag>,
    /// On a backup: the copies that its slot asks for.
    pub copies: Vec<CopyFlags>,
    /// Where it stands.
    pub progress: Progress,
    /// Counts the tries at this slot and table; part of the idempotency token.
    pub attempt: u32,
    /// Whether a job that failed is tried again; none for points that are made on request of an operator.
    pub retry: Option<Retry>,
    /// When the request was first recorded.
    pub requested_at: Option<Timestamp>,
    /// On a copy: the recovery point and the vault that it is copied from.
    pub source: Option<CopySource>,
    /// On a copy that took the place of older ones that waited: since when the oldest of them did.
    pub waits_since: Option<Timestamp>,
    /// On a copy: an operator asked for it, and no newer one takes its place.
    pub by_request: bool,
    /// The moment of the restore point: the creation date that AWS gives it. Copies share their backup's.
    pub created_at: Option<Timestamp>,
    /// Size in bytes.
    pub bytes: Option<i64>,
    /// SHA-256 of the sealed metadata: what its tags, or the settings table, must hold.
    pub sealed: Option<Digest>,
    /// SHA-256 of the normal form of the captured settings.
    pub settings: Option<Digest>,
    /// Whether the settings are in the settings table rather than in the tags.
    pub settings_stored: bool,
    /// Whether the sealed metadata is in the settings table, too: its recovery point carries the id alone, or no tag of
    /// ours.
    pub message_stored: bool,
    /// Where its metadata is bound to its recovery point; none as long as it is not. Without the catalog only bound
    /// metadata is believed.
    pub bound: Option<BindingLocation>,
    /// What its tries that failed have left in the settings table of its Region.
    pub leftovers: Vec<StoredLeftover>,
    /// What is worth knowing about it, though it is available.
    pub warnings: Vec<String>,
    /// Why its metadata is not believed. A suspect point is kept and counts for nothing.
    pub suspect: Option<String>,
    /// Kept by an operator.
    pub hold: Option<Hold>,
    /// When it is due to be checked next.
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

/// What a try that failed has put into the settings table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLeftover {
    /// When the try failed.
    pub since: Timestamp,
    /// The recovery point under which its message is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<RecoveryPointArn>,
    /// Its settings and its message.
    pub digests: Vec<Digest>,
}

impl RestorePoint {
    /// Its vault as reports and requests name it, with the account where that is not the table's.
    pub fn place(&self) -> String {
        self.vault.place_from(&self.table.arn.account)
    }

    /// Whether it is in the vault that is named as [`Self::place`] gives it, or by its ARN.
    pub fn is_in(&self, vault: &str) -> bool {
        vault == self.place() || vault == self.vault.to_string()
    }

    /// A point that is to be made, without flags: nothing has been asked of AWS yet.
    pub fn planned(
        id: PointId,
        kind: PointKind,
        table: Table,
        vault: VaultArn,
        session: SessionId,
        slot: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            table,
            vault,
            policy: None,
            session,
            slot,
            flags: Vec::new(),
            copies: Vec::new(),
            progress: Progress::Planned,
            attempt: 1,
            retry: None,
            requested_at: None,
            source: None,
            waits_since: None,
            by_request: false,
            created_at: None,
            bytes: None,
            sealed: None,
            settings: None,
            settings_stored: false,
            message_stored: false,
            bound: None,
            leftovers: Vec::new(),
            warnings: Vec::new(),
            suspect: None,
            hold: None,
            check_at: None,
            rev: 0,
        }
    }

    /// The point that a recovery point in `vault` is, by the metadata that it carries: available, as far as that
    /// goes. `None` when its metadata knows of no copy there.
    pub fn from_document(
        document: &Document,
        vault: VaultArn,
        recovery_point: RecoveryPointArn,
    ) -> Option<Self> {
        let (kind, flags, copies) = if document.kind == metadata::DocumentKind::Manual {
            (PointKind::Manual, Vec::new(), Vec::new())
        } else if vault.region == document.table.arn.region {
            (PointKind::Backup, document.flags.clone(), document.copies.clone())
        } else {
            let copy = document.copies.iter().find(|copy| copy.vault == vault)?;
            (PointKind::Copy, copy.flags.clone(), Vec::new())
        };
        let Document { id, table, session, slot, .. } = document;
        Some(Self {
            policy: document.policy.clone(),
            flags,
            copies,
            progress: Progress::found(recovery_point),
            requested_at: Some(document.requested_at),
            settings: Some(document.settings.digest()),
            settings_stored: matches!(document.settings, metadata::SettingsLocation::Stored(_)),
            ..Self::planned(id.clone(), kind, table.clone(), vault, session.clone(), *slot)
        })
    }

    /// The copies that an available backup is to have, to be looked at from `now` on. They share what its
    /// metadata says.
    pub fn planned_copies(&self, now: Timestamp) -> Vec<RestorePoint> {
        let Some(arn) = self.recovery_point() else { return Vec::new() };
        let source = CopySource { arn: arn.clone(), vault: self.vault.clone() };
        let copy = |target: &CopyFlags| {
            let (table, vault) = (self.table.clone(), target.vault.clone());
            RestorePoint {
                policy: self.policy.clone(),
                flags: target.flags.clone(),
                retry: self.retry,
                source: Some(source.clone()),
                created_at: self.created_at,
                bytes: self.bytes,
                sealed: self.sealed,
                settings: self.settings,
                settings_stored: self.settings_stored,
                message_stored: self.message_stored,
                check_at: Some(now),
                ..Self::planned(
                    self.id.clone(),
                    PointKind::Copy,
                    table,
                    vault,
                    self.session.clone(),
                    self.slot,
                )
            }
        };
        self.copies.iter().map(copy).collect()
    }

    /// This copy, planned once more after `past` came to nothing or was removed: what that has left is its own, and its
    /// tries count on, so that AWS takes its request for a new one.
    pub(crate) fn again(self, past: &Self) -> Self {
        let retry = self.retry.map(|retry| Retry { attempts: retry.attempts + past.attempt, ..retry });
        Self { retry, attempt: past.attempt + 1, leftovers: past.leftovers.clone(), rev: past.rev, ..self }
    }

    /// Under which digests the settings table of its Region holds something of it.
    pub fn stored(&self) -> impl Iterator<Item = Digest> {
        let settings = self.settings.filter(|_| self.settings_stored);
        settings.into_iter().chain(self.sealed.filter(|_| self.message_stored))
    }

    /// Notes at `now` that what the settings table holds of this try is needed by no one any more.
    pub fn record_leftovers(&mut self, now: Timestamp) {
        let digests: Vec<Digest> = self.stored().collect();
        if !digests.is_empty() {
            let arn = self.recovery_point().filter(|_| self.message_stored).cloned();
            self.leftovers.push(StoredLeftover { since: now, arn, digests });
        }
    }

    /// Since when its chain waits for a copy: from the moment of its backup on, or of one that it has overtaken.
    pub fn waits_since(&self) -> Timestamp {
        let own = self.created_at.unwrap_or(self.slot);
        self.waits_since.map_or(own, |since| since.min(own))
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.progress {
            Progress::Planned => State::Planned,
            Progress::Starting { .. } => State::Starting,
            Progress::Running { .. } => State::Running,
            Progress::Available { .. } => State::Available,
            Progress::Failed { .. } => State::Failed,
            Progress::Dropped { .. } => State::Dropped,
            Progress::Deleting { .. } => State::Deleting,
            Progress::Deleted { .. } => State::Deleted,
        }
    }

    /// The recovery point, once AWS has named it.
    pub fn recovery_point(&self) -> Option<&RecoveryPointArn> {
        match &self.progress {
            Progress::Running { recovery_point, .. } | Progress::Failed { recovery_point, .. } => {
                recovery_point.as_ref()
            }
            Progress::Available { made, .. }
            | Progress::Deleting { made, .. }
            | Progress::Deleted { made, .. } => Some(&made.recovery_point),
            Progress::Planned | Progress::Starting { .. } | Progress::Dropped { .. } => None,
        }
    }

    /// The recovery point that it can be restored from.
    pub fn available(&self) -> Option<&RecoveryPointArn> {
        match &self.progress {
            Progress::Available { made, .. } => Some(&made.recovery_point),
            _ => None,
        }
    }

    /// The backup or copy job, once AWS has named it.
    pub fn job(&self) -> Option<&str> {
        match &self.progress {
            Progress::Running { job, .. } => Some(job),
            Progress::Failed { job, .. } => job.as_deref(),
            Progress::Available { made, .. }
            | Progress::Deleting { made, .. }
            | Progress::Deleted { made, .. } => made.job.as_deref(),
            Progress::Planned | Progress::Starting { .. } | Progress::Dropped { .. } => None,
        }
    }

    /// What was asked of AWS, until that has answered for good.
    pub fn request(&self) -> Option<&Request> {
        match &self.progress {
            Progress::Starting { request } | Progress::Running { request, .. } => Some(request),
            _ => None,
        }
    }

    /// Whether its job is over, though what it made could not be looked at yet.
    pub fn job_ended(&self) -> bool {
        matches!(self.progress, Progress::Running { ended: true, .. })
    }

    /// Why it failed, was dropped or was removed, or could not be.
    pub fn reason(&self) -> Option<&str> {
        match &self.progress {
            Progress::Failed { why, .. }
            | Progress::Dropped { why }
            | Progress::Deleting { why, .. }
            | Progress::Deleted { why, .. } => Some(why),
            Progress::Available { blocked, .. } => blocked.as_deref(),
            Progress::Planned | Progress::Starting { .. } | Progress::Running { .. } => None,
        }
    }

    /// The error of a move that its state does not allow.
    pub(crate) fn cannot_become(&self, to: State) -> IllegalMove {
        IllegalMove { point: self.id.clone(), from: self.state(), to }
    }

    /// Whether a try that failed is to be followed by another.
    pub fn next_retry(&self) -> Option<Retry> {
        self.retry.filter(|retry| self.attempt <= retry.attempts)
    }

    /// The moment from which no flag pins it; `None` for a point without flags.
    pub fn lapses(&self) -> Option<Timestamp> {
        self.flags.iter().map(|flag| flag.lapses).max()
    }

    /// Whether it counts as a backup of its table: available and believed.
    pub fn is_counted(&self) -> bool {
        self.available().is_some() && self.suspect.is_none()
    }
}

/// The latest slot of each tier that some available, believed point carries.
pub fn met_slots<'a>(chain: impl IntoIterator<Item = &'a RestorePoint>) -> BTreeMap<Tier, Timestamp> {
    let mut met = BTreeMap::new();
    for flag in chain.into_iter().filter(|point| point.is_counted()).flat_map(|point| &point.flags) {
        let slot = met.entry(flag.tier).or_insert(flag.slot);
        *slot = flag.slot.max(*slot);
    }
    met
}
