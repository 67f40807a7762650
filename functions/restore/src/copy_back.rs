//! A copy goes back into the stack's own vault, and is a restore point there again.

use backup_chain_aws::backup::{Job, JobState};
use backup_chain_aws::restore_jobs::is_capacity_failure;
use backup_chain_aws::seal::OpenError;
use backup_chain_aws::{App, Meaning};
use backup_chain_core::ids::{RecoveryPointArn, VaultArn};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::{Restore, Stage};
use backup_chain_core::wait::CONSISTENCY;
use jiff::SignedDuration;

use crate::error::RestoreError;
use crate::stage::{POLL_INTERVAL, end_failed, enter_stage};
use crate::store::Store;
use crate::wait::{keep_waiting, requeue, wait, wait_until_visible};

pub(crate) async fn send_copy(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let Some(copy) = &mut restore.copy_back else {
        return end_failed(app, store, restore, "its copy request is lost".to_owned()).await;
    };
    match app.aws.region(&copy.from.region).backup.start_copy(&copy.request).await {
        Ok(job) => {
            copy.job = Some(job);
            enter_stage(app, store, restore, Stage::CopyingBack, POLL_INTERVAL).await
        }
        Err(error) if error.is_transient() => Err(error.into()),
        Err(error) => end_failed(app, store, restore, error.to_string()).await,
    }
}

/// Follows the copy back. Its job is one of the copy's Region, whose events do not come here.
pub(crate) async fn follow_copy(app: &App, store: &Store, restore: &mut Restore) -> Result<(), RestoreError> {
    let Some(copy) = restore.copy_back.clone() else {
        return end_failed(app, store, restore, "its copy request is lost".to_owned()).await;
    };
    let backup = &app.aws.region(&copy.from.region).backup;
    let job = match &copy.job {
        Some(job) => match backup.copy_job(job).await {
            Err(error) if error.meaning == Meaning::NotFound => {
                let over = format!("AWS does not know copy job {job} any more");
                return wait_until_visible(app, store, restore, "the copy job is not seen yet", &over).await;
            }
            found => found?,
        },
        None => {
            let target = copy.request.target.to_string();
            let jobs = backup.copy_jobs_of(&copy.request.source).await?;
            let is_ours = |job: &Job| {
                job.target.as_ref() == Some(&target)
                    && !matches!(job.state, JobState::Failed(_))
                    // A second's slack: AWS returns whole seconds.
                    && job.created_at.is_some_and(|at| at + SignedDuration::from_secs(1) >= restore.requested_at)
            };
            match jobs.into_iter().find(is_ours) {
                Some(job) => {
                    if let Some(copy) = &mut restore.copy_back {
                        copy.job = Some(job.id.clone());
                    }
                    job
                }
                None => return send_copy(app, store, restore).await,
            }
        }
    };
    match (&job.state, job.arn) {
        (JobState::Open, _) => keep_waiting(app, store, restore, POLL_INTERVAL).await,
        (JobState::Failed(state), _) => {
            let message = job.message.as_deref();
            let why = format!("the copy back failed: {state}: {}", message.unwrap_or("AWS gives no reason"));
            if message.is_some_and(is_capacity_failure) {
                return requeue(app, store, restore, why).await;
            }
            end_failed(app, store, restore, why).await
        }
        (JobState::Completed, None) => {
            end_failed(app, store, restore, "the copy back completed without a recovery point".to_owned())
                .await
        }
        (JobState::Completed, Some(arn)) => {
            let is_recorded = record_point(app, restore, &copy.request.target, &arn).await?;
            let why = "the tags of what was copied back are not seen yet";
            if !is_recorded && wait(app, store, restore, why, CONSISTENCY).await? {
                return Ok(());
            }
            (restore.vault, restore.arn, restore.start.point) = (copy.request.target, arn.clone(), arn);
            // Copies and tables have their turns apart.
            enter_stage(app, store, restore, Stage::Waiting, SignedDuration::ZERO).await
        }
    }
}

/// Records what was copied back as what it is again: a restore point of its table's chain. False where its metadata is
/// not believed.
async fn record_point(
    app: &App,
    restore: &Restore,
    vault: &VaultArn,
    arn: &RecoveryPointArn,
) -> Result<bool, RestoreError> {
    // What describes the copy beside its tags may have gone here with the backup.
    let there = &app.aws.region(&restore.vault.region).backup;
    let (copy, tags) =
        (there.point(&restore.vault.name, &restore.arn).await?, there.tags(&restore.arn).await?);
    let brought = async {
        let copy = app.sealer.describe(&restore.vault, &copy, &tags, restore.sealed).await?;
        app.sealer.copy_stored(&copy, &restore.vault.region, &vault.region).await?;
        app.sealer.index_message(&RestorePoint { vault: vault.clone(), ..copy }, arn).await?;
        Ok(())
    };
    match brought.await {
        Err(OpenError::Aws(error)) if error.is_transient() => return Err(error.into()),
        Err(error) => tracing::warn!(%error, "what describes the copy is not brought with it"),
        Ok(()) => {}
    }
    let backup = &app.aws.region(&vault.region).backup;
    let (found, tags) = (backup.point(&vault.name, arn).await?, backup.tags(arn).await?);
    // What is not believed is in the vault all the same; the daily run reports it, and only items are restored.
    let Ok(mut point) = app.sealer.describe(vault, &found, &tags, restore.sealed).await else {
        return Ok(false);
    };
    if point.suspect.is_some() {
        return Ok(false);
    }
    point.warnings.push(format!("copied back into {} for a restore", vault.place()));
    app.ledger.restore_record(&mut point).await?;
    Ok(true)
}
