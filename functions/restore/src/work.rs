//! A restore continues: each stage is recorded, done and confirmed, and every call can be made again.

use backup_chain_aws::backup::JobState;
use backup_chain_aws::restore_jobs::is_capacity_failure;
use backup_chain_aws::{App, Meaning};
use backup_chain_core::restore::{Restore, Stage};
use backup_chain_core::wait::{CONSISTENCY, TURN};
use jiff::SignedDuration;

use crate::error::RestoreError;
use crate::key::key;
use crate::stage::{MIN_PAUSE, POLL_INTERVAL, end_failed, enter_stage};
use crate::store::Store;
use crate::wait::{is_transient, keep_waiting, requeue, wait, wait_until_visible};
use crate::{apply, copy_back, open};

/// Begins a restore that was just recorded.
#[tracing::instrument(level = "error", skip_all, fields(restore = %restore.id, table = %restore.table.arn.name, point = %restore.point))]
pub(crate) async fn begin(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    match restore.stage {
        Stage::CopyingBack => copy_back::send_copy(app, store, restore).await,
        _ => send(app, store, restore).await,
    }
}

/// Takes a restore one stage further, or as far as it goes now. It then says when to look at it again.
#[tracing::instrument(skip_all, fields(restore = %restore.id, table = %restore.table.arn.name, stage = %restore.stage))]
pub(crate) async fn advance(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    match restore.stage {
        Stage::Waiting => start_if_place(app, store, restore).await,
        Stage::CopyingBack => copy_back::follow_copy(app, store, restore).await,
        Stage::Starting => resolve(app, store, restore).await,
        Stage::Running => follow(app, store, restore).await,
        Stage::Applying => apply::apply(app, store, restore).await,
        Stage::Succeeded | Stage::Warning | Stage::Failed => Ok(()),
    }
}

/// Whether a restore has waited for its turn for so long that no one expects it any more.
pub(crate) fn has_waited_too_long(app: &App, restore: &Restore) -> bool {
    app.context.now().duration_since(restore.requested_at) >= TURN
}

/// Its turn has come: the request is recorded as one that may reach AWS, then sent.
async fn start_if_place(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    if has_waited_too_long(app, restore) {
        let why = restore.hitch.as_ref().map_or("others were before it", |hitch| hitch.why.as_str());
        let days = TURN.as_hours() / 24;
        let why = format!("it has waited for its turn for {days} days: {why}; ask for it again");
        return end_failed(app, store, restore, why).await;
    }
    restore.start(app.context.now());
    enter_stage(app, store, restore, restore.stage, MIN_PAUSE).await?;
    begin(app, store, restore).await
}

/// Sends the recorded request.
async fn send(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let settings = match restore.items_only {
        true => None,
        false => match open::settings(app, restore).await? {
            Some(settings) => Some(settings),
            None => {
                let over = "the settings of its restore point cannot be read any more";
                return wait_until_visible(app, store, restore, "its metadata cannot be read", over).await;
            }
        },
    };
    let (from, region) = (&restore.table.arn.region, &restore.start.region);
    let key = match key(app, settings.as_ref(), &restore.choices, from, region).await {
        Err(error) if !is_transient(&error) => {
            return end_failed(app, store, restore, error.to_string()).await;
        }
        key => key?,
    };
    let services = app.aws.region(region);
    let sent = match settings {
        Some(mut kept) if restore.start.native => {
            let without = &restore.choices.without_indexes;
            kept.global_indexes.retain(|name, _| !without.contains(name));
            kept.local_indexes.retain(|name, _| !without.contains(name));
            let vector = kept.vector_indexes.len();
            kept.vector_indexes.retain(|name, _| !without.contains(name));
            let leaves_out = kept.vector_indexes.len() < vector;
            let made = services.dynamodb.restore_natively(&restore.start, &key, &kept, leaves_out).await;
            made.map(|id| (None, Some(id)))
        }
        _ => services.backup.start_restore(&restore.start, &key).await.map(|job| (Some(job), None)),
    };
    match sent {
        Ok((job, made)) => {
            let wait = if job.is_some() { POLL_INTERVAL } else { MIN_PAUSE };
            (restore.job, restore.made) = (job, made);
            enter_stage(app, store, restore, Stage::Running, wait).await
        }
        // DynamoDB refuses what it has no room for, AWS Backup fails its job.
        Err(error) if restore.start.native && error.meaning == Meaning::Throttled => {
            requeue(app, store, restore, format!("{}: {}", error.operation, error.code)).await
        }
        // It may have taken effect: it is looked for before it is sent again.
        Err(error) if error.is_transient() => Err(error.into()),
        // By a request of ours whose answer was lost, or by somebody else: that is seen when the table is.
        Err(error) if error.is_taken() => {
            let why = "a table of that name is there, and is not seen yet";
            if wait(app, store, restore, why, CONSISTENCY).await? {
                return Ok(());
            }
            end_failed(app, store, restore, error.to_string()).await
        }
        Err(error) => end_failed(app, store, restore, error.to_string()).await,
    }
}

/// Finds out what became of a request that may or may not have reached AWS.
async fn resolve(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let services = app.aws.region(&restore.start.region);
    if restore.start.native {
        return match services.dynamodb.live_table(&restore.target.name).await? {
            Some(look) if look.is_made_from(&restore.arn) => {
                restore.made = Some(look.table.id);
                enter_stage(app, store, restore, Stage::Running, SignedDuration::ZERO).await
            }
            _ => send(app, store, restore).await,
        };
    }
    match services.backup.restore_job_of(&restore.start, restore.requested_at).await? {
        Some(job) => {
            restore.job = Some(job);
            enter_stage(app, store, restore, Stage::Running, SignedDuration::ZERO).await
        }
        None => send(app, store, restore).await,
    }
}

/// Asks AWS how far the table is.
async fn follow(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let services = app.aws.region(&restore.start.region);
    let Some(job) = restore.job.clone() else {
        return match services.dynamodb.live_table(&restore.target.name).await? {
            Some(look) if Some(&look.table.id) != restore.made.as_ref() => {
                let over = "the table of that name is not the one that this restore made: it is left alone";
                wait_until_visible(app, store, restore, "another table of that name is seen", over).await
            }
            Some(look) if look.is_creating => keep_waiting(app, store, restore, MIN_PAUSE).await,
            Some(_) => enter_stage(app, store, restore, Stage::Applying, SignedDuration::ZERO).await,
            None => {
                wait_until_visible(
                    app,
                    store,
                    restore,
                    "the new table is not seen yet",
                    "DynamoDB gave up making the table",
                )
                .await
            }
        };
    };
    let described = match services.backup.restore_job(&job).await {
        Err(error) if error.meaning == Meaning::NotFound => {
            let over = format!("AWS does not know job {job} any more");
            return wait_until_visible(app, store, restore, "the job is not seen yet", &over).await;
        }
        other => other?,
    };
    let message = described.message.as_deref();
    match &described.state {
        JobState::Open => keep_waiting(app, store, restore, POLL_INTERVAL).await,
        JobState::Failed(state) => {
            let why = format!("{state}: {}", message.unwrap_or("AWS gives no reason"));
            if message.is_some_and(is_capacity_failure) {
                return requeue(app, store, restore, why).await;
            }
            end_failed(app, store, restore, why).await
        }
        JobState::Completed => match services.dynamodb.live_table(&restore.target.name).await? {
            Some(look) if described.created(&look) => {
                restore.made = Some(look.table.id);
                enter_stage(app, store, restore, Stage::Applying, SignedDuration::ZERO).await
            }
            Some(_) => {
                let over = "the table of that name is not the one that this restore made: it is left alone";
                wait_until_visible(app, store, restore, "the new table is not known by its job yet", over)
                    .await
            }
            None => {
                let over = "the table that was made is gone: somebody has deleted it";
                wait_until_visible(app, store, restore, "the new table is not seen yet", over).await
            }
        },
    }
}
