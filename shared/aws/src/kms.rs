//! KMS: data keys for the metadata.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use crate::error::{AwsError, failed};
use crate::esdk::{DataKey, WrappedKey};

/// KMS in one Region.
#[derive(Debug, Clone)]
pub struct Kms(aws_sdk_kms::Client);

impl Kms {
    pub(crate) fn new(client: aws_sdk_kms::Client) -> Self {
        Self(client)
    }

    /// A new data key under `key`, bound to `context`.
    ///
    /// # Errors
    /// [`AwsError`] of kms:GenerateDataKey.
    pub async fn generate(
        &self,
        key: &str,
        context: &BTreeMap<String, String>,
    ) -> Result<(DataKey, WrappedKey), AwsError> {
        const OPERATION: &str = "kms:GenerateDataKey";
        let answer = self
            .0
            .generate_data_key()
            .key_id(key)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(map(context)))
            .send()
            .await
            .map_err(failed(OPERATION, key))?;
        let missing = |what| AwsError::incomplete(OPERATION, key, what);
        let plain = answer.plaintext().and_then(|plain| DataKey::new(plain.as_ref()).ok());
        let wrapped = WrappedKey {
            provider: WrappedKey::AWS_KMS.to_owned(),
            key: answer.key_id().ok_or_else(|| missing("key ARN"))?.to_owned(),
            wrapped: answer.ciphertext_blob().ok_or_else(|| missing("ciphertext"))?.as_ref().to_vec(),
        };
        Ok((plain.ok_or_else(|| missing("plaintext of 32 bytes"))?, wrapped))
    }

    /// Unwraps a data key. `key` must be the one that wrapped it, or its replica: KMS refuses any other.
    ///
    /// # Errors
    /// [`AwsError`] of kms:Decrypt.
    pub async fn unwrap(
        &self,
        key: &str,
        wrapped: &[u8],
        context: &BTreeMap<String, String>,
    ) -> Result<DataKey, AwsError> {
        const OPERATION: &str = "kms:Decrypt";
        let answer = self
            .0
            .decrypt()
            .key_id(key)
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(map(context)))
            .send()
            .await
            .map_err(failed(OPERATION, key))?;
        let plain = answer.plaintext().and_then(|plain| DataKey::new(plain.as_ref()).ok());
        plain.ok_or_else(|| AwsError::incomplete(OPERATION, key, "plaintext of 32 bytes"))
    }
}

fn map(context: &BTreeMap<String, String>) -> HashMap<String, String> {
    context.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
