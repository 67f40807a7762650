//! Histories written by hand: a deployment with one table and one policy, whose every step can be bent.

mod seal;

use std::collections::BTreeMap;

use backup_chain_checker::{
    Call, CopyRule, Days, Deployment, Entry, Fate, Finding, Functions, Intent, Point, Policy, Records, Span,
    State, Tier, Unit, check,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
pub const TABLE_ID: &str = "11111111-2222-3333-4444-555555555555";
pub const SOURCE: &str = "eu-central-1/vault";
pub const COPIES: &str = "eu-west-1/copies";
pub const SECRET: &str = "marker-of-a-setting";
const SOURCE_ARN: &str = "arn:aws:backup:eu-central-1:111122223333:backup-vault:vault";
const COPIES_ARN: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies";

/// A moment.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So many hours.
pub fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// The slot of a day of January 2026.
pub fn slot(day: i64) -> Timestamp {
    at("2026-01-01T07:00:00Z") + hours(24 * (day - 1))
}

/// A flag as documents and records have it.
#[derive(Debug, Clone)]
pub struct Flag {
    pub tier: &'static str,
    pub span: &'static str,
    pub slot: Timestamp,
    pub lapses: Timestamp,
}

/// What is to be backed up, and how.
#[derive(Debug, Clone)]
pub struct Backup {
    pub id: String,
    pub session: String,
    pub slot: Timestamp,
    pub flags: Vec<Flag>,
    pub copies: Vec<Flag>,
    pub manual: bool,
    pub stored: Option<String>,
}

/// The daily backup of a day.
pub fn daily(day: i64) -> Backup {
    let flag = Flag { tier: "daily", span: "2 days", slot: slot(day), lapses: slot(day + 2) };
    Backup {
        id: format!("P{day}"),
        session: format!("S{day}"),
        slot: slot(day),
        flags: vec![flag.clone()],
        copies: vec![flag],
        manual: false,
        stored: None,
    }
}

/// A history on its way.
#[derive(Debug, Clone)]
pub struct History {
    pub entries: Vec<Entry>,
    pub points: BTreeMap<String, Point>,
    pub rows: BTreeMap<(String, String), Value>,
    pub settings: BTreeMap<(String, String), Value>,
    /// The digests of messages, by the ids of their points.
    messages: BTreeMap<String, String>,
    serial: u8,
}

impl History {
    /// A policy since the first of January, daily at seven, kept for two days, copied for two days.
    pub fn new() -> Self {
        let functions = Functions {
            session: "session".to_owned(),
            copy: "copy".to_owned(),
            retention: "retention".to_owned(),
            restore: "restore".to_owned(),
        };
        let deployment = Deployment {
            account: "111122223333".to_owned(),
            region: "eu-central-1".to_owned(),
            catalog: "catalog".to_owned(),
            settings: "settings".to_owned(),
            vault: "vault".to_owned(),
            copies: vec![COPIES.to_owned()],
            functions,
            job_roles: Vec::new(),
            min_age_hours: 24,
            most_deletions: 100,
        };
        let mut history = Self {
            entries: Vec::new(),
            points: BTreeMap::new(),
            rows: BTreeMap::new(),
            settings: BTreeMap::new(),
            messages: BTreeMap::new(),
            serial: 0,
        };
        let start = at("2026-01-01T00:00:00Z");
        history.intent(start, Intent::Deployed(deployment));
        history.intent(start, Intent::Markers { values: vec![SECRET.to_owned()] });
        history.intent(start, Intent::TableCreated { table: "orders".to_owned(), id: TABLE_ID.to_owned() });
        history.intent(start, Intent::PolicyApplied(policy()));
        history
    }

    pub fn intent(&mut self, at: Timestamp, what: Intent) {
        self.entries.push(Entry::intent(at, what));
    }

    /// A call that was heard.
    pub fn call(
        &mut self,
        at: Timestamp,
        caller: &str,
        operation: (&str, &str),
        resource: &str,
        bodies: [Value; 2],
    ) {
        let [request, response] = bodies;
        let region = if resource.contains(":eu-west-1:") { "eu-west-1" } else { "eu-central-1" };
        self.entries.push(Entry::Call(Box::new(Call {
            at,
            caller: caller.to_owned(),
            account: "111122223333".to_owned(),
            region: region.to_owned(),
            service: operation.0.to_owned(),
            operation: operation.1.to_owned(),
            resource: resource.to_owned(),
            path: "/".to_owned(),
            request,
            status: 200,
            response,
            fate: Fate::Heard,
        })));
    }

    /// A day as it should be: its backup, its copy, and what has lapsed removed.
    pub fn day(&mut self, day: i64) {
        let backup = daily(day);
        self.backup(&backup);
        self.copy(&backup);
        if day > 3 {
            for vault in ["eu-central-1", "eu-west-1"] {
                self.delete(slot(day) + hours(2), "retention", &arn(vault, &format!("P{}", day - 3)));
            }
        }
    }

    /// Days as they should be, up to the last and with it, and how things stand in its evening.
    pub fn days(&mut self, last: i64) {
        (1..=last).for_each(|day| self.day(day));
        self.quiet(slot(last) + hours(12));
    }

    /// A backup, from its key to its record.
    pub fn backup(&mut self, backup: &Backup) {
        let job = self.start(backup);
        let arn = arn("eu-central-1", &backup.id);
        let told = json!({ "BackupJobId": job, "State": "COMPLETED", "RecoveryPointArn": arn });
        self.call(backup.slot, "copy", ("backup", "DescribeBackupJob"), &job, [Value::Null, told]);
        self.record(backup, SOURCE, "available");
    }

    /// What AWS Backup is asked for; tells the job.
    pub fn start(&mut self, backup: &Backup) -> String {
        self.serial += 1;
        let (key, wrapped) = ([self.serial; 32], [self.serial, 1, 2, 3]);
        let told = json!({
            "Plaintext": BASE64_STANDARD.encode(key),
            "CiphertextBlob": BASE64_STANDARD.encode(wrapped),
        });
        self.call(backup.slot, "session", ("kms", "GenerateDataKey"), "key", [json!({}), told]);
        let context = [("region", "eu-central-1"), ("table-id", TABLE_ID)];
        let message = seal::seal(&document(backup), &key, &wrapped, &context);
        let tags = tags(&message, &backup.id);
        self.messages.insert(backup.id.clone(), digest(&message));
        let (job, arn) = (format!("J{}", self.serial), arn("eu-central-1", &backup.id));
        let asked = json!({ "BackupVaultName": "vault", "ResourceArn": TABLE, "RecoveryPointTags": tags });
        let made = backup.slot.as_second();
        let told = json!({ "BackupJobId": job, "RecoveryPointArn": arn, "CreationDate": made });
        self.call(backup.slot, "session", ("backup", "StartBackupJob"), TABLE, [asked, told]);
        let point = Point {
            arn: arn.clone(),
            vault: SOURCE.to_owned(),
            resource: TABLE.to_owned(),
            table_id: TABLE_ID.to_owned(),
            created: backup.slot,
            status: "COMPLETED".to_owned(),
            tags,
        };
        self.points.insert(arn, point);
        job
    }

    /// A copy, and its record.
    pub fn copy(&mut self, backup: &Backup) {
        let (from, to) = (arn("eu-central-1", &backup.id), arn("eu-west-1", &backup.id));
        let at = backup.slot + hours(1);
        let asked = json!({ "RecoveryPointArn": from, "DestinationBackupVaultArn": COPIES_ARN });
        let job = format!("C-{}", backup.id);
        self.call(at, "copy", ("backup", "StartCopyJob"), &from, [asked, json!({ "CopyJobId": job })]);
        let told = json!({ "CopyJob": {
            "CopyJobId": job, "State": "COMPLETED", "SourceRecoveryPointArn": from,
            "DestinationRecoveryPointArn": to, "DestinationBackupVaultArn": COPIES_ARN, "ResourceArn": TABLE,
        }});
        self.call(at, "copy", ("backup", "DescribeCopyJob"), &job, [Value::Null, told]);
        let point = Point { arn: to.clone(), vault: COPIES.to_owned(), ..self.points[&from].clone() };
        self.points.insert(to, point);
        self.record(backup, COPIES, "available");
    }

    /// Binds a message to its point.
    pub fn bind(&mut self, arn: &str, id: &str) {
        let sealed = BASE64_STANDARD.encode(arn);
        let asked = json!({ "EncryptionContext": { "recovery-point": arn, "metadata": self.messages[id] } });
        let told = json!({ "CiphertextBlob": sealed });
        self.call(slot(1), "copy", ("kms", "Encrypt"), "key", [asked, told]);
        if let Some(point) = self.points.get_mut(arn) {
            point.tags.insert("backup-chain/bound".to_owned(), sealed);
        }
    }

    /// Writes the record of a point.
    pub fn record(&mut self, backup: &Backup, vault: &str, state: &str) {
        let region = vault.split('/').next().unwrap();
        self.bind(&arn(region, &backup.id), &backup.id);
        let item = row(backup, vault, state);
        self.put(backup.slot, "catalog", item);
    }

    pub fn put(&mut self, at: Timestamp, table: &str, mut item: Value) {
        if let Some(digest) = item["id"]["S"].as_str().and_then(|id| self.messages.get(id))
            && table == "catalog"
        {
            item["sealed"] = json!({ "S": digest });
        }
        let name = |field: &str| item[field]["S"].as_str().unwrap().to_owned();
        let key = (name("pk"), name("sk"));
        let rows = if table == "catalog" { &mut self.rows } else { &mut self.settings };
        let asked = json!({ "TransactItems": [{ "Put": { "TableName": table, "Item": item.clone() } }] });
        rows.insert(key, item);
        self.call(at, "copy", ("dynamodb", "TransactWriteItems"), table, [asked, json!({})]);
    }

    /// Deletes a recovery point, and its record.
    pub fn delete(&mut self, at: Timestamp, caller: &str, arn: &str) {
        self.call(at, caller, ("backup", "DeleteRecoveryPoint"), arn, [Value::Null, json!({})]);
        self.points.remove(arn);
        self.rows.retain(|_, row| row["arn"]["S"] != arn);
    }

    pub fn quiet(&mut self, at: Timestamp) {
        let records = |table: &str, items: Vec<Value>| Records {
            region: "eu-central-1".to_owned(),
            table: table.to_owned(),
            items,
        };
        let state = State {
            points: self.points.values().cloned().collect(),
            records: vec![
                records("catalog", self.rows.values().cloned().collect()),
                records("settings", self.settings.values().cloned().collect()),
            ],
            tables: Vec::new(),
        };
        self.entries.push(Entry::Quiet { at, state: Box::new(state) });
    }

    pub fn findings(&self) -> Vec<Finding> {
        check(&self.entries)
    }

    /// Fails unless this rule, and no other, is broken.
    pub fn assert_breaks(&self, rule: &str) {
        let findings = self.findings();
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(!findings.is_empty(), "{rule} is not found to be broken");
        assert!(findings.iter().all(|finding| finding.rule == rule), "not {rule}:\n{}", told.join("\n"));
    }

    pub fn assert_well(&self) {
        let told: Vec<String> = self.findings().iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }
}

pub fn policy() -> Policy {
    let two = Span { count: 2, unit: Unit::Days };
    Policy {
        name: "gold".to_owned(),
        priority: 100,
        enabled: true,
        tables: vec!["orders".to_owned()],
        prefixes: Vec::new(),
        time_zone: "UTC".to_owned(),
        vault: "vault".to_owned(),
        copies: vec![COPIES_ARN.to_owned()],
        tiers: vec![Tier {
            name: "daily".to_owned(),
            on: Days::Every,
            at: vec!["07:00".parse().unwrap()],
            keep: two,
            copy: Some(CopyRule { at: Vec::new(), keep: two }),
        }],
        keep_last: 1,
        after_drop: Span { count: 3, unit: Unit::Days },
        attempts: 3,
        pause: 1,
        start_window: 8,
        objective: None,
    }
}

/// The ARN of a recovery point.
pub fn arn(region: &str, id: &str) -> String {
    format!("arn:aws:backup:{region}:111122223333:recovery-point:{id}")
}

fn document(backup: &Backup) -> String {
    let flags = |flags: &[Flag]| -> Value {
        let flag = |flag: &Flag| json!([flag.tier, flag.span, flag.lapses, flag.slot]);
        flags.iter().map(flag).collect()
    };
    let mut document = json!({
        "v": 1, "id": backup.id, "session": backup.session, "slot": backup.slot, "requested": backup.slot,
        "table": TABLE, "table_id": TABLE_ID, "flags": flags(&backup.flags),
    });
    if backup.manual {
        document["kind"] = json!("manual");
    } else {
        document["policy"] = json!(["gold", 1]);
    }
    if !backup.copies.is_empty() {
        document["copies"] = json!([[COPIES_ARN, flags(&backup.copies)]]);
    }
    match &backup.stored {
        Some(stored) => document["stored"] = json!(stored),
        None => document["settings"] = json!({ "ttl": { "attribute": SECRET } }),
    }
    document.to_string()
}

pub fn tags(message: &[u8], id: &str) -> BTreeMap<String, String> {
    let text = BASE64_STANDARD.encode(message);
    let parts: Vec<String> =
        text.as_bytes().chunks(255).map(|part| String::from_utf8(part.to_vec()).unwrap()).collect();
    let count = parts.len();
    let value = |(number, part): (usize, String)| {
        let part = if number == 0 { format!("{count}{part}") } else { part };
        (format!("backup-chain/v1/{number}"), part)
    };
    let mut tags: BTreeMap<String, String> = parts.into_iter().enumerate().map(value).collect();
    tags.insert("backup-chain/id".to_owned(), id.to_owned());
    tags
}

fn digest(message: &[u8]) -> String {
    Sha256::digest(message).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The record of a point; [`History::put`] adds the digest of its message.
pub fn row(backup: &Backup, vault: &str, state: &str) -> Value {
    let copied = vault == COPIES;
    let text = |text: &str| json!({ "S": text });
    let flags = if copied { &backup.copies } else { &backup.flags };
    let flag = |flag: &Flag| {
        let (slot, lapses) = (flag.slot.to_string(), flag.lapses.to_string());
        json!({ "M": { "tier": text(flag.tier), "span": text(flag.span), "slot": text(&slot), "lapses": text(&lapses) } })
    };
    let kind = if backup.manual { "manual" } else { "point" };
    let mut row = json!({
        "pk": text("table#orders"),
        "sk": text(&format!("{TABLE_ID}#{kind}#{vault}#{}", backup.id)),
        "id": text(&backup.id),
        "session": text(&backup.session),
        "slot": text(&backup.slot.to_string()),
        "created_at": text(&backup.slot.to_string()),
        "table": { "M": { "arn": text(TABLE), "id": text(TABLE_ID) } },
        "vault": text(if copied { COPIES_ARN } else { SOURCE_ARN }),
        "arn": text(&arn(vault.split('/').next().unwrap(), &backup.id)),
        "policy": { "M": { "name": text("gold") } },
        "flags": { "L": flags.iter().map(flag).collect::<Vec<_>>() },
        "state": text(state),
        "bound": text("tags"),
    });
    if copied {
        row["source"] = json!({ "M": { "arn": text(&arn("eu-central-1", &backup.id)) } });
    }
    row
}
