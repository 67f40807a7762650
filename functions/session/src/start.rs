//! Starting the backup jobs of a session, within the limits, and ending it when all are final.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Job, JobState};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::policies::Active;
use backup_chain_aws::seal::{SealError, SealedPoint};
use backup_chain_aws::{AwsError, Edge, Meaning, logs};
use backup_chain_core::ids::RecoveryPointArn;
use backup_chain_core::lock::Lock;
use backup_chain_core::metadata::{self, Document, Settings, TAGS, tags};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::notice::{FailedTable, Notice, SessionEnded};
use backup_chain_core::plan::{self, Marks, Mine, StartBackup, token};
use backup_chain_core::point::{Kind, Request, RestorePoint, State};
use backup_chain_core::session::{Session, Status};
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use tracing::Instrument as _;

use crate::SessionError;
use crate::create::locked;
use crate::plan::maker;

const CREATED_ANEW: &str =
    "the table was dropped and created anew before its backup was started: the new one starts its own chain";

/// How long a session waits for its metadata to be sealed, while AWS answers that it may pass, before a try has failed.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// How many tables are started side by side.
const ABREAST: usize = 8;

/// Starts what the limits allow, and ends the session once every point of it is final.
pub(crate) async fn start(
    edge: &Edge,
    policies: &[Active],
    session: &mut Session,
    deadline: Deadline,
) -> Result<(), SessionError> {
    let mut points = own_points(edge, session).await?;
    let now = edge.clock().now();
    let waits = |point: &&RestorePoint| match point.state {
        // One that failed waits for its next try.
        State::Planned => point.check_at.is_none_or(|at| at <= now),
        // Whoever was starting it is surely gone.
        State::Starting => point.check_at.is_none_or(|at| at <= now),
        _ => false,
    };
    let waiting: Vec<RestorePoint> = points.iter().filter(waits).cloned().collect();
    if !waiting.is_empty() {
        let open = edge.catalog().open_points().await?;
        let in_flight =
            open.iter().filter(|point| point.kind != Kind::Copy && point.state != State::Planned).count();
        let lock = edge.lock_of(&waiting[0].vault).await?;
        let room = edge.deployment().backups_in_flight.saturating_sub(in_flight);
        let mut started = stream::iter(waiting.into_iter().take(room))
            .map(|point| async {
                if deadline.allows_work(edge.clock().now()) {
                    let span = logs::of_point(&point);
                    start_one(edge, policies, point, lock, deadline).instrument(span).await;
                }
            })
            .buffered(ABREAST);
        while started.next().await.is_some() {}
        points = own_points(edge, session).await?;
    }
    if let Some(outcome) = session.outcome(&points) {
        session.status = outcome;
        session.ended_at = Some(edge.clock().now());
        let available = points.iter().filter(|point| point.counts()).count();
        session.available = u32::try_from(available).unwrap_or(u32::MAX);
        let failed = points.iter().filter(|point| point.state == State::Failed);
        let owed = failed.clone().map(|point| session.owes(&point.flags)).sum();
        let failed = failed.map(|point| FailedTable {
            table: point.table.arn.name.to_string(),
            reason: point.reason.clone().unwrap_or_default(),
        });
        // Told before it is recorded: should this be cut off here, it is told again, and never not at all.
        edge.tell(&Notice::SessionEnded(SessionEnded::of(session, failed))).await?;
        measure_end(edge, session, owed);
        edge.catalog().commit([Write::of(session)]).await?;
        tracing::info!(?outcome, available, planned = session.planned, "session ended");
    }
    Ok(())
}

/// Measured with what is told, as often: what an alarm goes by must not be lost.
pub(crate) fn measure_end(edge: &Edge, session: &Session, owed: usize) {
    let measured = Measured::of_session(session)
        .with(Metric::SessionsEnded, 1)
        .with(Metric::SessionsFailed, i64::from(session.status == Status::Failed))
        .with(Metric::SlotsOwed, owed);
    edge.measure(&measured);
}

/// The session's backups, without their copies.
async fn own_points(edge: &Edge, session: &Session) -> Result<Vec<RestorePoint>, SessionError> {
    let mut points = edge.catalog().points_of_session(&session.id).await?;
    points.retain(|point| point.kind != Kind::Copy);
    points.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(points)
}

/// One table must not stop the others: what goes wrong is recorded with its point or left to the next tick.
async fn start_one(
    edge: &Edge,
    policies: &[Active],
    mut point: RestorePoint,
    lock: Option<Lock>,
    deadline: Deadline,
) {
    let done = match point.state {
        State::Planned => begin(edge, policies, &mut point, lock, deadline).await,
        _ => resolve(edge, &mut point).await,
    };
    match done {
        Ok(()) => {}
        Err(error) if error.meaning == Meaning::Condition => {
            tracing::info!(%error, "moved by another invocation");
        }
        Err(error) => tracing::warn!(%error, "left to the next tick"),
    }
}

/// Captures, seals, writes ahead, and asks for the job.
async fn begin(
    edge: &Edge,
    policies: &[Active],
    point: &mut RestorePoint,
    lock: Option<Lock>,
    deadline: Deadline,
) -> Result<(), AwsError> {
    // The vault was not when the backup was asked for.
    if lock.is_some() && point.kind == Kind::Manual {
        return edge.mark_failed(point, &locked(&point.vault.name)).await;
    }
    let Some(mut head) = edge.catalog().head(&point.table).await? else {
        return edge.mark_failed(point, "its table's record is gone from the catalog").await;
    };
    if head.open.is_some() {
        // AWS Backup runs one job per table at a time.
        tracing::debug!("another job of the table is open");
        return Ok(());
    }
    let captured = match edge.capture(&point.table.arn.region, &point.table.arn.name).await {
        Ok(captured) => captured,
        Err(error) if error.meaning == Meaning::NotFound => {
            return edge.mark_failed(point, "the table was dropped before its backup was started").await;
        }
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => return edge.mark_try_failed(point, &error.to_string()).await,
    };
    if captured.table != point.table {
        return edge.mark_failed(point, CREATED_ANEW).await;
    }
    let active =
        point.policy.as_ref().and_then(|made| policies.iter().find(|active| active.policy.name == made.name));
    let requested_at = edge.clock().now();
    let document = Document {
        id: point.id.clone(),
        table: point.table.clone(),
        policy: point.policy.clone(),
        session: point.session.clone(),
        slot: point.slot,
        requested_at,
        time_zone: active.map_or("UTC", |active| active.policy.time_zone.name()).to_owned(),
        kind: if point.kind == Kind::Manual { metadata::Kind::Manual } else { metadata::Kind::Chain },
        flags: point.flags.clone(),
        copies: point.copies.clone(),
        settings: Settings::Inline(Box::new(captured.settings)),
    };
    // AWS refused the tags of the try before: this one has room for none.
    let own_tags = if point.message_stored { TAGS } else { captured.own_tags };
    let tags = match edge.seal(&document, own_tags).await {
        Ok(SealedPoint { tags, digest, settings, place }) => {
            (point.sealed, point.settings) = (Some(digest), Some(settings));
            (point.settings_stored, point.message_stored) = (place.settings_stored, place.message_stored);
            tags
        }
        Err(SealError::Aws(error)) if error.is_transient() && requested_at < point.id.moment() + PATIENCE => {
            return Err(error);
        }
        Err(error) if point.may_try_again().is_some() => {
            return edge.mark_try_failed(point, &error.to_string()).await;
        }
        // Metadata describes items; it never decides whether there are any.
        Err(error) => {
            point.suspect = Some(format!("it was made without metadata, which could not be sealed: {error}"));
            point.message_stored = true;
            BTreeMap::new()
        }
    };
    point.requested_at = Some(requested_at);
    // What earlier tries came to stays told.
    point.warnings.extend(captured.warnings);
    let (cold, delete) = edge.lifecycle(active.map(|active| &active.policy), point, lock);
    let origin = maker(point.policy.as_ref());
    let request = StartBackup {
        vault: point.vault.name.clone(),
        table: point.table.arn.clone(),
        role: edge.deployment().backup_role.clone(),
        token: token(
            "backup",
            &format!("{origin}|{}", point.session),
            point.slot,
            &point.table.id,
            &point.vault,
            point.attempt,
        ),
        start_window_minutes: active.map_or(8 * 60, |active| active.policy.start_window_minutes()),
        cold_after_days: cold,
        delete_after_days: delete,
        tags,
    };
    let request = if request.tags.is_empty() { request.untagged(&point.id, point.attempt) } else { request };
    edge.mark_starting(point, &mut head, Request::Backup(request), deadline.ends()).await?;
    send(edge, point).await
}

/// Sends the recorded request; should AWS refuse it with tags, once more without.
async fn send(edge: &Edge, point: &mut RestorePoint) -> Result<(), AwsError> {
    loop {
        let Some(Request::Backup(request)) = point.request.clone() else {
            return edge.mark_failed(point, "its recorded request is lost").await;
        };
        match edge.source().backup.start_backup(&request).await {
            Ok(started) => return run(edge, point, &started.job, started.arn).await,
            Err(error) if !request.tags.is_empty() && error.may_be_of_tags() => {
                untag(edge, point, request, &error).await?;
            }
            // It may have taken effect: the next tick looks before it sends again.
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => return edge.mark_try_failed(point, &error.to_string()).await,
        }
    }
}

/// Records the request without its tags: the message that they held goes to the settings table.
async fn untag(
    edge: &Edge,
    point: &mut RestorePoint,
    request: StartBackup,
    refused: &AwsError,
) -> Result<(), AwsError> {
    tracing::warn!(error = %refused, "refused with its tags: it is tried without");
    edge.keep_message(&point.table, &request.tags).await?;
    point.message_stored = true;
    point
        .warnings
        .push(format!("its metadata is in the settings table alone, for AWS refused it as tags: {refused}"));
    point.request = Some(Request::Backup(request.untagged(&point.id, point.attempt)));
    edge.catalog().commit([Write::of(point)]).await
}

/// AWS has made a job of the request.
async fn run(
    edge: &Edge,
    point: &mut RestorePoint,
    job: &str,
    arn: Option<RecoveryPointArn>,
) -> Result<(), AwsError> {
    point.arn = arn.or(point.arn.take());
    // So that it is known when the catalog is lost meanwhile. Whoever completes it does the same, and waits for it.
    if let Err(error) = edge.name(point).await {
        tracing::warn!(%error, "its recovery point is named when it is complete");
    }
    edge.mark_running(point, job, None).await
}

/// Finds out what became of a request that may or may not have reached AWS. Without an answer nothing is
/// sent a second time.
async fn resolve(edge: &Edge, point: &mut RestorePoint) -> Result<(), AwsError> {
    let backup = &edge.source().backup;
    let since = point.requested_at.unwrap_or(point.slot) - SignedDuration::from_mins(5);
    let jobs = backup.backup_jobs_of(&point.table.arn, since).await?;
    let mine = match &point.request {
        Some(Request::Backup(request)) if request.tags.is_empty() => {
            by_marks(edge, point, request, &jobs).await?
        }
        _ => by_id(edge, point, &jobs).await?,
    };
    match mine {
        Mine::Job(id) => {
            let arn = jobs.into_iter().find(|(job, _)| job.id == id).and_then(|(job, _)| job.arn);
            return run(edge, point, &id, arn).await;
        }
        Mine::Unclear(seen) => {
            tracing::info!(?seen, "jobs of the table cannot be told apart yet");
            return Ok(());
        }
        Mine::None => {}
    }
    // The request names the table by its name only.
    if edge
        .source()
        .dynamodb
        .find(&point.table.arn.name)
        .await?
        .is_some_and(|found| found.table != point.table)
    {
        return edge.mark_failed(point, CREATED_ANEW).await;
    }
    send(edge, point).await
}

/// The job whose recovery point carries our id.
async fn by_id(edge: &Edge, point: &RestorePoint, jobs: &[(Job, Marks)]) -> Result<Mine, AwsError> {
    let mut seen = BTreeSet::new();
    for (job, _) in jobs {
        let Some(arn) = &job.arn else { continue };
        match edge.source().backup.tags(arn).await {
            Ok(tags) if tags.get(tags::ID).map(String::as_str) == Some(point.id.as_str()) => {
                return Ok(Mine::Job(job.id.clone()));
            }
            Ok(_) => {}
            // A job that is open has not made its point yet, and may be ours. One that is over has left nothing:
            // should it have been ours, the same token leads back to it.
            Err(error) if error.meaning == Meaning::NotFound && job.state == JobState::Open => {
                seen.insert(job.id.clone());
            }
            Err(error) if error.meaning == Meaning::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if seen.is_empty() { Mine::None } else { Mine::Unclear(seen) })
}

/// The job that a request without tags made, by what AWS tells of it.
async fn by_marks(
    edge: &Edge,
    point: &RestorePoint,
    request: &StartBackup,
    jobs: &[(Job, Marks)],
) -> Result<Mine, AwsError> {
    let points = edge.catalog().points_of_table(&point.table.arn.name).await?;
    let others =
        points.into_iter().filter(|other| other.id != point.id).filter_map(|other| other.job).collect();
    let marks: Vec<Marks> = jobs.iter().map(|(_, marks)| marks.clone()).collect();
    Ok(plan::mine(request, &marks, &others))
}
