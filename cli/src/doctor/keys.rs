//! Keys: what is lost with a key is lost for good, so of one that is about to go it is reported loudly.

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeyState};
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;
use backup_chain_core::functions::FUNCTIONS;
use backup_chain_core::ids::Region;
use serde_json::Value;

use super::context::CheckContext;
use super::finding::{Check, Finding, Repair, is_missing};
use super::functions;
use super::statement::allows;

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let roles = roles(look).await;
    for region in look.regions() {
        findings.extend(metadata_key(look, region, &roles).await);
    }
    for (arn, vault) in &look.vaults {
        let Some(key) = vault.as_ref().ok().and_then(|vault| vault.key.as_deref()) else { continue };
        let own = vault.as_ref().is_ok_and(|vault| vault.own_key);
        let is_ours = arn.region == *look.source() && arn.name == look.app.context.deployment().vault;
        findings.extend(vault_key(look, &arn.region, &arn.place(), key, own, is_ours).await);
    }
    findings
}

/// The roles of the functions, with what each does with the metadata key. A function that is not there is reported
/// elsewhere.
async fn roles(look: &CheckContext<'_>) -> Vec<(String, &'static str)> {
    let client = aws_sdk_lambda::Client::new(&look.config(look.source()));
    let mut roles = Vec::new();
    for function in FUNCTIONS {
        let found = functions::configuration(&client, &look.named(function.name)).await;
        roles.extend(found.ok().and_then(|found| found.role).map(|role| (role, function.key_use)));
    }
    roles
}

async fn describe(client: &Client, key: &str) -> Result<Option<KeyMetadata>, AwsError> {
    let answer = client.describe_key().key_id(key).send().await;
    match answer.map_err(failed("kms:DescribeKey", key)) {
        Ok(answer) => Ok(answer.key_metadata),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn metadata_key(
    look: &CheckContext<'_>,
    region: &Region,
    roles: &[(String, &'static str)],
) -> Vec<Finding> {
    let is_source = region == look.source();
    let client = Client::new(&look.config(region));
    let key = look.app.context.deployment().key_in(region);
    let what = if is_source { "the metadata key" } else { "the replica of the metadata key" };
    let place = format!("{region}/{}", id(&key));
    let found = match describe(&client, &key).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let (lost, fix) = if is_source {
                (
                    "nothing is backed up, and no metadata is opened in this Region",
                    "a key that is gone cannot be had back: promote a replica with aws kms update-primary-region, and \
                     replicate it back",
                )
            } else {
                (
                    "copies there cannot be opened when the source Region is not there",
                    "deploy the target stack there",
                )
            };
            let what = format!("{what} is not there: {lost}");
            return vec![Finding::wrong(Check::Keys, place, what).fix(fix)];
        }
        Err(error) => return vec![Finding::unknown(Check::Keys, place, &error)],
    };
    let mut findings = Vec::new();
    findings.extend(unusable(region, &place, what, &found));
    if found.multi_region() != Some(true) {
        let what = format!("{what} is no multi-Region key: no target Region can have a replica");
        findings.push(
            Finding::wrong(Check::Keys, &place, what)
                .fix("deploy the stack again: a key cannot be made one later"),
        );
    }
    let needs = roles.iter().filter(|(_, action)| is_source || *action == "kms:Decrypt");
    findings.extend(policy(&client, &key, &place, what, needs).await);
    // A replica is rotated with its primary.
    if findings.is_empty() && is_source {
        findings.extend(rotation(&client, region, &key, &place, what).await);
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            Check::Keys,
            place,
            format!("{what} is enabled, and the functions may use it"),
        ));
    }
    findings
}

async fn vault_key(
    look: &CheckContext<'_>,
    region: &Region,
    vault: &str,
    key: &str,
    own: bool,
    is_ours: bool,
) -> Vec<Finding> {
    let client = Client::new(&look.config(region));
    let what = format!("the key of vault {vault}");
    let place = format!("{region}/{}", id(key));
    let found = match describe(&client, key).await {
        Ok(Some(found)) if found.key_manager() != Some(&KeyManagerType::Aws) => found,
        Ok(None) if own => {
            let what = format!("{what} is gone: nothing in the vault can be restored or copied");
            return vec![
                Finding::wrong(Check::Keys, place, what).fix("name another vault in the policies, at once"),
            ];
        }
        Ok(_) => {
            let what = format!("{what} is AWS Backup's own: AWS may refuse copies into or out of it");
            let fix = "create a vault with a key of your own, and name it in the policies";
            return vec![Finding::warning(Check::Keys, place, what).fix(fix)];
        }
        Err(error) => return vec![Finding::unknown(Check::Keys, place, &error)],
    };
    let mut findings: Vec<Finding> = unusable(region, &place, &what, &found).into_iter().collect();
    // Keys of other vaults are not the stack's.
    if findings.is_empty() && is_ours {
        findings.extend(rotation(&client, region, key, &place, &what).await);
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Keys, place, format!("{what} is enabled")));
    }
    findings
}

/// A key that cannot be used as it is.
fn unusable(region: &Region, place: &str, what: &str, found: &KeyMetadata) -> Option<Finding> {
    let id = found.key_id();
    let state = found.key_state().unwrap_or(&KeyState::Enabled);
    let wrong = |what: String| Finding::wrong(Check::Keys, place, what);
    match state {
        KeyState::Enabled => None,
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => {
            let at = found.deletion_date().and_then(|at| jiff::Timestamp::from_second(at.secs()).ok());
            let at = at.map_or_else(
                || "once its replicas are gone".to_owned(),
                |at| format!("on {} UTC", crate::console::utc(at)),
            );
            let what = format!("{what} IS ABOUT TO BE DELETED, {at}: what it protects is lost for good then");
            Some(wrong(what).fix("stop that at once, then enable it").command(format!(
                "aws kms cancel-key-deletion --region {region} --key-id {id} && aws kms enable-key --region {region} \
                 --key-id {id}"
            )))
        }
        KeyState::Disabled => Some(
            wrong(format!("{what} is disabled: nothing that it protects can be used"))
                .fix("find out who disabled it, and enable it")
                .command(format!("aws kms enable-key --region {region} --key-id {id}")),
        ),
        state => Some(wrong(format!("{what} is {}", state.as_str())).fix("see it in the KMS console")),
    }
}

/// Whether the key's own policy lets the functions do what they must.
async fn policy<'a>(
    client: &Client,
    key: &str,
    place: &str,
    what: &str,
    needs: impl Iterator<Item = &'a (String, &'static str)>,
) -> Vec<Finding> {
    let answer = client.get_key_policy().key_id(key).policy_name("default").send().await;
    let policy = match answer.map_err(failed("kms:GetKeyPolicy", key)) {
        Ok(answer) => answer.policy.unwrap_or_default(),
        Err(error) => return vec![Finding::unknown(Check::Keys, place, &error)],
    };
    let policy: Value = serde_json::from_str(&policy).unwrap_or_default();
    let lacking = needs.filter(|(role, action)| !allows(&policy, action, role));
    let lacking: Vec<String> = lacking
        .map(|(role, action)| format!("{action} by {}", role.rsplit('/').next().unwrap_or(role)))
        .collect();
    if lacking.is_empty() {
        return Vec::new();
    }
    let what = format!("the policy of {what} does not allow {}", lacking.join(", "));
    vec![Finding::wrong(Check::Keys, place, what).fix("deploy the stack again: the policy is the template's")]
}

/// A key that is not rotated.
async fn rotation(client: &Client, region: &Region, key: &str, place: &str, what: &str) -> Option<Finding> {
    let answer = client.get_key_rotation_status().key_id(key).send().await;
    match answer.map_err(failed("kms:GetKeyRotationStatus", key)) {
        Ok(answer) if answer.key_rotation_enabled() => None,
        Ok(_) => Some(
            Finding::warning(Check::Keys, place, format!("{what} is not rotated"))
                .fix("have KMS rotate it every year")
                .command(format!("aws kms enable-key-rotation --region {region} --key-id {key}"))
                .repair(Repair::Rotation(region.clone(), key.to_owned())),
        ),
        Err(error) => Some(Finding::unknown(Check::Keys, place, &error)),
    }
}

/// The id at the end of a key's ARN.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
