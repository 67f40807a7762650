//! The JSON Schema of the policy language: the one that is committed, and what it takes and refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::policy::{Home, Policy, schema};
use jsonschema::Validator;
use serde_json::Value;

fn root(path: &str) -> String {
    format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn tree(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

fn policy(yaml: &str) -> Result<Policy, String> {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(yaml, &home).map_err(|errors| errors.to_string())
}

/// A small policy with `more` added at its end, and a target where copies need one.
fn with(more: &str) -> String {
    let copies = "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]\n";
    let copies = if more.contains("copy") { copies } else { "" };
    format!("name: test\nsources: {{all: true}}\nvault: main\n{copies}{more}\n")
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let path = root("docs/policy.schema.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let now = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    assert!(committed == now, "{path} is out of date: backup-chain policy schema > docs/policy.schema.json");
}

#[test]
fn the_examples_fit() {
    for name in ["gold", "silver", "bronze"] {
        let text = std::fs::read_to_string(root(&format!("examples/policies/{name}.yaml"))).unwrap();
        assert!(
            text.starts_with("# yaml-language-server: $schema=../../docs/policy.schema.json\n"),
            "{name}"
        );
        let errors: Vec<String> =
            validator().iter_errors(&tree(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        // Its canonical form fits as well.
        let canonical = serde_json::to_value(policy(&text).unwrap()).unwrap();
        assert!(validator().is_valid(&canonical), "{canonical:#}");
    }
}

#[test]
fn what_the_language_takes_the_schema_takes() {
    let taken = [
        "tiers: {daily: {at: 07:00, keep: 1 day}}",
        "tiers: {daily: {at: ['7:00', 19:00], on: Workdays, keep: 3 days, copy: {at: 19:00, on: monday, keep: 2 weeks}}}",
        "tiers: {daily: {hours: every hour, runs_per_hour: 12, keep: 1 day}}",
        "tiers: {daily: {hours: [8, 20], keep: 1 day, copy: {hours: 8, keep: 1 day}}}",
        "tiers: {weekly: {on: [Monday, thursday], at: 07:00, keep: 2 weeks}}",
        "tiers: {monthly: {on: last day, months: [March, june], at: 07:00, keep: 1 year}}",
        "tiers: {monthly: {on: first monday, months: all, at: 07:00, keep: 2 months, copy: {months: may, keep: 13 months}}}",
        "tiers: {yearly: {on: last day of february, at: 07:00, keep: 7 years}}",
        "exclude: {tables: orders, prefixes: [tmp-], patterns: '*-old', tags: {a: b}}",
        "tags: [{key: a, value: b}]\npriority: 3\nenabled: false\ndescription: x\nkeep_last: 3\nafter_drop: 1 year",
        "retries: {attempts: 0}\nstart_window: 4 hours\ntime_zone: Europe/Berlin",
        "retries: {pause: 5, notices: each}\nstart_window: 4",
        "cold_after: 30 days\nobjective: 900 hours\ntiers: {monthly: {on: day 1, at: 07:00, keep: 2 years}}",
    ];
    for more in taken {
        let text = with(more);
        policy(&text).unwrap_or_else(|error| panic!("{more}: {error}"));
        let errors: Vec<String> =
            validator().iter_errors(&tree(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{more}: {errors:?}");
    }
}

#[test]
fn what_an_editor_can_tell_it_tells() {
    let refused = [
        "colour: red",
        "priority: 0",
        "enabled: maybe",
        "sources: {alle: true}",
        "copies: []",
        "copies: [{vault: copies}]",
        "tiers: {hourly: {at: 07:00, keep: 1 day}}",
        "tiers: {daily: {keep: 1 day}}",
        "tiers: {daily: {at: 25:00, keep: 1 day}}",
        "tiers: {daily: {at: 07:00}}",
        "tiers: {daily: {at: 07:00, keep: forever}}",
        "tiers: {daily: {at: 07:00, keep: 0 days}}",
        "tiers: {daily: {hours: 24, keep: 1 day}}",
        "tiers: {daily: {hours: 7, runs_per_hour: 7, keep: 1 day}}",
        "tiers: {weekly: {at: 07:00, keep: 2 weeks}}",
        "tiers: {weekly: {on: mondy, at: 07:00, keep: 2 weeks}}",
        "tiers: {weekly: {on: monday, at: 07:00, keep: 2 weeks, copy: {}}}",
        "tiers: {weekly: {on: monday, months: all, at: 07:00, keep: 2 weeks}}",
        "tiers: {monthly: {on: day 1, months: brumaire, at: 07:00, keep: 2 months}}",
        "retries: {attempts: 11}",
        "retries: {pause: 2 hours}",
        "retries: {notices: never}",
        "objective: 3 days",
        "tags: []",
        "tags: {a: 1}",
        "after_drop: 3 hours",
    ];
    let patterns = format!("sources: {{patterns: [{}]}}", vec!["a*"; 101].join(", "));
    for more in refused.into_iter().chain([patterns.as_str()]) {
        let text = with(more).replace(
            "sources: {all: true}\n",
            if more.contains("sources") { "" } else { "sources: {all: true}\n" },
        );
        assert!(policy(&text).is_err(), "the language takes {more}");
        assert!(!validator().is_valid(&tree(&text)), "the schema takes {more}");
    }
    let tree = serde_json::json!({"name": "t", "vault": "main"});
    assert!(!validator().is_valid(&tree), "sources are required");
}
