//! The report as one HTML page: it asks for nothing, and names the hashes of its own style and script as all that may run.

mod front;
mod heat;
mod lists;
mod money;
mod plot;

use backup_chain_core::forecast::Prices;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::account::{Account, TableReport};
use crate::machine::CannotBeWritten;
use crate::text::{count, utc};
use crate::{data, storage};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page.
///
/// # Errors
/// [`CannotBeWritten`].
pub fn html(account: &Account<'_>, prices: &Prices) -> Result<String, CannotBeWritten> {
    let facts = account.facts;
    let data = data::packed(account)?;
    let (stored, all) = storage::stored(account, prices);
    let title = format!("Backup report of {} in {}", facts.home.account, facts.home.region);
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="backup-chain report";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (plot::patterns())
                header {
                    div.bar {
                        p.brand { "Backup Chain" }
                        nav aria-label="Sections" {
                            a href="#days" { "Days" }
                            a href="#timelines" { "Timelines" }
                            a href="#sessions" { "Sessions" }
                            a href="#restores" { "Restores" }
                            a href="#storage" { "Storage" }
                            a href="#limits" { "Limits" }
                        }
                    }
                    h1 { "Backup report" }
                    p.meta {
                        "Account " b { (facts.home.account) } " in " b { (facts.home.region) }
                        ", looked at " b { (utc(facts.at)) " UTC" }
                        ", days " b { (account.window.first()) } " to " b { (account.window.last()) }
                    }
                }
                main id="main" {
                    (front::answer(account, &all))
                    (front::attention(account))
                    (heat::days(account))
                    (timelines(account))
                    (lists::sessions(account))
                    (lists::restores(account))
                    (money::storage(account, &stored, &all, prices))
                    (limits(account, prices))
                }
                footer { p { "Made by backup-chain report. The page holds all that it shows and asks for nothing." } }
                div id="tip" role="tooltip" hidden {}
                p.sr id="live" aria-live="polite" {}
                script id="data" type="application/octet-stream" { (PreEscaped(&data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

/// What a Content Security Policy names an inline style or script by.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn timelines(account: &Account<'_>) -> Markup {
    html! {
        section aria-labelledby="timelines" {
            h2 id="timelines" { "Timelines" }
            p.note {
                "Every chain of a table: its restore points by the tiers whose flags they carry, copies beneath. A full mark is a \
                 flag that is live, a hollow one has lapsed. Point at a mark, or go through them with the arrow keys."
            }
            (plot::legend())
            noscript { p.warn { "The timelines are drawn by the script of this page. Without it, see " code { "backup-chain points" } "." } }
            div.filter hidden { label for="find" { "Show tables with" } input id="find" type="search" autocomplete="off" spellcheck="false"; span id="found" role="status" {} }
            @for (place, table) in account.tables.iter().enumerate() { (timeline(place, table)) }
        }
    }
}

fn timeline(place: usize, table: &TableReport<'_>) -> Markup {
    let live = table.facts.points.iter().filter(|point| point.available().is_some()).count();
    html! {
        details.line id={ "t" (place) } data-i=(place) open[place == 0] {
            summary {
                span.name { (table.label) } " "
                @if let Some(protection) = table.protection { (front::chip(protection.standing)) }
                span.dim { " " (count(live, "restore point")) @if let Some(policy) = table.policy { ", policy " (policy.name) } }
            }
            div.draw {}
        }
    }
}

fn limits(account: &Account<'_>, prices: &Prices) -> Markup {
    let unknown = account.unknown();
    html! {
        section aria-labelledby="limits" {
            h2 id="limits" { "What this page knows, and what it does not" }
            ul {
                li { "A day is " b { "met" } " when at each of its moments the newest restore point was no older than the objective: the \
                     policy's own, or the longest time between two of its slots with the start window. A table that is new to its \
                     policy has as much time for its first one. Each revision of a policy is taken for the time in which it was in \
                     force." }
                li { "Days are those of the policy's time zone. Times are UTC." }
                li { "A backup counts from its creation date, a copy from when its job was asked for: how long a job then ran is not \
                     recorded. Of a restore point that is gone it is known that the retention run before still saw it; what became \
                     of it until it was seen to be gone is unknown." }
                li { "Restore points that are not believed, and manual backups, count for nothing." }
                li { "A restore is a test of its table on the day on which it ended well, with nothing left to be done." }
                li { "Costs are estimates with prices of " (prices.as_of) ", without restores and taxes. A point counts as cold as its \
                     policy asks now." }
                @for line in &unknown { li.warn { (line) } }
            }
        }
    }
}
