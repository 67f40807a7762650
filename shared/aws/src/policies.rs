//! Stored policies as they are in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use backup_chain_core::ids::{PolicyName, VaultArn};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::policy::{Policy, PolicyErrors};

use crate::catalog::{Catalog, StoredPolicy};
use crate::context::Context;
use crate::error::Error;
use crate::unreadable::UnreadableRecord;

/// A stored policy and what its document says.
#[derive(Debug, Clone)]
pub struct Active {
    /// As the catalog holds it.
    pub stored: StoredPolicy,
    /// What its document says; not enabled where it was switched off by an operator or deleted.
    pub policy: Policy,
}

/// Policies by name, each with the document of which it was read.
type Cache = BTreeMap<PolicyName, (String, Arc<Policy>)>;

/// The policies of a deployment. A clone shares what this process has read already.
#[derive(Debug, Clone)]
pub struct Policies {
    context: Context,
    catalog: Catalog,
    read: Arc<Mutex<Cache>>,
}

impl Policies {
    pub(crate) fn new(context: Context, catalog: Catalog) -> Self {
        Self { context, catalog, read: Arc::default() }
    }

    /// What the document of a stored policy says; not enabled where it was switched off by an operator or deleted.
    ///
    /// # Errors
    /// When the document cannot be read.
    pub(crate) fn policy(&self, stored: &StoredPolicy) -> Result<Policy, PolicyErrors> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read.get(&stored.name).filter(|(document, _)| *document == stored.document);
        let policy = match known {
            Some((_, policy)) => Arc::clone(policy),
            None => {
                let home = self.context.deployment().policy_home();
                let policy = Arc::new(Policy::parse(&stored.document, &home)?);
                read.insert(stored.name.clone(), (stored.document.clone(), Arc::clone(&policy)));
                policy
            }
        };
        let enabled = policy.enabled && stored.is_on();
        Ok(Policy { enabled, ..Policy::clone(&policy) })
    }

    /// The stored policies that are not deleted, the first in rank first. One that cannot be read is logged and
    /// skipped: it must not stop the others.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn active(&self) -> Result<Vec<Active>, Error> {
        let mut policies = self.all().await?;
        policies.retain(|active| active.stored.deleted_at.is_none());
        policies.sort_by(|a, b| a.policy.rank().cmp(&b.policy.rank()));
        Ok(policies)
    }

    /// The same with those that were deleted, by name.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn all(&self) -> Result<Vec<Active>, Error> {
        let mut policies = Vec::new();
        for stored in self.catalog.policies().await? {
            match self.policy(&stored) {
                Ok(policy) => policies.push(Active { stored, policy }),
                Err(errors) => {
                    self.context
                        .measure(&Measured::of_policy(&stored.name).with(Metric::RecordsUnreadable, 1));
                    self.catalog.note_unreadable(&UnreadableRecord {
                        pk: "policy".to_owned(),
                        sk: stored.name.to_string(),
                        why: format!("its document is no policy, apply it again: {errors}"),
                    });
                }
            }
        }
        Ok(policies)
    }

    /// The stack's own vault and those that its policies name, deleted ones too.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn vaults(&self) -> Result<BTreeSet<VaultArn>, Error> {
        let ours = self.context.deployment();
        let mut vaults = BTreeSet::from([ours.vault_arn(&ours.vault)]);
        for active in self.all().await? {
            vaults.insert(ours.vault_arn(&active.policy.vault));
            vaults.extend(active.policy.copies.iter().map(|target| target.vault.clone()));
        }
        Ok(vaults)
    }
}
