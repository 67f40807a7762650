//! The catalog as a whole.

use backup_chain_core::invoke::RetentionRequest;
use backup_chain_core::retention::RebuildReport;
use clap::Subcommand;

use crate::console::{count, utc};
use crate::deployment::Deployed;
use crate::outcome::{By, Failure, Outcome};
use crate::{Console, points, replies, verify};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rebuild the catalog's restore points from the vaults, when the catalog was lost
    #[command(after_help = "Example:\n  backup-chain catalog rebuild --vault eu-west-1/old-copies\n\n\
        Apply the policies first: their vaults are read, beside the stack's own and those that are named. What is in \
        the catalog already is left as it is. Nothing is removed, and for 7 days retention removes nothing either. \
        Nothing is due before the next slot of each policy.")]
    Rebuild {
        /// A vault to read as well
        #[arg(long = "vault", value_name = "REGION/VAULT", value_parser = points::own_vault)]
        vaults: Vec<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        by: By,
    },
    /// Compare the catalog with the vaults, and explain each difference
    #[command(after_help = "Example:\n  backup-chain catalog verify --open\n\n\
        It reads with your own rights, and changes nothing. The stack's own vault, those of policies and of restore points, \
        and those that are named are compared. It exits with 3 when something differs.")]
    Verify {
        /// A vault to compare as well
        #[arg(long = "vault", value_name = "REGION/VAULT", value_parser = points::own_vault)]
        vaults: Vec<String>,
        /// Open the metadata of every restore point too, and check what binds it: slower, and takes kms:Decrypt
        #[arg(long)]
        open: bool,
    },
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let (vaults, yes, by) = match command {
        Command::Verify { vaults, open } => return verify::run(&vaults, open, deployed, json, console).await,
        Command::Rebuild { vaults, yes, by } => (vaults, yes, by),
    };
    if !yes && !console.agrees("Rebuild the catalog from the vaults, and pause retention for 7 days?")? {
        return Err(Failure::refused("nothing is rebuilt: answer y, or add --yes"));
    }
    let answer =
        deployed.invoke("retention", &RetentionRequest::Rebuild { vaults, by: by.by }, console).await?;
    let RebuildReport { vaults, added, known, foreign, left, braked_until, warnings, problems } =
        replies::read(&answer)?;
    if json {
        console.json(&answer)?;
    } else {
        console.line(format_args!(
            "{} added from {}: {known} known, {foreign} foreign",
            count(added, "restore point"),
            vaults.join(", ")
        ))?;
        if let Some(until) = braked_until {
            console.line(format_args!("retention removes nothing until {} UTC", utc(until)))?;
        }
    }
    for warning in &warnings {
        console.note(format_args!("warning: {warning}"))?;
    }
    for problem in &problems {
        console.note(format_args!("problem: {problem}"))?;
    }
    if left > 0 {
        let what = count(left, "recovery point");
        console.note(format_args!("{what} left for lack of time: run it again"))?;
    }
    Ok(if problems.is_empty() && left == 0 { Outcome::Done } else { Outcome::Attention })
}
