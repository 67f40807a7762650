//! SQS: standard queues, as the real client sees them.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    error::ProvideErrorMetadata,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};
use backup_chain_local::World;

use super::{ACCOUNT, FRANKFURT, world};

fn client(world: &World) -> Client {
    Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"))
}

async fn queue(client: &Client, name: &str) -> String {
    client.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

async fn attribute(client: &Client, url: &str, name: QueueAttributeName) -> String {
    let told =
        client.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await.unwrap();
    told.attributes.unwrap_or_default().remove(&name).unwrap_or_default()
}

async fn bodies(client: &Client, url: &str) -> Vec<String> {
    let received = client.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
    received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect()
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_created_once_and_found_by_its_name() {
    let world = world();
    let client = client(&world);
    let url = queue(&client, "work").await;
    assert_eq!(url, "https://sqs.eu-central-1.amazonaws.com/111122223333/work");
    assert_eq!(queue(&client, "work").await, url);
    assert_eq!(client.get_queue_url().queue_name("work").send().await.unwrap().queue_url.unwrap(), url);
    let other = client
        .create_queue()
        .queue_name("work")
        .attributes(QueueAttributeName::VisibilityTimeout, "31")
        .send()
        .await
        .unwrap_err();
    assert_eq!(other.code(), Some("QueueAlreadyExists"));
    assert!(other.into_service_error().is_queue_name_exists());
    let missing = client.get_queue_url().queue_name("none").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    assert!(missing.into_service_error().is_queue_does_not_exist());
    let fifo = client.create_queue().queue_name("work.fifo").send().await.unwrap_err();
    assert!(fifo.into_service_error().is_unsupported_operation());

    client.delete_queue().queue_url(&url).send().await.unwrap();
    let again = client.create_queue().queue_name("work").send().await.unwrap_err();
    assert!(again.into_service_error().is_queue_deleted_recently());
    tokio::time::sleep(Duration::from_secs(60)).await;
    queue(&client, "work").await;
}

#[tokio::test(start_paused = true)]
async fn queues_are_listed_by_prefix_and_page() {
    let world = world();
    let client = client(&world);
    for name in ["a1", "a2", "a3", "b1"] {
        queue(&client, name).await;
    }
    let listed: Vec<_> = client
        .list_queues()
        .queue_name_prefix("a")
        .max_results(2)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .unwrap();
    let sizes: Vec<usize> = listed.iter().map(|page| page.queue_urls().len()).collect();
    assert_eq!(sizes, [2, 1]);
    assert_eq!(client.list_queues().send().await.unwrap().queue_urls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_delayed_received_hidden_and_deleted() {
    let world = world();
    let client = client(&world);
    let url = queue(&client, "work").await;
    let kind = MessageAttributeValue::builder().data_type("String").string_value("full").build().unwrap();
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .delay_seconds(10)
        .message_attributes("kind", kind)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.md5_of_message_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    assert!(bodies(&client, &url).await.is_empty());
    let delayed = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
    assert_eq!(attribute(&client, &url, delayed).await, "1");

    tokio::time::sleep(Duration::from_secs(10)).await;
    let received = client
        .receive_message()
        .queue_url(&url)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.message_id, sent.message_id);
    assert_eq!(message.md5_of_message_attributes, sent.md5_of_message_attributes);
    assert_eq!(message.attributes().unwrap()[&MessageSystemAttributeName::SenderId], "tester");
    assert_eq!(message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    assert_eq!(attribute(&client, &url, in_flight).await, "1");

    let receipt = message.receipt_handle.clone().unwrap();
    let change = client.change_message_visibility().queue_url(&url).receipt_handle(&receipt);
    change.visibility_timeout(0).send().await.unwrap();
    assert_eq!(bodies(&client, &url).await, ["hello"]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let again = client.receive_message().queue_url(&url).send().await.unwrap();
    let receipt = again.messages()[0].receipt_handle.clone().unwrap();
    client.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(bodies(&client, &url).await.is_empty());
    let bad = client.delete_message().queue_url(&url).receipt_handle("none").send().await.unwrap_err();
    assert!(bad.into_service_error().is_receipt_handle_is_invalid());
}

#[tokio::test(start_paused = true)]
async fn a_batch_does_what_it_can() {
    let world = world();
    let client = client(&world);
    let url = queue(&client, "work").await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let batch = client.send_message_batch().queue_url(&url);
    let sent = batch.entries(entry("a", "1")).entries(entry("b", "\u{1}")).send().await.unwrap();
    assert_eq!((sent.successful()[0].id(), sent.failed()[0].id()), ("a", "b"));
    assert_eq!(sent.failed()[0].code(), "InvalidMessageContents");
    let twice = client.send_message_batch().queue_url(&url).entries(entry("a", "1")).entries(entry("a", "2"));
    assert!(twice.send().await.unwrap_err().into_service_error().is_batch_entry_ids_not_distinct());
    let empty = client.delete_message_batch().queue_url(&url).set_entries(Some(Vec::new())).send().await;
    assert!(empty.unwrap_err().into_service_error().is_empty_batch_request());

    let received = client.receive_message().queue_url(&url).send().await.unwrap();
    let receipt = received.messages()[0].receipt_handle.clone().unwrap();
    let change = ChangeMessageVisibilityBatchRequestEntry::builder()
        .id("c")
        .receipt_handle(&receipt)
        .visibility_timeout(90)
        .build()
        .unwrap();
    let changed =
        client.change_message_visibility_batch().queue_url(&url).entries(change).send().await.unwrap();
    assert_eq!(changed.successful().len(), 1);
    let delete = DeleteMessageBatchRequestEntry::builder().id("d").receipt_handle(receipt).build().unwrap();
    let deleted = client.delete_message_batch().queue_url(&url).entries(delete).send().await.unwrap();
    assert_eq!(deleted.successful().len(), 1);
    assert_eq!(attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessages).await, "0");
}

#[tokio::test(start_paused = true)]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let world = world();
    let client = client(&world);
    let (url, dead) = (queue(&client, "work").await, queue(&client, "dead").await);
    let target = attribute(&client, &dead, QueueAttributeName::QueueArn).await;
    let redrive = |target: &str| format!(r#"{{"deadLetterTargetArn":"{target}","maxReceiveCount":"1"}}"#);
    let set = client.set_queue_attributes().queue_url(&url);
    let set = set.attributes(QueueAttributeName::RedrivePolicy, redrive(&format!("{target}x"))).send().await;
    assert_eq!(set.unwrap_err().code(), Some("InvalidParameterValue"), "there is no such queue");
    let set = client.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::RedrivePolicy, redrive(&target)).send().await.unwrap();
    let sources = client.list_dead_letter_source_queues().queue_url(&dead).send().await.unwrap();
    assert_eq!(sources.queue_urls(), std::slice::from_ref(&url));

    client.send_message().queue_url(&url).message_body("poison").send().await.unwrap();
    assert_eq!(bodies(&client, &url).await, ["poison"]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(bodies(&client, &url).await.is_empty());
    assert_eq!(bodies(&client, &dead).await, ["poison"]);
}

#[tokio::test(start_paused = true)]
async fn messages_end_by_retention_and_by_purge() {
    let world = world();
    let client = client(&world);
    let url = client
        .create_queue()
        .queue_name("work")
        .attributes(QueueAttributeName::MessageRetentionPeriod, "60")
        .tags("team", "backup")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    client.send_message().queue_url(&url).message_body("old").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.send_message().queue_url(&url).message_body("new").send().await.unwrap();
    assert_eq!(attribute(&client, &url, QueueAttributeName::ApproximateNumberOfMessages).await, "1");
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(bodies(&client, &url).await.is_empty());
    let again = client.purge_queue().queue_url(&url).send().await.unwrap_err();
    assert!(again.into_service_error().is_purge_queue_in_progress());

    client.tag_queue().queue_url(&url).tags("stage", "test").send().await.unwrap();
    client.untag_queue().queue_url(&url).tag_keys("team").send().await.unwrap();
    let tags = client.list_queue_tags().queue_url(&url).send().await.unwrap().tags.unwrap();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("stage".to_owned(), "test".to_owned())]);
    let unknown = client
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::VisibilityTimeout, "43201")
        .send()
        .await
        .unwrap_err();
    assert!(unknown.into_service_error().is_invalid_attribute_value());
}
