//! What was done by an operator.

use backup_chain_core::history::Entry;
use clap::Args;

use crate::Console;
use crate::console::word;
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};

/// Show what operators have done, who and why, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  backup-chain history --limit 5\n\n\
    Policies that were applied, switched and deleted, holds, restores, removals with the guards that they \
    overrode.")]
pub(crate) struct History {
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
        console.line("nothing was done by an operator")?;
    } else {
        console.table(heading, entries.iter().map(row))?;
    }
    Ok(Outcome::Done)
}
