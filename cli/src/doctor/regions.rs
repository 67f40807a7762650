//! The Regions: whether they answer, and whether AWS Backup may manage DynamoDB's backups there.

use backup_chain_aws::Meaning;
use backup_chain_core::ids::Region;
use backup_chain_core::invoke::RestoreRequest;
use backup_chain_core::restore::RegionView;

use super::context::CheckContext;
use super::finding::{Check, Finding, Repair};
use crate::{Console, replies};

/// What a Region says that is not switched on for the account.
const NOT_ENABLED: [&str; 3] = ["UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"];

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for region in look.regions() {
        findings.push(of_region(look, region).await);
    }
    findings
}

/// Whether restored tables could be changed: only the restore function can find out, by a right of its own.
pub(super) async fn of_restores(look: &CheckContext<'_>, console: &mut Console<'_>) -> Vec<Finding> {
    let regions: Vec<Region> = look.regions().cloned().collect();
    let asked = RestoreRequest::Check { regions: regions.clone() };
    let answer = look.deployed.invoke("restore", &asked, console).await;
    let told = answer.and_then(|answer| replies::read::<Vec<RegionView>>(&answer));
    let told = match told {
        Ok(told) => told,
        Err(error) => {
            let what = format!("whether rights depend on tags there was not looked at: {error}");
            let fix = "mend what is wrong with the restore function, or have somebody look who may invoke it";
            return vec![Finding::not_readable(Check::Regions, look.here("restores"), what).fix(fix)];
        }
    };
    told.iter().map(of_tags).collect()
}

fn of_tags(told: &RegionView) -> Finding {
    let region = &told.region;
    match (told.tag_conditions, &told.why) {
        (Some(true), _) => {
            let what = "attribute-based access control is on: restored tables can be changed";
            Finding::ok(Check::Regions, region, what)
        }
        (Some(false), _) => {
            let what = "the restore function's rights that depend on tags are not honoured: attribute-based access control is \
                        off for DynamoDB, or the settings table is gone or lacks its tag; restores make tables there, and \
                        cannot put their settings back";
            Finding::wrong(Check::Regions, region, what).fix(
                "look through your policies for conditions on tags of tables, then switch it on in that Region: DynamoDB's \
                 console, Settings; is it on there, deploy the stacks again, for the settings table",
            )
        }
        (None, why) => {
            let why = why.as_deref().unwrap_or("no reason is given");
            let what = format!("whether rights depend on tags there is not known: {why}");
            Finding::not_readable(Check::Regions, region, what).fix("mend what else is wrong, and look again")
        }
    }
}

async fn of_region(look: &CheckContext<'_>, region: &Region) -> Finding {
    let settings = match look.app.aws.region(region).backup.region_settings().await {
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
