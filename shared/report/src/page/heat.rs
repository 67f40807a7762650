//! Each table on each day: whether what was promised was kept.

use backup_chain_core::compliance::DayStanding;
use maud::{Markup, html};

use super::plot;
use crate::account::{Account, TableReport};
use crate::text::{count, percent};

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
                details id="all-days" { summary { "The days as a table" } div.rows {} }
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
