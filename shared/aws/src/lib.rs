//! The AWS edge: one module per service, where the SDK's types stop; the catalog; sealing; limiters.

mod account;
pub mod backup;
mod bind;
mod capture;
pub mod catalog;
pub mod change;
pub mod clock;
pub mod deployment;
pub mod dynamodb;
pub mod edge;
pub mod error;
pub mod events;
mod history;
mod iam;
pub mod job_events;
pub mod kms;
pub mod ledger;
mod limits;
pub mod logs;
pub mod meter;
mod passed_by;
pub mod policies;
pub mod restore_jobs;
pub mod runtime;
pub mod scope;
pub mod seal;
pub mod store;
mod surround;
pub mod tagging;
mod vector;

pub use edge::Edge;
pub use error::{AwsError, Error, Meaning, UnreadableRecord};
