//! The settings table: what does not fit into tags. Sealed bytes stand under the TableId and their digest, so that
//! what is unchanged is stored once: settings by the digest of their normal form, messages by their own. Beside them
//! stand, by the ARNs of recovery points, what these have no room for: the name of their message, and what binds it
//! to them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_core::ids::{PointId, RecoveryPointArn, TableId};
use backup_chain_core::settings::Digest;

use crate::error::{AwsError, Meaning, failed};

/// The settings table of one Region.
#[derive(Debug, Clone)]
pub struct SettingsStore {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// What the settings table knows of a recovery point that does not carry its message. None of it is authenticated:
/// the message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageIndexEntry {
    /// The restore point.
    pub id: PointId,
    /// The creation of the table under which its message stands.
    pub table: TableId,
    /// SHA-256 of its message.
    pub message: Digest,
}

type Item = HashMap<String, AttributeValue>;

impl SettingsStore {
    pub(crate) fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table }
    }

    /// The sealed bytes of this digest, if they are here.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn get(&self, table: &TableId, digest: &Digest) -> Result<Option<Vec<u8>>, AwsError> {
        self.bytes(sealed(table, digest)).await
    }

    /// Stores sealed bytes. What is there already under this digest says the same and may be replaced.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:PutItem.
    pub async fn put(&self, table: &TableId, digest: &Digest, bytes: Vec<u8>) -> Result<(), AwsError> {
        self.store_bytes(sealed(table, digest), bytes).await
    }

    /// Removes sealed bytes: only after the last restore point that names them, and only those that were there before
    /// it was looked for others. A sealing that comes meanwhile writes other bytes, for each has a key of its own.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DeleteItem.
    pub async fn remove(&self, table: &TableId, digest: &Digest, bytes: Vec<u8>) -> Result<(), AwsError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(sealed(table, digest)))
            .condition_expression("sealed = :bytes")
            .expression_attribute_values(":bytes", AttributeValue::B(Blob::new(bytes)))
            .send()
            .await;
        match removed.map_err(failed("dynamodb:DeleteItem", &self.table)) {
            Err(error) if error.code == "ConditionalCheckFailedException" => Ok(()),
            removed => removed.map(drop),
        }
    }

    /// What is known here of a recovery point. A Region without a settings table knows none.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn named(&self, point: &RecoveryPointArn) -> Result<Option<MessageIndexEntry>, AwsError> {
        let item = match self.item(message_index_key(point)).await {
            Err(error) if error.meaning == Meaning::NotFound => return Ok(None),
            item => item?,
        };
        let text = |name: &str| item.as_ref()?.get(name)?.as_s().ok();
        let read = || {
            Some(MessageIndexEntry {
                id: text("id")?.parse().ok()?,
                table: text("table")?.parse().ok()?,
                message: text("message")?.parse().ok()?,
            })
        };
        Ok(read())
    }

    /// Records by its ARN which message a recovery point has.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:PutItem.
    pub async fn set_name(
        &self,
        point: &RecoveryPointArn,
        named: &MessageIndexEntry,
    ) -> Result<(), AwsError> {
        let mut item = message_index_key(point);
        item.insert("id".to_owned(), AttributeValue::S(named.id.to_string()));
        item.insert("table".to_owned(), AttributeValue::S(named.table.to_string()));
        item.insert("message".to_owned(), AttributeValue::S(named.message.to_string()));
        self.store(item).await
    }

    /// What binds metadata to a recovery point that does not carry it. A Region without a settings table knows nothing.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn binding(&self, point: &RecoveryPointArn) -> Result<Option<Vec<u8>>, AwsError> {
        match self.bytes(binding(point)).await {
            Err(error) if error.meaning == Meaning::NotFound => Ok(None),
            bytes => bytes,
        }
    }

    /// Records what binds metadata to a recovery point.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:PutItem.
    pub async fn set_binding(&self, point: &RecoveryPointArn, bytes: Vec<u8>) -> Result<(), AwsError> {
        self.store_bytes(binding(point), bytes).await
    }

    /// Forgets a recovery point that is gone.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DeleteItem.
    pub async fn delete_index_entry(&self, point: &RecoveryPointArn) -> Result<(), AwsError> {
        self.delete(message_index_key(point)).await?;
        self.delete(binding(point)).await
    }

    async fn bytes(&self, key: Item) -> Result<Option<Vec<u8>>, AwsError> {
        let sealed = self.item(key).await?.and_then(|mut item| item.remove("sealed"));
        Ok(sealed.and_then(|value| match value {
            AttributeValue::B(bytes) => Some(bytes.into_inner()),
            _ => None,
        }))
    }

    async fn store_bytes(&self, mut item: Item, bytes: Vec<u8>) -> Result<(), AwsError> {
        item.insert("sealed".to_owned(), AttributeValue::B(Blob::new(bytes)));
        self.store(item).await
    }

    async fn item(&self, key: Item) -> Result<Option<Item>, AwsError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(request.send().await.map_err(failed("dynamodb:GetItem", &self.table))?.item)
    }

    async fn store(&self, item: Item) -> Result<(), AwsError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map_err(failed("dynamodb:PutItem", &self.table)).map(drop)
    }

    async fn delete(&self, key: Item) -> Result<(), AwsError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        request.send().await.map_err(failed("dynamodb:DeleteItem", &self.table)).map(drop)
    }
}

fn sealed(table: &TableId, digest: &Digest) -> Item {
    key(table.as_str(), &digest.to_string())
}

fn message_index_key(point: &RecoveryPointArn) -> Item {
    key(point.as_str(), "message")
}

fn binding(point: &RecoveryPointArn) -> Item {
    key(point.as_str(), "binding")
}

fn key(pk: &str, sk: &str) -> Item {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
