//! The demo: three tables under the example policies live through six weeks on a held clock, and what is left
//! is drawn, opened and checked.

mod checks;
mod expect;
mod json;
mod opened;
mod paper;
mod picture;
mod removals;
mod report;
mod restores;
mod tables;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Removal, RetentionRequest, SessionRequest, Which};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_deployed::stack::{Failure, SOURCE, Schedules, Stack, VAULT};
use backup_chain_local::{Options, World};
use jiff::{SignedDuration, Timestamp};

use self::paper::{Paper, Style};
use self::tables::Tables;

/// The example policies, as they are.
const POLICIES: [&str; 3] = [
    include_str!("../../../../examples/policies/gold.yaml"),
    include_str!("../../../../examples/policies/silver.yaml"),
    include_str!("../../../../examples/policies/bronze.yaml"),
];

/// The evening before a Monday. Of the weeks that follow, one holds the first Monday of January.
const START: &str = "2025-12-28T20:00:00Z";
/// The evening of the seventh Monday, when the last retention run is over.
const END: &str = "2026-02-09T20:30:00Z";
/// The slot of the silver policy whose backup fails: daily and weekly.
const FAILS: &str = "2026-01-26T07:00:00Z";
/// The slot of the gold policy whose restore point is removed by an operator.
const BY_HAND: &str = "2026-01-19T06:00:00Z";
/// When a manual backup is made.
const MANUAL: &str = "2026-01-07T09:00:00Z";

/// What happens besides the schedules.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The applications write.
    Writes(u32),
    OrdersGrow,
    CustomersAge,
    SessionsChange,
    ManualBackup,
    BackupFails,
    RemoveByHand,
    WeekEnds(u32),
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("the moments of the story are well-formed")
}

/// In order of time.
fn story() -> Vec<(Timestamp, Event)> {
    let mut story = vec![
        (at(MANUAL), Event::ManualBackup),
        (at("2026-01-08T10:00:00Z"), Event::OrdersGrow),
        (at("2026-01-14T10:00:00Z"), Event::CustomersAge),
        (at("2026-01-21T10:00:00Z"), Event::SessionsChange),
        (at(FAILS) - SignedDuration::from_mins(10), Event::BackupFails),
        (at("2026-01-28T10:00:00Z"), Event::RemoveByHand),
    ];
    let days = |number: u32| SignedDuration::from_hours(24 * i64::from(number));
    // Every second day, at a time far from every slot.
    story.extend((0..22).map(|n| (at("2025-12-29T09:40:00Z") + days(2 * n), Event::Writes(n))));
    story.extend((1..=6).map(|week| (at("2025-12-28T20:30:00Z") + days(7 * week), Event::WeekEnds(week))));
    story.sort_by_key(|(at, _)| *at);
    story
}

/// What there is when the story is over.
struct Ended {
    world: World,
    stack: Stack,
    tables: Tables,
    /// Every restore point that the catalog knows, past ones included, oldest first.
    rows: Vec<RestorePoint>,
    logs: String,
}

/// Runs the demo and says whether everything holds. The report of its weeks goes into a file, if one is named.
///
/// # Errors
/// When the embedded AWS refuses what the story does, or nothing can be printed or written.
pub async fn run(out: impl Write, colour: bool, report: Option<&Path>) -> Result<bool, Failure> {
    let begun = Instant::now();
    let mut paper = Paper::new(out, colour);
    let logs = paper::collect_logs();
    let mut ended = live(&mut paper, &logs).await?;
    let lived = begun.elapsed();
    picture::draw(&mut paper, &ended)?;
    removals::list(&mut paper, &ended)?;
    opened::show(&mut paper, &ended).await?;
    let held = checks::all(&mut paper, &ended).await?;
    let came_back = restores::tell_all(&mut paper, &mut ended).await?;
    if let Some(file) = report {
        report::write(&mut paper, &ended, file).await?;
    }
    paper.line("")?;
    paper.line(&if held && came_back {
        paper.paint(Style::Good, "Every check holds.")
    } else {
        paper.paint(Style::Bad, "Not every check holds: see the lines with ✗.")
    })?;
    let days = at(END).duration_since(at(START)).as_hours() / 24;
    let line = format!("{days} days in {:.1} s.", lived.as_secs_f64());
    paper.line(&paper.paint(Style::Faint, &line))?;
    Ok(held && came_back)
}

async fn live(paper: &mut Paper<impl Write>, logs: &paper::Logs) -> Result<Ended, Failure> {
    let world = World::new(Options { start: at(START), seed: 2026 });
    let schedules = Schedules { tick: SignedDuration::from_mins(30), ..Schedules::default() };
    let mut stack = Stack::deploy(&world, schedules).await?;
    let mut tables = Tables::make(&world).await?;
    paper.line("Backup Chain on an embedded AWS: three tables, three policies, two Regions, six weeks.")?;
    paper.line("")?;
    tell(paper, at(START), "", "three tables made: orders, customers, bronze-sessions")?;
    for document in POLICIES {
        stack.session(SessionRequest::Apply { document: document.to_owned(), by: None }).await?;
    }
    tell(paper, at(START), "", "three policies applied: gold, silver and bronze of examples/policies")?;

    let mut before = Totals::default();
    for (moment, event) in story() {
        stack.live_until(moment).await;
        let mut told = None;
        match event {
            Event::Writes(step) => tables.write(&world, step).await?,
            Event::OrdersGrow => told = Some(("orders", tables.orders_grow(&world).await?)),
            Event::CustomersAge => told = Some(("customers", tables.customers_age(&world).await?)),
            Event::SessionsChange => told = Some(("bronze-sessions", tables.sessions_change(&world).await?)),
            Event::ManualBackup => {
                let names = vec![tables.sessions.name.to_string()];
                stack.session(SessionRequest::backup(names)).await?;
                told = Some(("bronze-sessions", "a manual backup, before a migration"));
            }
            Event::BackupFails => {
                let arn = tables.customers.arn();
                world.with_backup(|backup| {
                    for _ in 0..=3 {
                        backup.fail_next_backup(&arn, "We are unable to back up this table.");
                    }
                });
                told = Some((
                    "customers",
                    "AWS Backup will fail the backup of 07:00, daily and weekly, and its retries",
                ));
            }
            Event::RemoveByHand => {
                let vault = format!("{SOURCE}/{VAULT}");
                remove_by_hand(&stack, &tables.orders.name, &vault).await?;
                told = Some(("orders", "the weekly restore point of 19 January is removed by an operator"));
            }
            Event::WeekEnds(week) => {
                let now = Totals::of(&rows(&stack, &tables).await?);
                let Totals { backups, copies, removed } = now.since(&before);
                before = now;
                let what =
                    format!("week {week}: {backups} backups and {copies} copies made, {removed} removed");
                tell(paper, moment, "", &paper.paint(Style::Faint, &what))?;
            }
        }
        if let Some((table, what)) = told {
            tell(paper, moment, table, what)?;
        }
    }
    stack.live_until(at(END)).await;
    let rows = rows(&stack, &tables).await?;
    let logs = logs.text();
    Ok(Ended { world, stack, tables, rows, logs })
}

/// A line of progress.
fn tell(paper: &mut Paper<impl Write>, moment: Timestamp, table: &str, what: &str) -> Result<(), Failure> {
    let gap = if table.is_empty() { "" } else { ": " };
    paper.line(&format!("{}  {}{gap}{what}", moment.strftime("%a %e %b"), paper.paint(Style::Strong, table)))
}

/// All restore points of the catalog, oldest first.
async fn rows(stack: &Stack, tables: &Tables) -> Result<Vec<RestorePoint>, Failure> {
    let mut rows = Vec::new();
    for table in tables.all() {
        rows.extend(stack.app().catalog.points_of_table(&table.name).await?);
    }
    rows.sort_by(|a, b| (a.slot, &a.id, a.kind).cmp(&(b.slot, &b.id, b.kind)));
    Ok(rows)
}

async fn remove_by_hand(stack: &Stack, table: &TableName, vault: &str) -> Result<(), Failure> {
    let points = stack.app().catalog.points_of_table(table).await?;
    let wanted =
        points.into_iter().find(|point| point.kind == PointKind::Backup && point.slot == at(BY_HAND));
    let point = wanted.ok_or("there is no restore point to remove by an operator")?.id;
    let vault = Some(vault.to_owned());
    let removal = Removal { vault, ..Removal::of(table.clone(), Which::Point(point)) };
    stack.retention(RetentionRequest::Remove(removal)).await?;
    Ok(())
}

/// What was made and removed so far.
#[derive(Debug, Default)]
struct Totals {
    backups: usize,
    copies: usize,
    removed: usize,
}

impl Totals {
    fn of(rows: &[RestorePoint]) -> Self {
        let made = |point: &&RestorePoint| point.created_at.is_some();
        let copies = rows.iter().filter(made).filter(|point| point.kind == PointKind::Copy).count();
        Self {
            backups: rows.iter().filter(made).count() - copies,
            copies,
            removed: rows.iter().filter(|point| point.state() == State::Deleted).count(),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            backups: self.backups - before.backups,
            copies: self.copies - before.copies,
            removed: self.removed - before.removed,
        }
    }
}
