//! The settings that a restore puts back: those of the recovery point's own metadata, authenticated or not at all.

use backup_chain_aws::backup::{Point, PointState};
use backup_chain_aws::seal::{Described, OpenError};
use backup_chain_aws::seen::Seen;
use backup_chain_aws::{App, Meaning};
use backup_chain_core::metadata::SettingsLocation;
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::{Restore, expire};
use backup_chain_core::settings::TableSettings;

use crate::error::RestoreError;

/// A recovery point as AWS has it, and what its metadata says.
pub(crate) struct Opened {
    pub found: Point,
    /// The settings, or why they are not known.
    pub settings: Result<TableSettings, String>,
}

/// Opens the metadata of a restore point.
///
/// # Errors
/// When the recovery point is not usable, or AWS fails.
pub(crate) async fn open(app: &App, point: &RestorePoint) -> Result<Opened, RestoreError> {
    let unfit = |why: String| RestoreError::Unfit { point: point.id.clone(), why };
    let arn = point.available().ok_or_else(|| unfit(format!("it is {}", point.state())))?;
    let region = app.aws.region(&point.vault.region);
    let found = match region.backup.point(&point.vault.name, arn).await {
        Err(error) if error.meaning == Meaning::NotFound => {
            return Err(unfit(
                "its recovery point is not in the vault any more; choose another point".to_owned(),
            ));
        }
        other => other?,
    };
    match &found.state {
        PointState::Usable => {}
        PointState::Deleting => return Err(unfit("it is being deleted; choose another point".to_owned())),
        PointState::Expired => {
            return Err(unfit(
                "AWS says that it is EXPIRED: its deletion was tried; choose another point".to_owned(),
            ));
        }
        PointState::Creating => return Err(unfit("it is being made; choose another point".to_owned())),
        PointState::Other(state) => return Err(unfit(format!("AWS says that it is {state}"))),
    }
    let tags = region.backup.tags(arn).await?;
    let seen = Seen::of(&found, &tags, &point.vault.region);
    let settings = match app.sealer.open(point, &seen).await {
        Ok((_, settings)) => Ok(settings),
        Err(OpenError::Aws(error)) if error.is_transient() => return Err(error.into()),
        Err(error) => Err(error.to_string()),
    };
    Ok(Opened { found, settings })
}

/// The settings that a restore under way puts back; none where its metadata cannot be believed any more, or is gone
/// with its recovery point.
///
/// # Errors
/// When AWS fails.
pub(crate) async fn settings(app: &App, restore: &Restore) -> Result<Option<TableSettings>, RestoreError> {
    let read = async {
        let region = app.aws.region(&restore.vault.region);
        let found = region.backup.point(&restore.vault.name, &restore.arn).await?;
        let tags = region.backup.tags(&restore.arn).await?;
        let seen = Seen::of(&found, &tags, &restore.vault.region);
        let Described { document, sealed, .. } = app.sealer.open_unknown(&seen).await?;
        // Settings are put back of metadata that was believed, and pinned.
        if document.id != restore.point || document.table != restore.table || restore.sealed != Some(sealed) {
            return Err(OpenError::Suspect("its metadata is not what it was".to_owned()));
        }
        match document.settings {
            SettingsLocation::Inline(settings) => Ok(*settings),
            SettingsLocation::Stored(digest) => {
                app.sealer.open_settings(&restore.table, &digest, &restore.vault.region).await
            }
        }
    };
    match read.await {
        Ok(mut settings) => {
            let region = &restore.table.arn.region;
            if *region == restore.start.region {
                app.aws.region(region).name_key(&mut settings).await;
            }
            expire(&mut settings.scaling, app.context.now());
            Ok(Some(settings))
        }
        Err(OpenError::Aws(error)) if error.meaning != Meaning::NotFound => Err(error.into()),
        Err(error) => {
            tracing::error!(restore = %restore.id, %error, "the settings cannot be read");
            Ok(None)
        }
    }
}
