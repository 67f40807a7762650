//! Keys of tables: how they are named and told, which are refused, and what becomes of a table whose key is gone.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, error::ProvideErrorMetadata, types::TableDescription};
use backup_chain_local::World;

use super::{ACCOUNT, FRANKFURT, IRELAND, dynamo, encrypted, kms_client, new_key, new_table, put, world};

const DAY: Duration = Duration::from_hours(24);

async fn told(client: &Client, name: &str) -> TableDescription {
    client.describe_table().table_name(name).send().await.unwrap().table.unwrap()
}

async fn key_of(client: &Client, name: &str) -> Option<String> {
    told(client, name).await.sse_description.and_then(|told| told.kms_master_key_arn)
}

async fn status(client: &Client, name: &str) -> String {
    told(client, name).await.table_status.unwrap().as_str().to_owned()
}

fn backup(world: &World) -> aws_sdk_backup::Client {
    aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"))
}

/// KMS: an AWS managed key is made when its service first uses it in an account and Region; its key manager is AWS.
#[tokio::test(start_paused = true)]
async fn the_keys_that_aws_manages_are_made_at_their_first_use() {
    let world = world();
    let (client, kms) = (dynamo(&world, ACCOUNT, FRANKFURT), kms_client(&world, FRANKFURT));
    let described = async |alias: &str| kms.describe_key().key_id(alias).send().await;
    for alias in ["alias/aws/dynamodb", "alias/aws/backup"] {
        assert!(described(alias).await.unwrap_err().into_service_error().is_not_found_exception());
    }
    for name in ["one", "two"] {
        new_table(&client, name).sse_specification(encrypted(None)).send().await.unwrap();
    }
    let vault = backup(&world).create_backup_vault().backup_vault_name("vault").send().await.unwrap();
    assert!(vault.backup_vault_arn.is_some());

    let of_tables = described("alias/aws/dynamodb").await.unwrap().key_metadata.unwrap();
    assert_eq!(of_tables.key_manager.unwrap().as_str(), "AWS");
    let arn = of_tables.arn.unwrap();
    assert!(arn.starts_with("arn:aws:kms:eu-central-1:111122223333:key/"), "a key ARN, no alias: {arn}");
    assert_eq!(key_of(&client, "one").await.as_deref(), Some(arn.as_str()));
    assert_eq!(key_of(&client, "two").await.as_deref(), Some(arn.as_str()));
    let vault = backup(&world).describe_backup_vault().backup_vault_name("vault").send().await.unwrap();
    let of_vaults = described("alias/aws/backup").await.unwrap().key_metadata.unwrap();
    assert_eq!(vault.encryption_key_arn, of_vaults.arn);
    assert_ne!(of_vaults.arn.as_deref(), Some(arn.as_str()));

    let policy = kms.get_key_policy().key_id(&arn).send().await.unwrap().policy.unwrap();
    assert!(policy.contains("dynamodb.eu-central-1.amazonaws.com") && policy.contains("kms:ViaService"));
    assert!(kms.get_key_rotation_status().key_id(&arn).send().await.unwrap().key_rotation_enabled);
    let refused = kms.disable_key().key_id(&arn).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"), "nobody manages it but AWS");

    let elsewhere = dynamo(&world, ACCOUNT, IRELAND);
    new_table(&elsewhere, "one").sse_specification(encrypted(None)).send().await.unwrap();
    assert_ne!(key_of(&elsewhere, "one").await, Some(arn), "each Region has its own");
}

/// SSESpecification: "To specify a key, use its key ID, ARN, alias name, or alias ARN"; SSEDescription tells "the KMS
/// key ARN".
#[tokio::test(start_paused = true)]
async fn a_key_may_be_named_in_four_ways_and_is_told_as_its_arn() {
    let world = world();
    let (client, kms) = (dynamo(&world, ACCOUNT, FRANKFURT), kms_client(&world, FRANKFURT));
    let (id, arn) = new_key(&world, FRANKFURT).await;
    kms.create_alias().alias_name("alias/mine").target_key_id(&id).send().await.unwrap();
    let alias_arn = "arn:aws:kms:eu-central-1:111122223333:alias/mine";
    for (number, named) in [id.as_str(), &arn, "alias/mine", alias_arn].into_iter().enumerate() {
        let name = format!("table-{number}");
        new_table(&client, &name).sse_specification(encrypted(Some(named))).send().await.unwrap();
        assert_eq!(key_of(&client, &name).await.as_ref(), Some(&arn), "{named}");
    }
    new_table(&client, "plain").send().await.unwrap();
    let change = client.update_table().table_name("plain").sse_specification(encrypted(Some("alias/mine")));
    change.send().await.unwrap();
    assert_eq!(key_of(&client, "plain").await, Some(arn));
}

/// Reports show how DynamoDB hands on what KMS says: "KMS validation error: … NotFoundException: Key '…' does not
/// exist".
#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_used_is_refused() {
    let world = world();
    let (client, kms) = (dynamo(&world, ACCOUNT, FRANKFURT), kms_client(&world, FRANKFURT));
    new_table(&client, "there").send().await.unwrap();
    let (disabled, _) = new_key(&world, FRANKFURT).await;
    kms.disable_key().key_id(&disabled).send().await.unwrap();
    let (going, _) = new_key(&world, FRANKFURT).await;
    kms.schedule_key_deletion().key_id(&going).pending_window_in_days(7).send().await.unwrap();
    let (_, elsewhere) = new_key(&world, IRELAND).await;
    for (key, code) in [
        ("alias/none", "NotFoundException"),
        ("arn:aws:kms:eu-central-1:111122223333:key/none", "NotFoundException"),
        (&elsewhere, "NotFoundException"),
        (&disabled, "DisabledException"),
        (&going, "KMSInvalidStateException"),
    ] {
        let made = new_table(&client, "new").sse_specification(encrypted(Some(key))).send().await;
        let changed = client.update_table().table_name("there").sse_specification(encrypted(Some(key)));
        let errors = [
            made.unwrap_err().into_service_error().meta().clone(),
            changed.send().await.unwrap_err().into_service_error().meta().clone(),
        ];
        for error in errors {
            assert_eq!(error.code(), Some("ValidationException"), "{key}");
            let message = error.message().unwrap();
            assert!(message.starts_with("KMS validation error: ") && message.contains(code), "{message}");
        }
    }
    assert!(client.describe_table().table_name("new").send().await.is_err());
    assert_eq!(key_of(&client, "there").await, None);
}

/// A table under a key of the customer's, an item in it, and a vault.
async fn locked(world: &World) -> (Client, String) {
    let client = dynamo(world, ACCOUNT, FRANKFURT);
    let (id, _) = new_key(world, FRANKFURT).await;
    new_table(&client, "rows").sse_specification(encrypted(Some(&id))).send().await.unwrap();
    put(&client, "rows", "a", "1").await;
    backup(world).create_backup_vault().backup_vault_name("vault").send().await.unwrap();
    world.put_service_role(ACCOUNT, "backup").unwrap();
    (client, id)
}

/// A backup of the table, some minutes later: its state and what it says.
async fn backed_up(world: &World) -> (String, String) {
    let backup = backup(world);
    let started = backup
        .start_backup_job()
        .backup_vault_name("vault")
        .resource_arn(format!("arn:aws:dynamodb:{FRANKFURT}:{ACCOUNT}:table/rows"))
        .iam_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/backup"))
        .send()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let id = started.backup_job_id.unwrap();
    let job = backup.describe_backup_job().backup_job_id(id).send().await.unwrap();
    (job.state.unwrap().as_str().to_owned(), job.status_message.unwrap_or_default())
}

/// TableStatus INACCESSIBLE_ENCRYPTION_CREDENTIALS, and "this attribute will automatically be cleared when DynamoDB
/// detects that the table's KMS key is accessible again".
#[tokio::test(start_paused = true)]
async fn a_disabled_key_locks_its_table_and_an_enabled_one_opens_it() {
    let world = world();
    let (client, key) = locked(&world).await;
    let kms = kms_client(&world, FRANKFURT);
    for scheduled in [false, true] {
        assert_eq!(backed_up(&world).await.0, "COMPLETED");
        if scheduled {
            kms.schedule_key_deletion().key_id(&key).send().await.unwrap();
        } else {
            kms.disable_key().key_id(&key).send().await.unwrap();
        }
        assert_eq!(status(&client, "rows").await, "ACTIVE", "not noticed yet");
        tokio::time::sleep(Duration::from_mins(5)).await;
        let table = told(&client, "rows").await;
        assert_eq!(table.table_status.unwrap().as_str(), "INACCESSIBLE_ENCRYPTION_CREDENTIALS");
        let since = table.sse_description.unwrap().inaccessible_encryption_date_time.unwrap();
        assert_eq!(since.secs(), world.now().as_second());
        let denied = client.scan().table_name("rows").send().await.unwrap_err();
        assert_eq!(denied.code(), Some("AccessDeniedException"));
        let (state, message) = backed_up(&world).await;
        assert_eq!(state, "FAILED");
        assert!(message.starts_with("KMS key is either disabled or pending deletion"), "{message}");
        let change = client.update_table().table_name("rows").deletion_protection_enabled(true).send().await;
        assert_eq!(change.unwrap_err().code(), Some("ResourceInUseException"));

        tokio::time::sleep(6 * DAY).await;
        if scheduled {
            kms.cancel_key_deletion().key_id(&key).send().await.unwrap();
        }
        kms.enable_key().key_id(&key).send().await.unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(status(&client, "rows").await, "ACTIVE");
        assert_eq!(client.scan().table_name("rows").send().await.unwrap().count, 1);
        let sse = told(&client, "rows").await.sse_description.unwrap();
        assert_eq!(sse.inaccessible_encryption_date_time, None);
    }
}

/// SSEDescription: "DynamoDB will initiate the table archival process when table's KMS key remains inaccessible for
/// more than seven days"; ArchivalSummary: to restore to the same name, "you will need to delete the original table".
#[tokio::test(start_paused = true)]
async fn a_table_whose_key_stays_away_for_a_week_is_archived() {
    let world = world();
    let (client, key) = locked(&world).await;
    let kms = kms_client(&world, FRANKFURT);
    kms.disable_key().key_id(&key).send().await.unwrap();
    tokio::time::sleep(7 * DAY + Duration::from_mins(5)).await;
    assert_eq!(status(&client, "rows").await, "ARCHIVING");
    // The key comes back too late, and nobody looked at the table in between.
    kms.enable_key().key_id(&key).send().await.unwrap();
    tokio::time::sleep(DAY).await;
    let table = told(&client, "rows").await;
    assert_eq!(table.table_status.unwrap().as_str(), "ARCHIVED");
    let archived = table.archival_summary.unwrap();
    assert_eq!(archived.archival_reason.as_deref(), Some("INACCESSIBLE_ENCRYPTION_CREDENTIALS"));
    assert!(archived.archival_backup_arn.unwrap().contains(":table/rows/backup/"));
    let gone = client.scan().table_name("rows").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("ResourceNotFoundException"));
    assert_eq!(backed_up(&world).await, ("FAILED".to_owned(), "Table is archived.".to_owned()));
    client.delete_table().table_name("rows").send().await.unwrap();
    new_table(&client, "rows").send().await.unwrap();
    assert_eq!(status(&client, "rows").await, "ACTIVE");
}

/// A point of a table whose key is gone is restored under another key, and fails under its own.
#[tokio::test(start_paused = true)]
async fn a_restore_needs_a_key_that_can_be_used() {
    let world = world();
    let (client, key) = locked(&world).await;
    assert_eq!(backed_up(&world).await.0, "COMPLETED");
    let kms = kms_client(&world, FRANKFURT);
    kms.disable_key().key_id(&key).send().await.unwrap();
    let backup = backup(&world);
    let points =
        backup.list_recovery_points_by_backup_vault().backup_vault_name("vault").send().await.unwrap();
    let point = points.recovery_points()[0].recovery_point_arn().unwrap();
    let restored = async |name: &str, encryption: Option<&str>| {
        let mut start = backup
            .start_restore_job()
            .recovery_point_arn(point)
            .iam_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/backup"))
            .metadata("targetTableName", name);
        if let Some(encryption) = encryption {
            start = start.metadata("encryptionType", encryption);
        }
        let id = start.send().await.unwrap().restore_job_id.unwrap();
        tokio::time::sleep(Duration::from_mins(30)).await;
        let job = backup.describe_restore_job().restore_job_id(id).send().await.unwrap();
        (job.status.unwrap().as_str().to_owned(), job.created_resource_arn)
    };
    assert_eq!(restored("again", None).await, ("FAILED".to_owned(), None));
    let native = client.restore_table_from_backup().backup_arn(point).target_table_name("again");
    assert_eq!(native.send().await.unwrap_err().code(), Some("ValidationException"));
    let (state, arn) = restored("again", Some("KMS")).await;
    assert_eq!((state.as_str(), arn), ("COMPLETED", told(&client, "again").await.table_arn));
    let managed = kms.describe_key().key_id("alias/aws/dynamodb").send().await.unwrap();
    assert_eq!(key_of(&client, "again").await, managed.key_metadata.unwrap().arn);
}
