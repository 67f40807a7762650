//! The Regions: whether they answer, and whether AWS Backup may manage DynamoDB's backups there.

use backup_chain_aws::Meaning;
use backup_chain_core::ids::Region;

use super::finding::{Check, Finding, Repair};
use super::look::Look;

/// What a Region says that is not switched on for the account.
const NOT_ENABLED: [&str; 3] = ["UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"];

pub(super) async fn check(look: &Look<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for region in look.regions() {
        findings.push(of_region(look, region).await);
    }
    findings
}

async fn of_region(look: &Look<'_>, region: &Region) -> Finding {
    let settings = match look.edge.region(region).backup.region_settings().await {
        Ok(settings) => settings,
        Err(error) if NOT_ENABLED.contains(&error.code.as_str()) => {
            let what = format!("{region} does not know your credentials ({})", error.code);
            let fix = "enable the Region for the account, or name a target in another one";
            return Finding::wrong(Check::Regions, region, what).fix(fix);
        }
        Err(error) if error.meaning == Meaning::Unavailable => {
            let what = format!("{region} does not answer: {}: {}", error.code, error.message);
            return Finding::wrong(Check::Regions, region, what)
                .fix("see AWS's health dashboard and the way there, and try again");
        }
        Err(error) => return Finding::unknown(Check::Regions, region, &error),
    };
    let what = match (settings.opted_in, settings.advanced) {
        (true, true) => {
            let what = "DynamoDB is opted in to AWS Backup, with its advanced features";
            return Finding::ok(Check::Regions, region, what);
        }
        (false, true) => "DynamoDB is not opted in to AWS Backup",
        (true, false) => "the advanced features of DynamoDB backups are off",
        (false, false) => "DynamoDB is not opted in to AWS Backup, and its advanced features are off",
    };
    let means = if region == look.source() { "nothing is backed up" } else { "nothing is copied there" };
    Finding::wrong(Check::Regions, region, format!("{what}: {means}"))
        .fix("switch both on; backups that are there stay as they are")
        .command(format!(
            "aws backup update-region-settings --region {region} --resource-type-opt-in-preference DynamoDB=true \
             --resource-type-management-preference DynamoDB=true"
        ))
        .repair(Repair::Features(region.clone()))
}
