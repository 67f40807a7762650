//! What an operator is reported a restore: the record, and what only those may see who may open the metadata.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Adoption, Key, LeftOut, LeftoverView, Plan, Restore, StepRecord};
use crate::ids::Region;

/// A restore as it is reported: planned, begun, or looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreView {
    /// The record; of a plan, as it would be.
    pub restore: Restore,
    /// Whether nothing was begun.
    #[serde(default)]
    pub dry_run: bool,
    /// The key that the new table is encrypted with, where it has been looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The settings as they were, in their normal form. None where only items come back, or nothing could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    /// The steps in their order.
    #[serde(default)]
    pub steps: Vec<StepView>,
    /// What is not put back, and why.
    #[serde(default)]
    pub left: Vec<LeftOut>,
    /// What a dropped table of that name has left, and what becomes of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<LeftoverView>,
    /// What else is worth knowing before, or now.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What infrastructure code needs to adopt the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
}

/// Whether tables could be changed in a Region after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionView {
    /// The Region.
    pub region: Region,
    /// Whether DynamoDB judges rights by tags there; none where that could not be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_conditions: Option<bool>,
    /// Why it could not be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A step as it is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// What it is recorded under.
    pub key: String,
    /// What it does.
    pub title: String,
    /// What became of it; nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<StepRecord>,
    /// The commands that do the same by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

impl RestoreView {
    /// What is reported a restore with this plan.
    pub fn of(restore: Restore, plan: &Plan) -> Self {
        let target = restore.target();
        let told = |step: &super::Step| StepView {
            key: step.key(),
            title: step.title(),
            record: restore.steps.get(&step.key()).cloned(),
            commands: step.commands(&target),
        };
        let steps = plan.steps.iter().map(told).collect();
        let left = plan.left.clone();
        let (settings, key, adoption) = (None, None, None);
        let (leftovers, notes) = (Vec::new(), Vec::new());
        Self { restore, dry_run: false, key, settings, steps, left, leftovers, notes, adoption }
    }

    /// The same without what is large: the settings, and the commands that hold them.
    pub fn shorten(&mut self) {
        self.settings = None;
        self.steps.iter_mut().for_each(|step| step.commands.clear());
    }
}
