//! KMS: encryption contexts, multi-Region keys, key states, sizes.

use std::time::Duration;

use aws_sdk_kms::{
    Client,
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{DataKeySpec, KeyMetadata, KeyState, MultiRegionKeyType},
};
use proptest::{prelude::*, test_runner::Config};

use super::{FRANKFURT, IRELAND, kms_client, world};

async fn key(client: &Client, multi_region: bool) -> KeyMetadata {
    client.create_key().multi_region(multi_region).send().await.unwrap().key_metadata.unwrap()
}

async fn data_key(client: &Client, key: &str, table: &str) -> (Vec<u8>, Vec<u8>) {
    let made = client
        .generate_data_key()
        .key_id(key)
        .key_spec(DataKeySpec::Aes256)
        .encryption_context("application", "backup-chain")
        .encryption_context("table-id", table)
        .send()
        .await
        .unwrap();
    (made.plaintext.unwrap().into_inner(), made.ciphertext_blob.unwrap().into_inner())
}

async fn open(client: &Client, key: Option<&str>, blob: &[u8], table: &str) -> Result<Vec<u8>, String> {
    let opened = client
        .decrypt()
        .set_key_id(key.map(str::to_owned))
        .ciphertext_blob(Blob::new(blob))
        .encryption_context("table-id", table)
        .encryption_context("application", "backup-chain")
        .send()
        .await;
    match opened {
        Ok(opened) => Ok(opened.plaintext.unwrap().into_inner()),
        Err(error) => Err(error.code().unwrap().to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_data_key_opens_under_its_key_and_context_alone() {
    let world = world();
    let client = kms_client(&world, FRANKFURT);
    let (ours, other) = (key(&client, false).await.key_id, key(&client, false).await.key_id);
    let (plaintext, blob) = data_key(&client, &ours, "t1").await;
    assert_eq!((plaintext.len(), blob.len()), (32, 184), "AWS's own sizes");
    assert_eq!(open(&client, Some(&ours), &blob, "t1").await, Ok(plaintext.clone()));
    assert_eq!(open(&client, None, &blob, "t1").await, Ok(plaintext));
    assert_eq!(open(&client, None, &blob, "t2").await, Err("InvalidCiphertextException".into()));
    assert_eq!(open(&client, Some(&other), &blob, "t1").await, Err("IncorrectKeyException".into()));
    assert_eq!(open(&client, None, &blob[..20], "t1").await, Err("InvalidCiphertextException".into()));
    let elsewhere = kms_client(&world, IRELAND);
    assert_eq!(open(&elsewhere, None, &blob, "t1").await, Err("AccessDeniedException".into()));
}

#[test]
fn a_blob_changed_anywhere_does_not_open() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _guard = runtime.enter();
    let world = world();
    let client = kms_client(&world, FRANKFURT);
    let (id, blob) = runtime.block_on(async {
        let id = key(&client, true).await.key_id;
        let (_, blob) = data_key(&client, &id, "t1").await;
        (id, blob)
    });
    proptest!(Config::with_cases(64), |(at in 0..blob.len(), bit in 0..8u8)| {
        let mut changed = blob.clone();
        changed[at] ^= 1 << bit;
        let opened = runtime.block_on(open(&client, Some(&id), &changed, "t1"));
        prop_assert!(opened.is_err(), "bit {} of byte {}", bit, at);
    });
}

#[tokio::test(start_paused = true)]
async fn a_replica_opens_what_the_primary_sealed_and_back() {
    let world = world();
    let (here, there) = (kms_client(&world, FRANKFURT), kms_client(&world, IRELAND));
    let primary = key(&here, true).await;
    assert!(primary.key_id.starts_with("mrk-"));
    let replica = here.replicate_key().key_id(&primary.key_id).replica_region(IRELAND).send().await.unwrap();
    let replica = replica.replica_key_metadata.unwrap();
    assert_eq!(replica.key_id, primary.key_id);
    assert_eq!(replica.arn.unwrap(), primary.arn.unwrap().replace(FRANKFURT, IRELAND));

    let (sealed_here, sealed_there) =
        (data_key(&here, &primary.key_id, "t").await, data_key(&there, &primary.key_id, "t").await);
    assert_eq!(open(&there, Some(&primary.key_id), &sealed_here.1, "t").await, Ok(sealed_here.0));
    assert_eq!(open(&here, None, &sealed_there.1, "t").await, Ok(sealed_there.0));

    let told = there.describe_key().key_id(&primary.key_id).send().await.unwrap().key_metadata.unwrap();
    let regions = told.multi_region_configuration.unwrap();
    assert_eq!(regions.multi_region_key_type, Some(MultiRegionKeyType::Replica));
    assert_eq!(regions.primary_key.unwrap().region.as_deref(), Some(FRANKFURT));
    let twice =
        here.replicate_key().key_id(&primary.key_id).replica_region(IRELAND).send().await.unwrap_err();
    assert_eq!(twice.code(), Some("AlreadyExistsException"));
    let single = key(&here, false).await.key_id;
    let refused = here.replicate_key().key_id(single).replica_region(IRELAND).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("UnsupportedOperationException"));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_key_does_nothing() {
    let world = world();
    let client = kms_client(&world, FRANKFURT);
    let id = key(&client, false).await.key_id;
    let (plaintext, blob) = data_key(&client, &id, "t").await;
    client.disable_key().key_id(&id).send().await.unwrap();
    assert_eq!(open(&client, Some(&id), &blob, "t").await, Err("DisabledException".into()));
    client.enable_key().key_id(&id).send().await.unwrap();
    assert_eq!(open(&client, Some(&id), &blob, "t").await, Ok(plaintext));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_gone_after_its_window_unless_canceled() {
    let world = world();
    let client = kms_client(&world, FRANKFURT);
    let id = key(&client, false).await.key_id;
    let schedule = |days: i32| client.schedule_key_deletion().key_id(&id).pending_window_in_days(days).send();
    assert_eq!(schedule(6).await.unwrap_err().code(), Some("ValidationException"));
    let told = schedule(7).await.unwrap();
    assert_eq!(told.key_state, Some(KeyState::PendingDeletion));
    assert_eq!(told.deletion_date.unwrap().secs(), world.next_at().unwrap().as_second());
    let refused =
        client.generate_data_key().key_id(&id).key_spec(DataKeySpec::Aes256).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("KMSInvalidStateException"));
    client.cancel_key_deletion().key_id(&id).send().await.unwrap();
    let told = client.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(told.key_state, Some(KeyState::Disabled));

    schedule(7).await.unwrap();
    tokio::time::advance(Duration::from_secs(7 * 86_400)).await;
    let gone = client.describe_key().key_id(&id).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn a_primary_waits_for_its_replicas() {
    let world = world();
    let (here, there) = (kms_client(&world, FRANKFURT), kms_client(&world, IRELAND));
    let id = key(&here, true).await.key_id;
    here.replicate_key().key_id(&id).replica_region(IRELAND).send().await.unwrap();
    let told = here.schedule_key_deletion().key_id(&id).pending_window_in_days(7).send().await.unwrap();
    assert_eq!(told.key_state, Some(KeyState::PendingReplicaDeletion));
    there.schedule_key_deletion().key_id(&id).pending_window_in_days(7).send().await.unwrap();
    tokio::time::advance(Duration::from_secs(7 * 86_400)).await;
    let told = here.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(told.key_state, Some(KeyState::PendingDeletion));
    tokio::time::advance(Duration::from_secs(7 * 86_400)).await;
    assert!(here.describe_key().key_id(&id).send().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_found_by_its_alias() {
    let world = world();
    let client = kms_client(&world, FRANKFURT);
    let id = key(&client, false).await.key_id;
    client.create_alias().alias_name("alias/metadata").target_key_id(&id).send().await.unwrap();
    let (plaintext, blob) = data_key(&client, "alias/metadata", "t").await;
    assert_eq!(open(&client, Some("alias/metadata"), &blob, "t").await, Ok(plaintext));
    let listed = client.list_aliases().send().await.unwrap().aliases.unwrap();
    assert_eq!(listed[0].target_key_id.as_ref(), Some(&id));
    let missing = client.describe_key().key_id("alias/missing").send().await.unwrap_err();
    assert_eq!(missing.code(), Some("NotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn small_secrets_are_encrypted_directly() {
    let world = world();
    let client = kms_client(&world, FRANKFURT);
    let id = key(&client, false).await.key_id;
    let sealed = client.encrypt().key_id(&id).plaintext(Blob::new("secret")).send().await.unwrap();
    let opened = client.decrypt().ciphertext_blob(sealed.ciphertext_blob.unwrap()).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().into_inner(), b"secret");
    let large = client.encrypt().key_id(&id).plaintext(Blob::new([0; 4097])).send().await.unwrap_err();
    assert_eq!(large.code(), Some("ValidationException"));
    client.enable_key_rotation().key_id(&id).send().await.unwrap();
    assert!(client.get_key_rotation_status().key_id(&id).send().await.unwrap().key_rotation_enabled);
}
