//! Programs as functions: each environment takes one invocation at a time.

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::{net::TcpListener, sync::oneshot};

use super::{
    configuration::Configuration,
    invocation::Invocation,
    log::Usage,
    outcome::{Ended, Failure},
    process::{Environment, Log, Package, Process, Surroundings},
    runtime_api::{self, Desk, Work},
};
use crate::World;

/// Lambda ends an environment that takes longer than this to start.
const MAX_INIT: Duration = Duration::from_secs(10);

impl Package {
    /// Runs an invocation in an environment that waits, or in a new one.
    pub(super) async fn run(&self, world: &World, invocation: &Invocation, deadline: Timestamp) -> Ended {
        let waiting = self.idle().pop();
        let (mut environment, init) = match waiting {
            Some(environment) => (environment, None),
            None => match Environment::start(world, &self.program, &invocation.configuration).await {
                Ok((environment, init)) => (environment, Some(init)),
                Err((failure, log)) => {
                    return Ended { answer: Err(failure), log, usage: Usage::default() };
                }
            },
        };
        // The time that an environment took to start is not the invocation's.
        let deadline = deadline + init.unwrap_or_default();
        let answer = environment.invoke(world, invocation, deadline).await;
        let ended = Ended {
            answer,
            log: environment.log.take(),
            usage: Usage { init, memory: environment.memory(), ..Usage::default() },
        };
        if matches!(ended.answer, Ok(_) | Err(Failure::Told(_))) {
            self.idle().push(environment);
        }
        ended
    }
}

impl Environment {
    /// Starts a process and waits until it asks for work.
    async fn start(
        world: &World,
        program: &Path,
        configuration: &Configuration,
    ) -> Result<(Self, SignedDuration), (Failure, String)> {
        let began = world.now();
        let died = |kind, message: String| (Failure::Died { kind, message }, String::new());
        let clock = match world.clock_variable() {
            Some(variable) => {
                let file = world.clock_file().map_err(|error| died("Runtime.Unknown", error.to_string()))?;
                Some((variable, file.to_string_lossy().into_owned()))
            }
            None => None,
        };
        let endpoint = world.endpoint().ok_or_else(|| {
            died(
                "Runtime.InvalidEntrypoint",
                "programs run only while the world is served over TCP".to_owned(),
            )
        })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|error| died("Runtime.Unknown", error.to_string()))?;
        let address = listener.local_addr().map_err(|error| died("Runtime.Unknown", error.to_string()))?;
        let log = Log::default();
        let around = Surroundings {
            endpoint: &endpoint,
            runtime_api: &address.to_string(),
            clock: clock.as_ref().map(|(variable, file)| (variable.as_str(), file.as_str())),
        };
        let process = Process::spawn(program, configuration, &around, &log);
        let process = process
            .map_err(|error| died("Runtime.InvalidEntrypoint", format!("{}: {error}", program.display())))?;
        let desk = Arc::new(Desk::default());
        let runtime_api = tokio::spawn(runtime_api::serve(listener, Arc::clone(&desk)));
        let mut environment = Self { process, log, desk, runtime_api };
        let desk = Arc::clone(&environment.desk);
        let failure = tokio::select! {
            biased;
            failed = desk.asked_for_work() => match failed {
                None => return Ok((environment, world.now().duration_since(began))),
                Some(document) => Failure::Told(document),
            },
            failure = environment.process.ended() => failure,
            () = tokio::time::sleep(MAX_INIT) => Failure::Died {
                kind: "Sandbox.Timedout",
                message: "the function did not start within 10 seconds".to_owned(),
            },
        };
        Err((failure, environment.log.take()))
    }

    async fn invoke(
        &mut self,
        world: &World,
        invocation: &Invocation,
        deadline: Timestamp,
    ) -> Result<Bytes, Failure> {
        let (answer, answered) = oneshot::channel();
        let Invocation { request_id, configuration, payload, .. } = invocation;
        self.desk.hand_out(Work {
            request_id: request_id.clone(),
            arn: configuration.arn.clone(),
            deadline,
            payload: payload.clone(),
            answer,
        });
        let left = deadline.duration_since(world.now()).max(SignedDuration::ZERO);
        let answer = tokio::select! {
            biased;
            answer = answered => answer.unwrap_or_else(|_| Err(Failure::Died {
                kind: "Runtime.ExitError",
                message: "the runtime went away".to_owned(),
            })),
            failure = self.process.ended() => Err(failure),
            () = tokio::time::sleep(left.unsigned_abs()) => Err(Failure::TimedOut),
        };
        // What the function wrote before it answered is on its way through a pipe.
        self.log.settle().await;
        answer
    }
}
