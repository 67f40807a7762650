//! Retention: planned and run by its function, told here.

use backup_chain_core::ids::{RunId, TableName};
use backup_chain_core::invoke::RetentionRequest;
use backup_chain_core::retention::{
    Braked, Breach, ChainRun, Counts, Decided, FlagState, Report, ResumeReport, Run, Watch,
};
use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use crate::console::{Form, count, utc, word};
use crate::deployment::Deployed;
use crate::ids::Named;
use crate::outcome::{By, Failure, Outcome};
use crate::{Console, replies};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show for every restore point whether a run would keep or remove it, and why; nothing is changed
    #[command(after_help = "Example:\n  backup-chain retention plan orders --json\n\n\
        With --json also the moment at which each flag lapses.")]
    Plan {
        /// Only of this table
        table: Option<TableName>,
    },
    /// Remove what is outdated now, rather than at the next scheduled run
    #[command(after_help = "Example:\n  backup-chain retention run\n\n\
        A run that would remove more than the deployment allows stops and names the digest of its plan: \
        look at backup-chain retention plan, then confirm it.")]
    Run {
        /// The digest of a plan that is larger than one run may remove
        #[arg(long, value_name = "DIGEST")]
        confirm: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// End the pause that follows a rebuild of the catalog, once what was found has been looked at
    #[command(
        after_help = "Example:\n  backup-chain retention resume --reason \"every restore point was compared\"\n\n\
        Look first at backup-chain catalog verify --open and backup-chain retention plan: what is outdated is removed by \
        the next run."
    )]
    Resume {
        /// Why, for the history
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// List the runs of the last 90 days, the newest first
    #[command(after_help = "Example:\n  backup-chain retention runs --limit 7")]
    Runs {
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show a run: what was kept, removed or blocked in each chain, and why
    #[command(after_help = "Example:\n  backup-chain retention show 01KEAH2B80V6X9V0T0T1W2YJ3M")]
    Show {
        /// The run: its id, or the end of it
        id: Named<RunId>,
    },
}

pub(crate) async fn run(
    command: Command,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let request = match command {
        Command::Plan { table } => RetentionRequest::Plan { table },
        Command::Run { confirm, by } => {
            RetentionRequest::Run { confirm, by: by.by.or_else(|| Some("an operator".to_owned())) }
        }
        Command::Resume { reason, by } => {
            let request = RetentionRequest::Resume { reason, by: by.by };
            let answer = deployed.invoke("retention", &request, console).await?;
            let ResumeReport { was_until } = replies::read(&answer)?;
            if json {
                console.json(&answer)?;
            } else {
                console.line(format_args!(
                    "retention removes again what is outdated, which it was not to before {} UTC",
                    utc(was_until)
                ))?;
            }
            return Ok(Outcome::Done);
        }
        Command::Runs { limit } => return runs(limit, deployed, json, console).await,
        Command::Show { id } => {
            let all = async || Ok(deployed.catalog().runs().await?.into_iter().map(|run| run.id));
            let id = id.among("retention run", all, "backup-chain retention runs").await?;
            return show(&id, deployed, json, console).await;
        }
    };
    let answer = deployed.invoke("retention", &request, console).await?;
    print_report(&answer, json, console)
}

/// Returns what the retention function reports.
pub(crate) fn print_report(
    answer: &Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let report: Report = replies::read(answer)?;
    let Report { dry_run, digest, braked, points, omitted, breaches, problems, .. } = &report;
    let form = console.form();
    let rows = points.iter().map(|decided| row(decided, &form));
    if json {
        console.list(answer, POINTS, rows)?;
    } else if points.is_empty() {
        console.line(if *dry_run { "there are no restore points" } else { "nothing is outdated" })?;
    } else {
        console.table(POINTS, rows)?;
        console.line("")?;
        console.line(format_args!("plan {digest}: {}", counted(&Counts::of(points))))?;
    }
    if *omitted > 0 {
        let what = count(*omitted, "more restore point");
        console.note(format_args!("{what} would not fit into the answer: name a table"))?;
    }
    note_wrong(breaches, problems, braked.as_ref(), console)?;
    // A brake is what a plan is there to tell; only a run is stopped by it.
    let stopped = braked.is_some() && !dry_run;
    Ok(if problems.is_empty() && breaches.is_empty() && !stopped {
        Outcome::Done
    } else {
        Outcome::Attention
    })
}

/// What is wrong with a run.
fn note_wrong(
    breaches: &[Breach],
    problems: &[String],
    braked: Option<&Braked>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    for breach in breaches {
        console.note(format_args!("breach: {}", breached(breach)))?;
    }
    for problem in problems {
        console.note(format_args!("problem: {problem}"))?;
    }
    if let Some(braked) = braked {
        console.note(format_args!("braked: {braked}"))?;
    }
    Ok(())
}

/// The columns of points with what becomes of each.
const POINTS: [&str; 6] = ["TABLE", "VAULT", "POINT", "FATE", "LAPSES (UTC)", "WHY"];

fn row(decided: &Decided, form: &Form) -> [String; 6] {
    let live = |flag: &&FlagState| flag.live;
    let Decided { table, vault, point, fate, why, flags, .. } = decided;
    let until = flags.iter().filter(live).map(|flag| flag.lapses).max();
    [table.to_string(), vault.clone(), point.to_string(), word(fate), form.or_dash(until), why.join("\n")]
}

/// `3 kept, 1 removed`.
fn counted(counts: &Counts) -> String {
    let Counts { kept, removed, removing, gone, blocked, left } = counts;
    let parts = [
        (kept, "kept"),
        (removed, "removed"),
        (removing, "being removed"),
        (gone, "gone"),
        (blocked, "blocked"),
        (left, "to remove"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(number, what)| **number > 0 || *what == "kept")
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    said.join(", ")
}

fn breached(breach: &Breach) -> String {
    let Breach { table, policy, vault, objective_hours, newest, since } = breach;
    let (what, place) = match vault {
        Some(vault) => ("copy", format!(" in {vault}")),
        None => ("restore point", String::new()),
    };
    let newest = newest.map_or_else(
        || format!("it has no {what}"),
        |newest| format!("its newest {what} is of {} UTC", utc(newest)),
    );
    format!(
        "{table} is without a fresh {what}{place} since {} UTC: {newest}, and by policy {policy} it may be \
         {objective_hours} hours old",
        utc(*since)
    )
}

async fn runs(
    limit: usize,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let (mut runs, now) = (deployed.catalog().runs().await?, deployed.app.context.now());
    let overdue = deployed
        .catalog()
        .watch()
        .await?
        .filter(|watch| Watch { alarmed_at: None, ..watch.clone() }.is_overdue(now));
    runs.reverse();
    runs.truncate(limit);
    let form = console.form();
    let row = |run: &Run| {
        let braked = run.braked.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let breaches = run.breaches.len();
        let breaches = format!("{breaches} breach{}", if breaches == 1 { "" } else { "es" });
        let wrong = [count(run.problems.len(), "problem"), breaches].join(", ");
        [
            run.id.to_string(),
            form.at(run.started_at),
            word(&run.status),
            run.chains.to_string(),
            counted(&run.counts),
            wrong,
            braked,
        ]
    };
    let heading = ["RUN", "STARTED (UTC)", "STATUS", "CHAINS", "POINTS", "WRONG", "BRAKED"];
    if json {
        console.list(&runs, heading, runs.iter().map(row))?;
    } else if runs.is_empty() {
        console.line("no retention run has ended yet")?;
    } else {
        console.table(heading, runs.iter().map(row))?;
    }
    let Some(watch) = overdue else { return Ok(Outcome::Done) };
    console.note(format_args!(
        "overdue: no retention run has ended since {} UTC; one a day is expected: see the function's schedule and log",
        utc(watch.last_run)
    ))?;
    Ok(Outcome::Attention)
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    run: Run,
    by_chain: Vec<ChainRun>,
}

async fn show(
    id: &RunId,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let run = deployed.catalog().run(id).await?.ok_or_else(|| {
        Failure::refused(format!(
            "there is no retention run {id}: see backup-chain retention runs; runs are remembered for 90 days"
        ))
    })?;
    let by_chain = deployed.catalog().chains_of_run(id).await?;
    if json {
        console.json(&Shown { run, by_chain })?;
        return Ok(Outcome::Done);
    }
    console.line(format_args!(
        "run {id}, {} to {} UTC: {}, {}",
        utc(run.started_at),
        utc(run.ended_at),
        word(&run.status),
        counted(&run.counts)
    ))?;
    for ChainRun { table, vault, counts, points, .. } in &by_chain {
        console.line("")?;
        console.line(format_args!("{table} in {vault}: {}", counted(counts)))?;
        let row =
            |decided: &Decided| [decided.point.to_string(), word(&decided.fate), decided.why.join("\n")];
        console.table(["POINT", "FATE", "WHY"], points.iter().map(row))?;
    }
    note_wrong(&run.breaches, &run.problems, run.braked.as_ref(), console)?;
    Ok(Outcome::Done)
}
