//! How well every table is protected: the front door.

use std::io::IsTerminal as _;

use backup_chain_aws::protection;
use backup_chain_core::ids::{PolicyName, TableName};
use backup_chain_core::protection::{ChainStanding, Protection, ProtectionReport};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Console;
use crate::console::{Form, age, utc, word, written};
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};

/// Show how well every table is protected, the worst first
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain status\n  \
    backup-chain status --problems --policy gold\n  \
    backup-chain status --since 2026-11-20\n\n\
    It looks at every table of the account and Region, those of no policy too, and those that are gone and have \
    restore points. It reads, and invokes no function. Exit code 3: something is not as promised.\n\n\
    AGE is that of the newest restore point that counts. It may be as old as the policy's objective says, or else as \
    its slots are apart, with the start window.")]
pub(crate) struct Status {
    /// Only tables of this policy
    #[arg(long)]
    policy: Option<PolicyName>,
    /// Only this table
    #[arg(long)]
    table: Option<TableName>,
    /// Only tables of which something is not as promised
    #[arg(long)]
    problems: bool,
    /// Only tables without a restore point of this moment or later
    #[arg(long, value_name = "MOMENT", value_parser = written)]
    since: Option<Timestamp>,
    /// Look again every so many seconds, until it is interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30")]
    watch: Option<u32>,
}

/// What is answered as JSON.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    headline: String,
    #[serde(flatten)]
    report: &'a ProtectionReport,
}

pub(crate) async fn run(
    status: &Status,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Some(seconds) = status.watch else { return once(status, deployed, json, console).await };
    loop {
        if !json && std::io::stdout().is_terminal() {
            // Clears the screen and starts at its top.
            write!(console.out, "\u{1b}[2J\u{1b}[H")?;
        }
        once(status, deployed, json, console).await?;
        let clock = deployed.app.context.clock();
        clock.until(clock.now() + SignedDuration::from_secs(i64::from(seconds.max(1)))).await;
        deployed.catalog().forget_unreadable();
    }
}

async fn once(
    status: &Status,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let mut report = protection::of_account(&deployed.app).await?;
    // The report has them.
    deployed.catalog().forget_unreadable();
    report.tables.retain(|table| is_shown(status, table));
    if status.policy.is_some() || status.table.is_some() {
        report.problems.retain(|problem| {
            let named = status.policy.as_ref().map(|policy| format!("policy {policy} "));
            named.is_some_and(|named| problem.contains(&named))
        });
    }
    let headline = report.headline();
    // A list of one policy, or of one table, is told in its zone.
    let one =
        report.tables.first().and_then(|table| table.policy.as_ref()).filter(|_| status.table.is_some());
    if let Some(policy) = status.policy.as_ref().or(one) {
        console.tell_in(&deployed.zone_of(policy).await?);
    }
    let form = console.form();
    if json {
        let rows = report.tables.iter().map(|table| row(table, &form));
        console.list(&Answer { headline, report: &report }, HEADING, rows)?;
    } else {
        print(&headline, &report, &form, console)?;
    }
    Ok(if report.has_problems() { Outcome::Attention } else { Outcome::Done })
}

fn is_shown(status: &Status, table: &Protection) -> bool {
    let newest = || table.backups.as_ref().and_then(|chain| chain.newest);
    status.policy.as_ref().is_none_or(|policy| table.policy.as_ref() == Some(policy))
        && status.table.as_ref().is_none_or(|name| table.table == *name)
        && (!status.problems || table.standing.is_problem())
        && status.since.is_none_or(|since| newest().is_none_or(|newest| newest < since))
}

const HEADING: [&str; 8] = ["STANDING", "TABLE", "POLICY", "NEWEST (UTC)", "AGE", "MAY BE", "COPIES", "WHY"];

fn print(
    headline: &str,
    report: &ProtectionReport,
    form: &Form,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    console.line(format_args!("{headline}  ({} UTC)", utc(report.at)))?;
    for problem in report.problems.iter().chain(&report.unknown) {
        console.line(format_args!("problem  {problem}"))?;
    }
    if report.tables.is_empty() {
        return console.line("no tables");
    }
    console.line("")?;
    console.table(HEADING, report.tables.iter().map(|table| row(table, form)))
}

fn row(table: &Protection, form: &Form) -> [String; 8] {
    let backups = table.backups.as_ref();
    let newest = backups.and_then(|chain| chain.newest);
    let span = |seconds: Option<i64>| seconds.map_or_else(|| "-".to_owned(), seconds_old);
    let copies: Vec<String> = table.copies.iter().map(copy).collect();
    let mut why = table.reasons.iter().map(|reason| form.text(reason)).collect::<Vec<_>>().join("\n");
    if why.is_empty() && newest.is_none() {
        why = table.next.map(|next| format!("its first backup is due {} UTC", utc(next))).unwrap_or_default();
    }
    [
        word(&table.standing),
        table.table.to_string(),
        table.policy.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        form.or_dash(newest),
        span(backups.and_then(|chain| chain.age_seconds)),
        span(backups.and_then(|chain| chain.objective_seconds)),
        if copies.is_empty() { "-".to_owned() } else { copies.join("\n") },
        why,
    ]
}

/// A copy chain in a few words: its Region, and how old its newest copy is.
fn copy(chain: &ChainStanding) -> String {
    let region = chain.vault.split('/').next().unwrap_or(&chain.vault);
    let newest = chain.age_seconds.map_or_else(|| "none".to_owned(), seconds_old);
    format!("{region} {newest}")
}

fn seconds_old(seconds: i64) -> String {
    age(SignedDuration::from_secs(seconds))
}
