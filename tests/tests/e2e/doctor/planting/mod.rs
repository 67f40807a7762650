//! Faults of a deployment, planted with the rights of somebody who may do all.

mod faults;
mod stored;

use aws_config::SdkConfig;
use aws_sdk_backup::Client as Backup;
use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use aws_sdk_eventbridge::Client as Events;
use aws_sdk_iam::Client as Iam;
use aws_sdk_kms::Client as Kms;
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_lambda::types::{Environment, Runtime};
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::QueueAttributeName;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, SOURCE, Stack, TARGET};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::{apply, table};
use bytes::Bytes;
use serde_json::{Value, json};

pub use self::faults::FAULTS;

/// That a fault is there.
pub struct Planted;

/// Plants one.
pub async fn plant(fault: &str, world: &World, stack: &mut Stack) -> Result<Planted, Failure> {
    let _scene = world.scene();
    let here = world.sdk_config(ACCOUNT, SOURCE, "somebody");
    let there = world.sdk_config(ACCOUNT, TARGET, "somebody");
    match fault.split(' ').next().unwrap_or_default() {
        "function" => functions(fault, world, &Lambda::new(&here)).await?,
        "rule" | "mapping" => rules(fault, &Events::new(&here), &Lambda::new(&here)).await?,
        "message" | "nothing" | "many" | "queue" => queues(fault, &Sqs::new(&here)).await?,
        "recovery" | "protection" | "settings" | "index" | "catalog" => tables(fault, &here, &there).await?,
        "advanced" | "not" | "region" | "rights" => {
            regions(fault, world, &Backup::new(&here), &Backup::new(&there)).await?;
        }
        "vault" if !fault.ends_with("disabled") => vaults(fault, world, stack, &Backup::new(&there)).await?,
        "metadata" | "replica" | "vault" => keys(fault, stack, &here, &there).await?,
        "role" | "restores" => roles(fault, world, &Iam::new(&here)).await?,
        "target" | "policy" | "no" if fault != "no tick" => stored::policies(fault, world, stack).await?,
        "table" => stored::scope(fault, world, stack).await?,
        _ => stored::work(fault, world, stack, &Lambda::new(&here)).await?,
    }
    Ok(Planted)
}

async fn functions(fault: &str, world: &World, lambda: &Lambda) -> Result<(), Failure> {
    match fault {
        "function stopped" => {
            let stop = lambda.put_function_concurrency().function_name("backup-chain-copy");
            stop.reserved_concurrent_executions(0).send().await?;
        }
        "function set otherwise" => {
            let name = "backup-chain-copy";
            let found = lambda.get_function_configuration().function_name(name).send().await?;
            let mut variables =
                found.environment().and_then(|found| found.variables()).cloned().unwrap_or_default();
            variables.insert("BACKUP_CHAIN_CATALOG".to_owned(), "another".to_owned());
            variables.remove("BACKUP_CHAIN_BUS");
            let environment = Environment::builder().set_variables(Some(variables)).build();
            lambda
                .update_function_configuration()
                .function_name(name)
                .environment(environment)
                .send()
                .await?;
        }
        "function of another architecture" => {
            // AWS takes it with new code only; here what is described is all that counts.
            let scope =
                format!("AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{SOURCE}/lambda/aws4_request");
            let path = "https://embedded/2015-03-31/functions/backup-chain-restore/configuration";
            let request = http::Request::put(path).header("authorization", scope);
            let body = json!({ "Architectures": ["arm64"] }).to_string();
            assert!(world.handle(request.body(Bytes::from(body))?).await?.status().is_success());
        }
        "function on another runtime" => {
            let update = lambda.update_function_configuration().function_name("backup-chain-retention");
            update.runtime(Runtime::Providedal2).send().await?;
        }
        "function gone" => {
            lambda.delete_function().function_name("backup-chain-retention").send().await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

async fn rules(fault: &str, events: &Events, lambda: &Lambda) -> Result<(), Failure> {
    let mapping = async |queue: &str| -> Result<String, Failure> {
        let arn = format!("arn:aws:sqs:{SOURCE}:{ACCOUNT}:{queue}");
        let listed = lambda.list_event_source_mappings().event_source_arn(arn).send().await?;
        let id = listed.event_source_mappings().first().and_then(|mapping| mapping.uuid());
        Ok(id.ok_or("there is no mapping")?.to_owned())
    };
    match fault {
        "rule disabled" => {
            events.disable_rule().name("backup-chain-tick").send().await?;
        }
        "rule gone" => {
            let rule = "backup-chain-retention";
            events.remove_targets().rule(rule).ids("0").send().await?;
            events.delete_rule().name(rule).send().await?;
        }
        "rule without its target" => {
            events.remove_targets().rule("backup-chain-tick").ids("1").send().await?;
        }
        "mapping disabled" => {
            let id = mapping("backup-chain-jobs").await?;
            lambda.update_event_source_mapping().uuid(id).enabled(false).send().await?;
        }
        "mapping gone" => {
            let id = mapping("backup-chain-restores").await?;
            lambda.delete_event_source_mapping().uuid(id).send().await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

async fn queues(fault: &str, sqs: &Sqs) -> Result<(), Failure> {
    let url = async |name: &str| -> Result<String, Failure> {
        let found = sqs.get_queue_url().queue_name(name).send().await?;
        Ok(found.queue_url().ok_or("a queue without a URL")?.to_owned())
    };
    match fault {
        "message set aside" => {
            let queue = url("backup-chain-jobs-failed").await?;
            sqs.send_message().queue_url(queue).message_body("{}").send().await?;
        }
        "nothing set aside any more" => {
            let set = sqs.set_queue_attributes().queue_url(url("backup-chain-jobs").await?);
            set.attributes(QueueAttributeName::RedrivePolicy, "").send().await?;
        }
        "many messages" => {
            let queue = url("backup-chain-restores").await?;
            for _ in 0..501 {
                sqs.send_message().queue_url(&queue).message_body("{}").send().await?;
            }
        }
        "queue gone" => {
            sqs.delete_queue().queue_url(url("backup-chain-restores-failed").await?).send().await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

async fn tables(fault: &str, here: &SdkConfig, there: &SdkConfig) -> Result<(), Failure> {
    let (here, there) = (aws_sdk_dynamodb::Client::new(here), aws_sdk_dynamodb::Client::new(there));
    let (catalog, settings) = ("backup-chain-catalog", "backup-chain-settings");
    match fault {
        "recovery off" => {
            let off = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(false);
            let update = here.update_continuous_backups().table_name(catalog);
            update.point_in_time_recovery_specification(off.build()?).send().await?;
        }
        "protection off" => {
            there.update_table().table_name(settings).deletion_protection_enabled(false).send().await?;
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        }
        "settings gone" => {
            there.update_table().table_name(settings).deletion_protection_enabled(false).send().await?;
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            there.delete_table().table_name(settings).send().await?;
        }
        "index gone" => {
            let delete =
                aws_sdk_dynamodb::types::DeleteGlobalSecondaryIndexAction::builder().index_name("session");
            let change = aws_sdk_dynamodb::types::GlobalSecondaryIndexUpdate::builder()
                .delete(delete.build()?)
                .build();
            here.update_table().table_name(catalog).global_secondary_index_updates(change).send().await?;
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        }
        "catalog gone" => {
            here.update_table().table_name(catalog).deletion_protection_enabled(false).send().await?;
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            here.delete_table().table_name(catalog).send().await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

async fn regions(fault: &str, world: &World, here: &Backup, there: &Backup) -> Result<(), Failure> {
    match fault {
        "advanced features off" => {
            let update = there.update_region_settings();
            update.resource_type_management_preference("DynamoDB", false).send().await?;
        }
        "not opted in" => {
            let update = here.update_region_settings();
            update.resource_type_opt_in_preference("DynamoDB", false).send().await?;
        }
        "region out of reach" => {
            let rule = FaultRule::new("backup", "DescribeRegionSettings", Fault::ResetBefore);
            world.inject(rule.region(TARGET));
        }
        "rights of tags off" => {
            world.with_dynamodb(|dynamo| dynamo.set_tag_conditions(ACCOUNT, TARGET, false));
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

/// Applies a policy for a table of its own that copies into another vault.
async fn copy_into(world: &World, stack: &Stack, region: &str, vault: &str) -> Result<(), Failure> {
    table(world, "carts", &[]).await?;
    let policy = format!(
        "{{name: other, sources: {{tables: [carts]}}, vault: backup-chain, tiers: {{daily: {{at: \
         ['05:00'], keep: 3 days, copy: {{keep: 5 days}}}}}}, copies: [{{vault: \
         'arn:aws:backup:{region}:{ACCOUNT}:backup-vault:{vault}'}}]}}"
    );
    apply(stack, &policy).await?;
    Ok(())
}

async fn vaults(fault: &str, world: &World, stack: &Stack, backup: &Backup) -> Result<(), Failure> {
    let lock = |least, most| {
        let lock = backup.put_backup_vault_lock_configuration().backup_vault_name(COPIES);
        lock.min_retention_days(least).max_retention_days(most).send()
    };
    match fault {
        "vault gone" => {
            copy_into(world, stack, TARGET, "gone").await?;
        }
        "vault locked for too short" => {
            lock(1, 3).await?;
        }
        "vault locked for too long" => {
            lock(7, 30).await?;
        }
        "vault with AWS's key" => {
            backup.create_backup_vault().backup_vault_name("plain").send().await?;
            copy_into(world, stack, TARGET, "plain").await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

async fn keys(fault: &str, stack: &Stack, here: &SdkConfig, there: &SdkConfig) -> Result<(), Failure> {
    let key = stack.app().context.deployment().key.clone();
    let replica = stack.app().context.deployment().key_in(&TARGET.parse()?);
    let (kms, kms_there) = (Kms::new(here), Kms::new(there));
    match fault {
        "metadata key disabled" => {
            kms.disable_key().key_id(key).send().await?;
        }
        "metadata key about to go" => {
            kms.schedule_key_deletion().key_id(key).pending_window_in_days(7).send().await?;
        }
        "replica about to go" => {
            kms_there.schedule_key_deletion().key_id(replica).pending_window_in_days(7).send().await?;
        }
        "metadata key not rotated" => {
            // The template's policy lets nobody do that: whoever does changes it first.
            let found = kms.get_key_policy().key_id(&key).send().await?;
            let found = found.policy().ok_or("the key has no policy")?;
            let mut policy: Value = serde_json::from_str(found)?;
            policy["Statement"].as_array_mut().ok_or("no statements")?.push(json!({
                "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Resource": "*",
                "Action": "kms:DisableKeyRotation",
            }));
            kms.put_key_policy().key_id(&key).policy(policy.to_string()).send().await?;
            kms.disable_key_rotation().key_id(&key).send().await?;
            kms.put_key_policy().key_id(key).policy(found).send().await?;
        }
        "metadata key shut" => {
            let policy = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Resource": "*",
                "Action": ["kms:Describe*", "kms:Get*", "kms:Put*", "kms:GenerateDataKey"],
            }] });
            kms.put_key_policy().key_id(key).policy(policy.to_string()).send().await?;
        }
        "vault key disabled" => {
            let vault = Backup::new(there).describe_backup_vault().backup_vault_name(COPIES).send().await?;
            let key = vault.encryption_key_arn().ok_or("the vault has no key")?;
            kms_there.disable_key().key_id(key).send().await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

async fn roles(fault: &str, world: &World, iam: &Iam) -> Result<(), Failure> {
    let allow = |actions: &[&str], resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": actions, "Resource": resource }] })
        .to_string()
    };
    let (backup, copy, restore) = (
        "backup-chain-AWSBackup-backup-eu-central-1",
        "backup-chain-AWSBackup-copy-eu-central-1",
        "backup-chain-AWSBackup-restore-eu-central-1",
    );
    match fault {
        "role gone" => {
            world.put_role(ACCOUNT, copy, &[])?;
            iam.delete_role().role_name(copy).send().await?;
        }
        "role lacks a right" => {
            let rights = allow(&["dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"], "*");
            world.put_role(ACCOUNT, backup, &[&rights])?;
        }
        "role may not copy there" => {
            let out = allow(&["backup:CopyFromBackupVault"], "*");
            let into = format!("arn:aws:backup:{SOURCE}:{ACCOUNT}:backup-vault:backup-chain");
            world.put_role(ACCOUNT, copy, &[&out, &allow(&["backup:CopyIntoBackupVault"], &into)])?;
        }
        "role may copy into another account" => {
            let found = iam.get_role_policy().role_name(copy).policy_name("copies").send().await?;
            let ours = format!("arn:aws:backup:{TARGET}:{ACCOUNT}:backup-vault:{COPIES}");
            let theirs = format!("arn:aws:backup:{TARGET}:444455556666:backup-vault:theirs");
            let policy = percent_encoding::percent_decode_str(found.policy_document()).decode_utf8()?;
            let policy = policy.replace(&format!("\"{ours}\""), &format!("\"{ours}\",\"{theirs}\""));
            let put = iam.put_role_policy().role_name(copy).policy_name("copies");
            put.policy_document(policy).send().await?;
        }
        "role trusts another" => {
            let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
                "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
            iam.update_assume_role_policy()
                .role_name(restore)
                .policy_document(trust.to_string())
                .send()
                .await?;
        }
        "restores under other names only" => {
            let tables = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/restored-*");
            let rights = [
                "dynamodb:DescribeTable",
                "dynamodb:Query",
                "dynamodb:Scan",
                "dynamodb:RestoreTableFromAwsBackup",
            ];
            world.put_role(ACCOUNT, restore, &[&allow(&rights, &tables)])?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}
