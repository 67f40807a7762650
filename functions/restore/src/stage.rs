//! How a restore is recorded as it goes from stage to stage, and how it ends.

use backup_chain_aws::App;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::restore::{Restore, Stage};
use jiff::SignedDuration;

use crate::error::RestoreError;
use crate::store::Store;
use crate::tag;

/// The shortest pause: for what takes seconds.
pub(crate) const MIN_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// How long a job goes unlooked at when no event tells of it: somebody waits for the table.
pub(crate) const POLL_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Records that a restore continues to `stage` and is to be looked at after `wait`. It is no longer held up.
pub(crate) async fn enter_stage(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    stage: Stage,
    wait: SignedDuration,
) -> Result<(), RestoreError> {
    restore.stage = stage;
    restore.hitch = None;
    restore.check_at = app.context.now() + wait;
    store.save(app, restore).await
}

/// There is no table, or none of ours: nothing more is done.
pub(crate) async fn end_failed(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    why: String,
) -> Result<(), RestoreError> {
    tracing::error!(restore = %restore.id, table = %restore.table.arn.name, why, "restore failed");
    restore.problem = Some(why);
    end(app, store, restore, Stage::Failed).await
}

/// The table is there, and nothing more is done to it. The tag that let it be changed comes off, if that can be.
pub(crate) async fn end_with_warning(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    why: &str,
) -> Result<(), RestoreError> {
    tracing::error!(restore = %restore.id, table = %restore.table.arn.name, why, "restore stopped");
    let mut problem = why.to_owned();
    if let Err(error) = tag::remove(app, restore).await {
        tracing::warn!(restore = %restore.id, %error, "the table keeps the tag");
        problem = format!("{problem}; {}", tag::removal_command_note(restore));
    }
    restore.problem = Some(problem);
    end(app, store, restore, Stage::Warning).await
}

/// A restore has ended: it is reported, then recorded.
pub(crate) async fn end(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    stage: Stage,
) -> Result<(), RestoreError> {
    restore.stage = stage;
    restore.hitch = None;
    restore.ended_at = Some(app.context.now());
    store.publish(app, restore).await?;
    let took = app.context.now().duration_since(restore.requested_at);
    let measured = Measured::of_restore(restore)
        .with(Metric::RestoresEnded, 1)
        .with(Metric::RestoresFailed, i64::from(stage == Stage::Failed))
        .took(Metric::RestoreDuration, took);
    app.context.measure(&measured);
    tracing::info!(restore = %restore.id, table = %restore.table.arn.name, target = %restore.target, %stage, "restore ended");
    store.save(app, restore).await
}
