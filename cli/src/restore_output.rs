//! Restores as they are reported: planned, under way, or ended.

use backup_chain_core::ids::{PointId, RestoreId, TableName};
use backup_chain_core::restore::Outcome as PropertyOutcome;
use backup_chain_core::restore::{
    LeftOut, LeftoverView, Property, Restore, RestoreView, Stage, StepRecord, StepState, StepView,
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Console;
use crate::choices::{asked, encrypted};
use crate::console::{age, count, utc, utc_or_dash, word};
use crate::fold::{cell, folded};
use crate::outcome::Failure;

/// A plan in short, before the question.
pub(crate) fn outline(told: &RestoreView, console: &mut Console<'_>) -> Result<(), Failure> {
    let RestoreView { restore, steps, left, leftovers, notes, .. } = told;
    console.note(format_args!("{} is restored as {}", restore.table.arn.name, made(restore)))?;
    let mut lines = vec![point(restore)];
    lines.extend(told.key.iter().map(|key| format!("encrypted with {}", encrypted(key))));
    let asked = asked(&restore.choices);
    if !asked.is_empty() {
        lines.push(format!("as asked: {}", asked.join("; ")));
    }
    if !steps.is_empty() {
        let titles: Vec<&str> = steps.iter().map(|step| step.title.as_str()).collect();
        lines.push(format!("then {}: {}", count(steps.len(), "step"), titles.join(", ")));
    }
    let behind = |it: &LeftoverView| format!("left behind: {}: {}", it.title, it.becomes);
    lines.extend(leftovers.iter().map(behind));
    let unasked = left.iter().filter(|left| !left.asked);
    lines.extend(unasked.map(|LeftOut { property, why, .. }| format!("not put back: {property}: {why}")));
    lines.extend(notes.iter().cloned());
    for line in lines.iter().flat_map(|line| folded(line, WIDTH - 2)) {
        console.note(format_args!("  {line}"))?;
    }
    Ok(())
}

/// A plan of several, in a line and its notes.
pub(crate) fn outline_in_short(told: &RestoreView, console: &mut Console<'_>) -> Result<(), Failure> {
    let RestoreView { restore, notes, .. } = told;
    let (table, moment) = (&restore.table.arn.name, utc_or_dash(restore.moment));
    console.note(format_args!("{table} is restored as {} of {moment} UTC", made(restore)))?;
    for line in notes.iter().flat_map(|note| folded(note, WIDTH - 2)) {
        console.note(format_args!("  {line}"))?;
    }
    Ok(())
}

/// Plans, in full.
pub(crate) fn say_plans(plans: &[RestoreView], console: &mut Console<'_>) -> Result<(), Failure> {
    for (number, told) in plans.iter().enumerate() {
        if number > 0 {
            console.line("")?;
        }
        say_head(told, console)?;
        if let Some(settings) = &told.settings {
            console.line("")?;
            console.line("the settings as they were:")?;
            console.json(settings)?;
        }
        say_steps(told, console)?;
    }
    Ok(())
}

/// What a restore is of, and how it stands.
pub(crate) fn say_head(told: &RestoreView, console: &mut Console<'_>) -> Result<(), Failure> {
    let RestoreView { restore, dry_run, notes, .. } = told;
    let by = restore.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    let why = restore.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let means = if restore.start.native { "DynamoDB's own restore" } else { "AWS Backup" };
    let mut fields = vec![
        ("table", restore.table.arn.name.to_string()),
        ("from", point(restore)),
        ("as", made(restore)),
        ("through", means.to_owned()),
    ];
    fields.extend(told.key.iter().map(|key| ("key", encrypted(key))));
    if restore.items_only {
        fields.push(("brings", "items, keys and indexes only".to_owned()));
    }
    fields.extend(asked(&restore.choices).into_iter().map(|asked| ("asked", asked)));
    if !dry_run {
        fields.insert(0, ("restore", restore.id.to_string()));
        fields.push(("begun", format!("{} UTC{by}{why}", utc(restore.requested_at))));
        fields.extend(restore.ended_at.map(|at| ("ended", format!("{} UTC", utc(at)))));
        fields.push(("status", stage(restore)));
        let hitch = restore.hitch.as_ref().filter(|_| restore.stage != Stage::Waiting);
        fields.extend(hitch.map(|it| ("waits", format!("{}, since {} UTC", it.why, utc(it.since)))));
    }
    fields.extend(notes.iter().map(|note| ("note", note.clone())));
    for (name, text) in fields {
        for (number, line) in folded(&text, WIDTH - 9).iter().enumerate() {
            console.line(format_args!("{:<8} {line}", if number == 0 { name } else { "" }))?;
        }
    }
    Ok(())
}

/// The steps in their order, and until there is a report, what will not be as it was.
pub(crate) fn say_steps(told: &RestoreView, console: &mut Console<'_>) -> Result<(), Failure> {
    let RestoreView { restore, dry_run, steps, left, leftovers, .. } = told;
    if *dry_run && !leftovers.is_empty() {
        console.line("")?;
        console.line("what a dropped table of that name has left behind, and what becomes of it:")?;
        let row = |it: &LeftoverView| [it.title.clone(), cell(&it.becomes)];
        console.table(["WHAT", "BECOMES"], leftovers.iter().map(row))?;
    }
    if !steps.is_empty() {
        console.line("")?;
        console.line("the steps that put its settings back:")?;
    }
    let titles = steps.iter().enumerate().map(|(at, step)| format!("{:>2}. {}", at + 1, step.title));
    if *dry_run {
        for title in titles {
            console.line(title)?;
        }
    } else if !steps.is_empty() {
        let row = |(title, step): (String, &StepView)| {
            let state = step.record.as_ref().map_or_else(|| "-".to_owned(), |record| word(&record.state));
            [title, state, cell(&step.record.as_ref().map(why).unwrap_or_default())]
        };
        console.table(["STEP", "STATE", "WHY"], titles.zip(steps).map(row))?;
    }
    if restore.report.is_empty() && !left.is_empty() {
        console.line("")?;
        console.line("what will not be as it was, and why:")?;
        let row = |LeftOut { property, why, .. }: &LeftOut| [property.clone(), cell(why)];
        console.table(["PROPERTY", "WHY"], left.iter().map(row))?;
    }
    Ok(())
}

/// The report, what is left to be done by an operator, and how infrastructure code adopts the table.
pub(crate) fn say_end(told: &RestoreView, console: &mut Console<'_>) -> Result<(), Failure> {
    let RestoreView { restore, steps, adoption, .. } = told;
    if !restore.report.is_empty() {
        console.line("")?;
        let row = |Property { name, outcome, why }: &Property| {
            [name.clone(), word(outcome), cell(why.as_deref().unwrap_or_default())]
        };
        console.table(["PROPERTY", "OUTCOME", "WHY"], restore.report.iter().map(row))?;
    }
    let by_hand: Vec<&StepView> = steps.iter().filter(|step| is_left(restore.stage, step)).collect();
    if !by_hand.is_empty() {
        console.line("")?;
        console.line("to finish by hand:")?;
    }
    for StepView { title, record, commands, .. } in by_hand {
        let why = record.as_ref().map(why).filter(|why| !why.is_empty());
        console.line(format_args!("  # {title}{}", why.map(|why| format!(": {why}")).unwrap_or_default()))?;
        for command in commands {
            console.line(format_args!("  {command}"))?;
        }
    }
    let Some(adoption) = adoption else { return Ok(()) };
    console.line("")?;
    console.line("for CloudFormation to adopt the table, with STACK and TEMPLATE for your own:")?;
    for command in &adoption.cloudformation {
        console.line(format_args!("  {command}"))?;
    }
    console.line("for Terraform:")?;
    for command in &adoption.terraform {
        console.line(format_args!("  {command}"))?;
    }
    Ok(())
}

/// A restore of several, in a line.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    table: TableName,
    /// The name of the new table.
    made: TableName,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<RestoreId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<PointId>,
    /// The moment of the restore point.
    #[serde(skip_serializing_if = "Option::is_none")]
    moment: Option<Timestamp>,
    /// `planned` for one that is not begun, `refused` for one that cannot be, and else its stage.
    status: String,
    /// How long it took, in seconds, where it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl Summary {
    /// One that is planned, under way or over.
    pub fn of(told: &RestoreView) -> Self {
        let mut summary = Self::of_record(&told.restore);
        if told.dry_run {
            summary.status = "planned".to_owned();
            summary.restore = None;
        }
        summary.notes.extend(told.notes.iter().cloned());
        let left: Vec<String> = told
            .restore
            .report
            .iter()
            .filter(|property| property.outcome != PropertyOutcome::Restored)
            .map(|property| match &property.why {
                Some(why) => format!("{}: {}, {why}", property.name, word(&property.outcome)),
                None => format!("{}: {}", property.name, word(&property.outcome)),
            })
            .collect();
        summary.notes.extend(left);
        summary
    }

    /// One of which the record is known.
    pub fn of_record(restore: &Restore) -> Self {
        Self {
            table: restore.table.arn.name.clone(),
            made: restore.target.name.clone(),
            restore: Some(restore.id.clone()),
            point: Some(restore.point.clone()),
            moment: restore.moment,
            status: restore.stage.to_string(),
            seconds: restore.ended_at.map(|ended| ended.duration_since(restore.requested_at).as_secs()),
            notes: restore.problem.iter().cloned().collect(),
        }
    }

    /// One that cannot be begun, or went wrong.
    pub fn failed(table: &TableName, made: &TableName, why: &impl ToString) -> Self {
        Self {
            table: table.clone(),
            made: made.clone(),
            restore: None,
            point: None,
            moment: None,
            status: "refused".to_owned(),
            seconds: None,
            notes: vec![why.to_string()],
        }
    }

    /// Whether it could not be begun, or went wrong.
    pub fn is_failed(&self) -> bool {
        self.status == "refused"
    }
}

/// Restores with their reports, one after another.
pub(crate) fn say_reports(restores: &[RestoreView], console: &mut Console<'_>) -> Result<(), Failure> {
    for (number, told) in restores.iter().enumerate() {
        if number > 0 {
            console.line("")?;
        }
        say_head(told, console)?;
        say_end(told, console)?;
    }
    Ok(())
}

/// Several restores, one line each.
pub(crate) fn say_summaries(summaries: &[Summary], console: &mut Console<'_>) -> Result<(), Failure> {
    let row = |it: &Summary| {
        [
            it.table.to_string(),
            it.made.to_string(),
            utc_or_dash(it.moment),
            it.status.clone(),
            it.seconds.map_or_else(|| "-".to_owned(), |seconds| age(SignedDuration::from_secs(seconds))),
            it.notes.iter().map(|note| cell(note)).collect::<Vec<_>>().join("\n"),
        ]
    };
    console.table(["TABLE", "AS", "OF (UTC)", "STATUS", "TOOK", "NOTES"], summaries.iter().map(row))
}

/// Whether a step is left to the operator: it has failed, or no one continues it.
fn is_left(stage: Stage, step: &StepView) -> bool {
    let state = step.record.as_ref().map(|record| record.state);
    match stage {
        Stage::Applying => state == Some(StepState::Failed),
        Stage::Warning => state != Some(StepState::Done),
        _ => false,
    }
}

/// The longest lines of text, in characters.
const WIDTH: usize = 110;

/// Where it stands, in words.
pub(crate) fn stage(restore: &Restore) -> String {
    let Restore { stage, problem, hitch, start, .. } = restore;
    let more = match (stage, problem, hitch) {
        (Stage::Waiting, None, None) => " for its turn".to_owned(),
        (Stage::Waiting, _, Some(hitch)) => format!(" for another turn: {}", hitch.why),
        (_, Some(problem), _) => format!(": {problem}"),
        (Stage::CopyingBack, ..) => format!(" into {}", start.region),
        (Stage::Running, ..) => ": AWS makes the table".to_owned(),
        (Stage::Warning, ..) => ": something is left to be done by hand".to_owned(),
        _ => String::new(),
    };
    format!("{stage}{more}")
}

/// Why a step is not done.
pub(crate) fn why(record: &StepRecord) -> String {
    let StepRecord { refusals, again_at, why, .. } = record;
    let refused = (*refusals > 0).then(|| format!("refused {}", count(*refusals as usize, "time")));
    let again_at = again_at.map(|at| format!("again at {} UTC", utc(at)));
    let parts: Vec<String> = why.iter().cloned().chain(refused).chain(again_at).collect();
    parts.join(", ")
}

/// `orders-2 in eu-central-1`.
fn made(restore: &Restore) -> String {
    format!("{} in {}", restore.target.name, restore.target.region)
}

fn point(restore: &Restore) -> String {
    let Restore { point, moment: at, .. } = restore;
    let at = at.map(|at| format!(" of {} UTC", utc(at))).unwrap_or_default();
    format!("restore point {point}{at} in {}", restore.place())
}
