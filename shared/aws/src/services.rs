//! AWS as the functions see it: every service, by Region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use backup_chain_core::ids::{Region, VaultArn};
use backup_chain_core::lock::Lock;

use crate::account::Account;
use crate::backup::Backup;
use crate::clock::Clock;
use crate::context::Context;
use crate::deployment::Deployment;
use crate::dynamodb::Dynamo;
use crate::error::AwsError;
use crate::iam::Iam;
use crate::kms::Kms;
use crate::limits::Limits;
use crate::store::SettingsStore;
use crate::tagging::Tagging;

/// The services of one Region.
#[derive(Debug)]
pub struct Regional {
    /// AWS Backup.
    pub backup: Backup,
    /// DynamoDB's tables.
    pub dynamodb: Dynamo,
    /// KMS.
    pub kms: Kms,
    /// The deployment's settings table.
    pub settings: SettingsStore,
    pub(crate) account: Account,
    pub(crate) clock: Clock,
    config: SdkConfig,
}

impl Regional {
    /// The services of this Region, with the settings table of that name.
    pub fn new(config: &SdkConfig, region: &Region, settings: String, clock: &Clock) -> Self {
        let config = config.to_builder().region(aws_config::Region::new(region.to_string())).build();
        let limits = Arc::new(Limits::new());
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let backup = aws_sdk_backup::config::Builder::from(&config).interceptor(clock.clone()).build();
        Self {
            backup: Backup::new(aws_sdk_backup::Client::from_conf(backup), Arc::clone(&limits)),
            dynamodb: Dynamo::new(dynamodb.clone(), limits),
            account: Account::new(
                aws_sdk_applicationautoscaling::Client::new(&config),
                aws_sdk_cloudwatch::Client::new(&config),
                dynamodb.clone(),
                clock.clone(),
            ),
            clock: clock.clone(),
            kms: Kms::new(aws_sdk_kms::Client::new(&config)),
            settings: SettingsStore::new(dynamodb, settings),
            config,
        }
    }

    /// The tagging API. Made when it is asked for: its SDK is linked into those functions only that use it.
    pub fn tagging(&self) -> Tagging {
        Tagging::new(aws_sdk_resourcegroupstagging::Client::new(&self.config))
    }
}

/// AWS, by Region, on one configuration. A clone shares what is known of each Region.
#[derive(Debug, Clone)]
pub struct Services(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: SdkConfig,
    context: Context,
    regions: Mutex<BTreeMap<Region, Arc<Regional>>>,
}

impl Services {
    /// The services as this configuration reaches them.
    pub fn new(config: SdkConfig, context: Context) -> Self {
        Self(Arc::new(Inner { config, context, regions: Mutex::default() }))
    }

    /// The deployment whose services these are.
    pub fn deployment(&self) -> &Deployment {
        self.0.context.deployment()
    }

    /// Which of these actions a role may not do on a resource, by its own policies.
    ///
    /// # Errors
    /// [`AwsError`] of iam:SimulatePrincipalPolicy.
    pub async fn missing_actions(
        &self,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> Result<Vec<String>, AwsError> {
        // Made here, as the tagging API is.
        Iam::new(aws_sdk_iam::Client::new(&self.0.config)).missing_actions(role, actions, resource).await
    }

    /// The services of the source Region.
    pub fn source(&self) -> Arc<Regional> {
        self.region(&self.deployment().region)
    }

    /// Forgets what surrounds the tables of every Region: it is read again.
    pub async fn forget_surroundings(&self) {
        let known: Vec<_> = {
            let regions = self.0.regions.lock().unwrap_or_else(PoisonError::into_inner);
            regions.values().map(Arc::clone).collect()
        };
        for region in known {
            region.account.invalidate().await;
        }
    }

    /// The services of a Region.
    pub fn region(&self, region: &Region) -> Arc<Regional> {
        let mut regions = self.0.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = regions.get(region) {
            return Arc::clone(known);
        }
        let settings = self.deployment().settings.clone();
        let made = Arc::new(Regional::new(&self.0.config, region, settings, self.0.context.clock()));
        regions.insert(region.clone(), Arc::clone(&made));
        made
    }

    /// The lock of a vault in which a point is about to be made. Of a vault that cannot be looked at none is known:
    /// AWS then says itself what is wrong.
    ///
    /// # Errors
    /// [`AwsError`] of backup:DescribeBackupVault, where trying again helps.
    pub async fn lock_of(&self, vault: &VaultArn) -> Result<Option<Lock>, AwsError> {
        match self.region(&vault.region).backup.vault(&vault.name).await {
            Ok(vault) => Ok(vault.lock),
            Err(error) if error.is_transient() => Err(error),
            Err(_) => Ok(None),
        }
    }
}
