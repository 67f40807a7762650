//! Holds: restore points that stay, whatever their flags say.

use backup_chain_core::ids::{PointId, TableName};
use backup_chain_core::invoke::RetentionRequest;
use backup_chain_core::point::{Hold, PointKind};
use backup_chain_core::retention::HoldView;
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use crate::console::written;
use crate::deployment::Deployed;
use crate::outcome::{By, Failure, Outcome};
use crate::points::{self, PointArg};
use crate::{Console, replies};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hold a restore point, or change its hold
    #[command(after_help = "Example:\n  backup-chain hold add orders 01KE73DJG0C1V5K6TP3T2ZJ4ZD --vault \
        eu-central-1/backup-chain --reason \"audit 2026\" --until 2027-04-01\n\n\
        The hold is kept in the catalog and as the tag backup-chain/hold on the recovery point: either alone holds. A \
        recovery point that has no room for it, with 50 tags of its table, is held by the catalog alone, and the command says so.")]
    Add {
        #[command(flatten)]
        point: PointArg,
        /// Why
        #[arg(long)]
        reason: String,
        /// Until when: a date, from its beginning in UTC on, or a moment such as 2027-04-01T12:00:00Z; without end
        /// unless given
        #[arg(long, value_name = "MOMENT", value_parser = written)]
        until: Option<Timestamp>,
        #[command(flatten)]
        by: By,
    },
    /// Lift a hold, in the catalog and on the recovery point
    #[command(
        after_help = "Example:\n  backup-chain hold remove orders 01KE73DJG0C1V5K6TP3T2ZJ4ZD --reason \
        \"audit closed\"\n\n\
        The point then goes when its flags say so."
    )]
    Remove {
        #[command(flatten)]
        point: PointArg,
        /// Why, for the history
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// List what is held
    #[command(after_help = "Example:\n  backup-chain hold list --json\n\n\
        A point that carries only the tag is listed from the run on that would have removed it.")]
    List {
        /// Only of this table
        table: Option<TableName>,
    },
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let request = match command {
        Command::List { table } => return list(table.as_ref(), deployed, json, console).await,
        Command::Add { point: PointArg { table, id, vault }, reason, until, by } => {
            let id = points::whole(deployed, &table, id).await?;
            RetentionRequest::Hold { table, point: id, vault, reason, until, by: by.by }
        }
        Command::Remove { point: PointArg { table, id, vault }, reason, by } => {
            let id = points::whole(deployed, &table, id).await?;
            RetentionRequest::LiftHold { table, point: id, vault, by: by.by, reason }
        }
    };
    let answer = deployed.invoke("retention", &request, console).await?;
    let HoldView { table, point, vault, hold, note } = replies::read(&answer)?;
    if json {
        console.json(&answer)?;
        return Ok(Outcome::Done);
    }
    match hold {
        Some(hold) => console.line(format_args!(
            "restore point {point} of {table} in {vault} is held: {}",
            points::hold_text(&hold)
        ))?,
        None => {
            console.line(format_args!("restore point {point} of {table} in {vault} is no longer held"))?;
        }
    }
    if let Some(note) = note {
        console.line(note)?;
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct View {
    table: TableName,
    vault: String,
    kind: PointKind,
    point: PointId,
    created_at: Option<Timestamp>,
    #[serde(flatten)]
    hold: Hold,
    /// Whether it still holds.
    live: bool,
}

async fn list(
    table: Option<&TableName>,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let now = deployed.app.context.now();
    let mut points = match table {
        Some(table) => deployed.catalog().points_of_table(table).await?,
        None => {
            console.note("reading the catalog ...")?;
            deployed.catalog().all_live_points().await?
        }
    };
    points.retain(|point| !point.state().is_past());
    points.sort_by(|a, b| (&a.table, &a.id, a.kind).cmp(&(&b.table, &b.id, b.kind)));
    let policy = points.iter().rev().find_map(|point| point.policy.as_ref());
    if let (Some(_), Some(policy)) = (table, policy) {
        console.tell_in(&deployed.zone_of(&policy.name).await?);
    }
    let held: Vec<View> = points
        .into_iter()
        .filter_map(|point| {
            let vault = point.place();
            let hold = point.hold?;
            Some(View {
                table: point.table.arn.name,
                vault,
                kind: point.kind,
                point: point.id,
                created_at: point.created_at,
                live: hold.is_live(now),
                hold,
            })
        })
        .collect();
    let form = console.form();
    let row = |view: &View| {
        let until = match view.hold.until {
            None => "without end".to_owned(),
            Some(until) if view.live => form.at(until),
            Some(until) => format!("{} (over)", form.at(until)),
        };
        [
            view.table.to_string(),
            view.vault.clone(),
            view.point.to_string(),
            form.or_dash(view.created_at),
            view.hold.reason.clone(),
            view.hold.author.clone().unwrap_or_else(|| "-".to_owned()),
            until,
        ]
    };
    let heading = ["TABLE", "VAULT", "POINT", "MOMENT (UTC)", "WHY", "BY", "UNTIL (UTC)"];
    if json {
        console.list(&held, heading, held.iter().map(row))?;
    } else if held.is_empty() {
        console.line("nothing is held")?;
    } else {
        console.table(heading, held.iter().map(row))?;
    }
    Ok(Outcome::Done)
}
