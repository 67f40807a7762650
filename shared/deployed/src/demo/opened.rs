//! One recovery point's metadata, opened.

use std::io::Write;

use backup_chain_aws::seen::Seen;
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{PointKind, State};
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, TARGET};
use serde_json::Value;

use super::paper::{Paper, Style};
use super::{Ended, json};

const WIDTH: usize = 98;

/// Opens the yearly copy: from the tags of its recovery point in the target Region, by the key there.
pub async fn show(paper: &mut Paper<impl Write>, ended: &Ended) -> Result<(), Failure> {
    let yearly = ended.rows.iter().find(|row| {
        let is_yearly = row.flags.iter().any(|flag| flag.tier == Tier::Yearly);
        row.kind == PointKind::Copy && row.state() == State::Available && is_yearly
    });
    let row = yearly.ok_or("there is no yearly copy to open")?;
    let arn = row.recovery_point().ok_or("the yearly copy has no recovery point")?;
    let points = ended.world.with_backup(|backup| backup.points(ACCOUNT, TARGET, COPIES));
    let point =
        points.into_iter().find(|point| point.arn == arn.as_str()).ok_or("the yearly copy is in no vault")?;
    let seen = Seen { created_at: Some(point.created), ..Seen::of_record(row, arn, &point.tags) };
    let (document, _) = ended.stack.app().sealer.open(row, &seen).await?;

    let day = row.slot.strftime("%-e %B");
    paper.heading(&format!(
        "The yearly copy of {day}, opened in {TARGET} from the tags of its recovery point"
    ))?;
    for (key, value) in &point.tags {
        let shown = value.get(..40).map_or(value.clone(), |start| format!("{start}..."));
        let size = format!("{:>4} characters", value.len());
        paper.line(&format!("  {key:<20} {size}  {}", paper.paint(Style::Faint, &shown)))?;
    }
    let plain = document.to_bytes();
    let sealed = tags::decode(&point.tags)?.map_or(0, |sealed| sealed.bytes.len());
    let packed = document.pack().len();
    paper.line("")?;
    paper.line(&format!(
        "  {} bytes of JSON, compressed to {packed}, sealed with its key to {sealed}:",
        plain.len()
    ))?;
    paper.line("")?;
    let document: Value = serde_json::from_slice(&plain)?;
    for line in json::pretty(&document, WIDTH - 2).lines() {
        paper.line(&format!("  {line}"))?;
    }
    Ok(())
}
