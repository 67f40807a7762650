//! Why a restore point is kept or removed, and which guards keep it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::point::State;
use crate::suggest;
use crate::tier::Tier;

/// Why a point is kept or removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// A live flag pins it: the `nth` newest of `of` points that the tier pins.
    Live {
        /// The tier.
        tier: Tier,
        /// Counted from the newest, from 1.
        nth: u32,
        /// How many the tier pins in this chain.
        of: u32,
        /// When the flag lapses.
        until: Timestamp,
    },
    /// One of the newest available points of its chain, which stay.
    Newest {
        /// Counted from the newest, from 1.
        nth: u32,
        /// How many stay.
        of: u32,
    },
    /// Held by an operator.
    Held {
        /// In the words of whoever set the hold.
        why: String,
        /// Until when; without end unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Made by an operator: outside every chain.
    Manual,
    /// Its metadata is not believed.
    Suspect {
        /// What is wrong with it.
        why: String,
    },
    /// A copy of it is not final.
    BeingCopied,
    /// A table is being made of it.
    BeingRestored,
    /// AWS alone deletes in its vault.
    VaultLocked,
    /// Its job, or its deletion, is not final.
    NotFinal {
        /// Where it stands.
        state: State,
    },
    /// Younger than the least age at which anything is removed.
    TooYoung,
    /// Dated after now: clocks disagree.
    FutureDated,
    /// It has neither flags nor a moment: nothing says how long to keep it.
    NoRetention,
    /// Every flag has lapsed.
    Outdated {
        /// The tier whose flag was the last to lapse.
        tier: Tier,
        /// When it lapsed.
        since: Timestamp,
    },
    /// Somebody asked for its removal.
    ByHand,
    /// A guard that would keep it was overridden.
    Overridden {
        /// The guard.
        guard: Guard,
    },
}

/// What keeps a point: the flags, and everything that keeps one which is outdated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// A live flag.
    LiveFlag,
    /// It is one of the newest of its chain.
    Newest,
    /// A hold.
    Hold,
    /// It is a manual backup.
    Manual,
    /// It is suspect.
    Suspect,
    /// It is the source of an unfinished copy.
    BeingCopied,
    /// It is the source of an unfinished restore.
    BeingRestored,
    /// Its vault is locked.
    VaultLock,
    /// Its job or deletion is not final.
    NotFinal,
    /// It is younger than the least age.
    MinAge,
    /// It is dated after now.
    FutureDated,
    /// Nothing says how long to keep it.
    NoRetention,
}

/// What a guard does against a removal by an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorRemoval {
    /// Nothing: it only says that the point's time has not come.
    Nothing,
    /// It keeps the point, unless it is overridden by its name, for a reason.
    Asks,
    /// It keeps the point: AWS would refuse, or there is nothing to remove yet.
    Keeps,
}

/// A name that is no guard, or one that cannot be overridden.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no guard that can be overridden is called {given:?}: write {}", suggest::any_of(&Guard::overridable()))]
pub struct UnknownGuard {
    given: String,
}

impl Guard {
    const ALL: [(Guard, &'static str); 12] = [
        (Guard::LiveFlag, "live-flag"),
        (Guard::Newest, "newest"),
        (Guard::Hold, "hold"),
        (Guard::Manual, "manual"),
        (Guard::Suspect, "suspect"),
        (Guard::BeingCopied, "being-copied"),
        (Guard::BeingRestored, "being-restored"),
        (Guard::VaultLock, "vault-lock"),
        (Guard::NotFinal, "not-final"),
        (Guard::MinAge, "min-age"),
        (Guard::FutureDated, "future-dated"),
        (Guard::NoRetention, "no-retention"),
    ];

    /// What it does against a removal by an operator.
    pub fn for_operator(self) -> OperatorRemoval {
        match self {
            Self::LiveFlag | Self::Manual | Self::MinAge | Self::NoRetention => OperatorRemoval::Nothing,
            Self::Newest | Self::Hold | Self::Suspect | Self::BeingCopied | Self::FutureDated => {
                OperatorRemoval::Asks
            }
            Self::VaultLock | Self::NotFinal | Self::BeingRestored => OperatorRemoval::Keeps,
        }
    }

    fn overridable() -> Vec<&'static str> {
        let asks = |guard: &&(Guard, &'static str)| guard.0.for_operator() == OperatorRemoval::Asks;
        Self::ALL.iter().filter(asks).map(|(_, name)| *name).collect()
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(guard, _)| guard == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Guard {
    type Err = UnknownGuard;
    fn from_str(text: &str) -> Result<Self, UnknownGuard> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text).map(|(guard, _)| *guard);
        found
            .filter(|guard| guard.for_operator() == OperatorRemoval::Asks)
            .ok_or_else(|| UnknownGuard { given: text.to_owned() })
    }
}

impl Reason {
    /// The guard that it stands for; none where it says why a point goes.
    pub fn guard(&self) -> Option<Guard> {
        match self {
            Self::Live { .. } => Some(Guard::LiveFlag),
            Self::Newest { .. } => Some(Guard::Newest),
            Self::Held { .. } => Some(Guard::Hold),
            Self::Manual => Some(Guard::Manual),
            Self::Suspect { .. } => Some(Guard::Suspect),
            Self::BeingCopied => Some(Guard::BeingCopied),
            Self::BeingRestored => Some(Guard::BeingRestored),
            Self::VaultLocked => Some(Guard::VaultLock),
            Self::NotFinal { .. } => Some(Guard::NotFinal),
            Self::TooYoung => Some(Guard::MinAge),
            Self::FutureDated => Some(Guard::FutureDated),
            Self::NoRetention => Some(Guard::NoRetention),
            Self::Outdated { .. } | Self::ByHand | Self::Overridden { .. } => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live { tier, nth, of, until } => write!(f, "{tier} {nth} of {of} until {until}"),
            Self::Newest { of: 1, .. } => write!(f, "newest available"),
            Self::Newest { nth, of } => write!(f, "newest available {nth} of {of}"),
            Self::Held { why, until: None } => write!(f, "held: {why}"),
            Self::Held { why, until: Some(until) } => write!(f, "held until {until}: {why}"),
            Self::Manual => write!(f, "manual backup"),
            Self::Suspect { why } => write!(f, "suspect: {why}"),
            Self::BeingCopied => write!(f, "being copied"),
            Self::BeingRestored => write!(f, "being restored from"),
            Self::VaultLocked => write!(f, "vault is locked"),
            Self::NotFinal { state } => write!(f, "{state}"),
            Self::TooYoung => write!(f, "younger than the least age"),
            Self::FutureDated => write!(f, "dated after now"),
            Self::NoRetention => write!(f, "no retention recorded"),
            Self::Outdated { tier, since } => write!(f, "{tier} lapsed {since}"),
            Self::ByHand => write!(f, "by an operator"),
            Self::Overridden { guard } => write!(f, "guard {guard} overridden"),
        }
    }
}

/// Reasons as one text.
pub fn reason_text(reasons: &[Reason]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
