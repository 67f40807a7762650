//! The compiled functions, as Lambda runs them: processes that speak its runtime API, against the embedded AWS over
//! TCP, in real time.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use backup_chain_aws::App;
use backup_chain_core::ids::TableName;
use backup_chain_core::point::{PointKind, State};
use backup_chain_core::restore::{Restore, Stage};
use backup_chain_deployed::judge;
use backup_chain_deployed::stack::{ACCOUNT, SESSION, SOURCE, Schedules, VAULT, deploy_programs};
use backup_chain_local::backup::Durations;
use backup_chain_local::{Fault, FaultRule, Options, World, server};
use backup_chain_tests::{programs, table};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A policy whose slot is far from now: a copy would wait for a backup that is about to fall due.
fn daily(world: &World) -> String {
    let hour = (world.now().to_zoned(jiff::tz::TimeZone::UTC).hour() + 12) % 24;
    format!(
        "
name: daily
sources: {{tables: [orders, carts]}}
vault: backup-chain
copies: [{{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}}]
tiers:
  daily: {{at: [{hour:02}:00], keep: 3 days, copy: {{keep: 5 days}}}}
"
    )
}

/// A served world with the built functions deployed, on real time: what AWS Backup does takes a second, and is seen
/// at once.
async fn served(timeout: SignedDuration) -> (World, App) {
    #[expect(clippy::disallowed_methods, reason = "the programs go by it")]
    let world = World::new(Options { start: Timestamp::now(), seed: 7 });
    world.consistent();
    world.with_backup(|backup| {
        let second = SignedDuration::from_secs(1);
        let durations = Durations {
            start: second,
            backup: second,
            copy: second,
            restore: second,
            ..Durations::default()
        };
        backup.set_durations(durations);
        backup.event_faults_mut().delay_to = second;
    });
    let schedules = Schedules { timeout, ..Schedules::default() };
    let app = deploy_programs(&world, schedules, &programs()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tokio::spawn(server::serve(world.clone(), listener));
    // The server says where it is before the first function starts.
    tokio::task::yield_now().await;
    (world, app)
}

/// What an invocation answered, and the end of its log.
struct Invoked {
    answer: Value,
    failed: bool,
    log: String,
}

async fn invoke(world: &World, function: &str, payload: &Value) -> Invoked {
    let client = aws_sdk_lambda::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let invoke = client.invoke().function_name(format!("backup-chain-{function}")).log_type(LogType::Tail);
    let answer = invoke.payload(Blob::new(payload.to_string())).send().await.unwrap();
    Invoked {
        failed: answer.function_error().is_some(),
        log: String::from_utf8(BASE64_STANDARD.decode(answer.log_result().unwrap()).unwrap()).unwrap(),
        answer: serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap(),
    }
}

/// Waits until each table has an available backup and an available copy.
async fn backed_up(app: &App, tables: &[TableName]) {
    for _ in 0..600 {
        let mut available = 0;
        for table in tables {
            let points = app.catalog.points_of_table(table).await.unwrap();
            let is_done =
                |kind| points.iter().any(|point| point.kind == kind && point.state() == State::Available);
            available += usize::from(is_done(PointKind::Backup) && is_done(PointKind::Copy));
        }
        if available == tables.len() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a minute was not enough");
}

/// Waits until a restore has ended.
async fn restored(app: &App, id: &str) -> Restore {
    for _ in 0..1200 {
        let restore = app.catalog.restore(&id.parse().unwrap()).await.unwrap().unwrap();
        if !restore.stage.is_open() {
            return restore;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("two minutes were not enough");
}

async fn tables(world: &World) -> [TableName; 2] {
    [table(world, "orders", &[]).await.unwrap(), table(world, "carts", &[]).await.unwrap()]
}

#[tokio::test]
async fn the_built_functions_do_the_main_job() {
    let (world, app) = served(SignedDuration::from_mins(5)).await;
    let tables = tables(&world).await;
    let applied = invoke(&world, "session", &json!({"action": "apply", "document": daily(&world)})).await;
    assert!(!applied.failed, "{}", applied.answer);
    let ran = invoke(&world, "session", &json!({"action": "run", "policy": "daily"})).await;
    for written in ["\"JobsStarted\":1", "\"Deployment\":\"backup-chain\"", "\"requestId\":", "\"session\":"]
    {
        assert!(ran.log.contains(written), "{written}: {}", ran.log);
    }
    assert_eq!(ran.answer["sessions"][0]["planned"], 2, "{}", ran.answer);
    for line in ["START RequestId: ", "\nEND RequestId: ", "\nREPORT RequestId: ", "Memory Size: 256 MB"] {
        assert!(ran.log.contains(line), "{line:?} is missing in:\n{}", ran.log);
    }
    assert!(applied.log.contains("Init Duration: "), "{}", applied.log);
    assert!(!ran.log.contains("Init Duration: "), "the second invocation starts nothing:\n{}", ran.log);
    // From here on the events of AWS Backup, the queue and the schedules do the work.
    backed_up(&app, &tables).await;
    let report = invoke(&world, "retention", &json!({"action": "plan"})).await;
    assert_eq!(report.answer["dry_run"], true, "{}", report.answer);
    assert_eq!(judge::disagreements(&world, &app, &tables).await.unwrap(), [""; 0]);
    let ask = json!({"action": "restore", "tables": [{"table": "orders", "name": "orders-again"}]});
    let told = invoke(&world, "restore", &ask).await;
    assert!(!told.failed, "{}", told.answer);
    let restore = restored(&app, told.answer[0]["restore"]["id"].as_str().unwrap()).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    let refused = invoke(&world, "session", &json!({"action": "run", "policy": "none"})).await;
    assert!(refused.failed && refused.answer["errorMessage"].as_str().unwrap().contains("no policy none"));
}

#[tokio::test]
async fn a_function_that_overruns_is_ended_and_finishes_when_invoked_again() {
    let (world, app) = served(SignedDuration::from_secs(17)).await;
    let tables = tables(&world).await;
    invoke(&world, "session", &json!({"action": "apply", "document": daily(&world)})).await;
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::TimeoutAfter).caller(SESSION));
    let ended = invoke(&world, "session", &json!({"action": "run", "policy": "daily"})).await;
    assert!(ended.failed);
    assert!(ended.answer["errorMessage"].as_str().unwrap().ends_with("Task timed out after 17.00 seconds"));
    assert!(ended.log.contains("Status: timeout"), "{}", ended.log);
    world.clear_faults();
    let again = invoke(&world, "session", &json!({"action": "tick"})).await;
    assert!(!again.failed, "{}", again.answer);
    assert!(again.log.contains("Init Duration: "), "it runs in a new environment:\n{}", again.log);
    // What was cut off is taken up when the one who began it is surely over; the schedule would do so too.
    let started = async || {
        let mut started = 0;
        for table in &tables {
            let points = app.catalog.points_of_table(table).await.unwrap();
            started += points
                .iter()
                .filter(|point| point.state() == State::Running && point.job().is_some())
                .count();
        }
        started
    };
    for _ in 0..30 {
        if started().await == tables.len() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        invoke(&world, "session", &json!({"action": "tick"})).await;
    }
    assert_eq!(started().await, tables.len());
    let made = world.with_backup(|backup| backup.points(ACCOUNT, SOURCE, VAULT));
    assert_eq!(made.len(), tables.len(), "the jobs that were started before are the ones");
}
