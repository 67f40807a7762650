//! What the modelled services share: where a request comes from, how one fails, what the tables tell.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Where a request is addressed and who sent it, as read from its signature's credential scope.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The account: the access key, when that is twelve digits.
    pub account: String,
    /// The Region of the credential scope.
    pub region: String,
    /// Who calls: the session token, which stands for the assumed role; empty when there is none.
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

/// A table as AWS Backup sees it at one moment.
#[derive(Debug, Clone)]
pub struct TableState {
    /// `arn:aws:dynamodb:...:table/...`.
    pub arn: String,
    /// As DescribeTable tells it (the value of `Table`).
    pub description: Value,
    /// The table's tags.
    pub tags: BTreeMap<String, String>,
    /// All items, as DynamoDB JSON.
    pub items: Vec<Value>,
}

/// The tables, for the model of AWS Backup: what to back up.
pub trait Tables {
    /// The state of a table now; `None` when there is none of that name.
    fn state(&self, account: &str, region: &str, table: &str) -> Option<TableState>;
}
