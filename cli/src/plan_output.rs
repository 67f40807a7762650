//! What a policy will do, as JSON and as lines.

use backup_chain_core::forecast::{Chain, Cost, Count, SteadyState};
use backup_chain_core::policy::Policy;
use backup_chain_core::retention::Released;
use backup_chain_core::tier::Tier;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::Console;
use crate::console::{count, size, utc};
use crate::outcome::Failure;

#[derive(Debug, Serialize)]
pub(crate) struct PlanView {
    pub policy: String,
    pub time_zone: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub days: u16,
    /// The day of `from`, in the time zone that is shown.
    pub first_day: Date,
    pub slots: Vec<Slot>,
    /// Of one table, in the year from `from`.
    pub steady_state: SteadyState,
    pub tables: usize,
    pub bytes: u64,
    /// USD a month.
    pub cost: Cost,
    pub session: Length,
    /// None when no deployment was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<Apply>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Slot {
    pub slot: Timestamp,
    pub local: String,
    pub tiers: Vec<Due>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Due {
    pub tier: Tier,
    pub lapses: Timestamp,
    /// When the copy's flag lapses; none when the slot is not copied.
    pub copy_lapses: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Length {
    pub backups_seconds: i64,
    pub copies_seconds: i64,
    /// What is assumed of AWS for it.
    pub minutes_per_backup: i64,
    pub minutes_per_copy: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Apply {
    /// The revision that is stored now.
    pub revision: Option<u32>,
    pub changed: bool,
    pub changes: Vec<String>,
    #[serde(rename = "anew")]
    pub restarted_tiers: Vec<String>,
    pub tables: Vec<String>,
    pub skipped: Vec<String>,
    /// What a smaller `keep_last` lets go.
    pub released: Vec<Released>,
}

pub(crate) fn say(told: &PlanView, policy: &Policy, console: &mut Console<'_>) -> Result<(), Failure> {
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
