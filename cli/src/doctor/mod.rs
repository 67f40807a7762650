//! Whether a deployment is healthy: every part of it looked at, each finding with its fix.

mod context;
mod finding;
mod functions;
mod keys;
mod known;
mod protection;
mod queues;
mod regions;
mod repair;
mod roles;
mod rules;
mod scope;
mod sessions;
mod statement;
mod stored;
mod tables;
mod vaults;
mod work;

use backup_chain_aws::Meaning;
use clap::Args;
use serde::Serialize;

use self::context::CheckContext;
use self::finding::{Finding, State};
use crate::Console;
use crate::console::word;
use crate::deployment::Deployed;
use crate::fold::cell;
use crate::outcome::{Failure, Outcome};

/// Check the deployment, and report what is wrong with it and how to mend it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  backup-chain doctor\n  backup-chain doctor --fix\n\n\
    It looks at functions, schedules, queues, tables, Regions, vaults, keys, roles, policies and the tables that \
    they cover, with your own rights; what you may not look at is reported as unknown, with the right that you lack. \
    It exits with 3 when something is wrong, unknown or worth a look.\n\n\
    --fix switches on again what the templates have on: DynamoDB's advanced backups in a Region, rules, event source \
    mappings, point-in-time recovery and deletion protection of the own tables, rotation of the own keys. It switches \
    nothing off, enables no key, and removes nothing.")]
pub(crate) struct Doctor {
    /// Mend what can be mended safely
    #[arg(long)]
    fix: bool,
    /// Show what is well, too
    #[arg(long)]
    all: bool,
}

/// How many findings there are of each state.
#[derive(Debug, Serialize)]
struct Counts {
    ok: usize,
    mended: usize,
    warning: usize,
    unknown: usize,
    wrong: usize,
}

#[derive(Debug, Serialize)]
struct DoctorReport {
    counts: Counts,
    findings: Vec<Finding>,
}

pub(crate) async fn run(
    doctor: &Doctor,
    deployed: &Deployed,
    json: bool,
    console: &mut Console<'_>,
) -> Result<Outcome, Failure> {
    let look = CheckContext::new(deployed).await;
    let mut findings = findings(&look, console).await?;
    if doctor.fix {
        for finding in &mut findings {
            repair(&look, finding, console).await?;
        }
    }
    let of = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let counts = Counts {
        ok: of(State::Ok),
        mended: of(State::Mended),
        warning: of(State::Warning),
        unknown: of(State::Unknown),
        wrong: of(State::Wrong),
    };
    let outcome = if findings.iter().any(Finding::is_open) { Outcome::Attention } else { Outcome::Done };
    if json {
        let report = DoctorReport { counts, findings };
        let rows = report.findings.iter().map(|finding| row(finding, false));
        console.list(&report, ["STATE", "CHECK", "WHERE", "WHAT"], rows)?;
    } else {
        print(doctor, &counts, &findings, console)?;
    }
    Ok(outcome)
}

/// Every check, in the order in which it is reported. A check that cannot be made does not stop the others.
async fn findings(look: &CheckContext<'_>, console: &mut Console<'_>) -> Result<Vec<Finding>, Failure> {
    console.note(format_args!("functions, rules and queues in {} are looked at ...", look.source()))?;
    let mut findings = functions::check(look).await;
    findings.extend(rules::check(look).await);
    findings.extend(queues::check(look).await);
    console.note("tables, Regions, vaults and keys are looked at ...")?;
    findings.extend(tables::check(look).await);
    findings.extend(regions::check(look).await);
    findings.extend(regions::of_restores(look, console).await);
    findings.extend(vaults::check(look));
    findings.extend(keys::check(look).await);
    findings.extend(known::check(look).await);
    console.note("policies, roles and what is due are looked at ...")?;
    let (scope, table) = scope::check(look).await;
    findings.extend(roles::check(look, table.as_ref().map(|table| table.as_str())).await);
    findings.extend(stored::policies(look));
    findings.extend(scope);
    findings.extend(protection::check(look).await);
    findings.extend(sessions::check(look).await);
    findings.extend(work::check(look).await);
    findings.extend(stored::points(look).await);
    Ok(findings)
}

/// Repairs what was found, where that is safe.
async fn repair(
    look: &CheckContext<'_>,
    finding: &mut Finding,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let Some(repair) = finding.repair.take() else { return Ok(()) };
    match repair::apply(look, &repair).await {
        Ok(()) => {
            console.note(format_args!("mended: {}: {}", finding.place, finding.what))?;
            finding.state = State::Mended;
        }
        Err(error) => {
            let why = match error.meaning {
                Meaning::Denied => format!("you lack the right {}", error.operation),
                _ => error.to_string(),
            };
            finding.what.push_str(&format!("; --fix could not mend it: {why}"));
            finding.fixable = false;
        }
    }
    Ok(())
}

fn print(
    doctor: &Doctor,
    counts: &Counts,
    findings: &[Finding],
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let shown: Vec<&Finding> =
        findings.iter().filter(|finding| doctor.all || finding.state != State::Ok).collect();
    if !shown.is_empty() {
        // Not fitted: a command of a fix is copied from one line.
        console.full_table(
            ["STATE", "CHECK", "WHERE", "WHAT, AND THE FIX"],
            shown.iter().map(|finding| row(finding, true)),
        )?;
        console.line("")?;
    }
    let Counts { ok, mended, warning, unknown, wrong } = counts;
    let parts = [(wrong, "wrong"), (unknown, "unknown"), (warning, "to be looked at"), (mended, "mended")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| **count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let rest = if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) };
    console.line(format_args!("{} things looked at: {ok} ok{rest}", findings.len()))?;
    let fixable = findings.iter().filter(|finding| finding.repair.is_some()).count();
    if fixable > 0 {
        console.line(format_args!("backup-chain doctor --fix mends {fixable} of them"))?;
    }
    Ok(())
}

fn row(finding: &Finding, fold: bool) -> [String; 4] {
    let text = |text: &str| if fold { cell(text) } else { text.to_owned() };
    let Finding { check, state, place, what, fix, command, fixable, .. } = finding;
    let mut lines = vec![text(what)];
    if *state != State::Mended {
        let by_itself = if *fixable { " (--fix does it)" } else { "" };
        lines.extend(fix.as_ref().map(|fix| text(&format!("fix: {fix}{by_itself}"))));
        // On one line, to be copied.
        lines.extend(command.iter().map(|command| format!("  {command}")));
    }
    [word(state), word(check), place.clone(), lines.join("\n")]
}
