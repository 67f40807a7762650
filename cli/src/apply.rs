//! Policies that are applied: every document is checked and told before the first is stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backup_chain_core::ids::PolicyName;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::policy::Policy;
use backup_chain_core::replies::{Applied, Checked, Deleted};
use clap::Args;
use serde::Serialize;

use crate::Console;
use crate::console::count;
use crate::deployment::Deployed;
use crate::outcome::{By, Failure, Outcome};
use crate::problem::{self, ProblemView};
use crate::replies;

/// Store policies, or new revisions of them
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain policy apply gold.yaml\n  \
    backup-chain policy apply policies/ --prune --dry-run\n  \
    sed s/7/14/ gold.yaml | backup-chain policy apply -\n\n\
    What would change, and what will not work as things stand, is told before the first is stored; a document that cannot \
    be stored stops all of them. Nothing is due before the next slot. The same document again changes nothing. More \
    of what it would do: backup-chain policy plan gold.yaml --deployed. Exit code 3: a policy covers no table.")]
pub(crate) struct Apply {
    /// Documents, YAML or JSON; folders of them; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Delete the stored policies that are not among the documents; their restore points stay and age out
    #[arg(long)]
    prune: bool,
    /// Show what would change, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before policies are deleted
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: By,
}

/// A document of one policy.
struct Document {
    file: PathBuf,
    policy: PolicyName,
    text: String,
}

/// What is answered as JSON.
#[derive(Debug, Default, Serialize)]
struct Answer {
    /// What would change, with --dry-run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checked: Vec<Checked>,
    applied: Vec<Applied>,
    deleted: Vec<PolicyName>,
}

pub(crate) async fn run(
    apply: Apply,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let documents = documents(&apply.files, deployed, console)?;
    let mut checked = Vec::with_capacity(documents.len());
    for document in &documents {
        let request = SessionRequest::Check { document: document.text.clone() };
        let answer: Checked = replies::read(&deployed.invoke("session", &request, console).await?)?;
        say_checked(&answer, console)?;
        checked.push(answer);
    }
    let surplus = if apply.prune { surplus(&documents, deployed).await? } else { Vec::new() };
    for policy in &surplus {
        console.note(format_args!(
            "policy {policy} is in none of the documents and is deleted: it makes no more restore points, and those that \
             it made age out"
        ))?;
    }
    let covers_none = checked.iter().any(|checked| checked.tables.is_empty());
    let outcome = if covers_none { Outcome::Attention } else { Outcome::Done };
    if apply.dry_run {
        let number = checked.len();
        let answer = Answer { checked, deleted: surplus, ..Answer::default() };
        if json {
            console.json(&answer)?;
        } else {
            let what = count(number, "policy");
            console.line(format_args!("nothing is stored: {what} would be as told above"))?;
        }
        return Ok(outcome);
    }
    if !surplus.is_empty() && !apply.yes && !console.agrees(&format!("Delete {}?", listed(&surplus)))? {
        return Err(Failure::refused("nothing is stored or deleted: answer y, or add --yes"));
    }
    let mut answer = Answer::default();
    for (document, before) in documents.into_iter().zip(&checked) {
        let request = SessionRequest::Apply { document: document.text, by: apply.by.by.clone() };
        let applied: Applied = replies::read(&deployed.invoke("session", &request, console).await?)?;
        for warning in applied.warnings.iter().filter(|warning| !before.warnings.contains(warning)) {
            console.note(format_args!("warning: {warning}"))?;
        }
        if !json {
            let Applied { policy, revision, changed, .. } = &applied;
            let already = if *changed { "is stored" } else { "is stored already," };
            console.line(format_args!("policy {policy} {already} as revision {revision}"))?;
        }
        answer.applied.push(applied);
    }
    for policy in surplus {
        let request = SessionRequest::Delete { policy: policy.clone(), by: apply.by.by.clone() };
        let Deleted { warnings, .. } = replies::read(&deployed.invoke("session", &request, console).await?)?;
        for warning in warnings {
            console.note(format_args!("warning: {warning}"))?;
        }
        if !json {
            console.line(format_args!("policy {policy} is deleted"))?;
        }
        answer.deleted.push(policy);
    }
    if json {
        console.json(&answer)?;
    }
    Ok(outcome)
}

/// What a document would change, before it is stored.
fn say_checked(checked: &Checked, console: &mut Console<'_>) -> Result<(), Failure> {
    let Checked { policy, revision, changed, changes, tables, warnings, .. } = checked;
    let what = match revision {
        None => "is new".to_owned(),
        Some(revision) if !changed => format!("is as revision {revision} has it"),
        Some(revision) if changes.is_empty() => {
            format!("says the same as revision {revision} in other words")
        }
        Some(revision) => format!("differs from revision {revision}: {}", changes.join(", ")),
    };
    console.note(format_args!("policy {policy} {what}; it covers {}", count(tables.len(), "table")))?;
    for warning in warnings {
        console.note(format_args!("warning: {warning}"))?;
    }
    Ok(())
}

/// The documents that are named, each of another policy. All that is wrong with any of them is told.
fn documents(
    named: &[PathBuf],
    deployed: &Deployed,
    console: &mut Console<'_>,
) -> Result<Vec<Document>, Failure> {
    let home = deployed.app.context.deployment().policy_home();
    let (mut documents, mut problems): (Vec<Document>, Vec<ProblemView>) = (Vec::new(), Vec::new());
    for file in named {
        let texts = match texts(file, console) {
            Ok(texts) => texts,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        for (file, text) in texts {
            if documents.iter().any(|other| other.file == file) {
                continue;
            }
            let policy = match Policy::parse(&text, &home) {
                Ok(policy) => policy.name,
                Err(errors) => {
                    problems.extend(problem::problems(&file, errors));
                    continue;
                }
            };
            if let Some(other) = documents.iter().find(|other| other.policy == policy) {
                let what = format!("{} holds a policy {policy} as well", other.file.display());
                problems.push(ProblemView::at(&file, "name", what, "give each a name of its own"));
                continue;
            }
            documents.push(Document { file, policy, text });
        }
    }
    if problems.is_empty() { Ok(documents) } else { Err(problems.into()) }
}

/// The texts of a file, of each document in a folder, or of standard input.
fn texts(file: &Path, console: &mut Console<'_>) -> Result<Vec<(PathBuf, String)>, Vec<ProblemView>> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        let read = console.input.read_to_string(&mut text);
        read.map_err(|_| {
            vec![ProblemView::at(file, "", "standard input is no text in UTF-8", "pipe a document")]
        })?;
        return Ok(vec![(file.to_owned(), text)]);
    }
    if !file.is_dir() {
        return Ok(vec![(file.to_owned(), problem::document(file)?)]);
    }
    let is_document = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        path.is_file() && ending.is_some_and(|ending| ["yaml", "yml", "json"].contains(&ending))
    };
    let unreadable = |_| vec![ProblemView::at(file, "", "the folder cannot be read", "look at its rights")];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(file).map_err(unreadable)? {
        found.push(entry.map_err(unreadable)?.path());
    }
    found.retain(is_document);
    found.sort();
    if found.is_empty() {
        let what = "the folder holds no document: none of its files ends in .yaml, .yml or .json";
        return Err(vec![ProblemView::at(file, "", what, "name another, or the files")]);
    }
    let (mut texts, mut problems) = (Vec::new(), Vec::new());
    for path in found {
        match problem::document(&path) {
            Ok(text) => texts.push((path, text)),
            Err(wrong) => problems.extend(wrong),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

/// The stored policies that are in none of the documents.
async fn surplus(documents: &[Document], deployed: &Deployed) -> Result<Vec<PolicyName>, Failure> {
    let kept: BTreeMap<&PolicyName, &PathBuf> =
        documents.iter().map(|document| (&document.policy, &document.file)).collect();
    let stored = deployed.catalog().policies().await?.into_iter();
    let stored = stored.filter(|stored| stored.deleted_at.is_none()).map(|stored| stored.name);
    Ok(stored.filter(|name| !kept.contains_key(name)).collect())
}

fn listed(policies: &[PolicyName]) -> String {
    let names: Vec<String> = policies.iter().map(ToString::to_string).collect();
    let what = if names.len() == 1 { "policy" } else { "policies" };
    format!("{what} {}", names.join(", "))
}
