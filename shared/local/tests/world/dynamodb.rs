//! Items: conditions, transactions, indexes, batches, paging, isolation.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{
        AttributeValue, ConditionCheck, GlobalSecondaryIndex, KeyType, KeysAndAttributes, Projection,
        ProjectionType, Put, PutRequest, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
        WriteRequest,
    },
};

use super::{ACCOUNT, FRANKFURT, IRELAND, attribute, dynamo, key, new_table, put, text, world};

#[tokio::test(start_paused = true)]
async fn accounts_and_regions_see_only_their_own_tables() {
    let world = world();
    let here = dynamo(&world, ACCOUNT, FRANKFURT);
    let told = new_table(&here, "orders").send().await.unwrap().table_description.unwrap();
    assert_eq!(told.table_arn.unwrap(), "arn:aws:dynamodb:eu-central-1:111122223333:table/orders");

    for (account, region) in [(ACCOUNT, IRELAND), ("444455556666", FRANKFURT)] {
        let elsewhere = dynamo(&world, account, region);
        let error = elsewhere.describe_table().table_name("orders").send().await.unwrap_err();
        assert!(error.into_service_error().is_resource_not_found_exception());
        let twin = new_table(&elsewhere, "orders").send().await.unwrap().table_description.unwrap();
        assert_eq!(twin.table_arn.unwrap(), format!("arn:aws:dynamodb:{region}:{account}:table/orders"));
    }
    put(&here, "orders", "a", "1").await;
    let empty = dynamo(&world, ACCOUNT, IRELAND).scan().table_name("orders").send().await.unwrap();
    assert_eq!(empty.count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_condition_tells_the_item_that_is_there() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    let attempt = |epoch: &str| {
        client
            .put_item()
            .table_name("rows")
            .item("pk", text("a"))
            .item("sk", text("1"))
            .item("epoch", AttributeValue::N(epoch.to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };
    attempt("1").await.unwrap();
    match attempt("2").await.unwrap_err().into_service_error() {
        PutItemError::ConditionalCheckFailedException(failed) => {
            assert_eq!(failed.item.unwrap()["epoch"], AttributeValue::N("1".to_owned()));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_canceled_transaction_tells_why_and_changes_nothing() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    put(&client, "rows", "held", "1").await;
    let made =
        Put::builder().table_name("rows").item("pk", text("new")).item("sk", text("1")).build().unwrap();
    let refused = Put::builder()
        .table_name("rows")
        .item("pk", text("held"))
        .item("sk", text("1"))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    let error = client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(made).build())
        .transact_items(TransactWriteItem::builder().put(refused).build())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(canceled) = error else {
        panic!("{error:?}");
    };
    let reasons = canceled.cancellation_reasons.unwrap();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code.as_deref().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(reasons[1].item.as_ref().unwrap()["pk"], text("held"));
    let left = client.scan().table_name("rows").send().await.unwrap();
    assert_eq!(left.count, 1, "all or nothing");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_writes_checks_and_updates_together() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    put(&client, "rows", "lease", "1").await;
    put(&client, "rows", "point", "1").await;
    let check = ConditionCheck::builder()
        .table_name("rows")
        .key("pk", text("lease"))
        .key("sk", text("1"))
        .condition_expression("attribute_exists(pk)")
        .build()
        .unwrap();
    let update = Update::builder()
        .table_name("rows")
        .key("pk", text("point"))
        .key("sk", text("1"))
        .update_expression("SET #s = :s ADD tries :one")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":s", text("running"))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .build()
        .unwrap();
    client
        .transact_write_items()
        .client_request_token("once")
        .transact_items(TransactWriteItem::builder().condition_check(check).build())
        .transact_items(TransactWriteItem::builder().update(update).build())
        .send()
        .await
        .unwrap();
    let item = client
        .get_item()
        .table_name("rows")
        .key("pk", text("point"))
        .key("sk", text("1"))
        .consistent_read(true)
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    assert_eq!((&item["state"], &item["tries"]), (&text("running"), &AttributeValue::N("1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_global_index_orders_and_pages() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let due = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due_bucket", KeyType::Hash))
        .key_schema(key("lapse", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    new_table(&client, "points")
        .attribute_definitions(attribute("due_bucket"))
        .attribute_definitions(attribute("lapse"))
        .global_secondary_indexes(due)
        .send()
        .await
        .unwrap();
    for (id, lapse) in [("c", "2026-03-03"), ("a", "2026-03-01"), ("d", "2026-03-04"), ("b", "2026-03-02")] {
        let row = client.put_item().table_name("points").item("pk", text(id)).item("sk", text("p"));
        row.item("due_bucket", text("0"))
            .item("lapse", text(lapse))
            .item("blob", text("x"))
            .send()
            .await
            .unwrap();
    }
    put(&client, "points", "unindexed", "p").await;
    let mut pages = client
        .query()
        .table_name("points")
        .index_name("due")
        .key_condition_expression("due_bucket = :b AND lapse <= :now")
        .expression_attribute_values(":b", text("0"))
        .expression_attribute_values(":now", text("2026-03-03"))
        .limit(2)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.push(page.unwrap().items.unwrap());
    }
    let ids: Vec<Vec<_>> = found
        .iter()
        .map(|page| page.iter().map(|item| item["pk"].as_s().unwrap().as_str()).collect())
        .collect();
    assert_eq!(ids, [vec!["a", "b"], vec!["c"]]);
    assert!(!found[0][0].contains_key("blob"), "only keys are projected");
}

#[tokio::test(start_paused = true)]
async fn batches_write_and_read_across_tables() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let mut writes = client.batch_write_item();
    for table in ["one", "two"] {
        new_table(&client, &format!("table-{table}")).send().await.unwrap();
        let requests = (0..12).map(|number| {
            let item =
                PutRequest::builder().item("pk", text(table)).item("sk", text(&format!("{number:02}")));
            WriteRequest::builder().put_request(item.build().unwrap()).build()
        });
        writes = writes.request_items(format!("table-{table}"), requests.collect());
    }
    let written = writes.send().await.unwrap();
    assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    let wanted = |table: &str| {
        let keys = KeysAndAttributes::builder()
            .keys(HashMap::from([("pk".into(), text(table)), ("sk".into(), text("03"))]))
            .keys(HashMap::from([("pk".into(), text(table)), ("sk".into(), text("missing"))]));
        keys.consistent_read(true).build().unwrap()
    };
    let read = client
        .batch_get_item()
        .request_items("table-one", wanted("one"))
        .request_items("table-two", wanted("two"))
        .send()
        .await
        .unwrap();
    let read = read.responses.unwrap();
    assert_eq!((read["table-one"].len(), read["table-two"].len()), (1, 1));
    let call = world.calls().pop().unwrap();
    assert_eq!((call.operation.as_str(), call.resource.as_str()), ("BatchGetItem", "table-one,table-two"));
}

#[tokio::test(start_paused = true)]
async fn tables_are_listed_in_pages_by_name() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let names: BTreeSet<_> = (0..7).map(|number| format!("table-{number}")).collect();
    for name in names.iter().rev() {
        new_table(&client, name).send().await.unwrap();
    }
    let mut listed = Vec::new();
    let mut pages = client.list_tables().limit(3).into_paginator().send();
    while let Some(page) = pages.next().await {
        listed.push(page.unwrap().table_names.unwrap());
    }
    assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(listed.concat(), names.into_iter().collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_table_made_anew_is_another_table() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let first = new_table(&client, "orders").send().await.unwrap().table_description.unwrap();
    let again = new_table(&client, "orders").send().await.unwrap_err().into_service_error();
    assert!(again.is_resource_in_use_exception());
    put(&client, "orders", "a", "1").await;
    client.delete_table().table_name("orders").send().await.unwrap();
    let second = new_table(&client, "orders").send().await.unwrap().table_description.unwrap();
    assert_ne!(first.table_id, second.table_id);
    assert_eq!(client.scan().table_name("orders").send().await.unwrap().count, 0);
}

#[tokio::test(start_paused = true)]
async fn a_table_may_be_named_by_its_arn() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    let table = new_table(&client, "orders").send().await.unwrap().table_description.unwrap();
    put(&client, table.table_arn.as_deref().unwrap(), "a", "1").await;
    assert_eq!(client.scan().table_name("orders").send().await.unwrap().count, 1);
    let foreign = "arn:aws:dynamodb:eu-central-1:444455556666:table/orders";
    let error = client.scan().table_name(foreign).send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
}

#[tokio::test(start_paused = true)]
async fn bad_requests_are_refused_as_validation_errors() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    let no_key = client.put_item().table_name("rows").item("pk", text("a")).send().await.unwrap_err();
    assert_eq!(no_key.code(), Some("ValidationException"));
    let short = client.describe_table().table_name("x").send().await.unwrap_err();
    assert_eq!(short.code(), Some("ResourceNotFoundException"));
    let unknown = client.list_exports().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
    assert!(unknown.message().unwrap().contains("ListExports"));
}
