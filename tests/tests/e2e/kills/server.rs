//! The embedded AWS itself is killed. Its memory is its state: what is to hold is that nothing of it is left, and that
//! whoever asks is told.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use backup_chain_tests::kills::seen::{apply, asked};
use backup_chain_tests::kills::{Hunted, Strike, Victim};
use backup_chain_tests::served::Served;
use serde_json::json;

use super::{FEW, POLICY, START, asked_for, plain_table, random};

/// How often one looks for what ends by itself, and how often at most.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 1200;

/// What a command says that ends by itself.
fn ended(mut command: Command) -> Output {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for _ in 0..LOOKS {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        thread::sleep(LOOK);
    }
    let _ = child.kill();
    panic!("it hangs: {command:?}");
}

/// Every command says in one line that nobody answers.
fn assert_refused(served: &Served, folder: &str) {
    let vault = ["--vault", "eu-west-1/backup-chain-copies", "--records", folder, "--yes"];
    let detached = [&["restore", "detached", "app-0"], &vault[..]].concat();
    let commands: [&[&str]; 9] = [
        &["points", "app-0"],
        &["session", "list"],
        &["session", "run", "daily", "--wait"],
        &["backup", "app-0", "--wait"],
        &["restore", "start", "app-0=again", "--yes"],
        &detached,
        &["policy", "list"],
        &["retention", "run"],
        &["doctor"],
    ];
    let asked = commands.map(|args| (args.join(" "), served.command("backup-chain", args)));
    let clock = ("clock".to_owned(), served.command("backup-chain-local", &["clock", "advance", "1h"]));
    let asked: Vec<_> = asked
        .into_iter()
        .chain([clock])
        .map(|(name, command)| (name, thread::spawn(move || ended(command))))
        .collect();
    for (name, answer) in asked {
        let answer = answer.join().unwrap();
        let said = String::from_utf8(answer.stderr).unwrap();
        let errors: Vec<&str> = said.lines().filter(|line| !line.ends_with(" ...")).collect();
        assert!(answer.status.code().is_some_and(|code| code != 0), "{name}: {}: {said}", answer.status);
        assert!(answer.stdout.is_empty(), "{name}: {:?}", String::from_utf8_lossy(&answer.stdout));
        assert!(matches!(errors.as_slice(), [line] if line.starts_with("error: ")), "{name}: {said}");
    }
    assert!(!fs::exists(format!("{folder}/app-0.json")).unwrap());
}

/// What there is in the folder for what is temporary.
fn temporary(folder: &std::path::Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    all.filter(|name| name.starts_with("backup-chain-")).collect()
}

#[tokio::test]
async fn nothing_is_left_of_an_embedded_aws_that_is_killed() {
    let rounds = asked_for().unwrap_or(FEW);
    let mut rng = random("the embedded AWS");
    for round in 1..=rounds {
        let mut hunted = super::held("1m");
        let dynamodb = DynamoDb::new(&hunted.served.config().await);
        for number in 0..4 {
            plain_table(&dynamodb, &format!("app-{number}")).await;
        }
        hunted.served.clock(&["advance", "1m"]);
        apply(&hunted, POLICY);
        let delay = Duration::from_micros(if rng.bool() { rng.u64(0..30_000) } else { 0 });
        let victim = Victim::Process(hunted.served.id());
        let strike = Strike { after: rng.usize(1..=300), delay, victim, pick: 0 };
        println!("round {round}: {strike:?}");
        hunted.arm(&[strike]);
        let mut moving = hunted.served.command("backup-chain-local", &["clock", "advance", "1h"]);
        let moved = moving.output().unwrap();
        if moved.status.success() {
            hunted.kill(victim, 0);
        } else {
            let said = String::from_utf8(moved.stderr).unwrap();
            assert!(said.lines().last().unwrap().starts_with("error: the embedded AWS went away"), "{said}");
        }
        assert_eq!(hunted.served.process.wait().unwrap().signal(), Some(9));
        let functions = hunted.served.functions().len();
        assert_refused(&hunted.served, hunted.folder.path().to_str().unwrap());
        succeeds(&hunted);
        let mut left = Vec::new();
        for _ in 0..LOOKS {
            left = hunted.served.functions();
            if left.is_empty() {
                break;
            }
            thread::sleep(LOOK);
        }
        println!("  {functions} processes of functions were left by the kill");
        assert_eq!(left, [0; 0], "functions that outlive the embedded AWS");
    }
}

/// Another one takes its port, and its place in the folder, and knows nothing of it.
fn succeeds(hunted: &Hunted) {
    let address = &hunted.served.variables["AWS_ENDPOINT_URL"];
    let (_, port) = address.rsplit_once(':').unwrap();
    let mut serve = Served::local();
    serve.env("TMPDIR", hunted.folder.path());
    let options = ["--port", port, "--deploy", "--clock", "held", "--start", START];
    let mut next = Served::start(serve, &options);
    assert_eq!(next.variables["AWS_ENDPOINT_URL"], *address);
    assert_eq!(asked(&next, &["session", "list"]), json!([]));
    assert_eq!(temporary(hunted.folder.path()).len(), 1, "{:?}", temporary(hunted.folder.path()));
    next.signal("TERM");
    assert!(next.process.wait().unwrap().success());
    assert_eq!(temporary(hunted.folder.path()), [""; 0]);
}
