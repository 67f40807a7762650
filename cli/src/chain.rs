//! A table's chains as pictures.

use std::collections::BTreeMap;

use backup_chain_core::calendar::Zone;
use backup_chain_core::ids::{PointId, PolicyName, TableId, TableName};
use backup_chain_core::picture::{self, Days, Look};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::session::Session;
use backup_chain_core::tier::{Tier, TierSlot};
use clap::Subcommand;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;

use crate::Console;
use crate::console::since;
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};
use crate::points::{self, PointView, hold_text};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Draw the chains of a table: which restore points there are, what keeps them, and what is missing
    #[command(after_help = "Examples:\n  \
        backup-chain chain show orders\n  \
        backup-chain chain show orders --vault eu-west-1/backup-chain-copies --days 90\n\n\
        A column is a day, a row is a time of day at which backups are due, in the time zone of the table's policy; copies \
        are drawn beneath the backups. Below each chain stand the slots that are owed, what is held, and what lapses next.")]
    Show {
        /// The table
        table: TableName,
        /// Only the chain in this vault
        #[arg(long, value_name = "REGION/VAULT", value_parser = points::place)]
        vault: Option<String>,
        /// So many days back, today included
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3660))]
        days: u16,
    },
}

/// What is drawn of a chain.
#[derive(Debug, Serialize)]
struct ChainView<'a> {
    table: &'a TableName,
    table_id: &'a TableId,
    kind: PointKind,
    vault: &'a str,
    policy: Option<&'a PolicyName>,
    time_zone: &'a str,
    /// The first and the last day that are drawn.
    from: Date,
    until: Date,
    /// Slots of the backup chain that got no restore point and are not owed.
    missed: Vec<TierSlot>,
    /// Slots that failed, for the next point of the chain.
    owed: Vec<TierSlot>,
    /// The flag that lapses next.
    next: Option<Next<'a>>,
    points: Vec<PointView<'a>>,
}

#[derive(Debug, Serialize)]
struct Next<'a> {
    point: &'a PointId,
    tier: Tier,
    lapses: Timestamp,
}

/// The days that are drawn, and when it is.
struct Frame<'a> {
    days: (Date, Date),
    zone: &'a Zone,
    now: Timestamp,
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Command::Show { table, vault, days } = command;
    let now = deployed.app.context.now();
    let mut points = deployed.catalog().points_of_table(&table).await?;
    points.retain(|point| vault.as_ref().is_none_or(|vault| point.is_in(vault)));
    points.sort_by(|a, b| (a.slot, &a.id).cmp(&(b.slot, &b.id)));
    let Some(policy) = points.iter().rev().find_map(|point| point.policy.clone()) else {
        return drawn(&table, &points, &[], &Frame::new(&Zone::UTC, days, now)?, json, console);
    };
    let sessions = deployed.catalog().sessions().await?;
    let of_policy = |session: &&Session| session.policy.as_ref().is_some_and(|of| of.name == policy.name);
    let missed: Vec<TierSlot> =
        sessions.iter().filter(of_policy).flat_map(|session| session.missed.clone()).collect();
    let zone = deployed.zone_of(&policy.name).await?;
    console.tell_in(&zone);
    drawn(&table, &points, &missed, &Frame::new(&zone, days, now)?, json, console)
}

impl<'a> Frame<'a> {
    fn new(zone: &'a Zone, days: u16, now: Timestamp) -> Result<Self, Failure> {
        let today = zone.time_zone().to_datetime(now).date();
        let first = today.checked_sub((i64::from(days) - 1).days());
        let first = first.map_err(|error| Failure::refused(format!("--days {days}: {error}")))?;
        Ok(Self { days: (first, today), zone, now })
    }

    fn holds(&self, slot: Timestamp) -> bool {
        (self.days.0..=self.days.1).contains(&self.zone.time_zone().to_datetime(slot).date())
    }
}

fn drawn(
    table: &TableName,
    points: &[RestorePoint],
    missed: &[TierSlot],
    frame: &Frame<'_>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    // A creation of the table after the other, its backups before its copies.
    let mut chains: BTreeMap<(&TableId, bool, String), Vec<&RestorePoint>> = BTreeMap::new();
    for point in points {
        let chain = (&point.table.id, point.kind == PointKind::Copy, point.place());
        chains.entry(chain).or_default().push(point);
    }
    let mut views = Vec::new();
    for ((table_id, copies, vault), points) in &chains {
        let live = points.iter().filter(|point| point.is_counted());
        let next = live.flat_map(|point| point.flags.iter().map(move |flag| (&point.id, flag)));
        let next = next.filter(|(_, flag)| flag.is_live(frame.now)).min_by_key(|(_, flag)| flag.lapses);
        let newest_policy = points.iter().rev().find_map(|point| point.policy.as_ref());
        // A table that was not there yet missed nothing.
        let since = points.first().map(|point| point.slot);
        let missed = missed.iter().filter(|missed| {
            !copies && frame.holds(missed.slot) && since.is_some_and(|since| missed.slot > since)
        });
        views.push(ChainView {
            table,
            table_id,
            kind: if *copies { PointKind::Copy } else { PointKind::Backup },
            vault,
            policy: newest_policy.map(|policy| &policy.name),
            time_zone: frame.zone.name(),
            from: frame.days.0,
            until: frame.days.1,
            missed: missed.cloned().collect(),
            owed: picture::owed(points),
            next: next.map(|(point, flag)| Next { point, tier: flag.tier, lapses: flag.lapses }),
            points: points
                .iter()
                .filter(|point| frame.holds(point.slot))
                .map(|point| PointView::of(point))
                .collect(),
        });
    }
    if json {
        console.json(&views)?;
        return Ok(Outcome::Done);
    }
    if views.is_empty() {
        console.line(format_args!("table {table} has no restore points there"))?;
        return Ok(Outcome::Done);
    }
    for (view, points) in views.iter().zip(chains.values()) {
        say(view, points, frame, console)?;
        console.line("")?;
    }
    for line in picture::legend() {
        console.drawn(line)?;
    }
    Ok(Outcome::Done)
}

fn say(
    view: &ChainView<'_>,
    points: &[&RestorePoint],
    frame: &Frame<'_>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let ChainView { table, kind, vault, policy, time_zone, missed, owed, next, .. } = view;
    let policy = policy.map(|policy| format!("policy {policy}, ")).unwrap_or_default();
    let what = if *kind == PointKind::Copy { "copies of " } else { "" };
    console.drawn(vec![
        (Look::Strong, format!("{what}{table}")),
        (Look::Plain, format!(" in {vault} ({policy}{time_zone}): {}", picture::kept(points, frame.now))),
    ])?;
    for days in Days::strips(frame.days.0, frame.days.1, console.width()) {
        for line in
            days.axis().into_iter().chain(days.rows(points, missed, frame.zone.time_zone(), frame.now))
        {
            console.drawn(line)?;
        }
    }
    let form = console.form();
    for TierSlot { tier, slot } in owed {
        console.line(format_args!("owed    {tier} of {}", form.at(*slot)))?;
    }
    for point in points.iter().filter(|point| point.hold.as_ref().is_some_and(|hold| hold.is_live(frame.now)))
    {
        let hold = point.hold.as_ref().map(hold_text).unwrap_or_default();
        console.line(format_args!("held    {} of {}: {hold}", point.id, form.or_dash(point.created_at)))?;
    }
    if let Some(Next { point, tier, lapses }) = next {
        console.line(format_args!("lapses  {tier} of {point} next, {}", form.at(*lapses)))?;
    }
    let newest = points.iter().filter(|point| point.is_counted()).filter_map(|point| point.created_at).max();
    if let Some(newest) = newest {
        let age = since(newest, frame.now);
        console.line(format_args!("newest  {}, {age} ago", form.at(newest)))?;
    }
    Ok(())
}
