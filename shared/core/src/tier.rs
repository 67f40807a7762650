//! Tiers and the flags that they put on restore points.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::VaultArn;
use crate::span::Span;

/// A schedule with its own retention, from the most frequent to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Some hours of some days.
    Daily,
    /// Some days of the week.
    Weekly,
    /// A day of some months.
    Monthly,
    /// A day of the year.
    Yearly,
}

impl Tier {
    /// All tiers, the most frequent first.
    pub const ALL: [Tier; 4] = [Tier::Daily, Tier::Weekly, Tier::Monthly, Tier::Yearly];

    /// The letter that stands for it in pictures: D, W, M or Y.
    pub fn letter(self) -> char {
        match self {
            Tier::Daily => 'D',
            Tier::Weekly => 'W',
            Tier::Monthly => 'M',
            Tier::Yearly => 'Y',
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Daily => "daily",
            Tier::Weekly => "weekly",
            Tier::Monthly => "monthly",
            Tier::Yearly => "yearly",
        })
    }
}

/// A moment at which a tier is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TierSlot {
    /// The tier.
    pub tier: Tier,
    /// The moment.
    pub slot: Timestamp,
}

impl fmt::Display for TierSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.tier, self.slot)
    }
}

/// A tier's slot that a restore point serves, and for how long.
///
/// Flags are set when the point is made; each lapses alone; a chain point with no live flag is outdated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Which tier.
    pub tier: Tier,
    /// The moment at which the tier was due. For an owed flag this is the slot that had failed.
    pub slot: Timestamp,
    /// The applied retention.
    pub span: Span,
    /// The session's slot plus the span, in the policy's zone. Outdated from this instant on.
    pub lapses: Timestamp,
}

impl Flag {
    /// Whether the flag still pins its point: lapsed when `now` is at or after the lapse instant.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.lapses
    }
}

/// The flags that a copy in one target vault is to carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyFlags {
    /// The target vault.
    pub vault: VaultArn,
    /// The flags of the copy, with the applied copy retention.
    pub flags: Vec<Flag>,
}
