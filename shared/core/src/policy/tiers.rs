//! The tiers of a policy.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::calendar::Slots;
use crate::span::Span;
use crate::tier::Tier;

/// The rules of each tier that a policy has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Tiers(pub(super) std::collections::BTreeMap<Tier, TierRule>);

impl Tiers {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rule of a tier.
    pub fn get(&self, tier: Tier) -> Option<&TierRule> {
        self.0.get(&tier)
    }

    /// The tiers with their rules, the most frequent first.
    pub fn iter(&self) -> impl Iterator<Item = (Tier, &TierRule)> {
        self.0.iter().map(|(tier, rule)| (*tier, rule))
    }

    /// The most frequent tier, whose retention a run by an operator takes.
    pub fn most_frequent(&self) -> Option<(Tier, &TierRule)> {
        self.iter().next()
    }
}

/// When a tier's backups are made, how long they are kept, and which of them are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierRule {
    /// When.
    pub slots: Slots,
    /// How long, from the slot of the session that made the backup.
    pub keep: Span,
    /// Which of the backups are copied, to every target vault, and how long the copies are kept.
    pub copy: Option<CopyRule>,
}

/// Which backups of a tier are copied, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRule {
    /// When: some of the backups' own slots.
    pub slots: Slots,
    /// How long, counted as for the backup.
    pub keep: Span,
}

impl Serialize for TierRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.slots.entries(&mut map)?;
        map.serialize_entry("keep", &self.keep)?;
        if let Some(copy) = &self.copy {
            map.serialize_entry("copy", copy)?;
        }
        map.end()
    }
}

impl Serialize for CopyRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.slots.entries(&mut map)?;
        map.serialize_entry("keep", &self.keep)?;
        map.end()
    }
}
