//! EventBridge: rules, targets, buses and events, as the real client sees them.

use aws_sdk_eventbridge::{
    Client,
    error::ProvideErrorMetadata,
    types::{DeadLetterConfig, InputTransformer, PutEventsRequestEntry, RetryPolicy, RuleState, Tag, Target},
};
use backup_chain_local::World;

use super::{ACCOUNT, FRANKFURT, world};

const LAMBDA: &str = "arn:aws:lambda:eu-central-1:111122223333:function:copy";

fn client(world: &World) -> Client {
    Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"))
}

fn target(id: &str) -> Target {
    Target::builder().id(id).arn(LAMBDA).build().unwrap()
}

async fn rule(client: &Client, name: &str) -> String {
    let put = client.put_rule().name(name).event_pattern(r#"{"source":["aws.backup"]}"#).send().await;
    put.unwrap().rule_arn.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_put_told_switched_and_deleted() {
    let world = world();
    let client = client(&world);
    let arn = rule(&client, "backups").await;
    assert_eq!(arn, "arn:aws:events:eu-central-1:111122223333:rule/backups");
    let told = client.describe_rule().name("backups").send().await.unwrap();
    assert_eq!((told.state, told.event_bus_name.as_deref()), (Some(RuleState::Enabled), Some("default")));
    client.disable_rule().name("backups").send().await.unwrap();
    let listed = client.list_rules().name_prefix("back").send().await.unwrap();
    assert_eq!(listed.rules()[0].state, Some(RuleState::Disabled));
    client.enable_rule().name("backups").send().await.unwrap();

    let put = client.put_targets().rule("backups").targets(target("copy")).send().await.unwrap();
    assert_eq!(put.failed_entry_count, 0);
    let held = client.delete_rule().name("backups").send().await.unwrap_err();
    assert_eq!(held.code(), Some("ValidationException"));
    client.remove_targets().rule("backups").ids("copy").send().await.unwrap();
    client.delete_rule().name("backups").send().await.unwrap();
    let gone = client.describe_rule().name("backups").send().await.unwrap_err();
    assert!(gone.into_service_error().is_resource_not_found_exception());
}

#[tokio::test(start_paused = true)]
async fn patterns_and_schedules_that_aws_refuses_are_refused() {
    let world = world();
    let client = client(&world);
    let bad =
        client.put_rule().name("bad").event_pattern(r#"{"source":"aws.backup"}"#).send().await.unwrap_err();
    assert!(bad.into_service_error().is_invalid_event_pattern_exception());
    for schedule in ["rate(1 minutes)", "cron(0 10 * * * *)"] {
        let bad = client.put_rule().name("bad").schedule_expression(schedule).send().await.unwrap_err();
        assert_eq!(bad.code(), Some("ValidationException"), "{schedule}");
    }
    client.create_event_bus().name("mine").send().await.unwrap();
    let elsewhere = client.put_rule().name("bad").event_bus_name("mine").schedule_expression("rate(1 day)");
    assert_eq!(elsewhere.send().await.unwrap_err().code(), Some("ValidationException"));

    let event = r#"{"id":"1","account":"1","source":"a","time":"2026-03-01T00:00:00Z","region":"r","resources":[],
        "detail-type":"t"}"#;
    let tested = client.test_event_pattern().event_pattern(r#"{"source":[{"prefix":"a"}]}"#).event(event);
    assert!(tested.send().await.unwrap().result);
}

#[tokio::test(start_paused = true)]
async fn a_rule_has_five_targets_and_tells_them() {
    let world = world();
    let client = client(&world);
    rule(&client, "backups").await;
    let dead = "arn:aws:sqs:eu-central-1:111122223333:dead";
    let rich = Target::builder()
        .id("rich")
        .arn(LAMBDA)
        .input_transformer(
            InputTransformer::builder()
                .input_paths_map("s", "$.source")
                .input_template("<s>")
                .build()
                .unwrap(),
        )
        .retry_policy(RetryPolicy::builder().maximum_retry_attempts(3).build())
        .dead_letter_config(DeadLetterConfig::builder().arn(dead).build())
        .build()
        .unwrap();
    let many: Vec<Target> = (1..5).map(|id| target(&id.to_string())).chain([rich.clone()]).collect();
    client.put_targets().rule("backups").set_targets(Some(many)).send().await.unwrap();
    let sixth = client.put_targets().rule("backups").targets(target("sixth")).send().await.unwrap_err();
    assert!(sixth.into_service_error().is_limit_exceeded_exception());
    let listed = client.list_targets_by_rule().rule("backups").limit(4).send().await.unwrap();
    assert_eq!((listed.targets().len(), listed.next_token.is_some()), (4, true));
    let rest = client.list_targets_by_rule().rule("backups").set_next_token(listed.next_token).send().await;
    assert_eq!(rest.unwrap().targets(), [rich]);
    let names = client.list_rule_names_by_target().target_arn(LAMBDA).send().await.unwrap();
    assert_eq!(names.rule_names(), ["backups"]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_refused_does_not_hold_up_the_others() {
    let world = world();
    let client = client(&world);
    let entry = |source: &str, detail: &str| {
        PutEventsRequestEntry::builder().source(source).detail_type("Done").detail(detail).build()
    };
    let put = client.put_events().entries(entry("app", "{}")).entries(entry("aws.backup", "{}"));
    let put = put.entries(entry("app", "{")).send().await.unwrap();
    let codes: Vec<Option<&str>> = put.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!(put.failed_entry_count, 2);
    assert_eq!(codes, [None, Some("NotAuthorizedForSourceException"), Some("MalformedDetail")]);
    assert!(put.entries()[0].event_id.is_some());
}

#[tokio::test(start_paused = true)]
async fn buses_and_tags_come_and_go() {
    let world = world();
    let client = client(&world);
    let tag = |key: &str| Tag::builder().key(key).value("v").build().unwrap();
    let made = client.create_event_bus().name("mine").tags(tag("a")).send().await.unwrap();
    let arn = made.event_bus_arn.unwrap();
    assert_eq!(arn, "arn:aws:events:eu-central-1:111122223333:event-bus/mine");
    let again = client.create_event_bus().name("mine").send().await.unwrap_err();
    assert!(again.into_service_error().is_resource_already_exists_exception());
    let told = client.describe_event_bus().name("mine").send().await.unwrap();
    assert_eq!(told.creation_time.map(|at| at.secs()), Some(world.now().as_second()));
    let listed = client.list_event_buses().send().await.unwrap();
    let names: Vec<Option<&str>> = listed.event_buses().iter().map(|bus| bus.name()).collect();
    assert_eq!(names, [Some("default"), Some("mine")]);

    client.tag_resource().resource_arn(&arn).tags(tag("b")).send().await.unwrap();
    client.untag_resource().resource_arn(&arn).tag_keys("a").send().await.unwrap();
    let tags = client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("b")]);
    client.delete_event_bus().name("mine").send().await.unwrap();
    let gone = client.describe_event_bus().name("mine").send().await.unwrap_err();
    assert!(gone.into_service_error().is_resource_not_found_exception());
}
