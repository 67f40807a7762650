//! The copy function: follows job events, completes restore points, starts copies.
//!
//! Events are hints: AWS Backup emits them best effort. Each is confirmed by a describe call before anything is
//! believed, and a tick looks at every job that has been open for too long, so that a lost event only delays.

mod again;
mod complete;
mod copies;
mod error;
mod work;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::job_events::{Batch, Failure, measure};
use backup_chain_aws::{App, Error, logs};
use backup_chain_core::copying::asked::AskedView;
use backup_chain_core::invoke::CopyRequest;
use backup_chain_core::job_events::{self, Incoming, JobEvent, JobKind};
use backup_chain_core::metrics::Measured;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument as _;

pub use error::CopyError;

use work::Work;

/// What the function answers. To a queue it names the messages to deliver again, as Lambda's partial batch
/// responses ask.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Reply {
    /// To a tick, an event or a batch of them.
    Worked {
        /// Messages of the batch that are to be delivered again.
        batch_item_failures: Vec<Failure>,
        /// How many restore points were looked at.
        looked_at: usize,
    },
    /// To an operator who asks for copies.
    Asked(Vec<AskedView>),
}

/// Takes one event, a batch of them, or a request.
///
/// # Errors
/// [`CopyError`]: what is none of these, what was wrong with a request, or that the catalog cannot be read at all.
pub async fn handle(app: &App, payload: Value, deadline: Deadline) -> Result<Reply, CopyError> {
    app.catalog.forget_unreadable();
    let mut batch_item_failures = Vec::new();
    let looked_at = match job_events::read(payload)? {
        Incoming::Request(CopyRequest::Copy(ask)) => {
            return Ok(Reply::Asked(again::ask(app, &ask, deadline).await?));
        }
        Incoming::Request(CopyRequest::Tick {}) => tick(app, deadline).await?,
        Incoming::Event(None) => 0,
        Incoming::Event(Some(event)) => {
            let work = Work::begin(app, deadline).await?;
            let open = app.catalog.open_points().await?;
            usize::from(follow_event(&work, &event, &open).await?)
        }
        Incoming::Batch(records) => {
            let (failures, looked_at) = handle_batch(app, Batch::new(records), deadline).await?;
            batch_item_failures = failures;
            looked_at
        }
    };
    Ok(Reply::Worked { batch_item_failures, looked_at })
}

async fn handle_batch(
    app: &App,
    mut batch: Batch,
    deadline: Deadline,
) -> Result<(Vec<Failure>, usize), CopyError> {
    let work = Work::begin(app, deadline).await?;
    while let Some(event) = batch.next(app.context.clock(), deadline) {
        // The points move from one message to the next.
        let open = app.catalog.open_points().await?;
        batch.done(follow_event(&work, &event, &open).await);
    }
    Ok(batch.end())
}

/// Looks at the restore point of the event's job, and says whether the job is one of ours.
async fn follow_event(work: &Work<'_>, event: &JobEvent, open: &[RestorePoint]) -> Result<bool, Error> {
    let is_copy = event.kind == JobKind::Copy;
    let Some(point) = open
        .iter()
        .filter(|point| (point.kind == PointKind::Copy) == is_copy && point.state() == State::Running)
        .find(|point| point.job().is_some_and(|job| job.eq_ignore_ascii_case(&event.job)))
    else {
        tracing::debug!(job = event.job, "no open restore point has this job");
        return Ok(false);
    };
    measure(&work.app.context, event, Measured::of_point(point));
    let span = logs::of_point(point);
    let followed = complete::follow(work, point).instrument(span.clone()).await;
    if let Err(error) = &followed {
        span.in_scope(|| {
            work.app.context.record_deferred(&Measured::of_point(point), "the event of a job", error);
        });
    }
    followed.map(|()| true)
}

/// Looks at everything that has been open for too long, and starts the copies whose time has come.
async fn tick(app: &App, deadline: Deadline) -> Result<usize, CopyError> {
    let now = app.context.now();
    let is_due = |point: &RestorePoint| point.check_at.is_none_or(|at| at <= now);
    // A backup that is being started belongs to the session function.
    let is_ours = |point: &RestorePoint| point.kind == PointKind::Copy || point.state() == State::Running;
    let mut due = app.catalog.open_points().await?;
    due.retain(|point| is_due(point) && is_ours(point));
    if due.is_empty() {
        return Ok(0);
    }
    let Some(lease) = app.catalog.lease("copy", now, deadline.ends()).await? else {
        tracing::info!("another invocation is running");
        return Ok(0);
    };
    let work = Work::begin(app, deadline).await?;
    let mut looked_at = 0;
    for point in due {
        if !deadline.allows_work(app.context.now()) {
            tracing::info!("out of time: the next tick continues");
            break;
        }
        looked_at += 1;
        let span = logs::of_point(&point);
        let done = match point.state() {
            State::Running => complete::follow(&work, &point).instrument(span.clone()).await,
            _ => copies::advance(&work, &point).instrument(span.clone()).await,
        };
        // One table must not stop the others.
        if let Err(error) = done {
            span.in_scope(|| app.context.record_deferred(&Measured::of_point(&point), "a job", &error));
        }
    }
    app.measure_unreadable();
    if let Err(error) = app.catalog.release(lease, app.context.now()).await {
        tracing::warn!(%error, "the lease ends by itself");
    }
    Ok(looked_at)
}
