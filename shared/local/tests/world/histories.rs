//! One seed, one history.

use std::fmt::Write as _;

use aws_sdk_kms::types::DataKeySpec;
use backup_chain_local::{Fault, FaultRule, World};

use super::{ACCOUNT, FRANKFURT, IRELAND, dynamo, kms_client, new_table, put, seeded};

/// Everything a client can see of a small piece of life.
async fn history(world: &World) -> String {
    let mut seen = String::new();
    let (tables, keys) = (dynamo(world, ACCOUNT, FRANKFURT), kms_client(world, FRANKFURT));
    world.inject(FaultRule::new("*", "*", Fault::Throttle).skip(5).times(2));
    let made = new_table(&tables, "orders").send().await.unwrap();
    writeln!(seen, "{:?}", made.table_description).unwrap();
    for number in (0..20).rev() {
        put(&tables, "orders", &format!("p{}", number % 3), &format!("{number:02}")).await;
    }
    let items = tables.scan().table_name("orders").send().await.unwrap().items.unwrap();
    for item in &items {
        writeln!(seen, "{:?} {:?}", item["pk"], item["sk"]).unwrap();
    }
    let key = keys.create_key().multi_region(true).send().await.unwrap().key_metadata.unwrap();
    keys.replicate_key().key_id(&key.key_id).replica_region(IRELAND).send().await.unwrap();
    let data_key = keys.generate_data_key().key_id(&key.key_id).key_spec(DataKeySpec::Aes256);
    let data_key = data_key.send().await.unwrap();
    writeln!(seen, "{key:?} {:?} {:?}", data_key.ciphertext_blob, data_key.plaintext.unwrap().as_ref())
        .unwrap();
    writeln!(seen, "{:?} {:?}", world.seeded_bytes(8), world.calls()).unwrap();
    seen
}

#[tokio::test(start_paused = true)]
async fn two_worlds_of_one_seed_answer_alike() {
    let (one, same, other) =
        (history(&seeded(1)).await, history(&seeded(1)).await, history(&seeded(2)).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
}

#[tokio::test(start_paused = true)]
async fn lags_are_of_the_seed_and_change_nothing_but_what_is_seen() {
    let hesitating = |seed| {
        let world = seeded(seed);
        world.hesitate();
        world
    };
    let (one, same, other) =
        (history(&hesitating(1)).await, history(&hesitating(1)).await, history(&hesitating(2)).await);
    assert_eq!(one, same);
    assert_ne!(one, other);
    // The items are scanned weakly, and so too early.
    let exact = history(&seeded(1)).await;
    let (exact, late): (Vec<_>, Vec<_>) = (exact.lines().collect(), one.lines().collect());
    assert!(late.len() < exact.len() && late.len() > 3, "{late:?}");
    assert!(late.iter().all(|line| exact.contains(line)), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn time_stands_still_until_somebody_moves_it() {
    let world = seeded(1);
    let before = world.now();
    let tables = dynamo(&world, ACCOUNT, FRANKFURT);
    new_table(&tables, "orders").send().await.unwrap();
    assert_eq!(world.now(), before);
    tokio::time::advance(std::time::Duration::from_secs(90 * 86_400)).await;
    assert_eq!(world.now().to_string(), "2026-05-30T00:00:00Z");
    tables.describe_table().table_name("orders").send().await.unwrap();
}
