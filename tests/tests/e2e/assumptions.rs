//! What is assumed of AWS is numbered in docs/assumptions.md, and cited where it is relied on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use backup_chain_tests::texts;

const PAGE: &str = "docs/assumptions.md";
/// From here on only the model relies on them: there is nothing to find out for the product.
const MODEL: &str = "## The model alone";

/// The numbers that a text cites: `assumption A7`, and on pages links to the numbers.
fn cited(text: &str) -> BTreeSet<u32> {
    // A citation may be broken by the end of a line, and by what begins a comment.
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| !["//!", "///", "//", "#"].contains(word)).collect();
    let number = |word: &str| -> Option<u32> {
        let digits = word.trim_start_matches(['(', '[']).strip_prefix('A')?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok()
    };
    let after =
        words.windows(2).filter(|pair| pair[0].ends_with("assumption")).filter_map(|pair| number(pair[1]));
    let is_page = text.contains("assumptions.md");
    let linked = words
        .iter()
        .filter(|word| is_page && word.starts_with(['(', '[', 'A']))
        .filter_map(|word| number(word));
    after.chain(linked).collect()
}

#[test]
fn each_assumption_is_described_and_cited_and_none_other_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join(PAGE)).unwrap();
    let (product, model) = page.split_once(MODEL).unwrap();
    let mut described = BTreeMap::new();
    let mut wrong = Vec::new();
    for (part, is_product) in [(product, true), (model, false)] {
        for entry in part.split("\n### A").skip(1) {
            let (number, text) = entry.split_once(". ").unwrap();
            let number: u32 = number.parse().unwrap();
            if described.insert(number, text).is_some() {
                wrong.push(format!("A{number} is there twice"));
            }
            if !is_product {
                continue;
            }
            let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let says = ["**If otherwise**", "**Either way**"].iter().any(|mark| line.contains(mark));
            let finds_out = text.contains("```sh\naws ") || text.contains("\nThe command of A");
            if !says || !finds_out {
                wrong.push(format!("A{number} does not say what if it is otherwise, or how to find out"));
            }
        }
    }
    let files = texts(&root);
    assert!(files.len() > 300, "{} files", files.len());
    let mut everywhere = BTreeSet::new();
    for file in files.iter().filter(|file| !file.ends_with(PAGE) && !file.ends_with(file!())) {
        for number in cited(&fs::read_to_string(file).unwrap()) {
            everywhere.insert(number);
            if !described.contains_key(&number) {
                wrong.push(format!("{} cites A{number}, which is not in {PAGE}", file.display()));
            }
        }
    }
    wrong.extend(
        described
            .keys()
            .filter(|number| !everywhere.contains(number))
            .map(|number| format!("nobody cites A{number}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_citation_is_found_wherever_the_line_ends() {
    let text = "/// As AWS says (assumption\n    /// A20). Else it is assumption A7, not A8.";
    assert_eq!(cited(text), BTreeSet::from([7, 20]));
    assert_eq!(cited("see [A29 and A30](assumptions.md#restores), A-frames"), BTreeSet::from([29, 30]));
}
