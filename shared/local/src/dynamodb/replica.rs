//! What is seen by those who do not ask for consistency: an engine of its own, into which each written item comes when
//! its lag is over. Items overtake one another; the writes of one item do not.

use std::{collections::BTreeMap, sync::Arc};

use dynoxide::{AttributeValue, Database, DynoxideError, Item, TableStats, storage_backend::Clock};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    engine,
    requests::Refusal,
    schema::{for_engine, plain},
};
use crate::{
    lags::{Lag, Lags},
    wire::text,
};

/// A table that no one reads keeps no more writes than that back.
const MAX_KEPT: usize = 1_000;

pub(super) struct Replica {
    items: Database,
    tables: BTreeMap<String, Table>,
}

/// A table, and what is on its way into it.
#[derive(Default)]
struct Table {
    /// The names of its key attributes.
    keys: Vec<String>,
    /// By the moments at which they are seen, in the order in which they were made.
    coming: BTreeMap<(Timestamp, u64), (Id, Write)>,
    /// When the last write of an item is seen, while one is on its way.
    last: BTreeMap<Id, Timestamp>,
    made: u64,
}

/// The values of an item's key, as the engine compares them.
type Id = Vec<String>;

/// The item that is there after a write, if one is.
struct Write {
    key: Item,
    item: Option<Item>,
}

impl Replica {
    /// A replica that shows all that there is.
    pub(super) fn of(primary: &Database, clock: Arc<dyn Clock>) -> Result<Self, Refusal> {
        let mut replica = Self { items: Database::memory_with_clock(clock)?, tables: BTreeMap::new() };
        for TableStats { table_name: table, .. } in primary.table_stats()? {
            let described = engine::described(primary, &table)?;
            let mut request = for_engine(&plain(&described));
            request["TableName"] = json!(table);
            replica.create(&request)?;
            replica.fill(&table, &engine::all_items(primary, &table, &described)?)?;
        }
        Ok(replica)
    }

    pub(super) fn items(&self) -> &Database {
        &self.items
    }

    #[cfg(test)]
    pub(super) fn kept_back(&self) -> usize {
        self.tables.values().map(|table| table.coming.len()).sum()
    }

    pub(super) fn create(&mut self, request: &Value) -> Result<(), Refusal> {
        engine::answer(&self.items, "CreateTable", request)?;
        let schema = request["KeySchema"].as_array().into_iter().flatten();
        let keys = schema.filter_map(|key| text(key, "AttributeName")).map(str::to_owned).collect();
        let table = text(request, "TableName").unwrap_or_default().to_owned();
        self.tables.insert(table, Table { keys, ..Table::default() });
        Ok(())
    }

    pub(super) fn update(&self, request: &Value) -> Result<(), Refusal> {
        engine::answer(&self.items, "UpdateTable", request).map(|_| ())
    }

    pub(super) fn delete(&mut self, table: &str) -> Result<(), Refusal> {
        self.tables.remove(table);
        engine::answer(&self.items, "DeleteTable", &json!({ "TableName": table })).map(|_| ())
    }

    pub(super) fn fill(&self, table: &str, items: &[Value]) -> Result<(), Refusal> {
        engine::fill(&self.items, table, items)
    }

    /// The tables that a PartiQL statement may name.
    pub(super) fn named_in(&self, statement: &Value) -> Vec<String> {
        let statement = text(statement, "Statement").unwrap_or_default();
        self.tables.keys().filter(|table| statement.contains(table.as_str())).cloned().collect()
    }

    /// The key of an item, out of the item or its key; nothing where there is no such table.
    pub(super) fn key(&self, table: &str, named: &Value) -> Result<Option<Item>, Refusal> {
        let Some(table) = self.tables.get(table) else { return Ok(None) };
        let part = |name: &String| {
            AttributeValue::deserialize(&named[name]).map(|value| (name.clone(), value)).map_err(internal)
        };
        let key: Result<Item, DynoxideError> = table.keys.iter().map(part).collect();
        Ok(Some(key?))
    }

    /// An item has been written: it is seen when its lag is over, and not before the last one of its key.
    pub(super) fn write(
        &mut self,
        name: &str,
        key: Item,
        item: Option<Item>,
        now: Timestamp,
        lags: &mut Lags,
    ) -> Result<(), Refusal> {
        let Some(table) = self.tables.get_mut(name) else { return Ok(()) };
        let id = table.id(&key);
        let last = table.last.get(&id).copied().unwrap_or(now);
        let at = lags.visible_at(Lag::Items, now).max(last);
        table.last.insert(id.clone(), at);
        table.made += 1;
        table.coming.insert((at, table.made), (id, Write { key, item }));
        if table.coming.len() > MAX_KEPT { self.catch_up(name, now) } else { Ok(()) }
    }

    /// What is to be seen by now is seen.
    pub(super) fn catch_up(&mut self, name: &str, now: Timestamp) -> Result<(), Refusal> {
        let Some(table) = self.tables.get_mut(name) else { return Ok(()) };
        let mut due = BTreeMap::new();
        while let Some(first) = table.coming.first_entry().filter(|first| first.key().0 <= now) {
            let (id, write) = first.remove();
            if table.last.get(&id).is_some_and(|last| *last <= now) {
                table.last.remove(&id);
            }
            due.insert(id, write);
        }
        let mut put = Vec::new();
        for Write { key, item } in due.into_values() {
            match item {
                Some(item) => put.push(item),
                None => engine::remove(&self.items, name, key)?,
            }
        }
        engine::put(&self.items, name, put)
    }

    /// A statement of PartiQL has written something into a table: what differs from what is on its way.
    pub(super) fn compare(
        &mut self,
        name: &str,
        primary: &Database,
        now: Timestamp,
        lags: &mut Lags,
    ) -> Result<(), Refusal> {
        let Some(table) = self.tables.get(name) else { return Ok(()) };
        let by_id = |items: &Database| -> Result<BTreeMap<Id, Item>, Refusal> {
            let items = engine::all_items(items, name, &Value::Null)?;
            let items = items.iter().map(|item| Item::deserialize(item).map_err(internal));
            Ok(items.map(|item| item.map(|item| (table.id(&item), item))).collect::<Result<_, _>>()?)
        };
        let (is, mut told) = (by_id(primary)?, by_id(&self.items)?);
        for (id, write) in table.coming.values() {
            match &write.item {
                Some(item) => told.insert(id.clone(), item.clone()),
                None => told.remove(id),
            };
        }
        let gone = told.iter().filter(|(id, _)| !is.contains_key(*id)).map(|(_, item)| (item, None));
        let new =
            is.iter().filter(|(id, item)| told.get(*id) != Some(item)).map(|(_, item)| (item, Some(item)));
        let key = |item: &Item| -> Item {
            table.keys.iter().filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
        };
        let writes: Vec<(Item, Option<Item>)> =
            gone.chain(new).map(|(item, write)| (key(item), write.cloned())).collect();
        writes.into_iter().try_for_each(|(key, item)| self.write(name, key, item, now, lags))
    }
}

impl Table {
    /// What tells one item from another.
    fn id(&self, item: &Item) -> Id {
        let values = self.keys.iter().map(|name| item.get(name).and_then(AttributeValue::to_key_string));
        values.map(Option::unwrap_or_default).collect()
    }
}

fn internal(error: impl std::fmt::Display) -> DynoxideError {
    DynoxideError::InternalServerError(error.to_string())
}
