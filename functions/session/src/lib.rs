//! The session function: stores policies, plans sessions, captures table settings and starts backup jobs.
//!
//! A tick plans a session for each policy of which a slot has come due, and continues every session that has
//! work left, whoever left it. Each step is recorded before its effect, so a session that is cut off anywhere is
//! finished by a later tick.

mod apply;
mod check;
mod create;
mod error;
mod named;
mod plan;
mod report;
mod start;
mod stop;
mod stored;
mod watch;

use std::collections::BTreeSet;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{App, Error, logs};
use backup_chain_core::ids::SessionId;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::metrics::Measured;
use backup_chain_core::replies::{Recorded, SessionReply, Summary, Worked};
use backup_chain_core::session::{Session, Status};
use backup_chain_core::wait;
use tracing::Instrument as _;

pub use error::SessionError;

/// Answers one request.
///
/// # Errors
/// [`SessionError`]: what was wrong with the request, or which call to AWS failed. What was recorded until
/// then is taken up by the next tick.
pub async fn handle(
    app: &App,
    request: SessionRequest,
    deadline: Deadline,
) -> Result<SessionReply, SessionError> {
    app.catalog.forget_unreadable();
    match request {
        SessionRequest::Apply { document, by } => {
            Ok(SessionReply::Applied(apply::apply(app, &document, by).await?))
        }
        SessionRequest::Check { document } => Ok(SessionReply::Checked(check::check(app, &document).await?)),
        SessionRequest::Enable { policy, by } => {
            Ok(SessionReply::Switched(apply::set_enabled(app, &policy, true, by).await?))
        }
        SessionRequest::Disable { policy, by } => {
            Ok(SessionReply::Switched(apply::set_enabled(app, &policy, false, by).await?))
        }
        SessionRequest::Delete { policy, by } => {
            Ok(SessionReply::Deleted(apply::delete(app, &policy, by).await?))
        }
        SessionRequest::Tick {} => {
            watch::check_retention_runs(app).await;
            if let Err(error) = app.notices.publish_outbox().await {
                app.context.record_deferred(&Measured::default(), "events for the bus", &error);
            }
            let policies = app.policies.active().await?;
            let recorded = create::record_due_sessions(app, &policies).await;
            work(app, &policies, recorded, deadline).await
        }
        SessionRequest::Run { policy, by, reason } => {
            let policies = app.policies.active().await?;
            let recorded = create::record_run_by_operator(app, &policies, &policy, by, reason).await?;
            work(app, &policies, vec![recorded], deadline).await
        }
        SessionRequest::Backup { tables, vault, by, reason } => {
            let policies = app.policies.active().await?;
            let recorded = create::record_manual_session(app, &tables, vault, by, reason).await?;
            work(app, &policies, vec![recorded], deadline).await
        }
        SessionRequest::Stop { session, by, reason } => {
            let policies = app.policies.active().await?;
            let stopped = stop::stop(app, &session, by, reason).await?;
            work(app, &policies, vec![stopped], deadline).await
        }
    }
}

/// Goes on with every open session, unless another invocation does.
async fn work(
    app: &App,
    policies: &[Active],
    recorded: Vec<SessionId>,
    deadline: Deadline,
) -> Result<SessionReply, SessionError> {
    // The index may trail by moments: what was just recorded is open as well.
    let open = app.catalog.open_sessions().await?;
    let open: BTreeSet<SessionId> =
        open.into_iter().map(|session| session.id).chain(recorded.iter().cloned()).collect();
    if open.is_empty() {
        return Ok(SessionReply::Idle {});
    }
    let now = app.context.now();
    let Some(lease) = app.catalog.lease("session", now, deadline.ends()).await? else {
        return Ok(SessionReply::Busy(Recorded { recorded }));
    };
    let mut sessions = Vec::with_capacity(open.len());
    for id in open {
        let mut session = match app.catalog.session(&id).await {
            Ok(Some(session)) if session.status.is_open() => session,
            Ok(_) => continue,
            Err(error) => {
                app.context.record_deferred(&Measured::default(), "a session", &error);
                continue;
            }
        };
        let span = logs::of_session(&session);
        if !deadline.allows_work(app.context.now()) {
            span.in_scope(|| tracing::info!("out of time: the next tick continues"));
            break;
        }
        let done = continue_session(app, policies, &mut session, deadline).instrument(span.clone()).await;
        if let Err(error) = done {
            span.in_scope(|| {
                app.context.record_deferred(&Measured::of_session(&session), "a session", &error);
            });
        }
        sessions.push(Summary::from(&session));
    }
    if let Err(error) = app.catalog.release(lease, app.context.now()).await {
        tracing::warn!(%error, "the lease ends by itself");
    }
    app.measure_unreadable();
    Ok(SessionReply::Worked(Worked { recorded, sessions }))
}

async fn continue_session(
    app: &App,
    policies: &[Active],
    session: &mut Session,
    deadline: Deadline,
) -> Result<(), Error> {
    // Those that a session could plan are started while it waits for the others.
    let planned = match (session.status, session.stopped.clone()) {
        (Status::Planning, Some(why)) => return plan::abandon_planning(app, policies, session, why).await,
        (Status::Planning, None) => match Box::pin(plan::plan(app, policies, session, deadline)).await {
            Ok(planned) => planned,
            Err(error) if error.is_conflict() || plan::may_wait(app, session) => return Err(error),
            Err(error) => {
                let minutes = wait::PLANNING.as_mins();
                let why = format!("its tables could not be planned for {minutes} minutes: {error}");
                return plan::abandon_planning(app, policies, session, why).await;
            }
        },
        (_, _) => Vec::new(),
    };
    if session.status.is_open() {
        Box::pin(start::start(app, policies, session, planned, deadline)).await?;
    }
    Ok(())
}
