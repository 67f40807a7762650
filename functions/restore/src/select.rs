//! Which restore point is meant, and where its table goes.

use backup_chain_aws::App;
use backup_chain_core::ids::{PointId, Region, TableName};
use backup_chain_core::invoke::{From, Wanted};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use jiff::Timestamp;

use crate::error::RestoreError;

/// A restore point, and the Region in which its table is to be.
#[derive(Debug, Clone)]
pub(crate) struct Selected {
    pub point: RestorePoint,
    pub region: Region,
}

/// What a restore of one table chooses from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidates {
    pub points: Vec<RestorePoint>,
    /// What cannot be read and may be a restore point of the table, a line each.
    pub unread: Vec<String>,
}

/// The restore point that is meant, of all candidates.
///
/// # Errors
/// When there is none, or it cannot be restored from.
pub(crate) fn select(
    app: &App,
    wanted: &Wanted,
    candidates: &Candidates,
    now: Timestamp,
) -> Result<Selected, RestoreError> {
    let Candidates { points, unread } = candidates;
    choose(app, wanted, points.clone(), now).map_err(|refusal| match refusal {
        refusal if unread.is_empty() => refusal,
        RestoreError::NoneBefore { table, at, place, .. } => {
            RestoreError::NoneBefore { table, at, place, hint: unread.join("; ") }
        }
        RestoreError::NoPoints(table) | RestoreError::UnknownPoint { table, .. } => {
            RestoreError::Unread { table, unread: unread.join("; ") }
        }
        refusal => refusal,
    })
}

fn choose(
    app: &App,
    wanted: &Wanted,
    points: Vec<RestorePoint>,
    now: Timestamp,
) -> Result<Selected, RestoreError> {
    if points.is_empty() {
        return Err(RestoreError::NoPoints(wanted.table.clone()));
    }
    let home = &app.context.deployment().region;
    let point = match &wanted.from {
        From::Point(id) => by_id(wanted, id, points, home)?,
        From::At(at) => by_moment(wanted, *at, points, home)?,
        From::Newest => by_moment(wanted, now, points, home)?,
    };
    let region = wanted.region.clone().unwrap_or_else(|| point.vault.region.clone());
    if region != point.vault.region && region != *home {
        let why = format!(
            "it is in {}, and AWS restores only where the recovery point is; a copy in {region} can be restored there, and \
             into {home} one is copied back",
            point.place()
        );
        return Err(RestoreError::Unfit { point: point.id, why });
    }
    Ok(Selected { point, region })
}

/// A vault is named by its Region and name, or by its ARN.
fn is_in(wanted: &Wanted, point: &RestorePoint) -> bool {
    wanted.vault.as_ref().is_none_or(|vault| point.is_in(vault))
}

/// Of a backup and its copies the one that is in the Region wanted, or else the backup.
fn by_id(
    wanted: &Wanted,
    id: &PointId,
    mut points: Vec<RestorePoint>,
    home: &Region,
) -> Result<RestorePoint, RestoreError> {
    points.retain(|point| point.id == *id && is_in(wanted, point));
    let Some(last) = points.last() else {
        let place = wanted.vault.as_ref().map(|vault| format!(" in {vault}")).unwrap_or_default();
        return Err(RestoreError::UnknownPoint { table: wanted.table.clone(), point: id.clone(), place });
    };
    let state = last.state();
    let why = last.reason().map(str::to_owned);
    points.retain(|point| point.state() == State::Available);
    let region = wanted.region.as_ref().unwrap_or(home);
    // Tags can say of several that they are this one: the one that is believed is.
    points.sort_by_key(|point| point.suspect.is_some());
    if let Some(near) = points.iter().position(|point| point.vault.region == *region) {
        return Ok(points.swap_remove(near));
    }
    match (points.pop(), points.as_slice()) {
        (Some(only), []) => Ok(only),
        (Some(one), others) => {
            let vaults = others.iter().chain([&one]).map(|point| point.place()).collect::<Vec<_>>();
            Err(RestoreError::Ambiguous { point: id.clone(), vaults: vaults.join(" and ") })
        }
        (None, _) => {
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            let hint = if state.is_open() { "wait until it is available" } else { "choose another point" };
            Err(RestoreError::Unfit { point: id.clone(), why: format!("it is {state}{why}; {hint}") })
        }
    }
}

/// The newest believed, available point at or before a moment, in the vault or Region wanted.
fn by_moment(
    wanted: &Wanted,
    at: Timestamp,
    points: Vec<RestorePoint>,
    home: &Region,
) -> Result<RestorePoint, RestoreError> {
    let region = wanted.region.as_ref().unwrap_or(home);
    let made_at = |point: &RestorePoint| point.created_at;
    let is_meant = |point: &RestorePoint| match &wanted.vault {
        Some(_) => is_in(wanted, point),
        None => point.vault.region == *region,
    };
    let usable: Vec<RestorePoint> =
        points.into_iter().filter(|point| point.is_counted() && point.created_at.is_some()).collect();
    // Moments are given to the second, and lists of points are what they are copied from.
    let before =
        |point: &&RestorePoint| made_at(point).is_some_and(|made_at| made_at.as_second() <= at.as_second());
    // A copy shares the moment of its backup, which is nearer.
    let rank = |point: &&RestorePoint| (made_at(point), point.kind != PointKind::Copy);
    let found = usable.iter().filter(|point| is_meant(point)).filter(before).max_by_key(rank);
    if let Some(found) = found {
        return Ok(found.clone());
    }
    let place = wanted.vault.clone().unwrap_or_else(|| region.to_string());
    let hint = if let Some(copy) = usable.iter().filter(before).max_by_key(rank) {
        format!("the newest one elsewhere is in {0}: name that vault, {0}", copy.place())
    } else if let Some(first) = usable.iter().filter(|point| is_meant(point)).filter_map(made_at).min() {
        format!("its first one is of {first}")
    } else {
        "none there can be restored from: see the list of its points".to_owned()
    };
    Err(RestoreError::NoneBefore { table: wanted.table.clone(), at, place, hint })
}

/// What is newer than the point that is chosen by its moment, or may be, and is not taken, each with the reason: what
/// cannot be read, then the newest first.
pub(crate) fn skipped_newer(wanted: &Wanted, candidates: &Candidates, chosen: &RestorePoint) -> Vec<String> {
    let Candidates { points, unread } = candidates;
    let until = match &wanted.from {
        From::Point(_) => return Vec::new(),
        From::At(at) => Some(*at),
        From::Newest => None,
    };
    let is_between = |point: &&RestorePoint| {
        let is_before =
            |made_at: Timestamp| until.is_none_or(|until| made_at.as_second() <= until.as_second());
        point.created_at > chosen.created_at && point.created_at.is_some_and(is_before)
    };
    let is_there = |point: &&RestorePoint| point.state() == State::Available && !point.is_counted();
    let is_near = |point: &&RestorePoint| point.vault.region == chosen.vault.region && is_in(wanted, point);
    let mut newer: Vec<&RestorePoint> =
        points.iter().filter(is_between).filter(is_there).filter(is_near).collect();
    newer.sort_by_key(|point| std::cmp::Reverse(point.created_at));
    let line = |point: &RestorePoint| {
        let why = point.suspect.as_deref().unwrap_or("it does not count");
        let made_at = point.created_at.map(|made_at| made_at.to_string()).unwrap_or_default();
        format!("restore point {} of {made_at} is newer and is not taken: {why}", point.id)
    };
    unread.iter().cloned().chain(newer.into_iter().map(line)).collect()
}

/// The name that the table is to have.
pub(crate) fn name(wanted: &Wanted) -> TableName {
    wanted.name.clone().unwrap_or_else(|| wanted.table.clone())
}
