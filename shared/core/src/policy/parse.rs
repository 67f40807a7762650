//! From a document to a [`Policy`]: its fields one by one.

use std::collections::BTreeSet;

use super::document;
use super::problem::{PolicyErrors, Problem};
use super::reader::{Field, Fields, Note};
use super::rules::Place;
use super::{CopyTarget, Home, Policy, Selection, TagMatch, Tiers, parse_tiers, rules};
use crate::calendar::Zone;
use crate::ids::{PolicyName, TableArn, TableName, VaultArn, VaultName};
use crate::span::{Span, Unit};

const MAPPING: &str = "a mapping of fields";

pub(super) fn policy(text: &str, home: &Home) -> Result<Policy, PolicyErrors> {
    let mut problems = Vec::new();
    let policy = document::read(text)
        .and_then(|node| Field { path: String::new(), node }.map(MAPPING))
        .note(&mut problems)
        .and_then(|fields| read(fields, home, &mut problems));
    problems.sort_by_key(|problem| problem.line);
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        _ => Err(PolicyErrors(problems)),
    }
}

fn read(mut fields: Fields, home: &Home, problems: &mut Vec<Problem>) -> Option<Policy> {
    let name = fields
        .require("name", "give the policy a name, such as gold")
        .and_then(|field| field.parsed::<PolicyName>("a name"))
        .note(problems);
    let description = fields.take("description").map(|field| description(&field).note(problems));
    let priority = number(fields.take("priority"), "", 100, 1..=1000, "the lowest goes first", problems);
    let enabled = fields.take("enabled").map_or(Some(true), |field| field.flag().note(problems));
    let time_zone = fields
        .take("time_zone")
        .map_or(Some(Zone::UTC), |field| field.parsed("an IANA name such as Europe/Berlin").note(problems));
    let sources = fields
        .require("sources", "say which tables: all: true, tables, prefixes or tags")
        .note(problems)
        .and_then(|field| selection(field, home, Kind::Sources, problems));
    let exclude = fields.take("exclude").map(|field| selection(field, home, Kind::Exclude, problems));
    let vault = fields
        .require("vault", "name the vault of the backups")
        .and_then(|field| home_vault(&field, home))
        .note(problems);
    let copies_field = fields.take("copies");
    let tiers_field = fields.take("tiers");
    let keep_last = number(
        fields.take("keep_last"),
        "",
        1,
        1..=1000,
        "the newest backup of a table always stays",
        problems,
    );
    let after_drop = fields
        .take("after_drop")
        .map_or(Some(Span { count: 90, unit: Unit::Day }), |field| span(&field).note(problems));
    let window = "AWS Backup takes no less than an hour, and a late backup must not meet the next";
    let start_window = number(fields.take("start_window"), "hours", 8, 1..=12, window, problems);
    let cold = fields.take("cold_after");

    let copies_line = copies_field.as_ref().map_or(0, |field| field.node.line);
    let has_copies = copies_field.is_some();
    let copies = copies_field.map_or(Some(Vec::new()), |field| copies(field, home, problems));
    let tiers =
        tiers_field.map_or(Some(Tiers::default()), |field| parse_tiers::tiers(field, has_copies, problems));
    if let (Some(tiers), true) = (&tiers, has_copies)
        && tiers.iter().all(|(_, rule)| rule.copy.is_none())
    {
        problems.push(Problem::new(
            "copies",
            copies_line,
            "no tier has a copy rule, so nothing would be copied",
            "add copy: {keep: ...} to a tier, or remove copies",
        ));
    }
    let cold_after = cold.map(|field| {
        let days =
            field.count("days", 1..=36_410, "AWS Backup keeps for at most 100 years").note(problems)?;
        problems.extend(tiers.as_ref().and_then(|tiers| rules::cold(&field, days, tiers)));
        Some(days)
    });
    fields.finish(problems);

    Some(Policy {
        name: name?,
        description: optional(description)?,
        priority: priority?,
        enabled: enabled?,
        time_zone: time_zone?,
        sources: sources?,
        exclude: optional(exclude)?,
        vault: vault?,
        copies: copies?,
        tiers: tiers?,
        keep_last: keep_last?,
        after_drop: after_drop?,
        start_window: start_window?,
        cold_after: optional(cold_after)?,
    })
}

/// A field that was left out is fine, one that was wrong is not.
fn optional<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn number(
    field: Option<Field>,
    unit: &str,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
    why: &str,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    field.map_or(Some(default), |field| field.count(unit, range, why).note(problems))
}

pub(super) fn span(field: &Field) -> Result<Span, Problem> {
    field.parsed("a span such as 3 days, 2 weeks, 6 months or 7 years")
}

fn description(field: &Field) -> Result<String, Problem> {
    let text = field.text("a text")?;
    let length = text.chars().count();
    if length > 255 {
        return Err(field.problem(format!("{length} characters are too many"), "write at most 255"));
    }
    Ok(text.to_owned())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sources,
    Exclude,
}

fn selection(field: Field, home: &Home, kind: Kind, problems: &mut Vec<Problem>) -> Option<Selection> {
    let before = problems.len();
    let mut fields = field.map("all: true, or lists of tables, prefixes and tags").note(problems)?;
    let all = fields.take("all").map_or(Some(false), |field| {
        let all = field.flag().note(problems)?;
        if all && kind == Kind::Exclude {
            problems.push(
                field.problem("this excludes every table", "disable the policy with enabled: false instead"),
            );
        }
        Some(all)
    });
    let tables = each(fields.take("tables"), problems, |field, _| table(field, home));
    let prefixes = each(fields.take("prefixes"), problems, |field, _| prefix(field));
    let tags = fields.take("tags").map_or(Some(Vec::new()), |field| tags(field, problems));
    let (path, line) = (fields.path.clone(), fields.line);
    fields.finish(problems);
    let selection = Selection { all: all?, tables: tables?, prefixes: prefixes?, tags: tags? };
    let names = selection.tables.len() + selection.prefixes.len() + selection.tags.len();
    if problems.len() == before {
        if !selection.all && names == 0 {
            let (what, fix) = match kind {
                Kind::Sources => {
                    ("no table is selected", "name tables, prefixes or tags, or write all: true")
                }
                Kind::Exclude => ("no table is excluded", "name tables, prefixes or tags, or remove exclude"),
            };
            problems.push(Problem::new(&path, line, what, fix));
        }
        if selection.all && names > 0 {
            problems.push(Problem::new(
                &path,
                line,
                "all: true selects every table, so the rest says nothing",
                "keep one of the two",
            ));
        }
    }
    Some(selection)
}

/// The items of a list, sorted; each is read by `read`, and none may come twice.
pub(super) fn each<T: Ord + std::fmt::Display>(
    field: Option<Field>,
    problems: &mut Vec<Problem>,
    mut read: impl FnMut(&Field, &mut Vec<Problem>) -> Result<T, Problem>,
) -> Option<Vec<T>> {
    let Some(field) = field else { return Some(Vec::new()) };
    let mut found = BTreeSet::new();
    let mut complete = true;
    for item in field.items().note(problems)? {
        match read(&item, problems).note(problems) {
            None => complete = false,
            Some(value) if found.contains(&value) => {
                problems.push(item.problem(format!("{value} is named twice"), "name it once"));
                complete = false;
            }
            Some(value) => {
                found.insert(value);
            }
        }
    }
    complete.then(|| found.into_iter().collect())
}

fn table(field: &Field, home: &Home) -> Result<TableName, Problem> {
    let want = "the name or the ARN of a table";
    if !field.text(want)?.starts_with("arn:") {
        return field.parsed(want);
    }
    let arn: TableArn = field.parsed(want)?;
    let place = Place::of(&arn.partition, &arn.region, &arn.account);
    rules::at_home(field, "table", place, home, "apply the policy to the stack of that Region")?;
    Ok(arn.name)
}

fn prefix(field: &Field) -> Result<String, Problem> {
    let text = field.text("the beginning of a table name")?;
    if text.is_empty() {
        return Err(field.problem("an empty prefix selects every table", "write all: true if that is meant"));
    }
    if text.len() > 255 || !text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        let what = format!("no table name begins with {text:?}");
        return Err(field.problem(what, "write letters, digits, '_', '.' or '-'; prefixes take no wildcards"));
    }
    Ok(text.to_owned())
}

fn tags(field: Field, problems: &mut Vec<Problem>) -> Option<Vec<TagMatch>> {
    each(Some(field.pairs()), problems, |item, problems| {
        let mut fields = item.clone().map("{key: ..., value: ...}")?;
        let key = fields.require("key", "name the tag's key")?.text("a tag key")?.to_owned();
        let tag = tag(key, &fields.require("value", "give the tag's value")?)?;
        fields.finish(problems);
        Ok(tag)
    })
}

fn tag(key: String, value: &Field) -> Result<TagMatch, Problem> {
    let value_text = value.text("a tag value")?;
    if !(1..=128).contains(&key.chars().count()) || value_text.chars().count() > 256 {
        let what = format!("AWS has no such tag as {key:?}");
        return Err(value.problem(what, "write a key of 1 to 128 characters and a value of up to 256"));
    }
    Ok(TagMatch { key, value: value_text.to_owned() })
}

fn home_vault(field: &Field, home: &Home) -> Result<VaultName, Problem> {
    let want = "the name of a vault";
    if !field.text(want)?.starts_with("arn:") {
        return field.parsed(want);
    }
    let arn: VaultArn = field.parsed(want)?;
    let place = Place::of(&arn.partition, &arn.region, &arn.account);
    rules::at_home(
        field,
        "vault",
        place,
        home,
        "name a vault here; vaults of other Regions go under copies",
    )?;
    Ok(arn.name)
}

fn copies(field: Field, home: &Home, problems: &mut Vec<Problem>) -> Option<Vec<CopyTarget>> {
    let targets = each(Some(field), problems, |item, problems| {
        let mut fields = item.clone().map("{vault: <ARN of a vault in another Region>}")?;
        let vault = fields.require("vault", "give the ARN of a vault in another Region")?;
        fields.finish(problems);
        let arn: VaultArn = vault.parsed("the ARN of a vault")?;
        rules::copy_target(&vault, &arn, home)?;
        Ok(arn)
    })?;
    Some(targets.into_iter().map(|vault| CopyTarget { vault }).collect())
}
