//! Tables made of backups.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Dynamo, RestoreSource, Store,
    create::billing_mode,
    life::Life,
    limits::limit,
    options::later,
    requests::{Answer, Refusal, invalid, replied, required},
    schema::{for_engine, plain, stays},
    settings::{Restored, Settings, key_of},
    throughput::Throughput,
};
use crate::{
    api::{ApiError, Restore, Scope, TableState},
    lags::{Lag, Lagging},
    wire::{Reply, text},
};

impl Dynamo {
    /// Begins to make a table of a backup: see [`crate::api::Neighbours::begin_restore`]. It comes back with keys,
    /// attributes, items, indexes, billing mode and throughput; AWS documents that its class is STANDARD and that
    /// tags, streams, time to live, protection and what else surrounds a table do not come back.
    pub(crate) fn begin_restore(&mut self, restore: &Restore) -> Result<(), String> {
        let now = restore.at;
        let id = self.rng.uuid();
        let there = Lagging::new(true, self.lags.draw(&[Lag::NewTables], now));
        let backup = match self.restore_source {
            RestoreSource::RecoveryPoint => Some(restore.recovery_point_arn.clone()),
            RestoreSource::DynamoDbBackup => {
                let at = restore.from.at.as_millisecond();
                Some(format!("{}/backup/{at:014}-{}", restore.from.arn, &id[..8]))
            }
            RestoreSource::Absent => None,
        };
        let most = self.running_restores;
        let made = Made {
            id,
            table: &restore.table,
            backup,
            from: &restore.from,
            key_arn: restore.key_arn.clone(),
            life: Life::new(None),
            there,
        };
        self.store(&restore.account, &restore.region)
            .map_err(Refusal::from)
            .and_then(|store| store.restore(made, &restore.from.description, now, most))
            .map_err(|refusal| match refusal {
                Refusal::Ours(error) => error.message,
                Refusal::Engines(error) => error.to_string(),
            })
    }

    /// Ends what [`Self::begin_restore`] began: the table is ACTIVE.
    pub(crate) fn end_restore(&mut self, restore: &Restore) {
        let now = self.clock.now();
        let place = (restore.account.clone(), restore.region.clone());
        if let Some(table) =
            self.stores.get_mut(&place).and_then(|store| store.tables.get_mut(&restore.table))
        {
            table.life.ready.get_or_insert(now);
        }
    }

    /// `RestoreTableFromBackup`. AWS documents it for DynamoDB's own backups; that it takes the ARN of a recovery
    /// point of AWS Backup follows from what AWS says of such backups, and is assumption A27.
    pub(crate) fn restore_table_from_backup(
        &mut self,
        scope: &Scope,
        body: &Value,
        from: Result<Arc<TableState>, String>,
        key_usable: impl Fn(&str) -> Result<(), ApiError>,
    ) -> Reply {
        replied("RestoreTableFromBackup", self.restored_natively(scope, body, from, key_usable))
    }

    fn restored_natively(
        &mut self,
        scope: &Scope,
        body: &Value,
        from: Result<Arc<TableState>, String>,
        key_usable: impl Fn(&str) -> Result<(), ApiError>,
    ) -> Answer {
        self.require_rate(scope, "RestoreTableFromBackup")?;
        let (table, backup) = (required(body, "TargetTableName")?, required(body, "BackupArn")?);
        let from = from.map_err(|message| ApiError::client("BackupNotFoundException", message))?;
        let description = overridden(&from.description, body)?;
        let key_arn = match body.get("SSESpecificationOverride").filter(|value| !value.is_null()) {
            Some(encryption) => key_of(encryption)?,
            None if text(&from.description, "TableArn").is_some_and(|arn| !is_in(scope, arn)) => {
                return Err(invalid("SSESpecificationOverride is required to restore across Regions").into());
            }
            None => from.description["SSEDescription"]["KMSMasterKeyArn"].as_str().map(str::to_owned),
        };
        if let Some(key) = &key_arn {
            key_usable(key)?;
        }
        let life = Life::new(Some(later(scope.now, self.durations.restore)));
        let (id, most) = (self.rng.uuid(), self.running_restores);
        let there = Lagging::new(true, self.lags.draw(&[Lag::NewTables], scope.now));
        let store = self.store(&scope.account, &scope.region)?;
        let made = Made { id, table, backup: Some(backup.to_owned()), from: &from, key_arn, life, there };
        store.restore(made, &description, scope.now, most)?;
        store.described_as(scope, table, "CREATING")
    }
}

/// A table to be made.
struct Made<'a> {
    id: String,
    table: &'a str,
    backup: Option<String>,
    from: &'a TableState,
    key_arn: Option<String>,
    life: Life,
    there: Lagging<bool>,
}

impl Store {
    /// Makes the table that `description` describes, with the items of the backup; nothing when that fails.
    fn restore(
        &mut self,
        made: Made<'_>,
        description: &Value,
        now: Timestamp,
        most: usize,
    ) -> Result<(), Refusal> {
        let table = made.table;
        if let Some(there) = self.tables.get(table) {
            let error = match there.life.status(now) {
                "CREATING" | "DELETING" => ApiError::client(
                    "TableInUseException",
                    format!("Table is being created or deleted: {table}"),
                ),
                _ => {
                    ApiError::client("TableAlreadyExistsException", format!("Table already exists: {table}"))
                }
            };
            return Err(error.into());
        }
        self.require_room()?;
        let running = |table: &&Settings| table.restored.is_some() && table.life.is_creating(now);
        if self.tables.values().filter(running).count() >= most {
            return Err(limit(&format!(
                "the maximum concurrent number of restores, which is {most}, is reached."
            ))
            .into());
        }
        let mut settings = Settings::new(made.id, now, made.life);
        settings.there = made.there;
        settings.on_demand = is_on_demand(description);
        settings.on_demand_since = settings.on_demand.then_some(now);
        settings.throughput = throughput(description, settings.on_demand, now)?;
        for index in description["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
            let name = required(index, "IndexName")?.to_owned();
            settings.indexes.insert(name, throughput(index, settings.on_demand, now)?);
        }
        settings.require_provisioned()?;
        settings.key_arn = made.key_arn;
        settings.life.keyed(now);
        settings.restored = Some(Restored {
            backup: made.backup,
            table: text(description, "TableArn").unwrap_or(&made.from.arn).to_owned(),
            at: made.from.at,
        });

        // AWS documents that all vector indexes come back unless a restore says otherwise. They are reported, and no
        // more.
        if let Some(vector) = description.get("VectorIndexes") {
            settings.planted.insert("VectorIndexes".to_owned(), vector.clone());
        }

        let mut request = for_engine(&plain(description));
        request["TableName"] = json!(table);
        self.items.create(&request)?;
        if let Err(error) = self.items.fill(table, &made.from.items) {
            self.items.delete(table)?;
            return Err(error);
        }
        self.tables.insert(table.to_owned(), settings);
        Ok(())
    }
}

fn is_on_demand(description: &Value) -> bool {
    description["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
}

/// The throughput of a described table or index, without what was warm.
fn throughput(described: &Value, on_demand: bool, now: Timestamp) -> Result<Throughput, ApiError> {
    let member = if on_demand { "OnDemandThroughput" } else { "ProvisionedThroughput" };
    let mut throughput = Throughput::default();
    throughput.apply(&json!({ member: described[member] }), on_demand, now)?;
    Ok(throughput)
}

fn is_in(scope: &Scope, arn: &str) -> bool {
    arn.split(':').nth(3) == Some(scope.region.as_str())
}

/// A description as the overrides of a request change it.
fn overridden(description: &Value, body: &Value) -> Result<Value, ApiError> {
    let mut wanted = description.clone();
    for (kind, member) in [
        ("GlobalSecondaryIndexes", "GlobalSecondaryIndexOverride"),
        ("LocalSecondaryIndexes", "LocalSecondaryIndexOverride"),
        ("VectorIndexes", "VectorIndexOverride"),
    ] {
        if let Some(chosen) = body.get(member).and_then(Value::as_array) {
            let kept: Result<Vec<Value>, ApiError> =
                chosen.iter().map(|index| chosen_index(&description[kind], index)).collect();
            wanted[kind] = Value::Array(kept?);
        }
    }
    if let Some(mode) = text(body, "BillingModeOverride") {
        let on_demand = billing_mode(mode)?;
        if on_demand != is_on_demand(description) {
            wanted["BillingModeSummary"] = json!({ "BillingMode": mode });
            // What the other mode knew is gone: units come with the request.
            let old = if on_demand { "ProvisionedThroughput" } else { "OnDemandThroughput" };
            wanted[old] = Value::Null;
            let indexes = wanted.get_mut("GlobalSecondaryIndexes").and_then(Value::as_array_mut);
            for index in indexes.into_iter().flatten() {
                index[old] = Value::Null;
            }
            if !on_demand {
                wanted["ProvisionedThroughput"] = Value::Null;
            }
        }
    }
    for (member, by) in [
        ("ProvisionedThroughput", "ProvisionedThroughputOverride"),
        ("OnDemandThroughput", "OnDemandThroughputOverride"),
    ] {
        if let Some(given) = body.get(by).filter(|value| !value.is_null()) {
            if is_on_demand(&wanted) != (member == "OnDemandThroughput") {
                return Err(invalid(format!("{by} does not fit the billing mode of the restored table")));
            }
            wanted[member] = given.clone();
        }
    }
    Ok(wanted)
}

/// An index of the backup that a request chooses, with the throughput that it gives. AWS documents that the
/// indexes provided match existing ones and that some or all can be left out.
fn chosen_index(existing: &Value, chosen: &Value) -> Result<Value, ApiError> {
    let name = required(chosen, "IndexName")?;
    let mut index = existing
        .as_array()
        .into_iter()
        .flatten()
        .find(|index| {
            index["IndexName"] == name
                && index["KeySchema"] == chosen["KeySchema"]
                && index["Dimensions"] == chosen["Dimensions"]
                && index["Projection"]["ProjectionType"] == chosen["Projection"]["ProjectionType"]
                && stays(index)
        })
        .cloned()
        .ok_or_else(|| invalid(format!("The backup has no such index as the override names: {name}")))?;
    for member in ["ProvisionedThroughput", "OnDemandThroughput"] {
        if let Some(given) = chosen.get(member).filter(|value| !value.is_null()) {
            index[member] = given.clone();
        }
    }
    Ok(index)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{WorldClock, lags::Lags, rng::Rng};

    const ACCOUNT: &str = "111122223333";
    const REGION: &str = "eu-central-1";

    /// A provisioned table `orders` with a local index and 60 items, and its state.
    fn orders() -> (Dynamo, TableState) {
        let clock = WorldClock::new("2026-03-01T00:00:00Z".parse().unwrap());
        let mut dynamo = Dynamo::new(clock.clone(), Rng::new(7, 1), Lags::new(7, 100));
        let scope = Scope {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            caller: String::new(),
            now: clock.now(),
        };
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let table = json!({
            "TableName": "orders",
            "AttributeDefinitions": [attribute("pk"), attribute("sk"), attribute("at")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 },
            "LocalSecondaryIndexes": [{
                "IndexName": "by-at",
                "KeySchema": [key("pk", "HASH"), key("at", "RANGE")],
                "Projection": { "ProjectionType": "KEYS_ONLY" },
            }],
        });
        assert_eq!(dynamo.handle(&scope, "CreateTable", &table).status, 200);
        for number in 0..60 {
            let item =
                json!({ "pk": { "S": "a" }, "sk": { "S": format!("{number:02}") }, "at": { "S": "x" } });
            let put = json!({ "TableName": "orders", "Item": item });
            assert_eq!(dynamo.handle(&scope, "PutItem", &put).status, 200);
        }
        let state = dynamo.state(ACCOUNT, REGION, "orders").unwrap();
        (dynamo, state)
    }

    fn restore(table: &str, from: TableState) -> Restore {
        Restore {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            table: table.to_owned(),
            recovery_point_arn: "arn:aws:backup:eu-central-1:111122223333:recovery-point:1".to_owned(),
            from: Arc::new(from),
            key_arn: None,
            at: "2026-03-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_restore_is_creating_until_it_is_ended() {
        let (mut dynamo, state) = orders();
        let restore = restore("again", state.clone());
        dynamo.begin_restore(&restore).unwrap();
        let begun = dynamo.state(ACCOUNT, REGION, "again").unwrap().description;
        assert_eq!(begun["TableStatus"], "CREATING");
        assert_eq!(begun["RestoreSummary"]["RestoreInProgress"], true);
        dynamo.end_restore(&restore);
        let made = dynamo.state(ACCOUNT, REGION, "again").unwrap();
        assert_eq!(made.description["TableStatus"], "ACTIVE");
        assert_eq!(made.items, state.items);
        for member in ["KeySchema", "AttributeDefinitions"] {
            assert_eq!(made.description[member], state.description[member]);
        }
        assert_eq!(made.description["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
        assert_eq!(made.description["LocalSecondaryIndexes"][0]["IndexName"], "by-at");
        assert_ne!(made.description["TableId"], state.description["TableId"]);
    }

    #[test]
    fn a_restore_that_fails_leaves_nothing() {
        let (mut dynamo, mut state) = orders();
        let refused = dynamo.begin_restore(&restore("orders", state.clone())).unwrap_err();
        assert_eq!(refused, "Table is being created or deleted: orders");
        state.items.push(json!({ "pk": { "S": "without a sort key" } }));
        dynamo.begin_restore(&restore("again", state.clone())).unwrap_err();
        assert!(dynamo.state(ACCOUNT, REGION, "again").is_none());
        state.items.pop();
        dynamo.begin_restore(&restore("again", state)).unwrap();
    }
}
