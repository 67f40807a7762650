//! The world: all services of all accounts and Regions, behind one door.

mod answering;
mod door;
mod driver;
mod lateness;
mod neighbours;
mod recording;
mod routing;
mod serving;
mod trouble;

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{Notify, watch};

pub use self::lateness::Scene;
use crate::{
    backup::Backup, clock::WorldClock, cloudwatch::CloudWatch, dynamodb::Dynamo, events::Events,
    faults::Faults, iam::Iam, kms::Kms, lags::Lags, lambda::Lambda, record::Call, rng::Rng, scaling::Scaling,
    sqs::Sqs, tap::Tap,
};

/// How a world begins.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What its clock shows at first.
    pub start: Timestamp,
    /// The seed of all its randomness: one seed, one history.
    pub seed: u64,
}

/// The embedded AWS. Cheap to clone: clones are the same world.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    clock: WorldClock,
    state: Mutex<State>,
    /// The callers that have reached a crash point and have not been told.
    crashed: watch::Sender<BTreeSet<String>>,
    /// Something is due earlier than the driver thinks.
    woken: Notify,
    /// Where the clock is to be moved.
    goal: watch::Sender<Option<Timestamp>>,
    /// Who moves the clock.
    turn: tokio::sync::Mutex<()>,
    /// Where the world is served over TCP.
    endpoint: OnceLock<String>,
    tap: OnceLock<Tap>,
    /// Where functions that are programs find the clock's file.
    clock_variable: OnceLock<String>,
}

struct State {
    backup: Backup,
    cloudwatch: CloudWatch,
    dynamo: Dynamo,
    events: Events,
    iam: Iam,
    kms: Kms,
    lambda: Lambda,
    scaling: Scaling,
    sqs: Sqs,
    /// None when no one is to look at them.
    calls: Option<Vec<Call>>,
    keeps_bodies: bool,
    faults: Faults,
    request_ids: Rng,
    secrets: Rng,
    handed_out: Rng,
    /// Whether clients come over TCP, with clocks of their own.
    is_served: bool,
    /// How far the services' clocks are off.
    skew: SignedDuration,
    /// When the driver looks next, while it waits.
    wakes_at: Option<Timestamp>,
}

impl World {
    /// An empty world. Under a paused tokio runtime, create it inside the runtime.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { start, seed } = options;
        let clock = WorldClock::new(start);
        let state = State {
            backup: Backup::new(seed),
            cloudwatch: CloudWatch::default(),
            dynamo: Dynamo::new(clock.clone(), Rng::new(seed, 1), Lags::new(seed, 100)),
            events: Events::new(Rng::new(seed, 5)),
            iam: Iam::new(Rng::new(seed, 6)),
            kms: Kms::new(Rng::new(seed, 2)),
            lambda: Lambda::new(Rng::new(seed, 9)),
            scaling: Scaling::new(Rng::new(seed, 7)),
            sqs: Sqs::new(Rng::new(seed, 8)),
            calls: Some(Vec::new()),
            keeps_bodies: false,
            faults: Faults::new(Rng::new(seed, 12)),
            request_ids: Rng::new(seed, 3),
            secrets: Rng::new(seed, 13),
            handed_out: Rng::new(seed, 4),
            is_served: false,
            skew: SignedDuration::ZERO,
            wakes_at: None,
        };
        let world = Self {
            inner: Arc::new(Inner {
                clock,
                state: Mutex::new(state),
                crashed: watch::Sender::default(),
                woken: Notify::new(),
                goal: watch::Sender::default(),
                turn: tokio::sync::Mutex::default(),
                endpoint: OnceLock::new(),
                tap: OnceLock::new(),
                clock_variable: OnceLock::new(),
            }),
        };
        world.hesitate();
        world
    }

    /// Configuration for SDK clients of this world, in process: its clock, static credentials of
    /// `account` whose session token is the `caller`, standard retries without jitter. The caller is a role, or
    /// `ROLE/SESSION`: one that is not there is made, with AdministratorAccess, for the convenience of tests;
    /// [`World::put_role`] gives it other rights. An empty caller is the account's root.
    #[must_use]
    pub fn sdk_config(&self, account: &str, region: &str, caller: &str) -> SdkConfig {
        let token = Some(caller.to_owned()).filter(|caller| !caller.is_empty());
        if let Some(role) = caller.split('/').next().filter(|role| !role.is_empty()) {
            let now = self.now();
            self.with_iam(|iam| iam.ensure_administrator(account, role, now));
        }
        let credentials = Credentials::new(account, "not-checked", token, None, "embedded-aws");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .time_source(self.inner.clock.clone())
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::standard().with_use_static_exponential_base(true))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build()
    }

    /// The world's clock.
    #[must_use]
    pub fn clock(&self) -> WorldClock {
        self.inner.clock.clone()
    }

    /// The world's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// When something is next due in a service, if anything is.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        self.state().next_at()
    }

    /// Lets everything that is due by now happen. Every request does so by itself first.
    pub fn settle(&self) {
        self.state().settle(self.now());
    }

    /// Looks into AWS Backup, or changes it behind its API.
    pub fn with_backup<T>(&self, look: impl FnOnce(&mut Backup) -> T) -> T {
        let mut state = self.state();
        state.settle(self.now());
        look(&mut state.backup)
    }

    /// The items of a table, behind the API; none where there is no table.
    #[must_use]
    pub fn items(&self, account: &str, region: &str, table: &str) -> Vec<Value> {
        self.with_dynamodb(|dynamo| {
            dynamo.state(account, region, table).map(|state| state.items).unwrap_or_default()
        })
    }

    /// Looks into DynamoDB, or changes it behind its API.
    pub fn with_dynamodb<T>(&self, look: impl FnOnce(&mut Dynamo) -> T) -> T {
        let mut state = self.state();
        state.settle(self.now());
        look(&mut state.dynamo)
    }

    pub(crate) fn with_iam<T>(&self, change: impl FnOnce(&mut Iam) -> T) -> T {
        change(&mut self.state().iam)
    }

    pub(crate) fn with_lambda<T>(&self, change: impl FnOnce(&mut Lambda) -> T) -> T {
        change(&mut self.state().lambda)
    }

    /// Random bytes from the world's seed, for whatever runs against it.
    #[must_use]
    pub fn seeded_bytes(&self, count: usize) -> Vec<u8> {
        self.state().handed_out.bytes(count)
    }

    /// Where the world is served over TCP.
    pub(crate) fn endpoint(&self) -> Option<String> {
        self.inner.endpoint.get().cloned()
    }

    /// The world is served over TCP from now on.
    pub(crate) fn served_at(&self, endpoint: String) {
        // The first one stays: it is as good as another.
        let _ = self.inner.endpoint.set(endpoint);
        self.state().is_served = true;
    }

    /// A file that tells the world's time to other processes, in one line: the moment in milliseconds since 1970 and,
    /// while the clock goes, the moment at which the system's clock said so.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn clock_file(&self) -> std::io::Result<PathBuf> {
        self.inner.clock.file()
    }

    /// From now on functions that are programs find [`World::clock_file`] in this environment variable. A world has one
    /// such variable: another one changes nothing.
    pub fn tell_clock_in(&self, variable: &str) {
        self.inner.clock_variable.get_or_init(|| variable.to_owned());
    }

    /// The environment variable that names the clock's file to functions.
    pub(crate) fn clock_variable(&self) -> Option<String> {
        self.inner.clock_variable.get().cloned()
    }

    fn goal(&self) -> &watch::Sender<Option<Timestamp>> {
        &self.inner.goal
    }

    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.turn
    }

    fn woken(&self) -> &Notify {
        &self.inner.woken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}
