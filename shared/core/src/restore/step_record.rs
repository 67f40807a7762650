//! The records of a restore's steps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Done.
    Done,
    /// Refused for now: tried again.
    Waiting,
    /// Refused for good, or for too long.
    Failed,
}

/// The record of a step, under its key. It tells nothing of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What became of it.
    pub state: StepState,
    /// How often AWS refused it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
    /// When it was first refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
    /// When it was done: what was done a moment ago may not be seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What AWS said: operation and error code, without the message, which may quote settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
