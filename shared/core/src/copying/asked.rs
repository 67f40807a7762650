//! Copies that an operator asks for: what is missing of a table, and what cannot be copied.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{PointId, TableName, VaultArn};
use crate::point::{PointKind, RestorePoint, State};

/// Why nothing of a table can be copied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NothingToCopy {
    /// There is no such restore point.
    #[error("it has no restore point {0} that is a backup: see backup-chain points {1}")]
    UnknownPoint(PointId, TableName),
    /// A backup by hand is of no chain.
    #[error("{0} is a manual backup, and those are not copied: its metadata names no copy")]
    Manual(PointId),
    /// It cannot be copied from.
    #[error("restore point {0} is {1} and cannot be copied from")]
    NotThere(PointId, State),
    /// Its metadata is not believed.
    #[error("restore point {0} is suspect, and what is not believed is not copied: {1}")]
    Suspect(PointId, String),
    /// It has no backup.
    #[error("it has no restore point to copy: make one with backup-chain session run POLICY")]
    NoBackup,
    /// No backup is to be copied there.
    #[error(
        "none of its restore points was made to be copied{into}: give its policy a copy rule, and run it with backup-chain \
         session run POLICY"
    )]
    NoTarget {
        /// ` into <vault>`, where one is named.
        into: String,
    },
}

/// A copy that an operator asks for, and what becomes of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The backup.
    pub point: PointId,
    /// When it was made.
    pub moment: Option<Timestamp>,
    /// The target vault.
    pub vault: VaultArn,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a copy that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is to be recorded as planned; it was past before, if there was one.
    Copy {
        /// Its record.
        copy: Box<RestorePoint>,
        /// Whether a record of it comes back.
        was_past: bool,
    },
    /// It is there, or on its way.
    Is(State),
    /// Its retention is over: a copy would be removed at once.
    Lapsed(Timestamp),
}

/// What is to be done so that backups of a table have their copies: for the backup of this id, or else for the newest that
/// is to have one in each target vault. `points` are all of the table, those that are past too; `vault` is a
/// place as [`RestorePoint::place`] gives it.
///
/// # Errors
/// [`NothingToCopy`].
pub fn asked(
    points: &[RestorePoint],
    table: &TableName,
    point: Option<&PointId>,
    vault: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Asked>, NothingToCopy> {
    let mut backups: Vec<&RestorePoint> = points
        .iter()
        .filter(|it| it.kind == PointKind::Backup && point.is_none_or(|id| it.id == *id))
        .collect();
    if let Some(id) = point {
        let is_manual = |it: &RestorePoint| it.kind == PointKind::Manual && it.id == *id;
        match backups.first() {
            None if points.iter().any(is_manual) => return Err(NothingToCopy::Manual(id.clone())),
            None => return Err(NothingToCopy::UnknownPoint(id.clone(), table.clone())),
            Some(backup) if backup.available().is_none() => {
                return Err(NothingToCopy::NotThere(id.clone(), backup.state()));
            }
            Some(backup) => {
                if let Some(why) = &backup.suspect {
                    return Err(NothingToCopy::Suspect(id.clone(), why.clone()));
                }
            }
        }
    }
    backups.retain(|backup| backup.is_counted());
    if backups.is_empty() {
        return Err(NothingToCopy::NoBackup);
    }
    backups.sort_by_key(|backup| (backup.created_at, &backup.id));
    let mut asked: Vec<Asked> = Vec::new();
    for backup in backups.into_iter().rev() {
        let copies = backup.planned_copies(now).into_iter();
        for copy in copies.filter(|copy| vault.is_none_or(|vault| copy.is_in(vault))) {
            let is_there = |it: &Asked| it.vault == copy.vault;
            if !asked.iter().any(is_there) {
                let (point, moment, vault) = (copy.id.clone(), backup.created_at, copy.vault.clone());
                asked.push(Asked { point, moment, vault, verdict: verdict(points, copy, now) });
            }
        }
    }
    if asked.is_empty() {
        let into = vault.map(|vault| format!(" into {vault}")).unwrap_or_default();
        return Err(NothingToCopy::NoTarget { into });
    }
    Ok(asked)
}

fn verdict(points: &[RestorePoint], copy: RestorePoint, now: Timestamp) -> Verdict {
    let is_it = |it: &&RestorePoint| it.kind == PointKind::Copy && it.id == copy.id && it.vault == copy.vault;
    // A record that is past does not stand in the way of one that is not.
    let known = points.iter().filter(is_it).min_by_key(|it| it.state().is_past());
    if let Some(there) = known.filter(|it| !it.state().is_past()) {
        return Verdict::Is(there.state());
    }
    if let Some(lapsed) = copy.lapses().filter(|lapses| *lapses <= now) {
        return Verdict::Lapsed(lapsed);
    }
    let was_past = known.is_some();
    let copy = match known {
        Some(past) => copy.again(past),
        None => copy,
    };
    Verdict::Copy { copy: Box::new(RestorePoint { by_request: true, ..copy }), was_past }
}

/// What an operator is told of a copy that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedView {
    /// The table.
    pub table: TableName,
    /// The restore point; none where nothing of the table can be copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<PointId>,
    /// Its moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Timestamp>,
    /// The target vault, as `<Region>/<vault>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// What becomes of it.
    pub outcome: AskedOutcome,
    /// Why it is not copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What becomes of a copy that is asked for, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedOutcome {
    /// It is planned, or would be: the tick starts it when its table is free.
    Planned,
    /// It is there.
    Available,
    /// It is being made, or removed.
    UnderWay,
    /// It cannot be made.
    Refused,
}

impl AskedView {
    /// What is told of a table of which nothing can be copied.
    pub fn refused(table: &TableName, why: &impl ToString) -> Self {
        let (outcome, why) = (AskedOutcome::Refused, Some(why.to_string()));
        Self { table: table.clone(), point: None, moment: None, vault: None, outcome, why }
    }

    /// What is told of one copy.
    pub fn of(table: &TableName, asked: &Asked) -> Self {
        let (outcome, why) = match &asked.verdict {
            Verdict::Copy { .. } => (AskedOutcome::Planned, None),
            Verdict::Is(State::Available) => (AskedOutcome::Available, None),
            Verdict::Is(state) => (AskedOutcome::UnderWay, Some(format!("it is {state}"))),
            Verdict::Lapsed(at) => {
                let at = at.strftime("%Y-%m-%d %H:%M UTC");
                let why = format!("its retention ended {at}: a copy would be removed at once");
                (AskedOutcome::Refused, Some(why))
            }
        };
        Self {
            table: table.clone(),
            point: Some(asked.point.clone()),
            moment: asked.moment,
            vault: Some(asked.vault.place()),
            outcome,
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::ids::{SessionId, Table};
    use crate::point::{CopyFlags, Progress};
    use crate::tier::{Flag, Tier};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn backup(number: u128, made: &str, keep_days: i64) -> RestorePoint {
        let made = at(made);
        let target: VaultArn = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies".parse().unwrap();
        let flag = Flag {
            tier: Tier::Daily,
            slot: made,
            span: format!("{keep_days} days").parse().unwrap(),
            lapses: made + SignedDuration::from_hours(24 * keep_days),
        };
        let arn = format!("arn:aws:backup:eu-central-1:111122223333:recovery-point:{number}");
        let table = Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().unwrap(),
        };
        let (vault, session) = (
            "arn:aws:backup:eu-central-1:111122223333:backup-vault:own".parse().unwrap(),
            SessionId::new(made, number),
        );
        RestorePoint {
            flags: vec![flag.clone()],
            copies: vec![CopyFlags { vault: target, flags: vec![flag] }],
            progress: Progress::found(arn.parse().unwrap()),
            created_at: Some(made),
            ..RestorePoint::planned(
                PointId::new(made, number),
                PointKind::Backup,
                table,
                vault,
                session,
                made,
            )
        }
    }

    fn copy_of(backup: &RestorePoint, progress: Progress) -> RestorePoint {
        let copy = backup.planned_copies(backup.slot).remove(0);
        RestorePoint { progress, attempt: 3, rev: 7, ..copy }
    }

    #[test]
    fn of_each_vault_the_newest_point_is_copied_again_unless_its_copy_is_there_or_over() {
        let now = at("2026-01-08T12:00:00Z");
        let older = backup(1, "2026-01-06T07:00:00Z", 5);
        let newer = backup(2, "2026-01-07T07:00:00Z", 5);
        let table = newer.table.arn.name.clone();
        let verdict_of = |points: &[RestorePoint], point: Option<&PointId>| {
            let mut asked = asked(points, &table, point, None, now).unwrap();
            assert_eq!(asked.len(), 1, "one vault, one copy");
            let it = asked.remove(0);
            (it.point, it.verdict)
        };
        let failed = |of: &RestorePoint| {
            copy_of(of, Progress::Failed { why: "refused".to_owned(), job: None, recovery_point: None })
        };
        // Never recorded.
        let (id, verdict) = verdict_of(&[older.clone(), newer.clone()], None);
        assert_eq!(id, newer.id);
        assert!(
            matches!(verdict, Verdict::Copy { copy, was_past: false } if copy.by_request && copy.attempt == 1)
        );
        // Failed: its record comes back, and its tries count on.
        let points = [older.clone(), newer.clone(), failed(&newer)];
        let (_, verdict) = verdict_of(&points, None);
        let Verdict::Copy { copy, was_past: true } = verdict else { panic!("{verdict:?}") };
        assert_eq!((copy.attempt, copy.rev, copy.state()), (4, 7, State::Planned));
        // There, or on its way: the older one is not taken in its place, but for who names it.
        let there = copy_of(&newer, newer.progress.clone());
        let points = [older.clone(), newer.clone(), there, failed(&older)];
        assert_eq!(verdict_of(&points, None), (newer.id.clone(), Verdict::Is(State::Available)));
        assert!(matches!(verdict_of(&points, Some(&older.id)).1, Verdict::Copy { .. }));
        let points = [newer.clone(), copy_of(&newer, Progress::Planned)];
        assert_eq!(verdict_of(&points, None).1, Verdict::Is(State::Planned));
        // Over.
        let lapsed = backup(3, "2026-01-07T08:00:00Z", 1);
        assert_eq!(verdict_of(&[lapsed], None).1, Verdict::Lapsed(at("2026-01-08T08:00:00Z")));
    }

    #[test]
    fn a_point_that_cannot_be_copied_from_is_refused() {
        let now = at("2026-01-08T12:00:00Z");
        let good = backup(1, "2026-01-06T07:00:00Z", 5);
        let (table, id) = (good.table.arn.name.clone(), good.id.clone());
        let refused = |points: &[RestorePoint], vault: Option<&str>, point: Option<&PointId>| {
            asked(points, &table, point, vault, now).unwrap_err().to_string()
        };
        let manual = RestorePoint { kind: PointKind::Manual, ..good.clone() };
        let suspect = RestorePoint { suspect: Some("cut".to_owned()), ..good.clone() };
        let running = RestorePoint { progress: Progress::Planned, ..good.clone() };
        insta::assert_snapshot!([
            refused(&[], None, None),
            refused(&[], None, Some(&id)),
            refused(&[manual], None, Some(&id)),
            refused(std::slice::from_ref(&suspect), None, Some(&id)),
            refused(&[suspect], None, None),
            refused(&[running], None, Some(&id)),
            refused(std::slice::from_ref(&good), Some("eu-north-1/none"), None),
            refused(&[RestorePoint { copies: Vec::new(), ..good }], None, None),
        ].join("\n"), @"
    it has no restore point to copy: make one with backup-chain session run POLICY
    it has no restore point 01KE91NYC00000000000000001 that is a backup: see backup-chain points orders
    01KE91NYC00000000000000001 is a manual backup, and those are not copied: its metadata names no copy
    restore point 01KE91NYC00000000000000001 is suspect, and what is not believed is not copied: cut
    it has no restore point to copy: make one with backup-chain session run POLICY
    restore point 01KE91NYC00000000000000001 is planned and cannot be copied from
    none of its restore points was made to be copied into eu-north-1/none: give its policy a copy rule, and run it with backup-chain session run POLICY
    none of its restore points was made to be copied: give its policy a copy rule, and run it with backup-chain session run POLICY
    ");
    }
}
