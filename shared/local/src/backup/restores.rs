//! Restore jobs: what is asked for and what is reported them. [`super::restoring`] runs them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Backup;
use super::filter::JobFilter;
use super::place::AccountRegion;
use super::point::{Point, PointState};
use super::restore_job::{RestoreJob, RestoreState};
use super::timers::Due;
use super::wire::{Request, answer, invalid_parameter, invalid_request, page};
use crate::api::{ApiError, Neighbours};
use crate::lags::Lag;

/// The metadata of a request, under the names that AWS documents; it takes them in any case.
fn metadata(request: &Request<'_>) -> Result<BTreeMap<&'static str, String>, ApiError> {
    const KNOWN: [&str; 4] =
        ["targetTableName", "encryptionType", "kmsMasterKeyArn", "aws:backup:request-id"];
    let given = request.body.get("Metadata").and_then(Value::as_object);
    let given =
        given.ok_or_else(|| ApiError::client("MissingParameterValueException", "Metadata is required"))?;
    let mut found = BTreeMap::new();
    for (key, value) in given {
        let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(key));
        let Some(known) = known else {
            return Err(invalid_parameter(format!("Invalid restore metadata. Unrecognized key: {key}")));
        };
        let value = value
            .as_str()
            .ok_or_else(|| invalid_parameter(format!("Invalid restore metadata. {key} is no text")))?;
        if found.insert(known, value.to_owned()).is_some() {
            return Err(invalid_parameter(format!("Invalid restore metadata. {key} is given twice")));
        }
    }
    Ok(found)
}

/// The name of a table: 3 to 255 characters of those that DynamoDB allows.
fn is_table_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (3..=255).contains(&name.len()) && name.chars().all(allowed)
}

/// What a request says of the key of the new table.
enum KeyOf<'a> {
    /// DynamoDB's own.
    Dynamo,
    /// The one that AWS manages for DynamoDB in the account.
    Managed,
    /// A key of the customer.
    Named(&'a str),
}

/// The key of the new table. Without an encryption type it is the original table's, which another Region
/// does not have; `KMS` without a key is the key that AWS manages for DynamoDB.
fn key_of<'a>(
    place: &AccountRegion,
    point: &'a Point,
    encryption: Option<&str>,
    key: Option<&'a String>,
) -> Result<KeyOf<'a>, ApiError> {
    match (encryption, key) {
        // The name of the parameter promises an ARN; that nothing else is taken is assumption A48.
        (Some("KMS"), Some(key)) if !key.starts_with("arn:aws:kms:") || !key.contains(":key/") => Err(
            invalid_parameter(format!("Invalid restore metadata. kmsMasterKeyArn is no ARN of a key: {key}")),
        ),
        (Some("KMS"), Some(key)) => Ok(KeyOf::Named(key)),
        (Some("KMS"), None) => Ok(KeyOf::Managed),
        (Some("Default"), None) => Ok(KeyOf::Dynamo),
        (Some("Default") | None, Some(_)) => {
            Err(invalid_parameter("Invalid restore metadata. kmsMasterKeyArn requires encryptionType KMS"))
        }
        (None, None)
            if AccountRegion::of_arn(&point.resource).is_some_and(|from| from.region != place.region) =>
        {
            Err(invalid_parameter(
                "Invalid restore metadata. encryptionType is required to restore to another Region",
            ))
        }
        (None, None) => Ok(point.table_key().map_or(KeyOf::Dynamo, KeyOf::Named)),
        (Some(other), _) => Err(invalid_parameter(format!(
            "Invalid restore metadata. encryptionType must be Default or KMS, is {other}"
        ))),
    }
}

impl Backup {
    pub(super) fn start_restore(
        &mut self,
        request: &Request<'_>,
        around: &mut dyn Neighbours,
    ) -> Result<(String, Value), ApiError> {
        let place = &request.place;
        let (arn, role) = (request.needed("RecoveryPointArn")?, request.needed("IamRoleArn")?);
        if let Some(id) = self.repeated(request, "StartRestoreJob") {
            return Ok((arn.to_owned(), json!({"RestoreJobId": id})));
        }
        if request.text("ResourceType").is_some_and(|kind| kind != "DynamoDB") {
            return Err(invalid_parameter("ResourceType does not match the recovery point"));
        }
        let metadata = metadata(request)?;
        let table = metadata
            .get("targetTableName")
            .ok_or_else(|| invalid_parameter("Invalid restore metadata. You must provide targetTableName"))?;
        if !is_table_name(table) {
            return Err(invalid_parameter(format!("Invalid restore metadata. Not a table name: {table}")));
        }
        let Some(point) = self.sites.get(place).and_then(|site| site.points.get(arn)) else {
            return Err(self.missing(format!("Cannot find recovery point {arn}")));
        };
        if point.state != PointState::Usable {
            let state = point.state.as_str(self.options.usable);
            return Err(invalid_request(format!("Recovery point {arn} cannot be restored: it is {state}")));
        }
        let encryption = metadata.get("encryptionType").map(String::as_str);
        let now = request.now();
        let key_arn = match key_of(place, point, encryption, metadata.get("kmsMasterKeyArn"))? {
            KeyOf::Dynamo => None,
            KeyOf::Managed => Some(around.managed_key(&place.account, &place.region, "dynamodb", now)),
            KeyOf::Named(arn) => Some(arn.to_owned()),
        };
        let mut job = RestoreJob {
            id: String::new(),
            point: arn.to_owned(),
            point_created: point.created,
            vault_arn: point.vault_arn.clone(),
            resource: point.resource.clone(),
            role: role.to_owned(),
            created: now,
            started: None,
            expected: None,
            completed: None,
            state: RestoreState::Pending,
            message: None,
            size: point.snapshot.size,
            table: table.clone(),
            key_arn,
            metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            copy_tags: request
                .body
                .get("CopySourceTagsToRestoredResource")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            made: None,
        };
        job.id = self.ids.uuid().to_uppercase();
        let id = job.id.clone();
        self.timers.set(now + self.options.durations.start, Due::Restore(place.clone(), id.clone()));
        self.outbox.restore_created(place, &job, now);
        self.outbox.restore(place, &job, now);
        self.remember(request, "StartRestoreJob", &id);
        let seen = self.lags.draw(&[Lag::Jobs], now);
        self.site(place).restores.insert(job, seen);
        Ok((arn.to_owned(), json!({"RestoreJobId": id})))
    }

    fn restore_job(&self, request: &Request<'_>) -> Result<&RestoreJob, ApiError> {
        let id = request.segment(1);
        let job = self.sites.get(&request.place).and_then(|site| site.restores.get(id));
        job.ok_or_else(|| self.missing(format!("Cannot find restore job {id}")))
    }

    pub(super) fn describe_restore(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let job = self.restore_job(request)?;
        Ok(("*".to_owned(), job.view(&request.place, request.now())))
    }

    /// The metadata that the job was started with.
    pub(super) fn restore_job_metadata(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let job = self.restore_job(request)?;
        Ok(("*".to_owned(), json!({"RestoreJobId": job.id, "Metadata": job.metadata})))
    }

    /// Jobs of the last 30 days.
    pub(super) fn list_restores(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let filter = JobFilter::of(request, "status", &RestoreState::NAMES)?;
        let testing = request.query("restoreTestingPlanArn").is_some();
        let site = self.sites.get(&request.place);
        let jobs = site.into_iter().flat_map(|site| site.restores.listed(None, request.now()));
        let wanted = jobs.filter(|job| !testing && filter.admits(*job));
        self.restores_listed(request, wanted)
    }

    /// The restores of what was a table's, by the creation of the recovery point that they bring back.
    pub(super) fn list_restores_of(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let filter = JobFilter::of(request, "status", &RestoreState::NAMES)?;
        let created = (
            request.query_time("recoveryPointCreationDateAfter")?,
            request.query_time("recoveryPointCreationDateBefore")?,
        );
        let site = self.sites.get(&request.place);
        let key = Some(request.segment(1));
        let jobs = site.into_iter().flat_map(|site| site.restores.listed(key, request.now()));
        let wanted =
            jobs.filter(|job| filter.admits(*job) && super::filter::within(Some(job.point_created), created));
        self.restores_listed(request, wanted)
    }

    fn restores_listed<'a>(
        &self,
        request: &Request<'_>,
        jobs: impl Iterator<Item = &'a RestoreJob>,
    ) -> Result<(String, Value), ApiError> {
        let (found, next) = page(request, self.options.page, jobs.map(|job| (job.id.as_str(), job)))?;
        let views: Vec<Value> =
            found.into_iter().map(|job| job.view(&request.place, request.now())).collect();
        let body =
            answer([("RestoreJobs", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }
}
