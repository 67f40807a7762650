//! Items as those see them who do not ask for consistency. AWS documents that such a read, which is the default, may
//! not reflect a write that was just completed, and that a global secondary index is never read otherwise.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, CreateGlobalSecondaryIndexAction, Delete, GlobalSecondaryIndex,
        GlobalSecondaryIndexUpdate, KeyType, KeysAndAttributes, LocalSecondaryIndex, Projection,
        ProjectionType, Put, PutRequest, TransactWriteItem, WriteRequest,
    },
};
use backup_chain_local::{Lag, World};
use jiff::SignedDuration;

use super::{ACCOUNT, FRANKFURT, attribute, dynamo, key, new_table, put, seconds, text, world};

const LAG: SignedDuration = SignedDuration::from_secs(5);

/// A world whose items are seen five seconds late, with the table `rows` in it.
async fn late() -> (World, Client) {
    let world = world();
    world.stretch(Lag::Items, LAG);
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    (world, client)
}

fn item(pk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text("1"))])
}

/// Whether an item is there, to one who asks for consistency or does not.
async fn is_there(client: &Client, pk: &str, consistent: bool) -> bool {
    let get = client.get_item().table_name("rows").set_key(Some(item(pk))).consistent_read(consistent);
    get.send().await.unwrap().item.is_some()
}

/// What one reads weakly, by every operation that can: by key, in a batch, by query, by scan and by PartiQL.
async fn weak_counts(client: &Client, pk: &str) -> [usize; 5] {
    let got = usize::from(is_there(client, pk, false).await);
    let keys = KeysAndAttributes::builder().keys(item(pk)).build().unwrap();
    let batch = client.batch_get_item().request_items("rows", keys).send().await.unwrap();
    let query = client.query().table_name("rows").key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", text(pk)).send().await.unwrap();
    let scan = client.scan().table_name("rows").send().await.unwrap();
    let select = client.execute_statement().statement(format!("SELECT * FROM \"rows\" WHERE pk = '{pk}'"));
    let select = select.send().await.unwrap();
    let scanned = scan.items().iter().filter(|found| found["pk"] == text(pk)).count();
    let batched = batch.responses.unwrap_or_default().get("rows").map_or(0, Vec::len);
    [got, batched, query.items().len(), scanned, select.items().len()]
}

#[tokio::test(start_paused = true)]
async fn a_new_item_is_missing_until_its_lag_is_over() {
    let (_world, client) = late().await;
    put(&client, "rows", "a", "1").await;
    assert_eq!(weak_counts(&client, "a").await, [0; 5]);
    assert!(is_there(&client, "a", true).await, "who asks for consistency gets it");
    seconds(4).await;
    assert_eq!(weak_counts(&client, "a").await, [0; 5]);
    seconds(1).await;
    assert_eq!(weak_counts(&client, "a").await, [1; 5]);
}

#[tokio::test(start_paused = true)]
async fn consistency_is_had_by_query_scan_batch_transaction_and_statement() {
    let (_world, client) = late().await;
    put(&client, "rows", "a", "1").await;
    let query = client.query().table_name("rows").key_condition_expression("pk = :pk").consistent_read(true);
    let query = query.expression_attribute_values(":pk", text("a")).send().await.unwrap();
    let scan = client.scan().table_name("rows").consistent_read(true).send().await.unwrap();
    let keys = KeysAndAttributes::builder().keys(item("a")).consistent_read(true).build().unwrap();
    let batch = client.batch_get_item().request_items("rows", keys).send().await.unwrap();
    let statement = client.execute_statement().statement("SELECT * FROM \"rows\"").consistent_read(true);
    let statement = statement.send().await.unwrap();
    let get = aws_sdk_dynamodb::types::Get::builder().table_name("rows").set_key(Some(item("a")));
    let get = aws_sdk_dynamodb::types::TransactGetItem::builder().get(get.build().unwrap()).build();
    let transaction = client.transact_get_items().transact_items(get).send().await.unwrap();
    assert_eq!(
        [query.count as usize, scan.count as usize, batch.responses.unwrap()["rows"].len()],
        [1, 1, 1]
    );
    assert_eq!((statement.items().len(), transaction.responses()[0].item.is_some()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn an_item_is_seen_as_it_was_and_after_its_removal() {
    let (_world, client) = late().await;
    let write = |state: &str| {
        let put = client.put_item().table_name("rows").set_item(Some(item("a")));
        put.item("state", text(state)).send()
    };
    let weak = || client.get_item().table_name("rows").set_key(Some(item("a"))).send();
    write("old").await.unwrap();
    seconds(10).await;
    let update = client.update_item().table_name("rows").set_key(Some(item("a")));
    let update = update.update_expression("SET #s = :s").expression_attribute_names("#s", "state");
    update.expression_attribute_values(":s", text("new")).send().await.unwrap();
    assert_eq!(weak().await.unwrap().item.unwrap()["state"], text("old"));
    seconds(5).await;
    assert_eq!(weak().await.unwrap().item.unwrap()["state"], text("new"));
    client.delete_item().table_name("rows").set_key(Some(item("a"))).send().await.unwrap();
    assert_eq!(weak().await.unwrap().item.unwrap()["state"], text("new"));
    seconds(5).await;
    assert!(weak().await.unwrap().item.is_none());
}

#[tokio::test(start_paused = true)]
async fn batches_transactions_and_statements_are_seen_late_too() {
    let (_world, client) = late().await;
    let put = PutRequest::builder().set_item(Some(item("batch"))).build().unwrap();
    let put = WriteRequest::builder().put_request(put).build();
    client.batch_write_item().request_items("rows", vec![put]).send().await.unwrap();
    let put = Put::builder().table_name("rows").set_item(Some(item("transaction"))).build().unwrap();
    let put = TransactWriteItem::builder().put(put).build();
    client.transact_write_items().transact_items(put).send().await.unwrap();
    let insert = "INSERT INTO \"rows\" VALUE {'pk': 'statement', 'sk': '1'}";
    client.execute_statement().statement(insert).send().await.unwrap();
    for pk in ["batch", "transaction", "statement"] {
        assert!(is_there(&client, pk, true).await && !is_there(&client, pk, false).await, "{pk}");
    }
    seconds(5).await;
    for pk in ["batch", "transaction", "statement"] {
        assert!(is_there(&client, pk, false).await, "{pk}");
    }
    let delete = Delete::builder().table_name("rows").set_key(Some(item("batch"))).build().unwrap();
    let delete = TransactWriteItem::builder().delete(delete).build();
    client.transact_write_items().transact_items(delete).send().await.unwrap();
    let delete = "DELETE FROM \"rows\" WHERE pk = 'statement' AND sk = '1'";
    client.execute_statement().statement(delete).send().await.unwrap();
    assert!(is_there(&client, "batch", false).await && is_there(&client, "statement", false).await);
    seconds(5).await;
    assert!(!is_there(&client, "batch", false).await && !is_there(&client, "statement", false).await);
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_judged_by_what_is() {
    let (_world, client) = late().await;
    let write = || {
        let put = client.put_item().table_name("rows").set_item(Some(item("a")));
        put.condition_expression("attribute_not_exists(pk)").send()
    };
    write().await.unwrap();
    let refused = write().await.unwrap_err().into_service_error();
    assert!(refused.is_conditional_check_failed_exception(), "{refused:?}");
}

/// A table with a global index and a local one, each by the attribute `due`.
async fn indexed(client: &Client) {
    let projection = || Projection::builder().projection_type(ProjectionType::All).build();
    let global = GlobalSecondaryIndex::builder().index_name("due").key_schema(key("due", KeyType::Hash));
    let local = LocalSecondaryIndex::builder().index_name("by-due").key_schema(key("pk", KeyType::Hash));
    let local = local.key_schema(key("due", KeyType::Range)).projection(projection()).build().unwrap();
    new_table(client, "points")
        .attribute_definitions(attribute("due"))
        .global_secondary_indexes(global.projection(projection()).build().unwrap())
        .local_secondary_indexes(local)
        .send()
        .await
        .unwrap();
    let row = client.put_item().table_name("points").set_item(Some(item("a")));
    row.item("due", text("today")).send().await.unwrap();
}

async fn in_index(client: &Client, index: &str, consistent: bool) -> usize {
    let (condition, value) = if index == "due" { ("due = :v", "today") } else { ("pk = :v", "a") };
    let query = client.query().table_name("points").index_name(index).consistent_read(consistent);
    let query = query.key_condition_expression(condition).expression_attribute_values(":v", text(value));
    query.send().await.unwrap().items().len()
}

#[tokio::test(start_paused = true)]
async fn a_global_index_is_always_read_late_and_a_local_one_unless_asked() {
    let (_world, client) = late().await;
    indexed(&client).await;
    assert_eq!(in_index(&client, "due", false).await, 0);
    assert_eq!((in_index(&client, "by-due", false).await, in_index(&client, "by-due", true).await), (0, 1));
    let refused = client.query().table_name("points").index_name("due").consistent_read(true);
    let refused =
        refused.key_condition_expression("due = :v").expression_attribute_values(":v", text("today"));
    refused.send().await.unwrap_err();
    seconds(5).await;
    assert_eq!((in_index(&client, "due", false).await, in_index(&client, "by-due", false).await), (1, 1));

    let moved = client.update_item().table_name("points").set_key(Some(item("a")));
    let moved = moved.update_expression("SET due = :v").expression_attribute_values(":v", text("tomorrow"));
    moved.send().await.unwrap();
    assert_eq!(in_index(&client, "due", false).await, 1, "the index still has it under its old key");
    seconds(5).await;
    assert_eq!(in_index(&client, "due", false).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_added_later_is_filled_and_goes_on_lagging() {
    let (_world, client) = late().await;
    let row = |pk: &str| client.put_item().table_name("rows").set_item(Some(item(pk)));
    row("a").item("due", text("today")).send().await.unwrap();
    let index = CreateGlobalSecondaryIndexAction::builder().index_name("due");
    let index = index.key_schema(key("due", KeyType::Hash));
    let index = index.projection(Projection::builder().projection_type(ProjectionType::All).build());
    let index = GlobalSecondaryIndexUpdate::builder().create(index.build().unwrap()).build();
    let update = client.update_table().table_name("rows").attribute_definitions(attribute("due"));
    update.global_secondary_index_updates(index).send().await.unwrap();
    seconds(10).await;
    let count = || async {
        let query = client.query().table_name("rows").index_name("due").key_condition_expression("due = :v");
        query.expression_attribute_values(":v", text("today")).send().await.unwrap().count
    };
    assert_eq!(count().await, 1);
    row("b").item("due", text("today")).send().await.unwrap();
    assert_eq!(count().await, 1);
    seconds(5).await;
    assert_eq!(count().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_table_made_anew_shows_nothing_of_the_one_before() {
    let (_world, client) = late().await;
    put(&client, "rows", "a", "1").await;
    seconds(10).await;
    put(&client, "rows", "b", "1").await;
    client.delete_table().table_name("rows").send().await.unwrap();
    new_table(&client, "rows").send().await.unwrap();
    seconds(10).await;
    assert_eq!(client.scan().table_name("rows").send().await.unwrap().count, 0);
    put(&client, "rows", "c", "1").await;
    seconds(5).await;
    assert!(is_there(&client, "c", false).await);
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_readers_lagged_is_seen() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    indexed(&client).await;
    put(&client, "rows", "a", "1").await;
    assert!(is_there(&client, "a", false).await, "a world is consistent until somebody says otherwise");
    world.stretch(Lag::Items, LAG);
    assert!(is_there(&client, "a", false).await);
    assert_eq!(in_index(&client, "due", false).await, 1);
    put(&client, "rows", "b", "1").await;
    assert!(!is_there(&client, "b", false).await);
    world.consistent();
    put(&client, "rows", "c", "1").await;
    assert!(is_there(&client, "c", false).await, "a change is seen at once from then on");
    assert!(!is_there(&client, "b", false).await, "and those before when they would have been");
    seconds(5).await;
    assert!(is_there(&client, "b", false).await);
}

#[tokio::test(start_paused = true)]
async fn items_overtake_one_another_and_some_are_seen_at_once() {
    let world = world();
    world.hesitate();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&client, "rows").send().await.unwrap();
    for number in 0..60 {
        put(&client, "rows", &format!("{number:02}"), "1").await;
    }
    let mut seen = Vec::new();
    for _ in 0..=3 {
        let scan = client.scan().table_name("rows").send().await.unwrap();
        seen.push(scan.items().iter().map(|item| item["pk"].as_s().unwrap().clone()).collect::<Vec<_>>());
        seconds(1).await;
    }
    let counts: Vec<usize> = seen.iter().map(Vec::len).collect();
    assert!(counts.is_sorted() && counts[0] > 5 && counts[0] < 55 && counts[3] == 60, "{counts:?}");
    let first = |pks: &[String]| (0..60).find(|number| !pks.contains(&format!("{number:02}"))).unwrap();
    let missing = first(&seen[0]);
    assert!(seen[0].iter().any(|pk| *pk > format!("{missing:02}")), "a later one has overtaken {missing}");
}
