//! Starting copies: when their table is free, when no backup falls due, and when no newer one waits.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use backup_chain_aws::backup::{Job, JobState};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{App, AwsError, Error};
use backup_chain_core::copying::{self, Decision, Waiting};
use backup_chain_core::due;
use backup_chain_core::ids::{PointId, VaultArn};
use backup_chain_core::lock;
use backup_chain_core::plan::{StartCopy, token};
use backup_chain_core::point::{CopySource, PointKind, Request, RestorePoint, State};
use backup_chain_core::table::TableHead;
use backup_chain_core::wait;
use jiff::{SignedDuration, Timestamp};

use crate::work::Work;

/// Takes a copy that waits, or whose start was cut off, one step further, if it still stands as it was seen.
pub(crate) async fn advance(work: &Work<'_>, seen: &RestorePoint) -> Result<(), Error> {
    let app = work.app;
    let Some(mut copy) = app.catalog.reread_if_unchanged(seen).await? else { return Ok(()) };
    let (done, since, timeout) = match copy.state() {
        // Timed from the creation date of its backup.
        State::Planned => (drop_wait_or_start(work, &mut copy).await, copy.created_at, wait::COPY_START),
        State::Starting => (resolve(app, &mut copy).await, copy.requested_at, wait::COPY_REQUEST),
        _ => return Ok(()),
    };
    match done {
        Err(error) if !error.is_conflict() && is_over(app, since, timeout) => {
            let why = format!("it could not be started within {} hours: {error}", timeout.as_hours());
            app.ledger.mark_try_failed(&mut copy, &why).await
        }
        other => other,
    }
}

fn is_over(app: &App, since: Option<Timestamp>, timeout: SignedDuration) -> bool {
    since.is_none_or(|since| since + timeout <= app.context.now())
}

/// Decides about a planned copy: it is dropped for a newer one, waits until a moment that is recorded, or is started. Where
/// too many copies run it stays as it is, and the next tick decides again.
async fn drop_wait_or_start(work: &Work<'_>, copy: &mut RestorePoint) -> Result<(), Error> {
    let app = work.app;
    let Some(mut head) = app.catalog.head(&copy.table).await? else {
        return app.ledger.mark_failed(copy, "its table's record is gone from the catalog").await;
    };
    let now = app.context.now();
    let met = head.met_slots_in(&copy.vault);
    if !copy.by_request
        && copy.flags.iter().all(|flag| met.get(&flag.tier).is_some_and(|slot| *slot >= flag.slot))
    {
        return app.ledger.mark_dropped(copy, "overtaken: a newer copy carries all its slots").await;
    }
    let open = app.catalog.open_points().await?;
    let same_chain = |other: &&RestorePoint| {
        other.kind == PointKind::Copy
            && other.state() == State::Planned
            && other.table == copy.table
            && other.vault == copy.vault
    };
    // One that is asked for is copied, whatever else waits.
    let newest = open.iter().filter(|other| !copy.by_request && same_chain(other));
    let newest = newest.max_by_key(|other| &other.id).unwrap_or(copy);
    let waiting = Waiting {
        id: &copy.id,
        newest: &newest.id,
        busy: head.open.is_some() || head.planned.is_some(),
        measured: head.copy_seconds.map(SignedDuration::from_secs),
        next_slot: next_slot(work, &head, now),
        since: copy.waits_since(),
    };
    match copying::decide(&waiting, now) {
        Decision::Drop { newer } => {
            if copy.waits_since() < newest.waits_since() {
                // The newest copy takes over the waiting time of this one, and is decided about again now.
                let since = Some(copy.waits_since());
                let mut newest_updated =
                    RestorePoint { waits_since: since, check_at: Some(now), ..newest.clone() };
                app.catalog.commit([Write::of(&mut newest_updated)]).await?;
            }
            return app
                .ledger
                .mark_dropped(copy, &format!("overtaken by the copy of restore point {newer}"))
                .await;
        }
        Decision::Wait { until, why } => {
            tracing::debug!(%until, why, "copy waits");
            copy.check_at = Some(until);
            return app.catalog.commit([Write::of(copy)]).await;
        }
        Decision::Start => {}
    }
    let is_copying = |other: &&RestorePoint| {
        other.kind == PointKind::Copy
            && other.state() != State::Planned
            && other.vault.region == copy.vault.region
    };
    let mut copying: BTreeSet<(PointId, VaultArn)> =
        open.iter().filter(is_copying).map(|other| (other.id.clone(), other.vault.clone())).collect();
    let begun = work.begun.lock().unwrap_or_else(PoisonError::into_inner).clone();
    copying.extend(begun.into_iter().filter(|(_, vault)| vault.region == copy.vault.region));
    if copying.len() >= app.context.deployment().copies_in_flight {
        return Ok(());
    }
    let Some(source) = copy.source.clone() else {
        return app.ledger.mark_failed(copy, "what it is a copy of is not recorded").await;
    };
    // It goes first, so that no copy exists without its metadata.
    let missing =
        match app.sealer.copy_stored(copy, &app.context.deployment().region, &copy.vault.region).await {
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => Some(error.to_string()),
            Ok(missing) => missing,
        };
    if let Some(missing) = missing {
        let why = format!("what describes it cannot be brought to {}: {missing}", copy.vault.region);
        if copy.next_retry().is_some() {
            return app.ledger.mark_try_failed(copy, &why).await;
        }
        // The last attempt makes the copy without metadata: metadata describes items, and never decides about them.
        copy.warnings.push(why);
    }
    let lock = app.aws.lock_of(&copy.vault).await?;
    let policy = copy.policy.as_ref().and_then(|made| work.policy(&made.name));
    let source_ends = lock.is_none() && ends_by_itself(app, &source).await?;
    let made_at = copy.created_at.unwrap_or_else(|| app.context.now());
    let (cold, delete) =
        lock::days_of(policy.map(|active| &active.policy), made_at, &copy.flags, lock, source_ends);
    let request = StartCopy {
        source: source.arn,
        source_vault: source.vault.name,
        target: copy.vault.clone(),
        role: app.context.deployment().copy_role.clone(),
        token: token("copy", copy.id.as_str(), copy.slot, &copy.table.id, &copy.vault, copy.attempt),
        cold_after_days: cold,
        delete_after_days: delete,
    };
    app.ledger.mark_starting(copy, &mut head, Request::Copy(request), work.deadline.ends()).await?;
    work.begun.lock().unwrap_or_else(PoisonError::into_inner).push((copy.id.clone(), copy.vault.clone()));
    send(app, copy).await
}

/// When the table's policy next backs it up. A slot that has just fallen due is still ahead: the session function
/// ticks beside this one, and takes a while to take it up and to plan its points.
fn next_slot(work: &Work<'_>, head: &TableHead, now: Timestamp) -> Option<Timestamp> {
    const MAX_PLANNING_TIME: SignedDuration = SignedDuration::from_mins(2);
    const MAX_PICKUP_TIME: SignedDuration = SignedDuration::from_mins(15);
    let Active { policy, stored } = work.policy(head.policy.as_ref()?)?;
    let after = stored.state.planned_until.clamp(now - MAX_PICKUP_TIME, now - MAX_PLANNING_TIME);
    policy.enabled.then(|| due::next_slot(policy, after)).flatten().map(|(slot, _)| slot)
}

/// Whether AWS deletes the source of a copy at some moment: by a lock that its vault has or had, or because somebody
/// gave it a lifecycle (assumption A13). Where that cannot be seen it may be so.
async fn ends_by_itself(app: &App, source: &CopySource) -> Result<bool, AwsError> {
    match app.aws.region(&source.vault.region).backup.point(&source.vault.name, &source.arn).await {
        Ok(found) => Ok(found.ends),
        Err(error) if error.is_transient() => Err(error),
        Err(_) => Ok(true),
    }
}

/// Sends the recorded request.
async fn send(app: &App, copy: &mut RestorePoint) -> Result<(), Error> {
    let Some(Request::Copy(request)) = copy.request().cloned() else {
        return app.ledger.mark_failed(copy, "its recorded request is not one for a copy").await;
    };
    match app.aws.source().backup.start_copy(&request).await {
        Ok(job) => app.ledger.mark_running(copy, &job, None).await,
        // It may have taken effect: the next tick looks before it sends again.
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => app.ledger.mark_try_failed(copy, &error.to_string()).await,
    }
}

/// How far AWS's clock may be behind that of the function.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Finds out what became of a request that may or may not have reached AWS: a copy job of the same source
/// into the same vault is ours, for one point has one copy in each chain.
async fn resolve(app: &App, copy: &mut RestorePoint) -> Result<(), Error> {
    let Some(source) = copy.source.clone() else {
        return app.ledger.mark_failed(copy, "what it is a copy of is not recorded").await;
    };
    let jobs = app.aws.source().backup.copy_jobs_of(&source.arn).await?;
    let target = copy.vault.to_string();
    // One that was made long before is that of a copy which has been removed since.
    let is_recent = |job: &Job| match (job.created_at, copy.requested_at) {
        (Some(made), Some(requested)) => made + MAX_CLOCK_SKEW >= requested,
        _ => true,
    };
    let may_be_ours = |job: &Job| matches!(job.state, JobState::Open | JobState::Completed) && is_recent(job);
    match jobs.into_iter().find(|job| job.target.as_ref() == Some(&target) && may_be_ours(job)) {
        Some(job) => app.ledger.mark_running(copy, &job.id, job.arn).await,
        None => send(app, copy).await,
    }
}
