//! Rebuilding the catalog's restore points from the vaults: every backup describes itself. What is in the catalog
//! already is left as it is, and nothing is removed; for some days after, retention removes nothing either, so that
//! there is time to look at what was found.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Point, PointState};
use backup_chain_aws::catalog::{self, Write};
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::{Edge, Error};
use backup_chain_core::due::PolicyState;
use backup_chain_core::history::Action;
use backup_chain_core::ids::{PointId, RecoveryPointArn, Table, VaultArn};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{CopySource, Hold, Kind, RestorePoint};
use backup_chain_core::retention::{Rebuilt, place_of};
use backup_chain_core::table::TableHead;

use crate::{RetentionError, reconcile};

pub(crate) async fn rebuild(
    edge: &Edge,
    named: &[String],
    by: Option<String>,
    deadline: Deadline,
) -> Result<Rebuilt, RetentionError> {
    let vaults = vaults(edge, named).await?;
    // Before anything else, so that no run removes what is about to be found.
    let now = edge.clock().now();
    let mut mark = edge.catalog().rebuilt().await?.unwrap_or(catalog::Rebuilt { at: now, rev: 0 });
    mark.at = now;
    edge.catalog().commit([Write::of(&mut mark)]).await?;
    let mut rebuilt = Rebuilt {
        vaults: vaults.iter().map(place_of).collect(),
        braked_until: Some(now + edge.deployment().brakes.after_rebuild),
        ..Rebuilt::default()
    };
    // What was in force is not known any more: nothing is due before the next slot.
    for mut active in edge.policies().await? {
        active.stored.state = PolicyState::starting(&active.policy, now);
        edge.catalog().commit([Write::of(&mut active.stored)]).await?;
    }
    let known: BTreeSet<RecoveryPointArn> =
        edge.catalog().every_live_point().await?.into_iter().filter_map(|point| point.arn).collect();
    let mut found: BTreeMap<Table, Vec<RestorePoint>> = BTreeMap::new();
    for vault in &vaults {
        match read(edge, vault, &known, deadline, &mut rebuilt).await {
            Ok(points) => {
                for point in points {
                    found.entry(point.table.clone()).or_default().push(point);
                }
            }
            // One vault that cannot be read must not stop the others.
            Err(error) => rebuilt.problems.push(format!("vault {} is not read: {error}", place_of(vault))),
        }
    }
    for (table, points) in found {
        if !deadline.allows_work(edge.clock().now()) {
            rebuilt.left += points.len();
            continue;
        }
        add(edge, &table, points, &mut rebuilt).await?;
    }
    let mut entry = edge.entry(Action::CatalogRebuilt, rebuilt.vaults.join(", "), by);
    entry.details = vec![
        format!(
            "{} added, {} known, {} foreign, {} left",
            rebuilt.added, rebuilt.known, rebuilt.foreign, rebuilt.left
        ),
        format!("{} not believed or not read", rebuilt.problems.len()),
    ];
    edge.catalog().commit([Write::of(&mut entry)]).await?;
    tracing::warn!(
        added = rebuilt.added,
        problems = rebuilt.problems.len(),
        "the catalog was rebuilt from the vaults"
    );
    Ok(rebuilt)
}

/// The stack's own vault, those of its policies, deleted ones too, and those that are named.
async fn vaults(edge: &Edge, named: &[String]) -> Result<BTreeSet<VaultArn>, RetentionError> {
    let ours = edge.deployment();
    let mut vaults = BTreeSet::from([ours.vault_arn(&ours.vault)]);
    for active in edge.every_policy().await? {
        vaults.insert(ours.vault_arn(&active.policy.vault));
        vaults.extend(active.policy.copies.iter().map(|target| target.vault.clone()));
    }
    for text in named {
        let wrong = || RetentionError::NoVault(text.clone());
        let (region, name) = text.split_once('/').ok_or_else(wrong)?;
        let name = name.parse().map_err(|_| wrong())?;
        vaults.insert(VaultArn { region: region.parse().map_err(|_| wrong())?, ..ours.vault_arn(&name) });
    }
    Ok(vaults)
}

/// What a vault holds of ours that is not in the catalog.
async fn read(
    edge: &Edge,
    vault: &VaultArn,
    known: &BTreeSet<RecoveryPointArn>,
    deadline: Deadline,
    rebuilt: &mut Rebuilt,
) -> Result<Vec<RestorePoint>, Error> {
    let mut found: BTreeMap<PointId, Vec<RestorePoint>> = BTreeMap::new();
    for listed in edge.region(&vault.region).backup.points(&vault.name).await? {
        if known.contains(&listed.arn) {
            rebuilt.known += 1;
        } else if !reconcile::is_made_by_us(edge, &listed) {
            rebuilt.foreign += 1;
        } else if listed.state == PointState::Creating || !deadline.allows_work(edge.clock().now()) {
            // What is just being made is there the next time.
            rebuilt.left += 1;
        } else {
            let arn = listed.arn.clone();
            match describe(edge, vault, listed).await {
                Ok(point) => found.entry(point.id.clone()).or_default().push(point),
                Err(OpenError::Foreign) => rebuilt.foreign += 1,
                Err(error) => rebuilt.problems.push(format!("{arn} in {}: {error}", place_of(vault))),
            }
        }
    }
    let mut points = Vec::new();
    for (id, same) in found {
        match <[RestorePoint; 1]>::try_from(same) {
            Ok([point]) => points.push(point),
            Err(several) => {
                let arns = several.iter().filter_map(|point| point.arn.as_ref()).map(ToString::to_string);
                rebuilt.problems.push(format!(
                    "several recovery points in {} carry the id {id}, so none is believed: {}",
                    place_of(vault),
                    arns.collect::<Vec<_>>().join(", ")
                ));
            }
        }
    }
    Ok(points)
}

/// The restore point that a recovery point says it is.
async fn describe(edge: &Edge, vault: &VaultArn, listed: Point) -> Result<RestorePoint, OpenError> {
    if listed.state != PointState::Usable {
        return Err(OpenError::Suspect(format!("it is {:?}, not available", listed.state)));
    }
    let found = edge.region(&vault.region).backup.tags(&listed.arn).await?;
    let point = edge.describe(vault, &listed, &found).await?;
    Ok(RestorePoint { hold: found.contains_key(tags::HOLD).then(Hold::by_tag), ..point })
}

/// Adds points of a table, and records on its head what its chains have.
async fn add(
    edge: &Edge,
    table: &Table,
    mut points: Vec<RestorePoint>,
    rebuilt: &mut Rebuilt,
) -> Result<(), Error> {
    // A copy comes from the backup of its id, where that is still there.
    let sources: BTreeMap<PointId, CopySource> = points
        .iter()
        .filter(|point| point.kind == Kind::Backup)
        .filter_map(|point| {
            let source = CopySource { arn: point.arn.clone()?, vault: point.vault.clone() };
            Some((point.id.clone(), source))
        })
        .collect();
    let mut vaults = BTreeSet::new();
    for point in &mut points {
        if point.kind == Kind::Copy {
            point.source = sources.get(&point.id).cloned();
        }
        match edge.catalog().commit([Write::of(point)]).await {
            Ok(()) => rebuilt.added += 1,
            // Recorded in the meantime.
            Err(error) if error.is_overtaken() => rebuilt.known += 1,
            Err(error) => return Err(error),
        }
        if point.kind != Kind::Manual {
            vaults.insert(point.vault.clone());
        }
    }
    loop {
        let head = edge.catalog().head(table).await?;
        let mut head = head.unwrap_or_else(|| TableHead::new(table.clone(), edge.clock().now()));
        for vault in &vaults {
            head.recount(vault, &edge.catalog().chain(table, vault).await?);
        }
        match edge.catalog().commit([Write::of(&mut head)]).await {
            Err(error) if error.is_overtaken() => {}
            done => return done,
        }
    }
}
