//! The AWS edge: one module per service, where the SDK's types stop; the catalog; sealing; limiters.

mod account;
pub mod app;
pub mod backup;
mod bind;
mod capture;
pub mod catalog;
pub mod change;
pub mod clock;
pub mod context;
pub mod deployment;
pub mod dynamodb;
pub mod error;
mod iam;
pub mod job_events;
pub mod kms;
pub mod ledger;
mod limits;
pub mod logs;
pub mod meter;
pub mod notices;
pub mod policies;
pub mod restore_jobs;
pub mod runtime;
pub mod scope;
pub mod seal;
pub mod seen;
pub mod services;
pub mod store;
pub mod superseded;
mod surround;
mod table_settings;
pub mod tagging;
mod vector;

pub use app::App;
pub use error::{AwsError, Error, Meaning, UnreadableRecord};
