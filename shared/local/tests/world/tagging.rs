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

#[tokio::test(start_paused = true)]
async fn vaults_and_alarms_are_found_and_tagged_beside_tables() {
    let world = world();
    let config = world.sdk_config(ACCOUNT, FRANKFURT, "tester");
    let client = Client::new(&config);
    new_table(&dynamo(&world, ACCOUNT, FRANKFURT), "orders").send().await.unwrap();
    let vaults = aws_sdk_backup::Client::new(&config);
    let vault = vaults.create_backup_vault().backup_vault_name("daily").backup_vault_tags("team", "a");
    let vault = vault.send().await.unwrap().backup_vault_arn.unwrap();
    let alarms = aws_sdk_cloudwatch::Client::new(&config);
    let alarm = alarms.put_metric_alarm().alarm_name("late").namespace("n").metric_name("m").period(60);
    alarm
        .statistic(aws_sdk_cloudwatch::types::Statistic::Sum)
        .evaluation_periods(1)
        .threshold(1.0)
        .comparison_operator(aws_sdk_cloudwatch::types::ComparisonOperator::GreaterThanThreshold)
        .send()
        .await
        .unwrap();
    let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
    let alarm = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:late";
    let none = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:none";
    let all = [table, alarm, none, vault.as_str()];
    let tagged = client.tag_resources().set_resource_arn_list(Some(all.map(str::to_owned).to_vec()));
    let failed = tagged.tags("stage", "prod").send().await.unwrap().failed_resources_map.unwrap();
    assert_eq!(failed.keys().collect::<Vec<_>>(), [none]);

    let found = |kind: &str| {
        let found = client.get_resources().resource_type_filters(kind).send();
        async move {
            let list = found.await.unwrap().resource_tag_mapping_list.unwrap_or_default();
            list.into_iter().map(|resource| resource.resource_arn.unwrap()).collect::<Vec<_>>()
        }
    };
    assert_eq!(found("dynamodb:table").await, [table]);
    assert_eq!(found("cloudwatch:alarm").await, [alarm]);
    assert_eq!(found("backup").await, [vault.as_str()]);
    assert!(found("backup:recovery-point").await.is_empty());
    let keys = client.get_tag_keys().send().await.unwrap();
    assert_eq!(keys.tag_keys(), ["stage", "team"]);
    let values = client.get_tag_values().key("team").send().await.unwrap();
    assert_eq!(values.tag_values(), ["a"]);

    let untagged = client.untag_resources().resource_arn_list(&vault).resource_arn_list(table);
    untagged.tag_keys("stage").send().await.unwrap();
    assert!(found("dynamodb").await.is_empty());
    let listed =
        client.get_resources().resource_arn_list(&vault).resource_arn_list(table).send().await.unwrap();
    let [resource] = listed.resource_tag_mapping_list() else { panic!("one resource") };
    assert_eq!(resource.tags()[0].key(), "team");
    let both = client.get_resources().resource_arn_list(&vault).resource_type_filters("backup").send().await;
    assert!(both.unwrap_err().into_service_error().is_invalid_parameter_exception());
}

#[tokio::test(start_paused = true)]
async fn a_page_may_be_limited_by_its_tags() {
    let world = world();
    let tables = dynamo(&world, ACCOUNT, FRANKFURT);
    for name in ["a-1", "a-2", "a-3"] {
        let mut table = new_table(&tables, name);
        for number in 0..40 {
            table = table.tags(Tag::builder().key(format!("k{number}")).value("v").build().unwrap());
        }
        table.send().await.unwrap();
    }
    let client = Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    let first = client.get_resources().tags_per_page(100).send().await.unwrap();
    assert_eq!(first.resource_tag_mapping_list().len(), 2);
    let rest = client.get_resources().tags_per_page(100).set_pagination_token(first.pagination_token);
    assert_eq!(rest.send().await.unwrap().resource_tag_mapping_list().len(), 1);
    let few = client.get_resources().tags_per_page(99).send().await;
    assert!(few.unwrap_err().into_service_error().is_invalid_parameter_exception());
}
