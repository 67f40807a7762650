//! The runbook of `docs/restore.md`: every command of it is tried in the situation that it is for, and must print what
//! the page says that it prints.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Cursor, Read, Write};
use std::path::Path;
use std::rc::Rc;

use backup_chain_cli::{Access, Console, command, run};
use backup_chain_core::point::PointKind;
use backup_chain_core::restore::Choices;
use backup_chain_core::settings::TableSettings;
use backup_chain_deployed::stack::{ACCOUNT, RESTORE, SOURCE, Schedules, Stack, TARGET};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::restores::fill;
use backup_chain_tests::settings::surrounded;
use backup_chain_tests::{apply, at, backup, deployed_with, dynamodb, points, tables};
use jiff::SignedDuration;
use serde_json::json;

const PAGE: &str = include_str!("../../../docs/restore.md");
const RUNBOOK: &str = "## The runbook of a bad day";
const POLICY: &str = "
name: shop
sources: {prefixes: [orders, carts]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: [19:00], keep: 7 days}}
";
/// Who sits at the terminal.
const OPERATOR: &str = "operator";
/// What the page writes in place of ids, the longest name first: one may end with another.
const PLACEHOLDERS: [&str; 7] =
    ["RECOVERY-POINT", "OTHER-RESTORE", "OTHER-POINT", "TABLE-ID", "RESTORE", "POINT", "JOB"];

/// What the page says of one situation.
#[derive(Debug)]
struct Scenario {
    title: String,
    commands: Vec<Typed>,
}

/// A command as it is typed, and what the page says that it prints.
#[derive(Debug)]
struct Typed {
    /// The number of its line in the page.
    line: usize,
    words: Vec<String>,
    printed: Vec<String>,
    code: u8,
}

/// The scenarios of the runbook in their order.
fn scenarios() -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let lines = PAGE.lines().enumerate().skip_while(|(_, line)| *line != RUNBOOK).skip(1);
    let mut lines = lines.take_while(|(_, line)| !line.starts_with("## ")).peekable();
    let mut is_console = false;
    while let Some((number, line)) = lines.next() {
        if let Some(title) = line.strip_prefix("### ") {
            scenarios.push(Scenario { title: title.to_owned(), commands: Vec::new() });
            continue;
        }
        let text = line.trim_start();
        if text.starts_with("```") {
            is_console = text == "```console";
            continue;
        }
        if !is_console {
            assert!(!text.starts_with("$ "), "line {}: a command outside a block", number + 1);
            continue;
        }
        let commands = &mut scenarios.last_mut().expect("a scenario").commands;
        let Some(typed) = text.strip_prefix("$ ") else {
            let last =
                commands.last_mut().unwrap_or_else(|| panic!("line {}: printed by nothing", number + 1));
            last.printed.push(text.to_owned());
            continue;
        };
        if typed == "echo $?" {
            let (_, code) = lines.next().expect("an exit code");
            commands.last_mut().expect("a command before").code = code.trim().parse().expect("an exit code");
            continue;
        }
        let mut typed = typed.to_owned();
        // The shell goes on after a backslash, and while a quote is open.
        while typed.ends_with('\\') || typed.matches('\'').count() % 2 == 1 {
            let (_, more) = lines.next().expect("the rest of a command");
            typed = format!("{} {}", typed.trim_end_matches('\\').trim_end(), more.trim_start());
        }
        commands.push(Typed {
            line: number + 1,
            words: shlex::split(&typed).expect("whole quotes"),
            printed: Vec::new(),
            code: 0,
        });
    }
    scenarios
}

/// What stands on the screen: answer, progress and what is typed, in their order.
#[derive(Debug, Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An operator who says yes, which the terminal shows.
#[derive(Debug)]
struct Yes {
    screen: Screen,
    typed: Cursor<&'static [u8]>,
}

impl Read for Yes {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.typed.read(bytes)
    }
}

impl BufRead for Yes {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.typed.fill_buf()
    }
    fn consume(&mut self, count: usize) {
        let from = usize::try_from(self.typed.position()).unwrap();
        self.screen.0.borrow_mut().extend_from_slice(&self.typed.get_ref()[from..from + count]);
        self.typed.consume(count);
    }
}

/// The world of one scenario, and what its placeholders have turned out to stand for.
struct Scene {
    world: World,
    stack: Stack,
    folder: tempfile::TempDir,
    names: Names,
    source_is_lost: bool,
}

impl Scene {
    /// Tries a command, and compares what it prints.
    async fn try_out(&mut self, typed: &Typed) -> Result<(), String> {
        let mut args: Vec<String> = Vec::new();
        for word in &typed.words {
            args.push(self.meant(word));
        }
        let (code, printed) = match args[0].as_str() {
            "backup-chain" => self.operate(&args).await,
            "aws" => (0, self.aws(&args[1..]).await),
            other => panic!("{other} is no command of the runbook"),
        };
        if code != typed.code {
            return Err(format!("exit code {code}, and not {}; it prints:\n{printed}", typed.code));
        }
        let progress = |line: &&str| line.ends_with(" ...");
        let printed: Vec<&str> = printed.lines().filter(|line| !progress(line)).collect();
        self.compare(&typed.printed, &printed)
            .map_err(|why| format!("{why}; it prints:\n{}", printed.join("\n")))
    }

    /// A word with ids in place of their names, and files in the scene's own folder.
    fn meant(&self, word: &str) -> String {
        if [".json", ".yaml", "/"].iter().any(|end| word.ends_with(end)) && !word.starts_with('{') {
            return self.folder.path().join(word).to_str().unwrap().to_owned();
        }
        let mut meant = word.to_owned();
        for name in PLACEHOLDERS {
            if meant.contains(name) && !meant.starts_with("--") {
                let id = self.names.get(name).unwrap_or_else(|| panic!("{name} was not printed before"));
                meant = meant.replace(name, id);
            }
        }
        meant
    }

    /// Runs the command to its end; a restore goes on meanwhile.
    async fn operate(&mut self, args: &[String]) -> (u8, String) {
        let screen = Screen::default();
        let mut input = Yes { screen: screen.clone(), typed: Cursor::new(b"y\n") };
        let (mut out, mut err) = (screen.clone(), screen.clone());
        let mut console = Console::new(&mut out, &mut err, &mut input);
        let world = self.world.clone();
        let config = async |access: Access| {
            let region = access.region.map_or_else(|| SOURCE.to_owned(), |region| region.to_string());
            world.sdk_config(ACCOUNT, &region, OPERATOR)
        };
        let code = if self.source_is_lost {
            run(args, self.world.now(), config, &mut console).await
        } else {
            let waits = args[1..3] == ["restore", "start"] && !args.contains(&"--dry-run".to_owned());
            let time = if waits { SignedDuration::from_hours(3) } else { SignedDuration::ZERO };
            tokio::join!(run(args, self.world.now(), config, &mut console), self.stack.live(time)).0
        };
        let printed = String::from_utf8(screen.0.borrow().clone()).unwrap();
        (code, printed)
    }

    /// What the AWS CLI does with these words, as far as the runbook goes.
    async fn aws(&mut self, words: &[String]) -> String {
        let (operation, mut words) = (words[..2].join(" "), words[2..].iter());
        let mut options = BTreeMap::new();
        while let Some(option) = words.next() {
            let name = option.strip_prefix("--").unwrap_or_else(|| panic!("{option} is no option"));
            let told = options.insert(name.to_owned(), words.next().expect("a value").clone());
            assert_eq!(told, None, "--{name} twice");
        }
        let mut option =
            |name: &str| options.remove(name).unwrap_or_else(|| panic!("{operation} lacks --{name}"));
        let region = option("region");
        let client = backup(&self.world, &region);
        let answer = match operation.as_str() {
            "backup list-recovery-points-by-backup-vault" => {
                let query = "sort_by(RecoveryPoints,&CreationDate)[-1].RecoveryPointArn";
                assert_eq!((option("query").as_str(), option("output").as_str()), (query, "text"));
                let list = client.list_recovery_points_by_backup_vault();
                let list = list.backup_vault_name(option("backup-vault-name"));
                let found = list.by_resource_arn(option("by-resource-arn")).send().await.unwrap();
                let newest =
                    found.recovery_points().iter().max_by_key(|point| point.creation_date().unwrap().secs());
                newest.unwrap().recovery_point_arn().unwrap().to_owned()
            }
            "backup start-restore-job" => {
                assert_eq!((option("query").as_str(), option("output").as_str()), ("RestoreJobId", "text"));
                let metadata = serde_json::from_str(&option("metadata")).unwrap();
                let start = client.start_restore_job().recovery_point_arn(option("recovery-point-arn"));
                let start = start.iam_role_arn(option("iam-role-arn")).resource_type(option("resource-type"));
                let started = start.set_metadata(Some(metadata)).send().await.unwrap();
                self.stack.live(SignedDuration::from_hours(3)).await;
                started.restore_job_id().unwrap().to_owned()
            }
            "backup describe-restore-job" => {
                assert_eq!((option("query").as_str(), option("output").as_str()), ("Status", "text"));
                let job = client.describe_restore_job().restore_job_id(option("restore-job-id"));
                job.send().await.unwrap().status().unwrap().as_str().to_owned()
            }
            "dynamodb delete-table" => {
                let body = json!({ "TableName": option("table-name") });
                self.ask_dynamodb(&region, "DeleteTable", &body.to_string()).await;
                String::new()
            }
            _ => {
                let (service, operation) = operation.split_once(' ').unwrap();
                assert_eq!(service, "dynamodb", "the test does not know aws {service}");
                let pascal = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
                let operation: String = operation.split('-').map(pascal).collect();
                self.ask_dynamodb(&region, &operation, &option("cli-input-json")).await;
                String::new()
            }
        };
        assert_eq!(options.keys().collect::<Vec<_>>(), [""; 0], "options that the test does not know");
        answer
    }

    async fn ask_dynamodb(&self, region: &str, operation: &str, body: &str) {
        let scope = format!("AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{region}/dynamodb/aws4_request");
        let request = http::Request::post("https://embedded/")
            .header("authorization", scope)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let request = request.body(bytes::Bytes::from(body.to_owned())).unwrap();
        let answer = self.world.handle(request).await.unwrap();
        assert!(answer.status().is_success(), "{operation}: {}", String::from_utf8_lossy(answer.body()));
    }

    /// Whether this is printed: `…` alone stands for any lines, and at the end of a line for the rest of it.
    fn compare(&mut self, page: &[String], printed: &[&str]) -> Result<(), String> {
        if page.is_empty() {
            return Ok(());
        }
        let lines: Vec<&str> = page.iter().map(|line| line.trim()).collect();
        let mut left = lines.len();
        let names = fits(&lines, printed, self.names.clone(), &mut left);
        let here = lines.get(lines.len() - left).unwrap_or(&"the end");
        self.names = names.ok_or_else(|| format!("it does not print {here:?} where it should"))?;
        Ok(())
    }
}

/// Ids by the names that the page has for them.
type Names = BTreeMap<&'static str, String>;

/// What the names stand for if the page's lines are those that are printed. `closest` is made the least number of lines
/// that were left.
fn fits(page: &[&str], printed: &[&str], names: Names, closest: &mut usize) -> Option<Names> {
    *closest = (*closest).min(page.len());
    match page.split_first() {
        None => printed.is_empty().then_some(names),
        Some((&"…", rest)) => {
            (0..=printed.len()).find_map(|from| fits(rest, &printed[from..], names.clone(), closest))
        }
        Some((line, rest)) => {
            let (there, others) = printed.split_first()?;
            fits(rest, others, is_same(line, there, names)?, closest)
        }
    }
}

/// What the names stand for if a line is as the page has it: but for spaces, and with ids and times of its own.
fn is_same(page: &str, printed: &str, mut names: Names) -> Option<Names> {
    let (page, is_cut) = page.strip_suffix('…').map_or((page, false), |page| (page, true));
    let (mut page, mut printed) = (page.split_whitespace(), printed.split_whitespace());
    loop {
        match (page.next(), printed.next()) {
            (None, rest) => return (rest.is_none() || is_cut).then_some(names),
            (Some(page), Some(printed)) if is_word(page, printed, &mut names) => {}
            _ => return None,
        }
    }
}

fn is_word(page: &str, printed: &str, names: &mut Names) -> bool {
    if page == printed || (masked(page) == masked(printed) && masked(page) != page) {
        return true;
    }
    let Some((name, (before, after))) =
        PLACEHOLDERS.iter().find_map(|name| Some((*name, page.split_once(name)?)))
    else {
        return false;
    };
    let id = printed.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let Some(id) = id.filter(|id| (26..=36).contains(&id.len())) else { return false };
    names.entry(name).or_insert_with(|| id.to_owned()) == id
}

/// A time of day without its digits, unless it is on the hour as slots are; anything else as it is.
fn masked(word: &str) -> String {
    let time = word.trim_end_matches([',', ':']);
    let is_time = time.len() == 8 && time.chars().all(|c| c.is_ascii_digit() || c == ':');
    if !is_time || time.ends_with(":00:00") {
        return word.to_owned();
    }
    word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// The settings of the table `orders`: with some of what a table can have.
fn of_orders() -> TableSettings {
    let all = serde_json::to_value(surrounded("orders")).unwrap();
    let settings = json!({
        "attributes": {"pk": "S", "day": "S"}, "keys": {"hash": ["pk"]},
        "global": {"by-day": {"keys": {"hash": ["day"]}, "warm": [12000, 4000]}}, "warm": [12000, 4000],
        "tags": {"team": "shop"}, "ttl": {"attribute": "expires"}, "pitr": {"days": 7}, "stream": "NEW_IMAGE",
        "protected": true, "alarms": {"orders throttled": all["alarms"]["orders throttled"]},
    });
    TableSettings::from_bytes(settings.to_string().as_bytes()).unwrap()
}

fn of_carts() -> TableSettings {
    let settings = json!({
        "attributes": {"pk": "S"}, "keys": {"hash": ["pk"]}, "warm": [12000, 4000], "tags": {"team": "shop"},
    });
    TableSettings::from_bytes(settings.to_string().as_bytes()).unwrap()
}

async fn make(world: &World, name: &str, settings: &TableSettings) {
    let table = tables::create(world, name, settings).await.unwrap();
    fill(world, &table, settings).await;
    tables::surround(world, &table, settings).await.unwrap();
}

async fn lose_table(scene: &mut Scene, name: &str, settings: &TableSettings) {
    tables::drop(&scene.world, &name.parse().unwrap(), settings).await.unwrap();
    scene.stack.live(SignedDuration::from_mins(10)).await;
}

/// Every item of the catalog is lost.
async fn lose_catalog(scene: &Scene) {
    let (client, name) = (dynamodb(&scene.world), &scene.stack.app().context.deployment().catalog);
    let scanned = client.scan().table_name(name).into_paginator().items().send();
    for item in scanned.collect::<Result<Vec<_>, _>>().await.unwrap() {
        let delete = client.delete_item().table_name(name);
        delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
    }
}

/// The tables `orders` and `carts`, and two days of their chains; then what the scenario of this title is about.
async fn scene(title: &str) -> Scene {
    let schedules = Schedules { tick: SignedDuration::from_mins(10), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T00:00:00Z", schedules).await;
    make(&world, "orders", &of_orders()).await;
    make(&world, "carts", &of_carts()).await;
    apply(&stack, POLICY).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), POLICY).unwrap();
    let mut scene = Scene { world, stack, folder, names: BTreeMap::new(), source_is_lost: false };
    scene.stack.live_until(at("2026-01-07T09:00:00Z")).await;
    match title {
        "First: keep the restore points" | "Bad data was written" => {}
        "A table was dropped" => lose_table(&mut scene, "orders", &of_orders()).await,
        "Several tables, to one moment" => {
            lose_table(&mut scene, "orders", &of_orders()).await;
            lose_table(&mut scene, "carts", &of_carts()).await;
        }
        "Only the copies are left" => {
            lose_table(&mut scene, "orders", &of_orders()).await;
            let removal = json!({
                "action": "remove", "table": "orders", "which": "backups", "override_guards": ["newest"], "reason": "lost",
            });
            scene.stack.retention(serde_json::from_value(removal).unwrap()).await.unwrap();
            scene.stack.live(SignedDuration::from_mins(30)).await;
        }
        "The source Region is lost" => {
            scene.world.inject(FaultRule::new("*", "*", Fault::TimeoutBefore).region(SOURCE));
            scene.world.clear_calls();
            scene.source_is_lost = true;
        }
        "The metadata is not believed" => {
            lose_table(&mut scene, "orders", &of_orders()).await;
            let orders = "orders".parse().unwrap();
            let newest = points(&scene.stack, &orders)
                .await
                .into_iter()
                .filter(|point| point.kind == PointKind::Backup);
            let newest = newest.max_by_key(|point| point.created_at).unwrap();
            let _scene = scene.world.scene();
            let tag = backup(&scene.world, SOURCE)
                .tag_resource()
                .resource_arn(newest.recovery_point().unwrap().as_str());
            tag.tags("backup-chain/v1/1", "tagged by mistake").send().await.unwrap();
        }
        "The catalog is lost" => {
            lose_table(&mut scene, "orders", &of_orders()).await;
            lose_catalog(&scene).await;
        }
        "Nothing of this product is left" => lose_table(&mut scene, "orders", &of_orders()).await,
        "Something in the report failed" => {
            lose_table(&mut scene, "orders", &of_orders()).await;
            let denied = FaultRule::new("dynamodb", "UpdateContinuousBackups", Fault::Deny);
            scene.world.inject(denied.caller(RESTORE));
        }
        other => panic!("the test knows no scene for {other:?}"),
    }
    scene
}

/// What must be so when every command of a scenario was tried.
async fn look(scene: &mut Scene, title: &str) {
    // Until all is seen.
    scene.stack.live(SignedDuration::from_mins(1)).await;
    let there = async |region: &str, name: &str| {
        let region = region.parse().unwrap();
        scene
            .stack
            .app()
            .aws
            .region(&region)
            .capture_anew(&name.parse().unwrap())
            .await
            .map(|captured| captured.settings)
    };
    match title {
        "A table was dropped" | "Only the copies are left" | "Something in the report failed" => {
            assert_eq!(there(SOURCE, "orders").await.unwrap().changes(&of_orders()), [""; 0], "{title}");
        }
        "Several tables, to one moment" => {
            assert_eq!(there(SOURCE, "orders").await.unwrap().changes(&of_orders()), [""; 0], "{title}");
            assert_eq!(there(SOURCE, "carts").await.unwrap().changes(&of_carts()), [""; 0], "{title}");
        }
        "The source Region is lost" => {
            assert!(there(TARGET, "orders").await.is_ok(), "{title}");
            let said = rights_said();
            let used: BTreeSet<String> = scene
                .world
                .calls()
                .into_iter()
                .filter(|call| call.caller == OPERATOR)
                .flat_map(|call| call.required.into_iter().map(|required| required.action))
                .collect();
            let unsaid: Vec<&String> = used.iter().filter(|right| !said.contains(*right)).collect();
            assert_eq!(unsaid, [""; 0], "rights that the page does not say; of {used:?}");
        }
        _ => {}
    }
}

/// The rights that the page says a restore without the source Region needs.
fn rights_said() -> BTreeSet<String> {
    let (_, section) = PAGE.split_once("\n## The source Region is lost\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let quoted = section.split('`').skip(1).step_by(2);
    let mut said = BTreeSet::new();
    for text in quoted {
        let Some((service, operations)) = text.split_once(':') else { continue };
        for operation in
            operations.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
        {
            said.insert(format!("{service}:{operation}"));
        }
    }
    said
}

async fn try_out(title: &str) {
    let all = scenarios();
    let scenario = all.iter().find(|scenario| scenario.title == title);
    let scenario = scenario.unwrap_or_else(|| panic!("the runbook has no scenario {title:?}"));
    let is_own = |typed: &&Typed| typed.words[0] == "backup-chain";
    let is_by_hand = title == "Nothing of this product is left";
    assert!(is_by_hand || scenario.commands.iter().any(|typed| is_own(&typed)), "{title} has no command");
    let mut scene = scene(title).await;
    for typed in &scenario.commands {
        if let Err(why) = scene.try_out(typed).await {
            panic!("docs/restore.md:{}: {}: {why}", typed.line, typed.words.join(" "));
        }
    }
    look(&mut scene, title).await;
}

#[test]
fn every_scenario_has_a_test() {
    let titles: Vec<String> = scenarios().into_iter().map(|scenario| scenario.title).collect();
    assert_eq!(titles, TITLES);
    let fits = |line: &&str| line.chars().count() <= 120;
    let (_, prose) = PAGE.split_once('\n').unwrap();
    let wide: Vec<&str> = prose.lines().filter(|line| !fits(line) && !line.starts_with('|')).collect();
    assert_eq!(wide, [""; 0]);
}

#[test]
fn every_property_has_its_row() {
    for property in backup_chain_core::restore::PROPERTIES {
        assert!(PAGE.contains(&format!("\n| {property} |")), "no row for {property}");
    }
}

/// The rows of the table of choices: options, and the fields that are the same in a payload.
#[test]
fn every_choice_has_its_row_and_its_field() {
    let (_, section) = PAGE.split_once("\n## Choices\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let mut said = BTreeSet::new();
    for row in section.lines().filter(|line| line.starts_with("| `--")) {
        let mut quoted = row.split('`').skip(1).step_by(2);
        let option = quoted.next().unwrap().split(' ').next().unwrap().trim_start_matches("--");
        said.insert(option.to_owned());
        let field = quoted.find(|text| text.starts_with('"')).unwrap();
        let stand_ins = [
            ("ARN", r#""arn:aws:kms:eu-central-1:111122223333:key/1""#),
            ("NAME", r#""by-day""#),
            ("KEY", r#""team""#),
            ("VALUE", r#""shop""#),
            ("FEATURE", r#""ttl""#),
        ];
        let mut field = format!("{{{field}}}");
        for (word, json) in stand_ins {
            field = field.replace(word, json);
        }
        let choices: Result<Choices, _> = serde_json::from_str(&field);
        assert_ne!(choices.unwrap_or_else(|error| panic!("{field}: {error}")), Choices::default(), "{field}");
    }
    let restore = command();
    let start = restore.find_subcommand("restore").unwrap().find_subcommand("start").unwrap();
    let choices = start.get_arguments().filter(|arg| arg.get_help_heading() == Some("Otherwise than it was"));
    let there: BTreeSet<String> = choices.map(|arg| arg.get_long().unwrap().to_owned()).collect();
    assert_eq!(said, there);
}

macro_rules! scenarios {
    ($($test:ident: $title:literal,)*) => {
        const TITLES: &[&str] = &[$($title),*];
        $(
            #[tokio::test(start_paused = true)]
            async fn $test() {
                try_out($title).await;
            }
        )*
    };
}

scenarios! {
    points_are_kept: "First: keep the restore points",
    a_table_was_dropped: "A table was dropped",
    bad_data_was_written: "Bad data was written",
    several_tables_to_one_moment: "Several tables, to one moment",
    only_the_copies_are_left: "Only the copies are left",
    the_source_region_is_lost: "The source Region is lost",
    the_metadata_is_not_believed: "The metadata is not believed",
    the_catalog_is_lost: "The catalog is lost",
    nothing_of_this_product_is_left: "Nothing of this product is left",
    something_in_the_report_failed: "Something in the report failed",
}

/// Files that the commands name are of the scene alone.
#[test]
fn files_are_in_the_folder_of_the_scene() {
    for typed in scenarios().iter().flat_map(|scenario| &scenario.commands) {
        for word in typed.words.iter().filter(|word| word.ends_with(".json") || word.ends_with(".yaml")) {
            assert_eq!(Path::new(word).components().count(), 1, "line {}: {word}", typed.line);
        }
    }
}
