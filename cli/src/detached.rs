//! Restores from a vault with copies while the source Region is out of reach: done by the command itself, with the
//! operator's rights, for there is no function to ask.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use backup_chain_core::ids::{PointId, PolicyName, Region, TableName};
use backup_chain_core::invoke::{Ask, From, Wanted};
use backup_chain_core::restore::{MAX_CONCURRENT_RESTORES, Restore, RestoreView};
use backup_chain_restore::{Copies, CopiesOfTable, CopyVault, RestoreError, recorded};
use clap::Args;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use crate::choices::ChoiceOptions;
use crate::console::{count, size, utc_or_dash, written};
use crate::follow::{Followed, note};
use crate::outcome::{By, Failure, Outcome};
use crate::restore::{self, TableArg};
use crate::restore_output::{Summary, outline, outline_in_short, say_plans, say_reports, say_summaries};
use crate::{Console, points};

/// Restore tables from copy chains while the source Region, and the stack with it, is out of reach
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain restore detached --vault eu-west-1/backup-chain-copies --list\n  \
    backup-chain restore detached orders --vault eu-west-1/backup-chain-copies --records lost/ \\\n    \
        --key aws-owned --with stream,ttl\n  \
    backup-chain restore detached --vault eu-west-1/backup-chain-copies --records lost/ --all --dry-run\n\n\
    Nothing of the source Region is asked: the copies, their settings table and the replica of the metadata key are in \
    the target Region. The command does the work itself, with your rights: those of the restore function in that Region, \
    and iam:PassRole of the restore role. It keeps a record of each table in a folder and continues from it when it was \
    cut off: run it again as it was. A table that cannot be restored does not stop the others.\n\n\
    Stream, alarms, scheduled scaling, warm throughput and time to live stay off unless you name them with --with.")]
pub(crate) struct Detached {
    /// The tables that were backed up, each with the name of the new table unless it is the same
    #[arg(value_name = "TABLE[=NEW-NAME]")]
    tables: Vec<TableArg>,
    /// The vault with copies
    #[arg(long, value_name = "REGION/VAULT", value_parser = points::own_vault)]
    vault: String,
    /// Show which tables the vault has copies of, how many and how old, and do nothing
    #[arg(long, conflicts_with_all = ["tables", "all", "policy", "tables_from"])]
    list: bool,
    /// Every table that the vault has copies of
    #[arg(long, conflicts_with_all = ["tables", "policy", "tables_from"])]
    all: bool,
    /// Every table whose newest copy was made by this policy
    #[arg(long, conflicts_with_all = ["tables", "tables_from"])]
    policy: Option<PolicyName>,
    /// The tables of a file: a TABLE or TABLE=NEW-NAME on each line, and # before remarks
    #[arg(long, value_name = "FILE", conflicts_with = "tables")]
    tables_from: Option<PathBuf>,
    /// The folder that records the restores, one file for each new table: continued where there is one
    #[arg(long, value_name = "FOLDER", required_unless_present_any = ["list", "dry_run"])]
    records: Option<PathBuf>,
    /// The newest copies at or before this moment, such as 2026-01-05T07:30 in UTC; the newest of all unless given
    #[arg(long, value_name = "MOMENT", value_parser = written, conflicts_with = "point")]
    at: Option<Timestamp>,
    /// This restore point, of one table
    #[arg(long, value_name = "ID", requires = "tables")]
    point: Option<PointId>,
    /// The role that AWS Backup restores with, by name or ARN; the stack's own unless given
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Items, keys and indexes alone, without the settings: for a point whose metadata is not believed
    #[arg(long)]
    items_only: bool,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    by: By,
    /// Show what would be done and do nothing: of one table with the settings as they were
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Show the report of each table, and not one line of each
    #[arg(long)]
    details: bool,
    #[command(flatten)]
    otherwise: ChoiceOptions,
}

/// What is answered as JSON.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    /// Every table that was asked for, in a line.
    tables: &'a [Summary],
    /// Each restore, planned or ended, in full.
    restores: &'a [RestoreView],
}

/// How many tables are planned side by side.
const PLANNED_AT_ONCE: usize = 4;

/// A table on its way.
struct Job {
    table: TableArg,
    stands: Result<(backup_chain_restore::Detached, Begun), RestoreError>,
}

/// How far a table is.
enum Begun {
    /// It was begun before: its record is there.
    Recorded(Box<Restore>),
    /// What would be done.
    Planned(Box<RestoreView>),
}

pub(crate) async fn run(
    detached: Detached,
    prefix: String,
    config: impl AsyncFnOnce(Option<Region>) -> Result<SdkConfig, Failure>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let (region, vault) = points::parts(&detached.vault).map_err(Failure::refused)?;
    let place = CopyVault { region, vault, prefix, role: detached.role.clone() };
    let config = config(Some(place.region.clone())).await?;
    console.note(format_args!("looking into {} ...", detached.vault))?;
    let copies = Copies::list(config, place).await.map_err(refused)?;
    if detached.list {
        return list(&copies, json, console);
    }
    let wanted = wanted(&detached, &copies, console).await?;
    if detached.point.is_some() && wanted.len() > 1 {
        return Err(Failure::refused("a restore point is of one table: name that table alone"));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = wanted.iter().find(|table| !names.insert(table.made().clone())) {
        return Err(Failure::refused(format!(
            "two tables are to be restored as {}: give one of them another name",
            twice.made()
        )));
    }
    if let Some(folder) = detached.records.as_ref().filter(|_| !detached.dry_run) {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::refused(format!("the folder {} cannot be made: {error}", folder.display()))
        })?;
    }
    let jobs = plan(&detached, wanted, &copies, console).await?;
    let is_one = jobs.len() == 1;
    if detached.dry_run {
        return say_planned(jobs, is_one || detached.details, json, console);
    }
    let (mut ready, failed): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.stands.is_ok());
    for job in &ready {
        match &job.stands {
            Ok((_, Begun::Planned(view))) if is_one => outline(view, console)?,
            Ok((_, Begun::Planned(view))) => outline_in_short(view, console)?,
            Ok((_, Begun::Recorded(restore))) => {
                console.note(format_args!("restore {} of {} continues", restore.id, job.table.table))?;
            }
            Err(_) => {}
        }
    }
    let mut summaries = Vec::new();
    for Job { table, stands } in failed {
        if let Err(error) = stands {
            if is_one {
                return Err(refused(error));
            }
            console.note(format_args!("{} cannot be restored: {error}", table.table))?;
            summaries.push(Summary::failed(&table.table, table.made(), &error));
        }
    }
    let new = ready.iter().filter(|job| matches!(job.stands, Ok((_, Begun::Planned(_))))).count();
    let question =
        if is_one { "Restore it?".to_owned() } else { format!("Restore {}?", count(new, "table")) };
    if new > 0 && !detached.yes && !console.agrees(&question)? {
        return Err(Failure::refused("nothing is restored: answer y, or add --yes"));
    }
    ready.sort_by_key(|job| matches!(job.stands, Ok((_, Begun::Planned(_)))));
    let ended = work(&detached, ready, console).await;
    let (mut views, mut outcome) = (Vec::new(), Outcome::Done);
    for (table, made, ended) in ended {
        match ended {
            Ok(view) => {
                outcome = outcome.max(restore::outcome_of(view.restore.stage));
                summaries.push(Summary::of(&view));
                views.push(view);
            }
            Err(error) if is_one => return Err(error),
            Err(error) => summaries.push(Summary::failed(&table, &made, &error)),
        }
    }
    if summaries.iter().any(Summary::is_failed) {
        outcome = outcome.max(if views.is_empty() { Outcome::Failed } else { Outcome::Attention });
    }
    if json {
        console.json(&Answer { tables: &summaries, restores: &views })?;
    } else if is_one || detached.details {
        say_reports(&views, console)?;
    } else {
        say_summaries(&summaries, console)?;
    }
    Ok(outcome)
}

fn list(copies: &Copies, json: bool, console: &mut Console<'_>) -> Result<Outcome, Failure> {
    let tables: Vec<CopiesOfTable> = copies.tables().collect();
    if json {
        console.json(&tables)?;
    } else if tables.is_empty() {
        console.line("the vault holds no recovery point of a DynamoDB table")?;
    } else {
        let now = copies.now();
        let row = |it: &CopiesOfTable| {
            let age = it.newest.map(|newest| now.duration_since(newest));
            [
                it.table.to_string(),
                it.points.to_string(),
                utc_or_dash(it.newest),
                age.map_or_else(|| "-".to_owned(), crate::console::age),
                utc_or_dash(it.oldest),
                it.bytes.map_or_else(|| "-".to_owned(), size),
            ]
        };
        let heading = ["TABLE", "COPIES", "NEWEST (UTC)", "AGE", "OLDEST (UTC)", "SIZE"];
        console.table(heading, tables.iter().map(row))?;
    }
    Ok(Outcome::Done)
}

/// The tables that are asked for, by whichever means.
async fn wanted(
    detached: &Detached,
    copies: &Copies,
    console: &mut Console<'_>,
) -> Result<Vec<TableArg>, Failure> {
    let tables: Vec<TableName> = copies.tables().map(|it| it.table).collect();
    let as_they_are = |tables: Vec<TableName>| tables.into_iter().map(TableArg::of).collect();
    let wanted: Vec<TableArg> = if let Some(file) = &detached.tables_from {
        listed(file)?
    } else if let Some(policy) = &detached.policy {
        console
            .note(format_args!("opening the newest copy of each of {} ...", count(tables.len(), "table")))?;
        let of = |table: TableName| async move {
            let found = copies.of_table(&table, PathBuf::new()).await;
            let made_by = match found {
                Ok(of_table) => of_table.policy().await,
                Err(error) => Err(error),
            };
            (table, made_by)
        };
        let found: Vec<_> = stream::iter(tables.into_iter().map(|table| of(table).boxed_local()))
            .buffered(PLANNED_AT_ONCE)
            .collect()
            .await;
        let mut of_policy = Vec::new();
        for (table, made_by) in found {
            match made_by {
                Ok(made_by) if made_by.as_ref() == Some(policy) => of_policy.push(table),
                Ok(_) => {}
                Err(error) => {
                    console.note(format_args!("which policy {table} is of is not known: {error}"))?;
                }
            }
        }
        as_they_are(of_policy)
    } else if detached.all {
        as_they_are(tables)
    } else {
        detached.tables.clone()
    };
    if let (true, Some(policy)) = (wanted.is_empty(), &detached.policy) {
        return Err(Failure::refused(format!(
            "no table's newest copy in {} was made by policy {policy}: see what the vault has with --list",
            detached.vault
        )));
    }
    if wanted.is_empty() {
        return Err(Failure::refused(
            "no table is to be restored: name tables, or see what the vault has with --list and take all of it with --all",
        ));
    }
    Ok(wanted)
}

/// The tables that a file names.
fn listed(file: &Path) -> Result<Vec<TableArg>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::refused(format!("{} cannot be read: {error}", file.display())))?;
    let mut tables = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            let table = line.parse().map_err(|error| {
                Failure::refused(format!("{}, line {}: {error}", file.display(), number + 1))
            })?;
            tables.push(table);
        }
    }
    Ok(tables)
}

/// Looks what would be done for each of the tables, or has been begun.
async fn plan(
    detached: &Detached,
    wanted: Vec<TableArg>,
    copies: &Copies,
    console: &mut Console<'_>,
) -> Result<Vec<Job>, Failure> {
    let number = wanted.len();
    let plan = |table: TableArg| {
        async move {
            let folder = detached.records.clone().unwrap_or_default();
            let record = folder.join(format!("{}.json", table.made()));
            let stands = plan_one(detached, &table, &record, copies).await;
            Job { table, stands }
        }
        .boxed_local()
    };
    let mut planned = stream::iter(wanted.into_iter().map(plan)).buffered(PLANNED_AT_ONCE);
    let mut jobs = Vec::with_capacity(number);
    while let Some(job) = planned.next().await {
        jobs.push(job);
        if number > 1 && (jobs.len() % 10 == 0 || jobs.len() == number) {
            console.note(format_args!("{} of {} looked at", jobs.len(), count(number, "table")))?;
        }
    }
    Ok(jobs)
}

async fn plan_one(
    detached: &Detached,
    table: &TableArg,
    record: &Path,
    copies: &Copies,
) -> Result<(backup_chain_restore::Detached, Begun), RestoreError> {
    let of_table = copies.of_table(&table.table, record.to_owned()).await?;
    if detached.records.is_some() && record.exists() {
        let restore = recorded(record)?;
        if restore.table.arn.name != table.table {
            let other = restore.table.arn.name;
            return Err(RestoreError::Choice(format!(
                "{} records the restore of {other}: name another folder",
                record.display()
            )));
        }
        return Ok((of_table, Begun::Recorded(Box::new(restore))));
    }
    let view = of_table.begin(&ask(detached, table, true)).await?;
    Ok((of_table, Begun::Planned(Box::new(view))))
}

fn ask(detached: &Detached, table: &TableArg, dry_run: bool) -> Ask {
    let from = match (detached.at, &detached.point) {
        (Some(at), _) => From::At(at),
        (None, Some(point)) => From::Point(point.clone()),
        (None, None) => From::Newest,
    };
    let TableArg { table, name, .. } = table.clone();
    let wanted = Wanted { table, from, vault: Some(detached.vault.clone()), name, region: None };
    Ask {
        tables: vec![wanted],
        choices: detached.otherwise.clone().choices(),
        items_only: detached.items_only,
        dry_run,
        reason: detached.reason.clone(),
        by: detached.by.by.clone(),
    }
}

fn say_planned(
    jobs: Vec<Job>,
    in_full: bool,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let number = jobs.len();
    let (mut views, mut summaries) = (Vec::new(), Vec::new());
    for Job { table, stands } in jobs {
        match stands {
            Ok((_, Begun::Planned(view))) => {
                summaries.push(Summary::of(&view));
                views.push(*view);
            }
            Ok((_, Begun::Recorded(restore))) => {
                let (id, table) = (&restore.id, &table.table);
                console.note(format_args!("restore {id} of {table} was begun, and would be continued"))?;
                summaries.push(Summary::of_record(&restore));
            }
            Err(error) if number == 1 => return Err(refused(error)),
            Err(error) => summaries.push(Summary::failed(&table.table, table.made(), &error)),
        }
    }
    let is_amiss = summaries.iter().any(Summary::is_failed);
    if json {
        console.json(&Answer { tables: &summaries, restores: &views })?;
    } else if in_full {
        say_plans(&views, console)?;
    } else {
        say_summaries(&summaries, console)?;
    }
    Ok(if is_amiss { Outcome::Attention } else { Outcome::Done })
}

/// Begins what is planned, goes on with what was begun, and follows each to its end, as many at a time as AWS makes.
async fn work(
    detached: &Detached,
    jobs: Vec<Job>,
    console: &mut Console<'_>,
) -> Vec<(TableName, TableName, Result<RestoreView, Failure>)> {
    let console = &RefCell::new(console);
    let one = |Job { table, stands }: Job| {
        async move {
            let made = table.made().clone();
            let ended = match stands {
                Ok((of_table, begun)) => restore_one(detached, &table, &of_table, begun, console).await,
                Err(error) => Err(refused(error)),
            };
            (table.table, made, ended)
        }
        .boxed_local()
    };
    stream::iter(jobs.into_iter().map(one)).buffer_unordered(MAX_CONCURRENT_RESTORES).collect().await
}

async fn restore_one(
    detached: &Detached,
    table: &TableArg,
    of_table: &backup_chain_restore::Detached,
    begun: Begun,
    console: &RefCell<&mut Console<'_>>,
) -> Result<RestoreView, Failure> {
    let mut restore = match begun {
        Begun::Recorded(restore) => *restore,
        Begun::Planned(view) => {
            let mut ask = ask(detached, table, false);
            for wanted in &mut ask.tables {
                // What was shown, and not what has become the newest since.
                wanted.from = From::Point(view.restore.point.clone());
            }
            of_table.begin(&ask).await.map_err(refused)?.restore
        }
    };
    let mut followed = Followed::of(&of_table.view(&restore).await.map_err(refused)?);
    let mut failure = None;
    let told = of_table
        .finish(&mut restore, |restore| {
            for change in followed.changes(restore) {
                let noted = note(&mut console.borrow_mut(), of_table.now(), restore, &change);
                failure = failure.take().or(noted.err());
            }
        })
        .await
        .map_err(refused)?;
    failure.map_or(Ok(told), Err)
}

fn refused(error: RestoreError) -> Failure {
    match error {
        RestoreError::Aws(error) => Failure::Aws(error),
        other => Failure::refused(other.to_string()),
    }
}
