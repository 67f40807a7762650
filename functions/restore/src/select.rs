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
    choose(&app.context.deployment().region, wanted, points.clone(), now).map_err(|refusal| match refusal {
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
    home: &Region,
    wanted: &Wanted,
    points: Vec<RestorePoint>,
    now: Timestamp,
) -> Result<Selected, RestoreError> {
    if points.is_empty() {
        return Err(RestoreError::NoPoints(wanted.table.clone()));
    }
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

#[cfg(test)]
mod tests {
    use backup_chain_core::ids::{SessionId, Table, VaultArn};
    use backup_chain_core::point::{Made, Progress};
    use jiff::SignedDuration;

    use super::*;

    const MAIN: &str = "arn:aws:backup:eu-central-1:111122223333:backup-vault:main";
    const COPIES: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";

    fn day(day: i64) -> Timestamp {
        "2026-01-01T07:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day)
    }

    fn wanted(from: From) -> Wanted {
        Wanted { table: "orders".parse().unwrap(), from, vault: None, region: None, name: None }
    }

    /// The restore point of a day in a vault, available.
    fn point(made: i64, vault: &str) -> RestorePoint {
        let vault: VaultArn = vault.parse().unwrap();
        let kind = if vault.name.as_str() == "copies" { PointKind::Copy } else { PointKind::Backup };
        let table = Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "6f0c3a52-3a6e-4f0e-9a3c-5f3f2f1d0b77".parse().unwrap(),
        };
        let session = SessionId::new(day(made), 1);
        let id = PointId::of(day(made), &session, &table.id);
        let arn = format!("arn:aws:backup:{}:111122223333:recovery-point:{id}", vault.region);
        let made_by = Made { recovery_point: arn.parse().unwrap(), job: None };
        RestorePoint {
            created_at: Some(day(made)),
            progress: Progress::Available { made: made_by, blocked: None },
            ..RestorePoint::planned(id, kind, table, vault, session, day(made))
        }
    }

    /// Which point is chosen: its day, its kind and the Region in which its table is to be.
    fn chosen(wanted: &Wanted, points: &[RestorePoint]) -> Result<(i64, PointKind, String), String> {
        let home = "eu-central-1".parse().unwrap();
        let selected = choose(&home, wanted, points.to_vec(), day(20)).map_err(|error| error.to_string())?;
        let days = selected.point.slot.duration_since(day(0)).as_hours() / 24;
        Ok((days, selected.point.kind, selected.region.to_string()))
    }

    #[test]
    fn the_newest_is_a_backup_unless_a_vault_or_a_region_is_named() {
        let points = [point(1, MAIN), point(2, MAIN), point(1, COPIES), point(2, COPIES)];
        let near = (2, PointKind::Backup, "eu-central-1".to_owned());
        assert_eq!(chosen(&wanted(From::Newest), &points), Ok(near));
        let copy = (2, PointKind::Copy, "eu-west-1".to_owned());
        for vault in ["eu-west-1/copies", COPIES] {
            let there = Wanted { vault: Some(vault.to_owned()), ..wanted(From::Newest) };
            assert_eq!(chosen(&there, &points), Ok(copy.clone()));
        }
        let there = Wanted { region: Some("eu-west-1".parse().unwrap()), ..wanted(From::Newest) };
        assert_eq!(chosen(&there, &points), Ok(copy));
    }

    #[test]
    fn at_a_moment_it_is_the_newest_before_and_never_a_suspect() {
        let mut points = vec![point(1, MAIN), point(2, MAIN), point(3, MAIN)];
        let at = |moment: Timestamp| wanted(From::At(moment));
        assert_eq!(chosen(&at(day(2)), &points).map(|found| found.0), Ok(2));
        assert_eq!(chosen(&at(day(3) - SignedDuration::from_secs(1)), &points).map(|found| found.0), Ok(2));
        points[1].suspect = Some("its tags were changed".to_owned());
        let candidates = Candidates { points: points.clone(), unread: Vec::new() };
        assert_eq!(chosen(&at(day(2)), &points).map(|found| found.0), Ok(1));
        let skipped = skipped_newer(&at(day(2)), &candidates, &points[0]);
        assert_eq!(skipped.len(), 1, "{skipped:#?}");
        assert!(skipped[0].contains("is newer and is not taken: its tags were changed"), "{skipped:#?}");
        let refused =
            [at(day(0)), Wanted { vault: Some("eu-west-1/copies".to_owned()), ..wanted(From::Newest) }];
        let refused = refused.map(|wanted| chosen(&wanted, &points).unwrap_err());
        insta::assert_snapshot!(refused.join("\n"), @"
    table orders has no restore point at or before 2026-01-01T07:00:00Z in eu-central-1: its first one is of 2026-01-02T07:00:00Z
    table orders has no restore point at or before 2026-01-21T07:00:00Z in eu-west-1/copies: the newest one elsewhere is in eu-central-1/main: name that vault, eu-central-1/main
    ");
    }

    #[test]
    fn an_id_alone_stands_for_the_near_one_and_two_far_ones_are_asked_about() {
        let elsewhere = COPIES.replace("eu-west-1", "eu-north-1");
        let points = [point(1, MAIN), point(1, COPIES), point(1, &elsewhere)];
        let by_id = wanted(From::Point(points[0].id.clone()));
        assert_eq!(chosen(&by_id, &points).map(|found| found.1), Ok(PointKind::Backup));
        assert_eq!(chosen(&by_id, &points[1..2]).map(|found| found.2), Ok("eu-west-1".to_owned()));
        let mut failed = points.clone();
        for point in &mut failed {
            point.progress =
                Progress::Failed { why: "no space is left".to_owned(), job: None, recovery_point: None };
        }
        let unknown = wanted(From::Point(point(9, MAIN).id));
        let refused = [
            chosen(&by_id, &points[1..]),
            chosen(&by_id, &failed),
            chosen(&unknown, &points),
            chosen(&by_id, &[]),
            chosen(&Wanted { region: Some("eu-south-1".parse().unwrap()), ..by_id }, &points[..1]),
        ];
        insta::assert_snapshot!(refused.map(Result::unwrap_err).join("\n"), @"
    restore point 01KDYR32C08YME0HJ5C4SFE5G1 is in eu-west-1/copies and eu-north-1/copies: name one of them as the vault
    restore point 01KDYR32C08YME0HJ5C4SFE5G1 cannot be restored from: it is failed (no space is left); choose another point
    table orders has no restore point 01KEKB8TC0JHB8RPMS1NHHH1A2: see the list of its points
    table orders has no restore point: see the list of its points, or rebuild the catalog
    restore point 01KDYR32C08YME0HJ5C4SFE5G1 cannot be restored from: it is in eu-central-1/main, and AWS restores only where the recovery point is; a copy in eu-south-1 can be restored there, and into eu-central-1 one is copied back
    ");
    }
}
