//! The report of an account that is made up.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;

use std::cmp::Reverse;
use std::time::Instant;

use backup_chain_core::compliance::DayStanding;
use backup_chain_core::facts::Facts;
use backup_chain_core::forecast::Prices;
use backup_chain_core::ids::PointId;
use backup_chain_core::point::{Hold, PointKind};
use backup_chain_report::{Account, InvalidWindow, Window, csv, html, json};
use jiff::civil::date;
use scene::account;
use serde_json::Value;

fn page(facts: &Facts) -> String {
    html(&Account::of(facts, Window::last_days(facts, 90)), &Prices::embedded()).unwrap()
}

#[test]
fn a_thousand_tables_of_a_hundred_points_fit_into_two_megabytes() {
    let facts = account(1_000);
    let points: usize = facts.tables.iter().map(|table| table.points.len()).sum();
    assert_eq!(points, 100_000);
    let begun = Instant::now();
    let page = page(&facts);
    // Not asserted: it is what a reader of a failure wants to know.
    let took = begun.elapsed();
    assert!(page.len() <= 2_000_000, "{} bytes, in {took:?}", page.len());
    eprintln!("{} bytes in {took:?}", page.len());
}

/// What a page asks for nothing and styles nothing inline can be seen from its text.
#[test]
fn the_page_names_all_that_it_may_run_and_nothing_else() {
    let page = page(&account(3));
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    for outside in ["src=", "href=\"http", "url(http", "@import", " style=", " onclick=", "<link", "<iframe"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn what_names_say_is_text() {
    let mut facts = account(1);
    let hold =
        Hold { reason: "<script>alert(1)</script>".to_owned(), author: None, since: None, until: None };
    facts.tables[0].points.iter_mut().for_each(|point| point.hold = Some(hold.clone()));
    facts.protection.problems.push("<img src=x>".to_owned());
    let page = page(&facts);
    assert!(page.contains("&lt;img src=x&gt;"));
    assert!(!page.contains("<img") && !page.contains("alert(1)"));
}

#[test]
fn each_day_says_by_which_point_its_promise_was_kept() {
    let facts = account(2);
    let window = Window::new(date(2026, 6, 20), date(2026, 6, 30)).unwrap();
    let report: Value = serde_json::from_str(&json(&Account::of(&facts, window)).unwrap()).unwrap();
    let table = &report["tables"][0];
    assert_eq!(table["days"].as_array().unwrap().len(), 11);
    let points = &facts.tables.iter().find(|facts| facts.name().as_str() == table["table"]).unwrap().points;
    for day in table["days"].as_array().unwrap() {
        assert_eq!(day["copies"][0]["vault"], "eu-west-1/copies");
        let newest: PointId = day["backups"]["point"].as_str().unwrap().parse().unwrap();
        let known =
            points.iter().find(|point| point.id == newest && point.kind == PointKind::Backup).unwrap();
        assert_eq!(day["backups"]["created_at"], known.created_at.unwrap().to_string());
    }
}

#[test]
fn the_worst_table_comes_first() {
    let facts = account(30);
    let account = Account::of(&facts, Window::last_days(&facts, 90));
    let order: Vec<_> = account
        .tables
        .iter()
        .map(|table| {
            let missed = table.counts().get(&DayStanding::Missed).copied().unwrap_or_default();
            let standing = table.protection.map(|protection| protection.standing);
            (standing.filter(|standing| standing.is_problem()).is_none(), Reverse(missed))
        })
        .collect();
    let mut quiet = order.iter().filter(|(is_quiet, _)| *is_quiet);
    assert!(order.is_sorted_by_key(|(is_quiet, _)| *is_quiet) && quiet.by_ref().is_sorted());
    assert!(order.iter().any(|(is_quiet, missed)| *is_quiet && missed.0 > 0));
}

#[test]
fn a_spreadsheet_computes_nothing_of_the_csv() {
    let mut facts = account(1);
    facts.tables[0].table.arn.name = "-1_1".parse().unwrap();
    facts.protection.tables[0].table = "-1_1".parse().unwrap();
    let account = Account::of(&facts, Window::new(date(2026, 6, 29), date(2026, 6, 30)).unwrap());
    let text = csv(&account).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 2, "two days of two chains:\n{text}");
    insta::assert_snapshot!(lines[0], @"date,table,table_id,policy,time_zone,chain,vault,objective_hours,standing,point,created_at,restores");
    assert!(lines[1].starts_with("2026-06-29,'-1_1,"), "{}", lines[1]);
    assert!(lines[2].contains(",copies,eu-west-1/copies,44,"), "{}", lines[2]);
}

#[test]
fn a_window_is_of_some_days() {
    let backward = Window::new(date(2026, 6, 2), date(2026, 6, 1));
    assert!(matches!(backward, Err(InvalidWindow::Backward { .. })));
    assert!(matches!(Window::new(date(2020, 1, 1), date(2026, 6, 1)), Err(InvalidWindow::TooLong { .. })));
    let facts = account(1);
    let window = Window::last_days(&facts, 90);
    assert_eq!((window.days().count(), window.last()), (90, date(2026, 6, 30)));
}
