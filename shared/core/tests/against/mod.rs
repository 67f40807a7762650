//! The crate beside its naive twin.

pub mod adapter;
pub mod awkward;
pub mod life;
pub mod random;
