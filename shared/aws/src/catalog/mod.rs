//! The catalog: one DynamoDB table that indexes policies, sessions and restore points.
//!
//! Every record carries `v`, the version of its form. A reader reads every version up to its own, [`VERSION`], and writes
//! that one; of a newer one it says so, and the record counts as present and is never written or removed. What an older
//! reader would lose by writing a record again makes a new version.
//!
//! Every record carries `rev`, the count of its writes, and every write names the `rev` that it saw: whoever
//! comes second is told so and reads again. Records that must change together are committed together.
//! The item shapes are in `docs/architecture.md`.

#[cfg(test)]
mod golden;
mod policies;
mod records;
mod stored;
mod table;

pub use policies::{RebuildRecord, Revision, StoredPolicy};
pub use records::{HISTORY, Lease, OutboxEvent, VERSION, Write};
pub use table::Catalog;
