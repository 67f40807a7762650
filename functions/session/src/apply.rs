//! Storing, enabling, disabling and deleting policies.

use backup_chain_aws::App;
use backup_chain_aws::catalog::{Revision, StoredPolicy, Write};
use backup_chain_aws::superseded::superseded_by;
use backup_chain_core::due::PolicyState;
use backup_chain_core::history::Action;
use backup_chain_core::ids::PolicyName;
use backup_chain_core::policy::{Policy, changes};
use backup_chain_core::replies::{Applied, Deleted, Switched};
use backup_chain_core::session::Session;
use jiff::Timestamp;

use crate::check;
use crate::error::SessionError;
use crate::stored::{state_after, stored};

/// Stores a document as the next revision of its policy, with its place in the history, or nothing of it. The
/// same document again changes nothing.
pub(crate) async fn apply(app: &App, document: &str, by: Option<String>) -> Result<Applied, SessionError> {
    let policy = Policy::parse(document, &app.context.deployment().policy_home())?;
    let warnings = check::for_apply(app, &policy).await?;
    let stored = app.catalog.policy(&policy.name).await?;
    let now = app.context.now();
    let (mut next, details) = match stored {
        Some(stored) if stored.document == document && stored.deleted_at.is_none() => {
            let StoredPolicy { name, revision, .. } = stored;
            return Ok(Applied { policy: name.to_string(), revision, changed: false, warnings });
        }
        None => (first_revision(&policy, document, now), Vec::new()),
        Some(stored) => {
            // Where the stored document cannot be read, every tier counts as new; the revision still goes up by one.
            let old = Policy::parse(&stored.document, &app.context.deployment().policy_home()).ok();
            let details = old.as_ref().map(|old| changes(old, &policy)).unwrap_or_default();
            let state = state_after(&stored, old.as_ref(), &policy, now);
            let next = StoredPolicy {
                revision: stored.revision + 1,
                disabled: stored.disabled && stored.deleted_at.is_none(),
                rev: stored.rev,
                state,
                ..first_revision(&policy, document, now)
            };
            (next, details)
        }
    };
    let mut superseded = superseded_by(app, &next, &format!("policy {} was applied", next.name)).await?;
    let mut entry = app.context.entry(Action::PolicyApplied, policy.name.to_string(), by.clone());
    entry.details = vec![format!("revision {}", next.revision)];
    entry.details.extend(details);
    let mut revision = Revision::of(&next, by);
    let writes = [Write::of(&mut next), Write::of(&mut revision), Write::of(&mut entry)];
    app.catalog.commit(writes.into_iter().chain(superseded.iter_mut().map(Write::of))).await?;
    tracing::info!(policy = %next.name, revision = next.revision, "policy applied");
    Ok(Applied {
        policy: next.name.to_string(),
        revision: next.revision,
        changed: true,
        warnings: warnings
            .into_iter()
            .chain(disabled_note(&next))
            .chain(superseded.iter().map(Session::report))
            .collect(),
    })
}

fn first_revision(policy: &Policy, document: &str, now: Timestamp) -> StoredPolicy {
    StoredPolicy {
        name: policy.name.clone(),
        document: document.to_owned(),
        revision: 1,
        applied_at: now,
        state: PolicyState::starting(policy, now),
        disabled: false,
        deleted_at: None,
        rev: 0,
    }
}

fn disabled_note(stored: &StoredPolicy) -> Option<String> {
    stored.disabled.then(|| {
        format!(
            "the policy was disabled by an operator and stays so: backup-chain policy enable {}",
            stored.name
        )
    })
}

/// Lets a policy run again, or stops it. Nothing is due before its next slot.
pub(crate) async fn set_enabled(
    app: &App,
    name: &PolicyName,
    on: bool,
    by: Option<String>,
) -> Result<Switched, SessionError> {
    let mut stored = stored(app, name).await?;
    let policy = Policy::parse(&stored.document, &app.context.deployment().policy_home())?;
    if on && !policy.enabled {
        return Err(SessionError::DisabledByDocument(name.clone()));
    }
    let changed = stored.disabled == on;
    let mut superseded = Vec::new();
    if changed {
        stored.disabled = !on;
        if on {
            stored.state = PolicyState::starting(&policy, app.context.now());
        }
        let what = if on { "enabled" } else { "disabled" };
        superseded = superseded_by(app, &stored, &format!("policy {name} was {what}")).await?;
        let action = if on { Action::PolicyEnabled } else { Action::PolicyDisabled };
        let mut entry = app.context.entry(action, name.to_string(), by);
        let writes = [Write::of(&mut stored), Write::of(&mut entry)];
        app.catalog.commit(writes.into_iter().chain(superseded.iter_mut().map(Write::of))).await?;
        tracing::info!(policy = %name, enabled = on, "policy switched");
    }
    let mut warnings: Vec<String> = superseded.iter().map(Session::report).collect();
    if on {
        warnings.extend(check::tables_taken(app, &policy).await?);
    }
    Ok(Switched { policy: name.to_string(), enabled: on, changed, warnings })
}

/// Deletes a policy; its revisions stay.
pub(crate) async fn delete(
    app: &App,
    name: &PolicyName,
    by: Option<String>,
) -> Result<Deleted, SessionError> {
    let mut stored = stored(app, name).await?;
    stored.deleted_at = Some(app.context.now());
    let mut superseded = superseded_by(app, &stored, &format!("policy {name} was deleted")).await?;
    let mut entry = app.context.entry(Action::PolicyDeleted, name.to_string(), by);
    let writes = [Write::of(&mut stored), Write::of(&mut entry)];
    app.catalog.commit(writes.into_iter().chain(superseded.iter_mut().map(Write::of))).await?;
    tracing::info!(policy = %name, "policy deleted");
    Ok(Deleted { policy: name.to_string(), warnings: superseded.iter().map(Session::report).collect() })
}
