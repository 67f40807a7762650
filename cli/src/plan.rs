//! What a policy will do: its slots and flags, what it holds, costs and takes, and what applying it would change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use backup_chain_core::calendar::Zone;
use backup_chain_core::forecast::{self, Carrier, Facts, Prices, SessionLength, SessionLimits};
use backup_chain_core::ids::Region;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::policy::{KnownHome, Policy};
use backup_chain_core::replies::Checked;
use backup_chain_core::retention::{Brakes, Released, released};
use clap::Args;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::Console;
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};
use crate::plan_output::{Apply, Due, Length, PlanView, Slot, say};
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
