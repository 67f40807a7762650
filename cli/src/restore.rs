//! Restores: planned, shown, asked, begun, followed and looked at.

use std::str::FromStr;

use backup_chain_core::ids::{PointId, Region, RestoreId, TableArn, TableName};
use backup_chain_core::invoke::{Ask, From, RestoreRequest, Wanted};
use backup_chain_core::restore::{Restore, RestoreView, Stage};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::choices::ChoiceOptions;
use crate::console::{Form, count, written};
use crate::deployment::Deployed;
use crate::follow::follow;
use crate::ids::Named;
use crate::outcome::{By, Failure, Outcome};
use crate::restore_output::{
    Summary, outline, outline_in_short, say_end, say_head, say_plans, say_reports, say_steps, say_summaries,
};
use crate::{Console, points, replies};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Start(Box<Start>),
    /// List the restores of the last 90 days, the newest first
    #[command(after_help = "Example:\n  backup-chain restore list --open")]
    List {
        /// Only those with work left
        #[arg(long)]
        open: bool,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Stop a restore: nothing more of it is asked of AWS
    #[command(
        after_help = "Example:\n  backup-chain restore stop 01KEAH2B80V6X9V0T0T1W2YJ3M --reason \"the wrong moment\"\n\n\
        AWS has no call that stops the making of a table: one that it makes already is made, without the settings that \
        would have been put back."
    )]
    Stop {
        /// The restore
        id: Named<RestoreId>,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Show a restore: its steps, its report, and what is left to be done by an operator
    #[command(after_help = "Example:\n  backup-chain restore show 01KEAH2B80V6X9V0T0T1W2YJ3M\n\n\
        Also tells how infrastructure code adopts the table. The restore function tells all this, with its right to \
        open the metadata of the restore point.")]
    Show {
        /// The restore: its id, or the end of it
        id: Named<RestoreId>,
    },
}

/// Restore tables from restore points, with their settings, into new tables
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain restore start orders --dry-run\n  \
    backup-chain restore start orders carts --at 2026-01-05T07:30 --reason \"dropped by mistake\"\n  \
    backup-chain restore start orders=orders-check --point 01KE73DJG0C1V5K6TP3T2ZJ4ZD \\\n    \
        --vault eu-west-1/copies --to-region eu-west-1 --on-demand --key aws-owned --with stream\n\n\
    What would be done is shown before you are asked. Under its own name a table comes back as it was; under another \
    one, or in another Region, nothing is switched on by itself that faces outward, costs at once or deletes. AWS \
    restores into new tables only.\n\n\
    The restore continues whether or not this command waits for it. Exit code 1 when anything is left to be done by \
    hand.")]
pub(crate) struct Start {
    /// Tables that were backed up, by name or ARN, each with the name of the new table unless it is the same
    #[arg(required = true, value_name = "TABLE[=NEW-NAME]")]
    tables: Vec<TableArg>,
    #[command(flatten)]
    which: Chosen,
    /// The Region of the new tables; that of the vault unless given, and the source Region where no vault is named
    #[arg(long, value_name = "REGION")]
    to_region: Option<Region>,
    /// Restore items, keys and indexes alone, from a point whose metadata is not believed
    #[arg(long)]
    items_only: bool,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    by: By,
    /// Show what would be done, with the settings as they were, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Do not wait until the restores have ended
    #[arg(long)]
    no_wait: bool,
    /// Show the plan and the report of each of several tables, and not one line of each
    #[arg(long)]
    details: bool,
    #[command(flatten)]
    otherwise: ChoiceOptions,
}

/// A table by its name or ARN, and the name that it is to have.
#[derive(Debug, Clone)]
pub(crate) struct TableArg {
    pub table: TableName,
    pub name: Option<TableName>,
    pub arn: Option<TableArn>,
}

impl TableArg {
    /// A table that keeps its name.
    pub fn of(table: TableName) -> Self {
        Self { table, name: None, arn: None }
    }

    /// The name of the new table.
    pub fn made(&self) -> &TableName {
        self.name.as_ref().unwrap_or(&self.table)
    }
}

impl FromStr for TableArg {
    type Err = <TableName as FromStr>::Err;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (table, name) = match text.split_once('=') {
            None => (text, None),
            Some((table, name)) => (table, Some(name.parse()?)),
        };
        Ok(match table.parse::<TableArn>() {
            Ok(arn) => Self { table: arn.name.clone(), name, arn: Some(arn) },
            Err(_) => Self { table: table.parse()?, name, arn: None },
        })
    }
}

/// Which restore points.
#[derive(Debug, Args)]
struct Chosen {
    /// The newest restore point at or before this moment, such as 2026-01-05T07:30 in UTC; the newest of all unless
    /// given
    #[arg(long, value_name = "MOMENT", value_parser = written, conflicts_with = "point")]
    at: Option<Timestamp>,
    /// This restore point, of one table: its id, or the end of it
    #[arg(long, value_name = "ID")]
    point: Option<Named<PointId>>,
    /// Out of this vault; those of the new table's Region unless given
    #[arg(long, value_name = "REGION/VAULT", value_parser = points::place)]
    vault: Option<String>,
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Start(start) => begin(*start, deployed, json, console).await,
        Command::List { open, limit } => list(open, limit, deployed, json, console).await,
        Command::Show { id } => {
            let restore = among(id, deployed).await?;
            tell(&RestoreRequest::Show { restore }, deployed, json, console).await
        }
        Command::Stop { id, reason, by } => {
            let restore = among(id, deployed).await?;
            let request = RestoreRequest::Stop { restore, by: by.by, reason };
            tell(&request, deployed, json, console).await
        }
    }
}

/// The restore that is meant.
async fn among(id: Named<RestoreId>, deployed: &Deployed) -> Result<RestoreId, Failure> {
    let all = async || Ok(deployed.catalog().restores().await?.into_iter().map(|restore| restore.id));
    id.among("restore", all, "backup-chain restore list").await
}

/// Asks something of a restore, and tells how it stands.
async fn tell(
    request: &RestoreRequest,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let answer = deployed.invoke("restore", request, console).await?;
    let told: RestoreView = replies::read(&answer)?;
    if json {
        console.json(&answer)?;
    } else {
        say_head(&told, console)?;
        say_steps(&told, console)?;
        say_end(&told, console)?;
    }
    Ok(Outcome::Done)
}

/// Plans restores, shows what would be done, asks, begins them and follows them to their end.
async fn begin(
    start: Start,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Start { tables, which, to_region, otherwise, items_only, reason, by, dry_run, yes, no_wait, details } =
        start;
    let Chosen { at, point, vault } = which;
    if point.is_some() && tables.len() > 1 {
        return Err(Failure::refused("a restore point is of one table: name that table alone"));
    }
    let from = match (at, point) {
        (Some(at), _) => From::At(at),
        (None, Some(point)) => From::Point(points::whole(deployed, &tables[0].table, point).await?),
        (None, None) => From::Newest,
    };
    let (home, account) =
        (&deployed.app.context.deployment().region, &deployed.app.context.deployment().account);
    let is_elsewhere = |arn: &&TableArn| arn.region != *home || arn.account != *account;
    if let Some(elsewhere) = tables.iter().filter_map(|named| named.arn.as_ref()).find(is_elsewhere) {
        return Err(Failure::refused(format!(
            "{elsewhere} is no table of this deployment: it backs up those of {home} in account {account}"
        )));
    }
    let wanted = |TableArg { table, name, .. }| {
        let (from, vault, region) = (from.clone(), vault.clone(), to_region.clone());
        Wanted { table, from, vault, name, region }
    };
    let mut ask = Ask {
        tables: tables.into_iter().map(wanted).collect(),
        choices: otherwise.choices(),
        items_only,
        dry_run: true,
        reason,
        by: by.by,
    };
    let planned =
        deployed.invoke("restore", &RestoreRequest::Restore(Box::new(ask.clone())), console).await?;
    let plans: Vec<RestoreView> = replies::read(&planned)?;
    let in_full = plans.len() == 1 || details;
    if dry_run {
        if json {
            console.json(&planned)?;
        } else if in_full {
            say_plans(&plans, console)?;
        } else {
            say_summaries(&plans.iter().map(Summary::of).collect::<Vec<_>>(), console)?;
        }
        return Ok(Outcome::Done);
    }
    for told in &plans {
        if in_full { outline(told, console)? } else { outline_in_short(told, console)? }
    }
    if !yes && !console.agrees(&format!("Restore {}?", count(plans.len(), "table")))? {
        return Err(Failure::refused("nothing is restored: answer y, or add --yes"));
    }
    ask.dry_run = false;
    for (wanted, RestoreView { restore, .. }) in ask.tables.iter_mut().zip(&plans) {
        // What was shown, and not what has become the newest since.
        wanted.from = From::Point(restore.point.clone());
        wanted.vault = Some(restore.place());
        wanted.region = Some(restore.target.region.clone());
    }
    let mut answer = deployed.invoke("restore", &RestoreRequest::Restore(Box::new(ask)), console).await?;
    let mut begun: Vec<RestoreView> = replies::read(&answer)?;
    for RestoreView { restore, .. } in begun.iter().filter(|told| told.restore.stage.is_open()) {
        console.note(format_args!(
            "restore {} of {} has begun: see backup-chain restore show {0}",
            restore.id, restore.table.arn.name
        ))?;
    }
    if !no_wait {
        follow(&begun, deployed, console).await?;
        let mut ended = Vec::new();
        for RestoreView { restore, .. } in &begun {
            let request = RestoreRequest::Show { restore: restore.id.clone() };
            ended.push(deployed.invoke("restore", &request, console).await?);
        }
        answer = Value::Array(ended);
        begun = replies::read(&answer)?;
    }
    if json {
        console.json(&answer)?;
    } else if in_full {
        say_reports(&begun, console)?;
    } else {
        say_summaries(&begun.iter().map(Summary::of).collect::<Vec<_>>(), console)?;
    }
    Ok(begun.iter().map(|told| outcome_of(told.restore.stage)).max().unwrap_or(Outcome::Done))
}

/// How a command ends that has followed a restore up to here.
pub(crate) fn outcome_of(stage: Stage) -> Outcome {
    match stage {
        Stage::Failed => Outcome::Failed,
        Stage::Warning => Outcome::Attention,
        _ => Outcome::Done,
    }
}

/// A restore, as lists show it.
#[derive(Debug, Serialize)]
struct View<'a> {
    id: &'a RestoreId,
    table: &'a TableName,
    point: &'a PointId,
    /// The moment of the restore point.
    moment: Option<Timestamp>,
    /// The vault that it is restored from.
    vault: String,
    target: &'a TableName,
    region: &'a Region,
    stage: Stage,
    items_only: bool,
    requested_at: Timestamp,
    ended_at: Option<Timestamp>,
    by: Option<&'a str>,
    reason: Option<&'a str>,
    problem: Option<&'a str>,
}

impl<'a> View<'a> {
    fn of(restore: &'a Restore) -> Self {
        Self {
            id: &restore.id,
            table: &restore.table.arn.name,
            point: &restore.point,
            moment: restore.moment,
            vault: restore.place(),
            target: &restore.target.name,
            region: &restore.target.region,
            stage: restore.stage,
            items_only: restore.items_only,
            requested_at: restore.requested_at,
            ended_at: restore.ended_at,
            by: restore.by.as_deref(),
            reason: restore.reason.as_deref(),
            problem: restore.problem.as_deref(),
        }
    }

    fn row(&self, form: &Form) -> [String; 8] {
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        [
            self.id.to_string(),
            self.table.to_string(),
            format!("{}/{}", self.region, self.target),
            form.or_dash(self.moment),
            self.stage.to_string(),
            form.at(self.requested_at),
            or_dash(self.by),
            or_dash(self.reason),
        ]
    }
}

async fn list(
    open: bool,
    limit: usize,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let restores = deployed.catalog().restores().await?;
    let is_asked = |restore: &&Restore| !open || restore.stage.is_open();
    let listed: Vec<View<'_>> = restores.iter().rev().filter(is_asked).take(limit).map(View::of).collect();
    let form = console.form();
    let heading = ["RESTORE", "TABLE", "AS", "MOMENT (UTC)", "STATUS", "ASKED (UTC)", "BY", "WHY"];
    let rows = listed.iter().map(|restore| restore.row(&form));
    if json {
        console.list(&listed, heading, rows)?;
    } else if listed.is_empty() {
        console.line(if open { "no restore is under way" } else { "no restores" })?;
    } else {
        console.table(heading, rows)?;
    }
    Ok(Outcome::Done)
}
