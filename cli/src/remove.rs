//! Removal of restore points by an operator: planned, shown, asked, done.

use backup_chain_core::ids::{PointId, TableName};
use backup_chain_core::invoke::{Removal, RetentionRequest, Which};
use backup_chain_core::retention::{Decided, Guard, PointFate, Report};
use clap::Args;

use crate::console::count;
use crate::deployment::Deployed;
use crate::ids::Named;
use crate::outcome::{By, Failure, Outcome};
use crate::{Console, points, replies, retention};

/// Remove restore points; every other one stays restorable
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain remove orders --point 01KE73DJG0C1V5K6TP3T2ZJ4ZD --vault eu-west-1/copies\n  \
    backup-chain remove orders --manual\n  \
    backup-chain remove orders --all --override-guard newest --reason \"the customer has left\"\n\n\
    What would go is shown before you are asked. A guard keeps the newest point of a chain, one that is held, \
    suspect, being copied or dated after now, until you override it by its name and say why; who did so and why \
    stays in backup-chain history. What is in a locked vault, and what is not made yet, cannot be removed.")]
pub(crate) struct Remove {
    /// The table
    table: TableName,
    #[command(flatten)]
    which: Chosen,
    /// Only in this vault
    #[arg(long, value_name = "REGION/VAULT", value_parser = points::place)]
    vault: Option<String>,
    /// A guard that is not to keep them: newest, hold, suspect, being-copied or future-dated
    #[arg(long, value_name = "GUARD")]
    override_guard: Vec<Guard>,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: By,
}

/// Which points.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// One restore point: its id, or the end of it
    #[arg(long, value_name = "ID")]
    point: Option<Named<PointId>>,
    /// Those of its backup chains
    #[arg(long)]
    backups: bool,
    /// Those of its copy chains
    #[arg(long)]
    copies: bool,
    /// Its manual backups
    #[arg(long)]
    manual: bool,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Chosen {
    async fn which(self, table: &TableName, deployed: &Deployed) -> Result<Which, Failure> {
        Ok(match self {
            Self { point: Some(id), .. } => Which::Point(points::whole(deployed, table, id).await?),
            Self { backups: true, .. } => Which::Backups,
            Self { copies: true, .. } => Which::Copies,
            Self { manual: true, .. } => Which::Manual,
            _ => Which::All,
        })
    }
}

pub(crate) async fn run(
    remove: Remove,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Remove { table, which, vault, override_guard, reason, yes, by } = remove;
    let which = which.which(&table, deployed).await?;
    let request = |dry_run, confirm| {
        RetentionRequest::Remove(Removal {
            table: table.clone(),
            which: which.clone(),
            vault: vault.clone(),
            override_guards: override_guard.clone(),
            reason: reason.clone(),
            by: by.by.clone(),
            dry_run,
            confirm,
        })
    };
    let planned = deployed.invoke("retention", &request(true, None), console).await?;
    let plan: Report = replies::read(&planned)?;
    let going = plan.points.iter().filter(|decided| decided.fate == PointFate::Remove).count() + plan.omitted;
    for Decided { table, vault, point, fate, why, .. } in &plan.points {
        let why = why.join(", ");
        let said = match fate {
            PointFate::Remove => format!("would be removed: {why}"),
            PointFate::Gone => "is gone already".to_owned(),
            _ => format!("is kept: {why}"),
        };
        console.note(format_args!("{point} of {table} in {vault} {said}"))?;
    }
    if going == 0 {
        if json {
            console.json(&planned)?;
        }
        if plan.points.iter().all(|decided| decided.fate != PointFate::Keep) {
            console.note("there is nothing to remove")?;
            return Ok(Outcome::Done);
        }
        console.note(
            "nothing is removed: a guard keeps each of them; see --help for those that --override-guard takes",
        )?;
        return Ok(Outcome::Failed);
    }
    let question = format!("Remove {} for good?", count(going, "restore point"));
    if !yes && !console.agrees(&question)? {
        return Err(Failure::refused("nothing is removed: answer y, or add --yes"));
    }
    let answer = deployed.invoke("retention", &request(false, Some(plan.digest)), console).await?;
    retention::print_report(&answer, json, console)
}
