//! What a table and its indexes are doing: derived from moments, so that nothing has to run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Durations, lockout::Lockout, options::later, requests::invalid};
use crate::api::ApiError;

/// When a table becomes what.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    /// CREATING until then; `None` until somebody ends its restore.
    pub(super) ready: Option<Timestamp>,
    /// UPDATING until then.
    pub(super) updated: Option<Timestamp>,
    /// DELETING until then.
    pub(super) deleted: Option<Timestamp>,
    /// What happens to global indexes, by name; those that are past their moments are ACTIVE or gone.
    indexes: BTreeMap<String, IndexLife>,
    /// What becomes of it while its key cannot be used.
    pub(super) lockout: Lockout,
}

#[derive(Debug, Clone)]
enum IndexLife {
    /// CREATING: its resources are allocated, then it is filled.
    Made {
        allocated: Timestamp,
        filled: Timestamp,
    },
    Updated(Timestamp),
    /// DELETING, as it was described before.
    Removed(Timestamp, Value),
}

impl Life {
    /// The life of a table that is CREATING until `ready`.
    pub(super) fn new(ready: Option<Timestamp>) -> Self {
        Self { ready, ..Self::default() }
    }

    /// The table's status.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        if self.deleted.is_some() {
            "DELETING"
        } else if self.is_creating(now) {
            "CREATING"
        } else if let Some(status) = self.lockout.status(now) {
            status
        } else if self.updated.is_some_and(|until| now < until) {
            "UPDATING"
        } else {
            "ACTIVE"
        }
    }

    pub(super) fn is_creating(&self, now: Timestamp) -> bool {
        self.ready.is_none_or(|ready| now < ready)
    }

    /// Refuses a change of the table while another is under way.
    ///
    /// # Errors
    /// `ResourceInUseException`, with the reason.
    pub(super) fn require_active(&self, table: &str, now: Timestamp) -> Result<(), ApiError> {
        match self.status(now) {
            "ACTIVE" => Ok(()),
            status => Err(in_use(table, status)),
        }
    }

    /// Refuses a setting of a table that is not there yet or is going; one that is UPDATING takes it.
    ///
    /// # Errors
    /// `ResourceInUseException`, with the reason.
    pub(super) fn require_made(&self, table: &str, now: Timestamp) -> Result<(), ApiError> {
        match self.status(now) {
            status @ ("CREATING" | "DELETING" | "ARCHIVING" | "ARCHIVED") => Err(in_use(table, status)),
            _ => Ok(()),
        }
    }

    /// Refuses to add or remove an index while another comes or goes. AWS documents that an index can be
    /// removed while it is filled, and not before.
    ///
    /// # Errors
    /// `LimitExceededException`: one index at a time.
    pub(super) fn require_indexes_quiet(
        &self,
        removed: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let busy = self.indexes.iter().any(|(name, life)| {
            matches!(life, IndexLife::Made { .. } | IndexLife::Removed(..))
                && now < life.until()
                && removed != Some(name)
        });
        if busy { Err(one_index_at_a_time()) } else { Ok(()) }
    }

    /// Whether an index is being filled, so that the table cannot be deleted.
    pub(super) fn fills_an_index(&self, now: Timestamp) -> bool {
        self.indexes.values().any(|life| matches!(life, IndexLife::Made { filled, .. } if now < *filled))
    }

    pub(super) fn index_made(&mut self, name: &str, now: Timestamp, durations: &Durations) {
        let allocated = later(now, durations.update);
        let filled = later(allocated, durations.index);
        self.indexes.insert(name.to_owned(), IndexLife::Made { allocated, filled });
    }

    pub(super) fn index_updated(&mut self, name: &str, now: Timestamp, durations: &Durations) {
        self.indexes.insert(name.to_owned(), IndexLife::Updated(later(now, durations.update)));
    }

    pub(super) fn index_removed(&mut self, name: &str, told: Value, now: Timestamp, durations: &Durations) {
        self.indexes.insert(name.to_owned(), IndexLife::Removed(later(now, durations.index), told));
    }

    /// Whether the table's key is the reason for its status.
    pub(super) fn is_locked_out(&self, now: Timestamp) -> bool {
        !self.is_creating(now) && self.lockout.status(now).is_some()
    }

    /// The table has another key from now on: what happened to the last one is no more of its concern.
    pub(super) fn keyed(&mut self, now: Timestamp) {
        self.lockout.keyed(now);
    }

    /// Adds the status of an index to its description.
    pub(super) fn describe_index(&self, name: &str, index: &mut Value, now: Timestamp) {
        let mut status = if self.is_creating(now) { "CREATING" } else { "ACTIVE" };
        match self.indexes.get(name) {
            Some(IndexLife::Made { allocated, filled }) if now < *filled => {
                status = "CREATING";
                index["Backfilling"] = json!(now >= *allocated);
            }
            Some(IndexLife::Updated(until)) if now < *until => status = "UPDATING",
            _ => {}
        }
        index["IndexStatus"] = json!(status);
    }

    /// The descriptions of the indexes that are going.
    pub(super) fn going(&self, now: Timestamp) -> impl Iterator<Item = Value> {
        self.indexes.values().filter_map(move |life| match life {
            IndexLife::Removed(until, told) if now < *until => {
                let mut told = told.clone();
                told["IndexStatus"] = json!("DELETING");
                Some(told)
            }
            _ => None,
        })
    }

    /// Refuses to read an index that is not filled.
    ///
    /// # Errors
    /// `ValidationException`, as AWS answers it.
    pub(super) fn require_filled(&self, index: &str, now: Timestamp) -> Result<(), ApiError> {
        match self.indexes.get(index) {
            Some(IndexLife::Made { filled, .. }) if now < *filled => {
                Err(invalid(format!("Cannot read from backfilling global secondary index: {index}")))
            }
            _ => Ok(()),
        }
    }
}

impl IndexLife {
    fn until(&self) -> Timestamp {
        match self {
            Self::Made { filled: until, .. } | Self::Updated(until) | Self::Removed(until, _) => *until,
        }
    }
}

pub(super) fn one_index_at_a_time() -> ApiError {
    ApiError::client(
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    )
}

fn in_use(table: &str, status: &str) -> ApiError {
    let what = match status {
        "CREATING" => "Table is being created",
        "DELETING" => "Table is being deleted",
        "UPDATING" => "Table is being updated",
        status => status,
    };
    ApiError::client(
        "ResourceInUseException",
        format!("Attempt to change a resource which is still in use: {what}: {table}"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_table_is_created_then_updated_then_deleted() {
        let mut life = Life::new(Some(at(1)));
        assert_eq!((life.status(at(0)), life.status(at(1))), ("CREATING", "ACTIVE"));
        life.updated = Some(at(5));
        assert_eq!((life.status(at(4)), life.status(at(5))), ("UPDATING", "ACTIVE"));
        assert!(life.require_active("t", at(4)).is_err() && life.require_made("t", at(4)).is_ok());
        life.deleted = Some(at(9));
        assert_eq!(life.status(at(6)), "DELETING");
        assert_eq!(Life::new(None).status(at(99)), "CREATING");
    }

    #[test]
    fn a_new_index_is_allocated_then_filled_and_only_then_gives_way() {
        let mut life = Life::new(Some(at(0)));
        life.index_made("new", at(0), &Durations::default());
        let told = |life: &Life, now| {
            let mut index = json!({});
            life.describe_index("new", &mut index, at(now));
            index
        };
        assert_eq!(told(&life, 1), json!({ "IndexStatus": "CREATING", "Backfilling": false }));
        assert_eq!(told(&life, 3), json!({ "IndexStatus": "CREATING", "Backfilling": true }));
        assert_eq!(told(&life, 4), json!({ "IndexStatus": "ACTIVE" }));
        assert!(life.require_indexes_quiet(None, at(3)).is_err());
        assert!(life.require_indexes_quiet(Some("new"), at(3)).is_ok(), "it may be removed itself");
        assert!(life.require_indexes_quiet(None, at(4)).is_ok());
    }
}
