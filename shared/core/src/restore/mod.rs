//! Restores as values: what is asked for, what will be done in which order, what cannot be done and why, and what
//! became of each property of the table.
//!
//! AWS Backup brings back items, keys, attributes, indexes, billing mode and throughput. Everything else is put back
//! step by step, from the settings that the restore point's metadata holds. What a dropped table of that name has left
//! behind gives way to them.
//!
//! Steps hold captured settings: they are made again from the metadata whenever they are needed, and only their
//! [keys](Step::key), which tell nothing of them, are recorded.

mod adopt;
mod aws_cli;
mod choices;
mod compare;
mod expected;
mod facet;
mod job;
mod leftover;
mod plan;
mod rewrite;
mod step;
mod step_record;
mod view;
mod work;

pub use adopt::{Adoption, adoption};
pub use choices::{Billing, Choices, Feature, Key, PitrChoice};
pub use compare::{Outcome, Property, compare, is_verified, settles};
pub use expected::{expected, expire};
pub use facet::PROPERTIES;
pub use job::Start;
pub use leftover::{Leftover, LeftoverView, NameBound};
pub use plan::{LeftOut, Plan, plan};
pub use rewrite::stream_policy;
pub use step::{Step, needs_restore_tag};
pub use step_record::{StepRecord, StepState};
pub use view::{RegionView, RestoreView, StepView};
pub use work::{CopyBack, MAX_CONCURRENT_RESTORES, Obstacle, Restore, Stage};

use crate::ids::{TableArn, TableName};

/// Where a restore goes, beside where its table was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The table that was backed up.
    pub original: TableArn,
    /// The table that the restore makes.
    pub table: TableArn,
}

impl Target {
    /// Whether it comes back as what it was: under its own name, in its own Region. Otherwise nothing that faces
    /// outward is switched on unless asked.
    pub fn is_original(&self) -> bool {
        self.original == self.table
    }

    /// The name of the table that is made.
    pub fn name(&self) -> &TableName {
        &self.table.name
    }
}

#[cfg(test)]
mod tests;
