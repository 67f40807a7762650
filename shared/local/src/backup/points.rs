//! Recovery points: what they hold, who may delete them, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::book::Keyed;
use super::filter::within;
use super::jobs::table_name;
use super::lifecycle::{DAY, Lifecycle};
use super::timers::TimerId;
use super::wire::{Request, answer, invalid_parameter, invalid_request, page};
use super::{AccountRegion, Backup};
use crate::api::{ApiError, TableState};
use crate::lags::{Lag, Lagging};
use crate::wire::seconds;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointState {
    Creating,
    Usable,
    Deleting,
    Expired,
}

impl PointState {
    pub(super) fn as_str(self, usable: &'static str) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Usable => usable,
            Self::Deleting => "DELETING",
            Self::Expired => "EXPIRED",
        }
    }
}

/// A table as it was; shared by a recovery point and its copies.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) table: Arc<TableState>,
    /// The size of the items as JSON.
    pub(super) size: u64,
}

impl Snapshot {
    pub(super) fn of(table: TableState) -> Self {
        let size = table.items.iter().map(|item| item.to_string().len()).sum::<usize>();
        Self { table: Arc::new(table), size: u64::try_from(size).unwrap_or(u64::MAX) }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) arn: String,
    pub(super) vault: String,
    pub(super) vault_arn: String,
    pub(super) vault_kind: &'static str,
    /// The vault's key, or the table's for a backup of DynamoDB's own; `None` where DynamoDB owns that.
    pub(super) key_arn: Option<String>,
    /// Whether that key is the customer's.
    pub(super) own_key: bool,
    pub(super) resource: String,
    pub(super) role: String,
    pub(super) created: Timestamp,
    pub(super) initiated: Timestamp,
    pub(super) completed: Option<Timestamp>,
    pub(super) state: PointState,
    pub(super) message: Option<String>,
    pub(super) tags: Lagging<BTreeMap<String, String>>,
    /// The keys of those that it has not inherited; a copy has them too.
    pub(super) added: BTreeSet<String>,
    pub(super) lifecycle: Lifecycle,
    /// AWS deletes at a random moment within 8 hours after a point's time is up.
    pub(super) lapse_delay: SignedDuration,
    pub(super) snapshot: Snapshot,
    pub(super) source_vault: Option<String>,
    pub(super) cold: bool,
    /// How many copies and restores read it.
    pub(super) busy: usize,
    /// When a restore of it last ended well.
    pub(super) restored: Option<Timestamp>,
    pub(super) advanced: bool,
    /// While DELETING: when that ends, and whether the point is gone then or EXPIRED.
    pub(super) ends: Option<(Timestamp, bool)>,
    pub(super) timer: Option<TimerId>,
}

impl Keyed for Point {
    const LISTED: Lag = Lag::Points;

    fn id(&self) -> &str {
        &self.arn
    }

    fn keys(&self) -> Vec<&str> {
        vec![&self.vault, &self.resource]
    }
}

impl Point {
    /// The key that the table itself was encrypted with; `None` is DynamoDB's own.
    pub(super) fn table_key(&self) -> Option<&str> {
        let sse = self.snapshot.table.description.get("SSEDescription")?;
        sse.get("KMSMasterKeyArn").and_then(Value::as_str)
    }

    /// When its state next changes by itself.
    pub(super) fn next_at(&self, held: bool) -> Option<Timestamp> {
        if let Some((at, _)) = self.ends {
            return Some(at);
        }
        if self.state == PointState::Creating {
            return None;
        }
        let cold = self.lifecycle.cold_at(self.created).filter(|_| !self.cold && self.advanced);
        let lapse = self.lapse_at().filter(|_| self.lapses(held));
        [cold, lapse].into_iter().flatten().min()
    }

    /// Whether its move to cold storage is due; AWS returns no hour, here it is at once.
    pub(super) fn cold_due(&self, at: Timestamp) -> bool {
        self.advanced && self.lifecycle.cold_at(self.created).is_some_and(|cold| cold <= at)
    }

    /// What a failed deletion left, and what is under a legal hold, stays.
    pub(super) fn lapses(&self, held: bool) -> bool {
        self.state == PointState::Usable && !held
    }

    pub(super) fn lapse_at(&self) -> Option<Timestamp> {
        self.lifecycle.delete_at(self.created).map(|at| at.saturating_add(self.lapse_delay).unwrap_or(at))
    }

    fn view(&self, usable: &'static str) -> Value {
        answer([
            ("RecoveryPointArn", Some(json!(self.arn))),
            ("BackupVaultName", Some(json!(self.vault))),
            ("BackupVaultArn", Some(json!(self.vault_arn))),
            ("SourceBackupVaultArn", self.source_vault.as_ref().map(|arn| json!(arn))),
            ("ResourceArn", Some(json!(self.resource))),
            ("ResourceName", Some(json!(table_name(&self.resource)))),
            ("ResourceType", Some(json!("DynamoDB"))),
            ("IamRoleArn", Some(json!(self.role))),
            ("Status", Some(json!(self.state.as_str(usable)))),
            ("StatusMessage", self.message.as_ref().map(|message| json!(message))),
            ("CreationDate", Some(seconds(self.created))),
            ("InitiationDate", Some(seconds(self.initiated))),
            ("CompletionDate", self.completed.map(seconds)),
            ("BackupSizeInBytes", Some(json!(self.snapshot.size))),
            ("Lifecycle", self.lifecycle.view()),
            ("CalculatedLifecycle", self.lifecycle.calculated(self.created)),
            ("EncryptionKeyArn", self.key_arn.as_ref().map(|arn| json!(arn))),
            ("EncryptionKeyType", self.own_key.then(|| json!("CUSTOMER_MANAGED_KMS_KEY"))),
            ("LastRestoreTime", self.restored.map(seconds)),
            ("IsEncrypted", Some(json!(true))),
            ("IsParent", Some(json!(false))),
            ("StorageClass", Some(json!(self.storage_class()))),
            ("VaultType", Some(json!(self.vault_kind))),
        ])
    }

    pub(super) fn storage_class(&self) -> &'static str {
        if self.cold { "COLD" } else { "WARM" }
    }
}

/// A recovery point as an independent judge sees it: everything, without going through the API.
#[derive(Debug, Clone)]
pub struct PointView {
    /// The ARN of the recovery point.
    pub arn: String,
    /// The ARN of the table.
    pub resource_arn: String,
    /// The creation date; a copy has that of its source.
    pub created: Timestamp,
    /// When the table was read, for a copy when the copying began.
    pub initiated: Timestamp,
    /// `CREATING`, `COMPLETED` (or `AVAILABLE`), `DELETING` or `EXPIRED`.
    pub status: &'static str,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The table as it was when the backup began to run: description, tags and items.
    pub table: Arc<TableState>,
}

impl Backup {
    /// All recovery points of a vault, in order of their ARNs.
    #[must_use]
    pub fn points(&self, account: &str, region: &str, vault: &str) -> Vec<PointView> {
        let place = AccountRegion { account: account.to_owned(), region: region.to_owned() };
        let points = self.sites.get(&place).into_iter().flat_map(|site| site.points.under(vault));
        points
            .map(|point| PointView {
                arn: point.arn.clone(),
                resource_arn: point.resource.clone(),
                created: point.created,
                initiated: point.initiated,
                status: point.state.as_str(self.options.usable),
                tags: BTreeMap::clone(&point.tags),
                table: Arc::clone(&point.snapshot.table),
            })
            .collect()
    }

    pub(super) fn point_of(&self, account: &str, region: &str, arn: &str) -> Option<&Point> {
        let place = AccountRegion { account: account.to_owned(), region: region.to_owned() };
        self.sites.get(&place)?.points.get(arn)
    }

    /// A backup or copy has ended well: the point is usable, and its lifecycle runs.
    pub(super) fn complete_point(&mut self, place: &AccountRegion, arn: &str, at: Timestamp) {
        // Its tags may not be there for a while, as after any change of them.
        let tags_seen = self.lags.draw(&[Lag::PointTags], at);
        self.enter(place, arn, at, |point| {
            point.state = PointState::Usable;
            point.completed = Some(at);
            point.tags.touch(tags_seen);
        });
        self.schedule(place, arn, at);
    }

    pub(super) fn requested_point(&self, request: &Request<'_>) -> Result<(&Point, bool), ApiError> {
        let (name, arn) = (request.segment(1), request.segment(3));
        let (vault_arn, vault) = self.vault(&request.place, name)?;
        if request.query("backupVaultAccountId").is_some_and(|id| id != request.place.account) {
            return Err(self.missing(format!("Backup vault {vault_arn} does not exist.")));
        }
        let locked = vault.lock.is_some();
        self.sites
            .get(&request.place)
            .and_then(|site| site.points.get(arn))
            .filter(|point| point.vault == name)
            .map(|point| (point, locked))
            .ok_or_else(|| self.missing(format!("Cannot find recovery point {arn}")))
    }

    pub(super) fn describe_point(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (point, _) = self.requested_point(request)?;
        Ok((point.arn.clone(), point.view(self.options.usable)))
    }

    pub(super) fn list_points_by_vault(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (arn, vault) = self.vault(&request.place, request.segment(1))?;
        let (resource, kind) = (request.query("resourceArn"), request.query("resourceType"));
        let created = (request.query_time("createdAfter")?, request.query_time("createdBefore")?);
        // Vaults of other accounts, plans and parents: there is nothing of theirs.
        if request.query("backupVaultAccountId").is_some_and(|id| id != request.place.account) {
            return Err(self.missing(format!("Backup vault {arn} does not exist.")));
        }
        let key = resource.unwrap_or(&vault.name);
        let points = self
            .sites
            .get(&request.place)
            .into_iter()
            .flat_map(|site| site.points.listed(Some(key), request.now()));
        let wanted = points.filter(|point| {
            point.vault == vault.name
                && resource.is_none_or(|wanted| wanted == point.resource)
                && kind.is_none_or(|wanted| wanted == "DynamoDB")
                && within(Some(point.created), created)
                && request.query("backupPlanId").is_none()
                && request.query("parentRecoveryPointArn").is_none()
        });
        let (found, next) =
            page(request, self.options.page, wanted.map(|point| (point.arn.as_str(), point)))?;
        let mut views: Vec<Value> = found.into_iter().map(|point| point.view(self.options.usable)).collect();
        for view in &mut views {
            view.as_object_mut().and_then(|fields| fields.remove("StorageClass"));
        }
        let body =
            answer([("RecoveryPoints", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok((arn, body))
    }

    /// Without the vault's name, which AWS returns for other resource types only. All points are managed by AWS
    /// Backup, so that a wish for those alone changes nothing.
    pub(super) fn list_points_by_resource(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let resource = request.segment(1);
        let points = self
            .sites
            .get(&request.place)
            .into_iter()
            .flat_map(|site| site.points.listed(Some(resource), request.now()));
        let wanted = points.filter(|point| point.resource == resource);
        let (found, next) =
            page(request, self.options.page, wanted.map(|point| (point.arn.as_str(), point)))?;
        let views: Vec<Value> = found
            .into_iter()
            .map(|point| {
                answer([
                    ("RecoveryPointArn", Some(json!(point.arn))),
                    ("CreationDate", Some(seconds(point.created))),
                    ("Status", Some(json!(point.state.as_str(self.options.usable)))),
                    ("EncryptionKeyArn", point.key_arn.as_ref().map(|arn| json!(arn))),
                    ("BackupSizeBytes", Some(json!(point.snapshot.size))),
                    ("IsParent", Some(json!(false))),
                    ("ResourceName", Some(json!(table_name(&point.resource)))),
                    ("VaultType", Some(json!(point.vault_kind))),
                ])
            })
            .collect();
        let body =
            answer([("RecoveryPoints", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }

    /// The keys of a restore, as far as AWS Backup knows them; a table's settings are not among them.
    pub(super) fn restore_metadata(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let id = self.ids.uuid();
        let (point, _) = self.requested_point(request)?;
        let sse = point.snapshot.table.description.get("SSEDescription");
        let key = point.table_key();
        let metadata = answer([
            ("targetTableName", Some(json!(table_name(&point.resource)))),
            ("encryptionType", Some(json!(if sse.is_some() { "KMS" } else { "Default" }))),
            ("kmsMasterKeyArn", key.map(|key| json!(key))),
            ("aws:backup:request-id", Some(json!(id))),
        ]);
        let body = json!({
            "BackupVaultArn": point.vault_arn,
            "RecoveryPointArn": point.arn,
            "ResourceType": "DynamoDB",
            "RestoreMetadata": metadata,
        });
        Ok((point.arn.clone(), body))
    }

    /// Both values must be sent again: the one that is missing becomes never.
    pub(super) fn update_lifecycle(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let lifecycle = Lifecycle::parse(request.body.get("Lifecycle"))?;
        let now = request.now();
        let (point, locked) = self.requested_point(request)?;
        if locked {
            return Err(invalid_request(format!("Backup vault {} is locked", point.vault)));
        }
        if !matches!(point.state, PointState::Usable | PointState::Expired) {
            return Err(invalid_request(format!("Recovery point {} is in use", point.arn)));
        }
        let cold_changes = lifecycle.cold_after != point.lifecycle.cold_after;
        if point.cold && cold_changes {
            return Err(invalid_request("MoveToColdStorageAfterDays cannot be changed in cold storage"));
        }
        if cold_changes && lifecycle.cold_at(point.created).is_some_and(|at| at < now + DAY) {
            return Err(invalid_parameter(
                "MoveToColdStorageAfterDays must be at least the age plus one day",
            ));
        }
        let arn = point.arn.clone();
        let body = answer([
            ("BackupVaultArn", Some(json!(point.vault_arn))),
            ("RecoveryPointArn", Some(json!(arn))),
            ("Lifecycle", lifecycle.view()),
            ("CalculatedLifecycle", lifecycle.calculated(point.created)),
        ]);
        let seen = self.lags.draw(&[Lag::Points], now);
        self.site(&request.place).points.change(&arn, seen, |point| point.lifecycle = lifecycle);
        self.schedule(&request.place, &arn, now);
        Ok((arn, body))
    }
}
