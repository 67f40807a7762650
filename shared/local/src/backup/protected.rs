//! What AWS Backup protects in a Region, and the settings of a whole organization.

use serde_json::{Value, json};

use super::Backup;
use super::backup_job::table_name;
use super::point::{Point, PointState};
use super::restore_job::RestoreState;
use super::wire::{Request, answer, invalid_request, page};
use crate::api::ApiError;
use crate::wire::seconds;

impl Backup {
    /// The newest usable point of a table.
    fn last_point(&self, request: &Request<'_>, resource: &str) -> Option<&Point> {
        let points = self.sites.get(&request.place)?.points.under(resource);
        points
            .filter(|point| point.state == PointState::Usable && point.resource == resource)
            .max_by_key(|point| (point.created, point.completed))
    }

    /// The tables that have a recovery point in the Region, whether they still exist or not.
    pub(super) fn list_protected(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let keys = self.sites.get(&request.place).into_iter().flat_map(|site| site.points.keys());
        let points = keys.filter_map(|key| Some((key, self.last_point(request, key)?)));
        let (found, next) = page(request, self.options.page, points)?;
        let views: Vec<Value> = found
            .into_iter()
            .map(|point| {
                json!({
                    "ResourceArn": point.resource,
                    "ResourceType": "DynamoDB",
                    "ResourceName": table_name(&point.resource),
                    "LastBackupTime": seconds(point.created),
                    "LastBackupVaultArn": point.vault_arn,
                    "LastRecoveryPointArn": point.arn,
                })
            })
            .collect();
        let body = answer([("Results", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }

    pub(super) fn describe_protected(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let arn = request.segment(1);
        let Some(point) = self.last_point(request, arn) else {
            return Err(self.missing(format!("Cannot find protected resource {arn}")));
        };
        let restores = self.sites.get(&request.place).into_iter().flat_map(|site| site.restores.under(arn));
        let restored =
            restores.filter(|job| job.state == RestoreState::Completed).max_by_key(|job| job.created);
        let took = restored.and_then(|job| Some(job.completed?.duration_since(job.started?).as_secs()));
        let body = answer([
            ("ResourceArn", Some(json!(arn))),
            ("ResourceType", Some(json!("DynamoDB"))),
            ("ResourceName", Some(json!(table_name(arn)))),
            ("LastBackupTime", Some(seconds(point.created))),
            ("LastBackupVaultArn", Some(json!(point.vault_arn))),
            ("LastRecoveryPointArn", Some(json!(point.arn))),
            ("LatestRestoreExecutionTimeMinutes", took.map(|seconds| json!((seconds + 59) / 60))),
            ("LatestRestoreJobCreationDate", restored.map(|job| seconds(job.created))),
            ("LatestRestoreRecoveryPointCreationDate", restored.map(|job| seconds(job.point_created))),
        ]);
        Ok((arn.to_owned(), body))
    }

    /// Every account of the model stands alone: backups across accounts are off.
    pub(super) fn describe_global() -> (String, Value) {
        ("*".to_owned(), json!({"GlobalSettings": {"isCrossAccountBackupEnabled": "false"}}))
    }

    /// Only the management account of an organization may change these, and there is none.
    pub(super) fn update_global() -> Result<(String, Value), ApiError> {
        Err(invalid_request("The account is not the management account of an organization"))
    }
}
