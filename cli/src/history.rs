//! What was done by an operator.

use backup_chain_core::history::Entry;
use backup_chain_core::ids::{PolicyName, TableName};
use clap::Args;
use jiff::Timestamp;

use crate::Console;
use crate::console::{word, written};
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};

/// Show what operators have done, who and why, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain history --limit 5\n  \
    backup-chain history --table orders --since 2026-11-01 --by ada\n\n\
    Policies that were applied, switched, deleted and run, manual backups, copies that were asked for, sessions and \
    restores that were begun or stopped, holds, runs of retention by an operator, and removals with the guards that \
    they overrode.")]
pub(crate) struct History {
    /// Only what names this table
    #[arg(long)]
    table: Option<TableName>,
    /// Only what was done with this policy
    #[arg(long)]
    policy: Option<PolicyName>,
    /// Only what was done by this person: a part of the name will do
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only from this moment on
    #[arg(long, value_name = "MOMENT", value_parser = written)]
    since: Option<Timestamp>,
    /// Only up to this moment
    #[arg(long, value_name = "MOMENT", value_parser = written)]
    until: Option<Timestamp>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(crate) async fn run(
    history: &History,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let mut entries = deployed.catalog().history().await?;
    entries.retain(|entry| is_asked(history, entry));
    entries.reverse();
    entries.truncate(history.limit);
    let form = console.form();
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |entry: &Entry| {
        [
            form.at(entry.at),
            word(&entry.action),
            entry.subject.clone(),
            or_dash(&entry.by),
            or_dash(&entry.reason),
            entry.details.join("\n"),
        ]
    };
    let heading = ["MOMENT (UTC)", "WHAT", "OF", "BY", "WHY", "DETAILS"];
    if json {
        console.list(&entries, heading, entries.iter().map(row))?;
    } else if entries.is_empty() {
        console.line("nothing of that kind was done by an operator")?;
    } else {
        console.table(heading, entries.iter().map(row))?;
    }
    Ok(Outcome::Done)
}

fn is_asked(history: &History, entry: &Entry) -> bool {
    let by = |name: &String| {
        let name = name.to_lowercase();
        entry.by.as_ref().is_some_and(|by| by.to_lowercase().contains(&name))
    };
    history.table.as_ref().is_none_or(|table| entry.names(table.as_str()))
        && history.policy.as_ref().is_none_or(|name| entry.is_of_policy() && entry.names(name.as_str()))
        && history.by.as_ref().is_none_or(by)
        && history.since.is_none_or(|since| entry.at >= since)
        && history.until.is_none_or(|until| entry.at <= until)
}
