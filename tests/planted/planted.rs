//! A fault is planted in the functions: some life must show it, and the rule that names it must find it.
//!
//! `BACKUP_CHAIN_PLANTED` names the fault, `BACKUP_CHAIN_RULE` the rule; without a rule nothing is planted, and nothing
//! must be found.

#![expect(clippy::print_stdout, reason = "how many lives it took")]

use std::collections::BTreeMap;

use backup_chain_checker::check;
use backup_chain_tests::life::{draw::draw, live};

const SEEDS: u64 = 20;
const DAYS: u32 = 30;

#[test]
fn the_rule_finds_the_fault() {
    let rule = std::env::var("BACKUP_CHAIN_RULE").unwrap_or_default();
    let mut others: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        let acts: Vec<_> = draw(seed, DAYS).into_iter().enumerate().collect();
        let findings = check(&live(seed, &acts).expect("it can be lived"));
        if let Some(finding) = findings.iter().find(|finding| finding.rule == rule) {
            println!("found in {} lives: {finding}", seed + 1);
            return;
        }
        for finding in findings {
            *others.entry(finding.rule).or_default() += 1;
        }
    }
    println!("other rules: {others:?}");
    assert!(rule.is_empty() && others.is_empty(), "not found in {SEEDS} lives");
}
