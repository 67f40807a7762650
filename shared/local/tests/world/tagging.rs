//! Finding tables by their tags.

use aws_sdk_dynamodb::types::Tag;
use aws_sdk_resourcegroupstagging::{Client, types::TagFilter};

use super::{ACCOUNT, FRANKFURT, IRELAND, dynamo, new_table, world};

#[tokio::test(start_paused = true)]
async fn tables_are_found_by_their_tags() {
    let world = world();
    let tables = dynamo(&world, ACCOUNT, FRANKFURT);
    for (name, stage, team) in
        [("orders", "prod", "a"), ("carts", "prod", "b"), ("trial", "dev", "a"), ("users", "prod", "a")]
    {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
        new_table(&tables, name).tags(tag("stage", stage)).tags(tag("team", team)).send().await.unwrap();
    }
    new_table(&tables, "untagged").send().await.unwrap();

    let config = world.sdk_config(ACCOUNT, FRANKFURT, "tester");
    let client = Client::new(&config);
    let found = |filters: Vec<TagFilter>| {
        let mut pages = client
            .get_resources()
            .resource_type_filters("dynamodb:table")
            .set_tag_filters(Some(filters))
            .resources_per_page(2)
            .into_paginator()
            .items()
            .send();
        async move {
            let mut names = Vec::new();
            while let Some(table) = pages.next().await {
                let arn = table.unwrap().resource_arn.unwrap();
                names.push(arn.rsplit('/').next().unwrap().to_owned());
            }
            names
        }
    };
    let filter = |key: &str, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        TagFilter::builder().key(key).set_values(Some(values)).build()
    };
    assert_eq!(found(vec![]).await, ["carts", "orders", "trial", "users"]);
    assert_eq!(found(vec![filter("stage", &["prod"])]).await, ["carts", "orders", "users"]);
    assert_eq!(
        found(vec![filter("stage", &["prod", "dev"]), filter("team", &["a"])]).await,
        ["orders", "trial", "users"]
    );
    assert_eq!(found(vec![filter("team", &[])]).await.len(), 4);
    assert!(found(vec![filter("stage", &["test"])]).await.is_empty());

    let elsewhere = Client::new(&world.sdk_config(ACCOUNT, IRELAND, "tester"));
    let none = elsewhere.get_resources().send().await.unwrap();
    assert!(none.resource_tag_mapping_list.unwrap_or_default().is_empty());
}
