//! `backup-chain-local serve` and `clock`, from outside: a process, its functions' processes, and clients with clocks
//! of their own.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_backup::Client as Backup;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use backup_chain_deployed::stack::{FUNCTIONS, VAULT, function};
use backup_chain_tests::programs;
use backup_chain_tests::served::Served;
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

fn held() -> Served {
    Served::start(Served::local(), &["--deploy", "--clock", "held", "--start", START, "--tick", "1h"])
}

/// Invokes a function: its answer and the end of its log.
async fn invoke(served: &Served, name: &str, payload: &Value) -> (Value, String) {
    let client = aws_sdk_lambda::Client::new(&served.config().await);
    let invoke = client.invoke().function_name(function(name)).log_type(LogType::Tail);
    let answer = invoke.payload(Blob::new(payload.to_string())).send().await.unwrap();
    let said = String::from_utf8_lossy(answer.payload().unwrap().as_ref()).into_owned();
    assert_eq!(answer.function_error(), None, "{said}");
    let log = BASE64_STANDARD.decode(answer.log_result().unwrap()).unwrap();
    (serde_json::from_str(&said).unwrap(), String::from_utf8(log).unwrap())
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
    let served = held();
    assert!(served.told.iter().any(|line| line.contains(&format!("stands still at {START}"))));
    assert_eq!(served.clock(&["show"]), START);
    let config = served.config().await;
    orders(&config).await;
    assert_eq!(served.clock(&["advance", "5s"]), "2026-01-05T06:50:05Z");
    let (applied, log) = invoke(&served, "session", &json!({"action": "apply", "document": POLICY})).await;
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
    let served = Served::start(Served::local(), &["--clock", "held", "--start", START]);
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
            let mut serve = Served::local();
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
    let mut serve = Served::local();
    serve.current_dir(parent);
    let served =
        Served::start(serve, &["--deploy", "--functions", name.file_name().unwrap().to_str().unwrap()]);
    for (name, _) in FUNCTIONS {
        assert!(served.told[1].contains(&function(name)), "{:?}", served.told);
        let payload = if name == "retention" { json!({"action": "plan"}) } else { json!({"action": "tick"}) };
        invoke(&served, name, &payload).await;
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
        let mut served = Served::start(Served::local(), &options);
        invoke(&served, "session", &json!({"action": "tick"})).await;
        invoke(&served, "retention", &json!({"action": "plan"})).await;
        assert!(served.functions().len() >= 4, "{:?}", served.functions());
        served.signal(signal);
        assert!(served.process.wait().unwrap().success(), "{signal}");
        assert_eq!(served.functions(), [0; 0], "{signal}");
        assert!(!Path::new(&served.variables["BACKUP_CHAIN_CLOCK"]).exists(), "{signal}");
    }
}

#[tokio::test]
async fn functions_end_by_themselves_when_it_is_killed() {
    let mut served = Served::start(Served::local(), &["--deploy"]);
    invoke(&served, "session", &json!({"action": "tick"})).await;
    invoke(&served, "retention", &json!({"action": "plan"})).await;
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
