//! AWS as the functions see it: every service, by Region, on one configuration, one clock and one source of
//! randomness.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use backup_chain_core::ids::Region;
use backup_chain_core::policy::Home;

use crate::account::Account;
use crate::backup::Backup;
use crate::catalog::Catalog;
use crate::clock::{Clock, Random};
use crate::deployment::Deployment;
use crate::dynamodb::Dynamo;
use crate::error::AwsError;
use crate::events::Bus;
use crate::iam::Iam;
use crate::kms::Kms;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::policies::Read;
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
    config: SdkConfig,
}

impl Regional {
    /// The tagging API. Made when it is asked for: its SDK is linked into those functions only that use it.
    pub fn tagging(&self) -> Tagging {
        Tagging::new(aws_sdk_resourcegroupstagging::Client::new(&self.config))
    }
}

/// Everything that a function works with.
#[derive(Debug, Clone)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: SdkConfig,
    deployment: Deployment,
    clock: Clock,
    random: Random,
    meter: Meter,
    catalog: Catalog,
    bus: Bus,
    policies: Read,
    regions: Mutex<BTreeMap<Region, Arc<Regional>>>,
}

impl Edge {
    /// The edge of a deployment of which nothing is measured. The clock is the configuration's time source.
    pub fn new(config: SdkConfig, deployment: Deployment, random: Random) -> Self {
        Self::measured(config, deployment, random, Meter::none())
    }

    /// The same with a meter.
    pub fn measured(config: SdkConfig, deployment: Deployment, random: Random, meter: Meter) -> Self {
        let source = config.time_source().unwrap_or_else(|| SharedTimeSource::new(SystemTimeSource::new()));
        let catalog = Catalog::new(aws_sdk_dynamodb::Client::new(&config), deployment.catalog.clone());
        let bus = Bus::new(aws_sdk_eventbridge::Client::new(&config), deployment.bus.clone());
        Self(Arc::new(Inner {
            bus,
            policies: Read::default(),
            clock: Clock::new(source),
            random,
            meter,
            catalog,
            regions: Mutex::default(),
            config,
            deployment,
        }))
    }

    /// What the deployment is made of.
    pub fn deployment(&self) -> &Deployment {
        &self.0.deployment
    }

    /// The account and source Region, for policies.
    pub fn policy_home(&self) -> Home {
        let Deployment { partition, account, region, .. } = self.deployment();
        Home { partition: partition.clone(), account: account.clone(), region: region.clone() }
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The source of randomness.
    pub fn random(&self) -> &Random {
        &self.0.random
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The event bus.
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// Which of these actions a role may not do on a resource, by its own policies.
    ///
    /// # Errors
    /// [`AwsError`] of iam:SimulatePrincipalPolicy.
    pub async fn role_lacks(
        &self,
        role: &str,
        actions: &[&str],
        resource: &str,
    ) -> Result<Vec<String>, AwsError> {
        // Made here, as the tagging API is.
        Iam::new(aws_sdk_iam::Client::new(&self.0.config)).lacks(role, actions, resource).await
    }

    pub(crate) fn read_policies(&self) -> &Read {
        &self.0.policies
    }

    /// The services of the source Region.
    pub fn source(&self) -> Arc<Regional> {
        self.region(&self.0.deployment.region)
    }

    /// Forgets what surrounds the tables of every Region: it is read anew.
    pub async fn forget_surroundings(&self) {
        let known: Vec<_> = {
            let regions = self.0.regions.lock().unwrap_or_else(PoisonError::into_inner);
            regions.values().map(Arc::clone).collect()
        };
        for region in known {
            region.account.forget().await;
        }
    }

    /// The services of a Region.
    pub fn region(&self, region: &Region) -> Arc<Regional> {
        let mut regions = self.0.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = regions.get(region) {
            return Arc::clone(known);
        }
        let config = self.0.config.to_builder().region(aws_config::Region::new(region.to_string())).build();
        let limits = Arc::new(Limits::new());
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let backup = aws_sdk_backup::config::Builder::from(&config).interceptor(self.0.clock.clone()).build();
        let made = Arc::new(Regional {
            backup: Backup::new(aws_sdk_backup::Client::from_conf(backup), Arc::clone(&limits)),
            dynamodb: Dynamo::new(dynamodb.clone(), limits),
            account: Account::new(
                aws_sdk_applicationautoscaling::Client::new(&config),
                aws_sdk_cloudwatch::Client::new(&config),
                dynamodb.clone(),
            ),
            kms: Kms::new(aws_sdk_kms::Client::new(&config)),
            settings: SettingsStore::new(dynamodb, self.0.deployment.settings.clone()),
            config,
        });
        regions.insert(region.clone(), Arc::clone(&made));
        made
    }
}
