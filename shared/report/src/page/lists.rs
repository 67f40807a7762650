//! Sessions with how long they took, and restores with how long they took.

use std::collections::BTreeMap;

use backup_chain_core::restore::{Restore, Stage};
use backup_chain_core::session::{Session, Status};
use jiff::SignedDuration;
use maud::{Markup, html};

use super::plot::{self, wide};
use crate::account::Account;
use crate::text::{count, duration, utc};

/// So many restores are listed: there may be one for each table, each day.
const MAX_RESTORES: usize = 200;

fn took(session: &Session) -> Option<SignedDuration> {
    Some(session.ended_at?.duration_since(session.started_at))
}

/// The class of a session's bar, and what it is called.
fn looks(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Succeeded => ("good", "succeeded"),
        Status::Warning => ("odd", "warning"),
        Status::Failed => ("bad", "failed"),
        Status::Canceled => ("dim", "canceled"),
        Status::Planning | Status::Running => ("dim", "open"),
    }
}

/// The sessions of the window, policy by policy.
pub(super) fn sessions(account: &Account<'_>) -> Markup {
    let (from, until) = account.window.bounds();
    let mut policies: BTreeMap<&str, Vec<&Session>> = BTreeMap::new();
    for session in account.facts.sessions.iter().filter(|session| (from..until).contains(&session.started_at))
    {
        let policy = session.policy.as_ref().map_or("manual backups", |made_by| made_by.name.as_str());
        policies.entry(policy).or_default().push(session);
    }
    let longest = policies.values().flatten().filter_map(|session| took(session)).max();
    html! {
        section aria-labelledby="sessions" {
            h2 id="sessions" { "Sessions" }
            @if let Some(longest) = longest {
                p.note { "How long each session took, policy by policy. A bar as high as its row is " (duration(longest)) "; a bar with a mark at its foot ended with a warning or failed." }
                table.heat.sessions {
                    caption.sr { "Sessions by policy" }
                    thead { tr { th scope="col" { "Policy" } th scope="col" { span.sr { "Durations" } (plot::axis(account.window.first(), account.window.days().count())) } th.num scope="col" { "Longest" } } }
                    tbody {
                        @for (policy, sessions) in &policies {
                            tr {
                                th scope="row" { (policy) }
                                td { (bars(account, policy, sessions, longest)) }
                                td.num { (sessions.iter().filter_map(|session| took(session)).max().map_or_else(|| "-".to_owned(), duration)) }
                            }
                        }
                    }
                }
                (wide("Sessions by policy", &html! {
                    table {
                        thead { tr { th scope="col" { "Policy" } @for heading in ["Sessions", "Succeeded", "Warning", "Failed", "Restore points", "Median", "Longest"] { th.num scope="col" { (heading) } } } }
                        tbody { @for (policy, sessions) in &policies { (summary(policy, sessions)) } }
                    }
                }))
                details id="all-sessions" { summary { "All " (count(policies.values().map(Vec::len).sum(), "session")) } div.rows {} }
            } @else { p { "None has ended in these days." } }
        }
    }
}

fn bars(account: &Account<'_>, policy: &str, sessions: &[&Session], longest: SignedDuration) -> Markup {
    let (from, until) = account.window.bounds();
    let whole = until.duration_since(from).as_secs_f64();
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for session in sessions {
        let Some(took) = took(session) else { continue };
        let x = 1000.0 * session.started_at.duration_since(from).as_secs_f64() / whole;
        let height = (34.0 * took.as_secs_f64() / longest.as_secs_f64().max(1.0)).max(1.0);
        let (class, _) = looks(session.status);
        let path = paths.entry(class).or_default();
        path.push_str(&format!("M{x:.1} 36v-{height:.1}"));
        if class != "good" {
            path.push_str(&format!("M{:.1} 39h4", x - 2.0));
        }
    }
    let label =
        format!("{policy}: {}, none longer than {}", count(sessions.len(), "session"), duration(longest));
    html! {
        svg.bars role="img" aria-label=(label) viewBox="0 0 1000 40" preserveAspectRatio="none" focusable="false" {
            path.base d="M0 36h1000" {}
            @for (class, path) in &paths { path.(class) d=(path) {} }
        }
    }
}

fn summary(policy: &str, sessions: &[&Session]) -> Markup {
    let with = |status: Status| sessions.iter().filter(|session| session.status == status).count();
    let mut times: Vec<SignedDuration> = sessions.iter().filter_map(|session| took(session)).collect();
    times.sort_unstable();
    let or_dash = |took: Option<&SignedDuration>| took.map_or_else(|| "-".to_owned(), |took| duration(*took));
    let (available, planned) = sessions.iter().fold((0, 0), |(available, planned), session| {
        (available + session.available, planned + session.planned)
    });
    html! {
        tr {
            th scope="row" { (policy) }
            td.num { (sessions.len()) }
            td.num { (with(Status::Succeeded)) }
            td.num { (with(Status::Warning)) }
            td.num { (with(Status::Failed)) }
            td.num { (available) " of " (planned) }
            td.num { (or_dash(times.get(times.len() / 2))) }
            td.num { (or_dash(times.last())) }
        }
    }
}

/// The restores of the window with how long they took.
pub(super) fn restores(account: &Account<'_>) -> Markup {
    let (from, until) = account.window.bounds();
    let restores: Vec<&Restore> = account
        .facts
        .restores
        .iter()
        .rev()
        .filter(|restore| (from..until).contains(&restore.requested_at))
        .collect();
    let took = |restore: &Restore| Some(restore.ended_at?.duration_since(restore.requested_at));
    let longest = restores.iter().filter_map(|restore| took(restore)).max().unwrap_or(SignedDuration::ZERO);
    html! {
        section aria-labelledby="restores" {
            h2 id="restores" { "Restores" }
            @if restores.is_empty() {
                p { "None in these days: that a table can be brought back has not been tried. Try it: " code { "backup-chain restore start TABLE=TABLE-check" } }
            } @else {
                p.note { "How long each took from when it was asked for until its table was there with its settings." }
                @if restores.len() > MAX_RESTORES { p.note { "The last " (MAX_RESTORES) " of " (restores.len()) " are shown: backup-chain restore list has all." } }
                (wide("Restores of these days", &html! {
                    table {
                        thead { tr { th scope="col" { "Asked for (UTC)" } th scope="col" { "Table" } th scope="col" { "New table" } th scope="col" { "Restore point" } th scope="col" { "From" } th scope="col" { "Ended" } th.num scope="col" { "Took" } th scope="col" { span.sr { "Took, as a bar" } } } }
                        tbody { @for restore in restores.iter().take(MAX_RESTORES) { (restored(restore, took(restore), longest)) } }
                    }
                }))
            }
        }
    }
}

fn restored(restore: &Restore, took: Option<SignedDuration>, longest: SignedDuration) -> Markup {
    let (class, sign) = match restore.stage {
        Stage::Succeeded => ("good", "✓"),
        Stage::Warning => ("odd", "!"),
        Stage::Failed => ("bad", "✕"),
        _ => ("dim", "…"),
    };
    let share = took.map(|took| 100.0 * took.as_secs_f64() / longest.as_secs_f64().max(1.0));
    html! {
        tr {
            td.num { (utc(restore.requested_at)) }
            th scope="row" { (restore.table.arn.name) }
            td { (restore.target.name) }
            td { code { (restore.point) } }
            td { (restore.place()) }
            td { span.chip.(class) { span aria-hidden="true" { (sign) } " " (restore.stage) } }
            td.num { (took.map_or_else(|| "-".to_owned(), duration)) }
            td { @if let Some(share) = share { svg.share width="120" height="10" aria-hidden="true" focusable="false" { rect.met width={ (format!("{share:.1}")) "%" } height="10" {} } } }
        }
    }
}
