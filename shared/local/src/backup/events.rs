//! The events that AWS Backup sends to EventBridge, with all their oddities, and their best-effort delivery.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::backup_job::{BackupJob, JobState};
use super::copy_job::CopyJob;
use super::ids::Ids;
use super::place::AccountRegion;
use super::point::Point;
use super::restore_job::{RestoreJob, RestoreState};
use super::wire::{answer, written, written_seconds};

const RESTORE: &str = "Restore Job State Change";

/// An event on the default bus of an account and Region.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupEvent {
    /// The account whose bus it is.
    pub account: String,
    /// The Region whose bus it is.
    pub region: String,
    /// The whole event, envelope included.
    pub event: Value,
}

/// What goes wrong on the way to EventBridge. AWS emits best effort, in batches of about five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFaults {
    /// Loses this many events, the next ones.
    pub lose_next: u32,
    /// Loses every event.
    pub lose_all: bool,
    /// Delivers this many events twice, the next ones; each delivery has its own delay.
    pub double_next: u32,
    /// Delivers every event twice.
    pub double_all: bool,
    /// The least delay.
    pub delay_from: SignedDuration,
    /// The greatest delay. Events overtake one another within these bounds.
    pub delay_to: SignedDuration,
    /// Delivers what is due together in the reverse order.
    pub reverse: bool,
}

impl Default for EventFaults {
    fn default() -> Self {
        Self {
            lose_next: 0,
            lose_all: false,
            double_next: 0,
            double_all: false,
            delay_from: SignedDuration::ZERO,
            delay_to: SignedDuration::from_mins(5),
            reverse: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) faults: EventFaults,
    ids: Ids,
    sent: u64,
    pending: BTreeMap<(Timestamp, u64), BackupEvent>,
}

impl Outbox {
    /// Draws from its own stream of numbers, so that faults here change no identifier elsewhere.
    pub(super) fn new(seed: u64) -> Self {
        Self { faults: EventFaults::default(), ids: Ids::new(seed, 11), sent: 0, pending: BTreeMap::new() }
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.pending.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn take(&mut self, now: Timestamp) -> Vec<BackupEvent> {
        let mut due = Vec::new();
        while let Some(first) = self.pending.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        if self.faults.reverse {
            due.reverse();
        }
        due
    }

    /// Puts an event on its way, past all faults.
    pub(super) fn post(&mut self, at: Timestamp, event: BackupEvent) {
        self.sent += 1;
        self.pending.insert((at, self.sent), event);
    }

    fn send(&mut self, place: &AccountRegion, at: Timestamp, kind: &str, resources: &[&str], detail: &Value) {
        let id = self.ids.uuid();
        if self.faults.lose_all || self.faults.lose_next > 0 {
            self.faults.lose_next = self.faults.lose_next.saturating_sub(1);
            return;
        }
        let doubled = self.faults.double_all || self.faults.double_next > 0;
        self.faults.double_next = self.faults.double_next.saturating_sub(1);
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": kind,
            "source": "aws.backup",
            "account": place.account,
            "time": written_seconds(at),
            "region": place.region,
            "resources": resources,
            "detail": detail,
        });
        let (account, region) = (place.account.clone(), place.region.clone());
        let event = BackupEvent { account, region, event };
        for _ in 0..=u8::from(doubled) {
            let spread = self.faults.delay_to.saturating_sub(self.faults.delay_from);
            let delay = self.faults.delay_from + self.ids.delay(spread);
            self.post(at + delay, event.clone());
        }
    }

    /// A backup job has entered its state. The recovery point is named once it is COMPLETED, and only as
    /// the event's resource.
    pub(super) fn backup(&mut self, place: &AccountRegion, job: &BackupJob, at: Timestamp) {
        let kind = "Backup Job State Change";
        let state = job.state;
        let (created, state_text) = (json!(written(job.created)), json!(state.as_str()));
        if state == JobState::Created {
            let detail = json!({"backupJobId": job.id, "state": state_text, "creationDate": created});
            self.send(place, at, kind, &[], &detail);
            return;
        }
        let done = state == JobState::Completed;
        let sized = matches!(state, JobState::Running | JobState::Completed);
        let detail = answer([
            ("backupJobId", Some(json!(job.id))),
            ("backupSizeInBytes", sized.then(|| json!(job.size.to_string()))),
            ("backupVaultArn", Some(json!(place.vault_arn(&job.vault)))),
            ("backupVaultName", Some(json!(job.vault))),
            ("bytesTransferred", Some(json!(if done { job.size.to_string() } else { "0".to_owned() }))),
            ("creationDate", Some(created)),
            ("iamRoleArn", Some(json!(job.role))),
            ("resourceArn", Some(json!(job.resource))),
            ("resourceType", Some(json!("DynamoDB"))),
            ("state", Some(state_text)),
            ("statusMessage", job.message.as_ref().map(|message| json!(format!("\"{message}\"")))),
            (
                "completionDate",
                job.completed.filter(|_| state != JobState::Failed).map(|at| json!(written(at))),
            ),
            ("startBy", Some(json!(written(job.start_by)))),
            (
                "expectedCompletionDate",
                job.expected.filter(|_| state == JobState::Running).map(|at| json!(spoken(at))),
            ),
            ("percentDone", Some(json!(if done { 100 } else { 0 }))),
            ("retryCount", matches!(state, JobState::Completed | JobState::Failed).then(|| json!(3))),
        ]);
        let resources = if done { vec![job.point.as_str()] } else { Vec::new() };
        self.send(place, at, kind, &resources, &detail);
    }

    /// A copy job has entered its state; told where the job was started. CREATED does not name the job.
    pub(super) fn copy(&mut self, place: &AccountRegion, job: &CopyJob, at: Timestamp) {
        let kind = "Copy Job State Change";
        let (created, state) = (json!(written(job.created)), json!(job.state.as_str()));
        let detail = if job.state == JobState::Created {
            json!({
                "creationDate": created,
                "state": state,
                "sourceBackupVaultArn": job.source_vault_arn,
                "destinationBackupVaultArn": job.target_vault_arn,
            })
        } else {
            answer([
                ("copyJobId", Some(json!(job.id))),
                ("backupSizeInBytes", Some(json!(job.size))),
                ("creationDate", Some(created)),
                ("iamRoleArn", Some(json!(job.role))),
                ("resourceArn", Some(json!(job.resource))),
                ("resourceType", Some(json!("DynamoDB"))),
                ("sourceBackupVaultArn", Some(json!(job.source_vault_arn))),
                ("state", Some(state)),
                ("statusMessage", job.message.as_ref().map(|message| json!(message))),
                ("completionDate", job.completed.map(|at| json!(written(at)))),
                ("destinationBackupVaultArn", Some(json!(job.target_vault_arn))),
                ("destinationRecoveryPointArn", Some(job.made.as_ref().map_or(json!({}), |arn| json!(arn)))),
            ])
        };
        self.send(place, at, kind, &[&job.source], &detail);
    }

    /// A restore job is there: told with hardly anything, and with `state` where the others say `status`.
    pub(super) fn restore_created(&mut self, place: &AccountRegion, job: &RestoreJob, at: Timestamp) {
        let detail =
            json!({"restoreJobId": job.id, "creationDate": written(job.created), "state": "CREATED"});
        self.send(place, at, RESTORE, &[&job.point], &detail);
    }

    /// A restore job has entered its state. Its progress is 0 in all of AWS's samples.
    pub(super) fn restore(&mut self, place: &AccountRegion, job: &RestoreJob, at: Timestamp) {
        let done = job.state == RestoreState::Completed;
        let detail = answer([
            ("restoreJobId", Some(json!(job.id))),
            ("backupVaultArn", done.then(|| json!(job.vault_arn))),
            ("recoveryPointArn", done.then(|| json!(job.point))),
            ("sourceResourceArn", done.then(|| json!(job.resource))),
            ("backupSizeInBytes", Some(json!(job.size.to_string()))),
            ("creationDate", Some(json!(written(job.created)))),
            ("iamRoleArn", Some(json!(job.role))),
            ("percentDone", Some(json!(0))),
            ("resourceType", Some(json!("DynamoDB"))),
            ("status", Some(json!(job.state.as_str()))),
            ("statusMessage", job.message.as_ref().map(|message| json!(message))),
            ("createdResourceArn", done.then(|| json!(job.table_arn(place)))),
            ("completionDate", job.completed.filter(|_| done).map(|at| json!(written(at)))),
        ]);
        self.send(place, at, RESTORE, &[&job.point], &detail);
    }

    /// A vault was made, changed or deleted.
    pub(super) fn vault(
        &mut self,
        place: &AccountRegion,
        vault: &str,
        state: &str,
        locked: Option<bool>,
        at: Timestamp,
    ) {
        let detail = answer([
            ("backupVaultName", Some(json!(vault))),
            ("state", Some(json!(state))),
            ("isLocked", locked.map(|locked| json!(locked.to_string()))),
        ]);
        self.send(place, at, "Backup Vault State Change", &[&place.vault_arn(vault)], &detail);
    }

    /// The settings of a Region were changed, to these where they are named.
    pub(super) fn region(
        &mut self,
        place: &AccountRegion,
        opt_in: &[(String, bool)],
        management: &[(String, bool)],
        at: Timestamp,
    ) {
        let map = |changes: &[(String, bool)]| -> Option<Value> {
            let map: Map<String, Value> = changes.iter().map(|(key, on)| (key.clone(), json!(on))).collect();
            (!map.is_empty()).then_some(Value::Object(map))
        };
        let detail = answer([
            ("modifiedAt", Some(json!(written(at)))),
            ("ResourceTypeOptInPreference", map(opt_in)),
            ("ResourceTypeManagementPreference", map(management)),
            ("state", Some(json!("MODIFIED"))),
        ]);
        self.send(place, at, "Region Setting State Change", &[], &detail);
    }

    /// A recovery point has entered its state.
    pub(super) fn point(
        &mut self,
        place: &AccountRegion,
        point: &Point,
        at: Timestamp,
        usable: &'static str,
    ) {
        let created = point.created;
        let lifecycle = answer([
            ("moveToColdStorageAfterDays", point.lifecycle.cold_after.map(|days| json!(days))),
            ("deleteAfterDays", point.lifecycle.delete_after.map(|days| json!(days))),
        ]);
        let calculated = answer([
            ("moveToColdStorageAt", point.lifecycle.cold_at(created).map(|at| json!(written(at)))),
            ("deleteAt", point.lifecycle.delete_at(created).map(|at| json!(written(at)))),
        ]);
        let limited = !point.lifecycle.is_empty();
        let detail = answer([
            ("backupVaultName", Some(json!(point.vault))),
            ("backupVaultArn", Some(json!(point.vault_arn))),
            ("creationDate", Some(json!(written(created)))),
            ("iamRoleArn", Some(json!(point.role))),
            ("resourceType", Some(json!("DynamoDB"))),
            ("resourceArn", Some(json!(point.resource))),
            ("status", Some(json!(point.state.as_str(usable)))),
            ("statusMessage", point.message.as_ref().map(|message| json!(message))),
            ("isEncrypted", Some(json!("true"))),
            ("storageClass", Some(json!(point.storage_class()))),
            ("completionDate", point.completed.map(|at| json!(written(at)))),
            ("lifecycle", limited.then_some(lifecycle)),
            ("calculatedLifeCycle", limited.then_some(calculated)),
        ]);
        self.send(place, at, "Recovery Point State Change", &[&point.arn], &detail);
    }
}

/// `Jul 15, 2020 9:39:07 PM`.
fn spoken(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%b %-d, %Y %-I:%M:%S %p").to_string()
}
