//! Recording new sessions: what came due, what is run by an operator, what is asked for as a manual backup.

use backup_chain_aws::catalog::Write;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{App, logs};
use backup_chain_core::due::{self, NoTiers};
use backup_chain_core::history::{Action, Entry};
use backup_chain_core::ids::{PolicyName, SessionId, VaultName};
use backup_chain_core::metrics::Measured;
use backup_chain_core::session::{Session, SessionTrigger};
use jiff::Timestamp;

use crate::SessionError;

/// Records a session for every policy of which a slot has come due, together with the moment up to which the
/// policy is planned: so that another invocation records none. One that cannot be recorded does not stop the others.
pub(crate) async fn record_due_sessions(app: &App, policies: &[Active]) -> Vec<SessionId> {
    let now = app.context.now();
    let mut recorded = Vec::new();
    for Active { stored, policy } in policies {
        let Some(due) = due::due(policy, &stored.state, now) else { continue };
        let mut session = Session {
            policy: Some(stored.reference()),
            since: stored.state.planned_until,
            due: due.due,
            missed: due.missed,
            ..new_session(app, SessionTrigger::Schedule, due.slot, now)
        };
        let mut stored = stored.clone();
        stored.state.planned_until = now;
        match app.catalog.commit([Write::of(&mut session), Write::of(&mut stored)]).await {
            Ok(()) => {
                let missed = session.missed.len();
                logs::of_session(&session)
                    .in_scope(|| tracing::info!(slot = %due.slot, missed, "session recorded"));
                recorded.push(session.id);
            }
            Err(error) => app.context.record_deferred(
                &Measured::of_policy(&stored.name),
                "a session that is due",
                &error,
            ),
        }
    }
    recorded
}

/// Records a run of a policy by an operator.
pub(crate) async fn record_run_by_operator(
    app: &App,
    policies: &[Active],
    name: &PolicyName,
    by: Option<String>,
    reason: Option<String>,
) -> Result<SessionId, SessionError> {
    let found = policies.iter().find(|active| active.policy.name == *name);
    let Active { stored, policy } = found.ok_or_else(|| SessionError::UnknownPolicy(name.clone()))?;
    if policy.tiers.is_empty() {
        return Err(NoTiers(name.clone()).into());
    }
    let now = app.context.now();
    let session = Session {
        policy: Some(stored.reference()),
        since: stored.state.planned_until,
        ..new_session(app, SessionTrigger::ByHand, now, now)
    };
    let entry = Entry { reason, ..app.context.entry(Action::PolicyRun, name.to_string(), by) };
    record(app, session, entry).await
}

/// Records a request for manual backups.
pub(crate) async fn record_manual_session(
    app: &App,
    tables: &[String],
    vault: Option<VaultName>,
    by: Option<String>,
    reason: Option<String>,
) -> Result<SessionId, SessionError> {
    if tables.is_empty() {
        return Err(SessionError::NoTables);
    }
    let name = vault.as_ref().unwrap_or(&app.context.deployment().vault);
    if app.aws.lock_of(&app.context.deployment().vault_arn(name)).await?.is_some() {
        return Err(SessionError::Vault(locked_vault_problem(name)));
    }
    let now = app.context.now();
    let session =
        Session { tables: tables.to_vec(), vault, ..new_session(app, SessionTrigger::Manual, now, now) };
    let named: Vec<&str> = tables.iter().take(MAX_NAMED).map(String::as_str).collect();
    let mut entry = Entry { reason, ..app.context.entry(Action::BackupsRequested, named.join(", "), by) };
    entry.details.extend(
        tables
            .len()
            .checked_sub(MAX_NAMED)
            .filter(|more| *more > 0)
            .map(|more| format!("and {more} more tables")),
    );
    record(app, session, entry).await
}

/// Why a vault takes no manual backup.
pub(crate) fn locked_vault_problem(vault: &VaultName) -> String {
    format!(
        "vault {vault} is locked, and a manual backup there could not be removed by an operator: name a vault without a lock"
    )
}

/// So many tables are named in the history.
const MAX_NAMED: usize = 200;

/// Records a session that an operator asks for, with its place in the history.
async fn record(app: &App, mut session: Session, mut entry: Entry) -> Result<SessionId, SessionError> {
    entry.details.push(format!("session {}", session.id));
    app.catalog.commit([Write::of(&mut session), Write::of(&mut entry)]).await?;
    logs::of_session(&session).in_scope(|| tracing::info!(trigger = ?session.trigger, "session recorded"));
    Ok(session.id)
}

fn new_session(app: &App, trigger: SessionTrigger, slot: Timestamp, now: Timestamp) -> Session {
    Session::planned(SessionId::new(now, app.context.random().number()), trigger, slot, now)
}
