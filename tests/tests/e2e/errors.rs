//! Every error that AWS's models name, in every operation that the functions ask for: what may pass is waited out, and
//! what a final one keeps from being done is told.

use std::collections::BTreeSet;

use backup_chain_aws::AwsError;
use backup_chain_core::invoke::RetentionRequest;
use backup_chain_core::restore::Restore;
use backup_chain_deployed::stack::{ROLES as FUNCTIONS, Stack};
use backup_chain_local::{Call, ModelledError, common_errors, modelled_errors};
use backup_chain_tests::logs::Log;
use backup_chain_tests::restores::{ask, differences, make_everything, newest, quick_with};
use backup_chain_tests::{all_points, apply, at, tables, without_ticks};
use jiff::SignedDuration;
use tracing::level_filters::LevelFilter;

const POLICY: &str = "
name: gold
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 1 day, copy: {keep: 1 day}}
";

/// What became of a table, and what was told on the way.
struct Life {
    /// Its points, the sessions and the restore, each with how it ended.
    ended: Vec<String>,
    told: String,
    calls: Vec<Call>,
}

/// Two days of a table with everything: backed up, copied, outdated, dropped and restored. Each function meets the
/// errors, each so many times or always.
async fn life(errors: &[(ModelledError, Option<usize>)]) -> Life {
    let (log, listening) = Log::listen(LevelFilter::WARN);
    let (world, mut stack) = quick_with(SignedDuration::from_mins(5)).await;
    let (orders, settings) = make_everything(&world, &stack).await;
    apply(&stack, POLICY).await.unwrap();
    without_ticks(&world, &mut stack, "2026-01-05T06:55:00Z").await;
    world.clear_calls();
    for (error, times) in errors {
        for function in FUNCTIONS {
            let rule = error.rule().caller(function);
            world.inject(times.map_or(rule.clone(), |times| rule.times(times)));
        }
    }
    let mut told = String::new();
    stack.live_until(at("2026-01-05T10:00:00Z")).await;
    without_ticks(&world, &mut stack, "2026-01-06T06:55:00Z").await;
    stack.live_until(at("2026-01-06T10:00:00Z")).await;
    told += &retention(&stack).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    let mut refused = String::new();
    // As somebody would who reads that it may pass.
    for _ in 0..5 {
        match stack.restore(ask([newest(&orders)])).await {
            Ok(_) => break,
            Err(error) => refused = format!("{error}\n"),
        }
        if !restores(&stack).await.is_empty() {
            break;
        }
        stack.live(SignedDuration::from_mins(1)).await;
    }
    told += &refused;
    stack.live(SignedDuration::from_hours(4)).await;
    // A run that fails is made up for by the next ones.
    for _ in 0..4 {
        told += &retention(&stack).await;
        stack.live(SignedDuration::from_mins(10)).await;
    }
    let calls = world.calls();
    drop(listening);

    let mut ended = Vec::new();
    for point in all_points(&stack, &orders).await {
        let suspect = if point.suspect.is_some() { ", suspect" } else { "" };
        ended.push(format!(
            "{:?} of {}: {:?}{suspect}, {:?}",
            point.kind,
            point.slot,
            point.state(),
            point.warnings
        ));
        told += &format!("{:?} {:?} {:?}\n", point.reason(), point.warnings, point.suspect);
    }
    for session in stack.app().catalog.sessions().await.unwrap() {
        ended.push(format!("session of {}: {:?}", session.slot, session.status));
        told += &format!("{session:?}\n");
    }
    for restore in restores(&stack).await {
        ended.push(format!("restore: {:?} {:?}", restore.stage, differences(&restore)));
        told += &format!("{restore:?}\n");
    }
    Life { ended, told: told + &log.text(), calls }
}

async fn restores(stack: &Stack) -> Vec<Restore> {
    stack.app().catalog.restores().await.unwrap()
}

/// A run of retention, and what it tells of problems.
async fn retention(stack: &Stack) -> String {
    match stack.retention(RetentionRequest::run()).await {
        Ok(report) => format!("{report:?}\n"),
        Err(error) => format!("{error}\n"),
    }
}

/// The operations that the functions ask of these services in that life.
fn asked(calls: &[Call], services: &[&str]) -> BTreeSet<(String, String)> {
    let is_ours = |call: &&Call| FUNCTIONS.contains(&call.caller.as_str());
    let ours = calls.iter().filter(is_ours).filter(|call| services.contains(&call.service.as_str()));
    ours.map(|call| (call.service.clone(), call.operation.clone())).collect()
}

/// The errors of an operation, those that every one of its service has among them.
fn of(service: &str, operation: &str) -> Vec<ModelledError> {
    let operation: &'static str = operation.to_owned().leak();
    let common = common_errors().iter().filter(move |error| error.service == service);
    let common = common.map(|error| ModelledError { operation, ..*error });
    let own = modelled_errors()
        .iter()
        .filter(move |error| error.service == service && error.operation == operation);
    own.copied().chain(common).collect()
}

/// Every operation of these services that the functions ask for meets each of its errors that may pass once, in each
/// function: everything ends as if there had been none.
async fn is_waited_out(services: &[&str]) {
    let good = life(&[]).await;
    let mut missed = Vec::new();
    for (service, operation) in asked(&good.calls, services) {
        let passing = of(&service, &operation).into_iter().filter(|error| error.retryable);
        let errors: Vec<_> = passing.map(|error| (error, Some(1))).collect();
        assert!(!errors.is_empty(), "{service}:{operation}");
        let ended = life(&errors).await.ended;
        if ended != good.ended {
            missed.push((format!("{service}:{operation}"), ended));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// What some errors mean, by which they are told.
const WORDS: [(&str, &str, &str); 7] = [
    ("DeleteRecoveryPoint", "ResourceNotFoundException", "is still there"),
    ("DescribeTable", "ResourceNotFoundException", "there is no such table"),
    ("DescribeRestoreJob", "ResourceNotFoundException", "AWS does not know job"),
    ("Decrypt", "IncorrectKeyException", "does not authenticate"),
    ("Decrypt", "InvalidCiphertextException", "does not authenticate"),
    ("DescribeKey", "NotFoundException", "does not have the key"),
    ("PutMetricAlarm", "LimitExceededFault", "LimitExceeded"),
];

/// Every final error of each operation of these services that the functions ask for: it changes nothing, or it is told.
async fn is_told(services: &[&str]) {
    let good = life(&[]).await;
    let mut missed = Vec::new();
    for (service, operation) in asked(&good.calls, services) {
        let mut meanings = Vec::new();
        for error in of(&service, &operation).into_iter().filter(|error| !error.retryable) {
            // One of each meaning, unless all are asked for.
            let meaning = AwsError::of_entry("", "", error.code, None).meaning;
            if meanings.contains(&meaning) && std::env::var_os("BACKUP_CHAIN_CASES").is_none() {
                continue;
            }
            meanings.push(meaning);
            let is_it = |(of, code, _): &&(&str, &str, &str)| *of == operation && *code == error.code;
            let words = WORDS.iter().find(is_it).map_or(error.code, |(_, _, words)| words);
            let lived = life(&[(error, None)]).await;
            if lived.ended != good.ended && !lived.told.contains(words) {
                missed.push((format!("{service}:{operation} {}", error.code), lived.ended));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_of_backup_is_waited_out() {
    is_waited_out(&["backup", "kms", "lambda"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_of_dynamodb_is_waited_out() {
    is_waited_out(&["dynamodb"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_of_what_surrounds_a_table_is_waited_out() {
    is_waited_out(&["application-autoscaling", "monitoring", "tagging", "events", "sqs"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_final_of_backup_is_told() {
    is_told(&["backup", "kms", "lambda"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_final_of_dynamodb_is_told() {
    is_told(&["dynamodb"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_final_of_what_surrounds_a_table_is_told() {
    is_told(&["application-autoscaling", "monitoring", "tagging", "events", "sqs"]).await;
}
