//! What the catalog holds that wants a look: policies, restore points, restores.

use backup_chain_core::restore::Stage;
use jiff::SignedDuration;

use super::context::CheckContext;
use super::finding::{Check, Finding};
use crate::console::{count, utc};

/// Restores that ended longer ago have been seen, or no one misses what is left of them.
const REPORT_WINDOW: SignedDuration = SignedDuration::from_hours(24 * 7);

pub(super) fn policies(look: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = look.here(&look.app.context.deployment().catalog);
    let stored = match &look.stored {
        Ok(stored) => stored,
        Err(error) => {
            let mut finding = Finding::unread(Check::Policies, catalog, error);
            finding.what.push_str("; so neither target Regions nor tables are looked at");
            return vec![finding];
        }
    };
    let mut findings = Vec::new();
    for policy in stored {
        let place = look.here(&format!("policy {}", policy.name));
        let Some(active) = look.policies.iter().find(|active| active.policy.name == policy.name) else {
            let what = "its stored document cannot be read: nothing of it is backed up";
            findings.push(
                Finding::wrong(Check::Policies, place, what)
                    .fix("apply its document again, and see what is wrong"),
            );
            continue;
        };
        if policy.disabled {
            findings.push(
                Finding::warning(
                    Check::Policies,
                    place,
                    "disabled by an operator: nothing of it is backed up",
                )
                .fix("enable it, when it is to continue")
                .command(format!("backup-chain policy enable {}", policy.name)),
            );
        } else if !active.policy.enabled {
            let what = "not enabled by its document: nothing of it is backed up";
            findings.push(
                Finding::warning(Check::Policies, place, what)
                    .fix("apply it enabled, when it is to continue"),
            );
        } else {
            let what = format!("enabled, revision {}", policy.revision);
            findings.push(Finding::ok(Check::Policies, place, what));
        }
    }
    let is_stored = |name: &str| stored.iter().any(|policy| policy.name.as_str() == name);
    let unreadable = look.app.catalog.unreadable();
    let unread = unreadable.iter().filter(|record| record.is_of_a_policy() && !is_stored(&record.sk));
    findings.extend(unread.map(|record| {
        let what = format!("{record}: nothing of it is backed up");
        Finding::wrong(Check::Policies, look.here(&format!("policy {}", record.sk)), what)
            .fix(record.way_out())
    }));
    if findings.is_empty() {
        let fix = "apply one: see backup-chain policy apply --help";
        findings.push(
            Finding::warning(Check::Policies, catalog, "there is no policy: nothing is backed up").fix(fix),
        );
    }
    findings
}

pub(super) async fn points(look: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = look.here(&look.app.context.deployment().catalog);
    let mut findings = Vec::new();
    match look.app.catalog.suspect_points().await {
        Ok(suspects) => {
            findings.extend(suspects.iter().map(|point| {
                let what = format!(
                    "restore point {} of {} is suspect: {}",
                    point.id,
                    point.table.arn.name,
                    point.suspect.as_deref().unwrap_or("its metadata is not believed")
                );
                Finding::warning(Check::Points, point.place(), what)
                    .fix("see \"A suspect restore point\" in docs/operations.md")
                    .command(format!("backup-chain point show {} {}", point.table.arn.name, point.id))
            }));
        }
        Err(error) => return vec![Finding::unread(Check::Points, &catalog, &error)],
    }
    match look.app.catalog.restores().await {
        Ok(restores) => {
            let recent = restores.iter().filter(|restore| {
                restore.ended_at.is_some_and(|at| look.now.duration_since(at) < REPORT_WINDOW)
                    && matches!(restore.stage, Stage::Warning | Stage::Failed)
            });
            findings.extend(recent.map(|restore| {
                let ended = restore.ended_at.map(utc).unwrap_or_default();
                let how = if restore.stage == Stage::Failed { "failed" } else { "left something to be done" };
                let what = format!("the restore of {} {how}, {ended} UTC", restore.table.arn.name);
                let place = format!("{}/{}", restore.target.region, restore.target.name);
                Finding::warning(Check::Points, place, what)
                    .fix("see what is left")
                    .command(format!("backup-chain restore show {}", restore.id))
            }));
        }
        Err(error) => findings.push(Finding::unread(Check::Points, &catalog, &error)),
    }
    if findings.is_empty() {
        let what = format!("{}, no restore that failed within a week", count(0, "suspect point"));
        findings.push(Finding::ok(Check::Points, catalog, what));
    }
    findings
}
