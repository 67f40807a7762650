//! The vaults: there, and with locks that suit the policies.

use backup_chain_aws::backup::Vault;
use backup_chain_aws::{AwsError, Meaning};
use backup_chain_core::forecast::{LockConflict, VaultFacts, outside_lock};
use backup_chain_core::ids::VaultArn;
use backup_chain_core::policy::{CopyTarget, Policy};

use super::context::CheckContext;
use super::finding::{Check, Finding};

pub(super) fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (arn, found) in &look.vaults {
        match found {
            Ok(vault) => findings.extend(of_vault(look, arn, vault)),
            Err(error) => findings.push(missing(look, arn, error)),
        }
    }
    findings
}

fn missing(look: &CheckContext<'_>, arn: &VaultArn, error: &AwsError) -> Finding {
    let place = arn.place();
    // What does not exist is often denied, in words that name no right.
    let is_denied = error.meaning == Meaning::Denied && error.message.contains("not authorized");
    if is_denied || !matches!(error.meaning, Meaning::NotFound | Meaning::Denied) {
        return Finding::unknown(Check::Vaults, place, error);
    }
    let fix = if arn.region == *look.source() {
        "deploy the stack again, or create the vault with a key of your own"
    } else {
        "deploy the target stack there, or name another vault in the policy"
    };
    Finding::wrong(Check::Vaults, place, format!("there is no vault {}", arn.name)).fix(fix)
}

fn of_vault(look: &CheckContext<'_>, arn: &VaultArn, vault: &Vault) -> Vec<Finding> {
    let place = arn.place();
    let facts = VaultFacts { lock: vault.lock, air_gapped: vault.air_gapped };
    let mut findings = Vec::new();
    for (policy, target) in uses(look, arn) {
        if target.is_none() && vault.air_gapped {
            let what =
                format!("policy {} backs up into it, and an air-gapped vault is for copies", policy.name);
            let fix = "name an ordinary vault in the policy, and this one under copies";
            findings.push(Finding::wrong(Check::Vaults, &place, what).fix(fix));
        }
        for LockConflict { early, what } in outside_lock(policy, target, facts) {
            let what = format!("policy {}, {what}", policy.name);
            // The way out is part of what the forecast says.
            let (what, fix) = what.rsplit_once("; ").map_or((what.as_str(), ""), |parts| parts);
            let finding = if early {
                Finding::wrong(Check::Vaults, &place, what)
            } else {
                Finding::warning(Check::Vaults, &place, what)
            };
            findings.push(finding.fix(fix));
        }
    }
    if findings.is_empty() {
        let what = match (vault.air_gapped, vault.lock) {
            (true, _) => "there, air-gapped",
            (false, Some(_)) => "there, locked, and the lock suits the policies",
            (false, None) => "there",
        };
        findings.push(Finding::ok(Check::Vaults, place, what));
    }
    findings
}

/// The policies that use a vault, each for its backups, or as a target of its copies.
fn uses<'a>(
    look: &'a CheckContext<'_>,
    arn: &'a VaultArn,
) -> impl Iterator<Item = (&'a Policy, Option<&'a CopyTarget>)> {
    look.policies.iter().flat_map(move |active| {
        let policy = &active.policy;
        let backups = look.app.context.deployment().vault_arn(&policy.vault) == *arn;
        let copies = policy.copies.iter().filter(move |target| target.vault == *arn);
        backups.then_some((policy, None)).into_iter().chain(copies.map(move |target| (policy, Some(target))))
    })
}
