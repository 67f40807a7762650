//! A model of AWS Backup for DynamoDB tables: vaults, asynchronous backup, copy and restore jobs, recovery
//! points, legal holds, tags, Region settings and best-effort events, for many accounts and Regions.
//!
//! It is a state machine over time that holds no clock: what is due happens in [`Backup::settle`], at the
//! moment it was due. A table is read when a waiting job starts to run, so the owner settles the model
//! before it lets a table change. One seed gives one history.

mod authority;
mod backup_job;
mod book;
mod copies;
mod copy_job;
mod deletion;
mod events;
mod filter;
mod hold;
mod holds;
mod ids;
mod jobs;
mod lifecycle;
mod options;
mod place;
mod point;
mod points;
mod policy;
mod protected;
mod region;
mod region_settings;
mod restore_job;
mod restores;
mod restoring;
mod roles;
mod routes;
mod runs;
mod script;
mod slots;
mod tags;
#[cfg(test)]
mod tests;
mod timers;
mod vault;
mod vaults;
mod waiting;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use self::book::Book;
pub use self::events::{BackupEvent, EventFaults};
pub use self::options::{Durations, Options};
use self::place::AccountRegion;
pub use self::point::PointView;
use self::slots::Slots;
use self::timers::{Due, Timers};
use crate::api::{ApiError, Neighbours, Scope};
use crate::lags::Lags;
use crate::rates::Rates;

/// All operations together.
const ALL: &str = "*";

/// Requests per second as AWS publishes them, by account, Region and operation, and for all operations together.
/// StartCopyJob and DescribeCopyJob are not published and taken to be like their backup siblings. For the rest, which
/// is set-up, no rate is published either: it is taken to be that of the other reading operations.
fn per_second(operation: &str) -> i64 {
    match operation {
        ALL => 50,
        "StartBackupJob"
        | "StartCopyJob"
        | "StartRestoreJob"
        | "StopBackupJob"
        | "TagResource"
        | "UntagResource"
        | "UpdateRecoveryPointLifecycle"
        | "DescribeBackupVault" => 5,
        "DeleteRecoveryPoint" | "DescribeProtectedResource" => 10,
        name if name.starts_with("List") => 20,
        _ => 15,
    }
}

#[derive(Debug, Default)]
struct Site {
    vaults: BTreeMap<String, vault::Vault>,
    region: region_settings::RegionSettings,
    backups: Book<backup_job::BackupJob>,
    copies: Book<copy_job::CopyJob>,
    restores: Book<restore_job::RestoreJob>,
    points: Book<point::Point>,
    holds: BTreeMap<String, hold::Hold>,
    /// How many restores run.
    restoring: usize,
    /// (operation, idempotency token) to the job that it started.
    tokens: BTreeMap<(&'static str, String), String>,
}

/// A request that succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Handled {
    /// The API operation, such as `StartBackupJob`.
    pub operation: &'static str,
    /// The ARN that AWS authorises the operation on, or `*`.
    pub resource: String,
    /// The JSON body of the answer.
    pub answer: Value,
}

/// AWS Backup in all accounts and Regions.
#[derive(Debug)]
pub struct Backup {
    sites: BTreeMap<AccountRegion, Site>,
    ids: ids::Ids,
    timers: Timers,
    slots: Slots,
    rates: Rates,
    outbox: events::Outbox,
    options: Options,
    fail_backups: BTreeMap<String, VecDeque<String>>,
    fail_copies: BTreeMap<String, VecDeque<String>>,
    /// Tables whose next backup ends with an issue, and what that says.
    issues: BTreeMap<String, VecDeque<String>>,
    /// Tables whose copies meet errors of AWS's systems, and until when.
    disturbed: BTreeMap<String, Timestamp>,
    pub(crate) lags: Lags,
    /// Callers whose deletions fail, whatever their role says.
    no_delete: BTreeSet<String>,
}

impl Backup {
    /// An AWS Backup without any vault; all its identifiers and delays follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            sites: BTreeMap::new(),
            ids: ids::Ids::new(seed, 10),
            timers: Timers::default(),
            slots: Slots::default(),
            rates: Rates::default(),
            outbox: events::Outbox::new(seed),
            options: Options::default(),
            fail_backups: BTreeMap::new(),
            fail_copies: BTreeMap::new(),
            issues: BTreeMap::new(),
            disturbed: BTreeMap::new(),
            lags: Lags::new(seed, 200),
            no_delete: BTreeSet::new(),
        }
    }

    /// The API operation that a method and a path name; `None` when the model knows none.
    #[must_use]
    pub fn operation(method: &str, path: &[String]) -> Option<&'static str> {
        routes::operation(method, path)
    }

    /// Answers one API request. `path` holds the percent-decoded segments (an ARN is one segment, empty ones
    /// are ignored), `query` the decoded pairs, `body` the JSON body (`Null` when empty).
    ///
    /// # Errors
    /// As AWS Backup answers it; `ResourceNotFoundException` is HTTP 400 there.
    pub fn handle(
        &mut self,
        scope: &Scope,
        method: &str,
        path: &[String],
        query: &[(String, String)],
        body: &Value,
        around: &mut dyn Neighbours,
    ) -> Result<Handled, ApiError> {
        let path: Vec<String> = path.iter().filter(|segment| !segment.is_empty()).cloned().collect();
        let Some(operation) = routes::operation(method, &path) else {
            return Err(ApiError {
                status: 404,
                code: "UnknownOperationException".to_owned(),
                message: format!("no operation {method} /{}", path.join("/")),
            });
        };
        self.settle(scope.now, around);
        let place = AccountRegion::of(scope);
        if self.options.rates {
            let buckets = [(operation, per_second(operation)), (ALL, per_second(ALL))];
            if !self.rates.take(&place.account, &place.region, &buckets, scope.now) {
                return Err(ApiError::client("ThrottlingException", "Rate exceeded"));
            }
        }
        let request = wire::Request { scope, place, path: &path, query, body };
        let (resource, answer) = self.dispatch(operation, &request, around)?;
        Ok(Handled { operation, resource, answer })
    }

    fn dispatch(
        &mut self,
        operation: &'static str,
        request: &wire::Request<'_>,
        around: &mut dyn Neighbours,
    ) -> Result<(String, Value), ApiError> {
        match operation {
            "CreateBackupVault" => self.create_vault(request, around),
            "CreateLogicallyAirGappedBackupVault" => self.create_air_gapped_vault(request, around),
            "DescribeBackupVault" => self.describe_vault(request),
            "ListBackupVaults" => self.list_vaults(request),
            "DeleteBackupVault" => self.delete_vault(request),
            "PutBackupVaultLockConfiguration" => self.put_lock(request),
            "DeleteBackupVaultLockConfiguration" => self.delete_lock(request),
            "PutBackupVaultAccessPolicy" => self.put_policy(request),
            "GetBackupVaultAccessPolicy" => self.get_policy(request),
            "DeleteBackupVaultAccessPolicy" => self.delete_policy(request),
            "DescribeRegionSettings" => self.describe_region(request),
            "UpdateRegionSettings" => self.update_region(request),
            "StartBackupJob" => self.start_backup(request, around),
            "DescribeBackupJob" => self.describe_backup(request),
            "ListBackupJobs" => self.list_backups(request),
            "StopBackupJob" => self.stop_backup(request),
            "StartCopyJob" => self.start_copy(request),
            "DescribeCopyJob" => self.describe_copy(request),
            "ListCopyJobs" => self.list_copies(request),
            "StartRestoreJob" => self.start_restore(request, around),
            "DescribeRestoreJob" => self.describe_restore(request),
            "ListRestoreJobs" => self.list_restores(request),
            "ListRestoreJobsByProtectedResource" => self.list_restores_of(request),
            "GetRestoreJobMetadata" => self.restore_job_metadata(request),
            "CreateLegalHold" => self.create_hold(request),
            "GetLegalHold" => self.get_hold(request),
            "ListLegalHolds" => self.list_holds(request),
            "CancelLegalHold" => self.cancel_hold(request),
            "ListRecoveryPointsByLegalHold" => self.list_points_by_hold(request),
            "ListProtectedResources" => self.list_protected(request),
            "DescribeProtectedResource" => self.describe_protected(request),
            "DescribeGlobalSettings" => Ok(Self::describe_global()),
            "UpdateGlobalSettings" => Self::update_global(),
            "DescribeRecoveryPoint" => self.describe_point(request),
            "ListRecoveryPointsByBackupVault" => self.list_points_by_vault(request),
            "ListRecoveryPointsByResource" => self.list_points_by_resource(request),
            "GetRecoveryPointRestoreMetadata" => self.restore_metadata(request),
            "UpdateRecoveryPointLifecycle" => self.update_lifecycle(request),
            "DeleteRecoveryPoint" => self.delete_point(request, around),
            "ListTags" => self.list_tags(request),
            "TagResource" => self.tag_resource(request),
            "UntagResource" => self.untag_resource(request),
            other => Err(ApiError {
                status: 404,
                code: "UnknownOperationException".to_owned(),
                message: format!("{other} is not modelled"),
            }),
        }
    }

    /// Everything that is due by `now` happens, in order of time, each at its own moment.
    pub fn settle(&mut self, now: Timestamp, around: &mut dyn Neighbours) {
        while let Some((at, due)) = self.timers.pop(now) {
            match due {
                Due::Backup(place, id) => self.backup_due(&place, &id, at, around),
                Due::Copy(place, id) => self.copy_due(&place, &id, at, around),
                Due::Point(place, arn) => self.point_due(&place, &arn, at, around),
                Due::Restore(place, id) => self.restore_due(&place, &id, at, around),
            }
        }
    }

    /// When something is next due: a job, a recovery point or the delivery of an event.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        [self.timers.next_at(), self.outbox.next_at()].into_iter().flatten().min()
    }

    /// The events that are delivered by `now`, in order of delivery.
    pub fn take_events(&mut self, now: Timestamp) -> Vec<BackupEvent> {
        self.outbox.take(now)
    }

    fn site(&mut self, place: &AccountRegion) -> &mut Site {
        if !self.sites.contains_key(place) {
            self.sites.insert(place.clone(), Site::default());
        }
        self.sites.get_mut(place).expect("the site was made above")
    }
}
