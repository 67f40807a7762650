//! Starting the backup jobs of a session, within the limits, and ending it when all are final.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Job, JobState};
use backup_chain_aws::catalog::Write;
use backup_chain_aws::clock::Deadline;
use backup_chain_aws::policies::Active;
use backup_chain_aws::seal::{SealError, SealedPoint};
use backup_chain_aws::{App, AwsError, Error, Meaning, logs};
use backup_chain_core::ids::{PointId, RecoveryPointArn};
use backup_chain_core::lock::{self, Lock};
use backup_chain_core::metadata::{self, Document, MAX_TAGS, SettingsLocation, tags};
use backup_chain_core::metrics::Measured;
use backup_chain_core::notice::{FailedTable, Notice, SessionEnded};
use backup_chain_core::plan::{self, JobMatch, JobTraits, StartBackup, token};
use backup_chain_core::point::{PointKind, Request, RestorePoint, State};
use backup_chain_core::session::{Session, Status};
use backup_chain_core::{transition, wait};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::Instrument as _;

use crate::create::locked_vault_problem;
use crate::report::{maker, measure_end};

const RECREATED: &str =
    "the table was dropped and created again before its backup was started: the new one starts its own chain";

/// How many tables are started side by side.
const MAX_CONCURRENCY: usize = 8;

/// Starts what the limits allow, and ends the session once every point of it is final. `planned` are points that were
/// recorded a moment ago: the index may not show them yet.
pub(crate) async fn start(
    app: &App,
    policies: &[Active],
    session: &mut Session,
    planned: Vec<RestorePoint>,
    deadline: Deadline,
) -> Result<(), Error> {
    let mut points = own_points(app, session, planned).await?;
    let now = app.context.now();
    // A point that failed waits for its next try; one that is being started, until whoever started it is certainly
    // gone.
    let is_due = |point: &&RestorePoint| {
        matches!(point.state(), State::Planned | State::Starting) && point.check_at.is_none_or(|at| at <= now)
    };
    if let Some(why) = &session.stopped {
        // What may have reached AWS is resolved, and nothing new is asked for.
        for point in points.iter_mut().filter(|point| point.state() == State::Planned) {
            app.ledger.mark_failed(point, why).await?;
        }
    }
    let mut waiting: Vec<RestorePoint> = points.iter().filter(is_due).cloned().collect();
    if !waiting.is_empty() {
        let open = app.catalog.open_points().await?;
        let in_flight = open
            .iter()
            .filter(|point| point.kind != PointKind::Copy && point.state() != State::Planned)
            .count();
        let room = app.context.deployment().backups_in_flight.saturating_sub(in_flight);
        let without_room = waiting.split_off(room.min(waiting.len()));
        let starts =
            &Starts { app, policies, session, lock: app.aws.lock_of(&points[0].vault).await, deadline };
        let mut started = stream::iter(waiting)
            .map(|point| async {
                if deadline.allows_work(app.context.now()) {
                    let span = logs::of_point(&point);
                    starts.one(point).instrument(span).await;
                }
            })
            .buffered(MAX_CONCURRENCY);
        while started.next().await.is_some() {}
        drop(started);
        for mut point in without_room.into_iter().filter(|point| starts.is_late(point)) {
            let why =
                "there was no room for its job among those that run at a time, all through its start window";
            app.ledger.mark_failed(&mut point, why).await?;
        }
        points = own_points(app, session, points).await?;
    }
    let are_missing = points.len() < session.planned as usize;
    if are_missing && session.status == Status::Running && session.started_at + wait::RECORDS < now {
        let missing = session.planned as usize - points.len();
        session.problems.push(format!("the records of {missing} of its restore points cannot be read"));
        session.planned = u32::try_from(points.len()).unwrap_or(u32::MAX);
    }
    if let Some(outcome) = session.outcome(&points) {
        session.status = if are_missing { Status::Failed } else { outcome };
        session.ended_at = Some(app.context.now());
        let available = points.iter().filter(|point| point.is_counted()).count();
        session.available = u32::try_from(available).unwrap_or(u32::MAX);
        let without = points.iter().filter(|point| !point.is_counted());
        let failed = without.map(|point| FailedTable {
            table: point.table.arn.name.to_string(),
            reason: point.reason().or(point.suspect.as_deref()).unwrap_or_default().to_owned(),
        });
        // Told before it is recorded: should this be cut off here, it is sent again: at least once, never zero times.
        app.notices.publish(&Notice::SessionEnded(SessionEnded::of(session, failed))).await?;
        measure_end(app, session, session.owed_after(&points));
        app.catalog.commit([Write::of(session)]).await?;
        tracing::info!(status = ?session.status, available, planned = session.planned, "session ended");
    }
    Ok(())
}

/// The session's backups, without their copies. The index may trail by moments: of each point the latest that is known
/// counts, `known` among them.
async fn own_points(
    app: &App,
    session: &Session,
    known: Vec<RestorePoint>,
) -> Result<Vec<RestorePoint>, Error> {
    let mut points: BTreeMap<PointId, RestorePoint> = BTreeMap::new();
    for point in app.catalog.points_of_session(&session.id).await?.into_iter().chain(known) {
        let is_newer = points.get(&point.id).is_none_or(|other| other.rev < point.rev);
        if point.kind != PointKind::Copy && is_newer {
            points.insert(point.id.clone(), point);
        }
    }
    Ok(points.into_values().collect())
}

/// What the starts of one session have in common.
struct Starts<'a> {
    app: &'a App,
    policies: &'a [Active],
    session: &'a Session,
    /// The lock of their vault, if that is known.
    lock: Result<Option<Lock>, AwsError>,
    deadline: Deadline,
}

impl Starts<'_> {
    /// One table must not stop the others: what goes wrong is recorded with its point or left to the next tick.
    async fn one(&self, seen: RestorePoint) {
        let app = self.app;
        let measured = Measured::of_point(&seen);
        let done = async {
            let Some(mut point) = app.catalog.reread_if_unchanged(&seen).await? else { return Ok(()) };
            let done = match point.state() {
                State::Planned => Box::pin(self.begin(&mut point)).await,
                _ => Box::pin(self.resolve(&mut point)).await,
            };
            match done {
                Err(error) if !error.is_conflict() && self.is_late(&point) => {
                    let why = format!("it was not started within its start window: {error}");
                    app.ledger.mark_failed(&mut point, &why).await
                }
                other => other,
            }
        };
        if let Err(error) = done.await {
            app.context.record_deferred(&measured, "the start of a backup", &error);
        }
    }

    /// Since when a point could have been started.
    fn waits_since(&self, point: &RestorePoint) -> Timestamp {
        match point.state() {
            State::Starting => point.requested_at,
            _ => point.check_at,
        }
        .unwrap_or(self.session.started_at)
    }

    /// Whether a point has waited for its start for its whole start window.
    fn is_late(&self, point: &RestorePoint) -> bool {
        let window = SignedDuration::from_mins(start_window(self.active(point)));
        self.waits_since(point) + window <= self.app.context.now()
    }

    fn active(&self, point: &RestorePoint) -> Option<&Active> {
        let made = point.policy.as_ref()?;
        self.policies.iter().find(|active| active.policy.name == made.name)
    }

    /// Captures, seals, writes ahead, and asks for the job.
    async fn begin(&self, point: &mut RestorePoint) -> Result<(), Error> {
        let Self { app, deadline, .. } = *self;
        let may_wait = app.context.now() < self.waits_since(point) + wait::SETTINGS;
        let lock = match &self.lock {
            Ok(lock) => *lock,
            Err(error) if may_wait => return Err(error.clone().into()),
            // AWS itself says what is wrong where there is one.
            Err(_) => None,
        };
        // The vault was not when the backup was asked for.
        if lock.is_some() && point.kind == PointKind::Manual {
            return app.ledger.mark_failed(point, &locked_vault_problem(&point.vault.name)).await;
        }
        let Some(mut head) = app.catalog.head(&point.table).await? else {
            return app.ledger.mark_failed(point, "its table's record is gone from the catalog").await;
        };
        if head.open.is_some() {
            // AWS Backup runs one job per table at a time.
            tracing::debug!("another job of the table is open");
            if self.is_late(point) {
                let why = "another job of the table was open all through its start window";
                return app.ledger.mark_failed(point, why).await;
            }
            return Ok(());
        }
        let captured = match app.aws.region(&point.table.arn.region).capture(&point.table.arn.name).await {
            Ok(captured) => captured,
            Err(error) if error.meaning == Meaning::NotFound => {
                return app
                    .ledger
                    .mark_failed(point, "the table was dropped before its backup was started")
                    .await;
            }
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => return app.ledger.mark_try_failed(point, &error.to_string()).await,
        };
        let captured = if may_wait { captured.or_transient()? } else { captured };
        if captured.table != point.table {
            return app.ledger.mark_failed(point, RECREATED).await;
        }
        let active = self.active(point);
        let requested_at = app.context.now();
        let document = Document {
            id: point.id.clone(),
            table: point.table.clone(),
            policy: point.policy.clone(),
            session: point.session.clone(),
            slot: point.slot,
            requested_at,
            time_zone: active.map_or("UTC", |active| active.policy.time_zone.name()).to_owned(),
            kind: if point.kind == PointKind::Manual {
                metadata::DocumentKind::Manual
            } else {
                metadata::DocumentKind::Chain
            },
            flags: point.flags.clone(),
            copies: point.copies.clone(),
            settings: SettingsLocation::Inline(Box::new(captured.settings)),
        };
        // AWS refused the tags of the try before: this one has room for none.
        let own_tags = if point.message_stored { MAX_TAGS } else { captured.own_tags };
        let may_wait = requested_at < self.waits_since(point) + wait::SEALING;
        let tags = match app.sealer.seal(&document, own_tags).await {
            Ok(SealedPoint { tags, digest, settings, place }) => {
                (point.sealed, point.settings) = (Some(digest), Some(settings));
                (point.settings_stored, point.message_stored) = (place.settings_stored, place.message_stored);
                tags
            }
            Err(SealError::Aws(error)) if error.is_transient() && may_wait => return Err(error.into()),
            Err(error) if point.next_retry().is_some() => {
                return app.ledger.mark_try_failed(point, &error.to_string()).await;
            }
            // Metadata describes items; it never decides whether there are any.
            Err(error) => {
                point.suspect =
                    Some(format!("it was made without metadata, which could not be sealed: {error}"));
                point.message_stored = true;
                BTreeMap::new()
            }
        };
        point.requested_at = Some(requested_at);
        // The warnings of earlier attempts stay on the record.
        point.warnings.extend(captured.warnings);
        let (cold, delete) =
            lock::days_of(active.map(|active| &active.policy), app.context.now(), &point.flags, lock, false);
        let origin = maker(point.policy.as_ref());
        let request = StartBackup {
            vault: point.vault.name.clone(),
            table: point.table.arn.clone(),
            role: app.context.deployment().backup_role.clone(),
            token: token(
                "backup",
                &format!("{origin}|{}", point.session),
                point.slot,
                &point.table.id,
                &point.vault,
                point.attempt,
            ),
            start_window_minutes: start_window(active),
            cold_after_days: cold,
            delete_after_days: delete,
            tags,
        };
        let request =
            if request.tags.is_empty() { request.untagged(&point.id, point.attempt) } else { request };
        app.ledger.mark_starting(point, &mut head, Request::Backup(request), deadline.ends()).await?;
        self.send(point).await
    }

    /// Sends the recorded request; should AWS refuse it with tags, once more without.
    async fn send(&self, point: &mut RestorePoint) -> Result<(), Error> {
        let app = self.app;
        loop {
            let Some(Request::Backup(request)) = point.request().cloned() else {
                return app.ledger.mark_failed(point, "its recorded request is not one for a backup").await;
            };
            match app.aws.source().backup.start_backup(&request).await {
                Ok(started) => return run(app, point, &started.job, started.arn).await,
                Err(error) if !request.tags.is_empty() && error.may_be_of_tags() => {
                    untag(app, point, request, &error).await?;
                }
                // It may have taken effect: the next tick looks before it sends again.
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => return app.ledger.mark_try_failed(point, &error.to_string()).await,
            }
        }
    }

    /// Finds out what became of a request that may or may not have reached AWS. Without an answer nothing is
    /// sent a second time.
    async fn resolve(&self, point: &mut RestorePoint) -> Result<(), Error> {
        let app = self.app;
        let backup = &app.aws.source().backup;
        let since = point.requested_at.unwrap_or(point.slot) - SignedDuration::from_mins(5);
        let jobs = backup.backup_jobs_of(&point.table.arn, since).await?;
        let mine = match point.request() {
            Some(Request::Backup(request)) if request.tags.is_empty() => {
                by_marks(app, point, request, &jobs).await?
            }
            _ => by_id(app, point, &jobs).await?,
        };
        match mine {
            JobMatch::Job(id) => {
                let arn = jobs.into_iter().find(|(job, _)| job.id == id).and_then(|(job, _)| job.arn);
                return run(app, point, &id, arn).await;
            }
            JobMatch::Unclear(seen) => {
                tracing::info!(?seen, "jobs of the table cannot be distinguished yet");
                if self.is_late(point) {
                    let why = "whether AWS took its request is not known: another job of the table is open";
                    return app.ledger.mark_failed(point, why).await;
                }
                return Ok(());
            }
            JobMatch::None => {}
        }
        // The request names the table by its name only.
        if app
            .aws
            .source()
            .dynamodb
            .find(&point.table.arn.name)
            .await?
            .is_some_and(|found| found.table != point.table)
        {
            return app.ledger.mark_failed(point, RECREATED).await;
        }
        self.send(point).await
    }
}

/// Records the request without its tags: the message that they held goes to the settings table.
async fn untag(
    app: &App,
    point: &mut RestorePoint,
    request: StartBackup,
    refused: &AwsError,
) -> Result<(), Error> {
    tracing::warn!(error = %refused, "refused with its tags: it is tried without");
    app.sealer.store_message(&point.table, &request.tags).await?;
    point.message_stored = true;
    point
        .warnings
        .push(format!("its metadata is in the settings table alone, for AWS refused it as tags: {refused}"));
    let untagged = request.untagged(&point.id, point.attempt);
    transition::asked_otherwise(point, Request::Backup(untagged))?;
    app.catalog.commit([Write::of(point)]).await
}

/// AWS has made a job of the request.
async fn run(
    app: &App,
    point: &mut RestorePoint,
    job: &str,
    arn: Option<RecoveryPointArn>,
) -> Result<(), Error> {
    // So that it is known when the catalog is lost meanwhile. Whoever completes it does the same, and waits for it.
    if let Some(arn) = &arn
        && let Err(error) = app.sealer.index_message(point, arn).await
    {
        tracing::warn!(%error, "its recovery point is named when it is complete");
    }
    app.ledger.mark_running(point, job, arn).await
}

/// The job whose recovery point carries our id.
async fn by_id(app: &App, point: &RestorePoint, jobs: &[(Job, JobTraits)]) -> Result<JobMatch, Error> {
    let mut seen = BTreeSet::new();
    for (job, _) in jobs {
        let Some(arn) = &job.arn else { continue };
        // Tags that were just put may not be seen yet.
        let is_new = job.created_at.is_some_and(|at| app.context.now() < at + wait::CONSISTENCY);
        match app.aws.source().backup.tags(arn).await {
            Ok(tags) if tags.get(tags::ID).map(String::as_str) == Some(point.id.as_str()) => {
                return Ok(JobMatch::Job(job.id.clone()));
            }
            Ok(tags) if is_new && !tags.contains_key(tags::ID) => {
                seen.insert(job.id.clone());
            }
            Ok(_) => {}
            // A job that is open has not made its point yet, and may be ours. One that is over has left nothing:
            // should it have been ours, the same token leads back to it.
            Err(error) if error.meaning == Meaning::NotFound && job.state == JobState::Open => {
                seen.insert(job.id.clone());
            }
            Err(error) if error.meaning == Meaning::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(if seen.is_empty() { JobMatch::None } else { JobMatch::Unclear(seen) })
}

/// The job that a request without tags made, by what AWS returns of it.
async fn by_marks(
    app: &App,
    point: &RestorePoint,
    request: &StartBackup,
    jobs: &[(Job, JobTraits)],
) -> Result<JobMatch, Error> {
    let points = app.catalog.points_of_table(&point.table.arn.name).await?;
    let others = points
        .into_iter()
        .filter(|other| other.id != point.id)
        .filter_map(|other| other.job().map(str::to_owned))
        .collect();
    let marks: Vec<JobTraits> = jobs.iter().map(|(_, marks)| marks.clone()).collect();
    Ok(plan::match_job(request, &marks, &others))
}

/// How many minutes a backup may wait for its start: as its policy says, or AWS's own default for a manual backup.
fn start_window(active: Option<&Active>) -> i64 {
    active.map_or(8 * 60, |active| active.policy.start_window_minutes())
}
