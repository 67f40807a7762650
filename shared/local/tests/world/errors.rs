//! The errors that services can be made to answer, each with its own code and status, and batches of which single
//! entries fail.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{KeysAndAttributes, Put, PutRequest, TransactWriteItem, WriteRequest},
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use backup_chain_local::{Fault, FaultRule, Plan, World, common_errors, modelled_errors};
use serde_json::{Value, json};

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, raw::ask, text, world};

/// Every error that AWS's models name for an operation that Backup Chain asks for, on its wire.
#[tokio::test(start_paused = true)]
async fn every_modelled_error_is_answered_with_its_code_and_status() {
    let world = world();
    assert!(modelled_errors().len() > 300 && common_errors().len() > 60);
    let operation_of = |service: &str| {
        modelled_errors().iter().find(|error| error.service == service).map_or("", |error| error.operation)
    };
    for error in modelled_errors().iter().chain(common_errors()) {
        world.clear_faults();
        world.inject(error.rule());
        let operation = if error.operation == "*" { operation_of(error.service) } else { error.operation };
        let answer = ask(&world, error.service, operation, &json!({})).await;
        assert_eq!(answer.status, error.status, "{error:?}");
        assert_eq!(answer.code.as_deref(), Some(error.code), "{error:?}");
        assert!(answer.document.to_string().contains(error.code), "{error:?}: {answer:?}");

        // By its code alone it is the same.
        world.clear_faults();
        world.inject(FaultRule::new(error.service, operation, Fault::error(error.code)));
        let again = ask(&world, error.service, operation, &json!({})).await;
        assert_eq!((again.status, again.code), (answer.status, answer.code), "{error:?}");
    }
}

/// The table has no operation that the world lacks: without a fault each is answered by its service.
#[tokio::test(start_paused = true)]
async fn every_operation_of_the_table_is_there() {
    let world = world();
    for error in modelled_errors() {
        let answer = ask(&world, error.service, error.operation, &json!({})).await;
        assert_ne!(answer.code.as_deref(), Some("UnknownOperationException"), "{error:?}");
    }
}

/// What stands before a service answers without its codes; the SDK tries those again by their status alone.
#[tokio::test(start_paused = true)]
async fn what_is_before_a_service_answers_without_a_code() {
    let world = world();
    for (fault, status, body) in [
        (Fault::Bare(503), 503, ""),
        (Fault::Bare(500), 500, ""),
        (Fault::Bare(429), 429, ""),
        (Fault::BadGateway, 502, "<html>"),
    ] {
        world.clear_faults();
        world.inject(FaultRule::new("dynamodb", "DescribeTable", fault));
        let answer = ask(&world, "dynamodb", "DescribeTable", &json!({ "TableName": "rows" })).await;
        assert_eq!((answer.status, answer.code), (status, None));
        assert!(answer.document.as_str().is_some_and(|told| told.starts_with(body)));
        assert_eq!(world.calls().last().unwrap().error, Some(format!("HTTP {status}")));
    }
    world.clear_faults();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    world.inject(FaultRule::new("dynamodb", "DescribeTable", Fault::BadGateway).times(2));
    client.describe_table().table_name("rows").send().await.unwrap();
    world.inject(FaultRule::new("dynamodb", "DescribeTable", Fault::Bare(503)));
    let error = client.describe_table().table_name("rows").send().await.unwrap_err();
    assert_eq!((error.code(), error.raw_response().unwrap().status().as_u16()), (None, 503));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_no_model_names_has_the_status_that_it_is_given() {
    let world = world();
    let error = Fault::Error { code: "BrandNewException".to_owned(), status: Some(418) };
    world.inject(FaultRule::new("backup", "*", error).times(1));
    world.inject(FaultRule::new("backup", "*", Fault::error("BrandNewException")));
    for status in [418, 400] {
        let answer = ask(&world, "backup", "DescribeRegionSettings", &json!({})).await;
        assert_eq!((answer.status, answer.code.as_deref()), (status, Some("BrandNewException")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_errors_entries_and_regions() {
    let world = world();
    let plan = "
faults:
  - {service: backup, fault: {error: {code: LimitExceededException}}, region: eu-central-1, times: 1}
  - {service: backup, fault: {error: {code: Odd, status: 409}}, region: eu-west-1}
  - {service: backup, fault: {bare: 503}, times: 1}
  - {service: backup, fault: bad-gateway, times: 1}
  - {service: events, operation: PutEvents, fault: {entries: ThrottlingException}, containing: orders}
  - {fault: empty-page}
";
    Plan::read(plan).unwrap().apply(&world);
    for status in [400, 503, 502, 200] {
        assert_eq!(ask(&world, "backup", "DescribeRegionSettings", &json!({})).await.status, status);
    }
}

fn entry(detail: &Value) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder().source("ours").detail_type("told").detail(detail.to_string()).build()
}

fn events(world: &World) -> aws_sdk_eventbridge::Client {
    aws_sdk_eventbridge::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"))
}

/// PutEventsResultEntry: a refused entry has an ErrorCode in its place, and the call answers 200.
#[tokio::test(start_paused = true)]
async fn a_bus_throttles_single_entries() {
    let world = world();
    let events = events(&world);
    events.put_rule().name("all").event_pattern(r#"{"source":["ours"]}"#).send().await.unwrap();
    let codes = async |tables: &[&str]| -> Vec<Option<String>> {
        let entries = tables.iter().map(|table| entry(&json!({ "table": table }))).collect();
        let told = events.put_events().set_entries(Some(entries)).send().await.unwrap();
        let codes: Vec<_> = told.entries().iter().map(|entry| entry.error_code.clone()).collect();
        assert_eq!(usize::try_from(told.failed_entry_count).unwrap(), codes.iter().flatten().count());
        for entry in told.entries() {
            assert_ne!(entry.event_id().is_some(), entry.error_code().is_some());
        }
        codes
    };
    let throttled = || Some("ThrottlingException".to_owned());
    let rule = || FaultRule::new("events", "PutEvents", Fault::entries("ThrottlingException"));
    world.inject(rule().containing("orders"));
    assert_eq!(codes(&["carts", "orders", "users"]).await, [None, throttled(), None]);
    assert_eq!(codes(&["orders"]).await, [throttled()], "nothing is left, and the call succeeds");
    world.clear_faults();

    world.inject(rule().skip(1).times(2));
    assert_eq!(codes(&["a", "b"]).await, [None, throttled()], "a rule counts entries");
    assert_eq!(codes(&["a", "b"]).await, [throttled(), None]);
    world.clear_faults();

    world.inject(rule().per_mille(400));
    let mut refused = 0;
    for _ in 0..50 {
        refused += codes(&["a", "b", "c", "d"]).await.into_iter().flatten().count();
    }
    assert!((50..110).contains(&refused), "{refused} of 200");
}

async fn rows(world: &World) -> Client {
    let client = dynamo(world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    client
}

fn write(sk: &str) -> WriteRequest {
    let put = PutRequest::builder().item("pk", text("a")).item("sk", text(sk)).build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

/// BatchWriteItem and BatchGetItem: what is not processed is told; a batch of which nothing is fails.
#[tokio::test(start_paused = true)]
async fn a_batch_leaves_single_keys_unprocessed() {
    let world = world();
    let client = rows(&world).await;
    let put = |keys: &[&str]| {
        let writes = keys.iter().map(|key| write(key)).collect();
        client.batch_write_item().request_items("rows", writes).send()
    };
    let part = |operation: &str| FaultRule::new("dynamodb", operation, Fault::entries("any"));
    world.inject(part("BatchWriteItem").containing("two"));
    let left = put(&["one", "two", "three"]).await.unwrap().unprocessed_items.unwrap();
    assert_eq!(left["rows"], [write("two")]);
    let refused = put(&["two"]).await.unwrap_err();
    assert!(refused.into_service_error().is_provisioned_throughput_exceeded_exception());
    world.clear_faults();
    assert!(put(&["two"]).await.unwrap().unprocessed_items.is_none_or(|left| left.is_empty()));

    world.inject(part("BatchGetItem").containing("one"));
    let key = |sk: &str| [("pk".to_owned(), text("a")), ("sk".to_owned(), text(sk))].into();
    let keys =
        KeysAndAttributes::builder().keys(key("one")).keys(key("two")).consistent_read(true).build().unwrap();
    let got = client.batch_get_item().request_items("rows", keys).send().await.unwrap();
    assert_eq!(got.responses.unwrap()["rows"].len(), 1);
    let left = got.unprocessed_keys.unwrap();
    assert_eq!((left["rows"].keys(), left["rows"].consistent_read), (&[key("one")][..], Some(true)));
    let got = client.batch_get_item().request_items("rows", left["rows"].clone()).send().await;
    assert!(got.unwrap_err().into_service_error().is_provisioned_throughput_exceeded_exception());
}

/// TransactWriteItems: a reason for each item in its place, `None` for those that are no reason, and no effect.
#[tokio::test(start_paused = true)]
async fn a_transaction_is_canceled_for_reasons() {
    let world = world();
    let client = rows(&world).await;
    let put = |sk: &str| {
        let put = Put::builder().table_name("rows").item("pk", text("a")).item("sk", text(sk));
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    world.inject(
        FaultRule::new("dynamodb", "TransactWriteItems", Fault::entries("TransactionConflict"))
            .containing("two")
            .times(1),
    );
    let transact = || {
        let items = vec![put("one"), put("two")];
        client.transact_write_items().set_transact_items(Some(items)).send()
    };
    let error = transact().await.unwrap_err().into_service_error();
    assert_eq!(
        error.message(),
        Some(
            "Transaction cancelled, please refer cancellation reasons for specific reasons \
             [None, TransactionConflict]"
        )
    );
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        canceled,
    ) = error
    else {
        panic!("{error:?}")
    };
    let codes: Vec<_> = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["None", "TransactionConflict"]);
    assert_eq!(client.scan().table_name("rows").send().await.unwrap().count, 0);
    transact().await.unwrap();
}

/// SendMessageBatch: `Failed` beside `Successful`, by the ids of the entries.
#[tokio::test(start_paused = true)]
async fn a_queue_fails_single_messages() {
    let world = world();
    let client = aws_sdk_sqs::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    let url = client.create_queue().queue_name("work").send().await.unwrap().queue_url.unwrap();
    world.inject(
        FaultRule::new("sqs", "SendMessageBatch", Fault::entries("InternalError")).containing("second"),
    );
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    let entries = vec![entry("first"), entry("second")];
    let sent = client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await.unwrap();
    assert_eq!(sent.successful()[0].id(), "first");
    let failed = &sent.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("second", "InternalError", false));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let count = QueueAttributeName::ApproximateNumberOfMessages;
    let told = client.get_queue_attributes().queue_url(&url).attribute_names(count.clone()).send().await;
    assert_eq!(told.unwrap().attributes.unwrap()[&count], "1");
}
