//! The four functions: there, able to run, and of one deployment.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;
use backup_chain_core::functions::FUNCTIONS;

use super::context::CheckContext;
use super::finding::{Check, Finding, is_missing};

/// What their binaries run on.
const RUNTIME: &str = "provided.al2023";

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let client = Client::new(&look.config(look.source()));
    let mut findings = Vec::new();
    let mut first: Option<FunctionSettings> = None;
    // The session function is the first: it has told what the deployment is made of.
    for function in FUNCTIONS {
        let name = look.named(function.name);
        let place = look.here(&name);
        let found = match configuration(&client, &name).await {
            Ok(found) => found,
            Err(error) => {
                findings.push(missing(&place, &name, &error));
                continue;
            }
        };
        let told = FunctionSettings::of(&found);
        let mut problems = state(&place, &found);
        problems.extend(runtime(&place, &found));
        match &first {
            Some(first) => problems.extend(told.differences(first, &place, &name)),
            None => first = Some(told),
        }
        problems.extend(throttled(look, &client, &name, &place).await);
        if problems.is_empty() {
            problems.push(Finding::ok(Check::Functions, place, "there, and able to run"));
        }
        findings.extend(problems);
    }
    findings
}

/// How a function is configured.
pub(super) async fn configuration(
    client: &Client,
    name: &str,
) -> Result<GetFunctionConfigurationOutput, AwsError> {
    let answer = client.get_function_configuration().function_name(name).send().await;
    answer.map_err(failed("lambda:GetFunctionConfiguration", name))
}

fn missing(place: &str, name: &str, error: &AwsError) -> Finding {
    if is_missing(error) {
        Finding::wrong(Check::Functions, place, format!("there is no function {name}"))
            .fix("deploy the stack again")
    } else {
        Finding::unknown(Check::Functions, place, error)
    }
}

/// What of a function must be the same in all of them.
struct FunctionSettings {
    variables: BTreeMap<String, String>,
    architecture: String,
}

impl FunctionSettings {
    fn of(found: &GetFunctionConfigurationOutput) -> Self {
        let variables = found.environment().and_then(|environment| environment.variables());
        let ours = variables.into_iter().flatten().filter(|(name, _)| name.starts_with("BACKUP_CHAIN_"));
        Self {
            variables: ours.map(|(name, value)| (name.clone(), value.clone())).collect(),
            architecture: architecture(found),
        }
    }

    /// How this function differs from the session function.
    fn differences(&self, first: &Self, place: &str, name: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let names = self.variables.keys().chain(first.variables.keys());
        let mut others: Vec<&str> = names
            .filter(|name| self.variables.get(*name) != first.variables.get(*name))
            .map(String::as_str)
            .collect();
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            let what =
                format!("it is set otherwise than the session function: environment {}", others.join(", "));
            let fix = format!("deploy the stack again, and set nothing of {name} by hand");
            findings.push(Finding::wrong(Check::Functions, place, what).fix(fix));
        }
        if self.architecture != first.architecture {
            let what = format!(
                "it runs on {}, and the session function on {}: one of them does not start",
                self.architecture, first.architecture
            );
            findings
                .push(Finding::wrong(Check::Functions, place, what).fix("build and deploy the stack again"));
        }
        findings
    }
}

fn architecture(found: &GetFunctionConfigurationOutput) -> String {
    found.architectures().first().map_or("x86_64", |architecture| architecture.as_str()).to_owned()
}

fn state(place: &str, found: &GetFunctionConfigurationOutput) -> Vec<Finding> {
    let mut findings = Vec::new();
    let log = "see why in the Lambda console, and deploy the stack again";
    let why = |reason: Option<&str>| reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    match found.state() {
        None | Some(State::Active) => {}
        // Lambda takes back what is idle for weeks and gives it again with the next invocation.
        Some(state @ (State::Pending | State::Inactive)) => {
            let what = format!("it is {}{}", state.as_str(), why(found.state_reason()));
            findings.push(Finding::warning(Check::Functions, place, what).fix("look again in a minute"));
        }
        Some(state) => {
            let what = format!("it is {}{}", state.as_str(), why(found.state_reason()));
            findings.push(Finding::wrong(Check::Functions, place, what).fix(log));
        }
    }
    match found.last_update_status() {
        None | Some(LastUpdateStatus::Successful) => {}
        Some(LastUpdateStatus::InProgress) => {
            let what = "it is being updated";
            findings.push(Finding::warning(Check::Functions, place, what).fix("look again in a minute"));
        }
        Some(_) => {
            let what = format!("its last update failed{}", why(found.last_update_status_reason()));
            findings.push(Finding::wrong(Check::Functions, place, what).fix(log));
        }
    }
    findings
}

fn runtime(place: &str, found: &GetFunctionConfigurationOutput) -> Option<Finding> {
    let runtime = found.runtime().map_or("no runtime", |runtime| runtime.as_str());
    (runtime != RUNTIME).then(|| {
        let what = format!("it runs on {runtime}, and is built for {RUNTIME}");
        Finding::wrong(Check::Functions, place, what).fix("deploy the stack again")
    })
}

/// A function that may run no invocation at all.
async fn throttled(look: &CheckContext<'_>, client: &Client, name: &str, place: &str) -> Option<Finding> {
    let answer = client.get_function_concurrency().function_name(name).send().await;
    match answer.map_err(failed("lambda:GetFunctionConcurrency", name)) {
        Ok(answer) if answer.reserved_concurrent_executions() == Some(0) => {
            let what = "its reserved concurrency is 0: somebody has stopped it, and it never runs";
            let command = format!(
                "aws lambda delete-function-concurrency --region {} --function-name {name}",
                look.source()
            );
            let fix = "find out who stopped it, and let it run again";
            Some(Finding::wrong(Check::Functions, place, what).fix(fix).command(command))
        }
        Ok(_) => None,
        Err(error) => Some(Finding::unknown(Check::Functions, place, &error)),
    }
}
