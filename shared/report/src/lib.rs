//! The report of an account: whether what was promised was kept, day by day, and what there is. Facts in; one HTML page,
//! JSON or CSV out. Nothing here talks to AWS, reads a clock or a file.

mod account;
mod data;
mod machine;
mod page;
mod storage;
mod text;

pub use account::{Account, DayReport, InvalidWindow, TableReport, Window};
pub use machine::{CannotBeWritten, csv, json};
pub use page::html;
