//! The retention function: removes outdated restore points, and what is asked to be removed by an operator; holds
//! points; notices tables without a fresh one.
//!
//! A run plans first: only chains with a point whose last flag has lapsed are read, the metadata of every such
//! point is opened and believed or not, and each point is kept or removed with its reasons. Then the brakes are
//! asked, and only then is anything deleted; gone is what AWS Backup no longer knows.

mod error;
mod hold;
mod moved;
mod objective;
mod operator_removal;
mod plan;
mod rebuild;
mod reconcile;
mod record;
mod remove;
mod work;

use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{App, logs};
use backup_chain_core::history::Action;
use backup_chain_core::ids::RunId;
use backup_chain_core::invoke::RetentionRequest;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::retention::{
    self, Counts, Decided, HoldView, PointFate, RebuildReport, Report, ResumeReport, name_of,
};
use serde::Serialize;
use tracing::Instrument as _;

pub use error::RetentionError;

use work::Work;

/// What the function answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To a run, a plan or a removal by an operator.
    Report(Box<Report>),
    /// To a hold, and to the lifting of one.
    Held(HoldView),
    /// To a rebuild.
    Rebuilt(RebuildReport),
    /// To the end of a pause.
    Resumed(ResumeReport),
}

/// So many points an answer holds: Lambda's answers end at 6 MB.
const MAX_POINTS: usize = 8_000;

/// Answers one request.
///
/// # Errors
/// [`RetentionError`]: what was wrong with the request, or which call to AWS failed.
pub async fn handle(
    app: &App,
    request: RetentionRequest,
    deadline: Deadline,
) -> Result<Reply, RetentionError> {
    app.catalog.forget_unreadable();
    let mut report = match request {
        RetentionRequest::Resume { reason, by } => {
            return Ok(Reply::Resumed(rebuild::resume(app, reason, by).await?));
        }
        RetentionRequest::Run { confirm, by } => {
            if by.is_some() {
                let mut entry = app.context.entry(Action::RetentionRun, "retention", by);
                entry.details.extend(confirm.as_ref().map(|digest| format!("plan {digest} is confirmed")));
                app.catalog.commit([Write::of(&mut entry)]).await?;
            }
            let id = RunId::new(app.context.now(), app.context.random().number());
            let span = logs::of_run(&id);
            // Boxed: keeps the parent future small.
            Box::pin(run(app, id, confirm.as_deref(), deadline)).instrument(span).await?
        }
        RetentionRequest::Plan { table } => {
            let mut report = plan::plan_all(app, table.as_ref()).await?;
            report_unreadable(app, &mut report);
            report
        }
        RetentionRequest::Remove(removal) => operator_removal::remove(app, removal, deadline).await?,
        RetentionRequest::Rebuild { vaults, by } => {
            return Ok(Reply::Rebuilt(rebuild::rebuild(app, &vaults, by, deadline).await?));
        }
        RetentionRequest::Hold { table, point, vault, reason, until, by } => {
            let mut point = operator_removal::find(app, &table, &point, vault.as_deref()).await?;
            return Ok(Reply::Held(hold::add(app, &mut point, reason, until, by).await?));
        }
        RetentionRequest::LiftHold { table, point, vault, by, reason } => {
            let mut point = operator_removal::find(app, &table, &point, vault.as_deref()).await?;
            return Ok(Reply::Held(hold::lift(app, &mut point, by, reason).await?));
        }
    };
    report.omitted = report.points.len().saturating_sub(MAX_POINTS);
    report.points.truncate(MAX_POINTS);
    Ok(Reply::Report(Box::new(report)))
}

/// Adds a problem for each record that was met and cannot be read.
fn report_unreadable(app: &App, report: &mut Report) {
    for record in app.catalog.unreadable() {
        report.problems.push(format!(
            "{record}; it counts as present, and nothing that it may keep is removed; {}",
            record.way_out()
        ));
    }
}

async fn run(
    app: &App,
    id: RunId,
    confirm: Option<&str>,
    deadline: Deadline,
) -> Result<Report, RetentionError> {
    let began = app.context.now();
    let mut report = Report::default();
    remove::follow_up(app, &mut report).await?;
    reconcile::reconcile(app, &mut report).await?;
    let mut work = Work::begin(app, true).await?;
    report_unreadable(app, &mut report);
    let mut suspects = plan::suspects(&work, &mut report).await?;
    let chains = plan::outdated_chains(&mut work, &mut report).await?;
    suspects.extend(chains.iter().flat_map(plan::Chain::suspects));
    let removals: Vec<String> = chains.iter().flat_map(plan::Chain::removals).map(name_of).collect();
    let names: Vec<&str> = removals.iter().map(String::as_str).collect();
    report.digest = retention::digest(names.iter().copied());
    report.braked = work.braked(&names, confirm).await?;
    for chain in chains {
        for (point, verdict) in chain.points {
            let may_remove = report.braked.is_none() && deadline.allows_work(app.context.now());
            let fate = match (verdict.remove, may_remove) {
                (false, _) => PointFate::Keep,
                (true, false) => PointFate::Remove,
                (true, true) => {
                    remove::remove(app, point.clone(), &retention::reason_text(&verdict.reasons), &mut report)
                        .await
                }
            };
            report.points.push(Decided::of(&point, fate, verdict.reasons, began));
        }
    }
    remove::wait_for_deletions(app, &mut report, deadline).await?;
    let lapsing = plan::warn_of_expiry(&mut work, &mut report).await?;
    objective::breaches(&work, &mut report).await;
    record::run(app, &id, &mut report, began).await?;
    let counts = Counts::of(&report.points);
    let measured = Measured::of_run(&id)
        .with(Metric::RetentionRuns, 1)
        .with(Metric::PointsRemoved, counts.removed)
        .with(Metric::PointsBlocked, counts.blocked)
        .with(Metric::PointsSuspect, suspects.len())
        .with(Metric::ObjectivesBreached, report.breaches.len())
        .with(Metric::LapsesAhead, lapsing)
        .with(Metric::RunsBraked, i64::from(report.braked.is_some()));
    app.context.measure(&measured);
    app.measure_unreadable();
    tracing::info!(
        ?counts,
        breaches = report.breaches.len(),
        problems = report.problems.len(),
        "retention ran"
    );
    Ok(report)
}
