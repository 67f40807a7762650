//! No captured setting is readable where we write: tags, catalog, settings table, logs, errors, replies.
//!
//! Every captured setting that can hold a text holds a canary, except the table's own tags, which AWS itself
//! copies in clear. Tables live through a good session, warnings, failures, suspect points, copies and
//! retention; then everything that was written is searched, packed and base64 forms included.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types as aws;
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, From, Removal, RetentionRequest, SessionRequest, Wanted, Which};
use backup_chain_core::metadata::{pack, tags};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::restore::{Choices, Feature, Key, Stage};
use backup_chain_core::session::Status;
use backup_chain_core::settings::TableSettings;
use backup_chain_deployed::stack::{ACCOUNT, COPIES, RESTORE, SOURCE, Schedules, Stack, TARGET, VAULT};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::logs::Log;
use backup_chain_tests::{all_points, apply, at, deployed_with, dynamodb, tables, vault_tags};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use tracing::level_filters::LevelFilter;

const CANARY: &str = "xCANARYx";

const POLICY: &str = "
name: webshop
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 1 day, copy: {keep: 1 day}}
";

/// Settings with a canary wherever a text can stand, a key, whose id is a canary too, and so many global indexes.
fn settings(key: &str, indexes: usize, own_tags: &[(&str, &str)]) -> TableSettings {
    let name = |what: &str| format!("{what} {CANARY}");
    let encryption = key;
    let key = |hash: &str, range: &str| serde_json::json!({"hash": [name(hash)], "range": [name(range)]});
    let global = |number: usize| {
        // No two of them are alike, so that they do not compress away.
        let noise = |seed: usize| {
            (0..6).map(|word| format!("{:x}", (seed + 7) * (word + 31) * 2_654_435_761)).collect::<String>()
        };
        let also: Vec<String> =
            (0..4).map(|field| format!("field{CANARY}{}", noise(number * 8 + field))).collect();
        let index = serde_json::json!({"keys": key("customer", "status"), "projection": {"INCLUDE": also}});
        (format!("{CANARY}-index-{number}"), index)
    };
    let local = serde_json::json!({
        "keys": key("order", "status"), "projection": {"INCLUDE": [name("local field")]},
    });
    let json = serde_json::json!({
        "attributes": {name("order"): "S", name("customer"): "S", name("status"): "S"},
        "keys": key("order", "customer"),
        "local": {format!("{CANARY}-local"): local},
        "global": (0..indexes).map(global).collect::<serde_json::Map<_, _>>(),
        "sse": {"key": encryption},
        "ttl": {"attribute": name("expires")},
        "tags": own_tags.iter().copied().collect::<BTreeMap<_, _>>(),
    });
    serde_json::from_value(json).unwrap()
}

/// Everything that was written somewhere, with the place.
#[derive(Default)]
struct Found(Vec<(String, Vec<u8>)>);

impl Found {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    /// The places at which a canary can be read: as it is, in base64, or packed.
    fn readable(&self, canaries: &[&str]) -> Vec<&str> {
        self.0.iter().filter(|(_, bytes)| reveals(bytes, canaries)).map(|(place, _)| place.as_str()).collect()
    }
}

fn reveals(bytes: &[u8], canaries: &[&str]) -> bool {
    let shows = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        canaries.iter().any(|canary| text.contains(canary))
    };
    let unpacked = |bytes: &[u8]| pack::inflate(bytes).is_ok_and(|text| shows(&text));
    let decoded = STANDARD.decode(bytes.trim_ascii()).ok();
    shows(bytes) || unpacked(bytes) || decoded.is_some_and(|bytes| shows(&bytes) || unpacked(&bytes))
}

/// Collects what a deployment has written at AWS: the tags of its recovery points, and every attribute of every
/// item of its tables, as they are stored.
async fn written(world: &World) -> Found {
    let mut found = Found::default();
    for (region, vault) in [(SOURCE, VAULT), (TARGET, COPIES)] {
        for (arn, tags) in vault_tags(world, region, vault) {
            if let Ok(Some(sealed)) = tags::decode(&tags) {
                found.add(format!("sealed message of {arn}"), sealed.bytes);
            }
            for (key, value) in tags {
                found.add(format!("name of tag {key} of {arn}"), key.as_str());
                found.add(format!("tag {key} of {arn}"), value);
            }
        }
    }
    for (region, table) in [
        (SOURCE, "backup-chain-catalog"),
        (SOURCE, "backup-chain-settings"),
        (TARGET, "backup-chain-settings"),
    ] {
        let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, region, "auditor"));
        let items = client.scan().table_name(table).send().await.unwrap();
        assert!(items.last_evaluated_key.is_none(), "one page holds all");
        for item in items.items.unwrap() {
            let place = format!("{table} in {region}, item {:?}", item["sk"]);
            for (name, value) in item {
                attribute(&mut found, &format!("{place}, {name}"), &value);
            }
        }
    }
    found
}

fn attribute(found: &mut Found, place: &str, value: &aws::AttributeValue) {
    match value {
        aws::AttributeValue::S(text) => found.add(place, text.as_str()),
        aws::AttributeValue::B(bytes) => found.add(place, bytes.as_ref()),
        aws::AttributeValue::L(all) => all.iter().for_each(|value| attribute(found, place, value)),
        aws::AttributeValue::M(all) => all.iter().for_each(|(name, value)| {
            found.add(place, name.as_str());
            attribute(found, place, value);
        }),
        other => found.add(place, format!("{other:?}")),
    }
}

/// Records what is logged on this thread, at the most that can be asked of it.
fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    Log::listen(LevelFilter::TRACE)
}

/// Adds every line of a log to what is searched.
fn search(log: &Log, found: &mut Found) {
    // What the embedded AWS says of the calls that it gets is no log of ours.
    for line in log.text().lines().filter(|line| !line.contains("\"module\":\"backup_chain_local::world\"")) {
        found.add(format!("log: {}", line.chars().take(300).collect::<String>()), line);
    }
}

/// A deployment with few ticks: at this level each of them is a long read.
async fn deployment() -> (World, Stack) {
    let schedules = Schedules { tick: SignedDuration::from_mins(30), ..Schedules::default() };
    deployed_with("2026-01-05T00:00:00Z", schedules).await
}

/// A deployment, its tables, and everything that was answered and shown.
struct Story {
    world: World,
    stack: Stack,
    said: Found,
    /// The id of the key that encrypts the tables.
    key: String,
    /// Fits into tags.
    small: TableName,
    /// Steps down to the settings table.
    large: TableName,
    /// Has so many tags of its own that ours find no room.
    full: TableName,
    /// Is dropped before its backup starts.
    doomed: TableName,
}

impl Story {
    async fn begin() -> Self {
        let (world, stack) = deployment().await;
        let key = tables::key(&world).await.unwrap();
        let id = key.rsplit('/').next().unwrap().to_owned();
        let many: Vec<String> = (0..48).map(|number| format!("team-{number}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "shop")).collect();
        let small = tables::create(&world, "app-small", &settings(&key, 1, &[])).await.unwrap();
        let large = tables::create(&world, "app-large", &settings(&key, 18, &[])).await.unwrap();
        let full = tables::create(&world, "app-full", &settings(&key, 1, &many)).await.unwrap();
        let doomed = tables::create(&world, "app-doomed", &settings(&key, 1, &[])).await.unwrap();
        let mut said = Found::default();
        for table in [&small, &large, &full, &doomed] {
            let captured = stack.app().aws.region(&SOURCE.parse().unwrap()).capture(table).await.unwrap();
            let text = String::from_utf8(captured.settings.to_bytes()).unwrap();
            assert!(text.matches(CANARY).count() > 12, "the canary is captured");
            said.add("debug form of captured settings", format!("{captured:?}"));
        }
        said.add("reply", serde_json::to_vec(&apply(&stack, POLICY).await.unwrap()).unwrap());
        Self { world, stack, said, key: id, small, large, full, doomed }
    }

    /// The points of a table in all states, by kind.
    async fn of(&self, table: &TableName, kind: PointKind) -> Vec<RestorePoint> {
        let mut points = all_points(&self.stack, table).await;
        points.retain(|point| point.kind == kind);
        points
    }

    /// One day: two tables are backed up and copied with warnings, two fail.
    async fn warnings_and_failures(&mut self) {
        // A part that may not be read, and a tag whose name is reserved.
        let deny = FaultRule::new("dynamodb", "DescribeContinuousBackups", Fault::Deny);
        self.world.inject(deny.resource("app-small").times(1));
        let application = dynamodb(&self.world);
        let reserved = aws::Tag::builder().key("backup-chain/own").value("1").build().unwrap();
        let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{}", self.large);
        application.tag_resource().resource_arn(arn).tags(reserved).send().await.unwrap();
        // There is no room for jobs: the table waits, and is gone when its turn comes.
        self.stack.reconfigure(|deployment| deployment.backups_in_flight = 0);
        self.stack.live_until(at("2026-01-05T07:01:00Z")).await;
        assert_eq!(self.of(&self.doomed, PointKind::Backup).await[0].state(), State::Planned);
        application.delete_table().table_name(self.doomed.as_str()).send().await.unwrap();
        self.stack.reconfigure(|deployment| deployment.backups_in_flight = 250);
        self.stack.session(SessionRequest::Tick {}).await.unwrap();
        // While its backup runs, a table loses an index.
        let index = format!("{CANARY}-index-0");
        let delete = aws::DeleteGlobalSecondaryIndexAction::builder().index_name(index).build().unwrap();
        let delete = aws::GlobalSecondaryIndexUpdate::builder().delete(delete).build();
        let update = application.update_table().table_name(self.large.as_str());
        update.global_secondary_index_updates(delete).send().await.unwrap();
        self.stack.live_until(at("2026-01-05T12:00:00Z")).await;

        let first = async |table| self.of(table, PointKind::Backup).await.remove(0);
        let (small, large) = (first(&self.small).await, first(&self.large).await);
        assert!(
            small.state() == State::Available && !small.settings_stored && small.warnings.len() == 1,
            "{small:#?}"
        );
        assert!(
            large.state() == State::Available && large.settings_stored && large.warnings.len() == 2,
            "{large:#?}"
        );
        let (full, doomed) = (first(&self.full).await, first(&self.doomed).await);
        assert!(full.state() == State::Available && full.message_stored, "{full:#?}");
        assert!(
            doomed.state() == State::Failed && doomed.reason().unwrap().contains("was dropped before"),
            "{doomed:#?}"
        );
        for table in [&self.small, &self.large, &self.full] {
            assert_eq!(self.of(table, PointKind::Copy).await[0].state(), State::Available);
        }
        assert_eq!(self.stack.app().catalog.sessions().await.unwrap()[0].status, Status::Failed);
    }

    /// Tags that were swapped between points, stored settings that are others: retention finds them.
    async fn suspects_and_removals(&mut self) {
        self.stack.live_until(at("2026-01-06T12:00:00Z")).await;
        let small = self.of(&self.small, PointKind::Backup).await;
        let tags = vault_tags(&self.world, SOURCE, VAULT);
        let arn = |number: usize| small[number].recovery_point().cloned().unwrap();
        assert!(
            self.world.with_backup(|backup| backup.overwrite_tags(arn(0).as_str(), tags[&arn(1)].clone()))
        );
        let large = self.of(&self.large, PointKind::Backup).await;
        let digest = |number: usize| large[number].settings.unwrap();
        let store = self.stack.app().aws.source();
        let sealed = store.settings.get(&large[0].table.id, &digest(1)).await.unwrap().unwrap();
        store.settings.put(&large[0].table.id, &digest(0), sealed).await.unwrap();

        self.stack.live_until(at("2026-01-08T12:00:00Z")).await;
        for table in [&self.small, &self.large] {
            let backups = self.of(table, PointKind::Backup).await;
            assert_eq!(backups.iter().filter(|point| point.suspect.is_some()).count(), 1, "{backups:#?}");
            for kind in [PointKind::Backup, PointKind::Copy] {
                assert!(self.of(table, kind).await.iter().any(|point| point.state() == State::Deleted));
            }
        }
        for (_, report) in &self.stack.reports() {
            self.said.add("retention report", serde_json::to_vec(report).unwrap());
        }
    }

    /// A table is restored beside itself, with what faces outward; a step comes to nothing.
    async fn restores(&mut self) {
        let point = self
            .of(&self.small, PointKind::Backup)
            .await
            .into_iter()
            .rev()
            .find(RestorePoint::is_counted)
            .unwrap();
        let wanted = Wanted {
            table: self.small.clone(),
            from: From::Point(point.id),
            vault: Some(format!("{SOURCE}/{VAULT}")),
            name: Some("app-again".parse().unwrap()),
            region: None,
        };
        let ask = |choices| Ask { tables: vec![wanted.clone()], choices, ..Ask::default() };
        let kms = aws_sdk_kms::Client::new(&self.world.sdk_config(ACCOUNT, SOURCE, "operator"));
        kms.disable_key().key_id(&self.key).send().await.unwrap();
        let refused = self.stack.restore(ask(Choices::default())).await.unwrap_err().to_string();
        assert!(refused.contains("enable it"), "{refused}");
        kms.enable_key().key_id(&self.key).send().await.unwrap();
        self.said.add("error of a restore", refused);
        let with = Feature::ALL.into();
        let choices = Choices { encryption: Some(Key::AwsOwned), with, ..Choices::default() };
        self.world.inject(FaultRule::new("dynamodb", "UpdateTimeToLive", Fault::Deny).caller(RESTORE));
        let told = self.stack.restore(ask(choices)).await.unwrap();
        self.stack.live_until(at("2026-01-08T13:00:00Z")).await;
        let restore = self.stack.app().catalog.restore(&told[0].restore.id).await.unwrap().unwrap();
        assert_eq!(restore.stage, Stage::Warning, "{restore:#?}");
        self.said.add("debug form of a restore", format!("{restore:?}"));
        self.said.add("debug form of a plan", format!("{:?}", told[0].left));
    }

    /// Requests by hand, some of them refused.
    async fn by_hand(&mut self) {
        for table in [&self.small, &self.large] {
            for point in self.of(table, PointKind::Backup).await {
                let vault = Some(format!("{SOURCE}/{VAULT}"));
                let which = Which::Point(point.id.clone());
                let removal = Removal { vault, dry_run: true, ..Removal::of(table.clone(), which) };
                match self.stack.retention(RetentionRequest::Remove(removal)).await {
                    Ok(report) => self.said.add("retention report", serde_json::to_vec(&report).unwrap()),
                    Err(error) => self.said.add("error of a removal", error.to_string()),
                }
                self.said.add("debug form of a record", format!("{point:?}"));
            }
        }
        let tables = vec![self.small.to_string(), self.doomed.to_string(), "no-such".to_owned()];
        let reply = self.stack.session(SessionRequest::backup(tables)).await.unwrap();
        self.said.add("reply", serde_json::to_vec(&reply).unwrap());
        self.stack.live_until(at("2026-01-08T14:00:00Z")).await;
        let request = RetentionRequest::Remove(Removal::of(self.small.clone(), Which::Manual));
        let report = self.stack.retention(request).await.unwrap();
        assert_eq!(report.points.len(), 1);
        self.said.add("retention report", serde_json::to_vec(&report).unwrap());
        let wrong = POLICY.replace("daily:", "fortnightly:");
        self.said.add("error of a policy", apply(&self.stack, &wrong).await.unwrap_err().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn no_captured_setting_is_readable_where_we_write() {
    let (log, listening) = listen();
    let mut story = Box::pin(Story::begin()).await;
    Box::pin(story.warnings_and_failures()).await;
    Box::pin(story.suspects_and_removals()).await;
    Box::pin(story.restores()).await;
    Box::pin(story.by_hand()).await;
    drop(listening);

    let mut said = std::mem::take(&mut story.said);
    for text in [
        "session ended",
        "restore point failed",
        "restore point is suspect",
        "retention ran",
        "restore ended",
    ] {
        assert!(log.text().contains(text), "not heard in the log: {text}");
    }
    // The SDK is heard as well.
    assert!(log.text().contains("aws_smithy_runtime"));
    search(&log, &mut said);
    for line in story.stack.measured() {
        said.add("measured", line);
    }
    let written = written(&story.world).await;
    assert!(written.0.len() > 300 && said.0.len() > 100, "{} {}", written.0.len(), said.0.len());
    let canaries = [CANARY, &story.key];
    assert_eq!(written.readable(&canaries), [""; 0]);
    assert_eq!(said.readable(&canaries), [""; 0]);
}

/// The search would find it: in each of those places, put there by names, which are no secret, or by hand.
#[tokio::test(start_paused = true)]
async fn a_canary_that_is_readable_is_found_everywhere() {
    let (log, listening) = listen();
    let (world, mut stack) = deployment().await;
    let key = tables::key(&world).await.unwrap();
    let all = settings(&key, 18, &[("team", CANARY)]);
    let table = tables::create(&world, &format!("app-{CANARY}"), &all).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let mut said = Found::default();
    let report = stack
        .retention(RetentionRequest::Remove(Removal {
            dry_run: true,
            ..Removal::of(table.clone(), Which::Manual)
        }))
        .await
        .unwrap();
    said.add("retention report", serde_json::to_vec(&report).unwrap());
    let point = all_points(&stack, &table).await.remove(0);
    let which = Which::Point(point.id.clone());
    let removal =
        Removal { vault: Some("none".to_owned()), dry_run: true, ..Removal::of(table.clone(), which) };
    said.add(
        "error of a removal",
        stack.retention(RetentionRequest::Remove(removal)).await.unwrap_err().to_string(),
    );
    said.add("debug form of a record", format!("{point:?}"));
    drop(listening);
    assert_eq!(said.readable(&[CANARY]), ["error of a removal", "debug form of a record"]);

    let mut logged = Found::default();
    search(&log, &mut logged);
    assert!(logged.readable(&[CANARY]).iter().any(|line| line.contains("restore point available")));

    let places = async || {
        let written = written(&world).await;
        let found = written.readable(&[CANARY]).into_iter().map(str::to_owned).collect::<Vec<_>>();
        move |part: &str| found.iter().filter(|place| place.contains(part)).count()
    };
    let found = places().await;
    // The table's own tag, on the point and on its copy; never in what is sealed.
    assert_eq!((found("tag team of arn"), found("sealed"), found("backup-chain-settings")), (2, 0, 0));
    assert!(found("backup-chain-catalog") > 0);

    // What only packs, and does not seal, is found too.
    let (captured, arn) = (
        stack.app().aws.region(&SOURCE.parse().unwrap()).capture(&table).await.unwrap(),
        point.recovery_point().cloned().unwrap(),
    );
    let packed = captured.settings.pack();
    stack.app().aws.source().settings.put(&point.table.id, &point.settings.unwrap(), packed).await.unwrap();
    let least = settings(&key, 0, &[]).pack();
    let tags = tags::encode(&point.id, &least).unwrap();
    assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), tags)));
    let found = places().await;
    assert_eq!((found("sealed message of arn"), found("backup-chain-settings in eu-central-1")), (1, 1));
    // In base64 as well.
    let reveals = |bytes: &[u8]| reveals(STANDARD.encode(bytes).as_bytes(), &[CANARY]);
    assert!(reveals(&least) && reveals(CANARY.as_bytes()));
}
