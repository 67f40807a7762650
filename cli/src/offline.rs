//! Policies as documents: what needs no AWS.

use std::path::PathBuf;

use backup_chain_core::ids::{AccountId, PolicyName, Region};
use backup_chain_core::policy::{KnownHome, Policy};
use clap::Subcommand;
use serde::Serialize;

use crate::Console;
use crate::outcome::{Failure, Outcome};
use crate::problem::{ProblemView, document, problems};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check policies without AWS, and report everything that is wrong with them
    #[command(after_help = "Example:\n  backup-chain policy validate policies/*.yaml\n\n\
        Each file holds one policy, of another name. The account and Region that are not given are those of the first \
        ARNs of each document's tables, or else of its vault.")]
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

/// A file that was looked at.
#[derive(Debug, Serialize)]
struct FileView {
    file: PathBuf,
    /// The policy that it holds, where it is valid.
    policy: Option<PolicyName>,
    problems: Vec<ProblemView>,
}

fn validate(
    files: &[PathBuf],
    account: Option<&AccountId>,
    region: Option<&Region>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let known = KnownHome { partition: None, account: account.cloned(), region: region.cloned() };
    let mut all: Vec<FileView> = Vec::new();
    for file in files {
        // A file that is named twice is one file.
        if all.iter().any(|before| before.file == *file) {
            continue;
        }
        let parsed = document(file).and_then(|text| {
            Policy::parse_anywhere(&text, known.clone()).map_err(|errors| problems(file, errors))
        });
        let (policy, problems) = match parsed {
            Err(problems) => (None, problems),
            Ok((policy, _)) => {
                let other = all.iter().find(|before| before.policy.as_ref() == Some(&policy.name));
                let problem = other.map(|other| {
                    let what = format!("{} holds a policy {} as well", other.file.display(), policy.name);
                    let fix =
                        "give each a name of its own: the one that is applied last would replace the other";
                    ProblemView::at(file, "name", what, fix)
                });
                (Some(policy.name), problem.into_iter().collect())
            }
        };
        all.push(FileView { file: file.clone(), policy, problems });
    }
    if json {
        console.json(&all)?;
    } else {
        for FileView { file, policy, problems } in &all {
            if let (Some(policy), []) = (policy, problems.as_slice()) {
                console.line(format_args!("{}: policy {policy} is valid", file.display()))?;
            }
            for problem in problems {
                console.line(problem)?;
            }
        }
    }
    let wrong = all.iter().any(|checked| !checked.problems.is_empty());
    Ok(if wrong { Outcome::Failed } else { Outcome::Done })
}
