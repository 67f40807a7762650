//! Noticing that retention does not run: the tick is what runs most certainly.

use backup_chain_aws::catalog::Write;
use backup_chain_aws::{App, Error};
use backup_chain_core::metrics::Measured;
use backup_chain_core::notice::{Notice, RetentionOverdue};
use backup_chain_core::retention::Watch;

/// Gives an alarm when no retention run has ended for too long. What goes wrong here must not stop the tick.
pub(crate) async fn check_retention_runs(app: &App) {
    if let Err(error) = try_look(app).await {
        app.context.record_deferred(&Measured::default(), "when retention last ran", &error);
    }
}

async fn try_look(app: &App) -> Result<(), Error> {
    let now = app.context.now();
    let Some(mut watch) = app.catalog.watch().await? else {
        return app.catalog.commit([Write::of(&mut Watch::from(now))]).await;
    };
    if !watch.is_overdue(now) {
        return Ok(());
    }
    tracing::error!(last_run = %watch.last_run, "no retention run has ended for more than {} hours", Watch::MAX_GAP_HOURS);
    let advice = "see why the retention function does not run: its schedule, its log, and backup-chain retention \
                  runs; nothing outdated is removed until then";
    let overdue = RetentionOverdue { last_run: watch.last_run, advice: advice.to_owned() };
    app.notices.publish(&Notice::RetentionOverdue(overdue)).await?;
    watch.alarmed_at = Some(now);
    app.catalog.commit([Write::of(&mut watch)]).await
}
