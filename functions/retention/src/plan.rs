//! Planning: which chains have something outdated, and what becomes of each of their points.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use backup_chain_aws::backup::PointState;
use backup_chain_aws::catalog::Write;
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::seen::Seen;
use backup_chain_aws::{App, Error, Meaning, logs};
use backup_chain_core::ids::{Table, TableName, VaultArn};
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{Hold, PointKind, RestorePoint, State};
use backup_chain_core::policy::Policy;
use backup_chain_core::retention::{self, Decided, PointFate, PointVerdict, Reason, Report, name_of};
use jiff::{SignedDuration, Timestamp};
use tracing::Instrument as _;

use crate::work::Work;
use crate::{hold, moved, reconcile};

/// A chain and what becomes of its points.
pub(crate) struct Chain {
    pub points: Vec<(RestorePoint, PointVerdict)>,
}

impl Chain {
    pub fn removals(&self) -> impl Iterator<Item = &RestorePoint> {
        self.points.iter().filter(|(_, verdict)| verdict.remove).map(|(point, _)| point)
    }

    /// The names of those that are not believed.
    pub fn suspects(&self) -> impl Iterator<Item = String> {
        let points = self.points.iter().map(|(point, _)| point);
        points.filter(|point| point.state() == State::Available && point.suspect.is_some()).map(name_of)
    }
}

/// Plans every chain, or those of one table, manual backups with them, and tells of each point what a run would
/// do. Nothing is changed.
pub(crate) async fn plan_all(app: &App, table: Option<&TableName>) -> Result<Report, Error> {
    let mut work = Work::begin(app, false).await?;
    let mut report = Report { dry_run: true, ..Report::default() };
    let mut points = match table {
        Some(table) => app.catalog.points_of_table(table).await?,
        None => app.catalog.all_live_points().await?,
    };
    points.retain(|point| !point.state().is_past());
    let mut chains: BTreeMap<(Table, VaultArn, bool), Vec<RestorePoint>> = BTreeMap::new();
    for point in points {
        let chain = (point.table.clone(), point.vault.clone(), point.kind == PointKind::Manual);
        chains.entry(chain).or_default().push(point);
    }
    let mut removals = Vec::new();
    for ((table, vault, _), points) in chains {
        match plan_chain(&mut work, &table, &vault, points).await {
            Ok(chain) => {
                removals.extend(chain.removals().map(name_of));
                for (point, verdict) in chain.points {
                    let fate = if verdict.remove { PointFate::Remove } else { PointFate::Keep };
                    report.points.push(Decided::of(&point, fate, verdict.reasons, work.now));
                }
            }
            Err(error) => report.problems.push(skipped_chain_problem(&table, &vault, &error)),
        }
    }
    let names: Vec<&str> = removals.iter().map(String::as_str).collect();
    report.digest = retention::digest(names.iter().copied());
    report.braked = work.braked(&names, None).await?;
    Ok(report)
}

fn skipped_chain_problem(table: &Table, vault: &VaultArn, error: &Error) -> String {
    format!("the chain of {} in {} is left as it is: {error}", table.arn.name, vault.place())
}

/// Reads and plans every chain with a point whose last flag has lapsed. What cannot be read is reported, and
/// nothing of it is removed.
pub(crate) async fn outdated_chains(work: &mut Work<'_>, report: &mut Report) -> Result<Vec<Chain>, Error> {
    let lapsed = work.app.catalog.lapsed_points(work.now).await?;
    let chains: BTreeSet<(Table, VaultArn)> =
        lapsed.into_iter().map(|point| (point.table, point.vault)).collect();
    let mut plans = Vec::new();
    for (table, vault) in chains {
        let planned = async {
            let points = work.app.catalog.chain(&table, &vault).await?;
            plan_chain(work, &table, &vault, points).await
        };
        match planned.instrument(logs::of_chain(&table, &vault)).await {
            Ok(chain) => plans.push(chain),
            Err(error) => report.problems.push(skipped_chain_problem(&table, &vault, &error)),
        }
    }
    Ok(plans)
}

/// How long ahead the end of the last point in a locked vault is reported.
const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// In a locked vault nothing stays beyond its retention: tells where the newest point is about to go, and in how many
/// chains.
pub(crate) async fn warn_of_expiry(work: &mut Work<'_>, report: &mut Report) -> Result<usize, Error> {
    let mut told = 0;
    let until = work.now + EXPIRY_WARNING;
    let lapsing = work.app.catalog.lapsed_points(until).await?;
    let chains: BTreeSet<(Table, VaultArn)> =
        lapsing.into_iter().map(|point| (point.table, point.vault)).collect();
    for (table, vault) in chains {
        // One that cannot be looked at has been reported.
        if !work.is_locked(&vault).await.unwrap_or(false) {
            continue;
        }
        let chain = work.app.catalog.chain(&table, &vault).await?;
        let live = || chain.iter().filter(|point| point.is_counted());
        let last = live().filter_map(RestorePoint::lapses).max();
        let policy = chain.iter().rev().find_map(|point| work.policy(&point.policy.as_ref()?.name));
        let goes_on = policy.is_some_and(|active| {
            let newest = live().map(|point| point.slot).max();
            is_continued(&active.policy, newest, last, work.now)
        });
        if let Some(last) = last.filter(|last| *last <= until && !goes_on) {
            told += 1;
            report.problems.push(format!(
                "the newest restore point of {} in the locked vault {} is kept only until {last}: AWS deletes it \
                 then; back the table up, or copy the point elsewhere",
                table.arn.name,
                vault.place()
            ));
        }
    }
    Ok(told)
}

/// Whether a chain is about to get its next point: its policy runs, its newest point is that of the latest slot, or
/// the latest slot is so young that its point may be under way, and the next slot comes before all has lapsed.
fn is_continued(policy: &Policy, newest: Option<Timestamp>, last: Option<Timestamp>, now: Timestamp) -> bool {
    let schedules = || policy.tiers.iter().filter_map(|(tier, _)| policy.schedule(tier));
    let latest = schedules().filter_map(|schedule| schedule.latest(now)).max();
    let is_fresh = newest >= latest || latest.is_some_and(|slot| now.duration_since(slot) < MAX_START_WINDOW);
    let next = schedules().filter_map(|schedule| schedule.next(now)).min();
    policy.enabled && is_fresh && next.zip(last).is_some_and(|(next, last)| next < last)
}

/// A backup starts within the start window, at most 12 hours.
const MAX_START_WINDOW: SignedDuration = SignedDuration::from_hours(12);

/// Looks again at every point that was not believed: what was in the way may have passed. Those that are still not
/// believed are reported, and returned by their names.
pub(crate) async fn suspects(work: &Work<'_>, report: &mut Report) -> Result<BTreeSet<String>, Error> {
    let mut suspects = BTreeSet::new();
    for mut point in work.app.catalog.suspect_points().await? {
        let span = logs::of_point(&point);
        if let Err(error) = verify_metadata(work, &mut point).await {
            span.in_scope(|| tracing::warn!(%error, "a suspect restore point could not be looked at"));
        }
        if let (State::Available, Some(why)) = (point.state(), &point.suspect) {
            let name = name_of(&point);
            report.problems.push(format!("{name} of {} is suspect and kept: {why}", point.table.arn.name));
            suspects.insert(name);
        }
    }
    Ok(suspects)
}

/// Plans one chain.
pub(crate) async fn plan_chain(
    work: &mut Work<'_>,
    table: &Table,
    vault: &VaultArn,
    mut points: Vec<RestorePoint>,
) -> Result<Chain, Error> {
    let mut guards = work.guards(table, vault, &points).await?;
    // Metadata that is opened may turn out not to be believed, which changes what counts as newest: so it is
    // planned again until all that the removals depend on has been opened.
    let mut believed = BTreeSet::new();
    loop {
        // A point that is believed at last has its copies planned.
        guards.being_copied = work.being_copied(table, vault);
        let mut verdicts = retention::plan(&points, work.now, &guards);
        let removes = verdicts.iter().any(|verdict| verdict.remove);
        let is_newest = |verdict: &PointVerdict| {
            removes && verdict.reasons.iter().any(|reason| matches!(reason, Reason::Newest { .. }))
        };
        let next = verdicts
            .iter()
            .find(|verdict| (verdict.remove || is_newest(verdict)) && !believed.contains(&verdict.index));
        if let Some(index) = next.map(|verdict| verdict.index) {
            believed.insert(index);
            verify_metadata(work, &mut points[index]).await?;
            continue;
        }
        let mut by_index: Vec<Option<RestorePoint>> = points.into_iter().map(Some).collect();
        let pair = |verdict: PointVerdict| Some((by_index[verdict.index].take()?, verdict));
        return Ok(Chain { points: verdicts.drain(..).filter_map(pair).collect() });
    }
}

/// Opens the metadata of an available point and takes note of what it finds: a point that is not believed is
/// suspect from now on, one that is believed again no longer; one that carries the hold tag is held, one that is
/// not in the vault is gone.
pub(crate) async fn verify_metadata(work: &Work<'_>, point: &mut RestorePoint) -> Result<(), Error> {
    let span = logs::of_point(point);
    let mut tries = 1;
    loop {
        // Boxed: keeps the parent futures small.
        match Box::pin(try_believe(work, point)).instrument(span.clone()).await {
            // Its record, or its table's, was written meanwhile.
            Err(error) if error.is_conflict() && tries < moved::MAX_COMMITS => tries += 1,
            done => return done,
        }
        moved::refresh(work.app, point).await?;
    }
}

/// "After a few seconds" AWS shows tags that were just changed, and may show none until then. What was changed before
/// a run waits is seen after it, so that one wait is enough.
const TAG_VISIBILITY_WAIT: SignedDuration = SignedDuration::from_secs(15);

/// Whether none of our tags is seen on a point that was believed with its message in them.
fn has_no_tags_yet(point: &RestorePoint, found: &BTreeMap<String, String>) -> bool {
    let has_none = !found.keys().any(|key| key.starts_with(tags::PREFIX));
    has_none && !point.message_stored && point.suspect.is_none()
}

async fn try_believe(work: &Work<'_>, point: &mut RestorePoint) -> Result<(), Error> {
    let app = work.app;
    let Some(arn) = point.available().cloned() else { return Ok(()) };
    let region = app.aws.region(&point.vault.region);
    let mut found = region.backup.tags(&arn).await;
    if let Ok(none) = &found
        && has_no_tags_yet(point, none)
        && work.may_wait.swap(false, Ordering::Relaxed)
    {
        app.context.clock().until(app.context.now() + TAG_VISIBILITY_WAIT).await;
        found = region.backup.tags(&arn).await;
    }
    let found = match found {
        Ok(found) => found,
        Err(error) if error.meaning == Meaning::NotFound && work.records => {
            return reconcile::record_if_gone(app, point).await;
        }
        Err(error) if error.meaning == Meaning::NotFound => {
            moved::set_deleted_in_memory(point);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    // It was recorded before it could be looked at: what AWS says of it fills the record, or nothing would ever fit.
    if point.created_at.is_none() {
        let made = region.backup.point(&point.vault.name, &arn).await?;
        if made.state != PointState::Usable {
            return Ok(());
        }
        (point.created_at, point.bytes) = (made.created_at, made.bytes);
    }
    let doubt = match app.sealer.open(point, &Seen::of_record(point, &arn, &found)).await {
        Ok(_) => None,
        Err(OpenError::Aws(error)) => return Err(error.into()),
        Err(error) => Some(error.to_string()),
    };
    if doubt.is_some() != point.suspect.is_some() {
        match &doubt {
            Some(why) => {
                tracing::error!(why, "restore point is suspect: it is kept");
            }
            None => tracing::info!("restore point is believed again"),
        }
        point.suspect = doubt;
        if work.records && point.suspect.is_some() {
            app.ledger.commit_with_head(point).await?;
        } else if work.records {
            work.planned(app.ledger.mark_believed(point).await?);
        }
    }
    let Some(told) = found.get(tags::HOLD) else { return Ok(()) };
    match &point.hold {
        // A hold that has ended is lifted in both places.
        Some(hold) if !hold.is_live(work.now) && *told == tags::hold_value(hold) => {
            if work.records {
                hold::end(app, point, &arn).await?;
            } else {
                point.hold = None;
            }
        }
        Some(hold) if hold.is_live(work.now) => {}
        _ => {
            point.hold = Some(Hold::by_tag());
            if work.records {
                app.catalog.commit([Write::of(point)]).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use backup_chain_core::policy::Home;

    use super::*;

    #[test]
    fn a_chain_goes_on_while_its_policy_runs_and_its_next_slot_comes_before_all_has_lapsed() {
        let home = Home {
            partition: "aws".to_owned(),
            account: "111122223333".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
        };
        let text =
            "{name: gold, vault: main, sources: {all: true}, tiers: {daily: {at: 07:00, keep: 3 days}}}";
        let policy = Policy::parse(text, &home).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (fresh, stale) = (Some(at("2026-01-05T07:10:00Z")), Some(at("2026-01-03T07:10:00Z")));
        let (soon, later) = (Some(at("2026-01-05T20:00:00Z")), Some(at("2026-01-08T07:00:00Z")));
        let now = at("2026-01-05T20:00:00Z");
        assert!(is_continued(&policy, fresh, later, now));
        assert!(!is_continued(&policy, fresh, soon, now), "all has lapsed before the next slot");
        assert!(!is_continued(&policy, stale, later, now), "the slot of today made none");
        assert!(is_continued(&policy, stale, later, at("2026-01-05T08:00:00Z")), "it may be under way");
        assert!(!is_continued(&Policy { enabled: false, ..policy }, fresh, later, now));
    }
}
