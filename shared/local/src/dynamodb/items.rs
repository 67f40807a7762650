//! The items of an account in a Region: one engine that is always right and, where readers lag, a second one that
//! answers those who do not ask for consistency.

use dynoxide::{Database, DynoxideError};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    engine,
    replica::Replica,
    requests::{Answer, Refusal, parts, tables_in},
};
use crate::{
    clock::WorldClock,
    lags::{Lag, Lags},
    wire::text,
};

/// The items of all tables.
pub(super) struct Items {
    clock: WorldClock,
    primary: Database,
    /// Made when items are first asked for while readers lag.
    replica: Option<Replica>,
}

impl Items {
    pub(super) fn new(clock: &WorldClock) -> Result<Self, DynoxideError> {
        let primary = Database::memory_with_clock(engine::clock(clock))?;
        Ok(Self { clock: clock.clone(), primary, replica: None })
    }

    /// Makes a table as a CreateTable of the engine says.
    pub(super) fn create(&mut self, request: &Value) -> Result<(), Refusal> {
        engine::answer(&self.primary, "CreateTable", request)?;
        self.replica.as_mut().map_or(Ok(()), |replica| replica.create(request))
    }

    /// Makes or removes an index as an UpdateTable of the engine says.
    pub(super) fn update(&mut self, request: &Value) -> Result<(), Refusal> {
        engine::answer(&self.primary, "UpdateTable", request)?;
        self.replica.as_mut().map_or(Ok(()), |replica| replica.update(request))
    }

    pub(super) fn delete(&mut self, table: &str) -> Result<(), Refusal> {
        engine::answer(&self.primary, "DeleteTable", &json!({ "TableName": table }))?;
        self.replica.as_mut().map_or(Ok(()), |replica| replica.delete(table))
    }

    /// A table as the engine tells it: the value of `Table`.
    pub(super) fn describe(&self, table: &str) -> Answer {
        engine::described(&self.primary, table)
    }

    /// The answer to ListTables.
    pub(super) fn list(&self, body: &Value) -> Answer {
        engine::answer(&self.primary, "ListTables", body)
    }

    /// All items of a table as they are, in the order of their keys.
    pub(super) fn all(&self, table: &str, description: &Value) -> Result<Vec<Value>, DynoxideError> {
        engine::all_items(&self.primary, table, description)
    }

    /// Fills a new table with what it is restored from, which no one sees late: all of it or nothing.
    pub(super) fn fill(&mut self, table: &str, items: &[Value]) -> Result<(), Refusal> {
        engine::fill(&self.primary, table, items)?;
        self.replica.as_ref().map_or(Ok(()), |replica| replica.fill(table, items))
    }

    /// How many writes are on their way to those who read weakly.
    #[cfg(test)]
    pub(super) fn kept_back(&self) -> usize {
        self.replica.as_ref().map_or(0, Replica::kept_back)
    }

    /// Answers an operation on items.
    pub(super) fn answer(
        &mut self,
        operation: &str,
        body: &Value,
        now: Timestamp,
        lags: &mut Lags,
    ) -> Answer {
        if self.replica.is_none() && lags.has(Lag::Items) {
            self.replica = Some(Replica::of(&self.primary, engine::clock(&self.clock))?);
        }
        let Some(replica) = &mut self.replica else {
            return engine::answer(&self.primary, operation, body);
        };
        let statements = statements(operation, body);
        if is_weak(operation, body, &statements) {
            let named = statements.iter().flat_map(|statement| replica.named_in(statement));
            for table in tables_in(body).map(str::to_owned).chain(named).collect::<Vec<_>>() {
                replica.catch_up(&table, now)?;
            }
            return engine::answer(replica.items(), operation, body);
        }
        let answer = engine::answer(&self.primary, operation, body)?;
        for (table, named) in written(operation, body) {
            if let Some(key) = replica.key(table, named)? {
                let item = engine::item(&self.primary, table, &key)?;
                replica.write(table, key, item, now, lags)?;
            }
        }
        for statement in statements.iter().filter(|statement| !is_select(statement)) {
            for table in replica.named_in(statement) {
                replica.compare(&table, &self.primary, now, lags)?;
            }
        }
        Ok(answer)
    }
}

/// Whether a read may be answered with what was. Where a batch asks for consistency in a part, all of it is
/// answered so.
fn is_weak(operation: &str, body: &Value, statements: &[&Value]) -> bool {
    let weak = |part: &Value| part["ConsistentRead"] != true;
    match operation {
        "GetItem" | "Query" | "Scan" => weak(body),
        "BatchGetItem" => body["RequestItems"].as_object().is_some_and(|tables| tables.values().all(weak)),
        "ExecuteStatement" | "BatchExecuteStatement" => {
            statements.iter().all(|statement| is_select(statement) && weak(statement))
        }
        _ => false,
    }
}

/// The PartiQL statements of a request.
fn statements<'a>(operation: &str, body: &'a Value) -> Vec<&'a Value> {
    let list = |member: &str| body[member].as_array().into_iter().flatten().collect();
    match operation {
        "ExecuteStatement" => vec![body],
        "BatchExecuteStatement" => list("Statements"),
        "ExecuteTransaction" => list("TransactStatements"),
        _ => Vec::new(),
    }
}

fn is_select(statement: &Value) -> bool {
    let first = text(statement, "Statement").and_then(|text| text.split_whitespace().next());
    first.is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
}

/// What a request writes, but for PartiQL: tables, and items or their keys.
fn written<'a>(operation: &str, body: &'a Value) -> Vec<(&'a str, &'a Value)> {
    let named = |part: &'a Value| part.get("Item").or_else(|| part.get("Key"));
    match operation {
        "DeleteItem" | "PutItem" | "UpdateItem" => {
            text(body, "TableName").zip(named(body)).into_iter().collect()
        }
        "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables
                .flat_map(|(table, requests)| {
                    let requests = requests.as_array().into_iter().flatten().flat_map(parts);
                    requests.filter_map(move |request| Some((table.as_str(), named(request)?)))
                })
                .collect()
        }
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().into_iter().flatten().flat_map(parts);
            writes.filter_map(|write| text(write, "TableName").zip(named(write))).collect()
        }
        _ => Vec::new(),
    }
}
