//! Storing policies.

use backup_chain_aws::catalog::{StoredPolicy, Write};
use backup_chain_aws::{Edge, Meaning};
use backup_chain_core::due::PolicyState;
use backup_chain_core::ids::VaultArn;
use backup_chain_core::policy::Policy;

use crate::{Reply, SessionError};

/// Stores a document as the next revision of its policy. The same document again changes nothing.
pub(crate) async fn apply(edge: &Edge, document: &str) -> Result<Reply, SessionError> {
    let home = edge.policy_home();
    let policy = Policy::parse(document, &home)?;
    check_source(edge, &policy).await?;
    let mut warnings = Vec::new();
    for target in &policy.copies {
        warnings.extend(target_problem(edge, &target.vault).await?);
    }
    let now = edge.clock().now();
    let stored = edge.catalog().policy(&policy.name).await?;
    let (mut next, changed) = match stored {
        None => {
            let first = StoredPolicy {
                name: policy.name.clone(),
                document: document.to_owned(),
                revision: 1,
                applied_at: now,
                state: PolicyState::starting(&policy, now),
                rev: 0,
            };
            (first, true)
        }
        Some(stored) if stored.document == document => (stored, false),
        Some(stored) => {
            // A document that an older version stored and this one cannot read starts anew.
            let state = match Policy::parse(&stored.document, &home) {
                Ok(old) => stored.state.changed(&old, &policy, now),
                Err(_) => PolicyState::starting(&policy, now),
            };
            let revision = stored.revision + 1;
            (StoredPolicy { document: document.to_owned(), revision, applied_at: now, state, ..stored }, true)
        }
    };
    if changed {
        edge.catalog().commit([Write::of(&mut next)]).await?;
        tracing::info!(policy = %next.name, revision = next.revision, "policy applied");
    }
    Ok(Reply::Applied { policy: next.name.to_string(), revision: next.revision, changed, warnings })
}

async fn check_source(edge: &Edge, policy: &Policy) -> Result<(), SessionError> {
    let region = &edge.deployment().region;
    match edge.source().backup.vault(&policy.vault).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.meaning, Meaning::NotFound | Meaning::Denied) => {
            Err(SessionError::Vault(format!(
                "vault: there is no vault {} in {region} ({}): create it, or name another",
                policy.vault, error.code
            )))
        }
        Err(error) => Err(error.into()),
    }
}

/// What stands in the way of copies into a target vault. Backups go on without them.
pub(crate) async fn target_problem(edge: &Edge, vault: &VaultArn) -> Result<Option<String>, SessionError> {
    let region = &vault.region;
    let backup = &edge.region(region).backup;
    match backup.vault(&vault.name).await {
        Ok(_) => {}
        Err(error) if matches!(error.meaning, Meaning::NotFound | Meaning::Denied) => {
            return Ok(Some(format!(
                "copies: there is no vault {} in {region} ({}): deploy the target stack there, or name another",
                vault.name, error.code
            )));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(region_problem(backup, region).await?.map(|problem| format!("copies: {problem}")))
}

/// What the account settings of a Region lack, with the command that turns it on.
pub(crate) async fn region_problem(
    backup: &backup_chain_aws::backup::Backup,
    region: &backup_chain_core::ids::Region,
) -> Result<Option<String>, SessionError> {
    let settings = backup.region_settings().await?;
    if settings.opted_in && settings.advanced {
        return Ok(None);
    }
    let off = match (settings.opted_in, settings.advanced) {
        (false, false) => "DynamoDB is not opted in to AWS Backup and its advanced features are off",
        (false, true) => "DynamoDB is not opted in to AWS Backup",
        _ => "the advanced features of DynamoDB backups are off",
    };
    Ok(Some(format!(
        "{off} in {region}; turn both on with: aws backup update-region-settings --region {region} \
         --resource-type-opt-in-preference DynamoDB=true --resource-type-management-preference DynamoDB=true"
    )))
}
