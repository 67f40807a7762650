//! Sealing metadata before a job starts, and believing it again: authenticated, or not at all.

use std::collections::BTreeMap;

use backup_chain_core::esdk::{self, Context as EncryptionContext, DataKey, EsdkError, Message, WrappedKey};
use backup_chain_core::ids::{RecoveryPointArn, Region, Table, TableId, VaultArn};
use backup_chain_core::metadata::tags::{Sealed, TooLarge};
use backup_chain_core::metadata::{
    Document, MetadataError, MetadataPlacement, SettingsLocation, encryption_context, place, tags,
};
use backup_chain_core::point::{BindingLocation, PointKind, RestorePoint};
use backup_chain_core::settings::{Digest, TableSettings};
use thiserror::Error;

use crate::backup::Point;
use crate::bind::Bindings;
use crate::context::Context;
use crate::error::AwsError;
use crate::seen::{Claim, Seen};
use crate::services::Services;
use crate::store::{MessageIndexEntry, SettingsStore};

/// Metadata that is sealed and has found its place.
#[derive(Debug, Clone)]
pub struct SealedPoint {
    /// Tags for the recovery point; at most the id where the message went to the settings table.
    pub tags: BTreeMap<String, String>,
    /// SHA-256 of the sealed message.
    pub digest: Digest,
    /// SHA-256 of the settings' normal form.
    pub settings: Digest,
    /// What went to the settings table.
    pub place: MetadataPlacement,
}

/// Metadata that could not be sealed.
#[derive(Debug, Error)]
pub enum SealError {
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The message does not fit where it was to go.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The message could not be made.
    #[error("the metadata could not be sealed: {0}")]
    Message(#[from] EsdkError),
}

/// Metadata that is not believed: why the point is suspect.
#[derive(Debug, Error)]
pub enum OpenError {
    /// AWS failed: nothing is known.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The point carries none of our tags, and the settings table does not know it.
    #[error("it carries no metadata of ours")]
    Foreign,
    /// It carries something that is not to be believed.
    #[error("{0}")]
    Suspect(String),
}

/// Metadata of which nothing was known before.
#[derive(Debug)]
pub struct Described {
    /// What it says.
    pub document: Document,
    /// SHA-256 of its sealed message.
    pub sealed: Digest,
    /// Whether the message is in the settings table, and not in the tags.
    pub message_stored: bool,
    /// Where it is bound to its recovery point, or why it is not believed to be.
    pub bound: Result<BindingLocation, String>,
}

/// Seals the metadata of restore points, and believes it again. A clone shares its parts.
#[derive(Debug, Clone)]
pub struct Sealer {
    context: Context,
    aws: Services,
    bindings: Bindings,
}

impl Sealer {
    pub(crate) fn new(context: Context, aws: Services) -> Self {
        let bindings = Bindings::new(aws.clone());
        Self { context, aws, bindings }
    }

    /// Seals a document into tags; what of it does not fit beside the `own_tags` of the table goes into the settings
    /// table, at last the message itself.
    ///
    /// # Errors
    /// When KMS or the settings table fails.
    pub async fn seal(&self, document: &Document, own_tags: usize) -> Result<SealedPoint, SealError> {
        let context = encryption_context(&document.table);
        let (whole, envelope) = (document.pack(), document.envelope().pack());
        let (data_key, wrapped) = self.data_key(&context).await?;
        let length = |plain: &[u8]| esdk::sealed_len(plain.len(), &context, &wrapped);
        let place = place(length(&whole), length(&envelope), own_tags);
        let settings = document.settings.digest();
        if place.settings_stored
            && let SettingsLocation::Inline(all) = &document.settings
        {
            self.store_settings(&document.table, &settings, all).await?;
        }
        let plain = if place.settings_stored { envelope } else { whole };
        let message = esdk::seal(&plain, &context, data_key, &wrapped, self.context.random().bytes())?;
        let digest = Digest::of(&message);
        let tags = if place.message_stored {
            self.aws.source().settings.put(&document.table.id, &digest, message).await?;
            let id = place.id.then(|| (tags::ID.to_owned(), document.id.to_string()));
            id.into_iter().collect()
        } else {
            tags::encode(&document.id, &message)?
        };
        Ok(SealedPoint { tags, digest, settings, place })
    }

    /// Moves the message of a point that is about to be made out of tags that AWS refuses into the settings table.
    ///
    /// # Errors
    /// [`AwsError`] of the settings table.
    pub async fn store_message(
        &self,
        table: &Table,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), AwsError> {
        // They are ours, as they were sealed: without a message they are the id alone, and it is there already.
        let Ok(Some(sealed)) = tags::decode(tags) else { return Ok(()) };
        self.aws.source().settings.put(&table.id, &sealed.digest(), sealed.bytes).await
    }

    /// Makes the message of a point without tags known under its recovery point `arn`, in the settings table of its Region.
    /// What carries its message itself needs no name.
    ///
    /// # Errors
    /// [`AwsError`] of the settings table.
    pub async fn index_message(&self, point: &RestorePoint, arn: &RecoveryPointArn) -> Result<(), AwsError> {
        let (true, Some(message)) = (point.message_stored, point.sealed) else {
            return Ok(());
        };
        let named = MessageIndexEntry { id: point.id.clone(), table: point.table.id.clone(), message };
        self.aws.region(&point.vault.region).settings.set_name(arn, &named).await
    }

    /// Whether [`Sealer::index_message`] has made it known, and no one has changed that.
    ///
    /// # Errors
    /// [`AwsError`] of the settings table.
    pub async fn is_named(&self, point: &RestorePoint) -> Result<bool, AwsError> {
        let (Some(arn), Some(message)) = (point.recovery_point(), point.sealed) else { return Ok(false) };
        let named = self.aws.region(&point.vault.region).settings.named(arn).await?;
        let is_it = |named: MessageIndexEntry| {
            named.id == point.id && named.table == point.table.id && named.message == message
        };
        Ok(named.is_some_and(is_it))
    }

    /// Binds the metadata of a point that is there to its recovery point `arn`, and the name of a message that it does not
    /// carry to both.
    ///
    /// # Errors
    /// [`AwsError`] of KMS, or where neither the tags nor the settings table take the binding.
    pub async fn bind(&self, point: &mut RestorePoint, arn: &RecoveryPointArn) -> Result<(), AwsError> {
        let Some(digest) = point.sealed else { return Ok(()) };
        self.index_message(point, arn).await?;
        point.bound = Some(self.bindings.set(point, arn, &digest).await?);
        Ok(())
    }

    /// Where the message with this digest is bound to a recovery point, or why it is not believed to be.
    ///
    /// # Errors
    /// [`AwsError`] of KMS or the settings table.
    pub async fn bound(
        &self,
        seen: &Seen<'_>,
        table: &Table,
        digest: &Digest,
    ) -> Result<Result<BindingLocation, String>, AwsError> {
        self.bindings.find(seen, table, digest).await
    }

    /// Brings what the settings table of the Region `from` holds of a point to that of the Region `to`, and tells
    /// what is not there.
    ///
    /// # Errors
    /// [`AwsError`] of the settings tables.
    pub async fn copy_stored(
        &self,
        point: &RestorePoint,
        from: &Region,
        to: &Region,
    ) -> Result<Option<String>, AwsError> {
        let settings = point.settings.filter(|_| point.settings_stored).map(|digest| ("settings", digest));
        let message = point.sealed.filter(|_| point.message_stored).map(|digest| ("metadata", digest));
        for (what, digest) in settings.into_iter().chain(message) {
            match self.aws.region(from).settings.get(&point.table.id, &digest).await? {
                Some(sealed) => self.aws.region(to).settings.put(&point.table.id, &digest, sealed).await?,
                None => {
                    return Ok(Some(format!("the {what} {digest} are not in the settings table of {from}")));
                }
            }
        }
        Ok(None)
    }

    /// Seals settings into the settings table: always, for what is there already may have been tampered with.
    async fn store_settings(
        &self,
        table: &Table,
        digest: &Digest,
        settings: &TableSettings,
    ) -> Result<(), SealError> {
        let context = encryption_context(table);
        let (data_key, wrapped) = self.data_key(&context).await?;
        let message =
            esdk::seal(&settings.pack(), &context, data_key, &wrapped, self.context.random().bytes())?;
        Ok(self.aws.source().settings.put(&table.id, digest, message).await?)
    }

    async fn data_key(&self, context: &EncryptionContext) -> Result<(DataKey, WrappedKey), AwsError> {
        self.aws.source().kms.generate(&self.context.deployment().key, context).await
    }

    /// Opens the metadata of a recovery point that should be `point`, with its settings, wherever they are.
    ///
    /// # Errors
    /// [`OpenError::Suspect`] when the metadata does not authenticate, is of another table or point, is neither what
    /// the record pins nor bound to the recovery point, or when the point was not created when it was asked for.
    pub async fn open(
        &self,
        point: &RestorePoint,
        seen: &Seen<'_>,
    ) -> Result<(Document, TableSettings), OpenError> {
        let suspect = |why: String| OpenError::Suspect(why);
        let bytes = if point.message_stored {
            let digest = match point.sealed {
                Some(digest) => digest,
                // Nothing was sealed for it, or it was found and is not believed.
                None => match self.aws.region(seen.region).settings.named(seen.arn).await? {
                    Some(named) if named.id == point.id => named.message,
                    _ => return Err(suspect("it was made without metadata".to_owned())),
                },
            };
            stored_message(&self.aws.region(seen.region).settings, &point.table.id, &digest, seen.region)
                .await?
        } else {
            let sealed = tags::decode(seen.tags)
                .map_err(|error| suspect(error.to_string()))?
                .ok_or(OpenError::Foreign)?;
            if sealed.id != point.id {
                return Err(suspect(format!("its tags carry the id {} of another restore point", sealed.id)));
            }
            sealed.bytes
        };
        let plain = self.open_message(&bytes, &encryption_context(&point.table), seen.region).await?;
        let document = Document::unpack(&plain).map_err(|error| suspect(error.to_string()))?;
        verify(point, &document).and_then(|()| seen.fits(&document)).map_err(suspect)?;
        let digest = Digest::of(&bytes);
        match point.sealed {
            Some(pinned) if pinned == digest => {}
            Some(_) => return Err(suspect("its metadata is not what was sealed for it".to_owned())),
            None => self.bound(seen, &document.table, &digest).await?.map(drop).map_err(suspect)?,
        }
        let settings = match &document.settings {
            SettingsLocation::Inline(settings) => settings.as_ref().clone(),
            SettingsLocation::Stored(digest) => {
                self.open_settings(&document.table, digest, seen.region).await?
            }
        };
        Ok((document, settings))
    }

    /// The restore point that a recovery point in `vault` is by its own metadata, of which nothing else is known but
    /// perhaps the digest of what was `sealed` for it. It is suspect where its metadata is neither that nor bound to
    /// it.
    ///
    /// # Errors
    /// As [`open_unknown`](Self::open_unknown), and when its metadata knows of no copy in that vault.
    pub async fn describe(
        &self,
        vault: &VaultArn,
        found: &Point,
        tags: &BTreeMap<String, String>,
        pinned: Option<Digest>,
    ) -> Result<RestorePoint, OpenError> {
        let seen = Seen::of(found, tags, &vault.region);
        let Described { document, sealed, message_stored, bound } = self.open_unknown(&seen).await?;
        let is_believed = bound.is_ok() || pinned == Some(sealed);
        let point = RestorePoint::from_document(&document, vault.clone(), found.arn.clone())
            .ok_or_else(|| OpenError::Suspect("its metadata knows of no copy in this vault".to_owned()))?;
        Ok(RestorePoint {
            created_at: found.created_at,
            bytes: found.bytes,
            // What nothing pins must be bound, whenever it is opened.
            sealed: Some(sealed).filter(|_| is_believed),
            message_stored,
            suspect: bound.clone().err().filter(|_| !is_believed),
            bound: bound.ok(),
            ..point
        })
    }

    /// Opens the metadata of a recovery point of which nothing is known but what it says of itself.
    ///
    /// # Errors
    /// [`OpenError::Suspect`] when it does not authenticate, is not of this deployment, disagrees with itself, when
    /// the point was not created when it was asked for, or when its settings are not where it says.
    pub async fn open_unknown(&self, seen: &Seen<'_>) -> Result<Described, OpenError> {
        let suspect = |why: &str| OpenError::Suspect(why.to_owned());
        let (sealed, message_stored) = message(&self.aws.region(seen.region).settings, seen).await?;
        let told = Message::parse(&sealed.bytes).map_err(|error| suspect(&error.to_string()))?;
        let told = told.context().clone();
        let plain = self.open_message(&sealed.bytes, &told, seen.region).await?;
        let document = Document::unpack(&plain).map_err(|error| suspect(&error.to_string()))?;
        let ours = self.context.deployment();
        if document.id != sealed.id {
            return Err(suspect(&format!("its metadata is that of restore point {}", document.id)));
        }
        if encryption_context(&document.table) != told {
            return Err(suspect("its metadata was sealed for another table"));
        }
        if document.table.arn.account != ours.account || document.table.arn.region != ours.region {
            return Err(suspect("its table is not one that this deployment protects"));
        }
        seen.fits(&document).map_err(OpenError::Suspect)?;
        if let SettingsLocation::Stored(digest) = &document.settings {
            self.open_settings(&document.table, digest, seen.region).await?;
        }
        let digest = sealed.digest();
        let bound = self.bound(seen, &document.table, &digest).await?;
        Ok(Described { document, sealed: digest, message_stored, bound })
    }

    /// Reads settings from the settings table of a Region.
    ///
    /// # Errors
    /// [`OpenError::Suspect`] when they are not there, do not authenticate or are not those of the digest.
    pub async fn open_settings(
        &self,
        table: &Table,
        digest: &Digest,
        region: &Region,
    ) -> Result<TableSettings, OpenError> {
        let sealed = self.aws.region(region).settings.get(&table.id, digest).await?.ok_or_else(|| {
            OpenError::Suspect(format!("its settings {digest} are not in the settings table of {region}"))
        })?;
        let plain = self.open_message(&sealed, &encryption_context(table), region).await?;
        let malformed = |error: MetadataError| OpenError::Suspect(error.to_string());
        let settings = TableSettings::unpack(&plain).map_err(malformed)?;
        if settings.digest() != *digest {
            return Err(OpenError::Suspect(format!("the settings stored as {digest} are others")));
        }
        Ok(settings)
    }

    async fn open_message(
        &self,
        sealed: &[u8],
        context: &EncryptionContext,
        region: &Region,
    ) -> Result<Vec<u8>, OpenError> {
        let broken = |error: EsdkError| OpenError::Suspect(error.to_string());
        let message = Message::parse(sealed).map_err(broken)?;
        if message.context() != context {
            return Err(OpenError::Suspect("its metadata was sealed for another table".to_owned()));
        }
        let id_of = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
        let ours = self.context.deployment().key_in(region);
        let wrapped = message
            .wrapped_keys()
            .iter()
            .find(|wrapped| wrapped.provider == WrappedKey::AWS_KMS && id_of(&wrapped.key) == id_of(&ours))
            .ok_or_else(|| OpenError::Suspect("its metadata is sealed under another key".to_owned()))?;
        let data_key = match self.aws.region(region).kms.unwrap(&ours, &wrapped.wrapped, context).await {
            // KMS knows the key and refuses the ciphertext: it was tampered with.
            Err(error) if error.code == "InvalidCiphertextException" => {
                return Err(OpenError::Suspect("KMS does not open its data key".to_owned()));
            }
            Err(error) if error.code == "IncorrectKeyException" => {
                return Err(OpenError::Suspect("its metadata is sealed under another key".to_owned()));
            }
            other => other?,
        };
        message.open(&data_key).map_err(broken)
    }
}

/// What the metadata of a recovery point claims; none where it has none. `settings` is the settings table of its Region.
///
/// # Errors
/// [`AwsError`] of the settings table.
pub async fn read_claim(settings: &SettingsStore, seen: &Seen<'_>) -> Result<Option<Claim>, AwsError> {
    match message(settings, seen).await {
        Ok((sealed, _)) => Ok(Claim::read(&sealed)),
        Err(OpenError::Aws(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// The sealed message of a recovery point of which nothing is known: in its tags; or else in the settings table of its
/// Region, where it is known by its ARN. Returns also whether it carries none.
async fn message(settings: &SettingsStore, seen: &Seen<'_>) -> Result<(Sealed, bool), OpenError> {
    // A table's own tags, which are inherited, may begin as ours do: they hide no message.
    let in_tags = match tags::decode(seen.tags) {
        Ok(Some(sealed)) => return Ok((sealed, false)),
        Ok(None) => OpenError::Foreign,
        Err(error) => OpenError::Suspect(error.to_string()),
    };
    let named = settings.named(seen.arn).await?.ok_or(in_tags)?;
    let bytes = stored_message(settings, &named.table, &named.message, seen.region).await?;
    let held = seen.tags.contains_key(tags::HOLD);
    Ok((Sealed { id: named.id, bytes, held }, true))
}

async fn stored_message(
    settings: &SettingsStore,
    table: &TableId,
    digest: &Digest,
    region: &Region,
) -> Result<Vec<u8>, OpenError> {
    let suspect = |why: String| OpenError::Suspect(why);
    let bytes = settings
        .get(table, digest)
        .await?
        .ok_or_else(|| suspect(format!("its metadata {digest} is not in the settings table of {region}")))?;
    if Digest::of(&bytes) != *digest {
        return Err(suspect(format!("the metadata stored as {digest} is another")));
    }
    Ok(bytes)
}

/// Compares a document with the point that it should describe.
fn verify(point: &RestorePoint, document: &Document) -> Result<(), String> {
    let manual = document.kind == backup_chain_core::metadata::DocumentKind::Manual;
    if document.id != point.id {
        return Err(format!("its metadata is that of restore point {}", document.id));
    }
    if document.table != point.table {
        return Err("its metadata names another table".to_owned());
    }
    if document.session != point.session || manual != (point.kind == PointKind::Manual) {
        return Err("its metadata names another session".to_owned());
    }
    let flags = match point.kind {
        PointKind::Backup => Some(&document.flags),
        PointKind::Copy => {
            document.copies.iter().find(|copy| copy.vault == point.vault).map(|copy| &copy.flags)
        }
        PointKind::Manual => None,
    };
    if flags.is_some_and(|flags| *flags != point.flags) {
        return Err("its metadata names other flags".to_owned());
    }
    Ok(())
}
