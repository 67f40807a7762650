//! Resource Groups Tagging: which tables, vaults, recovery points and alarms carry which tags.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    api::{ApiError, Scope},
    backup::Backup,
    cloudwatch::CloudWatch,
    dynamodb::Dynamo,
    page,
    wire::{Service, text},
};

/// How many keys or values a page has; AWS documents no number.
const PAGE: usize = 50;

/// The services whose resources carry tags.
pub(crate) struct Around<'a> {
    pub(crate) backup: &'a mut Backup,
    pub(crate) cloudwatch: &'a mut CloudWatch,
    pub(crate) dynamo: &'a mut Dynamo,
}

type Answer = Result<Value, ApiError>;
type Tagged<'a> = BTreeMap<String, &'a BTreeMap<String, String>>;

/// Answers one operation, over the resources of an account in a Region.
///
/// # Errors
/// As the tagging API refuses.
pub(crate) fn handle(around: &mut Around<'_>, scope: &Scope, operation: &str, body: &Value) -> Answer {
    match operation {
        "GetResources" => resources(&around.tagged(scope), body),
        "GetTagKeys" => {
            let tagged = around.tagged(scope);
            let keys: BTreeSet<&String> = tagged.values().flat_map(|tags| tags.keys()).collect();
            names("TagKeys", keys, body)
        }
        "GetTagValues" => {
            let key = text(body, "Key").ok_or_else(|| invalid("Key must not be null"))?;
            let tagged = around.tagged(scope);
            let values: BTreeSet<&String> = tagged.values().filter_map(|tags| tags.get(key)).collect();
            names("TagValues", values, body)
        }
        "TagResources" => {
            let tags = body["Tags"].as_object().filter(|tags| (1..=50).contains(&tags.len()));
            let tags = tags.ok_or_else(|| invalid("Tags has 1 to 50 entries"))?;
            each(body, |arn| around.tag(scope, arn, tags))
        }
        "UntagResources" => {
            let keys = body["TagKeys"].as_array().filter(|keys| (1..=50).contains(&keys.len()));
            let keys = keys.ok_or_else(|| invalid("TagKeys has 1 to 50 entries"))?;
            each(body, |arn| around.untag(scope, arn, keys))
        }
        _ => Err(Service::Tagging.unknown_operation(operation)),
    }
}

impl Around<'_> {
    /// What carries tags, in the order of the ARNs.
    fn tagged(&self, scope: &Scope) -> Tagged<'_> {
        let tables = self.dynamo.tagged(scope);
        tables.into_iter().chain(self.backup.tagged(scope)).chain(self.cloudwatch.tagged(scope)).collect()
    }

    fn tag(&mut self, scope: &Scope, arn: &str, tags: &Map<String, Value>) -> Result<(), ApiError> {
        let list: Vec<Value> =
            tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        match kind(arn).0 {
            "backup" => self.backup.tag(scope, arn, Some(&Value::Object(tags.clone()))),
            service => self.change(scope, service, "TagResource", arn, ("Tags", Value::Array(list))),
        }
    }

    fn untag(&mut self, scope: &Scope, arn: &str, keys: &[Value]) -> Result<(), ApiError> {
        match kind(arn).0 {
            "backup" => self.backup.untag(scope, arn, keys),
            service => self.change(scope, service, "UntagResource", arn, ("TagKeys", keys.into())),
        }
    }

    /// The service's own operation.
    fn change(
        &mut self,
        scope: &Scope,
        service: &str,
        operation: &str,
        arn: &str,
        (member, value): (&str, Value),
    ) -> Result<(), ApiError> {
        match service {
            "cloudwatch" => {
                let request = json!({ "ResourceARN": arn, member: value });
                self.cloudwatch.handle(scope, operation, &request).map(|_| ())
            }
            "dynamodb" => {
                let request = json!({ "ResourceArn": arn, member: value });
                match self.dynamo.handle(scope, operation, &request).error {
                    None => Ok(()),
                    Some(code) => Err(invalid(format!("{arn} is refused: {code}"))),
                }
            }
            _ => Err(invalid(format!("{arn} is not of a service that is modelled"))),
        }
    }
}

/// GetResources.
fn resources(tagged: &Tagged<'_>, body: &Value) -> Answer {
    let types = texts(body, "ResourceTypeFilters");
    let filters = body["TagFilters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if filters.len() > 50 || types.len() > 100 {
        return Err(invalid("TagFilters has at most 50 entries, ResourceTypeFilters at most 100"));
    }
    for filter in filters {
        if text(filter, "Key").is_none_or(str::is_empty) || texts(filter, "Values").len() > 20 {
            return Err(invalid("A tag filter has a Key and at most 20 Values"));
        }
    }
    let size = limit(body, "ResourcesPerPage", 1..=100)?;
    let most_tags = limit(body, "TagsPerPage", 100..=500)?;
    let after = after(body)?;
    let arns = texts(body, "ResourceARNList");
    if !arns.is_empty() {
        let others =
            !types.is_empty() || !filters.is_empty() || size.or(most_tags).is_some() || after.is_some();
        if others || arns.len() > 100 {
            return Err(invalid(
                "ResourceARNList has at most 100 entries, and no filter or paging beside it",
            ));
        }
    }
    let detailed = body["IncludeComplianceDetails"].as_bool().unwrap_or_default();
    let excluded = body["ExcludeCompliantResources"].as_bool().unwrap_or_default();
    if excluded && !detailed {
        return Err(invalid("ExcludeCompliantResources needs IncludeComplianceDetails"));
    }
    let matching = tagged.iter().filter(|(arn, tags)| {
        let of_type = kind(arn);
        (arns.is_empty() || arns.contains(&arn.as_str()))
            && (types.is_empty()
                || types.iter().any(|wanted| {
                    *wanted == of_type.0 || wanted.split_once(':') == Some(of_type)
                }))
            && filters.iter().all(|filter| {
                let value = text(filter, "Key").and_then(|key| tags.get(key));
                let wanted = texts(filter, "Values");
                value.is_some_and(|value| wanted.is_empty() || wanted.contains(&value.as_str()))
            })
            // There are no tag policies, so everything complies.
            && !excluded
            && after.as_deref().is_none_or(|after| arn.as_str() > after)
    });
    let size = if arns.is_empty() { size.unwrap_or(PAGE) } else { arns.len() };
    // Where the tags of a page are limited, the first resource that does not fit begins the next.
    let (mut count, mut list, mut next, mut last) = (0, Vec::new(), String::new(), "");
    for (arn, tags) in matching {
        count += tags.len();
        if list.len() == size || most_tags.is_some_and(|most| count > most && !list.is_empty()) {
            next = page::token(last);
            break;
        }
        let tags: Vec<Value> =
            tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let mut resource = json!({ "ResourceARN": arn, "Tags": tags });
        if detailed {
            resource["ComplianceDetails"] = json!({ "ComplianceStatus": true });
        }
        list.push(resource);
        last = arn;
    }
    Ok(json!({ "PaginationToken": next, "ResourceTagMappingList": list }))
}

/// One page of keys or values.
fn names(member: &str, names: BTreeSet<&String>, body: &Value) -> Answer {
    let entries = names.into_iter().map(|name| (name, name));
    let (found, next) = page::page(entries, after(body)?.as_deref(), PAGE);
    Ok(json!({ member: found, "PaginationToken": next.unwrap_or_default() }))
}

/// Changes each resource by itself: those that fail are reported, the others are changed.
fn each(body: &Value, mut change: impl FnMut(&str) -> Result<(), ApiError>) -> Answer {
    let arns = texts(body, "ResourceARNList");
    if !(1..=20).contains(&arns.len()) {
        return Err(invalid("ResourceARNList has 1 to 20 entries"));
    }
    let mut failed = Map::new();
    for arn in arns {
        if let Err(error) = change(arn) {
            let info = json!({
                "StatusCode": error.status,
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": error.message,
            });
            failed.insert(arn.to_owned(), info);
        }
    }
    Ok(json!({ "FailedResourcesMap": failed }))
}

/// The service and the type of a resource, as its ARN has them.
fn kind(arn: &str) -> (&str, &str) {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let resource = parts.nth(2).unwrap_or_default();
    (service, resource.split([':', '/']).next().unwrap_or_default())
}

/// The key that a page begins behind. The first page comes with no token or an empty one.
fn after(body: &Value) -> Result<Option<String>, ApiError> {
    let token = text(body, "PaginationToken").filter(|token| !token.is_empty());
    page::after(token, || ApiError::client("PaginationTokenExpiredException", "Invalid token"))
}

fn limit(
    body: &Value,
    member: &str,
    range: std::ops::RangeInclusive<usize>,
) -> Result<Option<usize>, ApiError> {
    match &body[member] {
        Value::Null => Ok(None),
        value => value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| invalid(format!("{member} is {} to {}", range.start(), range.end()))),
    }
}

fn texts<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_service_and_type() {
        for (arn, expected) in [
            ("arn:aws:dynamodb:eu-west-1:111122223333:table/a/b", ("dynamodb", "table")),
            ("arn:aws:backup:eu-west-1:111122223333:backup-vault:v", ("backup", "backup-vault")),
            ("arn:aws:backup:eu-west-1:111122223333:recovery-point:1-2", ("backup", "recovery-point")),
            ("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a:b", ("cloudwatch", "alarm")),
            ("nothing", ("", "")),
        ] {
            assert_eq!(kind(arn), expected);
        }
    }
}
