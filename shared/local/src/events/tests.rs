use jiff::SignedDuration;
use serde_json::json;

use super::{delivery::DeliveryError, *};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const LAMBDA: &str = "arn:aws:lambda:eu-central-1:111122223333:function:copy";
const DEAD: &str = "arn:aws:sqs:eu-central-1:111122223333:dead";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn call(events: &mut Events, seconds: i64, operation: &str, body: &Value) -> Value {
    let scope =
        Scope { account: ACCOUNT.into(), region: REGION.into(), caller: String::new(), now: at(seconds) };
    events.handle(&scope, operation, body).unwrap()
}

/// A rule for events of AWS Backup, whose target has these members beside its id and ARN.
fn with_rule(target: &Value) -> Events {
    let mut events = Events::new(Rng::new(1, 1));
    call(
        &mut events,
        0,
        "PutRule",
        &json!({ "Name": "backups", "EventPattern": r#"{"source":["aws.backup"]}"# }),
    );
    let mut whole = json!({ "Id": "copy", "Arn": LAMBDA });
    for (member, value) in target.as_object().unwrap() {
        whole[member] = value.clone();
    }
    call(&mut events, 0, "PutTargets", &json!({ "Rule": "backups", "Targets": [whole] }));
    events
}

fn error(retryable: bool) -> DeliveryError {
    DeliveryError { retryable, code: "THROTTLING".into(), message: "Rate exceeded".into() }
}

/// Lets a delivery fail until it comes no more; returns the moments of the attempts and the last delivery.
fn failing(events: &mut Events) -> (Vec<Timestamp>, Delivery) {
    let (mut attempts, mut last) = (Vec::new(), None);
    while let Some(now) = events.next_at() {
        for delivery in events.take_deliveries(now) {
            if delivery.target_arn != DEAD {
                attempts.push(now);
            }
            last = Some(delivery.clone());
            events.delivered(delivery, Err(error(true)), now);
        }
    }
    (attempts, last.unwrap())
}

#[test]
fn an_event_goes_to_the_targets_of_the_rules_that_want_it() {
    let mut events = with_rule(&json!({ "InputPath": "$.detail" }));
    events.emit(ACCOUNT, REGION, &json!({ "source": "aws.s3" }), at(1));
    events.emit(ACCOUNT, "eu-west-1", &json!({ "source": "aws.backup" }), at(1));
    assert_eq!(events.next_at(), None);
    events.emit(
        ACCOUNT,
        REGION,
        &json!({ "source": "aws.backup", "detail": { "state": "COMPLETED" } }),
        at(1),
    );
    let delivery = events.take_deliveries(at(1)).remove(0);
    assert_eq!((delivery.target_arn.as_str(), delivery.input.as_str()), (LAMBDA, r#"{"state":"COMPLETED"}"#));
    assert_eq!(delivery.rule_arn, "arn:aws:events:eu-central-1:111122223333:rule/backups");
    events.delivered(delivery, Ok(()), at(1));
    assert_eq!(events.next_at(), None);

    call(&mut events, 2, "DisableRule", &json!({ "Name": "backups" }));
    events.emit(ACCOUNT, REGION, &json!({ "source": "aws.backup" }), at(2));
    assert_eq!(events.next_at(), None);
}

#[test]
fn a_delivery_comes_again_for_a_day_and_is_then_dropped() {
    let mut events = with_rule(&json!({}));
    events.emit(ACCOUNT, REGION, &json!({ "source": "aws.backup" }), at(0));
    let (attempts, _) = failing(&mut events);
    assert!((100..=186).contains(&attempts.len()), "{}", attempts.len());
    assert!(attempts.last().unwrap().duration_since(at(0)) <= SignedDuration::from_hours(24));
    let first = attempts[1].duration_since(attempts[0]);
    assert!(first <= SignedDuration::from_secs(1) && first >= SignedDuration::from_millis(500), "{first}");
}

#[test]
fn a_delivery_that_failed_for_good_goes_to_the_dead_letter_queue() {
    let dead = json!({ "DeadLetterConfig": { "Arn": DEAD }, "RetryPolicy": { "MaximumRetryAttempts": 2 } });
    let mut events = with_rule(&dead);
    events.emit(ACCOUNT, REGION, &json!({ "source": "aws.backup" }), at(0));
    let (attempts, letter) = failing(&mut events);
    assert_eq!(attempts.len(), 3);
    assert_eq!((letter.target_arn.as_str(), letter.input.as_str()), (DEAD, r#"{"source":"aws.backup"}"#));
    assert_eq!(letter.attributes["TARGET_ARN"], LAMBDA);
    assert_eq!(letter.attributes["RETRY_ATTEMPTS"], "2");
    assert_eq!(letter.attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumRetryAttempts");

    events.emit(ACCOUNT, REGION, &json!({ "source": "aws.backup" }), at(9));
    let delivery = events.take_deliveries(at(9)).remove(0);
    events.delivered(delivery, Err(error(false)), at(9));
    let letter = events.take_deliveries(at(9)).remove(0);
    assert_eq!((letter.target_arn.as_str(), letter.attributes["RETRY_ATTEMPTS"].as_str()), (DEAD, "0"));
    assert!(!letter.attributes.contains_key("EXHAUSTED_RETRY_CONDITION"));
}

#[test]
fn an_old_event_is_given_up() {
    let policy =
        json!({ "DeadLetterConfig": { "Arn": DEAD }, "RetryPolicy": { "MaximumEventAgeInSeconds": 60 } });
    let mut events = with_rule(&policy);
    events.emit(ACCOUNT, REGION, &json!({ "source": "aws.backup" }), at(0));
    let (attempts, letter) = failing(&mut events);
    assert!(*attempts.last().unwrap() <= at(60));
    assert_eq!(letter.attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
}

#[test]
fn a_schedule_fires_from_when_its_rule_was_put_or_enabled() {
    let mut events = Events::new(Rng::new(1, 1));
    call(&mut events, 30, "PutRule", &json!({ "Name": "tick", "ScheduleExpression": "rate(5 minutes)" }));
    call(
        &mut events,
        30,
        "PutTargets",
        &json!({ "Rule": "tick", "Targets": [{ "Id": "1", "Arn": LAMBDA }] }),
    );
    assert_eq!(events.next_at(), Some(at(330)));
    events.settle(at(700));
    let fired: Vec<Value> = events
        .take_deliveries(at(700))
        .iter()
        .map(|delivery| serde_json::from_str(&delivery.input).unwrap())
        .collect();
    assert_eq!(fired.len(), 1, "what was missed is fired once");
    assert_eq!(fired[0]["time"], "1970-01-01T00:10:30Z");
    assert_eq!(
        (&fired[0]["source"], &fired[0]["detail-type"]),
        (&json!("aws.events"), &json!("Scheduled Event"))
    );
    assert_eq!(fired[0]["resources"], json!(["arn:aws:events:eu-central-1:111122223333:rule/tick"]));

    call(&mut events, 700, "DisableRule", &json!({ "Name": "tick" }));
    assert_eq!(events.next_at(), None);
    call(&mut events, 1000, "EnableRule", &json!({ "Name": "tick" }));
    assert_eq!(events.next_at(), Some(at(1300)));
}

#[test]
fn a_new_bus_has_its_own_rules() {
    let mut events = Events::new(Rng::new(1, 1));
    call(&mut events, 0, "CreateEventBus", &json!({ "Name": "mine" }));
    let rule =
        json!({ "Name": "all", "EventBusName": "mine", "EventPattern": r#"{"source":[{"prefix":""}]}"# });
    let put = call(&mut events, 0, "PutRule", &rule);
    assert_eq!(put["RuleArn"], "arn:aws:events:eu-central-1:111122223333:rule/mine/all");
    let targets = json!({ "Rule": "all", "EventBusName": "mine", "Targets": [{ "Id": "1", "Arn": LAMBDA }] });
    call(&mut events, 0, "PutTargets", &targets);
    let entry = json!({ "Source": "app", "DetailType": "Done", "Detail": "{}", "EventBusName": "mine" });
    let put = call(&mut events, 0, "PutEvents", &json!({ "Entries": [entry] }));
    let delivery = events.take_deliveries(at(0)).remove(0);
    let event: Value = serde_json::from_str(&delivery.input).unwrap();
    assert_eq!((&event["id"], &event["region"]), (&put["Entries"][0]["EventId"], &json!(REGION)));
}
