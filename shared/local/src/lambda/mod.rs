//! Lambda: functions, and what invokes them.
//!
//! A function is code of this process ([`Function`], for tests and the demo) or a program that runs as a process
//! of its own and speaks Lambda's runtime API.

mod api;
mod concurrency;
mod configuration;
mod events;
mod invocation;
mod log;
mod mappings;
mod permissions;
mod process;
pub(crate) mod routes;
mod runtime_api;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    path::Path,
    pin::Pin,
    sync::{Arc, Weak},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::oneshot;

pub(crate) use self::invocation::{Invocation, Outcome};
use self::{
    configuration::Configuration,
    events::{Asked, Retries},
    mappings::Mapping,
    process::Package,
};
use crate::{
    World,
    api::{ApiError, Scope},
    rng::Rng,
    wire::Reply,
};

/// What a function answers: its result, or what its error says.
pub type Answer = Result<Value, String>;

type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A function that runs in this process, with the environment variables that it is configured with.
pub struct Function {
    role: Option<String>,
    environment: BTreeMap<String, String>,
    timeout: SignedDuration,
    run: Box<dyn Fn(Value) -> Running + Send + Sync>,
}

impl Function {
    /// A function that answers each payload with what `run` makes of it, within Lambda's 15 minutes.
    pub fn new<F>(
        environment: BTreeMap<String, String>,
        run: impl Fn(Value) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self {
            role: None,
            environment,
            timeout: SignedDuration::from_mins(15),
            run: Box::new(move |payload| Box::pin(run(payload))),
        }
    }

    /// The same with a role of this name in place of one of its own name. It says so and no more: the code calls AWS
    /// by its own configuration.
    #[must_use]
    pub fn role(self, role: impl Into<String>) -> Self {
        Self { role: Some(role.into()), ..self }
    }

    /// The same with another timeout: an invocation that runs longer is ended.
    #[must_use]
    pub fn timeout(self, timeout: SignedDuration) -> Self {
        Self { timeout, ..self }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("environment", &self.environment).finish_non_exhaustive()
    }
}

/// Where a function's code is.
#[derive(Debug, Clone)]
enum Code {
    /// In this process. It belongs to those who registered it: a function holds the world that it runs in, so
    /// the world must not hold the function.
    Here(Weak<Function>),
    Package(Arc<Package>),
}

/// Account, Region and name.
type Key = [String; 3];

#[derive(Debug)]
struct Deployed {
    configuration: Arc<Configuration>,
    code: Code,
    /// What becomes of asynchronous invocations that fail.
    retries: Retries,
    /// Statement id to who else may invoke it.
    permissions: BTreeMap<String, Value>,
}

impl Deployed {
    fn is_there(&self) -> bool {
        match &self.code {
            Code::Here(function) => function.strong_count() > 0,
            Code::Package(_) => true,
        }
    }
}

/// The functions of all accounts and Regions.
#[derive(Debug)]
pub(crate) struct Lambda {
    functions: BTreeMap<Key, Deployed>,
    mappings: BTreeMap<String, Mapping>,
    /// Functions that may run no invocation.
    stopped: BTreeSet<Key>,
    /// Asynchronous invocations that have failed, by the moment of their next attempt.
    asked: BTreeMap<(Timestamp, u64), Asked>,
    begun: Vec<Invocation>,
    running: usize,
    numbered: u64,
    rng: Rng,
}

/// What comes of a request.
#[derive(Debug)]
pub(crate) enum Handled {
    /// An answer at once.
    Reply(Reply),
    /// The answer of a function that has begun to run.
    Begun(oneshot::Receiver<Reply>),
}

impl Lambda {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            functions: BTreeMap::new(),
            mappings: BTreeMap::new(),
            stopped: BTreeSet::new(),
            asked: BTreeMap::new(),
            begun: Vec::new(),
            running: 0,
            numbered: 0,
            rng,
        }
    }

    /// The invocations to be run now.
    pub(crate) fn take_begun(&mut self) -> Vec<Invocation> {
        let begun = std::mem::take(&mut self.begun);
        self.running += begun.len();
        begun
    }

    /// How many invocations run.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    fn find(&self, scope: &Scope, name: &str) -> Result<&Deployed, ApiError> {
        let key = key(scope, name);
        self.functions.get(&key).filter(|found| found.is_there()).ok_or_else(|| missing(scope, name))
    }

    fn find_mut(&mut self, scope: &Scope, name: &str) -> Result<&mut Deployed, ApiError> {
        let key = key(scope, name);
        self.functions.get_mut(&key).filter(|found| found.is_there()).ok_or_else(|| missing(scope, name))
    }

    fn of_arn(&self, arn: &str) -> Option<&Deployed> {
        self.functions.get(&key_of_arn(arn)?).filter(|found| found.is_there())
    }
}

fn key(scope: &Scope, name: &str) -> Key {
    [scope.account.clone(), scope.region.clone(), name.to_owned()]
}

/// `arn:aws:lambda:<Region>:<account>:function:<name>[:<version>]`
fn key_of_arn(arn: &str) -> Option<Key> {
    let mut parts = arn.split(':').skip(3);
    let (region, account, kind, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (kind == "function").then(|| [account, region, name].map(str::to_owned))
}

fn arn([account, region, name]: &Key) -> String {
    format!("arn:aws:lambda:{region}:{account}:function:{name}")
}

fn missing(scope: &Scope, name: &str) -> ApiError {
    not_found(format!("Function not found: {}", arn(&key(scope, name))))
}

fn not_found(message: String) -> ApiError {
    ApiError { status: 404, ..ApiError::client("ResourceNotFoundException", message) }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterValueException", message)
}

impl World {
    /// Registers a function of this process under a name. It is there for as long as the caller keeps it, and
    /// every service may invoke it.
    pub fn register(&self, account: &str, region: &str, name: &str, function: &Arc<Function>) {
        let key = [account, region, name].map(str::to_owned);
        let configuration = Configuration::in_process(&key, function, self.now());
        let code = Code::Here(Arc::downgrade(function));
        self.with_lambda(|lambda| lambda.deploy(key, configuration, code));
    }

    /// Registers a program as a function. Needs a world that is served over TCP ([`crate::server::serve`]), where
    /// the program finds its AWS.
    pub fn register_program(&self, account: &str, region: &str, program: &Program<'_>) {
        let key = [account, region, program.name].map(str::to_owned);
        let configuration = Configuration::of_program(&key, program, self.now());
        self.with_lambda(|lambda| {
            lambda.deploy(key, configuration, Code::Package(Arc::new(Package::of_program(program.path))));
        });
    }
}

/// How a program is configured as a function.
#[derive(Debug, Clone)]
pub struct Program<'a> {
    /// The function's name.
    pub name: &'a str,
    /// The executable.
    pub path: &'a Path,
    /// The name of its role.
    pub role: &'a str,
    /// How long an invocation may take.
    pub timeout: SignedDuration,
    /// MiB of memory, which the embedded AWS returns and does not enforce.
    pub memory: u32,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
}

impl Lambda {
    fn deploy(&mut self, key: Key, configuration: Configuration, code: Code) {
        let any_service = permissions::any_service(&configuration.arn);
        let deployed = Deployed {
            configuration: Arc::new(configuration),
            code,
            retries: Retries::default(),
            permissions: BTreeMap::from([("any-service".to_owned(), any_service)]),
        };
        self.functions.insert(key, deployed);
    }
}
