//! Recovery points: what they hold, who may delete them, and what becomes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Backup;
use super::backup_job::table_name;
use super::filter::within;
use super::lifecycle::{DAY, Lifecycle};
use super::place::AccountRegion;
use super::point::{Point, PointState, PointView};
use super::wire::{Request, answer, invalid_parameter, invalid_request, page};
use crate::api::ApiError;
use crate::lags::Lag;
use crate::wire::seconds;

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
