//! What is kept of calls: their bodies where somebody asks for them, and what became of each.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, error::SdkError};
use backup_chain_local::record::{Call, Fate};
use backup_chain_local::{Fault, FaultRule, World};
use jiff::SignedDuration;

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, put, text, world};

async fn prepared() -> (World, Client) {
    let world = world();
    new_table(&dynamo(&world, ACCOUNT, FRANKFURT), "rows").send().await.unwrap();
    world.clear_calls();
    world.keep_bodies();
    let client = Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "session"));
    (world, client)
}

fn body(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fates(calls: &[Call]) -> Vec<(Fate, u16)> {
    calls.iter().map(|call| (call.fate, call.bodies.as_ref().unwrap().status)).collect()
}

#[tokio::test(start_paused = true)]
async fn bodies_are_kept_where_somebody_asks_for_them() {
    let (world, client) = prepared().await;
    put(&client, "rows", "a", "1").await;
    client.describe_table().table_name("gone").send().await.unwrap_err();
    let calls = world.take_calls();
    assert!(world.calls().is_empty());
    assert_eq!(fates(&calls), [(Fate::Heard, 200), (Fate::Heard, 400)]);
    let [put, describe] = [&calls[0], &calls[1]].map(|call| call.bodies.clone().unwrap());
    assert!(body(&put.request).contains(r#""pk":{"S":"a"}"#), "{put:?}");
    assert_eq!(body(&put.response), "{}");
    assert!(body(&describe.response).contains("ResourceNotFoundException"), "{describe:?}");

    let backup = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "session"));
    backup.list_backup_jobs().by_state("RUNNING".into()).send().await.unwrap();
    let listed = world.take_calls().remove(0).bodies.unwrap();
    assert_eq!((listed.path.as_str(), listed.request.len()), ("/backup-jobs?state=RUNNING", 0));
}

#[tokio::test(start_paused = true)]
async fn what_became_of_a_call_is_told_by_its_fate() {
    let (world, client) = prepared().await;
    for (fault, fate, status) in [
        (Fault::Throttle, Fate::Heard, 400),
        (Fault::TimeoutBefore, Fate::Lost, 0),
        (Fault::ResetBefore, Fate::Lost, 0),
        (Fault::TimeoutAfter, Fate::Unheard, 200),
        (Fault::ResetAfter, Fate::Unheard, 200),
    ] {
        world.inject(FaultRule::new("dynamodb", "PutItem", fault.clone()).times(1));
        put(&client, "rows", "a", "1").await;
        // What goes wrong is tried again by the client.
        assert_eq!(fates(&world.take_calls()), [(fate, status), (Fate::Heard, 200)], "{fault:?}");
    }
    for (effect, fate, status) in [(false, Fate::DiedBefore, 0), (true, Fate::DiedAfter, 200)] {
        if effect {
            world.crash_after("session", 1);
        } else {
            world.crash_before("session", 1);
        }
        tokio::select! {
            () = world.crashed("session") => {}
            () = put(&client, "rows", "b", "1") => panic!("it lived"),
        }
        assert_eq!(fates(&world.take_calls()), [(fate, status)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_comes_late_and_its_effect_does_not() {
    let (world, client) = prepared().await;
    let began = world.now();
    world.inject(FaultRule::new("dynamodb", "PutItem", Fault::Slow(90_000)).times(1));
    put(&client, "rows", "a", "1").await;
    assert_eq!(world.now().duration_since(began), SignedDuration::from_secs(90));
    assert_eq!(world.take_calls()[0].at, began);

    // One that nobody waits for has had its effect.
    world.inject(FaultRule::new("dynamodb", "PutItem", Fault::Slow(90_000)).times(1));
    let row = client.put_item().table_name("rows").item("pk", text("b")).item("sk", text("1"));
    let waited = tokio::time::timeout(Duration::from_secs(5), row.send()).await;
    assert!(waited.is_err(), "{waited:?}");
    let found = client.scan().table_name("rows").consistent_read(true).send().await;
    assert_eq!(found.map_err(SdkError::into_service_error).unwrap().count, 2);
}
