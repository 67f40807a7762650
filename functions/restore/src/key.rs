//! The key that a restored table is encrypted with.

use backup_chain_aws::deployment::in_region;
use backup_chain_aws::{App, AwsError};
use backup_chain_core::ids::Region;
use backup_chain_core::restore::{Choices, Key};
use backup_chain_core::settings::{EncryptionType, TableSettings};

use crate::error::RestoreError;

/// The key of the new table: as asked, whether by ARN, id or alias, or else the one that it was encrypted with. It is
/// reported by the ARN that DynamoDB returns it by.
pub(crate) async fn key(
    app: &App,
    settings: Option<&TableSettings>,
    choices: &Choices,
    from: &Region,
    region: &Region,
) -> Result<Key, RestoreError> {
    let kms = &app.aws.region(region).kms;
    let choice = |why: String| RestoreError::Choice(why);
    match (&choices.encryption, settings) {
        (Some(Key::Arn(arn)), _) => match kms.find(arn).await? {
            None => Err(choice(format!("there is no key {arn} in {region}: name one of that Region"))),
            Some(found) => match found.unusable {
                Some(state) => Err(choice(format!("key {arn} is {state}: enable it, or name another"))),
                None if found.aws_managed => Ok(Key::AwsManaged),
                None => Ok(Key::Arn(found.arn)),
            },
        },
        (Some(asked), _) => Ok(asked.clone()),
        (None, None) => Err(choice(
            "which key the table was encrypted with is not known: say with which one to encrypt it"
                .to_owned(),
        )),
        (None, Some(settings)) => {
            let Some(encryption) = &settings.encryption else { return Ok(Key::AwsOwned) };
            let key = match (encryption.kind, &encryption.key) {
                (EncryptionType::Aes256, _) => return Ok(Key::AwsOwned),
                (EncryptionType::Kms, None) => return Ok(Key::AwsManaged),
                (EncryptionType::Kms, Some(key)) => key,
            };
            // The same key in another Region, if it is a multi-Region key.
            let near = if from == region { key.clone() } else { in_region(key, region) };
            match kms.find(&near).await.map_err(hidden)? {
                Some(found) if found.aws_managed => Ok(Key::AwsManaged),
                Some(found) => match found.unusable {
                    Some(state) => Err(choice(format!(
                        "the key that the table was encrypted with is {state}: enable it, or say with which one to \
                         encrypt the table"
                    ))),
                    None => Ok(Key::Arn(found.arn)),
                },
                None => Err(choice(format!(
                    "{region} does not have the key that the table was encrypted with: say with which one to encrypt the \
                     table there"
                ))),
            }
        }
    }
}

/// An error about a captured key, without the key.
fn hidden(error: AwsError) -> AwsError {
    error.redacted("the table's key", "the key that the table was encrypted with cannot be looked at")
}
