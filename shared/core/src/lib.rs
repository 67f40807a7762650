//! The domain of Backup Chain, pure: policies, the calendar, flags, retention, metadata and plans.
//!
//! Nothing here talks to AWS, waits, reads a clock or draws a random number: the moment and every id
//! are arguments. What would change AWS is first a value made here, which can be printed and tested.

pub mod brief;
pub mod calendar;
pub mod compliance;
pub mod copying;
pub mod due;
pub mod esdk;
pub mod facts;
pub mod forecast;
pub mod functions;
pub mod history;
mod hold;
pub mod ids;
pub mod invoke;
pub mod job_events;
pub mod lock;
pub mod metadata;
pub mod metrics;
pub mod notice;
pub mod picture;
pub mod plan;
pub mod point;
pub mod policy;
pub mod protection;
pub mod replies;
pub mod restore;
pub mod retention;
pub mod session;
pub mod settings;
pub mod span;
mod spelling;
pub mod suggest;
pub mod table;
pub mod tier;
pub mod transition;
pub mod wait;
