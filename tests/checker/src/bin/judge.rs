//! Judges histories that were written to files, each an array of entries.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::fs::File;
use std::io::{self, BufReader};
use std::process::ExitCode;

use backup_chain_checker::{Entry, check};

fn main() -> io::Result<ExitCode> {
    let mut all_well = true;
    for file in std::env::args().skip(1) {
        let history: Vec<Entry> = serde_json::from_reader(BufReader::new(File::open(&file)?))?;
        let findings = check(&history);
        println!("{file}: {} entries, {} findings", history.len(), findings.len());
        findings.iter().for_each(|finding| println!("{finding}"));
        all_well &= findings.is_empty();
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
