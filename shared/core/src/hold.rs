//! Holds: what an operator keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A restore point kept by an operator, whatever its flags say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why, in the words of whoever set it.
    pub reason: String,
    /// Who set it; not known of a hold that was set by a tag alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// From when on it holds no more; without end unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Hold {
    /// The hold of a point that carries the hold tag and has none in the catalog.
    pub fn by_tag() -> Self {
        Self { reason: "tagged at AWS Backup".to_owned(), author: None, since: None, until: None }
    }

    /// Whether it still holds.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
