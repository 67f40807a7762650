//! How a restore point is written into the catalog: flat, so that an operator reads it in the console and every state
//! has its fields in the same places. Only what its state has is there; a record in which something of it is missing is
//! not read.

use backup_chain_core::ids::{PointId, RecoveryPointArn, SessionId, Table, VaultArn};
use backup_chain_core::point::{
    BindingLocation, CopyFlags, CopySource, Hold, Made, PointKind, PolicyRef, Progress, Request,
    RestorePoint, Retry, State, StoredLeftover,
};
use backup_chain_core::settings::Digest;
use backup_chain_core::tier::Flag;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The record of a restore point, version 1.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredPoint {
    id: PointId,
    kind: PointKind,
    table: Table,
    vault: VaultArn,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyRef>,
    session: SessionId,
    slot: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<Flag>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    copies: Vec<CopyFlags>,
    state: State,
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<Retry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Request>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    job_ended: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arn: Option<RecoveryPointArn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<CopySource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waits_since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    by_request: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Digest>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    settings_stored: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    message_stored: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<BindingLocation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leftovers: Vec<StoredLeftover>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspect: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_at: Option<Timestamp>,
    rev: u64,
}

impl From<&RestorePoint> for StoredPoint {
    fn from(point: &RestorePoint) -> Self {
        let point = point.clone();
        Self {
            state: point.state(),
            request: point.request().cloned(),
            job: point.job().map(str::to_owned),
            job_ended: point.job_ended(),
            arn: point.recovery_point().cloned(),
            reason: point.reason().map(str::to_owned),
            id: point.id,
            kind: point.kind,
            table: point.table,
            vault: point.vault,
            policy: point.policy,
            session: point.session,
            slot: point.slot,
            flags: point.flags,
            copies: point.copies,
            attempt: point.attempt,
            retry: point.retry,
            requested_at: point.requested_at,
            source: point.source,
            waits_since: point.waits_since,
            by_request: point.by_request,
            created_at: point.created_at,
            bytes: point.bytes,
            sealed: point.sealed,
            settings: point.settings,
            settings_stored: point.settings_stored,
            message_stored: point.message_stored,
            bound: point.bound,
            leftovers: point.leftovers,
            warnings: point.warnings,
            suspect: point.suspect,
            hold: point.hold,
            check_at: point.check_at,
            rev: point.rev,
        }
    }
}

impl TryFrom<StoredPoint> for RestorePoint {
    type Error = String;
    fn try_from(stored: StoredPoint) -> Result<Self, String> {
        let StoredPoint { state, request, job, job_ended, arn, reason, .. } = stored;
        let lacks = |what: &str| format!("it is {state}, and its {what} is not recorded");
        let why = reason.clone().unwrap_or_default();
        let made = |job: Option<String>, arn: Option<RecoveryPointArn>| {
            Ok::<Made, String>(Made { recovery_point: arn.ok_or_else(|| lacks("recovery point"))?, job })
        };
        let progress = match state {
            State::Planned => Progress::Planned,
            State::Starting => Progress::Starting { request: request.ok_or_else(|| lacks("request"))? },
            State::Running => Progress::Running {
                request: request.ok_or_else(|| lacks("request"))?,
                job: job.ok_or_else(|| lacks("job"))?,
                recovery_point: arn,
                ended: job_ended,
            },
            State::Available => Progress::Available { made: made(job, arn)?, blocked: reason },
            State::Failed => Progress::Failed { why, job, recovery_point: arn },
            State::Dropped => Progress::Dropped { why },
            State::Deleting => Progress::Deleting { made: made(job, arn)?, why },
            State::Deleted => Progress::Deleted { made: made(job, arn)?, why },
        };
        Ok(Self {
            progress,
            id: stored.id,
            kind: stored.kind,
            table: stored.table,
            vault: stored.vault,
            policy: stored.policy,
            session: stored.session,
            slot: stored.slot,
            flags: stored.flags,
            copies: stored.copies,
            attempt: stored.attempt,
            retry: stored.retry,
            requested_at: stored.requested_at,
            source: stored.source,
            waits_since: stored.waits_since,
            by_request: stored.by_request,
            created_at: stored.created_at,
            bytes: stored.bytes,
            sealed: stored.sealed,
            settings: stored.settings,
            settings_stored: stored.settings_stored,
            message_stored: stored.message_stored,
            bound: stored.bound,
            leftovers: stored.leftovers,
            warnings: stored.warnings,
            suspect: stored.suspect,
            hold: stored.hold,
            check_at: stored.check_at,
            rev: stored.rev,
        })
    }
}
