//! Objectives: the greatest age that the newest restore point of a table may have.

use std::collections::BTreeMap;

use backup_chain_aws::dynamodb::Found;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{Error, scope};
use backup_chain_core::ids::Table;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::retention::{Breach, Report};
use backup_chain_core::table::TableHead;
use jiff::SignedDuration;

use crate::work::Work;

/// Finds the tables that break the objective of their policy. Cost grows with the tables, not with their points.
/// What cannot be looked at is a problem of its own.
pub(crate) async fn breaches(work: &Work<'_>, report: &mut Report) {
    let mut ranked: Vec<Active> =
        work.policies.iter().filter(|active| active.policy.enabled).cloned().collect();
    ranked.sort_by(|a, b| a.policy.rank().cmp(&b.policy.rank()));
    for active in &ranked {
        let Some(hours) = active.policy.objective_hours else { continue };
        match of_policy(work, &ranked, active, hours, &mut report.problems).await {
            Ok(found) => report.breaches.extend(found),
            Err(error) => report.problems.push(format!(
                "whether the tables of policy {} keep its objective is not known: {error}",
                active.policy.name
            )),
        }
    }
}

async fn of_policy(
    work: &Work<'_>,
    ranked: &[Active],
    active: &Active,
    hours: u32,
    problems: &mut Vec<String>,
) -> Result<Vec<Breach>, Error> {
    let (app, policy) = (work.app, &active.policy);
    let selected = scope::of_policy(&app.aws, ranked, policy).await;
    for unlisted in &selected.unknown {
        problems.push(format!("of policy {} {unlisted}: its other tables are looked at", policy.name));
    }
    let mut found: Vec<Found> = Vec::new();
    for (name, table) in app.aws.source().dynamodb.find_each(selected.tables).await {
        match table {
            Ok(table) => found.extend(table),
            // One table must not stop the others.
            Err(error) => {
                problems.push(format!("whether table {name} keeps its objective is not known: {error}"));
            }
        }
    }
    let tables: Vec<Table> = found.iter().map(|found| found.table.clone()).collect();
    let heads: BTreeMap<Table, TableHead> = app
        .catalog
        .heads(&tables)
        .await?
        .into_iter()
        .filter_map(|(table, head)| Some((table, head.ok()?)))
        .collect();
    let region = &app.context.deployment().region;
    let oldest = heads.values().filter_map(|head| head.backed_up_until(&policy.name, region)).min();
    if let Some(oldest) = oldest {
        let age = work.now.duration_since(oldest);
        app.context.measure(&Measured::of_policy(&policy.name).took(Metric::NewestPointAge, age));
    }
    // A policy that is new, and a table that is, have as much time as a point has.
    let state = &active.stored.state;
    let in_force = state.effective_from.values().min().copied().unwrap_or(work.now);
    let breach = |found: Found| {
        let head = heads.get(&found.table);
        let newest = head.and_then(|head| head.newest_backup(region));
        // A table that no session of the policy has taken into care was not its own at the last of them.
        let in_care = match head {
            Some(head) if head.policy.as_ref() == Some(&policy.name) => head.since,
            _ => state.planned_until,
        };
        let from = newest.max(found.created_at).unwrap_or(in_force).max(in_force).max(in_care);
        let since = from + SignedDuration::from_hours(i64::from(hours));
        (work.now > since).then(|| Breach {
            table: found.table.arn.name,
            policy: policy.name.clone(),
            objective_hours: hours,
            newest,
            since,
        })
    };
    Ok(found.into_iter().filter_map(breach).collect())
}
