//! Reading what the functions answer.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outcome::Failure;

/// Reads an answer.
pub(crate) fn read<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|error| {
        Failure::refused(format!(
            "the function answers what this command does not know ({error}): use the command of the deployed version"
        ))
    })
}
