//! The catalog: one DynamoDB table that indexes policies, sessions and restore points.
//!
//! Every record carries `rev`, the count of its writes, and every write names the `rev` that it saw: whoever
//! comes second is told so and reads again. Records that must change together are committed together.
//! The item shapes are in `docs/architecture.md`.

mod policies;
mod records;
mod table;

pub use policies::{RebuildRecord, Revision, StoredPolicy};
pub use records::{Lease, OutboxEvent, Write};
pub use table::Catalog;
