//! What a function works with, put together once for a process. Each part stands for itself and names what it is made
//! of; nothing here has rules of its own.

use aws_config::SdkConfig;
use backup_chain_core::metrics::{Measured, Metric};

use crate::catalog::Catalog;
use crate::clock::{Clock, Random};
use crate::context::Context;
use crate::deployment::Deployment;
use crate::ledger::Ledger;
use crate::meter::Meter;
use crate::notices::{Bus, Notices};
use crate::policies::Policies;
use crate::seal::Sealer;
use crate::services::Services;

/// The parts of a function. A clone shares them.
#[derive(Debug, Clone)]
pub struct App {
    /// Deployment, clock, randomness, measurements.
    pub context: Context,
    /// AWS's services by Region.
    pub aws: Services,
    /// The catalog.
    pub catalog: Catalog,
    /// The event bus and its outbox.
    pub notices: Notices,
    /// The policies in force.
    pub policies: Policies,
    /// Sealed metadata.
    pub sealer: Sealer,
    /// The states of restore points.
    pub ledger: Ledger,
}

impl App {
    /// The parts of a deployment of which nothing is measured. The clock is the configuration's time source.
    pub fn new(config: SdkConfig, deployment: Deployment, random: Random) -> Self {
        Self::measured(config, deployment, random, Meter::none())
    }

    /// The same with a meter.
    pub fn measured(config: SdkConfig, deployment: Deployment, random: Random, meter: Meter) -> Self {
        let catalog = Catalog::new(aws_sdk_dynamodb::Client::new(&config), deployment.catalog.clone());
        let bus = Bus::new(aws_sdk_eventbridge::Client::new(&config), deployment.bus.clone());
        let context = Context::new(deployment, Clock::of(&config), random, meter);
        let aws = Services::new(config, context.clone());
        let notices = Notices::new(context.clone(), bus, catalog.clone());
        let policies = Policies::new(context.clone(), catalog.clone());
        let sealer = Sealer::new(context.clone(), aws.clone());
        let ledger = Ledger::new(context.clone(), aws.clone(), catalog.clone(), notices.clone());
        Self { context, aws, catalog, notices, policies, sealer, ledger }
    }

    /// Measures the records of the catalog that this invocation met and could not read.
    pub fn measure_unreadable(&self) {
        let unreadable = self.catalog.unreadable().len();
        if unreadable > 0 {
            self.context.measure(&Measured::default().with(Metric::RecordsUnreadable, unreadable));
        }
    }
}
