//! What the restore points take and cost.

use backup_chain_core::forecast::Prices;
use maud::{Markup, html};

use super::plot::wide;
use crate::account::Account;
use crate::storage::{Class, Stored};
use crate::text::{count, size, usd};

/// So many tables are drawn; the table of data has all.
const MAX_DRAWN: usize = 20;

/// The section.
pub(super) fn storage(account: &Account<'_>, stored: &[Stored], all: &Stored, prices: &Prices) -> Markup {
    let mut order: Vec<usize> = (0..stored.len()).filter(|place| stored[*place].bytes() > 0).collect();
    order.sort_by_key(|place| (std::cmp::Reverse(stored[*place].bytes()), &account.tables[*place].label));
    let most = order.first().map_or(0, |place| stored[*place].bytes());
    let unsized_points = all.unsized_points;
    html! {
        section aria-labelledby="storage" {
            h2 id="storage" { "Storage and cost" }
            @if all.points == 0 { p { "Nothing is stored." } } @else {
                p.note {
                    "Every restore point is a full backup: what it takes is the size of its table then. Costs are estimates, with prices of "
                    (prices.as_of) "; the steady state is what the policy comes to once it has run for long, at the table's present size, with \
                     the traffic of its copies."
                    @if unsized_points > 0 { " Of " (count(unsized_points, "restore point")) " no size is recorded." }
                }
                ul.legend aria-label="Tiers" {
                    @for class in Class::ALL {
                        @if all.of(class) > 0 { li { svg width="12" height="12" aria-hidden="true" focusable="false" { rect.fill.(class.css()) width="12" height="12" {} } " " (class.name()) } }
                    }
                }
                @if order.len() > MAX_DRAWN { p.note { "The " (MAX_DRAWN) " largest of " (count(order.len(), "table")) "." } }
                table.heat.stored {
                    caption.sr { "What is stored, by table and tier" }
                    thead { tr { th scope="col" { "Table" } th scope="col" { span.sr { "By tier" } } th.num scope="col" { "Stored" } } }
                    tbody { @for place in order.iter().take(MAX_DRAWN) { (bar(&account.tables[*place].label, &stored[*place], most)) } }
                }
                details {
                    summary { "Storage and cost of every table" }
                    (wide("Storage and cost of every table", &data(account, stored, all)))
                }
            }
        }
    }
}

fn bar(label: &str, stored: &Stored, most: u64) -> Markup {
    let share = |bytes: u64| 100.0 * bytes as f64 / most.max(1) as f64;
    let mut from = 0.0;
    let mut parts = Vec::new();
    for class in Class::ALL {
        let width = share(stored.of(class));
        if width > 0.0 {
            parts.push((class, from, width));
        }
        from += width;
    }
    let words = parts.iter().map(|(class, ..)| format!("{} {}", class.name(), size(stored.of(*class))));
    let words = format!("{label}: {}", words.collect::<Vec<_>>().join(", "));
    html! {
        tr {
            th scope="row" { (label) }
            td { svg.bar role="img" aria-label=(words) width="100%" height="16" focusable="false" {
                @for (class, from, width) in &parts { rect.fill.(class.css()) x={ (format!("{from:.2}")) "%" } width={ (format!("{width:.2}")) "%" } height="16" {} }
            } }
            td.num { (size(stored.bytes())) }
        }
    }
}

fn data(account: &Account<'_>, stored: &[Stored], all: &Stored) -> Markup {
    let classes: Vec<Class> = Class::ALL.into_iter().filter(|class| all.of(*class) > 0).collect();
    let line = |label: &str, of: &Stored| {
        html! {
            tr {
                th scope="row" { (label) }
                td.num { (of.points) }
                @for class in &classes { td.num { @if of.of(*class) > 0 { (size(of.of(*class))) } } }
                td.num { (size(of.copies.values().sum())) }
                td.num { (size(of.bytes())) }
                td.num { (usd(of.now)) }
                td.num { (of.steady.map_or_else(|| "-".to_owned(), usd)) }
            }
        }
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "Table" } th.num scope="col" { "Points" }
                @for class in &classes { th.num scope="col" { (class.name()) } }
                th.num scope="col" { "of it copies" } th.num scope="col" { "All" } th.num scope="col" { "USD a month now" } th.num scope="col" { "in the steady state" }
            } }
            tbody { @for (table, of) in account.tables.iter().zip(stored) { (line(&table.label, of)) } }
            tfoot { (line("all", all)) }
        }
    }
}
