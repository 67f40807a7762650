//! A function that tests and demos bring along: code of this process, or a program.

use std::{collections::BTreeMap, fmt, future::Future, path::Path, pin::Pin};

use jiff::SignedDuration;
use serde_json::Value;

/// What a function answers: its result, or what its error says.
pub type Answer = Result<Value, String>;

pub(super) type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A function that runs in this process, with the environment variables that it is configured with.
pub struct Function {
    pub(super) role: Option<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) timeout: SignedDuration,
    pub(super) run: Box<dyn Fn(Value) -> Running + Send + Sync>,
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
