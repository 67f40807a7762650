//! An embedded AWS for whoever tests against AWS Backup: it, DynamoDB and what stands around them, on the same wire
//! protocols, for many accounts and Regions, on a clock that tests can hold. See `docs/local.md` for what is modelled.
//!
//! The real SDK clients talk to a [`World`] through its in-process connector ([`World::sdk_config`]) or
//! over loopback TCP ([`server::serve`]). Time comes from tokio: on a paused runtime it moves only when a
//! test moves it, or when everybody sleeps; a served world's clock can be held as well, and moved ([`admin`]). All
//! randomness comes from one seed.

pub mod admin;
pub mod api;
pub mod backup;
mod clock;
mod cloudwatch;
mod connector;
pub mod dynamodb;
mod events;
mod faults;
mod glob;
mod iam;
mod kms;
mod lags;
mod lambda;
mod page;
mod plan;
mod rates;
pub mod record;
mod rng;
mod scaling;
mod scratch;
pub mod server;
mod sqs;
mod sts;
mod tagging;
mod tap;
mod wire;
mod world;

pub use clock::WorldClock;
pub use faults::{Fault, FaultRule, Lost, ModelledError, common_errors, modelled_errors};
pub use iam::permissions::Permissions;
pub use lags::Lag;
pub use lambda::{Answer, Function, Program};
pub use plan::Plan;
pub use record::{Call, Context, Required};
pub use world::{Options, Scene, World};
