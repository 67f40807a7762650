//! Legal holds: what they cover can neither be deleted nor lapse.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::lifecycle::DAY;
use super::points::Point;
use super::wire::{Request, answer, invalid_parameter, page};
use super::{AccountRegion, Backup, tags};
use crate::api::ApiError;
use crate::lags::Lagging;
use crate::wire::seconds;

/// The most holds of an account in a Region that are in force.
const MAX_HOLDS: usize = 50;

/// How long a hold is CREATING or CANCELING. AWS returns no time (assumption A39).
const SETTLES: SignedDuration = SignedDuration::from_secs(60);

/// A legal hold. What it covers is decided by what a point is, also for points that come later.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    id: String,
    title: String,
    description: String,
    created: Timestamp,
    cancelled: Option<Cancelled>,
    selection: Selection,
    pub(super) tags: Lagging<BTreeMap<String, String>>,
}

#[derive(Debug, Clone)]
struct Cancelled {
    at: Timestamp,
    description: String,
    retain_until: Option<Timestamp>,
}

/// What a hold covers: a criterion that is absent excludes nothing.
#[derive(Debug, Clone, Default)]
struct Selection {
    vaults: Vec<String>,
    resources: Vec<String>,
    dates: Option<(Timestamp, Timestamp)>,
    /// Single points, as only a test chooses them.
    points: BTreeSet<String>,
}

impl Selection {
    fn parse(value: Option<&Value>) -> Result<Self, ApiError> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Self::default()) };
        let list = |name: &str| -> Vec<String> {
            let list = value.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let dates = match value.get("DateRange").filter(|range| !range.is_null()) {
            None => None,
            Some(range) => {
                let (from, to) = (parse_date(range, "FromDate")?, parse_date(range, "ToDate")?);
                if from > to {
                    return Err(invalid_parameter("FromDate must not be later than ToDate"));
                }
                Some((from, to))
            }
        };
        let (vaults, resources) = (list("VaultNames"), list("ResourceIdentifiers"));
        Ok(Self { vaults, resources, dates, points: BTreeSet::new() })
    }

    fn view(&self) -> Value {
        answer([
            ("VaultNames", (!self.vaults.is_empty()).then(|| json!(self.vaults))),
            ("ResourceIdentifiers", (!self.resources.is_empty()).then(|| json!(self.resources))),
            (
                "DateRange",
                self.dates.map(|(from, to)| json!({"FromDate": seconds(from), "ToDate": seconds(to)})),
            ),
        ])
    }

    fn takes(&self, point: &Point) -> bool {
        (self.vaults.is_empty() || self.vaults.contains(&point.vault))
            && (self.resources.is_empty() || self.resources.contains(&point.resource))
            && (self.points.is_empty() || self.points.contains(&point.arn))
            && self.dates.is_none_or(|(from, to)| (from..=to).contains(&point.created))
    }
}

impl Hold {
    /// Whether it keeps this point.
    pub(super) fn covers(&self, point: &Point) -> bool {
        self.cancelled.is_none() && self.selection.takes(point)
    }

    fn status(&self, now: Timestamp) -> &'static str {
        match &self.cancelled {
            Some(cancelled) if now < cancelled.at + SETTLES => "CANCELING",
            Some(_) => "CANCELED",
            None if now < self.created + SETTLES => "CREATING",
            None => "ACTIVE",
        }
    }

    fn recorded(&self, now: Timestamp) -> bool {
        let until = self.cancelled.as_ref().and_then(|cancelled| cancelled.retain_until);
        until.is_none_or(|until| now < until)
    }

    fn view(&self, place: &AccountRegion, now: Timestamp) -> Value {
        let cancelled = self.cancelled.as_ref();
        answer([
            ("Title", Some(json!(self.title))),
            ("Status", Some(json!(self.status(now)))),
            ("Description", Some(json!(self.description))),
            ("LegalHoldId", Some(json!(self.id))),
            ("LegalHoldArn", Some(json!(place.hold_arn(&self.id)))),
            ("CreationDate", Some(seconds(self.created))),
            ("CancellationDate", cancelled.map(|cancelled| seconds(cancelled.at))),
        ])
    }

    fn whole(&self, place: &AccountRegion, now: Timestamp) -> Value {
        let mut view = self.view(place, now);
        let cancelled = self.cancelled.as_ref();
        let more = answer([
            ("CancelDescription", cancelled.map(|cancelled| json!(cancelled.description))),
            ("RetainRecordUntil", cancelled.and_then(|cancelled| cancelled.retain_until).map(seconds)),
            ("RecoveryPointSelection", Some(self.selection.view())),
        ]);
        if let (Some(view), Value::Object(more)) = (view.as_object_mut(), more) {
            view.extend(more);
        }
        view
    }
}

impl AccountRegion {
    pub(super) fn hold_arn(&self, id: &str) -> String {
        format!("arn:aws:backup:{}:{}:legal-hold:{id}", self.region, self.account)
    }
}

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

/// A moment of a request: seconds since the epoch, or as text.
fn parse_date(range: &Value, name: &str) -> Result<Timestamp, ApiError> {
    let refused = || invalid_parameter(format!("{name} is no timestamp"));
    match range.get(name) {
        Some(Value::String(text)) => text.parse().map_err(|_| refused()),
        Some(Value::Number(seconds)) => {
            let millis = seconds.as_f64().map(|seconds| (seconds * 1000.0).round()).ok_or_else(refused)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float out of range saturates and is refused"
            )]
            Timestamp::from_millisecond(millis as i64).map_err(|_| refused())
        }
        _ => Err(ApiError::client("MissingParameterValueException", format!("{name} is required"))),
    }
}
