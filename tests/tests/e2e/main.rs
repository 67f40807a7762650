//! The functions, the command and the embedded AWS, end to end. One program, so that it is linked once; each module
//! is a test of its own, `cargo test --test e2e silence::` runs one of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers with it")]
#![allow(clippy::print_stdout, reason = "how much was tried is shown")]

mod alarms;
mod applying;
mod assumptions;
mod attacks;
mod bad_input;
mod canary;
mod capture;
mod cli;
mod conformance;
mod copy_again;
mod crash;
mod doctor;
mod errors;
mod events;
mod faults;
mod fixtures;
mod formats;
mod interop;
mod keeping;
mod kills;
mod login;
mod logs;
mod main_job;
mod meetings;
mod metrics;
mod output;
mod pages;
mod permissions;
mod programs;
mod rebuild;
mod report;
mod restore;
mod restore_cli;
mod restore_copies;
mod restore_detached;
mod restore_doc;
mod restore_leftovers;
mod restore_trouble;
mod restore_waits;
mod retries;
mod serve;
mod shell;
mod silence;
mod status;
mod stopping;
mod tagless;
mod tamper;
mod verify;
