//! Records of the catalog: their keys, their place in the index by due time, and how they are written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_core::history::Entry;
use backup_chain_core::ids::{
    EntryId, PointId, PolicyName, RestoreId, RunId, SessionId, Table, TableName, VaultArn,
};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::restore::Restore;
use backup_chain_core::retention::{ChainRun, Run, Watch};
use backup_chain_core::session::Session;
use backup_chain_core::table::TableHead;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::unreadable::{HEAD, POLICY, RESTORE, TABLE};

use super::policies::{RebuildRecord, Revision, StoredPolicy};
use super::stored::StoredPoint;

/// A record as DynamoDB has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// How long what is past stays readable: sessions that have ended, points that are gone.
pub const HISTORY: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Where a record is.
pub(super) struct Key {
    pk: String,
    sk: String,
}

impl Key {
    pub fn policy(name: &PolicyName) -> Self {
        Self { pk: POLICY.to_owned(), sk: name.to_string() }
    }

    pub fn revision(name: &PolicyName, revision: u32) -> Self {
        Self { pk: revisions_partition(name), sk: format!("{revision:06}") }
    }

    pub fn run(id: &RunId) -> Self {
        Self { pk: "run".to_owned(), sk: id.to_string() }
    }

    pub fn restore(id: &RestoreId) -> Self {
        Self { pk: RESTORE.to_owned(), sk: id.to_string() }
    }

    /// A record that there is one of.
    pub fn single(what: &str) -> Self {
        Self { pk: "deployment".to_owned(), sk: what.to_owned() }
    }

    pub fn outbox_event(untold: &OutboxEvent) -> Self {
        Self { pk: OUTBOX.to_owned(), sk: untold.id.to_string() }
    }

    pub fn session(id: &SessionId) -> Self {
        Self { pk: "session".to_owned(), sk: id.to_string() }
    }

    pub fn lease(work: &str) -> Self {
        Self { pk: "lease".to_owned(), sk: work.to_owned() }
    }

    pub fn head(table: &Table) -> Self {
        Self { pk: table_partition(&table.arn.name), sk: format!("{}{HEAD}", table.id) }
    }

    pub fn chain_point(table: &Table, vault: &VaultArn, id: &PointId) -> Self {
        Self { pk: table_partition(&table.arn.name), sk: format!("{}{id}", chain_prefix(table, vault)) }
    }

    pub fn into_item(self) -> Item {
        HashMap::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }
}

/// What the event bus has not taken.
pub(super) const OUTBOX: &str = "outbox";
/// Where the index by due time has all heads.
pub(super) const HEADS: &str = "head";
/// The record of when retention last ran.
pub(super) const WATCH: &str = "retention-watch";
/// The record of when the catalog was rebuilt.
pub(super) const REBUILT: &str = "rebuilt";

/// All revisions of a policy share a partition.
pub(super) fn revisions_partition(name: &PolicyName) -> String {
    format!("policy#{name}")
}

/// What a run decided about its chains shares a partition.
pub(super) fn run_partition(id: &RunId) -> String {
    format!("run#{id}")
}

/// What is past stands apart, so that reading a chain costs what the chain holds.
const PAST: &str = "#past#";

/// All creations of a table, with their points, share a partition.
pub(super) fn table_partition(table: &TableName) -> String {
    format!("{TABLE}{table}")
}

/// A vault in a key: of whatever account.
fn place_key(vault: &VaultArn) -> String {
    format!("{}/{}/{}", vault.account, vault.region, vault.name)
}

/// What the sort keys of a chain begin with.
pub(super) fn chain_prefix(table: &Table, vault: &VaultArn) -> String {
    format!("{}#point#{}#", table.id, place_key(vault))
}

/// Whether an item stands under a key.
pub(super) fn is_at(item: &Item, key: &Key) -> bool {
    let is =
        |name: &str, wanted: &str| matches!(item.get(name), Some(AttributeValue::S(text)) if text == wanted);
    is("pk", &key.pk) && is("sk", &key.sk)
}

/// Whether an item is the record of a restore point.
pub(super) fn is_point(item: &Item) -> bool {
    matches!(item.get("pk"), Some(AttributeValue::S(pk)) if pk.starts_with(TABLE))
        && matches!(item.get("sk"), Some(AttributeValue::S(sk)) if !sk.ends_with(HEAD))
}

/// Whether an item is the record of a restore point that is past.
pub(super) fn is_past(item: &Item) -> bool {
    matches!(item.get("sk"), Some(AttributeValue::S(sk)) if sk.contains(PAST))
}

/// Where a record stands in the index by due time.
type Due = Option<(&'static str, Timestamp)>;

/// The version of the forms in which records are written, and the newest that is read.
pub const VERSION: u32 = 1;

/// Something that the catalog holds.
pub(super) trait Record: Sized {
    /// How it is written.
    type Stored: Serialize + DeserializeOwned;
    fn to_stored(&self) -> Self::Stored;
    fn from_stored(stored: Self::Stored) -> Result<Self, String>;
    fn key(&self) -> Key;
    fn rev(&mut self) -> &mut u64;
    fn due(&self) -> Due {
        None
    }
    /// The moment since which it is history.
    fn past_since(&self) -> Option<Timestamp> {
        None
    }
    /// Where it stood before it became history.
    fn stood_at(&self) -> Option<Key> {
        None
    }
}

/// A record to be written, and the revision that its writer saw.
#[derive(Debug)]
pub struct Write {
    pub(super) item: Item,
    pub(super) seen: u64,
    /// The key under which the record stood, when it moves.
    pub(super) leaves: Option<Item>,
}

impl Write {
    /// The write of a record. The record counts as written: when the commit fails, read it again.
    #[expect(private_bounds, reason = "the records are those of this module")]
    pub fn of<R: Record>(record: &mut R) -> Self {
        let seen = *record.rev();
        *record.rev() += 1;
        // A record is plain data of ours: strings, numbers, lists and string-keyed maps.
        let mut item: Item =
            serde_dynamo::to_item(record.to_stored()).expect("records have a form in DynamoDB");
        item.extend(record.key().into_item());
        item.insert("v".to_owned(), AttributeValue::N(VERSION.to_string()));
        if let Some((queue, at)) = record.due() {
            item.insert("queue".to_owned(), text(queue));
            item.insert("due_at".to_owned(), number(at));
        }
        if let Some(past) = record.past_since() {
            item.insert("expires".to_owned(), number(past + HISTORY));
        }
        Self { item, seen, leaves: record.stood_at().map(Key::into_item) }
    }
}

impl Write {
    /// The write of a point that was past and is there again: its record comes back from among what is past.
    pub fn back(point: &mut RestorePoint) -> Self {
        let leaves = Some(Key::past_point(point).into_item());
        Self { leaves, ..Self::of(point) }
    }
}

/// Reads a record.
///
/// # Errors
/// Why it cannot be read: it is of a version that a newer Backup Chain writes, or none at all.
pub(super) fn read<R: Record>(item: Item) -> Result<R, String> {
    match item.get("v") {
        None => return Err("it has no version".to_owned()),
        Some(v) => match v.as_n().ok().and_then(|v| v.parse::<u32>().ok()) {
            Some(1) => {}
            Some(newer) if newer > VERSION => {
                return Err(format!(
                    "it is of version {newer}, this one reads up to {VERSION}: a newer wrote it"
                ));
            }
            _ => return Err("its version is not a number from 1 up".to_owned()),
        },
    }
    let stored = serde_dynamo::from_item(item).map_err(|error| error.to_string())?;
    R::from_stored(stored)
}

/// Whether a record, whatever its kind, can be read.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn check(item: &Item) -> Result<(), String> {
    fn as_record<R: Record>(item: &Item) -> Result<(), String> {
        read::<R>(item.clone()).map(drop)
    }
    let key = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str);
    match (key("pk"), key("sk")) {
        (POLICY, _) => as_record::<StoredPolicy>(item),
        (RESTORE, _) => as_record::<Restore>(item),
        (OUTBOX, _) => as_record::<OutboxEvent>(item),
        ("session", _) => as_record::<Session>(item),
        ("run", _) => as_record::<Run>(item),
        ("history", _) => as_record::<Entry>(item),
        // One that cannot be read is replaced by the next who takes it.
        ("lease", _) => Ok(()),
        ("deployment", WATCH) => as_record::<Watch>(item),
        ("deployment", REBUILT) => as_record::<RebuildRecord>(item),
        (pk, _) if pk.starts_with("policy#") => as_record::<Revision>(item),
        (pk, _) if pk.starts_with("run#") => as_record::<ChainRun>(item),
        (pk, sk) if pk.starts_with(TABLE) && sk.ends_with(HEAD) => as_record::<TableHead>(item),
        (pk, _) if pk.starts_with(TABLE) => as_record::<RestorePoint>(item),
        _ => Err(format!("version {VERSION} has no record of this kind")),
    }
}

/// A record that is written as it is.
macro_rules! stored_as_it_is {
    () => {
        type Stored = Self;
        fn to_stored(&self) -> Self {
            self.clone()
        }
        fn from_stored(stored: Self) -> Result<Self, String> {
            Ok(stored)
        }
    };
}

fn number(moment: Timestamp) -> AttributeValue {
    AttributeValue::N(moment.as_second().to_string())
}

impl Record for StoredPolicy {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::policy(&self.name)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

impl Record for Revision {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::revision(&self.name, self.revision)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

impl Record for RebuildRecord {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::single(REBUILT)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

impl Record for Watch {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::single(WATCH)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

impl Record for Run {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::run(&self.id)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
    fn past_since(&self) -> Option<Timestamp> {
        Some(self.ended_at)
    }
}

impl Record for ChainRun {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key { pk: run_partition(&self.run), sk: format!("{}#{}", self.table, self.vault) }
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
    fn past_since(&self) -> Option<Timestamp> {
        Some(self.ended_at)
    }
}

impl Record for Entry {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key { pk: "history".to_owned(), sk: self.id.to_string() }
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

impl Record for Session {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::session(&self.id)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
    fn due(&self) -> Due {
        self.status.is_open().then_some(("session", self.started_at))
    }
    fn past_since(&self) -> Option<Timestamp> {
        self.ended_at
    }
}

impl Record for Restore {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::restore(&self.id)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
    fn due(&self) -> Due {
        self.stage.is_open().then_some(("restore", self.check_at))
    }
    fn past_since(&self) -> Option<Timestamp> {
        self.ended_at
    }
}

impl Record for TableHead {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::head(&self.table)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
    // All heads are read together there.
    fn due(&self) -> Due {
        Some((HEADS, self.since))
    }
}

impl Key {
    /// Where a point stands that is not past.
    fn live_point(point: &RestorePoint) -> Self {
        let RestorePoint { table, vault, id, .. } = point;
        match point.kind {
            PointKind::Backup | PointKind::Copy => Self::chain_point(table, vault, id),
            PointKind::Manual => {
                let sk = format!("{}#manual#{}#{id}", table.id, place_key(vault));
                Self { pk: table_partition(&table.arn.name), sk }
            }
        }
    }
}

impl Key {
    /// Where a point stands that is past.
    fn past_point(point: &RestorePoint) -> Self {
        let Self { pk, sk } = Self::live_point(point);
        let (table, rest) = sk.split_once('#').unwrap_or((&sk, ""));
        let sk = format!("{table}{PAST}{rest}");
        Self { pk, sk }
    }
}

impl Record for RestorePoint {
    type Stored = StoredPoint;
    fn to_stored(&self) -> StoredPoint {
        self.into()
    }
    fn from_stored(stored: StoredPoint) -> Result<Self, String> {
        stored.try_into()
    }
    fn key(&self) -> Key {
        if self.state().is_past() { Key::past_point(self) } else { Key::live_point(self) }
    }
    fn stood_at(&self) -> Option<Key> {
        self.state().is_past().then(|| Key::live_point(self))
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
    fn due(&self) -> Due {
        let check_at = self.check_at.unwrap_or(self.slot);
        match self.state() {
            // A backup that waits is found through its session.
            State::Planned if self.kind != PointKind::Copy => None,
            State::Planned | State::Starting | State::Running => Some(("open", check_at)),
            // Looked at again by each retention run: what kept it from being believed may have passed.
            State::Available if self.suspect.is_some() => Some(("suspect", self.slot)),
            State::Available => self.lapses().map(|at| ("lapse", at)),
            State::Deleting => Some(("deleting", check_at)),
            // Until what it has left in the settings table is removed.
            State::Failed | State::Dropped => self.leftovers.first().map(|left| ("left", left.since)),
            State::Deleted => None,
        }
    }
    fn past_since(&self) -> Option<Timestamp> {
        self.state().is_past().then(|| self.check_at.unwrap_or(self.slot))
    }
}

/// An event that the bus has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEvent {
    /// Its place in the order.
    pub id: EntryId,
    /// When it was first offered.
    pub at: Timestamp,
    /// Its detail-type.
    pub kind: String,
    /// Its detail, as JSON.
    pub detail: String,
    /// Counts the writes of this record.
    pub rev: u64,
}

impl Record for OutboxEvent {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::outbox_event(self)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

/// The right to do one kind of work, until a moment. The epoch counts its holders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub(super) work: String,
    pub(super) until: Timestamp,
    /// How often the lease was taken.
    pub epoch: u64,
    pub(super) rev: u64,
}

impl Lease {
    pub(super) fn new(work: &str) -> Self {
        Self { work: work.to_owned(), until: Timestamp::UNIX_EPOCH, epoch: 0, rev: 0 }
    }

    /// A lease as it is stored, of any version: one that could not be taken again would stop all work of its kind. As far
    /// as it cannot be read it has ended; whoever holds it loses the next write that meets another's.
    pub(super) fn of_any_version(work: &str, item: Item) -> Self {
        let rev = item.get("rev").and_then(|rev| rev.as_n().ok()).and_then(|rev| rev.parse().ok());
        serde_dynamo::from_item(item)
            .unwrap_or_else(|_| Self { rev: rev.unwrap_or_default(), ..Self::new(work) })
    }
}

impl Record for Lease {
    stored_as_it_is!();
    fn key(&self) -> Key {
        Key::lease(&self.work)
    }
    fn rev(&mut self) -> &mut u64 {
        &mut self.rev
    }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
