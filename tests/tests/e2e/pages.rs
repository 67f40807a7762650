//! What the pages tell an operator to type is there to be typed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use backup_chain_tests::texts;

/// The command lines of `backup-chain` in the blocks that are for a shell.
fn commands(page: &str) -> Vec<String> {
    let (mut commands, mut is_shell) = (Vec::new(), false);
    for line in page.replace("\\\n", " ").lines().map(str::trim_start) {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell && line.starts_with("backup-chain ") {
            commands.push(line.to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_pages_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).expect("the pages").map(|entry| entry.expect("a page").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let (mut number, mut refused) = (0, Vec::new());
    for path in pages.chain([root.join("README.md")]) {
        for line in commands(&fs::read_to_string(&path).expect("a page")) {
            number += 1;
            let words = shlex::split(&line).unwrap_or_default();
            if let Err(error) = backup_chain_cli::command().try_get_matches_from(words) {
                refused.push(format!("{}: {line}: {error}", path.display()));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(number >= 20, "{number} commands");
}

/// What claims to be shown names the tests that show it.
#[test]
fn every_test_that_a_claim_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let code: String = texts(&root)
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| fs::read_to_string(path).expect("code"))
        .collect();
    let page = fs::read_to_string(root.join("docs/threat-model.md")).expect("the page");
    let mut named = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat ")) {
        let shown = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        assert!(shown.starts_with('`'), "a claim that nothing shows: {row}");
        named.extend(shown.split(", ").map(|name| name.trim_matches('`')));
    }
    let missing: Vec<_> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty() && named.len() > 20, "{missing:?}");
}
