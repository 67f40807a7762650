//! How well every table of the account and Region is protected: what is known is gathered here, and judged by
//! [`backup_chain_core::protection`]. It only reads, and its calls grow with the tables, not with their restore points.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::ids::{PolicyName, Table, TableName};
use backup_chain_core::protection::{Covering, Evidence, Presence, ProtectionReport, judge};
use backup_chain_core::retention::Run;
use backup_chain_core::table::TableHead;
use jiff::Timestamp;

use crate::app::App;
use crate::error::Error;
use crate::policies::Active;
use crate::scope::{self, Selected};

/// How all tables stand, those of policies and those of none, and those that are gone and have restore points.
///
/// # Errors
/// [`Error`] of the catalog. What else cannot be read is in the report, as not known.
pub async fn of_account(app: &App) -> Result<ProtectionReport, Error> {
    Ok(look(app).await?.report)
}

/// What was seen of all tables.
pub(crate) struct Looked {
    /// How they stand.
    pub report: ProtectionReport,
    /// Each table that there is or that a policy names, and which creation of it.
    pub there: BTreeMap<TableName, (Presence, Option<Table>)>,
    /// The heads of all creations of tables.
    pub heads: Vec<TableHead>,
}

/// How all tables stand, with what was seen of them.
pub(crate) async fn look(app: &App) -> Result<Looked, Error> {
    let now = app.context.now();
    let policies = app.policies.active().await?;
    let mut report =
        ProtectionReport { at: now, tables: Vec::new(), problems: Vec::new(), unknown: Vec::new() };
    let coverage = Coverage::of(app, &policies, &mut report.unknown).await;
    let heads = Heads::of(app.catalog.all_heads().await?);
    let mut suspects: BTreeMap<TableName, usize> = BTreeMap::new();
    for point in app.catalog.suspect_points().await? {
        *suspects.entry(point.table.arn.name).or_default() += 1;
    }
    let there = there(app, &coverage, &mut report.unknown).await;
    let excluded = excluded(app, &policies, there.keys()).await;
    let ours = app.context.deployment();
    let is_own =
        |table: &TableName| [&ours.catalog, &ours.settings].into_iter().any(|own| own == table.as_str());
    let names: BTreeSet<&TableName> = there
        .keys()
        .chain(coverage.of.keys())
        .chain(heads.by_name.keys())
        .filter(|name| !is_own(name))
        .collect();
    for name in names {
        let (presence, table) = there.get(name).cloned().unwrap_or((Presence::Missing, None));
        let covering = coverage.of.get(name).map(|index| &policies[*index]);
        let evidence = Evidence {
            table: name,
            presence,
            covering: covering.map(|active| Covering { policy: &active.policy, state: &active.stored.state }),
            excluded_by: excluded.get(name),
            head: heads.get(name, table.as_ref()),
            suspects: suspects.get(name).copied().unwrap_or_default(),
            home: &ours.region,
        };
        report.tables.extend(judge(&evidence, now));
    }
    report.tables.sort_by(|a, b| (a.standing, &a.table).cmp(&(b.standing, &b.table)));
    report.problems.extend(of_policies(&policies, &coverage));
    report.problems.extend(of_retention(app, now).await?);
    for record in app.catalog.unreadable() {
        report.problems.push(format!("{record}; {}", record.way_out()));
    }
    Ok(Looked { report, there, heads: heads.by_name.into_values().flatten().collect() })
}

/// Which policy each table belongs to.
#[derive(Debug, Default)]
struct Coverage {
    /// By table, the place of its policy in the list.
    of: BTreeMap<TableName, usize>,
    /// By policy, how many tables it covers; none where that is not known.
    counts: Vec<Option<usize>>,
}

impl Coverage {
    async fn of(app: &App, policies: &[Active], unread: &mut Vec<String>) -> Self {
        let mut coverage = Self { counts: vec![None; policies.len()], ..Self::default() };
        // One that is disabled has those tables only that no other has.
        let mut order: Vec<usize> = (0..policies.len()).collect();
        order.sort_by_key(|index| !policies[*index].policy.enabled);
        for index in order {
            let policy = &policies[index].policy;
            let Selected { tables, unknown, .. } = scope::of_policy(&app.aws, policies, policy).await;
            for unlisted in &unknown {
                unread.push(format!("of policy {} {unlisted}", policy.name));
            }
            coverage.counts[index] = unknown.is_empty().then_some(tables.len());
            for table in tables {
                coverage.of.entry(table).or_insert(index);
            }
        }
        coverage
    }
}

/// The heads of all tables.
#[derive(Debug, Default)]
struct Heads {
    by_name: BTreeMap<TableName, Vec<TableHead>>,
}

impl Heads {
    fn of(heads: Vec<TableHead>) -> Self {
        let mut by_name: BTreeMap<TableName, Vec<TableHead>> = BTreeMap::new();
        for head in heads {
            by_name.entry(head.table.arn.name.clone()).or_default().push(head);
        }
        Self { by_name }
    }

    /// That of the present creation; of the last one, where there is none.
    fn get(&self, name: &TableName, present: Option<&Table>) -> Option<&TableHead> {
        let heads = self.by_name.get(name)?.iter();
        match present {
            Some(table) => heads.into_iter().find(|head| head.table.id == table.id),
            None => heads.into_iter().max_by_key(|head| head.since),
        }
    }
}

/// Each table that there is or that a policy names, as far as it can be looked at.
async fn there(
    app: &App,
    coverage: &Coverage,
    unread: &mut Vec<String>,
) -> BTreeMap<TableName, (Presence, Option<Table>)> {
    let source = app.aws.source();
    let mut names: BTreeSet<TableName> = coverage.of.keys().cloned().collect();
    match source.dynamodb.names().await {
        Ok(all) => names.extend(all),
        Err(error) => unread.push(format!(
            "which tables there are is not known, and those of no policy are not shown: {error}"
        )),
    }
    let mut there = BTreeMap::new();
    for (name, found) in source.dynamodb.find_each(names).await {
        let found = match found {
            Ok(Some(found)) => (Presence::There(found.created_at), Some(found.table)),
            Ok(None) => (Presence::Missing, None),
            Err(error) => (Presence::Unknown(error.to_string()), None),
        };
        there.insert(name, found);
    }
    there
}

/// The tables that a policy would cover and excludes. What is excluded by tags is not known where they cannot be read:
/// such a table then counts as covered by none.
async fn excluded<'a>(
    app: &App,
    policies: &[Active],
    names: impl Iterator<Item = &'a TableName>,
) -> BTreeMap<TableName, PolicyName> {
    let by_tags = policies.iter().any(|active| active.policy.needs_tags());
    let read =
        if by_tags { app.aws.source().tagging().tables().await.unwrap_or_default() } else { BTreeMap::new() };
    let tags: BTreeMap<TableName, BTreeMap<String, String>> =
        read.into_iter().map(|(arn, tags)| (arn.name, tags)).collect();
    let untagged = BTreeMap::new();
    let excludes = |name: &TableName| {
        let tags = tags.get(name).unwrap_or(&untagged);
        let policies = policies.iter().map(|active| &active.policy).filter(|policy| policy.enabled);
        policies.filter(|policy| policy.excludes(name, tags)).map(|policy| policy.name.clone()).next()
    };
    names.filter_map(|name| Some((name.clone(), excludes(name)?))).collect()
}

fn of_policies<'a>(policies: &'a [Active], coverage: &'a Coverage) -> impl Iterator<Item = String> + use<'a> {
    let none = policies.is_empty().then(|| "no policy is stored: nothing is backed up".to_owned());
    let each = policies.iter().zip(&coverage.counts).filter_map(|(Active { stored, policy }, count)| {
        let name = &stored.name;
        if stored.disabled {
            Some(format!("policy {name} is disabled by an operator: backup-chain policy enable {name}"))
        } else if !policy.enabled {
            Some(format!("policy {name} is not enabled by its document: nothing of it is backed up"))
        } else if *count == Some(0) {
            Some(format!(
                "policy {name} covers no table: see its sources with backup-chain policy show {name}"
            ))
        } else {
            None
        }
    });
    none.into_iter().chain(each)
}

/// Whether retention runs, and removes what it should.
async fn of_retention(app: &App, now: Timestamp) -> Result<Option<String>, Error> {
    if let Some(watch) = app.catalog.watch().await?
        && watch.has_not_run(now)
    {
        let last = watch.last_run;
        return Ok(Some(format!("no retention run has ended since {last}: see backup-chain doctor")));
    }
    let braked =
        |run: Run| run.braked.map(|braked| format!("retention is braked and removes nothing: {braked}"));
    Ok(app.catalog.runs().await?.pop().and_then(braked))
}
