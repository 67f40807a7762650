//! `backup-chain report`: whether what was promised was kept, day by day.

use backup_chain_core::point::{PointKind, State};
use backup_chain_deployed::stack::{Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::{all_points, apply, at, deployed_with, table};
use jiff::SignedDuration;
use serde_json::Value;

const POLICY: &str = "
name: gold
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 2 days, copy: {keep: 3 days}}
";

async fn scene() -> (World, Stack) {
    let schedules = Schedules { tick: SignedDuration::from_mins(30), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T06:40:00Z", schedules).await;
    table(&world, "orders", &[]).await.unwrap();
    table(&world, "nobodys", &[]).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    (world, stack)
}

fn days(table: &Value, of: impl Fn(&Value) -> &Value) -> Vec<String> {
    let days = table["days"].as_array().unwrap().iter();
    days.map(|day| format!("{} {}", day["date"].as_str().unwrap(), of(day)["standing"].as_str().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_day_is_as_the_restore_points_say() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-08T06:50:00Z")).await;
    // From the slot of the 8th on every backup fails, and its retries: the last one is too old on the 9th, 15:10.
    world.inject(FaultRule::new(
        "backup",
        "StartBackupJob",
        Fault::Error { code: "AccessDeniedException".to_owned(), status: None },
    ));
    stack.live_until(at("2026-01-10T12:00:00Z")).await;
    let ran = cli(&world, "report --json --days 7").await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let tables = report["tables"].as_array().unwrap();
    let [nobodys, orders] = tables.as_slice() else { panic!("{tables:#?}") };
    // Unprotected is worse than late.
    assert_eq!((&nobodys["table"], &orders["table"]), (&"nobodys".into(), &"orders".into()));
    insta::assert_snapshot!(days(orders, |day| &day["backups"]).join("\n"), @"
    2026-01-04 not-promised
    2026-01-05 met
    2026-01-06 met
    2026-01-07 met
    2026-01-08 missed
    2026-01-09 missed
    2026-01-10 missed
    ");
    insta::assert_snapshot!(days(orders, |day| &day["copies"][0]).join("\n"), @"
    2026-01-04 not-promised
    2026-01-05 met
    2026-01-06 met
    2026-01-07 met
    2026-01-08 met
    2026-01-09 missed
    2026-01-10 missed
    ");
    assert!(days(nobodys, |day| &day["backups"]).iter().all(|day| day.ends_with("not-promised")));
    let points = all_points(&stack, &"orders".parse().unwrap()).await;
    let newest =
        points.iter().filter(|point| point.kind == PointKind::Backup && point.state() == State::Available);
    let newest = newest.max_by_key(|point| point.created_at).unwrap();
    assert_eq!(orders["days"][6]["backups"]["point"], newest.id.as_str());
    assert!(points.iter().any(|point| point.state() == State::Deleted), "retention has removed some");
    let operator = |operation: &str| {
        let calls = world.calls();
        calls
            .iter()
            .filter(|call| call.caller.contains("operator-at-the-desk") && call.operation == operation)
            .count()
    };
    assert_eq!(operator("Invoke"), 0);
    assert!(operator("Query") < 20, "{} queries for two tables", operator("Query"));
}

#[tokio::test(start_paused = true)]
async fn it_is_written_as_a_page_and_as_csv() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let ran = cli(
        &world,
        &format!("report --html {} --output csv --table orders --from 2026-01-05", file.display()),
    )
    .await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 2, "{}", ran.out);
    assert!(
        lines[1].starts_with("2026-01-05,orders,") && lines[1].contains(",backups,,32,met,"),
        "{}",
        lines[1]
    );
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("1 protected") && !page.contains("nobodys"));
    assert!(ran.err.contains("1 of 1 table read") && ran.err.contains("report.html"), "{}", ran.err);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_reported_is_refused() {
    let (world, _stack) = scene().await;
    let said = cli(&world, "report").await.refusal();
    insta::assert_snapshot!(said, @"say what to write: --html FILE, --json or --output csv");
    let ran = cli(&world, "report --output csv --from 2026-01-05 --to 2026-01-01").await;
    assert!(
        ran.code == 1 && ran.err.contains("the first day, 2026-01-05, is after the last, 2026-01-01"),
        "{}",
        ran.err
    );
    let ran = cli(&world, "report --output csv --table ordres").await;
    assert!(
        ran.code == 1
            && ran.err.contains("nothing is known of a table called ordres: see backup-chain status"),
        "{}",
        ran.err
    );
    assert_eq!(cli(&world, "report --output csv --days 0").await.code, 2);
}
