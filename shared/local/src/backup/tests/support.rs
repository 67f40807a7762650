use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::{ApiError, Neighbours, Restore, Scope, TableState};
use crate::backup::{Backup, PointView};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const HOME: &str = "eu-central-1";
pub(super) const AWAY: &str = "eu-west-1";
pub(super) const ORDERS: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
pub(super) const USERS: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/users";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/backup";
pub(super) const SOURCE: &str = "source";
pub(super) const TARGET_ARN: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:target";

pub(super) const fn mins(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub(super) const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// The tables by their ARNs; what roles may not do, which keys cannot be used and whether AWS Backup has its
/// own role.
#[derive(Debug, Default)]
pub(super) struct FakeTables {
    pub(super) tables: BTreeMap<String, TableState>,
    pub(super) denied: Vec<String>,
    pub(super) bad_keys: Vec<String>,
    pub(super) no_role: bool,
    pub(super) restored: Vec<Restore>,
}

impl Neighbours for FakeTables {
    fn table(&self, account: &str, region: &str, table: &str) -> Option<TableState> {
        self.tables.get(&format!("arn:aws:dynamodb:{region}:{account}:table/{table}")).cloned()
    }

    fn begin_restore(&mut self, restore: &Restore) -> Result<(), String> {
        let arn = format!("arn:aws:dynamodb:{}:{}:table/{}", restore.region, restore.account, restore.table);
        if self.tables.contains_key(&arn) {
            return Err(format!("Table already exists: {}", restore.table));
        }
        self.tables.insert(arn.clone(), TableState { arn, ..TableState::clone(&restore.from) });
        Ok(())
    }

    fn end_restore(&mut self, restore: &Restore) {
        self.restored.push(restore.clone());
    }

    fn role_may(&self, role_arn: &str, action: &str, _resource: &str) -> Result<(), String> {
        if self.denied.iter().any(|denied| denied == action) {
            return Err(format!("{role_arn} is not authorized to perform: {action}"));
        }
        Ok(())
    }

    fn key_usable(&self, key_arn: &str) -> Result<(), String> {
        if self.bad_keys.iter().any(|bad| bad == key_arn) { Err("disabled".to_owned()) } else { Ok(()) }
    }

    fn managed_key(&mut self, account: &str, region: &str, service: &'static str, _now: Timestamp) -> String {
        format!("arn:aws:kms:{region}:{account}:key/managed-{service}")
    }

    fn service_linked_role(&mut self, _account: &str, _caller: &str) -> bool {
        !self.no_role
    }
}

/// One account with the tables `orders` and `users` at home, a vault there and one away, rates off.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) backup: Backup,
    pub(super) tables: FakeTables,
    pub(super) now: Timestamp,
    pub(super) caller: String,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::seeded(7)
    }

    pub(super) fn seeded(seed: u64) -> Self {
        let mut fixture = Self {
            backup: Backup::new(seed),
            tables: FakeTables::default(),
            now: "2026-03-01T00:00:00Z".parse().unwrap(),
            caller: "session".to_owned(),
        };
        fixture.backup.options_mut().rates = false;
        fixture.backup.event_faults_mut().lose_all = true;
        fixture.put_table(ORDERS, &[json!({"pk": {"S": "1"}})]);
        fixture.put_table(USERS, &[]);
        fixture.ok("PUT", &["backup-vaults", SOURCE], json!({}));
        fixture.call_in(AWAY, "PUT", &["backup-vaults", "target"], &[], json!({})).unwrap();
        fixture.backup.event_faults_mut().lose_all = false;
        fixture
    }

    pub(super) fn put_table(&mut self, arn: &str, items: &[Value]) {
        let state = TableState {
            arn: arn.to_owned(),
            at: self.now,
            description: json!({"TableArn": arn, "TableStatus": "ACTIVE"}),
            tags: BTreeMap::new(),
            items: items.to_vec(),
        };
        self.tables.tables.insert(arn.to_owned(), state);
    }

    pub(super) fn call_in(
        &mut self,
        region: &str,
        method: &str,
        path: &[&str],
        query: &[(&str, &str)],
        body: Value,
    ) -> Result<Value, ApiError> {
        let scope = Scope {
            account: ACCOUNT.to_owned(),
            region: region.to_owned(),
            caller: self.caller.clone(),
            now: self.now,
        };
        let path: Vec<String> = path.iter().map(ToString::to_string).collect();
        let query: Vec<(String, String)> =
            query.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let body = if body == json!({}) { Value::Null } else { body };
        let handled = self.backup.handle(&scope, method, &path, &query, &body, &mut self.tables)?;
        Ok(handled.answer)
    }

    pub(super) fn call(&mut self, method: &str, path: &[&str], body: Value) -> Result<Value, ApiError> {
        self.call_in(HOME, method, path, &[], body)
    }

    pub(super) fn ok(&mut self, method: &str, path: &[&str], body: Value) -> Value {
        self.call(method, path, body).unwrap()
    }

    pub(super) fn code(&mut self, method: &str, path: &[&str], body: Value) -> String {
        self.call(method, path, body).unwrap_err().code
    }

    pub(super) fn list(&mut self, path: &[&str], query: &[(&str, &str)]) -> Value {
        self.call_in(HOME, "GET", path, query, json!({})).unwrap()
    }

    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.now += time;
        self.backup.settle(self.now, &mut self.tables);
    }

    pub(super) fn job_body(table: &str) -> Value {
        json!({"BackupVaultName": SOURCE, "ResourceArn": table, "IamRoleArn": ROLE})
    }

    /// Starts a backup with more fields than a plain one and returns its id.
    pub(super) fn start_with(&mut self, table: &str, more: Value) -> String {
        let mut body = Self::job_body(table);
        body.as_object_mut().unwrap().extend(fields(more));
        self.ok("PUT", &["backup-jobs"], body)["BackupJobId"].as_str().unwrap().to_owned()
    }

    pub(super) fn start(&mut self, table: &str) -> String {
        self.start_with(table, json!({}))
    }

    pub(super) fn job(&mut self, id: &str) -> Value {
        self.ok("GET", &["backup-jobs", id], json!({}))
    }

    pub(super) fn state(&mut self, id: &str) -> String {
        self.job(id)["State"].as_str().unwrap().to_owned()
    }

    pub(super) fn message(&mut self, id: &str) -> String {
        self.job(id)["StatusMessage"].as_str().unwrap_or_default().to_owned()
    }

    /// A completed backup of a table: the ARN of its recovery point.
    pub(super) fn point_with(&mut self, table: &str, more: Value) -> String {
        let id = self.start_with(table, more);
        self.pass(mins(10));
        assert_eq!(self.state(&id), "COMPLETED");
        self.job(&id)["RecoveryPointArn"].as_str().unwrap().to_owned()
    }

    pub(super) fn point(&mut self, table: &str) -> String {
        self.point_with(table, json!({}))
    }

    pub(super) fn describe_point(&mut self, arn: &str) -> Result<Value, ApiError> {
        self.call("GET", &["backup-vaults", SOURCE, "recovery-points", arn], json!({}))
    }

    pub(super) fn delete_point(&mut self, arn: &str) -> Result<Value, ApiError> {
        self.call("DELETE", &["backup-vaults", SOURCE, "recovery-points", arn], json!({}))
    }

    pub(super) fn points(&self) -> Vec<PointView> {
        self.backup.points(ACCOUNT, HOME, SOURCE)
    }

    pub(super) fn copies(&self) -> Vec<PointView> {
        self.backup.points(ACCOUNT, AWAY, "target")
    }

    pub(super) fn start_copy_with(&mut self, point: &str, more: Value) -> Result<String, ApiError> {
        let mut body = json!({
            "RecoveryPointArn": point,
            "SourceBackupVaultName": SOURCE,
            "DestinationBackupVaultArn": TARGET_ARN,
            "IamRoleArn": ROLE,
        });
        body.as_object_mut().unwrap().extend(fields(more));
        Ok(self.call("PUT", &["copy-jobs"], body)?["CopyJobId"].as_str().unwrap().to_owned())
    }

    pub(super) fn start_copy(&mut self, point: &str) -> String {
        self.start_copy_with(point, json!({})).unwrap()
    }

    pub(super) fn copy(&mut self, id: &str) -> Value {
        self.ok("GET", &["copy-jobs", id], json!({}))["CopyJob"].clone()
    }
}

/// The strings of one field of a list.
pub(super) fn field(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
}

pub(super) fn seconds(at: &str) -> f64 {
    let at: Timestamp = at.parse().unwrap();
    at.as_second() as f64
}

fn fields(object: Value) -> serde_json::Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}
