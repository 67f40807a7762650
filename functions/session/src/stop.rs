//! Stopping a session: recorded first, and then done by whoever works on it.

use backup_chain_aws::App;
use backup_chain_aws::catalog::Write;
use backup_chain_core::history::{self, Action};
use backup_chain_core::ids::SessionId;

use crate::SessionError;

/// Records that a session is to stop. Its slots are owed to the next backups of its tables.
pub(crate) async fn stop(
    app: &App,
    id: &SessionId,
    by: Option<String>,
    reason: Option<String>,
) -> Result<SessionId, SessionError> {
    loop {
        let found = app.catalog.session(id).await?;
        let mut session = found.ok_or_else(|| SessionError::UnknownSession(id.clone()))?;
        if !session.status.is_open() {
            return Err(SessionError::Ended(id.clone()));
        }
        session.stopped = Some(history::stopped(by.as_deref(), reason.as_deref()));
        let mut entry = app.context.entry(Action::SessionStopped, id.to_string(), by.clone());
        entry.reason.clone_from(&reason);
        entry.details.extend(session.policy.as_ref().map(|policy| format!("policy {}", policy.name)));
        match app.catalog.commit([Write::of(&mut session), Write::of(&mut entry)]).await {
            // Whoever works on it has written it meanwhile.
            Err(error) if error.is_conflict() => {}
            done => {
                done?;
                tracing::warn!(session = %id, "session is stopped");
                return Ok(id.clone());
            }
        }
    }
}
