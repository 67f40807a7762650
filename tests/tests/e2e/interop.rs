//! The metadata and the tools of others, against the embedded AWS over TCP: the official AWS Encryption SDK, and
//! the recipe of `docs/metadata-format.md`, run as written.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backup_chain_aws::seal::OpenError;
use backup_chain_aws::seen::Seen;
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::metadata::{Document, SettingsLocation, tags};
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_core::settings::{Digest, TableSettings};
use backup_chain_deployed::stack::{ACCOUNT, SOURCE, Stack, TARGET};
use backup_chain_local::backup::{Durations, EventFaults};
use backup_chain_local::server;
use backup_chain_local::{Call, World};
use backup_chain_tests::{apply, deployed, points, tables, vault_tags};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use tokio::net::TcpListener;

const POLICY: &str = "
name: webshop
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 14 days}}
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A deployment that outside programs reach over TCP, with a restore point and its copy.
struct Served {
    world: World,
    stack: Stack,
    endpoint: String,
    backup: RestorePoint,
    copy: RestorePoint,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The world runs on real time, as its network does: its jobs take none, and what they make is seen at once.
async fn served(settings: &str) -> Served {
    let (world, mut stack) = deployed("2026-01-05T12:00:00Z").await;
    world.consistent();
    world.with_backup(|backup| {
        let none = SignedDuration::ZERO;
        let tables = Default::default();
        backup.set_durations(Durations {
            start: none,
            backup: none,
            copy: none,
            per_mib: none,
            delete: none,
            tables,
            ..Durations::default()
        });
        *backup.event_faults_mut() = EventFaults { delay_to: none, ..EventFaults::default() };
    });
    let settings = TableSettings::from_bytes(settings.as_bytes()).unwrap();
    let settings = tables::keyed(&world, settings).await.unwrap();
    let orders = tables::create(&world, "orders", &settings).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    stack.session(SessionRequest::run("webshop".parse().unwrap())).await.unwrap();
    let (backup, copy) = made(&mut stack, &orders).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(server::serve(world.clone(), listener));
    world.clear_calls();
    Served { world, stack, endpoint, backup, copy, serving }
}

/// Lets the world go on in small steps until the point and its copy are made.
async fn made(stack: &mut Stack, table: &TableName) -> (RestorePoint, RestorePoint) {
    for _ in 0..300 {
        stack.live(SignedDuration::from_millis(20)).await;
        let points = points(stack, table).await;
        if let [backup, copy] = points.as_slice()
            && backup.is_counted()
            && copy.is_counted()
        {
            assert_eq!((backup.kind, copy.kind), (PointKind::Backup, PointKind::Copy));
            return (backup.clone(), copy.clone());
        }
    }
    panic!("the point and its copy are not made: {:#?}", points(stack, table).await);
}

impl Served {
    /// The recovery point of a restore point, as AWS Backup shows it.
    fn tags(&self, point: &RestorePoint) -> std::collections::BTreeMap<String, String> {
        let mut all = vault_tags(&self.world, point.vault.region.as_str(), point.vault.name.as_str());
        all.remove(point.recovery_point().unwrap()).unwrap()
    }

    async fn open(&self, point: &RestorePoint) -> (Document, TableSettings) {
        let tags = self.tags(point);
        let seen = Seen::of_record(point, point.recovery_point().unwrap(), &tags);
        self.stack.app().sealer.open(point, &seen).await.unwrap()
    }

    fn key_in(&self, region: &str) -> String {
        self.stack.app().context.deployment().key_in(&region.parse().unwrap())
    }

    /// The encryption context of the points, as the format describes it.
    fn context(&self) -> serde_json::Value {
        let table_id = self.backup.table.id.as_str();
        serde_json::json!({
            "application": "backup-chain", "account": ACCOUNT, "region": SOURCE, "table-id": table_id,
        })
    }

    /// Runs one of the pinned tools, or a shell that finds them, with nothing in its environment but an account
    /// of the embedded AWS.
    async fn run(&self, tool: &str, args: &[&str], env: &[(&str, &str)], folder: &Path, input: &[u8]) -> Ran {
        let bin = root().join(".tools/py/bin");
        assert!(
            bin.join("aws-encryption-cli").exists(),
            "the pinned Python tools are not in {}: run `make tools`",
            bin.display()
        );
        let input_file = folder.join("standard-input");
        std::fs::write(&input_file, input).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let own = bin.join(tool);
        let mut command = Command::new(if own.exists() { own } else { PathBuf::from(tool) });
        command
            .args(args)
            .env_clear()
            .env("PATH", path)
            .env("HOME", folder)
            .env("LC_ALL", "C.UTF-8")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "not-checked")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(env.iter().copied())
            .current_dir(folder)
            .stdin(std::fs::File::open(&input_file).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // The server answers on this thread meanwhile.
        let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        let done = done.unwrap_or_else(|error| panic!("{tool} cannot be run: {error}"));
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { success: done.status.success(), stdout: text(done.stdout), stderr: text(done.stderr) }
    }

    async fn python(&self, action: &str, region: &str, context: &serde_json::Value, input: &[u8]) -> Ran {
        let program = root().join("tests/python/cross_kms.py");
        let (key, context) = (self.key_in(region), context.to_string());
        let env = [("KMS_KEY", key.as_str()), ("CONTEXT", &context), ("AWS_DEFAULT_REGION", region)];
        let folder = folder(&format!("cross-kms-{action}"));
        self.run("python3", &[program.to_str().unwrap(), action], &env, &folder, input).await
    }
}

/// What a program did.
#[derive(Debug)]
struct Ran {
    success: bool,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn printed(self) -> String {
        assert!(self.success, "it failed:\n{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// An empty folder for one use.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The calls of programs from outside: the deployment's own name themselves.
fn calls_from_outside(world: &World) -> Vec<Call> {
    world.calls().into_iter().filter(|call| call.caller.is_empty()).collect()
}

#[tokio::test]
async fn the_official_sdk_opens_what_we_sealed_and_we_open_what_it_sealed() {
    let served = served(include_str!("../../fixtures/typical.json")).await;
    let context = served.context();
    let (document, settings) = served.open(&served.backup).await;

    // Ours by theirs: the tags of both recovery points, each with the key of its own Region.
    for point in [&served.backup, &served.copy] {
        let region = point.vault.region.as_str();
        let sealed = tags::decode(&served.tags(point)).unwrap().unwrap().bytes;
        let opened =
            served.python("open", region, &context, STANDARD.encode(sealed).as_bytes()).await.printed();
        let packed = STANDARD.decode(opened.trim()).unwrap();
        assert_eq!(Document::unpack(&packed).unwrap(), document);
    }

    // Theirs by ours: sealed with the key of either Region, opened with the key of either Region.
    for region in [SOURCE, TARGET] {
        let sealed = served.python("seal", region, &context, &document.pack()).await.printed();
        let sealed = STANDARD.decode(sealed.trim()).unwrap();
        let tags = tags::encode(&document.id, &sealed).unwrap();
        for point in [&served.backup, &served.copy] {
            let seen = Seen::of_record(point, point.recovery_point().unwrap(), &tags);
            let theirs = RestorePoint { sealed: Some(Digest::of(&sealed)), ..point.clone() };
            let (theirs, also) = served.stack.app().sealer.open(&theirs, &seen).await.unwrap();
            assert!(theirs == document && also == settings);
            // It is not the message that the catalog pins.
            let pinned = served.stack.app().sealer.open(point, &seen).await;
            assert!(matches!(pinned, Err(OpenError::Suspect(_))));
        }
    }

    let calls = calls_from_outside(&served.world);
    let of = |region: &str, operation: &str| {
        calls.iter().filter(|call| call.region == region && call.operation == operation).count()
    };
    for region in [SOURCE, TARGET] {
        assert_eq!((of(region, "Decrypt"), of(region, "GenerateDataKey")), (1, 1), "{calls:#?}");
    }
}

#[tokio::test]
async fn neither_opens_a_message_of_another_table() {
    let served = served(include_str!("../../fixtures/typical.json")).await;
    let (document, _) = served.open(&served.backup).await;
    let mut context = served.context();
    context["table-id"] = "another".into();

    let sealed = served.python("seal", SOURCE, &context, &document.pack()).await.printed();
    let tags = tags::encode(&document.id, &STANDARD.decode(sealed.trim()).unwrap()).unwrap();
    let point = RestorePoint { sealed: None, ..served.backup.clone() };
    let seen = Seen::of_record(&point, point.recovery_point().unwrap(), &tags);
    let refused = served.stack.app().sealer.open(&point, &seen).await.unwrap_err();
    assert_eq!(refused.to_string(), "its metadata was sealed for another table");

    let ours = tags::decode(&served.tags(&served.backup)).unwrap().unwrap().bytes;
    let refused = served.python("open", SOURCE, &context, STANDARD.encode(ours).as_bytes()).await;
    assert!(!refused.success && refused.stderr.contains("the message has suite 0x478"), "{refused:?}");
}

/// The shell blocks of the recipe, as the page has them.
fn recipe() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/metadata-format.md")).unwrap();
    let (_, recipe) =
        page.split_once("\n## Open a recovery point by hand\n").expect("the page has the recipe");
    let recipe = recipe.split("\n## ").next().unwrap();
    let blocks = recipe.split("```sh\n").skip(1).map(|rest| rest.split_once("```").expect("a block ends").0);
    blocks.map(str::to_owned).collect()
}

/// Runs a block of the recipe as one who reads the page does.
async fn follow(served: &Served, point: &RestorePoint, block: &str, stored: &str, folder: &Path) -> String {
    try_to_follow(served, point, block, stored, folder).await.printed()
}

async fn try_to_follow(
    served: &Served,
    point: &RestorePoint,
    block: &str,
    stored: &str,
    folder: &Path,
) -> Ran {
    let region = point.vault.region.as_str();
    let dictionary = root().join("shared/core/src/metadata/dictionary-v1.txt");
    let key = served.key_in(region);
    let env = [
        ("POINT", point.recovery_point().unwrap().as_str()),
        ("POINT_REGION", region),
        ("KEY", &key),
        ("DICTIONARY", dictionary.to_str().unwrap()),
        ("ACCOUNT", ACCOUNT),
        ("TABLE_REGION", SOURCE),
        ("TABLE_ID", point.table.id.as_str()),
        ("SETTINGS_TABLE", &served.stack.app().context.deployment().settings),
        ("STORED", stored),
    ];
    served.run("sh", &["-eu", "-c", block], &env, folder, b"").await
}

#[tokio::test]
async fn the_recipe_prints_the_document_of_a_recovery_point_and_of_its_copy() {
    let served = served(include_str!("../../fixtures/typical.json")).await;
    let blocks = recipe();
    for point in [&served.backup, &served.copy] {
        let (document, _) = served.open(point).await;
        let folder = folder(&format!("recipe-{}", point.vault.region));
        let printed = follow(&served, point, &blocks[0], "", &folder).await;
        let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        assert_eq!(json(printed.as_bytes()), json(&document.to_bytes()));
        let left = std::fs::read(folder.join("document.json")).unwrap();
        assert_eq!(left.trim_ascii_end(), document.to_bytes());
    }
    // Each with the key of its own Region: the copy needs nothing of the source Region.
    let calls = calls_from_outside(&served.world);
    let calls: Vec<(&str, &str)> =
        calls.iter().map(|call| (call.region.as_str(), call.operation.as_str())).collect();
    assert_eq!(calls, [(SOURCE, "ListTags"), (SOURCE, "Decrypt"), (TARGET, "ListTags"), (TARGET, "Decrypt")]);
}

#[tokio::test]
async fn without_the_table_id_the_recipe_tells_it() {
    let served = served(include_str!("../../fixtures/typical.json")).await;
    let block = recipe()[0].replace(r#" table-id="$TABLE_ID""#, "");
    assert!(!block.contains("TABLE_ID"));
    let folder = folder("recipe-without-table-id");
    follow(&served, &served.backup, &block, "", &folder).await;
    let told = std::fs::read_to_string(folder.join("sealed.json")).unwrap();
    assert!(told.contains(served.backup.table.id.as_str()), "{told}");
}

#[tokio::test]
async fn the_recipe_opens_settings_that_stepped_down() {
    let served = served(include_str!("../../fixtures/huge.json")).await;
    let blocks = recipe();
    for point in [&served.backup, &served.copy] {
        let (document, settings) = served.open(point).await;
        let SettingsLocation::Stored(digest) = document.settings else {
            panic!("the fixture fits into tags")
        };
        let folder = folder(&format!("recipe-stored-{}", point.vault.region));
        follow(&served, point, &blocks[0], "", &folder).await;
        let left = std::fs::read(folder.join("document.json")).unwrap();
        assert_eq!(left.trim_ascii_end(), document.to_bytes());
        // The second block fetches the stored bytes; the last three steps of the first open them as well.
        let open = blocks[0].split_once("aws-encryption-cli").unwrap().1;
        let block = format!("{}aws-encryption-cli{open}", blocks[1]);
        follow(&served, point, &block, &digest.to_string(), &folder).await;
        let left = std::fs::read(folder.join("document.json")).unwrap();
        assert_eq!(left.trim_ascii_end(), settings.to_bytes());
    }
}

#[tokio::test]
async fn the_recipe_opens_a_recovery_point_without_tags_of_ours() {
    for text in [include_str!("../../fixtures/typical.json"), include_str!("../../fixtures/huge.json")] {
        let mut settings: serde_json::Value = serde_json::from_str(text).unwrap();
        let own = (0..50).map(|number| (format!("own-{number}"), "x".into()));
        settings["tags"] = serde_json::Value::Object(own.collect());
        let served = served(&settings.to_string()).await;
        let blocks = recipe();
        for point in [&served.backup, &served.copy] {
            assert!(point.message_stored);
            let (document, settings) = served.open(point).await;
            let folder = folder(&format!("recipe-tagless-{}-{}", point.settings_stored, point.vault.region));
            // The third block fetches the message and its TableId; the last steps of the first open it.
            let open = format!("aws-encryption-cli{}", blocks[0].split_once("aws-encryption-cli").unwrap().1);
            let block = format!("unset TABLE_ID\n{}{open}", blocks[2]);
            follow(&served, point, &block, "", &folder).await;
            let left = std::fs::read(folder.join("document.json")).unwrap();
            assert_eq!(left.trim_ascii_end(), document.to_bytes());
            if let SettingsLocation::Stored(digest) = document.settings {
                follow(&served, point, &format!("{}{open}", blocks[1]), &digest.to_string(), &folder).await;
                let left = std::fs::read(folder.join("document.json")).unwrap();
                assert_eq!(left.trim_ascii_end(), settings.to_bytes());
            }
        }
    }
}

#[tokio::test]
async fn the_recipe_checks_what_binds_metadata_to_its_recovery_point() {
    let typical = include_str!("../../fixtures/typical.json");
    let mut full: serde_json::Value = serde_json::from_str(typical).unwrap();
    full["tags"] =
        serde_json::Value::Object((0..50).map(|number| (format!("own-{number}"), "x".into())).collect());
    let blocks = recipe();
    for (settings, is_stored) in [(typical.to_owned(), false), (full.to_string(), true)] {
        let served = served(&settings).await;
        for (point, other) in [(&served.backup, &served.copy), (&served.copy, &served.backup)] {
            let folder = folder(&format!("recipe-bound-{is_stored}-{}", point.vault.region));
            let check = format!("MESSAGE={}", blocks[3].split_once("MESSAGE=").unwrap().1);
            let block = if is_stored {
                follow(&served, point, &blocks[2], "", &folder).await;
                format!("{}{check}", blocks[4])
            } else {
                follow(&served, point, &blocks[0], "", &folder).await;
                blocks[3].clone()
            };
            assert_eq!(follow(&served, point, &block, "", &folder).await, "backup-chain");
            // The other carries the same message, and is not what this binds it to.
            let ran = try_to_follow(&served, other, &check, "", &folder).await;
            assert!(!ran.stdout.contains("backup-chain"), "{ran:?}");
            assert!(ran.stderr.contains("InvalidCiphertextException"), "{ran:?}");
        }
    }
}
