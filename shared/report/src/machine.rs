//! The report for machines: JSON, and CSV with a line for each table, day and chain.

use std::borrow::Cow;

use backup_chain_core::compliance::DayStanding;
use backup_chain_core::ids::{PointId, PolicyName, RestoreId, TableId, TableName};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::protection::{ProtectionReport, Standing};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use thiserror::Error;

use crate::account::{Account, DayReport, TableReport};

/// A report that cannot be written.
#[derive(Debug, Error)]
pub enum CannotBeWritten {
    /// It has no form in JSON.
    #[error("the report has no form in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no form in CSV.
    #[error("the report has no form in CSV: {0}")]
    Csv(#[from] csv::Error),
    /// It cannot be packed.
    #[error("the report cannot be packed: {0}")]
    Packed(#[from] std::io::Error),
}

#[derive(Debug, Serialize)]
struct AccountView<'a> {
    at: Timestamp,
    account: String,
    region: String,
    from: Date,
    to: Date,
    headline: String,
    protection: &'a ProtectionReport,
    unknown: Vec<String>,
    known_since: Timestamp,
    tables: Vec<TableView<'a>>,
}

#[derive(Debug, Serialize)]
struct TableView<'a> {
    table: &'a TableName,
    table_id: &'a TableId,
    present: bool,
    policy: Option<&'a PolicyName>,
    time_zone: String,
    objective_seconds: Option<i64>,
    standing: Option<Standing>,
    days: Vec<DayView<'a>>,
}

#[derive(Debug, Serialize)]
struct DayView<'a> {
    date: Date,
    /// The worst of the backups and the copies.
    standing: DayStanding,
    backups: ChainView<'a>,
    copies: Vec<ChainView<'a>>,
    /// Restores of its points that ended well on that day.
    restores: Vec<&'a RestoreId>,
}

#[derive(Debug, Serialize)]
struct ChainView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    vault: Option<String>,
    standing: DayStanding,
    point: Option<&'a PointId>,
    created_at: Option<Timestamp>,
}

impl<'a> ChainView<'a> {
    fn of(vault: Option<String>, (standing, point): (DayStanding, Option<&'a RestorePoint>)) -> Self {
        Self {
            vault,
            standing,
            point: point.map(|point| &point.id),
            created_at: point.and_then(|point| point.created_at),
        }
    }
}

impl<'a> DayView<'a> {
    fn of(table: &TableReport<'a>, day: &DayReport<'a>) -> Self {
        let copies = table.targets.iter().zip(&day.copies);
        Self {
            date: day.date,
            standing: day.worst(),
            backups: ChainView::of(None, day.backups),
            copies: copies.map(|(vault, copies)| ChainView::of(Some(vault.place()), *copies)).collect(),
            restores: day.restores.iter().map(|restore| &restore.id).collect(),
        }
    }
}

impl<'a> TableView<'a> {
    fn of(table: &TableReport<'a>) -> Self {
        Self {
            table: table.facts.name(),
            table_id: &table.facts.table.id,
            present: table.facts.is_present,
            policy: table.policy.map(|policy| &policy.name),
            time_zone: table.zone.name().to_owned(),
            objective_seconds: table.objective.map(|objective| objective.as_secs()),
            standing: table.protection.map(|protection| protection.standing),
            days: table.days.iter().map(|day| DayView::of(table, day)).collect(),
        }
    }
}

/// The report as JSON.
///
/// # Errors
/// [`CannotBeWritten`].
pub fn json(account: &Account<'_>) -> Result<String, CannotBeWritten> {
    let facts = account.facts;
    let view = AccountView {
        at: facts.at,
        account: facts.home.account.to_string(),
        region: facts.home.region.to_string(),
        from: account.window.first(),
        to: account.window.last(),
        headline: facts.protection.headline(),
        protection: &facts.protection,
        unknown: account.unknown(),
        known_since: facts.known_since,
        tables: account.tables.iter().map(TableView::of).collect(),
    };
    Ok(serde_json::to_string_pretty(&view)?)
}

/// The heading of the CSV.
const HEADING: [&str; 12] = [
    "date",
    "table",
    "table_id",
    "policy",
    "time_zone",
    "chain",
    "vault",
    "objective_hours",
    "standing",
    "point",
    "created_at",
    "restores",
];

/// The report as CSV.
///
/// # Errors
/// [`CannotBeWritten`].
pub fn csv(account: &Account<'_>) -> Result<String, CannotBeWritten> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADING)?;
    for table in &account.tables {
        let objective =
            |standing: Option<i64>| standing.map(|seconds| (seconds / 3600).to_string()).unwrap_or_default();
        let backups = objective(table.objective.map(|objective| objective.as_secs()));
        let copies = table.policy.and_then(|past| past.policy.copy_objective());
        let copies = objective(copies.map(|objective| objective.as_secs()));
        let head = [
            table.facts.name().to_string(),
            table.facts.table.id.to_string(),
            table.policy.map(|policy| policy.name.to_string()).unwrap_or_default(),
            table.zone.name().to_owned(),
        ];
        for day in &table.days {
            let view = DayView::of(table, day);
            let restores: Vec<&str> = view.restores.iter().map(|restore| restore.as_str()).collect();
            let chains = [("backups", &view.backups)]
                .into_iter()
                .chain(view.copies.iter().map(|copy| ("copies", copy)));
            for (chain, of) in chains {
                let is_backups = of.vault.is_none();
                let tail = [
                    chain.to_owned(),
                    of.vault.clone().unwrap_or_default(),
                    if is_backups { backups.clone() } else { copies.clone() },
                    crate::text::word(&of.standing),
                    of.point.map(ToString::to_string).unwrap_or_default(),
                    of.created_at.map(|at| at.to_string()).unwrap_or_default(),
                    if is_backups { restores.join(" ") } else { String::new() },
                ];
                let fields = [day.date.to_string()].into_iter().chain(head.iter().cloned()).chain(tail);
                writer.write_record(fields.map(|field| unformulated(&field).into_owned()))?;
            }
        }
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // What was written as text is text.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// A field that a spreadsheet takes for text: one that begins like a formula would be computed.
fn unformulated(field: &str) -> Cow<'_, str> {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{field}"))
    } else {
        Cow::Borrowed(field)
    }
}
