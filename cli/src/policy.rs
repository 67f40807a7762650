//! Policies of a deployment: stored by the session function, read from the catalog.

use std::path::PathBuf;

use backup_chain_aws::catalog::StoredPolicy;
use backup_chain_core::due;
use backup_chain_core::ids::{PolicyName, VaultArn, VaultName};
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::policy::{Home, Policy};
use backup_chain_core::tier::Tier;
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use crate::console::{moment, moment_or_dash};
use crate::deployment::Deployed;
use crate::replies::{self, Applied};
use crate::{Console, Failure, Outcome, offline};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store a policy, or a new revision of it
    #[command(after_help = "Example:\n  backup-chain policy apply gold.yaml\n\n\
        Nothing is due before the next slot. The same document again changes nothing.")]
    Apply {
        /// The policy's document, YAML or JSON
        file: PathBuf,
    },
    /// List the stored policies
    #[command(after_help = "Example:\n  backup-chain policy list")]
    List,
    /// Show a stored policy, as its document was given
    #[command(after_help = "Example:\n  backup-chain policy show gold > gold.yaml")]
    Show {
        /// The policy
        name: PolicyName,
    },
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Apply { file } => apply(file, deployed, json, console).await,
        Command::List => list(deployed, json, console).await,
        Command::Show { name } => show(&name, deployed, json, console).await,
    }
}

async fn apply(
    file: PathBuf,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let document = offline::document(&file)?;
    // The function would say the same, without the file's name.
    if let Err(errors) = Policy::parse(&document, &deployed.edge.policy_home()) {
        for problem in &errors.0 {
            console.note(offline::placed(&file, problem))?;
        }
        return Ok(Outcome::Wrong);
    }
    let answer = deployed.invoke("session", &SessionRequest::Apply { document }, console).await?;
    let Applied { policy, revision, changed, warnings } = replies::read(&answer)?;
    for warning in warnings {
        console.note(format_args!("warning: {warning}"))?;
    }
    if json {
        console.json(&answer)?;
    } else if changed {
        console.say(format_args!("policy {policy} is stored as revision {revision}"))?;
    } else {
        console.say(format_args!("policy {policy} is stored already, as revision {revision}"))?;
    }
    Ok(Outcome::Done)
}

#[derive(Debug, Serialize)]
struct Listed {
    name: PolicyName,
    revision: u32,
    applied_at: Timestamp,
    /// What the document says; none when this version cannot read it.
    #[serde(flatten)]
    rules: Option<Rules>,
}

#[derive(Debug, Serialize)]
struct Rules {
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
        let rules = Policy::parse(&stored.document, home).ok().map(|policy| Rules {
            enabled: policy.enabled,
            priority: policy.priority,
            time_zone: policy.time_zone.to_string(),
            tiers: policy.tiers.iter().map(|(tier, _)| tier).collect(),
            next_slot: policy.enabled.then(|| due::next_slot(&policy, now)).flatten().map(|(slot, _)| slot),
            copies: policy.copies.into_iter().map(|target| target.vault).collect(),
            vault: policy.vault,
        });
        Self { name: stored.name, revision: stored.revision, applied_at: stored.applied_at, rules }
    }

    fn row(&self) -> [String; 7] {
        let Self { name, revision, applied_at, rules } = self;
        let (enabled, priority, tiers, next) = match rules {
            None => ("unreadable: apply it anew".to_owned(), "-".to_owned(), "-".to_owned(), None),
            Some(rules) => {
                let tiers: Vec<String> = rules.tiers.iter().map(ToString::to_string).collect();
                let enabled = if rules.enabled { "yes" } else { "no" };
                (enabled.to_owned(), rules.priority.to_string(), tiers.join(", "), rules.next_slot)
            }
        };
        [
            name.to_string(),
            revision.to_string(),
            priority,
            enabled,
            tiers,
            moment_or_dash(next),
            moment(*applied_at),
        ]
    }
}

async fn list(deployed: &Deployed, json: bool, console: &mut Console<'_>) -> Result<Outcome, Failure> {
    let (home, now) = (deployed.edge.policy_home(), deployed.edge.clock().now());
    let stored = deployed.catalog().policies().await?;
    let listed: Vec<Listed> = stored.into_iter().map(|stored| Listed::of(stored, &home, now)).collect();
    if json {
        console.json(&listed)?;
    } else if listed.is_empty() {
        console.say("no policy is stored: store one with backup-chain policy apply FILE")?;
    } else {
        let heading =
            ["POLICY", "REVISION", "PRIORITY", "ENABLED", "TIERS", "NEXT SLOT (UTC)", "APPLIED (UTC)"];
        console.table(heading, listed.iter().map(Listed::row))?;
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
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let stored = deployed.catalog().policy(name).await?.ok_or_else(|| {
        Failure::refused(format!("there is no policy {name}: see backup-chain policy list for the names"))
    })?;
    let document = stored.document.clone();
    if json {
        let listed = Listed::of(stored, &deployed.edge.policy_home(), deployed.edge.clock().now());
        console.json(&Shown { listed, document: &document })?;
    } else {
        console.say(document.trim_end())?;
    }
    Ok(Outcome::Done)
}
