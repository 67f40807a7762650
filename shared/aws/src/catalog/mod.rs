//! The catalog: one DynamoDB table that indexes policies, sessions and restore points.
//!
//! Every record carries `rev`, the count of its writes, and every write names the `rev` that it saw: whoever
//! comes second is told so and reads again. Records that must change together are committed together.
//! The item shapes are in `docs/architecture.md`.

mod policies;
mod records;

pub use policies::{Rebuilt, Revision, StoredPolicy};
pub use records::{Lease, Write};

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem};
use backup_chain_core::history::Entry;
use backup_chain_core::ids::{PointId, PolicyName, RestoreId, RunId, SessionId, Table, TableName, VaultArn};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::Restore;
use backup_chain_core::retention::{ChainRun, Run, Watch};
use backup_chain_core::session::Session;
use backup_chain_core::table::TableHead;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::error::{AwsError, Meaning, failed};
use records::{Key, Record};

type Item = HashMap<String, AttributeValue>;

/// The index ordered by due time, of records that wait for a moment.
const DUE: &str = "due";
/// The index of restore points by session.
const BY_SESSION: &str = "session";

/// The catalog table of a deployment.
#[derive(Debug, Clone)]
pub struct Catalog {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Catalog {
    pub(crate) fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table }
    }

    /// Writes records together, or none of them.
    ///
    /// # Errors
    /// [`Meaning::Condition`] when one of them was written by somebody else since it was read.
    pub async fn commit(&self, writes: impl IntoIterator<Item = Write>) -> Result<(), AwsError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems";
        let mut items = Vec::new();
        for Write { item, seen, leaves } in writes {
            let unusable = |error: BuildError| self.unusable(OPERATION, &error.to_string());
            let mut put = Put::builder().table_name(&self.table).set_item(Some(item));
            let is_seen = ("rev = :seen", AttributeValue::N(seen.to_string()));
            if let Some(key) = leaves {
                let delete = Delete::builder().table_name(&self.table).set_key(Some(key));
                let delete =
                    delete.condition_expression(is_seen.0).expression_attribute_values(":seen", is_seen.1);
                items.push(TransactWriteItem::builder().delete(delete.build().map_err(unusable)?).build());
                put = put.condition_expression("attribute_not_exists(pk)");
            } else if seen == 0 {
                put = put.condition_expression("attribute_not_exists(pk)");
            } else {
                put = put.condition_expression(is_seen.0).expression_attribute_values(":seen", is_seen.1);
            }
            items.push(TransactWriteItem::builder().put(put.build().map_err(unusable)?).build());
        }
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let meaning = cancellation(&error);
                let mut error = failed(OPERATION, &self.table)(error);
                error.meaning = meaning.unwrap_or(error.meaning);
                Err(error)
            }
        }
    }

    /// All stored policies, by name; those that were deleted too.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn policies(&self) -> Result<Vec<StoredPolicy>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text("policy"))]).await
    }

    /// One stored policy.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, AwsError> {
        self.get(Key::policy(name)).await
    }

    /// Every document that was applied under a name, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn revisions(&self, name: &PolicyName) -> Result<Vec<Revision>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text(&records::revisions_partition(name)))]).await
    }

    /// When retention last ran.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn watch(&self) -> Result<Option<Watch>, AwsError> {
        self.get(Key::single(records::WATCH)).await
    }

    /// When the catalog was rebuilt from the vaults, if it ever was.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn rebuilt(&self) -> Result<Option<Rebuilt>, AwsError> {
        self.get(Key::single(records::REBUILT)).await
    }

    /// The retention runs of the last 90 days, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn runs(&self) -> Result<Vec<Run>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text("run"))]).await
    }

    /// One retention run.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn run(&self, id: &RunId) -> Result<Option<Run>, AwsError> {
        self.get(Key::run(id)).await
    }

    /// What a retention run decided about each chain in which something had lapsed.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn chains_of_run(&self, id: &RunId) -> Result<Vec<ChainRun>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text(&records::run_partition(id)))]).await
    }

    /// The restores of the last 90 days, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn restores(&self) -> Result<Vec<Restore>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text("restore"))]).await
    }

    /// One restore.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn restore(&self, id: &RestoreId) -> Result<Option<Restore>, AwsError> {
        self.get(Key::restore(id)).await
    }

    /// The restores with work left, by the moment to look at them next.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn open_restores(&self) -> Result<Vec<Restore>, AwsError> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("restore"))]).await
    }

    /// What was done by hand, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn history(&self) -> Result<Vec<Entry>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text("history"))]).await
    }

    /// One session.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, AwsError> {
        self.get(Key::session(id)).await
    }

    /// All recorded sessions, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn sessions(&self) -> Result<Vec<Session>, AwsError> {
        self.query(None, "pk = :pk", [(":pk", text("session"))]).await
    }

    /// The sessions with work left, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn open_sessions(&self) -> Result<Vec<Session>, AwsError> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("session"))]).await
    }

    /// The restore points that a session recorded, copies included. Read from an index: it may trail by
    /// moments, which a write then finds out.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn points_of_session(&self, id: &SessionId) -> Result<Vec<RestorePoint>, AwsError> {
        self.query(Some(BY_SESSION), "#session = :id", [(":id", text(id.as_str()))]).await
    }

    /// The restore points for which a job is open or a copy waits, by the moment to look at them next.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn open_points(&self) -> Result<Vec<RestorePoint>, AwsError> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("open"))]).await
    }

    /// The restore points whose last flag has lapsed.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn lapsed_points(&self, now: Timestamp) -> Result<Vec<RestorePoint>, AwsError> {
        let bounds = [(":queue", text("lapse")), (":now", AttributeValue::N(now.as_second().to_string()))];
        self.query(Some(DUE), "queue = :queue AND due_at <= :now", bounds).await
    }

    /// The restore points whose metadata was not believed.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn suspect_points(&self) -> Result<Vec<RestorePoint>, AwsError> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("suspect"))]).await
    }

    /// The restore points whose deletion has not been seen to be done.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn deleting_points(&self) -> Result<Vec<RestorePoint>, AwsError> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("deleting"))]).await
    }

    /// The head of one table.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn head(&self, table: &Table) -> Result<Option<TableHead>, AwsError> {
        self.get(Key::head(table)).await
    }

    /// The heads of many tables, in any order; tables not yet known are left out.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:BatchGetItem.
    pub async fn heads(&self, tables: &[Table]) -> Result<Vec<TableHead>, AwsError> {
        const OPERATION: &str = "dynamodb:BatchGetItem";
        const MOST: usize = 100;
        let mut heads = Vec::with_capacity(tables.len());
        for chunk in tables.chunks(MOST) {
            let keys = chunk.iter().map(|table| Key::head(table).into_item()).collect();
            let mut wanted =
                KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().ok();
            while let Some(keys) = wanted.take() {
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, keys)
                    .send()
                    .await
                    .map_err(failed(OPERATION, &self.table))?;
                for item in answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                    heads.push(self.read(item)?);
                }
                wanted = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
            }
        }
        Ok(heads)
    }

    /// One restore point, as it is now.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn point(&self, seen: &RestorePoint) -> Result<Option<RestorePoint>, AwsError> {
        self.get(seen.key()).await
    }

    /// One chain: the points of a table in a vault that are not past, oldest first.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn chain(&self, table: &Table, vault: &VaultArn) -> Result<Vec<RestorePoint>, AwsError> {
        let prefix = records::chain_prefix(table, vault);
        let keys = [(":pk", text(&records::table_partition(&table.arn.name))), (":prefix", text(&prefix))];
        self.query(None, "pk = :pk AND begins_with(sk, :prefix)", keys).await
    }

    /// Every restore point of every creation of a table, in all chains and outside them.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Query.
    pub async fn points_of_table(&self, table: &TableName) -> Result<Vec<RestorePoint>, AwsError> {
        let partition = records::table_partition(table);
        let items = self.query_items(None, "pk = :pk", [(":pk", text(&partition))]).await?;
        items.into_iter().filter(records::is_point).map(|item| self.read(item)).collect()
    }

    /// Every restore point that is not past, by reading the whole catalog: for comparing it with the vaults.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:Scan.
    pub async fn every_live_point(&self) -> Result<Vec<RestorePoint>, AwsError> {
        let mut pages = self.client.scan().table_name(&self.table).into_paginator().items().send();
        let mut points = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(failed("dynamodb:Scan", &self.table))?;
            if records::is_point(&item) && !records::is_past(&item) {
                points.push(self.read(item)?);
            }
        }
        Ok(points)
    }

    /// The restore point of this id in a chain.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn point_in(
        &self,
        table: &Table,
        vault: &VaultArn,
        id: &PointId,
    ) -> Result<Option<RestorePoint>, AwsError> {
        self.get(Key::chain_point(table, vault, id)).await
    }

    /// Takes the lease on a kind of work, unless somebody holds it.
    ///
    /// # Errors
    /// [`AwsError`] of the catalog's table.
    pub async fn lease(
        &self,
        work: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, AwsError> {
        let held: Option<Lease> = self.get(Key::lease(work)).await?;
        let mut lease = held.unwrap_or_else(|| Lease::new(work));
        if lease.until > now {
            return Ok(None);
        }
        lease.until = until;
        lease.epoch += 1;
        match self.commit([Write::of(&mut lease)]).await {
            Ok(()) => Ok(Some(lease)),
            Err(error) if error.meaning == Meaning::Condition => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a lease back before its time.
    ///
    /// # Errors
    /// [`AwsError`] of the catalog's table; the lease then ends by itself.
    pub async fn release(&self, mut lease: Lease, now: Timestamp) -> Result<(), AwsError> {
        lease.until = now;
        self.commit([Write::of(&mut lease)]).await
    }

    async fn get<T: DeserializeOwned>(&self, key: Key) -> Result<Option<T>, AwsError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed("dynamodb:GetItem", &self.table))?;
        answer.item.map(|item| self.read(item)).transpose()
    }

    async fn query<T: DeserializeOwned, const N: usize>(
        &self,
        index: Option<&str>,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<Vec<T>, AwsError> {
        let items = self.query_items(index, condition, values).await?;
        items.into_iter().map(|item| self.read(item)).collect()
    }

    async fn query_items<const N: usize>(
        &self,
        index: Option<&str>,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<Vec<Item>, AwsError> {
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(index.map(str::to_owned))
            .consistent_read(index.is_none())
            .key_condition_expression(condition);
        if condition.contains("#session") {
            request = request.expression_attribute_names("#session", "session");
        }
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        let mut pages = request.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(failed("dynamodb:Query", &self.table))?);
        }
        Ok(items)
    }

    fn read<T: DeserializeOwned>(&self, item: Item) -> Result<T, AwsError> {
        let place = ["pk", "sk"].map(|name| match item.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => "?".to_owned(),
        });
        serde_dynamo::from_item(item).map_err(|error| {
            self.unusable("dynamodb:GetItem", &format!("record {}: {error}", place.join(" / ")))
        })
    }

    fn unusable(&self, operation: &'static str, message: &str) -> AwsError {
        AwsError {
            operation,
            resource: self.table.clone(),
            meaning: Meaning::Refused,
            code: "UnusableRecord".to_owned(),
            message: message.to_owned(),
        }
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Why a transaction was cancelled: a condition that does not hold is final, a conflict passes.
fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Meaning> {
    let TransactWriteItemsError::TransactionCanceledException(canceled) = error.as_service_error()? else {
        return None;
    };
    let codes = || canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    if codes().any(|code| code == "ConditionalCheckFailed") {
        Some(Meaning::Condition)
    } else if codes().any(|code| code == "TransactionConflict" || code.contains("Throttl")) {
        Some(Meaning::Throttled)
    } else {
        Some(Meaning::Refused)
    }
}
