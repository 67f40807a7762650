//! Legal holds: what they cover can neither be deleted nor lapse.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::hold::{Cancelled, Hold, Selection};
use super::lifecycle::DAY;
use super::place::AccountRegion;
use super::point::Point;
use super::wire::{Request, answer, invalid_parameter, page};
use super::{Backup, tags};
use crate::api::ApiError;
use crate::lags::Lagging;

/// The most holds of an account in a Region that are in force.
const MAX_HOLDS: usize = 50;

impl Backup {
    pub(super) fn create_hold(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (title, description) = (request.needed("Title")?, request.needed("Description")?);
        let (place, now) = (&request.place, request.now());
        if let Some(id) = self.repeated(request, "CreateLegalHold") {
            let hold = self.hold(place, &id, now)?;
            return Ok(("*".to_owned(), hold.whole(place, now)));
        }
        let selection = Selection::parse(request.body.get("RecoveryPointSelection"))?;
        let tags = tags::parse(request.body.get("Tags"))?;
        let id = self.ids.uuid();
        let seen = self.tags_seen(now);
        let holds = &mut self.site(place).holds;
        if holds.values().filter(|hold| hold.cancelled.is_none()).count() >= MAX_HOLDS {
            return Err(ApiError::client(
                "LimitExceededException",
                format!("The maximum number of legal holds, which is {MAX_HOLDS}, is reached"),
            ));
        }
        let hold = Hold {
            id: id.clone(),
            title: title.to_owned(),
            description: description.to_owned(),
            created: now,
            cancelled: None,
            selection,
            tags: Lagging::new(tags, seen),
        };
        let body = hold.whole(place, now);
        holds.insert(id.clone(), hold);
        self.remember(request, "CreateLegalHold", &id);
        Ok(("*".to_owned(), body))
    }

    fn hold(&self, place: &AccountRegion, id: &str, now: Timestamp) -> Result<&Hold, ApiError> {
        self.sites
            .get(place)
            .and_then(|site| site.holds.get(id))
            .filter(|hold| hold.recorded(now))
            .ok_or_else(|| self.missing(format!("Cannot find legal hold {id}")))
    }

    pub(super) fn get_hold(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let hold = self.hold(&request.place, request.segment(1), request.now())?;
        Ok((request.place.hold_arn(&hold.id), hold.whole(&request.place, request.now())))
    }

    pub(super) fn list_holds(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let now = request.now();
        let holds = self.sites.get(&request.place).into_iter().flat_map(|site| site.holds.values());
        let holds = holds.filter(|hold| hold.recorded(now)).map(|hold| (hold.id.as_str(), hold));
        let (found, next) = page(request, self.options.page, holds)?;
        let views: Vec<Value> = found.into_iter().map(|hold| hold.view(&request.place, now)).collect();
        let body =
            answer([("LegalHolds", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }

    /// Ends a hold; its record stays for the days that are asked for, else without end.
    pub(super) fn cancel_hold(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (place, id, now) = (&request.place, request.segment(1), request.now());
        let description =
            request.query("cancelDescription").filter(|text| !text.is_empty()).ok_or_else(|| {
                ApiError::client("MissingParameterValueException", "cancelDescription is required")
            })?;
        let retain_until = match request.query("retainRecordInDays") {
            None => None,
            Some(text) => {
                let days = text.parse::<i32>().ok().filter(|days| *days >= 0).ok_or_else(|| {
                    invalid_parameter(format!("retainRecordInDays is no number of days: {text}"))
                })?;
                Some(now.saturating_add(DAY.saturating_mul(days)).unwrap_or(Timestamp::MAX))
            }
        };
        if self.hold(place, id, now)?.cancelled.is_some() {
            return Err(ApiError::client(
                "InvalidResourceStateException",
                format!("Legal hold {id} is cancelled already"),
            ));
        }
        let cancelled = Cancelled { at: now, description: description.to_owned(), retain_until };
        let site = self.site(place);
        let mut freed = Vec::new();
        if let Some(hold) = site.holds.get_mut(id) {
            freed.extend(site.points.values().filter(|p| hold.covers(p)).map(|p| p.arn.clone()));
            hold.cancelled = Some(cancelled);
        }
        for arn in freed {
            self.schedule(place, &arn, now);
        }
        Ok((place.hold_arn(id), json!({})))
    }

    pub(super) fn list_points_by_hold(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let hold = self.hold(&request.place, request.segment(1), request.now())?;
        let points = self.sites.get(&request.place).into_iter().flat_map(|site| site.points.values());
        let covered = points.filter(|point| hold.covers(point)).map(|point| (point.arn.as_str(), point));
        let (found, next) = page(request, self.options.page, covered)?;
        let views: Vec<Value> = found
            .into_iter()
            .map(|point| {
                json!({
                    "RecoveryPointArn": point.arn,
                    "ResourceArn": point.resource,
                    "ResourceType": "DynamoDB",
                    "BackupVaultName": point.vault,
                })
            })
            .collect();
        let body =
            answer([("RecoveryPoints", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok((request.place.hold_arn(&hold.id), body))
    }

    /// Whether a hold in force covers the point.
    pub(super) fn held(&self, place: &AccountRegion, point: &Point) -> bool {
        self.sites.get(place).is_some_and(|site| site.holds.values().any(|hold| hold.covers(point)))
    }

    /// Puts one point under a hold of its own, or ends that.
    pub(super) fn hold_point(&mut self, place: &AccountRegion, arn: &str, held: bool, now: Timestamp) {
        let site = self.site(place);
        if held {
            let selection = Selection { points: BTreeSet::from([arn.to_owned()]), ..Selection::default() };
            let hold = Hold {
                id: arn.to_owned(),
                title: "hold of one point".to_owned(),
                description: arn.to_owned(),
                created: now,
                cancelled: None,
                selection,
                tags: Lagging::default(),
            };
            site.holds.insert(arn.to_owned(), hold);
        } else {
            site.holds.remove(arn);
        }
        self.schedule(place, arn, now);
    }
}
