//! What is known of an account over a stretch of time, gathered for its report. It only reads: the catalog, the tables
//! that there are, and the vaults by name. Its calls grow with the tables, one query of the catalog for each.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::compliance::PolicyPast;
use backup_chain_core::facts::{Facts, TableFacts};
use backup_chain_core::ids::{PolicyName, Table, TableName, VaultArn};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::policy::Policy;
use backup_chain_core::protection::Presence;
use backup_chain_core::table::TableHead;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use crate::app::App;
use crate::catalog::HISTORY;
use crate::error::Error;
use crate::policies::Active;
use crate::protection::{self, Looked};

/// So many tables are read at the same time.
const MAX_CONCURRENCY: usize = 8;

/// Which tables facts are wanted of: all that are not left out.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only tables of this policy.
    pub policy: Option<PolicyName>,
    /// Only this table.
    pub table: Option<TableName>,
}

impl Wanted {
    fn is_table(&self, name: &TableName, policy: Option<&PolicyName>) -> bool {
        self.table.as_ref().is_none_or(|wanted| wanted == name)
            && self.policy.as_ref().is_none_or(|wanted| policy == Some(wanted))
    }
}

/// Gathers what is known. `progress` is called with how many tables have been read, and of how many.
///
/// # Errors
/// [`Error`] of the catalog. What else cannot be read is in the facts, as not known.
pub async fn gather(
    app: &App,
    wanted: &Wanted,
    mut progress: impl FnMut(usize, usize),
) -> Result<Facts, Error> {
    let at = app.context.now();
    let deployment = app.context.deployment();
    let Looked { mut report, there, heads } = protection::look(app).await?;
    let policies = policies(app).await?;
    let (restores, mut sessions) = (app.catalog.restores().await?, app.catalog.sessions().await?);
    let rebuilt = app.catalog.rebuilt().await?.map(|rebuilt| rebuilt.at);

    let covering: BTreeMap<TableName, PolicyName> =
        report.tables.iter().filter_map(|table| Some((table.table.clone(), table.policy.clone()?))).collect();
    let mut known: BTreeMap<TableName, Vec<TableHead>> = BTreeMap::new();
    for head in heads {
        known.entry(head.table.arn.name.clone()).or_default().push(head);
    }
    let mut names: BTreeSet<TableName> = report.tables.iter().map(|table| table.table.clone()).collect();
    names.extend(known.keys().cloned());
    names.retain(|name| {
        let of_head = || known.get(name).into_iter().flatten().find_map(|head| head.policy.as_ref());
        wanted.is_table(name, covering.get(name).or_else(of_head))
    });

    let mut reads = stream::iter(&names)
        .map(async |name| (name, app.catalog.point_records_of_table(name).await))
        .buffer_unordered(MAX_CONCURRENCY);
    let mut tables = Vec::new();
    let mut read = 0;
    while let Some((name, records)) = reads.next().await {
        let (presence, present) = there.get(name).cloned().unwrap_or((Presence::Missing, None));
        let heads = known.get(name).map(Vec::as_slice).unwrap_or_default();
        tables.extend(creations(heads, &presence, present.as_ref(), records?));
        read += 1;
        progress(read, names.len());
    }
    drop(reads);
    tables.sort_by(|a, b| (a.name(), a.created_at, &a.table.id).cmp(&(b.name(), b.created_at, &b.table.id)));

    let mut unread = Vec::new();
    let locked = locked(app, &tables, &mut unread).await;
    let of_other = |policy: &PolicyName| wanted.policy.as_ref().is_some_and(|wanted| wanted != policy);
    report.tables.retain(|table| wanted.is_table(&table.table, table.policy.as_ref()));
    sessions.retain(|session| session.policy.as_ref().is_none_or(|made_by| !of_other(&made_by.name)));
    Ok(Facts {
        at,
        home: deployment.policy_home(),
        protection: report,
        policies,
        runs: app.catalog.runs().await?,
        restores: restores.into_iter().filter(|restore| names.contains(&restore.table.arn.name)).collect(),
        tables,
        sessions,
        known_since: rebuilt.map_or(at - HISTORY, |rebuilt| rebuilt.max(at - HISTORY)),
        unread,
        locked,
        min_age: deployment.min_age,
    })
}

/// Each policy with what it said before.
async fn policies(app: &App) -> Result<BTreeMap<PolicyName, PolicyPast>, Error> {
    let home = app.context.deployment().policy_home();
    let mut policies = BTreeMap::new();
    for Active { stored, policy } in app.policies.all().await? {
        let revisions = app.catalog.revisions(&stored.name).await?;
        let read = |document: &str| Policy::parse(document, &home).ok();
        let revisions: Vec<(Timestamp, Policy)> = revisions
            .into_iter()
            .filter_map(|revision| Some((revision.applied_at, read(&revision.document)?)))
            .collect();
        let (state, deleted_at, name) = (stored.state, stored.deleted_at, stored.name);
        policies.insert(name.clone(), PolicyPast { name, policy, state, revisions, deleted_at });
    }
    Ok(policies)
}

/// Each creation of a table, with its restore points.
fn creations(
    heads: &[TableHead],
    presence: &Presence,
    present: Option<&Table>,
    records: Vec<Result<RestorePoint, crate::UnreadableRecord>>,
) -> Vec<TableFacts> {
    let is_whole = records.iter().all(Result::is_ok);
    let mut creations: BTreeMap<Table, TableFacts> = BTreeMap::new();
    let is_present = |table: &Table| present == Some(table);
    let new = |table: &Table| TableFacts {
        table: table.clone(),
        is_present: is_present(table),
        created_at: match presence {
            Presence::There(created_at) if is_present(table) => *created_at,
            _ => None,
        },
        gone_since: match presence {
            Presence::There(created_at) if !is_present(table) => *created_at,
            _ => None,
        },
        head: None,
        points: Vec::new(),
        is_whole,
    };
    creations.extend(present.map(|table| (table.clone(), new(table))));
    for head in heads {
        let creation = creations.entry(head.table.clone()).or_insert_with(|| new(&head.table));
        creation.gone_since = creation.gone_since.into_iter().chain(head.gone_since).min();
        creation.head = Some(head.clone());
    }
    for point in records.into_iter().flatten() {
        creations.entry(point.table.clone()).or_insert_with(|| new(&point.table)).points.push(point);
    }
    creations.into_values().collect()
}

/// The vaults of these tables in which AWS alone deletes, as far as they can be looked at.
async fn locked(app: &App, tables: &[TableFacts], unread: &mut Vec<String>) -> BTreeSet<VaultArn> {
    let vaults: BTreeSet<&VaultArn> =
        tables.iter().flat_map(|table| &table.points).map(|point| &point.vault).collect();
    let mut locked = BTreeSet::new();
    for vault in vaults {
        match app.aws.region(&vault.region).backup.vault(&vault.name).await {
            Ok(found) if found.lock.is_some() => {
                locked.insert(vault.clone());
            }
            Ok(_) => {}
            Err(error) => {
                unread.push(format!("whether vault {} is locked is not known: {error}", vault.place()));
            }
        }
    }
    locked
}
