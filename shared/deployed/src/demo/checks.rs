//! What was promised, held against what is there. The vaults are read behind the API; what they should hold is
//! worked out from the policies and from what the story did.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_aws::seen::Seen;
use backup_chain_core::ids::PointId;
use backup_chain_core::metadata::{self, Document, tags};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::retention::PointFate as Outcome;
use backup_chain_core::session::Status;
use backup_chain_core::settings::TableSettings;
use backup_chain_core::tier::Tier;
use backup_chain_deployed::judge;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, SOURCE, TARGET, VAULT};
use backup_chain_local::backup::PointView;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::expect::{self, Chain, Fate, Pin, Promise};
use super::paper::{Paper, Style};
use super::tables::{CANARY, Table};
use super::{BY_HAND, END, Ended, FAILS, MANUAL, at, removals};

/// How many faults of one check are printed.
const MAX_SHOWN: usize = 5;

/// A recovery point in a vault, opened.
struct Opened {
    view: PointView,
    region: &'static str,
    document: Document,
    settings: TableSettings,
}

/// A check: what it is about, and what is wrong.
struct Check {
    about: String,
    faults: Vec<String>,
}

/// Runs every check, prints each, and says whether all hold.
pub async fn all(paper: &mut Paper<impl Write>, ended: &Ended) -> Result<bool, Failure> {
    let (opened, unopened) = open_all(ended).await?;
    let promise = Promise::kept();
    let mut checks = vec![lived(ended), ran(ended, &promise).await?];
    let tables = &ended.tables;
    let chains = [
        (&tables.orders, SOURCE, &promise.gold),
        (&tables.orders, TARGET, &promise.gold_copies),
        (&tables.customers, SOURCE, &promise.silver),
        (&tables.sessions, SOURCE, &promise.bronze),
    ];
    for (table, region, chain) in &chains {
        checks.push(kept(&opened, table, region, chain));
    }
    checks.push(removed(ended, &chains));
    checks.push(owed(ended, &opened));
    checks.push(manual(ended, &opened));
    checks.push(by_hand(ended, &opened));
    checks.push(Check {
        about: format!("every recovery point opens: {} in two Regions", opened.len()),
        faults: unopened,
    });
    checks.push(items(ended, &opened));
    checks.push(settings(ended, &opened));
    checks.push(copies(ended, &opened));
    checks.push(secrets(ended, &opened).await?);
    checks.push(agreement(ended).await?);

    paper.heading("What was checked")?;
    let mut held = true;
    for Check { about, faults } in checks {
        held &= faults.is_empty();
        let tick =
            if faults.is_empty() { paper.paint(Style::Good, "✓") } else { paper.paint(Style::Bad, "✗") };
        paper.line(&format!("{tick} {about}"))?;
        for fault in faults.iter().take(MAX_SHOWN) {
            paper.line(&format!("    {fault}"))?;
        }
        if faults.len() > MAX_SHOWN {
            paper.line(&format!("    and {} more", faults.len() - MAX_SHOWN))?;
        }
    }
    Ok(held)
}

fn vaults(ended: &Ended) -> Vec<(&'static str, PointView)> {
    let held = |region, vault| ended.world.with_backup(|backup| backup.points(ACCOUNT, region, vault));
    let source = held(SOURCE, VAULT).into_iter().map(|point| (SOURCE, point));
    let target = held(TARGET, COPIES).into_iter().map(|point| (TARGET, point));
    source.chain(target).collect()
}

/// Opens every recovery point of the vaults from its tags.
async fn open_all(ended: &Ended) -> Result<(Vec<Opened>, Vec<String>), Failure> {
    let (mut opened, mut faults) = (Vec::new(), Vec::new());
    for (region, view) in vaults(ended) {
        let row =
            ended.rows.iter().find(|row| row.recovery_point().is_some_and(|arn| arn.to_string() == view.arn));
        let Some(row) = row else {
            faults.push(format!("{} is not in the catalog", view.arn));
            continue;
        };
        let Some(arn) = row.recovery_point() else { continue };
        let seen = Seen { created_at: Some(view.created), ..Seen::of_record(row, arn, &view.tags) };
        match ended.stack.app().sealer.open(row, &seen).await {
            Ok((document, settings)) => opened.push(Opened { view, region, document, settings }),
            Err(error) => faults.push(format!("{} of {}: {error}", row.id, row.table.arn.name)),
        }
    }
    Ok((opened, faults))
}

fn lived(ended: &Ended) -> Check {
    let days = expect::runs();
    let mut faults = Vec::new();
    if days < 40 || ended.world.now() < at(END) {
        faults.push(format!("it is {} now", ended.world.now()));
    }
    let changes: Vec<usize> = ended.tables.all().map(Table::changes).to_vec();
    if changes.iter().any(|count| *count < 20) {
        faults.push(format!("the tables changed {changes:?} times"));
    }
    let changes: usize = changes.iter().sum();
    Check { about: format!("{days} days were lived through, and the tables changed {changes} times"), faults }
}

/// Every slot has its session, and every session ended as it had to.
async fn ran(ended: &Ended, promise: &Promise) -> Result<Check, Failure> {
    let sessions = ended.stack.app().catalog.sessions().await?;
    let mut due: BTreeMap<(String, Timestamp), u32> = BTreeMap::new();
    for (policy, chain) in [("gold", &promise.gold), ("silver", &promise.silver), ("bronze", &promise.bronze)]
    {
        due.extend(chain.keys().map(|slot| ((policy.to_owned(), *slot), 0)));
    }
    let mut faults = Vec::new();
    for session in &sessions {
        let Some(policy) = session.policy.as_ref().map(|policy| policy.name.to_string()) else { continue };
        let fails = policy == "silver" && session.slot == at(FAILS);
        let wanted = if fails { Status::Failed } else { Status::Succeeded };
        if session.status != wanted {
            faults.push(format!("the {policy} session of {} is {:?}", session.slot, session.status));
        }
        match due.get_mut(&(policy.clone(), session.slot)) {
            Some(count) => *count += 1,
            None => faults.push(format!("nothing of {policy} is due at {}", session.slot)),
        }
    }
    for ((policy, slot), count) in due.iter().filter(|(_, count)| **count != 1) {
        faults.push(format!("{policy} has {count} sessions for {slot}"));
    }
    Ok(Check {
        about: format!(
            "each of {} slots had one session; all succeeded but the one that AWS failed",
            due.len()
        ),
        faults,
    })
}

/// A vault holds exactly what the policy promises: the same slots, flags and lapse instants, as the decrypted
/// tags tell them.
fn kept(opened: &[Opened], table: &Table, region: &str, chain: &Chain) -> Check {
    let wanted: BTreeMap<Timestamp, Vec<Pin>> = chain
        .iter()
        .filter(|(_, expected)| expected.fate == Fate::Kept)
        .map(|(slot, expected)| (*slot, expected.pins.clone()))
        .collect();
    let mut there: BTreeMap<Timestamp, Vec<Pin>> = BTreeMap::new();
    let mut faults = Vec::new();
    for point in chain_of(opened, table, region) {
        if there.insert(point.document.slot, pins(point)).is_some() {
            faults.push(format!("two points of {}", point.document.slot));
        }
    }
    for slot in wanted.keys().chain(there.keys()).collect::<BTreeSet<_>>() {
        match (wanted.get(slot), there.get(slot)) {
            (Some(_), None) => faults.push(format!("the point of {slot} is not in the vault")),
            (None, Some(_)) => faults.push(format!("the point of {slot} should be gone")),
            (wanted, there) if wanted != there => faults.push(format!("the point of {slot} has other flags")),
            _ => {}
        }
    }
    let live = |pin: &&Pin| pin.until > at(END);
    let count = |tier: Tier| there.values().flatten().filter(live).filter(|pin| pin.tier == tier).count();
    let tiers: Vec<String> = Tier::ALL
        .into_iter()
        .map(|tier| (count(tier), tier))
        .filter(|(count, _)| *count > 0)
        .map(|(count, tier)| format!("{count} {tier}"))
        .collect();
    let about = format!("{} in {region} has exactly what was promised: {}", table.name, tiers.join(", "));
    Check { about, faults }
}

/// The chain points of a table in a Region, without manual backups.
fn chain_of<'a>(opened: &'a [Opened], table: &Table, region: &str) -> impl Iterator<Item = &'a Opened> {
    let (arn, region) = (table.arn(), region.to_owned());
    opened.iter().filter(move |point| {
        point.view.resource_arn == arn
            && point.region == region
            && point.document.kind == metadata::DocumentKind::Chain
    })
}

/// What the decrypted tags say of a point's flags in the vault that it is in.
fn pins(point: &Opened) -> Vec<Pin> {
    let flags = match point.region {
        TARGET => point.document.copies.iter().flat_map(|copy| &copy.flags).collect::<Vec<_>>(),
        _ => point.document.flags.iter().collect(),
    };
    flags.into_iter().map(|flag| Pin { tier: flag.tier, slot: flag.slot, until: flag.lapses }).collect()
}

/// Retention removed what had lapsed, each point in the first run after, and nothing else.
fn removed(ended: &Ended, chains: &[(&Table, &str, &Chain)]) -> Check {
    let mut wanted: BTreeSet<(String, String, Timestamp, Timestamp)> = BTreeSet::new();
    for (table, region, chain) in chains {
        for (slot, expected) in *chain {
            if let Fate::Removed(run) = expected.fate {
                wanted.insert((table.name.to_string(), (*region).to_owned(), *slot, run));
            }
        }
    }
    let mut faults = Vec::new();
    let slots: BTreeMap<(String, &PointId), Timestamp> =
        ended.rows.iter().map(|row| ((removals::place(row), &row.id), row.slot)).collect();
    let mut done = BTreeSet::new();
    for (number, (_, report)) in (1..).zip(&ended.stack.reports()) {
        let run = at(super::START) + SignedDuration::from_hours(24 * number);
        if let Some(braked) = &report.braked {
            faults.push(format!("the run of {run} was braked: {braked}"));
        }
        faults.extend(report.problems.iter().map(|problem| format!("the run of {run}: {problem}")));
        for decided in report.points.iter().filter(|decided| decided.fate != Outcome::Keep) {
            let slot = slots.get(&(decided.vault.clone(), &decided.point)).copied().unwrap_or_default();
            let region = decided.vault.split('/').next().unwrap_or_default().to_owned();
            done.insert((decided.table.to_string(), region, slot, run));
        }
    }
    let told = |(table, region, slot, run): &(String, String, Timestamp, Timestamp), what: &str| {
        format!("the point of {table} in {region} of {slot} {what} the run of {run}")
    };
    faults.extend(wanted.difference(&done).map(|removal| told(removal, "was not removed by")));
    faults.extend(done.difference(&wanted).map(|removal| told(removal, "should not have been removed by")));
    let runs = ended.stack.reports().len();
    if i64::try_from(runs).ok() != Some(expect::runs()) {
        faults.push(format!("retention ran {runs} times in {} days", expect::runs()));
    }
    let about =
        format!("retention ran {runs} times and removed {} points, each the day it was outdated", done.len());
    Check { about, faults }
}

/// The weekly slot that failed went to the next point, kept for four weeks from then.
fn owed(ended: &Ended, opened: &[Opened]) -> Check {
    let mut faults = Vec::new();
    let failed = ended.rows.iter().filter(|row| row.state() == State::Failed);
    let failed: Vec<(&str, Timestamp)> = failed.map(|row| (row.table.arn.name.as_str(), row.slot)).collect();
    if failed != [("customers", at(FAILS))] {
        faults.push(format!("failed: {failed:?}"));
    }
    let evening = at("2026-01-26T19:00:00Z");
    let weekly = Pin { tier: Tier::Weekly, slot: at(FAILS), until: at("2026-02-23T19:00:00Z") };
    let mut chain = chain_of(opened, &ended.tables.customers, SOURCE);
    if !chain.any(|point| point.document.slot == evening && pins(point).contains(&weekly)) {
        faults.push("the evening's point does not carry the weekly flag".to_owned());
    }
    Check {
        about: "the weekly slot that failed was owed and went to the next point, twelve hours later"
            .to_owned(),
        faults,
    }
}

fn manual(ended: &Ended, opened: &[Opened]) -> Check {
    let mut faults = Vec::new();
    let manual: Vec<_> =
        opened.iter().filter(|point| point.document.kind == metadata::DocumentKind::Manual).collect();
    match manual.as_slice() {
        [point] => {
            let made = at(MANUAL)..at(MANUAL) + SignedDuration::from_hours(1);
            let is_it =
                point.view.resource_arn == ended.tables.sessions.arn() && made.contains(&point.view.created);
            if !is_it || !point.document.flags.is_empty() || point.document.policy.is_some() {
                faults.push(format!("it is {} of {}", point.document.id, point.view.resource_arn));
            }
        }
        others => faults.push(format!("there are {} manual backups", others.len())),
    }
    let age = at(END).duration_since(at(MANUAL)).as_hours() / 24;
    Check { about: format!("the manual backup is there after {age} days, outside its chain"), faults }
}

/// The point that was removed by an operator is gone, its copy and its neighbours are not.
fn by_hand(ended: &Ended, opened: &[Opened]) -> Check {
    let mut faults = Vec::new();
    let has = |region: &str, slot: Timestamp| {
        chain_of(opened, &ended.tables.orders, region).any(|point| point.document.slot == slot)
    };
    let week = SignedDuration::from_hours(7 * 24);
    if has(SOURCE, at(BY_HAND)) {
        faults.push("it is still in the vault".to_owned());
    }
    if !has(TARGET, at(BY_HAND)) {
        faults.push("its copy is gone as well".to_owned());
    }
    for neighbour in [at(BY_HAND) - week, at(BY_HAND) + week] {
        if !has(SOURCE, neighbour) {
            faults.push(format!("its neighbour of {neighbour} is gone"));
        }
    }
    let by_hand =
        |row: &&RestorePoint| row.reason() == Some("removed by an operator") && row.state() == State::Deleted;
    if ended.rows.iter().filter(by_hand).map(|row| row.slot).collect::<Vec<_>>() != [at(BY_HAND)] {
        faults.push("the catalog tells something else".to_owned());
    }
    let about =
        "the point removed by an operator is gone; its copy and the points around it are whole".to_owned();
    Check { about, faults }
}

/// What a point holds is what its table held at that moment.
fn items(ended: &Ended, opened: &[Opened]) -> Check {
    let mut faults = Vec::new();
    let (mut count, mut different) = (0, BTreeSet::new());
    for point in opened {
        let held: BTreeSet<String> = point.view.table.items.iter().map(Value::to_string).collect();
        count += held.len();
        let then =
            ended.tables.of(&point.view.resource_arn).and_then(|table| table.as_of(point.view.created));
        if held.is_empty() || then.is_none_or(|then| then.items != held) {
            faults.push(format!("the point of {} of {}", point.document.slot, point.view.resource_arn));
        }
        different.insert(held);
    }
    if different.len() < 10 {
        faults.push(format!("only {} points differ: the check shows too little", different.len()));
    }
    Check { about: format!("their {count} items are those that the tables held at the moment"), faults }
}

/// The decrypted settings are those that the table had when the backup was asked for.
fn settings(ended: &Ended, opened: &[Opened]) -> Check {
    let mut faults = Vec::new();
    let mut different = BTreeSet::new();
    for point in opened {
        let captured: Option<Value> = serde_json::from_slice(&point.settings.to_bytes()).ok();
        let then = ended
            .tables
            .of(&point.view.resource_arn)
            .and_then(|table| table.as_of(point.document.requested_at));
        if captured.is_none() || captured.as_ref() != then.map(|then| &then.settings) {
            faults.push(format!("the point of {} of {}", point.document.slot, point.view.resource_arn));
        }
        different.insert(captured.map(|captured| captured.to_string()));
    }
    let about =
        format!("their settings, decrypted, are those of the moment: {} different ones", different.len());
    Check { about, faults }
}

/// A copy is its backup again: same id, moment and items, whether the backup is still there or not.
fn copies(ended: &Ended, opened: &[Opened]) -> Check {
    let mut faults = Vec::new();
    let copies: Vec<_> = opened.iter().filter(|point| point.region == TARGET).collect();
    let mut pairs = 0;
    for copy in &copies {
        let row = ended.rows.iter().find(|row| row.kind == PointKind::Backup && row.id == copy.document.id);
        if row
            .is_none_or(|row| row.created_at.map(Timestamp::as_second) != Some(copy.view.created.as_second()))
        {
            faults.push(format!("the copy of {} has another moment", copy.document.slot));
        }
        let backup =
            opened.iter().find(|point| point.region == SOURCE && point.document.id == copy.document.id);
        if let Some(backup) = backup {
            pairs += 1;
            // Each is bound to its own recovery point.
            let said = |point: &Opened| {
                let mut tags = point.view.tags.clone();
                tags.remove(tags::BOUND);
                tags
            };
            if backup.view.table.items != copy.view.table.items || said(backup) != said(copy) {
                faults.push(format!("the copy of {} differs from its backup", copy.document.slot));
            }
        }
    }
    let about = format!(
        "{} copies are of the moment of their backups, the same as the {pairs} still there",
        copies.len()
    );
    Check { about, faults }
}

/// The word in captured settings is in no tag (nor what its base64 holds), no row of the catalog or of the
/// settings tables, and no line of the logs.
async fn secrets(ended: &Ended, opened: &[Opened]) -> Result<Check, Failure> {
    let mut faults = Vec::new();
    let known = |point: &&Opened| String::from_utf8_lossy(&point.settings.to_bytes()).contains(CANARY);
    let captured = opened.iter().filter(known).count();
    if captured == 0 || ended.logs.is_empty() {
        faults.push("nothing was captured or logged that could tell: the check shows nothing".to_owned());
    }
    let mut texts = 0;
    for (_, point) in vaults(ended) {
        texts += point.tags.len();
        let sealed = tags::decode(&point.tags)?.map(|sealed| sealed.bytes).unwrap_or_default();
        if point.tags.iter().any(|(key, value)| key.contains(CANARY) || value.contains(CANARY))
            || holds(&sealed)
        {
            faults.push(format!("the tags of {}", point.arn));
        }
    }
    let mut rows = 0;
    let deployment = ended.stack.app().context.deployment();
    let stores =
        [(SOURCE, &deployment.catalog), (SOURCE, &deployment.settings), (TARGET, &deployment.settings)];
    for (region, table) in stores {
        let client = aws_sdk_dynamodb::Client::new(&ended.world.sdk_config(ACCOUNT, region, "operator"));
        let mut items = client.scan().table_name(table).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item?;
            rows += 1;
            if item.iter().any(|(name, value)| name.contains(CANARY) || tells(value)) {
                faults.push(format!("a row of {table} in {region}"));
            }
        }
    }
    let lines = ended.logs.lines().count();
    faults.extend(
        ended.logs.lines().filter(|line| line.contains(CANARY)).map(|_| "a line of the logs".to_owned()),
    );
    let about = format!("no captured setting is readable in {texts} tags, {rows} rows and {lines} log lines");
    Ok(Check { about, faults })
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

fn tells(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::S(text) => text.contains(CANARY),
        AttributeValue::B(bytes) => holds(bytes.as_ref()),
        AttributeValue::L(values) => values.iter().any(tells),
        AttributeValue::M(fields) => fields.iter().any(|(name, value)| name.contains(CANARY) || tells(value)),
        AttributeValue::Ss(texts) => texts.iter().any(|text| text.contains(CANARY)),
        _ => false,
    }
}

async fn agreement(ended: &Ended) -> Result<Check, Failure> {
    let names: Vec<_> = ended.tables.all().map(|table| table.name.clone()).to_vec();
    let faults = judge::disagreements(&ended.world, ended.stack.app(), &names).await?;
    let rows = ended.rows.len();
    Ok(Check { about: format!("the catalog, of {rows} restore points, agrees with both vaults"), faults })
}
