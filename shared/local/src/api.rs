//! What the modelled services share: where a request comes from, how one fails, what the tables tell.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Where a request is addressed and who sent it, as read from its signature's credential scope.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The account: the twelve digits of the access key, which may follow `AKIA` or `ASIA`.
    pub account: String,
    /// The Region of the credential scope.
    pub region: String,
    /// Who calls: the role that the session token names; empty for the account's root, who has no token.
    pub caller: String,
    /// The world's time at arrival.
    pub now: Timestamp,
}

/// An error as a service answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status. AWS Backup answers 400 even for ResourceNotFoundException.
    pub status: u16,
    /// The error type, such as `ResourceNotFoundException`.
    pub code: String,
    /// The message.
    pub message: String,
}

impl ApiError {
    /// A client error: HTTP 400.
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }
}

/// A time in which a key could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When it was disabled or its deletion was scheduled.
    pub from: Timestamp,
    /// When it was enabled again; `None` while it is not.
    pub until: Option<Timestamp>,
}

/// A table as AWS Backup sees it at one moment.
#[derive(Debug, Clone)]
pub struct TableState {
    /// `arn:aws:dynamodb:...:table/...`.
    pub arn: String,
    /// The moment.
    pub at: Timestamp,
    /// As DescribeTable returns it (the value of `Table`).
    pub description: Value,
    /// The table's tags.
    pub tags: BTreeMap<String, String>,
    /// All items, as DynamoDB JSON.
    pub items: Vec<Value>,
}

/// A table to be made of a backup.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The account and Region of the new table.
    pub account: String,
    /// The Region of the new table.
    pub region: String,
    /// The new table's name.
    pub table: String,
    /// The recovery point that it is made of.
    pub recovery_point_arn: String,
    /// The table as it was.
    pub from: std::sync::Arc<TableState>,
    /// The new table's encryption key: DynamoDB's own when there is none.
    pub key_arn: Option<String>,
    /// When it is begun, which may be before anybody looks.
    pub at: Timestamp,
}

/// What AWS Backup finds around it: the tables, the roles that it is passed, the keys of its vaults.
pub trait Neighbours {
    /// The state of a table now; `None` when there is none of that name.
    fn table(&self, account: &str, region: &str, table: &str) -> Option<TableState>;

    /// Begins to make a table: it is CREATING until [`Neighbours::end_restore`].
    ///
    /// # Errors
    /// Why there can be no such table, as the status message of a restore job says it.
    fn begin_restore(&mut self, restore: &Restore) -> Result<(), String>;

    /// The table is there, with its items.
    fn end_restore(&mut self, restore: &Restore);

    /// Whether a role that AWS Backup has been passed may do `action` on `resource`.
    ///
    /// # Errors
    /// What AWS says of a role that may not, or that AWS Backup cannot assume.
    fn role_may(&self, role_arn: &str, action: &str, resource: &str) -> Result<(), String>;

    /// Whether a key can be used.
    ///
    /// # Errors
    /// What AWS says of a key that cannot.
    fn key_usable(&self, key_arn: &str) -> Result<(), String>;

    /// The key that AWS manages for a service (`dynamodb`, `backup`) in an account and Region.
    fn managed_key(&mut self, account: &str, region: &str, service: &'static str, now: Timestamp) -> String;

    /// Whether AWS Backup's service-linked role is there, or is there now because the caller may make it.
    fn service_linked_role(&mut self, account: &str, caller: &str) -> bool;
}
