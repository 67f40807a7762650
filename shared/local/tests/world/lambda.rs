//! Lambda: Invoke in its three ways, and what it answers when a function fails or is not there.

use std::collections::BTreeMap;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use aws_sdk_lambda::{
    Client, config::retry::RetryConfig, error::ProvideErrorMetadata, primitives::Blob, types::InvocationType,
};
use backup_chain_local::{Fault, FaultRule, Function, World};
use serde_json::{Value, json};

use super::{ACCOUNT, FRANKFURT, IRELAND, world};

const NAME: &str = "doubles";

fn client(world: &World, region: &str) -> Client {
    let config = world.sdk_config(ACCOUNT, region, "tester");
    let once = aws_sdk_lambda::config::Builder::from(&config).retry_config(RetryConfig::disabled());
    Client::from_conf(once.build())
}

/// A function that takes a minute to double a number, and counts how often it has done so.
fn doubles(world: &World) -> (Arc<Function>, Arc<AtomicUsize>) {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let environment = BTreeMap::from([("PURPOSE".to_owned(), "doubling".to_owned())]);
    let function = Arc::new(Function::new(environment, move |payload: Value| {
        let count = Arc::clone(&count);
        async move {
            tokio::time::sleep(Duration::from_mins(1)).await;
            count.fetch_add(1, Ordering::Relaxed);
            let number = payload["number"].as_i64().ok_or("there is no number: send one")?;
            Ok(json!({ "number": number * 2 }))
        }
    }));
    world.register(ACCOUNT, FRANKFURT, NAME, &function);
    (function, done)
}

fn payload(value: &Value) -> Blob {
    Blob::new(value.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_function_is_waited_for_and_answers() {
    let world = world();
    let (_function, _) = doubles(&world);
    let client = client(&world, FRANKFURT);
    let started = world.now();
    for name in
        [NAME, "111122223333:function:doubles", "arn:aws:lambda:eu-central-1:111122223333:function:doubles"]
    {
        let answer = client
            .invoke()
            .function_name(name)
            .payload(payload(&json!({"number": 21})))
            .send()
            .await
            .unwrap();
        assert_eq!((answer.status_code(), answer.function_error()), (200, None));
        assert_eq!(answer.executed_version(), Some("$LATEST"));
        assert_eq!(answer.payload().unwrap().as_ref(), br#"{"number":42}"#);
    }
    assert_eq!(world.now().duration_since(started).as_mins(), 3);
    let configured = client.get_function_configuration().function_name(NAME).send().await.unwrap();
    assert_eq!(configured.environment().unwrap().variables().unwrap()["PURPOSE"], "doubling");
    assert_eq!(world.calls()[0].resource, NAME);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_is_an_answer_that_says_so() {
    let world = world();
    let (_function, _) = doubles(&world);
    // Without a payload a function is given an empty object.
    let answer = client(&world, FRANKFURT).invoke().function_name(NAME).send().await.unwrap();
    assert_eq!((answer.status_code(), answer.function_error()), (200, Some("Unhandled")));
    let said: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    assert_eq!(said["errorMessage"], "there is no number: send one");
    assert!(said["errorType"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_event_is_taken_at_once_and_a_dry_run_runs_nothing() {
    let world = world();
    let (_function, done) = doubles(&world);
    let client = client(&world, FRANKFURT);
    let started = world.now();
    for (way, status) in [(InvocationType::Event, 202), (InvocationType::DryRun, 204)] {
        let answer = client.invoke().function_name(NAME).invocation_type(way).send().await.unwrap();
        assert_eq!(answer.status_code(), status);
        assert!(answer.payload().is_none_or(|payload| payload.as_ref().is_empty()));
    }
    assert_eq!((world.now(), done.load(Ordering::Relaxed)), (started, 0));
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_function_is_there_under_its_name_in_its_region_while_it_is_kept() {
    let world = world();
    let (function, _) = doubles(&world);
    let refused = async |region: &str, name: &str| {
        let error = client(&world, region).invoke().function_name(name).send().await.unwrap_err();
        let error = error.into_service_error();
        (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    };
    let missing = |region: &str, name: &str| {
        let message = format!("Function not found: arn:aws:lambda:{region}:{ACCOUNT}:function:{name}");
        ("ResourceNotFoundException".to_owned(), message)
    };
    assert_eq!(refused(FRANKFURT, "trebles").await, missing(FRANKFURT, "trebles"));
    assert_eq!(refused(IRELAND, NAME).await, missing(IRELAND, NAME));
    drop(function);
    assert_eq!(refused(FRANKFURT, NAME).await, missing(FRANKFURT, NAME));
}

#[tokio::test(start_paused = true)]
async fn faults_are_lambdas_own_and_a_lost_answer_leaves_the_function_running() {
    let world = world();
    let (_function, done) = doubles(&world);
    let client = client(&world, FRANKFURT);
    let codes = [
        (Fault::Throttle, "TooManyRequestsException"),
        (Fault::ServerError, "ServiceException"),
        (Fault::Deny, "AccessDeniedException"),
    ];
    for (fault, code) in codes {
        world.inject(FaultRule::new("lambda", "Invoke", fault).times(1));
        let error = client.invoke().function_name(NAME).send().await.unwrap_err().into_service_error();
        assert_eq!(error.code(), Some(code));
    }
    world.inject(FaultRule::new("lambda", "Invoke", Fault::TimeoutAfter).times(1));
    client.invoke().function_name(NAME).send().await.unwrap_err();
    assert_eq!(done.load(Ordering::Relaxed), 0);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(done.load(Ordering::Relaxed), 1);
}
