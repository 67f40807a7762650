//! The roles of AWS Backup: there, trusted to it, and with the rights that its jobs need.

use aws_sdk_iam::Client;
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;
use backup_chain_core::ids::VaultArn;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::context::CheckContext;
use super::finding::{Check, Finding, is_missing};
use super::statement::{resources, trusts};

/// The service that takes the roles on.
const SERVICE: &str = "backup.amazonaws.com";

const BACKUPS: [&str; 3] =
    ["dynamodb:StartAwsBackupJob", "dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"];
const RESTORES: [&str; 4] =
    ["dynamodb:RestoreTableFromAwsBackup", "dynamodb:DescribeTable", "dynamodb:Query", "dynamodb:Scan"];

/// A role, and what it must be allowed: actions on a resource.
struct Needed<'a> {
    role: &'a str,
    rights: Vec<(&'static [&'static str], String)>,
    means: &'static str,
}

pub(super) async fn check(look: &CheckContext<'_>, table: Option<&str>) -> Vec<Finding> {
    let deployment = look.app.context.deployment();
    // Without a table in scope, any name stands for one.
    let table = look.arn("dynamodb", &format!("table/{}", table.unwrap_or("any-table")));
    let mut copies: Vec<(&[&str], String)> =
        vec![(&["backup:CopyFromBackupVault"], look.arn("backup", "recovery-point:any"))];
    copies.extend(look.vaults.keys().filter(|vault| vault.region != *look.source()).map(|vault| {
        let into: &[&str] = &["backup:CopyIntoBackupVault"];
        (into, vault.to_string())
    }));
    let needed = [
        Needed {
            role: &deployment.backup_role,
            rights: vec![(&BACKUPS, table.clone())],
            means: "backups fail",
        },
        Needed { role: &deployment.copy_role, rights: copies, means: "copies fail" },
        Needed {
            role: &deployment.restore_role,
            rights: vec![(&RESTORES, table)],
            means: "restores are refused",
        },
    ];
    let client = Client::new(&look.config(look.source()));
    let mut findings = Vec::new();
    for needed in needed {
        findings.extend(of_role(look, &client, &needed).await);
    }
    findings.extend(elsewhere(look, &client).await);
    findings
}

/// The copy role's policy, by its name in the template.
const COPIES: &str = "copies";

/// Vaults of other accounts in the stack's parameter FurtherVaults, which the copy role may copy into. Copies stay in
/// the account: a policy that names such a vault is refused.
async fn elsewhere(look: &CheckContext<'_>, client: &Client) -> Vec<Finding> {
    let deployment = look.app.context.deployment();
    let name = deployment.copy_role.rsplit('/').next().unwrap_or(&deployment.copy_role);
    let answer = client.get_role_policy().role_name(name).policy_name(COPIES).send().await;
    let policy = match answer.map_err(failed("iam:GetRolePolicy", name)) {
        Ok(answer) => document(answer.policy_document()),
        // A role that is not as the template makes it is reported for what it lacks.
        Err(error) if is_missing(&error) => return Vec::new(),
        Err(error) => return vec![Finding::unknown(Check::Roles, name, &error)],
    };
    let vaults = resources(&policy, "backup:CopyIntoBackupVault");
    let of_others = vaults.filter_map(|vault| vault.parse::<VaultArn>().ok());
    let of_others = of_others.filter(|vault| vault.account != deployment.account);
    let told = of_others.map(|vault| {
        let what = format!(
            "FurtherVaults names vault {} of account {}, and this stack serves {}: copies into other accounts are not \
             supported",
            vault.place(),
            vault.account,
            deployment.account
        );
        Finding::wrong(Check::Roles, name, what)
            .fix("take it out of the stack's parameter FurtherVaults, and deploy the stack again")
    });
    told.collect()
}

async fn of_role(look: &CheckContext<'_>, client: &Client, needed: &Needed<'_>) -> Vec<Finding> {
    let name = needed.role.rsplit('/').next().unwrap_or(needed.role);
    let mut findings = Vec::new();
    match trust(client, name).await {
        Ok(true) => {}
        Ok(false) => {
            let what = format!("the role does not trust {SERVICE}: {}", needed.means);
            findings.push(Finding::wrong(Check::Roles, name, what).fix("deploy the stack again"));
        }
        Err(error) if is_missing(&error) => {
            let what = format!("there is no role {name}: {}", needed.means);
            return vec![Finding::wrong(Check::Roles, name, what).fix("deploy the stack again")];
        }
        Err(error) => findings.push(Finding::unknown(Check::Roles, name, &error)),
    }
    for (actions, resource) in &needed.rights {
        match look.app.aws.missing_actions(needed.role, actions, resource).await {
            Ok(lacking) if lacking.is_empty() => {}
            // A stack may allow restores under other names only.
            Ok(lacking) if lacking.len() == RESTORES.len() => {
                let what = format!(
                    "the role may not make {}: a restore under that name is refused",
                    resource.rsplit(':').next().unwrap_or(resource)
                );
                let fix = "nothing, if the stack's parameter RestoreTables is meant so; else deploy the stack again";
                findings.push(Finding::warning(Check::Roles, name, what).fix(fix));
            }
            Ok(lacking) => {
                let what = format!("the role lacks {} on {resource}: {}", lacking.join(", "), needed.means);
                let fix = if resource.contains(":backup-vault:") {
                    "name the vault in the stack's parameter FurtherVaults, and deploy the stack again"
                } else {
                    "deploy the stack again; if a policy of the organisation denies it, have that changed"
                };
                findings.push(Finding::wrong(Check::Roles, name, what).fix(fix));
            }
            Err(error) => {
                findings.push(Finding::unknown(Check::Roles, name, &error));
                break;
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Roles, name, "there, with the rights that it needs"));
    }
    findings
}

/// Whether AWS Backup may take the role on.
async fn trust(client: &Client, name: &str) -> Result<bool, AwsError> {
    let answer = client.get_role().role_name(name).send().await.map_err(failed("iam:GetRole", name))?;
    let trust = answer.role().and_then(|role| role.assume_role_policy_document()).unwrap_or_default();
    Ok(trusts(&document(trust), SERVICE))
}

/// A policy, which IAM writes percent-encoded.
fn document(policy: &str) -> Value {
    serde_json::from_str(&percent_decode_str(policy).decode_utf8_lossy()).unwrap_or_default()
}
