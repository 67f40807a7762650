//! The restore function: makes a table of a restore point, puts back its settings, and proves what it made.
//!
//! AWS Backup brings back the items, keys and indexes. Everything else is put back from the metadata that the recovery
//! point carries: one recorded step at a time, only ever on the table that the restore made, and time to live last.
//! Then the table is captured again and compared, property by property, with what it was.

mod apply;
mod ask;
mod copy_back;
mod detached;
mod error;
mod key;
mod mark;
mod open;
mod select;
mod stage;
mod stop;
mod store;
mod tag;
mod view;
mod wait;
mod work;

use std::collections::BTreeSet;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::job_events::{Batch, Failure, measure};
use backup_chain_aws::{App, logs};
use backup_chain_core::ids::{RestoreId, TableName};
use backup_chain_core::invoke::{Ask, RestoreRequest};
use backup_chain_core::job_events::{self, Incoming, JobEvent, JobKind};
use backup_chain_core::metrics::Measured;
use backup_chain_core::restore::{RegionView, Restore, RestoreView, Stage};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument as _;

pub use detached::{Copies, CopiesOfTable, CopyVault, Detached};
pub use error::RestoreError;
pub use store::{Store, recorded};

use ask::MAX_CONCURRENCY;
use select::Candidates;
use view::view;

/// What the function answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To a request to restore: what is planned or begun, in the order of the request.
    Restores(Vec<RestoreView>),
    /// To a request to look at one.
    Restore(Box<RestoreView>),
    /// To a check: of each Region, in the order of the request.
    Checked(Vec<RegionView>),
    /// To a tick, an event, and a batch of them: the messages to deliver again, as Lambda's partial batch responses
    /// ask.
    #[serde(rename_all = "camelCase")]
    Worked {
        /// Messages of the batch that are to be delivered again.
        batch_item_failures: Vec<Failure>,
        /// How many restores were looked at.
        looked_at: usize,
    },
}

/// What is due again within this time is waited for; anything later is left to the next tick.
const MAX_INLINE_WAIT: SignedDuration = SignedDuration::from_secs(45);

/// Answers a request, or takes an event, a batch of them, or a tick.
///
/// # Errors
/// [`RestoreError`]: what was wrong with the request, or which call to AWS failed.
pub async fn handle(app: &App, payload: Value, deadline: Deadline) -> Result<Reply, RestoreError> {
    app.catalog.forget_unreadable();
    let answer = Box::pin(answer(app, payload, deadline)).await;
    app.measure_unreadable();
    answer
}

async fn answer(app: &App, payload: Value, deadline: Deadline) -> Result<Reply, RestoreError> {
    let request = match job_events::read(payload)? {
        Incoming::Request(request) => request,
        Incoming::Batch(records) => {
            let mut batch = Batch::new(records);
            while let Some(event) = batch.next(app.context.clock(), deadline) {
                batch.done(handle_event(app, &event, deadline).await);
            }
            let (failures, looked_at) = batch.end();
            return Ok(worked(failures, looked_at));
        }
        Incoming::Event(None) => return Ok(worked(Vec::new(), 0)),
        Incoming::Event(Some(event)) => {
            let is_ours = handle_event(app, &event, deadline).await?;
            return Ok(worked(Vec::new(), usize::from(is_ours)));
        }
    };
    match request {
        RestoreRequest::Tick {} => tick(app, deadline).await,
        RestoreRequest::Restore(ask) => Ok(Reply::Restores(Box::pin(restore(app, &ask, deadline)).await?)),
        RestoreRequest::Check { regions } => {
            let mut checked = Vec::new();
            for region in &regions {
                checked.push(tag::check(app, region).await);
            }
            Ok(Reply::Checked(checked))
        }
        RestoreRequest::Stop { restore, by, reason } => {
            let stopped = Box::pin(stop::stop(app, &restore, by, reason)).await?;
            Ok(Reply::Restore(Box::new(view(app, stopped).await?)))
        }
        RestoreRequest::Show { restore } => Ok(Reply::Restore(Box::new(show(app, &restore).await?))),
    }
}

fn worked(batch_item_failures: Vec<Failure>, looked_at: usize) -> Reply {
    Reply::Worked { batch_item_failures, looked_at }
}

async fn restore(app: &App, asked: &Ask, deadline: Deadline) -> Result<Vec<RestoreView>, RestoreError> {
    let names: BTreeSet<TableName> = asked.tables.iter().map(|wanted| wanted.table.clone()).collect();
    let mut reads = Vec::new();
    for name in names {
        reads.push(candidates_of(app, name).boxed());
    }
    let candidates = stream::iter(reads).buffered(MAX_CONCURRENCY).try_collect().await?;
    ask::ask(app, &Store::Catalog, asked, &candidates, Some(deadline)).await
}

async fn candidates_of(app: &App, table: TableName) -> Result<(String, Candidates), RestoreError> {
    let mut candidates = Candidates::default();
    for record in app.catalog.point_records_of_table(&table).await? {
        match record {
            Ok(point) => candidates.points.push(point),
            Err(record) => candidates
                .unread
                .push(format!("{record}; it may be newer and is not taken; {}", record.way_out())),
        }
    }
    Ok((table.to_string(), candidates))
}

/// What is reported a restore: its record, and the steps as its metadata gives them.
async fn show(app: &App, id: &RestoreId) -> Result<RestoreView, RestoreError> {
    let restore = app.catalog.restore(id).await?;
    view(app, restore.ok_or_else(|| RestoreError::UnknownRestore(id.clone()))?).await
}

/// Looks at the restore of the event's job, and says whether the job is one of ours. The event is not believed: the job
/// is asked about.
async fn handle_event(app: &App, event: &JobEvent, deadline: Deadline) -> Result<bool, RestoreError> {
    if event.kind != JobKind::Restore {
        return Ok(false);
    }
    let open = app.catalog.open_restores().await?;
    let is_its =
        |restore: &Restore| restore.job.as_deref().is_some_and(|job| job.eq_ignore_ascii_case(&event.job));
    let Some(mut restore) = open.into_iter().find(is_its) else {
        tracing::debug!(job = event.job, "no open restore has this job");
        return Ok(false);
    };
    measure(&app.context, event, Measured::of_restore(&restore));
    restore.check_at = app.context.now();
    continue_restore(app, &Store::Catalog, std::slice::from_mut(&mut restore), deadline).await?;
    Ok(true)
}

/// Goes on with every restore that is due, and with what comes due while there is time.
async fn tick(app: &App, deadline: Deadline) -> Result<Reply, RestoreError> {
    let now = app.context.now();
    let mut open = app.catalog.open_restores().await?;
    let looked_at = open.iter().filter(|restore| restore.check_at <= now).count();
    if looked_at == 0 {
        return Ok(worked(Vec::new(), 0));
    }
    let Some(lease) = app.catalog.lease("restore", now, deadline.ends()).await? else {
        tracing::info!("another invocation is running");
        return Ok(worked(Vec::new(), 0));
    };
    continue_restore(app, &Store::Catalog, &mut open, deadline).await?;
    if let Err(error) = app.catalog.release(lease, app.context.now()).await {
        tracing::warn!(%error, "the lease ends by itself");
    }
    Ok(worked(Vec::new(), looked_at))
}

/// Takes restores as far as they go until the deadline, waiting for what is due soon. One restore does not stop the
/// others. All that are open take part: some of them wait for the place of another.
async fn continue_restore(
    app: &App,
    store: &Store,
    restores: &mut [Restore],
    deadline: Deadline,
) -> Result<(), RestoreError> {
    loop {
        for index in 0..restores.len() {
            while is_due(app, restores, index) {
                let span = logs::of_restore(&restores[index]);
                if !deadline.allows_work(app.context.now()) {
                    span.in_scope(|| tracing::info!("out of time: the next tick continues"));
                    return Ok(());
                }
                let restore = &mut restores[index];
                // Boxed: keeps the parent future small.
                let moved = Box::pin(work::advance(app, store, restore)).instrument(span.clone()).await;
                match moved {
                    Ok(()) => {}
                    Err(error) if error.is_conflict() => {
                        span.in_scope(|| tracing::info!(%error, "moved by another invocation"));
                        restore.check_at = deadline.ends();
                    }
                    Err(error) => {
                        span.in_scope(|| tracing::warn!(%error, "it is held up"));
                        let noted = Box::pin(wait::record_obstacle(app, store, restore, &error))
                            .instrument(span.clone())
                            .await;
                        if let Err(error) = noted {
                            span.in_scope(|| tracing::warn!(%error, "left to the next tick"));
                            restore.check_at = deadline.ends();
                        }
                    }
                }
            }
        }
        let now = app.context.now();
        let next = restores
            .iter()
            .filter(|restore| restore.stage.is_open())
            // Its place comes free when another one moves.
            .filter(|restore| restore.stage != Stage::Waiting || restore.check_at > now)
            .map(|restore| restore.check_at)
            .min();
        match next.filter(|next| *next <= now + MAX_INLINE_WAIT && deadline.allows_work(*next)) {
            Some(next) => app.context.clock().until(next).await,
            None => return Ok(()),
        }
    }
}

/// Whether a restore can be continued now: its moment has come, and if it waits for its turn, there is a place, or it
/// has waited for too long.
fn is_due(app: &App, restores: &[Restore], index: usize) -> bool {
    let restore = &restores[index];
    restore.stage.is_open()
        && restore.check_at <= app.context.now()
        && (restore.stage != Stage::Waiting
            || restore.may_start(restores)
            || work::has_waited_too_long(app, restore))
}
