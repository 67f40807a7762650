//! The policy language: what it takes and what it means.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use backup_chain_core::policy::{Home, Policy, changes};
use backup_chain_core::tier::{Flag, Tier};

fn parse(text: &str) -> Policy {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(text, &home).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A small policy with `more` added at its end.
fn with(more: &str) -> Policy {
    let copies = "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]";
    let copies = if more.contains("copy") { copies } else { "" };
    parse(&format!("name: test\nsources: {{all: true}}\nvault: main\n{copies}\n{more}\n"))
}

fn example(name: &str) -> Policy {
    let path = format!("{}/../../examples/policies/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    parse(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn the_examples_are_policies() {
    for name in ["gold", "silver", "bronze"] {
        assert_eq!(example(name).name.as_str(), name);
    }
}

#[test]
fn the_canonical_form_has_every_default_and_reads_back_the_same() {
    let policy = with("tiers: {daily: {at: 07:00, keep: 3 days}}");
    let json = serde_json::to_string(&policy).unwrap();
    insta::assert_snapshot!(json, @r#"{"name":"test","priority":100,"enabled":true,"time_zone":"UTC","sources":{"all":true},"vault":"main","tiers":{"daily":{"on":"every day","at":["07:00"],"keep":"3 days"}},"keep_last":1,"after_drop":"90 days","retries":{"attempts":3,"pause":"1 minute","notices":"last"},"start_window":"8 hours"}"#);
    assert_eq!(parse(&json), policy);
    assert_eq!(parse(&serde_json::to_string_pretty(&policy).unwrap()), policy);

    let gold = example("gold");
    let json = serde_json::to_string_pretty(&gold).unwrap();
    insta::assert_snapshot!(json, @r#"
    {
      "name": "gold",
      "description": "Orders, payments and whatever else the business stands on",
      "priority": 10,
      "enabled": true,
      "time_zone": "Europe/Berlin",
      "sources": {
        "tags": [
          {
            "key": "backup",
            "value": "gold"
          }
        ]
      },
      "exclude": {
        "prefixes": [
          "scratch-"
        ]
      },
      "vault": "backup-chain",
      "copies": [
        {
          "vault": "arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies"
        }
      ],
      "tiers": {
        "daily": {
          "on": "every day",
          "at": [
            "01:00",
            "07:00",
            "13:00",
            "19:00"
          ],
          "keep": "3 days",
          "copy": {
            "on": "every day",
            "at": [
              "19:00"
            ],
            "keep": "7 days"
          }
        },
        "weekly": {
          "on": [
            "monday"
          ],
          "at": [
            "07:00"
          ],
          "keep": "5 weeks",
          "copy": {
            "on": [
              "monday"
            ],
            "at": [
              "07:00"
            ],
            "keep": "5 weeks"
          }
        },
        "monthly": {
          "on": "first monday",
          "months": "all",
          "at": [
            "07:00"
          ],
          "keep": "13 months",
          "copy": {
            "on": "first monday",
            "months": "all",
            "at": [
              "07:00"
            ],
            "keep": "13 months"
          }
        },
        "yearly": {
          "on": "first monday of january",
          "at": [
            "07:00"
          ],
          "keep": "7 years",
          "copy": {
            "on": "first monday of january",
            "at": [
              "07:00"
            ],
            "keep": "7 years"
          }
        }
      },
      "keep_last": 1,
      "after_drop": "90 days",
      "retries": {
        "attempts": 3,
        "pause": "5 minutes",
        "notices": "last"
      },
      "start_window": "8 hours",
      "cold_after": "90 days",
      "objective": "8 hours",
      "tags": {
        "managed-by": "backup-chain"
      }
    }
    "#);
    assert_eq!(parse(&json), gold);
}

#[test]
fn forms_that_say_the_same_are_the_same_policy() {
    let plain = with("tiers: {daily: {at: ['07:00', '19:00'], on: workdays, keep: 4 days}}");
    for rule in [
        "daily: {at: [19:00, 07:00], on: [friday, monday, tuesday, wednesday, thursday], keep: 4 days}",
        "daily: {at: [7:00, 19:00], on: Workdays, keep: ' 4  days'}",
    ] {
        assert_eq!(with(&format!("tiers:\n  {rule}")), plain);
    }
    let map = parse("{name: t, vault: main, sources: {tags: {a: b, c: d}}}");
    let list = parse("{name: t, vault: main, sources: {tags: [{key: c, value: d}, {value: b, key: a}]}}");
    assert_eq!(map, list);
    assert_eq!(with("start_window: 6"), with("start_window: 6 hours"));

    let name = parse("{name: t, vault: main, sources: {tables: orders}}");
    let arn = parse(
        "{name: t, vault: 'arn:aws:backup:eu-central-1:111122223333:backup-vault:main', \
         sources: {tables: ['arn:aws:dynamodb:eu-central-1:111122223333:table/orders']}}",
    );
    assert_eq!(arn, name);
    let json = "{\n\t\"name\": \"t\",\n\t\"vault\": \"main\",\n\t\"sources\": {\"tables\": [\"orders\"]}\n}";
    assert_eq!(parse(json), name);
}

#[test]
fn days_of_a_year_are_written_in_words() {
    for (text, written) in [
        ("first monday of january", "first monday of january"),
        ("31 december", "31 december"),
        ("31 December", "31 december"),
        ("last day of february", "last day of february"),
    ] {
        let policy = with(&format!("tiers: {{yearly: {{on: {text}, at: 07:00, keep: 2 years}}}}"));
        assert_eq!(policy.tiers.get(Tier::Yearly).unwrap().slots.days.to_string(), written);
    }
}

#[test]
fn a_copy_follows_its_backups_unless_it_chooses() {
    let policy = with(
        "tiers: {monthly: {on: last friday, months: [june, december], at: [07:00, 19:00], keep: 1 year, \
         copy: {at: 19:00, keep: 2 years}}}",
    );
    let rule = policy.tiers.get(Tier::Monthly).unwrap();
    let copy = rule.copy.as_ref().unwrap();
    assert_eq!(copy.slots.days, rule.slots.days);
    assert_eq!(copy.slots.times, rule.slots.times[1..]);
    assert_eq!(copy.keep.to_string(), "2 years");
}

#[test]
fn tables_are_selected_by_any_part_and_exclusions_win() {
    let policy = parse(
        "{name: t, vault: main, sources: {tables: [orders], prefixes: [pay-], tags: {backup: gold}}, \
         exclude: {tables: [pay-old], tags: {backup: none}}}",
    );
    let selects = |table: &str, tags: &[(&str, &str)]| {
        let tags: BTreeMap<String, String> =
            tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        policy.selects(&table.parse().unwrap(), &tags)
    };
    assert!(selects("orders", &[]));
    assert!(selects("pay-new", &[]));
    assert!(selects("other", &[("backup", "gold")]));
    assert!(!selects("other", &[("backup", "Gold")]));
    assert!(!selects("orders-2", &[]));
    assert!(!selects("pay-old", &[("backup", "gold")]));
    assert!(!selects("orders", &[("backup", "none")]));
    assert!(policy.needs_tags() && policy.lists_all());

    let named = parse("{name: t, vault: main, sources: {tables: [orders]}}");
    assert!(!named.needs_tags() && !named.lists_all());
    let tagged = parse("{name: t, vault: main, sources: {tags: {backup: gold}}}");
    assert!(tagged.needs_tags() && !tagged.lists_all());
}

#[test]
fn the_lowest_priority_goes_first() {
    let mut policies = [
        parse("{name: b, vault: main, sources: {all: true}}"),
        parse("{name: a, vault: main, sources: {all: true}}"),
        parse("{name: z, priority: 1, vault: main, sources: {all: true}}"),
    ];
    policies.sort_by(|a, b| a.rank().cmp(&b.rank()));
    assert_eq!(policies.map(|policy| policy.name.to_string()), ["z", "a", "b"]);
}

#[test]
fn only_what_is_kept_for_long_goes_to_cold_storage() {
    let policy = with(
        "cold_after: 30 days\ntiers: {daily: {at: 07:00, keep: 3 days}, \
         monthly: {on: first monday, at: 07:00, keep: 6 months}}",
    );
    let flag = |tier| {
        let span = policy.tiers.get(tier).unwrap().keep;
        let slot = "2026-01-05T07:00:00Z".parse().unwrap();
        Flag { tier, slot, span, lapses: slot }
    };
    assert_eq!(policy.cold_days_of(&[flag(Tier::Daily)]), None);
    assert_eq!(policy.cold_days_of(&[flag(Tier::Daily), flag(Tier::Monthly)]), Some(30));
}

#[test]
fn hours_are_short_for_times() {
    let slots =
        |rule: &str| serde_json::to_string(&with(&format!("tiers: {{daily: {rule}}}")).tiers).unwrap();
    insta::assert_snapshot!(slots("{hours: [18, 8], runs_per_hour: 4, keep: 3 days}"), @r#"{"daily":{"on":"every day","at":["08:00","08:15","08:30","08:45","18:00","18:15","18:30","18:45"],"keep":"3 days"}}"#);
    insta::assert_snapshot!(slots("{hours: 8, runs_per_hour: 2, keep: 3 days, copy: {hours: 8, keep: 5 days}}"), @r#"{"daily":{"on":"every day","at":["08:00","08:30"],"keep":"3 days","copy":{"on":"every day","at":["08:00"],"keep":"5 days"}}}"#);
    let every = with("tiers: {daily: {hours: every hour, runs_per_hour: 12, keep: 3 days}}");
    assert_eq!(every.tiers.get(Tier::Daily).unwrap().slots.times.len(), 288);
}

#[test]
fn everything_that_has_a_default_can_be_said() {
    let policy = with(
        "retries: {attempts: 0, pause: 5 minutes, notices: each}\nobjective: 25 hours\n\
         tags: {cost-center: '42', team: payments}\ntiers: {daily: {at: 07:00, keep: 3 days}}",
    );
    let json = serde_json::to_string(&policy).unwrap();
    insta::assert_snapshot!(json, @r#"{"name":"test","priority":100,"enabled":true,"time_zone":"UTC","sources":{"all":true},"vault":"main","tiers":{"daily":{"on":"every day","at":["07:00"],"keep":"3 days"}},"keep_last":1,"after_drop":"90 days","retries":{"attempts":0,"pause":"5 minutes","notices":"each"},"start_window":"8 hours","objective":"25 hours","tags":{"cost-center":"42","team":"payments"}}"#);
    assert_eq!(parse(&json), policy);
}

#[test]
fn patterns_select_by_wildcards() {
    let policy = parse(
        "name: t\nvault: main\nsources: {patterns: ['*-prod', 'app-?-*']}\nexclude: {patterns: ['*scratch*']}",
    );
    let selects = |name: &str| policy.selects(&name.parse().unwrap(), &BTreeMap::new());
    assert!(selects("orders-prod") && selects("app-1-x") && selects("app-1-"));
    assert!(
        !selects("orders-prod2") && !selects("app-12-x") && !selects("scratch-prod") && !selects("orders")
    );
    assert!(policy.lists_all() && !policy.needs_tags());
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(parse(&json), policy);
}

#[test]
fn changes_are_told_field_by_field() {
    let old = with("tiers: {daily: {at: 07:00, keep: 3 days}}\ntags: {team: a}");
    let new = with(
        "tiers: {daily: {at: [07:00, 19:00], keep: 3 days}, weekly: {on: monday, at: 07:00, keep: 14 days}}\nkeep_last: 1",
    );
    insta::assert_snapshot!(changes(&old, &new).join("\n"), @"
    tags.team: no longer given, was a
    tiers.daily.at: 07:00, 19:00, was 07:00
    tiers.weekly.at: 07:00, was not given
    tiers.weekly.keep: 14 days, was not given
    tiers.weekly.on: monday, was not given
    ");
    assert!(changes(&old, &old).is_empty());
    assert!(
        changes(&old, &with("priority: 100\ntiers: {daily: {at: 7:00, keep: 3 days}}\ntags: {team: a}"))
            .is_empty()
    );
}

#[test]
fn what_changed_has_room_in_a_record_however_long_it_is() {
    let list = |letter: char| {
        let names = (0..8_000).map(|number| format!("{letter}{number:04}"));
        names.collect::<Vec<_>>().join(",")
    };
    let (old, new) = (list('a'), list('b'));
    let tables =
        |list: &str| format!("name: test\nvault: main\nsources: {{tables: &t [{list}], prefixes: *t}}");
    let lines = changes(&parse(&tables(&old)), &parse(&tables(&new)));
    assert_eq!(lines.len(), 2);
    assert!(
        lines.iter().all(|line| line.len() < 3_000),
        "{:?}",
        lines.iter().map(String::len).collect::<Vec<_>>()
    );
    // What is the same is left out first.
    let one_more = format!("{old},zzz");
    insta::assert_snapshot!(changes(&parse(&tables(&old)), &parse(&tables(&one_more)))[0], @"sources.prefixes: 8001 in all, 1 added: zzz");
}
