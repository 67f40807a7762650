//! The report of the weeks, and beside it what the catalog says, to compare the two.

use std::io::Write;
use std::path::Path;

use backup_chain_aws::facts::{self, Wanted};
use backup_chain_core::forecast::Prices;
use backup_chain_core::point::RestorePoint;
use backup_chain_deployed::stack::Failure;
use backup_chain_report::{Account, Window, html, json};
use serde_json::{Value, json};

use super::Ended;
use super::paper::Paper;

/// As many days as the demo lives through.
const DAYS: u16 = 45;

pub async fn write(paper: &mut Paper<impl Write>, ended: &Ended, file: &Path) -> Result<(), Failure> {
    let app = ended.stack.app();
    let facts = facts::gather(app, &Wanted::default(), |_, _| {}).await?;
    let account = Account::of(&facts, Window::last_days(&facts, DAYS));
    let page = html(&account, &Prices::embedded())?;
    std::fs::write(file, &page)?;
    let report: Value = serde_json::from_str(&json(&account)?)?;
    let points: Vec<Value> = facts.tables.iter().flat_map(|table| &table.points).map(record).collect();
    let sessions = app.catalog.sessions().await?;
    let beside = json!({ "report": report, "points": points, "sessions": sessions });
    std::fs::write(file.with_extension("json"), serde_json::to_vec_pretty(&beside)?)?;
    paper.line("")?;
    paper.line(&format!("The report of it all, {} KiB: {}", page.len() / 1024, file.display()))
}

/// What the catalog says of a restore point.
fn record(point: &RestorePoint) -> Value {
    json!({
        "id": point.id,
        "table": point.table.arn.name,
        "table_id": point.table.id,
        "kind": point.kind,
        "vault": point.place(),
        "state": point.state(),
        "created_at": point.created_at,
        "bytes": point.bytes,
        "flags": point.flags,
    })
}
