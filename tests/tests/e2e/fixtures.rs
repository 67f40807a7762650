//! The two fixtures, a typical table and a huge one, on their whole way: made, captured, sealed, backed up,
//! copied, read back, and their stored settings removed.

use std::collections::BTreeMap;

use backup_chain_aws::seal::OpenError;
use backup_chain_aws::seen::Seen;
use backup_chain_core::esdk::{self, Context, DATA_KEY, DataKey, MESSAGE_ID, Message, WrappedKey};
use backup_chain_core::ids::{PointId, SessionId, TableName};
use backup_chain_core::invoke::{Removal, RetentionRequest, SessionRequest, Which};
use backup_chain_core::metadata::{self, Document, MetadataPlacement, SettingsLocation, place, tags};
use backup_chain_core::point::{CopyFlags, PointKind, PolicyRef, RestorePoint, State};
use backup_chain_core::retention::Guard;
use backup_chain_core::settings::TableSettings;
use backup_chain_core::tier::{Flag, Tier};
use backup_chain_deployed::stack::{ACCOUNT, COPIES, SOURCE, Stack, TARGET, VAULT};
use backup_chain_local::World;
use backup_chain_tests::{apply, assert_agreement, at, deployed, dynamodb, points, tables, vault_tags};

const POLICY: &str = "
name: webshop
sources: {tables: [orders]}
vault: backup-chain
time_zone: Europe/Berlin
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 14 days}}
  weekly: {on: monday, at: [07:00], keep: 4 weeks}
  monthly: {on: first monday, at: [07:00], keep: 6 months}
";

fn fixture(json: &str) -> TableSettings {
    TableSettings::from_bytes(json.as_bytes()).unwrap()
}

async fn typical(world: &World) -> TableSettings {
    tables::keyed(world, fixture(include_str!("../../fixtures/typical.json"))).await.unwrap()
}

fn huge() -> TableSettings {
    fixture(include_str!("../../fixtures/huge.json"))
}

/// The settings as they are captured. AWS tells the warm throughput of every index; where the fixture names none it
/// is the one that the table has too.
fn as_captured(mut settings: TableSettings) -> TableSettings {
    for index in settings.global_indexes.values_mut() {
        index.warm = index.warm.or(settings.warm);
    }
    settings
}

/// The settings that an available point tells, from its tags at AWS Backup and whatever they name.
async fn read_back(world: &World, stack: &Stack, point: &RestorePoint) -> (Document, TableSettings) {
    assert_eq!((point.state(), &point.suspect), (State::Available, &None), "{point:#?}");
    open(world, stack, point).await.unwrap()
}

/// The metadata of a point, from its tags at AWS Backup and whatever they name.
async fn open(
    world: &World,
    stack: &Stack,
    point: &RestorePoint,
) -> Result<(Document, TableSettings), OpenError> {
    let arn = point.recovery_point().unwrap();
    let tags = vault_tags(world, point.vault.region.as_str(), point.vault.name.as_str());
    stack.app().sealer.open(point, &Seen::of_record(point, arn, &tags[arn])).await
}

/// How many tags of a recovery point are parts of its metadata.
fn parts_of(tags: &BTreeMap<String, String>) -> usize {
    tags.keys().filter(|key| key.starts_with(tags::PART)).count()
}

/// The digests that the settings table of a Region holds.
async fn stored(world: &World, region: &str) -> Vec<String> {
    let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, region, "auditor"));
    let items = client
        .scan()
        .table_name("backup-chain-settings")
        .consistent_read(true)
        .send()
        .await
        .unwrap()
        .items
        .unwrap();
    let mut digests: Vec<String> = items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect();
    digests.sort();
    digests
}

async fn backup_and_copy(stack: &Stack, table: &TableName) -> (RestorePoint, RestorePoint) {
    let points = points(stack, table).await;
    assert_eq!(
        points.iter().map(|point| point.kind).collect::<Vec<_>>(),
        [PointKind::Backup, PointKind::Copy],
        "{points:#?}"
    );
    (points[0].clone(), points[1].clone())
}

#[tokio::test(start_paused = true)]
async fn a_typical_table_fits_into_the_tags_and_reads_back_as_it_was_captured() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let typical = typical(&world).await;
    let orders = tables::create(&world, "orders", &typical).await.unwrap();
    tables::surround(&world, &orders, &typical).await.unwrap();
    let captured = stack.app().aws.region(&SOURCE.parse().unwrap()).capture(&orders).await.unwrap();
    let typical = as_captured(typical);
    assert!(captured.settings == typical, "{:?}", captured.settings.changes(&typical));
    assert_eq!((captured.own_tags, captured.warnings.len()), (10, 0));

    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let (backup, copy) = backup_and_copy(&stack, &orders).await;
    assert_eq!(backup.flags.iter().map(|flag| flag.tier.letter()).collect::<String>(), "DWM");
    for (point, region, vault) in [(&backup, SOURCE, VAULT), (&copy, TARGET, COPIES)] {
        let (document, settings) = read_back(&world, &stack, point).await;
        assert!(settings == captured.settings);
        assert!(matches!(document.settings, SettingsLocation::Inline(_)));
        let tags = &vault_tags(&world, region, vault)[point.recovery_point().unwrap()];
        assert!(parts_of(tags) <= 7, "{} parts", parts_of(tags));
        // The ten of the table, the parts, the id and the binding.
        assert_eq!(tags.len(), 10 + parts_of(tags) + 2);
        assert!(stored(&world, region).await.is_empty());
    }
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_huge_table_steps_down_to_the_settings_table_and_reads_back_in_both_regions() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = tables::create(&world, "orders", &huge()).await.unwrap();
    let captured = stack.app().aws.region(&SOURCE.parse().unwrap()).capture(&orders).await.unwrap();
    assert!(
        captured.settings == as_captured(huge()),
        "{:?}",
        captured.settings.changes(&as_captured(huge()))
    );
    assert_eq!((captured.own_tags, captured.warnings.len()), (40, 0));

    apply(&stack, POLICY).await.unwrap();
    world.clear_calls();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let (backup, copy) = backup_and_copy(&stack, &orders).await;
    let digest = captured.settings.digest();
    for (point, region, vault) in [(&backup, SOURCE, VAULT), (&copy, TARGET, COPIES)] {
        let (document, settings) = read_back(&world, &stack, point).await;
        assert_eq!(document.settings, SettingsLocation::Stored(digest));
        assert!(settings == captured.settings);
        assert_eq!(stored(&world, region).await, [digest.to_string()]);
        let tags = &vault_tags(&world, region, vault)[point.recovery_point().unwrap()];
        assert_eq!(tags.len(), 40 + parts_of(tags) + 2);
        // AWS takes 50, and a hold still has room.
        assert!(tags.len() < 50, "{} tags", tags.len());
    }

    // The settings are there before the job that needs them is asked for.
    let calls = world.calls();
    let position = |region: &str, operation: &str, resource: &str| {
        let is_it = |call: &backup_chain_local::Call| {
            call.region == region && call.operation == operation && call.resource.contains(resource)
        };
        calls.iter().position(is_it).unwrap_or_else(|| panic!("no {operation} of {resource} in {region}"))
    };
    assert!(position(SOURCE, "PutItem", "backup-chain-settings") < position(SOURCE, "StartBackupJob", ""));
    assert!(position(TARGET, "PutItem", "backup-chain-settings") < position(SOURCE, "StartCopyJob", ""));
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn stored_settings_are_stored_once_and_stay_until_no_point_names_them() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = tables::create(&world, "orders", &huge()).await.unwrap();
    let daily = POLICY.lines().filter(|line| !line.contains("ly: {on")).collect::<Vec<_>>().join("\n");
    apply(&stack, &daily).await.unwrap();
    let before = stack
        .app()
        .aws
        .region(&SOURCE.parse().unwrap())
        .capture(&orders)
        .await
        .unwrap()
        .settings
        .digest()
        .to_string();
    world.clear_calls();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;

    // Two days, two points and two copies: each Region holds the settings once. They are sealed anew for each
    // point, into the same item, so that one that was tampered with does not spoil later points.
    assert_eq!(points(&stack, &orders).await.len(), 4);
    let writes = |calls: Vec<backup_chain_local::Call>| {
        let of_source = |call: &&backup_chain_local::Call| {
            call.region == SOURCE
                && call.operation == "PutItem"
                && call.resource.contains("backup-chain-settings")
        };
        calls.iter().filter(of_source).count()
    };
    assert_eq!(writes(world.calls()), 2);
    for region in [SOURCE, TARGET] {
        assert_eq!(stored(&world, region).await, std::slice::from_ref(&before));
    }

    // The third day's settings are others. They are stored beside those of the first two.
    let scene = world.scene();
    dynamodb(&world)
        .tag_resource()
        .resource_arn(format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{orders}"))
        .tags(aws_sdk_dynamodb::types::Tag::builder().key("tag-00-invoice").value("changed").build().unwrap())
        .send()
        .await
        .unwrap();
    drop(scene);
    let after = stack
        .app()
        .aws
        .region(&SOURCE.parse().unwrap())
        .capture(&orders)
        .await
        .unwrap()
        .settings
        .digest()
        .to_string();
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    let both = || {
        let mut both = vec![before.clone(), after.clone()];
        both.sort();
        both
    };
    assert_eq!((stored(&world, SOURCE).await, stored(&world, TARGET).await), (both(), both()));

    // Oldest first, the backups before the copies: what is stored in a Region goes with its last point there.
    let all = points(&stack, &orders).await;
    let remove = async |kind: PointKind, number: usize| {
        let point = all.iter().filter(|point| point.kind == kind).nth(number).unwrap();
        let vault = Some(format!("{}/{}", point.vault.region, point.vault.name));
        // Even the newest, at the end.
        let removal = Removal {
            vault,
            override_guards: vec![Guard::Newest],
            reason: Some("the test removes all".to_owned()),
            ..Removal::of(orders.clone(), Which::Point(point.id.clone()))
        };
        let report = stack.retention(RetentionRequest::Remove(removal)).await.unwrap();
        assert_eq!(
            (report.points[0].fate, report.problems.len()),
            (backup_chain_core::retention::PointFate::Removed, 0)
        );
    };
    remove(PointKind::Backup, 0).await;
    assert_eq!((stored(&world, SOURCE).await, stored(&world, TARGET).await), (both(), both()));
    remove(PointKind::Backup, 1).await;
    assert_eq!((stored(&world, SOURCE).await, stored(&world, TARGET).await), (vec![after.clone()], both()));
    remove(PointKind::Copy, 0).await;
    assert_eq!(stored(&world, TARGET).await, both());
    remove(PointKind::Copy, 1).await;
    assert_eq!(
        (stored(&world, SOURCE).await, stored(&world, TARGET).await),
        (vec![after.clone()], vec![after])
    );

    // The points that are left read back as before.
    for point in points(&stack, &orders).await {
        read_back(&world, &stack, &point).await;
    }
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn changed_stored_settings_make_the_point_suspect_and_not_its_copy() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = tables::create(&world, "orders", &huge()).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let (backup, copy) = backup_and_copy(&stack, &orders).await;

    // Somebody puts the sealed bytes of other settings of the same table in their place.
    let tables = vec![orders.to_string()];
    let mut changed = as_captured(huge());
    changed.deletion_protection = true;
    dynamodb(&world)
        .update_table()
        .table_name(orders.as_str())
        .deletion_protection_enabled(true)
        .send()
        .await
        .unwrap();
    stack.session(SessionRequest::backup(tables)).await.unwrap();
    stack.live_until(at("2026-01-05T14:00:00Z")).await;
    let source = &stack.app().aws.source().settings;
    let id = &backup.table.id;
    let others = source.get(id, &changed.digest()).await.unwrap().unwrap();
    source.put(id, backup.settings.as_ref().unwrap(), others).await.unwrap();

    let why = open(&world, &stack, &backup).await.unwrap_err().to_string();
    assert_eq!(why, format!("the settings stored as {} are others", backup.settings.unwrap()));
    assert!(open(&world, &stack, &copy).await.is_ok());

    let stored = source.get(id, &backup.settings.unwrap()).await.unwrap().unwrap();
    source.remove(id, &backup.settings.unwrap(), stored).await.unwrap();
    let why = open(&world, &stack, &backup).await.unwrap_err().to_string();
    assert_eq!(
        why,
        format!("its settings {} are not in the settings table of {SOURCE}", backup.settings.unwrap())
    );
}

/// A document as a session of a policy with three tiers and a copy makes it.
fn document(settings: TableSettings) -> Document {
    let slot = at("2026-11-30T06:00:00Z");
    let flag =
        |tier, span: &str, lapses: &str| Flag { tier, slot, span: span.parse().unwrap(), lapses: at(lapses) };
    Document {
        id: PointId::new(slot, 11),
        table: backup_chain_core::ids::Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e".parse().unwrap(),
        },
        policy: Some(PolicyRef { name: "webshop".parse().unwrap(), revision: 7 }),
        session: SessionId::new(slot, 12),
        slot,
        requested_at: at("2026-11-30T06:00:12Z"),
        time_zone: "Europe/Berlin".to_owned(),
        kind: metadata::DocumentKind::Chain,
        flags: vec![
            flag(Tier::Daily, "3 days", "2026-12-03T06:00:00Z"),
            flag(Tier::Weekly, "4 weeks", "2026-12-28T06:00:00Z"),
            flag(Tier::Monthly, "6 months", "2027-05-30T05:00:00Z"),
        ],
        copies: vec![CopyFlags {
            vault: "arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies".parse().unwrap(),
            flags: vec![flag(Tier::Daily, "14 days", "2026-12-14T06:00:00Z")],
        }],
        settings: SettingsLocation::Inline(Box::new(settings)),
    }
}

/// The whole fixtures, auto scaling included, sealed under a data key that a multi-Region key of KMS wrapped.
#[test]
fn the_whole_fixtures_take_the_tags_that_the_format_promises() {
    // KMS wraps a 32-byte data key into 184 bytes.
    let wrapped = WrappedKey {
        provider: WrappedKey::AWS_KMS.to_owned(),
        key: "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef".to_owned(),
        wrapped: vec![0x5a; 184],
    };
    let context: Context = [
        ("application", "backup-chain"),
        ("account", "111122223333"),
        ("region", "eu-central-1"),
        ("table-id", "0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let data_key = || DataKey::new(&[7; DATA_KEY]).unwrap();
    let seal = |plain: &[u8]| esdk::seal(plain, &context, data_key(), &wrapped, [9; MESSAGE_ID]).unwrap();
    let open = |sealed: &[u8]| Message::parse(sealed).unwrap().open(&data_key()).unwrap();

    let typical = document(fixture(include_str!("../../fixtures/typical.json")));
    let (whole, envelope) = (seal(&typical.pack()), seal(&typical.envelope().pack()));
    assert_eq!(whole.len(), typical.pack().len() + 529);
    assert_eq!(
        place(whole.len(), envelope.len(), 10),
        MetadataPlacement { settings_stored: false, message_stored: false, id: true }
    );
    assert!(tags::parts(whole.len()) <= 7, "{} parts", tags::parts(whole.len()));
    let tags = tags::encode(&typical.id, &whole).unwrap();
    assert_eq!(tags.len(), tags::parts(whole.len()) + 1);
    let read = tags::decode(&tags).unwrap().unwrap();
    assert_eq!(Document::unpack(&open(&read.bytes)).unwrap(), typical);

    let huge = document(huge());
    let (whole, envelope) = (seal(&huge.pack()), seal(&huge.envelope().pack()));
    assert!(whole.len() > tags::MAX_SEALED_BYTES, "{} bytes", whole.len());
    assert_eq!(
        place(whole.len(), envelope.len(), 40),
        MetadataPlacement { settings_stored: true, message_stored: false, id: true }
    );
    let read = Document::unpack(&open(&envelope)).unwrap();
    let SettingsLocation::Inline(settings) = &huge.settings else { panic!("made inline") };
    let item = seal(&settings.pack());
    let stored = TableSettings::unpack(&open(&item)).unwrap();
    assert!(stored == **settings);
    assert_eq!(read.settings, SettingsLocation::Stored(stored.digest()));
    // An item of DynamoDB holds it many times over.
    assert!(item.len() < 400 * 1024 / 8, "{} bytes", item.len());
}
