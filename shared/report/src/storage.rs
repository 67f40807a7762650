//! What the restore points of each table take and cost, now and in the steady state.

use std::collections::BTreeMap;

use backup_chain_core::facts::Facts;
use backup_chain_core::forecast::{self, Prices, SteadyState};
use backup_chain_core::ids::PolicyName;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::tier::Tier;
use jiff::SignedDuration;

use crate::account::{Account, TableReport};

/// AWS bills by GB of 2^30 bytes.
const GB: f64 = (1u64 << 30) as f64;

/// What a restore point is counted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A backup or copy that this tier keeps the longest.
    Tier(Tier),
    /// A manual backup.
    Manual,
    /// One that no flag keeps any more.
    Lapsed,
}

impl Class {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Tier(Tier::Daily),
        Self::Tier(Tier::Weekly),
        Self::Tier(Tier::Monthly),
        Self::Tier(Tier::Yearly),
        Self::Manual,
        Self::Lapsed,
    ];

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Tier(tier) => tier.to_string(),
            Self::Manual => "manual".to_owned(),
            Self::Lapsed => "lapsed".to_owned(),
        }
    }

    /// The class of its marks in the pictures.
    pub fn css(self) -> char {
        match self {
            Self::Tier(tier) => tier.letter().to_ascii_lowercase(),
            Self::Manual => 'h',
            Self::Lapsed => 'o',
        }
    }

    fn of(point: &RestorePoint, facts: &Facts) -> Self {
        let live = point.flags.iter().filter(|flag| flag.is_live(facts.at));
        match live.max_by_key(|flag| (flag.lapses, flag.tier)) {
            Some(flag) => Self::Tier(flag.tier),
            None if point.kind == PointKind::Manual => Self::Manual,
            None => Self::Lapsed,
        }
    }
}

/// What is stored of one table, or of all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    /// Bytes of backups and manual backups, by what keeps them.
    pub backups: BTreeMap<Class, u64>,
    /// Bytes of copies.
    pub copies: BTreeMap<Class, u64>,
    /// How many restore points.
    pub points: usize,
    /// Those of which no size is recorded.
    pub unsized_points: usize,
    /// USD a month for storage as it is.
    pub now: f64,
    /// USD a month in the steady state, traffic included; none where no policy promises any.
    pub steady: Option<f64>,
}

impl Stored {
    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.backups.values().chain(self.copies.values()).sum()
    }

    /// The bytes of a class.
    pub fn of(&self, class: Class) -> u64 {
        [&self.backups, &self.copies].iter().filter_map(|bytes| bytes.get(&class)).sum()
    }

    fn add(&mut self, other: &Self) {
        for (own, others) in [(&mut self.backups, &other.backups), (&mut self.copies, &other.copies)] {
            for (class, bytes) in others {
                *own.entry(*class).or_default() += bytes;
            }
        }
        self.points += other.points;
        self.unsized_points += other.unsized_points;
        self.now += other.now;
        self.steady = self.steady.into_iter().chain(other.steady).reduce(|a, b| a + b);
    }
}

/// What is stored of each table, in the order of the report, and of all.
pub(crate) fn stored(account: &Account<'_>, prices: &Prices) -> (Vec<Stored>, Stored) {
    let mut steady = BTreeMap::new();
    let tables: Vec<Stored> =
        account.tables.iter().map(|table| of_table(table, account.facts, prices, &mut steady)).collect();
    let mut all = Stored::default();
    tables.iter().for_each(|table| all.add(table));
    (tables, all)
}

fn of_table(
    table: &TableReport<'_>,
    facts: &Facts,
    prices: &Prices,
    steady: &mut BTreeMap<PolicyName, SteadyState>,
) -> Stored {
    let mut stored = Stored::default();
    let there = |point: &&RestorePoint| matches!(point.state(), State::Available | State::Deleting);
    for point in table.facts.points.iter().filter(there) {
        stored.points += 1;
        let Some(bytes) = point.bytes.and_then(|bytes| u64::try_from(bytes).ok()) else {
            stored.unsized_points += 1;
            continue;
        };
        let by_class = if point.kind == PointKind::Copy { &mut stored.copies } else { &mut stored.backups };
        *by_class.entry(Class::of(point, facts)).or_default() += bytes;
        let of = prices.of(&point.vault.region);
        stored.now += bytes as f64 / GB * if is_cold(point, facts) { of.cold } else { of.warm };
    }
    let newest =
        table.facts.points.iter().filter(|point| point.kind == PointKind::Backup && point.is_counted());
    let newest =
        newest.max_by_key(|point| point.created_at).and_then(|point| u64::try_from(point.bytes?).ok());
    let runs = table
        .policy
        .filter(|past| table.facts.is_present && past.policy.enabled && past.deleted_at.is_none());
    stored.steady = runs.zip(newest).map(|(past, bytes)| {
        let state =
            steady.entry(past.name.clone()).or_insert_with(|| forecast::steady_state(&past.policy, facts.at));
        forecast::cost(&past.policy, Some(facts.region()), state, &[bytes], prices).total
    });
    stored
}

/// Whether a point is in cold storage by now, as its policy asks.
fn is_cold(point: &RestorePoint, facts: &Facts) -> bool {
    let policy = point.policy.as_ref().and_then(|made_by| facts.policies.get(&made_by.name));
    let days = policy.and_then(|past| past.policy.cold_days_of(&point.flags));
    let warm = days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    warm.zip(point.created_at).is_some_and(|(warm, created_at)| created_at + warm <= facts.at)
}
