//! The session function: stores policies, plans sessions, captures table settings and starts backup jobs.
//!
//! A tick plans a session for each policy of which a slot has come due, and goes on with every session that has
//! work left, whoever left it. Each step is recorded before its effect, so a session that is cut off anywhere is
//! finished by a later tick.

mod apply;
mod create;
mod error;
mod plan;
mod start;
mod tables;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::{Edge, Meaning};
use backup_chain_core::ids::SessionId;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::policy::Policy;
use backup_chain_core::session::{Session, Status};
use serde::Serialize;

pub use error::SessionError;

use backup_chain_aws::catalog::StoredPolicy;

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

/// A stored policy and what its document says.
#[derive(Debug, Clone)]
struct Active {
    stored: StoredPolicy,
    policy: Policy,
}

/// Answers one request.
///
/// # Errors
/// [`SessionError`]: what was wrong with the request, or which call to AWS failed. What was recorded until
/// then is taken up by the next tick.
pub async fn handle(edge: &Edge, request: SessionRequest, deadline: Deadline) -> Result<Reply, SessionError> {
    match request {
        SessionRequest::Apply { document } => apply::apply(edge, &document).await,
        SessionRequest::Tick {} => {
            let policies = policies(edge).await?;
            let recorded = create::due_sessions(edge, &policies).await?;
            work(edge, &policies, recorded, deadline).await
        }
        SessionRequest::Run { policy } => {
            let policies = policies(edge).await?;
            let recorded = create::by_hand(edge, &policies, &policy).await?;
            work(edge, &policies, vec![recorded], deadline).await
        }
        SessionRequest::Backup { tables, vault } => {
            let policies = policies(edge).await?;
            let recorded = create::manual(edge, &tables, vault).await?;
            work(edge, &policies, vec![recorded], deadline).await
        }
    }
}

/// The stored policies, the first in rank first. One that cannot be read is logged and passed over: it must
/// not stop the others.
async fn policies(edge: &Edge) -> Result<Vec<Active>, SessionError> {
    let home = edge.policy_home();
    let mut policies = Vec::new();
    for stored in edge.catalog().policies().await? {
        match Policy::parse(&stored.document, &home) {
            Ok(policy) => policies.push(Active { stored, policy }),
            Err(errors) => {
                tracing::error!(policy = %stored.name, %errors, "stored policy cannot be read: apply it anew");
            }
        }
    }
    policies.sort_by(|a, b| a.policy.rank().cmp(&b.policy.rank()));
    Ok(policies)
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
        if !deadline.allows_work(edge.clock().now()) {
            tracing::info!(session = %session.id, "out of time: the next tick goes on");
            break;
        }
        match go_on(edge, policies, &mut session, deadline).await {
            Ok(()) => {}
            // Another invocation moved it: its records are read again by the next tick.
            Err(SessionError::Aws(error)) if error.meaning == Meaning::Condition => {
                tracing::info!(session = %session.id, %error, "moved by another invocation");
            }
            Err(error) => tracing::warn!(session = %session.id, %error, "session is left to the next tick"),
        }
        sessions.push(Summary::from(&session));
    }
    if let Err(error) = edge.catalog().release(lease, edge.clock().now()).await {
        tracing::warn!(%error, "the lease ends by itself");
    }
    Ok(Reply::Worked { recorded, sessions })
}

#[tracing::instrument(skip_all, fields(session = %session.id))]
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
