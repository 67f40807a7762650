//! What a restore point tells of itself: its sealed metadata, opened with the operator's rights.

use backup_chain_aws::seen::Seen;
use backup_chain_core::metadata::SettingsLocation;
use clap::Subcommand;
use serde_json::Value;

use crate::Console;
use crate::deployment::Deployed;
use crate::outcome::{Failure, Outcome};
use crate::points::{self, PointArg};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open the metadata of a restore point and show its document, table settings included, as JSON
    #[command(
        after_help = "Example:\n  backup-chain metadata show orders 01KE73DJG0C1V5K6TP3T2ZJ4ZD --vault \
        eu-west-1/copies\n\n\
        It is read from the recovery point itself, or from the settings table where it has no room there, and opened by \
        KMS: you need backup:DescribeRecoveryPoint, backup:ListTags, dynamodb:GetItem and kms:Decrypt in its Region. \
        What does not authenticate is refused."
    )]
    Show(PointArg),
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let Command::Show(named) = command;
    let point = points::find(deployed, &named).await?;
    let Some(arn) = point.recovery_point() else {
        return Err(Failure::refused(format!(
            "restore point {} has no recovery point: it is {}",
            point.id,
            point.state()
        )));
    };
    let region = deployed.app.aws.region(&point.vault.region);
    let found = region.backup.point(&point.vault.name, arn).await?;
    let tags = region.backup.tags(arn).await?;
    let seen = Seen::of(&found, &tags, &point.vault.region);
    let (mut document, settings) = deployed.app.sealer.open(&point, &seen).await.map_err(|error| {
        Failure::refused(format!("the metadata of restore point {} is not believed: {error}", point.id))
    })?;
    document.settings = SettingsLocation::Inline(Box::new(settings));
    let document: Value = serde_json::from_slice(&document.to_bytes())?;
    console.json(&document)?;
    Ok(Outcome::Done)
}
