//! `restore detached`: many tables from their copies, with the source Region lost.

use std::fs;

use backup_chain_deployed::stack::{SOURCE, Schedules, Stack, TARGET};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::{Ran, cli, cli_answering};
use backup_chain_tests::restores::items_in;
use backup_chain_tests::{apply, at, deployed_with, table};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

const TABLES: [&str; 5] = ["app-carts", "app-mails", "app-orders", "log-audit", "log-clicks"];
const VAULT: &str = "--vault eu-west-1/backup-chain-copies";

/// Two policies with copies, and then the source Region is lost.
async fn lost() -> (World, Stack, TempDir) {
    let schedules = Schedules { tick: SignedDuration::from_mins(10), ..Schedules::default() };
    let (world, mut stack) = deployed_with("2026-01-05T06:40:00Z", schedules).await;
    for name in TABLES {
        table(&world, name, &[]).await.unwrap();
    }
    for (policy, prefix) in [("gold", "app-"), ("silver", "log-")] {
        let document = format!(
            "name: {policy}\nsources: {{prefixes: [{prefix}]}}\nvault: backup-chain\n\
             copies: [{{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}}]\n\
             tiers:\n  daily: {{at: [07:00], keep: 4 days, copy: {{keep: 4 days}}}}\n"
        );
        apply(&stack, &document).await.unwrap();
    }
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
    (world, stack, tempfile::tempdir().unwrap())
}

async fn detached(world: &World, folder: &TempDir, more: &str) -> Ran {
    let records = folder.path().join("lost");
    cli(world, &format!("restore detached {VAULT} --records {} --yes {more}", records.display())).await
}

fn statuses(ran: &Ran) -> Vec<(String, String)> {
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let text = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let mut statuses: Vec<(String, String)> =
        told["tables"].as_array().unwrap().iter().map(|it| (text(it, "made"), text(it, "status"))).collect();
    statuses.sort();
    statuses
}

#[tokio::test(start_paused = true)]
async fn everything_that_a_vault_has_comes_back_with_one_command() {
    let (world, _stack, folder) = lost().await;
    let listed = cli(&world, &format!("restore detached {VAULT} --list")).await.done();
    insta::assert_snapshot!(listed, @"
    TABLE       COPIES  NEWEST (UTC)         AGE  OLDEST (UTC)         SIZE
    app-carts   2       2026-01-06 07:00:00  5h   2026-01-05 07:00:00  135 B
    app-mails   2       2026-01-06 07:00:01  5h   2026-01-05 07:00:00  135 B
    app-orders  2       2026-01-06 07:00:00  5h   2026-01-05 07:00:01  138 B
    log-audit   2       2026-01-06 07:00:02  5h   2026-01-05 07:00:02  135 B
    log-clicks  2       2026-01-06 07:00:02  5h   2026-01-05 07:00:02  138 B
    ");

    let planned = detached(&world, &folder, "--all --dry-run").await;
    assert!(planned.out.lines().skip(1).all(|line| line.contains("planned")), "{planned:#?}");
    assert!(!folder.path().join("lost").exists(), "a dry run writes nothing");

    let ran = detached(&world, &folder, "--all --json").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let expected: Vec<_> = TABLES.map(|name| (name.to_owned(), "succeeded".to_owned())).into();
    assert_eq!(statuses(&ran), expected);
    for name in TABLES {
        assert_eq!(items_in(&world, TARGET, &name.parse().unwrap()).await.len(), 3, "{name}");
        assert!(folder.path().join("lost").join(name).with_extension("json").exists(), "{name}");
    }
    // Typed again it begins nothing.
    let again = detached(&world, &folder, "--all").await;
    assert!(again.err.contains("restore ") && again.err.contains("of app-orders continues"), "{}", again.err);
    assert_eq!(again.out.lines().filter(|line| line.contains("succeeded")).count(), TABLES.len());
}

#[tokio::test(start_paused = true)]
async fn one_policy_or_the_tables_of_a_file_are_restored_and_what_cannot_be_stops_no_other() {
    let (world, _stack, folder) = lost().await;
    let of_policy = detached(&world, &folder, "--policy silver --json").await;
    let succeeded = |names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), "succeeded".to_owned())).collect()
    };
    assert_eq!(statuses(&of_policy), succeeded(&["log-audit", "log-clicks"]), "{}", of_policy.err);

    let file = folder.path().join("tables.txt");
    fs::write(&file, "# the shop first\napp-orders = x\n").unwrap();
    let refused =
        detached(&world, &folder, &format!("--tables-from {}", file.display())).await.last_refusal();
    assert!(refused.contains("tables.txt, line 2: "), "{refused}");
    fs::write(&file, "# the shop first\napp-orders=shop\napp-cart # misspelt\nlog-audit=again\n").unwrap();
    let ran = detached(&world, &folder, &format!("--tables-from {}", file.display())).await;
    assert_eq!(ran.code, 3, "{ran:#?}");
    insta::assert_snapshot!(ran.out, @"
    TABLE       AS        OF (UTC)             STATUS     TOOK  NOTES
    app-cart    app-cart  -                    refused    -     vault eu-west-1/backup-chain-copies holds no copy of table app-cart: see what
                                                                it holds with --list; did you mean app-carts?
    app-orders  shop      2026-01-06 07:00:00  succeeded  9m
    log-audit   again     2026-01-06 07:00:02  succeeded  9m
    ");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_cut_off_goes_on_with_every_table() {
    let (world, _stack, folder) = lost().await;
    world.crash_after("operator-at-the-desk", 120);
    tokio::select! {
        biased;
        ran = detached(&world, &folder, "--all") => panic!("it was not cut off: {ran:#?}"),
        () = world.crashed("operator-at-the-desk") => {}
    }
    let ran = detached(&world, &folder, "--all --json").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(statuses(&ran).iter().all(|(_, status)| status == "succeeded"), "{}", ran.out);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_names_the_way_out() {
    let (world, _stack, folder) = lost().await;
    let mut refusals = vec![detached(&world, &folder, "app-order").await.last_refusal()];
    refusals.push(detached(&world, &folder, "nothing-like-it").await.last_refusal());
    refusals.push(detached(&world, &folder, "--policy bronze").await.last_refusal());
    refusals.push(detached(&world, &folder, "").await.last_refusal());
    refusals.push(detached(&world, &folder, "app-orders app-mails=app-orders").await.last_refusal());
    let record = folder.path().join("lost/app-mails.json");
    fs::create_dir_all(record.parent().unwrap()).unwrap();
    fs::write(&record, "{\"id\":").unwrap();
    refusals.push(detached(&world, &folder, "app-mails").await.last_refusal());
    let no = format!("restore detached {VAULT} --records {} app-carts", folder.path().display());
    let asked = cli_answering(&world, &no, "n\n").await;
    assert_eq!(asked.code, 1);
    let refusals = refusals.join("\n").replace(folder.path().to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!(refusals, @"
    vault eu-west-1/backup-chain-copies holds no copy of table app-order: see what it holds with --list; did you mean app-orders?
    vault eu-west-1/backup-chain-copies holds no copy of table nothing-like-it: see what it holds with --list
    no table's newest copy in eu-west-1/backup-chain-copies was made by policy bronze: see what the vault has with --list
    no table is to be restored: name tables, or see what the vault has with --list and take all of it with --all
    two tables are to be restored as app-orders: give one of them another name
    FOLDER/lost/app-mails.json is no record of a restore that can be read: it is cut off or was changed; see in AWS Backup's restore jobs whether its table is being made, then move the file away and restore again
    ");
    assert_eq!(cli(&world, &format!("restore detached {VAULT} app-orders")).await.code, 2, "no folder");
}
