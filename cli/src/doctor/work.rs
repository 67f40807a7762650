//! Whether the functions do what is due: told by what they have left undone.

use backup_chain_aws::Error;
use backup_chain_core::due::due;
use backup_chain_core::point::State;
use backup_chain_core::retention::{Run, Watch};
use jiff::{SignedDuration, Timestamp};

use super::context::CheckContext;
use super::finding::{Check, Finding};
use super::rules;
use crate::console::{count, utc};

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let mut findings = ticks(look).await;
    findings.extend(retention(look).await);
    findings
}

/// How late work may be: three ticks, and the time that an invocation may take.
async fn grace(look: &CheckContext<'_>) -> SignedDuration {
    let rule = rules::described(look, "tick").await.ok();
    let minutes = rule.and_then(|rule| {
        let rate = rule.schedule_expression?;
        rate.strip_prefix("rate(")?.split(' ').next()?.parse::<i64>().ok()
    });
    SignedDuration::from_mins(3 * minutes.unwrap_or(1).clamp(1, 60) + 5)
}

async fn ticks(look: &CheckContext<'_>) -> Vec<Finding> {
    let grace = grace(look).await;
    let until = look.now - grace;
    vec![session(look, until).await, copy(look, until).await, restore(look, until).await]
}

fn behind(look: &CheckContext<'_>, function: &str, what: impl Into<String>) -> Finding {
    let name = look.named(function);
    Finding::wrong(Check::Ticks, look.here(&name), what).fix(format!(
        "see that the rule {} is enabled and reaches the function, then the log of {name}",
        look.named("tick")
    ))
}

fn up_to_date(look: &CheckContext<'_>, function: &str, what: impl Into<String>) -> Finding {
    Finding::ok(Check::Ticks, look.here(&look.named(function)), what)
}

async fn session(look: &CheckContext<'_>, until: Timestamp) -> Finding {
    let late: Vec<String> = look
        .policies
        .iter()
        .filter_map(|active| {
            let due = due(&active.policy, &active.stored.state, until)?;
            Some(format!("the slot of policy {} at {} UTC", active.policy.name, utc(due.slot)))
        })
        .collect();
    if !late.is_empty() {
        let what = format!("no session was planned for {}: no tick has come since", late.join(", nor for "));
        return behind(look, "session", what);
    }
    match look.app.catalog.watch().await {
        // The first tick begins to watch over retention.
        Ok(None) => behind(look, "session", "no tick has ever come"),
        Ok(Some(_)) => up_to_date(look, "session", "every slot that was due is planned"),
        Err(error) => unread(look, "session", &error),
    }
}

fn unread(look: &CheckContext<'_>, function: &str, error: &Error) -> Finding {
    Finding::unread(Check::Ticks, look.here(&look.named(function)), error)
}

async fn copy(look: &CheckContext<'_>, until: Timestamp) -> Finding {
    let open = match look.app.catalog.open_points().await {
        Ok(open) => open,
        Err(error) => return unread(look, "copy", &error),
    };
    // Others wait for room, and are not late for it.
    let running = open.iter().filter(|point| point.state() == State::Running);
    let late: Vec<_> = running.filter_map(|point| point.check_at).filter(|at| *at < until).collect();
    match late.iter().min() {
        None => up_to_date(look, "copy", format!("{} followed", count(open.len(), "open job"))),
        Some(since) => {
            let jobs = count(late.len(), "job");
            let what = format!("{jobs} not followed: the first was to be looked at {} UTC", utc(*since));
            behind(look, "copy", what)
        }
    }
}

async fn restore(look: &CheckContext<'_>, until: Timestamp) -> Finding {
    let open = match look.app.catalog.open_restores().await {
        Ok(open) => open,
        Err(error) => return unread(look, "restore", &error),
    };
    let late: Vec<_> = open.iter().map(|restore| restore.check_at).filter(|at| *at < until).collect();
    match late.iter().min() {
        None => up_to_date(look, "restore", format!("{} followed", count(open.len(), "open restore"))),
        Some(since) => {
            let restores = count(late.len(), "restore");
            let what = format!("{restores} not followed: the first was to be looked at {} UTC", utc(*since));
            behind(look, "restore", what)
        }
    }
}

async fn retention(look: &CheckContext<'_>) -> Vec<Finding> {
    let name = look.named("retention");
    let place = look.here(&name);
    let watch = match look.app.catalog.watch().await {
        Ok(watch) => watch,
        Err(error) => return vec![Finding::unread(Check::Retention, place, &error)],
    };
    let mut findings = Vec::new();
    let overdue = |watch: &&Watch| Watch { alarmed_at: None, ..Watch::clone(watch) }.is_overdue(look.now);
    if let Some(watch) = watch.as_ref().filter(overdue) {
        let what = format!(
            "no retention run has ended since {} UTC, and one is expected every {} hours: nothing outdated is removed",
            utc(watch.last_run),
            Watch::MAX_GAP_HOURS
        );
        let fix = format!("see the schedule and the log of {name}, then run it");
        findings.push(
            Finding::wrong(Check::Retention, &place, what).fix(fix).command("backup-chain retention run"),
        );
    }
    if look.app.context.deployment().brakes.paused {
        let fix = "deploy the stack with PauseDeletion false, when it is to continue";
        let what = "the stack pauses all deletion: nothing outdated is removed";
        findings.push(Finding::warning(Check::Retention, &place, what).fix(fix));
    }
    match look.app.catalog.runs().await {
        Ok(runs) => findings.extend(runs.last().and_then(|run| last_run(&place, run))),
        Err(error) => findings.push(Finding::unread(Check::Retention, &place, &error)),
    }
    if findings.is_empty() {
        let last = watch.map_or_else(|| "-".to_owned(), |watch| utc(watch.last_run));
        findings.push(Finding::ok(Check::Retention, place, format!("last run or watched since {last} UTC")));
    }
    findings
}

/// What the last run left to be looked at.
fn last_run(place: &str, run: &Run) -> Option<Finding> {
    let mut parts = Vec::new();
    parts.extend(run.braked.as_ref().map(|braked| format!("was braked ({braked})")));
    if run.counts.blocked > 0 {
        let points = count(run.counts.blocked as usize, "restore point");
        parts.push(format!("was refused the deletion of {points}"));
    }
    if !run.breaches.is_empty() {
        parts.push(format!("found {} without a fresh restore point", count(run.breaches.len(), "table")));
    }
    if !run.problems.is_empty() {
        parts.push(format!("met {}", count(run.problems.len(), "problem")));
    }
    (!parts.is_empty()).then(|| {
        Finding::warning(Check::Retention, place, format!("the last run {}", parts.join(", ")))
            .fix("see what it says")
            .command(format!("backup-chain retention show {}", run.id))
    })
}
