//! `backup-chain-local serve` as a process, and its functions' processes.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![allow(clippy::missing_panics_doc, reason = "helpers of tests may panic as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use backup_chain_deployed::stack::{ACCOUNT, SOURCE};

use crate::programs;

/// A served embedded AWS. Killed when it is dropped.
#[derive(Debug)]
pub struct Served {
    /// The process.
    pub process: Child,
    /// What it told a shell to set.
    pub variables: BTreeMap<String, String>,
    /// The lines after that.
    pub told: Vec<String>,
}

impl Served {
    /// Serves on a free port, unless the options name one.
    pub fn start(mut command: Command, options: &[&str]) -> Self {
        let port: &[&str] = if options.contains(&"--port") { &[] } else { &["--port", "0"] };
        command.arg("serve").args(port).args(options).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut variables = BTreeMap::new();
        let mut told = Vec::new();
        let more = usize::from(options.contains(&"--deploy")) + usize::from(options.contains(&"held"));
        while told.len() <= more {
            let line = lines.next().expect("it serves");
            match line.strip_prefix("export ") {
                Some(pairs) => variables.extend(pairs.split(' ').map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap();
                    (name.to_owned(), value.to_owned())
                })),
                None => told.push(line),
            }
        }
        Self { process, variables, told }
    }

    /// The embedded AWS as a program.
    pub fn local() -> Command {
        Command::new(programs().join("backup-chain-local"))
    }

    /// A program with the variables that were told.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(programs().join(program));
        command.args(args).envs(&self.variables);
        command
    }

    /// Runs a program with the variables that were told.
    pub fn run(&self, program: &str, args: &[&str]) -> Output {
        self.command(program, args).output().unwrap()
    }

    /// What `clock` says, which must succeed.
    #[track_caller]
    pub fn clock(&self, args: &[&str]) -> String {
        let done = self.run("backup-chain-local", &[&["clock"], args].concat());
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    /// A client's configuration for a Region, on this machine's clock.
    pub async fn config_in(&self, region: &'static str) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(Credentials::new(ACCOUNT, "not-checked", None, None, "test"))
            .endpoint_url(&self.variables["AWS_ENDPOINT_URL"])
            .load()
            .await
    }

    /// The same for the source Region.
    pub async fn config(&self) -> SdkConfig {
        self.config_in(SOURCE).await
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The processes of functions, and what they have started: all that were told of this world's clock.
    pub fn functions(&self) -> Vec<u32> {
        let told = format!("BACKUP_CHAIN_CLOCK={}", self.variables["BACKUP_CHAIN_CLOCK"]);
        let is_told = |id: &u32| {
            let variables = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            variables.split(|byte| *byte == 0).any(|variable| variable == told.as_bytes())
        };
        let all = fs::read_dir("/proc").unwrap();
        all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(is_told).collect()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
