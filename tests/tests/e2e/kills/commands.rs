//! The operator's command, killed while it works or waits.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use backup_chain_deployed::stack::TARGET;
use backup_chain_tests::kills::seen::{apply, asked, assert_quiet, items, list, tables, text};
use backup_chain_tests::kills::{Hunted, Strike, Victim};
use backup_chain_tests::served::Served;
use fastrand::Rng;
use serde_json::Value;

use super::{POLICY, asked_for, disable, fill, random, rich_table};

const TABLE: &str = "app-rich";

/// Moves the clock for those who wait, until it is dropped.
struct Moving {
    is_over: Arc<AtomicBool>,
    moves: Option<JoinHandle<()>>,
}

impl Moving {
    fn begin(served: &Served) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut advance = served.command("backup-chain-local", &["clock", "advance", "5s"]);
        advance.stdout(Stdio::null()).stderr(Stdio::null());
        let ended = Arc::clone(&is_over);
        let moves = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                assert!(advance.status().unwrap().success());
            }
        });
        Self { is_over, moves: Some(moves) }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.moves.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()), "the clock stands still");
    }
}

/// A restore that the command does itself, from a copy.
fn detached(hunted: &Hunted, name: &str) -> Child {
    let wanted = format!("{TABLE}={name}");
    let vault = ["--vault", "eu-west-1/backup-chain-copies", "--key", "aws-owned"];
    let args = [
        &[
            "restore",
            "detached",
            &wanted,
            "--records",
            hunted.folder.path().to_str().unwrap(),
            "--yes",
            "--json",
        ],
        &vault[..],
    ];
    let mut command = hunted.served.command("backup-chain", &args.concat());
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// A command that is only waited for.
fn begun(served: &Served, args: &[&str]) -> Child {
    served.command("backup-chain", args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A command that is killed within so many exchanges.
fn strike(rng: &mut Rng, command: &Child, within: usize) -> Strike {
    let delay = Duration::from_micros(if rng.bool() { rng.u64(0..30_000) } else { 0 });
    Strike { after: rng.usize(1..=within), delay, victim: Victim::Process(command.id()), pick: 0 }
}

/// Waits for a command that did what it was asked, unless it was killed.
fn was_killed(mut command: Child) -> bool {
    let status = command.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    !status.success()
}

#[tokio::test]
async fn commands_that_are_killed_leave_nothing_half_done() {
    let rounds = asked_for().unwrap_or(1);
    let mut rng = random("commands");
    let hunted = super::held("5m");
    let served = &hunted.served;
    let here = DynamoDb::new(&served.config().await);
    let there = DynamoDb::new(&served.config_in(TARGET).await);
    rich_table(&here, TABLE).await;
    served.clock(&["advance", "1m"]);
    fill(&here, TABLE).await;
    let items_then = items(&here, TABLE).await;
    apply(&hunted, POLICY);
    served.clock(&["advance", "4h"]);
    disable(&hunted);
    let (mut killed, mut went_on, mut restored, mut backups) = (0, 0, 0, 0);
    for round in 1..=rounds {
        let (again, abroad) = (format!("again-{round}"), format!("abroad-{round}"));
        let moving = Moving::begin(served);
        let mut first = detached(&hunted, &abroad);
        let restore = begun(served, &["restore", "start", &format!("{TABLE}={again}"), "--yes"]);
        let backup = begun(served, &["backup", TABLE, "--wait"]);
        if asked_for().is_none() {
            // What it then waits for takes a minute of anybody's time: the second command finds it done.
            while !tables(&there).await.contains(&abroad) {
                assert!(first.try_wait().unwrap().is_none(), "it has ended without a table");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let strikes =
            [strike(&mut rng, &first, 250), strike(&mut rng, &restore, 250), strike(&mut rng, &backup, 150)];
        println!("round {round}: {strikes:?}");
        hunted.arm(&strikes);
        let is_cut_off = was_killed(first);
        killed +=
            usize::from(is_cut_off) + usize::from(was_killed(restore)) + usize::from(was_killed(backup));
        went_on +=
            usize::from(is_cut_off && hunted.folder.path().join(&abroad).with_extension("json").exists());
        hunted.disarm();
        // The same command again, as its help says.
        let second = detached(&hunted, &abroad).wait_with_output().unwrap();
        drop(moving);
        assert!(second.status.success(), "{}", second.status);
        let told: Value = serde_json::from_slice(&second.stdout).unwrap();
        let told = &told["restores"][0]["restore"];
        assert_eq!(told["stage"], "succeeded", "{told:#}");
        let is_other = |it: &&Value| {
            it["outcome"] != "restored" && it["name"] != "stream" && it["name"] != "time to live"
        };
        let other: Vec<&Value> = list(&told["report"]).iter().filter(is_other).collect();
        assert!(other.is_empty(), "{other:#?}");
        assert_eq!(items(&there, &abroad).await, items_then, "{abroad}");

        served.clock(&["advance", "3h"]);
        let restores = asked(served, &["restore", "list", "--limit", "1000"]);
        let ours: Vec<&Value> = list(&restores).iter().filter(|it| it["target"] == again).collect();
        let is_there = tables(&here).await.contains(&again);
        match ours.as_slice() {
            [] => assert!(!is_there, "{again} is a table of no restore"),
            [restore] => {
                assert_eq!(restore["stage"], "succeeded", "{restore:#}");
                assert_eq!(items(&here, &again).await, items_then, "{again}");
                restored += 1;
            }
            several => panic!("{several:#?}"),
        }
        let sessions = asked(served, &["session", "list", "--limit", "1000"]);
        let manual: Vec<&Value> =
            list(&sessions).iter().filter(|session| session["trigger"] == "manual").collect();
        assert!(manual.iter().all(|session| session["status"] == "succeeded"), "{manual:#?}");
        assert!(manual.len() <= round && manual.len() >= backups, "{manual:#?}");
        backups = manual.len();
        let points = asked(served, &["points", TABLE]);
        let manual = list(&points).iter().filter(|chain| chain["kind"] == "manual");
        let made = manual.flat_map(|chain| list(&chain["points"]));
        assert_eq!(made.filter(|point| text(point, "state") == "available").count(), backups, "{points:#}");
        assert_eq!(tables(&there).await.iter().filter(|name| **name == abroad).count(), 1);
        assert_quiet(&here, served).await;
    }
    println!(
        "{killed} of {} commands killed; {went_on} detached restores went on from their record, {restored} restores and \
         {backups} backups had begun",
        3 * rounds
    );
    assert!(killed > 0);
    assert_eq!(hunted.panics(), [""; 0]);
}
