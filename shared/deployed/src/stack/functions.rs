//! The functions, as Lambda runs them.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use backup_chain_aws::App;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::deployment::Deployment;
use backup_chain_aws::meter::Meter;
use backup_chain_aws::runtime::CLOCK;
use backup_chain_core::invoke;
use backup_chain_core::retention::Report;
use backup_chain_retention::Reply;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::names::{ACCOUNT, COPY, FUNCTIONS, Failure, RESTORE, RETENTION, SESSION, SOURCE, function};
use super::resources;
use backup_chain_local::{Answer, Function, Program, World};

/// What retention runs by schedule have reported.
#[derive(Debug, Clone, Default)]
pub(super) struct Reports(Arc<Mutex<Vec<(Timestamp, Report)>>>);

impl Reports {
    pub(super) fn all(&self) -> Vec<(Timestamp, Report)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, at: Timestamp, report: Report) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((at, report));
    }
}

/// The lines of what the functions of this process have measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn meter(&self) -> Meter {
        let lines = Arc::clone(&self.0);
        Meter::new(move |line| lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned()))
    }
}

/// Runs an invocation to its end, or to a crash point of its caller: there it is dropped where it stands.
pub(super) async fn alive<T, E: Into<Failure>>(
    world: &World,
    caller: &str,
    invocation: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = invocation => done.map_err(Into::into),
        () = world.crashed(caller) => Err("the function died".into()),
    }
}

/// Registers the functions of this process with Lambda, each under the name that the template gives it.
pub(super) fn in_process(
    world: &World,
    timeout: SignedDuration,
    [session, copy, retention, restore]: [&App; 4],
    reports: &Reports,
) -> Vec<Arc<Function>> {
    let environment = environment(session.context.deployment());
    let deadline = move |world: &World| Deadline::at(world.now() + timeout);
    let [session, copy, retention, restore] =
        [session, copy, retention, restore].map(|app| (world.clone(), app.clone()));
    let reports = reports.clone();
    let session = Function::new(environment.clone(), move |payload| {
        let (world, app) = session.clone();
        async move {
            let done = backup_chain_session::handle(&app, request(payload)?, deadline(&world));
            answer(alive(&world, SESSION, done).await)
        }
    });
    let copy = Function::new(environment.clone(), move |payload| {
        let (world, app) = copy.clone();
        async move {
            let done = backup_chain_copy::handle(&app, payload, deadline(&world));
            answer(alive(&world, COPY, done).await)
        }
    });
    let restore = Function::new(environment.clone(), move |payload| {
        let (world, app) = restore.clone();
        async move {
            let done = backup_chain_restore::handle(&app, payload, deadline(&world));
            answer(alive(&world, RESTORE, done).await)
        }
    });
    let retention = Function::new(environment, move |payload| {
        let ((world, app), reports) = (retention.clone(), reports.clone());
        async move {
            let (began, is_scheduled) = (world.now(), payload == resources::scheduled_run());
            let done = backup_chain_retention::handle(&app, request(payload)?, deadline(&world));
            let done = alive(&world, RETENTION, done).await;
            if let (true, Ok(Reply::Report(report))) = (is_scheduled, &done) {
                reports.add(began, Report::clone(report));
            }
            answer(done)
        }
    });
    let code = [session, copy, retention, restore];
    FUNCTIONS
        .into_iter()
        .zip(code)
        .map(|((name, role), code)| {
            let code = Arc::new(code.role(role).timeout(timeout));
            world.register(ACCOUNT, SOURCE, &function(name), &code);
            code
        })
        .collect()
}

/// A function's program that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("the function {} cannot be run: {problem}", program.display())]
pub struct NoFunction {
    /// Where it should be.
    pub program: PathBuf,
    problem: io::Error,
}

/// The functions' programs, in the order of [`FUNCTIONS`].
///
/// # Errors
/// The first that is not there or is no program.
pub(super) fn find(binaries: &Path) -> Result<Vec<PathBuf>, NoFunction> {
    let find = |(name, _): (&str, &str)| {
        let program = binaries.join(function(name));
        // A function runs in a folder of its own: there a relative path would lead elsewhere.
        runnable(&program).map_err(|problem| NoFunction { program, problem })
    };
    FUNCTIONS.into_iter().map(find).collect()
}

fn runnable(program: &Path) -> io::Result<PathBuf> {
    let program = program.canonicalize()?;
    let about = program.metadata()?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Err(io::Error::other("it is no program"));
    }
    Ok(program)
}

/// Registers the functions' programs with Lambda.
pub(super) fn programs(
    world: &World,
    timeout: SignedDuration,
    deployment: &Deployment,
    programs: &[PathBuf],
) {
    world.tell_clock_in(CLOCK);
    for ((name, role), path) in FUNCTIONS.into_iter().zip(programs) {
        let environment = environment(deployment);
        let program = Program { name: &function(name), path, role, timeout, memory: 256, environment };
        world.register_program(ACCOUNT, SOURCE, &program);
    }
}

fn request<T: DeserializeOwned>(payload: Value) -> Result<T, String> {
    invoke::read(payload).map_err(|error| error.to_string())
}

fn answer<T: Serialize>(done: Result<T, Failure>) -> Answer {
    let reply = done.map_err(|error| error.to_string())?;
    serde_json::to_value(reply).map_err(|error| error.to_string())
}

/// The variables that the template sets for a function: what [`Deployment::read`] reads.
fn environment(deployment: &Deployment) -> BTreeMap<String, String> {
    let Deployment { partition, account, region: _, catalog, settings, vault, key, .. } = deployment;
    let variables = [
        ("DEPLOYMENT", deployment.name.clone()),
        ("PARTITION", partition.clone()),
        ("ACCOUNT", account.to_string()),
        ("CATALOG", catalog.clone()),
        ("SETTINGS", settings.clone()),
        ("VAULT", vault.to_string()),
        ("KEY", key.clone()),
        ("BUS", deployment.bus.clone()),
        ("BACKUP_ROLE", deployment.backup_role.clone()),
        ("COPY_ROLE", deployment.copy_role.clone()),
        ("RESTORE_ROLE", deployment.restore_role.clone()),
        ("MIN_AGE_HOURS", deployment.min_age.as_hours().to_string()),
        ("PAUSE_DELETION", deployment.brakes.paused.to_string()),
        ("MOST_DELETIONS", deployment.brakes.most_deletions.to_string()),
        ("BACKUPS_IN_FLIGHT", deployment.backups_in_flight.to_string()),
        ("COPIES_IN_FLIGHT", deployment.copies_in_flight.to_string()),
    ];
    variables.into_iter().map(|(name, value)| (format!("BACKUP_CHAIN_{name}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Schedules, Stack};
    use backup_chain_local::Options;

    #[tokio::test(start_paused = true)]
    async fn the_functions_are_configured_as_the_deployment_is() {
        let world = World::new(Options { start: Timestamp::UNIX_EPOCH, seed: 7 });
        let mut stack = Stack::deploy(&world, Schedules::default()).await.unwrap();
        stack.reconfigure(|deployment| {
            deployment.min_age = SignedDuration::from_hours(5);
            deployment.brakes.paused = true;
            deployment.brakes.most_deletions = 7;
            (deployment.backups_in_flight, deployment.copies_in_flight) = (11, 13);
        });
        let deployment = stack.app().context.deployment();
        let variables = environment(deployment);
        let read = Deployment::read(|name| match name {
            "AWS_REGION" => Some(SOURCE.to_owned()),
            name => variables.get(name).cloned(),
        });
        assert_eq!(format!("{:?}", read.unwrap()), format!("{deployment:?}"));
    }
}
