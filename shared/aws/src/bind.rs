//! Binding: what proves that metadata belongs to its recovery point. Tags can be moved by whoever may tag, and a
//! message authenticates wherever it stands. So when a point is there, a few bytes are sealed by KMS over the ARN of
//! the recovery point and the digest of the message. They are kept in the tags, or where the message is in the
//! settings table, there.
//!
//! The catalog says itself which message belongs to which recovery point. Without it, only bound metadata is believed.

use std::collections::BTreeMap;

use backup_chain_core::esdk::Context as EncryptionContext;
use backup_chain_core::ids::{RecoveryPointArn, Table};
use backup_chain_core::metadata::{encryption_context, tags};
use backup_chain_core::point::{BindingLocation, RestorePoint};
use backup_chain_core::settings::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::backup::Tagged;
use crate::error::AwsError;
use crate::seen::Seen;
use crate::services::Services;

/// What is sealed: it says nothing, its context says all.
const BINDING_PLAINTEXT: &[u8] = b"backup-chain";

/// The bindings of recovery points.
#[derive(Debug, Clone)]
pub(crate) struct Bindings(Services);

impl Bindings {
    pub(crate) fn new(aws: Services) -> Self {
        Self(aws)
    }

    /// Binds the message with this digest to the recovery point of a restore point, and returns where: in its tags,
    /// or in the settings table of its Region.
    ///
    /// # Errors
    /// [`AwsError`] of KMS, or where neither the tags nor the settings table take the binding.
    pub(crate) async fn set(
        &self,
        point: &RestorePoint,
        arn: &RecoveryPointArn,
        digest: &Digest,
    ) -> Result<BindingLocation, AwsError> {
        let region = self.0.region(&point.vault.region);
        // The replica of a target Region opens what the key sealed.
        let context = bound_to(&point.table, arn, digest);
        let key = &self.0.deployment().key;
        let sealed = self.0.source().kms.encrypt(key, BINDING_PLAINTEXT, &context).await?;
        if !point.message_stored {
            let tag = BTreeMap::from([(tags::BOUND.to_owned(), STANDARD.encode(&sealed))]);
            match region.backup.tag(arn, &tag).await {
                Ok(Tagged::Done) => return Ok(BindingLocation::Tags),
                Ok(Tagged::Refused(why)) => tracing::info!(why, "its tags do not take the binding"),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => tracing::info!(%error, "its tags do not take the binding"),
            }
        }
        region.settings.set_binding(arn, sealed).await?;
        Ok(BindingLocation::Stored)
    }

    /// Where the message with this digest is bound to a recovery point, or why it is not believed to be.
    ///
    /// # Errors
    /// [`AwsError`] of KMS or the settings table.
    pub(crate) async fn find(
        &self,
        seen: &Seen<'_>,
        table: &Table,
        digest: &Digest,
    ) -> Result<Result<BindingLocation, String>, AwsError> {
        let context = bound_to(table, seen.arn, digest);
        let tag = seen.tags.get(tags::BOUND).and_then(|text| STANDARD.decode(text).ok());
        if let Some(sealed) = &tag
            && self.is_bound(seen, sealed, &context).await?
        {
            return Ok(Ok(BindingLocation::Tags));
        }
        let stored = self.0.region(seen.region).settings.binding(seen.arn).await?;
        if let Some(sealed) = &stored
            && self.is_bound(seen, sealed, &context).await?
        {
            return Ok(Ok(BindingLocation::Stored));
        }
        let why = match tag.or(stored) {
            Some(_) => "its metadata is bound to another recovery point",
            None => "nothing binds its metadata to this recovery point",
        };
        Ok(Err(why.to_owned()))
    }

    async fn is_bound(
        &self,
        seen: &Seen<'_>,
        sealed: &[u8],
        context: &EncryptionContext,
    ) -> Result<bool, AwsError> {
        let key = self.0.deployment().key_in(seen.region);
        match self.0.region(seen.region).kms.decrypt(&key, sealed, context).await {
            Ok(plain) => Ok(plain.is_some_and(|plain| plain.as_ref() == BINDING_PLAINTEXT)),
            // KMS knows the key, and refuses the ciphertext or its context.
            Err(error) if ["InvalidCiphertextException", "IncorrectKeyException"].contains(&&*error.code) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// The encryption context of a binding.
fn bound_to(table: &Table, arn: &RecoveryPointArn, digest: &Digest) -> EncryptionContext {
    let mut context = encryption_context(table);
    context.insert("recovery-point".to_owned(), arn.to_string());
    context.insert("metadata".to_owned(), digest.to_string());
    context
}
