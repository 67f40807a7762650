//! What `--fix` does, with the operator's rights.

use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;

use super::context::CheckContext;
use super::finding::Repair;

/// Does it.
pub(super) async fn apply(look: &CheckContext<'_>, repair: &Repair) -> Result<(), AwsError> {
    let here = || look.config(look.source());
    match repair {
        Repair::Features(region) => {
            let client = aws_sdk_backup::Client::new(&look.config(region));
            let update = client.update_region_settings();
            let update = update.resource_type_opt_in_preference("DynamoDB", true);
            let update = update.resource_type_management_preference("DynamoDB", true);
            update.send().await.map_err(failed("backup:UpdateRegionSettings", "DynamoDB"))?;
        }
        Repair::Rule(name) => {
            let client = aws_sdk_eventbridge::Client::new(&here());
            client.enable_rule().name(name).send().await.map_err(failed("events:EnableRule", name))?;
        }
        Repair::Feed(id) => {
            let update = aws_sdk_lambda::Client::new(&here()).update_event_source_mapping();
            let done = update.uuid(id).enabled(true).send().await;
            done.map_err(failed("lambda:UpdateEventSourceMapping", id))?;
        }
        Repair::Recovery(region, table) => {
            let client = aws_sdk_dynamodb::Client::new(&look.config(region));
            let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
            let update = client.update_continuous_backups().table_name(table);
            let update = update.set_point_in_time_recovery_specification(on.ok());
            update.send().await.map_err(failed("dynamodb:UpdateContinuousBackups", table))?;
        }
        Repair::Protection(region, table) => {
            let client = aws_sdk_dynamodb::Client::new(&look.config(region));
            let update = client.update_table().table_name(table).deletion_protection_enabled(true);
            update.send().await.map_err(failed("dynamodb:UpdateTable", table))?;
        }
        Repair::Rotation(region, key) => {
            let client = aws_sdk_kms::Client::new(&look.config(region));
            let done = client.enable_key_rotation().key_id(key).send().await;
            done.map_err(failed("kms:EnableKeyRotation", key))?;
        }
    }
    Ok(())
}
