//! `policy apply`: several documents, all of them told before the first is stored.

use std::fs;

use backup_chain_deployed::stack::Stack;
use backup_chain_local::World;
use backup_chain_tests::command::{Ran, cli, cli_answering};
use backup_chain_tests::{deployed, table};
use tempfile::TempDir;

fn policy(name: &str, prefix: &str) -> String {
    format!(
        "name: {name}\nsources: {{prefixes: [{prefix}]}}\nvault: backup-chain\ntiers:\n  daily: {{at: [07:00], keep: 3 days}}\n"
    )
}

async fn scene() -> (World, Stack, TempDir) {
    let (world, stack) = deployed("2026-01-05T05:00:00Z").await;
    for name in ["app-orders", "log-audit"] {
        table(&world, name, &[]).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("gold.yaml"), policy("gold", "app-")).unwrap();
    fs::write(folder.path().join("silver.yml"), policy("silver", "log-")).unwrap();
    fs::write(folder.path().join("notes.txt"), "no policy").unwrap();
    (world, stack, folder)
}

/// What it printed, with the folder and without the calls.
fn told(ran: &Ran, folder: &TempDir) -> String {
    let lines = ran.err.lines().filter(|line| !line.ends_with("is running ...")).chain(ran.out.lines());
    lines.collect::<Vec<_>>().join("\n").replace(folder.path().to_str().unwrap(), "FOLDER")
}

async fn stored(world: &World) -> Vec<String> {
    let listed = cli(world, "policy list --json").await.json();
    let names = listed.as_array().unwrap().iter();
    names.map(|policy| format!("{} {}", policy["name"].as_str().unwrap(), policy["revision"])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_folder_is_applied_with_its_differences_and_pruned_when_asked() {
    let (world, _stack, folder) = scene().await;
    let all = format!("policy apply {}", folder.path().display());
    let dry = cli(&world, &format!("{all} --dry-run")).await;
    insta::assert_snapshot!(told(&dry, &folder), @"
    policy gold is new; it covers 1 table
    policy silver is new; it covers 1 table
    nothing is stored: 2 policies would be as told above
    ");
    assert_eq!((dry.code, stored(&world).await), (0, Vec::new()));
    assert_eq!(cli(&world, &all).await.code, 0);
    assert_eq!(stored(&world).await, ["gold 1", "silver 1"]);

    fs::write(folder.path().join("gold.yaml"), policy("gold", "app-").replace("3 days", "5 days")).unwrap();
    fs::remove_file(folder.path().join("silver.yml")).unwrap();
    let no = cli_answering(&world, &format!("{all} --prune"), "n\n").await;
    assert_eq!((no.code, stored(&world).await), (1, vec!["gold 1".to_owned(), "silver 1".to_owned()]));
    let ran = cli_answering(&world, &format!("{all} --prune --by ada"), "y\n").await;
    insta::assert_snapshot!(told(&ran, &folder), @"
    policy gold differs from revision 1: tiers.daily.keep: 5 days, was 3 days; it covers 1 table
    policy silver is in none of the documents and is deleted: it makes no more restore points, and those that it made age out
    policy gold is stored as revision 2
    policy silver is deleted
    ");
    assert_eq!((ran.code, stored(&world).await), (0, vec!["gold 2".to_owned()]));
    let again = cli(&world, &format!("{all} --json")).await.json();
    assert_eq!(again["applied"][0]["changed"], false, "{again:#}");
    let piped = cli_answering(&world, "policy apply -", &policy("silver", "log-")).await;
    assert_eq!((piped.code, stored(&world).await), (0, vec!["gold 2".to_owned(), "silver 2".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn one_document_that_cannot_be_stored_stops_all_and_everything_wrong_is_told() {
    let (world, _stack, folder) = scene().await;
    fs::write(folder.path().join("also-gold.yaml"), policy("gold", "x-")).unwrap();
    fs::write(folder.path().join("broken.yaml"), policy("broken", "y-").replace("3 days", "3 dyas")).unwrap();
    let missing = folder.path().join("missing.yaml");
    let ran = cli(&world, &format!("policy apply {} {}", folder.path().display(), missing.display())).await;
    assert_eq!((ran.code, stored(&world).await), (1, Vec::new()));
    insta::assert_snapshot!(told(&ran, &folder), @r#"
    FOLDER/broken.yaml:5: tiers.daily.keep: "3 dyas" is no span; write a whole number and days, weeks, months or years, such as 3 days
    FOLDER/gold.yaml: name: FOLDER/also-gold.yaml holds a policy gold as well; give each a name of its own
    FOLDER/missing.yaml: there is no such file; name one that is there
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_covers_no_table_is_told_before_it_is_stored() {
    let (world, _stack, folder) = scene().await;
    fs::write(folder.path().join("none.yaml"), policy("none", "nothing-")).unwrap();
    let file = folder.path().join("none.yaml");
    let ran = cli(&world, &format!("policy apply {}", file.display())).await;
    assert_eq!(ran.code, 3);
    insta::assert_snapshot!(told(&ran, &folder), @"
    policy none is new; it covers 0 tables
    warning: sources: no table is covered now: nothing would be backed up
    policy none is stored as revision 1
    ");
}
