//! A deployment of Backup Chain in the embedded AWS: what the templates make, and the functions, on the world's
//! clock. The world's own EventBridge, SQS and Lambda drive it.

mod functions;
mod names;
mod resources;
mod template;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use backup_chain_aws::App;
use backup_chain_aws::clock::{Deadline, Random};
use backup_chain_aws::deployment::Deployment;
use backup_chain_core::ids::{Region, VaultArn};
use backup_chain_core::invoke::{Ask, RestoreRequest, RetentionRequest, SessionRequest};
use backup_chain_core::replies::SessionReply;
use backup_chain_core::restore::RestoreView;
use backup_chain_core::retention::{Brakes, HoldView, RebuildReport, Report};
use backup_chain_retention::Reply;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub use self::functions::NoFunction;
use self::functions::{Lines, Reports};
pub use self::names::{
    ACCOUNT, COPIES, COPY, FUNCTIONS, Failure, RESTORE, RETENTION, ROLES, SESSION, SOURCE, Schedules, TARGET,
    VAULT, function,
};
use self::names::{BACKUP_ROLE, CATALOG, COPY_ROLE, OBSERVER, RESTORE_ROLE, SETTINGS, STACK};
use backup_chain_local::{Function, World};

/// A deployment, its functions run in process.
#[derive(Debug)]
pub struct Stack {
    world: World,
    schedules: Schedules,
    session: App,
    copy: App,
    retention: App,
    restore: App,
    observer: App,
    /// As Lambda runs them: there for as long as the stack is.
    _functions: Vec<Arc<Function>>,
    reports: Reports,
    measured: Lines,
}

/// The alarms of the source Region's template on the product's own metrics, by name, with the properties that
/// CloudWatch evaluates them by. Numbers are texts, as everything in a template is here.
///
/// # Errors
/// When the template cannot be read.
pub fn alarms() -> Result<BTreeMap<String, Value>, Failure> {
    const PROPERTIES: [&str; 8] = [
        "MetricName",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "DatapointsToAlarm",
        "Threshold",
        "ComparisonOperator",
        "TreatMissingData",
    ];
    let template = template::Template::source()?;
    let mut alarms = BTreeMap::new();
    for alarm in template.of_type("AWS::CloudWatch::Alarm") {
        if template.property(alarm, "Namespace")? == "BackupChain" {
            let mut properties = serde_json::Map::new();
            for property in PROPERTIES {
                properties.insert(property.to_owned(), template.property(alarm, property)?);
            }
            alarms.insert(alarm.to_owned(), Value::Object(properties));
        }
    }
    Ok(alarms)
}

/// Deploys into an empty world, with programs as functions: their built binaries are in the folder `binaries`. Returns
/// the deployment as one who looks at it from outside has it.
///
/// # Errors
/// [`NoFunction`] before anything is made, when a binary cannot be run; and when the embedded AWS refuses a resource.
pub async fn deploy_programs(world: &World, schedules: Schedules, binaries: &Path) -> Result<App, Failure> {
    let programs = functions::find(binaries)?;
    let _scene = world.scene();
    let deployment = deployment(resources::make(world).await?)?;
    functions::programs(world, schedules.timeout, &deployment, &programs);
    resources::connect(world, schedules).await?;
    Ok(App::new(world.sdk_config(ACCOUNT, SOURCE, OBSERVER), deployment, Random::system()))
}

/// The deployment with this metadata key.
fn deployment(key: String) -> Result<Deployment, Failure> {
    Ok(Deployment {
        name: STACK.to_owned(),
        partition: "aws".to_owned(),
        account: ACCOUNT.parse()?,
        region: SOURCE.parse()?,
        catalog: CATALOG.to_owned(),
        settings: SETTINGS.to_owned(),
        vault: VAULT.parse()?,
        key,
        bus: "default".to_owned(),
        backup_role: format!("arn:aws:iam::{ACCOUNT}:role/{BACKUP_ROLE}"),
        copy_role: format!("arn:aws:iam::{ACCOUNT}:role/{COPY_ROLE}"),
        restore_role: format!("arn:aws:iam::{ACCOUNT}:role/{RESTORE_ROLE}"),
        min_age: SignedDuration::from_hours(24),
        brakes: Brakes::default(),
        backups_in_flight: 250,
        copies_in_flight: 80,
    })
}

impl Stack {
    /// Deploys into an empty world.
    ///
    /// # Errors
    /// When the embedded AWS refuses a resource.
    pub async fn deploy(world: &World, schedules: Schedules) -> Result<Self, Failure> {
        let _scene = world.scene();
        let deployment = deployment(resources::make(world).await?)?;
        let stack = Self::of(world, schedules, &deployment, Reports::default(), Lines::default());
        resources::connect(world, schedules).await?;
        Ok(stack)
    }

    /// The functions of a deployment whose resources are there.
    fn of(
        world: &World,
        schedules: Schedules,
        deployment: &Deployment,
        reports: Reports,
        measured: Lines,
    ) -> Self {
        let random = {
            let world = world.clone();
            Random::new(move |bytes| bytes.copy_from_slice(&world.seeded_bytes(bytes.len())))
        };
        let app = |caller| {
            let config = world.sdk_config(ACCOUNT, SOURCE, caller);
            App::measured(config, deployment.clone(), random.clone(), measured.meter())
        };
        let [session, copy, retention, restore] = [SESSION, COPY, RETENTION, RESTORE].map(app);
        let apps = [&session, &copy, &retention, &restore];
        let functions = functions::in_process(world, schedules.timeout, apps, &reports);
        let config = world.sdk_config(ACCOUNT, SOURCE, OBSERVER);
        let observer = App::new(config, deployment.clone(), random.clone());
        let world = world.clone();
        Self {
            world,
            schedules,
            session,
            copy,
            retention,
            restore,
            observer,
            _functions: functions,
            reports,
            measured,
        }
    }

    /// The same deployment with changed settings, as an update of the stack would make it.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Deployment)) {
        let mut deployment = self.session.context.deployment().clone();
        let key = deployment.key.clone();
        change(&mut deployment);
        if deployment.key != key
            && let Err(error) = resources::renew_roles(&self.world, &deployment.key)
        {
            tracing::error!(%error, "the roles are as they were");
        }
        let (reports, measured) = (self.reports.clone(), self.measured.clone());
        *self = Self::of(&self.world, self.schedules, &deployment, reports, measured);
    }

    /// The deployment as one who looks at it from outside has it.
    pub fn app(&self) -> &App {
        &self.observer
    }

    /// The vault of the source Region.
    pub fn vault(&self) -> VaultArn {
        self.session.context.deployment().vault_arn(&self.session.context.deployment().vault)
    }

    /// The vault of the target Region.
    ///
    /// # Errors
    /// Never: the names are fixed.
    pub fn copies(&self) -> Result<VaultArn, Failure> {
        Ok(VaultArn { region: TARGET.parse::<Region>()?, name: COPIES.parse()?, ..self.vault() })
    }

    /// What every retention run by schedule reported, with its moment.
    pub fn reports(&self) -> Vec<(Timestamp, Report)> {
        self.reports.all()
    }

    /// What the functions have measured, each a line in CloudWatch's embedded metric format.
    pub fn measured(&self) -> Vec<String> {
        self.measured.all()
    }

    fn deadline(&self) -> Deadline {
        Deadline::at(self.world.now() + self.schedules.timeout)
    }

    /// Invokes the session function.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn session(&self, request: SessionRequest) -> Result<SessionReply, Failure> {
        let done = backup_chain_session::handle(&self.session, request, self.deadline());
        functions::alive(&self.world, SESSION, done).await
    }

    /// Invokes the copy function.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn copy(&self, payload: Value) -> Result<backup_chain_copy::Reply, Failure> {
        let done = backup_chain_copy::handle(&self.copy, payload, self.deadline());
        functions::alive(&self.world, COPY, done).await
    }

    /// Invokes the retention function for a run, a plan or a removal.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn retention(&self, request: RetentionRequest) -> Result<Report, Failure> {
        match self.ask_retention(request).await? {
            Reply::Report(report) => Ok(*report),
            other => Err(format!("not a report: {other:?}").into()),
        }
    }

    /// Invokes the retention function to hold a point, or to lift its hold.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn hold(&self, request: RetentionRequest) -> Result<HoldView, Failure> {
        match self.ask_retention(request).await? {
            Reply::Held(held) => Ok(held),
            other => Err(format!("not a hold: {other:?}").into()),
        }
    }

    /// Invokes the retention function to rebuild the catalog.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn rebuild(&self) -> Result<RebuildReport, Failure> {
        match self.ask_retention(RetentionRequest::Rebuild { vaults: Vec::new(), by: None }).await? {
            Reply::Rebuilt(rebuilt) => Ok(rebuilt),
            other => Err(format!("not a rebuild: {other:?}").into()),
        }
    }

    async fn ask_retention(&self, request: RetentionRequest) -> Result<Reply, Failure> {
        let done = backup_chain_retention::handle(&self.retention, request, self.deadline());
        functions::alive(&self.world, RETENTION, done).await
    }

    /// Invokes the restore function with any payload.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn ask_restore(&self, payload: Value) -> Result<backup_chain_restore::Reply, Failure> {
        let done = backup_chain_restore::handle(&self.restore, payload, self.deadline());
        functions::alive(&self.world, RESTORE, done).await
    }

    /// Invokes the restore function to restore tables, or to plan it.
    ///
    /// # Errors
    /// What the function fails with, or that it died at a crash point.
    pub async fn restore(&self, ask: Ask) -> Result<Vec<RestoreView>, Failure> {
        match self.ask_restore(serde_json::to_value(RestoreRequest::Restore(Box::new(ask)))?).await? {
            backup_chain_restore::Reply::Restores(told) => Ok(told),
            other => Err(format!("not restores: {other:?}").into()),
        }
    }

    /// Lets the world continue until `moment`: schedules fire, jobs end, events reach the queue and the queue the
    /// function.
    pub async fn live_until(&mut self, moment: Timestamp) {
        self.world.drive_until(moment).await;
    }

    /// Lets the world continue for so long.
    pub async fn live(&mut self, time: SignedDuration) {
        self.live_until(self.world.now() + time).await;
    }
}
