//! Faults, crash points, and the record of calls.

use aws_sdk_dynamodb::{Client, error::ProvideErrorMetadata};
use backup_chain_local::{Fault, FaultRule, Plan, World};

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, put, text, world};

async fn prepared() -> (World, Client) {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    world.clear_calls();
    (world, client)
}

fn as_caller(world: &World, caller: &str) -> Client {
    Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, caller))
}

async fn count(client: &Client) -> i32 {
    client.scan().table_name("rows").send().await.unwrap().count
}

fn codes(world: &World) -> Vec<Option<String>> {
    world.calls().into_iter().map(|call| call.error).collect()
}

#[tokio::test(start_paused = true)]
async fn the_client_outlives_throttling_with_its_own_backoff() {
    let (world, client) = prepared().await;
    world.inject(FaultRule::new("dynamodb", "PutItem", Fault::Throttle).times(2));
    let before = world.now();
    put(&client, "rows", "a", "1").await;
    let throttled = Some("ProvisionedThroughputExceededException".to_owned());
    assert_eq!(codes(&world), [throttled.clone(), throttled, None]);
    assert!(world.now() > before, "the SDK slept on the world's clock");
}

#[tokio::test(start_paused = true)]
async fn each_service_fails_with_its_own_codes() {
    let (world, client) = prepared().await;
    let keys = super::kms_client(&world, FRANKFURT);
    for (fault, of_tables, of_keys) in [
        (Fault::Throttle, "ThrottlingException", "ThrottlingException"),
        (Fault::ServerError, "InternalServerError", "KMSInternalException"),
        (Fault::Deny, "AccessDeniedException", "AccessDeniedException"),
    ] {
        world.clear_faults();
        world.inject(FaultRule::new("*", "*", fault));
        let error = client.describe_table().table_name("rows").send().await.unwrap_err();
        assert_eq!(error.code(), Some(of_tables));
        let error = keys.describe_key().key_id("any").send().await.unwrap_err();
        assert_eq!(error.code(), Some(of_keys));
    }
    let error = client.describe_table().table_name("rows").send().await.unwrap_err();
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:sts::111122223333:assumed-role/tester/session is not authorized to perform: \
             dynamodb:DescribeTable on resource: rows"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_does_nothing_and_a_lost_answer_does_all() {
    let (world, _) = prepared().await;
    // One attempt only: a retry would hide what was lost.
    let config = world.sdk_config(ACCOUNT, FRANKFURT, "once").into_builder();
    let once = Client::new(&config.retry_config(aws_config::retry::RetryConfig::disabled()).build());
    let faults = [
        (Fault::TimeoutBefore, 0),
        (Fault::ResetBefore, 0),
        (Fault::TimeoutAfter, 1),
        (Fault::ResetAfter, 1),
    ];
    for (fault, left) in faults {
        world.inject(FaultRule::new("dynamodb", "PutItem", fault).times(1));
        let row = once.put_item().table_name("rows").item("pk", text("a")).item("sk", text("1"));
        let error = row.send().await.unwrap_err();
        assert!(error.as_service_error().is_none(), "no answer: {error:?}");
        assert_eq!(count(&once).await, left);
    }
    let told: Vec<_> = world.calls().into_iter().filter_map(|call| call.error).collect();
    assert_eq!(told, ["Timeout", "Reset", "Timeout", "Reset"]);
}

/// Of many calls about as many fail as the rule says, and with one seed the same ones.
#[tokio::test(start_paused = true)]
async fn a_share_of_the_calls_fails_by_the_seed() {
    let history = async || {
        let (world, _) = prepared().await;
        let config = world.sdk_config(ACCOUNT, FRANKFURT, "once").into_builder();
        let once = Client::new(&config.retry_config(aws_config::retry::RetryConfig::disabled()).build());
        world.inject(FaultRule::new("dynamodb", "*", Fault::Throttle).per_mille(200));
        let mut failed = Vec::new();
        for number in 0..500 {
            if once.describe_table().table_name("rows").send().await.is_err() {
                failed.push(number);
            }
        }
        failed
    };
    let failed = history().await;
    assert!((70..130).contains(&failed.len()), "{failed:?}");
    assert_eq!(failed, history().await);
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_goes_wrong() {
    let (world, client) = prepared().await;
    let plan = "
clock_skew: 1m
events: {lose: all, delay_to: 30s}
faults:
  - {service: dynamodb, operation: PutItem, fault: deny, caller: session, resource: rows, skip: 1, times: 1}
  - {service: kms, fault: throttle, from: 2026-04-01T00:00:00Z}
";
    Plan::read(plan).unwrap().apply(&world);
    let session = as_caller(&world, "session");
    put(&session, "rows", "a", "1").await;
    let row = session.put_item().table_name("rows").item("pk", text("a")).item("sk", text("2"));
    row.send().await.unwrap_err();
    put(&session, "rows", "a", "3").await;
    assert_eq!(count(&client).await, 2);
    super::kms_client(&world, FRANKFURT).list_keys().send().await.unwrap();
    assert!(world.with_backup(|backup| backup.event_faults_mut().lose_all));
    let told = |plan: &str| Plan::read(plan).unwrap_err();
    let unknown = told("faults: [{service: kms, fault: flood}]");
    assert!(unknown.contains("flood") && unknown.contains("throttle"), "{unknown}");
    assert!(told("fault: []").contains("fault"));
}

#[tokio::test(start_paused = true)]
async fn rules_choose_by_caller_resource_and_count() {
    let (world, _) = prepared().await;
    let (session, copy) = (as_caller(&world, "session"), as_caller(&world, "copy"));
    world.inject(
        FaultRule::new("dynamodb", "PutItem", Fault::Deny).caller("session").resource("ro").skip(1).times(1),
    );
    let attempt = |client: Client| async move {
        let row = client.put_item().table_name("rows").item("pk", text("a")).item("sk", text("1"));
        row.send().await.is_ok()
    };
    assert!(attempt(copy.clone()).await);
    assert!(attempt(session.clone()).await, "the first passes");
    assert!(!attempt(session.clone()).await, "the second is refused");
    assert!(attempt(session).await, "and no more");
    assert!(attempt(copy).await);
}

#[tokio::test(start_paused = true)]
async fn a_crash_takes_effect_or_not_and_never_answers() {
    for (after, left) in [(false, 1), (true, 2)] {
        let (world, client) = prepared().await;
        let dying = as_caller(&world, "session");
        if after {
            world.crash_after("session", 2);
        } else {
            world.crash_before("session", 2);
        }
        let run = async {
            for number in ["1", "2", "3"] {
                put(&dying, "rows", "a", number).await;
            }
        };
        tokio::select! {
            () = world.crashed("session") => {}
            () = run => panic!("it lived"),
        }
        assert_eq!(count(&client).await, left);
        // The point is used up: the next run of the same caller lives.
        put(&dying, "rows", "a", "2").await;
        assert_eq!(count(&client).await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_is_recorded_without_its_body() {
    let (world, _) = prepared().await;
    let client = as_caller(&world, "session");
    put(&client, "rows", "top-secret", "1").await;
    let arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/gone";
    client.list_tags_of_resource().resource_arn(arn).send().await.unwrap_err();
    let calls = world.calls();
    insta::assert_snapshot!(
        calls
            .iter()
            .map(|call| format!(
                "{} {} {}/{} {}:{} {} {:?}\n",
                call.at, call.caller, call.account, call.region, call.service, call.operation, call.resource,
                call.error
            ))
            .collect::<String>(),
        @r#"
    2026-03-01T00:00:00Z session 111122223333/eu-central-1 dynamodb:PutItem rows None
    2026-03-01T00:00:00Z session 111122223333/eu-central-1 dynamodb:ListTagsOfResource arn:aws:dynamodb:eu-central-1:111122223333:table/gone Some("ResourceNotFoundException")
    "#
    );
    assert!(!format!("{calls:?}").contains("top-secret"));
}
