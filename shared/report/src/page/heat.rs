//! Each table on each day: whether what was promised was kept.

use backup_chain_core::compliance::DayStanding;
use jiff::civil::Date;
use maud::{Markup, html};

use super::{plot, wide};
use crate::account::{Account, TableReport};
use crate::text::{count, duration, percent};

/// The section.
pub(super) fn days(account: &Account<'_>) -> Markup {
    let first = account.window.first();
    let days = account.window.days().count();
    let looks = [DayStanding::Met, DayStanding::Missed, DayStanding::Unknown, DayStanding::NotPromised];
    html! {
        section aria-labelledby="days" {
            h2 id="days" { "Was the promise kept?" }
            p.note {
                "Each table, the worst first, on each of " (count(days, "day")) ": its backups and its copies together. Point at a day, or go \
                 through them with the arrow keys."
            }
            p.legend { @for standing in looks { (plot::swatch(standing)) } }
            @if account.tables.is_empty() { p { "There are no tables." } } @else {
                table.heat {
                    caption.sr { "Days on which the promise was kept, by table" }
                    thead { tr { th scope="col" { "Table" } th scope="col" { span.sr { "Days" } (plot::axis(first, days)) } th.num scope="col" { "Met" } } }
                    tbody { @for (place, table) in account.tables.iter().enumerate() { (row(place, table)) } }
                }
                details {
                    summary { "The days as a table" }
                    (wide("The days as a table", &html! {
                        table {
                            thead { tr {
                                th scope="col" { "Table" } th scope="col" { "Policy" } th.num scope="col" { "May be" } th scope="col" { "Chain" }
                                th.num scope="col" { "Met" } th.num scope="col" { "Missed" } th.num scope="col" { "Unknown" }
                                th scope="col" { "Days missed" } th scope="col" { "Days unknown" } th scope="col" { "Restores tested" }
                            } }
                            tbody { @for table in &account.tables { (lines(table)) } }
                        }
                    }))
                }
            }
        }
    }
}

fn row(place: usize, table: &TableReport<'_>) -> Markup {
    let worst: Vec<DayStanding> = table.days.iter().map(|day| day.worst()).collect();
    let counts = table.counts();
    let of = |standing| counts.get(&standing).copied().unwrap_or_default();
    let (met, missed, unknown) = (of(DayStanding::Met), of(DayStanding::Missed), of(DayStanding::Unknown));
    let label = format!("{}: {met} days met, {missed} missed, {unknown} unknown", table.label);
    html! {
        tr data-i=(place) {
            th scope="row" { a href={ "#t" (place) } { (table.label) } }
            td { (plot::row(&worst, &label)) }
            td.num { (percent(met, met + missed + unknown)) }
        }
    }
}

/// A line for each chain of a table.
fn lines(table: &TableReport<'_>) -> Markup {
    let backups: Vec<DayStanding> = table.days.iter().map(|day| day.backups.0).collect();
    let copies = table.targets.iter().enumerate().map(|(target, vault)| {
        let days: Vec<DayStanding> = table.days.iter().map(|day| day.copies[target].0).collect();
        (format!("copies in {}", vault.place_from(&table.facts.table.arn.account)), days)
    });
    let chains = std::iter::once(("backups".to_owned(), backups)).chain(copies);
    let tested: Vec<bool> = table.days.iter().map(|day| !day.restores.is_empty()).collect();
    html! {
        @for (number, (chain, days)) in chains.enumerate() {
            @let count = |standing| days.iter().filter(|day| **day == standing).count();
            @let objective = match number { 0 => table.objective, _ => table.policy.and_then(|past| past.policy.copy_objective()) };
            tr {
                th scope="row" { (table.label) }
                td { (table.policy.map_or("-", |policy| policy.name.as_str())) }
                td.num { (objective.map_or_else(|| "-".to_owned(), duration)) }
                td { (chain) }
                td.num { (count(DayStanding::Met)) }
                td.num { (count(DayStanding::Missed)) }
                td.num { (count(DayStanding::Unknown)) }
                td { (ranges(table, |place| days[place] == DayStanding::Missed)) }
                td { (ranges(table, |place| days[place] == DayStanding::Unknown)) }
                td { @if number == 0 { (ranges(table, |place| tested[place])) } }
            }
        }
    }
}

/// Days in runs: `3 Jan, 7 Jan to 9 Jan`.
fn ranges(table: &TableReport<'_>, is_meant: impl Fn(usize) -> bool) -> String {
    let mut runs: Vec<(Date, Date)> = Vec::new();
    for (place, day) in table.days.iter().enumerate().filter(|(place, _)| is_meant(*place)) {
        match runs.last_mut() {
            Some((_, last)) if last.tomorrow().ok() == Some(day.date) => *last = table.days[place].date,
            _ => runs.push((day.date, day.date)),
        }
    }
    let run = |(first, last): (Date, Date)| {
        if first == last { first.to_string() } else { format!("{first} to {last}") }
    };
    runs.into_iter().map(run).collect::<Vec<_>>().join(", ")
}
