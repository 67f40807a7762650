//! Tags of recovery points, vaults and legal holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::wire::{Request, answer, invalid_parameter, millis, page};
use super::{Backup, place::AccountRegion};
use crate::api::{ApiError, Scope};
use crate::lags::{Lag, Lagging, Seen};

/// The most user tags of one resource.
pub(super) const MAX_TAGS: usize = 50;

/// The tags of a request: keys of 1 to 128, values of up to 256 characters, of the set that AWS allows.
pub(super) fn parse(value: Option<&Value>) -> Result<BTreeMap<String, String>, ApiError> {
    let Some(map) = value.and_then(Value::as_object) else { return Ok(BTreeMap::new()) };
    let allowed =
        |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c));
    let mut tags = BTreeMap::new();
    for (key, value) in map {
        let value = value.as_str().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) || !allowed(key) {
            return Err(invalid_parameter(format!("Invalid tag key: {key}")));
        }
        if value.chars().count() > 256 || !allowed(value) {
            return Err(invalid_parameter(format!("Invalid tag value for key {key}")));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_parameter(format!("Tag keys must not begin with aws: {key}")));
        }
        tags.insert(key.clone(), value.to_owned());
    }
    Ok(tags)
}

/// How many tags count: those that AWS sets itself do not.
pub(super) fn count(tags: &BTreeMap<String, String>) -> usize {
    tags.keys().filter(|key| !key.starts_with("aws:")).count()
}

/// Refuses more added tags of a recovery point than there may be.
///
/// # Errors
/// `LimitExceededException`.
pub(super) fn require_few_added(added: usize, most: usize) -> Result<(), ApiError> {
    if added <= most {
        return Ok(());
    }
    Err(ApiError::client(
        "LimitExceededException",
        format!(
            "The maximum number of tags added to a recovery point, which is {most}, is exceeded: {added}"
        ),
    ))
}

impl Backup {
    /// Puts a tag on a recovery point or a vault as AWS itself does: one that begins with `aws:`, which callers can
    /// neither put nor remove.
    ///
    /// # Errors
    /// When there is no such resource.
    pub fn plant_tag(&mut self, arn: &str, (key, value): (&str, &str)) -> Result<(), String> {
        let place = AccountRegion::of_arn(arn).ok_or_else(|| format!("no ARN: {arn}"))?;
        let tags = self.tags_of(&place, arn).map_err(|error| error.message)?;
        let mut all = BTreeMap::clone(tags);
        all.insert(key.to_owned(), value.to_owned());
        *tags = Lagging::known(all);
        Ok(())
    }

    /// The tags of a recovery point, a vault or a legal hold. DynamoDB's own backups carry none and are refused.
    fn tags_of(
        &mut self,
        place: &AccountRegion,
        arn: &str,
    ) -> Result<&mut Lagging<BTreeMap<String, String>>, ApiError> {
        if arn.starts_with("arn:aws:dynamodb:") {
            return Err(invalid_parameter(format!("The resource type does not support tags: {arn}")));
        }
        let missing = self.missing(format!("Cannot find resource {arn}"));
        let site = self.sites.get_mut(place).ok_or_else(|| missing.clone())?;
        match (arn.rsplit_once(":backup-vault:"), arn.rsplit_once(":legal-hold:")) {
            (Some((_, name)), _) => site.vaults.get_mut(name).map(|vault| &mut vault.tags),
            (_, Some((_, id))) => site.holds.get_mut(id).map(|hold| &mut hold.tags),
            (None, None) => site.points.get_mut(arn).map(|point| &mut point.tags),
        }
        .ok_or(missing)
    }

    pub(super) fn list_tags(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (arn, longest) = (request.segment(1), self.options.page);
        let tags = self.tags_of(&request.place, arn)?.seen(Lag::PointTags, request.now());
        let (found, next) =
            page(request, longest, tags.iter().map(|(key, value)| (key.as_str(), (key, value))))?;
        let map: Map<String, Value> =
            found.into_iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let body =
            answer([("Tags", Some(Value::Object(map))), ("NextToken", next.map(|token| json!(token)))]);
        Ok((arn.to_owned(), body))
    }

    pub(super) fn tag_resource(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let arn = request.segment(1);
        self.tag(request.scope, arn, request.body.get("Tags"))?;
        Ok((arn.to_owned(), json!({})))
    }

    fn add_tags(
        &mut self,
        place: &AccountRegion,
        arn: &str,
        given: Option<&Value>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let given = parse(given)?;
        let most = self.options.added_tags;
        let mut all = BTreeMap::clone(self.tags_of(place, arn)?);
        let new: Vec<String> = given.keys().cloned().collect();
        all.extend(given);
        // With this error: assumption A38. In a locked vault as in any other: assumption A22.
        if count(&all) > MAX_TAGS {
            return Err(ApiError::client(
                "LimitExceededException",
                "The resultant tag set must not have more than 50 user tags.",
            ));
        }
        if let Some(point) = self.sites.get_mut(place).and_then(|site| site.points.get_mut(arn)) {
            let mut added = point.added.clone();
            added.extend(new);
            require_few_added(added.len(), most)?;
            point.added = added;
        }
        let seen = self.tags_seen(now);
        self.tags_of(place, arn)?.set(all, seen);
        Ok(())
    }

    /// When the readers of tags see a change.
    pub(super) fn tags_seen(&mut self, now: Timestamp) -> Seen {
        self.lags.draw(&[Lag::PointTags, Lag::JudgedTags, Lag::FoundTags], now)
    }

    pub(super) fn untag_resource(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let arn = request.segment(1);
        let keys = request.body.get("TagKeyList").and_then(Value::as_array).cloned().unwrap_or_default();
        self.untag(request.scope, arn, &keys)?;
        Ok((arn.to_owned(), json!({})))
    }

    /// Adds tags, a map, to a vault, a recovery point or a legal hold.
    ///
    /// # Errors
    /// As TagResource refuses.
    pub(crate) fn tag(&mut self, scope: &Scope, arn: &str, tags: Option<&Value>) -> Result<(), ApiError> {
        self.add_tags(&AccountRegion::of(scope), arn, tags, millis(scope.now))
    }

    /// Removes tags from a vault, a recovery point or a legal hold.
    ///
    /// # Errors
    /// As UntagResource refuses.
    pub(crate) fn untag(&mut self, scope: &Scope, arn: &str, keys: &[Value]) -> Result<(), ApiError> {
        let place = AccountRegion::of(scope);
        let keys = || keys.iter().filter_map(Value::as_str);
        let mut rest = BTreeMap::clone(self.tags_of(&place, arn)?);
        if let Some(key) = keys().find(|key| key.starts_with("aws:")) {
            return Err(invalid_parameter(format!("Tags that begin with aws: cannot be removed: {key}")));
        }
        for key in keys() {
            rest.remove(key);
        }
        if let Some(point) = self.sites.get_mut(&place).and_then(|site| site.points.get_mut(arn)) {
            point.added.retain(|added| !keys().any(|key| key == added));
        }
        let seen = self.tags_seen(millis(scope.now));
        self.tags_of(&place, arn)?.set(rest, seen);
        Ok(())
    }

    /// The vaults and recovery points of an account in a Region that are seen to carry tags: ARN and tags.
    pub(crate) fn tagged(&self, scope: &Scope) -> Vec<(String, &BTreeMap<String, String>)> {
        let place = AccountRegion::of(scope);
        let Some(site) = self.sites.get(&place) else { return Vec::new() };
        let vaults = site.vaults.values().map(|vault| (place.vault_arn(&vault.name), &vault.tags));
        let points = site.points.values().map(|point| (point.arn.clone(), &point.tags));
        let told = vaults.chain(points).map(|(arn, tags)| (arn, tags.seen(Lag::FoundTags, scope.now)));
        told.filter(|(_, tags)| !tags.is_empty()).collect()
    }
}
