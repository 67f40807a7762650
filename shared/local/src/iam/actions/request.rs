//! A request, as far as rights are read off it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    api::Scope,
    record::{Context, Required},
    wire::{Incoming, text},
};

/// A request, as far as rights are read off it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) incoming: &'a Incoming,
    pub(crate) operation: &'a str,
    pub(crate) body: &'a Value,
}

impl<'a> Request<'a> {
    pub(in crate::iam) fn scope(&self) -> &'a Scope {
        &self.incoming.scope
    }

    pub(in crate::iam) fn session(&self) -> &'a str {
        &self.incoming.session
    }

    /// The vault of a request to AWS Backup.
    pub(in crate::iam) fn vault(&self) -> Option<&'a str> {
        let path = &self.incoming.path;
        if path.first().is_some_and(|first| first.ends_with("-vaults")) {
            return path.get(1).map(String::as_str);
        }
        self.member("BackupVaultName").or_else(|| self.member("SourceBackupVaultName"))
    }

    pub(super) fn member(&self, name: &str) -> Option<&'a str> {
        text(self.body, name)
    }

    /// A segment of the path, `*` when there is none.
    pub(super) fn segment(&self, index: usize) -> &'a str {
        self.incoming.path.get(index).map_or("*", String::as_str)
    }

    /// An ARN of the account in the Region.
    pub(super) fn arn(&self, service: &str, local: &str) -> String {
        let Scope { account, region, .. } = self.scope();
        format!("arn:aws:{service}:{region}:{account}:{local}")
    }

    /// A right of a name on a resource, without condition keys.
    pub(super) fn need(action: &str, resource: impl Into<String>) -> Required {
        Required { action: action.to_owned(), resource: resource.into(), context: Context::new() }
    }

    /// The right to pass a role to a service: AWS checks it of whoever hands a role over.
    pub(super) fn pass_role(&self, member: &str, service: &str) -> Option<Required> {
        let mut need = Self::need("iam:PassRole", self.member(member)?);
        need.context.insert("iam:PassedToService".to_owned(), vec![service.to_owned()]);
        Some(need)
    }
}

/// The keys of tags that a request gives: each tag, and the list of their keys.
pub(super) fn with_tags(mut need: Required, tags: &BTreeMap<String, String>) -> Required {
    for (key, value) in tags {
        need.context.insert(format!("aws:RequestTag/{key}"), vec![value.clone()]);
    }
    if !tags.is_empty() {
        need.context.insert("aws:TagKeys".to_owned(), tags.keys().cloned().collect());
    }
    need
}

/// The key of the names of tags that a request takes away.
pub(super) fn with_tag_keys(mut need: Required, keys: &Value) -> Required {
    let keys: Vec<String> =
        keys.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !keys.is_empty() {
        need.context.insert("aws:TagKeys".to_owned(), keys);
    }
    need
}

/// Tags as a map of texts, or as a list of objects with a key and a value.
pub(super) fn tags_in(tags: &Value) -> BTreeMap<String, String> {
    match tags {
        Value::Object(map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        Value::Array(list) => list
            .iter()
            .filter_map(|tag| {
                let part = |names: [&str; 2]| names.iter().find_map(|name| text(tag, name));
                let key = part(["Key", "TagKey"])?.to_owned();
                Some((key, part(["Value", "TagValue"]).unwrap_or_default().to_owned()))
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}
