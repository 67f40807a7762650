//! DynamoDB: items and indexes by an embedded engine, one memory database per account and Region; the
//! settings of tables, which the engine lacks, are kept here and merged into its answers.

mod create;
mod describe;
mod engine;
mod outward;
mod protection;
mod settings;
mod tags;
mod update;

use std::collections::BTreeMap;

use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

use self::settings::Settings;
use crate::{
    api::{ApiError, Restore, Scope, TableState},
    clock::WorldClock,
    rng::Rng,
    wire::{Protocol, Reply, Service, text},
};

/// DynamoDB of all accounts and Regions.
pub(crate) struct Dynamo {
    clock: WorldClock,
    stores: BTreeMap<(String, String), Store>,
    rng: Rng,
}

/// The tables of one account in one Region.
struct Store {
    items: Database,
    tables: BTreeMap<String, Settings>,
}

/// Why a request is refused.
enum Refusal {
    Ours(ApiError),
    Engines(DynoxideError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Ours(error)
    }
}

impl From<DynoxideError> for Refusal {
    fn from(error: DynoxideError) -> Self {
        Self::Engines(error)
    }
}

type Answer = Result<Value, Refusal>;

/// Whether an operation reads or writes items, and so uses the table's throughput.
pub(crate) fn is_item_operation(operation: &str) -> bool {
    engine::is_item_operation(operation)
}

impl Dynamo {
    pub(crate) fn new(clock: WorldClock, rng: Rng) -> Self {
        Self { clock, stores: BTreeMap::new(), rng }
    }

    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Reply {
        match self.answer(scope, operation, body) {
            Ok(answer) => Reply::answer(Protocol::Json10, operation, &answer),
            Err(Refusal::Ours(error)) => Reply::refusal(Protocol::Json10, &error),
            Err(Refusal::Engines(error)) => {
                let code = error.error_type().rsplit('#').next().unwrap_or_default().to_owned();
                Reply::new(Protocol::Json10, error.status_code(), Some(code), error.to_json())
            }
        }
    }

    fn answer(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        let body = &named_by_name(scope, body)?;
        let place = (scope.account.clone(), scope.region.clone());
        let store = match self.stores.entry(place) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Store {
                items: Database::memory_with_clock(engine::clock(&self.clock))?,
                tables: BTreeMap::new(),
            }),
        };
        if engine::is_item_operation(operation) {
            return engine::answer(&store.items, operation, body);
        }
        match operation {
            "CreateTable" => store.create(scope, body, &mut self.rng),
            "DeleteTable" => store.delete(scope, body),
            "DescribeTable" => Ok(json!({ "Table": store.describe(scope, required(body, "TableName")?)? })),
            "ListTables" => engine::answer(&store.items, operation, body),
            "UpdateTable" => store.update(scope, body),
            "DescribeTimeToLive" => store.describe_ttl(body),
            "UpdateTimeToLive" => store.update_ttl(scope, body),
            "DescribeContinuousBackups" => store.describe_continuous_backups(scope, body),
            "UpdateContinuousBackups" => store.update_continuous_backups(scope, body),
            "ListTagsOfResource" => store.list_tags(scope, body),
            "TagResource" => store.tag(scope, body),
            "UntagResource" => store.untag(scope, body),
            "GetResourcePolicy" => store.resource_policy(scope, body),
            "PutResourcePolicy" => store.put_resource_policy(scope, body, &mut self.rng),
            "DeleteResourcePolicy" => store.delete_resource_policy(scope, body),
            "DescribeKinesisStreamingDestination" => store.kinesis_destinations(body),
            "EnableKinesisStreamingDestination" => store.enable_kinesis(body),
            "DisableKinesisStreamingDestination" => store.disable_kinesis(body),
            "DescribeContributorInsights" => store.contributor_insights(body),
            "UpdateContributorInsights" => store.update_contributor_insights(body),
            _ => Err(Service::DynamoDb.unknown_operation(operation).into()),
        }
    }

    /// The tables of an account in a Region that carry tags: ARN and tags, in the order of their names.
    pub(crate) fn tagged(&self, scope: &Scope) -> Vec<(String, &BTreeMap<String, String>)> {
        self.stores
            .get(&(scope.account.clone(), scope.region.clone()))
            .into_iter()
            .flat_map(|store| &store.tables)
            .filter(|(_, table)| !table.tags.is_empty())
            .map(|(name, table)| (table_arn(&scope.account, &scope.region, name), &table.tags))
            .collect()
    }
}

impl Dynamo {
    /// The state of a table now, for AWS Backup; `None` when there is none of that name.
    pub(crate) fn state(&self, account: &str, region: &str, table: &str) -> Option<TableState> {
        let store = self.stores.get(&(account.to_owned(), region.to_owned()))?;
        let tags = store.tables.get(table)?.tags.clone();
        let scope = Scope {
            account: account.to_owned(),
            region: region.to_owned(),
            caller: String::new(),
            now: self.clock.now(),
        };
        let description = store.describe(&scope, table).ok()?;
        let items = engine::all_items(&store.items, table, &description).ok()?;
        Some(TableState { arn: table_arn(account, region, table), description, tags, items })
    }

    /// Begins to make a table of a backup: see [`crate::api::Neighbours::begin_restore`].
    pub(crate) fn begin_restore(&mut self, restore: &Restore) -> Result<(), String> {
        Err(format!("Table {} cannot be restored yet.", restore.table))
    }

    /// Ends what [`Self::begin_restore`] began.
    pub(crate) fn end_restore(&mut self, _restore: &Restore) {}
}

impl Store {
    fn settings(&mut self, table: &str) -> Result<&mut Settings, ApiError> {
        self.tables.get_mut(table).ok_or_else(|| no_table(table))
    }
}

fn table_arn(account: &str, region: &str, table: &str) -> String {
    format!("arn:aws:dynamodb:{region}:{account}:table/{table}")
}

/// The table's own name in an ARN, when it is a table of this account and Region.
fn table_of_arn<'a>(scope: &Scope, arn: &'a str) -> Option<&'a str> {
    arn.strip_prefix(table_arn(&scope.account, &scope.region, "").as_str())
}

/// A request may name its table by ARN: the name in its place.
fn named_by_name(scope: &Scope, body: &Value) -> Result<Value, ApiError> {
    let mut body = body.clone();
    if let Some(arn) = text(&body, "TableName").filter(|name| name.starts_with("arn:")) {
        let name = table_of_arn(scope, arn).ok_or_else(|| access_denied(scope, arn))?.to_owned();
        body["TableName"] = Value::from(name);
    }
    Ok(body)
}

fn no_table(table: &str) -> ApiError {
    ApiError::client(
        "ResourceNotFoundException",
        format!("Requested resource not found: Table: {table} not found"),
    )
}

fn access_denied(scope: &Scope, arn: &str) -> ApiError {
    ApiError::client(
        "AccessDeniedException",
        format!("User: arn:aws:iam::{}:root is not authorized to access {arn}", scope.account),
    )
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationException", message)
}

fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).ok_or_else(|| {
        invalid(format!("The parameter '{member}' is required but was not present in the request"))
    })
}
