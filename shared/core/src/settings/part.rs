//! Parts of the settings that may be unknown.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A part of the settings that takes a call of its own: known, or unknown with the reason.
///
/// In JSON an unknown part is its reason, a text; a known one never is a text.
#[derive(Clone, PartialEq, Eq)]
pub enum Part<T> {
    /// What AWS told; the default of `T` stands for "there is none".
    Known(T),
    /// It was not told, and may or may not be there.
    Unknown(Unknown),
}

/// Why a part of the settings is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// It was not asked for.
    NotCaptured,
    /// The function lacks the permission to read it.
    AccessDenied,
    /// AWS throttled the call until time ran out.
    Throttled,
    /// The call failed in another way; the log of the session tells how.
    Failed,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotCaptured => "not captured",
            Self::AccessDenied => "access denied",
            Self::Throttled => "throttled",
            Self::Failed => "could not be read",
        })
    }
}

impl<T> Part<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why it is unknown, when it is.
    pub fn reason(&self) -> Option<Unknown> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(reason) => Some(*reason),
        }
    }
}

impl<T: Default + PartialEq> Part<T> {
    /// Known, and none: what the normal form leaves out.
    pub fn none() -> Self {
        Self::Known(T::default())
    }

    /// Whether it is known that there is none.
    pub fn is_none(&self) -> bool {
        self.known().is_some_and(super::is_default)
    }
}

/// Not captured, until someone asks.
impl<T> Default for Part<T> {
    fn default() -> Self {
        Self::Unknown(Unknown::NotCaptured)
    }
}

impl<T> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(_) => f.write_str("Known(redacted)"),
            Self::Unknown(reason) => write!(f, "Unknown({reason:?})"),
        }
    }
}

impl<T: Serialize> Serialize for Part<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(to),
            Self::Unknown(reason) => reason.serialize(to),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        if value.is_string() {
            Unknown::deserialize(value).map(Self::Unknown).map_err(D::Error::custom)
        } else {
            T::deserialize(value).map(Self::Known).map_err(D::Error::custom)
        }
    }
}
