//! From a document to a [`Policy`]: its fields one by one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::bounds::{
    EXAMPLE_ARN, MAX_COLD_DAYS, MAX_COPIES, MAX_DESCRIPTION, MAX_OBJECTIVE_HOURS, MAX_TAGS, PAUSE_MINUTES,
    START_WINDOW_HOURS,
};
use super::document;
use super::parse_selection::{self, SelectionField};
use super::problem::{PolicyErrors, Problem};
use super::reader::{Field, Fields, Note, each};
use super::rules::ArnScope;
use super::{CopyTarget, Home, KnownHome, Notices, Policy, Retries, TagMatch, Tiers, parse_tiers, rules};
use crate::calendar::Zone;
use crate::ids::{PolicyName, VaultArn, VaultName};
use crate::span::{Span, Unit};

const MAPPING: &str = "a mapping of fields, such as name, sources, vault and tiers";
/// So many problems are reported. Whoever has corrected them sees the others.
const MAX_PROBLEMS: usize = 50;

impl Policy {
    /// Reads a policy from YAML or JSON text for the stack at `home`.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its field, its line where the text gives it, and the fix.
    pub fn parse(text: &str, home: &Home) -> Result<Self, PolicyErrors> {
        Self::parse_anywhere(text, home.into()).map(|(policy, _)| policy)
    }

    /// The same where no stack says the home. Of it, what is not `known` is what the document's own ARNs say, which is
    /// returned as well.
    ///
    /// # Errors
    /// As for [`Policy::parse`].
    pub fn parse_anywhere(text: &str, known: KnownHome) -> Result<(Self, KnownHome), PolicyErrors> {
        let mut problems = Vec::new();
        let mut home = known;
        let policy = document::read(text)
            .and_then(|node| {
                home = home.clone().or_of(&node);
                Field { path: String::new(), node }.map(MAPPING)
            })
            .note(&mut problems)
            .and_then(|fields| read(fields, &home, &mut problems));
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
            Some(policy) if problems.is_empty() => Ok((policy, home)),
            _ => Err(PolicyErrors(problems)),
        }
    }
}

fn read(mut fields: Fields, home: &KnownHome, problems: &mut Vec<Problem>) -> Option<Policy> {
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
        .and_then(|field| parse_selection::selection(field, home, SelectionField::Sources, problems));
    let exclude = fields.take("exclude").map(|field| {
        let (path, line) = (field.path.clone(), field.node.line);
        let before = problems.len();
        let exclude = parse_selection::selection(field, home, SelectionField::Exclude, problems)?;
        if problems.len() == before && sources.as_ref().is_some_and(|sources| sources.is_within(&exclude)) {
            let what = "it excludes everything that sources selects";
            problems.push(Problem::new(&path, line, what, parse_selection::FEWER_EXCLUDED));
        }
        Some(exclude)
    });
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
    let start_window = number(fields.take("start_window"), "hours", 8, START_WINDOW_HOURS, window, problems);
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
            "add a copy rule to a tier, such as copy: {keep: 2 years}, or remove copies",
        ));
    }
    let cold_after = cold.map(|field| {
        let days = field
            .count("days", 1..=MAX_COLD_DAYS, "AWS Backup keeps for at most 100 years")
            .note(problems)?;
        problems.extend(tiers.as_ref().and_then(|tiers| rules::cold(&field, days, tiers)));
        Some(days)
    });
    let objective = objective.map(|field| {
        let hours = field
            .count("hours", 1..=MAX_OBJECTIVE_HOURS, "a year is the longest objective")
            .note(problems)?;
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
    range: RangeInclusive<u32>,
    why: &str,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    field.map_or(Some(default), |field| field.count(unit, range, why).note(problems))
}

fn description(field: &Field) -> Result<String, Problem> {
    let text = field.any_text("a text")?;
    let length = text.chars().count();
    if length > MAX_DESCRIPTION {
        let fix = format!("write at most {MAX_DESCRIPTION}");
        return Err(field.problem(format!("{length} characters are too many"), fix));
    }
    if let Some(control) = text.chars().find(|c| is_control(*c)) {
        let what = format!("it has the control character {}", control.escape_unicode());
        return Err(field.problem(what, "write characters that can be seen, spaces and line breaks"));
    }
    Ok(text.to_owned())
}

/// What acts on a terminal, or turns the direction of the text after it.
fn is_control(c: char) -> bool {
    (c.is_control() && !['\n', '\t'].contains(&c))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn retries(field: Field, problems: &mut Vec<Problem>) -> Option<Retries> {
    let default = Retries::default();
    let mut fields = field.map("attempts, pause and notices").note(problems)?;
    let why = "what keeps failing is owed to the next backup";
    let attempts = number(fields.take("attempts"), "", default.attempts, 0..=10, why, problems);
    let why = "a retry must not meet the next backup";
    let pause = number(fields.take("pause"), "minutes", default.pause_minutes, PAUSE_MINUTES, why, problems);
    let notices = fields.take("notices").map_or(Some(default.notices), |field| {
        let text = field.text("last or each").note(problems)?;
        match text {
            "last" => Some(Notices::Last),
            "each" => Some(Notices::Each),
            _ => {
                problems.push(field.wanted("last or each"));
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
    let tags = parse_selection::tags(field, problems)?;
    let mut found = BTreeMap::new();
    for TagMatch { key, value } in tags {
        let mut refuse = |what: String, fix: &str| problems.push(Problem::new(&path, line, what, fix));
        if key.starts_with(crate::metadata::tags::PREFIX) || key.to_ascii_lowercase().starts_with("aws:") {
            refuse(format!("tags that begin as {key:?} does are not for policies"), "choose another key");
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

fn home_vault(field: &Field, home: &KnownHome) -> Result<VaultName, Problem> {
    if !field.as_text().is_some_and(|text| text.starts_with("arn:")) {
        return field.parsed("the name of a vault");
    }
    let arn: VaultArn = field.parsed("the ARN of a vault")?;
    let place = ArnScope::of(&arn.partition, &arn.region, &arn.account);
    let elsewhere = "name a vault here; vaults of other Regions go under copies";
    rules::at_home(field, "vault", place, home, elsewhere)?;
    Ok(arn.name)
}

fn copies(field: Field, home: &KnownHome, problems: &mut Vec<Problem>) -> Option<Vec<CopyTarget>> {
    let (path, line) = (field.path.clone(), field.node.line);
    let targets = each(Some(field), problems, |item, problems| {
        let mut fields = item.clone().map(&format!("{{vault: {EXAMPLE_ARN}}}"))?;
        let vault = fields
            .require("vault", &format!("give the ARN of a vault in another Region, such as {EXAMPLE_ARN}"))?;
        fields.finish(problems);
        let arn: VaultArn = vault.parsed("the ARN of a vault")?;
        rules::copy_target(&vault, &arn, home)?;
        Ok(arn)
    })?;
    if targets.len() > MAX_COPIES {
        let what = format!("{} vaults of copies are too many", targets.len());
        problems.push(Problem::new(&path, line, what, format!("name at most {MAX_COPIES}")));
    }
    Some(targets.into_iter().map(|vault| CopyTarget { vault }).collect())
}
