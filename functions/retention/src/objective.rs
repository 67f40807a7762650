//! Objectives: the greatest age that the newest restore point of a chain may have.

use std::collections::BTreeMap;

use backup_chain_aws::{Error, protection};
use backup_chain_core::ids::PolicyName;
use backup_chain_core::metrics::{Measured, Metric};
use backup_chain_core::protection::{ChainStanding, Protection, ProtectionReport};
use backup_chain_core::retention::{Breach, Report};
use jiff::Timestamp;

use crate::work::Work;

/// Finds the chains that are older than their policy allows. Cost grows with the tables, not with their points. What
/// cannot be looked at is a problem of its own.
pub(crate) async fn breaches(work: &Work<'_>, report: &mut Report) {
    let found: Result<ProtectionReport, Error> = protection::of_account(work.app).await;
    match found {
        Ok(found) => {
            report.problems.extend(found.unknown.iter().map(|unknown| format!("objectives: {unknown}")));
            report.breaches.extend(found.tables.iter().flat_map(of_table));
            measure_ages(work, &found.tables);
        }
        Err(error) => {
            report.problems.push(format!("whether tables keep their objectives is not known: {error}"));
        }
    }
}

fn of_table(table: &Protection) -> Vec<Breach> {
    let Some(policy) = &table.policy else { return Vec::new() };
    let breach = |chain: &ChainStanding, vault: Option<String>| {
        let since = chain.late_from.filter(|_| chain.late)?;
        Some(Breach {
            table: table.table.clone(),
            policy: policy.clone(),
            vault,
            objective_hours: chain.objective_seconds.and_then(|seconds| (seconds / 3600).try_into().ok())?,
            newest: chain.newest,
            since,
        })
    };
    let backups = table.backups.iter().filter_map(|chain| breach(chain, None));
    let copies = table.copies.iter().filter_map(|chain| breach(chain, Some(chain.vault.clone())));
    backups.chain(copies).collect()
}

/// Measures the age of the oldest of the newest restore points of each policy's tables.
fn measure_ages(work: &Work<'_>, tables: &[Protection]) {
    let mut oldest: BTreeMap<&PolicyName, Timestamp> = BTreeMap::new();
    for table in tables {
        let newest = table.backups.as_ref().and_then(|chain| chain.newest);
        if let (Some(policy), Some(newest)) = (&table.policy, newest) {
            let least = oldest.entry(policy).or_insert(newest);
            *least = newest.min(*least);
        }
    }
    for (policy, newest) in oldest {
        let age = work.now.duration_since(newest);
        work.app.context.measure(&Measured::of_policy(policy).took(Metric::NewestPointAge, age));
    }
}

#[cfg(test)]
mod tests {
    use backup_chain_core::protection::Standing;

    use super::*;

    fn chain(vault: &str, late: bool) -> ChainStanding {
        ChainStanding {
            vault: vault.to_owned(),
            newest: None,
            age_seconds: None,
            objective_seconds: Some(32 * 3600),
            owed: Vec::new(),
            failure: None,
            late_from: Some(Timestamp::UNIX_EPOCH),
            late,
        }
    }

    #[test]
    fn each_late_chain_of_a_policys_table_is_a_breach() {
        let mut table = Protection {
            table: "orders".parse().unwrap(),
            standing: Standing::Late,
            policy: Some("gold".parse().unwrap()),
            backups: Some(chain("eu-central-1/main", true)),
            copies: vec![chain("eu-west-1/copies", false), chain("eu-north-1/copies", true)],
            suspects: 0,
            next: None,
            reasons: Vec::new(),
        };
        let breaches = of_table(&table);
        let vaults: Vec<Option<&str>> = breaches.iter().map(|breach| breach.vault.as_deref()).collect();
        assert_eq!(vaults, [None, Some("eu-north-1/copies")]);
        assert!(breaches.iter().all(|breach| breach.objective_hours == 32));
        table.policy = None;
        assert_eq!(of_table(&table), []);
    }
}
