//! A clock that is held, and moved from outside.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_eventbridge::{Client as Events, types::Target};
use backup_chain_local::{Function, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{ACCOUNT, FRANKFURT, world};

/// When a function has begun and ended.
type Runs = Arc<Mutex<Vec<(Timestamp, Timestamp)>>>;

/// A function that works for a minute, and is invoked every hour.
async fn hourly(world: &World) -> (Arc<Function>, Runs) {
    let runs = Runs::default();
    let (told, of) = (Arc::clone(&runs), world.clone());
    let function = Arc::new(Function::new(BTreeMap::new(), move |_: Value| {
        let (told, of) = (Arc::clone(&told), of.clone());
        async move {
            let began = of.now();
            tokio::time::sleep(Duration::from_mins(1)).await;
            told.lock().unwrap().push((began, of.now()));
            Ok(json!({}))
        }
    }));
    world.register(ACCOUNT, FRANKFURT, "works", &function);
    let client = Events::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    client.put_rule().name("hourly").schedule_expression("rate(1 hour)").send().await.unwrap();
    let arn = format!("arn:aws:lambda:{FRANKFURT}:{ACCOUNT}:function:works");
    let target = Target::builder().id("works").arn(arn).build().unwrap();
    client.put_targets().rule("hourly").targets(target).send().await.unwrap();
    (function, runs)
}

/// A held world that is driven.
fn held() -> (World, JoinHandle<()>) {
    let world = world();
    world.hold_clock();
    let driven = world.clone();
    (world, tokio::spawn(async move { driven.drive().await }))
}

async fn move_to(world: &World, moment: Timestamp) {
    let Ok(()) = world.move_clock(|_| Ok::<_, Infallible>(moment)).await;
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

#[tokio::test(start_paused = true)]
async fn time_stands_still_until_it_is_moved() {
    let (world, _driven) = held();
    let (_function, runs) = hourly(&world).await;
    let start = world.now();
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!((world.now(), runs.lock().unwrap().len()), (start, 0));
    move_to(&world, start + hours(1) - SignedDuration::from_nanos(1)).await;
    assert_eq!(runs.lock().unwrap().len(), 0, "nothing happens before its moment");
}

#[tokio::test(start_paused = true)]
async fn what_is_due_happens_at_its_moment_and_to_its_end_before_time_goes_on() {
    let (world, _driven) = held();
    let (_function, runs) = hourly(&world).await;
    let start = world.now();
    let minute = SignedDuration::from_mins(1);
    move_to(&world, start + hours(3)).await;
    // The rule fires an hour after it last has; a function takes its minute of the world's time.
    let at = |count| (start + hours(count), start + hours(count) + minute);
    assert_eq!(*runs.lock().unwrap(), [at(1), at(2), at(3)]);
    assert_eq!(world.now(), start + hours(3) + minute, "the last one ran beyond the moment");
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!(world.now(), start + hours(3) + minute);
    move_to(&world, start).await;
    assert_eq!(world.now(), start + hours(3) + minute, "it never goes back");
}

#[tokio::test(start_paused = true)]
async fn orders_wait_for_each_other_and_one_that_is_dropped_stops_the_clock() {
    let (world, _driven) = held();
    let (_function, runs) = hourly(&world).await;
    let start = world.now();
    let by = |count| world.move_clock(move |now| Ok::<_, Infallible>(now + hours(count)));
    let (first, second) = tokio::join!(by(2), by(1));
    first.and(second).unwrap();
    let minute = SignedDuration::from_mins(1);
    // The second order begins where the first has ended, after the function of its last hour.
    assert_eq!((world.now(), runs.lock().unwrap().len()), (start + hours(3) + minute, 3));
    // While the function of the fourth hour runs, nobody waits any more.
    let broken = tokio::time::timeout(Duration::from_secs(30), by(10)).await;
    assert!(broken.is_err());
    assert_eq!(world.moving_to(), None);
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!((world.now(), runs.lock().unwrap().len()), (start + hours(4) + minute, 4));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_runs_can_be_moved_too() {
    let world = world();
    let driven = world.clone();
    let _driven = tokio::spawn(async move { driven.drive().await });
    let (_function, runs) = hourly(&world).await;
    let start = world.now();
    move_to(&world, start + hours(2) + hours(1) / 2).await;
    assert_eq!((world.now(), runs.lock().unwrap().len()), (start + hours(2) + hours(1) / 2, 2));
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!((world.now(), runs.lock().unwrap().len()), (start + hours(3) + hours(1) / 2, 3));
}
