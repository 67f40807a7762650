//! How the embedded AWS bears many tables: backing up and copying 1,000 tables of 100 items each, the last hundred
//! against the first.
//!
//! `cargo bench --bench scale`

#![expect(clippy::print_stdout, reason = "a benchmark's report")]

use std::error::Error;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PutRequest,
    ScalarAttributeType, WriteRequest,
};
use backup_chain_local::{Options, World};

const ACCOUNT: &str = "111122223333";
const HOME: &str = "eu-central-1";
const TABLES: usize = 1000;
const ITEMS: usize = 100;

type Done<T> = Result<T, Box<dyn Error>>;

async fn table(client: &aws_sdk_dynamodb::Client, name: &str) -> Done<()> {
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build()?;
    let attribute =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build()?;
    let create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    create.key_schema(key).attribute_definitions(attribute).send().await?;
    for batch in 0..ITEMS / 25 {
        let mut requests = Vec::new();
        for number in 0..25 {
            let put =
                PutRequest::builder().item("pk", AttributeValue::S(format!("{batch}-{number}"))).build()?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        client.batch_write_item().request_items(name, requests).send().await?;
    }
    Ok(())
}

/// Backs up one table and copies the point; tells the real time that it took.
async fn back_up_and_copy(backup: &aws_sdk_backup::Client, name: &str) -> Done<Duration> {
    let began = Instant::now();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/backup");
    let job = backup
        .start_backup_job()
        .backup_vault_name("home")
        .resource_arn(format!("arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/{name}"))
        .iam_role_arn(&role)
        .send()
        .await?;
    let point = job.recovery_point_arn.ok_or("no recovery point")?;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let copy = backup
        .start_copy_job()
        .recovery_point_arn(point)
        .source_backup_vault_name("home")
        .destination_backup_vault_arn(format!("arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:away"))
        .iam_role_arn(&role)
        .send()
        .await?;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let id = copy.copy_job_id.ok_or("no copy job")?;
    let done = backup.describe_copy_job().copy_job_id(id).send().await?;
    let state = done.copy_job().and_then(|job| job.state()).map(|state| state.as_str().to_owned());
    if state.as_deref() != Some("COMPLETED") {
        return Err(format!("the copy of {name} is {state:?}").into());
    }
    Ok(began.elapsed())
}

async fn many_tables() -> Done<()> {
    let world = World::new(Options { start: "2026-01-01T00:00:00Z".parse()?, seed: 7 });
    world.put_service_role(ACCOUNT, "backup")?;
    let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, HOME, "bench"));
    let backup = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, HOME, "bench"));
    backup.create_backup_vault().backup_vault_name("home").send().await?;
    let away = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, "eu-west-1", "bench"));
    away.create_backup_vault().backup_vault_name("away").send().await?;
    for number in 0..TABLES {
        table(&client, &format!("table-{number:04}")).await?;
    }
    let mut times = Vec::new();
    for number in 0..TABLES {
        times.push(back_up_and_copy(&backup, &format!("table-{number:04}")).await?);
    }
    let hundred = |times: &[Duration]| times.iter().sum::<Duration>() / 100;
    let (first, last) = (hundred(&times[..100]), hundred(&times[TABLES - 100..]));
    let ratio = last.as_secs_f64() / first.as_secs_f64();
    println!(
        "backing up and copying a table: {first:.2?} of the first hundred, {last:.2?} of the last: {ratio:.2}×"
    );
    if ratio > 2.0 { Err("it slows down".into()) } else { Ok(()) }
}

fn main() -> Done<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(many_tables())
}
