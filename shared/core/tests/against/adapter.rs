//! Between the naive structs and the crate's types, both ways. Nothing else here knows both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use backup_chain_core::due::{self, ChainView, PolicyState, SlotOrigin};
use backup_chain_core::ids::{PointId, SessionId, Table, VaultArn};
use backup_chain_core::point::{self, Hold, PointKind, RestorePoint};
use backup_chain_core::policy::{Home, Policy, PolicyErrors};
use backup_chain_core::retention::{self, Reason};
use backup_chain_core::span::{Span, Unit};
use backup_chain_core::tier::{Flag, Tier, TierSlot};
use jiff::{SignedDuration, Timestamp};

use crate::naive::calendar::{self, On, Slots};
use crate::naive::chain::{self, Chain, InForce, Point, Session, State, TIERS};
use crate::naive::retention::{Guards, Verdict};
use crate::progress;

const COPIES: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A policy as the crate reads it from its document.
pub fn parse(policy: &chain::Policy) -> Result<Policy, PolicyErrors> {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(&document(policy), &home)
}

/// The document of a policy.
pub fn document(policy: &chain::Policy) -> String {
    let chain::Policy { zone, enabled, keep_last, tiers } = policy;
    let mut text = format!(
        "name: test\nvault: main\nsources: {{all: true}}\ntime_zone: {zone}\nenabled: {enabled}\nkeep_last: {keep_last}\n"
    );
    if tiers.iter().any(|tier| tier.copies.is_some()) {
        text += &format!("copies: [{{vault: '{COPIES}'}}]\n");
    }
    text += "tiers:\n";
    for tier in tiers {
        text += &format!("  {}\n", tier_line(tier));
    }
    text
}

/// `weekly: {on: [monday], at: ["07:00"], keep: 14 days}`
pub fn tier_line(tier: &chain::Tier) -> String {
    let copy = tier.copies.as_ref().map_or(String::new(), |copy| {
        format!(", copy: {{{}, keep: {}}}", times(tier.number, &copy.slots), span(copy.keep))
    });
    let chain::Rule { slots: when, keep } = &tier.backups;
    format!("{}: {{{}, keep: {}{copy}}}", TIERS[tier.number], times(tier.number, when), span(*keep))
}

fn times(tier: usize, slots: &Slots) -> String {
    const NTH: [&str; 4] = ["first", "second", "third", "fourth"];
    let weekday = |day: &i64| WEEKDAYS[*day as usize];
    let months: Vec<&str> = slots.months.iter().map(|month| MONTHS[*month as usize - 1]).collect();
    let mut on = match &slots.on {
        On::EveryDay => "every day".to_owned(),
        On::Workdays => "workdays".to_owned(),
        On::Weekdays(days) => format!("[{}]", days.iter().map(weekday).collect::<Vec<_>>().join(", ")),
        On::Nth(nth, day) => format!("{} {}", NTH[*nth as usize - 1], weekday(day)),
        On::LastWeekday(day) => format!("last {}", weekday(day)),
        On::Day(day) if tier == 3 => day.to_string(),
        On::Day(day) => format!("day {day}"),
        On::LastDay => "last day".to_owned(),
    };
    match (tier, &slots.on) {
        (3, On::Day(_)) => on = format!("{on} {}", months[0]),
        (3, _) => on = format!("{on} of {}", months[0]),
        (2, _) if !months.is_empty() => on = format!("{on}, months: [{}]", months.join(", ")),
        _ => {}
    }
    let times: Vec<String> = slots.times.iter().map(|time| format!("'{}'", time_of_day(*time))).collect();
    format!("on: {on}, at: [{}]", times.join(", "))
}

fn time_of_day(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn span(span: calendar::Span) -> Span {
    let unit = match span.unit {
        calendar::Unit::Day => Unit::Day,
        calendar::Unit::Week => Unit::Week,
        calendar::Unit::Month => Unit::Month,
        calendar::Unit::Year => Unit::Year,
    };
    Span { count: u16::try_from(span.count).unwrap(), unit }
}

pub fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn tier(number: usize) -> Tier {
    Tier::ALL[number]
}

/// A policy of the crate with what it remembers, and its answers in naive terms.
pub struct Real {
    pub policy: Policy,
    state: PolicyState,
}

impl Real {
    pub fn starting(policy: &chain::Policy, now: i64) -> Self {
        let policy = parse(policy).unwrap_or_else(|errors| panic!("{errors}\n{}", document(policy)));
        Self { state: PolicyState::starting(&policy, moment(now)), policy }
    }

    /// What is superseded because of the change: slots, and slots whose points get no copy.
    #[expect(clippy::type_complexity, reason = "two lists of the same")]
    pub fn change(&mut self, policy: &chain::Policy, now: i64) -> (Vec<(i64, usize)>, Vec<(i64, usize)>) {
        let new = parse(policy).unwrap_or_else(|errors| panic!("{errors}\n{}", document(policy)));
        let state = self.state.changed(&self.policy, &new, moment(now));
        let passed = due::superseded(&self.policy, &self.state, new.enabled.then_some(&state), moment(now));
        self.state = state;
        self.policy = new;
        let copies: Vec<TierSlot> = passed.copies.into_iter().map(|(_, due)| due).collect();
        (slots(&passed.slots), slots(&copies))
    }

    pub fn planned(&mut self, now: i64) {
        self.state.planned_until = moment(now);
    }

    /// Since when each tier, and each tier's copies, are in force.
    pub fn from(&self) -> [Vec<(usize, i64)>; 2] {
        let told = |tiers: &BTreeMap<Tier, Timestamp>| {
            tiers.iter().map(|(tier, from)| (*tier as usize, from.as_second())).collect()
        };
        [&self.state.effective_from, self.state.copies_from.get(&TARGET).unwrap_or(&BTreeMap::new())]
            .map(told)
    }

    pub fn slots(&self, number: usize, copies: bool, after: i64, until: i64) -> Vec<i64> {
        let schedule =
            if copies { self.policy.copy_schedule(tier(number)) } else { self.policy.schedule(tier(number)) };
        schedule.unwrap().slots(moment(after), moment(until)).map(Timestamp::as_second).collect()
    }

    pub fn due(&self, now: i64) -> Option<(i64, Vec<(i64, usize)>)> {
        let due = due::due(&self.policy, &self.state, moment(now))?;
        let latest: Vec<_> = due.due.iter().map(|due| due.slot).collect();
        assert_eq!(latest.iter().max(), Some(&due.slot));
        Some((due.slot.as_second(), slots(&due.missed)))
    }

    pub fn next(&self, now: i64) -> Option<(i64, Vec<usize>)> {
        let (slot, tiers) = due::next_slot(&self.policy, moment(now))?;
        Some((slot.as_second(), tiers.into_iter().map(|tier| tier as usize).collect()))
    }

    pub fn flags(&self, chain: &Chain, session: Session, now: i64) -> Vec<chain::Flag> {
        let flags = due::flags(&self.policy, &self.state, &view(chain), trigger(session), moment(now));
        flags.unwrap().iter().map(naive_flag).collect()
    }

    pub fn copy_flags(&self, chain: &Chain, session: Session, now: i64) -> Vec<chain::Flag> {
        let (policy, state) = (&self.policy, &self.state);
        let flags = due::copy_flags(policy, state, &TARGET, &view(chain), trigger(session), moment(now));
        flags.iter().map(naive_flag).collect()
    }
}

fn slots(slots: &[TierSlot]) -> Vec<(i64, usize)> {
    slots.iter().map(|of| (of.slot.as_second(), of.tier as usize)).collect()
}

fn trigger(session: Session) -> SlotOrigin {
    let moment = moment(session.moment);
    if session.by_hand { SlotOrigin::ByHand(moment) } else { SlotOrigin::Slot(moment) }
}

fn view(chain: &Chain) -> ChainView {
    let points: Vec<RestorePoint> = chain.points.iter().map(real_point).collect();
    let mut carried = BTreeMap::new();
    for flag in points.iter().filter(|point| point.state().is_open()).flat_map(|point| &point.flags) {
        let slot = carried.entry(flag.tier).or_insert(flag.slot);
        *slot = flag.slot.max(*slot);
    }
    ChainView { since: moment(chain.since), met: point::met_slots(&points), carried }
}

fn naive_flag(flag: &Flag) -> chain::Flag {
    chain::Flag { tier: flag.tier as usize, slot: flag.slot.as_second(), lapses: flag.lapses.as_second() }
}

static TARGET: LazyLock<VaultArn> = LazyLock::new(|| COPIES.parse().unwrap());

static TABLE: LazyLock<Table> = LazyLock::new(|| Table {
    arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
    id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
});

fn id(point: &Point) -> PointId {
    PointId::new(moment(point.planned), point.number as u128)
}

fn real_point(point: &Point) -> RestorePoint {
    use backup_chain_core::point::State as Real;
    let one_day = Span { count: 1, unit: Unit::Day };
    let flags = point.flags.iter().map(|flag| Flag {
        tier: tier(flag.tier),
        slot: moment(flag.slot),
        // The applied retention is for the reader: the lapse instant counts.
        span: one_day,
        lapses: moment(flag.lapses),
    });
    let state = match point.state {
        // Wherever it stands on its way, it is the same.
        State::Running => [Real::Planned, Real::Starting, Real::Running][point.number % 3],
        State::Available => Real::Available,
        State::Failed => Real::Failed,
        State::Deleting => Real::Deleting,
        State::Deleted => Real::Deleted,
    };
    let kind = if point.manual { PointKind::Manual } else { PointKind::Backup };
    let session = SessionId::new(moment(point.planned), 0);
    let hold = Hold { reason: "audit".to_owned(), author: None, since: None, until: None };
    RestorePoint {
        flags: flags.collect(),
        progress: progress::of(state),
        created_at: point.created.map(moment),
        suspect: point.suspect.then(|| "cut".to_owned()),
        hold: point.held.then_some(hold),
        ..RestorePoint::planned(id(point), kind, TABLE.clone(), TARGET.clone(), session, moment(point.slot))
    }
}

/// The crate's verdicts by number, each with its reasons as it words them.
pub fn plan(chain: &Chain, now: i64, guards: &Guards) -> Vec<(Verdict, String)> {
    let copied: BTreeSet<PointId> =
        chain.points.iter().filter(|point| guards.being_copied.contains(&point.number)).map(id).collect();
    let real = retention::Guards {
        keep_last: u32::try_from(guards.keep_last).unwrap(),
        released_at: guards.released_at.map(moment),
        min_age: SignedDuration::from_secs(guards.min_age),
        vault_locked: guards.vault_locked,
        being_copied: copied,
        being_restored: BTreeSet::new(),
    };
    let points: Vec<RestorePoint> = chain.points.iter().map(real_point).collect();
    let name = |reason: &Reason| match reason {
        Reason::Live { tier, .. } => format!("live-flag {tier}"),
        other => other.guard().map_or("outdated".to_owned(), |guard| guard.to_string()),
    };
    let mut verdicts: Vec<(Verdict, String)> = retention::plan(&points, moment(now), &real)
        .into_iter()
        .map(|verdict| {
            let words: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
            let reasons = verdict.reasons.iter().map(name).collect();
            (
                Verdict { number: chain.points[verdict.index].number, remove: verdict.remove, reasons },
                words.join("; "),
            )
        })
        .collect();
    verdicts.sort_by_key(|(verdict, _)| verdict.number);
    verdicts
}

/// The crate's own count of a span.
pub fn after(zone: &str, from: i64, length: calendar::Span) -> i64 {
    let zone: backup_chain_core::calendar::Zone = zone.parse().unwrap();
    span(length).after(moment(from), zone.time_zone()).as_second()
}

/// Since when each of these is in force.
pub fn from(tiers: &[InForce]) -> Vec<(usize, i64)> {
    tiers.iter().map(|tier| (tier.tier, tier.from)).collect()
}
