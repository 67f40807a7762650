//! Processes are killed with SIGKILL at random moments: the compiled functions, the operator's command, and the
//! embedded AWS with all of it. What is due comes right all the same, and nothing is left behind. It is looked at from
//! outside, through the SDK and the operator's command.
//!
//! A few rounds with a few tables here; `BACKUP_CHAIN_KILLS=50` asks for so many rounds, sessions and retention with
//! 200 tables. The moments come from a seed that is printed, and `BACKUP_CHAIN_KILLS_SEED` sets it; what a process is
//! doing then is up to the machine.

mod commands;
mod days;
mod restores;
mod server;

use std::process::Output;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, Projection, ProjectionType, ScalarAttributeType, StreamSpecification,
    StreamViewType, Tag, TimeToLiveSpecification,
};
use backup_chain_tests::kills::Hunted;
use backup_chain_tests::served::Served;
use fastrand::Rng;

/// Rounds when nobody asks for more.
const FEW: usize = 2;

/// When these worlds begin.
const START: &str = "2026-01-05T06:50:00Z";

/// One slot a day, whose point and copy are kept for a day.
const POLICY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 1 day, copy: {keep: 1 day}}
";

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().unwrap())
}

/// How many rounds were asked for.
fn asked_for() -> Option<usize> {
    variable("BACKUP_CHAIN_KILLS").map(|rounds| usize::try_from(rounds).unwrap())
}

/// The source of all that is random, printed.
fn random(what: &str) -> Rng {
    let seed = variable("BACKUP_CHAIN_KILLS_SEED").unwrap_or(7);
    println!("{what}: BACKUP_CHAIN_KILLS_SEED={seed}");
    Rng::with_seed(seed)
}

/// A served world whose clock stands still unless it is moved.
fn held(tick: &str) -> Hunted {
    Hunted::start(&["--pace", "instant", "--clock", "held", "--start", START, "--tick", tick])
}

fn key(name: &str) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build().unwrap()
}

fn string(name: &str) -> AttributeDefinition {
    let attribute = AttributeDefinition::builder().attribute_name(name);
    attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
}

/// From now on the policy starts no session by itself.
fn disable(hunted: &Hunted) {
    let done = hunted.served.run("backup-chain", &["policy", "disable", "daily"]);
    assert!(done.status.success(), "{done:?}");
}

/// Makes a table.
async fn plain_table(dynamodb: &DynamoDb, name: &str) {
    let create = dynamodb.create_table().table_name(name).key_schema(key("id"));
    let create = create.attribute_definitions(string("id")).billing_mode(BillingMode::PayPerRequest);
    create.send().await.unwrap();
}

/// Makes a table whose settings a restore has to put back.
async fn rich_table(dynamodb: &DynamoDb, name: &str) {
    let projection = Projection::builder().projection_type(ProjectionType::All).build();
    let index = GlobalSecondaryIndex::builder().index_name("by-status").key_schema(key("status"));
    let stream = StreamSpecification::builder().stream_enabled(true);
    let create = dynamodb.create_table().table_name(name).key_schema(key("id"));
    let create = create.attribute_definitions(string("id")).attribute_definitions(string("status"));
    let create = create.global_secondary_indexes(index.projection(projection).build().unwrap());
    let create =
        create.stream_specification(stream.stream_view_type(StreamViewType::KeysOnly).build().unwrap());
    let create = create.tags(Tag::builder().key("team").value("shop").build().unwrap());
    let create = create.deletion_protection_enabled(true).billing_mode(BillingMode::PayPerRequest);
    create.send().await.unwrap();
}

/// Fills a table that is there, and sets what cannot be set before.
async fn fill(dynamodb: &DynamoDb, name: &str) {
    for number in 0..3 {
        let id = AttributeValue::S(format!("{name}-{number}"));
        let put = dynamodb.put_item().table_name(name).item("id", id);
        put.item("status", AttributeValue::S("open".to_owned())).send().await.unwrap();
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    dynamodb.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await.unwrap();
    let pitr = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true);
    let update = dynamodb.update_continuous_backups().table_name(name);
    update.point_in_time_recovery_specification(pitr.build().unwrap()).send().await.unwrap();
}

/// What a command says. One whose invocation meets a process that was killed idle is told so, and asks again.
fn answered(served: &Served, args: &[&str]) -> Output {
    loop {
        let done = served.run("backup-chain", args);
        let met_a_dead_one = [&done.stdout, &done.stderr]
            .into_iter()
            .any(|said| String::from_utf8_lossy(said).contains("Runtime exited with error: signal: 9"));
        if done.status.success() || !met_a_dead_one {
            return done;
        }
    }
}

/// Nobody has panicked, nothing of the deployment is wrong, and the strikes have struck. Tells how often.
fn assert_ended_well(hunted: &Hunted, struck: usize, missed: usize, function: &str) {
    let (killed, cut_off, exchanges) = (hunted.killed(), hunted.cut_off(), hunted.exchanges());
    println!(
        "{struck} strikes, {missed} of them not reached; {killed} processes killed in {exchanges} exchanges; \
         invocations cut off: {cut_off:?}"
    );
    assert_eq!(hunted.panics(), [""; 0]);
    assert!(killed > 0 && cut_off.contains_key(function), "{cut_off:?}");
    // A policy that is disabled is worth a look.
    let doctor = answered(&hunted.served, &["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!([&report["counts"]["wrong"], &report["counts"]["unknown"]], [0, 0], "{report:#}");
}
