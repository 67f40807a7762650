//! The JSON Schema of the policy language: the one that is committed, and what it takes and refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use backup_chain_core::policy::{Home, Policy, schema};
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

fn root(path: &str) -> String {
    format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

/// As an editor reads it by YAML 1.2; numbers with zeros before them or with underscores are texts to the language.
fn tree(yaml: &str) -> Value {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
    };
    serde_saphyr::from_str_with_options(yaml, options).unwrap()
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

/// What the schema does not say: it takes what the language refuses with these words.
const BEYOND_A_SCHEMA: &[&str] = &[
    // Equal items that are written differently.
    "is named twice",
    "is given twice",
    // What hangs together over several fields.
    "would be gone before the next",
    "no tier has a copy rule",
    "the policy names no vault to copy to",
    "and only a backup can be copied",
    "it excludes everything that sources selects",
    "nothing is kept for long enough",
    "backups are up to",
    "no tier makes backups that could keep it",
    "there is no day",
    "not every february",
    // What only the home of the policy, or the time-zone database, says.
    "and this stack",
    "where the backups are",
    "no time zone is called",
];

/// Values of each field, right and wrong: the more of both, the more the two are compared in.
const VALUES: &[(&str, &[&str])] = &[
    ("name", &["gold", "'42'", "42", "a b", "''", "~", "[a]", "true", "yes", "GOLD.1-x_y"]),
    (
        "description",
        &["x", "'a: b'", "1", "~", "no", "\"a\\nb\"", "\"a\\eb\"", "\"\\u202e\"", "''", "{a: b}", "[x]"],
    ),
    (
        "priority",
        &[
            "1", "1000", "1.0", "1e2", "0", "1001", "-1", "1.5", "'3'", "high", "~", "+5", "0x10", "007",
            "1_000",
        ],
    ),
    ("enabled", &["true", "false", "yes", "NO", "on", "True", "FALSE", "1", "~", "'true'"]),
    ("time_zone", &["UTC", "Europe/Berlin", "Factory", "europe/berlin", "Mars", "1", "''"]),
    (
        "vault",
        &[
            "main",
            "a",
            "arn:aws:backup:eu-central-1:111122223333:backup-vault:main",
            "'a b'",
            "42",
            "'42'",
            "arn:aws:backup:eu-west-1:111122223333:backup-vault:main",
            "arn:aws:backup:eu-central-1:1111:backup-vault:main",
            "[main]",
        ],
    ),
    ("keep_last", &["1", "3.0", "0", "1001", "1.5", "one", "1 day", "99999999999999999999"]),
    (
        "after_drop",
        &[
            "90 days",
            " 90  days ",
            "1 day",
            "1 days",
            "36500 days",
            "36501 days",
            "5214 weeks",
            "5215 weeks",
            "1200 months",
            "1201 months",
            "100 years",
            "101 years",
            "0 days",
            "+3 days",
            "03 days",
            "3",
            "3 hours",
            "3days",
            "3 Days",
            "-1 days",
            "1.5 days",
            "\"3\\tdays\"",
            "65536 days",
            "4294967296 weeks",
            "''",
            "[3 days]",
        ],
    ),
    (
        "start_window",
        &[
            "8",
            "1",
            "12",
            "13",
            "0",
            "8.0",
            "8.5",
            "8 hours",
            "1 hour",
            "1 hours",
            "12 hours",
            "13 hours",
            "0 hours",
            "+8 hours",
            "08 hours",
            "8 hourss",
            "8 h",
            "'8'",
            "480 minutes",
            " 8  hours ",
            "~",
        ],
    ),
    (
        "retries",
        &[
            "{}",
            "{attempts: 0}",
            "{attempts: 10}",
            "{attempts: 11}",
            "{attempts: -1}",
            "{pause: 5}",
            "{pause: 60 minutes}",
            "{pause: 61 minutes}",
            "{pause: 61}",
            "{pause: 0}",
            "{pause: 1 minute}",
            "{notices: each}",
            "{notices: Each}",
            "{notices: ~}",
            "3",
            "{tries: 3}",
            "[]",
        ],
    ),
    (
        "cold_after",
        &["30", "30 days", "0 days", "36410", "36411", "36410 days", "36411 days", "1 month", "+30 days"],
    ),
    ("objective", &["24", "9000 hours", "8784 hours", "8785", "0", "900 hours", "1 hour", "3 days"]),
    (
        "tags",
        &[
            "{a: b}",
            "{a: ''}",
            "{'': b}",
            "{}",
            "[]",
            "{a: 1}",
            "{a: ~}",
            "{a: yes}",
            "[{key: a, value: b}]",
            "{key: a, value: b}",
            "{key: a}",
            "{key: a, colour: b}",
            "[{key: a}]",
            "[{key: a, value: b, more: c}]",
            "{'aws:a': b}",
            "{'AWS:a': b}",
            "{backup-chain/x: b}",
            "{a: 'b,c'}",
            "{'a,b': c}",
            "{Größe: 'über 3'}",
            "{a: '🥇'}",
            "{1: x}",
            "[a]",
            "a",
            "{a: 1x, b: 1x, c: 1x, d: 1x, e: 1x, f: 1x, g: 1x, h: 1x, i: 1x, j: 1x}",
            "{a: 1x, b: 1x, c: 1x, d: 1x, e: 1x, f: 1x, g: 1x, h: 1x, i: 1x, j: 1x, k: 1x}",
        ],
    ),
    (
        "exclude",
        &[
            "{tables: abc}",
            "{all: true}",
            "{all: false}",
            "{}",
            "{patterns: '**'}",
            "{patterns: '?*'}",
            "{patterns: '????*'}",
            "{patterns: [a*]}",
            "{prefixes: tmp-}",
            "{prefixes: ''}",
            "{tags: {a: b}}",
            "{tables: abc, all: false}",
            "{tables: []}",
        ],
    ),
    (
        "sources",
        &[
            "{all: true}",
            "{all: false}",
            "{all: yes}",
            "{}",
            "{all: true, tables: [abc]}",
            "{all: false, tables: [abc]}",
            "{tables: abc}",
            "{tables: [ab]}",
            "{tables: ['123']}",
            "{tables: [123]}",
            "{tables: [abc, abc]}",
            "{tables: ['a*c']}",
            "{tables: ['arn:aws:dynamodb:eu-central-1:111122223333:table/orders']}",
            "{tables: ['arn:aws:dynamodb:eu-west-1:111122223333:table/orders']}",
            "{tables: ['arn:aws:s3:::bucket']}",
            "{prefixes: [a]}",
            "{prefixes: ['a*']}",
            "{prefixes: ['']}",
            "{prefixes: [a b]}",
            "{patterns: ['*']}",
            "{patterns: ['***']}",
            "{patterns: ['?*?']}",
            "{patterns: ['??']}",
            "{patterns: ['???']}",
            "{patterns: [abc]}",
            "{patterns: ['a?']}",
            "{patterns: ['a?c']}",
            "{patterns: ['a*']}",
            "{patterns: ['a b*']}",
            "{tags: {a: b}}",
            "{tags: {'aws:ResourceTag/a': b}}",
            "{tags: {'aws:cloudformation:stack-name': b}}",
            "{tags: {'aws:requestTag/a': b}}",
            "{tag: {a: b}}",
            "[]",
        ],
    ),
    (
        "copies",
        &[
            "[]",
            "[{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]",
            "{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}",
            "[{vault: copies}]",
            "[copies]",
            "[{vault: 'arn:aws:backup:eu-central-1:111122223333:backup-vault:copies'}]",
            "[{}]",
        ],
    ),
    ("colour", &["red"]),
];

/// Values of a rule's fields.
const ON: &[&str] = &[
    "monday",
    "Monday",
    "' monday '",
    "[monday, thursday]",
    "[monday, Monday]",
    "every day",
    "workdays",
    "Every Day",
    "'every  day'",
    "weekdays",
    "mondays",
    "[]",
    "1",
    "[every day]",
    "first monday",
    "First  MONDAY",
    "fifth monday",
    "last day",
    "last  day",
    "day 1",
    "day 15",
    "day 015",
    "day 05",
    "day 28",
    "day 29",
    "day 31",
    "day 32",
    "day 0",
    "day +5",
    "'15'",
    "15",
    "last day of february",
    "first monday of january",
    "31 december",
    "31 june",
    "29 february",
    "28 february",
    "05 may",
    "+5 may",
    "5 brumaire",
    "day 1 of may",
    "last friday of",
    "1 may",
    "~",
];
const TIMES: &[&str] = &[
    "07:00",
    "7:00",
    "['07:00', '19:00']",
    "['07:00', '7:00']",
    "24:00",
    "'7'",
    "7",
    "07:60",
    "[]",
    "' 07:00'",
    "[[07:00]]",
];
const KEEPS: &[&str] = &[
    "1 day",
    "3 days",
    "5 weeks",
    "13 months",
    "9 years",
    "100 years",
    "101 years",
    "forever",
    "+3 days",
    "~",
];
const HOURS: &[&str] = &[
    "every hour",
    "Every Hour",
    "every hours",
    "[8, 12]",
    "8",
    "8.0",
    "24",
    "-1",
    "[8, 8]",
    "'8'",
    "[]",
    "8.5",
];
const RUNS: &[&str] = &["1", "2", "5", "7", "12", "13", "0", "2.0", "two"];
const MONTHS: &[&str] = &["all", "All", "may", "[May, june]", "[]", "jan", "[all]", "2"];

fn rule() -> impl Strategy<Value = String> {
    let field = |name: &'static str, values: &'static [&'static str], often: f64| {
        prop::option::weighted(often, select(values))
            .prop_map(move |value| value.map(|value| format!("{name}: {value}")))
    };
    let slots = move || {
        (
            field("on", ON, 0.8),
            field("at", TIMES, 0.8),
            field("hours", HOURS, 0.15),
            field("runs_per_hour", RUNS, 0.1),
            field("months", MONTHS, 0.2),
        )
            .prop_map(|(on, at, hours, runs, months)| [on, at, hours, runs, months])
    };
    let joined = |fields: Vec<Option<String>>| fields.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let copy = (slots(), field("keep", KEEPS, 0.9)).prop_map(move |(slots, keep)| {
        Some(format!("copy: {{{}}}", joined(slots.into_iter().chain([keep]).collect())))
    });
    (slots(), field("keep", KEEPS, 0.95), prop_oneof![6 => Just(None), 1 => copy])
        .prop_map(move |(slots, keep, copy)| joined(slots.into_iter().chain([keep, copy]).collect()))
}

/// A document in which one or two fields are drawn, and the others are right.
fn drawn() -> impl Strategy<Value = String> {
    let field = select(VALUES).prop_flat_map(|(name, values)| {
        select(values).prop_map(move |value| (name.to_owned(), value.to_owned()))
    });
    let tiers = (select(&["daily", "weekly", "monthly", "yearly", "hourly"][..]), rule())
        .prop_map(|(tier, rule)| ("tiers".to_owned(), format!("{{{tier}: {{{rule}}}}}")));
    prop::collection::vec(prop_oneof![1 => field, 1 => tiers], 1..3).prop_map(|fields| {
        let mut lines = std::collections::BTreeMap::from(
            [("name", "test"), ("sources", "{all: true}"), ("vault", "main")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        lines.extend(fields);
        lines.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    })
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(validator);

/// Panics where the schema and the language do not agree on a document, and not because a schema cannot say it.
fn agree(text: &str) {
    let told: Vec<String> = VALIDATOR.iter_errors(&tree(text)).map(|error| error.to_string()).collect();
    match policy(text) {
        Ok(_) => assert!(told.is_empty(), "the language takes what the schema refuses:\n{text}\n{told:#?}"),
        Err(problems) => {
            let beyond = |line: &str| BEYOND_A_SCHEMA.iter().any(|words| line.contains(words));
            let within: Vec<&str> = problems.lines().filter(|line| !beyond(line)).collect();
            assert!(
                !told.is_empty() || within.is_empty(),
                "the schema takes what the language refuses:\n{text}\n{within:#?}"
            );
        }
    }
}

#[test]
fn the_schema_and_the_language_agree_on_each_value() {
    for (name, values) in VALUES {
        for value in *values {
            let mut lines: Vec<String> = [("name", "test"), ("sources", "{all: true}"), ("vault", "main")]
                .into_iter()
                .filter(|(given, _)| given != name)
                .map(|(name, value)| format!("{name}: {value}\n"))
                .collect();
            lines.push(format!("{name}: {value}\n"));
            agree(&lines.concat());
        }
    }
    for tier in ["daily", "weekly", "monthly", "yearly"] {
        for on in ON {
            agree(&with(&format!("tiers: {{{tier}: {{on: {on}, at: 07:00, keep: 9 years}}}}")));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_schema_and_the_language_agree(text in drawn()) {
        agree(&text);
    }
}
