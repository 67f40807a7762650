//! The chains as a picture: a column per day, a row per time of day, a mark per restore point.

use std::collections::BTreeMap;
use std::io::Write;

use backup_chain_core::ids::{PolicyName, VaultArn};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::policy::Policy;
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::Failure;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::paper::{Paper, Style};
use super::{END, Ended, POLICIES, START, at};

/// The width of the names of rows.
const NAME: usize = 7;

/// One row: the marks by day, and how each looks.
type Row = BTreeMap<Date, (Option<Style>, String)>;

pub fn draw(paper: &mut Paper<impl Write>, ended: &Ended) -> Result<(), Failure> {
    let now = ended.world.now();
    let last = now.strftime("%-e %B %Y, %H:%M").to_string();
    paper.heading(&format!("The chains on {last} UTC"))?;
    let (months, mondays) = axis();
    paper.line(&months)?;
    paper.line(&mondays)?;
    let policies = policies(ended)?;
    for table in ended.tables.all() {
        let mut vaults: BTreeMap<(bool, &VaultArn), Vec<&RestorePoint>> = BTreeMap::new();
        for point in ended.rows.iter().filter(|point| point.table.arn.name == table.name) {
            vaults.entry((point.kind == PointKind::Copy, &point.vault)).or_default().push(point);
        }
        for ((copies, vault), points) in vaults {
            let made_by = points.iter().find_map(|point| point.policy.as_ref()).map(|policy| &policy.name);
            let policy = made_by.and_then(|name| policies.get(name)).ok_or("a chain has no policy")?;
            let zone = &policy.time_zone;
            let name = if copies { "  its copies".to_owned() } else { table.name.to_string() };
            let name = paper.paint(Style::Strong, &name);
            let of = if copies { String::new() } else { format!(" ({}, {})", policy.name, zone.name()) };
            paper.line("")?;
            paper.line(&format!("{name}{of} in {}, {}", vault.region, kept(&points, now)))?;
            for (name, row) in rows(&points, zone.time_zone(), now) {
                let name = paper.paint(Style::Faint, &format!("{name:<NAME$}"));
                paper.line(&format!("{name}{}", draw_row(paper, &row)))?;
            }
        }
    }
    legend(paper)
}

/// The example policies by name.
fn policies(ended: &Ended) -> Result<BTreeMap<PolicyName, Policy>, Failure> {
    let home = ended.stack.app().context.deployment().policy_home();
    let parse = |document: &&str| -> Result<_, Failure> {
        let policy = Policy::parse(document, &home)?;
        Ok((policy.name.clone(), policy))
    };
    POLICIES.iter().map(parse).collect()
}

fn legend(paper: &mut Paper<impl Write>) -> Result<(), Failure> {
    paper.line("")?;
    let tiers = [("D", Tier::Daily), ("W", Tier::Weekly), ("M", Tier::Monthly), ("Y", Tier::Yearly)];
    let tiers: Vec<String> = tiers
        .into_iter()
        .map(|(letter, tier)| {
            format!("{} {tier}", style(tier).map_or(letter.to_owned(), |style| paper.paint(style, letter)))
        })
        .collect();
    paper
        .line(&format!("A restore point is the letters of the flags that keep it: {}.", tiers.join(", ")))?;
    paper.line("#  manual backup   .  removed by retention   x  removed by an operator   !  backup failed")
}

/// How many points there are, and how many each tier keeps.
fn kept(points: &[&RestorePoint], now: Timestamp) -> String {
    let there: Vec<_> = points.iter().filter(|point| point.state() == State::Available).collect();
    let live =
        |point: &RestorePoint, tier| point.flags.iter().any(|flag| flag.tier == tier && flag.is_live(now));
    let count = |tier| there.iter().filter(|point| live(point, tier)).count();
    let tiers = Tier::ALL.into_iter().map(|tier| (count(tier), tier.to_string()));
    let manual = there.iter().filter(|point| point.kind == PointKind::Manual).count();
    let counts = tiers.chain([(manual, "manual".to_owned())]).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("{} points: {}", there.len(), counts.join(", "))
}

/// A row per time of day at which points were due, and one for manual backups.
fn rows(points: &[&RestorePoint], zone: &TimeZone, now: Timestamp) -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for point in points {
        let local = point.slot.to_zoned(zone.clone());
        let name = match point.kind {
            PointKind::Manual => "manual".to_owned(),
            _ => local.strftime("%H:%M").to_string(),
        };
        rows.entry(name).or_default().insert(local.date(), mark(point, now));
    }
    rows
}

fn mark(point: &RestorePoint, now: Timestamp) -> (Option<Style>, String) {
    let live: Vec<Tier> = point.flags.iter().filter(|flag| flag.is_live(now)).map(|flag| flag.tier).collect();
    let (look, text) = match point.state() {
        State::Available if point.kind == PointKind::Manual => (Some(Style::Strong), "#".to_owned()),
        // Kept by no flag any more, until the next retention run.
        State::Available if live.is_empty() => (Some(Style::Faint), "o".to_owned()),
        State::Available => {
            let longest = live.iter().copied().max().and_then(style);
            (longest, live.into_iter().map(Tier::letter).collect())
        }
        State::Deleted if point.reason() == Some("removed by an operator") => {
            (Some(Style::Bad), "x".to_owned())
        }
        State::Deleted => (Some(Style::Faint), ".".to_owned()),
        State::Failed => (Some(Style::Bad), "!".to_owned()),
        _ => (Some(Style::Faint), "?".to_owned()),
    };
    (look, text)
}

fn style(tier: Tier) -> Option<Style> {
    match tier {
        Tier::Daily => None,
        Tier::Weekly => Some(Style::Weekly),
        Tier::Monthly => Some(Style::Monthly),
        Tier::Yearly => Some(Style::Yearly),
    }
}

/// The days of the story, each with the column in which it begins. A Monday has room for more letters.
fn days() -> Vec<(Date, usize)> {
    let day = |moment| at(moment).to_zoned(TimeZone::UTC).date();
    let (last, mut column) = (day(END), NAME);
    let days = day(START).series(1.day()).skip(1).take_while(|day| *day <= last);
    days.map(|day| {
        let start = column;
        column += if day.weekday() == Weekday::Monday { 3 } else { 2 };
        (day, start)
    })
    .collect()
}

fn draw_row(paper: &Paper<impl Write>, row: &Row) -> String {
    let mut text = String::new();
    let mut used = NAME;
    for (day, start) in days() {
        let Some((style, mark)) = row.get(&day) else { continue };
        // A mark wider than its day moves the next one, never itself.
        text.push_str(&" ".repeat(start.saturating_sub(used)));
        used = used.max(start) + mark.chars().count();
        text.push_str(&style.map_or(mark.clone(), |style| paper.paint(style, mark)));
    }
    text
}

/// The names of the months, and the days of the Mondays.
fn axis() -> (String, String) {
    let (mut months, mut mondays) = (String::new(), String::new());
    for (day, start) in days() {
        if months.is_empty() || day.day() == 1 {
            months = format!("{months:<start$}{}", day.strftime("%b"));
        }
        if day.weekday() == Weekday::Monday {
            mondays = format!("{mondays:<start$}{}", day.day());
        }
    }
    (months, mondays)
}
