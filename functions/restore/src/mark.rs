//! The tag by which a table is known as a restore's own: the right to change a table depends on it.

use backup_chain_aws::change::LiveTable;
use backup_chain_aws::{App, Meaning};
use backup_chain_core::restore::{Restore, Stage, StepRecord, StepState};
use backup_chain_core::wait::{CONSISTENCY, LIMITS, RIGHTS};
use jiff::SignedDuration;

use crate::error::RestoreError;
use crate::stage::{end_with_warning, enter_stage};
use crate::store::Store;
use crate::tag;
use crate::wait::wait;

/// How the table stands to the tag.
pub(crate) enum TagStatus {
    /// It carries it.
    Seen,
    /// It is not seen to carry it: that is recorded, and looked at later.
    Waits,
    /// It may not be tagged, and why: nothing may be done to it.
    Refused(String),
}

/// Tags the table if that is not done yet, and looks whether it carries the tag. AWS tags asynchronously, and lists the
/// tags of before, or none, for some seconds: a tag that is missing was taken off only if it stays missing.
pub(crate) async fn put_restore_tag(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    look: &LiveTable,
) -> Result<TagStatus, RestoreError> {
    let dynamodb = &app.aws.region(&restore.start.region).dynamodb;
    match &restore.mark {
        Some(StepRecord { state: StepState::Failed, why, .. }) => {
            return Ok(TagStatus::Refused(why.clone().unwrap_or_default()));
        }
        Some(StepRecord { state: StepState::Done, .. }) => {}
        _ => match dynamodb.tag_as_own(&look.table, restore.id.as_str()).await {
            Ok(()) => {
                restore.mark = Some(record(StepState::Done, None, app));
                enter_stage(app, store, restore, Stage::Applying, SignedDuration::ZERO).await?;
            }
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => {
                let most = if error.is_retryable_later() { LIMITS } else { RIGHTS };
                let why = format!("{}: {}", error.operation, error.code);
                if wait(app, store, restore, &why, most).await? {
                    return Ok(TagStatus::Waits);
                }
                if error.meaning == Meaning::Denied {
                    restore.problem = Some(tag::abac_off_note(restore));
                }
                let why = format!("the table cannot be tagged as the restore's own: {why}");
                restore.mark = Some(record(StepState::Failed, Some(why.clone()), app));
                return Ok(TagStatus::Refused(why));
            }
        },
    }
    if dynamodb.is_claimed(&look.table, restore.id.as_str()).await? {
        return Ok(TagStatus::Seen);
    }
    if !wait(app, store, restore, "the restore's tag is not seen on the table", CONSISTENCY).await? {
        let why = "the tag of this restore was taken off the table: it is left as it is";
        end_with_warning(app, store, restore, why).await?;
    }
    Ok(TagStatus::Waits)
}

fn record(state: StepState, why: Option<String>, app: &App) -> StepRecord {
    let at = (state == StepState::Done).then(|| app.context.now());
    StepRecord { state, refusals: 0, since: None, again_at: None, at, why }
}
