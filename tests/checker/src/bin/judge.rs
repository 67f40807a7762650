//! Judges histories that were written to files, one entry a line.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::process::ExitCode;

use backup_chain_checker::{Entry, check};

fn main() -> io::Result<ExitCode> {
    let mut all_well = true;
    for file in std::env::args().skip(1) {
        let lines = BufReader::new(File::open(&file)?).lines();
        let history: Vec<Entry> =
            lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<io::Result<_>>()?;
        let findings = check(&history);
        println!("{file}: {} entries, {} findings", history.len(), findings.len());
        findings.iter().for_each(|finding| println!("{finding}"));
        all_well &= findings.is_empty();
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
