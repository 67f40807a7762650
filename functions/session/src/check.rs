//! What a policy would meet in the account: its vaults, its tables, and what AWS would refuse.

use std::collections::{BTreeMap, BTreeSet};

use backup_chain_aws::backup::{Backup, Vault};
use backup_chain_aws::policies::Active;
use backup_chain_aws::scope::{self, Selected};
use backup_chain_aws::{App, AwsError, Error, Meaning};
use backup_chain_core::due::PolicyState;
use backup_chain_core::forecast::{Facts, VaultFacts, warnings};
use backup_chain_core::ids::{Region, TableName, VaultArn, VaultName};
use backup_chain_core::policy::{Policy, changes};
use backup_chain_core::replies::{Checked, Covered};
use jiff::Timestamp;

use crate::error::SessionError;
use crate::stored::state_after;

/// Returns what applying a document would change and meet.
pub(crate) async fn check(app: &App, document: &str) -> Result<Checked, SessionError> {
    let policy = Policy::parse(document, &app.context.deployment().policy_home())?;
    let facts = vaults(app, &policy).await?;
    let mut stored = app.catalog.policy(&policy.name).await?;
    stored = stored.filter(|stored| stored.deleted_at.is_none());
    let old = match &stored {
        Some(stored) => Policy::parse(&stored.document, &app.context.deployment().policy_home()).ok(),
        None => None,
    };
    // Its tables as if it were applied.
    let mut policies = app.policies.active().await?;
    policies.retain(|active| active.policy.name != policy.name);
    let Selected { tables, skipped, unknown } = scope::of_policy(&app.aws, &policies, &policy).await;
    let mut lines = facts.problems;
    lines.extend(unknown.iter().map(|unlisted| format!("sources: {unlisted}")));
    let source = app.aws.source();
    let found = source.dynamodb.find_each(tables).await;
    let mut covered = Vec::new();
    for (name, found) in found {
        match found {
            Ok(Some(found)) => covered.push(Covered {
                name,
                bytes: found.bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
            }),
            Ok(None) => {
                lines.push(format!("sources: there is no table {name} now: a session passes it over"));
            }
            Err(error) => lines.push(format!("sources: table {name} cannot be looked at: {error}")),
        }
    }
    if covered.is_empty() {
        lines.push("sources: no table is covered now: nothing would be backed up".to_owned());
    }
    // Without the tags nothing is known of where metadata will not fit, and all else is.
    let tags = source.tagging().tables().await.unwrap_or_default();
    let own = tags.into_iter().map(|(arn, tags)| (arn.name, tags.len()));
    let table_tags = own.filter(|(name, _)| covered.iter().any(|table| table.name == *name)).collect();
    lines.extend(warnings(&policy, &Facts { table_tags, ..facts.facts }));
    let names = covered.iter().map(|table| table.name.clone()).collect();
    lines.extend(taken_over(&policies, &policy, &names));
    Ok(Checked {
        policy: policy.name.to_string(),
        revision: stored.as_ref().map(|stored| stored.revision),
        changed: stored.as_ref().is_none_or(|stored| stored.document != document),
        changes: old.as_ref().map(|old| changes(old, &policy)).unwrap_or_default(),
        restarted_tiers: stored
            .as_ref()
            .map(|stored| {
                let now = app.context.now();
                restarted_tiers(&state_after(stored, old.as_ref(), &policy, now), now)
            })
            .unwrap_or_default(),
        tables: covered,
        skipped,
        warnings: lines,
    })
}

/// What comes into force at `now`: tiers, and copies of tiers.
fn restarted_tiers(state: &PolicyState, now: Timestamp) -> Vec<String> {
    let is_new = |from: &Timestamp| *from == now;
    let tiers =
        state.effective_from.iter().filter(|(_, from)| is_new(from)).map(|(tier, _)| tier.to_string());
    let copies = state.copies_from.iter().flat_map(|(vault, tiers)| {
        let tiers = tiers.iter().filter(|(_, from)| is_new(from));
        tiers.map(move |(tier, _)| format!("{tier} copies to {}", vault.place()))
    });
    tiers.chain(copies).collect()
}

/// What stands in the way of applying a policy, and what does not but should be known.
///
/// # Errors
/// [`SessionError::Vault`] when the vault of the backups is not there.
pub(crate) async fn for_apply(app: &App, policy: &Policy) -> Result<Vec<String>, SessionError> {
    let Known { facts, problems } = vaults(app, policy).await?;
    let taken = tables_taken(app, policy).await?;
    Ok(problems.into_iter().chain(warnings(policy, &facts)).chain(taken).collect())
}

/// The tables that a policy takes from others once it is in force.
///
/// # Errors
/// [`Error`] of the catalog.
pub(crate) async fn tables_taken(app: &App, policy: &Policy) -> Result<Vec<String>, Error> {
    let mut policies = app.policies.active().await?;
    policies.retain(|active| active.policy.name != policy.name);
    let is_later = |active: &Active| active.policy.enabled && active.policy.rank() > policy.rank();
    if !policy.enabled || !policies.iter().any(is_later) {
        return Ok(Vec::new());
    }
    let tables = scope::of_policy(&app.aws, &policies, policy).await.tables;
    Ok(taken_over(&policies, policy, &tables))
}

/// What is known of a policy's vaults.
struct Known {
    facts: Facts,
    problems: Vec<String>,
}

async fn vaults(app: &App, policy: &Policy) -> Result<Known, SessionError> {
    let region = &app.context.deployment().region;
    let vault = find_vault(&app.aws.source().backup, &policy.vault, region, "create it").await?;
    let vault = vault.map_err(|problem| SessionError::Vault(format!("vault: {problem}, or name another")))?;
    let mut known = Known {
        facts: Facts { vault: facts_of(&vault), custom_tags: policy.tags.len(), ..Facts::default() },
        problems: Vec::new(),
    };
    for target in &policy.copies {
        match target_vault(app, &target.vault).await {
            Ok(vault) => {
                known.facts.copies.insert(target.vault.clone(), facts_of(&vault));
            }
            Err(problem) => known.problems.push(problem),
        }
    }
    Ok(known)
}

/// A vault, or why it cannot be used and what to do (`make`, when it is not there). One that is not among the stack's
/// vaults is refused, whether it is there or not.
pub(crate) async fn find_vault(
    backup: &Backup,
    vault: &VaultName,
    region: &Region,
    make: &str,
) -> Result<Result<Vault, String>, AwsError> {
    let error = match backup.vault(vault).await {
        Ok(found) => return Ok(Ok(found)),
        Err(error) => error,
    };
    let code = &error.code;
    match error.meaning {
        Meaning::NotFound => Ok(Err(format!("there is no vault {vault} in {region} ({code}): {make}"))),
        Meaning::Denied => Ok(Err(format!(
            "the functions may not use vault {vault} in {region} ({code}): {make}, and add its ARN to the stack's \
             parameter FurtherVaults"
        ))),
        _ => Err(error),
    }
}

fn facts_of(vault: &Vault) -> VaultFacts {
    VaultFacts { lock: vault.lock, air_gapped: vault.air_gapped }
}

/// Tables that a policy of lower rank has until now.
fn taken_over(policies: &[Active], policy: &Policy, covered: &BTreeSet<TableName>) -> Vec<String> {
    let later = policies.iter().map(|active| &active.policy);
    let later = later.filter(|other| other.enabled && other.rank() > policy.rank());
    let untagged = BTreeMap::new();
    later
        .filter_map(|other| {
            // Tags are not looked at again: names are what policies overlap by unawares.
            let names: Vec<&str> = covered
                .iter()
                .filter(|table| other.selects(table, &untagged))
                .map(TableName::as_str)
                .collect();
            let some = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let more = if names.len() > 5 { " and more" } else { "" };
            let unprotected = match policy.tiers.is_empty() {
                true => "; without tiers this policy backs up none of them",
                false => "",
            };
            (!names.is_empty()).then(|| {
                format!(
                    "priority: {some}{more} would belong to this policy and no longer to {}, which has priority {}\
                     {unprotected}",
                    other.name, other.priority
                )
            })
        })
        .collect()
}

/// A target vault, or what stands in the way of copies into it. Backups need nothing of a target Region: one that does
/// not answer is a problem of its copies alone.
pub(crate) async fn target_vault(app: &App, vault: &VaultArn) -> Result<Vault, String> {
    let region = &vault.region;
    let backup = &app.aws.region(region).backup;
    let unknown = |error: AwsError| format!("copies: {} cannot be looked at: {error}", vault.place());
    let found = find_vault(backup, &vault.name, region, "deploy the target stack there").await;
    let found = found.map_err(unknown)?.map_err(|problem| format!("copies: {problem}, or name another"))?;
    match region_problem(backup, region).await.map_err(unknown)? {
        None => Ok(found),
        Some(problem) => Err(format!("copies: {problem}")),
    }
}

/// What the account settings of a Region lack, with the command that turns it on.
pub(crate) async fn region_problem(backup: &Backup, region: &Region) -> Result<Option<String>, AwsError> {
    let settings = backup.region_settings().await?;
    if settings.opted_in && settings.advanced {
        return Ok(None);
    }
    let off = match (settings.opted_in, settings.advanced) {
        (false, false) => "DynamoDB is not opted in to AWS Backup and its advanced features are off",
        (false, true) => "DynamoDB is not opted in to AWS Backup",
        _ => "the advanced features of DynamoDB backups are off",
    };
    Ok(Some(format!(
        "{off} in {region}; turn both on with: aws backup update-region-settings --region {region} \
         --resource-type-opt-in-preference DynamoDB=true --resource-type-management-preference DynamoDB=true"
    )))
}
