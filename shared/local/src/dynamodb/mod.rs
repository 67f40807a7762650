//! DynamoDB: items and indexes by an embedded engine, one memory database per account and Region; the
//! settings of tables, which the engine lacks, are kept here and merged into its answers.

mod account;
mod create;
mod describe;
mod engine;
mod features;
mod insights;
mod items;
mod kinesis;
mod life;
mod limits;
mod lockout;
mod options;
mod policies;
mod protection;
mod replica;
mod requests;
mod restore;
mod schema;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod throughput;
mod update;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use dynoxide::DynoxideError;
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::options::{Durations, RestoreSource};
pub(crate) use self::tags::PAGE_OF_TAGS;
use self::{
    items::Items,
    requests::{
        Answer, named_by_name, no_backups_of, no_table, not_found, replied, required, table_arn,
        table_of_arn, tables_in,
    },
    settings::Settings,
};
use crate::{
    api::{ApiError, Outage, Scope, TableState},
    clock::WorldClock,
    lags::{Lag, Lagging, Lags},
    rates::Rates,
    rng::Rng,
    wire::{Reply, Service, text},
};

/// DynamoDB of all accounts and Regions.
pub struct Dynamo {
    clock: WorldClock,
    stores: BTreeMap<(String, String), Store>,
    rng: Rng,
    pub(crate) lags: Lags,
    /// How long its work takes, from now on.
    pub durations: Durations,
    /// Whether the rates of requests are enforced that AWS documents.
    pub rates: bool,
    counted: Rates,
    /// What tables tell that AWS Backup restores from now on.
    pub restore_source: RestoreSource,
    /// The most restores that run at once in an account and Region, AWS Backup's among them. AWS documents 50.
    pub running_restores: usize,
    /// The accounts and Regions in which attribute-based access control is off.
    without_tag_conditions: BTreeSet<(String, String)>,
}

impl std::fmt::Debug for Dynamo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dynamo").field("durations", &self.durations).finish_non_exhaustive()
    }
}

/// The tables of one account in one Region.
struct Store {
    items: Items,
    tables: BTreeMap<String, Settings>,
    /// The tables that are DELETING, and when each is gone.
    deletions: BTreeSet<(Timestamp, String)>,
}

/// Whether an operation reads or writes items, and so uses the table's throughput.
pub(crate) fn is_item_operation(operation: &str) -> bool {
    engine::is_item_operation(operation)
}

impl Dynamo {
    pub(crate) fn new(clock: WorldClock, rng: Rng, lags: Lags) -> Self {
        Self {
            clock,
            stores: BTreeMap::new(),
            rng,
            lags,
            durations: Durations::default(),
            rates: true,
            counted: Rates::default(),
            // No text of AWS says what it tells. All that they show are ARNs of DynamoDB's own.
            restore_source: RestoreSource::DynamoDbBackup,
            running_restores: 50,
            without_tag_conditions: BTreeSet::new(),
        }
    }

    /// Switches attribute-based access control on or off for an account in a Region; it is on. AWS documents that it is
    /// off for some accounts, and that conditions on tags are then judged as if tables and requests had none.
    pub fn set_tag_conditions(&mut self, account: &str, region: &str, on: bool) {
        let place = (account.to_owned(), region.to_owned());
        if on {
            self.without_tag_conditions.remove(&place);
        } else {
            self.without_tag_conditions.insert(place);
        }
    }

    /// Whether conditions on tags see any for this ARN.
    pub(crate) fn has_tag_conditions(&self, arn: &str) -> bool {
        let mut parts = arn.split(':').skip(3).map(str::to_owned);
        let place = (parts.next(), parts.next());
        let (Some(region), Some(account)) = place else { return true };
        !self.without_tag_conditions.contains(&(account, region))
    }

    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Reply {
        replied(operation, self.answer(scope, operation, body))
    }

    /// Lets what is due by now happen.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for store in self.stores.values_mut() {
            store.settle(now);
        }
    }

    /// Puts a tag on a table as AWS itself does: one that begins with `aws:`, which callers can neither put nor
    /// remove.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn plant_tag(
        &mut self,
        account: &str,
        region: &str,
        table: &str,
        (key, value): (&str, &str),
    ) -> Result<(), String> {
        let settings = self.planted(account, region, table)?;
        let mut all = BTreeMap::clone(&settings.tags);
        all.insert(key.to_owned(), value.to_owned());
        settings.tags = Lagging::known(all);
        Ok(())
    }

    fn planted(&mut self, account: &str, region: &str, table: &str) -> Result<&mut Settings, String> {
        self.stores
            .get_mut(&(account.to_owned(), region.to_owned()))
            .and_then(|store| store.tables.get_mut(table))
            .ok_or_else(|| format!("there is no table {table}"))
    }

    /// The provisioned units of a table or of its index, read or write, when it is active and has such.
    pub(crate) fn capacity(
        &self,
        account: &str,
        region: &str,
        (table, index, writes): (&str, Option<&str>, bool),
        now: Timestamp,
    ) -> Option<u64> {
        let settings = self.stores.get(&(account.to_owned(), region.to_owned()))?.tables.get(table)?;
        if settings.on_demand || settings.life.status(now) != "ACTIVE" {
            return None;
        }
        let throughput = index.map_or(Some(&settings.throughput), |index| settings.indexes.get(index))?;
        throughput.provisioned.map(|(read, write)| if writes { write } else { read })
    }

    /// Learns which keys cannot be used, and when that was or is.
    pub(crate) fn learn<'a>(&mut self, keys: impl Iterator<Item = (&'a str, &'a [Outage])>) {
        let keys: BTreeMap<&str, &[Outage]> = keys.collect();
        if keys.is_empty() {
            return;
        }
        for settings in self.stores.values_mut().flat_map(|store| store.tables.values_mut()) {
            if let Some(outages) = settings.key_arn.as_deref().and_then(|key| keys.get(key)) {
                settings.life.lockout.learn(outages);
            }
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// `ThrottlingException` for more than AWS documents.
    fn require_rate(&mut self, scope: &Scope, operation: &str) -> Result<(), ApiError> {
        let rate = limits::per_second(operation).filter(|_| self.rates);
        match rate {
            Some(rate) if !self.counted.take(&scope.account, &scope.region, &[rate], scope.now) => Err(
                ApiError::client("ThrottlingException", "Rate of requests exceeds the allowed throughput."),
            ),
            _ => Ok(()),
        }
    }

    /// Adds members to what DescribeTable returns of a table: what the model has not by itself, such as the
    /// `Replicas`, `MultiRegionConsistency` and `GlobalTableWitnesses` of a global table.
    ///
    /// # Errors
    /// When there is no such table, or the members are no object.
    pub fn plant(&mut self, account: &str, region: &str, table: &str, members: &Value) -> Result<(), String> {
        let members = members.as_object().ok_or("the members of a description are an object")?;
        let settings = self.planted(account, region, table)?;
        settings.planted.extend(members.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(())
    }

    fn store(&mut self, account: &str, region: &str) -> Result<&mut Store, DynoxideError> {
        Ok(match self.stores.entry((account.to_owned(), region.to_owned())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Store {
                items: Items::new(&self.clock)?,
                tables: BTreeMap::new(),
                deletions: BTreeSet::new(),
            }),
        })
    }

    fn answer(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        let named = named_by_name(scope, body)?;
        let body = named.as_ref();
        self.require_rate(scope, operation)?;
        let durations = &{ self.durations };
        self.store(&scope.account, &scope.region)?;
        let Some(store) = self.stores.get_mut(&(scope.account.clone(), scope.region.clone())) else {
            return Err(no_table("").into());
        };
        if engine::is_item_operation(operation) {
            store.require_items(scope, body)?;
            return store.items.answer(operation, body, scope.now, &mut self.lags);
        }
        store.require_seen(scope, operation, body)?;
        let (rng, lags) = (&mut self.rng, &mut self.lags);
        match operation {
            "CreateTable" => store.create(scope, body, durations, rng, lags),
            "DeleteTable" => store.delete(scope, body, durations),
            "DescribeTable" => Ok(json!({ "Table": store.describe(scope, required(body, "TableName")?)? })),
            "ListTables" => store.list(scope, body),
            "UpdateTable" => store.update(scope, body, durations),
            "DescribeTimeToLive" => store.describe_ttl(scope, body, durations),
            "UpdateTimeToLive" => store.update_ttl(scope, body, lags),
            "DescribeContinuousBackups" => store.describe_continuous_backups(scope, body),
            "UpdateContinuousBackups" => store.update_continuous_backups(scope, body, durations, lags),
            "ListTagsOfResource" => store.list_tags(scope, body),
            "TagResource" => store.tag(scope, body, lags),
            "UntagResource" => store.untag(scope, body, lags),
            "GetResourcePolicy" => store.resource_policy(scope, body),
            "PutResourcePolicy" => store.put_resource_policy(scope, body, rng, lags),
            "DeleteResourcePolicy" => store.delete_resource_policy(scope, body, lags),
            "DescribeKinesisStreamingDestination" => store.kinesis_destinations(scope, body, durations),
            "EnableKinesisStreamingDestination" => store.enable_kinesis(scope, body, durations),
            "DisableKinesisStreamingDestination" => store.disable_kinesis(scope, body, durations),
            "UpdateKinesisStreamingDestination" => store.update_kinesis(scope, body, durations),
            "DescribeContributorInsights" => store.contributor_insights(scope, body, durations),
            "UpdateContributorInsights" => store.update_contributor_insights(scope, body, durations),
            "ListContributorInsights" => store.list_contributor_insights(scope, body, durations),
            "DescribeLimits" => Ok(account::limits()),
            "DescribeEndpoints" => Ok(account::endpoints(scope)),
            _ => Err(Service::DynamoDb.unknown_operation(operation).into()),
        }
    }

    /// The tables of an account in a Region that are seen to carry tags: ARN and tags, in the order of their names.
    pub(crate) fn tagged(&self, scope: &Scope) -> Vec<(String, &BTreeMap<String, String>)> {
        self.stores
            .get(&(scope.account.clone(), scope.region.clone()))
            .into_iter()
            .flat_map(|store| &store.tables)
            .map(|(name, table)| (name, table.tags.seen(Lag::FoundTags, scope.now)))
            .filter(|(_, tags)| !tags.is_empty())
            .map(|(name, tags)| (table_arn(&scope.account, &scope.region, name), tags))
            .collect()
    }
}

impl Dynamo {
    /// The tags that IAM sees of a table, by its ARN or one of what belongs to it.
    pub(crate) fn tags_of(&self, arn: &str, now: Timestamp) -> Option<&BTreeMap<String, String>> {
        let mut parts = arn.strip_prefix("arn:aws:dynamodb:")?.splitn(3, ':');
        let place = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let mut path = parts.next()?.strip_prefix("table/")?.split('/');
        let (table, below) = (path.next()?, path.next());
        let store = self.stores.get(&(place.1, place.0))?;
        // AWS documents that indexes inherit the tags of their table, and streams do not.
        let tags = store.tables.get(table).map(|table| table.tags.seen(Lag::JudgedTags, now));
        tags.filter(|_| below != Some("stream"))
    }

    /// A table as DescribeTable returns it (the value of `Table`); `None` when there is none of that name.
    pub(crate) fn described(&self, scope: &Scope, table: &str) -> Option<Value> {
        self.stores.get(&(scope.account.clone(), scope.region.clone()))?.describe(scope, table).ok()
    }

    /// The state of a table now, as AWS Backup reads it; `None` when there is none of that name.
    #[must_use]
    pub fn state(&self, account: &str, region: &str, table: &str) -> Option<TableState> {
        let store = self.stores.get(&(account.to_owned(), region.to_owned()))?;
        let tags = BTreeMap::clone(&store.tables.get(table)?.tags);
        let at = self.clock.now();
        let scope =
            Scope { account: account.to_owned(), region: region.to_owned(), caller: String::new(), now: at };
        let description = store.describe(&scope, table).ok()?;
        let items = store.items.all(table, &description).ok()?;
        Some(TableState { arn: table_arn(account, region, table), at, description, tags, items })
    }
}

impl Store {
    fn settings(&mut self, table: &str) -> Result<&mut Settings, ApiError> {
        self.tables.get_mut(table).ok_or_else(|| no_table(table))
    }

    /// Refuses to describe a table that is not seen yet.
    ///
    /// # Errors
    /// As if there were no such table.
    fn require_seen(&self, scope: &Scope, operation: &str, body: &Value) -> Result<(), ApiError> {
        let by_name = text(body, "TableName").map(|table| (table, no_table(table)));
        let by_arn = || {
            let arn = text(body, "ResourceArn")?;
            let table = table_of_arn(scope, arn)?.split('/').next()?;
            Some((table, not_found(arn)))
        };
        let named = match operation {
            "DescribeTable"
            | "DescribeTimeToLive"
            | "DescribeKinesisStreamingDestination"
            | "DescribeContributorInsights" => by_name,
            "DescribeContinuousBackups" => by_name.map(|(table, _)| (table, no_backups_of(table))),
            "ListTagsOfResource" | "GetResourcePolicy" => by_arn(),
            _ => None,
        };
        match named {
            Some((table, missing)) if !self.is_seen(scope, table) => Err(missing),
            _ => Ok(()),
        }
    }

    /// Whether a table is seen by those who describe it. What is not there is found out elsewhere.
    fn is_seen(&self, scope: &Scope, table: &str) -> bool {
        self.tables.get(table).is_none_or(|settings| *settings.there.seen(Lag::NewTables, scope.now))
    }

    /// ListTables, without the tables that are not seen yet.
    fn list(&self, scope: &Scope, body: &Value) -> Answer {
        let mut answer = self.items.list(body)?;
        if let Some(names) = answer["TableNames"].as_array_mut() {
            names.retain(|name| name.as_str().is_none_or(|name| self.is_seen(scope, name)));
        }
        Ok(answer)
    }

    /// Refuses the items of a table that is CREATING, as if there were none, and of an index that is not filled.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, or `ValidationException` for the index.
    fn require_items(&self, scope: &Scope, body: &Value) -> Result<(), ApiError> {
        for table in tables_in(body) {
            let Some(settings) = self.tables.get(table) else { continue };
            if settings.life.is_creating(scope.now) {
                return Err(ApiError::client("ResourceNotFoundException", "Requested resource not found"));
            }
            settings.life.lockout.require_items(scope.now)?;
            if let Some(index) = text(body, "IndexName") {
                settings.life.require_filled(index, scope.now)?;
            }
        }
        Ok(())
    }
}
