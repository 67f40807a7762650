//! Making and removing tables.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Durations, Store,
    features::Policy,
    life::Life,
    limits::limit,
    options::later,
    policies,
    requests::{Answer, invalid, required, table_arn},
    schema::for_engine,
    settings::Settings,
    tags,
    throughput::Throughput,
};
use crate::{
    api::{ApiError, Scope},
    lags::{Lag, Lagging, Lags},
    rng::Rng,
    wire::text,
};

const MAX_TABLES: usize = 2_500;

impl Store {
    pub(super) fn create(
        &mut self,
        scope: &Scope,
        body: &Value,
        durations: &Durations,
        rng: &mut Rng,
        lags: &mut Lags,
    ) -> Answer {
        let mode = text(body, "BillingMode").unwrap_or("PROVISIONED");
        let on_demand = billing_mode(mode)?;
        refuse_unmodelled(
            body,
            &["GlobalTableSourceArn", "GlobalTableSettingsReplicationMode", "VectorIndexes"],
        )?;
        self.require_room()?;
        let indexes_of = |kind: &str| body[kind].as_array().into_iter().flatten();
        require_few_projected(
            indexes_of("GlobalSecondaryIndexes").chain(indexes_of("LocalSecondaryIndexes")),
        )?;
        let life = Life::new(Some(later(scope.now, durations.create)));
        let mut settings = Settings::new(String::new(), scope.now, life);
        settings.on_demand = on_demand;
        settings.on_demand_since = on_demand.then_some(scope.now);
        settings.there = Lagging::new(true, lags.draw(&[Lag::NewTables], scope.now));
        settings.tags = Lagging::new(tags::read(body)?, tags::seen(lags, scope.now));
        settings.throughput.apply(body, on_demand, scope.now)?;
        for index in indexes(body) {
            let mut throughput = Throughput::default();
            throughput.apply(index, on_demand, scope.now)?;
            settings.indexes.insert(text(index, "IndexName").unwrap_or_default().to_owned(), throughput);
        }
        settings.require_provisioned()?;
        let enables_stream = body["StreamSpecification"]["StreamEnabled"].as_bool().unwrap_or_default();
        settings.apply(scope, &if enables_stream { body.clone() } else { without_stream(body) }, true)?;

        let policy = text(body, "ResourcePolicy").map(policies::checked).transpose()?;
        self.items.create(&for_engine(body))?;
        settings.id = rng.uuid();
        let table = required(body, "TableName")?;
        if let Some(document) = policy {
            let policy = Policy { document, revision: rng.uuid(), changed: scope.now };
            let policy = Lagging::new(Some(policy), lags.draw(&[Lag::Policies], scope.now));
            settings.policies.insert(table_arn(&scope.account, &scope.region, table), policy);
        }
        self.tables.insert(table.to_owned(), settings);
        self.described_as(scope, table, "CREATING")
    }

    /// A table that is DELETING is deleted again without an error.
    pub(super) fn delete(&mut self, scope: &Scope, body: &Value, durations: &Durations) -> Answer {
        let table = required(body, "TableName")?;
        let settings = self.settings(table)?;
        if settings.life.deleted.is_some() {
            return self.described_as(scope, table, "DELETING");
        }
        // AWS documents that a table under way cannot be deleted; one whose key is gone can.
        if !settings.life.is_locked_out(scope.now) {
            settings.life.require_active(table, scope.now)?;
        }
        if settings.life.fills_an_index(scope.now) {
            return Err(ApiError::client(
                "ResourceInUseException",
                format!(
                    "Attempt to change a resource which is still in use: Table is in the process of being updated \
                     with index creation: {table}"
                ),
            )
            .into());
        }
        if settings.deletion_protection {
            return Err(invalid(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                 protection first.",
            )
            .into());
        }
        let gone = later(scope.now, durations.delete);
        settings.life.deleted = Some(gone);
        self.deletions.insert((gone, table.to_owned()));
        let answer = self.described_as(scope, table, "DELETING")?;
        self.settle(scope.now);
        Ok(answer)
    }

    /// Removes the tables whose deletion has ended.
    pub(super) fn settle(&mut self, now: Timestamp) {
        while let Some((gone, table)) = self.deletions.first().cloned().filter(|(gone, _)| *gone <= now) {
            self.deletions.remove(&(gone, table.clone()));
            self.tables.remove(&table);
            if self.items.delete(&table).is_err() {
                tracing::error!(table, "the engine has no such table");
            }
        }
    }

    /// Whether there may be one more table. AWS documents 2,500 of an account in a Region, unless it raises that.
    ///
    /// # Errors
    /// `LimitExceededException`.
    pub(super) fn require_room(&self) -> Result<(), ApiError> {
        if self.tables.len() >= MAX_TABLES {
            return Err(limit(&format!("Number of tables is limited to {MAX_TABLES}")));
        }
        Ok(())
    }
}

/// Refuses more projected attributes than AWS documents: 20 of an index, 100 over all indexes of a table, each counted
/// as often as it is named, and none of an index that projects all.
///
/// # Errors
/// `ValidationException`.
pub(super) fn require_few_projected<'a>(indexes: impl Iterator<Item = &'a Value>) -> Result<(), ApiError> {
    let mut all = 0;
    for index in indexes {
        let projection = &index["Projection"];
        let named = projection["NonKeyAttributes"].as_array().map_or(0, Vec::len);
        if projection["ProjectionType"] != "INCLUDE" {
            continue;
        }
        if named > 20 {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'projection.nonKeyAttributes' failed to satisfy constraint: \
                 Member must have length less than or equal to 20, has {named}"
            )));
        }
        all += named;
    }
    if all > 100 {
        return Err(invalid(format!(
            "One or more parameter values were invalid: the number of projected attributes over all indexes of the \
             table must not exceed 100, is {all}"
        )));
    }
    Ok(())
}

/// Refuses what this DynamoDB has not.
///
/// # Errors
/// `ValidationException`, naming the member.
pub(super) fn refuse_unmodelled(body: &Value, members: &[&str]) -> Result<(), ApiError> {
    match members.iter().find(|member| body.get(**member).is_some_and(|value| !value.is_null())) {
        Some(member) => Err(invalid(format!("{member} is not modelled by the embedded AWS"))),
        None => Ok(()),
    }
}

impl Settings {
    /// A provisioned table and all its global indexes need capacity units.
    pub(super) fn require_provisioned(&self) -> Result<(), ApiError> {
        let all = self.indexes.values().chain([&self.throughput]);
        if !self.on_demand && all.into_iter().any(|throughput| throughput.provisioned.is_none()) {
            return Err(invalid(
                "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both \
                 be specified, for the table and each global index, when BillingMode is PROVISIONED",
            ));
        }
        Ok(())
    }
}

/// Whether a billing mode is on-demand.
pub(super) fn billing_mode(mode: &str) -> Result<bool, ApiError> {
    match mode {
        "PROVISIONED" => Ok(false),
        "PAY_PER_REQUEST" => Ok(true),
        _ => Err(invalid(format!(
            "1 validation error detected: Value '{mode}' at 'billingMode' failed to satisfy constraint: Member \
             must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"
        ))),
    }
}

fn indexes(body: &Value) -> impl Iterator<Item = &Value> {
    body["GlobalSecondaryIndexes"].as_array().into_iter().flatten()
}

fn without_stream(body: &Value) -> Value {
    let mut body = body.clone();
    body["StreamSpecification"] = Value::Null;
    body
}
