//! The chains of the demo as pictures.

use std::collections::BTreeMap;
use std::io::Write;

use backup_chain_core::ids::{PolicyName, VaultArn};
use backup_chain_core::picture::{self, Days};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::policy::Policy;
use backup_chain_deployed::stack::Failure;
use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::paper::{Paper, Style};
use super::{END, Ended, POLICIES, START, at};

pub fn draw(paper: &mut Paper<impl Write>, ended: &Ended) -> Result<(), Failure> {
    let now = ended.world.now();
    let last = now.strftime("%-e %B %Y, %H:%M").to_string();
    paper.heading(&format!("The chains on {last} UTC"))?;
    let day = |moment| TimeZone::UTC.to_datetime(at(moment)).date();
    let strips = Days::strips(day(START).checked_add(1.day())?, day(END), None);
    for line in strips.iter().flat_map(Days::axis) {
        paper.drawn(&line)?;
    }
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
            paper.line(&format!("{name}{of} in {}, {}", vault.region, picture::kept(&points, now)))?;
            for line in strips.iter().flat_map(|days| days.rows(&points, &[], zone.time_zone(), now)) {
                paper.drawn(&line)?;
            }
        }
    }
    paper.line("")?;
    picture::legend().iter().try_for_each(|line| paper.drawn(line))
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
