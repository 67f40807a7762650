//! Reading and writing the catalog table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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

use super::policies::{RebuildRecord, Revision, StoredPolicy};
use super::records::{self, Item, Key, Lease, OutboxEvent, Record, Write, text};
use crate::error::{AwsError, Error, Meaning, failed};
use crate::unreadable::{POLICY, RESTORE, UnreadableRecord};

/// The index ordered by due time, of records that wait for a moment.
const DUE: &str = "due";
/// The index of restore points by session.
const BY_SESSION: &str = "session";

/// The catalog table of a deployment.
#[derive(Debug, Clone)]
pub struct Catalog {
    client: aws_sdk_dynamodb::Client,
    table: String,
    /// Records that this process met and could not read.
    unreadable: Arc<Mutex<BTreeMap<(String, String), UnreadableRecord>>>,
}

impl Catalog {
    pub(crate) fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table, unreadable: Arc::default() }
    }

    /// The records that this process met and could not read, by their keys.
    pub fn unreadable(&self) -> Vec<UnreadableRecord> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Forgets them, as each request begins: what is still so is met again.
    pub fn forget_unreadable(&self) {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Notes a record whose content cannot be read.
    pub(crate) fn note_unreadable(&self, record: &UnreadableRecord) {
        let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if unreadable.insert((record.pk.clone(), record.sk.clone()), record.clone()).is_none() {
            tracing::error!(%record, "a record of the catalog counts as present and is skipped");
        }
    }

    /// A record that this process met, could not read, and that may keep points of a table: one of the table, the policy
    /// of its points, or a restore, which may be of any table.
    pub fn unreadable_guard(
        &self,
        table: &TableName,
        policy: Option<&PolicyName>,
    ) -> Option<UnreadableRecord> {
        self.unreadable().into_iter().find(|record| record.may_keep_points_of(table, policy))
    }

    /// Writes records together, or none of them.
    ///
    /// # Errors
    /// [`Meaning::Condition`] when one of them was written by somebody else since it was read.
    pub async fn commit(&self, writes: impl IntoIterator<Item = Write>) -> Result<(), Error> {
        const OPERATION: &str = "dynamodb:TransactWriteItems";
        let mut items = Vec::new();
        for Write { item, seen, leaves } in writes {
            let unusable = |error: BuildError| AwsError::not_sent(OPERATION, &self.table, error);
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
                Err(error.into())
            }
        }
    }

    /// All stored policies, by name; those that were deleted too.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn policies(&self) -> Result<Vec<StoredPolicy>, Error> {
        self.query(None, "pk = :pk", [(":pk", text(POLICY))]).await
    }

    /// One stored policy.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn policy(&self, name: &PolicyName) -> Result<Option<StoredPolicy>, Error> {
        self.get(Key::policy(name)).await
    }

    /// Every document that was applied under a name, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn revisions(&self, name: &PolicyName) -> Result<Vec<Revision>, Error> {
        self.query(None, "pk = :pk", [(":pk", text(&records::revisions_partition(name)))]).await
    }

    /// When retention last ran.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn watch(&self) -> Result<Option<Watch>, Error> {
        self.get(Key::single(records::WATCH)).await
    }

    /// When the catalog was rebuilt from the vaults, if it ever was.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn rebuilt(&self) -> Result<Option<RebuildRecord>, Error> {
        self.get(Key::single(records::REBUILT)).await
    }

    /// The retention runs of the last 90 days, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn runs(&self) -> Result<Vec<Run>, Error> {
        self.query(None, "pk = :pk", [(":pk", text("run"))]).await
    }

    /// One retention run.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn run(&self, id: &RunId) -> Result<Option<Run>, Error> {
        self.get(Key::run(id)).await
    }

    /// What a retention run decided about each chain in which something had lapsed.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn chains_of_run(&self, id: &RunId) -> Result<Vec<ChainRun>, Error> {
        self.query(None, "pk = :pk", [(":pk", text(&records::run_partition(id)))]).await
    }

    /// The restores of the last 90 days, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn restores(&self) -> Result<Vec<Restore>, Error> {
        self.query(None, "pk = :pk", [(":pk", text(RESTORE))]).await
    }

    /// One restore.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn restore(&self, id: &RestoreId) -> Result<Option<Restore>, Error> {
        self.get(Key::restore(id)).await
    }

    /// The restores with work left, by the moment to look at them next.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn open_restores(&self) -> Result<Vec<Restore>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("restore"))]).await
    }

    /// What was done by an operator, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn history(&self) -> Result<Vec<Entry>, Error> {
        self.query(None, "pk = :pk", [(":pk", text("history"))]).await
    }

    /// The events that the bus has not taken, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn outbox(&self) -> Result<Vec<OutboxEvent>, Error> {
        self.query(None, "pk = :pk", [(":pk", text(records::OUTBOX))]).await
    }

    /// Removes an event from the outbox: it was taken, or given up.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:DeleteItem.
    pub async fn remove_from_outbox(&self, untold: &OutboxEvent) -> Result<(), Error> {
        let key = Some(Key::outbox_event(untold).into_item());
        let request = self.client.delete_item().table_name(&self.table).set_key(key);
        request.send().await.map_err(failed("dynamodb:DeleteItem", &self.table))?;
        Ok(())
    }

    /// One session.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, Error> {
        self.get(Key::session(id)).await
    }

    /// All recorded sessions, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.query(None, "pk = :pk", [(":pk", text("session"))]).await
    }

    /// The sessions with work left, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn open_sessions(&self) -> Result<Vec<Session>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("session"))]).await
    }

    /// The restore points that a session recorded, copies included. Read from an index: it may trail by
    /// moments, which a write then finds out.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn points_of_session(&self, id: &SessionId) -> Result<Vec<RestorePoint>, Error> {
        self.query(Some(BY_SESSION), "#session = :id", [(":id", text(id.as_str()))]).await
    }

    /// The restore points for which a job is open or a copy waits, by the moment to look at them next.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn open_points(&self) -> Result<Vec<RestorePoint>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("open"))]).await
    }

    /// The restore points whose last flag has lapsed.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn lapsed_points(&self, now: Timestamp) -> Result<Vec<RestorePoint>, Error> {
        let bounds = [(":queue", text("lapse")), (":now", AttributeValue::N(now.as_second().to_string()))];
        self.query(Some(DUE), "queue = :queue AND due_at <= :now", bounds).await
    }

    /// The restore points whose metadata was not believed.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn suspect_points(&self) -> Result<Vec<RestorePoint>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("suspect"))]).await
    }

    /// The restore points whose deletion has not been seen to be done.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn deleting_points(&self) -> Result<Vec<RestorePoint>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("deleting"))]).await
    }

    /// The failed and dropped points that have left something in a settings table.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn points_with_leftovers(&self) -> Result<Vec<RestorePoint>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text("left"))]).await
    }

    /// The head of one table.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn head(&self, table: &Table) -> Result<Option<TableHead>, Error> {
        self.get(Key::head(table)).await
    }

    /// The heads of all tables that were ever in the care of a policy or have restore points. Read from an index: it may
    /// trail by moments.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn all_heads(&self) -> Result<Vec<TableHead>, Error> {
        self.query(Some(DUE), "queue = :queue", [(":queue", text(records::HEADS))]).await
    }

    /// The heads of many tables, by table; tables not yet known are left out.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:BatchGetItem.
    pub async fn heads(
        &self,
        tables: &[Table],
    ) -> Result<BTreeMap<Table, Result<TableHead, UnreadableRecord>>, Error> {
        const OPERATION: &str = "dynamodb:BatchGetItem";
        const MAX_BATCH: usize = 100;
        /// A table that gives nothing so many times in a row is throttled.
        const EMPTY_ROUNDS: usize = 5;
        let mut heads = BTreeMap::new();
        for chunk in tables.chunks(MAX_BATCH) {
            let of_key = |item: &Item| chunk.iter().find(|table| records::is_at(item, &Key::head(table)));
            let keys = chunk.iter().map(|table| Key::head(table).into_item()).collect();
            let mut wanted =
                KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().ok();
            let mut empty_rounds = 0;
            while let Some(keys) = wanted.take() {
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, keys)
                    .send()
                    .await
                    .map_err(failed(OPERATION, &self.table))?;
                let items = answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
                empty_rounds = if items.is_empty() { empty_rounds + 1 } else { 0 };
                for item in items {
                    let Some(table) = of_key(&item) else { continue };
                    heads.insert(table.clone(), self.read(item));
                }
                wanted = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
                if wanted.is_some() && empty_rounds == EMPTY_ROUNDS {
                    let message = Some("the batch is left unprocessed again and again");
                    return Err(
                        AwsError::of_entry(OPERATION, &self.table, "ThrottlingException", message).into()
                    );
                }
            }
        }
        Ok(heads)
    }

    /// One restore point, as it is now.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn point(&self, seen: &RestorePoint) -> Result<Option<RestorePoint>, Error> {
        self.get(seen.key()).await
    }

    /// A point as it is now, if it still stands where an index showed it: an index may trail by moments, and nothing is
    /// asked of AWS for what has moved on.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn reread_if_unchanged(&self, seen: &RestorePoint) -> Result<Option<RestorePoint>, Error> {
        Ok(self
            .point(seen)
            .await?
            .filter(|point| point.state() == seen.state() && point.attempt == seen.attempt))
    }

    /// One chain: the points of a table in a vault that are not past, oldest first.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query, and when a record of the chain cannot be read: what is decided about a chain
    /// takes all of it.
    pub async fn chain(&self, table: &Table, vault: &VaultArn) -> Result<Vec<RestorePoint>, Error> {
        let prefix = records::chain_prefix(table, vault);
        let keys = [(":pk", text(&records::table_partition(&table.arn.name))), (":prefix", text(&prefix))];
        let items = self.query_items(None, "pk = :pk AND begins_with(sk, :prefix)", keys).await?;
        items.into_iter().map(|item| Ok(self.read(item)?)).collect()
    }

    /// Every restore point of every creation of a table, in all chains and outside them. Those that cannot be read are
    /// left out: see [`Self::unreadable`].
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn points_of_table(&self, table: &TableName) -> Result<Vec<RestorePoint>, Error> {
        Ok(self.point_records_of_table(table).await?.into_iter().filter_map(Result::ok).collect())
    }

    /// The same for a decision that takes all of them.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query, and when one of them cannot be read.
    pub async fn whole_points_of_table(&self, table: &TableName) -> Result<Vec<RestorePoint>, Error> {
        Ok(self.point_records_of_table(table).await?.into_iter().collect::<Result<_, _>>()?)
    }

    /// The same, each as it is read.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Query.
    pub async fn point_records_of_table(
        &self,
        table: &TableName,
    ) -> Result<Vec<Result<RestorePoint, UnreadableRecord>>, Error> {
        let partition = records::table_partition(table);
        let mut items = self.query_items(None, "pk = :pk", [(":pk", text(&partition))]).await?;
        items.retain(records::is_point);
        Ok(items.into_iter().map(|item| self.read(item)).collect())
    }

    /// Every restore point that is not past, by reading the whole catalog: for comparing it with the vaults. Every
    /// other record is read as well, and those that cannot be read are in [`Self::unreadable`] afterwards.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:Scan.
    pub async fn all_live_points(&self) -> Result<Vec<RestorePoint>, Error> {
        // What was just lost is not to pass for known.
        let request = self.client.scan().table_name(&self.table).consistent_read(true);
        let mut pages = request.into_paginator().items().send();
        let mut points = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(failed("dynamodb:Scan", &self.table))?;
            if records::is_point(&item) && !records::is_past(&item) {
                points.extend(self.read_or_skip(item));
            } else if let Err(why) = records::check(&item) {
                self.unreadable_item(&item, why);
            }
        }
        Ok(points)
    }

    /// The restore point of this id in a chain.
    ///
    /// # Errors
    /// [`Error`] of dynamodb:GetItem.
    pub async fn point_in(
        &self,
        table: &Table,
        vault: &VaultArn,
        id: &PointId,
    ) -> Result<Option<RestorePoint>, Error> {
        self.get(Key::chain_point(table, vault, id)).await
    }

    /// Takes the lease on a kind of work, unless somebody holds it.
    ///
    /// # Errors
    /// [`Error`] of the catalog's table.
    pub async fn lease(&self, work: &str, now: Timestamp, until: Timestamp) -> Result<Option<Lease>, Error> {
        let held = self.get_item(Key::lease(work)).await?;
        let mut lease = held.map_or_else(|| Lease::new(work), |held| Lease::of_any_version(work, held));
        if lease.until > now {
            return Ok(None);
        }
        lease.until = until;
        lease.epoch += 1;
        match self.commit([Write::of(&mut lease)]).await {
            Ok(()) => Ok(Some(lease)),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a lease back before its time.
    ///
    /// # Errors
    /// [`Error`] of the catalog's table; the lease then ends by itself.
    pub async fn release(&self, mut lease: Lease, now: Timestamp) -> Result<(), Error> {
        lease.until = now;
        self.commit([Write::of(&mut lease)]).await
    }

    async fn get<T: Record>(&self, key: Key) -> Result<Option<T>, Error> {
        Ok(self.get_item(key).await?.map(|item| self.read(item)).transpose()?)
    }

    async fn get_item(&self, key: Key) -> Result<Option<Item>, Error> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key.into_item()));
        let answer = request.consistent_read(true).send().await;
        Ok(answer.map_err(failed("dynamodb:GetItem", &self.table))?.item)
    }

    async fn query<T: Record, const N: usize>(
        &self,
        index: Option<&str>,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<Vec<T>, Error> {
        let items = self.query_items(index, condition, values).await?;
        Ok(items.into_iter().filter_map(|item| self.read_or_skip(item)).collect())
    }

    async fn query_items<const N: usize>(
        &self,
        index: Option<&str>,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> Result<Vec<Item>, Error> {
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

    fn read<T: Record>(&self, item: Item) -> Result<T, UnreadableRecord> {
        // The keys alone: what is read is taken apart.
        let keys = ["pk", "sk"].map(|name| (name.to_owned(), item.get(name).cloned()));
        records::read(item).map_err(|why| {
            let keys = keys.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            self.unreadable_item(&keys, why)
        })
    }

    fn unreadable_item(&self, item: &Item, why: String) -> UnreadableRecord {
        let [pk, sk] = ["pk", "sk"].map(|name| match item.get(name) {
            Some(AttributeValue::S(text)) => text.clone(),
            _ => "?".to_owned(),
        });
        let record = UnreadableRecord { pk, sk, why };
        self.note_unreadable(&record);
        record
    }

    /// One record of many: one that cannot be read must not stop the others.
    fn read_or_skip<T: Record>(&self, item: Item) -> Option<T> {
        self.read(item).ok()
    }
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
