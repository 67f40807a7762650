//! Rebuilding the catalog's restore points from the vaults: every backup describes itself. What is in the catalog
//! already is left as it is, and nothing is removed; for some days after, retention removes nothing either, so that
//! there is time to look at what was found.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Point, PointState};
use backup_chain_aws::catalog::{RebuildRecord, Write};
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::superseded::superseded_by;
use backup_chain_aws::{App, Error};
use backup_chain_core::due::PolicyState;
use backup_chain_core::history::Action;
use backup_chain_core::ids::{PointId, RecoveryPointArn, Table, VaultArn};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{CopySource, Hold, PointKind, RestorePoint};
use backup_chain_core::retention::{RebuildReport, ResumeReport};
use backup_chain_core::session::Session;
use backup_chain_core::table::TableHead;

use crate::RetentionError;

pub(crate) async fn rebuild(
    app: &App,
    named: &[String],
    by: Option<String>,
    deadline: Deadline,
) -> Result<RebuildReport, RetentionError> {
    let vaults = vaults(app, named).await?;
    // Before anything else, so that no run removes what is about to be found.
    let now = app.context.now();
    let before = app.catalog.rebuilt().await?;
    let rev = before.as_ref().map_or(0, |mark| mark.rev);
    let mut mark = RebuildRecord { at: now, resumed_at: None, rev };
    app.catalog.commit([Write::of(&mut mark)]).await?;
    let after_rebuild = app.context.deployment().brakes.after_rebuild;
    let mut rebuilt = RebuildReport {
        vaults: vaults.iter().map(VaultArn::place).collect(),
        braked_until: Some(now + after_rebuild),
        ..RebuildReport::default()
    };
    let policies = app.policies.active().await?;
    if policies.is_empty() && named.is_empty() {
        rebuilt.problems.push(
            "no policy is stored, so that vaults with copies, and others than the stack's own, are not known: apply the \
             policies, or name the vaults, and rebuild again"
                .to_owned(),
        );
    }
    // What was in force is not known any more: nothing is due before the next slot.
    for mut active in policies {
        let state = PolicyState::starting(&active.policy, now);
        active.stored.state = state;
        let mut passed = superseded_by(app, &active.stored, "the catalog was rebuilt").await?;
        let writes = [Write::of(&mut active.stored)];
        app.catalog.commit(writes.into_iter().chain(passed.iter_mut().map(Write::of))).await?;
        rebuilt.warnings.extend(passed.iter().map(Session::report));
    }
    let recorded = app.catalog.all_live_points().await?;
    let known: BTreeSet<RecoveryPointArn> =
        recorded.iter().filter_map(|point| point.recovery_point().cloned()).collect();
    // A rebuild that was cut off may have left that to do.
    for (table, points) in by_table(recorded) {
        let done = async {
            link_copies(app, &table).await?;
            rebuild_head(app, &table, &points).await
        };
        if let Err(error) = done.await {
            rebuilt.problems.push(left_out(&table, &error));
        }
    }
    for vault in &vaults {
        let listed = match app.aws.region(&vault.region).backup.points(&vault.name).await {
            Ok(listed) => listed,
            // One vault that cannot be read must not stop the others.
            Err(error) => {
                rebuilt.problems.push(format!("vault {} is not read: {error}", vault.place()));
                continue;
            }
        };
        for (_, of_table) in unknown(app, listed, &known, &mut rebuilt) {
            let points = read(app, vault, of_table, deadline, &mut rebuilt).await;
            for (table, points) in by_table(points) {
                // One table that cannot be recorded must not stop the others.
                if let Err(error) = add(app, &table, points, &mut rebuilt).await {
                    rebuilt.problems.push(left_out(&table, &error));
                }
            }
        }
    }
    // Nothing was found that there is to look at: whatever paused retention before does so still, and no more.
    if rebuilt.added == 0 && rebuilt.left == 0 && rebuilt.problems.is_empty() {
        match before {
            Some(before) => (mark.at, mark.resumed_at) = (before.at, before.resumed_at),
            None => mark.resumed_at = Some(now),
        }
        app.catalog.commit([Write::of(&mut mark)]).await?;
        let pauses_until = mark.pauses_since().map(|since| since + after_rebuild);
        rebuilt.braked_until = pauses_until.filter(|until| *until > now);
    }
    let mut entry = app.context.entry(Action::CatalogRebuilt, rebuilt.vaults.join(", "), by);
    entry.details = vec![
        format!(
            "{} added, {} known, {} foreign, {} left",
            rebuilt.added, rebuilt.known, rebuilt.foreign, rebuilt.left
        ),
        format!("{} not believed or not read", rebuilt.problems.len()),
    ];
    app.catalog.commit([Write::of(&mut entry)]).await?;
    tracing::warn!(
        added = rebuilt.added,
        problems = rebuilt.problems.len(),
        "the catalog was rebuilt from the vaults"
    );
    Ok(rebuilt)
}

fn left_out(table: &Table, error: &Error) -> String {
    format!(
        "of table {} not everything is recorded: {error}; rebuild again once that is mended",
        table.arn.name
    )
}

/// Ends the pause that follows a rebuild.
pub(crate) async fn resume(
    app: &App,
    reason: String,
    by: Option<String>,
) -> Result<ResumeReport, RetentionError> {
    if reason.trim().is_empty() {
        return Err(RetentionError::NoReasonToResume);
    }
    let now = app.context.now();
    let after_rebuild = app.context.deployment().brakes.after_rebuild;
    let found = app.catalog.rebuilt().await?;
    let Some((mut mark, until)) = found.and_then(|mark| {
        let until = mark.pauses_since()? + after_rebuild;
        (until > now).then_some((mark, until))
    }) else {
        return Err(RetentionError::NotPaused);
    };
    mark.resumed_at = Some(now);
    let mut entry = app.context.entry(Action::RetentionResumed, "retention", by);
    entry.reason = Some(reason);
    entry.details.push(format!("it was to pause until {until}"));
    app.catalog.commit([Write::of(&mut mark), Write::of(&mut entry)]).await?;
    tracing::warn!(%until, "the pause after a rebuild is ended");
    Ok(ResumeReport { was_until: until })
}

/// Those of the stack and its policies, and those that are named.
async fn vaults(app: &App, named: &[String]) -> Result<BTreeSet<VaultArn>, RetentionError> {
    let mut vaults = app.policies.vaults().await?;
    for text in named {
        let named = app.context.deployment().vault_at(text);
        vaults.insert(named.ok_or_else(|| RetentionError::NoVault(text.clone()))?);
    }
    Ok(vaults)
}

/// What may be ours and is not in the catalog, by what it is a backup of.
fn unknown(
    app: &App,
    listed: Vec<Point>,
    known: &BTreeSet<RecoveryPointArn>,
    rebuilt: &mut RebuildReport,
) -> BTreeMap<Option<String>, Vec<Point>> {
    let mut unknown: BTreeMap<Option<String>, Vec<Point>> = BTreeMap::new();
    for point in listed {
        if known.contains(&point.arn) {
            rebuilt.known += 1;
        } else if !app.context.deployment().may_have_made(&point) {
            rebuilt.foreign += 1;
        } else if point.state == PointState::Creating {
            // What is just being made is there the next time.
            rebuilt.left += 1;
        } else {
            unknown.entry(point.resource.clone()).or_default().push(point);
        }
    }
    unknown
}

/// What the recovery points of one table in a vault say that they are, each under one id.
async fn read(
    app: &App,
    vault: &VaultArn,
    listed: Vec<Point>,
    deadline: Deadline,
    rebuilt: &mut RebuildReport,
) -> Vec<RestorePoint> {
    let mut found: BTreeMap<PointId, Vec<RestorePoint>> = BTreeMap::new();
    let mut left = 0;
    for point in listed {
        if !deadline.allows_work(app.context.now()) {
            left += 1;
            continue;
        }
        let arn = point.arn.clone();
        match describe(app, vault, point).await {
            Ok(point) => found.entry(point.id.clone()).or_default().push(point),
            Err(OpenError::Foreign) => {
                rebuilt.foreign += 1;
                rebuilt.problems.push(format!(
                    "{arn} in {}: our role made it, and it carries no metadata of ours: it is kept",
                    vault.place()
                ));
            }
            Err(error) => rebuilt.problems.push(format!("{arn} in {}: {error}", vault.place())),
        }
    }
    if left > 0 {
        // The one that an unbound point says it is may be among those that are left.
        for same in found.values_mut() {
            let before = same.len();
            same.retain(|point| point.suspect.is_none());
            left += before - same.len();
        }
        rebuilt.left += left;
    }
    let points: Vec<RestorePoint> =
        found.into_values().flat_map(|same| with_ids_of_their_own(app, same)).collect();
    for point in &points {
        if let (Some(why), Some(arn)) = (&point.suspect, point.recovery_point()) {
            rebuilt.problems.push(format!("{arn} in {} is suspect: {why}", vault.place()));
        }
    }
    points
}

/// A table that was created again has another TableId.
fn by_table(points: Vec<RestorePoint>) -> BTreeMap<Table, Vec<RestorePoint>> {
    let mut tables: BTreeMap<Table, Vec<RestorePoint>> = BTreeMap::new();
    for point in points {
        tables.entry(point.table.clone()).or_default().push(point);
    }
    tables
}

/// Several recovery points may say that they are the same restore point. At most one is bound to what it says: the
/// others are recorded under ids of their own, so that their items can be restored.
fn with_ids_of_their_own(app: &App, mut same: Vec<RestorePoint>) -> Vec<RestorePoint> {
    same.sort_by_key(|point| point.suspect.is_some());
    for point in same.iter_mut().skip(1) {
        mark_suspect(app, point, "another recovery point is it");
    }
    same
}

/// The restore point that a recovery point says it is.
async fn describe(app: &App, vault: &VaultArn, listed: Point) -> Result<RestorePoint, OpenError> {
    if listed.state != PointState::Usable {
        return Err(OpenError::Suspect(format!("it is {:?}, not available", listed.state)));
    }
    let found = app.aws.region(&vault.region).backup.tags(&listed.arn).await?;
    let point = app.sealer.describe(vault, &listed, &found, None).await?;
    Ok(RestorePoint { hold: found.contains_key(tags::HOLD).then(Hold::by_tag), ..point })
}

/// Adds a point whose id has a record. That may be its own, made in the meantime; otherwise one of them is not what
/// it says that it is, and the record stays.
async fn add_beside(app: &App, point: &mut RestorePoint, rebuilt: &mut RebuildReport) -> Result<(), Error> {
    let recorded = app.catalog.point(point).await?;
    match recorded {
        Some(recorded)
            if recorded.recovery_point() == point.recovery_point() && !recorded.state().is_past() =>
        {
            rebuilt.known += 1;
        }
        recorded => {
            let id = point.id.clone();
            mark_suspect(app, point, "the catalog has another record of it");
            app.catalog.commit([Write::of(point)]).await?;
            rebuilt.added += 1;
            let stands =
                recorded.map(|recorded| format!(", which is {}", recorded.state())).unwrap_or_default();
            rebuilt.problems.push(format!(
                "{} says that it is restore point {id}{stands}: it is added as {}, suspect",
                point.recovery_point().map(ToString::to_string).unwrap_or_default(),
                point.id
            ));
        }
    }
    Ok(())
}

/// The point is not what its tags say: it gets an id of its own, so that its items can be restored, and is suspect.
fn mark_suspect(app: &App, point: &mut RestorePoint, why: &str) {
    let why = point.suspect.take().unwrap_or_else(|| why.to_owned());
    point.suspect = Some(format!("its tags say that it is {}: {why}", point.id));
    point.sealed = None;
    point.id = PointId::new(app.context.now(), app.context.random().number());
}

/// Adds points of a table, and records on its head what its chains have.
async fn add(
    app: &App,
    table: &Table,
    mut points: Vec<RestorePoint>,
    rebuilt: &mut RebuildReport,
) -> Result<(), Error> {
    for point in &mut points {
        match app.catalog.commit([Write::of(point)]).await {
            Ok(()) => rebuilt.added += 1,
            Err(error) if error.is_conflict() => add_beside(app, point, rebuilt).await?,
            Err(error) => return Err(error),
        }
    }
    link_copies(app, table).await?;
    rebuild_head(app, table, &points).await
}

/// A copy comes from the backup of its id, where that is still there.
async fn link_copies(app: &App, table: &Table) -> Result<(), Error> {
    let of_table = app.catalog.whole_points_of_table(&table.arn.name).await?;
    let backups: BTreeMap<&PointId, &RestorePoint> = of_table
        .iter()
        .filter(|point| point.kind == PointKind::Backup && point.available().is_some())
        .map(|point| (&point.id, point))
        .collect();
    for copy in of_table.iter().filter(|point| point.kind == PointKind::Copy && point.source.is_none()) {
        let Some(backup) = backups.get(&copy.id) else { continue };
        let Some(arn) = backup.available().cloned() else { continue };
        let source = CopySource { arn, vault: backup.vault.clone() };
        let mut copy = RestorePoint { source: Some(source), ..copy.clone() };
        match app.catalog.commit([Write::of(&mut copy)]).await {
            Err(error) if error.is_conflict() => {}
            done => done?,
        }
    }
    Ok(())
}

/// Records on the head of a table what the chains of these points of it have.
async fn rebuild_head(app: &App, table: &Table, points: &[RestorePoint]) -> Result<(), Error> {
    let of_chains = points.iter().filter(|point| point.kind != PointKind::Manual);
    let vaults: BTreeSet<&VaultArn> = of_chains.map(|point| &point.vault).collect();
    loop {
        let recorded = app.catalog.head(table).await?;
        let mut head = recorded.clone().unwrap_or_else(|| TableHead::new(table.clone(), app.context.now()));
        for vault in &vaults {
            head.recompute(vault, &app.catalog.chain(table, vault).await?);
        }
        if recorded.as_ref() == Some(&head) {
            return Ok(());
        }
        match app.catalog.commit([Write::of(&mut head)]).await {
            Err(error) if error.is_conflict() => {}
            done => return done,
        }
    }
}
