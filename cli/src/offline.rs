//! Policies as documents: what needs no AWS.

use std::path::{Path, PathBuf};

use backup_chain_core::ids::{AccountId, Region, TableArn, VaultArn};
use backup_chain_core::policy::{Home, Policy, Problem};
use clap::Subcommand;
use serde::Serialize;

use crate::Console;
use crate::outcome::{Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check policies without AWS, and report everything that is wrong with them
    #[command(after_help = "Example:\n  backup-chain policy validate policies/*.yaml\n\n\
        The account and Region that are not given are taken from the first ARNs of each document.")]
    Validate {
        /// The policies' documents, YAML or JSON
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The account of the deployment
        #[arg(long)]
        account: Option<AccountId>,
    },
    /// Print the JSON Schema of the policy language, for editors
    #[command(after_help = "Example:\n  backup-chain policy schema > policy.schema.json\n\n\
        Begin a policy with the line: # yaml-language-server: $schema=policy.schema.json")]
    Schema,
}

/// Answers a command that needs no AWS.
pub(crate) fn run(
    command: Command,
    region: Option<&Region>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Schema => {
            console.json(&backup_chain_core::policy::schema())?;
            Ok(Outcome::Done)
        }
        Command::Validate { files, account } => validate(&files, account.as_ref(), region, json, console),
    }
}

/// Reads a document.
pub(crate) fn document(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::refused(format!("{}: {error}", file.display())))
}

/// One problem on one line, as editors understand it.
pub(crate) fn placed(file: &Path, problem: &Problem) -> String {
    let Problem { path, line, what, fix } = problem;
    let line = if *line > 0 { format!(":{line}") } else { String::new() };
    let fix = if fix.is_empty() { String::new() } else { format!("; {fix}") };
    format!("{}{line}: {path}: {what}{fix}", file.display())
}

#[derive(Debug, Serialize)]
struct Checked {
    file: PathBuf,
    policy: Option<String>,
    problems: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    path: String,
    line: u64,
    what: String,
    fix: String,
}

fn validate(
    files: &[PathBuf],
    account: Option<&AccountId>,
    region: Option<&Region>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let mut all = Vec::new();
    for file in files {
        let text = document(file)?;
        let parsed = Policy::parse(&text, &home(&text, account, region)?);
        if !json {
            match &parsed {
                Ok(policy) => {
                    console.line(format_args!("{}: policy {} is valid", file.display(), policy.name))?;
                }
                Err(errors) => {
                    for problem in &errors.0 {
                        console.line(placed(file, problem))?;
                    }
                }
            }
        }
        let (policy, problems) = match parsed {
            Ok(policy) => (Some(policy.name.to_string()), Vec::new()),
            Err(errors) => (None, errors.0),
        };
        let found = |Problem { path, line, what, fix }| Found { path, line, what, fix };
        all.push(Checked { file: file.clone(), policy, problems: problems.into_iter().map(found).collect() });
    }
    if json {
        console.json(&all)?;
    }
    let wrong = all.iter().any(|checked| !checked.problems.is_empty());
    Ok(if wrong { Outcome::Failed } else { Outcome::Done })
}

/// Stands for the source Region where nothing tells it.
pub(crate) const UNKNOWN_REGION: &str = "source-region";

/// The stack that a document is for: as told, else as its first ARNs have it. A document without a table's ARN
/// does not say its Region; then any Region will do that no vault of a copy is in.
pub(crate) fn home(
    text: &str,
    account: Option<&AccountId>,
    region: Option<&Region>,
) -> Result<Home, Failure> {
    let is_edge = |letter: char| letter.is_whitespace() || "\"',[]{}".contains(letter);
    let arns = || text.split(is_edge).filter(|word| word.starts_with("arn:"));
    let table = arns().find_map(|arn| arn.parse::<TableArn>().ok());
    let vault = arns().find_map(|arn| arn.parse::<VaultArn>().ok());
    let known = |error: backup_chain_core::ids::InvalidName| Failure::refused(error.to_string());
    let told = |arn: &VaultArn| (arn.partition.clone(), arn.account.clone());
    let (partition, first) = match (&table, &vault) {
        (Some(table), _) => (table.partition.clone(), table.account.clone()),
        (None, Some(vault)) => told(vault),
        (None, None) => ("aws".to_owned(), "000000000000".parse().map_err(known)?),
    };
    let region = match (region, table) {
        (Some(region), _) => region.clone(),
        (None, Some(table)) => table.region,
        (None, None) => UNKNOWN_REGION.parse().map_err(known)?,
    };
    Ok(Home { partition, account: account.cloned().unwrap_or(first), region })
}
