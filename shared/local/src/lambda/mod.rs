//! Lambda: functions, and what invokes them.
//!
//! A function is code of this process ([`Function`], for tests and the demo) or a program that runs as a process
//! of its own and speaks Lambda's runtime API.

mod api;
mod concurrency;
mod configuration;
mod deployed;
mod environments;
mod events;
mod function;
mod invocation;
mod log;
mod mapping;
mod mappings;
mod names;
mod outcome;
mod permissions;
mod process;
mod registering;
mod retries;
pub(crate) mod routes;
mod running;
mod runtime_api;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tokio::sync::oneshot;

pub use self::function::{Answer, Function, Program};
use self::{
    deployed::Deployed,
    mapping::Mapping,
    names::{Key, key, key_of_arn, missing},
    retries::Asked,
};
pub(crate) use self::{invocation::Invocation, outcome::Outcome};
use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::Reply,
};

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
