//! The document and its normal form.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MetadataError, pack};
use crate::esdk;
use crate::ids::{PointId, PolicyName, PolicyRef, SessionId, Table, TableArn, TableId, VaultArn};
use crate::settings::{Digest, TableSettings};
use crate::span::Span;
use crate::tier::{CopyFlags, Flag, Tier};

/// The format version that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// What a restore point tells of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its id; copies carry the same.
    pub id: PointId,
    /// The table, and which creation of it.
    pub table: Table,
    /// The policy that made it; none for a manual backup.
    pub policy: Option<PolicyRef>,
    /// The session that made it.
    pub session: SessionId,
    /// The slot of that session.
    pub slot: Timestamp,
    /// When the backup job was asked for, to be compared with what AWS returns.
    pub requested_at: Timestamp,
    /// The IANA time zone in which its spans were counted.
    pub time_zone: String,
    /// In the chain of its table, or made on request of an operator.
    pub kind: DocumentKind,
    /// The flags of the backup.
    pub flags: Vec<Flag>,
    /// The flags of its copies, by target vault.
    pub copies: Vec<CopyFlags>,
    /// The table's settings, or where they are.
    pub settings: SettingsLocation,
}

/// Whether a restore point belongs to a chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// In the chain of its table.
    #[default]
    Chain,
    /// Made by an operator, outside every chain.
    Manual,
}

/// The captured settings: here, or in the settings table.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingsLocation {
    /// Here.
    Inline(Box<TableSettings>),
    /// In the settings table, under the TableId and this digest. Such a document is the envelope.
    Stored(Digest),
}

impl SettingsLocation {
    /// The digest of the settings, wherever they are.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Inline(settings) => settings.digest(),
            Self::Stored(digest) => *digest,
        }
    }
}

impl Document {
    /// The normal form: compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&Wire::from(self)).expect("a document holds string keys and finite numbers only")
    }

    /// Reads the normal form. Version 1 is closed: a field that it does not name is refused, never dropped.
    ///
    /// # Errors
    /// When the bytes are no document, or one of another version. The error tells where, never what.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MetadataError> {
        #[derive(Deserialize)]
        struct Version {
            v: u64,
        }
        let malformed = |error| MetadataError::malformed("document", &error);
        let Version { v: found } = serde_json::from_slice(bytes).map_err(malformed)?;
        if found != VERSION {
            return Err(MetadataError::Version { found });
        }
        serde_json::from_slice::<Wire>(bytes).map_err(malformed)?.try_into()
    }

    /// The normal form, compressed with the preset dictionary: what is sealed.
    pub fn pack(&self) -> Vec<u8> {
        pack::deflate(&self.to_bytes())
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// When the bytes do not decompress, or hold no document of a version that is known.
    pub fn unpack(bytes: &[u8]) -> Result<Self, MetadataError> {
        Self::from_bytes(&pack::inflate(bytes)?)
    }

    /// The same document with its settings in the settings table.
    #[must_use]
    pub fn envelope(&self) -> Self {
        Self { settings: SettingsLocation::Stored(self.settings.digest()), ..self.clone() }
    }
}

/// The document as it is written: fields in this order, defaults left out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    id: PointId,
    session: SessionId,
    slot: Timestamp,
    requested: Timestamp,
    #[serde(default = "utc", skip_serializing_if = "is_utc")]
    zone: String,
    #[serde(default, skip_serializing_if = "is_chain")]
    kind: DocumentKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<(PolicyName, u32)>,
    table: TableArn,
    table_id: TableId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<WireFlag>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    copies: Vec<(VaultArn, Vec<WireFlag>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stored: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Box<TableSettings>>,
}

/// `[tier, span, lapses]`, and the slot when it is not that of the session.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireFlag {
    Due(Tier, Span, Timestamp),
    Owed(Tier, Span, Timestamp, Timestamp),
}

fn utc() -> String {
    "UTC".to_owned()
}

fn is_utc(zone: &str) -> bool {
    zone == "UTC"
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_chain(kind: &DocumentKind) -> bool {
    *kind == DocumentKind::Chain
}

impl From<&Document> for Wire {
    fn from(document: &Document) -> Self {
        let slot = document.slot;
        let flags = |flags: &[Flag]| {
            let write = |flag: &Flag| match flag.slot == slot {
                true => WireFlag::Due(flag.tier, flag.span, flag.lapses),
                false => WireFlag::Owed(flag.tier, flag.span, flag.lapses, flag.slot),
            };
            flags.iter().map(write).collect()
        };
        let (stored, settings) = match &document.settings {
            SettingsLocation::Inline(settings) => (None, Some(settings.clone())),
            SettingsLocation::Stored(digest) => (Some(*digest), None),
        };
        Self {
            v: VERSION,
            id: document.id.clone(),
            session: document.session.clone(),
            slot,
            requested: document.requested_at,
            zone: document.time_zone.clone(),
            kind: document.kind,
            policy: document.policy.as_ref().map(|policy| (policy.name.clone(), policy.revision)),
            table: document.table.arn.clone(),
            table_id: document.table.id.clone(),
            flags: flags(&document.flags),
            copies: document.copies.iter().map(|copy| (copy.vault.clone(), flags(&copy.flags))).collect(),
            stored,
            settings,
        }
    }
}

impl TryFrom<Wire> for Document {
    type Error = MetadataError;
    fn try_from(wire: Wire) -> Result<Self, MetadataError> {
        let read = |flag| match flag {
            WireFlag::Due(tier, span, lapses) => Flag { tier, slot: wire.slot, span, lapses },
            WireFlag::Owed(tier, span, lapses, slot) => Flag { tier, slot, span, lapses },
        };
        let flags = |flags: Vec<WireFlag>| flags.into_iter().map(read).collect();
        let settings = match (wire.settings, wire.stored) {
            (Some(settings), None) => SettingsLocation::Inline(settings),
            (None, Some(digest)) => SettingsLocation::Stored(digest),
            _ => return Err(MetadataError::Settings),
        };
        Ok(Self {
            id: wire.id,
            table: Table { arn: wire.table, id: wire.table_id },
            policy: wire.policy.map(|(name, revision)| PolicyRef { name, revision }),
            session: wire.session,
            slot: wire.slot,
            requested_at: wire.requested,
            time_zone: wire.zone,
            kind: wire.kind,
            flags: flags(wire.flags),
            copies: wire
                .copies
                .into_iter()
                .map(|(vault, list)| CopyFlags { vault, flags: flags(list) })
                .collect(),
            settings,
        })
    }
}

/// What the encryption of a table's metadata is bound to: all of it is known without the message.
pub fn encryption_context(table: &Table) -> esdk::Context {
    let Table { arn, id } = table;
    let parts = [
        ("application", "backup-chain"),
        ("account", arn.account.as_str()),
        ("region", arn.region.as_str()),
        ("table-id", id.as_str()),
    ];
    parts.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
