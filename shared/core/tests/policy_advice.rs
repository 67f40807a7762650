//! What can match nothing is refused, in words of ours, with advice that is accepted when it is followed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::policy::{Home, Policy, PolicyErrors};

fn parse(text: &str) -> Result<Policy, PolicyErrors> {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(text, &home)
}

const COPIES: &str = "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]\n";

/// A small policy with these lines, and with what it needs beside them.
fn with(lines: &str) -> String {
    let has = |name: &str| lines.lines().any(|line| line.starts_with(name));
    let mut text = String::new();
    for (name, line) in
        [("name:", "name: test\n"), ("sources:", "sources: {all: true}\n"), ("vault:", "vault: main\n")]
    {
        text.push_str(if has(name) { "" } else { line });
    }
    text.push_str(if lines.contains("copy:") && !has("copies:") { COPIES } else { "" });
    format!("{text}{lines}\n")
}

/// Each refused document, a part of what is told of it, and the same document with the advice followed.
const REFUSED: &[(&str, &str, &str)] = &[
    // Tags that no table can have.
    (
        "sources: {tags: {'aws:ResourceTag/backup': gold}}",
        "write the tag's key alone: \"backup\"",
        "sources: {tags: {backup: gold}}",
    ),
    (
        "sources: {tags: {backup: 'gold 🥇'}}",
        "letters, digits, spaces and",
        "sources: {tags: {backup: gold}}",
    ),
    ("sources: {tags: {'back,up': gold}}", "letters, digits, spaces and", "sources: {tags: {backup: gold}}"),
    ("sources: {tags: {'': gold}}", "1 to 128 characters", "sources: {tags: {backup: gold}}"),
    // Exclusions that leave nothing.
    (
        "sources: {tables: [orders]}\nexclude: {tables: [orders]}",
        "remove exclude",
        "sources: {tables: [orders]}",
    ),
    (
        "sources: {tables: [orders]}\nexclude: {prefixes: [ord]}",
        "name fewer tables",
        "sources: {tables: [orders]}\nexclude: {prefixes: [order-]}",
    ),
    (
        "sources: {prefixes: [shop-]}\nexclude: {patterns: ['sh*']}",
        "enabled: false",
        "sources: {prefixes: [shop-]}\nenabled: false",
    ),
    ("sources: {tags: {a: b}}\nexclude: {tags: {a: b}}", "remove exclude", "sources: {tags: {a: b}}"),
    (
        "sources: {patterns: ['a-*']}\nexclude: {patterns: ['a-*']}",
        "remove exclude",
        "sources: {patterns: ['a-*']}",
    ),
    ("exclude: {patterns: ['**']}", "excludes every table; remove exclude", ""),
    ("exclude: {patterns: ['?*']}", "to stop the policy write enabled: false", "enabled: false"),
    ("exclude: {prefixes: ['']}", "name fewer tables", "exclude: {prefixes: [tmp-]}"),
    ("exclude: {all: true}", "remove exclude", ""),
    // Names and patterns in each other's places.
    ("sources: {tables: ['orders-*']}", "name it under patterns", "sources: {patterns: ['orders-*']}"),
    ("sources: {tables: ['*']}", "sources: {all: true}", "sources: {all: true}"),
    (
        "sources: {tables: ['arn:aws:dynamodb:eu-central-1:111122223333:table/orders-*']}",
        "name it under patterns",
        "sources: {patterns: ['orders-*']}",
    ),
    ("sources: {prefixes: ['pay*']}", "name it under patterns", "sources: {patterns: ['pay*']}"),
    ("sources: {prefixes: ['']}", "sources: {all: true}", "sources: {all: true}"),
    ("sources: {patterns: ['*', 'a*']}", "sources: {all: true}", "sources: {all: true}"),
    ("sources: {patterns: [orders]}", "name the table under tables", "sources: {tables: [orders]}"),
    ("sources: {patterns: [ab]}", "no table name fits", "sources: {patterns: ['ab*']}"),
    ("sources: {patterns: ['?']}", "no table name fits", "sources: {patterns: ['?*b']}"),
    ("sources: {tables: [ab]}", "write 3 to 255 letters", "sources: {tables: [abc]}"),
    ("sources: {tables: [123]}", "write \"123\", in quotes", "sources: {tables: ['123']}"),
    // Words that are nearly right.
    (
        "tiers: {daily: {hours: every hours, keep: 1 day}}",
        "did you mean \"every hour\"?",
        "tiers: {daily: {hours: every hour, keep: 1 day}}",
    ),
    (
        "tiers: {daily: {on: every days, at: 07:00, keep: 1 day}}",
        "did you mean \"every day\"?",
        "tiers: {daily: {on: every day, at: 07:00, keep: 1 day}}",
    ),
    (
        "tiers: {daily: {on: weekdays, at: 07:00, keep: 3 days}}",
        "did you mean \"workdays\"?",
        "tiers: {daily: {on: workdays, at: 07:00, keep: 3 days}}",
    ),
    (
        "tiers: {monthly: {on: last day of february, at: 07:00, keep: 2 years}}",
        "write on: last day and months: february",
        "tiers: {monthly: {on: last day, months: february, at: 07:00, keep: 2 years}}",
    ),
    (
        "tiers: {monthly: {on: 31 december, at: 07:00, keep: 2 years}}",
        "write on: day 31 and months: december",
        "tiers: {monthly: {on: day 31, months: december, at: 07:00, keep: 2 years}}",
    ),
    (
        "tiers: {monthly: {on: 15, at: 07:00, keep: 2 months}}",
        "write \"day 15\"",
        "tiers: {monthly: {on: day 15, at: 07:00, keep: 2 months}}",
    ),
    (
        "tiers: {monthly: {on: day 1, months: january to march, at: 07:00, keep: 2 years}}",
        "write all, or months from january to december",
        "tiers: {monthly: {on: day 1, months: [january, february, march], at: 07:00, keep: 2 years}}",
    ),
    (
        "tiers: {yearly: {on: last day, at: 07:00, keep: 2 years}}",
        "\"last day of december\"",
        "tiers: {yearly: {on: last day of december, at: 07:00, keep: 2 years}}",
    ),
    (
        "tiers: {yearly: {on: day 1 of may, at: 07:00, keep: 2 years}}",
        "write \"1 may\"",
        "tiers: {yearly: {on: 1 may, at: 07:00, keep: 2 years}}",
    ),
    (
        "tiers: {yearly: {on: 29 february, at: 07:00, keep: 2 years}}",
        "write \"last day of february\"",
        "tiers: {yearly: {on: last day of february, at: 07:00, keep: 2 years}}",
    ),
    // Truths and numbers.
    ("enabled: yes", "write true or false", "enabled: true"),
    ("enabled: NO", "write true or false", "enabled: false"),
    ("enabled: on", "write true or false", "enabled: true"),
    ("sources: {all: yes}", "write true or false", "sources: {all: true}"),
    ("keep_last: 1.5", "found the number 1.5; write a whole number", "keep_last: 2"),
    ("keep_last: 1e30", "is out of range", "keep_last: 1000"),
    ("keep_last: 99999999999999999999999", "is out of range", "keep_last: 1000"),
    ("keep_last: .inf", "found the number inf; write a whole number", "keep_last: 1000"),
    ("after_drop: +3 days", "write a whole number and days", "after_drop: 3 days"),
    ("after_drop: 03 days", "write a whole number and days", "after_drop: 3 days"),
    ("after_drop: 3", "found the number 3; write a span such as 3 days", "after_drop: 3 days"),
    ("after_drop: 101 years", "write at most 100 years", "after_drop: 100 years"),
    ("after_drop: 1201 months", "write at most 1200 months", "after_drop: 1200 months"),
    ("after_drop: 5215 weeks", "write at most 5214 weeks", "after_drop: 5214 weeks"),
    ("after_drop: 36501 days", "write at most 36500 days", "after_drop: 36500 days"),
    ("start_window: +3 hours", "write a whole number from 1 to 12 hours", "start_window: 3 hours"),
    ("start_window: 3 hourss", "write a whole number from 1 to 12 hours", "start_window: 3 hours"),
    ("name: 42", "write \"42\", in quotes", "name: '42'"),
    ("tags: {cost: 42}", "write \"42\", in quotes", "tags: {cost: '42'}"),
    (
        "tiers: {yearly: {on: +1 may, at: 07:00, keep: 2 years}}",
        "is no day of a year",
        "tiers: {yearly: {on: 1 may, at: 07:00, keep: 2 years}}",
    ),
    // Texts that are no texts.
    ("time_zone: Factory", "no time zone is called \"Factory\"", "time_zone: UTC"),
    ("time_zone: ''", "write an IANA name", "time_zone: UTC"),
    ("description: \"a\\e[2Jb\"", "control character", "description: ab"),
    ("description: \"a\\u202Eb\"", "control character", "description: ab"),
    ("\"a\\e[2Jb\": 1", "\"a\\u{1b}[2Jb\": unknown field", ""),
    ("a.b: 1", "\"a.b\": unknown field", ""),
    ("~: x", "write each field as name: value", ""),
    // What is no YAML, or none of ours.
    ("---\nname: other", "give each policy a file of its own", ""),
    ("description: *nothing", "write the value out", "description: nothing"),
    ("exclude: &a {tables: *a}", "write the value out", "exclude: {tables: abc}"),
    ("[a]: b", "the name of a field", ""),
    ("description: 'a", "close it", "description: 'a'"),
    ("exclude: {tables: [a", "close it", "exclude: {tables: [abc]}"),
    ("description: a: b", "quote the text", "description: 'a: b'"),
    ("description: \"\\q\"", "in single quotes", "description: '\\q'"),
    ("exclude:\n\ttables: abc", "indent with spaces", "exclude:\n  tables: abc"),
    ("exclude: ]", "", ""),
    ("description: !!binary '@'", "", "description: x"),
    // Advice that meets what is there already.
    (
        "tiers: {daily: {at: 07:00, runs_per_hour: 2, keep: 1 day}}",
        "remove it, or write hours",
        "tiers: {daily: {at: 07:00, keep: 1 day}}",
    ),
    (
        "tiers: {daily: {runs_per_hour: 2, keep: 1 day}}",
        "add hours: every hour",
        "tiers: {daily: {hours: every hour, runs_per_hour: 2, keep: 1 day}}",
    ),
    ("priority: 3\npriorty: 4", "priorty: unknown field; the fields here are", "priority: 3"),
    (
        "objective: 100 hours\ntiers: {yearly: {on: 1 may, at: 07:00, keep: 2 years}}",
        "add slots, or remove objective",
        "tiers: {yearly: {on: 1 may, at: 07:00, keep: 2 years}}",
    ),
    (
        "objective: 100 hours\ntiers: {weekly: {on: monday, at: 07:00, keep: 2 weeks}}",
        "write more than 168 hours",
        "objective: 169 hours\ntiers: {weekly: {on: monday, at: 07:00, keep: 2 weeks}}",
    ),
    (
        "tiers: {monthly: {on: first monday, at: 07:00, keep: 1 month}}",
        "keep them for at least 35 days",
        "tiers: {monthly: {on: first monday, at: 07:00, keep: 35 days}}",
    ),
    (
        "cold_after: 30 days\ntiers: {monthly: {on: day 1, at: 07:00, keep: 3 months}}",
        "keep a tier for at least 120 days",
        "cold_after: 30 days\ntiers: {monthly: {on: day 1, at: 07:00, keep: 120 days}}",
    ),
    (
        "tiers: {daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: 08:00, keep: 7 days}}}",
        "choose from 07:00 or 19:00",
        "tiers: {daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: 19:00, keep: 7 days}}}",
    ),
    ("copies: [copies]", "write {vault: arn:aws:backup:eu-west-1:", ""),
];

#[test]
fn what_is_wrong_is_refused_and_the_advice_is_accepted() {
    let mut wrong = Vec::new();
    for (refused, told, mended) in REFUSED {
        match parse(&with(refused)) {
            Ok(_) => wrong.push(format!("accepted: {refused}")),
            Err(errors) if !errors.to_string().contains(told) => {
                wrong.push(format!("of {refused}\n  told: {errors}\n  not:  {told}"));
            }
            Err(_) => {}
        }
        if let Err(errors) = parse(&with(mended)) {
            wrong.push(format!("of {refused}\n  advice is refused: {mended}\n  {errors}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words of parsers and of Rust, and names that stand for others.
const FOREIGN: &[&str] = &[
    "serde",
    "enum",
    "struct",
    "usize",
    "u64",
    "i64",
    "f64",
    "invalid type",
    "expected",
    "EOF",
    "scalar",
    "indicator",
    "UTF-8",
    "anchor id",
    "budget",
    "recursion limit",
    "weak",
    "flow ",
    "<",
    "source-region",
    "000000000000",
    "\u{1b}",
];

#[test]
fn every_problem_has_its_parts_in_words_of_ours() {
    let mut wrong = Vec::new();
    for (refused, ..) in REFUSED {
        let Err(errors) = parse(&with(refused)) else { continue };
        for problem in errors.0 {
            if problem.what.is_empty() || problem.fix.is_empty() || problem.path.is_empty() {
                wrong.push(format!("of {refused}\n  a part is missing: {problem:?}"));
            }
            let text = problem.to_string();
            wrong.extend(
                FOREIGN
                    .iter()
                    .filter(|word| text.contains(*word))
                    .map(|word| format!("of {refused}\n  {word:?} in {text}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn numbers_are_whole_however_they_are_written() {
    assert_eq!(parse(&with("keep_last: 1.0")).unwrap().keep_last, 1);
    assert_eq!(parse(&with("keep_last: 1e2")).unwrap().keep_last, 100);
    assert_eq!(parse(&with("description: no")).unwrap().description.as_deref(), Some("no"));
}

#[test]
fn exclusions_that_may_leave_something_are_taken() {
    for lines in [
        "sources: {tables: [orders, carts]}\nexclude: {tables: [orders]}",
        "sources: {prefixes: [shop-]}\nexclude: {prefixes: [shop-tmp-]}",
        "sources: {patterns: ['*-prod']}\nexclude: {patterns: ['a*-prod']}",
        "sources: {patterns: ['a-*']}\nexclude: {patterns: ['a-?*']}",
        "sources: {tags: {a: b}}\nexclude: {tags: {a: c}}",
        "sources: {tables: [orders]}\nexclude: {tags: {a: b}}",
        "exclude: {patterns: ['????*']}",
        "sources: {tags: {'aws:cloudformation:stack-name': shop}}",
        "sources: {tags: {Größe: 'größer als 3 = ja'}}",
    ] {
        parse(&with(lines)).unwrap_or_else(|errors| panic!("{lines}\n{errors}"));
    }
}
