//! Whether the catalog knows what the vaults hold.

use std::collections::BTreeSet;

use backup_chain_aws::backup::{Point, PointState};
use backup_chain_core::ids::{RecoveryPointArn, VaultArn};
use backup_chain_core::point::RestorePoint;

use super::context::CheckContext;
use super::finding::{Check, Finding};
use crate::console::count;

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let recorded = match look.app.catalog.all_live_points().await {
        Ok(recorded) => recorded,
        Err(error) => {
            let catalog = look.here(&look.app.context.deployment().catalog);
            return vec![Finding::unread(Check::Catalog, catalog, &error)];
        }
    };
    let known: BTreeSet<&RecoveryPointArn> =
        recorded.iter().filter_map(|point| point.recovery_point()).collect();
    let catalog = look.here(&look.app.context.deployment().catalog);
    let unreadable = look.app.catalog.unreadable();
    // The check of the policies reports theirs.
    let mut findings: Vec<Finding> = unreadable
        .iter()
        .filter(|record| !record.is_of_a_policy())
        .map(|record| {
            Finding::wrong(Check::Catalog, &catalog, format!("{record}: it counts as present"))
                .fix(record.way_out())
        })
        .collect();
    // A vault that is not there is reported by itself.
    for vault in look.vaults.iter().filter(|(_, found)| found.is_ok()).map(|(vault, _)| vault) {
        findings.push(match look.app.aws.region(&vault.region).backup.points(&vault.name).await {
            Ok(listed) => {
                let may_be_ours = |point: &&Point| {
                    point.state == PointState::Usable && look.app.context.deployment().may_have_made(point)
                };
                let ours = listed.iter().filter(may_be_ours);
                of_vault(vault, &recorded, ours.filter(|point| !known.contains(&point.arn)).count())
            }
            Err(error) => Finding::unknown(Check::Catalog, vault.place(), &error),
        });
    }
    findings
}

/// A vault with so many recovery points that may be ours and that the catalog does not know.
fn of_vault(vault: &VaultArn, recorded: &[RestorePoint], unknown: usize) -> Finding {
    let place = vault.place();
    // What a job has just made is recorded within minutes.
    let open = recorded.iter().filter(|point| point.vault == *vault && point.state().is_open()).count();
    let unknown_points = count(unknown, "recovery point");
    if unknown <= open {
        let known = recorded.iter().filter(|point| point.vault == *vault).count();
        Finding::ok(Check::Catalog, place, format!("{} of it in the catalog", count(known, "restore point")))
    } else if recorded.is_empty() {
        let what = format!(
            "the catalog knows no restore point, and {unknown_points} there may be ours: it was lost"
        );
        Finding::wrong(Check::Catalog, place, what)
            .fix("see \"Lose the catalog\" in docs/operations.md; it ends with")
            .command("backup-chain catalog rebuild")
    } else {
        let what = format!("{unknown_points} that our roles made are not in the catalog");
        Finding::warning(Check::Catalog, place, what)
            .fix("see what they are")
            .command("backup-chain catalog verify")
    }
}
