//! The document that a recovery point carries, read by `docs/metadata-format.md`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::Value;

/// What a restore point stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// Of the restore point.
    pub(crate) id: String,
    /// Of the session.
    pub(crate) session: String,
    /// Of the session.
    pub(crate) slot: Timestamp,
    /// When the job was asked for.
    pub(crate) requested: Timestamp,
    /// A backup outside every chain.
    pub(crate) manual: bool,
    /// Name and revision.
    pub(crate) policy: Option<(String, u64)>,
    /// ARN of the table.
    pub(crate) table: String,
    /// Which creation of it.
    pub(crate) table_id: String,
    /// Of the backup.
    pub(crate) flags: Vec<Flag>,
    /// Of the copies, by vault ARN.
    pub(crate) copies: BTreeMap<String, Vec<Flag>>,
    /// The digest of the settings, when they are in the settings table.
    pub(crate) stored: Option<String>,
}

/// A tier's slot that a restore point serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flag {
    /// `daily`, ...
    pub(crate) tier: String,
    /// The slot.
    pub(crate) slot: Timestamp,
    /// Such as `3 days`.
    pub(crate) span: String,
    /// Until when it is live.
    pub(crate) lapses: Timestamp,
}

impl Document {
    /// Reads the JSON text.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        if value["v"] != 1 {
            return None;
        }
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        let slot: Timestamp = text("slot")?.parse().ok()?;
        let mut copies = BTreeMap::new();
        for copy in value["copies"].as_array().into_iter().flatten() {
            copies.insert(copy[0].as_str()?.to_owned(), flags(&copy[1], slot)?);
        }
        let policy = &value["policy"];
        Some(Self {
            id: text("id")?,
            session: text("session")?,
            slot,
            requested: text("requested")?.parse().ok()?,
            manual: value["kind"] == "manual",
            policy: policy[0]
                .as_str()
                .zip(policy[1].as_u64())
                .map(|(name, number)| (name.to_owned(), number)),
            table: text("table")?,
            table_id: text("table_id")?,
            flags: flags(&value["flags"], slot)?,
            copies,
            stored: text("stored"),
        })
    }
}

fn flags(value: &Value, session: Timestamp) -> Option<Vec<Flag>> {
    let flag = |flag: &Value| {
        Some(Flag {
            tier: flag[0].as_str()?.to_owned(),
            span: flag[1].as_str()?.to_owned(),
            lapses: flag[2].as_str()?.parse().ok()?,
            slot: match flag[3].as_str() {
                None => session,
                Some(slot) => slot.parse().ok()?,
            },
        })
    };
    value.as_array().into_iter().flatten().map(flag).collect()
}

/// The sealed message in the tags of a recovery point, if they hold one.
pub(crate) fn message<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> Option<Vec<u8>> {
    let first = tag("backup-chain/v1/0")?;
    let count = first.chars().next()?.to_digit(10).filter(|count| (1..=7).contains(count))?;
    let mut text = first[1..].to_owned();
    for part in 1..count {
        text.push_str(tag(&format!("backup-chain/v1/{part}"))?);
    }
    BASE64_STANDARD.decode(text).ok()
}
