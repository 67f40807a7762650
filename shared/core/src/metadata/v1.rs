//! Version 1 of the document. **Frozen**: what is written here was sealed into recovery points that live for years. Its
//! bytes stand in `tests/fixtures/document-v1.*`, its fields in `docs/metadata-format.md`; a change to either makes
//! version 2, in a file of its own, and this one stays as it is.
//!
//! The settings in it, and those in the settings table that it names, are of version 1 as well: their fields are those
//! of [`TableSettings`], which a test below lists.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Document, DocumentKind, MetadataError, SettingsLocation};
use crate::ids::{PointId, PolicyName, PolicyRef, SessionId, Table, TableArn, TableId, VaultArn};
use crate::settings::{Digest, TableSettings};
use crate::span::Span;
use crate::tier::{CopyFlags, Flag, Tier};

/// The document in this form.
pub(super) fn write(document: &Document) -> Vec<u8> {
    serde_json::to_vec(&Wire::from(document)).expect("a document holds string keys and finite numbers only")
}

/// Reads this form.
///
/// # Errors
/// When the bytes are not of it.
pub(super) fn read(bytes: &[u8]) -> Result<Document, MetadataError> {
    let wire: Wire =
        serde_json::from_slice(bytes).map_err(|error| MetadataError::malformed("document", &error))?;
    wire.try_into()
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
            v: 1,
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

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use crate::settings::{
        Encryption, GlobalIndex, Insights, KeySchema, LocalIndex, Pitr, Replicas, ResourcePolicies,
        ScalingPolicy, ScalingTarget, ScheduledAction, TableSettings, Ttl,
    };

    /// The fields that a form knows, as it tells them to one that it does not know.
    fn fields<T: DeserializeOwned>() -> String {
        let error = serde_json::from_str::<T>(r#"{"?":1}"#).err().map(|error| error.to_string());
        let error = error.expect("the form is closed");
        let known = error.split("expected ").nth(1).unwrap_or(&error).split(" at line").next();
        let name = std::any::type_name::<T>().rsplit("::").next();
        format!("{}: {}\n", name.unwrap_or_default(), known.unwrap_or_default().replace("one of ", ""))
    }

    /// A field that comes or goes here is one that older readers refuse: it makes version 2.
    #[test]
    fn the_settings_of_version_1_have_these_fields_for_ever() {
        let mut all = fields::<super::Wire>() + &fields::<TableSettings>() + &fields::<KeySchema>();
        all += &(fields::<LocalIndex>() + &fields::<GlobalIndex>() + &fields::<Encryption>());
        all += &(fields::<Ttl>() + &fields::<Pitr>() + &fields::<ResourcePolicies>() + &fields::<Insights>());
        all += &(fields::<Replicas>() + &fields::<ScalingTarget>() + &fields::<ScalingPolicy>());
        all += &fields::<ScheduledAction>();
        insta::assert_snapshot!(all);
    }
}
