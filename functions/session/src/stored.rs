//! Stored policies as a change finds them.

use backup_chain_aws::App;
use backup_chain_aws::catalog::StoredPolicy;
use backup_chain_core::due::PolicyState;
use backup_chain_core::ids::PolicyName;
use backup_chain_core::policy::Policy;
use jiff::Timestamp;

use crate::error::SessionError;

/// The policy of this name.
///
/// # Errors
/// [`SessionError::UnknownPolicy`] when there is none, or it was deleted.
pub(crate) async fn stored(app: &App, name: &PolicyName) -> Result<StoredPolicy, SessionError> {
    let stored = app.catalog.policy(name).await?;
    stored
        .filter(|stored| stored.deleted_at.is_none())
        .ok_or_else(|| SessionError::UnknownPolicy(name.clone()))
}

/// Since when what would be in force once `policy` took the place of `old`, which is stored.
pub(crate) fn state_after(
    stored: &StoredPolicy,
    old: Option<&Policy>,
    policy: &Policy,
    now: Timestamp,
) -> PolicyState {
    match old {
        Some(old) if stored.is_on() => stored.state.changed(old, policy, now),
        _ => PolicyState::starting(policy, now),
    }
}
