//! Faults and crash points: what goes wrong, and for whom.

mod entries;
mod errors;
mod pages;
mod rules;

use std::time::Duration;

use serde::Deserialize;

pub use self::errors::{ModelledError, common_errors, modelled_errors};
pub use self::rules::FaultRule;
pub(crate) use self::{
    entries::{Batch, Left},
    errors::status_of,
    pages::{Cut, Page},
    rules::{Crash, Faults, Met, Site},
};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The service refuses with its own throttling error; nothing happens.
    Throttle,
    /// The service fails with its own internal error; nothing happens.
    ServerError,
    /// The service refuses with this error; nothing happens. [`modelled_errors`] lists what AWS's models name.
    Error {
        /// The error's code, such as `LimitExceededException`.
        code: String,
        /// Its HTTP status; else the one that the service's model has for the code, or 400.
        status: Option<u16>,
    },
    /// An answer of this status with neither a body nor an error code, as a load balancer gives; nothing happens.
    Bare(u16),
    /// The 502 of a proxy, with a page in HTML; nothing happens.
    BadGateway,
    /// Single entries of a batch are refused with this code while the call succeeds: of PutEvents, BatchGetItem,
    /// BatchWriteItem, SendMessageBatch and its like. Of a transaction they are the reasons for which it is canceled.
    /// A rule with it counts and chooses entries instead of calls.
    Entries(String),
    /// A list gives one entry, and a token for the rest.
    ShortPage,
    /// A list gives no entry, and a token for all that it would have given.
    EmptyPage,
    /// The request is lost on the way: the client sees a timeout, nothing happens.
    TimeoutBefore,
    /// The answer is lost on the way: the client sees a timeout, but the effect has happened.
    TimeoutAfter,
    /// The answer comes so many milliseconds late; its effect happens at once.
    Slow(u32),
    /// The connection breaks before the request arrives; nothing happens.
    ResetBefore,
    /// The connection breaks before the answer leaves, but the effect has happened.
    ResetAfter,
    /// The caller lacks the permission; nothing happens.
    Deny,
}

/// A message that was lost on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The client waits for an answer that never comes.
    #[error("the message was lost: no answer in time")]
    Timeout,
    /// The client sees its connection break.
    #[error("the connection was reset")]
    Reset,
}

impl Fault {
    /// The service refuses with the error of this code, with the status that its model has for it.
    #[must_use]
    pub fn error(code: &str) -> Self {
        Self::Error { code: code.to_owned(), status: None }
    }

    /// Entries of a batch are refused with this code: see [`Fault::Entries`].
    #[must_use]
    pub fn entries(code: &str) -> Self {
        Self::Entries(code.to_owned())
    }

    /// How the message is lost, and whether its effect has happened; `None` when it is not.
    pub(crate) fn loses(&self) -> Option<(Lost, bool)> {
        match self {
            Self::TimeoutBefore => Some((Lost::Timeout, false)),
            Self::TimeoutAfter => Some((Lost::Timeout, true)),
            Self::ResetBefore => Some((Lost::Reset, false)),
            Self::ResetAfter => Some((Lost::Reset, true)),
            _ => None,
        }
    }

    /// How late the answer comes, when it does.
    pub(crate) fn delays(&self) -> Option<Duration> {
        match self {
            Self::Slow(milliseconds) => Some(Duration::from_millis((*milliseconds).into())),
            _ => None,
        }
    }

    /// How a list is cut; `None` for any other fault.
    pub(crate) fn cuts(&self) -> Option<Page> {
        match self {
            Self::ShortPage => Some(Page::Short),
            Self::EmptyPage => Some(Page::Empty),
            _ => None,
        }
    }
}
