//! Which tables a policy covers.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_core::ids::TableName;
use backup_chain_core::policy::Policy;
use backup_chain_core::session::Skipped;

use crate::edge::Edge;
use crate::error::AwsError;
use crate::policies::Active;

/// The tables that a policy covers now, and those that it passes over.
#[derive(Debug, Default)]
pub struct Selected {
    /// The tables. Those that a policy names need not be there.
    pub tables: BTreeSet<TableName>,
    /// Those that it passes over, with the reason.
    pub skipped: Vec<Skipped>,
}

/// Resolves a policy's selection against the tables that there are. A table that a policy of higher priority
/// selects as well is left to that one.
///
/// # Errors
/// [`AwsError`] of the listings that the answer hangs on.
pub async fn of_policy(edge: &Edge, policies: &[Active], policy: &Policy) -> Result<Selected, AwsError> {
    let earlier = policies.iter().map(|active| &active.policy);
    let earlier: Vec<&Policy> =
        earlier.filter(|other| other.enabled && other.rank() < policy.rank()).collect();

    // Few calls, however many tables: each listing is read at most once, and only when the answer hangs on it.
    let source = edge.source();
    let needs_tags = policy.needs_tags() || earlier.iter().any(|other| other.needs_tags());
    let tags: BTreeMap<TableName, BTreeMap<String, String>> = if needs_tags {
        source.tagging().tables().await?.into_iter().map(|(arn, tags)| (arn.name, tags)).collect()
    } else {
        BTreeMap::new()
    };
    let mut names: BTreeSet<TableName> = policy.sources.tables.iter().cloned().collect();
    names.extend(tags.keys().cloned());
    if policy.lists_all() {
        names.extend(source.dynamodb.names().await?);
    }

    let untagged = BTreeMap::new();
    let ours = edge.deployment();
    let mut selected = Selected::default();
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
    Ok(selected)
}
