//! Functions do what is theirs and nothing else: no table deleted, nothing written but our own tables and restored
//! ones, no recovery point deleted but by retention.

use std::collections::BTreeSet;

use crate::book::Book;
use crate::entry::{Call, Entry, Functions, Intent};
use crate::read::{table, text};
use crate::rules::seals::is_item_write;
use crate::rules::{Found, Rule};

#[derive(Debug, Default)]
pub(crate) struct Bounds {
    /// Region and name of the tables that restores were to make.
    targets: BTreeSet<(String, String)>,
}

impl Rule for Bounds {
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found) {
        match entry {
            Entry::Intent { what, .. } => {
                if let Intent::RestoreAsked { target, region, .. } = what.as_ref() {
                    self.targets.insert((region.clone(), target.clone()));
                }
            }
            Entry::Call(call) if book.is_function(&call.caller) => {
                if let Some(what) = self.beyond(book, call) {
                    let what = format!("{} asks for {}: {what}", call.caller, call.operation);
                    found.add("out-of-bounds", call.at, what);
                }
            }
            _ => {}
        }
    }
}

impl Bounds {
    fn beyond(&self, book: &Book<'_>, call: &Call) -> Option<String> {
        let Functions { session, copy, retention, restore } = book.functions()?;
        let (caller, operation) = (&call.caller, call.operation.as_str());
        let only = |roles: &[&String]| (!roles.contains(&caller)).then(|| "that is for others".to_owned());
        match (call.service.as_str(), operation) {
            ("backup", "StartBackupJob") => only(&[session]),
            ("backup", "StartCopyJob") => only(&[copy, restore]),
            ("backup", "StartRestoreJob") => only(&[restore]),
            ("backup", "DeleteRecoveryPoint") => only(&[retention]),
            ("backup", "TagResource" | "UntagResource") => only(&[copy, retention]),
            ("backup" | "kms", _) => is_change(operation).then(|| "no function does that".to_owned()),
            ("dynamodb", _) if is_item_write(operation) => self.written(book, call),
            ("dynamodb", _) if operation.starts_with("Delete") && operation.ends_with("Table") => {
                Some(format!("{} is to be deleted", call.resource))
            }
            ("dynamodb", "RestoreTableFromBackup") => only(&[restore]),
            ("dynamodb", _) if is_change(operation) => only(&[restore]).or_else(|| {
                let named = (call.region.clone(), named(call));
                (!self.targets.contains(&named)).then(|| format!("{} was not restored", named.1))
            }),
            _ => None,
        }
    }

    /// The first table that items are written to and that is not ours.
    fn written(&self, book: &Book<'_>, call: &Call) -> Option<String> {
        let deployment = book.deployment?;
        let request = &call.request;
        let transacted = request["TransactItems"].as_array().into_iter().flatten();
        let transacted = transacted.flat_map(|item| item.as_object().into_iter().flatten());
        let batched = request["RequestItems"].as_object().into_iter().flatten();
        std::iter::once(text(request, "TableName"))
            .chain(transacted.map(|(_, action)| text(action, "TableName")))
            .chain(batched.map(|(name, _)| name.as_str()))
            .map(table)
            .find(|name| !name.is_empty() && *name != deployment.catalog && *name != deployment.settings)
            .map(|name| format!("it writes to {name}"))
    }
}

/// Whether an operation changes something, by its name.
fn is_change(operation: &str) -> bool {
    const CHANGES: [&str; 14] = [
        "Associate",
        "Cancel",
        "Create",
        "Delete",
        "Disable",
        "Disassociate",
        "Enable",
        "Put",
        "Restore",
        "Schedule",
        "Start",
        "Stop",
        "Tag",
        "Un",
    ];
    operation.starts_with("Update") || CHANGES.iter().any(|change| operation.starts_with(change))
}

/// The table that a change is made to.
fn named(call: &Call) -> String {
    let request = &call.request;
    let arn = text(request, "ResourceArn");
    let name = if arn.is_empty() { text(request, "TableName") } else { arn };
    let of_table = name.split("/stream/").next().unwrap_or(name);
    table(of_table.split("/index/").next().unwrap_or(of_table)).to_owned()
}
