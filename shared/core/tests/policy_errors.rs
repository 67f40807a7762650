//! What the policy language refuses, and in which words.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use backup_chain_core::policy::{Home, Policy};
use insta::assert_snapshot;

fn parse(text: &str) -> Result<Policy, String> {
    let home = Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    Policy::parse(text, &home).map_err(|errors| errors.to_string())
}

fn refused(text: &str) -> String {
    parse(text).expect_err("the policy should be refused")
}

/// A small policy with `more` added at its end.
fn with(more: &str) -> String {
    format!("name: test\nsources: {{all: true}}\nvault: main\n{more}\n")
}

const COPIES: &str = "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]\n";

/// A small policy with one tier, and a target for copies where the rule has some.
fn with_tier(rule: &str) -> String {
    let copies = if rule.contains("copy") { COPIES } else { "" };
    with(&format!("{copies}tiers:\n  {rule}"))
}

fn field(text: &str) -> String {
    refused(&with(text))
}

fn tier(rule: &str) -> String {
    refused(&with_tier(rule))
}

fn sources(text: &str) -> String {
    refused(&format!("name: t\nvault: main\nsources: {text}"))
}

#[test]
fn all_problems_are_reported_at_once_with_their_lines() {
    let text = "\
name: test
vault: main
surces: {all: true}
time_zone: Europe/Berln
tiers:
  daily:
    at: [07:00, 25:00]
    keep: 3 days
    keep: 4 days
  weekly:
    on: mondy
    at: 07:00
    keeep: 14 days
keep_last: 0
";
    assert_snapshot!(refused(text), @r#"
    line 1: sources: the field is missing; say which tables: all: true, tables, prefixes, patterns or tags
    line 3: surces: unknown field; did you mean "sources"?
    line 4: time_zone: no time zone is called "Europe/Berln"; did you mean Europe/Berlin?
    line 7: tiers.daily.at[1]: "25:00" is no time of day; write hours and minutes from 00:00 to 23:59, such as 07:00
    line 9: tiers.daily.keep: the field is given twice; keep one of them
    line 11: tiers.weekly.on: "mondy" is no day of the week; did you mean "monday"?
    line 11: tiers.weekly.keep: the field is missing; say how long backups are kept, such as keep: 5 weeks
    line 13: tiers.weekly.keeep: unknown field; did you mean "keep"?
    line 14: keep_last: 0 is out of range: the newest backup of a table always stays; write a whole number from 1 to 1000
    "#);
}

#[test]
fn text_that_is_no_policy() {
    assert_snapshot!(refused(""), @"line 1: policy: found nothing; write a mapping of fields, such as name, sources, vault and tiers");
    assert_snapshot!(refused("- a\n- b"), @"line 1: policy: found a list; write a mapping of fields, such as name, sources, vault and tiers");
    assert_snapshot!(refused("name: [a\nvault: b"), @"line 2: policy: the text is no YAML: a colon stands where none can; quote the text that has it, or begin a line for the field");
    assert_snapshot!(refused("name: a: b"), @"line 1: policy: the text is no YAML: a colon stands where none can; quote the text that has it, or begin a line for the field");
    assert_snapshot!(refused("name: a\n---\nname: b"), @"line 3: policy: a second document begins here; give each policy a file of its own");
    assert_snapshot!(refused("{\"name\": \"a\",\n"), @"line 1: policy: the text is no YAML: a bracket is opened and not closed; close it");
}

#[test]
fn fields() {
    assert_snapshot!(field("colour: red"), @"line 4: colour: unknown field; the fields here are name, description, priority, enabled, time_zone, sources, exclude, vault, copies, tiers, keep_last, after_drop, retries, start_window, cold_after, objective, tags");
    assert_snapshot!(field("priorty: 3"), @r#"line 4: priorty: unknown field; did you mean "priority"?"#);
    assert_snapshot!(field("vault: other"), @"line 4: vault: the field is given twice; keep one of them");
    assert_snapshot!(refused("vault: main\nsources: {all: true}"), @"line 1: name: the field is missing; give the policy a name, such as gold");
    assert_snapshot!(refused("name: t\nsources: {all: true}"), @"line 1: vault: the field is missing; name the vault of the backups");
    assert_snapshot!(refused("name: t\nvault: main"), @"line 1: sources: the field is missing; say which tables: all: true, tables, prefixes, patterns or tags");
    assert_snapshot!(refused("name: a b\nsources: {all: true}\nvault: main"), @r#"line 1: name: "a b" is no policy name; write 1 to 127 letters, digits, '-', '_' or '.'"#);
    assert_snapshot!(refused("name: 42\nsources: {all: true}\nvault: main"), @r#"line 1: name: found the number 42; write "42", in quotes"#);
    assert_snapshot!(field("description:"), @"line 4: description: found nothing; write a text");
    assert_snapshot!(field(&format!("description: {}", "x".repeat(256))), @"line 4: description: 256 characters are too many; write at most 255");
    assert_snapshot!(field("priority: 0"), @"line 4: priority: 0 is out of range: the lowest goes first; write a whole number from 1 to 1000");
    assert_snapshot!(field("priority: high"), @r#"line 4: priority: found "high"; write a whole number from 1 to 1000"#);
    assert_snapshot!(field("enabled: maybe"), @r#"line 4: enabled: found "maybe"; write true or false"#);
    assert_snapshot!(field("keep_last: 0"), @"line 4: keep_last: 0 is out of range: the newest backup of a table always stays; write a whole number from 1 to 1000");
    assert_snapshot!(field("after_drop: 3 hours"), @r#"line 4: after_drop: "3 hours" is no span; write a whole number and days, weeks, months or years, such as 3 days"#);
    assert_snapshot!(field("start_window: 13 hours"), @"line 4: start_window: 13 hours is out of range: AWS Backup takes no less than an hour, and a late backup must not meet the next; write a whole number from 1 to 12 hours");
    assert_snapshot!(field("start_window: 30 minutes"), @r#"line 4: start_window: found "30 minutes"; write a whole number from 1 to 12 hours"#);
}

#[test]
fn time_zones() {
    assert_snapshot!(field("time_zone: Europe/Berln"), @r#"line 4: time_zone: no time zone is called "Europe/Berln"; did you mean Europe/Berlin?"#);
    assert_snapshot!(field("time_zone: Berlin"), @r#"line 4: time_zone: no time zone is called "Berlin"; did you mean Europe/Berlin?"#);
    assert_snapshot!(field("time_zone: CEST"), @r#"line 4: time_zone: no time zone is called "CEST"; did you mean CET or EST?"#);
    assert_snapshot!(field("time_zone: Middle-earth"), @r#"line 4: time_zone: no time zone is called "Middle-earth"; write an IANA name, such as Europe/Berlin or UTC"#);
    assert_snapshot!(field("time_zone: 1"), @"line 4: time_zone: found the number 1; write an IANA name such as Europe/Berlin");
    assert_eq!(parse(&with("time_zone: europe/berlin")).unwrap().time_zone.name(), "Europe/Berlin");
}

#[test]
fn selections() {
    assert_snapshot!(sources("{}"), @"line 3: sources: no table is selected; name tables, prefixes, patterns or tags, or write all: true");
    assert_snapshot!(sources("{all: false}"), @"line 3: sources: no table is selected; name tables, prefixes, patterns or tags, or write all: true");
    assert_snapshot!(sources("{tables: []}"), @"line 3: sources.tables: the list is empty; name at least one");
    assert_snapshot!(sources("{all: true, tables: [orders]}"), @"line 3: sources: all: true selects every table, so the rest says nothing; keep one of the two");
    assert_snapshot!(sources("{tables: [orders, payments, orders]}"), @"line 3: sources.tables[2]: orders is named twice; name it once");
    assert_snapshot!(sources("{tables: [a]}"), @r#"line 3: sources.tables[0]: "a" is no table name; write 3 to 255 letters, digits, '_', '.' or '-'"#);
    assert_snapshot!(sources("{tables: ['arn:aws:dynamodb:eu-central-1:444455556666:table/orders']}"), @"line 3: sources.tables[0]: the table is of account 444455556666, and this stack serves 111122223333; name a table of this account");
    assert_snapshot!(sources("{tables: ['arn:aws:dynamodb:eu-west-1:111122223333:table/orders']}"), @"line 3: sources.tables[0]: the table is in eu-west-1, and this stack serves eu-central-1; apply the policy to the stack of that Region");
    assert_snapshot!(sources("{tables: ['arn:aws:s3:::bucket']}"), @r#"line 3: sources.tables[0]: "arn:aws:s3:::bucket" is no table ARN; write an ARN such as arn:aws:dynamodb:eu-central-1:111122223333:table/orders"#);
    assert_snapshot!(sources("{prefixes: ['']}"), @"line 3: sources.prefixes[0]: an empty prefix selects every table; write sources: {all: true} if that is meant");
    assert_snapshot!(sources("{prefixes: ['pay*']}"), @r#"line 3: sources.prefixes[0]: "pay*" has wildcards, which here stand for themselves; name it under patterns, where * stands for any characters and ? for one"#);
    assert_snapshot!(sources("{tags: {cost: 42}}"), @r#"line 3: sources.tags[0].value: found the number 42; write "42", in quotes"#);
    assert_snapshot!(sources("{tags: {'': x}}"), @"line 3: sources.tags[0].key: no tag of AWS has a key of 0 characters; write 1 to 128 characters");
    assert_snapshot!(sources("{tags: {}}"), @"line 3: sources.tags: the list is empty; name at least one");
    assert_snapshot!(sources("{tags: [{key: a}]}"), @"line 3: sources.tags[0].value: the field is missing; give the tag's value");
    assert_snapshot!(sources("{tags: [{key: a, value: b}, {key: a, value: b}]}"), @"line 3: sources.tags[1]: the tag a=b is named twice; name it once");
    assert_snapshot!(sources("{tag: {a: b}}"), @r#"line 3: sources.tag: unknown field; did you mean "tags"?"#);
    assert_snapshot!(field("exclude: {all: true}"), @"line 4: exclude.all: all: true excludes every table; remove exclude, or name fewer tables there; to stop the policy write enabled: false");
    assert_snapshot!(field("exclude: {}"), @"line 4: exclude: no table is excluded; name tables, prefixes, patterns or tags, or remove exclude");
}

#[test]
fn vaults_and_copies() {
    let vault = |text: &str| refused(&format!("name: t\nsources: {{all: true}}\nvault: {text}"));
    assert_snapshot!(vault("a"), @r#"line 3: vault: "a" is no vault name; write 2 to 50 letters, digits, '-' or '_'"#);
    assert_snapshot!(vault("arn:aws:backup:eu-west-1:111122223333:backup-vault:main"), @"line 3: vault: the vault is in eu-west-1, and this stack serves eu-central-1; name a vault here; vaults of other Regions go under copies");
    let copies = |text: &str| {
        field(&format!(
            "copies: {text}\ntiers: {{daily: {{at: 07:00, keep: 3 days, copy: {{keep: 3 days}}}}}}"
        ))
    };
    let arn = |place: &str| format!("{{vault: 'arn:aws:backup:{place}:backup-vault:copies'}}");
    assert_snapshot!(copies(&format!("[{}]", arn("eu-central-1:111122223333"))), @"line 4: copies[0].vault: the vault is in eu-central-1, where the backups are; name a vault in another Region");
    assert_snapshot!(copies(&format!("[{}]", arn("eu-west-1:444455556666"))), @"line 4: copies[0].vault: the vault is of account 444455556666, and this stack serves 111122223333; name a vault of this account");
    assert_snapshot!(copies(&format!("[{0}, {0}]", arn("eu-west-1:111122223333"))), @"line 4: copies[1]: arn:aws:backup:eu-west-1:111122223333:backup-vault:copies is named twice; name it once");
    assert_snapshot!(copies("[copies]"), @r#"line 4: copies[0]: found "copies"; write {vault: arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies}"#);
    assert_snapshot!(copies("[{vault: copies}]"), @r#"line 4: copies[0].vault: "copies" is no vault ARN; write an ARN such as arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies"#);
    assert_snapshot!(copies("[]"), @"line 4: copies: the list is empty; name at least one");
    assert_snapshot!(field(&format!("{COPIES}tiers: {{daily: {{at: 07:00, keep: 3 days}}}}")), @"line 4: copies: no tier has a copy rule, so nothing would be copied; add a copy rule to a tier, such as copy: {keep: 2 years}, or remove copies");
    assert_snapshot!(field("tiers: {daily: {at: 07:00, keep: 3 days, copy: {keep: 3 days}}}"), @r#"line 4: tiers.daily.copy: the policy names no vault to copy to; add copies: [{vault: "arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies"}] to the policy, with a vault of yours"#);
}

#[test]
fn slots_of_tiers() {
    assert_snapshot!(tier("hourly: {at: 07:00, keep: 3 days}"), @"line 5: tiers.hourly: unknown field; the fields here are daily, weekly, monthly, yearly");
    assert_snapshot!(tier("daily:"), @"line 5: tiers.daily: found nothing; write on, at and keep");
    assert_snapshot!(tier("daily: {keep: 3 days}"), @r#"line 5: tiers.daily.at: the field is missing; give the times, such as at: ["07:00"], or hours: every hour"#);
    assert_snapshot!(tier("daily: {at: [], keep: 3 days}"), @"line 5: tiers.daily.at: the list is empty; name at least one");
    assert_snapshot!(tier("daily: {at: [07:00, 7:00], keep: 3 days}"), @"line 5: tiers.daily.at[1]: 07:00 is named twice; name it once");
    assert_snapshot!(tier("daily: {at: 7, keep: 3 days}"), @"line 5: tiers.daily.at: found the number 7; write a time of day such as 07:00");
    assert_snapshot!(tier("daily: {at: '24:00', keep: 3 days}"), @r#"line 5: tiers.daily.at: "24:00" is no time of day; write hours and minutes from 00:00 to 23:59, such as 07:00"#);
    assert_snapshot!(tier("daily: {on: [monday, monday], at: 07:00, keep: 8 days}"), @"line 5: tiers.daily.on[1]: monday is named twice; name it once");
    assert_snapshot!(tier("daily: {on: weekdays, at: 07:00, keep: 8 days}"), @r#"line 5: tiers.daily.on: "weekdays" is no day of the week; did you mean "workdays"?"#);
    assert_snapshot!(tier("daily: {at: 07:00}"), @"line 5: tiers.daily.keep: the field is missing; say how long backups are kept, such as keep: 14 days");
    assert_snapshot!(tier("daily: {at: 07:00, keep: forever}"), @r#"line 5: tiers.daily.keep: "forever" is no span; write a whole number and days, weeks, months or years, such as 3 days"#);
    assert_snapshot!(tier("weekly: {at: 07:00, keep: 14 days}"), @"line 5: tiers.weekly.on: the field is missing; name the day, such as on: monday");
    assert_snapshot!(tier("weekly: {on: [], at: 07:00, keep: 14 days}"), @"line 5: tiers.weekly.on: the list is empty; name at least one");
    assert_snapshot!(tier("weekly: {on: monday, months: all, at: 07:00, keep: 14 days}"), @"line 5: tiers.weekly.months: unknown field; the fields here are on, at, keep, copy");
    assert_snapshot!(tier("monthly: {at: 07:00, keep: 6 months}"), @"line 5: tiers.monthly.on: the field is missing; name the day, such as on: first monday");
    assert_snapshot!(tier("monthly: {on: fifth monday, at: 07:00, keep: 6 months}"), @r#"line 5: tiers.monthly.on: "fifth monday" is no day of a month; write "first monday" (or second, third, fourth, last), "day 15" or "last day""#);
    assert_snapshot!(tier("monthly: {on: first moonday, at: 07:00, keep: 6 months}"), @r#"line 5: tiers.monthly.on: "moonday" is no day of the week; did you mean "monday"?"#);
    assert_snapshot!(tier("monthly: {on: day 31, at: 07:00, keep: 6 months}"), @r#"line 5: tiers.monthly.on: there is no day 31 in february, april, june, september or november; write "last day", or choose another day or month"#);
    assert_snapshot!(tier("monthly: {on: day 29, at: 07:00, keep: 6 months}"), @r#"line 5: tiers.monthly.on: not every february has a day 29; write "last day", or choose another day or month"#);
    assert_snapshot!(tier("monthly: {on: first monday, months: [jan], at: 07:00, keep: 2 years}"), @r#"line 5: tiers.monthly.months[0]: "jan" is no month; write months from january to december"#);
    assert_snapshot!(tier("monthly: {on: first monday, months: [], at: 07:00, keep: 2 years}"), @"line 5: tiers.monthly.months: the list is empty; name at least one");
    assert_snapshot!(tier("yearly: {on: first monday, at: 07:00, keep: 2 years}"), @r#"line 5: tiers.yearly.on: "first monday" is no day of a year; name its month, such as "first monday of december""#);
    assert_snapshot!(tier("yearly: {on: 29 february, at: 07:00, keep: 9 years}"), @r#"line 5: tiers.yearly.on: not every february has a day 29; write "last day of february", or choose another day or month"#);
    assert_snapshot!(tier("yearly: {on: 31 june, at: 07:00, keep: 9 years}"), @r#"line 5: tiers.yearly.on: there is no day 31 in june; write "last day of june", or choose another day or month"#);
}

#[test]
fn retention_lasts_from_slot_to_slot() {
    assert_snapshot!(tier("daily: {on: workdays, at: 07:00, keep: 2 days}"), @"line 5: tiers.daily.keep: backups kept for 2 days would be gone before the next: their slots are up to 3 days apart; keep them for at least 3 days");
    assert_snapshot!(tier("daily: {on: workdays, at: [07:00, 19:00], keep: 2 days}"), @"line 5: tiers.daily.keep: backups kept for 2 days would be gone before the next: their slots are up to 3 days apart; keep them for at least 3 days");
    assert_snapshot!(tier("weekly: {on: [monday, thursday], at: 07:00, keep: 3 days}"), @"line 5: tiers.weekly.keep: backups kept for 3 days would be gone before the next: their slots are up to 4 days apart; keep them for at least 4 days");
    assert_snapshot!(tier("monthly: {on: first monday, at: 07:00, keep: 1 month}"), @"line 5: tiers.monthly.keep: backups kept for 1 month would be gone before the next: their slots are up to 35 days apart; keep them for at least 35 days");
    assert_snapshot!(tier("monthly: {on: last day, at: 07:00, keep: 1 month}"), @"line 5: tiers.monthly.keep: backups kept for 1 month would be gone before the next: their slots are up to 31 days apart; keep them for at least 31 days");
    assert_snapshot!(tier("yearly: {on: first monday of january, at: 07:00, keep: 1 year}"), @"line 5: tiers.yearly.keep: backups kept for 1 year would be gone before the next: their slots are up to 371 days apart; keep them for at least 371 days");
    assert_snapshot!(
        tier("weekly: {on: [monday, thursday], at: 07:00, keep: 4 days, copy: {on: monday, keep: 4 days}}"), @"line 6: tiers.weekly.copy.keep: copies kept for 4 days would be gone before the next: their slots are up to 7 days apart; keep them for at least 7 days");
    for covered in [
        "daily: {at: 07:00, keep: 1 day}",
        "daily: {on: workdays, at: [07:00, 19:00], keep: 3 days}",
        "weekly: {on: monday, at: 07:00, keep: 1 week}",
        "monthly: {on: first monday, at: 07:00, keep: 35 days}",
        "monthly: {on: day 15, at: 07:00, keep: 1 month}",
        "monthly: {on: last day, at: 07:00, keep: 31 days}",
        "yearly: {on: 31 december, at: 07:00, keep: 1 year}",
        "yearly: {on: last day of february, at: 07:00, keep: 366 days}",
    ] {
        parse(&with_tier(covered)).unwrap();
    }
}

#[test]
fn copies_are_of_backups() {
    assert_snapshot!(
        tier("daily: {at: [07:00, 19:00], keep: 3 days, copy: {at: [07:00, 08:00], keep: 7 days}}"), @"line 6: tiers.daily.copy.at[1]: no daily backup is made at 08:00, and only a backup can be copied; choose from 07:00 or 19:00");
    assert_snapshot!(
        tier("weekly: {on: [monday, thursday], at: 07:00, keep: 14 days, copy: {on: tuesday, keep: 14 days}}"), @"line 6: tiers.weekly.copy.on: no weekly backup is made on tuesday, and only a backup can be copied; choose from monday or thursday");
    assert_snapshot!(
        tier("daily: {on: workdays, at: 07:00, keep: 14 days, copy: {on: every day, keep: 14 days}}"), @"line 6: tiers.daily.copy.on: no daily backup is made on saturday, and only a backup can be copied; choose from monday, tuesday, wednesday, thursday or friday");
    assert_snapshot!(
        tier("monthly: {on: first monday, at: 07:00, keep: 6 months, copy: {on: last monday, keep: 6 months}}"), @"line 6: tiers.monthly.copy.on: no monthly backup is made on last monday, and only a backup can be copied; choose from first monday");
    assert_snapshot!(
        tier("monthly: {on: last day, months: [june, december], at: 07:00, keep: 1 year, copy: {months: may, keep: 1 year}}"), @"line 6: tiers.monthly.copy.months: no monthly backup is made in may, and only a backup can be copied; choose from june or december");
    assert_snapshot!(
        tier("yearly: {on: 31 december, at: 07:00, keep: 2 years, copy: {on: 1 january, keep: 2 years}}"), @"line 6: tiers.yearly.copy.on: no yearly backup is made on 1 january, and only a backup can be copied; choose from 31 december");
    assert_snapshot!(tier("daily: {at: 07:00, keep: 3 days, copy: {}}"), @"line 6: tiers.daily.copy.keep: the field is missing; say how long copies are kept, such as keep: 14 days");
}

#[test]
fn cold_storage() {
    let rest =
        "tiers: {daily: {at: 07:00, keep: 3 days}, monthly: {on: first monday, at: 07:00, keep: 3 months}}";
    assert_snapshot!(field(&format!("cold_after: 30 days\n{rest}")), @"line 4: cold_after: nothing is kept for long enough: cold storage is for at least 90 days, so a backup must be kept for 120 days, and the longest retention is 3 months; keep a tier for at least 120 days, or remove cold_after");
    assert_snapshot!(field("cold_after: 0 days"), @"line 4: cold_after: 0 days is out of range: AWS Backup keeps for at most 100 years; write a whole number from 1 to 36410 days");
    assert_snapshot!(field("cold_after: 1 month"), @r#"line 4: cold_after: found "1 month"; write a whole number from 1 to 36410 days"#);
}

#[test]
fn hours() {
    assert_snapshot!(tier("daily: {hours: 24, keep: 3 days}"), @"line 5: tiers.daily.hours: 24 is out of range: the hours of a day are 0 to 23; write a whole number from 0 to 23");
    assert_snapshot!(tier("daily: {hours: 07:00, keep: 3 days}"), @r#"line 5: tiers.daily.hours: "07:00" says no hours; write every hour, or hours from 0 to 23, such as [8, 12, 16]"#);
    assert_snapshot!(tier("daily: {hours: [], keep: 3 days}"), @"line 5: tiers.daily.hours: the list is empty; name at least one");
    assert_snapshot!(tier("daily: {hours: [7, 7], keep: 3 days}"), @"line 5: tiers.daily.hours[1]: 7 is named twice; name it once");
    assert_snapshot!(tier("daily: {hours: 7, at: 07:00, keep: 3 days}"), @"line 5: tiers.daily.hours: at and hours both give the times; keep one of them");
    assert_snapshot!(tier("daily: {at: 07:00, runs_per_hour: 2, keep: 3 days}"), @"line 5: tiers.daily.runs_per_hour: it says how often in each of the hours, and no hours are given; remove it, or write hours in place of at, such as hours: [8, 12, 16]");
    assert_snapshot!(tier("daily: {hours: every hour, runs_per_hour: 7, keep: 3 days}"), @"line 5: tiers.daily.runs_per_hour: an hour has no 7 equal parts of whole minutes; write 1, 2, 3, 4, 5, 6, 10 or 12");
    assert_snapshot!(tier("daily: {hours: every hour, runs_per_hour: 60, keep: 3 days}"), @"line 5: tiers.daily.runs_per_hour: 60 is out of range: AWS Backup makes one backup of a table at a time, and each takes minutes; write a whole number from 1 to 12");
    assert_snapshot!(tier("weekly: {on: monday, hours: 7, keep: 14 days}"), @r#"
    line 5: tiers.weekly.at: the field is missing; give the times, such as at: ["07:00"]
    line 5: tiers.weekly.hours: unknown field; the fields here are on, at, keep, copy
    "#);
    assert_snapshot!(tier("daily: {hours: [8, 12], keep: 3 days, copy: {hours: 9, keep: 3 days}}"), @"line 6: tiers.daily.copy.hours: no daily backup is made at 09:00, and only a backup can be copied; choose from 08:00 or 12:00");
    assert_snapshot!(tier("daily: {hours: 8, keep: 3 days, copy: {hours: 8, runs_per_hour: 2, keep: 3 days}}"), @"line 6: tiers.daily.copy.hours: no daily backup is made at 08:30, and only a backup can be copied; choose from 08:00");
}

#[test]
fn patterns() {
    assert_snapshot!(sources("{patterns: [orders]}"), @r#"line 3: sources.patterns[0]: "orders" has no * and no ?; name the table under tables"#);
    assert_snapshot!(sources("{patterns: ['*']}"), @r#"line 3: sources.patterns[0]: "*" selects every table; write sources: {all: true} if that is meant"#);
    assert_snapshot!(sources("{patterns: ['a/*']}"), @r#"line 3: sources.patterns[0]: no table name fits "a/*"; write letters, digits, '_', '.', '-', * for any characters and ? for one: table names have 3 to 255"#);
    assert_snapshot!(sources("{patterns: ['*-prod', '*-prod']}"), @"line 3: sources.patterns[1]: *-prod is named twice; name it once");
    assert_snapshot!(sources("{patterns: []}"), @"line 3: sources.patterns: the list is empty; name at least one");
}

#[test]
fn tags_of_recovery_points() {
    assert_snapshot!(field("tags: []"), @"line 4: tags: the list is empty; name at least one");
    assert_snapshot!(field("tags: {cost: 42}"), @r#"line 4: tags[0].value: found the number 42; write "42", in quotes"#);
    assert_snapshot!(field("tags: {'aws:team': shop}"), @r#"line 4: tags: tags that begin as "aws:team" does are not for policies; choose another key"#);
    assert_snapshot!(field("tags: {backup-chain/hold: 'yes'}"), @r#"line 4: tags: tags that begin as "backup-chain/hold" does are not for policies; choose another key"#);
    assert_snapshot!(field("tags: {team: 'a,b'}"), @r#"line 4: tags[0].value: no tag of AWS has the value "a,b": it has the character ','; write letters, digits, spaces and _ . : / = + - @"#);
    assert_snapshot!(field("tags: [{key: team, value: a}, {key: team, value: b}]"), @"line 4: tags: the tag team is given twice; keep one of them");
    let many: Vec<String> = (0..11).map(|number| format!("t{number}: x")).collect();
    assert_snapshot!(field(&format!("tags: {{{}}}", many.join(", "))), @"line 4: tags: 11 tags are too many: AWS takes 50 on a recovery point in all; name at most 10");
}

#[test]
fn retries() {
    assert_snapshot!(field("retries: 3"), @"line 4: retries: found the number 3; write attempts, pause and notices");
    assert_snapshot!(field("retries: {attempts: 11}"), @"line 4: retries.attempts: 11 is out of range: what keeps failing is owed to the next backup; write a whole number from 0 to 10");
    assert_snapshot!(field("retries: {pause: 2 hours}"), @r#"line 4: retries.pause: found "2 hours"; write a whole number from 1 to 60 minutes"#);
    assert_snapshot!(field("retries: {pause: 61 minutes}"), @"line 4: retries.pause: 61 minutes is out of range: a retry must not meet the next backup; write a whole number from 1 to 60 minutes");
    assert_snapshot!(field("retries: {notices: never}"), @r#"line 4: retries.notices: found "never"; write last or each"#);
    assert_snapshot!(field("retries: {attemps: 3}"), @r#"line 4: retries.attemps: unknown field; did you mean "attempts"?"#);
}

#[test]
fn objectives() {
    let daily = "tiers: {daily: {on: workdays, at: [07:00, 19:00], keep: 4 days}";
    assert_snapshot!(field("objective: 3 days"), @r#"line 4: objective: found "3 days"; write a whole number from 1 to 8784 hours"#);
    assert_snapshot!(field("objective: 0 hours"), @"line 4: objective: 0 hours is out of range: a year is the longest objective; write a whole number from 1 to 8784 hours");
    assert_snapshot!(field("objective: 24 hours"), @"line 4: objective: no tier makes backups that could keep it; give the policy a tier, or remove objective");
    assert_snapshot!(field(&format!("objective: 60 hours\n{daily}}}")), @"line 4: objective: backups are up to 60 hours apart, so the newest would be older than 60 hours each time; write more than 60 hours, so that a backup has time to be made, or add slots");
    assert_snapshot!(field("objective: 24 hours\ntiers: {daily: {at: 07:00, keep: 3 days}}"), @"line 4: objective: backups are up to 24 hours apart, so the newest would be older than 24 hours each time; write more than 24 hours, so that a backup has time to be made, or add slots");
    parse(&with(&format!("objective: 61 hours\n{daily}}}"))).unwrap();
    // Together the tiers keep what none of them keeps alone.
    let weekly = "weekly: {on: saturday, at: 19:00, keep: 14 days}";
    parse(&with(&format!("objective: 37 hours\n{daily}, {weekly}}}"))).unwrap();
    assert_snapshot!(field(&format!("objective: 36 hours\n{daily}, {weekly}}}")), @"line 4: objective: backups are up to 36 hours apart, so the newest would be older than 36 hours each time; write more than 36 hours, so that a backup has time to be made, or add slots");
}
