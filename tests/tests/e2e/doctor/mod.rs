//! `backup-chain doctor` against a deployment in the embedded AWS: each fault planted is found, with its fix.

mod planting;

use backup_chain_deployed::stack::{ACCOUNT, Schedules, Stack};
use backup_chain_local::World;
use backup_chain_tests::command::{Ran, cli};
use backup_chain_tests::{apply, deployed_with, table};
use jiff::SignedDuration;
use serde_json::Value;

use planting::{FAULTS, Planted, plant};

/// Backed up and copied two hours after its table was made.
const DAILY: &str = "
name: daily
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [02:00], keep: 3 days, copy: {keep: 5 days}}
";

async fn doctor(world: &World, options: &str) -> Ran {
    cli(world, &format!("doctor {options}")).await
}

/// State, check and place of everything that is not well.
fn findings(answer: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let found = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["state"] != "ok");
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    found.map(|f| format!("{} {} {}", text(f, "state"), text(f, "check"), text(f, "place"))).collect()
}

/// What differs from one seed to another.
fn steady(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut steady = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, left) = rest.split_at(end);
        let is_id = word.len() >= 26 && word.bytes().filter(u8::is_ascii_digit).count() > 5;
        steady.push_str(&if is_id { "x".repeat(word.len()) } else { word.to_owned() });
        rest = left;
    }
    steady
}

/// A deployment that has backed up and copied its table.
async fn healthy() -> (World, Stack) {
    let (world, mut stack) = ready(Schedules::default()).await;
    stack.live(SignedDuration::from_mins(180)).await;
    (world, stack)
}

/// The same before its first tick.
async fn ready(schedules: Schedules) -> (World, Stack) {
    let tick = SignedDuration::from_mins(10);
    let (world, stack) = deployed_with("2026-01-05T00:00:00Z", Schedules { tick, ..schedules }).await;
    table(&world, "orders", &[("team", "shop")]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    (world, stack)
}

#[tokio::test(start_paused = true)]
async fn a_healthy_deployment_has_nothing_wrong() {
    let (world, _stack) = healthy().await;
    let ran = doctor(&world, "").await;
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.ends_with(" ok\n") && ran.out.lines().count() == 1, "{}", ran.out);
    let ran = doctor(&world, "--all").await;
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!("healthy", steady(&ran.out));
    insta::assert_snapshot!(ran.err, @r"
    functions, rules and queues in eu-central-1 are looked at ...
    tables, Regions, vaults and keys are looked at ...
    backup-chain-restore in eu-central-1 is running ...
    policies, roles and what is due are looked at ...
    ");
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_and_only_that() {
    let (mut told, mut missed) = (String::new(), Vec::new());
    for (fault, expected) in FAULTS {
        let (world, mut stack) = healthy().await;
        plant(fault, &world, &mut stack).await.unwrap_or_else(|error| panic!("{fault}: {error}"));
        let ran = doctor(&world, "--json").await;
        let found: Vec<String> = findings(&ran.out).iter().map(|line| steady(line)).collect();
        if found != *expected || ran.code != if expected.is_empty() { 0 } else { 3 } {
            missed.push((fault, ran.code, found));
        }
        let ran = doctor(&world, "").await;
        told.push_str(&format!("=== {fault}\n{}\n", steady(&ran.out)));
    }
    assert!(missed.is_empty(), "{missed:#?}");
    // But for commands, which are to be copied.
    let wide = told.lines().filter(|line| !line.trim_start().starts_with("aws "));
    assert_eq!(wide.filter(|line| line.chars().count() > 150).collect::<Vec<_>>(), [""; 0]);
    insta::assert_snapshot!("faults", told);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_has_never_ticked_is_told_so() {
    let (world, _stack) = ready(Schedules::default()).await;
    let ran = doctor(&world, "--json").await;
    assert_eq!(findings(&ran.out), ["wrong ticks eu-central-1/backup-chain-session"]);
    assert_eq!(ran.code, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_safe_is_mended() {
    let (world, mut stack) = healthy().await;
    let safe = [
        "rule disabled",
        "mapping disabled",
        "recovery off",
        "protection off",
        "advanced features off",
        "not opted in",
        "metadata key not rotated",
    ];
    for fault in safe {
        plant(fault, &world, &mut stack).await.unwrap();
    }
    let ran = doctor(&world, "").await;
    assert_eq!(ran.code, 3);
    assert!(ran.out.ends_with("backup-chain doctor --fix mends 7 of them\n"), "{}", ran.out);
    let ran = doctor(&world, "--fix").await;
    assert_eq!(ran.code, 0, "{}", ran.out);
    insta::assert_snapshot!("mended", steady(&format!("{}\n{}", ran.out, ran.err)));
    stack.live(SignedDuration::from_mins(1)).await;
    let ran = doctor(&world, "").await;
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1), "{}", ran.out);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_safe_is_left() {
    let (world, mut stack) = healthy().await;
    for fault in ["metadata key disabled", "function stopped", "message set aside"] {
        plant(fault, &world, &mut stack).await.unwrap();
    }
    let before = findings(&doctor(&world, "--json").await.out);
    let ran = doctor(&world, "--fix --json").await;
    assert_eq!((ran.code, findings(&ran.out)), (3, before.clone()));
    assert_eq!(before.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_lacking_is_named() {
    let (world, mut stack) = healthy().await;
    plant("rule disabled", &world, &mut stack).await.unwrap();
    let rights = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Resource":"*","Action":["sqs:GetQueueAttributes","iam:SimulatePrincipalPolicy",
            "kms:GetKeyRotationStatus","backup:DescribeRegionSettings","tag:GetResources","events:EnableRule",
            "backup:DescribeBackupVault","lambda:GetFunctionConcurrency"]}]}"#;
    world.put_role(ACCOUNT, "operator-at-the-desk", &[rights]).unwrap();
    let ran = doctor(&world, "--fix").await;
    assert_eq!(ran.code, 3);
    insta::assert_snapshot!("denied", steady(&ran.out));
}

#[tokio::test(start_paused = true)]
async fn without_its_catalog_the_rest_is_looked_at() {
    let (world, mut stack) = healthy().await;
    let Planted = plant("catalog gone", &world, &mut stack).await.unwrap();
    let ran = doctor(&world, "").await;
    assert_eq!(ran.code, 3);
    insta::assert_snapshot!("no-catalog", steady(&ran.out));
}

#[tokio::test(start_paused = true)]
async fn it_only_reads_unless_it_is_to_mend() {
    let (world, mut stack) = healthy().await;
    for fault in ["rule disabled", "advanced features off", "metadata key not rotated"] {
        plant(fault, &world, &mut stack).await.unwrap();
    }
    world.clear_calls();
    doctor(&world, "").await;
    let by_hand = |call: &&backup_chain_local::Call| call.caller == "operator-at-the-desk";
    let mut calls: Vec<String> = world
        .calls()
        .iter()
        .filter(by_hand)
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect();
    calls.sort();
    calls.dedup();
    // What docs/deploy.md tells that an operator needs.
    insta::assert_snapshot!(calls.join("\n"), @"
    backup:DescribeBackupVault
    backup:DescribeRegionSettings
    backup:ListRecoveryPointsByBackupVault
    dynamodb:DescribeContinuousBackups
    dynamodb:DescribeTable
    dynamodb:GetItem
    dynamodb:ListTables
    dynamodb:Query
    dynamodb:Scan
    events:DescribeRule
    events:ListTargetsByRule
    iam:GetRole
    iam:GetRolePolicy
    iam:SimulatePrincipalPolicy
    kms:DescribeKey
    kms:GetKeyPolicy
    kms:GetKeyRotationStatus
    lambda:GetFunctionConcurrency
    lambda:GetFunctionConfiguration
    lambda:Invoke
    lambda:ListEventSourceMappings
    sqs:GetQueueAttributes
    sqs:GetQueueUrl
    tagging:GetResources
    ");
}
