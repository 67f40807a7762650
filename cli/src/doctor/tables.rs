//! The stack's own tables: the catalog, and the settings table of each Region.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{IndexStatus, PointInTimeRecoveryStatus, TableDescription, TableStatus};
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;
use backup_chain_core::ids::Region;

use super::context::CheckContext;
use super::finding::{Check, Finding, Repair, is_missing};

/// The indexes of the catalog.
const INDEXES: [&str; 2] = ["due", "session"];

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let deployment = look.app.context.deployment();
    let mut findings = of_table(look, look.source(), &deployment.catalog, &INDEXES).await;
    for region in look.regions() {
        findings.extend(of_table(look, region, &deployment.settings, &[]).await);
    }
    findings
}

async fn of_table(look: &CheckContext<'_>, region: &Region, name: &str, indexes: &[&str]) -> Vec<Finding> {
    let client = Client::new(&look.config(region));
    let place = format!("{region}/{name}");
    let described = client.describe_table().table_name(name).send().await;
    let found = match described.map_err(failed("dynamodb:DescribeTable", name)) {
        Ok(answer) => answer.table,
        Err(error) if is_missing(&error) => {
            let stack = if region == look.source() { "the stack" } else { "the target stack" };
            let fix = if indexes.is_empty() {
                format!("deploy {stack} there; what the table held is lost, unless it can be restored")
            } else {
                "see \"The catalog is lost\" in docs/operations.md".to_owned()
            };
            return vec![Finding::wrong(Check::Tables, place, "there is no such table").fix(fix)];
        }
        Err(error) => return vec![Finding::unknown(Check::Tables, place, &error)],
    };
    let mut findings = found.map(|found| of_description(region, name, &found, indexes)).unwrap_or_default();
    match recovers(&client, name).await {
        Ok(true) => {}
        Ok(false) => findings.push(
            Finding::wrong(Check::Tables, &place, "point-in-time recovery is off")
                .fix("switch it on")
                .command(format!(
                    "aws dynamodb update-continuous-backups --region {region} --table-name {name} \
                     --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
                ))
                .repair(Repair::Recovery(region.clone(), name.to_owned())),
        ),
        Err(error) => findings.push(Finding::unknown(Check::Tables, &place, &error)),
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Tables, place, "active, protected, recoverable"));
    }
    findings
}

fn of_description(region: &Region, name: &str, found: &TableDescription, indexes: &[&str]) -> Vec<Finding> {
    let place = format!("{region}/{name}");
    let mut findings = Vec::new();
    match found.table_status() {
        None | Some(TableStatus::Active | TableStatus::Updating) => {}
        Some(status) => {
            let what = format!("the table is {}", status.as_str());
            let fix = "see docs/operations.md; while its key is not accessible, nothing is planned or found";
            findings.push(Finding::wrong(Check::Tables, &place, what).fix(fix));
        }
    }
    for index in indexes {
        let there = found.global_secondary_indexes().iter().find(|there| there.index_name() == Some(*index));
        if there.is_none_or(|there| there.index_status() != Some(&IndexStatus::Active)) {
            let what = format!("its index {index} is not active: what is due is not found");
            findings.push(Finding::wrong(Check::Tables, &place, what).fix("deploy the stack again"));
        }
    }
    if found.deletion_protection_enabled() != Some(true) {
        findings.push(
            Finding::wrong(Check::Tables, &place, "it is not protected from deletion")
                .fix("protect it")
                .command(format!(
                    "aws dynamodb update-table --region {region} --table-name {name} --deletion-protection-enabled"
                ))
                .repair(Repair::Protection(region.clone(), name.to_owned())),
        );
    }
    findings
}

/// Whether point-in-time recovery is on.
async fn recovers(client: &Client, name: &str) -> Result<bool, AwsError> {
    let answer = client.describe_continuous_backups().table_name(name).send().await;
    let answer = answer.map_err(failed("dynamodb:DescribeContinuousBackups", name))?;
    let found =
        answer.continuous_backups_description().and_then(|all| all.point_in_time_recovery_description());
    Ok(found.and_then(|found| found.point_in_time_recovery_status())
        == Some(&PointInTimeRecoveryStatus::Enabled))
}
