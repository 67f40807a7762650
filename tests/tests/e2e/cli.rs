//! The operator's command against a deployment in the embedded AWS, in process.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use backup_chain_cli::{Access, Console, command, run};
use backup_chain_core::ids::TableName;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_deployed::stack::{ACCOUNT, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::{Ran, cli, cli_answering};
use backup_chain_tests::{all_points, at, deployed, points, table};
use jiff::SignedDuration;
use serde_json::Value;

const DAILY: &str = "
name: daily
sources: {tables: [orders, carts]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 5 days}}
";

/// The same where no AWS is asked.
pub(crate) async fn offline(line: &str) -> Ran {
    let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), std::io::empty());
    let mut console = Console::new(&mut out, &mut err, &mut input);
    let config = async |_: Access| panic!("an offline command asks AWS");
    let args = ["backup-chain"].into_iter().chain(line.split_whitespace());
    let code = run(args, at("2026-01-05T00:00:00Z"), config, &mut console).await;
    Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies").join(name);
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

/// A file that is gone when this is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("policy.yaml");
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// What differs from one seed to another, in the same width.
pub(crate) fn steady(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut steady = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word);
        let is_ulid = word.len() == 26 && word.starts_with("01K");
        let is_uuid = word.len() == 36 && word.matches('-').count() == 4;
        let is_digest = word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_ulid || is_uuid || is_digest {
            steady.extend(word.chars().map(|letter| if letter == '-' { '-' } else { 'x' }));
        } else {
            steady.push_str(word);
        }
        let other = after.chars().next().map_or(0, char::len_utf8);
        let (other, after) = after.split_at(other);
        steady.push_str(other);
        rest = after;
    }
    steady
}

/// A deployment with two tables under the daily policy, at noon after its first slot.
async fn after_a_day() -> (World, Stack, TableName) {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    let orders = table(&world, "orders", &[("team", "shop")]).await.unwrap();
    table(&world, "carts", &[]).await.unwrap();
    let file = Scratch::new("daily", DAILY);
    let _ = cli(&world, &format!("policy apply {}", file.path())).await.done();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    (world, stack, orders)
}

/// The help of a command and of all below it, on a terminal of 100 columns.
fn helps(of: &clap::Command, path: &str, texts: &mut String) {
    let args = path.split(' ').chain(["--help"]);
    let help = command().term_width(100).try_get_matches_from(args).unwrap_err().render();
    texts.push_str(&format!("=== {path}\n{help}\n"));
    for below in of.get_subcommands() {
        helps(below, &format!("{path} {}", below.get_name()), texts);
    }
}

/// What a person reviews of it: each command with what it does, and each of its own arguments with its first sentence.
fn outline(of: &clap::Command, path: &str, lines: &mut Vec<String>) {
    lines.push(format!("{path}: {}", of.get_about().map(ToString::to_string).unwrap_or_default()));
    for arg in of
        .get_arguments()
        .filter(|arg| path == "backup-chain" || !arg.is_global_set() && arg.get_id() != "help")
    {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        lines.push(format!("    {arg}: {}", help.split(". ").next().unwrap_or(&help)));
    }
    for below in of.get_subcommands() {
        outline(below, &format!("{path} {}", below.get_name()), lines);
    }
}

#[test]
fn every_command_explains_itself() {
    let mut texts = String::new();
    helps(&command(), "backup-chain", &mut texts);
    let leaves = texts.split("=== ").filter(|text| !text.is_empty() && !text.contains("\nCommands:"));
    for leaf in leaves {
        let has_example =
            ["Example:", "Examples:"].iter().any(|word| leaf.contains(&format!("{word}\n  backup-chain ")));
        assert!(has_example, "no example:\n{leaf}");
    }
    let (mut built, mut lines) = (command(), Vec::new());
    built.build();
    outline(&built, "backup-chain", &mut lines);
    insta::assert_snapshot!("help", lines.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn wrong_usage_is_told_apart_from_refusals() {
    for line in [
        "",
        "policy",
        "points",
        "points or",
        "session show 12",
        "point show orders 12",
        "retention plan no",
        "remove orders",
        "remove orders --all --manual",
        "remove orders --all --override-guard vault-lock",
    ] {
        let ran = offline(line).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:#?}");
        assert!(!ran.err.is_empty());
    }
    let version = offline("--version").await.done();
    let zones = version.trim_end().strip_prefix("backup-chain 0.1.0 (time zones 20").unwrap();
    assert!(zones.ends_with(')') && zones.len() == 4, "{version}");
    assert!(offline("policy plan --help").await.done().contains("Examples:"));
}

#[tokio::test(start_paused = true)]
async fn policies_are_checked_without_aws() {
    let [gold, silver, bronze] = ["gold.yaml", "silver.yaml", "bronze.yaml"].map(example);
    let said = offline(&format!("policy validate {gold} {silver} {bronze}")).await.done();
    assert_eq!(said.lines().count(), 3);
    assert!(said.contains("gold.yaml: policy gold is valid"), "{said}");

    let wrong =
        Scratch::new("wrong", "name: wrong\nsource: {all: true}\nvault: backup-chain\ntime_zone: Mars\n");
    let also = Scratch::new("also", "name: [\n");
    let ran = offline(&format!("policy validate {} {gold} {}", wrong.path(), also.path())).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let told = ran
        .out
        .replace(wrong.path(), "wrong.yaml")
        .replace(also.path(), "also.yaml")
        .replace(&gold, "gold.yaml");
    insta::assert_snapshot!("validate", told);

    let ran =
        offline(&format!("policy validate {gold} --account 444455556666 --region eu-west-1 --json")).await;
    assert_eq!(ran.code, 1);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let problems = told[0]["problems"].as_array().unwrap();
    assert!(
        problems.iter().any(|problem| problem["what"].as_str().unwrap().contains("444455556666")),
        "{told}"
    );

    // Whatever one of them is, all are looked at.
    let twin = Scratch::new("twin", "name: gold\nsources: {all: true}\nvault: backup-chain\n");
    let line = format!("policy validate no-such-file.yaml {gold} {gold} {}", twin.path());
    let ran = offline(&line).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let told = ran.out.replace(twin.path(), "twin.yaml").replace(&gold, "gold.yaml");
    insta::assert_snapshot!(told, @r"
    no-such-file.yaml: there is no such file; name one that is there
    gold.yaml: policy gold is valid
    twin.yaml: name: gold.yaml holds a policy gold as well; give each a name of its own: the one that is applied last would replace the other
    ");
    let told: Value = serde_json::from_str(&offline(&format!("{line} --json")).await.out).unwrap();
    let parts = |index: usize| {
        let problem = &told[index]["problems"][0];
        ["path", "line", "what", "fix"].map(|part| problem[part].clone())
    };
    assert_eq!(
        parts(0),
        [Value::from(""), 0.into(), "there is no such file".into(), "name one that is there".into()]
    );
    assert_eq!(parts(2)[0], "name");
    let refused: Value =
        serde_json::from_str(&offline(&format!("policy plan {} --json", wrong.path())).await.out).unwrap();
    let problem = &refused["error"]["problems"][1];
    assert_eq!((&problem["path"], &problem["line"]), (&"source".into(), &2.into()));
    assert_eq!(
        (&problem["what"], &problem["fix"]),
        (&"unknown field".into(), &"did you mean \"sources\"?".into())
    );
}

#[tokio::test(start_paused = true)]
async fn the_home_of_a_policy_is_what_its_fields_say() {
    let validate = async |text: &str| {
        let file = Scratch::new("home", text);
        let ran = offline(&format!("policy validate {}", file.path())).await;
        (ran.code, ran.out.replace(file.path(), "home.yaml"))
    };
    let copies = "copies: [{vault: 'arn:aws:backup:eu-central-1:111122223333:backup-vault:copies'}]\n\
                  tiers: {daily: {at: 07:00, keep: 1 day, copy: {keep: 1 day}}}\n";
    // The ARN of the vault says the Region.
    let vault = format!(
        "name: a\nsources: {{all: true}}\nvault: arn:aws:backup:eu-central-1:111122223333:backup-vault:main\n{copies}"
    );
    let (code, told) = validate(&vault).await;
    assert_eq!(code, 1);
    assert!(told.contains("copies[0].vault: the vault is in eu-central-1, where the backups are"), "{told}");
    // What a comment or a description says is no ARN of the policy, and what is unknown is not told.
    let words = format!(
        "# arn:aws:dynamodb:eu-central-1:999999999999:table/orders\nname: a\nsources: {{all: true}}\nvault: main\n\
         description: see arn:aws:dynamodb:us-east-1:888888888888:table/orders\n{copies}"
    );
    assert_eq!(validate(&words).await, (0, "home.yaml: policy a is valid\n".to_owned()));
    let two = words.replace("}]", "}, {vault: 'arn:aws:backup:eu-west-1:222222222222:backup-vault:copies'}]");
    let (_, told) = validate(&two).await;
    assert!(
        told.contains("the vault is of account 222222222222, and this stack serves 111122223333"),
        "{told}"
    );
    assert!(!told.contains("source-region") && !told.contains("000000000000"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn slots_are_told_through_the_change_to_summer_time() {
    let gold = example("gold.yaml");
    let line = format!("policy plan {gold} --from 2026-03-28 --days 3 --timezone Europe/Berlin");
    insta::assert_snapshot!("policy-plan", offline(&format!("{line} --tables 3 --gib 90.5")).await.done());
    let berlin = offline(&format!("{line} --json")).await.json();
    assert_eq!(berlin["slots"][4]["local"], "Sun 2026-03-29 01:00 +01:00");
    assert_eq!(berlin["slots"][5]["local"], "Sun 2026-03-29 07:00 +02:00");
    assert_eq!(
        (&berlin["steady_state"]["copies"]["points"]["most"], &berlin["tables"]),
        (&Value::from(30), &Value::from(1))
    );
    let told =
        offline(&format!("policy plan {gold} --from 2026-03-28 --days 3 --timezone UTC --json")).await.json();
    let slots = told["slots"].as_array().unwrap();
    // Four a day, and the first of Tuesday in Berlin, where it is Monday still; the last day is a Monday.
    assert_eq!((told["from"].as_str(), slots.len()), (Some("2026-03-28T00:00:00Z"), 13));
    assert_eq!(slots[0]["slot"], "2026-03-28T00:00:00Z");
    assert_eq!(slots[4]["slot"], "2026-03-29T00:00:00Z");
    assert_eq!(slots[5]["slot"], "2026-03-29T05:00:00Z");
    assert_eq!(slots[9]["local"], "Mon 2026-03-30 05:00 +00:00");
    assert_eq!(slots[9]["tiers"][1]["tier"], "weekly");
    assert_eq!(slots[9]["tiers"][1]["copy_lapses"], "2026-05-04T05:00:00Z");
    assert_eq!(slots[9]["tiers"][0]["copy_lapses"], Value::Null);
    // Without a day it is from now on: the slot of this instant, and none that has passed.
    let told = offline(&format!("policy plan {gold} --json")).await.json();
    assert_eq!(
        (&told["from"], &told["slots"][0]["slot"]),
        (&"2026-01-05T00:00:00Z".into(), &"2026-01-05T00:00:00Z".into())
    );
    assert_eq!((&told["first_day"], &told["until"]), (&"2026-01-05".into(), &"2026-01-12T00:00:00Z".into()));
}

#[tokio::test(start_paused = true)]
async fn what_a_plan_cannot_mean_is_wrong_usage() {
    let gold = example("gold.yaml");
    for wrong in ["--tables 0", "--gib 1e30", "--gib -1", "--gib NaN", "--tables 4000000000"] {
        let ran = offline(&format!("policy plan {gold} {wrong}")).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong}: {ran:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn policies_are_applied_listed_and_shown() {
    let (world, _stack) = deployed("2026-01-05T00:00:00Z").await;
    assert!(cli(&world, "policy list").await.done().starts_with("no policy is stored"));
    let file = Scratch::new("apply", DAILY);
    let apply = format!("policy apply {}", file.path());
    let ran = cli(&world, &apply).await;
    assert!(ran.err.contains("policy daily is new; it covers 0 tables\n"), "{}", ran.err);
    assert_eq!((ran.code, ran.out.as_str()), (3, "policy daily is stored as revision 1\n"));
    assert_eq!(cli(&world, &apply).await.out, "policy daily is stored already, as revision 1\n");
    insta::assert_snapshot!("policies", cli(&world, "policy list").await.done());
    let listed = cli(&world, "policy list --json").await.json();
    assert_eq!(listed[0]["next_slot"], "2026-01-05T07:00:00Z");
    assert_eq!(cli(&world, "policy show daily").await.done(), format!("{}\n", DAILY.trim_end()));
    assert_eq!(cli(&world, "policy show daily --json").await.json()["document"], DAILY);

    let wrong = Scratch::new("refused", &DAILY.replace("keep: 3 days", "keep: 3 hours"));
    let ran = cli(&world, &format!("policy apply {}", wrong.path())).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("policy.yaml:7: tiers.daily.keep: "), "{}", ran.err);
    let wrong = Scratch::new("vault", &DAILY.replace("vault: backup-chain\n", "vault: elsewhere\n"));
    let refused = cli(&world, &format!("policy apply {}", wrong.path())).await.refusal();
    assert!(
        refused.starts_with("vault: the functions may not use vault elsewhere in eu-central-1"),
        "{refused}"
    );
    assert_eq!(cli(&world, "policy list --json").await.json().as_array().unwrap().len(), 1);
    let unknown = cli(&world, "policy show gold").await.refusal();
    assert_eq!(unknown, "there is no policy gold: see backup-chain policy list for the names");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_run_followed_and_listed() {
    let (world, mut stack, orders) = after_a_day().await;
    let before = points(&stack, &orders).await.len();
    let (ran, ()) =
        tokio::join!(cli(&world, "session run daily --wait"), stack.live(SignedDuration::from_hours(3)));
    assert!(ran.err.contains(" is running: 0 of 2 backups ended\n"), "{}", ran.err);
    insta::assert_snapshot!("session", steady(&ran.done()));
    assert_eq!(points(&stack, &orders).await.len(), before + 2);

    insta::assert_snapshot!("sessions", steady(&cli(&world, "session list").await.done()));
    let listed = cli(&world, "session list --limit 1 --json").await.json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["trigger"]), (1, &Value::from("by-hand")));
    assert_eq!(cli(&world, "session list --policy other").await.done(), "no sessions\n");
    let shown =
        cli(&world, &format!("session show {} --json", listed[0]["id"].as_str().unwrap())).await.json();
    assert_eq!((&shown["status"], shown["points"].as_array().unwrap().len()), (&Value::from("succeeded"), 4));

    let refused = cli(&world, "session run gold").await.refusal();
    assert!(refused.starts_with("there is no policy gold: apply it first"), "{refused}");
    let refused = cli(&world, "session show 01KE73DJG0C1V5K6TP3T2ZJ4ZD").await.refusal();
    assert!(refused.starts_with("there is no session 01KE73DJG0C1V5K6TP3T2ZJ4ZD: "), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_fails_is_exit_code_1() {
    let (world, mut stack, _) = after_a_day().await;
    world.with_backup(|backup| {
        backup
            .fail_next_backup("arn:aws:dynamodb:eu-central-1:111122223333:table/orders", "No space is left.");
    });
    let (ran, ()) =
        tokio::join!(cli(&world, "session run daily --wait"), stack.live(SignedDuration::from_hours(3)));
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("status   failed, 1 of 2") && ran.out.contains("No space is left."),
        "{}",
        ran.out
    );
    let ran = cli(&world, "backup orders --vault elsewhere").await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("problem  the functions may not use vault elsewhere in eu-central-1"),
        "{}",
        ran.out
    );
}

#[tokio::test(start_paused = true)]
async fn points_are_listed_by_chain_shown_and_opened() {
    let (world, mut stack, orders) = after_a_day().await;
    let (ran, ()) =
        tokio::join!(cli(&world, "backup orders nowhere --wait"), stack.live(SignedDuration::from_hours(3)));
    assert!(ran.out.contains("skipped  nowhere: there is no such table"), "{}", ran.out);
    assert_eq!(ran.code, 3);
    insta::assert_snapshot!("points", steady(&cli(&world, "points orders").await.done()));
    assert_eq!(cli(&world, "points nothing").await.done(), "table nothing has no restore points\n");

    let chains = cli(&world, "points orders --json").await.json();
    let kinds: Vec<&str> =
        chains.as_array().unwrap().iter().map(|chain| chain["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["backup", "copy", "manual"]);
    let id = chains[0]["points"][0]["id"].as_str().unwrap();
    assert_eq!(chains[1]["points"][0]["id"], id, "a copy has the id of its backup");

    let refused = cli(&world, &format!("point show orders {id}")).await.refusal();
    assert!(refused.ends_with("name one of them with --vault"), "{refused}");
    for vault in ["eu-central-1/backup-chain", "eu-west-1/backup-chain-copies"] {
        let shown = cli(&world, &format!("point show orders {id} --vault {vault} --json")).await.json();
        assert_eq!(shown["vault"], vault);
        assert!(shown.get("request").is_none() && shown["recovery_point"].is_string());
        let opened = cli(&world, &format!("metadata show orders {id} --vault {vault}")).await.json();
        assert_eq!(opened["id"], id);
        assert!(opened.to_string().contains(r#""team":"shop""#), "{opened}");
    }
    let shown =
        cli(&world, &format!("point show orders {id} --vault eu-central-1/backup-chain")).await.done();
    insta::assert_snapshot!("point", steady(&shown));

    // What does not authenticate is not shown.
    let point =
        points(&stack, &orders).await.into_iter().find(|point| point.kind == PointKind::Copy).unwrap();
    let arn = point.recovery_point().unwrap();
    world.with_backup(|backup| {
        let mut tags = backup.points(ACCOUNT, "eu-west-1", "backup-chain-copies");
        let mut tags =
            tags.swap_remove(tags.iter().position(|held| held.arn == arn.to_string()).unwrap()).tags;
        tags.remove("backup-chain/v1/0");
        backup.overwrite_tags(&arn.to_string(), tags);
    });
    let line = format!("metadata show orders {id} --vault eu-west-1/backup-chain-copies");
    let refused = cli(&world, &line).await.refusal();
    assert!(refused.contains("is not believed: "), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn retention_is_planned_and_run() {
    let (world, mut stack, orders) = after_a_day().await;
    let told = cli(&world, "retention plan orders --json").await.json();
    let fates: Vec<&str> =
        told["points"].as_array().unwrap().iter().map(|p| p["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, ["keep", "keep"]);
    let flag = &told["points"][0]["flags"][0];
    assert_eq!((&flag["lapses"], &flag["live"]), (&Value::from("2026-01-08T07:00:00Z"), &Value::from(true)));
    assert_eq!(told["points"][0]["why"][0], "daily 1 of 1 until 2026-01-08T07:00:00Z");
    assert_eq!(cli(&world, "retention plan nothing").await.done(), "there are no restore points\n");
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    let plan = cli(&world, "retention plan").await.done();
    insta::assert_snapshot!("retention", steady(&plan));
    let count = points(&stack, &orders).await.len();
    let told = cli(&world, "retention plan --json").await.json();
    assert_eq!(told["dry_run"], true);
    assert_eq!(points(&stack, &orders).await.len(), count, "a plan removes nothing");

    stack.reconfigure(|deployment| deployment.brakes.most_deletions = 1);
    let planned = cli(&world, "retention plan").await;
    assert_eq!((planned.code, planned.err.contains("braked: ")), (0, true), "{planned:#?}");
    let ran = cli(&world, "retention run").await;
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("braked: 2 restore points are outdated, more than the 1"), "{}", ran.err);
    let digest = told["digest"].as_str().unwrap();
    assert!(ran.err.contains(digest), "{}", ran.err);
    let told = cli(&world, &format!("retention run --confirm {digest}")).await.done();
    assert!(told.contains(": 6 kept, 2 removed\n"), "{told}");
    assert_eq!(points(&stack, &orders).await.len(), count - 1);
}

#[tokio::test(start_paused = true)]
async fn removal_by_hand_plans_shows_asks_and_removes() {
    let (world, mut stack, orders) = after_a_day().await;
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let oldest =
        all_points(&stack, &orders).await.into_iter().find(|point| point.kind == PointKind::Backup).unwrap();
    let state = async |stack: &Stack| {
        let of_id = |point: &RestorePoint| point.id == oldest.id && point.kind == PointKind::Backup;
        all_points(stack, &orders).await.into_iter().find(of_id).unwrap().state()
    };
    let line = format!("remove orders --point {} --vault eu-central-1/backup-chain --by ann", oldest.id);
    for input in ["", "n\n", "maybe\n"] {
        let ran = cli_answering(&world, &line, input).await;
        assert_eq!(ran.code, 1);
        assert!(
            ran.err.contains("would be removed: by an operator\nRemove 1 restore point for good? [y/N] "),
            "{}",
            ran.err
        );
        assert!(ran.err.ends_with("error: nothing is removed: answer y, or add --yes\n"), "{}", ran.err);
    }
    assert_eq!(state(&stack).await, State::Available);
    assert!(cli_answering(&world, &line, "yes\n").await.done().contains("removed"));
    assert_eq!(state(&stack).await, State::Deleted);
    let gone = cli(&world, &line).await.refusal();
    assert!(gone.contains("has no restore point"), "{gone}");
    assert!(!cli(&world, "points orders").await.done().contains("deleted"));
    assert!(cli(&world, "points orders --all").await.done().contains("by an operator"));

    let newest =
        points(&stack, &orders).await.into_iter().rfind(|point| point.kind == PointKind::Backup).unwrap();
    let line =
        format!("remove orders --point {} --vault eu-central-1/backup-chain --yes --by ann", newest.id);
    let kept = cli(&world, &line).await.refusal();
    assert!(
        kept.ends_with(
            "is kept: newest available; to remove it all the same, add --override-guard newest --reason WHY"
        ),
        "{kept}"
    );
    let overriding = format!("{line} --override-guard newest");
    let unreasoned = cli(&world, &overriding).await.refusal();
    assert_eq!(unreasoned, "to override a guard takes a reason, which stays in the history: say why");
    let told = cli(&world, &format!("{overriding} --reason moved-away")).await.done();
    assert!(told.contains("by an operator") && told.contains("guard newest overridden"), "{told}");
    insta::assert_snapshot!("history", steady(&cli(&world, "history").await.done()));

    assert!(cli(&world, "remove orders --manual").await.err.contains("there is nothing to remove"));
    let (ran, ()) =
        tokio::join!(cli(&world, "backup orders --wait"), stack.live(SignedDuration::from_hours(3)));
    let _ = ran.done();
    let removed = cli(&world, "remove orders --manual --yes --json").await.json();
    assert_eq!(removed["points"][0]["fate"], "removed");
    assert!(points(&stack, &orders).await.iter().all(|point| point.kind != PointKind::Manual));
}

#[tokio::test(start_paused = true)]
async fn the_command_itself_only_invokes_and_reads() {
    let (world, mut stack, orders) = after_a_day().await;
    let id = points(&stack, &orders).await[0].id.clone();
    let vault = "--vault eu-central-1/backup-chain";
    world.clear_calls();
    for line in [
        "policy list".to_owned(),
        "policy show daily".to_owned(),
        "session list".to_owned(),
        "points orders --all".to_owned(),
        format!("point show orders {id} {vault}"),
        format!("metadata show orders {id} {vault}"),
        "retention plan".to_owned(),
        "retention run".to_owned(),
        "retention runs".to_owned(),
        "history".to_owned(),
        format!("hold add orders {id} {vault} --reason audit"),
        "hold list".to_owned(),
        "policy disable daily".to_owned(),
        "policy enable daily".to_owned(),
        "backup carts".to_owned(),
    ] {
        let _ = cli(&world, &line).await.done();
    }
    let (ran, ()) =
        tokio::join!(cli(&world, "session run daily --wait"), stack.live(SignedDuration::from_hours(2)));
    let _ = ran.done();
    let mut own: Vec<String> = world
        .calls()
        .into_iter()
        .filter(|call| call.caller == "operator-at-the-desk")
        .map(|call| format!("{}:{}", call.service, call.operation))
        .collect();
    own.sort();
    own.dedup();
    assert_eq!(
        own,
        [
            "backup:DescribeRecoveryPoint",
            "backup:ListTags",
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "kms:Decrypt",
            "lambda:GetFunctionConfiguration",
            "lambda:Invoke",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_way_is_said_in_one_line() {
    let (world, _stack) = deployed("2026-01-05T00:00:00Z").await;
    for line in ["policy list --region eu-west-1", "policy list --stack-prefix other-"] {
        let refused = cli(&world, line).await.refusal();
        assert!(
            refused.starts_with("there is no function ") && refused.contains("--stack-prefix"),
            "{refused}"
        );
    }
    let once = |service, operation, fault| world.inject(FaultRule::new(service, operation, fault).times(1));
    once("lambda", "Invoke", Fault::Deny);
    let refused = cli(&world, "retention plan").await.refusal();
    assert!(
        refused.starts_with("you need the right lambda:InvokeFunction on function backup-chain-retention"),
        "{refused}"
    );
    once("lambda", "Invoke", Fault::Throttle);
    assert!(cli(&world, "retention plan").await.refusal().ends_with("try again in a minute"));
    once("dynamodb", "Query", Fault::Deny);
    let refused = cli(&world, "policy list").await.refusal();
    assert!(
        refused.starts_with("dynamodb:Query of backup-chain-catalog: AccessDeniedException"),
        "{refused}"
    );
    // An answer that is lost may have taken effect: nothing is invoked twice.
    world.clear_calls();
    once("lambda", "Invoke", Fault::TimeoutAfter);
    assert_eq!(cli(&world, "retention run").await.code, 1);
    let invoked = world.calls().into_iter().filter(|call| call.operation == "Invoke").count();
    assert_eq!(invoked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_planned_against_the_deployment() {
    let (world, _stack, _) = after_a_day().await;
    table(&world, "odd", &[]).await.unwrap();
    let changed = DAILY
        .replace("keep: 3 days", "keep: 4 days")
        .replace("sources: {tables: [orders, carts]}", "sources: {tables: [orders, nowhere]}")
        .replace("at: [07:00]", "at: [08:00]");
    let file = Scratch::new("planned", &changed);
    let told = cli(&world, &format!("policy plan {} --days 1 --deployed", file.path())).await.done();
    insta::assert_snapshot!("policy-plan-deployed", told);
    let same = Scratch::new("same", DAILY);
    let told = cli(&world, &format!("policy plan {} --deployed --json", same.path())).await.json();
    assert_eq!(
        (&told["apply"]["revision"], &told["apply"]["changed"]),
        (&Value::from(1), &Value::from(false))
    );
    assert_eq!(told["apply"]["tables"], serde_json::json!(["carts", "orders"]));
    let conflict = cli(&world, &format!("policy plan {} --deployed --gib 3", file.path())).await;
    assert_eq!(conflict.code, 2, "{conflict:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_smaller_keep_last_lets_go_is_told_beforehand() {
    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    for name in ["orders", "carts"] {
        table(&world, name, &[]).await.unwrap();
    }
    let careful = "name: daily\nsources: {tables: [orders, carts]}\nvault: backup-chain\nkeep_last: 3\n\
                   tiers: {daily: {at: [07:00], keep: 1 day}}\n";
    let file = Scratch::new("careful", careful);
    let _ = cli(&world, &format!("policy apply {}", file.path())).await.done();
    stack.live_until(at("2026-01-10T12:00:00Z")).await;
    let thrifty =
        careful.replace("name: daily", "name: thrifty\npriority: 1").replace("keep_last: 3", "keep_last: 1");
    let thrifty = Scratch::new("thrifty", &thrifty);
    let plan = format!("policy plan {} --deployed", thrifty.path());
    // Of each table the newest lives, and two stay by keep_last alone.
    let told = cli(&world, &plan).await.done();
    let line = "keep_last is 1, and 3 by policy daily: 4 outdated restore points of carts, orders go once there is a backup by \
                this policy\n";
    assert!(told.contains(line), "{told}");
    let told = cli(&world, &format!("{plan} --json")).await.json();
    assert_eq!(
        told["apply"]["released"],
        serde_json::json!([{"policy": "daily", "keep_last": 3, "next": 1, "tables": ["carts", "orders"], "points": 4}])
    );
    // So it is: once the other policy has made a backup, retention removes them.
    let orders = "orders".parse().unwrap();
    let kept = async |stack: &Stack| {
        let points = all_points(stack, &orders).await;
        let is_kept = |point: &&RestorePoint| {
            point.state() == State::Available
                && point.policy.as_ref().is_some_and(|by| by.name.as_str() == "daily")
        };
        points.iter().filter(is_kept).count()
    };
    assert!(kept(&stack).await >= 3);
    let _ = cli(&world, &format!("policy apply {}", thrifty.path())).await.done();
    stack.live_until(at("2026-01-12T23:00:00Z")).await;
    assert_eq!(kept(&stack).await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_longest_document_has_room_in_the_catalog() {
    let (world, _stack) = deployed("2026-01-05T00:00:00Z").await;
    let document = |letter: char| {
        let names: Vec<String> =
            (0..20).map(|number| format!("{letter}{number:02}{}", "x".repeat(200))).collect();
        let copies: Vec<String> = (0..20)
            .map(|number| {
                format!("{{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies-{number}'}}")
            })
            .collect();
        let text = format!(
            "name: long\nsources: {{prefixes: [{}]}}\nvault: backup-chain\ncopies: [{}]\n\
             tiers: {{daily: {{at: 07:00, keep: 1 day, copy: {{keep: 1 day}}}}}}\n",
            names.join(", "),
            copies.join(", ")
        );
        let rest = (128 << 10) - text.len() - 3;
        format!("{text}# {}\n", "é".repeat(rest / 2))
    };
    for letter in ['a', 'b'] {
        let file = Scratch::new("long", &document(letter));
        let told = cli(&world, &format!("policy apply {}", file.path())).await;
        assert!(told.out.starts_with("policy long is stored as revision "), "{told:?}");
    }
    let one_more = document('c').replace("# ", "#  é");
    let file = Scratch::new("too-long", &one_more);
    let ran = offline(&format!("policy validate {}", file.path())).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("policy: the text has 1310") && ran.out.contains("; write at most 131072"),
        "{ran:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn policies_are_switched_exported_and_deleted_and_their_revisions_stay() {
    let (world, mut stack, orders) = after_a_day().await;
    let off = cli(&world, "policy disable daily --by ann").await.done();
    assert_eq!(off, "policy daily is disabled\n");
    assert_eq!(cli(&world, "policy disable daily").await.done(), "policy daily is disabled already\n");
    assert!(cli(&world, "policy list").await.done().contains("no, by an operator"));
    // A document that is applied does not switch it on again.
    let file = Scratch::new("second", &DAILY.replace("keep: 3 days", "keep: 4 days"));
    let applied = cli(&world, &format!("policy apply {} --by ann", file.path())).await;
    assert!(applied.err.contains("was disabled by an operator and stays so"), "{}", applied.err);
    assert_eq!(applied.done(), "policy daily is stored as revision 2\n");
    let before = points(&stack, &orders).await.len();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    assert_eq!(points(&stack, &orders).await.len(), before, "no slot starts anything");
    assert_eq!(cli(&world, "policy enable daily --by ann").await.done(), "policy daily is enabled\n");
    stack.live_until(at("2026-01-06T12:30:00Z")).await;
    assert_eq!(points(&stack, &orders).await.len(), before, "nothing is owed from before");
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert_eq!(made.len(), before + 2);
    assert_eq!(made.last().unwrap().policy.as_ref().unwrap().revision, 2);

    assert_eq!(cli(&world, "policy show daily --revision 1").await.done(), format!("{}\n", DAILY.trim_end()));
    let unknown = cli(&world, "policy show daily --revision 3").await.refusal();
    assert_eq!(unknown, "policy daily has no revision 3: it has 1, 2");

    let folder = Scratch::new("export", "");
    let folder = Path::new(folder.path()).parent().unwrap().join("policies");
    let export = format!("policy export {}", folder.display());
    assert!(cli(&world, &export).await.done().starts_with("policy daily, revision 2, written to "));
    let written = folder.join("daily.yaml");
    assert!(std::fs::read_to_string(&written).unwrap().contains("keep: 4 days"));
    std::fs::write(&written, "mine").unwrap();
    let refused = cli(&world, &export).await.refusal();
    assert!(refused.contains("daily.yaml says something else than the stored policy"), "{refused}");
    let forced = cli(&world, &format!("{export} --force --json")).await.json();
    assert_eq!((&forced[0]["policy"], &forced[0]["written"]), (&Value::from("daily"), &Value::from(true)));
    std::fs::remove_dir_all(&folder).unwrap();

    let asked = cli_answering(&world, "policy delete daily", "n\n").await;
    assert!(asked.err.contains("stay for 90 days more\nDelete policy daily? [y/N] "), "{}", asked.err);
    assert_eq!(cli(&world, "policy delete daily --yes --by ann").await.done(), "policy daily is deleted\n");
    assert!(cli(&world, "policy list").await.done().starts_with("no policy is stored"));
    assert!(cli(&world, "policy list --all").await.done().contains("deleted"));
    let refused = cli(&world, "session run daily").await.refusal();
    assert!(refused.starts_with("there is no policy daily"), "{refused}");
    // Applied again it goes on with the next revision.
    assert_eq!(
        cli(&world, &format!("policy apply {}", file.path())).await.done(),
        "policy daily is stored as revision 3\n"
    );
    let history = cli(&world, "history --json").await.json();
    let done: Vec<&str> =
        history.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        done,
        [
            "policy-applied",
            "policy-deleted",
            "policy-enabled",
            "policy-applied",
            "policy-disabled",
            "policy-applied"
        ]
    );
    assert_eq!(history[1]["by"], "ann");
}

#[tokio::test(start_paused = true)]
async fn points_are_held_by_hand_and_lifted() {
    let (world, mut stack, orders) = after_a_day().await;
    let id = points(&stack, &orders).await[0].id.clone();
    assert_eq!(cli(&world, "hold list").await.done(), "nothing is held\n");
    let named = format!("orders {id} --vault eu-central-1/backup-chain");
    let held =
        cli(&world, &format!("hold add {named} --reason audit --until 2026-02-01 --by ann")).await.done();
    assert!(held.ends_with("is held: audit, by ann, until 2026-02-01 00:00:00 UTC\n"), "{held}");
    insta::assert_snapshot!("holds", steady(&cli(&world, "hold list").await.done()));
    let over = cli(&world, &format!("hold add {named} --reason audit --until 2026-01-01")).await.refusal();
    assert!(over.contains("would have ended already"), "{over}");
    stack.live_until(at("2026-01-20T12:00:00Z")).await;
    assert!(points(&stack, &orders).await.iter().any(|point| point.id == id), "it is held");
    let lifted = cli(&world, &format!("hold remove {named} --reason closed --by bob")).await.done();
    assert!(lifted.ends_with("is no longer held\n"), "{lifted}");
    let again = cli(&world, &format!("hold remove {named}")).await.refusal();
    assert!(again.ends_with("is not held"), "{again}");
    stack.live_until(at("2026-01-22T12:00:00Z")).await;
    assert!(!points(&stack, &orders).await.iter().any(|point| point.id == id), "it is outdated");
}

#[tokio::test(start_paused = true)]
async fn runs_are_remembered_chain_by_chain() {
    let (world, mut stack, _) = after_a_day().await;
    stack.live_until(at("2026-01-09T12:00:00Z")).await;
    insta::assert_snapshot!("runs", steady(&cli(&world, "retention runs --limit 2").await.done()));
    let runs = cli(&world, "retention runs --limit 1 --json").await.json();
    let shown = cli(&world, &format!("retention show {}", runs[0]["id"].as_str().unwrap())).await.done();
    insta::assert_snapshot!("run", steady(&shown));
    let unknown = cli(&world, "retention show 01KE73DJG0C1V5K6TP3T2ZJ4ZD").await.refusal();
    assert!(unknown.contains("see backup-chain retention runs"), "{unknown}");
}
