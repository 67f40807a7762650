//! The tag by which a table is known as a restore's own: the right to change a table hangs on it.

use backup_chain_aws::change::{Look, RESTORE_TAG};
use backup_chain_aws::{App, AwsError, Meaning};
use backup_chain_core::ids::{Region, Table};
use backup_chain_core::restore::{Restore, Stage, StepRecord, StepState, ToldRegion};
use backup_chain_core::wait::{CONSISTENCY, LIMITS, RIGHTS};
use jiff::SignedDuration;

use crate::wait::wait;
use crate::work::{go, stop};
use crate::{RestoreError, Store};

/// How the table stands to the tag.
pub(crate) enum Mark {
    /// It carries it.
    Seen,
    /// It is not seen to carry it: that is recorded, and looked at later.
    Waits,
    /// It may not be tagged, and why: nothing may be done to it.
    Refused(String),
}

/// Tags the table if that is not done yet, and looks whether it carries the tag. AWS tags asynchronously, and lists the
/// tags of before, or none, for some seconds: a tag that is missing was taken off only if it stays missing.
pub(crate) async fn marked(
    app: &App,
    store: &Store,
    restore: &mut Restore,
    look: &Look,
) -> Result<Mark, RestoreError> {
    let dynamodb = &app.aws.region(&restore.start.region).dynamodb;
    match &restore.mark {
        Some(StepRecord { state: StepState::Failed, why, .. }) => {
            return Ok(Mark::Refused(why.clone().unwrap_or_default()));
        }
        Some(StepRecord { state: StepState::Done, .. }) => {}
        _ => match dynamodb.claim(&look.table, restore.id.as_str()).await {
            Ok(()) => {
                restore.mark = Some(record(StepState::Done, None, app));
                go(app, store, restore, Stage::Applying, SignedDuration::ZERO).await?;
            }
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => {
                let most = if error.passes() { LIMITS } else { RIGHTS };
                let why = format!("{}: {}", error.operation, error.code);
                if wait(app, store, restore, &why, most).await? {
                    return Ok(Mark::Waits);
                }
                if error.meaning == Meaning::Denied {
                    restore.problem = Some(not_honoured(restore));
                }
                let why = format!("the table cannot be tagged as the restore's own: {why}");
                restore.mark = Some(record(StepState::Failed, Some(why.clone()), app));
                return Ok(Mark::Refused(why));
            }
        },
    }
    if dynamodb.is_claimed(&look.table, restore.id.as_str()).await? {
        return Ok(Mark::Seen);
    }
    if !wait(app, store, restore, "the restore's tag is not seen on the table", CONSISTENCY).await? {
        let why = "the tag of this restore was taken off the table: it is left as it is";
        stop(app, store, restore, why).await?;
    }
    Ok(Mark::Waits)
}

fn record(state: StepState, why: Option<String>, app: &App) -> StepRecord {
    let at = (state == StepState::Done).then(|| app.context.now());
    StepRecord { state, refusals: 0, since: None, again_at: None, at, why }
}

/// Takes the tag off a table that was tagged. Where that is refused, and no tag is seen, it is off already: the right to take
/// it off hangs on it as well.
pub(crate) async fn release(app: &App, restore: &Restore) -> Result<(), AwsError> {
    let is_tagged = restore.mark.as_ref().is_some_and(|mark| mark.state == StepState::Done);
    let Some(id) = restore.made.as_ref().filter(|_| is_tagged) else { return Ok(()) };
    let table = Table { arn: restore.target.clone(), id: id.clone() };
    let dynamodb = &app.aws.region(&restore.start.region).dynamodb;
    match dynamodb.release(&table).await {
        Err(error) if error.meaning == Meaning::Denied => {
            match dynamodb.is_claimed(&table, restore.id.as_str()).await? {
                true => Err(error),
                false => Ok(()),
            }
        }
        done => done,
    }
}

/// How to take the tag off by hand.
pub(crate) fn stays(restore: &Restore) -> String {
    format!(
        "the tag {RESTORE_TAG} stays on the table and lets the restore function change it, take it off: aws dynamodb \
         untag-resource --region {} --resource-arn {} --tag-keys {RESTORE_TAG}",
        restore.start.region, restore.target
    )
}

/// Whether AWS honours rights that hang on tags in a Region.
pub(crate) async fn check(app: &App, region: &Region) -> ToldRegion {
    let asked = app.aws.region(region).dynamodb.has_tag_conditions(&app.context.deployment().settings).await;
    let (tag_conditions, why) = match asked {
        Ok(on) => (Some(on), None),
        Err(error) => (None, Some(error.to_string())),
    };
    ToldRegion { region: region.clone(), tag_conditions, why }
}

/// What is told when AWS honours no right that hangs on the tag.
pub(crate) fn not_honoured(restore: &Restore) -> String {
    format!(
        "DynamoDB refuses whatever hangs on the table's tag: attribute-based access control is off in {} for this account, \
         or a policy denies it; see \"Where attribute-based access control is off\" in docs/restore.md, and finish by hand",
        restore.start.region
    )
}
