//! What is due: the session that a policy needs now, and the flags that each table's point takes.
//!
//! What is owed is never stored. It follows from the slots of the policy, from when they are in force, and
//! from what a chain already has: so a slot whose backup failed goes to the table's next point, and a late
//! run makes up for the latest slot of each tier without a backlog.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::Schedule;
use crate::ids::{PolicyName, VaultArn};
use crate::policy::Policy;
use crate::span::Span;
use crate::tier::{Flag, Tier, TierSlot};

/// What the catalog remembers of a policy's schedule. Slots at or before these moments start nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyState {
    /// Sessions are planned for all slots up to here.
    pub planned_until: Timestamp,
    /// Since when each tier is in force. A tier that is not named is not in force.
    pub effective_from: BTreeMap<Tier, Timestamp>,
    /// Since when each tier's copies to each target vault are in force.
    pub copies_from: BTreeMap<VaultArn, BTreeMap<Tier, Timestamp>>,
}

impl PolicyState {
    /// The state of a policy that comes into force at `now`: at its first apply, when it is enabled, and
    /// after a rebuild. Nothing is due before the next slot.
    pub fn starting(policy: &Policy, now: Timestamp) -> Self {
        let tiers = policy.tiers.iter().map(|(tier, _)| (tier, now)).collect();
        let copied: BTreeMap<Tier, Timestamp> = policy
            .tiers
            .iter()
            .filter(|(_, rule)| rule.copy.is_some())
            .map(|(tier, _)| (tier, now))
            .collect();
        let copies_from = policy.copies.iter().map(|target| (target.vault.clone(), copied.clone())).collect();
        Self { planned_until: now, effective_from: tiers, copies_from }
    }

    /// The state after `old` has become `new` at `now`: a tier (or its copies to a vault) whose slots are
    /// the same stays in force, any other comes into force now.
    #[must_use]
    pub fn changed(&self, old: &Policy, new: &Policy, now: Timestamp) -> Self {
        let mut state = Self::starting(new, now);
        if !old.enabled || old.time_zone != new.time_zone {
            return state;
        }
        state.planned_until = self.planned_until;
        let rules = |tier| old.tiers.get(tier).zip(new.tiers.get(tier));
        for (tier, from) in &mut state.effective_from {
            if let (Some(since), Some((was, is))) = (self.effective_from.get(tier), rules(*tier))
                && was.slots == is.slots
            {
                *from = *since;
            }
        }
        for (vault, tiers) in &mut state.copies_from {
            for (tier, from) in tiers {
                if let (Some(since), Some((was, is))) =
                    (self.copies_from.get(vault).and_then(|tiers| tiers.get(tier)), rules(*tier))
                    && was.copy.as_ref().map(|copy| &copy.slots) == is.copy.as_ref().map(|copy| &copy.slots)
                {
                    *from = *since;
                }
            }
        }
        state
    }

    /// Whether a restore point that is made now may take the flag of this slot.
    pub fn promises(&self, due: &TierSlot) -> bool {
        self.effective_from.get(&due.tier).is_some_and(|from| due.slot > *from)
    }

    /// Whether a restore point that is made now may be copied to this vault for this slot.
    pub fn promises_copy(&self, to: &VaultArn, due: &TierSlot) -> bool {
        let from = self.copies_from.get(to).and_then(|tiers| tiers.get(&due.tier));
        from.is_some_and(|from| due.slot > *from)
    }
}

/// A session that a policy needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueSession {
    /// Its slot: the latest that has come due, of any tier.
    pub slot: Timestamp,
    /// The latest slot of each tier that has come due.
    pub due: Vec<TierSlot>,
    /// Slots that came due since the last session and were overtaken by a later one of their tier, in
    /// order: they are recorded as missed, and get no backup of their own. Of very many only the latest are
    /// named.
    pub missed: Vec<TierSlot>,
}

/// So many missed slots are named: a record that names those of months is larger than the catalog takes.
const MAX_MISSED: usize = 1_000;

/// The session that the policy needs at `now`, if it is enabled and a slot has come due since the last one.
pub fn due(policy: &Policy, state: &PolicyState, now: Timestamp) -> Option<DueSession> {
    if !policy.enabled {
        return None;
    }
    let mut latest = Vec::new();
    let mut missed = Vec::new();
    for (tier, schedule) in schedules(policy) {
        let Some(from) = state.effective_from.get(&tier) else { continue };
        let mut slots = schedule.slots(state.planned_until.max(*from), now).peekable();
        while let Some(slot) = slots.next() {
            let of = if slots.peek().is_some() { &mut missed } else { &mut latest };
            of.push(TierSlot { tier, slot });
        }
    }
    in_order(&mut missed);
    let slot = latest.iter().map(|due| due.slot).max()?;
    Some(DueSession { slot, due: latest, missed })
}

fn in_order(missed: &mut Vec<TierSlot>) {
    missed.sort_by_key(|missed| (missed.slot, missed.tier));
    missed.drain(..missed.len().saturating_sub(MAX_MISSED));
}

/// What has come due since the last session and is served by no one once a change is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Superseded {
    /// Slots that get no restore point, in order, and the latest of very many.
    pub slots: Vec<TierSlot>,
    /// Slots whose restore points get no copy in these vaults, though they are made.
    pub copies: Vec<(VaultArn, TierSlot)>,
}

/// What is superseded once `next` takes the place of `state` at `now`; with none, the policy ends or is switched off.
pub fn superseded(
    policy: &Policy,
    state: &PolicyState,
    next: Option<&PolicyState>,
    now: Timestamp,
) -> Superseded {
    let Some(due) = due(policy, state, now) else { return Superseded::default() };
    let is_promised = |due: &TierSlot| next.is_some_and(|next| next.promises(due));
    let copies = policy.copies.iter().flat_map(|target| {
        let due = due.due.iter().filter(|due| is_promised(due));
        due.filter_map(|due| {
            let from = *state.copies_from.get(&target.vault)?.get(&due.tier)?;
            let after = state.planned_until.max(from);
            let slot = policy.copy_schedule(due.tier)?.latest(now).filter(|slot| *slot > after)?;
            let due = TierSlot { tier: due.tier, slot };
            let is_copied = next.is_some_and(|next| next.promises_copy(&target.vault, &due));
            (!is_copied).then(|| (target.vault.clone(), due))
        })
    });
    let copies = copies.collect();
    let mut slots: Vec<TierSlot> =
        due.missed.iter().chain(&due.due).filter(|due| !is_promised(due)).cloned().collect();
    in_order(&mut slots);
    Superseded { slots, copies }
}

/// Why a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotOrigin {
    /// A slot came due: [`DueSession::slot`].
    Slot(Timestamp),
    /// An operator asked for it at this moment.
    ByHand(Timestamp),
}

impl SlotOrigin {
    /// The moment from which the flags of the session's points are counted.
    pub fn at(self) -> Timestamp {
        match self {
            SlotOrigin::Slot(moment) | SlotOrigin::ByHand(moment) => moment,
        }
    }
}

/// What one chain has, by tier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainView {
    /// Since when the chain's table is in the policy's care: slots at or before it are not owed, so that a
    /// new table owes nothing.
    pub since: Timestamp,
    /// The latest slot that an available point carries.
    pub met: BTreeMap<Tier, Timestamp>,
    /// The latest slot that a point with an open job carries.
    pub carried: BTreeMap<Tier, Timestamp>,
}

impl ChainView {
    fn has(&self, tier: Tier, slot: Timestamp) -> bool {
        [&self.met, &self.carried].into_iter().any(|slots| slots.get(&tier).is_some_and(|had| *had >= slot))
    }
}

/// A run by an operator of a policy that could give its points no flag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "policy {0} has no tiers, so a restore point of it would be kept for no time: give it a tier, or make a manual \
     backup, which stays until it is removed by an operator"
)]
pub struct NoTiers(pub PolicyName);

/// The flags of the point that a session gives a table: of every tier whose latest slot at `now` is in force
/// and neither met nor carried by an open job. None at all: the table needs no point in this session.
///
/// A point made on request of an operator also takes the flag of the policy's most frequent tier, for the moment at
/// which it was asked for; it thereby meets that tier's earlier slots too.
///
/// Each flag lapses its span after the session's moment; an owed one counts from this later session, so it
/// never lapses before it would have from its own slot.
///
/// # Errors
/// [`NoTiers`] for a run by an operator of a policy without tiers.
pub fn flags(
    policy: &Policy,
    state: &PolicyState,
    chain: &ChainView,
    session: SlotOrigin,
    now: Timestamp,
) -> Result<Vec<Flag>, NoTiers> {
    let by_hand = policy.tiers.most_frequent().map(|(tier, _)| tier);
    if let (SlotOrigin::ByHand(_), None) = (session, by_hand) {
        return Err(NoTiers(policy.name.clone()));
    }
    let tiers = policy.tiers.iter().map(|(tier, rule)| {
        let schedule = rule.slots.within(&policy.time_zone);
        Candidate { tier, schedule, keep: rule.keep, from: state.effective_from.get(&tier).copied() }
    });
    Ok(take(policy, tiers, by_hand, chain, session, now))
}

/// The flags of the copy of that point in one target vault: the same rule, by the copies' slots and
/// retention. None at all: the point is not copied there.
///
/// A point made on request of an operator is copied where the most frequent tier has a copy rule, with that rule's
/// retention, and where a copy is owed.
pub fn copy_flags(
    policy: &Policy,
    state: &PolicyState,
    target: &VaultArn,
    copies: &ChainView,
    session: SlotOrigin,
    now: Timestamp,
) -> Vec<Flag> {
    let by_hand = policy.tiers.most_frequent().filter(|(_, rule)| rule.copy.is_some()).map(|(tier, _)| tier);
    let since = state.copies_from.get(target);
    let tiers = policy.tiers.iter().filter_map(|(tier, rule)| {
        let copy = rule.copy.as_ref()?;
        let from = since.and_then(|tiers| tiers.get(&tier)).copied();
        Some(Candidate { tier, schedule: copy.slots.within(&policy.time_zone), keep: copy.keep, from })
    });
    take(policy, tiers, by_hand, copies, session, now)
}

struct Candidate<'a> {
    tier: Tier,
    schedule: Schedule<'a>,
    keep: Span,
    /// Since when it is in force; `None` when it is not.
    from: Option<Timestamp>,
}

fn take<'a>(
    policy: &Policy,
    tiers: impl Iterator<Item = Candidate<'a>>,
    by_hand: Option<Tier>,
    chain: &ChainView,
    session: SlotOrigin,
    now: Timestamp,
) -> Vec<Flag> {
    let zone = policy.time_zone.time_zone();
    tiers
        .filter_map(|Candidate { tier, schedule, keep, from }| {
            let slot = match session {
                SlotOrigin::ByHand(moment) if by_hand == Some(tier) => moment,
                _ => schedule
                    .latest(now)
                    .filter(|slot| from.is_some_and(|from| *slot > from))
                    .filter(|slot| *slot > chain.since && !chain.has(tier, *slot))?,
            };
            // A month after a later day may end earlier: a month after 30 and 31 January are both
            // 28 February, at the times of day. So the promise of the slot itself is kept as well.
            let lapses = keep.after(session.at(), zone).max(keep.after(slot, zone));
            Some(Flag { tier, slot, span: keep, lapses })
        })
        .collect()
}

/// The next moment after `after` at which a tier is due, with every tier that is due then. Whether the
/// policy is enabled is not asked.
pub fn next_slot(policy: &Policy, after: Timestamp) -> Option<(Timestamp, Vec<Tier>)> {
    let next: Vec<(Tier, Timestamp)> =
        schedules(policy).filter_map(|(tier, schedule)| Some((tier, schedule.next(after)?))).collect();
    let first = next.iter().map(|(_, slot)| *slot).min()?;
    Some((first, next.into_iter().filter(|(_, slot)| *slot == first).map(|(tier, _)| tier).collect()))
}

fn schedules(policy: &Policy) -> impl Iterator<Item = (Tier, Schedule<'_>)> {
    policy.tiers.iter().map(|(tier, rule)| (tier, rule.slots.within(&policy.time_zone)))
}
