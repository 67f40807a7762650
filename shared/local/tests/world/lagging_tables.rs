//! Tables as those see them who ask too soon: their tags, their policies, their settings, and themselves.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{PointInTimeRecoverySpecification, Tag, TimeToLiveSpecification, TimeToLiveStatus},
};
use backup_chain_local::{Lag, World};
use jiff::SignedDuration;

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, seconds, seeded, world};

const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
const OTHER_POLICY: &str = r#"{"Version":"2012-10-17","Id":"other","Statement":[]}"#;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

async fn listed(client: &Client) -> Vec<String> {
    let tags = client.list_tags_of_resource().resource_arn(TABLE).send().await.unwrap();
    tags.tags().iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect()
}

async fn tagged(client: &Client, key: &str, value: &str) {
    client.tag_resource().resource_arn(TABLE).tags(tag(key, value)).send().await.unwrap();
}

/// A world with the table `orders`, which carries a tag that everybody has seen; then readers of this kind lag for so
/// many seconds.
async fn orders(seed: u64, lag: Lag, late: i64) -> (World, Client) {
    let world = seeded(seed);
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").tags(tag("team", "a")).send().await.unwrap();
    world.stretch(lag, SignedDuration::from_secs(late));
    (world, client)
}

/// AWS documents of TagResource that ListTagsOfResource might answer the previous tags or none right after it.
#[tokio::test(start_paused = true)]
async fn the_listing_of_tags_tells_the_previous_ones_or_none_then_the_new_ones() {
    let mut early = BTreeSet::new();
    for seed in 0..12 {
        let (_world, client) = orders(seed, Lag::TableTags, 7).await;
        tagged(&client, "claim", "1").await;
        let before = listed(&client).await;
        seconds(6).await;
        assert_eq!(listed(&client).await, before);
        early.insert(before);
        seconds(1).await;
        assert_eq!(listed(&client).await, ["claim=1", "team=a"]);
    }
    assert_eq!(early, BTreeSet::from([vec![], vec!["team=a".to_owned()]]));
}

#[tokio::test(start_paused = true)]
async fn tags_that_were_taken_off_are_listed_for_a_while() {
    let mut early = BTreeSet::new();
    for seed in 0..12 {
        let (_world, client) = orders(seed, Lag::TableTags, 7).await;
        client.untag_resource().resource_arn(TABLE).tag_keys("team").send().await.unwrap();
        early.insert(listed(&client).await);
        seconds(7).await;
        assert!(listed(&client).await.is_empty());
    }
    assert!(early.contains(&vec!["team=a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn the_tags_that_a_table_is_made_with_are_listed_late() {
    let world = world();
    world.stretch(Lag::TableTags, SignedDuration::from_secs(7));
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "orders").tags(tag("team", "a")).send().await.unwrap();
    assert!(listed(&client).await.is_empty());
    seconds(7).await;
    assert_eq!(listed(&client).await, ["team=a"]);
}

/// AWS says of TagResource that the application of tags is eventually consistent.
#[tokio::test(start_paused = true)]
async fn a_right_that_hangs_on_a_tag_comes_later_than_the_tag_is_listed() {
    let (world, client) = orders(7, Lag::JudgedTags, 12).await;
    let claimed = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:DescribeTable",
        "Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/claim":"1"}}}}"#;
    world.put_role(ACCOUNT, "restorer", &[claimed]).unwrap();
    let restorer = Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "restorer"));
    let describe = || restorer.describe_table().table_name("orders").send();
    tagged(&client, "claim", "1").await;
    assert_eq!(listed(&client).await, ["claim=1", "team=a"], "the listing has a lag of its own");
    assert_eq!(describe().await.unwrap_err().code(), Some("AccessDeniedException"));
    seconds(11).await;
    assert_eq!(describe().await.unwrap_err().code(), Some("AccessDeniedException"));
    seconds(1).await;
    describe().await.unwrap();
    client.untag_resource().resource_arn(TABLE).tag_keys("claim").send().await.unwrap();
    describe().await.unwrap();
    seconds(12).await;
    assert_eq!(describe().await.unwrap_err().code(), Some("AccessDeniedException"));
}

#[tokio::test(start_paused = true)]
async fn the_tagging_api_finds_tables_and_their_tags_late() {
    let (world, client) = orders(7, Lag::FoundTags, 9).await;
    let finder = aws_sdk_resourcegroupstagging::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    let found = || async {
        let found =
            finder.get_resources().send().await.unwrap().resource_tag_mapping_list.unwrap_or_default();
        let told = found.iter().map(|table| {
            let name = table.resource_arn().unwrap().rsplit('/').next().unwrap();
            format!("{name}: {}", table.tags().len())
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(found().await, ["orders: 1"]);
    tagged(&client, "claim", "1").await;
    new_table(&client, "users").tags(tag("team", "b")).send().await.unwrap();
    assert_eq!(found().await, ["orders: 1"]);
    seconds(9).await;
    assert_eq!(found().await, ["orders: 2", "users: 1"]);
    client.untag_resource().resource_arn(TABLE).tag_keys("team").tag_keys("claim").send().await.unwrap();
    assert_eq!(found().await, ["orders: 2", "users: 1"]);
    seconds(9).await;
    assert_eq!(found().await, ["users: 1"]);
}

async fn policy(client: &Client) -> Result<String, String> {
    match client.get_resource_policy().resource_arn(TABLE).send().await {
        Ok(answer) => Ok(answer.policy.unwrap()),
        Err(error) => Err(error.code().unwrap().to_owned()),
    }
}

/// AWS documents of PutResourcePolicy that GetResourcePolicy might answer the previous policy or
/// PolicyNotFoundException right after it, and of DeleteResourcePolicy that it might still answer the policy.
#[tokio::test(start_paused = true)]
async fn a_policy_is_read_as_it_was_or_not_at_all_for_a_while() {
    let (mut early, mut deleted) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..12 {
        let (_world, client) = orders(seed, Lag::Policies, 5).await;
        let put = |policy: &str| client.put_resource_policy().resource_arn(TABLE).policy(policy).send();
        put(POLICY).await.unwrap();
        assert_eq!(policy(&client).await, Err("PolicyNotFoundException".to_owned()));
        seconds(30).await;
        assert_eq!(policy(&client).await, Ok(POLICY.to_owned()));
        put(OTHER_POLICY).await.unwrap();
        early.insert(policy(&client).await);
        seconds(5).await;
        assert_eq!(policy(&client).await, Ok(OTHER_POLICY.to_owned()));
        seconds(30).await;
        client.delete_resource_policy().resource_arn(TABLE).send().await.unwrap();
        deleted.insert(policy(&client).await);
        seconds(5).await;
        assert_eq!(policy(&client).await, Err("PolicyNotFoundException".to_owned()));
    }
    let none = Err("PolicyNotFoundException".to_owned());
    assert_eq!(early, BTreeSet::from([Ok(POLICY.to_owned()), none.clone()]));
    assert_eq!(deleted, BTreeSet::from([Ok(OTHER_POLICY.to_owned()), none]));
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_changed_by_what_it_is_not_by_what_is_read() {
    let (_world, client) = orders(7, Lag::Policies, 60).await;
    let first = client.put_resource_policy().resource_arn(TABLE).policy(POLICY).send().await.unwrap();
    seconds(30).await;
    let next = client.put_resource_policy().resource_arn(TABLE).policy(OTHER_POLICY);
    next.set_expected_revision_id(first.revision_id).send().await.unwrap();
}

/// AWS documents of DescribeTable that it might answer ResourceNotFoundException right after CreateTable, because its
/// query is eventually consistent; GetResourcePolicy says the same of itself.
#[tokio::test(start_paused = true)]
async fn a_new_table_is_not_found_by_those_who_describe_it() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "users").send().await.unwrap();
    world.stretch(Lag::NewTables, SignedDuration::from_secs(60));
    new_table(&client, "orders").send().await.unwrap();
    let codes = || async {
        let table = "orders";
        let told = [
            client.describe_table().table_name(table).send().await.err().as_ref().and_then(code),
            client.describe_time_to_live().table_name(table).send().await.err().as_ref().and_then(code),
            client.describe_continuous_backups().table_name(table).send().await.err().as_ref().and_then(code),
            client
                .describe_contributor_insights()
                .table_name(table)
                .send()
                .await
                .err()
                .as_ref()
                .and_then(code),
            client
                .describe_kinesis_streaming_destination()
                .table_name(table)
                .send()
                .await
                .err()
                .as_ref()
                .and_then(code),
            client.list_tags_of_resource().resource_arn(TABLE).send().await.err().as_ref().and_then(code),
            client.get_resource_policy().resource_arn(TABLE).send().await.err().as_ref().and_then(code),
        ];
        told.map(Option::unwrap_or_default)
    };
    let names = || async { client.list_tables().send().await.unwrap().table_names.unwrap() };
    let missing = "ResourceNotFoundException";
    let early = [missing, missing, "TableNotFoundException", missing, missing, missing, missing];
    assert_eq!(codes().await, early);
    assert_eq!(names().await, ["users"]);
    super::put(&client, "orders", "a", "1").await;
    tagged(&client, "team", "a").await;
    let again = new_table(&client, "orders").send().await.unwrap_err().into_service_error();
    assert!(again.is_resource_in_use_exception(), "it is there for who changes it");
    seconds(59).await;
    assert_eq!(codes().await, early);
    seconds(1).await;
    assert_eq!(codes().await, ["", "", "", "", "", "", "PolicyNotFoundException"]);
    assert_eq!(names().await, ["orders", "users"]);
}

fn code<E: ProvideErrorMetadata>(error: &E) -> Option<String> {
    error.code().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn time_to_live_and_recovery_are_described_as_they_were() {
    let (_world, client) = orders(7, Lag::TableSettings, 30).await;
    let ttl = || async {
        let told = client.describe_time_to_live().table_name("orders").send().await.unwrap();
        told.time_to_live_description.unwrap().time_to_live_status.unwrap()
    };
    let recovery = || async {
        let told = client.describe_continuous_backups().table_name("orders").send().await.unwrap();
        let told = told.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap();
        told.recovery_period_in_days
    };
    let on = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    client.update_time_to_live().table_name("orders").time_to_live_specification(on).send().await.unwrap();
    let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true);
    let on = on.recovery_period_in_days(7).build().unwrap();
    let update = client.update_continuous_backups().table_name("orders");
    let told = update.point_in_time_recovery_specification(on).send().await.unwrap();
    let told = told.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap();
    assert_eq!(told.recovery_period_in_days, Some(7), "the change's own answer is exact");
    assert_eq!((ttl().await, recovery().await), (TimeToLiveStatus::Disabled, None));
    seconds(29).await;
    assert_eq!((ttl().await, recovery().await), (TimeToLiveStatus::Disabled, None));
    seconds(1).await;
    assert_eq!((ttl().await, recovery().await), (TimeToLiveStatus::Enabled, Some(7)));
}
