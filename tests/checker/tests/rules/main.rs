//! Each rule on histories written by hand: one in which all is well, and those in which the rule is broken.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod bounds;
mod history;
mod removal;
mod seals;
mod slots;
