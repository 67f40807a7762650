//! The worst day: a table is dropped and rolled back, another Region stands in for a lost one, and a restore point is
//! restored that has lost its neighbours. What comes back is held against what the tables were at the moment.

use std::collections::BTreeSet;
use std::io::Write;

use backup_chain_core::ids::{Region, TableName};
use backup_chain_core::invoke::{Ask, From, Removal, RetentionRequest, Wanted, Which};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::restore::{Choices, Feature, Outcome, Restore, Stage};
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, SOURCE, TARGET};
use backup_chain_local::{Fault, FaultRule};
use backup_chain_restore::{Copies, CopyVault};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::paper::{Paper, Style};
use super::tables::{Snapshot, client};
use super::{Ended, at, tell};

/// When somebody drops `orders`.
const DROPPED: &str = "2026-02-10T11:00:00Z";
/// The moment that it is rolled back to.
const BACK_TO: &str = "2026-02-10T06:30:00Z";
/// The moment that the other Region gives back.
const MONTHS_AGO: &str = "2026-01-05T12:00:00Z";

/// A restored table beside what it should be.
struct Came<'a> {
    about: String,
    restore: Restore,
    was: Option<&'a Snapshot>,
}

/// Lives through the worst day, and says whether everything came back.
pub async fn tell_all(paper: &mut Paper<impl Write>, ended: &mut Ended) -> Result<bool, Failure> {
    paper.heading("What came back")?;
    let dropped = rolled_back(paper, ended).await?;
    let stood_in = elsewhere(paper, ended).await?;
    let alone = without_neighbours(paper, ended).await?;
    paper.line("")?;
    let tables = &ended.tables;
    let was = |table: &'static str, restore: &Restore| {
        let table = tables.all().into_iter().find(|known| known.name.as_str() == table)?;
        table.as_of(restore.moment?)
    };
    let all = [
        Came {
            about: "orders, dropped by accident, is back under its own name as it was before the drop"
                .to_owned(),
            was: was("orders", &dropped),
            restore: dropped,
        },
        Came {
            about: format!("orders came back in {TARGET} from its copy, with {SOURCE} shut off"),
            was: was("orders", &stood_in),
            restore: stood_in,
        },
        Came {
            about: "bronze-sessions came back beside itself, from a point whose neighbours were removed"
                .to_owned(),
            was: was("bronze-sessions", &alone),
            restore: alone,
        },
    ];
    let mut held = true;
    for came in &all {
        let faults = compare(ended, came).await?;
        held &= faults.is_empty();
        let restored = came.restore.report.iter().filter(|it| it.outcome == Outcome::Restored).count();
        let tick =
            if faults.is_empty() { paper.paint(Style::Good, "✓") } else { paper.paint(Style::Bad, "✗") };
        let items = came.was.map_or(0, |was| was.items.len());
        let what = format!("{items} items, {restored} of {} properties", came.restore.report.len());
        paper.line(&format!("{tick} {}: {what}", came.about))?;
        for fault in faults {
            paper.line(&format!("    {fault}"))?;
        }
    }
    Ok(held)
}

/// Everything that the table had, whatever its name.
fn everything() -> Choices {
    Choices { with: Feature::ALL.into(), ..Choices::default() }
}

fn wanted(table: &TableName, from: From) -> Wanted {
    Wanted { table: table.clone(), from, vault: None, name: None, region: None }
}

/// A table is dropped, and rolled back to the morning.
async fn rolled_back(paper: &mut Paper<impl Write>, ended: &mut Ended) -> Result<Restore, Failure> {
    let name = ended.tables.orders.name.clone();
    ended.stack.live_until(at(DROPPED)).await;
    let client = client(&ended.world);
    // It was protected: somebody meant it.
    client.update_table().table_name(name.as_str()).deletion_protection_enabled(false).send().await?;
    ended.stack.live(SignedDuration::from_mins(1)).await;
    client.delete_table().table_name(name.as_str()).send().await?;
    tell(
        paper,
        at(DROPPED),
        "orders",
        "somebody drops the table of another environment, and it was this one",
    )?;
    ended.stack.live(SignedDuration::from_mins(10)).await;
    let ask = Ask {
        tables: vec![wanted(&name, From::At(at(BACK_TO)))],
        reason: Some("dropped by accident".to_owned()),
        ..Ask::default()
    };
    let told = ended.stack.restore(ask).await?.pop().ok_or("nothing was restored")?;
    let steps = told.steps.len();
    ended.stack.live(SignedDuration::from_hours(2)).await;
    let restore = recorded(ended, &told.restore).await?;
    say(paper, ended, &restore, steps)?;
    Ok(restore)
}

/// The source Region does not answer, and the other one stands in.
async fn elsewhere(paper: &mut Paper<impl Write>, ended: &mut Ended) -> Result<Restore, Failure> {
    let name = ended.tables.orders.name.clone();
    let lost = ended.world.now();
    ended.world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
    tell(paper, lost, "", &format!("{SOURCE} is shut off: catalog, functions and backups with it"))?;
    let folder = tempfile::tempdir()?;
    let config = ended.world.sdk_config(ACCOUNT, TARGET, "operator");
    let place = CopyVault {
        region: TARGET.parse()?,
        vault: COPIES.parse()?,
        prefix: "backup-chain-".to_owned(),
        role: None,
    };
    let copies = Copies::list(config, place).await?;
    let detached = copies.of_table(&name, folder.path().join("orders.json")).await?;
    let ask = Ask {
        tables: vec![wanted(&name, From::At(at(MONTHS_AGO)))],
        choices: everything(),
        ..Ask::default()
    };
    let told = detached.begin(&ask).await?;
    let steps = told.steps.len();
    let mut restore = told.restore;
    detached.finish(&mut restore, |_| {}).await?;
    ended.world.clear_faults();
    say(paper, ended, &restore, steps)?;
    Ok(restore)
}

/// Every other daily point of a chain is removed by an operator: those that are left restore all the same.
async fn without_neighbours(paper: &mut Paper<impl Write>, ended: &mut Ended) -> Result<Restore, Failure> {
    let name = ended.tables.sessions.name.clone();
    let mut chain = ended.stack.app().catalog.points_of_table(&name).await?;
    chain.retain(|point| point.kind == PointKind::Backup && point.is_counted());
    chain.sort_by_key(|point| point.created_at);
    let middle = chain.len() / 2;
    let alone = chain.get(middle).cloned().ok_or("there is no chain")?;
    let neighbours: Vec<&RestorePoint> = [middle.checked_sub(1), Some(middle + 1)]
        .into_iter()
        .flatten()
        .filter_map(|at| chain.get(at))
        .collect();
    for point in &neighbours {
        let removal = Removal::of(name.clone(), Which::Point(point.id.clone()));
        ended.stack.retention(RetentionRequest::Remove(removal)).await?;
    }
    let now = ended.world.now();
    let what = format!(
        "{} restore points are removed by an operator, around the one of {}",
        neighbours.len(),
        day(&alone)
    );
    tell(paper, now, name.as_str(), &what)?;
    let ask = Ask {
        tables: vec![Wanted {
            name: Some("bronze-sessions-again".parse()?),
            ..wanted(&name, From::Point(alone.id.clone()))
        }],
        choices: everything(),
        ..Ask::default()
    };
    let told = ended.stack.restore(ask).await?.pop().ok_or("nothing was restored")?;
    let steps = told.steps.len();
    ended.stack.live(SignedDuration::from_hours(2)).await;
    let restore = recorded(ended, &told.restore).await?;
    say(paper, ended, &restore, steps)?;
    Ok(restore)
}

fn day(point: &RestorePoint) -> String {
    point.created_at.unwrap_or(Timestamp::UNIX_EPOCH).strftime("%e %B").to_string().trim().to_owned()
}

async fn recorded(ended: &Ended, begun: &Restore) -> Result<Restore, Failure> {
    let restore = ended.stack.app().catalog.restore(&begun.id).await?;
    restore.ok_or_else(|| "the restore is not in the catalog".into())
}

fn say(paper: &mut Paper<impl Write>, ended: &Ended, restore: &Restore, steps: usize) -> Result<(), Failure> {
    let moment = restore.moment.unwrap_or(restore.requested_at).strftime("%e %b %H:%M").to_string();
    let took = restore.ended_at.unwrap_or(ended.world.now()).duration_since(restore.requested_at).as_mins();
    let what = format!(
        "restored as {} in {} from the point of {}, {steps} steps to put its settings back, {took} minutes",
        restore.target.name,
        restore.target.region,
        moment.trim(),
    );
    tell(paper, restore.requested_at, restore.table.arn.name.as_str(), &what)
}

/// What of a restored table is not as it was, items and settings.
async fn compare(ended: &Ended, came: &Came<'_>) -> Result<Vec<String>, Failure> {
    let Came { restore, was, .. } = came;
    let mut faults = Vec::new();
    if restore.stage != Stage::Succeeded {
        faults.push(format!("the restore is {}: {:?}", restore.stage, restore.problem));
    }
    let Some(was) = was else {
        faults.push("nobody wrote down what it was".to_owned());
        return Ok(faults);
    };
    for property in restore.report.iter().filter(|it| it.outcome != Outcome::Restored) {
        faults.push(format!("{} is {:?}", property.name, property.outcome));
    }
    let (region, name): (&Region, &TableName) = (&restore.target.region, &restore.target.name);
    let held = ended.world.items(ACCOUNT, region.as_str(), name.as_str());
    let held: BTreeSet<String> = held.iter().map(Value::to_string).collect();
    if held != was.items || held.is_empty() {
        faults.push(format!("it holds {} items, and held {}", held.len(), was.items.len()));
    }
    let now = ended.stack.app().aws.region(region).capture_anew(name).await?.settings;
    let now: Value = serde_json::from_slice(&now.to_bytes())?;
    if now != was.settings {
        faults.push("its settings are others".to_owned());
    }
    Ok(faults)
}
