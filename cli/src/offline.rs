//! Policies as documents: what needs no AWS.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backup_chain_core::calendar::Zone;
use backup_chain_core::ids::{AccountId, Region, TableArn, VaultArn};
use backup_chain_core::policy::{Home, Policy, Problem};
use backup_chain_core::tier::Tier;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use crate::console::{count, moment};
use crate::{Console, Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check policies without AWS, and tell everything that is wrong with them
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
    /// Tell the next slots of a policy, with their tiers, without AWS
    #[command(after_help = "Example:\n  backup-chain policy slots gold.yaml --from 2026-03-28 --days 3\n\n\
        Tiers that are due at one moment share one restore point.")]
    Slots(Slots),
}

#[derive(Debug, Args)]
pub(crate) struct Slots {
    /// The policy's document
    file: PathBuf,
    /// The first day, in the policy's time zone; today unless given
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// How many days
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,
    /// The time zone to show the slots in, unless the policy's own
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
}

/// Answers a command that needs no AWS.
pub(crate) fn run(
    command: Command,
    region: Option<&Region>,
    now: Timestamp,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Validate { files, account } => validate(&files, account.as_ref(), region, json, console),
        Command::Slots(slots) => tell_slots(&slots, region, now, json, console),
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
                    console.say(format_args!("{}: policy {} is valid", file.display(), policy.name))?;
                }
                Err(errors) => {
                    for problem in &errors.0 {
                        console.say(placed(file, problem))?;
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
    Ok(if wrong { Outcome::Wrong } else { Outcome::Done })
}

/// The stack that a document is for: as told, else as its first ARNs have it. A document without a table's ARN
/// does not say its Region; then any Region will do that no vault of a copy is in.
fn home(text: &str, account: Option<&AccountId>, region: Option<&Region>) -> Result<Home, Failure> {
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
        (None, None) => "source-region".parse().map_err(known)?,
    };
    Ok(Home { partition, account: account.cloned().unwrap_or(first), region })
}

#[derive(Debug, Serialize)]
struct Told {
    policy: String,
    time_zone: String,
    from: Timestamp,
    until: Timestamp,
    slots: Vec<Slot>,
}

#[derive(Debug, Serialize)]
struct Slot {
    slot: Timestamp,
    local: String,
    tiers: Vec<Due>,
}

#[derive(Debug, Serialize)]
struct Due {
    tier: Tier,
    lapses: Timestamp,
    /// When the copy's flag lapses; none when the slot is not copied.
    copy_lapses: Option<Timestamp>,
}

fn tell_slots(
    asked: &Slots,
    region: Option<&Region>,
    now: Timestamp,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let text = document(&asked.file)?;
    let policy = match Policy::parse(&text, &home(&text, None, region)?) {
        Ok(policy) => policy,
        Err(errors) => {
            for problem in &errors.0 {
                console.note(placed(&asked.file, problem))?;
            }
            return Ok(Outcome::Wrong);
        }
    };
    let zone = policy.time_zone.time_zone();
    let day = asked.from.unwrap_or_else(|| zone.to_datetime(now).date());
    let outside =
        |error: jiff::Error| Failure::refused(format!("--from {day} --days {}: {error}", asked.days));
    let midnight = |day: Date| day.to_zoned(zone.clone()).map(|start| start.timestamp()).map_err(outside);
    let from = midnight(day)?;
    let until = midnight(day.checked_add(i64::from(asked.days).days()).map_err(outside)?)?;
    let told = Told {
        policy: policy.name.to_string(),
        time_zone: policy.time_zone.to_string(),
        from,
        until,
        slots: slots(&policy, asked.timezone.as_ref().unwrap_or(&policy.time_zone), from, until),
    };
    if json {
        console.json(&told)?;
        return Ok(Outcome::Done);
    }
    let Told { policy, time_zone, slots, .. } = &told;
    let due = slots.len();
    console.say(format_args!(
        "policy {policy}, {time_zone}: {} in {}",
        count(due, "slot"),
        count(asked.days.into(), "day")
    ))?;
    if due > 0 {
        console.say("")?;
        console.table(["SLOT", "UTC", "TIERS", "COPIED"], slots.iter().map(row))?;
    }
    Ok(Outcome::Done)
}

/// The slots from `from` until before `until`.
fn slots(policy: &Policy, shown: &Zone, from: Timestamp, until: Timestamp) -> Vec<Slot> {
    let instant = SignedDuration::from_nanos(1);
    let (after, last) = (from - instant, until - instant);
    let zone = policy.time_zone.time_zone();
    let mut by_slot: BTreeMap<Timestamp, Vec<Due>> = BTreeMap::new();
    for (tier, rule) in policy.tiers.iter() {
        for slot in rule.slots.within(&policy.time_zone).slots(after, last) {
            let copy = rule.copy.as_ref();
            let copied =
                copy.filter(|copy| copy.slots.within(&policy.time_zone).next(slot - instant) == Some(slot));
            let copy_lapses = copied.map(|copy| copy.keep.after(slot, zone));
            by_slot.entry(slot).or_default().push(Due {
                tier,
                lapses: rule.keep.after(slot, zone),
                copy_lapses,
            });
        }
    }
    let local = |slot: Timestamp| {
        slot.to_zoned(shown.time_zone().clone()).strftime("%a %Y-%m-%d %H:%M %:z").to_string()
    };
    by_slot.into_iter().map(|(slot, tiers)| Slot { slot, local: local(slot), tiers }).collect()
}

fn row(slot: &Slot) -> [String; 4] {
    let names = |of: &dyn Fn(&Due) -> bool| {
        let names: Vec<String> =
            slot.tiers.iter().filter(|due| of(due)).map(|due| due.tier.to_string()).collect();
        if names.is_empty() { "-".to_owned() } else { names.join(", ") }
    };
    [slot.local.clone(), moment(slot.slot), names(&|_| true), names(&|due| due.copy_lapses.is_some())]
}
