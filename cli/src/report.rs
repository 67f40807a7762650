//! The report of an account, as a page, JSON or CSV.

use std::path::{Path, PathBuf};

use backup_chain_aws::facts::{self, Wanted};
use backup_chain_core::facts::Facts;
use backup_chain_core::forecast::Prices;
use backup_chain_core::ids::{PolicyName, TableName};
use backup_chain_report::{Account, CannotBeWritten, InvalidWindow, Window};
use clap::Args;
use jiff::Span;
use jiff::civil::Date;

use crate::Console;
use crate::console::count;
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};

/// Report whether what was promised was kept, day by day, and what there is
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    backup-chain report --html report.html\n  \
    backup-chain report --output csv --from 2026-01-01 --to 2026-03-31 --policy gold > quarter.csv\n  \
    backup-chain report --json --table orders --days 30\n\n\
    The page is one file that asks for nothing: it can be mailed and archived. JSON and CSV say of each table and day \
    whether its backups and its copies in each vault were as promised, by which restore point, and which restores ended \
    well. It reads, and invokes no function. Exit code 3: something is not as promised now.\n\n\
    Days are those of the policy's time zone. Records of what is gone are kept for 90 days: before that a day may be \
    unknown, and never counts as met then.")]
pub(crate) struct Report {
    /// Write the page to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The first day
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The last day; today unless given
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// How many days, instead of the first
    #[arg(
        long,
        conflicts_with = "from",
        default_value_t = Window::DEFAULT_DAYS,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(Window::MAX_DAYS))
    )]
    days: u16,
    /// Only tables of this policy
    #[arg(long)]
    policy: Option<PolicyName>,
    /// Only this table
    #[arg(long)]
    table: Option<TableName>,
}

impl Report {
    fn window(&self, facts: &Facts) -> Result<Window, InvalidWindow> {
        let latest = Window::last_days(facts, self.days);
        let last = self.to.unwrap_or(latest.last());
        let back = Span::new().days(i64::from(self.days) - 1);
        Window::new(self.from.unwrap_or_else(|| last.saturating_sub(back)), last)
    }
}

pub(crate) async fn run(
    report: &Report,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    if report.html.is_none() && !json {
        return Err(Failure::refused("say what to write: --html FILE, --json or --output csv"));
    }
    let wanted = Wanted { policy: report.policy.clone(), table: report.table.clone() };
    let mut noted = Ok(());
    let facts = facts::gather(&deployed.app, &wanted, |read, of| {
        if noted.is_ok() && (read % 100 == 0 || read == of) {
            noted = console.note(format_args!("{read} of {} read", count(of, "table")));
        }
    })
    .await?;
    noted?;
    // The report has them.
    deployed.catalog().forget_unreadable();
    if facts.tables.is_empty() && facts.protection.tables.is_empty() {
        let of_policy =
            report.policy.as_ref().map(|policy| format!(" of policy {policy}")).unwrap_or_default();
        let named = report.table.as_ref().map(|table| format!(" called {table}")).unwrap_or_default();
        if report.policy.is_some() || report.table.is_some() {
            return Err(Failure::refused(format!(
                "nothing is known of a table{named}{of_policy}: see backup-chain status"
            )));
        }
    }
    let window = report.window(&facts).map_err(|error| Failure::refused(error.to_string()))?;
    let account = Account::of(&facts, window);
    if let Some(file) = &report.html {
        write(file, &account, console)?;
    }
    if json && !console.is_csv() {
        console.line(backup_chain_report::json(&account).map_err(|error| unwritable(&error))?)?;
    } else if json {
        // As it is: it is not for a terminal, and whatever reads it takes every character for what it is.
        write!(console.out, "{}", backup_chain_report::csv(&account).map_err(|error| unwritable(&error))?)?;
    }
    Ok(if facts.protection.has_problems() { Outcome::Attention } else { Outcome::Done })
}

fn write(file: &Path, account: &Account<'_>, console: &mut Console<'_>) -> Result<(), Failure> {
    let page = backup_chain_report::html(account, &Prices::embedded()).map_err(|error| unwritable(&error))?;
    let shown = file.display();
    std::fs::write(file, &page)
        .map_err(|error| Failure::refused(format!("the report cannot be written to {shown}: {error}")))?;
    console.note(format_args!("the report of {} is in {shown}", count(account.tables.len(), "table")))
}

fn unwritable(error: &CannotBeWritten) -> Failure {
    Failure::refused(error.to_string())
}
