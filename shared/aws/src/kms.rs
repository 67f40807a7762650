//! KMS: data keys for the metadata.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeyManagerType, KeyState};
use backup_chain_core::esdk::{DataKey, WrappedKey};

use crate::error::{AwsError, Meaning, failed};

/// A key as KMS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// Its ARN.
    pub arn: String,
    /// Whether AWS manages it, as `aws/dynamodb` is.
    pub aws_managed: bool,
    /// Its state, when it is not enabled.
    pub unusable: Option<String>,
}

/// KMS in one Region.
#[derive(Debug, Clone)]
pub struct Kms(aws_sdk_kms::Client, Arc<Mutex<BTreeMap<String, bool>>>);

impl Kms {
    pub(crate) fn new(client: aws_sdk_kms::Client) -> Self {
        Self(client, Arc::default())
    }

    /// Whether a key is one that AWS manages, as `aws/dynamodb` is. Asked once for each key: that never changes. A
    /// key that cannot be asked about is taken as none.
    pub(crate) async fn is_aws_managed(&self, key: &str) -> bool {
        let known = || self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(key).copied() {
            return known;
        }
        let Ok(Some(found)) = self.find(key).await else { return false };
        known().insert(key.to_owned(), found.aws_managed);
        found.aws_managed
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

    /// Encrypts a few bytes under `key`, bound to `context`.
    ///
    /// # Errors
    /// [`AwsError`] of kms:Encrypt.
    pub(crate) async fn encrypt(
        &self,
        key: &str,
        plain: &[u8],
        context: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, AwsError> {
        const OPERATION: &str = "kms:Encrypt";
        let request = self.0.encrypt().key_id(key).plaintext(Blob::new(plain));
        let answer = request.set_encryption_context(Some(map(context))).send().await;
        let answer = answer.map_err(failed(OPERATION, key))?;
        let missing = || AwsError::incomplete(OPERATION, key, "ciphertext");
        Ok(answer.ciphertext_blob().ok_or_else(missing)?.as_ref().to_vec())
    }

    /// What was encrypted under `key`, or its replica, with this `context`.
    ///
    /// # Errors
    /// [`AwsError`] of kms:Decrypt.
    pub(crate) async fn decrypt(
        &self,
        key: &str,
        sealed: &[u8],
        context: &BTreeMap<String, String>,
    ) -> Result<Option<Blob>, AwsError> {
        let request = self.0.decrypt().key_id(key).ciphertext_blob(Blob::new(sealed));
        let answer = request.set_encryption_context(Some(map(context))).send().await;
        Ok(answer.map_err(failed("kms:Decrypt", key))?.plaintext)
    }

    /// A key in this Region, if there is one by this id, ARN or alias.
    ///
    /// # Errors
    /// [`AwsError`] of kms:DescribeKey.
    pub async fn find(&self, key: &str) -> Result<Option<FoundKey>, AwsError> {
        const OPERATION: &str = "kms:DescribeKey";
        let answer = match self.0.describe_key().key_id(key).send().await.map_err(failed(OPERATION, key)) {
            Err(error) if error.meaning == Meaning::NotFound => return Ok(None),
            other => other?,
        };
        let found = answer.key_metadata().ok_or_else(|| AwsError::incomplete(OPERATION, key, "key"))?;
        Ok(Some(FoundKey {
            arn: found.arn().unwrap_or(key).to_owned(),
            aws_managed: found.key_manager() == Some(&KeyManagerType::Aws),
            unusable: found
                .key_state()
                .filter(|state| **state != KeyState::Enabled)
                .map(|state| state.as_str().to_owned()),
        }))
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
        let plain = self.decrypt(key, wrapped, context).await?;
        let key_of_it = plain.and_then(|plain| DataKey::new(plain.as_ref()).ok());
        key_of_it.ok_or_else(|| AwsError::incomplete("kms:Decrypt", key, "plaintext of 32 bytes"))
    }
}

fn map(context: &BTreeMap<String, String>) -> HashMap<String, String> {
    context.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
