//! `backup-chain-local serve` and `clock`, from outside: a process, its functions' processes, and clients with clocks of
//! their own.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_backup::Client as Backup;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use backup_chain_local::stack::{ACCOUNT, FUNCTIONS, SOURCE, VAULT, function};
use backup_chain_tests::programs;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// When these worlds begin: ten minutes before the policy's slot.
const START: &str = "2026-01-05T06:50:00Z";

const POLICY: &str = "
name: orders
sources: {tables: [orders]}
vault: backup-chain
tiers:
  daily: {at: [07:00], keep: 3 days}
";

fn local() -> Command {
    Command::new(programs().join("backup-chain-local"))
}

/// A served embedded AWS. Killed when it is dropped.
struct Served {
    process: Child,
    /// What it told a shell to set.
    variables: BTreeMap<String, String>,
    /// The lines after that.
    told: Vec<String>,
}

impl Served {
    /// Serves on a free port.
    fn start(mut command: Command, options: &[&str]) -> Self {
        command.args(["serve", "--port", "0"]).args(options).stdout(Stdio::piped());
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

    fn held() -> Self {
        Self::start(local(), &["--deploy", "--clock", "held", "--start", START, "--tick", "1h"])
    }

    /// Runs a program with the variables that were told.
    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new(programs().join(program));
        command.args(args).envs(&self.variables).output().unwrap()
    }

    /// What `clock` says, which must succeed.
    #[track_caller]
    fn clock(&self, args: &[&str]) -> String {
        let done = self.run("backup-chain-local", &[&["clock"], args].concat());
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    /// A client's configuration, on this machine's clock.
    async fn config(&self) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(SOURCE))
            .credentials_provider(Credentials::new(ACCOUNT, "not-checked", None, None, "test"))
            .endpoint_url(&self.variables["AWS_ENDPOINT_URL"])
            .load()
            .await
    }

    /// Invokes a function: its answer and the end of its log.
    async fn invoke(&self, name: &str, payload: &Value) -> (Value, String) {
        let client = aws_sdk_lambda::Client::new(&self.config().await);
        let invoke = client.invoke().function_name(function(name)).log_type(LogType::Tail);
        let answer = invoke.payload(Blob::new(payload.to_string())).send().await.unwrap();
        let said = String::from_utf8_lossy(answer.payload().unwrap().as_ref()).into_owned();
        assert_eq!(answer.function_error(), None, "{said}");
        let log = BASE64_STANDARD.decode(answer.log_result().unwrap()).unwrap();
        (serde_json::from_str(&said).unwrap(), String::from_utf8(log).unwrap())
    }

    fn id(&self) -> u32 {
        self.process.id()
    }

    /// The processes of functions, and what they have started: all that were told of this world's clock.
    fn functions(&self) -> Vec<u32> {
        let told = format!("BACKUP_CHAIN_CLOCK={}", self.variables["BACKUP_CHAIN_CLOCK"]);
        let is_told = |id: &u32| {
            let variables = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            variables.split(|byte| *byte == 0).any(|variable| variable == told.as_bytes())
        };
        let all = std::fs::read_dir("/proc").unwrap();
        all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(is_told).collect()
    }

    fn signal(&self, name: &str) {
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

async fn orders(config: &SdkConfig) {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let create = aws_sdk_dynamodb::Client::new(config).create_table().table_name("orders").key_schema(key);
    let create = create.attribute_definitions(id.build().unwrap()).billing_mode(BillingMode::PayPerRequest);
    create.send().await.unwrap();
}

#[tokio::test]
async fn days_pass_when_the_clock_is_moved_and_the_functions_live_in_them() {
    let served = Served::held();
    assert!(served.told.iter().any(|line| line.contains(&format!("stands still at {START}"))));
    assert_eq!(served.clock(&["show"]), START);
    let config = served.config().await;
    orders(&config).await;
    assert_eq!(served.clock(&["advance", "5s"]), "2026-01-05T06:50:05Z");
    let (applied, log) = served.invoke("session", &json!({"action": "apply", "document": POLICY})).await;
    assert_eq!(applied["outcome"], "applied", "{applied}");
    let line = |text: &str| log.lines().find(|line| line.contains(text)).map(str::to_owned);
    assert!(line("\"timestamp\":\"2026-01-05T06:50:0").is_some(), "the log is in the world's time:\n{log}");

    assert_eq!(served.clock(&["set", "2026-01-10T07:30:00Z"]), "2026-01-10T07:30:00Z");
    let listed = Backup::new(&config).list_recovery_points_by_backup_vault().backup_vault_name(VAULT);
    let mut days: Vec<String> = listed
        .send()
        .await
        .unwrap()
        .recovery_points()
        .iter()
        .map(|point| {
            let at = Timestamp::from_second(point.creation_date().unwrap().secs()).unwrap();
            at.to_zoned(TimeZone::UTC).strftime("%d %H:%M").to_string()
        })
        .collect();
    days.sort();
    // The tick after each slot; a slot is kept for three days, and retention ran at 06:49 on the 10th.
    assert_eq!(days, ["07 07:49", "08 07:49", "09 07:49"]);

    // The functions' own clock, in what they have written; the command's, in what it makes of it.
    let listed = served.run("backup-chain", &["points", "orders", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap_or_else(|_| panic!("{listed:?}"));
    let text = listed.to_string();
    assert!(text.contains("\"requested_at\":\"2026-01-09T07:49:"), "{text}");
    let doctor = served.run("backup-chain", &["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success(), "{said}\n{}", String::from_utf8_lossy(&doctor.stderr));
}

#[test]
fn the_clock_goes_forward_only_and_says_so() {
    let served = Served::start(local(), &["--clock", "held", "--start", START]);
    let refused = |args: &[&str], why: &str| {
        let done = served.run("backup-chain-local", &[&["clock"], args].concat());
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && said.contains(why), "{args:?}: {said}");
    };
    refused(&["set", "2026-01-05T06:49:59Z"], "shows 2026-01-05T06:50:00Z already");
    refused(&["advance", "soon"], "soon");
    refused(&["--endpoint", "http://127.0.0.1:1", "show"], "no embedded AWS is served at http://127.0.0.1:1");
    refused(&["--endpoint", "ftp://there", "show"], "is no address");
    assert_eq!(served.clock(&["show"]), START);
    assert_eq!(served.clock(&["advance", "1mo"]), "2026-02-05T06:50:00Z");
}

#[test]
fn a_deployment_that_is_not_whole_is_refused() {
    for (left_out, _) in FUNCTIONS {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join(function(left_out));
        for (name, _) in FUNCTIONS.iter().filter(|(name, _)| *name != left_out) {
            symlink(programs().join(function(name)), folder.path().join(function(name))).unwrap();
        }
        let refused = |why: &str| {
            let mut serve = local();
            serve.args(["serve", "--port", "0", "--deploy", "--functions"]).arg(folder.path());
            let done = serve.output().unwrap();
            let said = String::from_utf8(done.stderr).unwrap();
            assert!(!done.status.success() && done.stdout.is_empty(), "{left_out}");
            assert!(said.contains(missing.to_str().unwrap()) && said.contains(why), "{said}");
        };
        refused("No such file");
        std::fs::write(&missing, "not a program").unwrap();
        refused("it is no program");
    }
}

#[tokio::test]
async fn a_relative_folder_of_functions_leads_to_them() {
    let (parent, name) = (programs().parent().unwrap().to_owned(), programs());
    let mut serve = local();
    serve.current_dir(parent);
    let served =
        Served::start(serve, &["--deploy", "--functions", name.file_name().unwrap().to_str().unwrap()]);
    for (name, _) in FUNCTIONS {
        assert!(served.told[1].contains(&function(name)), "{:?}", served.told);
        let payload = if name == "retention" { json!({"action": "plan"}) } else { json!({"action": "tick"}) };
        served.invoke(name, &payload).await;
    }
}

/// Functions that leave a process behind them, which sleeps for an hour.
fn with_children(folder: &Path) {
    for (name, _) in FUNCTIONS {
        let (name, real) = (folder.join(function(name)), programs().join(function(name)));
        std::fs::write(&name, format!("#!/bin/sh\nsleep 3600 &\nexec {}\n", real.display())).unwrap();
        std::fs::set_permissions(&name, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn what_it_has_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    with_children(folder.path());
    for signal in ["TERM", "INT"] {
        let options = ["--deploy", "--functions", folder.path().to_str().unwrap()];
        let mut served = Served::start(local(), &options);
        served.invoke("session", &json!({"action": "tick"})).await;
        served.invoke("retention", &json!({"action": "plan"})).await;
        assert!(served.functions().len() >= 4, "{:?}", served.functions());
        served.signal(signal);
        assert!(served.process.wait().unwrap().success(), "{signal}");
        assert_eq!(served.functions(), [0; 0], "{signal}");
        assert!(!Path::new(&served.variables["BACKUP_CHAIN_CLOCK"]).exists(), "{signal}");
    }
}

#[tokio::test]
async fn functions_end_by_themselves_when_it_is_killed() {
    let mut served = Served::start(local(), &["--deploy"]);
    served.invoke("session", &json!({"action": "tick"})).await;
    served.invoke("retention", &json!({"action": "plan"})).await;
    assert!(served.functions().len() >= 2);
    served.signal("KILL");
    served.process.wait().unwrap();
    for _ in 0..200 {
        if served.functions().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?} are still there", served.functions());
}
