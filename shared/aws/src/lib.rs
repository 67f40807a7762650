//! The AWS edge: one module per service, where the SDK's types stop; the catalog; sealing; limiters.

mod account;
pub mod backup;
mod capture;
pub mod catalog;
pub mod clock;
pub mod deployment;
pub mod dynamodb;
pub mod edge;
pub mod error;
pub mod esdk;
pub mod events;
mod history;
pub mod kms;
pub mod ledger;
mod limits;
pub mod policies;
pub mod runtime;
pub mod scope;
pub mod seal;
pub mod store;
pub mod tagging;

pub use edge::Edge;
pub use error::{AwsError, Meaning};
