//! A restore from a vault with copies while the source Region is out of reach: done by the command itself, with the
//! operator's rights, for there is no function to ask.

use std::path::PathBuf;

use aws_config::SdkConfig;
use backup_chain_core::ids::{PointId, Region};
use backup_chain_core::invoke::{Ask, From, Wanted};
use backup_chain_core::restore::{Restore, RestoreView};
use backup_chain_restore::{CopyVault, RestoreError, recorded};
use clap::Args;
use jiff::Timestamp;

use crate::choices::ChoiceOptions;
use crate::console::written;
use crate::follow::{Followed, note};
use crate::outcome::{By, Failure, Outcome};
use crate::restore::TableArg;
use crate::restore_output::{outline, say_end, say_head, say_plans};
use crate::{Console, points};

/// Restore a table from a copy chain while the source Region, and the stack with it, is out of reach
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    backup-chain restore detached orders --vault eu-west-1/backup-chain-copies --record orders.json \\\n    \
        --key aws-owned --with stream,ttl\n\n\
    Nothing of the source Region is asked: the copies, their settings table and the replica of the metadata key are in \
    the target Region. The command does the work itself, with your rights: those of the restore function in that Region, \
    and iam:PassRole of the restore role. It keeps a record in a file and continues from it when it was cut off: run it \
    again as it was.\n\n\
    Stream, alarms, scheduled scaling, warm throughput and time to live stay off unless you name them with --with.")]
pub(crate) struct Detached {
    /// The table that was backed up, with the name of the new table unless it is the same
    #[arg(value_name = "TABLE[=NEW-NAME]")]
    table: TableArg,
    /// The vault with copies
    #[arg(long, value_name = "REGION/VAULT", value_parser = points::own_vault)]
    vault: String,
    /// The file that records the restore: continued when it is there
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// The newest copy at or before this moment, such as 2026-01-05T07:30 in UTC; the newest of all unless given
    #[arg(long, value_name = "MOMENT", value_parser = written, conflicts_with = "point")]
    at: Option<Timestamp>,
    /// This restore point
    #[arg(long, value_name = "ID")]
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
    /// Show what would be done, with the settings as they were, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    otherwise: ChoiceOptions,
}

pub(crate) async fn run(
    detached: Detached,
    prefix: String,
    config: impl AsyncFnOnce(Option<Region>) -> Result<SdkConfig, Failure>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Detached { table, vault, record, at, point, role, items_only, reason, by, dry_run, yes, otherwise } =
        detached;
    let (region, name_of_vault) = points::parts(&vault).map_err(Failure::refused)?;
    let place = CopyVault { region, vault: name_of_vault, prefix, role };
    let config = config(Some(place.region.clone())).await?;
    let TableArg { table, name, .. } = table;
    console.note(format_args!("looking for copies of {table} in {vault} ..."))?;
    let found = backup_chain_restore::Detached::find(config, place, &table, record.clone()).await;
    let detached = found.map_err(refused)?;
    let begun = if record.exists() && !dry_run {
        let restore = recorded(&record).map_err(refused)?;
        if restore.table.arn.name != table {
            return Err(Failure::refused(format!(
                "{} records the restore of {}: name another file",
                record.display(),
                restore.table.arn.name
            )));
        }
        console.note(format_args!("restore {} of {table} continues", restore.id))?;
        restore
    } else {
        let from = match (at, point) {
            (Some(at), _) => From::At(at),
            (None, Some(point)) => From::Point(point),
            (None, None) => From::Newest,
        };
        let wanted = Wanted { table, from, vault: Some(vault), name, region: None };
        let choices = otherwise.choices();
        let mut ask = Ask { tables: vec![wanted], choices, items_only, dry_run: true, reason, by: by.by };
        let plan = detached.begin(&ask).await.map_err(refused)?;
        if dry_run {
            if json {
                console.json(&plan)?;
            } else {
                say_plans(std::slice::from_ref(&plan), console)?;
            }
            return Ok(Outcome::Done);
        }
        outline(&plan, console)?;
        if !yes && !console.agrees("Restore it?")? {
            return Err(Failure::refused("nothing is restored: answer y, or add --yes"));
        }
        ask.dry_run = false;
        for wanted in &mut ask.tables {
            wanted.from = From::Point(plan.restore.point.clone());
        }
        detached.begin(&ask).await.map_err(refused)?.restore
    };
    let told = follow(&detached, begun, console).await?;
    if json {
        console.json(&told)?;
    } else {
        say_head(&told, console)?;
        say_end(&told, console)?;
    }
    Ok(crate::restore::outcome_of(told.restore.stage))
}

/// Goes on to the end, and notes every change of stage and every step.
async fn follow(
    detached: &backup_chain_restore::Detached,
    mut restore: Restore,
    console: &mut Console<'_>,
) -> Result<RestoreView, Failure> {
    let mut followed = Followed::of(&detached.view(&restore).await.map_err(refused)?);
    let mut failure = None;
    let told = detached
        .finish(&mut restore, |restore| {
            for change in followed.changes(restore) {
                let noted = note(console, detached.now(), restore, &change);
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
