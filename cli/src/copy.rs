//! Copies that are made again, where one is missing.

use std::collections::BTreeSet;

use backup_chain_aws::protection;
use backup_chain_core::copying::asked::{AskedOutcome, AskedView};
use backup_chain_core::ids::{PointId, PolicyName, TableName};
use backup_chain_core::invoke::{CopyAsk, CopyRequest};
use backup_chain_core::point::{RestorePoint, State};
use backup_chain_core::protection::Protection;
use clap::Args;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;

use crate::console::{count, utc_or_dash, word};
use crate::deployment::Deployed;
use crate::outcome::{By, Failure, Outcome};
use crate::{Console, points, replies};

/// Copy restore points again whose copy failed or was removed
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain copy orders\n  \
    backup-chain copy orders --point 01KE73DJG0C1V5K6TP3T2ZJ4ZD --vault eu-west-1/copies --wait\n  \
    backup-chain copy --missing --policy gold --dry-run\n\n\
    Of each table the newest restore point that was made to be copied is copied again into every target vault that \
    lacks it. One that was made without a copy rule cannot be: its metadata names no copy. Copies give way to backups \
    of their table; --wait waits for them. Exit code 3: something of it could not be copied.")]
pub(crate) struct Copy {
    /// Tables, by name
    #[arg(value_name = "TABLE", required_unless_present = "missing", conflicts_with = "missing")]
    tables: Vec<TableName>,
    /// Every table of which a copy is missing, as backup-chain status shows them
    #[arg(long)]
    missing: bool,
    /// With --missing, only tables of this policy
    #[arg(long, requires = "missing")]
    policy: Option<PolicyName>,
    /// This restore point, of one table
    #[arg(long, value_name = "ID", conflicts_with = "missing")]
    point: Option<PointId>,
    /// Only into this vault
    #[arg(long, value_name = "REGION/VAULT", value_parser = points::place)]
    vault: Option<String>,
    /// Show what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until the copies have ended
    #[arg(long)]
    wait: bool,
    /// Why, for the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    by: By,
}

/// So many tables an invocation is asked for: it has read the points of each within its time.
const TABLES_PER_REQUEST: usize = 50;

/// The time between two looks at copies.
const POLL_INTERVAL: SignedDuration = SignedDuration::from_secs(15);

/// What is answered as JSON: what was asked for, and with --wait what came of it.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    copies: &'a [AskedView],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ended: Vec<points::PointView<'a>>,
}

pub(crate) async fn run(
    copy: Copy,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let tables = match copy.missing {
        true => without_copies(copy.policy.as_ref(), deployed).await?,
        false => copy.tables.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let mut asked: Vec<AskedView> = Vec::new();
    for some in tables.chunks(TABLES_PER_REQUEST) {
        let request = CopyRequest::Copy(CopyAsk {
            tables: some.to_vec(),
            point: copy.point.clone(),
            vault: copy.vault.clone(),
            dry_run: copy.dry_run,
            reason: copy.reason.clone(),
            by: copy.by.by.clone(),
        });
        let answer: Value = deployed.invoke("copy", &request, console).await?;
        asked.extend(replies::read::<Vec<AskedView>>(&answer)?);
        if tables.len() > TABLES_PER_REQUEST {
            let looked_at = asked.iter().map(|view| &view.table).collect::<BTreeSet<_>>().len();
            console.note(format_args!("{looked_at} of {} looked at", count(tables.len(), "table")))?;
        }
    }
    let ended = match copy.wait && !copy.dry_run {
        true => wait(&asked, deployed, console).await?,
        false => Vec::new(),
    };
    let heading = ["TABLE", "POINT", "MOMENT (UTC)", "VAULT", "COPY", "WHY"];
    if json {
        let views = ended.iter().map(points::PointView::of).collect();
        let rows = asked.iter().map(|view| row(view, &ended, copy.dry_run));
        console.list(&Answer { copies: &asked, ended: views }, heading, rows)?;
    } else if asked.is_empty() {
        console.line("no copy is missing")?;
    } else {
        console.table(heading, asked.iter().map(|view| row(view, &ended, copy.dry_run)))?;
    }
    let is_amiss = asked.iter().any(|view| view.outcome == AskedOutcome::Refused)
        || ended.iter().any(|point| point.state() != State::Available);
    Ok(if is_amiss { Outcome::Attention } else { Outcome::Done })
}

/// The tables of which a chain of copies is behind its backups.
async fn without_copies(policy: Option<&PolicyName>, deployed: &Deployed) -> Result<Vec<TableName>, Failure> {
    let report = protection::of_account(&deployed.app).await?;
    if let Some(policy) = policy
        && deployed.catalog().policy(policy).await?.is_none_or(|stored| stored.deleted_at.is_some())
    {
        return Err(Failure::refused(format!("there is no policy {policy}: see backup-chain policy list")));
    }
    if let Some(unknown) = report.unknown.first() {
        return Err(Failure::refused(format!("which copies are missing is not known: {unknown}")));
    }
    let is_behind = |table: &Protection| {
        let newest = table.backups.as_ref().and_then(|chain| chain.newest);
        table.copies.iter().any(|chain| chain.late || chain.failure.is_some() || chain.newest < newest)
    };
    let is_asked = |table: &&Protection| policy.is_none_or(|policy| table.policy.as_ref() == Some(policy));
    let tables = report.tables.into_iter();
    Ok(tables.filter(|table| is_asked(&table) && is_behind(table)).map(|table| table.table).collect())
}

/// Waits until the copies that are planned have ended, and returns how they did.
async fn wait(
    asked: &[AskedView],
    deployed: &Deployed,
    console: &mut Console<'_>,
) -> Result<Vec<RestorePoint>, Failure> {
    let is_ours = |view: &&AskedView| matches!(view.outcome, AskedOutcome::Planned | AskedOutcome::UnderWay);
    let waited: Vec<&AskedView> = asked.iter().filter(is_ours).collect();
    let tables: BTreeSet<&TableName> = waited.iter().map(|view| &view.table).collect();
    let mut told = String::new();
    loop {
        let mut copies = Vec::new();
        for table in &tables {
            copies.extend(deployed.catalog().points_of_table(table).await?);
        }
        copies.retain(|copy| waited.iter().any(|view| is_copy_of(view, copy)));
        let open = copies.iter().filter(|copy| copy.state().is_open()).count();
        if open == 0 {
            return Ok(copies);
        }
        let stands = format!("{} of {} ended", copies.len() - open, count(copies.len(), "copy"));
        if stands != told {
            console.note(&stands)?;
            told = stands;
        }
        deployed.app.context.clock().until(deployed.app.context.now() + POLL_INTERVAL).await;
    }
}

fn is_copy_of(view: &AskedView, copy: &RestorePoint) -> bool {
    view.table == copy.table.arn.name
        && view.point.as_ref() == Some(&copy.id)
        && view.vault.as_ref().is_some_and(|vault| copy.is_in(vault))
}

fn row(view: &AskedView, ended: &[RestorePoint], dry_run: bool) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let it = ended.iter().find(|copy| is_copy_of(view, copy));
    let (stands, why) = match it {
        Some(copy) => (copy.state().to_string(), copy.reason().map(str::to_owned)),
        None if dry_run && view.outcome == AskedOutcome::Planned => ("would be made".to_owned(), None),
        None => (word(&view.outcome), view.why.clone()),
    };
    [
        view.table.to_string(),
        or_dash(view.point.as_ref().map(ToString::to_string)),
        utc_or_dash(view.moment),
        or_dash(view.vault.clone()),
        stands,
        why.unwrap_or_default(),
    ]
}
