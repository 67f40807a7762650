//! From a document to the tables of a policy: its sources, and what it excludes of them.

use super::bounds::{CONDITIONS, MAX_PATTERNS, MAX_TAG_KEY, MAX_TAG_VALUE};
use super::matching::is_of_tags;
use super::problem::Problem;
use super::reader::{Field, Note, each};
use super::rules::ArnScope;
use super::{KnownHome, Pattern, Selection, TagMatch, rules};
use crate::ids::{TableArn, TableName};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum SelectionField {
    Sources,
    Exclude,
}

/// What to do where nothing is left to back up.
pub(super) const FEWER_EXCLUDED: &str =
    "remove exclude, or name fewer tables there; to stop the policy write enabled: false";

impl SelectionField {
    fn every_table(self, field: &Field, what: &str) -> Problem {
        match self {
            Self::Sources => field.problem(
                format!("{what} selects every table"),
                "write sources: {all: true} if that is meant",
            ),
            Self::Exclude => field.problem(format!("{what} excludes every table"), FEWER_EXCLUDED),
        }
    }
}

pub(super) fn selection(
    field: Field,
    home: &KnownHome,
    kind: SelectionField,
    problems: &mut Vec<Problem>,
) -> Option<Selection> {
    let before = problems.len();
    let mut fields =
        field.map("all: true, or lists of tables, prefixes, patterns and tags").note(problems)?;
    let all = fields.take("all").map_or(Some(false), |field| {
        let all = field.flag().note(problems)?;
        if all && kind == SelectionField::Exclude {
            problems.push(kind.every_table(&field, "all: true"));
        }
        Some(all)
    });
    let tables = each(fields.take("tables"), problems, |field, _| table(field, home, kind));
    let prefixes = each(fields.take("prefixes"), problems, |field, _| prefix(field, kind));
    let patterns_field = fields.take("patterns");
    let patterns_at = patterns_field.as_ref().map(|field| (field.path.clone(), field.node.line));
    let patterns = each(patterns_field, problems, |field, _| pattern(field, kind));
    if let (Some((path, line)), Some(patterns)) = (&patterns_at, &patterns)
        && patterns.len() > MAX_PATTERNS
    {
        let what = format!("{} patterns are too many", patterns.len());
        problems.push(Problem::new(path, *line, what, format!("write at most {MAX_PATTERNS}")));
    }
    let tags = fields.take("tags").map_or(Some(Vec::new()), |field| source_tags(field, problems));
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

fn table(field: &Field, home: &KnownHome, kind: SelectionField) -> Result<TableName, Problem> {
    let text = field.as_text().unwrap_or_default();
    let is_arn = text.starts_with("arn:");
    let name = if is_arn { text.rsplit('/').next().unwrap_or(text) } else { text };
    if name.contains(is_wild) {
        return Err(in_place_of(field, name, kind));
    }
    if !is_arn {
        return field.parsed("the name or the ARN of a table");
    }
    let arn: TableArn = field.parsed("the ARN of a table")?;
    let place = ArnScope::of(&arn.partition, &arn.region, &arn.account);
    rules::at_home(field, "table", place, home, "apply the policy to the stack of that Region")?;
    Ok(arn.name)
}

fn prefix(field: &Field, kind: SelectionField) -> Result<String, Problem> {
    let text = field.any_text("the beginning of a table name")?;
    if text.is_empty() {
        return Err(kind.every_table(field, "an empty prefix"));
    }
    if text.contains(is_wild) {
        return Err(in_place_of(field, text, kind));
    }
    if text.len() > MAX_NAME || !text.chars().all(is_of_table_names) {
        let what = format!("no table name begins with {text:?}");
        return Err(field.problem(what, "write letters, digits, '_', '.' or '-'"));
    }
    Ok(text.to_owned())
}

/// What is wrong with a pattern where none belongs.
fn in_place_of(field: &Field, text: &str, kind: SelectionField) -> Problem {
    match checked(field, text, kind) {
        Err(problem) => problem,
        Ok(_) => field.problem(
            format!("{text:?} has wildcards, which here stand for themselves"),
            "name it under patterns, where * stands for any characters and ? for one",
        ),
    }
}

fn pattern(field: &Field, kind: SelectionField) -> Result<Pattern, Problem> {
    let text = field.text("a table name with * or ?")?;
    if !text.contains(is_wild) && text.parse::<TableName>().is_ok() {
        return Err(field.problem(format!("{text:?} has no * and no ?"), "name the table under tables"));
    }
    checked(field, text, kind)
}

/// The fewest and the most characters of a table's name.
const MIN_NAME: usize = 3;
const MAX_NAME: usize = 255;

/// The pattern that a text is, in whichever field it stands.
fn checked(field: &Field, text: &str, kind: SelectionField) -> Result<Pattern, Problem> {
    let fixed = text.chars().filter(|c| *c != '*').count();
    let has_star = fixed < text.len();
    if has_star && fixed <= MIN_NAME && text.chars().all(is_wild) {
        return Err(kind.every_table(field, &format!("{text:?}")));
    }
    let is_possible = fixed <= MAX_NAME && (has_star || fixed >= MIN_NAME) && text.len() <= MAX_NAME;
    if !is_possible || !text.contains(is_wild) || !text.chars().all(|c| is_of_table_names(c) || is_wild(c)) {
        return Err(field.problem(
            format!("no table name fits {text:?}"),
            "write letters, digits, '_', '.', '-', * for any characters and ? for one: table names have 3 to 255",
        ));
    }
    Ok(Pattern::new(text))
}

fn is_wild(c: char) -> bool {
    c == '*' || c == '?'
}

fn is_of_table_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-".contains(c)
}

/// Tags that tables may carry.
fn source_tags(field: Field, problems: &mut Vec<Problem>) -> Option<Vec<TagMatch>> {
    each(Some(field.pairs()), problems, |item, problems| {
        let (key, tag) = pair(item, problems)?;
        let lower = tag.key.to_ascii_lowercase();
        match CONDITIONS.iter().find(|condition| lower.starts_with(*condition)) {
            None => Ok(tag),
            Some(condition) => {
                let what =
                    format!("no table has a tag with the key {:?}: it is the name of a condition", tag.key);
                let alone = &tag.key[condition.len()..];
                let alone = if alone.is_empty() { "backup" } else { alone };
                Err(key.problem(what, format!("write the tag's key alone: {alone:?}")))
            }
        }
    })
}

/// Tags: a mapping, or a list of `{key, value}`.
pub(super) fn tags(field: Field, problems: &mut Vec<Problem>) -> Option<Vec<TagMatch>> {
    each(Some(field.pairs()), problems, |item, problems| Ok(pair(item, problems)?.1))
}

fn pair(item: &Field, problems: &mut Vec<Problem>) -> Result<(Field, TagMatch), Problem> {
    let mut fields = item.clone().map("{key: backup, value: gold}, with a key and a value of yours")?;
    let key = fields.require("key", "name the tag's key")?;
    let value = fields.require("value", "give the tag's value")?;
    fields.finish(problems);
    let (key_text, value_text) = (key.any_text("a tag key")?, value.any_text("a tag value")?);
    checked_tag(&key, key_text, "key", 1..=MAX_TAG_KEY)?;
    checked_tag(&value, value_text, "value", 0..=MAX_TAG_VALUE)?;
    let tag = TagMatch { key: key_text.to_owned(), value: value_text.to_owned() };
    Ok((key, tag))
}

fn checked_tag(
    field: &Field,
    text: &str,
    part: &str,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<(), Problem> {
    let length = text.chars().count();
    if !lengths.contains(&length) {
        let what = format!("no tag of AWS has a {part} of {length} characters");
        let (least, most) = (lengths.start(), lengths.end());
        return Err(field.problem(what, format!("write {least} to {most} characters")));
    }
    if let Some(letter) = text.chars().find(|letter| !is_of_tags(*letter)) {
        let what = format!("no tag of AWS has the {part} {text:?}: it has the character {letter:?}");
        return Err(field.problem(what, "write letters, digits, spaces and _ . : / = + - @"));
    }
    Ok(())
}
