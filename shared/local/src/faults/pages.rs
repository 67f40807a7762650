//! Lists, whose pages can be short or empty while more follows. Every service's documentation says of its lists that
//! a page may have fewer entries than were asked for, none among them, and that only the token tells the end.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::wire::{Incoming, Service};

/// How a page is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Short,
    Empty,
}

/// What begins the token of the page that follows an empty one: behind it stands the token that led to that.
const AFTER_EMPTY: &str = "after-empty-page.";

/// A list that comes in pages.
#[derive(Debug)]
struct Listing {
    service: Service,
    operation: &'static str,
    /// The member of the answer that holds its entries.
    entries: &'static str,
    /// What the request calls the token of the page that it wants.
    asked: &'static str,
    /// The member of the answer that holds the token of the page that follows.
    told: &'static str,
    /// What the request calls the most entries that it wants.
    size: &'static str,
}

const fn listing(
    service: Service,
    operation: &'static str,
    entries: &'static str,
    [asked, told, size]: [&'static str; 3],
) -> Listing {
    Listing { service, operation, entries, asked, told, size }
}

const BACKUP: [&str; 3] = ["nextToken", "NextToken", "maxResults"];
const KEYS: [&str; 3] = ["ExclusiveStartKey", "LastEvaluatedKey", "Limit"];
const SCALING: [&str; 3] = ["NextToken", "NextToken", "MaxResults"];

/// The lists that Backup Chain reads. The tags of a table have no size to ask for: the model takes one of its own.
const LISTINGS: [Listing; 17] = [
    listing(Service::Backup, "ListBackupJobs", "BackupJobs", BACKUP),
    listing(Service::Backup, "ListCopyJobs", "CopyJobs", BACKUP),
    listing(Service::Backup, "ListRecoveryPointsByBackupVault", "RecoveryPoints", BACKUP),
    listing(Service::Backup, "ListRestoreJobs", "RestoreJobs", BACKUP),
    listing(Service::Backup, "ListTags", "Tags", BACKUP),
    listing(Service::CloudWatch, "DescribeAlarms", "MetricAlarms", ["NextToken", "NextToken", "MaxRecords"]),
    listing(Service::DynamoDb, "ListContributorInsights", "ContributorInsightsSummaries", SCALING),
    listing(
        Service::DynamoDb,
        "ListTables",
        "TableNames",
        ["ExclusiveStartTableName", "LastEvaluatedTableName", "Limit"],
    ),
    listing(
        Service::DynamoDb,
        "ListTagsOfResource",
        "Tags",
        ["NextToken", "NextToken", crate::dynamodb::PAGE_OF_TAGS],
    ),
    listing(Service::DynamoDb, "Query", "Items", KEYS),
    listing(Service::DynamoDb, "Scan", "Items", KEYS),
    listing(Service::Events, "ListTargetsByRule", "Targets", ["NextToken", "NextToken", "Limit"]),
    listing(Service::Iam, "SimulatePrincipalPolicy", "EvaluationResults", ["Marker", "Marker", "MaxItems"]),
    listing(
        Service::Lambda,
        "ListEventSourceMappings",
        "EventSourceMappings",
        ["Marker", "NextMarker", "MaxItems"],
    ),
    listing(Service::Scaling, "DescribeScalableTargets", "ScalableTargets", SCALING),
    listing(Service::Scaling, "DescribeScalingPolicies", "ScalingPolicies", SCALING),
    listing(Service::Scaling, "DescribeScheduledActions", "ScheduledActions", SCALING),
];

/// GetResources pages unless it names its resources.
const RESOURCES: Listing = listing(
    Service::Tagging,
    "GetResources",
    "ResourceTagMappingList",
    ["PaginationToken", "PaginationToken", "ResourcesPerPage"],
);

/// A request for a page.
#[derive(Debug)]
pub(crate) struct Cut {
    listing: &'static Listing,
    /// The token that it asks with, as the service gave it; `Null` for the first page.
    token: Value,
    /// Whether it follows an empty page.
    after_empty: bool,
}

impl Cut {
    /// The page that a request asks for; `None` when it asks for no list.
    pub(crate) fn of(service: Service, operation: &str, request: &Incoming, body: &Value) -> Option<Self> {
        let listing = if service == RESOURCES.service && operation == RESOURCES.operation {
            let names_all = body["ResourceARNList"].as_array().is_some_and(|arns| !arns.is_empty());
            (!names_all).then_some(&RESOURCES)?
        } else {
            LISTINGS.iter().find(|listing| listing.service == service && listing.operation == operation)?
        };
        let asked = listing.token_of(request, body);
        let wrapped = unwrapped(&asked);
        Some(Self { listing, after_empty: wrapped.is_some(), token: wrapped.unwrap_or(asked) })
    }

    /// How it can be cut: an empty page follows no empty one, so that every list comes to its end.
    pub(crate) fn pages(&self) -> &'static [Page] {
        if self.after_empty { &[Page::Short] } else { &[Page::Short, Page::Empty] }
    }

    /// The request as the service is to see it; `None` when that is as it came.
    pub(crate) fn asked(
        &self,
        request: &Incoming,
        body: &Value,
        page: Option<Page>,
    ) -> Option<(Incoming, Value)> {
        if !self.after_empty && page != Some(Page::Short) {
            return None;
        }
        let (mut request, mut body) = (request.clone(), body.clone());
        if self.after_empty {
            self.listing.set(&mut request, &mut body, self.listing.asked, self.token.clone());
        }
        if page == Some(Page::Short) {
            self.listing.set(&mut request, &mut body, self.listing.size, json!(1));
        }
        Some((request, body))
    }

    /// An empty page in the place of an answer.
    pub(crate) fn emptied(&self, mut answer: Value) -> Value {
        let listing = self.listing;
        answer[listing.entries] = if answer[listing.entries].is_object() { json!({}) } else { json!([]) };
        let token = format!("{AFTER_EMPTY}{}", BASE64_URL_SAFE_NO_PAD.encode(self.token.to_string()));
        answer[listing.told] =
            if listing.has_keys() { json!({ AFTER_EMPTY: { "S": token } }) } else { json!(token) };
        for count in ["Count", "ScannedCount"] {
            if let Some(count) = answer.get_mut(count) {
                *count = json!(0);
            }
        }
        if let Some(truncated) = answer.get_mut("IsTruncated") {
            *truncated = json!(true);
        }
        answer
    }
}

impl Listing {
    /// Whether its tokens are keys of items.
    fn has_keys(&self) -> bool {
        self.asked == KEYS[0]
    }

    /// Whether it asks in the query of its URL.
    fn asks_in_url(&self) -> bool {
        matches!(self.service, Service::Backup | Service::Lambda)
    }

    fn token_of(&self, request: &Incoming, body: &Value) -> Value {
        if self.asks_in_url() {
            let found = request.query.iter().find(|(name, _)| name == self.asked);
            found.map_or(Value::Null, |(_, token)| json!(token))
        } else {
            body[self.asked].clone()
        }
    }

    fn set(&self, request: &mut Incoming, body: &mut Value, member: &str, value: Value) {
        if self.asks_in_url() {
            request.query.retain(|(name, _)| name != member);
            let text =
                value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()));
            request.query.extend(text.map(|text| (member.to_owned(), text)));
        } else if value.is_null() {
            if let Some(members) = body.as_object_mut() {
                members.remove(member);
            }
        } else if self.service == Service::Iam {
            body[member] = json!(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        } else {
            body[member] = value;
        }
    }
}

/// The token that led to an empty page, of the token that followed it.
fn unwrapped(token: &Value) -> Option<Value> {
    let text = token.as_str().or_else(|| token.get(AFTER_EMPTY)?.get("S")?.as_str())?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(AFTER_EMPTY)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}
