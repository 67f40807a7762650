//! What is shown of a restore: its record, and the steps as its metadata gives them.

use backup_chain_aws::App;
use backup_chain_core::restore::{self, NameBound, Restore, RestoreView};
use backup_chain_core::settings::TableSettings;

use crate::error::RestoreError;
use crate::{key, open, wait};

/// The steps of a restore. Where the settings are not known, there are those that were asked for.
pub(crate) async fn plan(
    app: &App,
    settings: Option<&TableSettings>,
    restore: &Restore,
) -> Result<restore::Plan, RestoreError> {
    let around = match restore.leftovers.is_empty() {
        true => NameBound::default(),
        false => {
            app.aws.forget_surroundings().await;
            app.aws.region(&restore.target.region).name_bound(&restore.target.name).await?
        }
    };
    let unknown = TableSettings::default();
    let (settings, target) = (settings.unwrap_or(&unknown), restore.target());
    Ok(restore::plan(settings, &restore.choices, &target, &around, &restore.leftovers))
}

pub(crate) async fn view(app: &App, restore: Restore) -> Result<RestoreView, RestoreError> {
    let settings = match restore.items_only {
        true => None,
        // The recovery point may be gone by now: the record stays.
        false => match open::settings(app, &restore).await {
            Err(error) if wait::is_transient(&error) => return Err(error),
            other => other.unwrap_or_default(),
        },
    };
    let plan = plan(app, settings.as_ref(), &restore).await?;
    let target = restore.target();
    let mut told = RestoreView::of(restore, &plan);
    let (from, region) = (&told.restore.table.arn.region, &target.table.region);
    // Worth telling, and not worth failing for.
    told.key = key::key(app, settings.as_ref(), &told.restore.choices, from, region).await.ok();
    let Some(settings) = settings else {
        told.notes.push("the settings of its restore point are not known".to_owned());
        return Ok(told);
    };
    if told.restore.ended_at.is_some() && told.restore.made.is_some() {
        let wanted = restore::expected(&settings, &told.restore.choices, &target);
        told.adoption = Some(restore::adoption(&wanted, &target));
    }
    told.settings = serde_json::to_value(settings).ok();
    Ok(told)
}
