//! The restore's tag on the new table: how it comes off, and where AWS does not honour it.

use backup_chain_aws::change::RESTORE_TAG;
use backup_chain_aws::{App, AwsError, Meaning};
use backup_chain_core::ids::{Region, Table};
use backup_chain_core::restore::{RegionView, Restore, StepState};

/// Takes the tag off a table that was tagged. Where that is refused, and no tag is seen, it is off already: the right
/// to take it off depends on it as well.
pub(crate) async fn remove(app: &App, restore: &Restore) -> Result<(), AwsError> {
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

/// How an operator takes the tag off.
pub(crate) fn removal_command_note(restore: &Restore) -> String {
    format!(
        "the tag {RESTORE_TAG} stays on the table and lets the restore function change it, take it off: aws dynamodb \
         untag-resource --region {} --resource-arn {} --tag-keys {RESTORE_TAG}",
        restore.start.region, restore.target
    )
}

/// Whether AWS honours rights that depend on tags in a Region.
pub(crate) async fn check(app: &App, region: &Region) -> RegionView {
    let asked = app.aws.region(region).dynamodb.has_tag_conditions(&app.context.deployment().settings).await;
    let (tag_conditions, why) = match asked {
        Ok(on) => (Some(on), None),
        Err(error) => (None, Some(error.to_string())),
    };
    RegionView { region: region.clone(), tag_conditions, why }
}

/// What is reported when AWS honours no right that depends on the tag.
pub(crate) fn abac_off_note(restore: &Restore) -> String {
    format!(
        "DynamoDB refuses whatever depends on the table's tag: attribute-based access control is off in {} for this account, \
         or a policy denies it; see \"Where attribute-based access control is off\" in docs/restore.md, and finish by hand",
        restore.start.region
    )
}
