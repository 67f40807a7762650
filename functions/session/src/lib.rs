//! The session function: stores policies, plans sessions, captures table settings and starts backup jobs.
//!
//! A tick plans a session for each policy of which a slot has come due, and goes on with every session that has
//! work left, whoever left it. Each step is recorded before its effect, so a session that is cut off anywhere is
//! finished by a later tick.

mod apply;
mod check;
mod create;
mod error;
mod named;
mod plan;
mod start;
mod watch;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{Edge, Meaning, logs};
use backup_chain_core::ids::SessionId;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::session::{Session, Skipped, Status};
use serde::Serialize;
use tracing::Instrument as _;

pub use check::Covered;
pub use error::SessionError;

/// What the function answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Reply {
    /// No slot has come due and no session has work left.
    Idle {},
    /// Another invocation is at work and will take up what was recorded.
    Busy {
        /// Sessions that this invocation recorded.
        recorded: Vec<SessionId>,
    },
    /// Sessions were worked on.
    Worked {
        /// Those that this invocation recorded.
        recorded: Vec<SessionId>,
        /// How each stands now.
        sessions: Vec<Summary>,
    },
    /// A policy was stored.
    Applied {
        /// Its name.
        policy: String,
        /// Its revision.
        revision: u32,
        /// Whether the document differs from the one that was stored before.
        changed: bool,
        /// What will not work as things stand, each with the way out.
        warnings: Vec<String>,
    },
    /// What applying a policy would change and meet; nothing was changed.
    Checked {
        /// Its name.
        policy: String,
        /// The revision that is stored now; none when there is none.
        revision: Option<u32>,
        /// Whether the document differs from the stored one.
        changed: bool,
        /// Which fields differ.
        changes: Vec<String>,
        /// Tiers that would come into force anew: nothing of them is owed from before.
        anew: Vec<String>,
        /// The tables that it would cover.
        tables: Vec<Covered>,
        /// Tables that it would pass over.
        skipped: Vec<Skipped>,
        /// What will not work as things stand, each with the way out.
        warnings: Vec<String>,
    },
    /// A policy was enabled or disabled.
    Switched {
        /// Its name.
        policy: String,
        /// Whether its slots start sessions.
        enabled: bool,
        /// Whether that was otherwise before.
        changed: bool,
    },
    /// A policy was deleted.
    Deleted {
        /// Its name.
        policy: String,
    },
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its id.
    pub session: SessionId,
    /// Its policy; none for manual backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How many restore points it recorded.
    pub planned: u32,
    /// Tables that it passed over.
    pub skipped: usize,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl From<&Session> for Summary {
    fn from(session: &Session) -> Self {
        Self {
            session: session.id.clone(),
            policy: session.policy.as_ref().map(|policy| policy.name.to_string()),
            status: session.status,
            planned: session.planned,
            skipped: session.skipped.len(),
            problems: session.problems.clone(),
        }
    }
}

/// Answers one request.
///
/// # Errors
/// [`SessionError`]: what was wrong with the request, or which call to AWS failed. What was recorded until
/// then is taken up by the next tick.
pub async fn handle(edge: &Edge, request: SessionRequest, deadline: Deadline) -> Result<Reply, SessionError> {
    match request {
        SessionRequest::Apply { document, by } => apply::apply(edge, &document, by).await,
        SessionRequest::Check { document } => check::check(edge, &document).await,
        SessionRequest::Enable { policy, by } => apply::switch(edge, &policy, true, by).await,
        SessionRequest::Disable { policy, by } => apply::switch(edge, &policy, false, by).await,
        SessionRequest::Delete { policy, by } => apply::delete(edge, &policy, by).await,
        SessionRequest::Tick {} => {
            watch::look(edge).await;
            let policies = edge.policies().await?;
            let recorded = create::due_sessions(edge, &policies).await?;
            work(edge, &policies, recorded, deadline).await
        }
        SessionRequest::Run { policy } => {
            let policies = edge.policies().await?;
            let recorded = create::by_hand(edge, &policies, &policy).await?;
            work(edge, &policies, vec![recorded], deadline).await
        }
        SessionRequest::Backup { tables, vault } => {
            let policies = edge.policies().await?;
            let recorded = create::manual(edge, &tables, vault).await?;
            work(edge, &policies, vec![recorded], deadline).await
        }
    }
}

/// Goes on with every open session, unless another invocation does.
async fn work(
    edge: &Edge,
    policies: &[Active],
    recorded: Vec<SessionId>,
    deadline: Deadline,
) -> Result<Reply, SessionError> {
    let open = edge.catalog().open_sessions().await?;
    if open.is_empty() {
        return Ok(if recorded.is_empty() { Reply::Idle {} } else { Reply::Busy { recorded } });
    }
    let now = edge.clock().now();
    let Some(lease) = edge.catalog().lease("session", now, deadline.ends()).await? else {
        return Ok(Reply::Busy { recorded });
    };
    let mut sessions = Vec::with_capacity(open.len());
    for mut session in open {
        let span = logs::of_session(&session);
        if !deadline.allows_work(edge.clock().now()) {
            span.in_scope(|| tracing::info!("out of time: the next tick goes on"));
            break;
        }
        let done = go_on(edge, policies, &mut session, deadline).instrument(span.clone()).await;
        span.in_scope(|| match done {
            Ok(()) => {}
            // Another invocation moved it: its records are read again by the next tick.
            Err(SessionError::Aws(error)) if error.meaning == Meaning::Condition => {
                tracing::info!(%error, "moved by another invocation");
            }
            Err(error) => tracing::warn!(%error, "session is left to the next tick"),
        });
        sessions.push(Summary::from(&session));
    }
    if let Err(error) = edge.catalog().release(lease, edge.clock().now()).await {
        tracing::warn!(%error, "the lease ends by itself");
    }
    Ok(Reply::Worked { recorded, sessions })
}

async fn go_on(
    edge: &Edge,
    policies: &[Active],
    session: &mut Session,
    deadline: Deadline,
) -> Result<(), SessionError> {
    if session.status == Status::Planning {
        plan::plan(edge, policies, session, deadline).await?;
    }
    if session.status == Status::Running {
        start::start(edge, policies, session, deadline).await?;
    }
    Ok(())
}
