//! From a document to the tiers of a policy.

use std::slice;

use super::bounds::{ALL_MONTHS, EVERY_DAY, EVERY_HOUR, EXAMPLE_ARN, WORKDAYS};
use super::problem::Problem;
use super::reader::{Field, Fields, Note, each};
use super::{CopyRule, TierRule, Tiers, rules};
use crate::calendar::{self, Days, InvalidDays, MonthDay, Months, Slots, TimeOfDay, Weekdays};
use crate::span::Span;
use crate::suggest::{self, any_of};
use crate::tier::Tier;

/// What the slots are for.
#[derive(Clone, Copy)]
enum Role<'a> {
    Backups,
    /// Copies, of backups at these slots; `None` where those could not be read.
    Copies(Option<&'a Slots>),
}

/// What a rule can choose from: anything, or what the backups have.
struct Choice<'a, T> {
    tier: Tier,
    among: Option<&'a [T]>,
}

impl<T: PartialEq + std::fmt::Display> Choice<'_, T> {
    fn check(&self, field: &Field, at: &str, value: &T) -> Result<(), Problem> {
        match self.among {
            Some(among) if !among.contains(value) => {
                let names: Vec<String> = among.iter().map(T::to_string).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let what =
                    format!("no {} backup is made {at} {value}, and only a backup can be copied", self.tier);
                Err(field.problem(what, format!("choose from {}", any_of(&names))))
            }
            _ => Ok(()),
        }
    }
}

/// Reads `tiers`.
pub(super) fn tiers(field: Field, has_copies: bool, problems: &mut Vec<Problem>) -> Option<Tiers> {
    let mut fields = field.map("daily, weekly, monthly or yearly, each with its rule").note(problems)?;
    let mut tiers = Tiers::default();
    let mut complete = true;
    for (tier, name) in Tier::ALL.into_iter().zip(["daily", "weekly", "monthly", "yearly"]) {
        let Some(field) = fields.take(name) else { continue };
        match rule(tier, field, has_copies, problems) {
            Some(rule) => {
                tiers.0.insert(tier, rule);
            }
            None => complete = false,
        }
    }
    fields.finish(problems);
    complete.then_some(tiers)
}

fn rule(tier: Tier, field: Field, has_copies: bool, problems: &mut Vec<Problem>) -> Option<TierRule> {
    let mut fields = field.map("on, at and keep").note(problems)?;
    let slots = slots(tier, Role::Backups, &mut fields, problems);
    let keep = keep(tier, &mut fields, slots.as_ref(), "backups", problems);
    let copy = fields.take("copy").map(|field| {
        if !has_copies {
            let fix =
                format!("add copies: [{{vault: \"{EXAMPLE_ARN}\"}}] to the policy, with a vault of yours");
            problems.push(field.problem("the policy names no vault to copy to", fix));
        }
        copy(tier, field, slots.as_ref(), problems)
    });
    fields.finish(problems);
    let copy = match copy {
        None => None,
        Some(copy) => Some(copy?),
    };
    Some(TierRule { slots: slots?, keep: keep?, copy })
}

fn copy(tier: Tier, field: Field, backups: Option<&Slots>, problems: &mut Vec<Problem>) -> Option<CopyRule> {
    let mut fields = field.map("keep, and on and at where not every backup is copied").note(problems)?;
    let slots = slots(tier, Role::Copies(backups), &mut fields, problems);
    let keep = keep(tier, &mut fields, slots.as_ref(), "copies", problems);
    fields.finish(problems);
    Some(CopyRule { slots: slots?, keep: keep? })
}

/// Reads `keep`, which must last from each slot to the next.
fn keep(
    tier: Tier,
    fields: &mut Fields,
    slots: Option<&Slots>,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<Span> {
    let example = match tier {
        Tier::Daily => "14 days",
        Tier::Weekly => "5 weeks",
        Tier::Monthly => "13 months",
        Tier::Yearly => "7 years",
    };
    let field = fields
        .require("keep", &format!("say how long {what} are kept, such as keep: {example}"))
        .note(problems)?;
    let keep = field.span().note(problems)?;
    if let Some(days) = slots.and_then(|slots| rules::longer_than(keep, slots)) {
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        problems.push(field.problem(
            format!(
                "{what} kept for {keep} would be gone before the next: their slots are up to {days} apart"
            ),
            format!("keep them for at least {days}"),
        ));
    }
    Some(keep)
}

fn slots(tier: Tier, role: Role<'_>, fields: &mut Fields, problems: &mut Vec<Problem>) -> Option<Slots> {
    let days = days(tier, role, fields, problems);
    let made = match role {
        Role::Backups => None,
        Role::Copies(backups) => backups.map(|slots| slots.times.as_slice()),
    };
    let choice = Choice { tier, among: made };
    let at = fields.take("at");
    let hourly = (tier == Tier::Daily).then(|| hourly(at.is_some(), &choice, fields, problems)).flatten();
    let times = match (at, hourly) {
        (Some(field), _) => times(field, &choice, problems),
        (None, Some(times)) => times,
        (None, None) => match role {
            Role::Copies(_) => made.map(<[TimeOfDay]>::to_vec),
            Role::Backups => {
                let or = if tier == Tier::Daily { ", or hours: every hour" } else { "" };
                problems.push(fields.missing("at", &format!("give the times, such as at: [\"07:00\"]{or}")));
                None
            }
        },
    };
    Some(Slots { days: days?, times: times? })
}

/// Reads `hours` and `runs_per_hour`, short for the times that they stand for. `None` when they are not given.
fn hourly(
    has_at: bool,
    choice: &Choice<'_, TimeOfDay>,
    fields: &mut Fields,
    problems: &mut Vec<Problem>,
) -> Option<Option<Vec<TimeOfDay>>> {
    let (hours_field, runs_field) = (fields.take("hours"), fields.take("runs_per_hour"));
    let runs = runs_field.as_ref().map_or(Some(1), |field| {
        let why = "AWS Backup makes one backup of a table at a time, and each takes minutes";
        let runs = field.count("", 1..=12, why).note(problems)?;
        if 60 % runs != 0 {
            let fix = "write 1, 2, 3, 4, 5, 6, 10 or 12";
            problems.push(field.problem(format!("an hour has no {runs} equal parts of whole minutes"), fix));
            return None;
        }
        Some(runs)
    });
    let Some(field) = hours_field else {
        if let Some(field) = runs_field {
            let fix = match has_at {
                false => "add hours: every hour, or hours: [8, 12, 16]",
                true => "remove it, or write hours in place of at, such as hours: [8, 12, 16]",
            };
            problems
                .push(field.problem("it says how often in each of the hours, and no hours are given", fix));
        }
        return None;
    };
    if has_at {
        let fix = "keep one of them";
        problems.push(field.problem("at and hours both give the times", fix));
        return Some(None);
    }
    let word = field.as_text().map(|text| text.trim_matches(' '));
    let hours = if word.is_some_and(|word| word.eq_ignore_ascii_case(EVERY_HOUR)) {
        Some((0..24).collect())
    } else if let Some(word) = word {
        let all = "write every hour, or hours from 0 to 23, such as [8, 12, 16]";
        let what = format!("{word:?} says no hours");
        problems.push(field.problem(what, suggest::hint(word, [EVERY_HOUR].into_iter(), all)));
        None
    } else {
        each(Some(field.clone()), problems, |item, _| {
            item.count("", 0..=23, "the hours of a day are 0 to 23")
        })
    };
    let (Some(hours), Some(runs)) = (hours, runs) else { return Some(None) };
    let times: Vec<TimeOfDay> = hours
        .into_iter()
        .flat_map(|hour| (0..runs).filter_map(move |run| TimeOfDay::of(hour, run * 60 / runs)))
        .collect();
    let chosen = times.iter().try_for_each(|time| choice.check(&field, "at", time)).note(problems);
    Some(chosen.map(|()| times))
}

fn times(
    field: Field,
    choice: &Choice<'_, TimeOfDay>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<TimeOfDay>> {
    each(Some(field), problems, |item, _| {
        let time = item.parsed("a time of day such as 07:00")?;
        choice.check(item, "at", &time)?;
        Ok(time)
    })
}

fn days(tier: Tier, role: Role<'_>, fields: &mut Fields, problems: &mut Vec<Problem>) -> Option<Days> {
    // What copies have to keep to, and what they have where they choose nothing.
    let (made, is_copy) = match role {
        Role::Backups => (None, false),
        Role::Copies(slots) => (slots.map(|slots| slots.days), true),
    };
    let on = fields.take("on");
    let example = match tier {
        Tier::Daily => None,
        Tier::Weekly => Some("monday"),
        Tier::Monthly => Some("first monday"),
        Tier::Yearly => Some("first monday of january"),
    };
    if let (None, false, Some(example)) = (&on, is_copy, example) {
        problems.push(fields.missing("on", &format!("name the day, such as on: {example}")));
    }
    match (tier, on) {
        (Tier::Monthly, on) => month_days(on, made, fields, problems),
        (Tier::Daily | Tier::Weekly, Some(field)) => weekdays(field, tier, made, problems).map(Days::Week),
        (Tier::Yearly, Some(field)) => year_day(&field, made).note(problems),
        (Tier::Daily, None) if !is_copy => Some(Days::Week(Weekdays::EVERY_DAY)),
        (_, None) => made,
    }
}

fn month_days(
    on: Option<Field>,
    made: Option<Days>,
    fields: &mut Fields,
    problems: &mut Vec<Problem>,
) -> Option<Days> {
    let (made_on, made_in) = match made {
        Some(Days::Month(day, months)) => (Some(day), Some(months)),
        _ => (None, None),
    };
    let months = months(made_in, fields, problems);
    let Some(field) = on else { return Some(Days::Month(made_on?, months?)) };
    let day = month_day(&field, made_on).note(problems);
    let (day, months) = (day?, months?);
    rules::day_exists(&field, day, months, "").note(problems)?;
    Some(Days::Month(day, months))
}

fn month_day(field: &Field, made_on: Option<MonthDay>) -> Result<MonthDay, Problem> {
    let want = "a day of the month such as first monday, day 15 or last day";
    let Some(text) = field.as_text() else {
        let day = field.count("", 1..=31, "").ok().filter(|_| made_on.is_none());
        return Err(field.wanted(&day.map_or_else(|| want.to_owned(), |day| format!("\"day {day}\""))));
    };
    let day = MonthDay::parse(text).map_err(|error| match (Days::parse_year(text), made_on) {
        (_, Some(made)) => {
            field.problem(format!("{text:?} is no day of a month"), format!("choose from {made}"))
        }
        (Ok(Days::Year(day, month)), None) => field.problem(
            format!("{text:?} is a day of one month"),
            format!("write on: {day} and months: {}", calendar::month_name(month)),
        ),
        _ => field.misspelt(&error),
    })?;
    Choice { tier: Tier::Monthly, among: made_on.as_ref().map(slice::from_ref) }.check(field, "on", &day)?;
    Ok(day)
}

fn year_day(field: &Field, made: Option<Days>) -> Result<Days, Problem> {
    let text = field.text("a day of the year such as first monday of january")?;
    let days = Days::parse_year(text).map_err(|error| field.misspelt(&error))?;
    Choice { tier: Tier::Yearly, among: made.as_ref().map(slice::from_ref) }.check(field, "on", &days)?;
    if let Days::Year(day, month) = days {
        rules::day_exists(field, day, Months::only(month), &format!(" of {}", calendar::month_name(month)))?;
    }
    Ok(days)
}

/// Reads `every day`, `workdays`, a day or a list of days.
fn weekdays(
    field: Field,
    tier: Tier,
    backups: Option<Days>,
    problems: &mut Vec<Problem>,
) -> Option<Weekdays> {
    let made = match backups {
        Some(Days::Week(days)) => Some(days.names()),
        _ => None,
    };
    let choice = Choice { tier, among: made.as_deref() };
    let all = match field.as_text().map(|text| text.trim_matches(' ').to_ascii_lowercase()).as_deref() {
        Some(EVERY_DAY) => Some(Weekdays::EVERY_DAY),
        Some(WORKDAYS) => Some(Weekdays::WORKDAYS),
        _ => None,
    };
    if let Some(days) = all {
        days.names().iter().try_for_each(|name| choice.check(&field, "on", name)).note(problems)?;
        return Some(days);
    }
    let is_list = field.is_list();
    let all =
        if is_list { "write monday to sunday" } else { "write every day, workdays, or monday to sunday" };
    let more: &[&str] = if is_list { &[] } else { &[EVERY_DAY, WORKDAYS] };
    let names = each(Some(field), problems, |item, _| {
        let text = item.text("every day, workdays, or days of the week such as monday")?;
        let day = calendar::weekday(text).ok_or_else(|| {
            let choices = calendar::weekday_names().chain(more.iter().copied());
            item.misspelt(&InvalidDays::none_of(text, "day of the week", choices, all))
        })?;
        let name = calendar::weekday_name(day);
        choice.check(item, "on", &name)?;
        Ok(name)
    })?;
    names.into_iter().try_fold(Weekdays::default(), |mut days, name| {
        days.insert(calendar::weekday(name)?);
        Some(days)
    })
}

/// Reads `months`: `all`, a month or a list of months.
fn months(made: Option<Months>, fields: &mut Fields, problems: &mut Vec<Problem>) -> Option<Months> {
    let Some(field) = fields.take("months") else { return Some(made.unwrap_or(Months::ALL)) };
    let names = made.map(Months::names);
    let choice = Choice { tier: Tier::Monthly, among: names.as_deref() };
    if field.as_text().is_some_and(|text| text.trim_matches(' ').eq_ignore_ascii_case(ALL_MONTHS)) {
        Months::ALL.names().iter().try_for_each(|name| choice.check(&field, "in", name)).note(problems)?;
        return Some(Months::ALL);
    }
    let more: &[&str] = if field.is_list() { &[] } else { &[ALL_MONTHS] };
    let all = if more.is_empty() {
        "write months from january to december"
    } else {
        "write all, or months from january to december"
    };
    let names = each(Some(field), problems, |item, _| {
        let text = item.text("all, or months such as january")?;
        let name = calendar::month(text).map(calendar::month_name).ok_or_else(|| {
            let choices = calendar::month_names().chain(more.iter().copied());
            item.misspelt(&InvalidDays::none_of(text, "month", choices, all))
        })?;
        choice.check(item, "in", &name)?;
        Ok(name)
    })?;
    names.into_iter().try_fold(Months::default(), |mut months, name| {
        months.insert(calendar::month(name)?);
        Some(months)
    })
}
