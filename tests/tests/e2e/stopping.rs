//! What an operator stops, and that the pause after a rebuild ends when somebody has looked; all of it is in the history.

use backup_chain_core::invoke::{RetentionRequest, SessionRequest};
use backup_chain_core::point::{PointKind, State};
use backup_chain_deployed::stack::{Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::{
    all_points, apply, assert_agreement, at, deployed_with, dynamodb, lose_the_catalog, table,
};
use jiff::SignedDuration;
use serde_json::Value;

const POLICY: &str = "
name: gold
sources: {prefixes: [app-]}
vault: backup-chain
retries: {attempts: 3, pause: 30 minutes}
tiers:
  daily: {at: [07:00], keep: 3 days}
";

async fn scene() -> (World, Stack) {
    let schedules = Schedules { tick: SignedDuration::from_mins(10), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T05:00:00Z", schedules).await;
    for name in ["app-orders", "app-carts"] {
        table(&world, name, &[]).await.unwrap();
    }
    apply(&stack, POLICY).await.unwrap();
    (world, stack)
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_stopped_starts_nothing_more_and_owes_what_it_did_not_make() {
    let (world, mut stack) = scene().await;
    let refused = Fault::Error { code: "AccessDeniedException".to_owned(), status: None };
    world.inject(FaultRule::new("backup", "StartBackupJob", refused).resource("app-carts"));
    stack.live_until(at("2026-01-05T07:12:00Z")).await;
    let listed = cli(&world, "session list --json").await.json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["status"], "running");

    let stopped = cli(&world, &format!("session stop {id} --by ada --reason a-drill")).await.done();
    assert!(stopped.contains("stopped  stopped by an operator by ada: a-drill"), "{stopped}");
    world.clear_faults();
    stack.live(SignedDuration::from_hours(3)).await;
    let shown = cli(&world, &format!("session show {id} --json")).await.json();
    assert_eq!(shown["status"], "canceled", "{shown:#}");
    let state_of = |table: &str| {
        let points = shown["points"].as_array().unwrap();
        points.iter().find(|point| point["table"] == table).map(|point| point["state"].clone()).unwrap()
    };
    assert_eq!(state_of("app-orders"), "available", "what AWS was making is there");
    assert_eq!(state_of("app-carts"), "failed");
    let status = cli(&world, "status --problems").await;
    assert_eq!(status.code, 3);
    assert!(
        status.out.contains("app-carts") && status.out.contains("stopped by an operator"),
        "{}",
        status.out
    );
    let over = cli(&world, &format!("session stop {id}")).await.refusal();
    assert_eq!(over, format!("session {id} has ended: there is nothing to stop"));
    // The next session makes up for it.
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    assert_eq!(cli(&world, "status").await.code, 0);
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_is_stopped_says_what_of_it_is_there() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    cli(&world, "restore start app-orders=app-again --yes --no-wait").await.done();
    let listed = cli(&world, "restore list --json").await.json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let stopped = cli(&world, &format!("restore stop {id} --reason the-wrong-moment")).await.done();
    assert!(stopped.contains("AWS goes on to make table app-again"), "{stopped}");
    stack.live(SignedDuration::from_hours(3)).await;
    let shown = cli(&world, &format!("restore show {id} --json")).await.json();
    assert_eq!(shown["restore"]["stage"], "failed", "{shown:#}");
    let over = cli(&world, &format!("restore stop {id}")).await.refusal();
    assert_eq!(over, format!("restore {id} has ended: there is nothing to stop"));
    let client = dynamodb(&world);
    assert!(client.describe_table().table_name("app-again").send().await.is_ok(), "as it was said");
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_finds_nothing_pauses_nothing_and_a_pause_ends_for_a_reason() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let nothing = cli(&world, "catalog rebuild --yes --json").await.json();
    assert_eq!((&nothing["added"], &nothing["braked_until"]), (&0.into(), &Value::Null), "{nothing:#}");
    let none = cli(&world, "retention resume --reason looked").await.refusal();
    assert_eq!(none, "retention does not pause for a rebuild of the catalog: there is nothing to resume");

    lose_the_catalog(&world, &stack).await;
    apply(&stack, POLICY).await.unwrap();
    let found = cli(&world, "catalog rebuild --yes --json").await.json();
    assert_eq!(found["added"], 4, "{found:#}");
    let until = found["braked_until"].as_str().unwrap().to_owned();
    // Once more: there is nothing new, and the pause stays what it was.
    stack.live(SignedDuration::from_hours(2)).await;
    let again = cli(&world, "catalog rebuild --yes --json").await.json();
    assert_eq!(
        (&again["added"], again["braked_until"].as_str()),
        (&0.into(), Some(until.as_str())),
        "{again:#}"
    );
    stack.live_until(at("2026-01-10T12:00:00Z")).await;
    let points = all_points(&stack, &"app-orders".parse().unwrap()).await;
    assert!(points.iter().all(|point| point.state() == State::Available), "nothing is removed in the pause");
    assert_eq!(cli(&world, "retention resume").await.code, 2, "a reason is asked for");
    cli(&world, "retention resume --reason every-point-was-compared --by ada").await.done();
    let report = stack.retention(RetentionRequest::run()).await.unwrap();
    assert_eq!(report.braked, None);
    stack.live(SignedDuration::from_hours(1)).await;
    let points = all_points(&stack, &"app-orders".parse().unwrap()).await;
    assert!(points.iter().any(|point| point.state() == State::Deleted), "{points:#?}");
    let told = cli(&world, "history --by ada --json").await.json();
    assert_eq!(told[0]["action"], "retention-resumed");
    assert_eq!(told[0]["reason"], "every-point-was-compared");
    assert_agreement(&world, &stack, &["app-orders".parse().unwrap(), "app-carts".parse().unwrap()]).await;
}

#[tokio::test(start_paused = true)]
async fn the_history_has_what_every_operator_did_and_is_asked_by_table_policy_person_and_time() {
    let (world, mut stack) = scene().await;
    table(&world, "other", &[]).await.unwrap();
    stack.session(SessionRequest::Tick {}).await.unwrap();
    cli(&world, "session run gold --by ada --reason before-the-release").await.done();
    stack.live_until(at("2026-01-05T06:00:00Z")).await;
    cli(&world, "backup other app-orders --by bob").await.done();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let point = all_points(&stack, &"app-orders".parse().unwrap()).await;
    let manual = point.iter().find(|point| point.kind == PointKind::Manual).unwrap();
    cli(&world, &format!("hold add app-orders {} --reason audit --by ada", manual.id)).await.done();
    stack.live(SignedDuration::from_mins(1)).await;
    cli(&world, "retention run --by carol").await.done();
    let asked = async |filter: &str| -> Vec<String> {
        let told = cli(&world, &format!("history --json {filter}")).await.json();
        let actions = told.as_array().unwrap().iter();
        actions.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        asked("").await,
        ["retention-run", "hold-added", "backups-requested", "policy-run", "policy-applied"]
    );
    assert_eq!(asked("--table app-orders").await, ["hold-added", "backups-requested"]);
    assert_eq!(asked("--table app").await, [""; 0], "a part of a name is another name");
    assert_eq!(asked("--policy gold").await, ["policy-run", "policy-applied"]);
    assert_eq!(asked("--by ADA").await, ["hold-added", "policy-run"]);
    assert_eq!(asked("--since 2026-01-05T11:00").await, ["retention-run", "hold-added"]);
    assert_eq!(asked("--until 2026-01-05T05:30 --by ada").await, ["policy-run"]);
}
