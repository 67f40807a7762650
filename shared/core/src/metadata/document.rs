//! The document and its normal form.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::esdk;
use crate::ids::{PointId, PolicyRef, SessionId, Table};
use crate::settings::{Digest, TableSettings};
use crate::tier::{CopyFlags, Flag};

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
    /// The same document with its settings in the settings table.
    #[must_use]
    pub fn envelope(&self) -> Self {
        Self { settings: SettingsLocation::Stored(self.settings.digest()), ..self.clone() }
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
