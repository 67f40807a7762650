//! Stopping a restore. What AWS has begun it ends: it has no call that stops the making of a table.

use backup_chain_aws::App;
use backup_chain_aws::catalog::Write;
use backup_chain_core::history::{self, Action};
use backup_chain_core::ids::RestoreId;
use backup_chain_core::restore::{Restore, Stage};

use crate::error::RestoreError;
use crate::stage::{end_failed, end_with_warning};
use crate::store::Store;

/// Ends a restore that is under way, and says what of it is there.
pub(crate) async fn stop(
    app: &App,
    id: &RestoreId,
    by: Option<String>,
    reason: Option<String>,
) -> Result<Restore, RestoreError> {
    let stopped = history::stopped(by.as_deref(), reason.as_deref());
    loop {
        let found = app.catalog.restore(id).await?;
        let mut restore = found.ok_or_else(|| RestoreError::UnknownRestore(id.clone()))?;
        let stays = match restore.stage {
            Stage::Waiting => "nothing had been asked of AWS".to_owned(),
            Stage::CopyingBack => {
                "the copy that is on its way back becomes a restore point of its chain".to_owned()
            }
            Stage::Starting | Stage::Running => format!(
                "AWS goes on to make table {}, which then has its items, keys and indexes and none of the settings that are \
                 put back: delete it, or finish it by hand",
                restore.target.name
            ),
            Stage::Applying => "its table is there, and not all of its settings".to_owned(),
            Stage::Succeeded | Stage::Warning | Stage::Failed => {
                return Err(RestoreError::Ended(id.clone()));
            }
        };
        let why = format!("{stopped}; {stays}");
        let is_there = restore.stage == Stage::Applying;
        let ended = match is_there {
            true => end_with_warning(app, &Store::Catalog, &mut restore, &why).await,
            false => end_failed(app, &Store::Catalog, &mut restore, why).await,
        };
        match ended {
            // Whoever works on it has written it meanwhile.
            Err(error) if error.is_conflict() => continue,
            done => done?,
        }
        let mut entry = app.context.entry(Action::RestoreStopped, restore.target.to_string(), by);
        entry.reason = reason;
        entry.details.push(format!("restore {id}"));
        app.catalog.commit([Write::of(&mut entry)]).await?;
        return Ok(restore);
    }
}
