//! The settings table: sealed settings that do not fit into tags, one item per TableId and digest, so that
//! unchanged settings are stored once.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_core::ids::TableId;
use backup_chain_core::settings::Digest;

use crate::error::{AwsError, failed};

/// The settings table of one Region.
#[derive(Debug, Clone)]
pub struct SettingsStore {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl SettingsStore {
    pub(crate) fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self { client, table }
    }

    /// The sealed settings of this digest, if they are here.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:GetItem.
    pub async fn get(&self, table: &TableId, digest: &Digest) -> Result<Option<Vec<u8>>, AwsError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(table, digest)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed("dynamodb:GetItem", &self.table))?;
        let sealed = answer.item.and_then(|mut item| item.remove("sealed"));
        Ok(sealed.and_then(|value| match value {
            AttributeValue::B(bytes) => Some(bytes.into_inner()),
            _ => None,
        }))
    }

    /// Stores sealed settings. What is there already under this digest says the same and may be replaced.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:PutItem.
    pub async fn put(&self, table: &TableId, digest: &Digest, sealed: Vec<u8>) -> Result<(), AwsError> {
        let mut item = key(table, digest);
        item.insert("sealed".to_owned(), AttributeValue::B(Blob::new(sealed)));
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(failed("dynamodb:PutItem", &self.table))?;
        Ok(())
    }

    /// Removes sealed settings: only after the last restore point that names them.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DeleteItem.
    pub async fn remove(&self, table: &TableId, digest: &Digest) -> Result<(), AwsError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(table, digest)))
            .send()
            .await
            .map_err(failed("dynamodb:DeleteItem", &self.table))?;
        Ok(())
    }
}

fn key(table: &TableId, digest: &Digest) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(table.to_string())),
        ("sk".to_owned(), AttributeValue::S(digest.to_string())),
    ])
}
