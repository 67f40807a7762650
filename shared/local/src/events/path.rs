//! The JSON paths of targets: `$.detail.list[0].name`.

use serde_json::Value;

/// A JSON path as EventBridge takes them: names, indices, and `*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    All,
}

impl Path {
    /// Reads a path; `None` when it is none.
    pub(super) fn read(path: &str) -> Option<Self> {
        let mut rest = path.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let (inner, after) = after.split_once(']')?;
                let quoted = inner.strip_prefix('\'').and_then(|name| name.strip_suffix('\''));
                steps.push(match (inner, quoted) {
                    ("*", _) => Step::All,
                    (_, Some(name)) => Step::Name(name.to_owned()),
                    (index, None) => Step::Index(index.parse().ok()?),
                });
                rest = after;
            } else {
                let after = rest.strip_prefix('.')?;
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                steps.push(match name {
                    "" => return None,
                    "*" => Step::All,
                    name => Step::Name(name.to_owned()),
                });
                rest = after;
            }
        }
        Some(Self(steps))
    }

    /// What a path finds: a list, where it has a `*`.
    pub(super) fn find(&self, event: &Value) -> Option<Value> {
        let mut found = vec![event];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| match (step, value) {
                    (Step::Name(name), value) => value.get(name).into_iter().collect(),
                    (Step::Index(index), value) => value.get(index).into_iter().collect(),
                    (Step::All, Value::Array(elements)) => elements.iter().collect(),
                    (Step::All, Value::Object(members)) => members.values().collect(),
                    (Step::All, _) => Vec::new(),
                })
                .collect();
        }
        if self.0.contains(&Step::All) {
            return Some(found.into_iter().cloned().collect());
        }
        found.first().map(|value| (*value).clone())
    }
}
