//! Documents, and what is wrong with them.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use backup_chain_core::policy::{PolicyErrors, Problem};
use serde::Serialize;

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ProblemView {
    file: PathBuf,
    /// The field; empty when it is the file itself.
    path: String,
    /// 0 when it is unknown.
    line: u64,
    what: String,
    fix: String,
}

impl ProblemView {
    fn of(file: &Path, problem: Problem) -> Self {
        let Problem { path, line, what, fix } = problem;
        Self { file: file.to_owned(), path, line, what, fix }
    }

    /// What is wrong with a field as a whole, or with the file, where no field is named.
    pub fn at(file: &Path, path: &str, what: impl Into<String>, fix: &str) -> Self {
        let (path, fix) = (path.to_owned(), fix.to_owned());
        Self { file: file.to_owned(), path, line: 0, what: what.into(), fix }
    }
}

impl fmt::Display for ProblemView {
    /// On one line, as editors understand it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, path, line, what, fix } = self;
        write!(f, "{}", file.display())?;
        if *line > 0 {
            write!(f, ":{line}")?;
        }
        if !path.is_empty() {
            write!(f, ": {path}")?;
        }
        write!(f, ": {what}; {fix}")
    }
}

/// Reads a document.
pub(crate) fn document(file: &Path) -> Result<String, Vec<ProblemView>> {
    std::fs::read_to_string(file).map_err(|error| {
        let (what, fix) = match error.kind() {
            ErrorKind::NotFound => ("there is no such file", "name one that is there"),
            ErrorKind::PermissionDenied => ("you may not read the file", "ask for the right to"),
            ErrorKind::IsADirectory => ("it is a folder", "name the files in it"),
            ErrorKind::InvalidData => ("it is no text in UTF-8", "save it as one"),
            _ => ("the file cannot be read", "look at the disk that it is on"),
        };
        vec![ProblemView::at(file, "", what, fix)]
    })
}

/// The problems of a document.
pub(crate) fn problems(file: &Path, errors: PolicyErrors) -> Vec<ProblemView> {
    errors.0.into_iter().map(|problem| ProblemView::of(file, problem)).collect()
}
