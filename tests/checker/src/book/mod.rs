//! What is known at each moment of a history: recovery points and their documents, jobs, records, policies, tables.

mod calls;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::document::{self, Document, Flag};
use crate::entry::{Deployment, Entry, Functions, Intent, State};
use crate::plans::Plans;
use crate::read::{self, attribute};
use crate::seal;

pub(crate) use self::records::is_held;

/// A recovery point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// `Region/vault`.
    pub(crate) vault: String,
    /// The ARN of the table.
    pub(crate) resource: String,
    /// The creation date.
    pub(crate) created: Option<Timestamp>,
    /// The id in its tags or in the settings table.
    pub(crate) id: Option<String>,
    /// What it says of itself.
    pub(crate) document: Option<Rc<Document>>,
    /// When AWS Backup deletes it by itself.
    pub(crate) ends: Option<Timestamp>,
    /// AWS Backup has said that it is complete.
    pub(crate) complete: bool,
    /// Since when it is deleted.
    pub(crate) gone: Option<Timestamp>,
    /// When somebody else last changed its tags.
    pub(crate) tampered: Option<Timestamp>,
    /// Whether its tags say something else since then.
    pub(crate) says_another: bool,
    /// Since when it carries the tag of a hold.
    pub(crate) tagged: Option<Timestamp>,
    /// Its deletion is decided.
    pub(crate) decided: Option<Decision>,
}

/// A deletion that the catalog says is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision {
    /// When it was written down.
    pub(crate) at: Timestamp,
    /// The record that it replaced had a hold in force.
    pub(crate) held: bool,
    /// How far apart clocks were.
    pub(crate) skew: i64,
}

/// A backup job that a function started.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The ARN of the point that it is to make.
    pub(crate) arn: String,
    /// When it was asked for.
    pub(crate) asked: Timestamp,
    /// When AWS Backup first told that nothing came of it.
    pub(crate) failed: Option<Timestamp>,
}

/// A copy job or a restore job that a function started.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    /// The ARN of the recovery point that it reads.
    pub(crate) source: String,
    /// Whether it has ended, as far as AWS Backup has told.
    pub(crate) ended: bool,
    /// How long what it makes is to last.
    lasts: Option<SignedDuration>,
}

/// Something that a session, a row or an event says did not become a restore point.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) policy: String,
    pub(crate) slot: Timestamp,
    /// The tables; `None` when it says so of all.
    pub(crate) tables: Option<BTreeSet<String>>,
    /// It tells of slots that were not made up for.
    pub(crate) missed: bool,
}

/// A message that somebody wrote as a sealed one.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// It authenticates under a key that KMS has given out.
    pub(crate) is_sealed: bool,
    /// What it says of a restore point, if that is what it holds.
    pub(crate) document: Option<Rc<Document>>,
}

type Items<'a> = BTreeMap<(&'a str, &'a str), &'a Value>;

/// Everything that is known so far.
#[derive(Debug, Default)]
pub(crate) struct Book<'a> {
    pub(crate) deployment: Option<&'a Deployment>,
    pub(crate) points: BTreeMap<String, Known>,
    pub(crate) jobs: BTreeMap<String, Job>,
    pub(crate) copies: BTreeMap<String, Use>,
    pub(crate) restores: BTreeMap<String, Use>,
    /// The catalog, as it was written.
    pub(crate) rows: Items<'a>,
    /// The settings tables by Region, as they were written.
    pub(crate) settings: BTreeMap<&'a str, Items<'a>>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) plans: Plans,
    pub(crate) foreign: BTreeSet<String>,
    /// Recovery points that were deleted behind our back, with the moment.
    pub(crate) stolen: BTreeMap<String, Timestamp>,
    pub(crate) skew: i64,
    pub(crate) rebuilt: Option<Timestamp>,
    faults: BTreeMap<u64, (Timestamp, Option<Timestamp>)>,
    keys: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Messages by their digest.
    messages: BTreeMap<String, Message>,
    by_id: BTreeMap<String, Rc<Document>>,
    /// What KMS sealed to bind a message to a recovery point, in base64: the point's ARN, and the message's digest.
    pub(crate) bindings: BTreeMap<String, (String, String)>,
}

impl<'a> Book<'a> {
    pub(crate) fn learn(&mut self, entry: &'a Entry) {
        match entry {
            Entry::Call(call) if call.took_effect() => self.call(call),
            Entry::Call(_) | Entry::Log { .. } => {}
            Entry::Intent { at, what } => self.intent(*at, what),
            Entry::Quiet { at, state } => self.quiet(*at, state),
        }
    }

    /// Whether a disturbance was in force at any moment from `from` to `until`.
    pub(crate) fn is_disturbed(&self, from: Timestamp, until: Timestamp) -> bool {
        self.faults.values().any(|(begun, ended)| *begun <= until && ended.is_none_or(|ended| from <= ended))
    }

    pub(crate) fn functions(&self) -> Option<&'a Functions> {
        self.deployment.map(|deployment| &deployment.functions)
    }

    /// Whether a caller is one of the functions.
    pub(crate) fn is_function(&self, caller: &str) -> bool {
        self.functions().is_some_and(|functions| {
            let Functions { session, copy, retention, restore } = functions;
            [session, copy, retention, restore].into_iter().any(|role| caller == role)
        })
    }

    /// What a recovery point says of itself.
    pub(crate) fn document(&self, arn: &str) -> Option<&Rc<Document>> {
        let point = self.points.get(arn)?;
        point.document.as_ref().or_else(|| self.by_id.get(point.id.as_ref()?))
    }

    /// The flags of a recovery point: in a copy's vault those of the copy.
    pub(crate) fn flags<'b>(&self, vault: &str, document: &'b Document) -> &'b [Flag] {
        if self.is_source(vault) {
            return &document.flags;
        }
        let copy = document.copies.iter().find(|(arn, _)| read::place(arn) == vault);
        copy.map_or(&[], |(_, flags)| flags)
    }

    /// Whether a vault, `Region/vault`, is in the source Region.
    pub(crate) fn is_source(&self, vault: &str) -> bool {
        let region = vault.split('/').next();
        self.deployment.is_none_or(|deployment| region == Some(&deployment.region))
    }

    /// The living points of a chain.
    pub(crate) fn chain<'b>(
        &'b self,
        table_id: &'b str,
        vault: &'b str,
    ) -> impl Iterator<Item = (&'b str, &'b Known, &'b Rc<Document>)> {
        let points =
            self.points.iter().filter(move |(_, point)| point.gone.is_none() && point.vault == vault);
        points
            .filter_map(|(arn, point)| Some((arn.as_str(), point, self.document(arn)?)))
            .filter(move |(_, _, document)| document.table_id == table_id && !document.manual)
    }

    /// Opens the message in tags.
    pub(crate) fn in_tags<'t>(&mut self, tag: impl Fn(&str) -> Option<&'t str>) -> Option<Rc<Document>> {
        let message = document::message(tag)?;
        self.opened(&message).document
    }

    /// Opens a message.
    pub(crate) fn opened(&mut self, message: &[u8]) -> Message {
        let digest = read::digest(message);
        if let Some(known) = self.messages.get(&digest) {
            return known.clone();
        }
        let opened = seal::open(message, &self.keys);
        let is_sealed = opened.is_some();
        let document = opened.and_then(|opened| {
            let document = Document::read(&opened.text)?;
            let named = |name: &str| opened.context.get(name).map(String::as_str);
            let fits = named("table-id") == Some(&document.table_id)
                && named("region") == Some(read::region(&document.table));
            fits.then(|| Rc::new(document))
        });
        if let Some(document) = &document {
            self.by_id.entry(document.id.clone()).or_insert_with(|| Rc::clone(document));
        }
        let message = Message { is_sealed, document };
        self.messages.insert(digest, message.clone());
        message
    }

    fn point(&mut self, arn: &str) -> &mut Known {
        self.points.entry(arn.to_owned()).or_default()
    }

    fn intent(&mut self, at: Timestamp, what: &'a Intent) {
        self.plans.learn(at, what);
        match what {
            Intent::Deployed(deployment) => self.deployment = Some(deployment),
            Intent::FaultBegan { fault, .. } => {
                self.faults.insert(*fault, (at, None));
            }
            Intent::FaultEnded { fault } => {
                if let Some((_, ended)) = self.faults.get_mut(fault) {
                    *ended = Some(at);
                }
            }
            Intent::Skewed { seconds } => self.skew = *seconds,
            Intent::RebuildAsked => self.rebuilt = Some(at),
            Intent::ForeignPoint { arn } => {
                self.foreign.insert(arn.clone());
            }
            Intent::PointDeleted { arn } => {
                self.stolen.insert(arn.clone(), at);
                self.point(arn).gone.get_or_insert(at);
            }
            Intent::PointTagged { arn, tags } => {
                let document = self.in_tags(|key| tags.get(key).map(String::as_str));
                let point = self.point(arn);
                point.tampered = Some(at);
                // A copy with its backup's tags says what it said; only what binds it is another's.
                point.says_another = document.is_none() || point.document != document;
                point.tagged = tags.contains_key("backup-chain/hold").then(|| point.tagged.unwrap_or(at));
            }
            _ => {}
        }
    }

    fn quiet(&mut self, at: Timestamp, state: &'a State) {
        let mut here = BTreeSet::new();
        for point in &state.points {
            here.insert(point.arn.as_str());
            let tag = |key: &str| point.tags.get(key).map(String::as_str);
            let document = self.in_tags(tag);
            let known = self.point(&point.arn);
            known.vault.clone_from(&point.vault);
            known.resource.clone_from(&point.resource);
            known.created = Some(point.created);
            // What somebody else put there afterwards is not what it is.
            if known.tampered.is_none() {
                known.id = known.id.take().or_else(|| tag("backup-chain/id").map(str::to_owned));
                known.document = known.document.take().or(document);
            }
            known.complete |= ["COMPLETED", "AVAILABLE"].contains(&point.status.as_str());
            known.gone = None;
            known.tagged = point.tags.contains_key("backup-chain/hold").then(|| known.tagged.unwrap_or(at));
        }
        for (arn, known) in &mut self.points {
            if known.gone.is_none() && !here.contains(arn.as_str()) {
                known.gone = Some(at);
            }
        }
        let Some(deployment) = self.deployment else { return };
        for records in &state.records {
            let items =
                records.items.iter().map(|item| ((attribute(item, "pk"), attribute(item, "sk")), item));
            if records.table == deployment.catalog {
                self.rows = items.collect();
            } else if records.table == deployment.settings {
                self.settings.insert(&records.region, items.collect());
            }
        }
    }
}
