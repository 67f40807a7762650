//! The life of one table under one policy, led twice; every answer is compared.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::adapter::{self, Real};
use crate::naive::calendar::{Slots, walk};
use crate::naive::chain::{self, Chain, Flag, InForce, Point, Policy, Rule, Session, State};
use crate::naive::clock::{Clock, DAY};
use crate::naive::retention::{self, Guards, Verdict};

/// What becomes of a backup or a copy.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    pub state: State,
    /// From its planning to its creation date, in seconds.
    pub takes: i64,
    pub suspect: bool,
    pub held: bool,
}

impl Fate {
    /// All goes well, at once.
    pub const WELL: Fate = Fate { state: State::Available, takes: 0, suspect: false, held: false };
}

pub struct Life {
    policy: Policy,
    clock: Arc<Clock>,
    begin: i64,
    end: i64,
    pub backups: Chain,
    pub copies: Chain,
    backup_tiers: Vec<InForce>,
    copy_tiers: Vec<InForce>,
    planned_until: i64,
    numbers: usize,
    real: Real,
}

impl Life {
    /// From `now`; the clock is read from the year `year`, and slots are known until `end`.
    pub fn new(policy: Policy, year: i64, now: i64, end: i64) -> Self {
        // The table is older than the policy, so that only the policy's age keeps it from owing more.
        let chain = Chain { since: now - DAY * 60, ..Chain::default() };
        let mut life = Self {
            clock: Clock::of(&policy.zone, year),
            real: Real::starting(&policy, now),
            begin: now,
            end,
            backups: chain.clone(),
            copies: chain,
            backup_tiers: Vec::new(),
            copy_tiers: Vec::new(),
            planned_until: now,
            numbers: 0,
            policy,
        };
        life.read(now);
        life
    }

    /// Walks the clock for the policy's slots, all in force from `now`.
    fn read(&mut self, now: i64) {
        let backups = self.policy.tiers.iter().map(|tier| (tier.number, false, &tier.backups));
        let copies =
            self.policy.tiers.iter().filter_map(|tier| Some((tier.number, true, tier.copies.as_ref()?)));
        let rules: Vec<(usize, bool, &Rule)> = backups.chain(copies).collect();
        let slots: Vec<&Slots> = rules.iter().map(|(_, _, rule)| &rule.slots).collect();
        let moments = walk(&self.clock, &slots, self.begin / 60 + 1, self.end / 60 + 1);
        self.backup_tiers.clear();
        self.copy_tiers.clear();
        for ((tier, copies, rule), moments) in rules.into_iter().zip(moments) {
            assert_eq!(moments, self.real.slots(tier, copies, self.begin, self.end), "slots of tier {tier}");
            let tiers = if copies { &mut self.copy_tiers } else { &mut self.backup_tiers };
            tiers.push(InForce { tier, slots: rule.slots.clone(), moments, keep: rule.keep, from: now });
        }
    }

    /// The policy becomes another in the same zone.
    pub fn change(&mut self, policy: Policy, now: i64) {
        let passed = self.real.change(&policy, now);
        let (was_enabled, planned_until) = (self.policy.enabled, self.planned_until);
        let old = [self.backup_tiers.clone(), self.copy_tiers.clone()];
        self.policy = policy;
        self.read(now);
        let unserved = chain::due_by_tier(&old[0], self.planned_until, now);
        let uncopied = chain::latest_by_tier(&old[1], self.planned_until, now);
        if was_enabled {
            for (tiers, old) in [&mut self.backup_tiers, &mut self.copy_tiers].into_iter().zip(&old) {
                for tier in tiers {
                    let same = |old: &&InForce| old.tier == tier.tier && old.slots == tier.slots;
                    tier.from = old.iter().find(same).map_or(now, |old| old.from);
                }
            }
        } else {
            self.planned_until = now;
        }
        let is_kept = |(slot, number): &(i64, usize)| {
            let mut tiers = self.backup_tiers.iter();
            self.policy.enabled && tiers.any(|tier| tier.tier == *number && tier.from < *slot)
        };
        let made: Vec<usize> = chain::latest_by_tier(&old[0], planned_until, now)
            .iter()
            .filter(|of| is_kept(of))
            .map(|(_, number)| *number)
            .collect();
        let is_copied = |(slot, number): &(i64, usize)| {
            self.copy_tiers.iter().any(|tier| tier.tier == *number && tier.from < *slot)
        };
        let lost: Vec<_> = unserved.into_iter().filter(|of| was_enabled && !is_kept(of)).collect();
        let lost_copies: Vec<_> =
            uncopied.into_iter().filter(|of| was_enabled && made.contains(&of.1) && !is_copied(of)).collect();
        assert_eq!(passed, (lost, lost_copies), "passed by at {now}");
        let from = [&self.backup_tiers, &self.copy_tiers].map(|tiers| adapter::from(tiers));
        assert_eq!(self.real.from(), from, "in force since");
    }

    pub fn next(&self, now: i64) -> Option<i64> {
        let next = chain::next(&self.backup_tiers, now);
        let real = self.real.next(now);
        if next.is_some() || real.as_ref().is_some_and(|(slot, _)| *slot <= self.end) {
            assert_eq!(real, next, "next slot after {now}");
        }
        next.map(|(slot, _)| slot)
    }

    fn due(&self, now: i64) -> Option<(i64, Vec<(i64, usize)>)> {
        let enabled = self.policy.enabled;
        let due = enabled.then(|| chain::due(&self.backup_tiers, self.planned_until, now)).flatten();
        assert_eq!(self.real.due(now), due, "due at {now}");
        due
    }

    /// How many slots a tick would skip.
    pub fn missed(&self, now: i64) -> usize {
        self.due(now).map_or(0, |(_, missed)| missed.len())
    }

    /// A tick. The number of the point that it makes, if it makes one.
    pub fn tick(&mut self, now: i64, fate: Fate, copy: Fate) -> Option<usize> {
        self.due(now - 1);
        let (slot, _) = self.due(now)?;
        let session = Session { moment: slot, by_hand: false };
        // What a session that was planned twice would do.
        self.flags(session, now);
        let number = self.session(session, now, fate, copy);
        self.planned_until = now;
        self.real.planned(now);
        assert_eq!(self.due(now), None);
        number
    }

    pub fn by_hand(&mut self, now: i64, fate: Fate, copy: Fate) -> Option<usize> {
        self.session(Session { moment: now, by_hand: true }, now, fate, copy)
    }

    /// The flags that a session would give a point and its copy.
    fn flags(&self, session: Session, now: i64) -> [Vec<Flag>; 2] {
        let most = self.policy.tiers.first();
        let by_hand = most.map(|tier| tier.number);
        let backup = chain::flags(&self.clock, &self.backup_tiers, by_hand, &self.backups, session, now);
        assert_eq!(self.real.flags(&self.backups, session, now), backup, "flags at {now}");
        let by_hand = most.filter(|tier| tier.copies.is_some()).map(|tier| tier.number);
        let copy = chain::flags(&self.clock, &self.copy_tiers, by_hand, &self.copies, session, now);
        assert_eq!(self.real.copy_flags(&self.copies, session, now), copy, "copy flags at {now}");
        [backup, copy]
    }

    fn session(&mut self, session: Session, now: i64, fate: Fate, copy_fate: Fate) -> Option<usize> {
        let [backup, copy] = self.flags(session, now);
        if backup.is_empty() {
            return None;
        }
        self.numbers += 1;
        let point = |flags: Vec<Flag>, fate: Fate| Point {
            number: self.numbers,
            planned: now,
            slot: session.moment,
            created: matches!(fate.state, State::Available | State::Deleting).then_some(now + fate.takes),
            flags,
            state: fate.state,
            manual: false,
            suspect: fate.suspect,
            held: fate.held,
        };
        self.backups.points.push(point(backup, fate));
        if !copy.is_empty() && fate.state == State::Available {
            self.copies.points.push(point(copy, copy_fate));
        }
        Some(self.numbers)
    }

    /// The table is dropped and created again.
    pub fn anew(&mut self, now: i64) {
        self.backups = Chain { since: now, ..Chain::default() };
        self.copies = self.backups.clone();
    }

    /// A backup outside the chain.
    pub fn manual(&mut self, now: i64, fate: Fate) {
        self.numbers += 1;
        self.backups.points.push(Point {
            number: self.numbers,
            planned: now,
            slot: now,
            created: Some(now + fate.takes),
            flags: Vec::new(),
            state: State::Available,
            manual: true,
            suspect: fate.suspect,
            held: fate.held,
        });
    }

    /// The guards of the backups, but for what is copied just now.
    pub fn guards(&self) -> Guards {
        let open = self.copies.points.iter().filter(|copy| copy.state == State::Running);
        let being_copied: BTreeSet<usize> = open.map(|copy| copy.number).collect();
        Guards {
            keep_last: self.policy.keep_last,
            released_at: None,
            min_age: 0,
            vault_locked: false,
            being_copied,
        }
    }

    /// Retention of both chains at `now`, carried out if `apply`. What it says of the backups.
    pub fn retention(&mut self, now: i64, guards: &Guards, apply: bool) -> Vec<(Verdict, String)> {
        let nothing_copied = Guards { being_copied: BTreeSet::new(), ..guards.clone() };
        compared(&mut self.copies, now, &nothing_copied, apply);
        compared(&mut self.backups, now, guards, apply)
    }
}

fn compared(chain: &mut Chain, now: i64, guards: &Guards, apply: bool) -> Vec<(Verdict, String)> {
    let real = adapter::plan(chain, now, guards);
    let naive = retention::plan(chain, now, guards);
    assert!(
        real.iter().map(|(verdict, _)| verdict).eq(&naive),
        "at {now} with {guards:?}\nthe crate: {real:#?}\nnaive: {naive:#?}\nof {chain:#?}"
    );
    for point in &mut chain.points {
        if apply && naive.iter().any(|verdict| verdict.number == point.number && verdict.remove) {
            point.state = State::Deleted;
        }
    }
    real
}
