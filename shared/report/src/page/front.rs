//! The front of the page: are we protected, and what needs attention.

use backup_chain_core::compliance::DayStanding;
use backup_chain_core::protection::{Protection, Standing};
use maud::{Markup, html};

use super::plot::wide;
use crate::account::Account;
use crate::storage::Stored;
use crate::text::{count, duration, percent, size, usd, utc};

/// How a standing is shown: its sign, its words and its class.
fn look(standing: Standing) -> (&'static str, &'static str, &'static str) {
    match standing {
        Standing::Unprotected => ("✕", "unprotected", "bad"),
        Standing::Late => ("✕", "late", "bad"),
        Standing::WithoutCopies => ("!", "without copies", "bad"),
        Standing::Attention => ("!", "attention", "odd"),
        Standing::Unknown => ("?", "unknown", "odd"),
        Standing::New => ("○", "new", "dim"),
        Standing::Protected => ("✓", "protected", "good"),
        Standing::Excluded => ("–", "excluded", "dim"),
        Standing::Gone => ("–", "gone", "dim"),
    }
}

/// A standing as a sign with its word.
pub(super) fn chip(standing: Standing) -> Markup {
    let (sign, words, class) = look(standing);
    html! { span.chip.(class) { span aria-hidden="true" { (sign) } " " (words) } }
}

fn tile(label: &str, value: &str, more: &str) -> Markup {
    html! { div.tile { dt { (label) } dd { b { (value) } @if !more.is_empty() { span { (more) } } } } }
}

/// Whether all is as promised, in one look.
pub(super) fn answer(account: &Account<'_>, all: &Stored) -> Markup {
    let report = &account.facts.protection;
    let wrong = report.tables.iter().filter(|table| table.standing.is_problem()).count();
    let (class, sign, words) = if report.tables.is_empty() && !report.has_problems() {
        ("odd", "?", "There are no tables".to_owned())
    } else if !report.has_problems() {
        ("good", "✓", "Protected: every table has what was promised".to_owned())
    } else if wrong == 0 {
        ("odd", "!", "Every table has what was promised, and something needs attention".to_owned())
    } else {
        let verb = if wrong == 1 { "does" } else { "do" };
        (
            "bad",
            "✕",
            format!(
                "Not protected: {} of {} {verb} not have what was promised",
                wrong,
                count(report.tables.len(), "table")
            ),
        )
    };
    let counts = account.counts();
    let of = |standing| counts.get(&standing).copied().unwrap_or_default();
    let (met, missed, unknown) = (of(DayStanding::Met), of(DayStanding::Missed), of(DayStanding::Unknown));
    let promised = met + missed + unknown;
    let tested =
        account.tables.iter().filter(|table| table.days.iter().any(|day| !day.restores.is_empty())).count();
    let present = account.tables.iter().filter(|table| table.facts.is_present).count();
    let steady = all.steady.map(|steady| format!("{} in the steady state", usd(steady))).unwrap_or_default();
    html! {
        section.answer.(class) aria-labelledby="answer" {
            h2 id="answer" { span.sign aria-hidden="true" { (sign) } (words) }
            p { (report.headline()) }
            dl.tiles {
                (tile("Days met", &percent(met, promised), &format!("{missed} missed, {unknown} unknown of {}", count(promised, "table day"))))
                (tile("Restores tested", &format!("{tested} of {present}"), "tables, in these days"))
                (tile("Restore points", &all.points.to_string(), &size(all.bytes())))
                (tile("Storage, USD a month", &usd(all.now), &steady))
            }
        }
    }
}

/// The worst first, with what to do.
pub(super) fn attention(account: &Account<'_>) -> Markup {
    let report = &account.facts.protection;
    let wrong: Vec<&Protection> = report.tables.iter().filter(|table| table.standing.is_problem()).collect();
    html! {
        section aria-labelledby="attention" {
            h2 id="attention" { "What needs attention" }
            @if wrong.is_empty() && report.problems.is_empty() && report.unknown.is_empty() { p { "Nothing." } }
            @if !report.problems.is_empty() || !report.unknown.is_empty() {
                ul { @for problem in report.problems.iter().chain(&report.unknown) { li.warn { (problem) } } }
            }
            @if !wrong.is_empty() {
                (wide("Tables that need attention", &html! {
                    table {
                        thead { tr { th scope="col" { "Table" } th scope="col" { "Standing" } th scope="col" { "Policy" } th scope="col" { "Newest backup" } th scope="col" { "May be" } th scope="col" { "Why" } } }
                        tbody { @for table in &wrong { (row(table)) } }
                    }
                }))
            }
        }
    }
}

fn row(table: &Protection) -> Markup {
    let backups = table.backups.as_ref();
    let newest = backups.and_then(|chain| chain.newest);
    let objective = backups.and_then(|chain| chain.objective_seconds).map(jiff::SignedDuration::from_secs);
    html! {
        tr {
            th scope="row" { (table.table) }
            td { (chip(table.standing)) }
            td { (table.policy.as_ref().map_or("-", |policy| policy.as_str())) }
            td.num { (newest.map_or_else(|| "none".to_owned(), utc)) }
            td.num { (objective.map_or_else(|| "-".to_owned(), duration)) }
            td.text { (table.reasons.join("; ")) }
        }
    }
}
