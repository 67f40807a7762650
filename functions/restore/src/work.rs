//! A restore goes on: each stage is recorded, done and confirmed, and every call can be made again.

use backup_chain_aws::backup::JobState;
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::{Edge, Meaning};
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::{Restore, Stage};
use backup_chain_core::retention::place_of;
use jiff::SignedDuration;

use crate::key::key;
use crate::{RestoreError, Store, apply, open};

/// How long to wait for what takes seconds: a table that is UPDATING, one that DynamoDB makes itself.
pub(crate) const MOMENT: SignedDuration = SignedDuration::from_secs(5);

/// How long a job goes unlooked at when no event tells of it: somebody waits for the table.
const LOOK: SignedDuration = SignedDuration::from_mins(1);

/// Begins a restore that was just recorded.
#[tracing::instrument(level = "error", skip_all, fields(restore = %restore.id, table = %restore.table.arn.name, point = %restore.point))]
pub(crate) async fn begin(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    match restore.stage {
        Stage::CopyingBack => send_copy(edge, store, restore).await,
        _ => send(edge, store, restore).await,
    }
}

/// Takes a restore one stage further, or as far as it goes now. It then says when to look at it again.
#[tracing::instrument(skip_all, fields(restore = %restore.id, table = %restore.table.arn.name, stage = %restore.stage))]
pub(crate) async fn advance(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    match restore.stage {
        Stage::CopyingBack => follow_copy(edge, store, restore).await,
        Stage::Starting => resolve(edge, store, restore).await,
        Stage::Running => follow(edge, store, restore).await,
        Stage::Applying => apply::apply(edge, store, restore).await,
        Stage::Succeeded | Stage::Warning | Stage::Failed => Ok(()),
    }
}

/// Records that a restore goes on to `stage` and is to be looked at after `wait`.
pub(crate) async fn go(
    edge: &Edge,
    store: &Store,
    restore: &mut Restore,
    stage: Stage,
    wait: SignedDuration,
) -> Result<(), RestoreError> {
    restore.stage = stage;
    restore.check_at = edge.clock().now() + wait;
    store.save(edge, restore, None).await
}

/// There is no table, or none of ours: nothing more is done.
pub(crate) async fn fail(
    edge: &Edge,
    store: &Store,
    restore: &mut Restore,
    why: String,
) -> Result<(), RestoreError> {
    tracing::error!(restore = %restore.id, table = %restore.table.arn.name, why, "restore failed");
    restore.problem = Some(why);
    end(edge, store, restore, Stage::Failed).await
}

/// The table is there, and nothing more is done to it.
pub(crate) async fn stop(
    edge: &Edge,
    store: &Store,
    restore: &mut Restore,
    why: &str,
) -> Result<(), RestoreError> {
    tracing::error!(restore = %restore.id, table = %restore.table.arn.name, why, "restore stopped");
    restore.problem = Some(why.to_owned());
    end(edge, store, restore, Stage::Warning).await
}

/// A restore has ended: it is told, then recorded.
pub(crate) async fn end(
    edge: &Edge,
    store: &Store,
    restore: &mut Restore,
    stage: Stage,
) -> Result<(), RestoreError> {
    restore.stage = stage;
    restore.ended_at = Some(edge.clock().now());
    store.tell(edge, restore).await?;
    let took = edge.clock().now().duration_since(restore.requested_at);
    let measured = Measured::of_restore(restore)
        .with(Metric::RestoresEnded, 1)
        .with(Metric::RestoresFailed, i64::from(stage == Stage::Failed))
        .took(Metric::RestoreDuration, took);
    edge.measure(&measured);
    tracing::info!(restore = %restore.id, table = %restore.table.arn.name, target = %restore.target, %stage, "restore ended");
    store.save(edge, restore, None).await
}

/// Sends the recorded request.
async fn send(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let settings = match restore.items_only {
        true => None,
        false => match open::settings(edge, restore).await? {
            Some(settings) => Some(settings),
            None => {
                let why = "the settings of its restore point cannot be read any more".to_owned();
                return fail(edge, store, restore, why).await;
            }
        },
    };
    let (from, region) = (&restore.table.arn.region, &restore.start.region);
    let key = match key(edge, settings.as_ref(), &restore.choices, from, region).await {
        Err(error) if !is_transient(&error) => return fail(edge, store, restore, error.to_string()).await,
        key => key?,
    };
    let services = edge.region(region);
    let sent = match settings {
        Some(mut kept) if restore.start.native => {
            let without = &restore.choices.without_indexes;
            kept.global_indexes.retain(|name, _| !without.contains(name));
            kept.local_indexes.retain(|name, _| !without.contains(name));
            services.dynamodb.restore_natively(&restore.start, &key, &kept).await.map(|()| None)
        }
        _ => services.backup.start_restore(&restore.start, &key).await.map(Some),
    };
    match sent {
        Ok(job) => {
            let wait = if job.is_some() { LOOK } else { MOMENT };
            restore.job = job;
            go(edge, store, restore, Stage::Running, wait).await
        }
        // It may have taken effect: it is looked for before it is sent again.
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => fail(edge, store, restore, error.to_string()).await,
    }
}

/// Finds out what became of a request that may or may not have reached AWS.
async fn resolve(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let services = edge.region(&restore.start.region);
    if restore.start.native {
        let there = services.dynamodb.look(&restore.target.name).await?;
        return match there {
            Some(look) if look.is_made_from(&restore.arn) => {
                go(edge, store, restore, Stage::Running, SignedDuration::ZERO).await
            }
            _ => send(edge, store, restore).await,
        };
    }
    match services.backup.restore_job_of(&restore.start, restore.requested_at).await? {
        Some(job) => {
            restore.job = Some(job);
            go(edge, store, restore, Stage::Running, SignedDuration::ZERO).await
        }
        None => send(edge, store, restore).await,
    }
}

/// Asks AWS how far the table is.
async fn follow(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let services = edge.region(&restore.start.region);
    let Some(job) = restore.job.clone() else {
        return match services.dynamodb.look(&restore.target.name).await? {
            Some(look) if look.is_creating => go(edge, store, restore, Stage::Running, MOMENT).await,
            Some(_) => go(edge, store, restore, Stage::Applying, SignedDuration::ZERO).await,
            None => fail(edge, store, restore, "DynamoDB gave up making the table".to_owned()).await,
        };
    };
    let described = match services.backup.restore_job(&job).await {
        Err(error) if error.meaning == Meaning::NotFound => {
            return fail(edge, store, restore, format!("AWS does not know job {job} any more")).await;
        }
        other => other?,
    };
    match described.state {
        JobState::Open => go(edge, store, restore, Stage::Running, LOOK).await,
        JobState::Failed(state) => {
            let why = described.message.as_deref().unwrap_or("AWS gives no reason");
            fail(edge, store, restore, format!("{state}: {why}")).await
        }
        JobState::Completed => go(edge, store, restore, Stage::Applying, SignedDuration::ZERO).await,
    }
}

async fn send_copy(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let Some(copy) = &mut restore.copy_back else {
        return fail(edge, store, restore, "its copy request is lost".to_owned()).await;
    };
    match edge.region(&copy.from.region).backup.start_copy(&copy.request).await {
        Ok(job) => {
            copy.job = Some(job);
            go(edge, store, restore, Stage::CopyingBack, LOOK).await
        }
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => fail(edge, store, restore, error.to_string()).await,
    }
}

/// Follows the copy back. Its job is one of the copy's Region, whose events do not come here.
async fn follow_copy(edge: &Edge, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let Some(copy) = restore.copy_back.clone() else {
        return fail(edge, store, restore, "its copy request is lost".to_owned()).await;
    };
    let backup = &edge.region(&copy.from.region).backup;
    let job = match &copy.job {
        Some(job) => backup.copy_job(job).await?,
        None => {
            let target = copy.request.target.to_string();
            let jobs = backup.copy_jobs_of(&copy.request.source).await?;
            let is_ours = |job: &backup_chain_aws::backup::Job| {
                job.target.as_ref() == Some(&target)
                    && !matches!(job.state, JobState::Failed(_))
                    // A second's slack: AWS tells whole seconds.
                    && job.created_at.is_some_and(|at| at + SignedDuration::from_secs(1) >= restore.requested_at)
            };
            match jobs.into_iter().find(is_ours) {
                Some(job) => {
                    if let Some(copy) = &mut restore.copy_back {
                        copy.job = Some(job.id.clone());
                    }
                    job
                }
                None => return send_copy(edge, store, restore).await,
            }
        }
    };
    match (&job.state, job.arn) {
        (JobState::Open, _) => go(edge, store, restore, Stage::CopyingBack, LOOK).await,
        (JobState::Failed(state), _) => {
            let why = job.message.as_deref().unwrap_or("AWS gives no reason");
            fail(edge, store, restore, format!("the copy back came to nothing: {state}: {why}")).await
        }
        (JobState::Completed, None) => {
            fail(edge, store, restore, "the copy back completed without a recovery point".to_owned()).await
        }
        (JobState::Completed, Some(arn)) => {
            record_point(edge, restore, &copy.request.target, &arn).await?;
            (restore.vault, restore.arn, restore.start.point) = (copy.request.target, arn.clone(), arn);
            go(edge, store, restore, Stage::Starting, SignedDuration::ZERO).await?;
            send(edge, store, restore).await
        }
    }
}

/// Records what was copied back as what it is again: a restore point of its table's chain.
async fn record_point(
    edge: &Edge,
    restore: &Restore,
    vault: &backup_chain_core::ids::VaultArn,
    arn: &backup_chain_core::ids::RecoveryPointArn,
) -> Result<(), RestoreError> {
    // What describes the copy beside its tags may have gone here with the backup.
    let there = &edge.region(&restore.vault.region).backup;
    let (copy, tags) =
        (there.point(&restore.vault.name, &restore.arn).await?, there.tags(&restore.arn).await?);
    let brought = async {
        let copy = edge.describe(&restore.vault, &copy, &tags).await?;
        edge.bring(&copy, &restore.vault.region, &vault.region).await?;
        edge.name(&RestorePoint { arn: Some(arn.clone()), vault: vault.clone(), ..copy }).await?;
        Ok(())
    };
    match brought.await {
        Err(OpenError::Aws(error)) if error.is_transient() => return Err(error.into()),
        Err(error) => tracing::warn!(%error, "what describes the copy is not brought with it"),
        Ok(()) => {}
    }
    let backup = &edge.region(&vault.region).backup;
    let (found, tags) = (backup.point(&vault.name, arn).await?, backup.tags(arn).await?);
    // What is not believed is in the vault all the same; the daily run reports it, and only items are restored.
    let Ok(mut point) = edge.describe(vault, &found, &tags).await else { return Ok(()) };
    point.warnings.push(format!("copied back into {} for a restore", place_of(vault)));
    Ok(edge.bring_back(&mut point).await?)
}

/// Whether an error may be gone the next time.
pub(crate) fn is_transient(error: &RestoreError) -> bool {
    matches!(error, RestoreError::Aws(error) if error.is_transient())
}
