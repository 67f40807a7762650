//! The tables that policies cover: there, fit to be backed up, and with room for what is added to their points.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::AwsError;
use backup_chain_aws::dynamodb::Found;
use backup_chain_aws::scope::of_policy;
use backup_chain_core::forecast::tag_room;
use backup_chain_core::ids::TableName;
use backup_chain_core::policy::Policy;

use super::context::CheckContext;
use super::finding::{Check, Finding};
use crate::console::count;

/// What is found, and a table that is covered, for checks that need one.
pub(super) async fn check(look: &CheckContext<'_>) -> (Vec<Finding>, Option<TableName>) {
    let (mut findings, mut any) = (Vec::new(), None);
    let enabled: Vec<&Policy> =
        look.policies.iter().map(|active| &active.policy).filter(|policy| policy.enabled).collect();
    let mut own: Option<Result<BTreeMap<TableName, usize>, AwsError>> = None;
    for policy in enabled {
        let place = look.here(&format!("policy {}", policy.name));
        let selected = of_policy(&look.app.aws, &look.policies, policy).await;
        for unlisted in &selected.unknown {
            findings.push(Finding::unknown(Check::Scope, &place, &unlisted.error));
        }
        let passed_over =
            selected.skipped.first().map(|skipped| format!(" ({}: {})", skipped.table, skipped.why));
        for skipped in selected.skipped.into_iter().filter(|skipped| skipped.warning) {
            let what = format!("policy {} passes it over: {}", policy.name, skipped.why);
            findings.push(Finding::warning(Check::Scope, look.here(&skipped.table), what));
        }
        if selected.tables.is_empty() && selected.unknown.is_empty() {
            let what = format!("it covers no table: nothing is backed up{}", passed_over.unwrap_or_default());
            findings.push(Finding::warning(Check::Scope, place, what).fix("see its sources"));
            continue;
        }
        let covered = selected.tables.len();
        let tags = match &mut own {
            Some(own) => own,
            none => none.insert(own_tags(look).await),
        };
        let mut problems = of_tables(look, policy, selected.tables, tags.as_ref().ok(), &mut any).await;
        if let Err(error) = tags {
            problems.push(Finding::unknown(Check::Scope, &place, error));
        }
        if problems.is_empty() {
            problems.push(Finding::ok(Check::Scope, place, format!("{} covered", count(covered, "table"))));
        }
        findings.extend(problems);
    }
    (findings, any)
}

/// How many tags each table has of its own. AWS's do not count.
async fn own_tags(look: &CheckContext<'_>) -> Result<BTreeMap<TableName, usize>, AwsError> {
    let tables = look.app.aws.source().tagging().tables().await?;
    let own = |tags: BTreeMap<String, String>| tags.keys().filter(|key| !key.starts_with("aws:")).count();
    Ok(tables.into_iter().map(|(arn, tags)| (arn.name, own(tags))).collect())
}

async fn of_tables(
    look: &CheckContext<'_>,
    policy: &Policy,
    tables: BTreeSet<TableName>,
    tags: Option<&BTreeMap<TableName, usize>>,
    any: &mut Option<TableName>,
) -> Vec<Finding> {
    let found = look.app.aws.source().dynamodb.find_each(tables).await;
    let mut findings = Vec::new();
    for (name, found) in found {
        let place = look.here(&name.to_string());
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                findings.push(Finding::unknown(Check::Scope, place, &error));
                continue;
            }
        };
        let Some(found) = found else {
            let what = format!("there is no such table: policy {} names it, and passes it over", policy.name);
            let fix = "take it out of the policy, unless it is to come";
            findings.push(Finding::warning(Check::Scope, place, what).fix(fix));
            continue;
        };
        findings.extend(unfit(&place, &found));
        let own = tags.and_then(|tags| tags.get(&name)).copied().unwrap_or_default();
        findings.extend(room(&place, &name, own, policy.tags.len()));
        any.get_or_insert(name);
    }
    findings
}

/// A table that cannot be backed up as it is.
fn unfit(place: &str, found: &Found) -> Option<Finding> {
    let unfit = found.unfit.as_ref()?;
    // What is being made or removed is so for seconds.
    let passes = ["CREATING", "DELETING"].iter().any(|state| unfit.ends_with(state));
    let what = format!("it cannot be backed up: {unfit}");
    Some(if passes {
        Finding::warning(Check::Scope, place, what).fix("look again in a minute")
    } else {
        Finding::wrong(Check::Scope, place, what).fix(
            "make its key accessible to DynamoDB again; one that was archived is to be restored from a restore point",
        )
    })
}

/// A table with so many tags that a hold, or the policy's tags, find no room.
fn room(place: &str, name: &TableName, own: usize, custom: usize) -> Option<Finding> {
    let what = tag_room(name, own, custom)?;
    let (what, fix) = what.rsplit_once("; ").map_or((what.as_str(), ""), |parts| parts);
    Some(Finding::warning(Check::Scope, place, what).fix(fix))
}
