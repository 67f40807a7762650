//! Comparing the catalog with the vaults: what somebody removed at AWS Backup is gone from the catalog too, and
//! what carries our id but is not in the catalog is reported, unless it is just being made. What is not bound to its
//! recovery point yet is bound. Nothing is deleted here.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Point, PointState, Tagged};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::{App, Error, Meaning, logs};
use backup_chain_core::ids::{PointId, RecoveryPointArn, TableArn, VaultArn};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{Hold, RestorePoint, State};
use backup_chain_core::retention::{Decided, PointFate, Report, name_of};
use jiff::SignedDuration;

use crate::moved::{self, Move};

/// Compares every vault that holds points of ours with the catalog.
pub(crate) async fn reconcile(app: &App, report: &mut Report) -> Result<(), Error> {
    let mut vaults: BTreeMap<VaultArn, Vec<RestorePoint>> = BTreeMap::new();
    vaults.entry(app.context.deployment().vault_arn(&app.context.deployment().vault)).or_default();
    for point in app.catalog.all_live_points().await? {
        vaults.entry(point.vault.clone()).or_default().push(point);
    }
    let mut with_leftovers: BTreeMap<VaultArn, Vec<RestorePoint>> = BTreeMap::new();
    for point in app.catalog.points_with_leftovers().await? {
        vaults.entry(point.vault.clone()).or_default();
        with_leftovers.entry(point.vault.clone()).or_default().push(point);
    }
    for (vault, points) in vaults {
        let with_leftovers = with_leftovers.remove(&vault).unwrap_or_default();
        // One vault that cannot be read must not stop the others.
        if let Err(error) = reconcile_vault(app, &vault, points, with_leftovers, report).await {
            report.problems.push(format!("vault {} could not be compared: {error}", vault.place()));
        }
    }
    Ok(())
}

async fn reconcile_vault(
    app: &App,
    vault: &VaultArn,
    points: Vec<RestorePoint>,
    mut with_leftovers: Vec<RestorePoint>,
    report: &mut Report,
) -> Result<(), Error> {
    let listed = app.aws.region(&vault.region).backup.points(&vault.name).await?;
    let listed_arns: BTreeSet<&RecoveryPointArn> = listed.iter().map(|point| &point.arn).collect();
    let recorded: BTreeSet<RecoveryPointArn> =
        points.iter().filter_map(|point| point.recovery_point().cloned()).collect();
    let open: BTreeSet<PointId> =
        points.iter().filter(|point| point.state().is_open()).map(|point| point.id.clone()).collect();
    with_leftovers.extend(points.iter().filter(|point| !point.leftovers.is_empty()).cloned());
    for mut point in points {
        let is_listed = point.recovery_point().is_some_and(|arn| listed_arns.contains(arn));
        if point.state() == State::Available
            && is_listed
            && let Err(what) = repair_pointers(app, &point).await
        {
            report.problems.push(format!("{}: {what}", name_of(&point)));
        }
        if point.state() == State::Available && !is_listed {
            record_if_gone(app, &mut point).await?;
            if point.state() == State::Deleted {
                report.points.push(Decided::of(&point, PointFate::Gone, Vec::new(), app.context.now()));
            }
        } else if point.is_counted()
            && point.bound.is_none()
            && let Err(error) = bind(app, &mut point).await
        {
            report.problems.push(format!(
                "{} is not bound to its recovery point, so that it would not be believed without the catalog: {error}",
                name_of(&point)
            ));
        }
    }
    remove_leftovers(app, with_leftovers, &listed, &recorded, report).await;
    report_made_by_other_roles(app, vault, &listed, &recorded, report).await?;
    // The tags of what others made need not be read.
    let is_unrecorded =
        |point: &&Point| !recorded.contains(&point.arn) && app.context.deployment().may_have_made(point);
    for point in listed.iter().filter(is_unrecorded) {
        // Its job is running, and is followed (assumption A25).
        if point.state == PointState::Creating {
            continue;
        }
        if let Some(id) = id_if_unrecorded(app, vault, point, &open).await?
            && !is_accounted_for(app, vault, point, &id).await?
        {
            report.problems.push(format!(
                "recovery point {} in {} carries the id {id} and is not in the catalog: it is kept",
                point.arn,
                vault.place()
            ));
        }
    }
    Ok(())
}

/// Puts back what leads to a point without the catalog, where it is gone: the tag of its hold, and the index entry of a
/// message that it does not carry.
///
/// # Errors
/// The line to report where something was gone, whether or not it is put back.
async fn repair_pointers(app: &App, point: &RestorePoint) -> Result<(), String> {
    let Some(arn) = point.recovery_point() else { return Ok(()) };
    let region = app.aws.region(&point.vault.region);
    let now = app.context.now();
    if point.message_stored && point.bound.is_some() {
        let error = match app.sealer.is_named(point).await {
            Ok(true) => None,
            Ok(false) => {
                Some(app.sealer.index_message(point, arn).await.err().map(|error| error.to_string()))
            }
            Err(error) => Some(Some(error.to_string())),
        };
        let what = "what leads to its message in the settings table was gone or another's";
        match error {
            None => {}
            Some(None) => return Err(format!("{what}, and is put back")),
            Some(Some(error)) => {
                return Err(format!("{what}, or is not known, and is not put back: {error}"));
            }
        }
    }
    // What was put within the hour may not be seen yet.
    let is_settled =
        |hold: &&Hold| hold.since.is_some_and(|since| since + SignedDuration::from_hours(1) < now);
    let Some(hold) = point.hold.as_ref().filter(|hold| hold.is_live(now)).filter(is_settled) else {
        return Ok(());
    };
    let found = match region.backup.tags(arn).await {
        Err(error) if error.meaning == Meaning::NotFound => return Ok(()),
        Err(error) => return Err(format!("whether the tag of its hold is there is not known: {error}")),
        Ok(found) => found,
    };
    // A point that has no room for our tags is held by the catalog alone, as was reported when it was held.
    if found.contains_key(tags::HOLD) || (point.message_stored && !found.contains_key(tags::ID)) {
        return Ok(());
    }
    let what = "the tag of its hold was gone, without which a rebuilt catalog does not know of it";
    if !found.contains_key(tags::ID) {
        return Err(format!("{what}, and so are its other tags: it is held by the catalog alone"));
    }
    let tag = BTreeMap::from([(tags::HOLD.to_owned(), tags::hold_value(hold))]);
    match region.backup.tag(arn, &tag).await {
        Ok(Tagged::Done) => Err(format!("{what}; it is put back")),
        Ok(Tagged::Refused(why)) => Err(format!("{what}, and AWS does not take it back: {why}")),
        Err(error) => Err(format!("{what}, and it is not put back: {error}")),
    }
}

/// Binds a point whose completion could not.
async fn bind(app: &App, point: &mut RestorePoint) -> Result<(), Error> {
    let Some(arn) = point.available().cloned() else { return Ok(()) };
    app.sealer.bind(point, &arn).await?;
    match app.catalog.commit([Write::of(point)]).await {
        // It moved meanwhile; it is bound, and the next run records it.
        Err(error) if error.is_conflict() => Ok(()),
        done => done,
    }
}

/// Removes what tries that failed have left in the settings tables. Where the vault holds a recovery point of the
/// table that may be ours and is unknown, it may describe that one, and stays.
async fn remove_leftovers(
    app: &App,
    with_leftovers: Vec<RestorePoint>,
    listed: &[Point],
    recorded: &BTreeSet<RecoveryPointArn>,
    report: &mut Report,
) {
    for mut point in with_leftovers {
        let table = point.table.arn.to_string();
        let may_be_its = |other: &Point| {
            !recorded.contains(&other.arn)
                && other.resource.as_ref() == Some(&table)
                && app.context.deployment().may_have_made(other)
        };
        if listed.iter().any(may_be_its) {
            continue;
        }
        match app.ledger.remove_leftovers(&mut point).await {
            Err(error) if !error.is_conflict() => {
                report.problems.push(format!(
                    "the stored leftovers of {} could not be removed: {error}",
                    name_of(&point)
                ));
            }
            _ => {}
        }
    }
}

/// Reports what carries our id and was made by another role: it is not ours, whatever its tags say.
async fn report_made_by_other_roles(
    app: &App,
    vault: &VaultArn,
    listed: &[Point],
    recorded: &BTreeSet<RecoveryPointArn>,
    report: &mut Report,
) -> Result<(), Error> {
    let of_others =
        |point: &&Point| !recorded.contains(&point.arn) && !app.context.deployment().may_have_made(point);
    let others: Vec<&Point> = listed.iter().filter(of_others).collect();
    if others.is_empty() {
        return Ok(());
    }
    let carrying = app.aws.region(&vault.region).tagging().recovery_points_with(tags::ID).await?;
    for point in others {
        if let Some(id) = carrying.get(&point.arn) {
            report.problems.push(format!(
                "recovery point {} in {} carries the id {id} and was made by another role, {}: it is not ours, and is kept",
                point.arn,
                vault.place(),
                point.role.as_deref().unwrap_or_default()
            ));
        }
    }
    Ok(())
}

/// The id of a point that is neither foreign nor about to be completed.
async fn id_if_unrecorded(
    app: &App,
    vault: &VaultArn,
    point: &Point,
    open: &BTreeSet<PointId>,
) -> Result<Option<String>, Error> {
    let found = match app.aws.region(&vault.region).backup.tags(&point.arn).await {
        Ok(found) => found,
        Err(error) if error.meaning == Meaning::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let id = match found.get(tags::ID) {
        Some(id) => Some(id.clone()),
        None => {
            let named = app.aws.region(&vault.region).settings.named(&point.arn).await?;
            named.map(|named| named.id.to_string())
        }
    };
    Ok(id.filter(|id| !open.iter().any(|open| open.as_str() == id)))
}

/// Whether a point that no record names is just being made, or just gone: the catalog was read before the vault, and
/// records move in between. Or it is on its way back for a restore, which records it when it is there.
async fn is_accounted_for(app: &App, vault: &VaultArn, point: &Point, id: &str) -> Result<bool, Error> {
    let restores = app.catalog.open_restores().await?;
    let comes_back = restores.iter().any(|restore| {
        let copy = restore.copy_back.as_ref();
        restore.point.as_str() == id && copy.is_some_and(|copy| copy.request.target == *vault)
    });
    let table = point.resource.as_deref().and_then(|resource| resource.parse::<TableArn>().ok());
    let Some(table) = table.filter(|_| !comes_back) else { return Ok(comes_back) };
    let recorded = app.catalog.points_of_table(&table.name).await?;
    Ok(recorded.iter().any(|known| {
        let is_it = known.state().is_open() || known.recovery_point() == Some(&point.arn);
        known.id.as_str() == id && known.vault == *vault && is_it
    }))
}

/// Records that a point is gone, if AWS Backup says so as well when it is asked for it by name: a listing alone
/// decides nothing. Its slots are owed again.
pub(crate) async fn record_if_gone(app: &App, point: &mut RestorePoint) -> Result<(), Error> {
    let Some(arn) = point.recovery_point().cloned() else { return Ok(()) };
    match app.aws.region(&point.vault.region).backup.point(&point.vault.name, &arn).await {
        Err(error) if error.meaning == Meaning::NotFound => {
            // In a locked vault AWS itself removes what has lapsed.
            let has_lapsed = point.lapses().is_some_and(|lapses| lapses <= app.context.now());
            let why =
                if has_lapsed { "removed at AWS Backup after it had lapsed" } else { moved::REMOVED_OUTSIDE };
            logs::of_point(point).in_scope(|| tracing::warn!(why, "restore point is gone"));
            moved::make(app, point, Move::Deleted { otherwise: why }).await.map(drop)
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
