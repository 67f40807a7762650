//! What was removed, what failed, and why.

use std::collections::BTreeMap;
use std::io::Write;

use backup_chain_core::point::{RestorePoint, State};
use backup_chain_core::retention::PointFate;
use backup_chain_core::retention::Reason;
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::Failure;
use jiff::Timestamp;

use super::Ended;
use super::paper::{Paper, Style};

/// The removals of one chain for one reason.
#[derive(Default)]
struct Group {
    count: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

pub fn list(paper: &mut Paper<impl Write>, ended: &Ended) -> Result<(), Failure> {
    let find =
        |vault: &str, id: &str| ended.rows.iter().find(|row| row.id.as_str() == id && place(row) == vault);
    let mut groups: BTreeMap<(String, String, Tier, String), Group> = BTreeMap::new();
    for (_, report) in &ended.stack.reports() {
        for decided in report.points.iter().filter(|decided| decided.fate == PointFate::Removed) {
            let Some(row) = find(&decided.vault, decided.point.as_str()) else { continue };
            let Some(Reason::Outdated { tier, .. }) = decided.reasons.first() else { continue };
            let span = row.flags.iter().find(|flag| flag.tier == *tier).map(|flag| flag.span.to_string());
            let region = row.vault.region.to_string();
            let group = groups
                .entry((decided.table.to_string(), region, *tier, span.unwrap_or_default()))
                .or_default();
            group.count += 1;
            group.first = Some(group.first.map_or(row.slot, |first| first.min(row.slot)));
            group.last = Some(group.last.map_or(row.slot, |last| last.max(row.slot)));
        }
    }
    let total: usize = groups.values().map(|group| group.count).sum();
    let runs = ended.stack.reports().len();
    paper.heading(&format!("What went: {total} restore points, in {runs} daily retention runs"))?;
    for ((table, region, tier, span), Group { count, first, last }) in groups {
        let day = |moment: Option<Timestamp>| {
            moment.map(|at| at.strftime("%-e %b").to_string()).unwrap_or_default()
        };
        let (first, last) = (day(first), day(last));
        let from = if first == last { first } else { format!("{first} to {last}") };
        let why = format!("{tier} flag lapsed after {span}");
        paper.line(&format!("{count:>5}  {table:<15}  {region:<12}  {from:<16}  {why}"))?;
    }
    for row in &ended.rows {
        if row.reason() == Some("removed by an operator") {
            let copied = ended.rows.iter().any(|copy| copy.id == row.id && copy.state() == State::Available);
            one(
                paper,
                "x",
                row,
                if copied { "removed by an operator; its copy stays" } else { "removed by an operator" },
            )?;
        }
        if row.state() == State::Failed {
            one(paper, "!", row, row.reason().unwrap_or_default())?;
            for (tier, taker) in takers(ended, row) {
                let taker = taker.slot.strftime("%-e %b, %H:%M");
                paper.line(&format!("{:56}its {tier} slot went to {taker}", ""))?;
            }
        }
    }
    Ok(())
}

/// The points that took over slots of a failed one.
fn takers<'a>(ended: &'a Ended, failed: &RestorePoint) -> Vec<(Tier, &'a RestorePoint)> {
    let mut takers = Vec::new();
    for row in ended.rows.iter().filter(|row| row.table == failed.table && row.created_at.is_some()) {
        let took = row.flags.iter().filter(|flag| flag.slot == failed.slot && flag.slot != row.slot);
        takers.extend(took.map(|flag| (flag.tier, row)));
    }
    takers
}

fn one(paper: &mut Paper<impl Write>, mark: &str, row: &RestorePoint, why: &str) -> Result<(), Failure> {
    let slot = row.slot.strftime("%-e %b").to_string();
    let (table, region) = (row.table.arn.name.as_str(), row.vault.region.to_string());
    let mark = paper.paint(Style::Bad, &format!("{mark:>5}"));
    paper.line(&format!("{mark}  {table:<15}  {region:<12}  {slot:<16}  {why}"))
}

/// A vault as reports name it.
pub fn place(row: &RestorePoint) -> String {
    format!("{}/{}", row.vault.region, row.vault.name)
}
