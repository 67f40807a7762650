//! The forms in which the command answers: on terminals, for programs, as pictures.

use std::collections::BTreeSet;

use backup_chain_core::ids::TableName;
use backup_chain_core::point::PointKind;
use backup_chain_deployed::stack::Stack;
use backup_chain_local::World;
use backup_chain_tests::command::{cli, cli_on_terminal};
use backup_chain_tests::{at, deployed, points, table};
use jiff::Timestamp;
use serde_json::Value;

use crate::cli::{Scratch, offline, steady};

const BERLIN: &str = "
name: berlin
time_zone: Europe/Berlin
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: [19:00], keep: 5 days}}
  weekly: {on: monday, at: [07:00], keep: 5 weeks}
";

/// Three days of a table under a policy of Berlin, of which one backup fails and one point is held.
async fn after_days() -> (World, Stack, TableName) {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "orders", &[]).await.unwrap();
    let file = Scratch::new("berlin", BERLIN);
    let _ = cli(&world, &format!("policy apply {}", file.path())).await.done();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    world.with_backup(|backup| {
        for _ in 0..=3 {
            backup.fail_next_backup("arn:aws:dynamodb:eu-central-1:111122223333:table/orders", "No.");
        }
    });
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    let first = &points(&stack, &orders).await[0];
    assert_eq!(first.kind, PointKind::Backup);
    let hold =
        format!("hold add orders {} --vault eu-central-1/backup-chain --reason =2+2 --by ann", first.id);
    let _ = cli(&world, &hold).await.done();
    (world, stack, orders)
}

fn csv_of(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let words = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let heading = words(reader.headers().unwrap());
    (heading, reader.records().map(|record| words(&record.unwrap())).collect())
}

#[tokio::test(start_paused = true)]
async fn every_list_has_a_form_for_each_program() {
    let (world, _stack, _) = after_days().await;
    let _ = cli(&world, "retention run").await;
    for line in [
        "status",
        "points orders",
        "session list",
        "restore list",
        "retention runs",
        "retention plan",
        "hold list",
        "history",
        "policy list",
        "doctor",
        "catalog verify",
    ] {
        let json = cli(&world, &format!("{line} --json")).await;
        let said: Value = serde_json::from_str(&json.out).unwrap();
        let again = cli(&world, &format!("{line} --output json")).await;
        assert_eq!((json.code, &json.out), (again.code, &again.out), "{line}");
        let yaml = cli(&world, &format!("{line} --output yaml")).await;
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml.out).unwrap(), said, "{line}");
        let csv = cli(&world, &format!("{line} --output csv")).await;
        assert_eq!(csv.code, json.code, "{line}");
        let (heading, rows) = csv_of(&csv.out);
        assert!(
            heading.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')),
            "{heading:?}"
        );
        let list =
            ["points", "tables", "findings", "differences"].iter().find_map(|name| said[name].as_array());
        let list = list.or(said.as_array()).unwrap();
        let listed = if line.starts_with("points") {
            list.iter().map(|chain| chain["points"].as_array().unwrap().len()).sum()
        } else {
            list.len()
        };
        assert_eq!(rows.len(), listed, "{line}: {}", csv.out);
    }
}

#[tokio::test(start_paused = true)]
async fn rows_of_csv_are_whole_and_no_formulas() {
    let (world, _stack, _) = after_days().await;
    let said = cli(&world, "points orders --json").await.json();
    let (heading, rows) = csv_of(&cli(&world, "points orders --output csv").await.done());
    assert_eq!(heading[3..5], ["point", "moment"]);
    let ids = |value: &Value| value["points"].as_array().unwrap().clone();
    let expected: Vec<(String, Timestamp)> = said
        .as_array()
        .unwrap()
        .iter()
        .flat_map(ids)
        .map(|point| {
            let text = |name: &str| point[name].as_str().unwrap().to_owned();
            (text("id"), text("created_at").parse().unwrap())
        })
        .collect();
    let told: Vec<(String, Timestamp)> =
        rows.iter().map(|row| (row[3].clone(), row[4].parse().unwrap())).collect();
    assert_eq!(told, expected);
    let (_, held) = csv_of(&cli(&world, "hold list --output csv").await.done());
    assert_eq!(held[0][4], "'=2+2");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_is_not_answered_as_csv() {
    for line in ["point show orders 01KE73DJG0C1V5K6TP3T2ZJ4ZD", "policy validate none.yaml", "retention run"]
    {
        let ran = offline(&format!("{line} --output csv")).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}");
        assert!(ran.err.contains("--output csv is for those that do"), "{}", ran.err);
    }
    let both = offline("policy list --json --output yaml").await;
    assert_eq!(both.code, 2);
    let refused = offline("policy validate none.yaml --output yaml").await;
    assert_eq!(refused.code, 1);
    let said: Value = serde_saphyr::from_str(&refused.out).unwrap();
    assert!(!said.is_null(), "{}", refused.out);
}

#[tokio::test(start_paused = true)]
async fn tables_fit_the_terminal_and_tell_the_zone() {
    let (world, _stack, _) = after_days().await;
    let piped = cli(&world, "points orders").await.done();
    assert!(piped.contains("MOMENT (Europe/Berlin)") && piped.contains("2026-01-05 07:"), "{piped}");
    for columns in [110, 140] {
        let fitted = cli_on_terminal(&world, "points orders", columns, false).await.done();
        let widest = fitted.lines().map(|line| line.chars().count()).max().unwrap();
        let headings =
            fitted.lines().filter(|line| line.contains(" in eu-")).map(|line| line.chars().count());
        assert!(widest <= columns.max(headings.max().unwrap()), "{columns}: {fitted}");
        assert!(!fitted.contains('\u{1b}'));
        let ids = |text: &str| -> BTreeSet<String> {
            let word = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
            text.lines().filter(|line| line.contains(" available ")).map(word).collect()
        };
        let (whole, short) = (ids(&piped), ids(&fitted));
        assert_eq!(whole.len(), short.len());
        assert!(
            short.iter().all(|end| end.len() < 26 && whole.iter().any(|id| id.ends_with(end))),
            "{fitted}"
        );
        assert_eq!(cli_on_terminal(&world, "points orders --wide", columns, false).await.done(), piped);
    }
    let coloured = cli_on_terminal(&world, "points orders", 140, true).await.done();
    assert!(coloured.contains("\u{1b}[32mavailable\u{1b}[0m"), "{coloured:?}");
    let plain = cli_on_terminal(&world, "points orders --color never", 140, true).await.done();
    let without = coloured.replace("\u{1b}[32m", "").replace("\u{1b}[31;1m", "").replace("\u{1b}[0m", "");
    assert_eq!(plain, without, "colour says nothing that the words do not");
    assert!(cli(&world, "points orders --color always").await.done().contains("\u{1b}[32m"));
    assert!(cli(&world, "session list").await.done().contains("STARTED (UTC)"));
    assert!(cli(&world, "session list --policy berlin").await.done().contains("STARTED (Europe/Berlin)"));
}

#[tokio::test(start_paused = true)]
async fn an_id_may_be_given_by_its_end() {
    let (world, stack, orders) = after_days().await;
    let all = points(&stack, &orders).await;
    let id = all[0].id.as_str();
    let end = &id[18..];
    let shown =
        cli(&world, &format!("point show orders {end} --vault eu-central-1/backup-chain")).await.done();
    assert!(shown.contains(id), "{shown}");
    let lifted =
        cli(&world, &format!("hold remove orders {end} --vault eu-central-1/backup-chain")).await.done();
    assert!(lifted.contains("is no longer held"), "{lifted}");
    let planned =
        cli(&world, &format!("restore start orders=again --point {end} --dry-run --json")).await.json();
    assert_eq!(planned[0]["restore"]["point"], id);
    let session = all[0].session.as_str();
    let shown = cli(&world, &format!("session show {}", &session[18..])).await.done();
    assert!(shown.contains(session), "{shown}");
    let _ = cli(&world, "retention run").await;
    let runs = cli(&world, "retention runs --json").await.json();
    let run = runs[0]["id"].as_str().unwrap();
    assert!(cli(&world, &format!("retention show {}", &run[18..])).await.done().contains(run));
    for (line, list) in [
        ("point show orders 00000000", "no restore point ends with 00000000: see backup-chain points orders"),
        ("session show 00000000", "no session ends with 00000000: see backup-chain session list"),
        ("restore show 00000000", "no restore ends with 00000000: see backup-chain restore list"),
        (
            "remove orders --point 00000000",
            "no restore point ends with 00000000: see backup-chain points orders",
        ),
    ] {
        assert_eq!(cli(&world, line).await.refusal(), list);
    }
}

#[tokio::test(start_paused = true)]
async fn the_chains_of_a_table_are_drawn() {
    let (world, _stack, _) = after_days().await;
    let drawn = cli_on_terminal(&world, "chain show orders --days 7", 80, false).await.done();
    insta::assert_snapshot!("chain", steady(&drawn));
    let narrow = cli_on_terminal(&world, "chain show orders --days 60", 40, false).await.done();
    let rows = narrow.lines().filter(|line| line.starts_with("07:00") || line.starts_with("19:00"));
    assert!(rows.clone().count() > 1 && rows.clone().all(|line| line.chars().count() <= 40), "{narrow}");
    let said = cli(&world, "chain show orders --vault eu-central-1/backup-chain --json").await.json();
    let [chain] = said.as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!((&chain["time_zone"], &chain["policy"]), (&"Europe/Berlin".into(), &"berlin".into()));
    assert!(chain["points"].as_array().unwrap().iter().any(|point| point["state"] == "failed"), "{chain}");
    assert!(chain["next"]["lapses"].is_string(), "{chain}");
    let none = cli(&world, "chain show carts").await.done();
    assert_eq!(none, "table carts has no restore points there\n");
}
