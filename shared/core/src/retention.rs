//! Which restore points of a chain are outdated, which are kept all the same, and why.
//!
//! A pure, total function: points, the moment and the guards in; keep or remove with reasons out. In doubt
//! a point is kept.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::PointId;
use crate::plan::hex;
use crate::point::{Kind, RestorePoint, State};
use crate::tier::Tier;

/// What keeps points of one chain beyond their flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// How many of the newest available points stay, whatever their flags say.
    pub keep_last: u32,
    /// Since when the newest points of a table that is gone need no longer stay. `None` while the table
    /// is there, or while it is not known.
    pub released_at: Option<Timestamp>,
    /// Points younger than this are never removed.
    pub min_age: SignedDuration,
    /// The vault is locked or air-gapped: AWS deletes there, we never do.
    pub vault_locked: bool,
    /// Points of the chain with a copy that is not final.
    pub being_copied: std::collections::BTreeSet<PointId>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            keep_last: 1,
            released_at: None,
            min_age: SignedDuration::from_hours(24),
            vault_locked: false,
            being_copied: Default::default(),
        }
    }
}

/// Why a point is kept or removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    /// Held by hand.
    Held {
        /// In the words of whoever set the hold.
        why: String,
    },
    /// Made by hand: outside every chain.
    Manual,
    /// Its metadata is not believed.
    Suspect {
        /// What is wrong with it.
        why: String,
    },
    /// A copy of it is not final.
    BeingCopied,
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
}

impl Reason {
    /// The guard's name, for messages: what keeps a point that its flags no longer do.
    pub fn guard(&self) -> Option<&'static str> {
        match self {
            Self::Live { .. } => Some("live-flag"),
            Self::Newest { .. } => Some("newest"),
            Self::Held { .. } => Some("hold"),
            Self::Manual => Some("manual"),
            Self::Suspect { .. } => Some("suspect"),
            Self::BeingCopied => Some("being-copied"),
            Self::VaultLocked => Some("vault-lock"),
            Self::NotFinal { .. } => Some("not-final"),
            Self::TooYoung => Some("min-age"),
            Self::FutureDated => Some("future-dated"),
            Self::NoRetention => Some("no-retention"),
            Self::Outdated { .. } => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live { tier, nth, of, until } => write!(f, "{tier} {nth} of {of} until {until}"),
            Self::Newest { of: 1, .. } => write!(f, "newest available"),
            Self::Newest { nth, of } => write!(f, "newest available {nth} of {of}"),
            Self::Held { why } => write!(f, "held: {why}"),
            Self::Manual => write!(f, "manual backup"),
            Self::Suspect { why } => write!(f, "suspect: {why}"),
            Self::BeingCopied => write!(f, "being copied"),
            Self::VaultLocked => write!(f, "vault is locked"),
            Self::NotFinal { state } => write!(f, "{state}"),
            Self::TooYoung => write!(f, "younger than the least age"),
            Self::FutureDated => write!(f, "dated after now"),
            Self::NoRetention => write!(f, "no retention recorded"),
            Self::Outdated { tier, since } => write!(f, "{tier} lapsed {since}"),
        }
    }
}

/// What becomes of one point, and why. Every reason that applies is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The point.
    pub id: PointId,
    /// Whether it is to be removed.
    pub remove: bool,
    /// Why it is kept, or why it may go.
    pub reasons: Vec<Reason>,
}

/// Decides for every point of one chain that is not past. The order of the points does not matter; the
/// verdicts come oldest first.
pub fn plan(points: &[RestorePoint], now: Timestamp, guards: &Guards) -> Vec<Verdict> {
    let moment = |point: &RestorePoint| point.created_at.unwrap_or(point.slot);
    let mut order: Vec<&RestorePoint> = points.iter().filter(|point| !point.state.is_past()).collect();
    order.sort_by(|a, b| (moment(a), &a.id).cmp(&(moment(b), &b.id)));

    let mut pinned: BTreeMap<Tier, u32> = BTreeMap::new();
    for flag in order.iter().flat_map(|point| &point.flags).filter(|flag| flag.is_live(now)) {
        *pinned.entry(flag.tier).or_default() += 1;
    }
    let mut nth: BTreeMap<Tier, u32> = BTreeMap::new();
    let mut newest = 0;

    let mut verdicts: Vec<Verdict> = Vec::with_capacity(order.len());
    for point in order.iter().rev() {
        let mut reasons = Vec::new();
        if point.kind == Kind::Manual {
            reasons.push(Reason::Manual);
        }
        for flag in point.flags.iter().filter(|flag| flag.is_live(now)) {
            let nth = nth.entry(flag.tier).or_default();
            *nth += 1;
            let of = pinned.get(&flag.tier).copied().unwrap_or(*nth);
            reasons.push(Reason::Live { tier: flag.tier, nth: *nth, of, until: flag.lapses });
        }
        let future = moment(point) > now;
        if point.kind != Kind::Manual && point.counts() && !future {
            newest += 1;
            if newest <= guards.keep_last.max(1) && guards.released_at.is_none_or(|at| now < at) {
                reasons.push(Reason::Newest { nth: newest, of: guards.keep_last.max(1) });
            }
        }
        if future {
            reasons.push(Reason::FutureDated);
        } else if now.duration_since(moment(point)) < guards.min_age {
            reasons.push(Reason::TooYoung);
        }
        if let Some(hold) = &point.hold {
            reasons.push(Reason::Held { why: hold.reason.clone() });
        }
        if let Some(why) = &point.suspect {
            reasons.push(Reason::Suspect { why: why.clone() });
        }
        if guards.being_copied.contains(&point.id) {
            reasons.push(Reason::BeingCopied);
        }
        if guards.vault_locked {
            reasons.push(Reason::VaultLocked);
        }
        if point.state != State::Available {
            reasons.push(Reason::NotFinal { state: point.state });
        }
        if point.flags.is_empty() && point.kind != Kind::Manual {
            reasons.push(Reason::NoRetention);
        }
        let remove = reasons.is_empty();
        if remove && let Some(last) = point.flags.iter().max_by_key(|flag| flag.lapses) {
            reasons.push(Reason::Outdated { tier: last.tier, since: last.lapses });
        }
        verdicts.push(Verdict { id: point.id.clone(), remove, reasons });
    }
    verdicts.reverse();
    verdicts
}

/// Bounds on a whole run, set by the stack and not by the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brakes {
    /// Deletion is switched off.
    pub paused: bool,
    /// The greatest number of deletions in one run without a confirmation.
    pub most_deletions: usize,
    /// How far our clock may be from AWS's.
    pub most_skew: SignedDuration,
}

impl Default for Brakes {
    fn default() -> Self {
        Self { paused: false, most_deletions: 100, most_skew: SignedDuration::from_mins(5) }
    }
}

/// Why a run removes nothing although something is outdated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "brake")]
pub enum Braked {
    /// Deletion is switched off.
    Paused,
    /// More than the run may remove unconfirmed.
    TooMany {
        /// How many are outdated.
        outdated: usize,
        /// How many may go unconfirmed.
        most: usize,
        /// What to confirm.
        digest: String,
    },
    /// Our clock and AWS's disagree.
    ClockSkew {
        /// By how many seconds ours is ahead.
        seconds: i64,
    },
}

impl fmt::Display for Braked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => write!(f, "deletion is paused by the stack: set PauseDeletion to false to go on"),
            Self::TooMany { outdated, most, digest } => write!(
                f,
                "{outdated} restore points are outdated, more than the {most} that one run may remove: \
                 look at the plan, then run retention with confirm {digest}"
            ),
            Self::ClockSkew { seconds } => {
                write!(
                    f,
                    "our clock is {seconds} s from that of AWS, more than the bound: nothing is removed"
                )
            }
        }
    }
}

/// Identifies a plan by what it would remove: the order does not matter.
pub fn digest<'a>(removals: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = removals.into_iter().collect();
    names.sort_unstable();
    let mut text = hex(&Sha256::digest(names.join("\n")));
    text.truncate(16);
    text
}

/// Whether a run of `removals` may go on. `ahead` is our clock minus AWS's, when known.
///
/// # Errors
/// The brake that holds it.
pub fn brake(
    brakes: &Brakes,
    removals: &[&str],
    ahead: Option<SignedDuration>,
    confirmed: Option<&str>,
) -> Result<(), Braked> {
    if removals.is_empty() {
        return Ok(());
    }
    if brakes.paused {
        return Err(Braked::Paused);
    }
    if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > brakes.most_skew) {
        return Err(Braked::ClockSkew { seconds: ahead.as_secs() });
    }
    let digest = digest(removals.iter().copied());
    if removals.len() > brakes.most_deletions && confirmed != Some(&digest) {
        return Err(Braked::TooMany { outdated: removals.len(), most: brakes.most_deletions, digest });
    }
    Ok(())
}
