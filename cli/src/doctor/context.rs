//! What the checks look through: the services of AWS, with the operator's rights.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use backup_chain_aws::backup::Vault;
use backup_chain_aws::catalog::StoredPolicy;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{App, AwsError, Error};
use backup_chain_core::ids::{Region, VaultArn};
use jiff::Timestamp;

use crate::deployment::Deployed;

/// A deployment that is looked at.
#[derive(Debug)]
pub(crate) struct CheckContext<'a> {
    pub deployed: &'a Deployed,
    pub app: &'a App,
    pub now: Timestamp,
    /// The policies that are stored and not deleted, or why they cannot be read.
    pub stored: Result<Vec<StoredPolicy>, Error>,
    /// Those of them whose documents can be read.
    pub policies: Vec<Active>,
    /// The stack's own vault, and those that policies name.
    pub vaults: BTreeMap<VaultArn, Result<Vault, AwsError>>,
    /// The Regions into which policies copy.
    pub targets: BTreeSet<Region>,
}

impl<'a> CheckContext<'a> {
    pub async fn new(deployed: &'a Deployed) -> Self {
        let app = &deployed.app;
        let mut stored = app.catalog.policies().await;
        if let Ok(stored) = &mut stored {
            stored.retain(|policy| policy.deleted_at.is_none());
        }
        let policies = match &stored {
            Ok(_) => app.policies.active().await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let deployment = app.context.deployment();
        let mut named = BTreeSet::from([deployment.vault_arn(&deployment.vault)]);
        for Active { policy, .. } in &policies {
            named.insert(deployment.vault_arn(&policy.vault));
            named.extend(policy.copies.iter().map(|target| target.vault.clone()));
        }
        let regions = named.iter().map(|vault| vault.region.clone());
        let targets = regions.filter(|region| *region != deployment.region).collect();
        let mut vaults = BTreeMap::new();
        for arn in named {
            let found = app.aws.region(&arn.region).backup.vault(&arn.name).await;
            vaults.insert(arn, found);
        }
        Self { deployed, app, now: app.context.now(), stored, policies, vaults, targets }
    }

    /// The source Region.
    pub fn source(&self) -> &Region {
        &self.app.context.deployment().region
    }

    /// The source Region and the target Regions.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        std::iter::once(self.source()).chain(&self.targets)
    }

    /// The configuration for clients of a Region.
    pub fn config(&self, region: &Region) -> SdkConfig {
        self.deployed.config_in(region)
    }

    /// The full name of a function, rule or queue of the stack.
    pub fn named(&self, name: &str) -> String {
        self.deployed.named(name)
    }

    /// A resource of the source Region, as findings name it.
    pub fn here(&self, name: &str) -> String {
        format!("{}/{name}", self.source())
    }

    /// The ARN of a resource of the account in the source Region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let deployment = self.app.context.deployment();
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            deployment.partition, deployment.region, deployment.account
        )
    }
}
