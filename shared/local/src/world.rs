//! The world: all services of all accounts and Regions, behind one door.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{Notify, oneshot, watch};

use crate::{
    answering::Part,
    api::{ApiError, Neighbours, Restore, TableState},
    backup::Backup,
    clock::WorldClock,
    cloudwatch::CloudWatch,
    dynamodb::Dynamo,
    events::Events,
    faults::{Batch, Crash, Cut, Fault, FaultRule, Faults, Lost, Met, Site},
    iam::{self, Iam},
    kms::Kms,
    lags::{Lag, Lags},
    lambda::{Handled, Lambda},
    record::{Bodies, Call, Fate, Required},
    rng::Rng,
    scaling::{self, Scaling},
    sqs::Sqs,
    sts, tagging,
    tap::{self, Tap},
    wire::{Incoming, Protocol, Reply, Service, text},
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

pub(crate) struct State {
    pub(crate) backup: Backup,
    cloudwatch: CloudWatch,
    dynamo: Dynamo,
    pub(crate) events: Events,
    pub(crate) iam: Iam,
    pub(crate) kms: Kms,
    pub(crate) lambda: Lambda,
    scaling: Scaling,
    pub(crate) sqs: Sqs,
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
    pub(crate) wakes_at: Option<Timestamp>,
}

/// What becomes of a request.
enum Outcome {
    Answer(http::Response<Bytes>),
    /// The answer of a function, once it has run.
    Later {
        reply: oneshot::Receiver<Reply>,
        request_id: String,
    },
    /// An answer that takes its time.
    Slow(http::Response<Bytes>, Duration),
    Lost(Lost),
    /// The caller is dead: it never hears again.
    Silence,
}

/// A scene is being set: see [`World::scene`].
#[derive(Debug)]
pub struct Scene(World);

impl Drop for Scene {
    fn drop(&mut self) {
        self.0.lag(|lags| lags.set_scene(false));
    }
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

    /// From now on changes are seen late, as in AWS: each draws from the seed when each kind of reader sees it,
    /// at once or some seconds later ([`Lag`]).
    pub fn hesitate(&self) {
        self.lag(Lags::spread);
    }

    /// From now on every change is seen at once, as AWS never promises: to compare with emulators that know no lag,
    /// or to show a session whose answers a reader can foresee. A product must not be proven on it. What was changed
    /// before is seen when it would have been.
    pub fn consistent(&self) {
        self.lag(Lags::clear);
    }

    /// From now on every change of this kind is seen exactly so late.
    pub fn stretch(&self, lag: Lag, by: SignedDuration) {
        self.lag(|lags| lags.stretch(lag, by));
    }

    /// Until what this returns is dropped, changes are seen at once: a scene is set of things that have been there
    /// for a while.
    #[must_use = "a scene ends when this is dropped"]
    pub fn scene(&self) -> Scene {
        self.lag(|lags| lags.set_scene(true));
        Scene(self.clone())
    }

    fn lag(&self, change: impl Fn(&mut Lags)) {
        let mut state = self.state();
        change(&mut state.dynamo.lags);
        change(&mut state.backup.lags);
    }

    /// Answers a signed HTTP request of any service: the one door, for the in-process connector and for
    /// TCP. The effect happens when the future is first polled.
    ///
    /// # Errors
    /// [`Lost`] when a fault loses the request or its answer. After a crash point the future never ends.
    pub async fn handle(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Lost> {
        let Some(tap) = self.inner.tap.get() else {
            return self.answer(request).await;
        };
        let asked = tap::asked(&request);
        let answered = self.answer(request).await;
        tap.write(asked, answered.as_ref());
        answered
    }

    async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Lost> {
        match self.exchange(request) {
            Outcome::Answer(response) => Ok(response),
            // The function that would answer is gone with its runtime.
            Outcome::Later { reply, request_id } => match reply.await {
                Ok(reply) => Ok(reply.into_http(&request_id, self.told())),
                Err(_) => Err(Lost::Reset),
            },
            Outcome::Slow(response, late) => {
                tokio::time::sleep(late).await;
                Ok(response)
            }
            Outcome::Lost(how) => Err(how),
            Outcome::Silence => std::future::pending().await,
        }
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

    /// All calls so far, in the order in which they arrived.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone().unwrap_or_default()
    }

    /// Writes every exchange from now on as a line of JSON, with its bodies but without its credentials:
    /// `{"service", "region", "request": {"method", "path", "query", "headers", "body"}, "response":
    /// {"status", "headers", "body"}}`. A body that is no text is in `body_base64`; a lost answer is `null`.
    /// A world has one tap: another one changes nothing.
    pub fn tap(&self, writer: impl Write + Send + 'static) {
        self.inner.tap.get_or_init(|| Tap::new(writer));
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        if let Some(calls) = &mut self.state().calls {
            calls.clear();
        }
    }

    /// All calls so far, which are forgotten.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.state().calls.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps the bodies of every call from now on: each call is kept with them until the calls are forgotten.
    pub fn keep_bodies(&self) {
        self.state().keeps_bodies = true;
    }

    /// Forgets every call from now on: a world that is served lives through more of them than memory holds.
    pub fn keep_no_calls(&self) {
        self.state().calls = None;
    }

    /// What the answers' `Date` headers say, and with them AWS's clock, is off by so much from now on.
    pub fn skew(&self, by: SignedDuration) {
        self.state().skew = by;
    }

    /// The time as the services tell it.
    fn told(&self) -> Timestamp {
        self.now() + self.state().skew
    }

    /// Adds a fault. Rules are asked in the order in which they were added.
    pub fn inject(&self, rule: FaultRule) {
        self.state().faults.inject(rule);
    }

    /// Removes all faults and crash points.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// The `nth` call of `caller` from now on (1 is the next; each attempt of a retrying client counts)
    /// never arrives, and the caller hears nothing any more: [`World::crashed`] tells when to drop it.
    pub fn crash_before(&self, caller: &str, nth: usize) {
        self.crash_at(caller, nth, Crash::Before);
    }

    /// The `nth` call of `caller` from now on (1 is the next; each attempt of a retrying client counts)
    /// takes effect, but its answer never comes: [`World::crashed`] tells when to drop the caller.
    pub fn crash_after(&self, caller: &str, nth: usize) {
        self.crash_at(caller, nth, Crash::After);
    }

    fn crash_at(&self, caller: &str, nth: usize, crash: Crash) {
        self.state().faults.crash_at(caller, nth, crash);
    }

    /// Ends when `caller` has reached a crash point. Each crash is reported once.
    pub async fn crashed(&self, caller: &str) {
        let mut crashed = self.inner.crashed.subscribe();
        // The sender lives as long as this world does, so waiting cannot fail.
        let _ = crashed.wait_for(|crashed| crashed.contains(caller)).await;
        self.inner.crashed.send_modify(|crashed| {
            crashed.remove(caller);
        });
    }

    /// How many crash points have been set and not been reached.
    #[must_use]
    pub fn crash_points_ahead(&self) -> usize {
        self.state().faults.crash_points_ahead()
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

    pub(crate) fn goal(&self) -> &watch::Sender<Option<Timestamp>> {
        &self.inner.goal
    }

    pub(crate) fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.turn
    }

    pub(crate) fn woken(&self) -> &Notify {
        &self.inner.woken
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exchange(&self, request: http::Request<Bytes>) -> Outcome {
        let now = self.now();
        let mut state = self.state();
        state.settle(now);
        let request_id = state.request_ids.uuid();
        let request = match Incoming::read(request, now) {
            Ok(request) => request,
            Err(error) => {
                return Outcome::Answer(
                    Reply::refusal(Protocol::Rest, &error).into_http(&request_id, now + state.skew),
                );
            }
        };
        let (caller, told) = (request.scope.caller.clone(), now + state.skew);
        let outcome = state.serve(&request);
        state.watch_capacities(now);
        let begun = state.lambda.take_begun();
        let next = state.next_act_at();
        let earlier = state.wakes_at.is_none_or(|wakes_at| next.is_some_and(|next| next < wakes_at));
        drop(state);
        self.spawn(begun);
        if earlier {
            self.inner.woken.notify_one();
        }
        match outcome {
            Served::Reply(reply) => Outcome::Answer(reply.into_http(&request_id, told)),
            Served::Slow(reply, late) => Outcome::Slow(reply.into_http(&request_id, told), late),
            Served::Later(reply) => Outcome::Later { reply, request_id },
            Served::Lost(how) => Outcome::Lost(how),
            Served::Crashed => {
                self.inner.crashed.send_modify(|crashed| {
                    crashed.insert(caller);
                });
                Outcome::Silence
            }
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// A call, as far as it is no part of its request.
struct Recorded {
    service: Service,
    operation: String,
    resource: String,
    required: Vec<Required>,
    fate: Fate,
    error: Option<String>,
}

enum Served {
    Reply(Reply),
    Slow(Reply, Duration),
    Later(oneshot::Receiver<Reply>),
    Lost(Lost),
    Crashed,
}

impl State {
    /// When something is next due in a service's own life, if anything is.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        [self.backup.next_at(), self.kms.next_at(), self.scaling.next_at()].into_iter().flatten().min()
    }

    /// Lets everything that is due by now happen in the services' own lives.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.kms.settle(now);
        self.dynamo.settle(now);
        self.dynamo.learn(self.kms.outages());
        let (backup, mut around) = self.backup();
        backup.settle(now, &mut around);
        let mut around = scaling::Around { cloudwatch: &mut self.cloudwatch, dynamo: &mut self.dynamo };
        self.scaling.settle(now, &mut around);
    }

    /// What a request has changed may take a capacity out of the range of its scalable target.
    fn watch_capacities(&mut self, now: Timestamp) {
        let mut around = scaling::Around { cloudwatch: &mut self.cloudwatch, dynamo: &mut self.dynamo };
        self.scaling.look(now, &mut around);
    }

    /// AWS Backup, and what it finds around it.
    fn backup(&mut self) -> (&mut Backup, Around<'_>) {
        (&mut self.backup, Around { dynamo: &mut self.dynamo, iam: &mut self.iam, kms: &mut self.kms })
    }

    /// Routes a request, with its faults, and records it.
    fn serve(&mut self, request: &Incoming) -> Served {
        let Some(service) = Service::named(&request.service) else {
            let message = format!("the embedded AWS has no service {:?}", request.service);
            let error = ApiError { status: 501, code: "NotImplemented".to_owned(), message };
            return Served::Reply(Reply::refusal(Protocol::Rest, &error));
        };
        let protocol = service.protocol(request);
        let body = match request.document(protocol) {
            Ok(body) => body,
            Err(error) => {
                let error = ApiError::client(service.malformed(), error);
                return Served::Reply(service.refusal(protocol, &error));
            }
        };
        let operation = match service.operation(request) {
            Ok(operation) => operation,
            Err(error) => return Served::Reply(service.refusal(protocol, &error)),
        };
        let mut resource = service.resource(request, &body);

        let crash = self.faults.crash(&request.scope.caller);
        if crash == Some(Crash::Before) {
            let fate = Fate::DiedBefore;
            let call = Recorded { service, operation, resource, required: Vec::new(), fate, error: None };
            self.record(request, call, None);
            return Served::Crashed;
        }
        let batch = Batch::of(service, &operation);
        let cut = Cut::of(service, &operation, request, &body);
        let met = self.faults.meet(&Site {
            service: service.name(),
            operation: &operation,
            caller: &request.scope.caller,
            resource: &resource,
            region: &request.scope.region,
            at: request.scope.now,
            body: &body,
            entries: batch.map(|batch| batch.entries(&body)).unwrap_or_default(),
            pages: cut.as_ref().map_or(&[], Cut::pages),
        });
        let (fault, refused) = match met {
            Met::Nothing => (None, BTreeMap::new()),
            Met::Fault(fault) => (Some(fault), BTreeMap::new()),
            Met::Entries(refused) => (None, refused),
        };
        let lost = fault.as_ref().and_then(Fault::loses);
        let struck =
            fault.as_ref().and_then(|fault| service.struck(protocol, fault, request, &operation, &resource));
        let part = Part {
            batch: batch.filter(|_| !refused.is_empty()),
            refused,
            cut,
            page: fault.as_ref().and_then(Fault::cuts),
        };
        let (required, permitted) = self.authorise(service, request, &operation, &body);
        let handled = match (struck, lost, permitted) {
            (Some(reply), _, _) => Some(Handled::Reply(reply)),
            (None, Some((_, false)), _) => None,
            (None, _, Err(error)) => Some(Handled::Reply(service.refusal(protocol, &error))),
            (None, _, Ok(())) => {
                Some(self.answer_part(service, request, &operation, &body, &mut resource, &part))
            }
        };
        let fate = match (crash, lost) {
            (Some(_), _) => Fate::DiedAfter,
            (None, Some((_, true))) => Fate::Unheard,
            (None, Some((_, false))) => Fate::Lost,
            (None, None) => Fate::Heard,
        };
        let reply = match &handled {
            Some(Handled::Reply(reply)) => Some(reply),
            Some(Handled::Begun(_)) | None => None,
        };
        let error = match lost {
            Some((Lost::Timeout, _)) => Some("Timeout".to_owned()),
            Some((Lost::Reset, _)) => Some("Reset".to_owned()),
            None => reply.and_then(|reply| reply.error.clone()),
        };
        let late = fault.as_ref().and_then(Fault::delays);
        self.record(request, Recorded { service, operation, resource, required, fate, error }, reply);
        match (crash, lost, handled) {
            (Some(_), _, _) => Served::Crashed,
            (None, None, Some(Handled::Reply(reply))) => match late {
                Some(late) => Served::Slow(reply, late),
                None => Served::Reply(reply),
            },
            (None, None, Some(Handled::Begun(reply))) => Served::Later(reply),
            (None, Some((how, _)), _) => Served::Lost(how),
            // A request that is neither refused nor lost is handled.
            (None, None, None) => Served::Lost(Lost::Reset),
        }
    }

    /// Keeps a call, with its bodies where they are asked for.
    fn record(&mut self, request: &Incoming, call: Recorded, reply: Option<&Reply>) {
        let Recorded { service, operation, resource, required, fate, error } = call;
        tracing::debug!(
            caller = request.scope.caller,
            account = request.scope.account,
            region = request.scope.region,
            resource,
            error,
            "{}:{operation}",
            service.name()
        );
        let bodies = self.keeps_bodies.then(|| Bodies {
            path: request.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            request: request.body.clone(),
            status: reply.map_or(0, |reply| reply.status),
            response: reply.map(|reply| reply.body.clone()).unwrap_or_default(),
        });
        if let Some(calls) = &mut self.calls {
            calls.push(Call {
                at: request.scope.now,
                caller: request.scope.caller.clone(),
                account: request.scope.account.clone(),
                region: request.scope.region.clone(),
                service: service.name().to_owned(),
                operation,
                resource,
                required,
                error,
                fate,
                bodies,
            });
        }
    }

    /// What a request needs, and whether its caller may do it.
    fn authorise(
        &mut self,
        service: Service,
        incoming: &Incoming,
        operation: &str,
        body: &Value,
    ) -> (Vec<Required>, Result<(), ApiError>) {
        let now = incoming.scope.now;
        let holdings = iam::Holdings { backup: &self.backup, dynamo: &self.dynamo, kms: &self.kms, now };
        self.iam.authorise(service, &iam::Request { incoming, operation, body }, holdings)
    }

    pub(crate) fn route(
        &mut self,
        service: Service,
        request: &Incoming,
        operation: &str,
        body: &Value,
        resource: &mut String,
        edit: &dyn Fn(Value) -> Value,
    ) -> Handled {
        let scope = &request.scope;
        let protocol = service.protocol(request);
        let answer = match service {
            Service::DynamoDb
                if operation == "PutResourcePolicy" && self.shuts_its_author_out(request, body) =>
            {
                // AWS documents the parameter, and not how it refuses without it (assumption A49).
                Err(ApiError::client(
                    "ValidationException",
                    "The policy denies its author to change it in the future: set ConfirmRemoveSelfResourceAccess to \
                     confirm that",
                ))
            }
            Service::DynamoDb => match self.with_key(scope, body) {
                Err(error) => Err(error),
                Ok(body) if operation == "RestoreTableFromBackup" => {
                    let named = text(&body, "BackupArn").unwrap_or_default();
                    let from = self.backup.snapshot_of(&scope.account, &scope.region, named);
                    let kms = &self.kms;
                    let usable = |key: &str| kms.of_table(scope, key).map(|_| ());
                    let reply = self.dynamo.restore_table_from_backup(scope, &body, from, usable);
                    return Handled::Reply(reply);
                }
                Ok(body) => {
                    return Handled::Reply(self.dynamo.handle(scope, operation, &body).edited(edit));
                }
            },
            Service::CloudWatch => self.cloudwatch.handle(scope, operation, body),
            Service::Events => self.events.handle(scope, operation, body),
            Service::Iam => self.iam.handle(scope, operation, body),
            Service::Scaling => {
                let mut around =
                    scaling::Around { cloudwatch: &mut self.cloudwatch, dynamo: &mut self.dynamo };
                self.scaling.handle(scope, operation, body, &mut around)
            }
            Service::Sqs => self.sqs.handle(scope, operation, body),
            Service::Sts => {
                sts::handle(&self.iam, &mut self.secrets, request, operation, body, self.is_served)
            }
            Service::Lambda => match self.lambda.handle(request, operation, body, &self.sqs) {
                Ok(Handled::Reply(reply)) => return Handled::Reply(reply.edited(edit)),
                Ok(begun) => return begun,
                Err(error) => Err(error),
            },
            Service::Kms => self.kms.handle(scope, operation, body),
            Service::Tagging => {
                let (backup, cloudwatch, dynamo) = (&mut self.backup, &mut self.cloudwatch, &mut self.dynamo);
                tagging::handle(&mut tagging::Around { backup, cloudwatch, dynamo }, scope, operation, body)
            }
            Service::Backup => {
                let (backup, mut around) = self.backup();
                backup.handle(scope, &request.method, &request.path, &request.query, body, &mut around).map(
                    |handled| {
                        *resource = handled.resource;
                        handled.answer
                    },
                )
            }
        };
        Handled::Reply(match answer {
            // The one operation of AWS Backup that answers with another status.
            Ok(answer) if operation == "CancelLegalHold" => {
                Reply::answer(protocol, operation, &answer).with_status(201)
            }
            Ok(answer) => Reply::answer(protocol, operation, &edit(answer)),
            Err(error) => service.refusal(protocol, &error),
        })
    }
}

/// What AWS Backup finds around it in this world.
struct Around<'a> {
    dynamo: &'a mut Dynamo,
    iam: &'a mut Iam,
    kms: &'a mut Kms,
}

impl Neighbours for Around<'_> {
    fn table(&self, account: &str, region: &str, table: &str) -> Option<TableState> {
        self.dynamo.state(account, region, table)
    }

    fn begin_restore(&mut self, restore: &Restore) -> Result<(), String> {
        self.dynamo.begin_restore(restore)
    }

    fn end_restore(&mut self, restore: &Restore) {
        self.dynamo.end_restore(restore);
    }

    fn role_may(&self, role_arn: &str, action: &str, resource: &str) -> Result<(), String> {
        self.iam.role_may(role_arn, "backup.amazonaws.com", action, resource)
    }

    fn key_usable(&self, key_arn: &str) -> Result<(), String> {
        self.kms.key_usable(key_arn)
    }

    fn managed_key(&mut self, account: &str, region: &str, service: &'static str, now: Timestamp) -> String {
        self.kms.managed(account, region, service, now)
    }

    fn service_linked_role(&mut self, account: &str, caller: &str) -> bool {
        self.iam.service_linked_role(account, caller, "backup.amazonaws.com")
    }
}
