//! Lives of a deployment, each drawn from a seed, judged by the checker. One seed is one life, byte for byte.
//!
//! `BACKUP_CHAIN_SEEDS=0..1000` says which seeds are lived, `BACKUP_CHAIN_DAYS=60` for how long. `make simulation`
//! builds it for speed; `cargo test` alone lives eight of ten days. A seed that breaks a
//! rule tells the command that lives it again, and the fewest acts that still break the rule.

use std::collections::BTreeSet;
use std::ops::Range;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use backup_chain_checker::{Finding, check};
use backup_chain_tests::life::{act::Act, digest, draw::draw, live, shrink};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A life's acts, each with its number.
type Acts = Vec<(usize, Act)>;

/// The rules that a life breaks, each with what is told of it.
type Broken = Vec<(String, String)>;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str, otherwise: u64) -> u64 {
    variable(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

fn days() -> u32 {
    let otherwise = if cfg!(debug_assertions) { 10 } else { 30 };
    u32::try_from(number("BACKUP_CHAIN_DAYS", otherwise)).expect("a number of days")
}

/// `from..to`, or one seed.
fn seeds() -> Range<u64> {
    // Built for speed there is time for many.
    let otherwise = if cfg!(debug_assertions) { "0..8" } else { "0..200" };
    let text = variable("BACKUP_CHAIN_SEEDS").unwrap_or_else(|| otherwise.to_owned());
    let (from, to) = text.split_once("..").unwrap_or((&text, ""));
    let from: u64 = from.parse().expect("BACKUP_CHAIN_SEEDS is FROM..TO");
    from..if to.is_empty() { from + 1 } else { to.parse().expect("BACKUP_CHAIN_SEEDS is FROM..TO") }
}

fn acts(seed: u64, days: u32) -> Acts {
    draw(seed, days).into_iter().enumerate().collect()
}

/// What a life breaks; that it cannot be lived is told as well.
fn broken(seed: u64, acts: &[(usize, Act)]) -> Broken {
    match std::panic::catch_unwind(|| live(seed, acts)) {
        Ok(Ok(history)) => {
            let told = |finding: Finding| (finding.rule.to_owned(), finding.to_string());
            check(&history).into_iter().map(told).collect()
        }
        Ok(Err(error)) => vec![("life".to_owned(), format!("it could not be lived: {error}"))],
        Err(_) => vec![("panic".to_owned(), "a function panicked".to_owned())],
    }
}

fn command(seed: u64, days: u32, acts: Option<&Acts>) -> String {
    let only = acts.map_or_else(String::new, |acts| {
        let numbers: Vec<String> = acts.iter().map(|(number, _)| number.to_string()).collect();
        format!("BACKUP_CHAIN_ACTS={} ", numbers.join(","))
    });
    format!(
        "BACKUP_CHAIN_SEED={seed} BACKUP_CHAIN_DAYS={days} {only}cargo test --profile sim --workspace --test simulation -- --ignored --exact a_life_again --nocapture"
    )
}

/// Lives one life more, of which the command of a failure names the seed and the acts.
#[test]
#[ignore = "it lives again what BACKUP_CHAIN_SEED and BACKUP_CHAIN_ACTS name"]
fn a_life_again() {
    let (seed, mut acts) = (number("BACKUP_CHAIN_SEED", 0), acts(number("BACKUP_CHAIN_SEED", 0), days()));
    if let Some(only) = variable("BACKUP_CHAIN_ACTS") {
        let only: BTreeSet<&str> = only.split(',').collect();
        acts.retain(|(number, _)| only.contains(number.to_string().as_str()));
    }
    for (number, act) in &acts {
        println!("{number:4} {:#} {:?}", act.after, act.what);
    }
    let began = Instant::now();
    let history = live(seed, &acts).expect("it can be lived");
    let lived = began.elapsed();
    println!("{} entries in {lived:.1?}; digest {}", history.len(), digest(&history));
    if let Some(path) = variable("BACKUP_CHAIN_HISTORY") {
        std::fs::write(path, serde_json::to_vec(&history).expect("a history is JSON"))
            .expect("it can be written");
    }
    let found = check(&history);
    for finding in &found {
        println!("{finding}");
    }
    assert!(found.is_empty(), "{} findings", found.len());
}

#[test]
fn one_seed_is_one_history_in_any_process() {
    let digest_of = || {
        let test = std::env::current_exe().expect("a test is a program");
        let mut life = Command::new(test);
        life.args(["--ignored", "--exact", "a_life_again", "--nocapture"]);
        let life =
            life.env("BACKUP_CHAIN_SEED", "1").env("BACKUP_CHAIN_DAYS", "5").output().expect("it runs");
        let told = String::from_utf8_lossy(&life.stdout).into_owned();
        let line = told.lines().find_map(|line| Some(line.split_once("digest ")?.1.to_owned()));
        line.unwrap_or_else(|| panic!("no digest: {told}{}", String::from_utf8_lossy(&life.stderr)))
    };
    assert_eq!(digest_of(), digest_of());
}

#[test]
fn no_life_breaks_a_rule() {
    let (days, seeds, began) = (days(), seeds(), Instant::now());
    let next = AtomicU64::new(seeds.start);
    let bad: Mutex<Vec<(u64, Broken)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let thread = std::thread::Builder::new().stack_size(16 << 20);
            let lives = || {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| seeds.contains(seed))
                {
                    let found = broken(seed, &acts(seed, days));
                    if !found.is_empty() {
                        bad.lock().unwrap_or_else(PoisonError::into_inner).push((seed, found));
                    }
                }
            };
            thread.spawn_scoped(scope, lives).expect("a thread can be started");
        }
    });
    let (count, took) = (seeds.end - seeds.start, began.elapsed());
    let simulated = f64::from(days) * 86_400.0 * count as f64;
    println!(
        "{count} lives of {days} days in {took:.1?}: {:.0} times as fast as life",
        simulated / took.as_secs_f64()
    );
    let mut bad = bad.into_inner().unwrap_or_else(PoisonError::into_inner);
    bad.sort();
    for (seed, found) in &bad {
        println!("seed {seed}: {}", command(*seed, days, None));
        for (_, finding) in found.iter().take(10) {
            println!("  {finding}");
        }
    }
    if let Some((seed, found)) = bad.first() {
        let (rule, _) = &found[0];
        let still = |acts: &[(usize, Act)]| broken(*seed, acts).iter().any(|(broken, _)| broken == rule);
        let least = shrink(acts(*seed, days), still);
        println!("the least of seed {seed} that breaks {rule}:");
        for (number, act) in &least {
            println!("{number:4} {:#} {:?}", act.after, act.what);
        }
        println!("{}", command(*seed, days, Some(&least)));
    }
    assert!(bad.is_empty(), "{} of {count} lives break a rule", bad.len());
}
