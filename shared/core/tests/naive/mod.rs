//! The rules a second time, as plainly as they can be reported: minute by minute and point by point, with no
//! thought for speed. It shares no code with the crate that it is held against; of jiff it takes one thing,
//! what the wall clock of a zone shows at a moment.
//!
//! Moments are seconds since 1970 in UTC.

pub mod calendar;
pub mod chain;
pub mod clock;
pub mod retention;
