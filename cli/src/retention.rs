//! Retention: planned and run by its function, told here.

use backup_chain_core::invoke::RetentionRequest;
use clap::Subcommand;
use serde_json::Value;

use crate::console::count;
use crate::deployment::Deployed;
use crate::replies::{self, Decided, Report};
use crate::{Console, Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell what the next run would remove and keep, and why; nothing is removed
    #[command(after_help = "Example:\n  backup-chain retention plan\n\n\
        Only chains are planned in which something has lapsed.")]
    Plan,
    /// Remove what is outdated now, rather than at the next scheduled run
    #[command(after_help = "Example:\n  backup-chain retention run\n\n\
        A run that would remove more than the deployment allows stops and names the digest of its plan: \
        look at backup-chain retention plan, then confirm it.")]
    Run {
        /// The digest of a plan that is larger than one run may remove
        #[arg(long, value_name = "DIGEST")]
        confirm: Option<String>,
    },
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let request = match command {
        Command::Plan => RetentionRequest::Run { dry_run: true, confirm: None },
        Command::Run { confirm } => RetentionRequest::Run { dry_run: false, confirm },
    };
    let answer = deployed.invoke("retention", &request, console).await?;
    tell(&answer, json, console)
}

/// Tells what the retention function reports.
pub(crate) fn tell(answer: &Value, json: bool, console: &mut Console<'_>) -> Result<Outcome, Failure> {
    let Report { dry_run, digest, braked, points, problems } = replies::read(answer)?;
    if json {
        console.json(answer)?;
    } else if points.is_empty() {
        console.say("nothing is outdated")?;
    } else {
        let row = |decided: &Decided| {
            let Decided { table, vault, point, fate, why } = decided;
            let mut why = why.join(", ");
            if why.is_empty() {
                why = "by hand".to_owned();
            }
            [table.to_string(), vault.clone(), point.to_string(), fate.clone(), why]
        };
        console.table(["TABLE", "VAULT", "POINT", "FATE", "WHY"], points.iter().map(row))?;
        let kept = points.iter().filter(|decided| decided.fate == "kept").count();
        let others = points.len() - kept;
        console.say("")?;
        console.say(format_args!("plan {digest}: {} kept, {others} not", count(kept, "restore point")))?;
    }
    for problem in &problems {
        console.note(format_args!("problem: {problem}"))?;
    }
    if let Some(braked) = &braked {
        console.note(format_args!("braked: {braked}"))?;
    }
    // A brake is what a plan is there to tell; only a run is stopped by it.
    let stopped = braked.is_some() && !dry_run;
    Ok(if problems.is_empty() && !stopped { Outcome::Done } else { Outcome::Wrong })
}
