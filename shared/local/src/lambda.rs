//! Lambda: functions by name, and the Invoke API that runs them.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    World,
    api::{ApiError, Scope},
    wire::{Incoming, Protocol, Reply},
};

/// What a function answers: its result, or what its error says.
pub type Answer = Result<Value, String>;

type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A function of the embedded AWS, with the environment variables that it is configured with.
pub struct Function {
    environment: BTreeMap<String, String>,
    run: Box<dyn Fn(Value) -> Running + Send + Sync>,
}

impl Function {
    /// A function that answers each payload with what `run` makes of it.
    pub fn new<F>(
        environment: BTreeMap<String, String>,
        run: impl Fn(Value) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self { environment, run: Box::new(move |payload| Box::pin(run(payload))) }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("environment", &self.environment).finish_non_exhaustive()
    }
}

/// The functions of all accounts and Regions. They belong to those who registered them: a function holds the
/// world that it runs in, so the world must not hold the function.
#[derive(Debug, Default)]
pub(crate) struct Lambda {
    functions: BTreeMap<[String; 3], Weak<Function>>,
    begun: Vec<Invocation>,
}

/// A function that is about to run. It runs by itself: a caller that goes away does not stop it.
#[derive(Debug)]
pub(crate) struct Invocation {
    function: Arc<Function>,
    payload: Value,
    caller: oneshot::Sender<Reply>,
}

impl Invocation {
    /// Runs the function to its end and answers as Invoke does: a function that fails is answered with 200 and
    /// a header that says so.
    pub(crate) async fn run(self) {
        let reply = match (self.function.run)(self.payload).await {
            Ok(answer) => executed(200, answer.to_string()),
            Err(message) => {
                let error = json!({ "errorType": "Error", "errorMessage": message });
                executed(200, error.to_string()).with_header("x-amz-function-error", "Unhandled")
            }
        };
        // Nobody waits for an asynchronous one, or for one whose caller has gone.
        let _ = self.caller.send(reply);
    }
}

fn executed(status: u16, body: String) -> Reply {
    Reply::new(Protocol::Rest, status, None, body).with_header("x-amz-executed-version", "$LATEST")
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
    pub(crate) fn register(&mut self, account: &str, region: &str, name: &str, function: &Arc<Function>) {
        self.functions.insert([account, region, name].map(str::to_owned), Arc::downgrade(function));
    }

    /// The operation of a path, if there is one.
    pub(crate) fn operation(method: &str, path: &[String]) -> Option<&'static str> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (method, path.as_slice()) {
            ("POST", ["2015-03-31", "functions", _, "invocations"]) => Some("Invoke"),
            ("GET", ["2015-03-31", "functions", _, "configuration"]) => Some("GetFunctionConfiguration"),
            _ => None,
        }
    }

    /// The function that a path names: by name, partial ARN or ARN.
    pub(crate) fn named(path: &[String]) -> &str {
        let given = path.get(2).map(String::as_str).unwrap_or_default();
        given.split_once("function:").map_or(given, |(_, name)| name)
    }

    /// The invocations to be run now.
    pub(crate) fn take_begun(&mut self) -> Vec<Invocation> {
        std::mem::take(&mut self.begun)
    }

    pub(crate) fn handle(
        &mut self,
        request: &Incoming,
        operation: &str,
        body: &Value,
    ) -> Result<Handled, ApiError> {
        let name = Self::named(&request.path);
        let function = self.find(&request.scope, name)?;
        if operation == "GetFunctionConfiguration" {
            let configuration = json!({
                "FunctionName": name,
                "FunctionArn": arn(&request.scope, name),
                "Version": "$LATEST",
                "State": "Active",
                "Environment": { "Variables": function.environment },
            });
            return Ok(Handled::Reply(Reply::answer(Protocol::Rest, operation, &configuration)));
        }
        let asynchronous = match request.invocation_type.as_deref() {
            None | Some("RequestResponse") => false,
            Some("Event") => true,
            Some("DryRun") => return Ok(Handled::Reply(executed(204, String::new()))),
            Some(other) => {
                let message =
                    format!("1 validation error detected: Value '{other}' at 'invocationType' is none");
                return Err(ApiError::client("InvalidParameterValueException", message));
            }
        };
        // A function that is invoked without a payload is given an empty object.
        let payload = if body.is_null() { json!({}) } else { body.clone() };
        let (caller, answer) = oneshot::channel();
        self.begun.push(Invocation { function, payload, caller });
        Ok(if asynchronous { Handled::Reply(executed(202, String::new())) } else { Handled::Begun(answer) })
    }

    fn find(&self, scope: &Scope, name: &str) -> Result<Arc<Function>, ApiError> {
        let key = [scope.account.as_str(), &scope.region, name].map(str::to_owned);
        self.functions.get(&key).and_then(Weak::upgrade).ok_or_else(|| ApiError {
            status: 404,
            code: "ResourceNotFoundException".to_owned(),
            message: format!("Function not found: {}", arn(scope, name)),
        })
    }
}

fn arn(scope: &Scope, name: &str) -> String {
    format!("arn:aws:lambda:{}:{}:function:{name}", scope.region, scope.account)
}

impl World {
    /// Registers a function under a name. It is there for as long as the caller keeps it.
    pub fn register(&self, account: &str, region: &str, name: &str, function: &Arc<Function>) {
        self.with_lambda(|lambda| lambda.register(account, region, name, function));
    }
}
