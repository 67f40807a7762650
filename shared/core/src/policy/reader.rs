//! Taking fields out of a document: each problem is noted, and the reading continues.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use super::document::{Key, Node, Value};
use super::problem::Problem;
use crate::span::Span;
use crate::spelling::{self, Misspelt};
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

    pub fn wanted(&self, want: &str) -> Problem {
        self.problem(format!("found {}", self.node.value.kind()), format!("write {want}"))
    }

    pub fn misspelt(&self, error: &impl Misspelt) -> Problem {
        self.problem(error.what(), error.way_out())
    }

    /// The fields of a mapping.
    pub fn map(self, want: &str) -> Result<Fields, Problem> {
        match self.node.value {
            Value::Map(entries) => Ok(Fields {
                path: self.path,
                line: self.node.line,
                entries,
                known: Vec::new(),
                taken: Vec::new(),
            }),
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

    pub fn as_text(&self) -> Option<&str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text of a certain form, which no number has.
    pub fn text(&self, want: &str) -> Result<&str, Problem> {
        self.as_text().ok_or_else(|| self.wanted(want))
    }

    /// Any text. What is read as something else is one in quotes.
    pub fn any_text(&self, want: &str) -> Result<&str, Problem> {
        self.text_if(want, |_| true)
    }

    fn text_if(&self, want: &str, is_taken: impl Fn(&str) -> bool) -> Result<&str, Problem> {
        let quoted = match &self.node.value {
            Value::Text(text) => return Ok(text),
            Value::Int(value) => value.to_string(),
            Value::Bool(value) => value.to_string(),
            // How it was written is not known.
            Value::Float(_) if is_taken("1.5") => return Err(self.wanted(&format!("{want}, in quotes"))),
            _ => return Err(self.wanted(want)),
        };
        Err(if is_taken(&quoted) {
            self.wanted(&format!("{quoted:?}, in quotes"))
        } else {
            self.wanted(want)
        })
    }

    /// A text that is read as a `T`.
    pub fn parsed<T: FromStr<Err: Misspelt>>(&self, want: &str) -> Result<T, Problem> {
        let text = self.text_if(want, |text| text.parse::<T>().is_ok())?;
        text.parse().map_err(|error| self.misspelt(&error))
    }

    /// A span of no more than 100 years.
    pub fn span(&self) -> Result<Span, Problem> {
        if let Some(&[count, word]) = self.as_text().map(spelling::words).as_deref()
            && let Ok(Span { unit, .. }) = format!("1 {word}").parse::<Span>()
            && let most = unit.most()
            && spelling::number(count).is_some_and(|count| count > u32::from(most))
        {
            let what = "nothing is kept for more than 100 years";
            return Err(self.problem(what, format!("write at most {}", Span { count: most, unit })));
        }
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
        let given = match &self.node.value {
            Value::Int(number) => Some((u32::try_from(*number).ok(), number.to_string())),
            // `1.0` and `1e2` are whole numbers, as they are in JSON.
            Value::Float(number) if number.fract() == 0.0 => {
                let fits = (0.0..=f64::from(u32::MAX)).contains(number);
                Some((fits.then_some(*number as u32), format!("{number:?}")))
            }
            Value::Text(text) if !unit.is_empty() => match *spelling::words(text) {
                [number, word] if word == unit || Some(word) == unit.strip_suffix('s') => {
                    spelling::number(number).map(|given| (Some(given), number.to_owned()))
                }
                _ => None,
            },
            _ => None,
        };
        let (least, most) = (range.start(), range.end());
        let want = format!("a whole number from {least} to {most}{space}{unit}");
        let (number, shown) = given.ok_or_else(|| self.wanted(&want))?;
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            self.problem(format!("{shown}{space}{unit} is out of range: {why}"), format!("write {want}"))
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
    /// Those of the known ones that were there.
    taken: Vec<&'static str>,
}

impl Fields {
    fn path_of(&self, name: &str) -> String {
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        let name = if is_plain { name.to_owned() } else { format!("{name:?}") };
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    /// The field called `name`.
    pub fn take(&mut self, name: &'static str) -> Option<Field> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key.name == name)?;
        let (_, node) = self.entries.remove(index);
        self.taken.push(name);
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
            problems.push(if self.taken.contains(&key.name.as_str()) {
                Problem::new(&path, key.line, "the field is given twice", "keep one of them")
            } else {
                let is_free = |name: &&&str| !self.taken.contains(*name);
                let free = self.known.iter().filter(is_free).copied();
                let all = format!("the fields here are {}", self.known.join(", "));
                Problem::new(&path, key.line, "unknown field", suggest::hint(&key.name, free, &all))
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
