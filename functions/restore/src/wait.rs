//! Waits: each has an end that fits what it waits for, and tells what it is.

use backup_chain_aws::{App, AwsError, Error, Meaning};
use backup_chain_core::metrics::Measured;
use backup_chain_core::restore::{Obstacle, Restore, Stage, StepState};
use backup_chain_core::wait::{CONSISTENCY, LIMITS, OUTAGE, RESTORE};
use jiff::SignedDuration;

use crate::error::RestoreError;
use crate::stage::{MIN_PAUSE, end_failed, end_with_warning, enter_stage};
use crate::store::Store;

/// The longest pause between two looks.
const MAX_RECHECK_PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// Notes what a restore waits for, and when to look again: later each time. False when it has waited for `most`, or
/// been held up by one thing after another for a day.
pub(crate) async fn wait(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    why: &str,
    most: SignedDuration,
) -> Result<bool, RestoreError> {
    let now = app.context.now();
    let before = restore.hitch.take();
    let first = before.as_ref().map_or(now, |hitch| hitch.first);
    let since = before.filter(|hitch| hitch.why == why).map_or(now, |hitch| hitch.since);
    let waited = now.duration_since(since);
    if waited >= most || now.duration_since(first) >= most.max(OUTAGE) {
        return Ok(false);
    }
    restore.hitch = Some(Obstacle { why: why.to_owned(), since, first });
    restore.check_at = now + (waited / 2).clamp(MIN_PAUSE, MAX_RECHECK_PAUSE);
    tracing::info!(restore = %restore.id, why, "waits");
    store.save(app, restore).await?;
    Ok(true)
}

/// A call failed: it is made again for as long as that may help, and then the restore ends and says so.
pub(crate) async fn record_obstacle(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    error: &RestoreError,
) -> Result<(), RestoreError> {
    if let RestoreError::Aws(error) = error {
        app.context.record_deferred(&Measured::of_restore(restore), "a restore", error);
    }
    // What was changed here and not recorded is not true.
    *restore = store.read(app, restore).await?;
    if !restore.stage.is_open() {
        return Ok(());
    }
    // A message may quote settings, and the record must not.
    let why = match error {
        RestoreError::Aws(Error::Aws(AwsError { operation, code, .. })) => format!("{operation}: {code}"),
        other => other.to_string(),
    };
    let is_applying = restore.stage == Stage::Applying;
    let is_denied = matches!(error, RestoreError::Aws(Error::Aws(error)) if error.meaning == Meaning::Denied);
    let is_shut_out = is_applying && is_denied && has_policy(restore);
    let most = if is_shut_out {
        CONSISTENCY
    } else if is_applying {
        LIMITS
    } else {
        OUTAGE
    };
    if wait(app, store, restore, &why, most).await? {
        return Ok(());
    }
    if is_shut_out {
        let why = format!(
            "{why}: does its resource policy, which is in place again, shut the restore function out? It was not looked at \
             any more"
        );
        return end_with_warning(app, store, restore, &why).await;
    }
    let hours = most.as_hours();
    if is_applying {
        let why = format!("{why}, for {hours} hours: its settings are left as they are");
        return end_with_warning(app, store, restore, &why).await;
    }
    let why = match restore.stage {
        Stage::Waiting | Stage::CopyingBack => format!("{why}, for {hours} hours: nothing was restored"),
        _ => format!(
            "{why}, for {hours} hours: whether AWS makes the table is not known, look for it before you ask again"
        ),
    };
    end_failed(app, store, restore, why).await
}

fn has_policy(restore: &Restore) -> bool {
    restore.steps.get("table-policy").is_some_and(|record| record.state == StepState::Done)
}

/// Whether an error may be gone the next time.
pub(crate) fn is_transient(error: &RestoreError) -> bool {
    matches!(error, RestoreError::Aws(error) if error.is_transient())
}

/// AWS has no room for another table: the restore waits for another turn, and not without end.
pub(crate) async fn requeue(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    why: String,
) -> Result<(), RestoreError> {
    let now = app.context.now();
    restore.requeue();
    let first = restore.hitch.take().map_or(now, |hitch| hitch.first);
    restore.hitch = Some(Obstacle { why, since: now, first });
    restore.check_at = now + MIN_PAUSE.saturating_mul(2_i32.saturating_pow(restore.attempt.min(6)));
    store.save(app, restore).await
}

/// AWS is still working: it is looked at again, and not without end.
pub(crate) async fn keep_waiting(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    wait: SignedDuration,
) -> Result<(), RestoreError> {
    let now = app.context.now();
    let since = *restore.started_at.get_or_insert(now);
    if now.duration_since(since) >= RESTORE {
        let why = format!(
            "AWS is running for {} days: when the table comes, its settings are not put back",
            RESTORE.as_hours() / 24
        );
        return end_failed(app, store, restore, why).await;
    }
    enter_stage(app, store, restore, restore.stage, wait).await
}

/// What must be there is not seen: it is looked for again, and when it is not seen for `CONSISTENCY`, it is `over`.
pub(crate) async fn wait_until_visible(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    why: &str,
    over: &str,
) -> Result<(), RestoreError> {
    if wait(app, store, restore, why, CONSISTENCY).await? {
        return Ok(());
    }
    end_failed(app, store, restore, over.to_owned()).await
}
