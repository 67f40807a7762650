//! What a report says of an account: each table with its days, the worst first.

use std::collections::BTreeMap;

use backup_chain_core::calendar::Zone;
use backup_chain_core::compliance::{Day, DayStanding, PolicyPast, days};
use backup_chain_core::facts::{Facts, TableFacts};
use backup_chain_core::ids::VaultArn;
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::protection::Protection;
use backup_chain_core::restore::{Restore, Stage};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use thiserror::Error;

/// The days that a report is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    first: Date,
    last: Date,
}

/// Days that no report can be of.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidWindow {
    /// They end before they begin.
    #[error("the first day, {first}, is after the last, {last}")]
    Backward {
        /// The first day.
        first: Date,
        /// The last day.
        last: Date,
    },
    /// They are too many.
    #[error("from {first} to {last} are more than {} days", Window::MAX_DAYS)]
    TooLong {
        /// The first day.
        first: Date,
        /// The last day.
        last: Date,
    },
}

impl Window {
    /// How many days a report is of unless that is said.
    pub const DEFAULT_DAYS: u16 = 90;
    /// At most so many days are in a report.
    pub const MAX_DAYS: u16 = 732;

    /// The days from the first to the last.
    ///
    /// # Errors
    /// [`InvalidWindow`].
    pub fn new(first: Date, last: Date) -> Result<Self, InvalidWindow> {
        let days = first.until(last).map_or(i32::MAX, |span| span.get_days());
        if days < 0 {
            Err(InvalidWindow::Backward { first, last })
        } else if days >= i32::from(Self::MAX_DAYS) {
            Err(InvalidWindow::TooLong { first, last })
        } else {
            Ok(Self { first, last })
        }
    }

    /// So many days, the last of which is the day of `at` in UTC, or the next where a policy's time zone has it already.
    pub fn last_days(facts: &Facts, days: u16) -> Self {
        let zones = facts.policies.values().map(|past| &past.policy.time_zone);
        let today = |zone: &Zone| zone.time_zone().to_datetime(facts.at).date();
        let last = zones.map(today).chain([today(&Zone::UTC)]).max().unwrap_or(Date::MAX);
        let back = Span::new().days(i64::from(days.clamp(1, Self::MAX_DAYS)) - 1);
        Self { first: last.saturating_sub(back), last }
    }

    /// The first day.
    pub fn first(&self) -> Date {
        self.first
    }

    /// The last day.
    pub fn last(&self) -> Date {
        self.last
    }

    /// All of them.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.last;
        self.first.series(Span::new().days(1)).take_while(move |day| *day <= last)
    }

    /// From its first moment until before its last, in UTC.
    pub(crate) fn bounds(&self) -> (Timestamp, Timestamp) {
        let midnight = |date: Date| Zone::UTC.instant(date.at(0, 0, 0, 0));
        let until = self.last.tomorrow().ok().and_then(midnight);
        (midnight(self.first).unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX))
    }
}

/// A table on one day.
#[derive(Debug, Clone)]
pub struct DayReport<'a> {
    /// The day, in the time zone of the table's policy.
    pub date: Date,
    /// Whether what was promised of its backups was kept, and by which restore point.
    pub backups: (DayStanding, Option<&'a RestorePoint>),
    /// The same of its copies, in the order of [`TableReport::targets`].
    pub copies: Vec<(DayStanding, Option<&'a RestorePoint>)>,
    /// Restores of its points that ended well on that day.
    pub restores: Vec<&'a Restore>,
}

impl DayReport<'_> {
    /// The worst of its chains.
    pub fn worst(&self) -> DayStanding {
        self.copies
            .iter()
            .map(|(standing, _)| *standing)
            .chain([self.backups.0])
            .min()
            .unwrap_or(self.backups.0)
    }
}

/// A table over the days of a report.
#[derive(Debug)]
pub struct TableReport<'a> {
    /// What is known of it.
    pub facts: &'a TableFacts,
    /// Its name; with its TableId where that creation is not the one that there is now.
    pub label: String,
    /// How it is protected now; none of a creation that is not the one that there is now.
    pub protection: Option<&'a Protection>,
    /// The policy that has or had it.
    pub policy: Option<&'a PolicyPast>,
    /// The time zone of its days.
    pub zone: Zone,
    /// How old its newest backup may be now.
    pub objective: Option<SignedDuration>,
    /// The vaults that its copies go to or went to.
    pub targets: Vec<VaultArn>,
    /// Its days.
    pub days: Vec<DayReport<'a>>,
}

impl<'a> TableReport<'a> {
    fn of(
        facts: &'a Facts,
        table: &'a TableFacts,
        protection: Option<&'a Protection>,
        window: Window,
    ) -> Self {
        let policy = table.policy(facts);
        let zone = policy.map_or(Zone::UTC, |past| past.policy.time_zone.clone());
        let mut targets: Vec<VaultArn> = policy
            .into_iter()
            .flat_map(|past| past.policy.copies.iter())
            .map(|target| target.vault.clone())
            .collect();
        targets.extend(
            table
                .points
                .iter()
                .filter(|point| point.kind == PointKind::Copy)
                .map(|point| point.vault.clone()),
        );
        targets.sort();
        targets.dedup();

        let judged = |(points, past): (Vec<&'a RestorePoint>, _)| {
            let days = days(&past, &zone, window.first, window.last, facts.at);
            let day = |day: Day| (day.date, (day.standing, day.newest.map(|place| points[place])));
            days.into_iter().map(day).collect::<Vec<_>>()
        };
        let backups = judged(table.backups_past(facts));
        let copies: Vec<Vec<_>> =
            targets.iter().map(|vault| judged(table.copies_past(facts, vault))).collect();
        let mut restores: BTreeMap<Date, Vec<&Restore>> = BTreeMap::new();
        for restore in facts.restores.iter().filter(|restore| restore.table == table.table) {
            if let (Stage::Succeeded, Some(ended)) = (restore.stage, restore.ended_at) {
                restores.entry(zone.time_zone().to_datetime(ended).date()).or_default().push(restore);
            }
        }
        let day = |(place, (date, backups)): (usize, (Date, _))| DayReport {
            date,
            backups,
            copies: copies.iter().filter_map(|days| Some(days.get(place)?.1)).collect(),
            restores: restores.remove(&date).unwrap_or_default(),
        };
        let name = table.name();
        Self {
            facts: table,
            label: if table.is_present {
                name.to_string()
            } else {
                format!("{name} ({}, gone)", &table.table.id.as_str()[..8])
            },
            protection: protection.filter(|_| table.is_present),
            policy,
            objective: policy.filter(|_| table.is_present).and_then(|past| past.policy.backup_objective()),
            days: backups.into_iter().enumerate().map(day).collect(),
            zone,
            targets,
        }
    }

    /// How many of its days stand how, by their worst chain.
    pub fn counts(&self) -> BTreeMap<DayStanding, usize> {
        let mut counts = BTreeMap::new();
        for day in &self.days {
            *counts.entry(day.worst()).or_default() += 1;
        }
        counts
    }
}

/// An account over the days of a report.
#[derive(Debug)]
pub struct Account<'a> {
    /// What is known of it.
    pub facts: &'a Facts,
    /// The days.
    pub window: Window,
    /// Its tables: those first that are not as promised now, then by how many days they missed.
    pub tables: Vec<TableReport<'a>>,
}

impl<'a> Account<'a> {
    /// Judges each table on each day.
    pub fn of(facts: &'a Facts, window: Window) -> Self {
        let standings: BTreeMap<_, &Protection> =
            facts.protection.tables.iter().map(|table| (&table.table, table)).collect();
        let of =
            |table| TableReport::of(facts, table, standings.get(TableFacts::name(table)).copied(), window);
        let mut tables: Vec<TableReport<'_>> = facts.tables.iter().map(of).collect();
        tables.sort_by_cached_key(|table| {
            let missed = table.counts().get(&DayStanding::Missed).copied().unwrap_or_default();
            let standing = table.protection.map(|protection| protection.standing);
            let problem = standing.filter(|standing| standing.is_problem());
            (problem.is_none(), problem, std::cmp::Reverse(missed), table.label.clone())
        });
        Self { facts, window, tables }
    }

    /// How many days of all tables stand how.
    pub fn counts(&self) -> BTreeMap<DayStanding, usize> {
        let mut counts = BTreeMap::new();
        for (standing, days) in self.tables.iter().flat_map(TableReport::counts) {
            *counts.entry(standing).or_default() += days;
        }
        counts
    }

    /// What is not known, in words.
    pub fn unknown(&self) -> Vec<String> {
        let facts = self.facts;
        let mut unknown: Vec<String> =
            facts.protection.unknown.iter().chain(&facts.unread).cloned().collect();
        let known_since = facts.known_since;
        if self.window.bounds().0 < known_since {
            unknown.push(format!(
                "records of restore points that are gone are kept for 90 days, or since the catalog was rebuilt: before {} UTC a \
                 day is met where restore points that are still there show it, and otherwise unknown",
                crate::text::utc(known_since)
            ));
        }
        for table in self.tables.iter().filter(|table| !table.facts.is_whole) {
            unknown
                .push(format!("not all records of {} can be read: what they hold is unknown", table.label));
        }
        unknown
    }
}
