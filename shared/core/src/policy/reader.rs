//! Taking fields out of a document: each problem is noted, and the reading continues.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use super::document::{Key, Node, Value};
use super::problem::Problem;
use crate::span::Span;
use crate::suggest;

/// A value with its place in the document.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub path: String,
    pub node: Node,
}

impl Field {
    pub fn problem(&self, what: impl Display, fix: impl Into<String>) -> Problem {
        Problem::new(&self.path, self.node.line, what.to_string(), fix)
    }

    fn wanted(&self, want: &str) -> Problem {
        self.problem(format!("found {}", self.node.value.kind()), format!("write {want}"))
    }

    /// The fields of a mapping.
    pub fn map(self, want: &str) -> Result<Fields, Problem> {
        match self.node.value {
            Value::Map(entries) => {
                Ok(Fields { path: self.path, line: self.node.line, entries, known: Vec::new() })
            }
            _ => Err(self.wanted(want)),
        }
    }

    /// The items of a list, which is not empty; a single value counts as a list of one.
    pub fn items(self) -> Result<Vec<Field>, Problem> {
        let Self { path, node } = self;
        match node.value {
            Value::List(list) if list.is_empty() => {
                Err(Problem::new(&path, node.line, "the list is empty", "name at least one"))
            }
            Value::List(list) => Ok((0..)
                .zip(list)
                .map(|(i, node): (usize, _)| Field { path: format!("{path}[{i}]"), node })
                .collect()),
            _ => Ok(vec![Field { path, node }]),
        }
    }

    /// A mapping `{key: value}` as the list of its pairs `{key: ..., value: ...}`, which it is short for.
    pub fn pairs(self) -> Field {
        let Self { path, node } = self;
        let line = node.line;
        let value = match node.value {
            Value::Map(entries)
                if entries.is_empty()
                    || entries.iter().any(|(key, _)| !["key", "value"].contains(&key.name.as_str())) =>
            {
                let pair = |(key, value): (Key, Node)| {
                    let text = Node { line: key.line, value: Value::Text(key.name) };
                    let name = |name: &str| Key { line: key.line, name: name.to_owned() };
                    Node {
                        line: key.line,
                        value: Value::Map(vec![(name("key"), text), (name("value"), value)]),
                    }
                };
                Value::List(entries.into_iter().map(pair).collect())
            }
            other => other,
        };
        Field { path, node: Node { line, value } }
    }

    pub fn text(&self, want: &str) -> Result<&str, Problem> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                Err(self.wanted(&format!("{want}, in quotes")))
            }
            _ => Err(self.wanted(want)),
        }
    }

    /// A text that is read as a `T`, whose error says the way out.
    pub fn parsed<T: FromStr<Err: Display>>(&self, want: &str) -> Result<T, Problem> {
        self.text(want)?.parse().map_err(|error| self.problem(error, ""))
    }

    pub fn span(&self) -> Result<Span, Problem> {
        self.parsed("a span such as 3 days, 2 weeks, 6 months or 7 years")
    }

    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub fn flag(&self) -> Result<bool, Problem> {
        match self.node.value {
            Value::Bool(value) => Ok(value),
            _ => Err(self.wanted("true or false")),
        }
    }

    /// A whole number within `range`, which may be followed by `unit`, such as `8 hours`.
    pub fn count(&self, unit: &str, range: std::ops::RangeInclusive<u32>, why: &str) -> Result<u32, Problem> {
        let space = if unit.is_empty() { "" } else { " " };
        let number = match &self.node.value {
            Value::Int(number) => Some(*number),
            Value::Text(text) if !unit.is_empty() => text
                .split_once(' ')
                .filter(|(_, word)| word.trim().trim_end_matches('s') == unit.trim_end_matches('s'))
                .and_then(|(number, _)| number.parse().ok()),
            _ => None,
        };
        let (least, most) = (range.start(), range.end());
        let want = format!("a whole number from {least} to {most}{space}{unit}");
        let number = number.ok_or_else(|| self.wanted(&want))?;
        u32::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(|| {
            self.problem(format!("{number}{space}{unit} is out of range: {why}"), format!("write {want}"))
        })
    }
}

/// The fields of a mapping, taken one by one; what is left over at the end is unknown.
#[derive(Debug)]
pub(super) struct Fields {
    pub path: String,
    pub line: u64,
    entries: Vec<(Key, Node)>,
    known: Vec<&'static str>,
}

impl Fields {
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field called `name`.
    pub fn take(&mut self, name: &'static str) -> Option<Field> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key.name == name)?;
        let (_, node) = self.entries.remove(index);
        Some(Field { path: self.path_of(name), node })
    }

    /// The field called `name`, or the problem that it is missing.
    pub fn require(&mut self, name: &'static str, fix: &str) -> Result<Field, Problem> {
        self.take(name).ok_or_else(|| self.missing(name, fix))
    }

    /// The problem that the field called `name` is missing.
    pub fn missing(&self, name: &str, fix: &str) -> Problem {
        Problem::new(&self.path_of(name), self.line, "the field is missing", fix)
    }

    /// Notes each field that no one took.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        for (key, _) in &self.entries {
            let path = self.path_of(&key.name);
            problems.push(if self.known.contains(&key.name.as_str()) {
                Problem::new(&path, key.line, "the field is given twice", "keep one of them")
            } else {
                let near = suggest::nearest(&key.name, self.known.iter().copied(), 1);
                let fix = match near.first() {
                    Some(name) => format!("did you mean {name:?}?"),
                    None => format!("the fields here are {}", self.known.join(", ")),
                };
                Problem::new(&path, key.line, "unknown field", fix)
            });
        }
    }
}

/// Notes the problem, if it is one.
pub(super) trait Note<T> {
    fn note(self, problems: &mut Vec<Problem>) -> Option<T>;
}

impl<T> Note<T> for Result<T, Problem> {
    fn note(self, problems: &mut Vec<Problem>) -> Option<T> {
        self.map_err(|problem| problems.push(problem)).ok()
    }
}

/// The items of a list, sorted; each is read by `read`, and none may come twice.
pub(super) fn each<T: Ord + Display>(
    field: Option<Field>,
    problems: &mut Vec<Problem>,
    mut read: impl FnMut(&Field, &mut Vec<Problem>) -> Result<T, Problem>,
) -> Option<Vec<T>> {
    let Some(field) = field else { return Some(Vec::new()) };
    let mut found = BTreeSet::new();
    let mut complete = true;
    for item in field.items().note(problems)? {
        match read(&item, problems).note(problems) {
            None => complete = false,
            Some(value) if found.contains(&value) => {
                problems.push(item.problem(format!("{value} is named twice"), "name it once"));
                complete = false;
            }
            Some(value) => {
                found.insert(value);
            }
        }
    }
    complete.then(|| found.into_iter().collect())
}
