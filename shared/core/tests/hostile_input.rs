//! Hostile input: what fuzzing found and grew from, read again, and a short run of mutations of it, the same each
//! time. What is large beyond reason is refused before any work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;

use std::fs;
use std::panic;
use std::path::Path;

use backup_chain_core::due::{self, PolicyState};
use backup_chain_core::invoke::{self, CopyRequest, RestoreRequest, RetentionRequest, SessionRequest};
use backup_chain_core::job_events::{self, Incoming};
use backup_chain_core::policy::{Home, Policy};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

/// What a target has in a folder of `fuzz/`, in the order of the names.
fn inputs(folder: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(folder).join(target);
    let Ok(files) = fs::read_dir(&folder) else { return Vec::new() };
    let mut found: Vec<_> = files
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    found.sort();
    found
}

fn take_each(folder: &str) -> usize {
    let mut taken = 0;
    for (target, take) in hostile::ALL {
        for (name, bytes) in inputs(folder, target) {
            let done = panic::catch_unwind(|| take(&bytes));
            assert!(done.is_ok(), "fuzz/{folder}/{target}/{name} fails: see the panic above");
            taken += 1;
        }
    }
    taken
}

#[test]
fn the_corpora_are_taken() {
    assert!(take_each("corpus") > 50, "the corpora are not where they are looked for");
}

#[test]
fn what_once_failed_is_taken() {
    assert!(take_each("regressions") > 0, "the regressions are not where they are looked for");
}

/// So many mutations of each target's corpus are taken.
const ROUNDS: usize = 100;
/// Inputs of a few kilobytes say as much as longer ones.
const LONGEST: usize = 8 << 10;

#[test]
fn mutations_of_the_corpora_are_taken() {
    for (number, (target, take)) in (0..).zip(hostile::ALL) {
        let mut corpus: Vec<Vec<u8>> = inputs("corpus", target).into_iter().map(|(_, bytes)| bytes).collect();
        corpus.retain(|bytes| bytes.len() <= LONGEST);
        assert!(!corpus.is_empty(), "fuzz/corpus/{target} is empty");
        let mut random = Random(ChaCha8Rng::seed_from_u64(number));
        for _ in 0..ROUNDS {
            let mut bytes = random.of(&corpus).clone();
            for _ in 0..=random.below(4) {
                random.mutate(&mut bytes, &corpus);
            }
            bytes.truncate(LONGEST);
            let done = panic::catch_unwind(|| take(&bytes));
            assert!(done.is_ok(), "{target} fails, see the panic above: {}", bytes.escape_ascii());
        }
    }
}

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0.next_u64() as usize % most.max(1)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A few bytes of a text.
    fn piece<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.below(bytes.len());
        let length = self.below(64).min(bytes.len() - start);
        &bytes[start..start + length]
    }

    /// One change, of the kinds that find most: a bit, a byte of the grammars, a piece that is cut out, doubled or
    /// taken from elsewhere.
    fn mutate(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        let end = (at + self.below(64)).min(bytes.len());
        match self.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = *self.of(b"\0\xff0919-+.:,'\"[]{}&*!#%|>/\\ \n"),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = self.piece(bytes).to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let from = self.of(corpus).clone();
                let piece = self.piece(&from).to_vec();
                bytes.splice(at..end, piece);
            }
            _ => {
                let from = self.of(corpus).clone();
                let piece = self.piece(&from).to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

fn home() -> Home {
    Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    }
}

fn refused(document: &str) -> String {
    Policy::parse(document, &home()).expect_err("the policy should be refused").to_string()
}

#[test]
fn a_document_beyond_any_policy_is_refused_before_it_is_read() {
    let long = format!("name: t\ndescription: '{}'\n", "x".repeat(128 << 10));
    insta::assert_snapshot!(refused(&long), @"policy: the text has 131096 bytes; write at most 131072; prefixes, patterns and tags name many tables at once");
    let deep = format!("name: {}", "[".repeat(60_000));
    insta::assert_snapshot!(refused(&deep), @"line 1: policy: the text holds more, or more deeply nested, than any policy; write at most 20000 values, 16 levels of lists and mappings, and 100 aliases");
    let nested = (0..40).fold("name: x".to_owned(), |text, _| format!("{{name: {text}}}"));
    insta::assert_snapshot!(refused(&nested), @"line 1: policy: the text holds more, or more deeply nested, than any policy; write at most 20000 values, 16 levels of lists and mappings, and 100 aliases");
    let many = format!("name: [{}]", "x,".repeat(30_000));
    insta::assert_snapshot!(refused(&many), @"line 1: policy: the text holds more, or more deeply nested, than any policy; write at most 20000 values, 16 levels of lists and mappings, and 100 aliases");
    let stream = "---\n".repeat(30_000);
    insta::assert_snapshot!(refused(&stream), @"line 2: policy: a second document begins here; give each policy a file of its own");
}

#[test]
fn a_bomb_of_aliases_is_refused_before_it_grows() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
    }
    insta::assert_snapshot!(refused(&bomb), @"line 5: policy: the text holds more, or more deeply nested, than any policy; write at most 20000 values, 16 levels of lists and mappings, and 100 aliases");
    let aliases = format!("a: &a x\nname: [{}]\n", "*a,".repeat(20_000));
    insta::assert_snapshot!(refused(&aliases), @"line 2: policy: the text holds more, or more deeply nested, than any policy; write at most 20000 values, 16 levels of lists and mappings, and 100 aliases");
    let anchors: String = (0..5_000).map(|number| format!("a{number}: &a{number} x\n")).collect();
    insta::assert_snapshot!(refused(&anchors), @"line 101: policy: the text holds more, or more deeply nested, than any policy; write at most 20000 values, 16 levels of lists and mappings, and 100 aliases");
}

#[test]
fn a_refusal_is_short_however_much_is_wrong() {
    let keys: String = (0..5_000).map(|number| format!("k{number}: 1\n")).collect();
    let lines = refused(&keys);
    assert_eq!(lines.lines().count(), 51);
    insta::assert_snapshot!(lines.lines().last().unwrap(), @"policy: 4953 more problems are not shown; correct these first");
    // Zones are compared with what is given, each with each of its letters.
    let zone = refused(&format!("time_zone: '{}'\n", "Europe/Berlin".repeat(9_000)));
    let line = zone.lines().find(|line| line.contains("time_zone")).unwrap();
    assert!(line.len() < 1_100 && line.contains("no time zone is called"), "{line}");
    let names = refused(&format!("{}: 1\n", "k".repeat(900)));
    assert!(names.contains("unknown field"), "{names}");
}

#[test]
fn patterns_are_few() {
    let patterns = |count: u32| {
        let list: Vec<String> = (0..count).map(|number| format!("'a-{number}-*'")).collect();
        format!("name: t\nvault: main\nsources: {{patterns: [{}]}}\n", list.join(", "))
    };
    assert!(Policy::parse(&patterns(100), &home()).is_ok());
    insta::assert_snapshot!(refused(&patterns(101)), @"line 3: sources.patterns: 101 patterns are too many; write at most 100");
}

/// All minutes of a day but the last hour: 28 years of them are fourteen million slots, which are never made one by
/// one.
#[test]
fn slots_of_many_years_are_compared_without_being_made() {
    let minutes: Vec<String> =
        (0..23 * 60).map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60)).collect();
    let tiers = format!(
        "tiers:\n  daily: {{at: &all [{}], keep: 2 days}}\n  yearly: {{on: 1 january, at: *all, keep: 2 years}}\n",
        minutes.join(", ")
    );
    let document = format!("name: t\nvault: main\nsources: {{all: true}}\nobjective: 1 hour\n{tiers}");
    insta::assert_snapshot!(refused(&document), @"line 4: objective: backups are up to 2 hours apart, so the newest would be older than 1 hours each time; write more than 2 hours, so that a backup has time to be made, or add slots");
}

/// A record that names each slot of months would be too large for the catalog, and no session would run again.
#[test]
fn of_very_many_missed_slots_the_latest_are_named() {
    let document = "{name: t, vault: main, sources: {all: true}, tiers: {daily: {hours: every hour, runs_per_hour: 12, keep: 2 days}}}";
    let policy = Policy::parse(document, &home()).unwrap();
    let state = PolicyState::starting(&policy, "2026-01-01T00:00:00Z".parse().unwrap());
    let due = due::due(&policy, &state, "2026-03-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(due.slot.to_string(), "2026-03-01T00:00:00Z");
    assert_eq!(due.missed.len(), 1_000);
    assert_eq!(due.missed.last().unwrap().slot.to_string(), "2026-02-28T23:55:00Z");
}

#[test]
fn a_request_beyond_any_is_refused_before_it_is_read() {
    fn why<T: serde::de::DeserializeOwned + std::fmt::Debug>(payload: Value) -> String {
        invoke::read::<T>(payload).expect_err("the request should be refused").to_string()
    }
    let tables = |count: usize| json!({"action": "backup", "tables": vec!["orders"; count]});
    assert!(invoke::read::<SessionRequest>(tables(1_000)).is_ok());
    insta::assert_snapshot!(why::<SessionRequest>(tables(1_001)), @"the payload is no request of this function: 1001 tables are too many for one request: name at most 1000; see the samples in events/");
    let by = json!({"action": "run", "policy": "gold", "by": "x".repeat(4_097)});
    insta::assert_snapshot!(why::<SessionRequest>(by), @"the payload is no request of this function: by has 4097 bytes: write at most 4096; see the samples in events/");
    let document = json!({"action": "check", "document": "x".repeat(100_000)});
    assert!(invoke::read::<SessionRequest>(document).is_ok(), "the policy language has its own bound");
    let vaults = json!({"action": "rebuild", "vaults": vec!["eu-west-1/copies"; 101]});
    insta::assert_snapshot!(why::<RetentionRequest>(vaults), @"the payload is no request of this function: 101 vaults are too many for one request: name at most 100; see the samples in events/");
    let tags: serde_json::Map<_, _> = (0..101).map(|number| (format!("t{number}"), json!("x"))).collect();
    let choices = json!({"action": "restore", "tables": [{"table": "orders"}], "choices": {"tags": tags}});
    insta::assert_snapshot!(why::<RestoreRequest>(choices), @"the payload is no request of this function: 101 tags are too many for one request: name at most 100; see the samples in events/");
    let field = json!({"action": "tick", "x".repeat(5_000): 1});
    insta::assert_snapshot!(why::<RestoreRequest>(field), @"the payload is no request of this function: the name of a field has 5000 bytes: write at most 4096; see the samples in events/");
    let action = json!({"action": "x".repeat(4_000)});
    assert!(why::<RestoreRequest>(action).len() < 4_300);
}

#[test]
fn messages_of_a_batch_are_few_and_small() {
    let batch = |count: usize| json!({"Records": vec![json!({"messageId": "1", "body": "{}"}); count]});
    assert!(job_events::read::<CopyRequest>(batch(100)).is_ok());
    insta::assert_snapshot!(job_events::read::<CopyRequest>(batch(101)).unwrap_err(), @"the batch cannot be read: it has 101 messages: send at most 100 at a time");
    insta::assert_snapshot!(job_events::read::<CopyRequest>(json!({"Records": {}})).unwrap_err(), @"the batch cannot be read: its Records are no list of messages");
    let long = json!({"messageId": "long", "body": format!("\"{}\"", "x".repeat(256 << 10))});
    let odd = [json!({"messageId": "odd", "body": 7}), json!(null), json!({"messageId": {}, "body": "[]"})];
    let event =
        json!({"source": "aws.backup", "detail-type": "Copy Job State Change", "detail": {"copyJobId": "j"}});
    let good = json!({"messageId": "good", "body": event.to_string()});
    let batch = json!({"Records": [long, odd[0], odd[1], odd[2], good]});
    let Ok(Incoming::Batch(records)) = job_events::read::<CopyRequest>(batch) else {
        panic!("it is no batch")
    };
    let told: Vec<String> = records
        .into_iter()
        .map(|record| match record.event {
            Ok(event) => format!("{}: {}", record.message, event.unwrap().job),
            Err(error) => format!("{}: {error}", record.message),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    long: the message cannot be read: it has 262146 bytes, and events have at most 262144
    odd: the message cannot be read: EOF while parsing a value at line 1 column 0
    : the message cannot be read: EOF while parsing a value at line 1 column 0
    : the event is "" of "", not a job event of aws.backup: check the rule that sends it
    good: j
    "#);
    let other = json!({"source": "x".repeat(9_000), "detail-type": "y"});
    assert!(job_events::read::<CopyRequest>(other).unwrap_err().to_string().len() < 400);
}
