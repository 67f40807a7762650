//! What DynamoDB refuses that a kinder model would take.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client, Config,
    config::retry::RetryConfig,
    error::ProvideErrorMetadata,
    types::{
        ContributorInsightsAction, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
        GlobalSecondaryIndexUpdate, KeyType, LocalSecondaryIndex, Projection, ProjectionType, Tag,
        TimeToLiveSpecification,
    },
};
use backup_chain_local::{World, dynamodb::Durations};

use super::{ACCOUNT, FRANKFURT, dynamo, key, new_table, world};

const ARN: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/rows";

/// A client that tries once.
fn once(world: &World) -> Client {
    let config = Config::from(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    Client::from_conf(config.to_builder().retry_config(RetryConfig::disabled()).build())
}

fn naming(count: usize) -> Projection {
    let names = (0..count).map(|number| format!("a{number}")).collect();
    let include = ProjectionType::Include;
    Projection::builder().projection_type(include).set_non_key_attributes(Some(names)).build()
}

fn global(name: &str, projection: Projection) -> GlobalSecondaryIndex {
    let index = GlobalSecondaryIndex::builder().index_name(name).projection(projection);
    index.key_schema(key("sk", KeyType::Hash)).build().unwrap()
}

/// Projection: "the total count of NonKeyAttributes summed across all of the secondary indexes, must not exceed 100 …
/// only applies when you specify the ProjectionType of INCLUDE".
#[tokio::test(start_paused = true)]
async fn a_table_has_a_hundred_projected_attributes_at_most() {
    let client = once(&world());
    let all = || Projection::builder().projection_type(ProjectionType::All).build();
    let table = |globals: usize, of_local: usize| {
        let local = LocalSecondaryIndex::builder().index_name("local").projection(naming(of_local));
        let local =
            local.key_schema(key("pk", KeyType::Hash)).key_schema(key("at", KeyType::Range)).build().unwrap();
        let globals = (0..globals).map(|number| global(&format!("global-{number}"), naming(20)));
        let globals = globals.chain([global("all", all())]).collect();
        new_table(&client, "rows")
            .attribute_definitions(super::attribute("at"))
            .set_global_secondary_indexes(Some(globals))
            .local_secondary_indexes(local)
            .send()
    };
    let refused = table(4, 21).await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"), "21 of one index");
    let refused = table(5, 1).await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    assert!(refused.message().unwrap().contains("must not exceed 100, is 101"), "{refused:?}");
    table(4, 19).await.unwrap();

    let add = |name: &str, count: usize| {
        let index = CreateGlobalSecondaryIndexAction::builder().index_name(name).projection(naming(count));
        let index = index.key_schema(key("sk", KeyType::Hash)).build().unwrap();
        client
            .update_table()
            .table_name("rows")
            .attribute_definitions(super::attribute("pk"))
            .attribute_definitions(super::attribute("sk"))
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(index).build())
            .send()
    };
    assert_eq!(add("more", 2).await.unwrap_err().code(), Some("ValidationException"));
    add("more", 1).await.unwrap();
}

/// TimeToLiveAttributeName: 1 to 255 characters.
#[tokio::test(start_paused = true)]
async fn the_attribute_of_time_to_live_has_255_bytes_at_most() {
    let client = once(&world());
    new_table(&client, "rows").send().await.unwrap();
    let with = |name: String| {
        let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(name).build().unwrap();
        client.update_time_to_live().table_name("rows").time_to_live_specification(wanted).send()
    };
    assert_eq!(with("x".repeat(256)).await.unwrap_err().code(), Some("ValidationException"));
    assert_eq!(with("é".repeat(128)).await.unwrap_err().code(), Some("ValidationException"));
    with("x".repeat(255)).await.unwrap();
}

/// ConfirmRemoveSelfResourceAccess: "to confirm that you want to remove your permissions to change the policy of this
/// resource in the future".
#[tokio::test(start_paused = true)]
async fn a_policy_that_shuts_its_author_out_must_be_confirmed() {
    let world = world();
    let client = once(&world);
    new_table(&client, "rows").send().await.unwrap();
    let deny = |principal: &str, action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":{principal},"Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let put = |policy: String, confirmed: Option<bool>| {
        let put = client.put_resource_policy().resource_arn(ARN).policy(policy);
        put.set_confirm_remove_self_resource_access(confirmed).send()
    };
    let tester = r#"{"AWS":"arn:aws:iam::111122223333:role/tester"}"#;
    for policy in [
        deny(r#""*""#, "dynamodb:*"),
        deny(tester, "dynamodb:PutResourcePolicy"),
        deny(r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, "dynamodb:Put*"),
    ] {
        let refused = put(policy.clone(), None).await.unwrap_err();
        assert_eq!(refused.code(), Some("ValidationException"), "{policy}");
        assert!(refused.message().unwrap().contains("ConfirmRemoveSelfResourceAccess"));
        assert_eq!(put(policy, Some(false)).await.unwrap_err().code(), Some("ValidationException"));
    }
    let other = r#"{"AWS":"arn:aws:iam::111122223333:role/other"}"#;
    put(deny(other, "dynamodb:*"), None).await.unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    put(deny(tester, "dynamodb:DeleteTable"), None).await.unwrap();
    tokio::time::advance(Duration::from_secs(20)).await;
    put(deny(tester, "dynamodb:*"), Some(true)).await.unwrap();
    let shut_out = client.delete_resource_policy().resource_arn(ARN).send().await.unwrap_err();
    assert_eq!(shut_out.code(), Some("AccessDeniedException"));
}

/// An explicit deny of a table's own policy binds everybody, an administrator too.
#[tokio::test(start_paused = true)]
async fn the_policy_of_a_table_is_asked() {
    let world = world();
    let client = once(&world);
    let kept_from = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:role/session"},"Action":"dynamodb:DescribeTable","Resource":"*"}]}"#;
    for name in ["rows", "others"] {
        new_table(&client, name).send().await.unwrap();
    }
    client.put_resource_policy().resource_arn(ARN).policy(kept_from).send().await.unwrap();
    let session = Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "session"));
    let denied = session.describe_table().table_name("rows").send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDeniedException"));
    let why = "with an explicit deny in a resource-based policy";
    assert!(denied.message().unwrap().ends_with(why), "{denied:?}");
    session.describe_table().table_name("others").send().await.unwrap();
    client.describe_table().table_name("rows").send().await.unwrap();
}

/// ResourceNotFoundException: "its status might not be ACTIVE"; ResourceInUseException of the others.
#[tokio::test(start_paused = true)]
async fn a_table_that_is_being_made_takes_no_settings() {
    let world = world();
    world.with_dynamodb(|dynamo| {
        dynamo.durations = Durations { create: jiff::SignedDuration::from_secs(10), ..Durations::default() };
    });
    let client = once(&world);
    new_table(&client, "rows").send().await.unwrap();
    let in_use = Some("ResourceInUseException");
    let insights = || {
        let enable = ContributorInsightsAction::Enable;
        client.update_contributor_insights().table_name("rows").contributor_insights_action(enable).send()
    };
    assert_eq!(insights().await.unwrap_err().code(), Some("ResourceNotFoundException"));
    let tag = Tag::builder().key("a").value("b").build().unwrap();
    let tagged = client.tag_resource().resource_arn(ARN).tags(tag).send().await;
    assert_eq!(tagged.unwrap_err().code(), in_use);
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let put = client.put_resource_policy().resource_arn(ARN).policy(policy).send().await;
    assert_eq!(put.unwrap_err().code(), in_use);
    let stream = "arn:aws:kinesis:eu-central-1:111122223333:stream/s";
    let kinesis =
        client.enable_kinesis_streaming_destination().table_name("rows").stream_arn(stream).send().await;
    assert_eq!(kinesis.unwrap_err().code(), in_use);
    let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name("x").build().unwrap();
    let expiry = client.update_time_to_live().table_name("rows").time_to_live_specification(wanted).send();
    assert_eq!(expiry.await.unwrap_err().code(), in_use);
    let changed = client.update_table().table_name("rows").deletion_protection_enabled(true).send().await;
    assert_eq!(changed.unwrap_err().code(), in_use);
    assert_eq!(client.delete_table().table_name("rows").send().await.unwrap_err().code(), in_use);
    tokio::time::advance(Duration::from_secs(10)).await;
    insights().await.unwrap();
}

/// AWS documents that tags which begin with `aws:` are its own, and do not count.
#[tokio::test(start_paused = true)]
async fn the_tags_of_aws_can_be_planted_and_neither_put_nor_removed() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    let stack = ("aws:cloudformation:stack-name", "shop");
    world.with_dynamodb(|dynamo| dynamo.plant_tag(ACCOUNT, FRANKFURT, "rows", stack)).unwrap();
    let tags = client.list_tags_of_resource().resource_arn(ARN).send().await.unwrap().tags.unwrap();
    assert_eq!((tags[0].key(), tags[0].value()), stack);
    let removed = client.untag_resource().resource_arn(ARN).tag_keys(stack.0).send().await.unwrap_err();
    assert_eq!(removed.code(), Some("ValidationException"));
    let tag = |key: &str| Tag::builder().key(key).value("x").build().unwrap();
    let put = client.tag_resource().resource_arn(ARN).tags(tag("aws:mine")).send().await.unwrap_err();
    assert_eq!(put.code(), Some("ValidationException"));
    let fifty = (0..50).map(|number| tag(&format!("own-{number}"))).collect();
    client.tag_resource().resource_arn(ARN).set_tags(Some(fifty)).send().await.unwrap();
    let one_more = client.tag_resource().resource_arn(ARN).tags(tag("one-more")).send().await.unwrap_err();
    assert_eq!(one_more.code(), Some("ValidationException"));
    let missing = world.with_dynamodb(|dynamo| dynamo.plant_tag(ACCOUNT, FRANKFURT, "none", stack));
    assert!(missing.is_err());
}

/// TagResource: "up to five times per second, per account"; ListTagsOfResource: 10; DescribeContinuousBackups: 10.
#[tokio::test(start_paused = true)]
async fn the_rates_that_aws_documents_are_kept() {
    let world = world();
    let client = once(&world);
    new_table(&client, "rows").send().await.unwrap();
    let tagged = async || {
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        client
            .tag_resource()
            .resource_arn(ARN)
            .tags(tag)
            .send()
            .await
            .map_err(|error| error.code().map(str::to_owned))
    };
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(tagged().await.err().flatten());
    }
    assert!(told[..5].iter().all(Option::is_none), "{told:?}");
    assert_eq!(told[5].as_deref(), Some("ThrottlingException"));
    let mut listed = 0;
    let mut described = 0;
    for _ in 0..20 {
        listed += usize::from(client.list_tags_of_resource().resource_arn(ARN).send().await.is_ok());
        described +=
            usize::from(client.describe_continuous_backups().table_name("rows").send().await.is_ok());
    }
    assert_eq!((listed, described), (10, 10));
    tokio::time::advance(Duration::from_secs(1)).await;
    tagged().await.unwrap();
    world.with_dynamodb(|dynamo| dynamo.rates = false);
    for _ in 0..20 {
        tagged().await.unwrap();
    }
}
