//! Restore points: listed chain by chain, looked at, removed by an operator.

use std::collections::BTreeMap;

use backup_chain_core::ids::{
    AccountId, InvalidName, PointId, PolicyName, RecoveryPointArn, Region, SessionId, TableId, TableName,
    VaultArn, VaultName,
};
use backup_chain_core::point::{Hold, PointKind, RestorePoint, State};
use backup_chain_core::span::Span;
use backup_chain_core::tier::{Flag, Tier};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use crate::Console;
use crate::console::{Form, count, since, size, utc, word};
use crate::deployment::Deployed;
use crate::ids::Named;
use crate::outcome::{Failure, Outcome};

/// The restore points of a table.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  backup-chain points orders\n\n\
    A table that was dropped and created again has chains of its own for each creation.")]
pub(crate) struct List {
    /// The table
    table: TableName,
    /// Also those that failed, were dropped or are gone
    #[arg(long)]
    all: bool,
}

/// One restore point, as the operator names it.
#[derive(Debug, Args)]
pub(crate) struct PointArg {
    /// The table
    pub table: TableName,
    /// The restore point: its id, or the end of it
    pub id: Named<PointId>,
    /// Its vault, where a backup and its copy share the id: <Region>/<vault>
    #[arg(long, value_name = "REGION/VAULT", value_parser = place)]
    pub vault: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show one restore point
    #[command(after_help = "Example:\n  \
        backup-chain point show orders 01KE73DJG0C1V5K6TP3T2ZJ4ZD --vault eu-central-1/backup-chain")]
    Show(PointArg),
}

/// A vault as restore points name theirs: see [`RestorePoint::is_in`].
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn place(text: &str) -> Result<String, String> {
    if text.parse::<VaultArn>().is_err() {
        let account = text.split_once('/').filter(|(account, _)| account.parse::<AccountId>().is_ok());
        parts(account.map_or(text, |(_, rest)| rest))?;
    }
    Ok(text.to_owned())
}

/// The Region and the name of a vault that is written as `<Region>/<vault>`.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parts(text: &str) -> Result<(Region, VaultName), String> {
    let (region, vault) =
        text.split_once('/').ok_or("write <Region>/<vault>, such as eu-central-1/backup-chain")?;
    let region = region.parse().map_err(|error: InvalidName| error.to_string())?;
    Ok((region, vault.parse().map_err(|error: InvalidName| error.to_string())?))
}

/// A vault of the account, as `<Region>/<vault>`.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn own_vault(text: &str) -> Result<String, String> {
    parts(text).map(|_| text.to_owned())
}

/// A restore point, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct PointView<'a> {
    id: &'a PointId,
    pub table: &'a TableName,
    table_id: &'a TableId,
    pub kind: PointKind,
    pub vault: String,
    state: State,
    /// The moment of the restore point: the creation date that AWS gives it.
    created_at: Option<Timestamp>,
    policy: Option<&'a PolicyName>,
    revision: Option<u32>,
    session: &'a SessionId,
    slot: Timestamp,
    flags: Vec<FlagView>,
    bytes: Option<i64>,
    warnings: &'a [String],
    suspect: Option<&'a str>,
    hold: Option<&'a Hold>,
    reason: Option<&'a str>,
    requested_at: Option<Timestamp>,
    attempt: u32,
    job: Option<&'a str>,
    recovery_point: Option<&'a RecoveryPointArn>,
    /// Of a copy: the recovery point that it is a copy of.
    source: Option<&'a RecoveryPointArn>,
}

#[derive(Debug, Serialize)]
struct FlagView {
    tier: Tier,
    slot: Timestamp,
    keep: Span,
    lapses: Timestamp,
}

impl<'a> PointView<'a> {
    pub fn of(point: &'a RestorePoint) -> Self {
        let flag = |Flag { tier, slot, span, lapses }: &Flag| FlagView {
            tier: *tier,
            slot: *slot,
            keep: *span,
            lapses: *lapses,
        };
        Self {
            id: &point.id,
            table: &point.table.arn.name,
            table_id: &point.table.id,
            kind: point.kind,
            vault: point.place(),
            state: point.state(),
            created_at: point.created_at,
            policy: point.policy.as_ref().map(|policy| &policy.name),
            revision: point.policy.as_ref().map(|policy| policy.revision),
            session: &point.session,
            slot: point.slot,
            flags: point.flags.iter().map(flag).collect(),
            bytes: point.bytes,
            warnings: &point.warnings,
            suspect: point.suspect.as_deref(),
            hold: point.hold.as_ref(),
            reason: point.reason(),
            requested_at: point.requested_at,
            attempt: point.attempt,
            job: point.job(),
            recovery_point: point.recovery_point(),
            source: point.source.as_ref().map(|source| &source.arn),
        }
    }

    /// What [`LONG`] heads.
    pub fn long_row(&self, form: &Form) -> [String; 9] {
        let [id, at, state, flags, size, notes] = self.row(form);
        let (table, kind) = (self.table.to_string(), word(&self.kind));
        [table, kind, self.vault.clone(), id, at, state, flags, size, notes]
    }

    /// Id, moment, state, flags, size and notes.
    fn row(&self, form: &Form) -> [String; 6] {
        let flags: Vec<String> =
            self.flags.iter().map(|flag| format!("{} until {}", flag.tier, form.at(flag.lapses))).collect();
        [
            self.id.to_string(),
            form.or_dash(self.created_at),
            self.state.to_string(),
            if flags.is_empty() { "-".to_owned() } else { flags.join("\n") },
            self.bytes.map_or_else(|| "-".to_owned(), size),
            self.notes().join("\n"),
        ]
    }

    /// Every field under its name in JSON, with what there is of it.
    fn fields(&self) -> [(&'static str, Vec<String>); 22] {
        fn text<T: ToString>(value: impl IntoIterator<Item = T>) -> Vec<String> {
            value.into_iter().map(|value| value.to_string()).collect()
        }
        let at = |moment_of: Option<Timestamp>| text(moment_of.map(|at| format!("{} UTC", utc(at))));
        let flag = |flag: &FlagView| {
            let FlagView { tier, slot, keep, lapses } = flag;
            format!("{tier} of {} UTC, kept {keep}, until {} UTC", utc(*slot), utc(*lapses))
        };
        [
            ("id", text([self.id])),
            ("table", text([self.table])),
            ("table_id", text([self.table_id])),
            ("kind", vec![word(&self.kind)]),
            ("vault", text([&self.vault])),
            ("state", text([self.state])),
            ("created_at", at(self.created_at)),
            ("policy", text(self.policy)),
            ("revision", text(self.revision)),
            ("session", text([self.session])),
            ("slot", at(Some(self.slot))),
            ("flags", self.flags.iter().map(flag).collect()),
            ("bytes", text(self.bytes)),
            ("warnings", self.warnings.to_vec()),
            ("suspect", text(self.suspect)),
            ("hold", text(self.hold.map(hold_text))),
            ("reason", text(self.reason)),
            ("requested_at", at(self.requested_at)),
            ("attempt", text([self.attempt])),
            ("job", text(self.job)),
            ("recovery_point", text(self.recovery_point)),
            ("source", text(self.source)),
        ]
    }

    fn notes(&self) -> Vec<String> {
        let suspect = self.suspect.map(|why| format!("suspect: {why}"));
        let held = self.hold.map(|hold| format!("held: {}", hold_text(hold)));
        let warnings = self.warnings.iter().cloned();
        suspect.into_iter().chain(held).chain(warnings).chain(self.reason.map(str::to_owned)).collect()
    }
}

/// The columns of restore points of several tables, or of several chains.
pub(crate) const LONG: [&str; 9] =
    ["TABLE", "KIND", "VAULT", "POINT", "MOMENT (UTC)", "STATE", "FLAGS", "SIZE", "NOTES"];

/// A hold in words.
pub(crate) fn hold_text(hold: &Hold) -> String {
    let Hold { reason, author, until, .. } = hold;
    let by = author.as_ref().map(|author| format!(", by {author}")).unwrap_or_default();
    let until = until.map(|until| format!(", until {} UTC", utc(until))).unwrap_or_default();
    format!("{reason}{by}{until}")
}

#[derive(Debug, Serialize)]
struct Chain<'a> {
    table: &'a TableName,
    table_id: &'a TableId,
    kind: PointKind,
    vault: String,
    points: Vec<PointView<'a>>,
}

pub(crate) async fn list(
    list: &List,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let List { table, all } = list;
    let mut points = deployed.catalog().points_of_table(table).await?;
    points.retain(|point| *all || !point.state().is_past());
    points.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(policy) = points.iter().rev().find_map(|point| point.policy.as_ref()) {
        console.tell_in(&deployed.zone_of(&policy.name).await?);
    }
    let (form, now) = (console.form(), deployed.app.context.now());
    let mut chains: BTreeMap<(&TableId, PointKind, String), Vec<PointView<'_>>> = BTreeMap::new();
    for point in &points {
        let chain = (&point.table.id, point.kind, point.place());
        chains.entry(chain).or_default().push(PointView::of(point));
    }
    let chains: Vec<Chain<'_>> = chains
        .into_iter()
        .map(|((table_id, kind, vault), points)| Chain { table, table_id, kind, vault, points })
        .collect();
    if json {
        let points = chains.iter().flat_map(|chain| &chain.points);
        console.list(&chains, LONG, points.map(|point| point.long_row(&form)))?;
        return Ok(Outcome::Done);
    }
    if chains.is_empty() {
        console.line(format_args!("table {table} has no restore points"))?;
    }
    for (number, chain) in chains.iter().enumerate() {
        let Chain { table_id, kind, vault, points, .. } = chain;
        if number > 0 {
            console.line("")?;
        }
        let what = match kind {
            PointKind::Backup => "backup chain",
            PointKind::Copy => "copy chain",
            PointKind::Manual => "manual backups",
        };
        console.line(format_args!(
            "{what} of {table} ({table_id}) in {vault}: {}",
            count(points.len(), "restore point")
        ))?;
        let heading = ["POINT", "MOMENT (UTC)", "STATE", "FLAGS", "SIZE", "NOTES"];
        let rows = points.iter().map(|point| point.row(&form));
        if console.width().is_none() {
            console.table(heading, rows)?;
            continue;
        }
        // Who looks at it now is told how old each is.
        let ages =
            points.iter().map(|point| point.created_at.map_or_else(|| "-".to_owned(), |at| since(at, now)));
        let [point, moment, state, flags, size, notes] = heading;
        let heading = [point, moment, "AGE", state, flags, size, notes];
        let aged = |([id, at, state, flags, size, notes], age): ([String; 6], String)| {
            [id, at, age, state, flags, size, notes]
        };
        console.table(heading, rows.zip(ages).map(aged))?;
    }
    Ok(Outcome::Done)
}

/// The id of a restore point of a table, however it was named.
pub(crate) async fn whole(
    deployed: &Deployed,
    table: &TableName,
    named: Named<PointId>,
) -> Result<PointId, Failure> {
    let all = async || Ok(deployed.catalog().points_of_table(table).await?.into_iter().map(|point| point.id));
    named.among("restore point", all, &format!("backup-chain points {table}")).await
}

/// The restore point that is meant.
pub(crate) async fn find(deployed: &Deployed, named: &PointArg) -> Result<RestorePoint, Failure> {
    let PointArg { table, id, vault } = named;
    let id = whole(deployed, table, id.clone()).await?;
    let records = deployed.catalog().point_records_of_table(table).await?;
    let unread = records.iter().find_map(|record| record.clone().err());
    let mut found: Vec<RestorePoint> = records.into_iter().filter_map(Result::ok).collect();
    found.retain(|point| point.id == id && vault.as_ref().is_none_or(|vault| point.is_in(vault)));
    if found.len() > 1 {
        let vaults: Vec<String> = found.iter().map(|point| point.place()).collect();
        let vaults = vaults.join(" and ");
        return Err(Failure::refused(format!(
            "restore point {id} is in {vaults}: name one of them with --vault"
        )));
    }
    if let Some(point) = found.pop() {
        return Ok(point);
    }
    // It may be what is meant.
    if let Some(record) = unread {
        return Err(Failure::Aws(record.into()));
    }
    let place = vault.as_ref().map(|vault| format!(" in {vault}")).unwrap_or_default();
    Err(Failure::refused(format!(
        "table {table} has no restore point {id}{place}: see backup-chain points {table}"
    )))
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    match command {
        Command::Show(named) => show(&find(deployed, &named).await?, json, console),
    }
}

fn show(point: &RestorePoint, json: bool, console: &mut Console<'_>) -> Result<Outcome, Failure> {
    let view = PointView::of(point);
    if json {
        console.json(&view)?;
        return Ok(Outcome::Done);
    }
    for (name, values) in view.fields() {
        for value in values {
            console.line(format_args!("{name:<15} {value}"))?;
        }
    }
    Ok(Outcome::Done)
}
