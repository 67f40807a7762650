//! Faults of policies, of the tables that they cover, and of what is due.

use aws_sdk_dynamodb::types::{AttributeValue, Tag};
use aws_sdk_eventbridge::Client as Events;
use aws_sdk_lambda::Client as Lambda;
use backup_chain_aws::catalog::Write;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, SOURCE, Stack};
use backup_chain_local::World;
use backup_chain_tests::{apply, dynamodb, points, table};
use jiff::SignedDuration;
use serde_json::json;

pub(super) async fn policies(fault: &str, world: &World, stack: &Stack) -> Result<(), Failure> {
    let daily = || "daily".parse();
    match fault {
        "target without a stack" => {
            super::copy_into(world, stack, "us-east-1", COPIES).await?;
        }
        "policy disabled" => {
            stack.session(SessionRequest::Disable { policy: daily()?, by: None }).await?;
        }
        "policy unreadable" => {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let update = dynamodb(world).update_item().table_name("backup-chain-catalog");
            let update = update.key("pk", text("policy")).key("sk", text("daily"));
            let update = update.update_expression("SET document = :document");
            update.expression_attribute_values(":document", text("name: [")).send().await?;
        }
        "no policy" => {
            stack.session(SessionRequest::Delete { policy: daily()?, by: None }).await?;
        }
        "policy of no table" => {
            let empty = "{name: empty, sources: {prefixes: [nothing-]}, vault: backup-chain, tiers: {daily: {at: \
                         ['05:00'], keep: 3 days}}}";
            apply(stack, empty).await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

pub(super) async fn scope(fault: &str, world: &World, stack: &Stack) -> Result<(), Failure> {
    let client = dynamodb(world);
    match fault {
        // It has one already.
        "table with 50 tags" => {
            let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/orders");
            let mut tag = client.tag_resource().resource_arn(arn);
            for number in 0..49 {
                tag = tag.tags(Tag::builder().key(format!("tag-{number}")).value("v").build()?);
            }
            tag.send().await?;
        }
        "table not there" => {
            table(world, "carts", &[]).await?;
            let both = "{name: both, sources: {tables: [carts]}, vault: backup-chain, tiers: {daily: {at: ['05:00'], \
                        keep: 3 days}}}";
            apply(stack, both).await?;
            client.delete_table().table_name("carts").send().await?;
        }
        "table without its key" => {
            let state = json!({ "TableStatus": "INACCESSIBLE_ENCRYPTION_CREDENTIALS" });
            world.with_dynamodb(|dynamo| dynamo.plant(ACCOUNT, SOURCE, "orders", &state))?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}

pub(super) async fn work(
    fault: &str,
    world: &World,
    stack: &mut Stack,
    lambda: &Lambda,
) -> Result<(), Failure> {
    // Nobody is told that a service may no longer invoke a function.
    let shut = async |function: &str| -> Result<(), Failure> {
        lambda.remove_permission().function_name(function).statement_id("any-service").send().await?;
        Ok(())
    };
    match fault {
        "no tick" => {
            shut("backup-chain-session").await?;
            stack.live(SignedDuration::from_hours(24)).await;
        }
        "job not followed" => {
            let events = Events::new(&world.sdk_config(ACCOUNT, SOURCE, "somebody"));
            events.disable_rule().name("backup-chain-jobs").send().await?;
            shut("backup-chain-copy").await?;
            stack.session(SessionRequest::run("daily".parse()?)).await?;
            stack.live(SignedDuration::from_hours(2)).await;
        }
        "retention does not run" => {
            shut("backup-chain-retention").await?;
            stack.live(SignedDuration::from_hours(27)).await;
        }
        "deletion paused" => stack.reconfigure(|deployment| deployment.brakes.paused = true),
        "suspect point" => {
            let found = points(stack, &"orders".parse()?).await.into_iter().next();
            let mut point = found.ok_or("there is no point")?;
            point.suspect = Some("its tags were changed".to_owned());
            stack.app().catalog.commit([Write::of(&mut point)]).await?;
        }
        other => return Err(format!("no fault {other}").into()),
    }
    Ok(())
}
