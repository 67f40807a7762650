//! What a policy will do: its slots and flags, what it holds, costs and takes, and what applying it would change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use backup_chain_core::calendar::Zone;
use backup_chain_core::forecast::{
    self, Carrier, Chain, Cost, Count, Facts, Prices, SessionLength, SessionLimits, SteadyState,
};
use backup_chain_core::ids::Region;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::policy::{KnownHome, Policy};
use backup_chain_core::replies::Checked;
use backup_chain_core::retention::{Brakes, Released, released};
use backup_chain_core::tier::Tier;
use clap::Args;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;

use crate::Console;
use crate::console::{count, size, utc};
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};
use crate::problem::{document, problems};
use crate::replies;

/// Show what a policy will do: its next slots with their flags, what it holds, costs and takes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain policy plan gold.yaml --from 2026-03-28 --days 3\n  \
    backup-chain policy plan gold.yaml --tables 40 --gib 900\n  \
    backup-chain policy plan gold.yaml --deployed\n\n\
    Needs no AWS, unless --deployed asks the deployment what applying would change, for the tables that the \
    policy covers and their sizes, and for what AWS would refuse.")]
pub(crate) struct Plan {
    /// The policy's document
    file: PathBuf,
    /// The first day, in the time zone that is shown; from now on unless given
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// How many days
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,
    /// The time zone to show the slots in, unless the policy's own
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// How many tables the policy covers, for the cost and the length of a session
    #[arg(long, default_value_t = 1, conflicts_with = "deployed", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tables: u32,
    /// The size of all of them together, in GiB
    #[arg(long, default_value_t = 1.0, conflicts_with = "deployed", value_parser = gib)]
    gib: f64,
    /// A file of prices, in the form of the built-in one
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Ask the deployment
    #[arg(long)]
    deployed: bool,
}

impl Plan {
    /// Whether a deployment is to be asked.
    pub fn is_deployed(&self) -> bool {
        self.deployed
    }
}

#[derive(Debug, Serialize)]
struct PlanView {
    policy: String,
    time_zone: String,
    from: Timestamp,
    until: Timestamp,
    days: u16,
    /// The day of `from`, in the time zone that is shown.
    first_day: Date,
    slots: Vec<Slot>,
    /// Of one table, in the year from `from`.
    steady_state: SteadyState,
    tables: usize,
    bytes: u64,
    /// USD a month.
    cost: Cost,
    session: Length,
    /// None when no deployment was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    apply: Option<Apply>,
    warnings: Vec<String>,
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

#[derive(Debug, Serialize)]
struct Length {
    backups_seconds: i64,
    copies_seconds: i64,
    /// What is assumed of AWS for it.
    minutes_per_backup: i64,
    minutes_per_copy: i64,
}

#[derive(Debug, Serialize)]
struct Apply {
    /// The revision that is stored now.
    revision: Option<u32>,
    changed: bool,
    changes: Vec<String>,
    #[serde(rename = "anew")]
    restarted_tiers: Vec<String>,
    tables: Vec<String>,
    skipped: Vec<String>,
    /// What a smaller `keep_last` lets go.
    released: Vec<Released>,
}

pub(crate) async fn run(
    plan: Plan,
    deployed: Option<&Deployed>,
    region: Option<&Region>,
    now: Timestamp,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let text = document(&plan.file)?;
    let known = match deployed {
        Some(deployed) => KnownHome::from(&deployed.app.context.deployment().policy_home()),
        None => KnownHome { region: region.cloned(), ..KnownHome::default() },
    };
    let (policy, home) =
        Policy::parse_anywhere(&text, known).map_err(|errors| problems(&plan.file, errors))?;
    let prices = prices(&plan)?;
    let checked = match deployed {
        None => None,
        Some(deployed) => {
            let request = SessionRequest::Check { document: text };
            let answer = deployed.invoke("session", &request, console).await?;
            Some(replies::read::<Checked>(&answer)?)
        }
    };
    let released = match (deployed, &checked) {
        (Some(deployed), Some(checked)) => released_by(&policy, checked, deployed).await?,
        _ => Vec::new(),
    };
    let mut bounds =
        Bounds { session: SessionLimits::default(), most_deletions: Brakes::default().most_deletions };
    if let Some(deployment) = deployed.map(|deployed| deployed.app.context.deployment()) {
        bounds.session.backups_in_flight = deployment.backups_in_flight;
        bounds.session.copies_in_flight = deployment.copies_in_flight;
        bounds.most_deletions = deployment.brakes.most_deletions;
    }
    let mut told = view(&plan, &policy, home.region.as_ref(), &prices, checked, &bounds, now)?;
    if let Some(apply) = &mut told.apply {
        apply.released = released;
    }
    if json {
        console.json(&told)?;
    } else {
        say(&told, &policy, console)?;
    }
    Ok(Outcome::Done)
}

/// The restore points that go by the policy's `keep_last`, where the one by which they are kept now is greater.
async fn released_by(
    policy: &Policy,
    checked: &Checked,
    deployed: &Deployed,
) -> Result<Vec<Released>, Failure> {
    let context = &deployed.app.context;
    let home = context.deployment().policy_home();
    let stored = deployed.catalog().policies().await?;
    let kept_by = stored.into_iter().filter_map(|stored| {
        let old = Policy::parse(&stored.document, &home).ok()?;
        (old.keep_last > policy.keep_last).then_some((stored.name, old.keep_last))
    });
    let kept_by: BTreeMap<_, _> = kept_by.collect();
    if kept_by.is_empty() {
        return Ok(Vec::new());
    }
    let covered: BTreeSet<_> = checked.tables.iter().map(|table| &table.name).collect();
    let mut points = deployed.catalog().all_live_points().await?;
    points.retain(|point| covered.contains(&point.table.arn.name));
    Ok(released(points, &kept_by, policy.keep_last, context.now()))
}

/// The bounds of a deployment, or what they are unless it sets others.
struct Bounds {
    session: SessionLimits,
    most_deletions: usize,
}

/// More than an exbibyte is no size of tables.
fn gib(text: &str) -> Result<f64, String> {
    let size = text.parse().ok().filter(|size| (0.0..=1e9).contains(size));
    size.ok_or_else(|| "write a number of GiB from 0 to 1000000000, such as 90.5".to_owned())
}

fn prices(plan: &Plan) -> Result<Prices, Failure> {
    let Some(file) = &plan.prices else { return Ok(Prices::embedded()) };
    Prices::parse(&document(file)?).map_err(|error| Failure::refused(format!("{}: {error}", file.display())))
}

fn view(
    plan: &Plan,
    policy: &Policy,
    home: Option<&Region>,
    prices: &Prices,
    checked: Option<Checked>,
    Bounds { session: limits, most_deletions }: &Bounds,
    now: Timestamp,
) -> Result<PlanView, Failure> {
    let shown = plan.timezone.as_ref().unwrap_or(&policy.time_zone);
    let zone = shown.time_zone();
    let day = plan.from.unwrap_or_else(|| zone.to_datetime(now).date());
    let outside =
        |error: jiff::Error| Failure::refused(format!("--from {day} --days {}: {error}", plan.days));
    let midnight = |day: Date| day.to_zoned(zone.clone()).map(|start| start.timestamp()).map_err(outside);
    let days = i64::from(plan.days).days();
    // Without a day it is from now on: slots that have passed are none to plan.
    let (from, until) = match plan.from {
        Some(_) => (midnight(day)?, midnight(day.checked_add(days).map_err(outside)?)?),
        None => {
            let until = now.to_zoned(zone.clone()).checked_add(days).map_err(outside)?;
            (now, until.timestamp())
        }
    };

    let sizes: Vec<u64> = match &checked {
        Some(checked) => checked.tables.iter().map(|table| table.bytes).collect(),
        None => {
            let bytes = (plan.gib * f64::from(1 << 30)) as u64;
            let tables = u64::from(plan.tables);
            (0..tables).map(|table| bytes / tables + u64::from(table < bytes % tables)).collect()
        }
    };
    let steady_state = forecast::steady_state(policy, from);
    let cost = forecast::cost(policy, home, &steady_state, &sizes, prices);
    let SessionLength { backups, copies } =
        forecast::session_length(sizes.len(), policy.copies.len(), limits);
    let offline_warnings = || {
        let facts = Facts { custom_tags: policy.tags.len(), ..Facts::default() };
        forecast::warnings(policy, &facts)
    };
    let (apply, mut warnings) = match checked {
        None => (None, offline_warnings()),
        Some(Checked {
            policy: _,
            revision,
            changed,
            changes,
            restarted_tiers,
            tables,
            skipped,
            warnings,
        }) => {
            let tables = tables.into_iter().map(|table| table.name.to_string()).collect();
            let skipped =
                skipped.into_iter().map(|skipped| format!("{}: {}", skipped.table, skipped.why)).collect();
            let released = Vec::new();
            (Some(Apply { revision, changed, changes, restarted_tiers, tables, skipped, released }), warnings)
        }
    };
    let carrier = Carrier { tables: sizes.len(), limits, most_deletions: *most_deletions };
    warnings.extend(forecast::load(policy, &steady_state, carrier));
    Ok(PlanView {
        policy: policy.name.to_string(),
        time_zone: policy.time_zone.to_string(),
        from,
        until,
        days: plan.days,
        first_day: day,
        slots: slots(policy, shown, from, until),
        steady_state,
        tables: sizes.len(),
        bytes: sizes.iter().sum(),
        cost,
        session: Length {
            backups_seconds: backups.as_secs(),
            copies_seconds: copies.as_secs(),
            minutes_per_backup: limits.backup.as_mins(),
            minutes_per_copy: limits.copy.as_mins(),
        },
        apply,
        warnings,
    })
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

fn say(told: &PlanView, policy: &Policy, console: &mut Console<'_>) -> Result<(), Failure> {
    let PlanView { time_zone, slots, steady_state, cost, .. } = told;
    let (due, days) = (count(slots.len(), "slot"), count(told.days.into(), "day"));
    console.line(format_args!("policy {}, {time_zone}: {due} in {days}", told.policy))?;
    if !slots.is_empty() {
        console.line("")?;
        console.table(["SLOT", "UTC", "FLAGS UNTIL (UTC)", "COPIES UNTIL (UTC)"], slots.iter().map(row))?;
    }
    console.line("")?;
    console
        .line(format_args!("in the steady state, for each table, in the year from {}:", told.first_day))?;
    console.line(format_args!("  backup chain: {}", holds(&steady_state.backups)))?;
    for target in &policy.copies {
        if let Some(chain) = &steady_state.copies {
            let (name, region) = (&target.vault.name, &target.vault.region);
            console.line(format_args!("  copy chain in {region}/{name}: {}", holds(chain)))?;
        }
    }
    console.line("")?;
    let bytes = size(i64::try_from(told.bytes).unwrap_or(i64::MAX));
    console.line(format_args!(
        "cost of {} of {bytes} in all, USD a month, with the prices of {}:",
        count(told.tables, "table"),
        cost.prices_as_of
    ))?;
    let usd = |amount: f64| format!("{amount:.2}");
    let mut rows = vec![[
        "backups".to_owned(),
        usd(cost.backups.warm),
        usd(cost.backups.cold),
        "-".to_owned(),
        usd(cost.backups.total()),
    ]];
    for copy in &cost.copies {
        rows.push([
            format!("copies in {}/{}", copy.vault.region, copy.vault.name),
            usd(copy.storage.warm),
            usd(copy.storage.cold),
            usd(copy.traffic),
            usd(copy.storage.total() + copy.traffic),
        ]);
    }
    rows.push(["all".to_owned(), String::new(), String::new(), String::new(), usd(cost.total)]);
    console.table(["", "WARM", "COLD", "TRAFFIC", "TOGETHER"], rows)?;
    for note in &cost.notes {
        console.line(format_args!("  {note}"))?;
    }
    console.line("")?;
    let Length { backups_seconds, copies_seconds, minutes_per_backup, minutes_per_copy } = told.session;
    let copies = match copies_seconds {
        0 => String::new(),
        seconds => format!(", and its copies {}, at {minutes_per_copy} minutes each", minutes(seconds)),
    };
    console.line(format_args!(
        "a session takes about {}, at {minutes_per_backup} minutes a backup{copies}",
        minutes(backups_seconds)
    ))?;
    if let Some(apply) = &told.apply {
        console.line("")?;
        say_apply(apply, console)?;
    }
    if !told.warnings.is_empty() {
        console.line("")?;
    }
    for warning in &told.warnings {
        console.line(format_args!("warning: {warning}"))?;
    }
    Ok(())
}

fn say_apply(apply: &Apply, console: &mut Console<'_>) -> Result<(), Failure> {
    let Apply { revision, changed, changes, restarted_tiers, tables, skipped, released } = apply;
    match (revision, changed) {
        (None, _) => console.line("apply would store it as its first revision")?,
        (Some(revision), false) => {
            console.line(format_args!("apply would change nothing: this is revision {revision}"))?;
        }
        (Some(revision), true) => {
            console.line(format_args!("apply would store revision {}, with these changes:", revision + 1))?;
            if changes.is_empty() {
                console.line("  none but in how it is written")?;
            }
            for change in changes {
                console.line(format_args!("  {change}"))?;
            }
            if !restarted_tiers.is_empty() {
                let tiers = restarted_tiers.join(", ");
                console
                    .line(format_args!("  in force from now on, and nothing owed from before: {tiers}"))?;
            }
        }
    }
    console.line(format_args!("it covers {}: {}", count(tables.len(), "table"), tables.join(", ")))?;
    for skipped in skipped {
        console.line(format_args!("  skipped: {skipped}"))?;
    }
    for released in released {
        console.line(released)?;
    }
    Ok(())
}

/// `32 to 35 restore points (daily 12, weekly 5), 16 of them in cold storage; 122 more a month`.
fn holds(chain: &Chain) -> String {
    let range = |Count { least, most, .. }: Count| {
        if least == most { most.to_string() } else { format!("{least} to {most}") }
    };
    let tiers: Vec<String> =
        chain.tiers.iter().map(|(tier, count)| format!("{tier} {}", range(*count))).collect();
    let tiers = if tiers.is_empty() { String::new() } else { format!(" ({})", tiers.join(", ")) };
    let cold = match chain.cold.most {
        0 => String::new(),
        _ => format!(", {} of them in cold storage", range(chain.cold)),
    };
    let points = if chain.points.most == 1 { "restore point" } else { "restore points" };
    format!("{} {points}{tiers}{cold}; {:.1} made a month", range(chain.points), chain.made_per_month)
}

fn minutes(seconds: i64) -> String {
    let minutes = (seconds + 59) / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn row(slot: &Slot) -> [String; 4] {
    let lines = |lapses: &dyn Fn(&Due) -> Option<Timestamp>| {
        let lines: Vec<String> = slot
            .tiers
            .iter()
            .filter_map(|due| Some(format!("{} until {}", due.tier, utc(lapses(due)?))))
            .collect();
        if lines.is_empty() { "-".to_owned() } else { lines.join("\n") }
    };
    [slot.local.clone(), utc(slot.slot), lines(&|due| Some(due.lapses)), lines(&|due| due.copy_lapses)]
}
