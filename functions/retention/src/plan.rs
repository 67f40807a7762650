//! Planning: which chains have something outdated, and what becomes of each of their points.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::catalog::Write;
use backup_chain_aws::seal::{OpenError, Seen};
use backup_chain_aws::{AwsError, Edge, Meaning};
use backup_chain_core::ids::{Table, VaultArn};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{Hold, Kind, RestorePoint, State};
use backup_chain_core::policy::Policy;
use backup_chain_core::retention::{self, Guards, Verdict};
use backup_chain_core::table::TableHead;
use jiff::Timestamp;

use crate::{Report, reconcile, vault_name};

/// A chain and what becomes of its points.
pub(crate) struct Chain {
    pub points: Vec<(RestorePoint, Verdict)>,
}

impl Chain {
    pub fn removals(&self) -> impl Iterator<Item = &RestorePoint> {
        self.points.iter().filter(|(_, verdict)| verdict.remove).map(|(point, _)| point)
    }
}

/// A point's name in a plan: an id alone stands for a backup and its copies.
pub(crate) fn name(point: &RestorePoint) -> String {
    format!("{}/{}", vault_name(&point.vault), point.id)
}

/// Reads and plans every chain with a point whose last flag has lapsed. What cannot be read is reported, and
/// nothing of it is removed.
pub(crate) async fn outdated_chains(edge: &Edge, report: &mut Report) -> Result<Vec<Chain>, AwsError> {
    let now = edge.clock().now();
    let lapsed = edge.catalog().lapsed_points(now).await?;
    let chains: BTreeSet<(Table, VaultArn)> =
        lapsed.into_iter().map(|point| (point.table, point.vault)).collect();
    let mut locked: BTreeMap<VaultArn, bool> = BTreeMap::new();
    let mut plans = Vec::new();
    for (table, vault) in chains {
        let is_locked = match locked.get(&vault) {
            Some(known) => *known,
            None => match edge.region(&vault.region).backup.vault(&vault.name).await {
                Ok(found) => *locked.entry(vault.clone()).or_insert(found.locked),
                Err(error) => {
                    report
                        .problems
                        .push(format!("vault {vault} cannot be read, nothing of it is removed: {error}"));
                    *locked.entry(vault.clone()).or_insert(true)
                }
            },
        };
        match plan_chain(edge, &table, &vault, is_locked, now).await {
            Ok(chain) => plans.push(chain),
            Err(error) => report
                .problems
                .push(format!("the chain of {} in {vault} is left as it is: {error}", table.arn.name)),
        }
    }
    Ok(plans)
}

async fn plan_chain(
    edge: &Edge,
    table: &Table,
    vault: &VaultArn,
    vault_locked: bool,
    now: Timestamp,
) -> Result<Chain, AwsError> {
    let mut points = edge.catalog().chain(table, vault).await?;
    let guards = guards(edge, table, vault, vault_locked, &points).await?;
    // Metadata that is opened may turn out not to be believed, which changes what counts as newest: so it is
    // planned again until all that it hangs on has been opened.
    let mut believed = BTreeSet::new();
    loop {
        let verdicts = retention::plan(&points, now, &guards);
        let next = points.iter_mut().find(|point| {
            let verdict = verdicts.iter().find(|verdict| verdict.id == point.id);
            let matters = verdict.is_some_and(|verdict| {
                verdict.remove
                    || verdict.reasons.iter().any(|reason| matches!(reason, retention::Reason::Newest { .. }))
            });
            matters && !believed.contains(&point.id)
        });
        match next {
            Some(point) => {
                believed.insert(point.id.clone());
                believe(edge, point).await?;
            }
            None => {
                let by_id: BTreeMap<_, _> =
                    points.into_iter().map(|point| (point.id.clone(), point)).collect();
                let pair = |verdict: Verdict| Some((by_id.get(&verdict.id)?.clone(), verdict));
                return Ok(Chain { points: verdicts.into_iter().filter_map(pair).collect() });
            }
        }
    }
}

/// Opens the metadata of an available point and takes note of what it finds: a point that is not believed is
/// suspect from now on, one that carries the hold tag is held, one that is not in the vault is gone.
pub(crate) async fn believe(edge: &Edge, point: &mut RestorePoint) -> Result<(), AwsError> {
    let (State::Available, Some(arn)) = (point.state, point.arn.clone()) else { return Ok(()) };
    let region = edge.region(&point.vault.region);
    let found = match region.backup.tags(&arn).await {
        Ok(found) => found,
        Err(error) if error.meaning == Meaning::NotFound => return reconcile::gone(edge, point).await,
        Err(error) => return Err(error),
    };
    let seen = Seen { tags: &found, created_at: point.created_at, region: &point.vault.region };
    match edge.open(point, &seen).await {
        Ok(_) => {}
        Err(OpenError::Aws(error)) => return Err(error),
        Err(error) => return suspect(edge, point, &error.to_string()).await,
    }
    if found.contains_key(tags::HOLD) && point.hold.is_none() {
        point.hold = Some(Hold { reason: "tagged at AWS Backup".to_owned() });
    }
    Ok(())
}

/// Records that a point is not believed, and that its slots are no longer met by it.
async fn suspect(edge: &Edge, point: &mut RestorePoint, why: &str) -> Result<(), AwsError> {
    tracing::error!(point = %point.id, table = %point.table.arn.name, why, "restore point is suspect: it is kept");
    point.suspect = Some(why.to_owned());
    edge.commit_with_met(point).await
}

async fn guards(
    edge: &Edge,
    table: &Table,
    vault: &VaultArn,
    vault_locked: bool,
    points: &[RestorePoint],
) -> Result<Guards, AwsError> {
    let policy = match points.iter().rev().find_map(|point| point.policy.as_ref()) {
        None => None,
        Some(made) => edge.catalog().policy(&made.name).await?,
    };
    let policy = policy.and_then(|stored| Policy::parse(&stored.document, &edge.policy_home()).ok());
    let defaults = Guards::default();
    // Only the newest points of a table that is gone may ever go.
    let released_at = gone_since(edge, table).await?.map(|since| {
        let after_drop = policy.as_ref().map_or(AFTER_DROP, |policy| policy.after_drop);
        let zone = policy.as_ref().map(|policy| policy.time_zone.time_zone().clone());
        after_drop.after(since, &zone.unwrap_or(jiff::tz::TimeZone::UTC))
    });
    Ok(Guards {
        keep_last: policy.as_ref().map_or(defaults.keep_last, |policy| policy.keep_last),
        released_at,
        min_age: edge.deployment().min_age,
        vault_locked,
        being_copied: being_copied(edge, table, vault).await?,
    })
}

/// How long the newest points of a table that is gone stay when no policy says.
const AFTER_DROP: backup_chain_core::span::Span =
    backup_chain_core::span::Span { count: 90, unit: backup_chain_core::span::Unit::Day };

/// The points of a chain that are the source of a copy that is not final.
pub(crate) async fn being_copied(
    edge: &Edge,
    table: &Table,
    vault: &VaultArn,
) -> Result<BTreeSet<backup_chain_core::ids::PointId>, AwsError> {
    let open = edge.catalog().open_points().await?;
    let of_chain = open.into_iter().filter(|point| {
        point.kind == Kind::Copy
            && point.table == *table
            && point.source.as_ref().is_some_and(|source| source.vault == *vault)
    });
    Ok(of_chain.map(|point| point.id).collect())
}

/// Since when a table is known to be gone; recorded when it is first seen to be.
async fn gone_since(edge: &Edge, table: &Table) -> Result<Option<Timestamp>, AwsError> {
    let is_there =
        edge.source().dynamodb.find(&table.arn.name).await?.is_some_and(|found| found.table == *table);
    let head = edge.catalog().head(table).await?;
    let now = edge.clock().now();
    match (is_there, head) {
        (true, _) => Ok(None),
        (false, Some(TableHead { gone_since: Some(since), .. })) => Ok(Some(since)),
        (false, head) => {
            let mut head = head.unwrap_or_else(|| TableHead::new(table.clone(), now));
            head.gone_since = Some(now);
            edge.catalog().commit([Write::of(&mut head)]).await?;
            tracing::info!(table = %table.arn.name, "table is gone: its newest restore points stay for now");
            Ok(Some(now))
        }
    }
}
