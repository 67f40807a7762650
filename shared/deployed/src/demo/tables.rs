//! The tables of the demo, and what each held and how it was set at every moment: written down beside what is
//! sent to DynamoDB, so that restore points can be compared with it.
//!
//! "canary" stands in the settings that must stay secret: names of attributes and indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, OnDemandThroughput,
    PointInTimeRecoverySpecification, Projection, ProjectionType, ProvisionedThroughput, ScalarAttributeType,
    StreamSpecification, StreamViewType, TableClass, Tag, TimeToLiveSpecification,
};
use backup_chain_core::ids::TableName;
use backup_chain_deployed::stack::{ACCOUNT, Failure, SOURCE};
use backup_chain_local::World;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The word that no tag, row or log may hold.
pub const CANARY: &str = "canary";

/// A table as it is, and as it was.
pub struct Table {
    pub name: TableName,
    /// The key attributes.
    keys: &'static [&'static str],
    items: BTreeMap<String, Value>,
    settings: Value,
    past: Vec<Snapshot>,
}

/// A table from one moment on.
#[derive(Clone)]
pub struct Snapshot {
    since: Timestamp,
    pub items: BTreeSet<String>,
    /// In the normal form of captured settings.
    pub settings: Value,
}

pub struct Tables {
    pub orders: Table,
    pub customers: Table,
    pub sessions: Table,
}

impl Table {
    fn new(name: &str, keys: &'static [&'static str], settings: Value) -> Result<Self, Failure> {
        Ok(Self { name: name.parse()?, keys, items: BTreeMap::new(), settings, past: Vec::new() })
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{}", self.name)
    }

    /// The table as it was at `moment`.
    pub fn as_of(&self, moment: Timestamp) -> Option<&Snapshot> {
        self.past.iter().rev().find(|past| past.since <= moment)
    }

    /// How often it changed after it was made.
    pub fn changes(&self) -> usize {
        self.past.len() - 1
    }

    fn key(&self, item: &Value) -> String {
        self.keys.iter().map(|key| item[key].to_string()).collect()
    }

    async fn put(&mut self, client: &Client, item: Value) -> Result<(), Failure> {
        client.put_item().table_name(self.name.as_str()).set_item(Some(attributes(&item))).send().await?;
        self.items.insert(self.key(&item), item);
        Ok(())
    }

    async fn delete(&mut self, client: &Client, item: Value) -> Result<(), Failure> {
        client.delete_item().table_name(self.name.as_str()).set_key(Some(attributes(&item))).send().await?;
        self.items.remove(&self.key(&item));
        Ok(())
    }

    /// Writes down that the table is so from now on.
    fn note(&mut self, world: &World) {
        let items = self.items.values().map(Value::to_string).collect();
        self.past.push(Snapshot { since: world.now(), items, settings: self.settings.clone() });
    }
}

impl Tables {
    pub fn all(&self) -> [&Table; 3] {
        [&self.orders, &self.customers, &self.sessions]
    }

    pub fn of(&self, arn: &str) -> Option<&Table> {
        self.all().into_iter().find(|table| table.arn() == arn)
    }

    pub async fn make(world: &World) -> Result<Self, Failure> {
        let client = &client(world);
        let mut tables = Self {
            orders: orders(client).await?,
            customers: customers(client).await?,
            sessions: sessions(client).await?,
        };
        for number in 1..=6 {
            tables.orders.put(client, order(number, "open")).await?;
            tables.customers.put(client, customer(number, 0)).await?;
            tables.sessions.put(client, session(number)).await?;
        }
        for table in [&mut tables.orders, &mut tables.customers, &mut tables.sessions] {
            table.note(world);
        }
        Ok(tables)
    }

    /// What the applications write on one day.
    pub async fn write(&mut self, world: &World, step: u32) -> Result<(), Failure> {
        let client = &client(world);
        let Self { orders, customers, sessions } = self;
        orders.put(client, order(step + 7, "open")).await?;
        orders.put(client, order(step + 4, "shipped")).await?;
        if step >= 6 {
            orders.delete(client, key_of(&order(step - 5, ""), orders.keys)).await?;
        }
        orders.note(world);
        customers.put(client, customer(step % 6 + 1, step + 1)).await?;
        if step.is_multiple_of(3) {
            customers.put(client, customer(step / 3 + 7, 0)).await?;
        }
        customers.note(world);
        sessions.put(client, session(step + 7)).await?;
        sessions.delete(client, key_of(&session(step + 1), sessions.keys)).await?;
        sessions.note(world);
        Ok(())
    }

    pub async fn orders_grow(&mut self, world: &World) -> Result<&'static str, Failure> {
        let orders = &mut self.orders;
        let client = client(world);
        let update = || client.update_table().table_name(orders.name.as_str());
        update().provisioned_throughput(units(40, 20)?).send().await?;
        // One change at a time: the next is taken when the table is ACTIVE again.
        tokio::time::sleep(Duration::from_secs(5)).await;
        update()
            .attribute_definitions(attribute("customer", ScalarAttributeType::S)?)
            .attribute_definitions(attribute("canary-total", ScalarAttributeType::N)?)
            .global_secondary_index_updates(
                GlobalSecondaryIndexUpdate::builder()
                    .create(
                        CreateGlobalSecondaryIndexAction::builder()
                            .index_name("canary-by-total")
                            .key_schema(key("customer", KeyType::Hash)?)
                            .key_schema(key("canary-total", KeyType::Range)?)
                            .projection(
                                Projection::builder().projection_type(ProjectionType::KeysOnly).build(),
                            )
                            .provisioned_throughput(units(8, 4)?)
                            .build()?,
                    )
                    .build(),
            )
            .send()
            .await?;
        orders.settings["throughput"] = json!([40, 20]);
        orders.settings["warm"] = json!([40, 20]);
        orders.settings["attributes"]["canary-total"] = json!("N");
        orders.settings["global"]["canary-by-total"] = json!({
            "keys": {"hash": ["customer"], "range": ["canary-total"]},
            "projection": "KEYS_ONLY",
            "throughput": [8, 4],
            "warm": [8, 4],
        });
        orders.note(world);
        Ok("four times the throughput, and a second index")
    }

    pub async fn customers_age(&mut self, world: &World) -> Result<&'static str, Failure> {
        let customers = &mut self.customers;
        let update = client(world).update_table().table_name(customers.name.as_str());
        update
            .table_class(TableClass::StandardInfrequentAccess)
            .deletion_protection_enabled(true)
            .send()
            .await?;
        customers.settings["class"] = json!("STANDARD_INFREQUENT_ACCESS");
        customers.settings["protected"] = json!(true);
        customers.note(world);
        Ok("infrequent-access class, deletion protection on")
    }

    pub async fn sessions_change(&mut self, world: &World) -> Result<&'static str, Failure> {
        let sessions = &mut self.sessions;
        let client = client(world);
        let off = StreamSpecification::builder().stream_enabled(false).build()?;
        client.update_table().table_name(sessions.name.as_str()).stream_specification(off).send().await?;
        point_in_time(&client, &sessions.name, None).await?;
        if let Some(settings) = sessions.settings.as_object_mut() {
            settings.remove("stream");
        }
        sessions.settings["pitr"] = json!({});
        sessions.note(world);
        Ok("stream off, point-in-time recovery on")
    }
}

pub fn client(world: &World) -> Client {
    Client::new(&world.sdk_config(ACCOUNT, SOURCE, "application"))
}

/// Provisioned, an index, TTL, PITR, a stream, deletion protection.
async fn orders(client: &Client) -> Result<Table, Failure> {
    let settings = json!({
        "attributes": {"customer": "S", "order": "S", "canary-state": "S"},
        "keys": {"hash": ["customer"], "range": ["order"]},
        "global": {"canary-by-state": {
            "keys": {"hash": ["canary-state"], "range": ["order"]}, "throughput": [5, 5], "warm": [5, 5],
        }},
        "billing": "PROVISIONED",
        "throughput": [10, 5],
        "warm": [10, 5],
        "stream": "NEW_AND_OLD_IMAGES",
        "protected": true,
        "ttl": {"attribute": "canary-expires"},
        "pitr": {},
        "tags": {"backup": "gold", "team": "shop"},
    });
    let table = Table::new("orders", &["customer", "order"], settings)?;
    client
        .create_table()
        .table_name(table.name.as_str())
        .key_schema(key("customer", KeyType::Hash)?)
        .key_schema(key("order", KeyType::Range)?)
        .attribute_definitions(attribute("customer", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("order", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("canary-state", ScalarAttributeType::S)?)
        .global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name("canary-by-state")
                .key_schema(key("canary-state", KeyType::Hash)?)
                .key_schema(key("order", KeyType::Range)?)
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .provisioned_throughput(units(5, 5)?)
                .build()?,
        )
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(units(10, 5)?)
        .stream_specification(stream(StreamViewType::NewAndOldImages)?)
        .deletion_protection_enabled(true)
        .tags(tag("backup", "gold")?)
        .tags(tag("team", "shop")?)
        .send()
        .await?;
    time_to_live(client, &table.name, "canary-expires").await?;
    point_in_time(client, &table.name, None).await?;
    Ok(table)
}

/// On demand within bounds, an index of some attributes, PITR for 14 days.
async fn customers(client: &Client) -> Result<Table, Failure> {
    let settings = json!({
        "attributes": {"customer": "S", "canary-mail": "S"},
        "keys": {"hash": ["customer"]},
        "global": {"canary-by-mail": {
            "keys": {"hash": ["canary-mail"]}, "projection": {"INCLUDE": ["name"]}, "warm": [12000, 4000],
        }},
        "max": [500, 200],
        "warm": [12000, 4000],
        "pitr": {"days": 14},
        "tags": {"backup": "silver", "team": "accounts"},
    });
    let table = Table::new("customers", &["customer"], settings)?;
    client
        .create_table()
        .table_name(table.name.as_str())
        .key_schema(key("customer", KeyType::Hash)?)
        .attribute_definitions(attribute("customer", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("canary-mail", ScalarAttributeType::S)?)
        .global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name("canary-by-mail")
                .key_schema(key("canary-mail", KeyType::Hash)?)
                .projection(
                    Projection::builder()
                        .projection_type(ProjectionType::Include)
                        .non_key_attributes("name")
                        .build(),
                )
                .build()?,
        )
        .billing_mode(BillingMode::PayPerRequest)
        .on_demand_throughput(
            OnDemandThroughput::builder().max_read_request_units(500).max_write_request_units(200).build(),
        )
        .tags(tag("backup", "silver")?)
        .tags(tag("team", "accounts")?)
        .send()
        .await?;
    point_in_time(client, &table.name, Some(14)).await?;
    Ok(table)
}

/// On demand, TTL, a stream of keys.
async fn sessions(client: &Client) -> Result<Table, Failure> {
    let settings = json!({
        "attributes": {"session": "S"},
        "keys": {"hash": ["session"]},
        "warm": [12000, 4000],
        "stream": "KEYS_ONLY",
        "ttl": {"attribute": "canary-until"},
        "tags": {"team": "shop"},
    });
    let table = Table::new("bronze-sessions", &["session"], settings)?;
    client
        .create_table()
        .table_name(table.name.as_str())
        .key_schema(key("session", KeyType::Hash)?)
        .attribute_definitions(attribute("session", ScalarAttributeType::S)?)
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream(StreamViewType::KeysOnly)?)
        .tags(tag("team", "shop")?)
        .send()
        .await?;
    time_to_live(client, &table.name, "canary-until").await?;
    Ok(table)
}

fn order(number: u32, state: &str) -> Value {
    json!({
        "customer": {"S": format!("customer-{:03}", number % 5 + 1)},
        "order": {"S": format!("2026-{number:05}")},
        "canary-state": {"S": state},
        "canary-total": {"N": (number * 1290).to_string()},
        "canary-expires": {"N": "1893456000"},
        "lines": {"L": [
            {"M": {"article": {"S": format!("article-{}", number % 9)}, "count": {"N": (number % 4 + 1).to_string()}}},
            {"M": {"article": {"S": "gift wrap"}, "count": {"N": "1"}}},
        ]},
        "paid": {"BOOL": state == "shipped"},
    })
}

fn customer(number: u32, edits: u32) -> Value {
    json!({
        "customer": {"S": format!("customer-{number:03}")},
        "canary-mail": {"S": format!("customer{number}@example.com")},
        "name": {"S": format!("Customer {number}")},
        "address": {"M": {"street": {"S": format!("{} Harbour Street", number * 3 + edits)}, "country": {"S": "DE"}}},
        "newsletters": {"SS": ["autumn", "spring"]},
    })
}

fn session(number: u32) -> Value {
    json!({
        "session": {"S": format!("session-{number:04}")},
        "canary-until": {"N": "1893456000"},
        "basket": {"L": [{"S": format!("article-{}", number % 9)}]},
        "signed-in": {"BOOL": number.is_multiple_of(2)},
    })
}

/// The key of an item alone.
fn key_of(item: &Value, keys: &[&str]) -> Value {
    keys.iter().map(|key| ((*key).to_owned(), item[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// An item of DynamoDB's JSON as the SDK takes it.
fn attributes(item: &Value) -> HashMap<String, AttributeValue> {
    let fields = item.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), attribute_value(value))).collect()
}

fn attribute_value(value: &Value) -> AttributeValue {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return AttributeValue::Null(true);
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = || value.as_array().into_iter().flatten();
    match kind.as_str() {
        "N" => AttributeValue::N(text(value)),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap_or_default()),
        "L" => AttributeValue::L(list().map(attribute_value).collect()),
        "M" => AttributeValue::M(attributes(value)),
        "SS" => AttributeValue::Ss(list().map(text).collect()),
        _ => AttributeValue::S(text(value)),
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, Failure> {
    Ok(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, Failure> {
    Ok(AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?)
}

fn units(read: i64, write: i64) -> Result<ProvisionedThroughput, Failure> {
    Ok(ProvisionedThroughput::builder().read_capacity_units(read).write_capacity_units(write).build()?)
}

fn stream(view: StreamViewType) -> Result<StreamSpecification, Failure> {
    Ok(StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build()?)
}

fn tag(key: &str, value: &str) -> Result<Tag, Failure> {
    Ok(Tag::builder().key(key).value(value).build()?)
}

async fn time_to_live(client: &Client, table: &TableName, attribute: &str) -> Result<(), Failure> {
    let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build()?;
    client.update_time_to_live().table_name(table.as_str()).time_to_live_specification(on).send().await?;
    Ok(())
}

async fn point_in_time(client: &Client, table: &TableName, days: Option<i32>) -> Result<(), Failure> {
    let on = PointInTimeRecoverySpecification::builder()
        .point_in_time_recovery_enabled(true)
        .set_recovery_period_in_days(days)
        .build()?;
    client
        .update_continuous_backups()
        .table_name(table.as_str())
        .point_in_time_recovery_specification(on)
        .send()
        .await?;
    Ok(())
}
