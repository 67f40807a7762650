//! Lambda: Invoke in its three ways, and what it answers when a function fails or is not there.

use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use aws_sdk_eventbridge::{
    Client as Events,
    types::{PutEventsRequestEntry, Target},
};
use aws_sdk_lambda::{
    Client,
    config::retry::RetryConfig,
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{DestinationConfig, FunctionResponseType, InvocationType, LogType, OnFailure},
};
use aws_sdk_sqs::{Client as Sqs, types::QueueAttributeName};
use backup_chain_local::{Fault, FaultRule, Function, World};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
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

/// What a function was given, and when.
type Seen<T> = Arc<Mutex<Vec<(Timestamp, T)>>>;

/// A function that fails as often as it is told to, and tells what it was given.
fn fails(world: &World, times: usize) -> (Arc<Function>, Seen<Value>) {
    let seen: Seen<Value> = Arc::default();
    let (told, of) = (Arc::clone(&seen), world.clone());
    let function = Function::new(BTreeMap::new(), move |payload: Value| {
        let (told, now) = (Arc::clone(&told), of.now());
        async move {
            let mut told = told.lock().unwrap();
            told.push((now, payload));
            if told.len() <= times { Err("not yet".to_owned()) } else { Ok(json!({})) }
        }
    });
    let function = Arc::new(function.timeout(SignedDuration::from_secs(20)));
    world.register(ACCOUNT, FRANKFURT, "fails", &function);
    (function, seen)
}

async fn queue(
    world: &World,
    name: &str,
    attributes: &[(QueueAttributeName, &str)],
) -> (Sqs, String, String) {
    let sqs = Sqs::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    let mut create = sqs.create_queue().queue_name(name);
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), *value);
    }
    let url = create.send().await.unwrap().queue_url.unwrap();
    (sqs, url, format!("arn:aws:sqs:{FRANKFURT}:{ACCOUNT}:{name}"))
}

fn moments(seen: &Mutex<Vec<(Timestamp, Value)>>) -> Vec<String> {
    seen.lock().unwrap().iter().map(|(at, _)| at.strftime("%H:%M:%S").to_string()).collect()
}

/// After one minute, then two; what still fails goes to the function's on-failure destination.
#[tokio::test(start_paused = true)]
async fn an_event_that_fails_is_tried_twice_more_and_then_handed_over() {
    let world = world();
    let (_function, seen) = fails(&world, 3);
    let (sqs, url, arn) = queue(&world, "lost", &[]).await;
    let client = client(&world, FRANKFURT);
    let destination =
        DestinationConfig::builder().on_failure(OnFailure::builder().destination(arn).build()).build();
    let config = client.put_function_event_invoke_config().function_name("fails");
    config.destination_config(destination).send().await.unwrap();
    let event = client.invoke().function_name("fails").invocation_type(InvocationType::Event);
    event.payload(payload(&json!({"number": 7}))).send().await.unwrap();
    world.drive_until(world.now() + SignedDuration::from_mins(10)).await;
    assert_eq!(moments(&seen), ["00:00:00", "00:01:00", "00:03:00"]);
    let lost = sqs.receive_message().queue_url(url).send().await.unwrap();
    let told: Value = serde_json::from_str(lost.messages()[0].body().unwrap()).unwrap();
    assert_eq!(told["requestPayload"], json!({"number": 7}));
    assert_eq!(told["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(told["responsePayload"]["errorMessage"], "not yet");
}

/// Messages that the answer names come again when their visibility timeout has passed; the others are deleted.
#[tokio::test(start_paused = true)]
async fn a_queue_feeds_a_function_and_only_what_failed_comes_again() {
    let world = world();
    let (sqs, url, arn) = queue(&world, "jobs", &[(QueueAttributeName::VisibilityTimeout, "120")]).await;
    let seen: Seen<Vec<String>> = Arc::default();
    let (told, of) = (Arc::clone(&seen), world.clone());
    let picky = Arc::new(
        Function::new(BTreeMap::new(), move |payload: Value| {
            let (told, now) = (Arc::clone(&told), of.now());
            async move {
                let records = payload["Records"].as_array().unwrap().clone();
                let body = |record: &Value| record["body"].as_str().unwrap().to_owned();
                told.lock().unwrap().push((now, records.iter().map(body).collect()));
                let failed = records.iter().filter(|record| {
                    record["body"] == "bad" && record["attributes"]["ApproximateReceiveCount"] == "1"
                });
                let failed: Vec<Value> =
                    failed.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
                Ok(json!({"batchItemFailures": failed}))
            }
        })
        .timeout(SignedDuration::from_secs(20)),
    );
    world.register(ACCOUNT, FRANKFURT, "picky", &picky);
    let mapping = client(&world, FRANKFURT).create_event_source_mapping().function_name("picky");
    let mapping =
        mapping.event_source_arn(&arn).function_response_types(FunctionResponseType::ReportBatchItemFailures);
    mapping.send().await.unwrap();
    for body in ["good", "bad", "fine"] {
        sqs.send_message().queue_url(&url).message_body(body).send().await.unwrap();
    }
    world.drive_until(world.now() + SignedDuration::from_mins(10)).await;
    let seen: Vec<(String, Vec<String>)> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(at, bodies)| (at.strftime("%H:%M:%S").to_string(), bodies.clone()))
        .collect();
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        seen,
        [("00:00:00".to_owned(), texts(&["good", "bad", "fine"])), ("00:02:00".to_owned(), texts(&["bad"]))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_mapping_needs_a_queue_that_hides_messages_for_as_long_as_the_function_runs() {
    let world = world();
    let (_function, _) = doubles(&world);
    let (_, _, arn) = queue(&world, "short", &[]).await;
    let map = async |arn: &str| {
        let client = client(&world, FRANKFURT);
        let mapping = client.create_event_source_mapping().function_name(NAME).event_source_arn(arn);
        let error = mapping.send().await.unwrap_err().into_service_error();
        (error.code().unwrap().to_owned(), error.message().unwrap().to_owned())
    };
    let (code, message) = map(&arn).await;
    assert_eq!(code, "InvalidParameterValueException");
    assert_eq!(message, "Queue visibility timeout: 30 seconds is less than Function timeout: 900 seconds");
    assert!(map("arn:aws:sqs:eu-central-1:111122223333:none").await.1.contains("does not exist"));
}

/// A schedule and an event each reach a function; one that nobody may invoke is not reached.
#[tokio::test(start_paused = true)]
async fn rules_invoke_functions() {
    let world = world();
    let (_function, seen) = fails(&world, 0);
    let events = Events::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    events.put_rule().name("tick").schedule_expression("rate(5 minutes)").send().await.unwrap();
    let arn = format!("arn:aws:lambda:{FRANKFURT}:{ACCOUNT}:function:fails");
    let target = Target::builder().id("1").arn(&arn).input(r#"{"action":"tick"}"#).build().unwrap();
    events.put_targets().rule("tick").targets(target).send().await.unwrap();
    world.drive_until(world.now() + SignedDuration::from_mins(12)).await;
    assert_eq!(moments(&seen), ["00:05:00", "00:10:00"]);
    assert_eq!(seen.lock().unwrap()[0].1, json!({"action": "tick"}));

    events.disable_rule().name("tick").send().await.unwrap();
    events.put_rule().name("done").event_pattern(r#"{"source":["shop"]}"#).send().await.unwrap();
    let target = Target::builder().id("1").arn(&arn).build().unwrap();
    events.put_targets().rule("done").targets(target).send().await.unwrap();
    let entry = PutEventsRequestEntry::builder().source("shop").detail_type("Sold").detail(r#"{"n":1}"#);
    events.put_events().entries(entry.build()).send().await.unwrap();
    world.drive_until(world.now() + SignedDuration::from_mins(12)).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!((&seen[2].1["detail-type"], &seen[2].1["detail"]), (&json!("Sold"), &json!({"n": 1})));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_overruns_is_ended() {
    let world = world();
    let slow = Function::new(BTreeMap::new(), |_| async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        Ok(json!({}))
    });
    let slow = Arc::new(slow.timeout(SignedDuration::from_secs(3)));
    world.register(ACCOUNT, FRANKFURT, "slow", &slow);
    let invoke = client(&world, FRANKFURT).invoke().function_name("slow").log_type(LogType::Tail);
    let answer = invoke.send().await.unwrap();
    assert_eq!(
        (world.now().to_string().as_str(), answer.function_error()),
        ("2026-03-01T00:00:03Z", Some("Unhandled"))
    );
    let said: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    assert_eq!(said["errorType"], "Sandbox.Timedout");
    assert!(said["errorMessage"].as_str().unwrap().ends_with("Task timed out after 3.00 seconds"), "{said}");
    let log = BASE64_STANDARD.decode(answer.log_result().unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    let lines: Vec<&str> = log.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(lines, ["START", "2026-03-01T00:00:03.000Z", "END", "REPORT"], "{log}");
    assert!(log.contains("Billed Duration: 3000 ms") && log.contains("Status: timeout"), "{log}");
}

/// A function with a reserved concurrency of 0 runs no more; what it was asked meanwhile waits.
#[tokio::test(start_paused = true)]
async fn a_function_can_be_stopped() {
    let world = world();
    let (_function, done) = doubles(&world);
    let lambda = client(&world, FRANKFURT);
    let reserved = async || {
        let found = lambda.get_function_concurrency().function_name(NAME).send().await.unwrap();
        found.reserved_concurrent_executions()
    };
    assert_eq!(reserved().await, None);
    let stop = lambda.put_function_concurrency().function_name(NAME);
    stop.reserved_concurrent_executions(0).send().await.unwrap();
    assert_eq!(reserved().await, Some(0));
    let invoke = || lambda.invoke().function_name(NAME).payload(payload(&json!({"number": 2})));
    let error = invoke().send().await.unwrap_err();
    assert_eq!(error.code(), Some("TooManyRequestsException"));
    invoke().invocation_type(InvocationType::Event).send().await.unwrap();
    world.drive_until(world.now() + SignedDuration::from_mins(10)).await;
    assert_eq!(done.load(Ordering::Relaxed), 0);
    lambda.delete_function_concurrency().function_name(NAME).send().await.unwrap();
    world.drive_until(world.now() + SignedDuration::from_mins(10)).await;
    assert_eq!((reserved().await, done.load(Ordering::Relaxed)), (None, 1));
}
