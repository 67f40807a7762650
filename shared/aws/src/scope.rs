//! Which tables a policy covers.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::ids::TableName;
use backup_chain_core::policy::Policy;
use backup_chain_core::session::Skipped;

use crate::error::AwsError;
use crate::policies::Active;
use crate::services::Services;

/// The tables that a policy covers now, and those that it skips.
#[derive(Debug, Default)]
pub struct Selected {
    /// The tables. Those that a policy names need not be there.
    pub tables: BTreeSet<TableName>,
    /// Those that it skips, with the reason.
    pub skipped: Vec<Skipped>,
    /// The listings that could not be read: the policy may cover more tables than these.
    pub unknown: Vec<Unlisted>,
}

/// A listing that could not be read, and what is not known for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}: {error}")]
pub struct Unlisted {
    /// What is not known.
    pub what: &'static str,
    /// What went wrong.
    pub error: AwsError,
}

/// Resolves a policy's selection against the tables that there are. A table that a policy of higher priority
/// selects as well is left to that one. What can be decided without a listing that cannot be read is decided: tables
/// that are named, or selected by their names, do not wait for the tags of others.
pub async fn of_policy(aws: &Services, policies: &[Active], policy: &Policy) -> Selected {
    let earlier = policies.iter().map(|active| &active.policy);
    let earlier: Vec<&Policy> =
        earlier.filter(|other| other.enabled && other.rank() < policy.rank()).collect();

    // Few calls, however many tables: each listing is read at most once, and only when the answer depends on it.
    let source = aws.source();
    let mut selected = Selected::default();
    let excludes_by_tag = policy.exclude.as_ref().is_some_and(|exclude| !exclude.tags.is_empty());
    let yields_by_tag = earlier.iter().any(|other| other.needs_tags());
    let needs_tags = policy.needs_tags() || yields_by_tag;
    let read = if needs_tags { source.tagging().tables().await } else { Ok(BTreeMap::new()) };
    let tags: BTreeMap<TableName, BTreeMap<String, String>> = match read {
        Ok(tags) => tags.into_iter().map(|(arn, tags)| (arn.name, tags)).collect(),
        Err(error) => {
            let what = "which tables carry which tags is not known";
            selected.unknown.push(Unlisted { what, error });
            // Not a single table can be reported then: any may be excluded, or another policy's.
            if excludes_by_tag || yields_by_tag {
                return selected;
            }
            BTreeMap::new()
        }
    };
    let mut names: BTreeSet<TableName> = policy.sources.tables.iter().cloned().collect();
    names.extend(tags.keys().cloned());
    if policy.lists_all() {
        match source.dynamodb.names().await {
            Ok(all) => names.extend(all),
            Err(error) => {
                let what = "which tables there are is not known";
                selected.unknown.push(Unlisted { what, error });
            }
        }
    }

    let untagged = BTreeMap::new();
    let ours = aws.deployment();
    for name in names {
        let tags = tags.get(&name).unwrap_or(&untagged);
        if !policy.selects(&name, tags) {
            continue;
        }
        let owner = earlier.iter().find(|other| other.selects(&name, tags));
        if let Some(owner) = owner {
            let why = format!("it belongs to policy {}, which has priority {}", owner.name, owner.priority);
            selected.skipped.push(Skipped { table: name.to_string(), why, warning: false });
        } else if [&ours.catalog, &ours.settings].into_iter().any(|own| own == name.as_str()) {
            let why =
                "it is Backup Chain's own and changes with every backup; its point-in-time recovery keeps it"
                    .to_owned();
            selected.skipped.push(Skipped { table: name.to_string(), why, warning: false });
        } else {
            selected.tables.insert(name);
        }
    }
    selected
}
