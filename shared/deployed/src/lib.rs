//! Backup Chain in the embedded AWS: deployed from its own templates ([`stack`]), and judged from outside ([`judge`]).
//!
//! The embedded AWS itself (`backup_chain_local`) knows nothing of Backup Chain. See `docs/local.md`.

pub mod judge;
pub mod stack;
