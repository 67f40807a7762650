//! From a document to a [`Policy`]: its fields one by one.

use std::collections::BTreeMap;

use super::document;
use super::matching::MAX_PATTERNS;
use super::problem::{PolicyErrors, Problem};
use super::reader::{Field, Fields, Note, each};
use super::rules::ArnScope;
use super::{
    CopyTarget, Home, Notices, Pattern, Policy, Retries, Selection, TagMatch, Tiers, parse_tiers, rules,
};
use crate::calendar::Zone;
use crate::ids::{PolicyName, TableArn, TableName, VaultArn, VaultName};
use crate::span::{Span, Unit};

const MAPPING: &str = "a mapping of fields";
const HOURS_OF_A_YEAR: u32 = 366 * 24;
/// So many tags of a policy are sure to have room beside ours and a table's own.
const MAX_TAGS: usize = 10;
/// So many problems are reported. Whoever has corrected them sees the others.
const MAX_PROBLEMS: usize = 50;

impl Policy {
    /// Reads a policy from YAML or JSON text for the stack at `home`.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its field, its line where the text gives it, and the fix.
    pub fn parse(text: &str, home: &Home) -> Result<Self, PolicyErrors> {
        let mut problems = Vec::new();
        let policy = document::read(text)
            .and_then(|node| Field { path: String::new(), node }.map(MAPPING))
            .note(&mut problems)
            .and_then(|fields| read(fields, home, &mut problems));
        problems.sort_by_key(|problem| problem.line);
        if let more @ 1.. = problems.len().saturating_sub(MAX_PROBLEMS) {
            problems.truncate(MAX_PROBLEMS);
            problems.push(Problem::new(
                "",
                0,
                format!("{more} more problems are not shown"),
                "correct these first",
            ));
        }
        match policy {
            Some(policy) if problems.is_empty() => Ok(policy),
            _ => Err(PolicyErrors(problems)),
        }
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
        .require("sources", "say which tables: all: true, tables, prefixes, patterns or tags")
        .note(problems)
        .and_then(|field| selection(field, home, SelectionField::Sources, problems));
    let exclude =
        fields.take("exclude").map(|field| selection(field, home, SelectionField::Exclude, problems));
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
        .map_or(Some(Span { count: 90, unit: Unit::Day }), |field| field.span().note(problems));
    let retries = fields.take("retries").map_or(Some(Retries::default()), |field| retries(field, problems));
    let window = "AWS Backup takes no less than an hour, and a late backup must not meet the next";
    let start_window = number(fields.take("start_window"), "hours", 8, 1..=12, window, problems);
    let cold = fields.take("cold_after");
    let objective = fields.take("objective");
    let tags = fields.take("tags").map_or(Some(BTreeMap::new()), |field| point_tags(field, problems));

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
    let objective = objective.map(|field| {
        let hours =
            field.count("hours", 1..=HOURS_OF_A_YEAR, "a year is the longest objective").note(problems)?;
        problems.extend(tiers.as_ref().and_then(|tiers| rules::objective(&field, hours, tiers)));
        Some(hours)
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
        retries: retries?,
        start_window_hours: start_window?,
        cold_after_days: optional(cold_after)?,
        objective_hours: optional(objective)?,
        tags: tags?,
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

fn description(field: &Field) -> Result<String, Problem> {
    let text = field.text("a text")?;
    let length = text.chars().count();
    if length > 255 {
        return Err(field.problem(format!("{length} characters are too many"), "write at most 255"));
    }
    Ok(text.to_owned())
}

fn retries(field: Field, problems: &mut Vec<Problem>) -> Option<Retries> {
    let default = Retries::default();
    let mut fields = field.map("attempts, pause and notices").note(problems)?;
    let why = "what keeps failing is owed to the next backup";
    let attempts = number(fields.take("attempts"), "", default.attempts, 0..=10, why, problems);
    let why = "a retry must not meet the next backup";
    let pause = number(fields.take("pause"), "minutes", default.pause_minutes, 1..=60, why, problems);
    let notices = fields.take("notices").map_or(Some(default.notices), |field| {
        let text = field.text("last or each").note(problems)?;
        match text {
            "last" => Some(Notices::Last),
            "each" => Some(Notices::Each),
            _ => {
                problems.push(field.problem(format!("found {text:?}"), "write last or each"));
                None
            }
        }
    });
    fields.finish(problems);
    Some(Retries { attempts: attempts?, pause_minutes: pause?, notices: notices? })
}

/// Reads the tags for recovery points, a mapping.
fn point_tags(field: Field, problems: &mut Vec<Problem>) -> Option<BTreeMap<String, String>> {
    let (path, line) = (field.path.clone(), field.node.line);
    let tags = tags(field, problems)?;
    let mut found = BTreeMap::new();
    for TagMatch { key, value } in tags {
        let mut refuse = |what: String, fix: &str| problems.push(Problem::new(&path, line, what, fix));
        let is_taken = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
        if key.starts_with(crate::metadata::tags::PREFIX) || key.to_lowercase().starts_with("aws:") {
            refuse(format!("tags that begin as {key:?} does are not for policies"), "choose another key");
        } else if let Some(letter) = key.chars().chain(value.chars()).find(|letter| !is_taken(*letter)) {
            refuse(
                format!("AWS Backup takes no tag {key}={value}: it has the character {letter:?}"),
                "write letters, digits, spaces and _ . : / = + - @",
            );
        } else if found.insert(key.clone(), value).is_some() {
            refuse(format!("the tag {key} is given twice"), "keep one of them");
        }
    }
    if found.len() > MAX_TAGS {
        let what = format!("{} tags are too many: AWS takes 50 on a recovery point in all", found.len());
        problems.push(Problem::new(&path, line, what, format!("name at most {MAX_TAGS}")));
    }
    Some(found)
}

#[derive(Clone, Copy, PartialEq)]
enum SelectionField {
    Sources,
    Exclude,
}

fn selection(
    field: Field,
    home: &Home,
    kind: SelectionField,
    problems: &mut Vec<Problem>,
) -> Option<Selection> {
    let before = problems.len();
    let mut fields =
        field.map("all: true, or lists of tables, prefixes, patterns and tags").note(problems)?;
    let all = fields.take("all").map_or(Some(false), |field| {
        let all = field.flag().note(problems)?;
        if all && kind == SelectionField::Exclude {
            problems.push(
                field.problem("this excludes every table", "disable the policy with enabled: false instead"),
            );
        }
        Some(all)
    });
    let tables = each(fields.take("tables"), problems, |field, _| table(field, home));
    let prefixes = each(fields.take("prefixes"), problems, |field, _| prefix(field));
    let patterns_field = fields.take("patterns");
    let patterns_at = patterns_field.as_ref().map(|field| (field.path.clone(), field.node.line));
    let patterns = each(patterns_field, problems, |field, _| pattern(field));
    if let (Some((path, line)), Some(patterns)) = (&patterns_at, &patterns)
        && patterns.len() > MAX_PATTERNS
    {
        let what = format!("{} patterns are too many", patterns.len());
        problems.push(Problem::new(path, *line, what, format!("write at most {MAX_PATTERNS}")));
    }
    let tags = fields.take("tags").map_or(Some(Vec::new()), |field| tags(field, problems));
    let (path, line) = (fields.path.clone(), fields.line);
    fields.finish(problems);
    let selection =
        Selection { all: all?, tables: tables?, prefixes: prefixes?, patterns: patterns?, tags: tags? };
    let Selection { tables, prefixes, patterns, tags, .. } = &selection;
    let names = tables.len() + prefixes.len() + patterns.len() + tags.len();
    if problems.len() == before {
        if !selection.all && names == 0 {
            let (what, fix) = match kind {
                SelectionField::Sources => {
                    ("no table is selected", "name tables, prefixes, patterns or tags, or write all: true")
                }
                SelectionField::Exclude => {
                    ("no table is excluded", "name tables, prefixes, patterns or tags, or remove exclude")
                }
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

fn table(field: &Field, home: &Home) -> Result<TableName, Problem> {
    let want = "the name or the ARN of a table";
    if !field.text(want)?.starts_with("arn:") {
        return field.parsed(want);
    }
    let arn: TableArn = field.parsed(want)?;
    let place = ArnScope::of(&arn.partition, &arn.region, &arn.account);
    rules::at_home(field, "table", place, home, "apply the policy to the stack of that Region")?;
    Ok(arn.name)
}

fn prefix(field: &Field) -> Result<String, Problem> {
    let text = field.text("the beginning of a table name")?;
    if text.is_empty() {
        return Err(field.problem("an empty prefix selects every table", "write all: true if that is meant"));
    }
    if text.len() > 255 || !text.chars().all(is_of_table_names) {
        let what = format!("no table name begins with {text:?}");
        let fix = "write letters, digits, '_', '.' or '-'; wildcards go under patterns";
        return Err(field.problem(what, fix));
    }
    Ok(text.to_owned())
}

fn pattern(field: &Field) -> Result<Pattern, Problem> {
    let text = field.text("a table name with * or ?")?;
    let is_wild = |c: char| c == '*' || c == '?';
    let problem = |what: String, fix: &str| Err(field.problem(what, fix));
    if !text.contains(is_wild) {
        return problem(format!("{text:?} has no * and no ?"), "name the table under tables");
    }
    if text.chars().all(|c| c == '*') {
        return problem(format!("{text:?} selects every table"), "write all: true if that is meant");
    }
    if text.len() > 255 || !text.chars().all(|c| is_of_table_names(c) || is_wild(c)) {
        return problem(
            format!("no table name fits {text:?}"),
            "write letters, digits, '_', '.', '-', * for any characters and ? for one",
        );
    }
    Ok(Pattern::new(text))
}

fn is_of_table_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
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
    let place = ArnScope::of(&arn.partition, &arn.region, &arn.account);
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
