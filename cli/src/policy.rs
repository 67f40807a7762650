//! Policies of a deployment: stored by the session function, read from the catalog.

use std::path::{Path, PathBuf};

use backup_chain_aws::catalog::StoredPolicy;
use backup_chain_core::due;
use backup_chain_core::ids::{PolicyName, VaultArn, VaultName};
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::replies::{Deleted, Switched};
use backup_chain_core::tier::Tier;
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use crate::console::Form;
use crate::deployment::Deployed;
use crate::outcome::{By, Failure, Outcome};
use crate::replies;
use crate::{Console, apply};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Apply(apply::Apply),
    /// List the stored policies
    #[command(after_help = "Example:\n  backup-chain policy list")]
    List {
        /// Also those that were deleted
        #[arg(long)]
        all: bool,
    },
    /// Show a stored policy, as its document was given
    #[command(after_help = "Example:\n  backup-chain policy show gold > gold.yaml\n\n\
        Every restore point names the revision that made it: --revision shows that one.")]
    Show {
        /// The policy
        name: PolicyName,
        /// An earlier revision
        #[arg(long)]
        revision: Option<u32>,
    },
    /// Write the documents of stored policies into a folder, one file each
    #[command(after_help = "Example:\n  backup-chain policy export policies/\n\n\
        A file that is there already and says something else is not overwritten without --force.")]
    Export {
        /// The folder
        folder: PathBuf,
        /// Only these
        #[arg(long = "policy", value_name = "POLICY")]
        policies: Vec<PolicyName>,
        /// Overwrite files that say something else
        #[arg(long)]
        force: bool,
    },
    /// Delete a policy; its restore points stay and age out by what each says of itself
    #[command(after_help = "Example:\n  backup-chain policy delete bronze\n\n\
        The newest restore points of each table stay for as long as after_drop says in its last document. Its \
        revisions stay, and applying it again continues with the next.")]
    Delete {
        /// The policy
        name: PolicyName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        by: By,
    },
    /// Let a policy run again that was disabled; nothing is due before its next slot
    #[command(after_help = "Example:\n  backup-chain policy enable gold")]
    Enable {
        /// The policy
        name: PolicyName,
        #[command(flatten)]
        by: By,
    },
    /// Stop a policy's slots, whatever is applied, until it is enabled; retention continues
    #[command(after_help = "Example:\n  backup-chain policy disable gold\n\n\
        It can still be run: backup-chain session run gold")]
    Disable {
        /// The policy
        name: PolicyName,
        #[command(flatten)]
        by: By,
    },
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Apply(apply) => apply::run(apply, deployed, json, console).await,
        Command::List { all } => list(all, deployed, json, console).await,
        Command::Show { name, revision } => show(&name, revision, deployed, json, console).await,
        Command::Export { folder, policies, force } => {
            export(&folder, &policies, force, deployed, json, console).await
        }
        Command::Delete { name, yes, by } => delete(name, yes, by, deployed, json, console).await,
        Command::Enable { name, by } => switch(name, true, by, deployed, json, console).await,
        Command::Disable { name, by } => switch(name, false, by, deployed, json, console).await,
    }
}

fn warn(warnings: Vec<String>, console: &mut Console<'_>) -> Result<(), Failure> {
    for warning in warnings {
        console.note(format_args!("warning: {warning}"))?;
    }
    Ok(())
}

async fn switch(
    name: PolicyName,
    on: bool,
    By { by }: By,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let request = match on {
        true => SessionRequest::Enable { policy: name.clone(), by },
        false => SessionRequest::Disable { policy: name.clone(), by },
    };
    let answer = deployed.invoke("session", &request, console).await?;
    let Switched { changed, warnings, .. } = replies::read(&answer)?;
    warn(warnings, console)?;
    if json {
        console.json(&answer)?;
    } else {
        let (state, already) =
            (if on { "enabled" } else { "disabled" }, if changed { "" } else { " already" });
        console.line(format_args!("policy {name} is {state}{already}"))?;
    }
    Ok(Outcome::Done)
}

async fn delete(
    name: PolicyName,
    yes: bool,
    By { by }: By,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let stored = find(deployed, &name).await?;
    if !yes {
        let after_drop = Policy::parse(&stored.document, &deployed.app.context.deployment().policy_home())
            .map_or_else(|_| String::new(), |policy| format!(" for {} more", policy.after_drop));
        console.note(format_args!(
            "policy {name} makes no more restore points; those that it made age out, and the newest of each table \
             stay{after_drop}"
        ))?;
        if !console.agrees(&format!("Delete policy {name}?"))? {
            return Err(Failure::refused("nothing is deleted: answer y, or add --yes"));
        }
    }
    let request = SessionRequest::Delete { policy: name.clone(), by };
    let answer = deployed.invoke("session", &request, console).await?;
    let Deleted { warnings, .. } = replies::read(&answer)?;
    warn(warnings, console)?;
    if json {
        console.json(&answer)?;
    } else {
        console.line(format_args!("policy {name} is deleted"))?;
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct Exported {
    policy: PolicyName,
    revision: u32,
    file: PathBuf,
    written: bool,
}

async fn export(
    folder: &Path,
    wanted: &[PolicyName],
    force: bool,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let mut stored = deployed.catalog().policies().await?;
    stored.retain(|stored| stored.deleted_at.is_none());
    if let Some(unknown) = wanted.iter().find(|name| !stored.iter().any(|stored| stored.name == **name)) {
        return Err(no_such(unknown));
    }
    stored.retain(|stored| wanted.is_empty() || wanted.contains(&stored.name));
    let failed =
        |path: &Path, error: std::io::Error| Failure::refused(format!("{}: {error}", path.display()));
    // All of it is looked at before anything is written.
    let file = |stored: &StoredPolicy| folder.join(format!("{}.yaml", stored.name));
    for stored in &stored {
        let path = file(stored);
        let is_other = std::fs::read_to_string(&path).is_ok_and(|there| there != stored.document);
        if is_other && !force {
            return Err(Failure::refused(format!(
                "{} says something else than the stored policy: add --force to overwrite it, or name another folder",
                path.display()
            )));
        }
    }
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut exported = Vec::new();
    for stored in stored {
        let path = file(&stored);
        let written = !std::fs::read_to_string(&path).is_ok_and(|there| there == stored.document);
        if written {
            std::fs::write(&path, &stored.document).map_err(|error| failed(&path, error))?;
        }
        exported.push(Exported { policy: stored.name, revision: stored.revision, file: path, written });
    }
    if json {
        console.json(&exported)?;
    } else if exported.is_empty() {
        console.line("no policy is stored: store one with backup-chain policy apply FILE")?;
    } else {
        for Exported { policy, revision, file, written } in &exported {
            let what = if *written { "written to" } else { "is in" };
            console.line(format_args!("policy {policy}, revision {revision}, {what} {}", file.display()))?;
        }
    }
    Ok(Outcome::Done)
}

fn no_such(name: &PolicyName) -> Failure {
    Failure::refused(format!("there is no policy {name}: see backup-chain policy list for the names"))
}

async fn find(deployed: &Deployed, name: &PolicyName) -> Result<StoredPolicy, Failure> {
    let stored = deployed.catalog().policy(name).await?;
    stored.filter(|stored| stored.deleted_at.is_none()).ok_or_else(|| no_such(name))
}

#[derive(Debug, Serialize)]
struct Listed {
    name: PolicyName,
    revision: u32,
    applied_at: Timestamp,
    /// Switched off by an operator.
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
    /// What the document says; none when this version cannot read it.
    #[serde(flatten)]
    rules: Option<Rules>,
}

#[derive(Debug, Serialize)]
struct Rules {
    /// Whether its slots start sessions.
    enabled: bool,
    priority: u32,
    time_zone: String,
    tiers: Vec<Tier>,
    vault: VaultName,
    copies: Vec<VaultArn>,
    /// None when it is disabled or has no tier.
    next_slot: Option<Timestamp>,
}

impl Listed {
    fn of(stored: StoredPolicy, home: &Home, now: Timestamp) -> Self {
        let is_on = stored.is_on();
        let parsed = Policy::parse(&stored.document, home).ok();
        let rules =
            parsed.map(|policy| Policy { enabled: policy.enabled && is_on, ..policy }).map(|policy| Rules {
                enabled: policy.enabled,
                priority: policy.priority,
                time_zone: policy.time_zone.to_string(),
                tiers: policy.tiers.iter().map(|(tier, _)| tier).collect(),
                next_slot: policy
                    .enabled
                    .then(|| due::next_slot(&policy, now))
                    .flatten()
                    .map(|(slot, _)| slot),
                copies: policy.copies.into_iter().map(|target| target.vault).collect(),
                vault: policy.vault,
            });
        let StoredPolicy { name, revision, applied_at, disabled, deleted_at, .. } = stored;
        Self { name, revision, applied_at, disabled, deleted_at, rules }
    }

    fn row(&self, form: &Form) -> [String; 7] {
        let Self { name, revision, applied_at, rules, disabled, deleted_at } = self;
        let (enabled, priority, tiers, next) = match rules {
            None => ("unreadable: apply it again".to_owned(), "-".to_owned(), "-".to_owned(), None),
            Some(rules) => {
                let tiers: Vec<String> = rules.tiers.iter().map(ToString::to_string).collect();
                let enabled = match (deleted_at, rules.enabled, disabled) {
                    (Some(_), ..) => "deleted",
                    (None, true, _) => "yes",
                    (None, false, true) => "no, by an operator",
                    (None, false, false) => "no",
                };
                (enabled.to_owned(), rules.priority.to_string(), tiers.join(", "), rules.next_slot)
            }
        };
        [
            name.to_string(),
            revision.to_string(),
            priority,
            enabled,
            tiers,
            form.or_dash(next),
            form.at(*applied_at),
        ]
    }
}

async fn list(
    all: bool,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let (home, now) = (deployed.app.context.deployment().policy_home(), deployed.app.context.now());
    let mut stored = deployed.catalog().policies().await?;
    stored.retain(|stored| all || stored.deleted_at.is_none());
    let listed: Vec<Listed> = stored.into_iter().map(|stored| Listed::of(stored, &home, now)).collect();
    let form = console.form();
    let heading = ["POLICY", "REVISION", "PRIORITY", "ENABLED", "TIERS", "NEXT SLOT (UTC)", "APPLIED (UTC)"];
    let rows = listed.iter().map(|policy| policy.row(&form));
    if json {
        console.list(&listed, heading, rows)?;
    } else if listed.is_empty() {
        console.line("no policy is stored: store one with backup-chain policy apply FILE")?;
    } else {
        console.table(heading, rows)?;
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    listed: Listed,
    document: &'a str,
}

async fn show(
    name: &PolicyName,
    revision: Option<u32>,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Some(number) = revision else {
        let stored = find(deployed, name).await?;
        let document = stored.document.clone();
        if json {
            let listed = Listed::of(
                stored,
                &deployed.app.context.deployment().policy_home(),
                deployed.app.context.now(),
            );
            console.json(&Shown { listed, document: &document })?;
        } else {
            console.line(document.trim_end())?;
        }
        return Ok(Outcome::Done);
    };
    let revisions = deployed.catalog().revisions(name).await?;
    let Some(found) = revisions.iter().find(|revision| revision.revision == number) else {
        let there: Vec<String> = revisions.iter().map(|revision| revision.revision.to_string()).collect();
        return Err(match there.is_empty() {
            true => no_such(name),
            false => Failure::refused(format!(
                "policy {name} has no revision {number}: it has {}",
                there.join(", ")
            )),
        });
    };
    if json {
        console.json(found)?;
    } else {
        console.line(found.document.trim_end())?;
    }
    Ok(Outcome::Done)
}
